//! The board as others see it: one immutable snapshot.

use std::sync::Arc;

use jiff::Timestamp;

use super::Board;
use super::consistency::Seen;
use super::net::{MemberAt, NeedAt};
use super::watch::whole;
use crate::model::{
    CheckNow, Divergence, Element, ElementNow, Fault, FaultCode, Health, JourneyNow, NeedNow, ProbeNow, Score,
    SeriesNow, Snapshot, StageNow, State, TouchpointId, TouchpointNow, ValueNow,
};
use crate::score::{CLOSED, Hue, gate, k_of_n};

impl Board {
    /// Everything at one moment; at most once a second, for it is worked out whole.
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let now = whole(now);
        let touchpoints = 0..self.touchpoints.len();
        let mut incidents: Vec<_> = self.incidents.values().cloned().collect();
        incidents.sort_by_key(|incident| std::cmp::Reverse((incident.opened, incident.id)));
        Snapshot {
            at: now,
            map: Arc::clone(&self.map),
            journeys: (0..self.journeys.len()).map(|journey| self.journey_now(journey)).collect(),
            touchpoints: touchpoints
                .map(|at| (self.net.touchpoints[at].id.clone(), self.touchpoint_now(at, now)))
                .collect(),
            incidents,
            silences: Vec::new(),
            troubles: self.own.list(),
        }
    }

    fn journey_now(&self, journey: usize) -> JourneyNow {
        let at = &self.net.journeys[journey];
        let pulse = &self.journeys[journey];
        let sight = &pulse.sight;
        // Elements as they were when the number was worked out, so that what is shown adds up.
        let now = sight.at;
        let number = pulse.number();
        let stages = self.map.journeys[journey].stages.iter().zip(&at.stages);
        let stages: Vec<StageNow> = stages
            .map(|(stage, needs)| {
                let needs: Vec<NeedNow> = needs.iter().map(|need| self.need_now(journey, need, now)).collect();
                let (value, observed) = worth(&needs, &stage.needs);
                let number = (observed >= super::pulse::OBSERVED_MIN).then_some(value);
                StageNow { id: stage.id.clone(), score: number.map(Score::of), color: Hue::of(number), needs }
            })
            .collect();
        JourneyNow {
            id: at.id.clone(),
            score: pulse.score(),
            felt: number.map(|_| Score::of(sight.felt)),
            value: sight.value,
            observed: sight.observed,
            range: (Score::of(sight.range.0), Score::of(sight.range.1)),
            color: pulse.color(),
            since: pulse.since,
            worst: costliest(&stages),
            segments: self.segments_now(journey),
            stages,
            consistency: at
                .checks
                .iter()
                .map(|(check, part)| self.check_now(journey, *check, part.clone(), now))
                .collect(),
            burns: self.burns(journey),
            burning: pulse.burning,
        }
    }

    fn need_now(&self, journey: usize, need: &NeedAt, now: Timestamp) -> NeedNow {
        let mut members: Vec<ElementNow> =
            need.members.iter().map(|member| self.element_now(journey, member, now)).collect();
        match &need.of {
            None if members.len() == 1 => NeedNow::One(members.remove(0)),
            of => {
                let (count, shares) = of.clone().unwrap_or((members.len(), Vec::new()));
                let healths: Vec<f64> =
                    members.iter().map(|member| gate(member.criticality, open(&member.health))).collect();
                let health = k_of_n(count, &healths, &shares);
                // All of them closed: that is nobody's loss.
                let health = if health.is_nan() { 1.0 } else { health };
                let share = members.iter().map(|member| member.share).sum();
                NeedNow::Of { need: count, health, members, shares, share }
            }
        }
    }

    fn element_now(&self, journey: usize, member: &MemberAt, now: Timestamp) -> ElementNow {
        let at = &self.net.elements[member.element];
        let sight = &self.journeys[journey].sight;
        let share: f64 = sight.shares[member.part.clone()].iter().sum();
        let health = self.element_health(member.element, now);
        let gain = if share > 0.0 || health.value < 1.0 {
            (self.mended(journey, at.probes.clone()) - sight.value).max(0.0)
        } else {
            0.0
        };
        let (since, fault) = match at.element {
            Element::Touchpoint(_) => {
                (self.touchpoints[at.touchpoint].since, self.fault(self.net.series_at(at.touchpoint)))
            }
            Element::Probe(_) => self.probe_plight(at.probes.start),
        };
        ElementNow {
            element: at.element.clone(),
            health,
            criticality: member.weight.criticality(),
            share: 100.0 * share,
            gain_if_fixed: 100.0 * gain,
            since,
            fault,
        }
    }

    fn check_now(&self, journey: usize, check: usize, part: crate::score::Part, now: Timestamp) -> CheckNow {
        let at = &self.net.checks[check];
        CheckNow {
            name: at.check.name.clone(),
            severity: at.check.severity,
            state: self.check_sight(check, now).0,
            values: self.check_values(check, now),
            share: 100.0 * self.journeys[journey].sight.shares[part].iter().sum::<f64>(),
            since: self.checks[check].since,
        }
    }

    /// The newest value of every source; where only some personas read what does not agree, of what they read.
    pub(super) fn check_values(&self, check: usize, now: Timestamp) -> Vec<ValueNow> {
        let (values, whose) = (&self.checks[check].values, self.checks[check].whose());
        let theirs = |seen: &&Seen| seen.persona.as_ref().is_none_or(|persona| whose.contains(persona));
        let newest = |source: usize| {
            let read = || values.iter().filter(move |seen| seen.source == source);
            read().filter(theirs).max_by_key(|seen| seen.at).or_else(|| read().max_by_key(|seen| seen.at))
        };
        let sources = self.net.checks[check].check.values.iter().enumerate();
        let value = |(source, known): (usize, &crate::model::Source)| {
            let seen = newest(source);
            let fresh = seen.is_some_and(|seen| self.is_fresh(check, seen, now));
            let (value, at) = (seen.map(|seen| seen.value.clone()), seen.map(|seen| seen.at));
            ValueNow { source: known.clone(), value, at, fresh }
        };
        sources.map(value).collect()
    }

    fn touchpoint_now(&self, touchpoint: usize, now: Timestamp) -> TouchpointNow {
        let at = &self.net.touchpoints[touchpoint];
        let probes: Vec<ProbeNow> = at.probes.clone().map(|probe| self.probe_now(probe, now)).collect();
        TouchpointNow {
            id: at.id.clone(),
            health: self.touchpoint_of(touchpoint, probes.iter().map(|probe| probe.health)),
            since: self.touchpoints[touchpoint].since,
            fault: self.fault(self.net.series_at(touchpoint)),
            probes,
            voices: at.voices.clone().map(|probe| self.probe_now(probe, now)).collect(),
            divergence: self.divergence(touchpoint),
        }
    }

    /// What our probes say beside what customers say. Silence is no complaint, and a slow probe no contradiction.
    fn divergence(&self, touchpoint: usize) -> Option<Divergence> {
        let at = &self.net.touchpoints[touchpoint];
        let voices = self.net.series_of_probes(at.voices.clone()).map(|series| &self.series[series]);
        let complains = |watch: &super::Watch| {
            matches!(watch.state, State::Down | State::Degraded)
                && watch.fault.as_ref().is_some_and(|fault| fault.code != FaultCode::Silence)
        };
        let mut heard = voices.filter(|watch| complains(watch) || watch.state == State::Up).peekable();
        heard.peek()?;
        let unhappy = heard.any(complains);
        match self.touchpoints[touchpoint].state {
            State::Up if unhappy => Some(Divergence::CustomersRed),
            State::Down if !unhappy => Some(Divergence::ProbesRed),
            _ => None,
        }
    }

    fn probe_now(&self, probe: usize, now: Timestamp) -> ProbeNow {
        let at = &self.net.probes[probe];
        let (since, fault) = self.probe_plight(probe);
        let series = at.series.clone().map(|at| {
            let watch = &self.series[at];
            SeriesNow {
                series: self.net.series[at].series.clone(),
                health: self.series_health(at, now),
                since: watch.since,
                fault: watch.fault.clone(),
                last: watch.last.clone(),
                flapping: watch.detector.is_flapping(),
                undecided: self.is_undecided(at),
                blind: self.is_blind(&self.net.series[at].series.vantage),
            }
        });
        let series: Vec<SeriesNow> = series.collect();
        let health = self.probe_of(probe, series.iter().map(|series| series.health));
        ProbeNow { id: at.id.clone(), health, since, fault, series }
    }

    /// Since when a probe is in its state, and why.
    fn probe_plight(&self, probe: usize) -> (Timestamp, Option<Fault>) {
        let series = self.net.probes[probe].series.clone();
        let state = self.probe_state(probe);
        let all = || series.clone().map(|at| &self.series[at]);
        let mine = all().filter(|watch| watch.state == state).map(|watch| watch.since).min();
        let since = mine.or_else(|| all().map(|watch| watch.since).min()).unwrap_or(self.evaluated);
        (since, self.fault(series))
    }

    /// The fault of the worst series.
    pub(super) fn fault(&self, series: impl Iterator<Item = usize>) -> Option<Fault> {
        let rank = |watch: &&super::Watch| match watch.detector.state() {
            State::Down => 2,
            State::Degraded => 1,
            _ => 0,
        };
        // What a blind one of several said last is no fault of anybody else.
        let counts = |at: &usize| {
            let known = &self.net.series[*at];
            known.joint.is_none() || !self.is_blind(&known.series.vantage)
        };
        let faulty = series.filter(counts).map(|at| &self.series[at]).filter(|watch| watch.fault.is_some());
        faulty.max_by_key(rank).and_then(|watch| watch.fault.clone())
    }
}

/// A stage's own value and how much of it is observed.
fn worth(needs: &[NeedNow], drawn: &[crate::model::Need]) -> (f64, f64) {
    let (mut value, mut observed, mut count) = (1.0, 0.0, 0.0);
    for (need, drawn) in needs.iter().zip(drawn) {
        value *= match (need, drawn) {
            (NeedNow::One(element), _) => gate(element.criticality, element.health.value),
            (NeedNow::Of { health, .. }, crate::model::Need::Of { weight, .. }) => gate(weight.criticality(), *health),
            (NeedNow::Of { health, .. }, _) => *health,
        };
        observed += need.elements().iter().map(|element| element.health.observed).sum::<f64>();
        count += need.elements().len() as f64;
    }
    (value, if count == 0.0 { 0.0 } else { observed / count })
}

/// Fix first: the larger share, then DOWN, then the more critical, then by name.
fn costliest(stages: &[StageNow]) -> Option<TouchpointId> {
    let elements = stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements);
    let mut costly: Vec<&ElementNow> = elements.filter(|element| element.share > 0.0).collect();
    costly.sort_by(|left, right| {
        let down = |element: &ElementNow| element.health.state == State::Down;
        right
            .share
            .total_cmp(&left.share)
            .then_with(|| down(right).cmp(&down(left)))
            .then_with(|| right.criticality.total_cmp(&left.criticality))
            .then_with(|| left.element.cmp(&right.element))
    });
    costly.first().map(|element| element.element.touchpoint().clone())
}

/// What an element counts for among alternatives.
fn open(health: &Health) -> f64 {
    if health.state == State::Closed { CLOSED } else { health.value }
}
