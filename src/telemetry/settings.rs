//! `telemetry:` in the configuration.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::Signal;
use crate::units::Period;

/// Where spans go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// One OpenTelemetry collector, or a list of them.
    #[serde(default, deserialize_with = "one_or_several")]
    #[schemars(schema_with = "one_or_several_schema")]
    pub otlp: Vec<Otlp>,
}

/// One OpenTelemetry collector.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// For `http/protobuf` the base address: `/v1/traces` is appended.
    pub endpoint: Url,
    #[serde(default)]
    pub protocol: Protocol,
    /// Sent with every export; the values are kept out of every output.
    #[serde(default)]
    pub headers: Headers,
    /// How long one request may take; ten seconds if nothing is said.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// What it is sent: everything if nothing is said.
    #[serde(default)]
    pub signals: Vec<Signal>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Protocol {
    #[default]
    #[serde(rename = "grpc")]
    Grpc,
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

/// Header names and values; the values often are credentials, so `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Settings {
    /// Adds what the standard `OTEL_EXPORTER_OTLP_*` variables say, if the file names no collector.
    ///
    /// Source: OpenTelemetry specification, "OTLP Exporter Configuration".
    #[must_use]
    pub fn or_environment(mut self, environment: &BTreeMap<String, String>) -> Self {
        if self.otlp.is_empty() && environment.get("OTEL_SDK_DISABLED").is_none_or(|off| off != "true") {
            self.otlp.extend(from_environment(environment));
        }
        self
    }
}

fn from_environment(environment: &BTreeMap<String, String>) -> Option<Otlp> {
    let either = |name: &str| {
        let own = environment.get(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
        own.or_else(|| environment.get(&format!("OTEL_EXPORTER_OTLP_{name}"))).filter(|text| !text.is_empty())
    };
    let mut endpoint: Url = either("ENDPOINT")?.parse().ok()?;
    let protocol = match either("PROTOCOL").map(String::as_str) {
        Some("grpc") => Protocol::Grpc,
        _ => Protocol::HttpProtobuf,
    };
    // The variable for traces names the full address, ours is the base.
    if environment.contains_key("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        let base = endpoint.path().trim_end_matches("/v1/traces").to_owned();
        endpoint.set_path(&base);
    }
    let headers = either("HEADERS").map(|text| headers(text)).unwrap_or_default();
    Some(Otlp { endpoint, protocol, headers, timeout: None, signals: vec![] })
}

/// `name=value,name=value`, percent-encoded as W3C Baggage.
fn headers(text: &str) -> Headers {
    let decode = |text: &str| percent_encoding::percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
    Headers(text.split(',').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (decode(n), decode(v))).collect())
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Otlp>, D::Error> {
    struct OneOrSeveral;

    impl<'de> Visitor<'de> for OneOrSeveral {
        type Value = Vec<Otlp>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a collector `{ endpoint: http://127.0.0.1:4317, protocol: grpc }`, or a list of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<Otlp>, A::Error> {
            Otlp::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<Otlp>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    deserializer.deserialize_any(OneOrSeveral)
}

fn one_or_several_schema(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<Otlp>();
    json_schema!({ "oneOf": [one, { "type": "array", "items": one }] })
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

/// A collector that takes longer than this to answer is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

impl Otlp {
    pub(super) fn takes(&self, signal: Signal) -> bool {
        self.signals.is_empty() || self.signals.contains(&signal)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout.map_or(ANSWER_WITHIN, Period::get)
    }

    /// Where a signal goes over HTTP.
    pub(super) fn address(&self, signal: Signal) -> Url {
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), signal.path()));
        url
    }

    /// The endpoint without credentials, for messages.
    pub fn shown(&self) -> Cow<'_, str> {
        let mut url = self.endpoint.clone();
        // An address that cannot carry credentials has none to lose.
        let _ = (url.set_password(None), url.set_username(""));
        url.set_query(None);
        Cow::Owned(url.into())
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
        for wrong in
            [r#"{"otlp":{"endpoint":"x"}}"#, r#"{"otlp":{"endpoit":"http://a"}}"#, r#"{"otlp":7}"#, r#"{"x":1}"#]
        {
            read(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn the_standard_variables_work_unless_the_file_speaks() {
        let environment: BTreeMap<String, String> = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b,authorization=Bearer x"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let settings = Settings::default().or_environment(&environment);
        assert_eq!(settings.otlp[0].protocol, Protocol::HttpProtobuf);
        assert_eq!(settings.otlp[0].headers.iter().next(), Some(("authorization", "Bearer x")));
        let file: Settings = serde_json::from_str(r#"{"otlp":{"endpoint":"http://file:4317"}}"#).expect("settings");
        assert_eq!(file.clone().or_environment(&environment), file);
        assert_eq!(Settings::default().or_environment(&BTreeMap::new()), Settings::default());
    }
}
