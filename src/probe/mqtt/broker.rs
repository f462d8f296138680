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
    const BEGINS: &str = "it begins with `mqtt://` or `mqtts://`";
    let wrong = |why: &str| format!("this is not a broker's URL such as `mqtts://broker.example.com`: {why}");
    let Some((scheme, rest)) = text.split_once("://") else {
        let secured = if text.ends_with(":8883") { "s" } else { "" };
        return Err(format!("{}; did you mean `mqtt{secured}://{text}`?", wrong(BEGINS)));
    };
    // Nobody's password is repeated.
    if !matches!(scheme, "mqtt" | "mqtts") && !rest.contains('@') {
        let meant = match scheme {
            "ssl" | "tls" | "https" | "wss" => "mqtts",
            _ => "mqtt",
        };
        return Err(format!("{}; did you mean `{meant}://{rest}`?", wrong(BEGINS)));
    }
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    let (usual, secured) = match url.scheme() {
        "mqtt" => (1883, false),
        "mqtts" => (8883, true),
        _ => return Err(wrong(BEGINS)),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("who one is stands under `user` and `password`"));
    }
    // An unknown scheme's host is not looked at by the parser.
    let host = Host::parse(url.host_str().unwrap_or_default()).map_err(|error| wrong(&error.to_string()))?;
    Ok((host, url.port().unwrap_or(usual), secured))
}

/// Why nothing can be published to this topic (MQTT 5, 4.7).
pub(super) fn no_topic(topic: &str) -> Option<String> {
    (topic.is_empty() || topic.contains(['+', '#', '\0'])).then(|| {
        format!(
            "`{topic}` is not a topic to publish to: it is empty or holds `+` or `#`; these stand for many topics, and \
             belong under `receive`"
        )
    })
}

/// Why this is no filter of topics (MQTT 5, 4.7.1).
pub(super) fn no_filter(filter: &str) -> Option<String> {
    let levels = || filter.split('/');
    let whole = levels().all(|level| level.len() == 1 || !level.contains(['+', '#']));
    let last = levels().rev().skip(1).all(|level| level != "#");
    (filter.is_empty() || filter.contains('\0') || !whole || !last).then(|| {
        format!(
            "`{filter}` is not a filter of topics: `+` is a whole level, and `#` is the last one, as in `tills/+/#`"
        )
    })
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
    fn a_topic_is_one_and_a_filter_is_many() {
        assert!(["a", "a/b", "/", "$SYS/x"].iter().all(|topic| no_topic(topic).is_none()));
        assert!(["", "a/#", "+/b", "#"].iter().all(|topic| no_topic(topic).is_some()));
        assert!(["a", "#", "+", "a/+/b", "a/#", "+/+/#"].iter().all(|filter| no_filter(filter).is_none()));
        assert!(["", "a/#/b", "a#", "a/b+", "#/a"].iter().all(|filter| no_filter(filter).is_some()));
    }

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
        for (text, meant) in [
            ("127.0.0.1:1883", "; did you mean `mqtt://127.0.0.1:1883`?"),
            ("h:8883", "; did you mean `mqtts://h:8883`?"),
            ("ssl://h:1", "; did you mean `mqtts://h:1`?"),
            ("tcp://h", "; did you mean `mqtt://h`?"),
        ] {
            assert!(read(text).expect_err(text).ends_with(meant));
        }
        for text in ["http://u:secret@h", "127.0.0.1:1883", "http://h", "mqtt://", "mqtt://u:secret@h", "mqtt://a b"] {
            assert!(!read(text).expect_err(text).contains("secret"));
        }
    }
}
