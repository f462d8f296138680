//! A letter to people that is about no incident.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A letter with a text of its own, written once: it says the same at every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circular {
    /// Equal for every attempt.
    pub id: String,
    pub receiver: String,
    pub at: Timestamp,
    /// The subject.
    pub headline: String,
    /// Whom it goes to; empty: those whom the receiver names.
    pub to: Vec<String>,
    pub text: String,
    /// A whole document in which nothing is fetched from anywhere.
    pub html: String,
}
