//! A dialogue: what we say and what we wait for, in turns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use super::template::Template;
use crate::model::{Evidence, Fault, FaultCode};

/// When the other side has said something whole that is not what we wait for, and then nothing for so long, it is not
/// going to say it.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// One turn: a map with one key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn<E> {
    /// What we say.
    Send(Template),
    /// What we wait for.
    Expect(E),
}

/// How long to wait for more: to the end, or until it is plain that nothing better comes.
pub(super) fn patience(deadline: Instant, heard: Heard) -> Instant {
    match heard {
        Heard::Whole => deadline.min(Instant::now() + QUIET),
        // Our own timer comes just before the run's: what was heard can be told.
        Heard::Part => deadline,
        // Nothing to tell: the run's end says it better.
        Heard::Nothing => deadline + QUIET,
    }
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
pub(super) fn unexpected(of: &str, expected: String, found: String) -> Fault {
    let evidence = Evidence { of: of.to_owned(), expected, found };
    Fault { evidence: Some(evidence), ..Fault::new(FaultCode::Expectation, String::new()) }
}
