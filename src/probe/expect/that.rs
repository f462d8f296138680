//! `that:` an expression in the Common Expression Language over the reply, for everything that no matcher says.

use std::collections::BTreeSet;
use std::fmt;

use cel::common::ast::{EntryExpr, Expr};
use cel::{Context, ExecutionError, IdedExpr, Program, Value as Cel};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::bounded::{IN_TIME, bounded};
use crate::probe::view::{Found, View};
use crate::probe::{Field, Scope};

/// Nodes of a document that an expression may walk through: what one step of it may cost is bounded, for between two
/// steps nothing can stop it.
const NODES_MAX: usize = 20_000;
const SOURCE_CHARS_MAX: usize = 4096;

/// A compiled expression with the names that it takes from outside.
#[derive(Clone)]
pub(super) struct That {
    source: String,
    program: std::sync::Arc<IdedExpr>,
    names: BTreeSet<String>,
}

impl That {
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        if source.chars().count() > SOURCE_CHARS_MAX {
            return Err(format!("longer than {SOURCE_CHARS_MAX} characters"));
        }
        let program = Program::compile(source).map_err(|errors| {
            let first = errors.errors.first().map(|error| format!("{} at column {}", error.msg, error.pos.1));
            format!("`{source}` is not a CEL expression: {}", first.unwrap_or_default())
        })?;
        let mut names = BTreeSet::new();
        collect(program.expression(), &mut Vec::new(), &mut names);
        Ok(Self { source: source.to_owned(), program: bounded(program.expression()).into(), names })
    }

    /// The names that it takes from outside, loop variables left out.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether it is true; otherwise what it came to, in words. Given up when the view's time is up.
    pub(super) fn holds(&self, view: &View<'_>, scope: &Scope) -> Result<(), String> {
        let mut context = Context::default();
        for name in &self.names {
            let value = match Field::parse(name) {
                Some(field) => field_value(field, view)?,
                None => scope.get(name).map_or(Value::Null, Value::from),
            };
            context.add_variable(name.as_str(), Numbers(value)).map_err(|error| error.to_string())?;
        }
        let until = view.until;
        let in_time = move || {
            if Instant::now() < until {
                Ok(true)
            } else {
                Err(ExecutionError::function_error("that", "not done in time"))
            }
        };
        context.add_function(IN_TIME, in_time).map_err(|error| error.to_string())?;
        match Cel::resolve(&self.program, &context) {
            Ok(Cel::Bool(true)) => Ok(()),
            Ok(Cel::Bool(false)) => Err("false".to_owned()),
            Ok(other) => Err(format!("neither true nor false, but {other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// JSON numbers as the language's own: whole ones are `int`, so that `status == 200` compares equals.
struct Numbers(Value);

impl serde::Serialize for Numbers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{SerializeMap as _, SerializeSeq as _};
        match &self.0 {
            Value::Number(number) => match number.as_i64() {
                Some(whole) => serializer.serialize_i64(whole),
                None => number.serialize(serializer),
            },
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(&Self(item.clone()))?;
                }
                seq.end()
            }
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, member) in members {
                    map.serialize_entry(name, &Self(member.clone()))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

fn field_value(field: Field, view: &View<'_>) -> Result<Value, String> {
    let value = match field {
        Field::Json => view.json().map_err(str::to_owned)?.clone(),
        Field::Headers => {
            let headers = view.reply().headers.iter().flatten_names();
            Value::Object(headers)
        }
        Field::Cookies => {
            view.reply().cookies.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
        }
        Field::Certificate => match &view.reply().certificate {
            None => Value::Null,
            Some(facts) => serde_json::json!({
                "subject": facts.subject, "issuer": facts.issuer,
                "days_left": facts.not_after.duration_since(view.now).as_hours() / 24,
            }),
        },
        field => match view.field(field) {
            Found::Nothing => Value::Null,
            Found::Unreadable(why) => return Err(why),
            Found::Text(text) => Value::from(text.into_owned()),
            Found::Number(text) => serde_json::from_str(&text).map_err(|error| error.to_string())?,
            Found::Span(span) => Value::from(span.as_secs_f64()),
            Found::Json(value) => value.into_owned(),
            Found::Any(texts) => Value::from(texts),
        },
    };
    if nodes(&value) > NODES_MAX {
        return Err(format!("`{field}` holds more than {NODES_MAX} values, too many for an expression"));
    }
    Ok(value)
}

/// Headers as a map of lower-case names; several lines of one name are joined as HTTP joins them.
trait FlattenNames {
    fn flatten_names(self) -> Map<String, Value>;
}

impl<'a, I: Iterator<Item = &'a http::HeaderMap>> FlattenNames for I {
    fn flatten_names(self) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, value) in self.flatten() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let line = match out.get(name.as_str()).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.into_owned(),
            };
            out.insert(name.as_str().to_owned(), line.into());
        }
        out
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Collects the free names. The library's own list holds loop variables too, which nobody has to provide.
fn collect<'a>(at: &'a IdedExpr, bound: &mut Vec<&'a str>, names: &mut BTreeSet<String>) {
    let mut each = |inner: &'a IdedExpr| collect(inner, bound, names);
    match &at.expr {
        Expr::Ident(name) => {
            if !name.starts_with('@') && !bound.contains(&name.as_str()) {
                names.insert(name.clone());
            }
        }
        Expr::Call(call) => {
            call.target.iter().for_each(|target| each(target));
            call.args.iter().for_each(each);
        }
        Expr::Comprehension(it) => {
            each(&it.iter_range);
            each(&it.accu_init);
            let before = bound.len();
            bound.push(&it.iter_var);
            bound.extend(it.iter_var2.as_deref());
            bound.push(&it.accu_var);
            for inner in [&it.loop_cond, &it.loop_step, &it.result] {
                collect(inner, bound, names);
            }
            bound.truncate(before);
        }
        Expr::List(list) => list.elements.iter().for_each(each),
        Expr::Select(select) => each(&select.operand),
        Expr::Map(map) => map.entries.iter().for_each(|entry| entry_parts(&entry.expr, &mut each)),
        Expr::Struct(it) => it.entries.iter().for_each(|entry| entry_parts(&entry.expr, &mut each)),
        Expr::Unspecified | Expr::Literal(_) => {}
    }
}

fn entry_parts<'a>(entry: &'a EntryExpr, each: &mut dyn FnMut(&'a IdedExpr)) {
    match entry {
        EntryExpr::StructField(field) => each(&field.value),
        EntryExpr::MapEntry(entry) => {
            each(&entry.key);
            each(&entry.value);
        }
    }
}

impl fmt::Display for That {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for That {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "That({self})")
    }
}

impl<'de> Deserialize<'de> for That {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
