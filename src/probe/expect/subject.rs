//! What an expectation looks at.

use std::fmt;
use std::time::Duration;

use crate::model::{FaultCode, Phase};
use crate::probe::spot::{Path, Selector};
use crate::probe::view::{Found, View};
use crate::probe::{Field, Scope};

/// What an expectation looks at.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Field(Field),
    Json(Path),
    Header(String),
    Cookie(String),
    Html(Selector),
    CertifiedBy,
    CertifiedName,
    /// The time until it expires.
    CertifiedFor,
    /// The time of one phase.
    Phase(Phase),
    /// What this step or an earlier one captured.
    Captured(String),
}

impl Subject {
    /// The reply's field that it belongs to; none for captured values.
    pub(super) const fn field(&self) -> Option<Field> {
        Some(match self {
            Self::Field(field) => *field,
            Self::Json(_) => Field::Json,
            Self::Header(_) => Field::Headers,
            Self::Cookie(_) => Field::Cookies,
            Self::Html(_) => Field::Html,
            Self::CertifiedBy | Self::CertifiedName | Self::CertifiedFor => Field::Certificate,
            Self::Phase(_) => Field::Phases,
            Self::Captured(_) => return None,
        })
    }

    pub(super) fn look<'a>(&self, view: &'a View<'_>, scope: &'a Scope) -> Found<'a> {
        let certificate = view.reply().certificate.as_ref();
        let text = |text: Option<&'a str>| text.map_or(Found::Nothing, |text| Found::Text(text.into()));
        match self {
            Self::Field(field) => view.field(*field),
            Self::Json(path) => view.at(path),
            Self::Header(name) => view.header(name),
            Self::Cookie(name) => view.cookie(name),
            Self::Html(selector) => view.elements(selector),
            Self::CertifiedBy => text(certificate.map(|facts| &*facts.issuer)),
            Self::CertifiedName => text(certificate.map(|facts| &*facts.subject)),
            Self::CertifiedFor => certificate.map_or(Found::Nothing, |facts| {
                let left = facts.not_after.duration_since(view.now);
                Found::Span(Duration::try_from(left).unwrap_or_default())
            }),
            Self::Phase(wanted) => {
                let spent = view.reply().phases.iter().find(|(phase, _)| phase == wanted);
                spent.map_or(Found::Nothing, |(_, took)| Found::Span(*took))
            }
            Self::Captured(name) => text(scope.captured(name)),
        }
    }

    /// The fault that its failure is.
    pub(super) const fn code(&self) -> FaultCode {
        match self {
            Self::Field(Field::Status) => FaultCode::Status,
            Self::Field(Field::Rcode) => FaultCode::Rcode,
            Self::Field(Field::Latency) => FaultCode::Latency,
            _ => FaultCode::Expectation,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Json(path) => write!(f, "json {path}"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Html(selector) => write!(f, "html {selector}"),
            Self::CertifiedBy => f.write_str("certificate issuer"),
            Self::CertifiedName => f.write_str("certificate subject"),
            Self::CertifiedFor => f.write_str("certificate validity left"),
            Self::Phase(phase) => write!(f, "phase {phase}"),
            Self::Captured(name) => f.write_str(name),
        }
    }
}
