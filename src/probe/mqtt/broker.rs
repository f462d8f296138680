//! Where a broker is: `mqtt://host:1883`, `mqtts://host:8883`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use crate::model::{Fault, FaultCode};
use crate::probe::template::{Place, Template};
use crate::probe::{Part, Scope, Stop};

/// A broker's URL; names in `{{ }}` are filled in before it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker(Template);

impl Broker {
    /// Host, port, and whether the connection is secured.
    pub fn resolve(&self, scope: &Scope) -> Result<(Host<String>, u16, bool), Stop> {
        read(&self.0.render(scope)).map_err(|why| Fault::new(FaultCode::Expectation, why).into())
    }

    pub fn part(&self) -> Part<'_> {
        Part::Template(&self.0, Place::Url)
    }
}

fn read(text: &str) -> Result<(Host<String>, u16, bool), String> {
    let wrong = |why: &str| format!("this is not a broker's URL such as `mqtts://broker.example.com`: {why}");
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    let (usual, secured) = match url.scheme() {
        "mqtt" => (1883, false),
        "mqtts" => (8883, true),
        _ => return Err(wrong("it begins with `mqtt://` or `mqtts://`")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("who one is stands under `user` and `password`"));
    }
    // An unknown scheme's host is not looked at by the parser.
    let host = Host::parse(url.host_str().unwrap_or_default()).map_err(|error| wrong(&error.to_string()))?;
    Ok((host, url.port().unwrap_or(usual), secured))
}

impl<'de> Deserialize<'de> for Broker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let template = Template::deserialize(deserializer)?;
        if let Some(text) = template.constant() {
            read(text).map_err(D::Error::custom)?;
        }
        Ok(Self(template))
    }
}

impl JsonSchema for Broker {
    fn schema_name() -> Cow<'static, str> {
        "Broker".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["mqtts://broker.example.com:8883"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_found() {
        for (text, host, port, secured) in [
            ("mqtt://127.0.0.1", "127.0.0.1", 1883, false),
            ("mqtts://broker.example.com", "broker.example.com", 8883, true),
            ("mqtts://[::1]:1", "[::1]", 1, true),
        ] {
            let found = read(text).expect(text);
            assert_eq!((found.0.to_string().as_str(), found.1, found.2), (host, port, secured));
        }
        for text in ["127.0.0.1:1883", "http://h", "mqtt://", "mqtt://u:secret@h", "mqtt://a b"] {
            assert!(!read(text).expect_err(text).contains("secret"));
        }
    }
}
