//! What is known of other sites' pages: they are asked once a day, not once a run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use url::Url;

const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
const BAD_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Addresses remembered.
const KNOWN_MAX: usize = 4000;

/// Shared by all runs of one probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<HashMap<Url, Known>>>);

/// What was seen of an address.
#[derive(Clone, Debug)]
pub(super) struct Known {
    until: Timestamp,
    /// Why it is broken, if it is.
    pub(super) broken: Option<String>,
}

impl Memory {
    /// What is still known of `url`.
    pub(super) fn recall(&self, url: &Url, now: Timestamp) -> Option<Known> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(url).filter(|known| known.until > now).cloned()
    }

    pub(super) fn note(&self, url: Url, broken: Option<String>, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.retain(|_, known| known.until > now);
        }
        if known.len() < KNOWN_MAX {
            let until = now.saturating_add(if broken.is_some() { BAD_FOR } else { GOOD_FOR });
            known.insert(url, Known { until: until.unwrap_or(Timestamp::MAX), broken });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_good_are_believed_for_a_day_and_the_bad_for_an_hour() {
        let memory = Memory::default();
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let at = |hours| now + SignedDuration::from_hours(hours);
        let url = |path: &str| Url::parse(&format!("https://a.example/{path}")).expect(path);
        memory.note(url("good"), None, now);
        memory.note(url("bad"), Some("404".to_owned()), now);
        let broken = |path, now| memory.recall(&url(path), now).map(|known| known.broken.unwrap_or_default());
        assert_eq!(broken("good", at(23)).as_deref(), Some(""));
        assert_eq!(broken("good", at(24)), None);
        assert_eq!(broken("bad", now).as_deref(), Some("404"));
        assert_eq!(broken("bad", at(1)), None);
        assert_eq!(broken("other", now), None);
    }
}
