//! What a journey lost to whom.

use serde::{Deserialize, Serialize};

use super::{StageId, TouchpointId};

/// A part of a journey that can cost it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostTo {
    /// A touchpoint where this stage needs it.
    Stage(StageId, TouchpointId),
    /// A consistency check, by name.
    Check(String),
}

/// What it cost, over a length of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    pub to: LostTo,
    /// Its part of the journey's lost minutes; the parts sum to the whole.
    pub minutes: f64,
}
