//! What a kind replies with: plain data, looked at by expectations and captures.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::pdf::PdfText;
use crate::model::{CertificateFacts, Fault, Phase, Quality};

macro_rules! fields {
    ($($variant:ident $name:literal $words:literal;)*) => {
        /// A field of a reply: what may be expected of it and captured from it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $words] $variant,)*
        }

        impl Field {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The key in YAML.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is, in words.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    Status "status" "the status code";
    Version "version" "the protocol's version";
    Url "url" "the final URL";
    Redirects "redirects" "the URLs that were left by redirects";
    Headers "headers" "the headers";
    Cookies "cookies" "the cookies";
    ContentType "content_type" "the media type, without parameters";
    Body "body" "the body as text";
    Text "text" "the text";
    Json "json" "the body as JSON";
    Html "html" "the body as HTML";
    Pdf "pdf" "the text of the PDF file";
    Card "card" "the card that the page's link becomes where it is shared";
    Picture "picture" "the picture";
    Certificate "certificate" "the certificate";
    Latency "latency" "how long it took";
    Phases "phases" "the time of each phase, in seconds";
    Message "message" "the message that came back";
    Messages "messages" "the messages received";
    Subprotocol "subprotocol" "the chosen subprotocol";
    Authenticated "authenticated" "whether signatures prove the answer";
    Rcode "rcode" "the answer's code";
    Records "records" "the records";
    Ttl "ttl" "the least time to live, in seconds";
    Banner "banner" "what the server says first";
    Reason "reason" "the status in words";
    RingTime "ring_time" "how long until it rang";
    AnswerTime "answer_time" "how long until it was answered";
    From "from" "the sender's address";
    To "to" "the recipients' addresses";
    Subject "subject" "the subject";
    Links "links" "the links in the mail";
    Arrival "arrival" "when the mail arrived";
    MessageId "message_id" "the mail's own id";
    Count "count" "how many mails there are";
    Recommends "recommends" "what is recommended although it was just bought";
    Value "value" "the value that was reported";
    Age "age" "the time since the last push";
    Exit "exit" "the program's exit code";
    Loss "loss" "the share of pings that never came back, in percent";
    Rtt "rtt" "the mean time there and back";
    RttMin "rtt_min" "the least time there and back";
    RttMax "rtt_max" "the longest time there and back";
    Errors "errors" "the errors of a GraphQL answer";
    Title "title" "the page's title";
    Console "console" "the errors of the page's scripts";
    Requests "requests" "the page's requests that failed";
    Pictures "pictures" "the page's pictures that do not show";
    Mixed "mixed" "what a secure page asks for without encryption";
    ThirdParties "third_parties" "the other hosts that the page asks, with their weight and time";
    Accessibility "accessibility" "what keeps people out of the page (axe-core)";
    Lcp "lcp" "the time until the page's main content is there";
    Cls "cls" "how much the page jumps about, without a unit";
    Inp "inp" "the time until the page reacts when it is used";
    Fcp "fcp" "the time until the page shows something";
    Ttfb "ttfb" "the time until the page's first byte";
    Broken "broken" "the broken links";
    Checked "checked" "how many links were looked at";
}

/// Some of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields(u128);

impl Fields {
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u32) != 0
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self(fields.into_iter().fold(0, |known, field| known | (1 << field as u32)))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind's reply. What a kind does not have stays empty; `json`, `html` and `text` are read from the body when asked for.
#[derive(Debug, Default)]
pub struct Reply {
    /// What the quality is judged by; the step's whole time, if absent.
    pub latency: Option<Duration>,
    pub headers: Option<http::HeaderMap>,
    /// Name and value.
    pub cookies: Vec<(String, String)>,
    pub body: Option<Body>,
    /// What the PDF file says, if it was needed, or why there is nothing.
    pub pdf: Option<Result<PdfText, String>>,
    /// Where the body is none: what was pictured.
    pub picture: Option<Bytes>,
    pub certificate: Option<CertificateFacts>,
    /// Filled in by the runner.
    pub(super) phases: Vec<(Phase, Duration)>,
    values: Vec<(Field, Value)>,
    doubts: Vec<(Field, Fault)>,
    defects: Vec<(Field, Fault)>,
    /// The kind's own judgement, where the step has no `good` and `poor`: how well it went, and what was lacking.
    pub judged: Option<(Quality, Fault)>,
}

/// A decoded body, or as much of it as was read.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub bytes: Bytes,
    /// Of the content type, lower case.
    pub charset: Option<String>,
}

impl Body {
    /// As text; what is no text shows as replacement characters.
    pub fn text(&self) -> Cow<'_, str> {
        match self.charset.as_deref() {
            // The two agree where text does; bytes 0x80..0xA0 are rare enough to be shown as their Latin-1 selves.
            Some("iso-8859-1" | "latin1" | "windows-1252") => self.bytes.iter().map(|&byte| char::from(byte)).collect(),
            _ => String::from_utf8_lossy(&self.bytes),
        }
    }
}

impl Reply {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a scalar or a list: `status`, `version`, `url`, `redirects`, `records`, `value`, ...
    #[must_use]
    pub fn with(mut self, field: Field, value: impl Into<Value>) -> Self {
        self.set(field, value);
        self
    }

    pub fn set(&mut self, field: Field, value: impl Into<Value>) {
        self.values.push((field, value.into()));
    }

    pub fn value(&self, field: Field) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// A fault unless the step says itself what it expects of `field`: a status other than 2xx and 3xx, an rcode.
    pub fn doubt(&mut self, field: Field, fault: Fault) {
        self.doubts.push((field, fault));
    }

    /// What customers notice and what does not stop them: a minor finding, unless the step says itself what it expects
    /// of `field`.
    pub fn defect(&mut self, field: Field, fault: Fault) {
        self.defects.push((field, fault));
    }

    pub fn defects(&self) -> &[(Field, Fault)] {
        &self.defects
    }

    pub fn doubts(&self) -> &[(Field, Fault)] {
        &self.doubts
    }
}
