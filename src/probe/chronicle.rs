//! What a kind has to tell of a step beside its phases, for the run's trace.

use std::fmt;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::Redactor;
use super::errand::keys_in;
use crate::model::{Episode, Scalar};

/// Of what an episode is called, and of each of its texts.
const NAME_CHARS_MAX: usize = 120;
const TEXT_CHARS_MAX: usize = 500;

/// How much of a run is told in its reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Steps and phases: all that pages show.
    #[default]
    Brief,
    /// What happened within them, too: somebody takes traces.
    Full,
}

/// Remembers what happens within a step. Asked once, when the step is over, however it ended.
pub trait Chronicle: fmt::Debug + Send + Sync {
    /// `start`: the run's; `until`: of what is still under way.
    fn account(&self, start: Instant, until: Instant) -> Account;
}

/// What happened.
#[derive(Debug, Default)]
pub struct Account {
    /// Causes before what they caused.
    pub episodes: Vec<Episode>,
    /// Of the step itself.
    pub attributes: Vec<(&'static str, SmolStr)>,
}

impl Redactor {
    /// Bounded, and without secrets: also those that stand in one address and let in by another.
    pub(super) fn episodes(&self, mut episodes: Vec<Episode>, step: &str) -> Box<[Episode]> {
        if episodes.is_empty() {
            return Box::default();
        }
        let mut hiding = self.clone();
        for (_, value) in episodes.iter().flat_map(|episode| &episode.attributes) {
            if let Scalar::Text(text) = value {
                for key in keys_in(text) {
                    hiding.hide(&key);
                }
            }
        }
        for episode in &mut episodes {
            episode.name = hiding.clip_own(std::mem::take(&mut episode.name), NAME_CHARS_MAX);
            for (_, value) in &mut episode.attributes {
                if let Scalar::Text(text) = value {
                    *text = hiding.clip_own(std::mem::take(text), TEXT_CHARS_MAX);
                }
            }
            episode.fault = episode.fault.take().map(|fault| hiding.fault(fault, step));
        }
        episodes.into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Fault, FaultCode, Side, SpanId};

    #[test]
    fn what_lets_in_is_told_nowhere() {
        let mut redactor = Redactor::default();
        redactor.hide("hunter2");
        let text = |text: &str| Scalar::Text(text.into());
        let episode = Episode {
            span: SpanId(1),
            within: None,
            name: "Fill hunter2".into(),
            side: Side::Own,
            offset: Duration::ZERO,
            took: Duration::ZERO,
            attributes: vec![
                ("url.full", text("https://shop.example/in?token=0123456789abcdef&page=2")),
                ("unbroken.browser.verb", text("fill")),
                ("unbroken.browser.deed", Scalar::Integer(1)),
            ],
            fault: Some(Fault::new(FaultCode::NoEffect, "0123456789abcdef and hunter2")),
        };
        let told = redactor.episodes(vec![episode], "buy");
        assert_eq!(told[0].name, "Fill •••");
        assert_eq!(told[0].attributes[0].1, text("https://shop.example/in?token=•••&page=2"));
        assert_eq!(
            told[0].attributes[1..],
            [("unbroken.browser.verb", text("fill")), ("unbroken.browser.deed", Scalar::Integer(1))]
        );
        assert_eq!(told[0].fault.as_ref().unwrap().text, "••• and •••");
    }
}
