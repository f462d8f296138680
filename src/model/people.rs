//! What people say of incidents: that somebody has it, that nobody is to be told for a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IncidentId, JourneyId, SilenceId, TouchpointId};

/// Somebody has it. Reminders and escalation stop; what grows worse is told all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub at: Timestamp,
    /// Who says so, in his own words.
    pub by: String,
    pub why: Option<String>,
    /// When it grew severer than what was acknowledged: from then on nobody has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<Timestamp>,
}

/// What is told of something is held back for a time. Never that it is over, never probing, never the score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub id: SilenceId,
    pub of: Scope,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Who wants it, in his own words.
    pub by: String,
    pub why: String,
    /// When somebody ended it early, and who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<(Timestamp, String)>,
}

impl Silence {
    pub fn end(&self) -> Timestamp {
        self.ended.as_ref().map_or(self.until, |(at, _)| self.until.min(*at))
    }

    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.end()
    }
}

/// What is silenced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Touchpoint(TouchpointId),
    Journey(JourneyId),
    Incident(IncidentId),
}
