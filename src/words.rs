//! What we say to people who read no logs: sentences and headlines in plain English, without addresses and status
//! codes. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{
    Cause, CheckNow, Color, ElementNow, Fault, FaultCode, Incident, JourneyId, JourneyMap, JourneyNow, NeedNow,
    Severity, Snapshot, State, TouchpointId,
};

/// A cause that costs less than this many points is noise to a customer and is not named.
const POINTS_WORTH_NAMING: f64 = 0.5;
/// Causes named in one sentence; the rest are counted.
const CAUSES_NAMED_MAX: usize = 2;

/// How a journey goes, in the words of the people who walk it.
pub fn journey(journey: &JourneyNow, snapshot: &Snapshot) -> String {
    let wish = wish(title(&journey.id, &snapshot.map));
    if journey.score.is_none() {
        let pending = elements(journey).all(|element| element.health.state == State::Pending);
        return if pending {
            format!("We are checking whether customers can {wish}: the first visits are on their way.")
        } else {
            format!("We cannot see whether customers can {wish}: too few of our visits got through.")
        };
    }
    let causes = causes(journey, snapshot);
    let first: Vec<String> = causes.iter().filter(|cause| cause.pending).map(Why::clause).collect();
    if !first.is_empty() && first.len() == causes.len() {
        return match first.as_slice() {
            [one] => format!("We are still checking whether customers can {wish}: {one}."),
            more => {
                format!("We are still checking whether customers can {wish}: {} first looks are to come.", more.len())
            }
        };
    }
    // What nobody has looked at yet is no cause.
    let causes: Vec<Why> = causes.into_iter().filter(|cause| !cause.pending).collect();
    let Some(since) = causes.iter().map(|cause| cause.since).min() else {
        return format!("Customers can {wish} as they should.");
    };
    let lead = lead(journey, &wish);
    let mut named: Vec<String> = causes.iter().take(CAUSES_NAMED_MAX).map(Why::clause).collect();
    match causes.len().saturating_sub(named.len()) {
        0 => {}
        1 => named.push("one thing more".to_owned()),
        more => named.push(format!("{more} things more")),
    }
    let since = clock(since, snapshot.at, &snapshot.map.timezone);
    format!("{lead} {}, since {since}.", listed(&named))
}

/// "a", "a and b", "a, b and c"
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
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
            format!("{} {was} {how}", touchpoint(id, map))
        }
        Cause::Journey(id) => return format!("“{}” {was} broken by many small problems", title(id, map)),
        Cause::Own(fault) => return format!("Unbroken itself {was} in trouble: {}", fault.words()),
    };
    let hurt: Vec<String> =
        incident.impacts.iter().map(|impact| format!("“{}”", title(&impact.journey, map))).collect();
    let were = if was == "is" { "are" } else { "were" };
    if hurt.is_empty() { what } else { format!("{what}: customers of {} {were} hurt", listed(&hurt)) }
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

/// The touchpoint's title; its id once it has left the map.
pub fn touchpoint<'a>(id: &'a TouchpointId, map: &'a JourneyMap) -> &'a str {
    map.touchpoints.get(id).map_or(id.as_str(), |touchpoint| &touchpoint.title)
}

/// The journey's title; its id once it has left the map.
pub fn title<'a>(id: &'a JourneyId, map: &'a JourneyMap) -> &'a str {
    map.journey(id).map_or(id.as_str(), |journey| &journey.title)
}

/// What went wrong at a place, as a clause that follows its name.
pub fn fault(state: State, fault: Option<&Fault>) -> &'static str {
    match (state, fault) {
        (State::Pending, _) => "is being checked for the first time",
        (State::Unknown, _) => "cannot be seen by us",
        (State::Closed, _) => "is closed at this hour",
        (_, Some(fault)) => fault.code.words(),
        (State::Down, None) => "is down",
        (State::Up | State::Degraded, None) => "does not work as it should at times",
    }
}

struct Why {
    share: f64,
    down: bool,
    pending: bool,
    since: Timestamp,
    name: String,
    what: &'static str,
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
        since: element.since,
        name: name.to_owned(),
        what: fault(state, element.fault.as_ref()),
    }
}

fn check_cause(check: &CheckNow) -> Why {
    let (name, what) = match check.state {
        State::Down => (format!("“{}”", check.name), "is not true any more"),
        _ => (format!("we cannot tell whether “{}”", check.name), "still holds"),
    };
    let (down, pending) = (check.state == State::Down, check.state == State::Pending);
    Why { share: check.share, down, pending, since: check.since, name, what }
}

fn elements(journey: &JourneyNow) -> impl Iterator<Item = &ElementNow> {
    journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements)
}

fn lead(journey: &JourneyNow, wish: &str) -> String {
    // What the number says, not its colour: the colour waits for a second evaluation.
    if journey.value < 0.05 {
        format!("Customers cannot {wish}:")
    } else if journey.value < 0.5 {
        format!("Most customers cannot {wish} without trouble:")
    } else if journey.value < 0.8 {
        format!("Many customers can {wish}, but not all:")
    } else {
        format!("Customers can {wish}, but")
    }
}

/// `Pay my bill` becomes `pay their bill`: a journey's title is what a customer says, our sentence is about them.
fn wish(title: &str) -> String {
    let mut first = true;
    let words: Vec<String> = title
        .split_whitespace()
        .map(|word| {
            let begins = std::mem::take(&mut first);
            match word.to_lowercase().as_str() {
                "my" => "their".to_owned(),
                "me" => "them".to_owned(),
                "mine" => "theirs".to_owned(),
                "myself" => "themselves".to_owned(),
                "i" => "they".to_owned(),
                // An acronym keeps its capitals.
                lower if begins && !word.chars().nth(1).is_some_and(char::is_uppercase) => lower.to_owned(),
                _ => word.to_owned(),
            }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
