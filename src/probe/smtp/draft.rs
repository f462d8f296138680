//! A mail as it is written down: templates in, bytes out.

use std::collections::BTreeMap;
use std::time::SystemTime;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Fault, FaultCode};
use crate::probe::mail::OneOrMany;
use crate::probe::template::{Place, Template};
use crate::probe::{Part, Run, Scope, Stop};

/// The mail to send. Its `Message-ID` is unique, and can be captured as `message_id`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub from: Template,
    /// One address, or several.
    pub to: OneOrMany,
    pub subject: Option<Template>,
    /// Beside those that every mail has.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    pub text: Option<Template>,
    pub html: Option<Template>,
}

/// A mail as it travels.
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) subject: String,
    pub(super) message_id: String,
    pub(super) bytes: Vec<u8>,
}

impl Draft {
    pub(super) fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        let lines = std::iter::once(&self.from).chain(self.to.all()).chain(&self.subject).chain(self.headers.values());
        lines.for_each(|line| see(Part::Template(line, Place::Line)));
        self.text.iter().chain(&self.html).for_each(|body| see(Part::Template(body, Place::Text)));
    }

    pub(super) fn write(&self, run: &Run<'_>) -> Result<Letter, Stop> {
        let scope = run.scope;
        let from = mailbox(&self.from, scope)?;
        let to: Vec<Mailbox> = self.to.all().iter().map(|to| mailbox(to, scope)).collect::<Result<_, _>>()?;
        let subject = self.subject.as_ref().map_or_else(String::new, |subject| subject.render(scope).into_owned());
        // The trace finds the mail, and the mail the trace.
        let id = format!("<{}.{}@{}>", run.trace, run.span, from.email.domain());
        let sent = SystemTime::from(run.tools.clock.now());
        let mut mail = Message::builder()
            .from(from.clone())
            .subject(subject.clone())
            .date(sent)
            .message_id(Some(id.clone()))
            .raw_header(HeaderValue::new(name("Auto-Submitted")?, "auto-generated".to_owned()));
        for to in &to {
            mail = mail.to(to.clone());
        }
        let body = |template: &Template| template.render(scope).into_owned();
        let written = match (&self.text, &self.html) {
            (Some(text), Some(html)) => mail.multipart(MultiPart::alternative_plain_html(body(text), body(html))),
            (None, Some(html)) => mail.header(ContentType::TEXT_HTML).body(body(html)),
            (text, None) => mail.header(ContentType::TEXT_PLAIN).body(text.as_ref().map(body).unwrap_or_default()),
        };
        let mut written = written.map_err(|error| unsendable(&error.to_string()))?;
        for (key, value) in &self.headers {
            written.headers_mut().insert_raw(HeaderValue::new(name(key)?, value.render(scope).into_owned()));
        }
        let message_id = written.headers().get_raw("Message-ID").map_or(id, str::to_owned);
        Ok(Letter {
            from: from.email.to_string(),
            to: to.iter().map(|to| to.email.to_string()).collect(),
            subject,
            message_id,
            bytes: written.formatted(),
        })
    }
}

fn name(text: &str) -> Result<HeaderName, Stop> {
    HeaderName::new_from_ascii(text.to_owned()).map_err(|_| unsendable(&format!("`{text}` is not a header's name")))
}

fn mailbox(template: &Template, scope: &Scope) -> Result<Mailbox, Stop> {
    let text = template.render(scope);
    text.parse().map_err(|_| unsendable(&format!("`{text}` is not a mail address")))
}

/// What a captured value has made of it is the fault of whoever said the value.
fn unsendable(why: &str) -> Stop {
    Fault::new(FaultCode::Expectation, format!("the mail cannot be sent: {why}")).into()
}
