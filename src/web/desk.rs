//! Where people ask the daemon for something.

use async_trait::async_trait;

use crate::model::{IncidentId, Silence};

/// Who does what people ask for.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Somebody has an incident. On disk before it returns.
    async fn acknowledge(&self, incident: IncidentId, by: String, why: Option<String>) -> Answer;

    /// Something was silenced, or no longer is; the store has it.
    fn silenced(&self, silence: Silence);
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// There is no such open incident.
    Over,
    /// The store does not take it at present; it is kept and tried again.
    Refused(String),
}
