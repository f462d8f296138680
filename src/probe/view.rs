//! A reply as it is looked at: JSON, HTML and text are read once, and only if somebody asks.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use scraper::{ElementRef, Html};
use serde_json::Value;
use tokio::time::Instant;

use super::picture::{Looks, Picture};
use super::spot::{Path, Selector};
use super::{Field, Reply};
use crate::model::Phase;
use crate::units::Period;

/// Who does not say otherwise gives an expression so long: it may stand in the way of other runs.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(1);
/// Elements of a page that a selector may find.
const ELEMENTS_MAX: usize = 1000;
/// Text taken of one element.
const ELEMENT_CHARS_MAX: usize = 64 << 10;

/// What was found at a place in a reply.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found<'a> {
    Nothing,
    /// The reply cannot be read in this way, and why.
    Unreadable(String),
    Text(Cow<'a, str>),
    /// Decimal text, as exact as it was written.
    Number(Cow<'a, str>),
    Span(Duration),
    /// True, false, null, a list or a map.
    Json(Cow<'a, Value>),
    /// Several texts of which one suffices: elements of a page, messages, lines of a header.
    Any(Vec<String>),
}

impl<'a> Found<'a> {
    pub(super) fn of(value: Cow<'a, Value>) -> Self {
        match value {
            Cow::Borrowed(Value::String(text)) => Self::Text(text.into()),
            Cow::Owned(Value::String(text)) => Self::Text(text.into()),
            Cow::Borrowed(Value::Number(number)) => Self::Number(number.to_string().into()),
            Cow::Owned(Value::Number(number)) => Self::Number(number.to_string().into()),
            other => Self::Json(other),
        }
    }

    /// In words, for evidence.
    pub(super) fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Nothing => "nothing".into(),
            Self::Unreadable(why) => why.into(),
            Self::Text(text) if text.is_empty() => "an empty text".into(),
            Self::Text(text) => (&**text).into(),
            Self::Number(number) => (&**number).into(),
            Self::Span(span) => brief(*span).into(),
            Self::Json(value) => value.to_string().into(),
            Self::Any(texts) if texts.is_empty() => "nothing".into(),
            Self::Any(texts) => texts.join(" | ").into(),
        }
    }

    /// As the text that is captured; `None` if there is nothing.
    pub(super) fn captured(self) -> Option<String> {
        match self {
            Self::Nothing | Self::Unreadable(_) => None,
            Self::Text(text) | Self::Number(text) => Some(text.into_owned()),
            Self::Span(span) => Some(span.as_secs_f64().to_string()),
            Self::Json(value) if value.is_null() => None,
            Self::Json(value) => Some(value.to_string()),
            Self::Any(texts) => texts.into_iter().next(),
        }
    }
}

/// `1.234s`, `12h5m`, to the digits that matter.
fn brief(span: Duration) -> String {
    if span < Duration::from_mins(1) {
        format!("{}ms", span.as_millis())
    } else {
        Period::from_secs(span.as_secs()).to_string()
    }
}

/// A reply with what has been read of it so far.
pub(super) struct View<'a> {
    reply: &'a Reply,
    pub(super) now: Timestamp,
    latency: Duration,
    /// What is computed of it must be done by then.
    pub(super) until: Instant,
    json: OnceCell<Result<Value, String>>,
    html: OnceCell<Html>,
    text: OnceCell<Cow<'a, str>>,
}

impl<'a> View<'a> {
    pub(super) fn new(reply: &'a Reply, latency: Duration, now: Timestamp) -> Self {
        let until = Instant::now() + LOOKED_AT_WITHIN;
        Self { reply, now, latency, until, json: OnceCell::new(), html: OnceCell::new(), text: OnceCell::new() }
    }

    /// Gives what is computed of it time until then.
    pub(super) fn until(self, until: Instant) -> Self {
        Self { until, ..self }
    }

    pub(super) fn reply(&self) -> &'a Reply {
        self.reply
    }

    /// The body as text.
    pub(super) fn text(&self) -> Option<&str> {
        let body = self.reply.body.as_ref()?;
        Some(self.text.get_or_init(|| body.text()))
    }

    /// The body as a page.
    pub(super) fn page(&self) -> Option<&Html> {
        let text = self.text()?;
        Some(self.html.get_or_init(|| Html::parse_document(text)))
    }

    /// The body as JSON, or why it is none.
    pub(super) fn json(&self) -> Result<&Value, &str> {
        let parse = || match &self.reply.body {
            None => Err("no body".to_owned()),
            Some(body) if body.bytes.is_empty() => Err("an empty body".to_owned()),
            Some(body) => serde_json::from_slice(&body.bytes).map_err(|error| format!("no JSON: {error}")),
        };
        self.json.get_or_init(parse).as_ref().map_err(String::as_str)
    }

    pub(super) fn field(&self, field: Field) -> Found<'_> {
        match field {
            Field::Latency => Found::Span(self.latency),
            Field::Age
            | Field::RingTime
            | Field::AnswerTime
            | Field::Rtt
            | Field::RttMin
            | Field::RttMax
            | Field::Lcp
            | Field::Inp
            | Field::Fcp
            | Field::Ttfb => match self.reply.value(field).and_then(Value::as_f64) {
                Some(seconds) => Found::Span(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
                None => Found::Nothing,
            },
            Field::Body | Field::Text | Field::Html if self.reply.value(field).is_none() => {
                self.text().map_or(Found::Nothing, |text| Found::Text(text.into()))
            }
            Field::Json => match self.json() {
                Ok(value) => Found::of(Cow::Borrowed(value)),
                Err(why) => Found::Unreadable(why.to_owned()),
            },
            Field::Pdf => match &self.reply.pdf {
                None => Found::Nothing,
                Some(Ok(pdf)) => Found::Text((&*pdf.text).into()),
                Some(Err(why)) => Found::Unreadable(why.clone()),
            },
            Field::Picture => match self.picture() {
                Ok(Picture { width, height, format }) => Found::Text(format!("{format} {width}x{height}").into()),
                Err(why) => Found::Unreadable(why),
            },
            Field::ContentType => self.content_type(),
            Field::Messages
            | Field::Links
            | Field::To
            | Field::Console
            | Field::Requests
            | Field::Pictures
            | Field::Mixed
            | Field::ThirdParties
            | Field::Accessibility => match self.reply.value(field) {
                Some(Value::Array(texts)) => Found::Any(texts.iter().map(plain).collect()),
                _ => Found::Nothing,
            },
            Field::Phases => {
                let seconds = |(phase, took): &(Phase, Duration)| (phase.code().to_owned(), took.as_secs_f64().into());
                Found::Json(Cow::Owned(Value::Object(self.reply.phases.iter().map(seconds).collect())))
            }
            field => self.reply.value(field).map_or(Found::Nothing, |value| Found::of(Cow::Borrowed(value))),
        }
    }

    pub(super) fn at(&self, path: &Path) -> Found<'_> {
        let document = match self.json() {
            Ok(document) => document,
            Err(why) => return Found::Unreadable(why.to_owned()),
        };
        match path.find(document) {
            None => Found::Nothing,
            Some(value) if value.is_f64() => {
                let exact = self.reply.body.as_ref().and_then(|body| path.exact(&body.bytes));
                exact.map_or_else(|| Found::of(value), |text| Found::Number(text.into()))
            }
            Some(value) => Found::of(value),
        }
    }

    pub(super) fn header(&self, name: &str) -> Found<'_> {
        let Some(headers) = &self.reply.headers else { return Found::Nothing };
        let mut lines =
            headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).peekable();
        match (lines.next(), lines.peek()) {
            (None, _) => Found::Nothing,
            (Some(only), None) => Found::Text(only.into()),
            (Some(first), Some(_)) => Found::Any(std::iter::once(first).chain(lines).collect()),
        }
    }

    pub(super) fn cookie(&self, name: &str) -> Found<'_> {
        let cookie = self.reply.cookies.iter().rev().find(|(known, _)| known == name);
        cookie.map_or(Found::Nothing, |(_, value)| Found::Text(value.into()))
    }

    pub(super) fn elements(&self, selector: &Selector) -> Found<'_> {
        let Some(page) = self.page() else { return Found::Nothing };
        let found = page.select(&selector.css).filter_map(|element| match &selector.attribute {
            Some(name) => element.attr(name).map(str::to_owned),
            None => Some(visible(element)),
        });
        let found: Vec<String> = found.take(ELEMENTS_MAX).collect();
        if found.is_empty() { Found::Nothing } else { Found::Any(found) }
    }

    fn pictured(&self) -> Option<&'a Bytes> {
        self.reply.picture.as_ref().or_else(|| self.reply.body.as_ref().map(|body| &body.bytes))
    }

    /// The body as a picture.
    pub(super) fn picture(&self) -> Result<Picture, String> {
        self.pictured().map_or_else(|| Err("no body".to_owned()), |bytes| Picture::read(bytes))
    }

    /// How much the picture differs from another.
    pub(super) fn difference(&self, looks: &Looks) -> Found<'_> {
        let Some(bytes) = self.pictured() else { return Found::Nothing };
        match Looks::of(bytes) {
            Ok(own) => Found::Number(own.distance(looks).to_string().into()),
            Err(why) => Found::Unreadable(why),
        }
    }

    pub(super) fn content_type(&self) -> Found<'_> {
        match self.header("content-type") {
            Found::Text(line) => {
                let media = line.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                Found::Text(media.into())
            }
            other => other,
        }
    }
}

/// The element's text, as a reader sees it.
fn visible(element: ElementRef<'_>) -> String {
    spaced(element.text())
}

/// Texts in a row, with runs of blanks as one.
pub(super) fn spaced<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut out = String::new();
    for word in texts.flat_map(str::split_whitespace) {
        if !out.is_empty() {
            out.push(' ');
        }
        let room = ELEMENT_CHARS_MAX.saturating_sub(out.len());
        if word.len() > room {
            out.push_str(&word[..word.floor_char_boundary(room)]);
            break;
        }
        out.push_str(word);
    }
    out
}

/// A text without its quotes; anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
