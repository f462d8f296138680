//! What came of the last deed, as long as something may still come of it.

use std::time::Duration;

use tokio::time::Instant;

use super::effect::Sights;
use super::line::Then;

/// An effect is promised when it stands for so many looks after the first: what passes by may be missed the next time.
const STANDS: u32 = 3;
/// What comes later is no effect: a probe waits 5 s by default.
pub(super) const WITHIN: Duration = Duration::from_secs(4);

pub(super) struct Pending {
    pub(super) before: Sights,
    since: Instant,
    /// What was to be seen at the last look, for so many looks before it.
    found: Option<Then>,
    stood: u32,
    /// The last one that stood: one word of patience ("We are looking ...") may stand before the answer.
    kept: Option<Then>,
}

impl Pending {
    pub(super) fn new(before: Sights) -> Self {
        Self { before, since: Instant::now(), found: None, stood: 0, kept: None }
    }

    /// A look found this; `is_whole` tells that the page had all its parts.
    pub(super) fn see(&mut self, found: Option<Then>, is_whole: bool) {
        self.stood = if is_whole && found == self.found { self.stood + 1 } else { 0 };
        self.found = found;
        if self.found.is_some() && self.stood >= STANDS {
            self.kept.clone_from(&self.found);
        }
    }

    /// This came of it, whatever else is to be seen.
    pub(super) fn settle(&mut self, then: Option<Then>) {
        (self.found, self.kept) = (None, then);
    }

    /// Something is known to have come of it.
    pub(super) fn is_known(&self) -> bool {
        self.kept.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.since.elapsed() > WITHIN
    }

    /// What is promised of it.
    pub(super) fn then(self) -> Option<Then> {
        self.kept.or(self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(looks: &[&str]) -> Option<Then> {
        let mut pending = Pending::new(Sights::default());
        for text in looks {
            pending.see(Some(*text).filter(|text| !text.is_empty()).map(|text| Then::Text(text.to_owned())), true);
        }
        pending.then()
    }

    #[test]
    fn what_stood_last_is_promised() {
        let text = |text: &str| Some(Then::Text(text.to_owned()));
        assert_eq!(seen(&["", "", "", "", "", ""]), None);
        assert_eq!(seen(&["wait", "wait", "done"]), text("done"), "the next deed came at once");
        assert_eq!(seen(&["wait", "wait", "wait", "wait", "done", "done", "done", "done"]), text("done"));
        assert_eq!(seen(&["", "saved", "saved", "saved", "saved", "", "", "", ""]), text("saved"), "it goes by itself");
        assert_eq!(seen(&["done", "done", "done", "done", "odd"]), text("done"));
    }
}
