//! A line of the log: one event of `tracing`, as data. Pure; the log's JSON and what collectors get are made of it.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Events that say what changed are named; others have only a place in the code.
const NAMED: &str = "unbroken.";
/// Fields that hold JSON: tracing itself knows no lists and no maps.
const STRUCTURED: &[&str] = &["loss_share", "check_share", "journeys"];
/// Keys that a field may not take.
const RESERVED: &[&str] = &["timestamp", "level", "message", "event", "target"];

/// What was logged, without its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub level: Level,
    /// What happened, if it is one of the things that have a name: `unbroken.incident.opened`.
    pub event: Option<&'static str>,
    /// Who says it: a module.
    pub target: String,
    pub message: String,
    pub fields: Map<String, Value>,
}

impl Line {
    pub fn of(event: &Event<'_>) -> Self {
        let of = event.metadata();
        let mut line = Self {
            level: *of.level(),
            event: Some(of.name()).filter(|name| is_named(name)),
            target: of.target().to_owned(),
            message: String::new(),
            fields: Map::new(),
        };
        event.record(&mut line);
        line
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            // What comes from the older crate `log` says here who it is.
            ("log.target", Value::String(target)) => self.target = target,
            ("log.module_path" | "log.file" | "log.line", _) => {}
            (name, Value::String(text)) if STRUCTURED.contains(&name) => {
                let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
                self.fields.insert(name.to_owned(), value);
            }
            (name, value) if RESERVED.contains(&name) => _ = self.fields.insert(format!("field.{name}"), value),
            (name, value) => _ = self.fields.insert(name.to_owned(), value),
        }
    }

    /// The line as one JSON object, every field a key of its own.
    pub fn json(&self, timestamp: &str) -> String {
        serde_json::to_string(&Timed { timestamp, line: self }).unwrap_or_default()
    }
}

/// Whether it is an event that says what changed.
pub(super) fn is_named(name: &str) -> bool {
    name.starts_with(NAMED)
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }
}

struct Timed<'a> {
    timestamp: &'a str,
    line: &'a Line,
}

impl Serialize for Timed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = self.line;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", self.timestamp)?;
        map.serialize_entry("level", line.level.as_str())?;
        map.serialize_entry("message", &line.message)?;
        if let Some(event) = line.event {
            map.serialize_entry("event", event)?;
        }
        for (name, value) in &line.fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("target", &line.target)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::Subscriber;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Line>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().expect("not poisoned").push(Line::of(event));
        }
    }

    fn lines(log: impl FnOnce()) -> Vec<Line> {
        let kept = Kept::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(kept.clone()), log);
        std::mem::take(&mut kept.0.lock().expect("not poisoned"))
    }

    #[test]
    fn a_line_is_one_flat_object() {
        let lines = lines(|| {
            let none: Option<f64> = None;
            tracing::warn!(
                name: "unbroken.test.happened",
                { touchpoint = %"shop", loss_share = %r#"{"shop":41.7}"#, score.to = 58.3, felt = none, times = 3_u64 },
                "`{}` is down:\n\"broken\"", "shop"
            );
            tracing::info!(target: "elsewhere", level = "own", "Plain");
        });
        assert_eq!(
            lines[0].json("2026-11-22T10:00:00Z"),
            r#"{"timestamp":"2026-11-22T10:00:00Z","level":"WARN","message":"`shop` is down:\n\"broken\"","event":"unbroken.test.happened","touchpoint":"shop","loss_share":{"shop":41.7},"score.to":58.3,"times":3,"target":"unbroken::telemetry::lines::tests"}"#
        );
        assert_eq!(
            lines[1].json("now"),
            r#"{"timestamp":"now","level":"INFO","message":"Plain","field.level":"own","target":"elsewhere"}"#
        );
    }
}
