//! SIP addresses: `sip:anna@pbx.example.com:5060;transport=tcp` (RFC 3261, 19.1).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Host;

use crate::model::{Fault, FaultCode};
use crate::probe::endpoint;
use crate::probe::template::{Place, Template};
use crate::probe::{Part, Scope, Stop};

/// A longer one is nobody's.
const CHARS_MAX: usize = 1024;

/// What is spoken under SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// As `Via` spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    pub(super) const fn usual_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

/// Whom one calls or is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Address {
    /// As it goes into a request, without headers.
    pub(super) uri: String,
    pub(super) user: Option<String>,
    pub(super) host: Host<String>,
    pub(super) port: Option<u16>,
    /// What the address itself asks for: `;transport=tcp`, `sips:`.
    pub(super) transport: Option<Transport>,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not an address such as `sip:anna@pbx.example.com`: {why}");
        if text.len() > CHARS_MAX || text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c))
        {
            return Err(wrong("it is too long, or has a blank, a quote or an angle bracket in it"));
        }
        let uri = text.split('?').next().unwrap_or_default();
        let no_scheme = || {
            let meant = uri.rsplit("//").next().unwrap_or_default().split('/').next().unwrap_or_default();
            format!("{}; did you mean `sip:{meant}`?", wrong("it does not begin with `sip:` or `sips:`"))
        };
        let (scheme, rest) = uri.split_once(':').ok_or_else(no_scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "sip" => None,
            "sips" => Some(Transport::Tls),
            _ => return Err(no_scheme()),
        };
        // A user's part may hold semicolons; a host's cannot hold an `@`.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let mut parameters = rest.split(';');
        let place = parameters.next().unwrap_or_default();
        let (host, port) = endpoint::split(place, Some(0)).map_err(|_| wrong("its host or its port cannot be"))?;
        let mut transport = secure;
        for parameter in parameters {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            if name.eq_ignore_ascii_case("transport") && secure.is_none() {
                transport = match value.to_ascii_lowercase().as_str() {
                    "udp" => Some(Transport::Udp),
                    "tcp" => Some(Transport::Tcp),
                    "tls" => Some(Transport::Tls),
                    _ => return Err(wrong("its transport is none of `udp`, `tcp`, `tls`")),
                };
            }
        }
        // A password in an address is deprecated, and would be shown everywhere.
        let user = user.map(|user| user.split([':', ';']).next().unwrap_or_default().to_owned());
        if user.as_deref() == Some("") {
            return Err(wrong("nothing stands before the `@`"));
        }
        Ok(Self { uri: uri.to_owned(), user, host, port: (port > 0).then_some(port), transport })
    }

    /// The address of whoever runs it: a registrar's, without user and parameters.
    pub(super) fn domain(&self) -> String {
        let scheme = self.uri.split(':').next().unwrap_or("sip");
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{scheme}:{}{port}", self.host)
    }
}

/// An address with names in it.
#[derive(Clone, Debug)]
pub(super) struct Written(Template);

impl Written {
    /// What a captured value has made of it may be no address.
    pub(super) fn resolve(&self, scope: &Scope) -> Result<Address, Stop> {
        Address::parse(&self.0.render(scope)).map_err(|why| Fault::new(FaultCode::Expectation, why).into())
    }

    pub(super) fn part(&self) -> Part<'_> {
        Part::Template(&self.0, Place::Address)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let template = Template::deserialize(deserializer)?;
        if let Some(text) = template.constant() {
            Address::parse(text).map_err(D::Error::custom)?;
        }
        Ok(Self(template))
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "SipAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A SIP address", "examples": ["sip:halcyon@127.0.0.1:5060"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| {
            let it = Address::parse(text).unwrap_or_else(|error| panic!("{error}"));
            format!("{} {:?} {} {:?} {:?} {}", it.uri, it.user, it.host, it.port, it.transport, it.domain())
        };
        for (text, told) in [
            (
                "sip:halcyon@127.0.0.1:5060",
                "sip:halcyon@127.0.0.1:5060 Some(\"halcyon\") 127.0.0.1 Some(5060) None sip:127.0.0.1:5060",
            ),
            ("sip:pbx.example.com", "sip:pbx.example.com None pbx.example.com None None sip:pbx.example.com"),
            (
                "sips:a;x=y@pbx.example.com",
                "sips:a;x=y@pbx.example.com Some(\"a\") pbx.example.com None Some(Tls) sips:pbx.example.com",
            ),
            (
                "SIP:+4930@[::1]:5070;transport=TCP?subject=x",
                "SIP:+4930@[::1]:5070;transport=TCP Some(\"+4930\") [::1] Some(5070) Some(Tcp) SIP:[::1]:5070",
            ),
        ] {
            assert_eq!(read(text), told);
        }
        for wrong in [
            "tel:+4930",
            "127.0.0.1",
            "sip:",
            "sip:@x",
            "sip:a@x y",
            "sip:a@x:99999",
            "sip:a@x;transport=pigeon",
            "sip:a@x\r\nVia: y",
            "sip:<a@x>",
        ] {
            Address::parse(wrong).expect_err(wrong);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn addresses_are_read_or_refused() {
        let corpus: &[&[u8]] = &[
            b"sip:halcyon@127.0.0.1:5060",
            b"sips:a;x=y:pw@pbx.example.com;transport=tcp;lr",
            b"SIP:+4930@[::1]:5070;transport=TLS?subject=x",
        ];
        for input in Bent::of(3000, corpus) {
            let text = String::from_utf8_lossy(&input);
            let Ok(address) = Address::parse(&text) else { continue };
            // It goes into the first line of a request, and between angle brackets.
            assert!(!address.uri.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"?".contains(c)));
            assert_eq!(Address::parse(&address.uri).as_ref(), Ok(&address), "{text:?}");
            let domain = Address::parse(&address.domain()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!((&domain.host, domain.port, &domain.user), (&address.host, address.port, &None), "{text:?}");
        }
    }
}
