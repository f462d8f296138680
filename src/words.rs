//! What we say to people who read no logs: sentences and headlines in plain English, without addresses and status
//! codes. Pure.

mod advice;
mod likeness;
mod segment;
mod unmet;
mod wish;
mod written;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{
    Cause, CheckNow, Color, Divergence, ElementNow, Fact, Fault, FaultCode, Incident, JourneyId, JourneyMap,
    JourneyNow, NeedNow, Severity, Snapshot, State, TouchpointId,
};
use wish::Wish;

pub use advice::advice;
pub use likeness::nearest;
pub use segment::{is_segment_pending, segment, segment_score};
pub use written::{chain, markup};

/// A cause that costs less than this many points is noise to a customer and is not named.
const POINTS_WORTH_NAMING: f64 = 0.5;
/// Causes named in one sentence; the rest are counted.
const CAUSES_NAMED_MAX: usize = 2;

/// How a journey goes, in the words of the people who walk it.
pub fn journey(journey: &JourneyNow, snapshot: &Snapshot) -> String {
    let wish = Wish::of(title(&journey.id, &snapshot.map));
    if journey.score.is_none() {
        let works = wish.works();
        return if is_pending(journey) {
            format!("We are checking whether {works}: the first visits are on their way.")
        } else {
            format!("We cannot see whether {works}: too few of our visits got through.")
        };
    }
    let causes = causes(journey, snapshot);
    if is_pending(journey) {
        let first: Vec<String> = causes.iter().map(Why::clause).collect();
        return match first.as_slice() {
            [one] => format!("We are still checking whether {}: {one}.", wish.works()),
            more => {
                format!("We are still checking whether {}: {} first looks are under way.", wish.works(), more.len())
            }
        };
    }
    // What nobody has looked at yet is no cause.
    let causes: Vec<Why> = causes.into_iter().filter(|cause| !cause.pending).collect();
    if causes.is_empty() {
        return wish.works_well();
    }
    // What the number says, not its colour: the colour waits for a second evaluation.
    let lead = wish.lead(journey.value);
    let mut named: Vec<String> = causes.iter().take(CAUSES_NAMED_MAX).map(Why::clause).collect();
    match causes.len().saturating_sub(named.len()) {
        0 => {}
        1 => named.push("one thing more".to_owned()),
        more => named.push(format!("{more} things more")),
    }
    let since = causes.iter().filter_map(|cause| cause.since).min();
    let since = since.map(|since| format!(", since {}", clock(since, snapshot.at, &snapshot.map.timezone)));
    format!("{lead} {}{}.", listed(&named), since.unwrap_or_default())
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

/// Where our probes and the customers tell different stories.
pub fn divergence(divergence: Divergence, title: &str) -> String {
    match divergence {
        Divergence::CustomersRed => format!(
            "Probes green, customers red: everything we try at {title} works, and customers are unhappy. They meet \
             something that is not probed."
        ),
        Divergence::ProbesRed => format!(
            "Probes red, customers green: {title} fails for us, and customers are content. Does the probe do what \
             they do?"
        ),
    }
}

/// "a", "a and b", "a, b and c"
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The same of anything that is told.
pub fn list(items: impl Iterator<Item = String>) -> String {
    listed(&items.collect::<Vec<_>>())
}

/// What is broken for whom: the first line of every alert.
pub fn incident(incident: &Incident, map: &JourneyMap) -> String {
    let was = if incident.closed.is_some() { "was" } else { "is" };
    let what = match &incident.cause {
        Cause::Touchpoint(id) => {
            let slow = incident.fault.as_ref().is_some_and(|fault| fault.code == FaultCode::Latency);
            let how = match (incident.severity, slow) {
                (_, true) => "slow",
                (Severity::Page, false) => "down",
                (Severity::Ticket, false) => "in trouble",
            };
            let from: Vec<String> = incident.only_from.iter().map(|vantage| format!("`{vantage}`")).collect();
            let from = if from.is_empty() { String::new() } else { format!(" from {} only", listed(&from)) };
            format!("{} {was} {how}{from}", touchpoint(id, map))
        }
        Cause::Journey(id) => return format!("“{}” {was} broken by many small problems", title(id, map)),
        Cause::Objective(id) => {
            return format!("“{}” {was} losing minutes faster than its objective allows", title(id, map));
        }
        Cause::Own(fault) => return format!("Unbroken itself {was} in trouble: {}", fault.words()),
    };
    let hurt: Vec<String> =
        incident.impacts.iter().map(|impact| format!("“{}”", title(&impact.journey, map))).collect();
    let were = if was == "is" { "are" } else { "were" };
    if hurt.is_empty() { what } else { format!("{what}: customers of {} {were} hurt", listed(&hurt)) }
}

/// What the touchpoints of an incident have in common, and which they are.
pub fn shared(incident: &Incident, map: &JourneyMap) -> Option<String> {
    let shared = incident.shared.as_ref()?;
    let places: Vec<String> = shared.shown_by.iter().map(|id| touchpoint(id, map).to_owned()).collect();
    let what = match &shared.fact {
        Fact::Certificate { subject, .. } => {
            let code = incident.fault.as_ref().map(|fault| fault.code);
            format!("one certificate, that of {}, {}", common_name(subject), refused(code))
        }
        Fact::NameServer(server) => format!("one name server, {}, that does not answer as it should", server.ip()),
        Fact::Name(name) => format!("one name, {name}, that leads nowhere"),
        Fact::Machine(ip) => format!("one machine, {ip}, that cannot be reached"),
        Fact::Server(address) => format!("one server, {address}, that takes no connections"),
        Fact::Host { host, code } => format!("one place, {host}, that {}", code.words()),
    };
    let show = if places.len() == 1 { "shows" } else { "show" };
    Some(format!("{what}: {} {show} it", listed(&places)))
}

/// Why a certificate is refused, as a clause that follows it.
fn refused(code: Option<FaultCode>) -> &'static str {
    match code {
        Some(FaultCode::CertExpired) => "expired",
        Some(FaultCode::CertNotYetValid) => "that is not valid yet",
        Some(FaultCode::CertSelfSigned) => "that nobody vouches for",
        Some(FaultCode::CertUntrusted) => "that comes from an unknown issuer",
        Some(FaultCode::CertWrongHost) => "that is for another name",
        Some(FaultCode::CertRevoked) => "that was revoked",
        Some(FaultCode::ChainIncomplete) => "that is sent with an incomplete chain",
        _ => "that is not as it should be",
    }
}

/// Of `CN=*.example.com, O=Example` what people call it.
fn common_name(subject: &str) -> &str {
    let name = subject.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    name.unwrap_or(if subject.is_empty() { "nobody" } else { subject })
}

/// A state as people say it.
pub const fn state(state: State) -> &'static str {
    match state {
        State::Pending => "checking",
        State::Up => "works",
        State::Degraded => "struggles",
        State::Down => "down",
        State::Unknown => "not seen",
        State::Closed => "closed",
    }
}

/// A colour as people say it: never shown alone.
pub const fn color(color: Color) -> &'static str {
    match color {
        Color::Good => "Good",
        Color::Watch => "Watch",
        Color::Bad => "Bad",
        Color::Broken => "Broken",
        Color::Unknown => "Not seen",
    }
}

/// A moment as a clock on the wall shows it: `09:40`, `yesterday 21:10`, `19 Nov 21:10`.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let yesterday = today.date().yesterday().ok();
    if then.date() == today.date() {
        then.strftime("%H:%M").to_string()
    } else if Some(then.date()) == yesterday {
        then.strftime("yesterday %H:%M").to_string()
    } else if then.year() == today.year() {
        then.strftime("%-d %b %H:%M").to_string()
    } else {
        then.strftime("%-d %b %Y %H:%M").to_string()
    }
}

/// A length of time as people say it.
pub fn length(from: Timestamp, to: Timestamp) -> String {
    let minutes = to.duration_since(from).as_mins().max(0);
    match minutes {
        0 => "less than a minute".into(),
        1 => "1 minute".into(),
        2..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
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

/// What went wrong at a place, as a clause that follows its name.
pub fn fault(state: State, fault: Option<&Fault>) -> Cow<'static, str> {
    match (state, fault) {
        (State::Pending, _) => "is being checked for the first time".into(),
        (State::Unknown, _) => "cannot be seen by us".into(),
        (State::Closed, _) => "is closed at this hour".into(),
        (_, Some(fault)) => clause(fault),
        (State::Down, None) => "is down".into(),
        (State::Up | State::Degraded, None) => "does not work as it should at times".into(),
    }
}

/// The thing itself where the evidence tells it: "shows a wrong price (34.99, not 29.99)".
fn clause(fault: &Fault) -> Cow<'static, str> {
    let evidence = fault.evidence.as_ref();
    let said: Option<Cow<'static, str>> = match fault.code {
        FaultCode::Expectation => {
            evidence.and_then(|evidence| Some(unmet::Unmet::of(evidence)?.words(evidence).into()))
        }
        FaultCode::Status => {
            evidence.and_then(|evidence| evidence.found.parse().ok()).map(|code| advice::status_words(code).into())
        }
        _ => None,
    };
    said.unwrap_or(fault.code.words().into())
}

struct Why {
    share: f64,
    down: bool,
    pending: bool,
    /// Of what is well and costs nevertheless, nobody knows since when.
    since: Option<Timestamp>,
    name: String,
    what: Cow<'static, str>,
}

impl Why {
    fn clause(&self) -> String {
        format!("{} {}", self.name, self.what)
    }
}

/// What costs the journey its points, in the order in which to fix it.
fn causes(journey: &JourneyNow, snapshot: &Snapshot) -> Vec<Why> {
    let mut causes: Vec<Why> = elements(journey)
        .filter(|element| element.share >= POINTS_WORTH_NAMING)
        .map(|element| element_cause(element, snapshot))
        .chain(journey.consistency.iter().filter(|check| check.share >= POINTS_WORTH_NAMING).map(check_cause))
        .collect();
    causes.sort_by(|a, b| b.share.total_cmp(&a.share).then(b.down.cmp(&a.down)));
    // An element that two stages need is drawn twice and is still one cause.
    let mut seen = std::collections::BTreeSet::new();
    causes.retain(|cause| seen.insert(cause.clause()));
    causes
}

fn element_cause(element: &ElementNow, snapshot: &Snapshot) -> Why {
    let state = element.health.state;
    let name = touchpoint(element.element.touchpoint(), &snapshot.map);
    Why {
        share: element.share,
        down: state == State::Down,
        pending: state == State::Pending,
        since: matches!(state, State::Down | State::Degraded).then_some(element.since),
        name: name.to_owned(),
        what: fault(state, element.fault.as_ref()),
    }
}

fn check_cause(check: &CheckNow) -> Why {
    let (name, what) = check_words(check.state, &check.name);
    let (down, pending) = (check.state == State::Down, check.state == State::Pending);
    Why { share: check.share, down, pending, since: down.then_some(check.since), name, what: what.into() }
}

fn check_words(state: State, name: &str) -> (String, &'static str) {
    match state {
        State::Down => (format!("“{name}”"), "is not true any more"),
        State::Pending => (format!("“{name}”"), "is being looked at for the first time"),
        _ => (format!("we cannot tell whether “{name}”"), "still holds"),
    }
}

fn elements(journey: &JourneyNow) -> impl Iterator<Item = &ElementNow> {
    journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements)
}

#[cfg(test)]
mod tests;
