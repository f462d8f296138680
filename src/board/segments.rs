//! How each segment of the customers fares: the same formula, over what the personas of that segment meet.
//!
//! A probe that runs as nobody in particular counts for everybody. One that runs only as customers of other segments is
//! no part of this one: what nobody of it tries is neither its loss nor its alternative. Worked out only where personas
//! have segments.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::Board;
use super::net::{JourneyAt, Leaf, MemberAt, Net};
use super::pulse::OBSERVED_MIN;
use crate::model::{
    Costly, Element, Health, JourneyMap, PersonaId, ProbeId, Reach, Score, SegmentCost, SegmentNow, State, Weight,
};
use crate::score::{CLOSED, Ground, Hue, gate};

/// What a segment meets worse than everybody together by so much, it meets in particular.
const WORSE: f64 = 0.05;

/// Customers of one kind, and which series are theirs.
#[derive(Debug)]
pub(super) struct SegmentAt {
    name: Arc<str>,
    personas: BTreeSet<PersonaId>,
    /// Per probe that customers of other segments run too: the series of each own persona. None of them: untried.
    met: HashMap<usize, Vec<Range<usize>>>,
}

/// What was last worked out of a segment on a journey.
#[derive(Clone, Debug)]
pub(super) struct SegmentSight {
    value: f64,
    observed: f64,
    shares: Vec<f64>,
}

impl Net {
    /// Finds the segments, and on which journeys they occur.
    pub(super) fn add_segments(&mut self, map: &JourneyMap) {
        let mut known: BTreeMap<&str, BTreeSet<PersonaId>> = BTreeMap::new();
        for persona in map.personas.values() {
            if let Some(segment) = persona.segment() {
                known.entry(segment).or_default().insert(persona.id.clone());
            }
        }
        for (name, personas) in known {
            self.add_segment(name.into(), personas);
        }
    }

    fn add_segment(&mut self, name: Arc<str>, personas: BTreeSet<PersonaId>) {
        let mut met = HashMap::new();
        let mut tried = HashSet::new();
        for (place, probe) in self.probes.iter().enumerate() {
            let persona = |at: usize| self.series[at].series.persona.as_ref();
            if persona(probe.series.start).is_none() {
                continue;
            }
            let is_own = |of: &Range<usize>| persona(of.start).is_some_and(|persona| personas.contains(persona));
            let own: Vec<Range<usize>> = probe.personas().filter(is_own).collect();
            if !own.is_empty() {
                tried.insert(place);
            }
            // What only they run, they meet as everybody does.
            if own.len() < probe.personas().count() {
                met.insert(place, own);
            }
        }
        let place = self.segments.len();
        let occurs = |leaf: &Leaf| matches!(leaf, Leaf::Probe(probe) if tried.contains(probe));
        for journey in self.journeys.iter_mut().filter(|journey| journey.leaves.iter().any(occurs)) {
            journey.segments.push(place);
        }
        self.segments.push(SegmentAt { name, personas, met });
    }
}

impl Board {
    /// The journey as each of its segments meets it; `healths` are everybody's, leaf by leaf.
    pub(super) fn segment_sights(&self, at: &JourneyAt, healths: &[f64], now: Timestamp) -> Vec<SegmentSight> {
        let sight = |&segment: &usize| {
            let segment = &self.net.segments[segment];
            let met = |(leaf, all): (&Leaf, &f64)| match leaf {
                Leaf::Probe(probe) if !all.is_nan() => self.met(segment, *probe, now).map_or(CLOSED, |own| own.value),
                Leaf::Check(check) if !self.concerns(segment, *check) => 1.0,
                _ => *all,
            };
            let own: Vec<f64> = at.leaves.iter().zip(healths).map(met).collect();
            let ground = Ground { healths: &own, caps: &[] };
            SegmentSight {
                value: at.formula.value(ground),
                observed: self.seen_as(segment, at, now),
                shares: at.formula.shares(ground),
            }
        };
        at.segments.iter().map(sight).collect()
    }

    /// The segments of a journey, as they were when its number was worked out.
    pub(super) fn segments_now(&self, journey: usize) -> Vec<SegmentNow> {
        let at = &self.net.journeys[journey];
        let sight = &self.journeys[journey].sight;
        let segments = at.segments.iter().zip(&sight.segments);
        let now = |(segment, seen): (&usize, &SegmentSight)| {
            let segment = &self.net.segments[*segment];
            let number = (seen.observed >= OBSERVED_MIN).then_some(seen.value);
            SegmentNow {
                name: Arc::clone(&segment.name),
                personas: segment.personas.iter().cloned().collect(),
                score: number.map(Score::of),
                value: seen.value,
                observed: seen.observed,
                color: Hue::of(number),
                costs: self.costs(journey, segment, seen),
                untried: self.untried(segment, at),
            }
        };
        segments.map(now).collect()
    }

    /// The segments whose customers meet what is bad: what runs as nobody in particular, all of them.
    pub(super) fn segments_of(&self, bad: impl Iterator<Item = usize>) -> BTreeSet<String> {
        let mut met = BTreeSet::new();
        if self.net.segments.is_empty() {
            return met;
        }
        for at in bad {
            let persona = self.net.series[at].series.persona.as_ref();
            let meets = |segment: &&SegmentAt| persona.is_none_or(|persona| segment.personas.contains(persona));
            met.extend(self.net.segments.iter().filter(meets).map(|segment| segment.name.to_string()));
        }
        met
    }

    /// The segments to whom a journey is worse than it should be.
    pub(super) fn segments_losing(&self, journey: usize) -> BTreeSet<String> {
        if self.net.segments.is_empty() {
            return BTreeSet::new();
        }
        let now = self.journeys[journey].sight.at;
        let mut losing = BTreeSet::new();
        for leaf in &self.net.journeys[journey].leaves {
            match leaf {
                Leaf::Probe(probe) if self.is_closed(*probe) => {}
                Leaf::Probe(probe) => {
                    let lacks = |at: &usize| {
                        let health = self.series_health(*at, now);
                        health.observed > 0.0 && health.value < 1.0
                    };
                    losing.extend(self.segments_of(self.net.probes[*probe].series.clone().filter(lacks)));
                }
                Leaf::Check(check) if self.check_sight(*check, now).0 == State::Down => {
                    let concerned = self.net.segments.iter().filter(|segment| self.concerns(segment, *check));
                    losing.extend(concerned.map(|segment| segment.name.to_string()));
                }
                Leaf::Check(_) => {}
            }
        }
        losing
    }

    fn costs(&self, journey: usize, segment: &SegmentAt, seen: &SegmentSight) -> Vec<SegmentCost> {
        let at = &self.net.journeys[journey];
        let now = self.journeys[journey].sight.at;
        let share = |part: &Range<usize>| 100.0 * seen.shares[part.clone()].iter().sum::<f64>();
        let members = at.stages.iter().flatten().flat_map(|need| &need.members);
        let elements = members.map(|member| (share(&member.part), member)).filter(|(share, _)| *share > 0.0);
        let checks = at.checks.iter().map(|(check, part)| (share(part), *check)).filter(|(share, _)| *share > 0.0);
        let mut costs: Vec<SegmentCost> =
            elements.map(|(share, member)| self.element_cost(segment, member, share, now)).collect();
        costs.extend(checks.map(|(share, check)| {
            let comparison = &self.checks[check];
            SegmentCost {
                of: Costly::Check(self.net.checks[check].check.name.clone()),
                share,
                state: self.check_sight(check, now).0,
                since: comparison.since,
                fault: None,
                reach: if self.is_apart(segment, check) { Reach::Segment } else { Reach::Everyone },
            }
        }));
        costs.sort_by(|left, right| right.share.total_cmp(&left.share));
        costs
    }

    fn element_cost(&self, segment: &SegmentAt, member: &MemberAt, share: f64, now: Timestamp) -> SegmentCost {
        let at = &self.net.elements[member.element];
        let mut met = Vec::new();
        let mut states: Vec<(State, Weight)> = Vec::new();
        let mut value = 1.0;
        for probe in at.probes.clone() {
            let Some(health) = self.met(segment, probe, now) else { continue };
            let known = &self.net.probes[probe];
            let series: Vec<usize> = segment.series(probe, known.series.clone()).into_iter().flatten().collect();
            // What no errand reaches says nothing, as for the whole.
            if !series.iter().all(|at| self.series[*at].is_excused()) {
                states.push((health.state, known.weight));
            }
            met.extend(series);
            value *= match at.element {
                Element::Touchpoint(_) => gate(known.weight.criticality(), health.value),
                Element::Probe(_) => health.value,
            };
        }
        let state = match (&at.element, states.as_slice()) {
            (Element::Probe(_), [(state, _)]) => *state,
            (_, states) => Self::state_of_place(states),
        };
        let there = met.iter().map(|at| &self.series[*at]).filter(|watch| watch.state == state);
        let since = there.map(|watch| watch.since).min().unwrap_or(self.touchpoints[at.touchpoint].since);
        let apart = self.element_health(member.element, now).value - value > WORSE;
        SegmentCost {
            of: Costly::Element(at.element.clone()),
            share,
            state,
            since,
            fault: self.fault(met.into_iter()),
            reach: if apart { Reach::Segment } else { Reach::Everyone },
        }
    }

    /// A probe's health as the segment meets it; none where nobody of it tries.
    fn met(&self, segment: &SegmentAt, probe: usize, now: Timestamp) -> Option<Health> {
        match segment.met.get(&probe).map(Vec::as_slice) {
            None => Some(self.probe_health(probe, now)),
            Some([]) => None,
            Some(own) => Some(self.probe_health_as(probe, own, now)),
        }
    }

    /// The mean over the elements that somebody of the segment tries.
    fn seen_as(&self, segment: &SegmentAt, at: &JourneyAt, now: Timestamp) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for member in at.stages.iter().flatten().flat_map(|need| &need.members) {
            let probes = self.net.elements[member.element].probes.clone();
            let seen: Vec<f64> =
                probes.filter_map(|probe| self.met(segment, probe, now)).map(|health| health.observed).collect();
            if !seen.is_empty() {
                sum += seen.iter().sum::<f64>() / seen.len() as f64;
                count += 1.0;
            }
        }
        if count == 0.0 { 0.0 } else { f64::min(sum / count, 1.0) }
    }

    fn untried(&self, segment: &SegmentAt, at: &JourneyAt) -> Vec<ProbeId> {
        let probes = at.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Probe(probe) => Some(*probe),
            Leaf::Check(_) => None,
        });
        let untried = probes.filter(|probe| segment.met.get(probe).is_some_and(Vec::is_empty));
        untried.map(|probe| self.net.probes[probe].id.clone()).collect()
    }

    /// A disagreement that only others meet is not theirs.
    fn concerns(&self, segment: &SegmentAt, check: usize) -> bool {
        let whose = self.checks[check].whose();
        whose.is_empty() || whose.iter().any(|persona| segment.personas.contains(persona))
    }

    /// A disagreement that they meet, and not everybody.
    fn is_apart(&self, segment: &SegmentAt, check: usize) -> bool {
        let whose = self.checks[check].whose();
        let mut others = self.map.personas.keys().filter(|persona| !segment.personas.contains(*persona));
        !whose.is_empty() && others.any(|persona| !whose.contains(persona))
    }
}

impl SegmentAt {
    /// A probe's series that are theirs.
    fn series(&self, probe: usize, all: Range<usize>) -> Vec<Range<usize>> {
        self.met.get(&probe).cloned().unwrap_or_else(|| vec![all])
    }
}
