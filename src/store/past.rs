//! What is asked of the past: how a stretch of it went, what hurt in it, what people noted on it.

use jiff::Timestamp;

use crate::model::{AnnotationId, FaultCode, IncidentId, Sort, Subject, TraceId};

/// A journey over a length of time: of all minutes that there are of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stretch {
    /// The mean over the scored minutes, points; none where there are none.
    pub score: Option<f64>,
    pub felt: Option<f64>,
    pub lost_minutes: f64,
    pub planned_minutes: f64,
    /// Minutes that have a number: time of which nothing is known is in none of these fields.
    pub scored_minutes: f64,
}

/// What an incident cost a journey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hurt {
    pub incident: IncidentId,
    pub opened: Timestamp,
    pub closed: Option<Timestamp>,
    /// Points, when it was worst.
    pub loss: f64,
}

/// Which annotations to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Of a journey, the company's are among them. None: all but those of incidents.
    pub of: Option<Subject>,
    /// Those that had not ended then.
    pub from: Option<Timestamp>,
    /// Those that began before.
    pub to: Option<Timestamp>,
    /// Those that stand below this one in the list.
    pub before: Option<AnnotationId>,
    pub removed: Removed,
}

/// What was taken off the axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Removed {
    #[default]
    Hidden,
    Shown,
}

/// What is kept of a failed run, to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub trace: TraceId,
    /// The step that failed, by name.
    pub step: String,
    /// None: a code that this version does not know.
    pub why: Option<FaultCode>,
    /// When the run began.
    pub at: Timestamp,
    /// What there is.
    pub sorts: Vec<Sort>,
}
