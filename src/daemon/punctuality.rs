//! Whether runs begin when they are due, and get the time that they need.

use std::time::Duration;

use crate::model::{JourneyMap, Reading, SelfFault, Trigger, Verdict};

/// Below it nothing is late, however short the interval.
const LATE_FROM: Duration = Duration::from_secs(1);

/// What the scheduled runs since the last look say.
#[derive(Debug, Default)]
pub(super) struct Punctuality {
    seen: Option<Result<(), String>>,
}

impl Punctuality {
    /// Notes a reading whose run began `lateness` after it was due. A run is late by an interval or more.
    pub(super) fn note(&mut self, reading: &Reading, lateness: Duration, map: &JourneyMap) {
        let skipped = matches!(reading.outcome.verdict, Verdict::Skipped(_));
        if reading.trigger != Trigger::Schedule || skipped || matches!(self.seen, Some(Err(_))) {
            return;
        }
        if let Verdict::Inconclusive { why: SelfFault::Late, text } = &reading.outcome.verdict {
            self.seen = Some(Err(format!("{}: {text}", reading.series())));
            return;
        }
        let every = || map.probe(&reading.probe).map(|probe| probe.every);
        self.seen = Some(match (lateness >= LATE_FROM).then(every).flatten() {
            Some(every) if lateness >= every => {
                Err(format!("{} began {:.1} s late", reading.series(), lateness.as_secs_f64()))
            }
            _ => Ok(()),
        });
    }

    /// Forgets what it says: nothing, if no run began since the last call.
    pub(super) fn take(&mut self) -> Option<Result<(), String>> {
        self.seen.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Why;

    #[test]
    fn a_run_that_begins_an_interval_late_is_late() {
        let map = JourneyMap::of_one_probe(&[]);
        let mut punctuality = Punctuality::default();
        assert_eq!(punctuality.take(), None, "no run says nothing");
        punctuality.note(&Reading::of_one_probe(Verdict::Good), Duration::from_secs(9), &map);
        assert_eq!(punctuality.take(), Some(Ok(())));
        punctuality.note(&Reading::of_one_probe(Verdict::Good), Duration::from_secs(12), &map);
        punctuality.note(&Reading::of_one_probe(Verdict::Good), Duration::ZERO, &map);
        assert_eq!(punctuality.take(), Some(Err("shop/home@here began 12.0 s late".to_owned())));
        punctuality.note(&Reading::of_one_probe(Verdict::Skipped(Why::StillRunning)), Duration::from_mins(1), &map);
        assert_eq!(punctuality.take(), None, "what did not begin was not late");
        let held_up = Verdict::Inconclusive { why: SelfFault::Late, text: "we stood still".to_owned() };
        punctuality.note(&Reading::of_one_probe(held_up), Duration::ZERO, &map);
        punctuality.note(&Reading::of_one_probe(Verdict::Good), Duration::ZERO, &map);
        assert_eq!(punctuality.take(), Some(Err("shop/home@here: we stood still".to_owned())));
    }
}
