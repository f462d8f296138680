//! A dialogue: what we say and what we wait for, in turns.

pub mod lines;
pub mod said;
mod talk;
pub mod wanted;

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use super::Part;
use super::template::{Template, is_name};
use crate::model::{Evidence, Fault, FaultCode};

/// When the other side has said something whole that is not what we wait for, and then nothing for so long, it is not
/// going to say it.
pub(super) const QUIET: Duration = Duration::from_secs(2);
/// What is kept back of a run's time, to tell what did not come.
const RESERVE: Duration = Duration::from_millis(20);

/// One turn of text, where there is nothing more to it: a map with one key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn<E> {
    /// What we say.
    Send(Template),
    /// What we wait for.
    Expect(E),
}

/// How long to wait for more: to the end, or until it is plain that nothing better comes. Our own timer comes just
/// before the run's: what was waited for can be told.
pub(super) fn patience(deadline: Instant, heard: Heard) -> Instant {
    match heard {
        Heard::Whole => in_time(deadline).min(Instant::now() + QUIET),
        Heard::Part | Heard::Nothing => in_time(deadline),
    }
}

/// A little before the deadline: of two timers for one moment nobody knows which is first.
pub(super) fn in_time(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline - RESERVE.min(left / 10)
}

/// A turn, as far as all dialogues are alike.
pub(super) trait Speak {
    /// Shows every template and secret.
    fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>));

    /// The names of what it captures.
    fn captures(&self) -> Vec<&str>;
}

/// A name that is said before the turn that captures it, or that nothing could say.
pub(super) fn wrong_name<T: Speak>(turns: &[T]) -> Option<String> {
    let mut known = BTreeSet::new();
    for (number, turn) in (1..).zip(turns) {
        if let Some(name) = turn.captures().into_iter().find(|name| !is_name(name)) {
            return Some(format!("turn {number} captures `{name}`, which is not a name"));
        }
        let mut names = Vec::new();
        turn.parts(&mut |part| {
            if let Part::Template(template, _) = part {
                names.extend(template.names());
            }
        });
        let later = |name: &str| turns[number - 1..].iter().any(|turn| turn.captures().contains(&name));
        if let Some(name) = names.iter().find(|name| !known.contains(**name) && later(name)) {
            return Some(format!("turn {number} says `{name}`, which only a later turn captures"));
        }
        known.extend(turn.captures());
    }
    None
}

/// What has been heard since the last turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// The beginning of a line or message.
    Part,
    /// At least one whole line or message.
    Whole,
}

/// The fault of a turn that heard something else.
pub(super) fn unexpected(of: impl Into<String>, expected: String, found: String) -> Fault {
    let evidence = Evidence { of: of.into(), expected, found };
    Fault { evidence: Some(evidence), ..Fault::new(FaultCode::Expectation, String::new()) }
}

/// The fault of a turn that heard nothing until the end of the run.
pub(super) fn silence(of: &str, expected: &str) -> Fault {
    Fault::new(FaultCode::Timeout, format!("{of}: nothing came in time; expected {expected}"))
}
