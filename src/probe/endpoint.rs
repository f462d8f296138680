//! Where to: `host:port`, or a page, as people write it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use super::template::{Place, Template};
use super::{Part, Scope, Stop};
use crate::model::{Fault, FaultCode};

/// A host and a port; names in `{{ }}` are filled in before it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint(Template);

impl Endpoint {
    /// The host and the port; what a captured value has made of it may be neither.
    pub fn resolve(&self, scope: &Scope) -> Result<(Host<String>, u16), Stop> {
        split(&self.0.render(scope), None).map_err(|why| Fault::new(FaultCode::Expectation, why).into())
    }

    pub fn part(&self) -> Part<'_> {
        Part::Template(&self.0, Place::Address)
    }
}

/// Refuses what is not a page's address, and says what may be meant.
pub(super) fn page(text: &str) -> Result<(), String> {
    if Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Ok(());
    }
    let meant = if text.is_empty() || text.contains("://") || text.starts_with('/') {
        String::new()
    } else {
        format!("; did you mean `https://{text}`?")
    };
    Err(format!("`{text}` is not an address that begins with `http://` or `https://`{meant}"))
}

/// Reads `host:port`, `[::1]:53`; the port may be left out where one is usual.
pub fn split(text: &str, usual: Option<u16>) -> Result<(Host<String>, u16), String> {
    let wrong = |why: &str| format!("`{text}` is not a host and a port such as `mail.example.com:25`: {why}");
    if let Some((scheme, rest)) = text.split_once("://") {
        let meant = bare(scheme, rest).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        return Err(format!("{}{meant}", wrong("no scheme stands before them")));
    }
    let bare = text.parse::<std::net::Ipv6Addr>().is_ok();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !bare && !port.ends_with(']') => (
            host,
            port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("the port is no number from 1 to 65535"))?,
        ),
        _ => (text, usual.ok_or_else(|| wrong("the port is missing"))?),
    };
    let host = if bare { Cow::Owned(format!("[{host}]")) } else { Cow::Borrowed(host) };
    let host = Host::parse(&host).map_err(|error| wrong(&error.to_string()))?;
    Ok((host, port))
}

/// The host and the port of an address with a scheme.
fn bare(scheme: &str, rest: &str) -> Option<String> {
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let usual = match scheme {
        "http" | "ws" => 80,
        "https" | "wss" | "grpcs" => 443,
        "smtp" => 25,
        "smtps" => 465,
        "imap" => 143,
        "imaps" => 993,
        _ => 0,
    };
    let (host, port) = split(place, Some(usual)).ok()?;
    (port > 0).then(|| format!("{host}:{port}"))
}

/// The same host, borrowed.
pub fn borrowed(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let template = Template::deserialize(deserializer)?;
        if let Some(text) = template.constant() {
            split(text, None).map_err(D::Error::custom)?;
        }
        Ok(Self(template))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A host and a port", "examples": ["mail.example.com:25"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, usual, shown) in [
            ("mail.example.com:25", None, "mail.example.com 25"),
            ("10.0.0.53", Some(53), "10.0.0.53 53"),
            ("[::1]:853", None, "[::1] 853"),
            ("::1", Some(53), "[::1] 53"),
            ("münchen.example:443", None, "xn--mnchen-3ya.example 443"),
        ] {
            let (host, port) = split(text, usual).expect(text);
            assert_eq!(format!("{host} {port}"), shown);
        }
        for (text, meant) in [
            ("http://127.0.0.1:50051", "; did you mean `127.0.0.1:50051`?"),
            ("imaps://mail.example.com/inbox", "; did you mean `mail.example.com:993`?"),
            ("tcp://mail.example.com", ": no scheme stands before them"),
            ("http://a b/", ": no scheme stands before them"),
        ] {
            assert!(split(text, None).expect_err(text).ends_with(meant));
        }
        for text in ["mail.example.com", "mail:0", "mail:x", ":25", "a b:25", "[::1]", "mail:70000"] {
            split(text, None).expect_err(text);
        }
    }
}
