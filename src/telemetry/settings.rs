//! `telemetry:` in the configuration.

mod fields;
mod variables;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{Buckets, Signal};
use crate::secret::Secret;
use crate::units::{FilePath, Percent, Period};

pub use self::variables::Oddity;

/// Where traces, metrics and logs go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// One OpenTelemetry collector, or a list of them.
    #[serde(default, deserialize_with = "fields::one_or_several")]
    #[schemars(schema_with = "fields::one_or_several_schema")]
    pub otlp: Vec<Otlp>,
    /// Of the good runs, this share is traced; all if nothing is said. Whatever is not simply good always is.
    #[serde(default)]
    pub sample: Option<Percent>,
    /// Metrics are sent so often; a minute if nothing is said.
    #[serde(default, deserialize_with = "fields::every")]
    pub every: Option<Period>,
    /// Which buckets the histograms have that collectors are sent; `explicit` are those of `/metrics`. `exponential` if
    /// nothing is said.
    #[serde(default)]
    pub histograms: Option<Buckets>,
    /// What only the standard variables say.
    #[serde(skip)]
    pub standard: Standard,
}

/// One OpenTelemetry collector.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// For `http/protobuf` the base address: `/v1/traces`, `/v1/metrics`, `/v1/logs` are appended.
    #[serde(deserialize_with = "fields::endpoint")]
    pub endpoint: Url,
    #[serde(default)]
    pub protocol: Protocol,
    /// Sent with every request; the values are kept out of every output.
    #[serde(default)]
    pub headers: Headers,
    #[serde(default)]
    pub compression: Compression,
    /// How long one request may take; ten seconds if nothing is said.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// Of an `https` endpoint: what is trusted, and who we say we are.
    #[serde(default, deserialize_with = "fields::tls")]
    pub tls: Option<Tls>,
    /// What it is sent: everything if nothing is said.
    #[serde(default, deserialize_with = "fields::signals")]
    pub signals: Vec<Signal>,
    /// Whether [`Self::endpoint`] is the base of all signals or the whole address of one.
    #[serde(skip)]
    pub address: Address,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Protocol {
    #[default]
    #[serde(rename = "grpc")]
    Grpc,
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    #[default]
    None,
    Gzip,
}

/// What an endpoint is, over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    #[default]
    Base,
    Whole,
}

/// `tls:` of a collector, as probes have it; but a collector whose certificate is bad gets nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A PEM file of the authorities to trust, instead of the machine's.
    pub ca: Option<FilePath>,
    /// A PEM file of our own certificate and its chain.
    pub cert: Option<FilePath>,
    /// A PEM file of the key to it.
    pub key: Option<FilePath>,
    /// The name to expect, instead of the host's.
    pub server_name: Option<String>,
}

/// Header names and values; the values often are credentials, so `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Headers(BTreeMap<fields::Name, HeaderText>);

/// What a header says: written out, or referred to.
#[derive(Clone, PartialEq)]
pub(super) enum HeaderText {
    Written(String),
    Secret(Secret),
}

/// What the standard variables say of things that have no key of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Standard {
    /// `service.name` and further attributes of the resource.
    pub resource: Vec<(String, String)>,
    pub spans: Pace,
    pub records: Pace,
}

/// How much waits, goes at once, may wait for company, and is offered to a collector that does not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub queued_max: usize,
    pub batch: usize,
    pub within: Duration,
    pub offered_for: Duration,
}

const SPANS: Pace =
    Pace { queued_max: 16_384, batch: 2_048, within: Duration::from_secs(1), offered_for: Duration::from_mins(5) };
const RECORDS: Pace = Pace { queued_max: 4_096, batch: 512, ..SPANS };

impl Default for Standard {
    fn default() -> Self {
        Self { resource: Vec::new(), spans: SPANS, records: RECORDS }
    }
}

/// A collector that takes longer than this to answer is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// What is measured goes out so often.
const MEASURED_EVERY: Duration = Duration::from_mins(1);

impl Settings {
    pub(super) fn every(&self) -> Duration {
        self.every.map_or(MEASURED_EVERY, Period::get)
    }

    /// Of the histograms that collectors are sent.
    pub fn buckets(&self) -> Buckets {
        self.histograms.unwrap_or(Buckets::Exponential)
    }
}

impl Headers {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }
}

impl HeaderText {
    /// The value itself; for the wire only.
    fn expose(&self) -> &str {
        match self {
            Self::Written(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Otlp {
    /// Everything but the endpoint as it is where nothing is said.
    fn at(endpoint: Url, protocol: Protocol) -> Self {
        Self {
            endpoint,
            protocol,
            headers: Headers::default(),
            compression: Compression::None,
            timeout: None,
            tls: None,
            signals: Vec::new(),
            address: Address::Base,
        }
    }

    /// Whether it is sent that.
    pub fn takes(&self, signal: Signal) -> bool {
        self.signals.is_empty() || self.signals.contains(&signal)
    }

    /// Why it cannot be reached as it is written, whatever the network says: its files are read for that.
    pub fn trouble(&self) -> Option<String> {
        super::outlet::trouble(self)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout.map_or(ANSWER_WITHIN, Period::get)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.endpoint.scheme() == "https"
    }

    /// Where a signal goes over HTTP.
    pub fn url(&self, signal: Signal) -> Url {
        let mut url = self.endpoint.clone();
        if self.address == Address::Base {
            url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), signal.path()));
        }
        url
    }

    /// The endpoint without credentials, for messages.
    pub fn shown(&self) -> Cow<'_, str> {
        let mut url = self.endpoint.clone();
        // An address that cannot carry credentials has none to lose.
        let _ = (url.set_password(None), url.set_username(""));
        url.set_query(None);
        Cow::Owned(url.as_str().trim_end_matches('/').to_owned())
    }
}

/// `grpc` or `http/protobuf`, for messages.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_collector_or_several() {
        let read = |json: &str| serde_json::from_str::<Settings>(json);
        let one = read(r#"{"otlp":{"endpoint":"http://127.0.0.1:4317","headers":{"x-tenant":"secret-canary"}}}"#)
            .expect("one");
        assert_eq!(one.otlp[0].protocol, Protocol::Grpc);
        assert!(!format!("{one:?}").contains("secret-canary"));
        let two = r#"{"otlp":[{"endpoint":"http://a:1"},{"endpoint":"http://b:1","protocol":"http/protobuf"}]}"#;
        assert_eq!(read(two).expect("two").otlp[1].protocol, Protocol::HttpProtobuf);
        assert_eq!(read("{}").expect("none"), Settings::default());
        for wrong in [
            r#"{"otlp":{"endpoint":"x"}}"#,
            r#"{"otlp":{"endpoint":"ftp://a"}}"#,
            r#"{"otlp":{"endpoint":"http://me:secret@a"}}"#,
            r#"{"otlp":{"endpoit":"http://a"}}"#,
            r#"{"otlp":{"endpoint":"http://a","headers":{"no name":"a"}}}"#,
            r#"{"otlp":{"endpoint":"http://a","headers":{"x":"a\nb"}}}"#,
            r#"{"otlp":{"endpoint":"http://a","signals":[]}}"#,
            r#"{"otlp":{"endpoint":"https://a","tls":{"cert":"a.pem"}}}"#,
            r#"{"otlp":7}"#,
            r#"{"every":"1ms"}"#,
            r#"{"x":1}"#,
        ] {
            read(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_base_address_is_extended_and_a_whole_one_is_not() {
        let mut otlp = Otlp::at("http://a:4318/otlp/".parse().expect("a URL"), Protocol::HttpProtobuf);
        assert_eq!(otlp.url(Signal::Logs).as_str(), "http://a:4318/otlp/v1/logs");
        otlp.address = Address::Whole;
        assert_eq!(otlp.url(Signal::Logs).as_str(), "http://a:4318/otlp/");
        assert!(otlp.takes(Signal::Logs));
        otlp.signals = vec![Signal::Traces];
        assert!(!otlp.takes(Signal::Logs));
    }
}
