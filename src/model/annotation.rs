//! What people note on the time axis: campaigns, releases, launches, and what they found out about an incident.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AnnotationId, IncidentId, JourneyId};

/// Something that a person says happened, or will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    pub id: AnnotationId,
    pub kind: Occasion,
    pub of: Subject,
    pub title: String,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub from: Timestamp,
    /// None: it was a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who noted it, in his own words, and when.
    pub by: String,
    pub noted: Timestamp,
    /// When somebody took it off the axis, and who. It is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<(Timestamp, String)>,
}

impl Annotation {
    pub fn end(&self) -> Timestamp {
        self.until.unwrap_or(self.from)
    }
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    Campaign,
    Release,
    Launch,
    #[default]
    Note,
}

impl Occasion {
    pub const ALL: [Self; 4] = [Self::Campaign, Self::Release, Self::Launch, Self::Note];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Release => "release",
            Self::Launch => "launch",
            Self::Note => "note",
        }
    }
}

/// What it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Every journey.
    Company,
    Journey(JourneyId),
    /// A line of its timeline.
    Incident(IncidentId),
}
