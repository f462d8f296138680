//! What we say to people who read no logs: sentences and headlines in plain words of their language, without addresses
//! and status codes. Pure.

mod advice;
mod broken;
mod happened;
mod likeness;
mod quantity;
mod segment;
mod tongue;
mod unmet;
mod wanted;
mod wish;
mod written;

use std::borrow::Cow;

use jiff::Timestamp;

use crate::model::{
    CheckNow, Color, Divergence, ElementNow, Fault, FaultCode, JourneyId, JourneyMap, JourneyNow, NeedNow, Phase,
    SelfFault, Snapshot, State, TouchpointId,
};
use wish::Wish;

pub use broken::tense;
pub use happened::Happened;
pub use likeness::nearest;
pub use segment::{is_segment_pending, segment_score};
pub use tongue::{Said, Tongues, Value, Words};
pub use written::{chain, markup};

/// A cause that costs less than this many points is noise to a customer and is not named.
const POINTS_WORTH_NAMING: f64 = 0.5;
/// Causes named in one sentence; the rest are counted.
const CAUSES_NAMED_MAX: usize = 2;

impl Words {
    /// How a journey goes, in the words of the people who walk it.
    pub fn journey(&self, journey: &JourneyNow, snapshot: &Snapshot) -> String {
        let title = title(&journey.id, &snapshot.map);
        let wish = Wish::of(title);
        let tell = |key: &'static str| wish.asked(self.say(key)).with("title", title);
        if journey.score.is_none() {
            return tell(if is_pending(journey) { "journey-checking" } else { "journey-unseen" }).to_string();
        }
        let causes = self.causes(journey, snapshot);
        if is_pending(journey) {
            return match causes.as_slice() {
                [one] => tell("journey-first-look").with("clause", &one.clause).to_string(),
                more => tell("journey-first-looks").with("count", more.len()).to_string(),
            };
        }
        // What nobody has looked at yet is no cause.
        let causes: Vec<Why> = causes.into_iter().filter(|cause| cause.state != State::Pending).collect();
        if causes.is_empty() {
            return tell("journey-works").to_string();
        }
        let mut named: Vec<String> = causes.iter().take(CAUSES_NAMED_MAX).map(|cause| cause.clause.clone()).collect();
        let more = causes.len().saturating_sub(named.len());
        if more > 0 {
            named.push(self.say("causes-more").with("count", more).to_string());
        }
        let since = causes.iter().filter_map(|cause| cause.since).min();
        let told = self.since(self.clauses(&named), since, snapshot);
        // What the number says, not its colour: the colour waits for a second evaluation. But where nothing is known to
        // be wrong, it says what we do not see, not how customers fare.
        let lead = match journey.value {
            _ if causes.iter().all(|cause| cause.state == State::Unknown) => "journey-unsure",
            ..0.05 => "journey-broken",
            ..0.5 => "journey-bad",
            ..0.8 => "journey-mixed",
            _ => "journey-marred",
        };
        tell(lead).with("causes", told).to_string()
    }

    /// Where our probes and the customers tell different stories.
    pub fn divergence(&self, divergence: Divergence, title: &str) -> String {
        let key = match divergence {
            Divergence::CustomersRed => "divergence-customers-red",
            Divergence::ProbesRed => "divergence-probes-red",
        };
        self.say(key).with("title", title).to_string()
    }

    /// What went wrong at a place, as a clause that follows its name.
    pub fn fault(&self, state: State, fault: Option<&Fault>) -> Cow<'_, str> {
        match (state, fault) {
            (State::Pending, _) => self.text("place-pending"),
            (State::Unknown, _) => self.text("place-unknown"),
            (State::Closed, _) => self.text("place-closed"),
            (_, Some(fault)) => self.meaning(fault),
            (State::Down, None) => self.text("place-down"),
            (State::Up | State::Degraded, None) => self.text("place-wavers"),
        }
    }

    /// The same of a place by its name: "Bills and payments answers with an error".
    pub fn clause(&self, place: &str, state: State, fault: Option<&Fault>) -> String {
        self.say("clause").with("name", place).with("what", self.fault(state, fault)).to_string()
    }

    /// What a fault means to customers; where the evidence tells it, the thing itself: "shows a wrong price (34.99, not
    /// 29.99)".
    pub fn meaning(&self, fault: &Fault) -> Cow<'_, str> {
        let evidence = fault.evidence.as_ref();
        let said = match fault.code {
            FaultCode::Expectation => {
                evidence.and_then(|evidence| Some(unmet::Unmet::of(evidence)?.told(self, evidence)))
            }
            FaultCode::Status => evidence
                .and_then(|evidence| evidence.found.parse().ok())
                .map(|code| self.text(advice::status_meaning(code))),
            _ => None,
        };
        said.unwrap_or_else(|| self.code(fault.code))
    }

    /// A code in a customer's words: "does not answer in time".
    pub fn code(&self, code: FaultCode) -> Cow<'_, str> {
        self.family("fault", code.code())
    }

    /// What is the matter with ourselves.
    pub fn own(&self, fault: SelfFault) -> Cow<'_, str> {
        self.family("own", fault.code())
    }

    /// A part of a step: "looking up the name".
    pub fn phase(&self, phase: Phase) -> Cow<'_, str> {
        self.family("phase", phase.code())
    }

    /// By its code: "website".
    pub fn channel(&self, channel: &str) -> Cow<'_, str> {
        self.family("channel", channel)
    }

    /// What kind of notification it is.
    pub fn notice(&self, kind: &str) -> Cow<'_, str> {
        self.family("notice", kind)
    }

    /// A message that is called as a code of the model's.
    fn family(&self, family: &str, code: &str) -> Cow<'_, str> {
        self.text(&format!("{family}-{code}"))
    }

    /// "a", "a and b", "a, b and c"
    pub fn list(&self, items: impl Iterator<Item = String>) -> String {
        self.joined(&items.collect::<Vec<_>>(), "list-comma", "list-and")
    }

    /// The same of parts of a sentence.
    fn clauses(&self, items: &[String]) -> String {
        self.joined(items, "clauses-comma", "clauses-and")
    }

    fn joined(&self, items: &[String], comma: &str, and: &str) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [rest @ .., last] => format!("{}{}{last}", rest.join(&self.text(comma)), self.text(and)),
        }
    }

    /// Causes, and since when, where that is known.
    fn since(&self, causes: String, since: Option<Timestamp>, snapshot: &Snapshot) -> String {
        let Some(since) = since else { return causes };
        let since = self.moment(since, snapshot.at, &snapshot.map.timezone);
        self.say("causes-since").with("causes", causes).with("since", since).to_string()
    }

    /// What costs the journey its points, in the order in which to fix it.
    fn causes(&self, journey: &JourneyNow, snapshot: &Snapshot) -> Vec<Why> {
        let worth = |share: f64| share >= POINTS_WORTH_NAMING;
        let checks = journey.consistency.iter().filter(|check| worth(check.share));
        let mut causes: Vec<Why> = elements(journey)
            .filter(|element| worth(element.share))
            .map(|element| self.element_cause(element, snapshot))
            .chain(checks.map(|check| self.check_cause(check)))
            .collect();
        causes.sort_by_key(|cause| cause.state != State::Down);
        causes.sort_by(|a, b| b.share.total_cmp(&a.share));
        // An element that two stages need is drawn twice and is still one cause.
        let mut seen = std::collections::BTreeSet::new();
        causes.retain(|cause| seen.insert(cause.clause.clone()));
        causes
    }

    fn element_cause(&self, element: &ElementNow, snapshot: &Snapshot) -> Why {
        let state = element.health.state;
        let name = touchpoint(element.element.touchpoint(), &snapshot.map);
        Why {
            share: element.share,
            state,
            since: matches!(state, State::Down | State::Degraded).then_some(element.since),
            clause: self.clause(name, state, element.fault.as_ref()),
        }
    }

    fn check_cause(&self, check: &CheckNow) -> Why {
        let since = (check.state == State::Down).then_some(check.since);
        Why { share: check.share, state: check.state, since, clause: self.check(check.state, &check.name) }
    }

    fn check(&self, state: State, name: &str) -> String {
        let key = match state {
            State::Down => "check-broken",
            State::Pending => "check-first",
            _ => "check-unknown",
        };
        self.say(key).with("name", name).to_string()
    }
}

/// Nothing is known against it, but first looks are under way: a low number would be no news about it.
pub fn is_pending(journey: &JourneyNow) -> bool {
    let pending = |state: State| state == State::Pending;
    if journey.score.is_none() {
        // The first to be looked at are well, the others still to come: nothing has failed to get through.
        let well = |state: State| matches!(state, State::Pending | State::Up | State::Closed);
        return elements(journey).any(|element| pending(element.health.state))
            && elements(journey).all(|element| well(element.health.state));
    }
    let costly = elements(journey).map(|element| (element.share, element.health.state));
    let costly = costly.chain(journey.consistency.iter().map(|check| (check.share, check.state)));
    let mut costly = costly.filter(|(share, _)| *share >= POINTS_WORTH_NAMING).peekable();
    costly.peek().is_some() && costly.all(|(_, state)| pending(state))
}

/// The message that is a state as people say it.
pub const fn state(state: State) -> &'static str {
    match state {
        State::Pending => "state-pending",
        State::Up => "state-up",
        State::Degraded => "state-degraded",
        State::Down => "state-down",
        State::Unknown => "state-unknown",
        State::Closed => "state-closed",
    }
}

/// The message that is a colour as people say it: never shown alone.
pub const fn color(color: Color) -> &'static str {
    match color {
        Color::Good => "color-good",
        Color::Watch => "color-watch",
        Color::Bad => "color-bad",
        Color::Broken => "color-broken",
        Color::Unknown => "color-unknown",
    }
}

/// The touchpoint's title; its id once it has left the map.
pub fn touchpoint<'a>(id: &'a TouchpointId, map: &'a JourneyMap) -> &'a str {
    map.touchpoints.get(id).map_or(id.as_str(), |touchpoint| &touchpoint.title)
}

/// The journey's title; its id once it has left the map.
pub fn title<'a>(id: &'a JourneyId, map: &'a JourneyMap) -> &'a str {
    map.journey(id).map_or(id.as_str(), |journey| &journey.title)
}

struct Why {
    share: f64,
    state: State,
    /// Of what is well and costs nevertheless, nobody knows since when.
    since: Option<Timestamp>,
    clause: String,
}

fn elements(journey: &JourneyNow) -> impl Iterator<Item = &ElementNow> {
    journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements)
}

#[cfg(test)]
mod tests;
