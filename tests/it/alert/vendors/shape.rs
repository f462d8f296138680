//! Published schemas as lists of fields.

use serde_json::Value;

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// So many UTF-16 units at most, and at least one.
    Text(usize),
    One(&'static [&'static str]),
    Number(i64, i64),
    Flag,
    Object,
    /// So many items at most.
    List(usize),
    Time,
    Url,
}

/// Name, whether it must be there, what it is.
pub(super) type Field = (&'static str, Need, Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Need {
    Must,
    May,
}

pub(super) use Need::{May, Must};

/// What in an object does not conform: a field that is missing, unknown or wrong.
pub(super) fn conforms(object: &Value, fields: &[Field]) -> Result<(), String> {
    let Some(map) = object.as_object() else { return Err(format!("{object} is no object")) };
    for (name, need, kind) in fields {
        match map.get(*name) {
            None if *need == Must => return Err(format!("`{name}` is missing")),
            None => {}
            Some(value) if fits(value, *kind) => {}
            Some(value) => return Err(format!("`{name}` is wrong: not {kind:?}, but {value}")),
        }
    }
    let unknown = map.keys().find(|key| !fields.iter().any(|(name, ..)| name == key));
    unknown.map_or(Ok(()), |key| Err(format!("`{key}` is unknown")))
}

pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn fits(value: &Value, kind: Kind) -> bool {
    let text = value.as_str();
    match kind {
        Kind::Text(most) => text.is_some_and(|text| (1..=most).contains(&units(text))),
        Kind::One(words) => text.is_some_and(|text| words.contains(&text)),
        Kind::Number(least, most) => value.as_i64().is_some_and(|number| (least..=most).contains(&number)),
        Kind::Flag => value.is_boolean(),
        Kind::Object => value.is_object(),
        Kind::List(most) => value.as_array().is_some_and(|items| items.len() <= most),
        Kind::Time => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        Kind::Url => text.is_some_and(url),
    }
}

fn url(text: &str) -> bool {
    text.parse::<url::Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
