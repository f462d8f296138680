//! What an expectation looks at.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::amounts::amounts;
use crate::model::{FaultCode, Phase};
use crate::probe::pdf::PdfText;
use crate::probe::picture::{Original, Picture};
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
    /// Pages of the PDF file.
    Pages,
    /// Amounts of money in the PDF file.
    Amounts,
    /// A member of the final URL's query.
    Query(String),
    /// A member of the card.
    Card(String),
    /// What is wrong with the card.
    CardDefects,
    PictureWidth,
    PictureHeight,
    PictureFormat,
    /// How much the picture differs from one that was kept.
    Unlike(Original),
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
            Self::Pages | Self::Amounts => Field::Pdf,
            Self::Query(_) => Field::Url,
            Self::Card(_) | Self::CardDefects => Field::Card,
            Self::PictureWidth | Self::PictureHeight | Self::PictureFormat | Self::Unlike(_) => Field::Picture,
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
            Self::Pages => pdf(view, |pdf| Found::Number(pdf.pages.to_string().into())),
            Self::Amounts => pdf(view, |pdf| Found::Json(Cow::Owned(amounts(&pdf.text).into()))),
            Self::Query(name) => query(view, name),
            Self::Card(name) => card(view, name),
            Self::CardDefects => card(view, "defects"),
            Self::PictureWidth => picture(view, |it| Found::Number(it.width.to_string().into())),
            Self::PictureHeight => picture(view, |it| Found::Number(it.height.to_string().into())),
            Self::PictureFormat => picture(view, |it| Found::Text(it.format.into())),
            Self::Unlike(original) => view.difference(&original.looks),
            Self::Captured(name) => text(scope.captured(name)),
        }
    }

    /// Whether looking takes long enough to stand in others' way.
    pub(super) const fn is_heavy(&self) -> bool {
        matches!(self, Self::Unlike(_))
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
            Self::Pages => f.write_str("pdf pages"),
            Self::Amounts => f.write_str("pdf amounts"),
            Self::Query(name) => write!(f, "url query {name}"),
            Self::Card(name) => write!(f, "card {name}"),
            Self::CardDefects => f.write_str("card defects"),
            Self::PictureWidth => f.write_str("picture width"),
            Self::PictureHeight => f.write_str("picture height"),
            Self::PictureFormat => f.write_str("picture format"),
            Self::Unlike(original) => {
                let name = original.path.file_name().unwrap_or_default().to_string_lossy();
                write!(f, "picture difference to {name} (of 512)")
            }
            Self::Captured(name) => f.write_str(name),
        }
    }
}

fn pdf<'a>(view: &'a View<'_>, read: impl Fn(&'a PdfText) -> Found<'a>) -> Found<'a> {
    match &view.reply().pdf {
        None => Found::Nothing,
        Some(Ok(pdf)) => read(pdf),
        Some(Err(why)) => Found::Unreadable(why.clone()),
    }
}

fn picture<'a>(view: &View<'_>, read: impl Fn(Picture) -> Found<'a>) -> Found<'a> {
    view.picture().map_or_else(Found::Unreadable, read)
}

fn card<'a>(view: &'a View<'_>, name: &str) -> Found<'a> {
    match view.reply().value(Field::Card).and_then(|card| card.get(name)) {
        None | Some(Value::Null) => Found::Nothing,
        Some(value) => Found::of(Cow::Borrowed(value)),
    }
}

fn query<'a>(view: &View<'_>, name: &str) -> Found<'a> {
    let url = view.reply().value(Field::Url).and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
    let value = url.and_then(|url| url.query_pairs().find(|(known, _)| known == name).map(|(_, it)| it.into_owned()));
    value.map_or(Found::Nothing, |value| Found::Text(value.into()))
}
