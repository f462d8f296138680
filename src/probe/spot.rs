//! Where a value stands in a reply: JSONPath, CSS selector, regular expression, each compiled once at load.

use std::borrow::Cow;
use std::fmt;

use jsonpath_rust::parser::model::{JpQuery, Segment, Selector as Step};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Memory that one compiled expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;
const SOURCE_CHARS_MAX: usize = 4096;

/// A JSONPath (RFC 9535).
#[derive(Clone, Debug)]
pub struct Path {
    source: String,
    query: JpQuery,
}

impl Path {
    pub fn parse(source: &str) -> Result<Self, String> {
        bounded(source)?;
        let query = parse_json_path(source)
            .map_err(|error| format!("`{source}` is not a JSONPath such as `$.total`: {}", one_line(&error)))?;
        Ok(Self { source: source.to_owned(), query })
    }

    /// The nodes it leads to; a path that can lead to several yields a list.
    pub fn find<'a>(&self, document: &'a Value) -> Option<Cow<'a, Value>> {
        let nodes = js_path_process(&self.query, document).unwrap_or_default();
        if self.steps().is_some() {
            return nodes.into_iter().next().map(|node| Cow::Borrowed(node.val));
        }
        Some(Cow::Owned(nodes.into_iter().map(|node| node.val.clone()).collect()))
    }

    /// The text of the number it leads to, as it stands in `document`: `1.10` rather than `1.1`.
    pub fn exact<'a>(&self, document: &'a [u8]) -> Option<&'a str> {
        let mut at: &RawValue = serde_json::from_slice(document).ok()?;
        for step in self.steps()? {
            at = match step {
                Key::Name(name) => Members::get(at, name)?,
                Key::Index(index) => {
                    let elements: Vec<&RawValue> = serde_json::from_str(at.get()).ok()?;
                    let index = if index < 0 { index + i64::try_from(elements.len()).ok()? } else { index };
                    elements.get(usize::try_from(index).ok()?)?
                }
            };
        }
        Some(at.get().trim())
    }

    /// Its steps, if it can lead to one node only.
    fn steps(&self) -> Option<Vec<Key<'_>>> {
        let key = |segment| match segment {
            &Segment::Selector(Step::Index(index)) => Some(Key::Index(index)),
            Segment::Selector(Step::Name(name)) => Some(Key::Name(unquoted(name))),
            _ => None,
        };
        self.query.segments.iter().map(key).collect()
    }
}

enum Key<'a> {
    Name(&'a str),
    Index(i64),
}

/// The parser keeps the quotes of `$['name']`.
fn unquoted(name: &str) -> &str {
    ['\'', '"'].iter().find_map(|&quote| name.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(name)
}

/// Looks for one member of an object without decoding the others.
struct Members;

impl Members {
    fn get<'a>(object: &'a RawValue, name: &str) -> Option<&'a RawValue> {
        let members: std::collections::HashMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(object.get()).ok()?;
        members.get(name).copied()
    }
}

/// A CSS selector, with `@attribute` behind it when the attribute's value is meant: `input[name=csrf]@value`.
#[derive(Clone, Debug)]
pub struct Selector {
    source: String,
    pub(super) css: scraper::Selector,
    pub(super) attribute: Option<String>,
}

impl Selector {
    pub fn parse(source: &str) -> Result<Self, String> {
        bounded(source)?;
        let named = |attribute: &str| {
            !attribute.is_empty()
                && attribute.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))
        };
        let (css, attribute) = match source.rsplit_once('@') {
            Some((css, attribute)) if named(attribute) => (css, Some(attribute.to_ascii_lowercase())),
            _ => (source, None),
        };
        let css = scraper::Selector::parse(css.trim())
            .map_err(|error| format!("`{source}` is not a CSS selector: {}", one_line(&error)))?;
        Ok(Self { source: source.to_owned(), css, attribute })
    }
}

/// A regular expression, linear in time and bounded in size.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    pub fn parse(source: &str) -> Result<Self, String> {
        Self::build(source, |_| {})
    }

    /// One that looks at lines: `^` and `$` match at each one's ends, which may be CR LF.
    pub fn of_lines(source: &str) -> Result<Self, String> {
        Self::build(source, |builder| {
            builder.multi_line(true).crlf(true);
        })
    }

    fn build(source: &str, set: impl FnOnce(&mut regex::RegexBuilder)) -> Result<Self, String> {
        bounded(source)?;
        let mut builder = regex::RegexBuilder::new(source);
        builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX);
        set(&mut builder);
        builder.build().map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("the regular expression `{source}` is too large"),
            error => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("`{source}` is not a regular expression: {why}")
            }
        })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The end of the first match, and what its named groups hold.
    pub fn find_in<'a>(&'a self, text: &'a str) -> Option<(usize, Vec<(&'a str, &'a str)>)> {
        let captures = self.0.captures(text)?;
        let end = captures.get(0)?.end();
        Some((end, self.names().filter_map(|name| Some((name, captures.name(name)?.as_str()))).collect()))
    }

    /// The names of its groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }

    /// The first group of the first match; the whole match, if it has no group.
    pub fn take<'a>(&self, text: &'a str) -> Option<&'a str> {
        let captures = self.0.captures(text)?;
        captures.get(1).or_else(|| captures.get(0)).map(|found| found.as_str())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn bounded(source: &str) -> Result<(), String> {
    if source.chars().count() > SOURCE_CHARS_MAX {
        return Err(format!("longer than {SOURCE_CHARS_MAX} characters"));
    }
    Ok(())
}

fn one_line(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

macro_rules! written {
    ($($name:ident $description:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description })
            }
        }
    )*};
}

written! {
    Path "A JSONPath (RFC 9535), such as $.total";
    Selector "A CSS selector; `@attribute` behind it means the attribute's value";
    Pattern "A regular expression; the first group, if it has one, is what is captured";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_text() {
        let document = br#"{"total": 49.90, "lines": [{"net": 1.10}, {"net": 2e2}], "a'b": 0.10}"#;
        for (path, exact) in [
            ("$.total", Some("49.90")),
            ("$['total']", Some("49.90")),
            ("$.lines[0].net", Some("1.10")),
            ("$.lines[-1]['net']", Some("2e2")),
            ("$.lines[7].net", None),
            ("$.lines[*].net", None),
        ] {
            assert_eq!(Path::parse(path).expect(path).exact(document), exact, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_compiled_says_why() {
        for path in ["total", "$.", "$[", ""] {
            assert!(Path::parse(path).expect_err(path).contains("is not a JSONPath"));
        }
        for pattern in ["(", "a**b(", r"(a{1000}){1000}", r"\pL{1000}{100}"] {
            Pattern::parse(pattern).expect_err(pattern);
        }
        Selector::parse("a[").expect_err("a[");
        assert_eq!(Selector::parse("a.pdf@href").expect("selector").attribute.as_deref(), Some("href"));
    }
}
