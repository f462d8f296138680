//! Values taken from a reply for later steps, expectations and consistency checks.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where a value stands in a reply.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// A header by name.
    Header(String),
}
