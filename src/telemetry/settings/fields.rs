//! How single settings are read: each says what is wrong with it where it stands.

use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rustls::pki_types::ServerName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{HeaderText, Otlp, Tls};
use crate::secret::{RESOLVE, Secret, TEXT};
use crate::telemetry::Signal;
use crate::units::Period;

/// Metrics more often than this are a load, not a measurement.
const EVERY_MIN: Duration = Duration::from_secs(1);

pub(super) fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Otlp>, D::Error> {
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

pub(super) fn one_or_several_schema(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<Otlp>();
    json_schema!({ "oneOf": [one, { "type": "array", "items": one }] })
}

pub(super) fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let url = Url::deserialize(deserializer)?;
    sound_endpoint(&url).map_or(Ok(url), |problem| Err(D::Error::custom(problem)))
}

/// What cannot be right about the address of a collector.
pub(super) fn sound_endpoint(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Some("a collector is reached by `http://` or `https://` and its host, over gRPC too");
    }
    let bare = url.username().is_empty() && url.password().is_none();
    (!bare).then_some("the address of a collector carries no credentials; write a header, such as `authorization`")
}

pub(super) fn every<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Period>, D::Error> {
    let every = Period::deserialize(deserializer)?;
    if every.get() < EVERY_MIN {
        return Err(D::Error::custom(format!("`{every}` is too often; metrics are sent every `1s` at most")));
    }
    Ok(Some(every))
}

pub(super) fn signals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Signal>, D::Error> {
    let signals = Vec::<Signal>::deserialize(deserializer)?;
    if signals.is_empty() {
        return Err(D::Error::custom("a collector that is sent nothing; name `traces`, `metrics` or `logs`"));
    }
    Ok(signals)
}

pub(super) fn tls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tls>, D::Error> {
    let tls = Tls::deserialize(deserializer)?;
    let problem = match (&tls.cert, &tls.key, &tls.server_name) {
        (Some(_), None, _) => Some("`tls` has a `cert` but no `key` to it".to_owned()),
        (None, Some(_), _) => Some("`tls` has a `key` but no `cert` to it".to_owned()),
        (_, _, Some(name)) if ServerName::try_from(name.as_str()).is_err() => {
            Some(format!("`{name}` is not a server's name"))
        }
        _ => None,
    };
    problem.map_or(Ok(Some(tls)), |problem| Err(D::Error::custom(problem)))
}

/// The name of a header.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let known = HeaderName::try_from(text).map_err(|_| format!("`{text}` is no name of a header"))?;
        let own =
            ["content-type", "content-length", "content-encoding", "transfer-encoding", "te", "host", "connection"];
        if own.contains(&known.as_str()) || known.as_str().starts_with("grpc-") {
            return Err(format!("`{known}` is the protocol's own header"));
        }
        if known.as_str().ends_with("-bin") {
            return Err(format!("`{known}`: gRPC keeps names that end in `-bin` for bytes"));
        }
        Ok(Self(known.as_str().to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl HeaderText {
    /// What cannot be sent as a header is told apart from what can, and never shown.
    pub(super) fn sound(self) -> Result<Self, &'static str> {
        let plain = |text: &str| HeaderValue::try_from(text).is_ok_and(|value| value.to_str().is_ok());
        if plain(self.expose()) { Ok(self) } else { Err("a header's value is one line of ASCII") }
    }
}

struct TextOrReference;

const WANTED: &str = "a text, or a reference to a secret such as `{ env: NAME }`";

impl<'de> Visitor<'de> for TextOrReference {
    type Value = HeaderText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WANTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HeaderText, E> {
        Ok(HeaderText::Written(text.to_owned()))
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<HeaderText, E> {
        self.visit_str(&String::from_utf8_lossy(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderText, A::Error> {
        match map.next_key::<String>()? {
            Some(key) if key == RESOLVE => map.next_value().map(HeaderText::Secret),
            _ => Err(A::Error::custom(format!("expected {WANTED}"))),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<HeaderText, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Deserialize<'de> for HeaderText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT, TextOrReference)?.sound().map_err(D::Error::custom)
    }
}

impl JsonSchema for HeaderText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderText".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<Secret>()] })
    }
}
