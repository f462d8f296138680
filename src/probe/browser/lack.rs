//! What keeps people from using something on a page, in words that its owner understands.

use std::time::Duration;

use super::window::{Spot, State};
use crate::model::{Fault, FaultCode};

/// Why it cannot be used, as the owner of the page would say it.
pub(super) fn unready(what: &str, spot: Option<Spot>, value: &str, waited: Duration) -> Fault {
    let waited = brief(waited);
    let answer = spot.map(|spot| spot.answer).unwrap_or_default();
    let it = if answer.words.is_empty() { what } else { &answer.words };
    let list = |texts: &[String]| texts.iter().map(|text| format!("“{text}”")).collect::<Vec<_>>().join(", ");
    let (code, text) = match answer.state {
        State::None | State::Gone | State::There | State::Ready | State::Done => {
            let instead = match list(&answer.near) {
                near if near.is_empty() => String::new(),
                near => format!("; there is {near}"),
            };
            (FaultCode::ElementMissing, format!("{what} is not on the page after {waited}{instead}"))
        }
        State::Refused => {
            let offered = list(&answer.near);
            (FaultCode::ElementMissing, format!("{what} does not take “{value}”; it offers {offered}"))
        }
        State::Hidden => (FaultCode::ElementHidden, format!("{it} is there, but not to be seen after {waited}")),
        State::Aside => (FaultCode::ElementHidden, format!("{it} lies beside the screen, where nobody can scroll to")),
        State::Disabled => (FaultCode::ElementDisabled, format!("{it} is still switched off after {waited}")),
        State::Moving => (FaultCode::ElementMoving, format!("{it} does not hold still: it still moves after {waited}")),
        State::Covered => {
            let by = if answer.by.is_empty() { "something" } else { &answer.by };
            (FaultCode::ElementCovered, format!("{it} is covered by {by}: nobody can press it"))
        }
    };
    Fault::new(code, text)
}

/// `5 s`, `350 ms`
pub(super) fn brief(time: Duration) -> String {
    let ms = time.as_millis();
    if ms < 1000 { format!("{ms} ms") } else { format!("{} s", (ms as f64 / 100.0).round() / 10.0) }
}

/// It could be used, and is gone before it is.
pub(super) fn vanished(spot: &Spot) -> Fault {
    let text = format!(
        "{} is taken away in the moment in which it can be used at last, with the part of the page that it lies in",
        spot.answer.words
    );
    Fault::new(FaultCode::ElementMissing, text)
}
