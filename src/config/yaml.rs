//! YAML text in, a tree out.
//!
//! `serde_yaml` reads; what it guesses of a plain scalar's type is not looked at, since `1.10`, `no` and `2026-01-01`
//! are whatever the setting at that place wants them to be.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, Spanned, Tagged};

use crate::config::problem::{Place, Problem, Source};
use crate::config::tree::{Entry, Item, Node, Style, Value};

/// Collections in collections; real files need six.
const DEPTH_MAX: usize = 40;
/// Enough for 100 000 probes in a file of 8 MiB.
const NODES_MAX: usize = 4_000_000;
/// What aliases may add, altogether.
const REPLAYED_MAX: usize = 50_000;
/// A file with more duplicate keys than this is not read on.
const DUPLICATES_MAX: usize = 100;

/// Reads one file's text. Duplicate keys and tags are reported, and the tree is still of use; a syntax error ends it.
pub(super) fn parse(source: &Source, problems: &mut Vec<Problem>) -> Option<Node> {
    let refuse = |place, text: String| source.problem(place, text);
    if let Some(offset) = source.text.find('\0') {
        problems.push(refuse(place_of_byte(source, offset), "a NUL character, which no configuration holds".into()));
        return None;
    }
    let options = serde_yaml::options! {
        with_snippet: false,
        emit_comments: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: REPLAYED_MAX, max_replay_stack_depth: 16 },
        budget: serde_yaml::budget! {
            max_depth: DEPTH_MAX, max_events: NODES_MAX, max_nodes: NODES_MAX, max_documents: 1,
            flow_nesting_limit: DEPTH_MAX, simple_key_max_lookahead: 4096,
        },
    };
    let raw = match serde_yaml::from_str_with_options::<Option<Raw>>(&source.text, options) {
        Ok(Some(raw)) if !raw.is_nothing() => raw,
        Ok(_) => {
            let nothing = "the file is empty";
            problems.push(Problem::whole(source.path.clone(), nothing).hint("remove the file, or write into it"));
            return None;
        }
        Err(error) => {
            problems.push(syntax_error(source, &error));
            return None;
        }
    };
    let mut growing = Growing { source, problems, duplicates: 0 };
    Some(growing.node(raw))
}

fn syntax_error(source: &Source, error: &serde_yaml::Error) -> Problem {
    let place = error.location().filter(|location| location.line() > 0).map_or_else(
        || source.end(),
        |location| Place { line: location.line() as usize, column: (location.column() as usize).max(1), width: 1 },
    );
    // The library ends its text with the place, which stands at the head of ours.
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.split(" at line ").next().unwrap_or_default();
    let text = in_words(text.strip_prefix("error: ").unwrap_or(text));
    let indented = |line: &usize| source.line(*line).trim_start_matches(' ').starts_with('\t');
    let tab = [place.line, place.line + 1].into_iter().find(indented).filter(|_| text.contains("tab"));
    if let Some(line) = tab {
        let column = source.line(line).chars().take_while(|c| *c == ' ').count() + 1;
        let problem = source.problem(Place { line, column, width: 1 }, "not YAML: a tab in the indentation");
        return problem.hint("YAML is indented with blanks, never with tabs");
    }
    source.problem(place, text)
}

/// What the library says of a limit is in its own words.
fn in_words(text: &str) -> String {
    if text.contains("Documents {") || text.contains("multiple YAML documents") {
        "a second document in one file".to_owned()
    } else if text.contains("Depth {") || text.contains("recursion limit") {
        format!("collections inside collections, more than {DEPTH_MAX} deep")
    } else if text.contains("alias replay") || text.contains("Alias") {
        format!("aliases that unfold to more than {REPLAYED_MAX} values")
    } else if text.contains("budget breached") {
        "larger than a configuration may be".to_owned()
    } else {
        format!("not YAML: {text}")
    }
}

fn place_of_byte(source: &Source, offset: usize) -> Place {
    let before = Source::new(source.path.clone(), source.text[..offset].to_owned());
    before.end()
}

/// A node as the library hands it over.
struct Raw(Tagged<Spanned<RawValue>>);

enum RawValue {
    /// The library saw a number, a truth value or nothing; what was written stands in the source.
    Typed,
    Text(String),
    Seq(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl Raw {
    fn is_nothing(&self) -> bool {
        let location = &self.0.0.defined;
        matches!(self.0.0.value, RawValue::Typed) && (location.line() == 0 || location.span().byte_len() == Some(0))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tagged::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, _: bool) -> Result<RawValue, E> {
        Ok(RawValue::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<RawValue, E> {
        Ok(RawValue::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<RawValue, E> {
        Ok(RawValue::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawValue, E> {
        Ok(RawValue::Typed)
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Typed)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(RawValue::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Raw>()? {
            if matches!(key.0.0.value, RawValue::Seq(_) | RawValue::Map(_)) {
                return Err(A::Error::custom("a key must be plain text"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(RawValue::Map(entries))
    }
}

/// Turns what the library handed over into our tree, and reports what it let pass.
struct Growing<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
    duplicates: usize,
}

impl Growing<'_> {
    fn node(&mut self, raw: Raw) -> Node {
        let Tagged(Spanned { value, defined, .. }, tag) = raw.0;
        let written = written(self.source, &defined);
        let place = place(&defined, written);
        if let Some(tag) = tag {
            let tag = tag.replace("tag:yaml.org,2002:", "!!");
            let text = format!("the tag `{tag}` has no meaning here");
            self.problems
                .push(self.source.problem(place, text).hint("write the value alone; quote it to make it text"));
        }
        let value = match value {
            RawValue::Typed => Value::Scalar { text: RefCell::new(written.to_owned()), style: Style::Plain },
            RawValue::Text(text) => {
                let style = if written.starts_with(['"', '\'', '|', '>']) { Style::Quoted } else { Style::Plain };
                Value::Scalar { text: RefCell::new(text), style }
            }
            RawValue::Seq(items) => {
                // Not collected: that would keep the room of what the library handed over, which is several times larger.
                let mut nodes = Vec::with_capacity(items.len());
                nodes.extend(items.into_iter().map(|raw| Item { node: self.node(raw), gone: Cell::new(false) }));
                Value::Seq(nodes)
            }
            RawValue::Map(entries) => Value::Map(self.entries(entries)),
        };
        Node { place, value, damaged: Cell::new(false) }
    }

    fn entries(&mut self, raw: Vec<(Raw, Raw)>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut first_line = HashMap::with_capacity(raw.len());
        for (key, value) in raw {
            let entry = Entry { key: self.node(key), value: self.node(value), gone: Cell::new(false) };
            let name = entry.key.text().unwrap_or_default();
            if let Some(line) = first_line.get(&name) {
                self.duplicates += 1;
                if self.duplicates <= DUPLICATES_MAX {
                    let text = format!("the key `{name}` stands here for the second time; first in line {line}");
                    self.problems.push(self.source.problem(entry.key.place, text).hint("remove one of them"));
                }
                continue;
            }
            first_line.insert(name, entry.key.place.line);
            entries.push(entry);
        }
        entries
    }
}

/// What stands in the source at a scalar's place.
fn written<'a>(source: &'a Source, location: &Location) -> &'a str {
    let span = location.span();
    let (Some(offset), Some(len)) = (span.byte_offset(), span.byte_len()) else { return "" };
    let (start, end) = (offset as usize, (offset + len) as usize);
    source.text.get(start..end).unwrap_or_default().trim()
}

fn place(location: &Location, written: &str) -> Place {
    let width = written.lines().next().unwrap_or_default().chars().count();
    Place { line: (location.line() as usize).max(1), column: (location.column() as usize).max(1), width: width.max(1) }
}
