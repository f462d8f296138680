//! Health of probes, touchpoints and elements, from that of their series.

use std::ops::Range;

use jiff::Timestamp;

use super::Board;
use super::net::Net;
use crate::model::{Element, Health, State, Weight};
use crate::score::{PENDING, gate};

impl Net {
    /// All series of a touchpoint.
    pub(super) fn series_at(&self, touchpoint: usize) -> Range<usize> {
        self.series_of_probes(self.touchpoints[touchpoint].probes.clone())
    }

    pub(super) fn series_of_probes(&self, probes: Range<usize>) -> Range<usize> {
        match (self.probes.get(probes.start), probes.end.checked_sub(1).and_then(|last| self.probes.get(last))) {
            (Some(first), Some(last)) if !probes.is_empty() => first.series.start..last.series.end,
            _ => 0..0,
        }
    }
}

impl Board {
    /// Whether the probe's touchpoint is closed at this hour.
    pub(super) fn is_closed(&self, probe: usize) -> bool {
        self.touchpoints[self.net.probes[probe].touchpoint].closed
    }

    pub(super) fn series_health(&self, at: usize, now: Timestamp) -> Health {
        let health = self.series[at].health(self.net.series[at].rule.every, now, self.unseen(at, now));
        if self.is_down_elsewhere(at) { Health { value: 0.0, ..health } } else { health }
    }

    pub(super) fn probe_health(&self, probe: usize, now: Timestamp) -> Health {
        let series = self.net.probes[probe].series.clone();
        self.probe_of(probe, series.map(|at| self.series_health(at, now)))
    }

    /// As customers like these personas meet it, each with the series of every vantage.
    pub(super) fn probe_health_as(&self, probe: usize, personas: &[Range<usize>], now: Timestamp) -> Health {
        let state = self.state_of(&personas.iter().cloned());
        if self.is_closed(probe) {
            return Health { state: State::Closed, value: 1.0, observed: 1.0 };
        }
        let series: Vec<usize> = personas.iter().cloned().flatten().collect();
        let healths = series.iter().map(|at| self.series_health(*at, now));
        mean(state, series.len(), healths)
    }

    /// The mean over personas and configured vantages.
    pub(super) fn probe_of(&self, probe: usize, healths: impl Iterator<Item = Health>) -> Health {
        let state = self.probe_state(probe);
        if self.is_closed(probe) {
            return Health { state: State::Closed, value: 1.0, observed: 1.0 };
        }
        mean(state, self.net.probes[probe].series.len(), healths)
    }

    /// A probe's value, and the lowest and the highest that what we saw allows.
    pub(super) fn probe_range(&self, probe: usize, now: Timestamp) -> (f64, (f64, f64)) {
        if self.is_closed(probe) {
            return (1.0, (1.0, 1.0));
        }
        let series = self.net.probes[probe].series.clone();
        let count = series.len() as f64;
        let (mut value, mut range) = (0.0, (0.0, 0.0));
        for at in series {
            let health = self.series_health(at, now);
            let (least, most) = self.series[at].range(&health);
            value += health.value / count;
            range = (range.0 + least / count, range.1 + most / count);
        }
        (f64::clamp(value, 0.0, 1.0), range)
    }

    pub(super) fn touchpoint_health(&self, touchpoint: usize, now: Timestamp) -> Health {
        let probes = self.net.touchpoints[touchpoint].probes.clone();
        self.touchpoint_of(touchpoint, probes.map(|probe| self.probe_health(probe, now)))
    }

    /// The product of its probes' gates.
    pub(super) fn touchpoint_of(&self, touchpoint: usize, healths: impl Iterator<Item = Health>) -> Health {
        let probes = self.net.touchpoints[touchpoint].probes.clone();
        let state = self.touchpoints[touchpoint].state;
        if probes.is_empty() {
            return Health { state, value: PENDING, observed: 0.0 };
        }
        let count = probes.len() as f64;
        let (mut value, mut observed) = (1.0, 0.0);
        for (probe, health) in probes.zip(healths) {
            value *= gate(self.net.probes[probe].weight.criticality(), health.value);
            observed += health.observed / count;
        }
        Health { state, value, observed: observed.min(1.0) }
    }

    pub(super) fn element_health(&self, element: usize, now: Timestamp) -> Health {
        let at = &self.net.elements[element];
        match at.element {
            Element::Touchpoint(_) => self.touchpoint_health(at.touchpoint, now),
            Element::Probe(_) => self.probe_health(at.probes.start, now),
        }
    }

    /// DOWN when it is so for one persona from every vantage that sees; DEGRADED when from some only.
    pub(super) fn probe_state(&self, probe: usize) -> State {
        self.state_of(&self.net.probes[probe].personas())
    }

    fn state_of(&self, personas: &(impl Iterator<Item = Range<usize>> + Clone)) -> State {
        let states: Vec<State> = personas.clone().map(|vantages| self.state_from(vantages)).collect();
        if states.contains(&State::Down) {
            return State::Down;
        }
        if states.contains(&State::Degraded) {
            return State::Degraded;
        }
        worst(states.into_iter())
    }

    /// Of one persona, from all vantages: what one of them sees is seen.
    fn state_from(&self, vantages: Range<usize>) -> State {
        let down = |at: usize| self.series[at].state == State::Down;
        if self.all_that_see(vantages.clone(), down) {
            return State::Down;
        }
        let states = || self.series[vantages.clone()].iter().map(|watch| watch.state);
        if states().any(|state| matches!(state, State::Down | State::Degraded)) {
            return State::Degraded;
        }
        if states().any(|state| state == State::Up) { State::Up } else { worst(states()) }
    }

    /// It holds from at least one vantage, and from every one that sees.
    pub(super) fn all_that_see(&self, vantages: Range<usize>, holds: impl Fn(usize) -> bool) -> bool {
        vantages.clone().any(&holds) && vantages.filter(|at| self.sees_it(*at)).all(holds)
    }

    /// Something is known of it from there, and its vantage is not blind.
    pub(super) fn sees_it(&self, at: usize) -> bool {
        let known = !matches!(self.series[at].state, State::Pending | State::Unknown);
        known && !self.is_blind(&self.net.series[at].series.vantage)
    }

    /// See the module's documentation.
    pub(super) fn touchpoint_state(&self, touchpoint: usize) -> State {
        if self.touchpoints[touchpoint].closed {
            return State::Closed;
        }
        let probes = self.net.touchpoints[touchpoint].probes.clone();
        // What no errand reaches says nothing; there are probes of its own beside it.
        let excused = |probe: usize| self.net.probes[probe].series.clone().all(|at| self.series[at].is_excused());
        let told = probes.filter(|probe| !excused(*probe));
        let states: Vec<(State, Weight)> =
            told.map(|probe| (self.probe_state(probe), self.net.probes[probe].weight)).collect();
        Self::state_of_place(&states)
    }

    /// The state of a place whose probes are in these.
    pub(super) fn state_of_place(states: &[(State, Weight)]) -> State {
        let down = |(state, _): &(State, Weight)| *state == State::Down;
        if states.iter().any(|known| down(known) && known.1 >= Weight::Important)
            || states.iter().all(down) && !states.is_empty()
        {
            return State::Down;
        }
        if states.iter().any(|(state, _)| matches!(state, State::Down | State::Degraded)) {
            return State::Degraded;
        }
        worst(states.iter().map(|(state, _)| *state))
    }
}

fn mean(state: State, series: usize, healths: impl Iterator<Item = Health>) -> Health {
    let count = series as f64;
    let (mut value, mut observed) = (0.0, 0.0);
    for health in healths {
        value += health.value / count;
        observed += health.observed / count;
    }
    Health { state, value: value.clamp(0.0, 1.0), observed: observed.min(1.0) }
}

/// Of Up, Unknown and Pending: what we do not see is said before what we see.
fn worst(states: impl Iterator<Item = State>) -> State {
    let rank = |state: &State| match state {
        State::Unknown => 2,
        State::Pending => 1,
        _ => 0,
    };
    states.max_by_key(rank).unwrap_or(State::Pending)
}
