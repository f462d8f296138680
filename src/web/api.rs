//! The API: what the pages show, for programs.
//!
//! Shapes are the contract's, not the model's: a field moves here only on purpose.

pub(super) mod acks;
pub(super) mod annotations;
pub(super) mod history;
pub(super) mod incidents;
pub(super) mod journeys;
pub(super) mod maintenance;
pub(super) mod outbox;
pub(super) mod readings;
pub(super) mod reports;
mod segments;
pub(super) mod silences;
pub(super) mod touchpoints;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::problem::Problem;
use crate::model;

/// A moment as the API writes it: RFC 3339, UTC, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl JsonSchema for At {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "At".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A page of a list; `next` is what to ask for as `before` or `after`, none at the end.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct List<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Why something failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Fault {
    code: &'static str,
    phase: Option<&'static str>,
    step: Option<String>,
    text: String,
    evidence: Option<Evidence>,
    /// How the text of the answer begins.
    excerpt: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Evidence {
    of: String,
    expected: String,
    found: String,
}

impl From<&model::Fault> for Fault {
    fn from(fault: &model::Fault) -> Self {
        Self {
            code: fault.code.code(),
            phase: fault.phase.map(model::Phase::code),
            step: fault.step.clone(),
            text: fault.text.clone(),
            evidence: fault.evidence.as_ref().map(|evidence| Evidence {
                of: evidence.of.clone(),
                expected: evidence.expected.clone(),
                found: evidence.found.clone(),
            }),
            excerpt: fault.excerpt.clone(),
        }
    }
}

/// Items on a page unless asked otherwise, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 500;

/// `?limit&before`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    limit: Option<u32>,
    before: Option<String>,
    after: Option<String>,
}

impl Paging {
    fn limit(&self) -> Result<u32, Problem> {
        match self.limit {
            None => Ok(LIMIT),
            Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
            Some(_) => Err(Problem::bad_request(format!("`limit` lies between 1 and {LIMIT_MAX}"))),
        }
    }

    fn before(&self) -> Result<Option<Timestamp>, Problem> {
        self.before.as_deref().map(|text| moment("before", text)).transpose()
    }
}

fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| Problem::bad_request(format!("`{name}` is not an RFC 3339 time")))
}
