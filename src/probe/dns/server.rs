//! Which name servers are asked, and how: `10.0.0.53`, `tcp://`, `tls://` (RFC 7858), `https://` (RFC 8484).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use crate::probe::endpoint::split;
use crate::probe::template::Template;
use crate::secret::TEXT;

/// Servers of one question: nobody's resolver knows more.
const SERVERS_MAX: usize = 8;

/// One name server, or several that are asked in turn, as a resolver does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Servers(pub(super) Vec<Template>);

/// Where a question goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Server {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    pub(super) way: Way,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    /// Over UDP, over TCP when the answer does not fit.
    Udp,
    Tcp,
    /// RFC 7858.
    Tls,
    /// RFC 8484; over HTTP/2, as it recommends.
    Https(Box<Url>),
}

impl Server {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (way, rest, port) = match text.split_once("://") {
            None => (Way::Udp, text, 53),
            Some(("udp", rest)) => (Way::Udp, rest, 53),
            Some(("tcp", rest)) => (Way::Tcp, rest, 53),
            Some(("tls", rest)) => (Way::Tls, rest, 853),
            Some(("https", _)) => return Self::of_url(text),
            Some((scheme, _)) => {
                return Err(format!("`{scheme}://` is no way to ask a name server; there are udp, tcp, tls and https"));
            }
        };
        let (host, port) = split(rest, Some(port))?;
        Ok(Self { host, port, way })
    }

    fn of_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
        let host = url.host().ok_or_else(|| format!("`{text}` names no host"))?.to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        Ok(Self { host, port, way: Way::Https(Box::new(url)) })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Udp => write!(f, "{}:{}", self.host, self.port),
            Way::Tcp => write!(f, "tcp://{}:{}", self.host, self.port),
            Way::Tls => write!(f, "tls://{}:{}", self.host, self.port),
            Way::Https(url) => url.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TEXT, OneOrSeveral)
    }
}

struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = Servers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name server such as `10.0.0.53` or `tls://dns.example.com`, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Servers, E> {
        let template = Template::parse(text).map_err(E::custom)?;
        if let Some(text) = template.constant() {
            Server::parse(text).map_err(E::custom)?;
        }
        Ok(Servers(vec![template]))
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Servers, E> {
        self.visit_str(&String::from_utf8_lossy(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Servers, A::Error> {
        let mut servers = Vec::new();
        while let Some(text) = seq.next_element::<Cow<'de, str>>()? {
            servers.extend(Self.visit_str::<A::Error>(&text)?.0);
        }
        match servers.len() {
            0 => Err(A::Error::custom("the list names no name server")),
            1..=SERVERS_MAX => Ok(Servers(servers)),
            _ => Err(A::Error::custom(format!("more than {SERVERS_MAX} name servers"))),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Servers, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl JsonSchema for Servers {
    fn schema_name() -> Cow<'static, str> {
        "Servers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Template>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "maxItems": SERVERS_MAX }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_written_like_a_url() {
        for (text, shown) in [
            ("10.0.0.53", "10.0.0.53:53"),
            ("udp://[::1]:5353", "[::1]:5353"),
            ("tcp://dns.example", "tcp://dns.example:53"),
            ("tls://dns.example", "tls://dns.example:853"),
            ("https://dns.example/dns-query", "https://dns.example/dns-query"),
        ] {
            assert_eq!(Server::parse(text).expect(text).to_string(), shown);
        }
        for text in ["quic://dns.example", "tls://", "https://", "10.0.0.53:0"] {
            Server::parse(text).expect_err(text);
        }
    }
}
