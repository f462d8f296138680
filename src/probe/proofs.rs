//! What a step leaves to be looked at, and who keeps it. It never travels with the reading: it is large, and most
//! of those who read readings must not see it.

use std::fmt;

use async_trait::async_trait;

use super::Redactor;
use crate::model::{Exhibit, Fault, Proof};

/// Saw what a step did, and is asked if somebody wants to look at it. Dropped unasked, it leaves nothing.
#[async_trait]
pub trait Witness: Send + Sync {
    /// Shows what there is to be seen, without anything that `redactor` hides. May be dropped at any await.
    async fn testify(self: Box<Self>, redactor: &Redactor) -> Vec<Exhibit>;
}

/// Keeps proofs, or throws them away.
pub trait Proofs: fmt::Debug + Send + Sync {
    /// Whether they want to look at a step that ended so: at one that failed, if they do not say otherwise.
    fn want(&self, fault: Option<&Fault>) -> bool {
        fault.is_some()
    }

    /// Does not wait.
    fn keep(&self, proof: Proof);
}
