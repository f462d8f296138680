//! What keeps people from using something on a page, in words that its owner understands.

use std::time::Duration;

use tokio::time::timeout;

use super::window::{Spot, State, Window};
use crate::model::{Fault, FaultCode};

/// For what is to be seen instead: a page that does not answer shows nothing.
const SHOWN_WITHIN: Duration = Duration::from_millis(500);

/// Why it cannot be used, as the owner of the page would say it.
pub(super) fn unready(what: &str, spot: Option<Spot>, value: &str, waited: Duration) -> Fault {
    let waited = brief(waited);
    let answer = spot.map(|spot| spot.answer).unwrap_or_default();
    let it = if answer.words.is_empty() { what } else { &answer.words };
    let list = |texts: &[String]| texts.iter().map(|text| format!("“{text}”")).collect::<Vec<_>>().join(", ");
    let (code, text) = match answer.state {
        State::Untaught | State::Unheard | State::None | State::Gone | State::There | State::Ready | State::Done => {
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

/// What is to be seen, in a line: what the page is called, and what it has to say.
pub(super) async fn shown(window: &Window) -> String {
    const SHOWN: &str = "() => {
        const line = text => (text ?? '').replace(/\\s+/g, ' ').trim().slice(0, 80);
        const told = '[role=alert],[role=alertdialog],[role=status],[aria-live=assertive],[aria-live=polite]';
        const said = [...document.querySelectorAll(told)].filter(el => el.checkVisibility()).map(el => line(el.innerText));
        return [line(document.title), line(document.querySelector('h1')?.innerText), said.find(Boolean) ?? ''];
    }";
    let shown = window.main::<(String, String, String)>(SHOWN, Vec::new());
    let Ok(Ok(Some((title, headline, said)))) = timeout(SHOWN_WITHIN, shown).await else {
        return "nothing that can be read".to_owned();
    };
    let page = match headline {
        headline if headline.is_empty() || title.contains(&headline) => format!("“{title}”"),
        headline => format!("“{headline}” ({title})"),
    };
    if said.is_empty() { page } else { format!("{page} and says “{said}”") }
}
