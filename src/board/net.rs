//! The journey map, resolved into indices once, so that a reading finds what it touches without searching.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::time::Duration;

use super::draft::Draft;
use super::segments::SegmentAt;
use crate::detect::Rule;
use crate::model::{
    Calendar, Consistency, Element, JourneyId, JourneyMap, Member, Need, PersonaId, Probe, ProbeId, Series,
    TouchpointId, VantageId, Weight,
};
use crate::score::{Formula, Gate, Part, Tree};

#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) series: Vec<SeriesAt>,
    pub(super) series_of: HashMap<Series, usize>,
    pub(super) joints: Vec<JointAt>,
    pub(super) probes: Vec<ProbeAt>,
    pub(super) touchpoints: Vec<TouchpointAt>,
    pub(super) touchpoint_of: HashMap<TouchpointId, usize>,
    pub(super) elements: Vec<ElementAt>,
    pub(super) journeys: Vec<JourneyAt>,
    pub(super) checks: Vec<CheckAt>,
    pub(super) segments: Vec<SegmentAt>,
    /// The checks that read something captured by an errand: (check, source).
    pub(super) captures: HashMap<ProbeId, Vec<(usize, usize)>>,
    /// What an errand credits to touchpoints that have probes of their own.
    pub(super) credited: HashMap<ProbeId, Vec<ProbeId>>,
}

#[derive(Debug)]
pub(super) struct SeriesAt {
    pub(super) series: Series,
    pub(super) probe: usize,
    pub(super) rule: Rule,
    /// What several vantages see together, where there are several.
    pub(super) joint: Option<usize>,
}

/// A probe, as one persona, from several vantages.
#[derive(Debug)]
pub(super) struct JointAt {
    pub(super) probe: ProbeId,
    pub(super) persona: Option<PersonaId>,
    pub(super) series: Range<usize>,
}

#[derive(Debug)]
pub(super) struct ProbeAt {
    pub(super) id: ProbeId,
    pub(super) touchpoint: usize,
    pub(super) weight: Weight,
    /// Steps of another touchpoint's errand.
    pub(super) credited: bool,
    pub(super) series: Range<usize>,
    /// Series of one persona stand together, one per vantage.
    pub(super) vantages: usize,
    /// The product of the weights on the path, the largest over the journeys.
    pub(super) criticality: f64,
}

#[derive(Debug)]
pub(super) struct TouchpointAt {
    pub(super) id: TouchpointId,
    pub(super) probes: Range<usize>,
    /// Those beside the score.
    pub(super) voices: Range<usize>,
    pub(super) hours: Option<Calendar>,
    pub(super) page_after: Duration,
    pub(super) depends_on: Vec<usize>,
    /// The longest interval of its probes.
    pub(super) every: Duration,
    pub(super) journeys: BTreeSet<usize>,
    pub(super) elements: Vec<usize>,
}

/// What a journey names: has a memory of its own for what customers feel.
#[derive(Debug)]
pub(super) struct ElementAt {
    pub(super) element: Element,
    pub(super) touchpoint: usize,
    pub(super) probes: Range<usize>,
}

#[derive(Debug)]
pub(super) struct JourneyAt {
    pub(super) id: JourneyId,
    pub(super) formula: Formula,
    /// What the formula's health indices mean.
    pub(super) leaves: Vec<Leaf>,
    /// What the formula's cap indices mean.
    pub(super) caps: Vec<usize>,
    pub(super) stages: Vec<Vec<NeedAt>>,
    /// (check, its part)
    pub(super) checks: Vec<(usize, Part)>,
    /// Whose customers walk it.
    pub(super) segments: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leaf {
    Probe(usize),
    Check(usize),
}

#[derive(Debug)]
pub(super) struct NeedAt {
    pub(super) members: Vec<MemberAt>,
    /// The customers who prefer each, of how many are needed, with the weight of the whole: an any-of.
    pub(super) of: Option<(usize, Vec<f64>)>,
}

#[derive(Debug)]
pub(super) struct MemberAt {
    pub(super) element: usize,
    pub(super) weight: Weight,
    pub(super) part: Part,
}

#[derive(Debug)]
pub(super) struct CheckAt {
    pub(super) journey: usize,
    pub(super) check: Consistency,
    /// Per source: how often it is read, and its touchpoint.
    pub(super) sources: Vec<(Duration, Option<usize>)>,
}

impl ProbeAt {
    /// Per persona, its series from every vantage.
    pub(super) fn personas(&self) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
        let vantages = self.vantages;
        self.series.clone().step_by(vantages).map(move |first| first..first + vantages)
    }
}

impl Net {
    pub(super) fn new(map: &JourneyMap) -> Self {
        let mut net = Self::default();
        let count = map.probes().count();
        for touchpoint in map.touchpoints.values() {
            let first = net.probes.len();
            let place = net.touchpoints.len();
            if touchpoint.probes.iter().any(|probe| probe.origin.is_none()) {
                let credited = touchpoint.probes.iter().filter_map(|probe| Some((probe.origin.clone()?, &probe.id)));
                credited.for_each(|(origin, id)| net.credited.entry(origin).or_default().push(id.clone()));
            }
            let (voices, probes): (Vec<_>, Vec<_>) = touchpoint.probes.iter().partition(|it| it.signal.is_some());
            for probe in &probes {
                net.add_probe(probe, place, count, map);
            }
            let last = net.probes.len();
            for probe in voices {
                net.add_probe(probe, place, count, map);
            }
            net.touchpoint_of.insert(touchpoint.id.clone(), place);
            net.touchpoints.push(TouchpointAt {
                id: touchpoint.id.clone(),
                probes: first..last,
                voices: last..net.probes.len(),
                hours: touchpoint.hours.clone(),
                page_after: touchpoint.page_after,
                depends_on: Vec::new(),
                every: probes.iter().map(|probe| probe.every).max().unwrap_or(Duration::from_mins(1)),
                journeys: BTreeSet::new(),
                elements: Vec::new(),
            });
        }
        for (place, touchpoint) in map.touchpoints.values().enumerate() {
            let roots = touchpoint.depends_on.iter().filter_map(|id| net.touchpoint_of.get(id).copied()).collect();
            net.touchpoints[place].depends_on = roots;
        }
        map.journeys.iter().for_each(|journey| net.add_journey(journey, map));
        net.add_segments(map);
        net
    }

    fn add_probe(&mut self, probe: &Probe, touchpoint: usize, probes: usize, map: &JourneyMap) {
        let first = self.series.len();
        let vantages: Vec<&VantageId> = map.vantages_of(probe).collect();
        let several = vantages.len().max(1);
        let every = map.turn_of(probe);
        let rule = Rule { rule: probe.rule, every, recheck: probe.recheck, probes, vantages: several };
        let personas: Vec<_> = match probe.personas.as_slice() {
            [] => vec![None],
            personas => personas.iter().cloned().map(Some).collect(),
        };
        for persona in personas {
            let joint = (several > 1).then_some(self.joints.len());
            let circle = self.series.len()..self.series.len() + several;
            if joint.is_some() {
                self.joints.push(JointAt { probe: probe.id.clone(), persona: persona.clone(), series: circle });
            }
            for &vantage in &vantages {
                let series = Series { probe: probe.id.clone(), persona: persona.clone(), vantage: vantage.clone() };
                self.series_of.insert(series.clone(), self.series.len());
                self.series.push(SeriesAt { series, probe: self.probes.len(), rule, joint });
            }
        }
        self.probes.push(ProbeAt {
            id: probe.id.clone(),
            touchpoint,
            weight: probe.weight,
            credited: probe.origin.is_some(),
            series: first..self.series.len(),
            vantages: several,
            criticality: 0.0,
        });
    }

    fn add_journey(&mut self, journey: &crate::model::Journey, map: &JourneyMap) {
        let place = self.journeys.len();
        let mut draft = Draft::default();
        let mut stages = Vec::new();
        for stage in &journey.stages {
            stages.push(stage.needs.iter().filter_map(|need| self.add_need(need, place, &mut draft)).collect());
        }
        let mut checks = Vec::new();
        for check in &journey.consistency {
            let index = self.checks.len();
            self.add_check(check, place, index, map);
            let leaf = draft.leaf(Leaf::Check(index));
            checks.push((index, draft.count..draft.count + 1));
            draft.count += 1;
            draft.gates.push(Gate { criticality: check.severity.cost(), of: leaf });
        }
        self.journeys.push(JourneyAt {
            id: journey.id.clone(),
            formula: Formula::new(Tree::All(draft.gates)),
            leaves: draft.leaves,
            caps: draft.caps,
            stages,
            checks,
            segments: Vec::new(),
        });
    }

    fn add_need(&mut self, need: &Need, journey: usize, draft: &mut Draft) -> Option<NeedAt> {
        match need {
            Need::One(member) => {
                let (at, gate) = self.add_member(member, 1.0, journey, draft)?;
                draft.gates.push(gate);
                Some(NeedAt { members: vec![at], of: None })
            }
            Need::Of { need, members, shares, weight } => {
                let criticality = weight.criticality();
                let added: Vec<_> =
                    members.iter().filter_map(|member| self.add_member(member, criticality, journey, draft)).collect();
                let (members, gates): (Vec<_>, Vec<_>) = added.into_iter().unzip();
                let of = Tree::Of { need: *need, members: gates, shares: shares.clone() };
                draft.gates.push(Gate { criticality, of });
                Some(NeedAt { members, of: Some((*need, shares.clone())) })
            }
        }
    }

    fn add_member(
        &mut self,
        member: &Member,
        above: f64,
        journey: usize,
        draft: &mut Draft,
    ) -> Option<(MemberAt, Gate)> {
        let touchpoint = *self.touchpoint_of.get(member.element.touchpoint())?;
        let criticality = member.weight.criticality();
        let probes = self.touchpoints[touchpoint].probes.clone();
        let (probes, gates) = match &member.element {
            Element::Touchpoint(_) => {
                let gates: Vec<f64> = probes.clone().map(|probe| self.probes[probe].weight.criticality()).collect();
                (probes, gates)
            }
            Element::Probe(id) => {
                let probe = probes.clone().find(|probe| self.probes[*probe].id == *id)?;
                (probe..probe + 1, vec![1.0])
            }
        };
        for (probe, own) in probes.clone().zip(&gates) {
            let at = &mut self.probes[probe];
            at.criticality = at.criticality.max(above * criticality * own);
        }
        self.touchpoints[touchpoint].journeys.insert(journey);
        let element = self.element(&member.element, touchpoint, &probes);
        let cap = draft.cap(element);
        let part = draft.count..draft.count + probes.len();
        draft.count = part.end;
        let leaf = |(probe, criticality)| Gate { criticality, of: draft.leaf(Leaf::Probe(probe)) };
        let of = Tree::Capped(cap, Box::new(Tree::All(probes.zip(gates).map(leaf).collect())));
        Some((MemberAt { element, weight: member.weight, part }, Gate { criticality, of }))
    }

    fn element(&mut self, element: &Element, touchpoint: usize, probes: &Range<usize>) -> usize {
        let known = &self.touchpoints[touchpoint].elements;
        if let Some(&known) = known.iter().find(|known| self.elements[**known].element == *element) {
            return known;
        }
        self.touchpoints[touchpoint].elements.push(self.elements.len());
        self.elements.push(ElementAt { element: element.clone(), touchpoint, probes: probes.clone() });
        self.elements.len() - 1
    }

    fn add_check(&mut self, check: &Consistency, journey: usize, index: usize, map: &JourneyMap) {
        let mut sources = Vec::new();
        for (source, at) in check.values.iter().zip(0..) {
            let every = map.probe(&source.probe).map_or(Duration::from_mins(1), |probe| probe.every);
            let touchpoint = self.touchpoint_of.get(&source.probe.touchpoint).copied();
            sources.push((every, touchpoint));
            self.captures.entry(source.probe.clone()).or_default().push((index, at));
            if let Some(touchpoint) = touchpoint {
                self.touchpoints[touchpoint].journeys.insert(journey);
            }
        }
        self.checks.push(CheckAt { journey, check: check.clone(), sources });
    }

    /// Every touchpoint that this one depends on, near or far.
    pub(super) fn roots(&self, touchpoint: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.touchpoints[touchpoint].depends_on.clone();
        while let Some(next) = open.pop() {
            if next != touchpoint && found.insert(next) {
                open.extend(&self.touchpoints[next].depends_on);
            }
        }
        found
    }
}
