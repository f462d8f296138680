//! What happened within a step, for its trace alone.

use std::time::Duration;

use smol_str::SmolStr;

use super::{Fault, SpanId};

/// Something that a kind tells beside its phases: what was done on a page, a page that was gone to, a request of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Of a request it may have gone out in `traceparent`.
    pub span: SpanId,
    /// The episode that caused it, which may end before; none: the step's own span.
    pub within: Option<SpanId>,
    pub name: SmolStr,
    pub side: Side,
    /// From the run's start.
    pub offset: Duration,
    pub took: Duration,
    /// By OpenTelemetry's names.
    pub attributes: Vec<(&'static str, Scalar)>,
    pub fault: Option<Fault>,
}

/// Whether it is an exchange with somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Own,
    Client,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Text(SmolStr),
    Integer(i64),
    Number(f64),
}
