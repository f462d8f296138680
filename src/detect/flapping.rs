//! A series that keeps changing its mind (Icinga 2, `Checkable::UpdateFlappingStatus`).

use serde::{Deserialize, Serialize};

const RESULTS: u32 = 20;
const STARTS_ABOVE: f64 = 30.0;
const ENDS_BELOW: f64 = 25.0;

/// The last 20 scheduled results: which of them differed from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u8)", into = "(u32, u8)")]
pub struct Flapping {
    /// Bit 0 is the newest.
    changes: u32,
    last: Last,
    on: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    None,
    Passed,
    Failed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Steady,
    Flapping,
}

impl Flapping {
    pub fn is_on(self) -> bool {
        self.on == Phase::Flapping
    }

    /// Per cent of change; the newest result weighs 1.18, the oldest .8.
    pub fn value(self) -> f64 {
        let weight = |age: u32| 0.8 + 0.02 * f64::from(RESULTS - 1 - age);
        let changed: f64 = (0..RESULTS).filter(|age| self.changes >> age & 1 == 1).map(weight).sum();
        100.0 * changed / f64::from(RESULTS)
    }

    pub(super) fn note(&mut self, fails: bool) {
        let now = if fails { Last::Failed } else { Last::Passed };
        let changed = u32::from(self.last != Last::None && self.last != now);
        self.last = now;
        self.changes = (self.changes << 1 | changed) & ((1 << RESULTS) - 1);
        let value = self.value();
        if value > STARTS_ABOVE {
            self.on = Phase::Flapping;
        } else if value < ENDS_BELOW {
            self.on = Phase::Steady;
        }
    }
}

impl From<(u32, u8)> for Flapping {
    fn from((changes, bits): (u32, u8)) -> Self {
        let last = match bits & 3 {
            1 => Last::Passed,
            2 => Last::Failed,
            _ => Last::None,
        };
        let on = if bits & 4 == 0 { Phase::Steady } else { Phase::Flapping };
        Self { changes: changes & ((1 << RESULTS) - 1), last, on }
    }
}

impl From<Flapping> for (u32, u8) {
    fn from(flapping: Flapping) -> Self {
        let last = match flapping.last {
            Last::None => 0,
            Last::Passed => 1,
            Last::Failed => 2,
        };
        (flapping.changes, last | u8::from(flapping.is_on()) << 2)
    }
}
