//! What is asked of one run.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Persona, SpanRef, Trigger, VantageId};

/// What is asked of one run.
#[derive(Clone, Debug)]
pub struct Order {
    /// None: an anonymous customer.
    pub persona: Option<Arc<Persona>>,
    pub vantage: VantageId,
    pub trigger: Trigger,
    /// The run that made us ask.
    pub asked_by: Option<SpanRef>,
    /// When the run was due.
    pub scheduled: Timestamp,
}
