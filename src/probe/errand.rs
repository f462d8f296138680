//! What a synthetic customer does: an errand of steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Kind;
use super::capture::Capture;
use super::expect::Expect;
use crate::model::{FindingSeverity, ProbeId, TouchpointId};

/// One thing that a customer does. The configuration puts it together; nothing in it is checked again.
#[derive(Clone, Debug)]
pub struct Step {
    /// `http 2`, if none was given: see [`Step::unnamed`].
    pub name: String,
    pub kind: Kind,
    pub expect: Expect,
    /// Name and where its value stands, in the order of the file.
    pub capture: Vec<(Arc<str>, Capture)>,
    /// The touchpoint that it is credited to, if another than the probe's.
    pub on: Option<TouchpointId>,
    pub when: When,
    /// Shorter than the run's.
    pub timeout: Option<Duration>,
    /// Of its failed expectations.
    pub severity: FindingSeverity,
}

/// Whether a step runs after a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Only while everything went well.
    #[default]
    Well,
    /// Also afterwards (`always: true`): signing out, cancelling what was ordered.
    Always,
}

/// A probe as it runs: everything that a run needs, prepared once.
#[derive(Debug)]
pub struct Errand {
    pub id: ProbeId,
    /// The customer's words.
    pub title: String,
    pub every: Duration,
    /// The whole run's.
    pub timeout: Duration,
    pub(crate) steps: Vec<Step>,
    pub(crate) variables: Arc<BTreeMap<String, String>>,
}
