//! What a step expects of its reply: typed, the same for every kind, and told in words when it fails.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::Period;

/// A step's expectations.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Satisfaction is full up to here.
    pub good: Option<Period>,
    /// And half here; zero at the timeout.
    pub poor: Option<Period>,
}
