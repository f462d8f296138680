//! What is pressed and does not do what it promised.

use std::time::Duration;

use tokio::time::Instant;

use super::{AGAIN, Sought, Walk};
use crate::model::Fault;
use crate::probe::browser::deed::Awaited;
use crate::probe::browser::lack::brief;
use crate::probe::{Run, Stop};

/// What was pressed, and what it was like before.
pub(super) struct Pressed {
    pub(super) sought: Sought,
    pub(super) face: String,
    pub(super) within: Duration,
}

impl Walk<'_> {
    /// Pressed, and what it promised did not happen. Where it did nothing at all it is pressed again, as customers do:
    /// that tells a button that is shown too early from one that is dead.
    pub(super) async fn pressed_in_vain(
        &mut self,
        pressed: Pressed,
        then: &Awaited,
        fault: Fault,
        run: &Run<'_>,
    ) -> Result<Fault, Stop> {
        let Pressed { sought, face, within } = pressed;
        let does_something = || {
            let (promised, found) = (then.words(run.scope), fault.evidence.as_ref().map(|evidence| &*evidence.found));
            let (waited, found) = (brief(within), found.unwrap_or("nothing"));
            let text =
                format!("{} was pressed, but not within {waited}: {promised}; the page shows {found}", sought.words);
            Fault { text, ..fault.clone() }
        };
        if self.sight.asked() > self.since.asked || self.deadline < Instant::now() + AGAIN {
            return Ok(does_something());
        }
        let spot = match self.ready(&sought, "click", "", self.limit(AGAIN)).await {
            // What was opened would be closed again.
            Ok(spot) if spot.answer.face != face => return Ok(does_something()),
            Ok(spot) => spot,
            Err(Stop::Fault(_)) => return Ok(fault),
            Err(own) => return Err(own),
        };
        let waited = brief(within);
        self.press(&spot).await?;
        let text = if self.awaited(then, run, self.limit(AGAIN)).await?.is_ok() {
            format!(
                "{} does nothing when it is first pressed; pressed again {waited} later it works: it is shown before it is \
                 ready, and customers press in vain",
                sought.words
            )
        } else {
            format!("{} does nothing when it is pressed, not even the second time", sought.words)
        };
        Ok(Fault { text, ..fault })
    }
}
