//! Journeys over touchpoints, checked: everything they name is there.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::build::{Known, Read, Whole, place_at};
use crate::config::decode::{At, Desk, Kept, Keyed};
use crate::config::journeys::{RawConsistency, RawGroup, RawJourney, RawNeed, RawStage};
use crate::config::names::{check_id, dangling};
use crate::config::probes::Watched;
use crate::config::problem::{Place, Problem};
use crate::config::templates::captures;
use crate::config::tree::Node;
use crate::model::{
    Consistency, Element, Journey, JourneyId, Member, Need, ProbeId, Source, Stage, StageId, TouchpointId, Weight,
};
use crate::units::Percent;

/// A stage whose elements are all probed less often than this says little about now.
const SELDOM: Duration = Duration::from_mins(15);
/// How far shares may be from 100 % in sum.
const SHARES_SLACK: f64 = 0.005;

pub(super) fn journeys(read: &Read<'_>, watched: &Watched) -> Vec<Journey> {
    let Some(stands) = &read.top.journeys else {
        if read.whole == Whole::Yes {
            let missing = Problem::whole(&read.folders.config, "no file defines `journeys:`");
            read.problems.borrow_mut().push(missing.hint("say what customers want in journeys.yaml"));
        }
        return Vec::new();
    };
    let Some(Keyed(raw)) = &stands.value else { return Vec::new() };
    if stands.node.entries().is_empty() {
        stands.desk.report(stands.desk.source.problem(stands.key, "there are no journeys"));
    }
    let mut drawing = Drawing { read, watched, desk: stands.desk, met: BTreeSet::new() };
    let mut journeys = Vec::new();
    for (key, kept) in raw {
        check_id(&stands.desk, key.place, "a journey", &key.value);
        if let (Some(raw), Some(node)) = (&kept.value, stands.node.get(&key.value)) {
            journeys.push(drawing.journey(key, raw, &node.value));
        }
    }
    let met = drawing.met;
    if raw.iter().all(|(_, kept)| kept.value.is_some()) {
        warn_of_unmet(read, watched, &met);
    }
    journeys
}

fn warn_of_unmet(read: &Read<'_>, watched: &Watched, met: &BTreeSet<TouchpointId>) {
    for draft in read.drafts.iter().filter(|draft| !met.contains(&draft.id)) {
        if let (Some((desk, root)), true) = (draft.read, watched.touchpoints.contains_key(&draft.id)) {
            let text = format!("the touchpoint `{}` is part of no journey: no score shows it", draft.id);
            read.warn(desk.source.problem(root.place, text).hint("name it in a stage of journeys.yaml"));
        }
    }
}

struct Drawing<'a> {
    read: &'a Read<'a>,
    watched: &'a Watched,
    desk: Desk<'a>,
    /// Every touchpoint that some journey meets.
    met: BTreeSet<TouchpointId>,
}

impl Drawing<'_> {
    fn wrong(&self, place: Place, text: impl Into<String>) {
        self.desk.report(self.desk.source.problem(place, text));
    }

    fn journey(&mut self, key: &At<String>, raw: &RawJourney, node: &Node) -> Journey {
        if node.get("stages").is_some_and(|stages| stages.value.entries().is_empty()) {
            self.wrong(place_at(node, &["stages".to_owned()]), "the journey has no stages");
        }
        let mut stages = Vec::new();
        for (id, kept) in &raw.stages.0 {
            check_id(&self.desk, id.place, "a stage", &id.value);
            if let Some(raw) = &kept.value {
                stages.push(self.stage(id, raw));
            }
        }
        let mut consistency: Vec<Consistency> = Vec::new();
        for kept in &raw.consistency {
            let Some(check) = &kept.value else { continue };
            if consistency.iter().any(|other| other.name == check.name) {
                self.wrong(kept.place, format!("two checks of the journey are called `{}`", check.name));
            }
            consistency.push(self.consistency(check));
        }
        Journey {
            id: JourneyId::new(&key.value),
            title: raw.title.clone().unwrap_or_else(|| key.value.clone()),
            public: raw.public,
            objective: raw.objective.as_ref().map(|objective| objective.0),
            stages,
            consistency,
        }
    }

    fn stage(&mut self, id: &At<String>, raw: &RawStage) -> Stage {
        if raw.touchpoints.value.is_empty() {
            self.wrong(raw.touchpoints.place, "the stage needs no touchpoint");
        }
        let needs: Vec<Need> = raw.touchpoints.value.iter().filter_map(|need| self.need(need)).collect();
        self.warn_of_seldom(id, &needs, raw.touchpoints.value.len());
        let title = raw.title.clone().unwrap_or_else(|| id.value.clone());
        Stage { id: StageId::new(&id.value), title, needs }
    }

    fn need(&mut self, kept: &Kept<RawNeed>) -> Option<Need> {
        match kept.value.as_ref()? {
            RawNeed::Name(name) => self.member(kept.place, name, Weight::default()).map(Need::One),
            RawNeed::Weighed(name, weight) => self.member(name.place, &name.value, *weight).map(Need::One),
            RawNeed::AnyOf(group) => Some(self.group(kept.place, 1, group)),
            RawNeed::AtLeast(need, group) => {
                let count = match group {
                    RawGroup::Equal(members) => members.len(),
                    RawGroup::Shares(shares) => shares.len(),
                };
                if need.value == 0 || need.value > count {
                    self.wrong(need.place, format!("{} of {count} is impossible", need.value));
                }
                Some(self.group(kept.place, need.value, group))
            }
        }
    }

    fn group(&mut self, place: Place, need: usize, group: &RawGroup) -> Need {
        let (members, shares): (Vec<Member>, Vec<f64>) = match group {
            RawGroup::Equal(raw) => {
                let members: Vec<Member> = raw.iter().filter_map(|member| self.grouped(member)).collect();
                let share = 1.0 / members.len().max(1) as f64;
                let shares = vec![share; members.len()];
                (members, shares)
            }
            RawGroup::Shares(raw) => {
                let shares: Option<Vec<f64>> = raw.iter().map(|(_, share)| Some(share.value?.fraction())).collect();
                let sum: f64 = shares.as_ref().map_or(1.0, |shares| shares.iter().sum());
                if !raw.is_empty() && (sum - 1.0).abs() > SHARES_SLACK {
                    let text = format!("the shares are {:.0}% in sum, not 100%", sum * 100.0);
                    self.wrong(raw.first().map_or(place, |(name, _)| name.place), text);
                }
                let member = |(name, share): &(At<String>, Kept<Percent>)| {
                    let member = self.member(name.place, &name.value, Weight::default());
                    Some((member?, share.value?.fraction() / sum))
                };
                raw.iter().filter_map(member).unzip()
            }
        };
        let empty = match group {
            RawGroup::Equal(raw) => raw.is_empty(),
            RawGroup::Shares(raw) => raw.is_empty(),
        };
        if empty {
            self.wrong(place, "there is nothing to choose from");
        }
        let distinct: BTreeSet<&Element> = members.iter().map(|member| &member.element).collect();
        if distinct.len() < members.len() {
            self.wrong(place, "one element stands twice in the choice");
        }
        Need::Of { need, members, shares, weight: Weight::default() }
    }

    fn grouped(&mut self, kept: &Kept<RawNeed>) -> Option<Member> {
        match kept.value.as_ref()? {
            RawNeed::Name(name) => self.member(kept.place, name, Weight::default()),
            RawNeed::Weighed(name, weight) => self.member(name.place, &name.value, *weight),
            RawNeed::AnyOf(_) | RawNeed::AtLeast(..) => {
                self.wrong(kept.place, "a choice cannot stand inside a choice");
                None
            }
        }
    }

    fn member(&mut self, place: Place, name: &str, weight: Weight) -> Option<Member> {
        let (touchpoint, probe) = match name.split_once('/') {
            Some((touchpoint, probe)) => (touchpoint, Some(probe)),
            None => (name, None),
        };
        let Some(draft) = self.read.draft(touchpoint) else {
            let known = self.read.drafts.iter().map(|draft| draft.id.as_str());
            dangling(&self.desk, place, format!("there is no touchpoint `{touchpoint}`"), touchpoint, known);
            return None;
        };
        self.met.insert(draft.id.clone());
        let element = match probe {
            None => Element::Touchpoint(draft.id.clone()),
            Some(probe) => {
                let id = ProbeId::new(touchpoint, probe);
                let credited = self.watched.touchpoints.get(&draft.id);
                let credited = credited.is_some_and(|touchpoint| touchpoint.probes.iter().any(|other| other.id == id));
                if !credited && matches!(draft.probe(probe), Known::Nowhere) {
                    let known = draft.probe_names();
                    let wrong = format!("`{touchpoint}` has no probe `{probe}`");
                    dangling(&self.desk, place, wrong, probe, known.iter().map(String::as_str));
                    return None;
                }
                Element::Probe(id)
            }
        };
        if self.is_silent(&element) {
            let text = format!("`{name}` holds only signals, which stand beside the score: nothing of it could count");
            self.desk.report(self.desk.source.problem(place, text).hint("add a probe without `signal:` there"));
        }
        Some(Member { element, weight })
    }

    /// All of its probes are signals.
    fn is_silent(&self, element: &Element) -> bool {
        let Some(touchpoint) = self.watched.touchpoints.get(element.touchpoint()) else { return false };
        let mut named = touchpoint.probes.iter().filter(|probe| match element {
            Element::Touchpoint(_) => true,
            Element::Probe(id) => probe.id == *id,
        });
        named.clone().next().is_some() && named.all(|probe| probe.signal.is_some())
    }

    fn consistency(&self, raw: &RawConsistency) -> Consistency {
        if raw.values.value.len() < 2 {
            self.wrong(raw.values.place, "a check compares at least two values");
        }
        let mut values: Vec<Source> = Vec::new();
        for value in &raw.values.value {
            let Some(source) = self.source(value) else { continue };
            if values.contains(&source) {
                self.wrong(value.place, format!("`{source}` stands here twice"));
            }
            values.push(source);
        }
        Consistency { name: raw.name.clone(), values, severity: raw.severity }
    }

    /// `touchpoint/probe.value`
    fn source(&self, text: &At<String>) -> Option<Source> {
        let parts = text.value.rsplit_once('.').and_then(|(probe, value)| Some((probe.split_once('/')?, value)));
        let Some(((touchpoint, probe), value)) = parts else {
            let text_is = format!("`{}` is not a captured value; write `touchpoint/probe.name`", text.value);
            self.wrong(text.place, text_is);
            return None;
        };
        let here = || Source { probe: ProbeId::new(touchpoint, probe), value: value.into() };
        let Some(draft) = self.read.draft(touchpoint) else {
            let known = self.read.drafts.iter().map(|draft| draft.id.as_str());
            dangling(&self.desk, text.place, format!("there is no touchpoint `{touchpoint}`"), touchpoint, known);
            return None;
        };
        match draft.probe(probe) {
            Known::Nowhere => {
                let known = draft.probe_names();
                let wrong = format!("`{touchpoint}` has no probe `{probe}`");
                dangling(&self.desk, text.place, wrong, probe, known.iter().map(String::as_str));
                return None;
            }
            Known::Here(node) => {
                let raw = draft.raw.as_ref().and_then(|raw| raw.probes.0.iter().find(|(id, _)| id.value == probe));
                // Of a probe that was not understood, what its dialogues capture is not known.
                let Some(raw) = raw.and_then(|(_, raw)| raw.value.as_ref()) else { return Some(here()) };
                let known: Vec<String> = captures(node, raw);
                let understood = raw.steps.value.iter().all(|step| step.value.is_some());
                if understood && !known.iter().any(|known| known == value) {
                    let wrong = format!("`{touchpoint}/{probe}` captures no `{value}`");
                    dangling(&self.desk, text.place, wrong, value, known.iter().map(String::as_str));
                    return None;
                }
            }
            Known::Perhaps => {}
        }
        Some(here())
    }

    fn warn_of_seldom(&self, id: &At<String>, needs: &[Need], wanted: usize) {
        let every = |element: &Element| -> Option<Duration> {
            let touchpoint = self.watched.touchpoints.get(element.touchpoint())?;
            let probes = touchpoint.probes.iter();
            match element {
                Element::Touchpoint(_) => probes.map(|probe| probe.every).min(),
                Element::Probe(id) => probes.filter(|probe| probe.id == *id).map(|probe| probe.every).min(),
            }
        };
        let members = needs.iter().flat_map(|need| match need {
            Need::One(member) => std::slice::from_ref(member),
            Need::Of { members, .. } => members,
        });
        let intervals: Option<Vec<Duration>> = members.map(|member| every(&member.element)).collect();
        let Some(least) = intervals.as_ref().and_then(|intervals| intervals.iter().min()) else { return };
        if needs.len() == wanted && *least > SELDOM {
            let least = crate::units::Period::from_millis(least.as_millis() as u64);
            let text = format!("nothing probes the stage `{}` more often than every {least}", id.value);
            let problem = self.desk.source.problem(id.place, text);
            self.read.warn(problem.hint("its score is old when you see it; probe one of its touchpoints more often"));
        }
    }
}
