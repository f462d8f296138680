//! Runs a program of the user's and reads its verdict: for whatever no other kind can ask.
//!
//! No shell reads the arguments, the program inherits nothing of our environment but what is named, and whatever it
//! starts dies with it when the run is over.

mod child;
mod verdict;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::process::Stdio;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tokio::process::Command;

use super::template::{Place, Template, TemplateOrSecret};
use super::{Act, Field, Part, Reach, Reply, Run, Scope, Stop};
use crate::model::Phase;
use crate::units::Bytes;

const OUTPUT: Bytes = Bytes::new(64 << 10);
/// More than this in memory per run would break the promise of 4 MiB.
const OUTPUT_MOST: Bytes = Bytes::new(1 << 20);

/// A program, what it is told, and what it may say.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Exec")]
pub struct Settings {
    /// The program and its arguments.
    pub run: CommandLine,
    /// All of its environment: nothing else is inherited. `PATH: "${PATH}"` hands ours on.
    #[serde(default)]
    pub env: Environment,
    /// What it reads on its standard input.
    pub stdin: Option<TemplateOrSecret>,
    /// How much it may print; 64KiB by default.
    #[serde(default)]
    pub max_output: MaxOutput,
}

/// A program and its arguments, as a list: no shell splits, expands or runs anything in them.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandLine {
    program: String,
    arguments: Vec<Template>,
}

/// Names and values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment(BTreeMap<String, TemplateOrSecret>);

/// At most a mebibyte.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct MaxOutput(Bytes);

impl Act for Settings {
    const DOES: &'static str = "runs a program and reads its exit code and what it prints, as JSON or as text";
    const FIELDS: &'static [Field] = &[Field::Value, Field::Exit, Field::Text, Field::Json, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        self.run.arguments.iter().for_each(|argument| see(Part::Template(argument, Place::Line)));
        self.env.0.values().for_each(|value| see(value.part(Place::Line)));
        self.stdin.iter().for_each(|stdin| see(stdin.part(Place::Text)));
    }

    fn reach(&self) -> Reach {
        Reach::Nowhere
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        run.attribute("process.executable.name", self.run.program.as_str());
        let stdin = self.stdin.as_ref().map(|stdin| stdin.render(run.scope)).unwrap_or_default();
        let command = self.command(run.scope);
        run.phases.begin(Phase::Run);
        let ended = child::run(command, stdin.as_bytes(), self.max_output.0).await?;
        run.phases.end();
        let (reply, unit) = verdict::read(&ended)?;
        if let Some(unit) = unit {
            run.attribute("unbroken.unit", unit);
        }
        Ok(reply)
    }
}

impl Settings {
    fn command(&self, scope: &Scope) -> Command {
        let mut command = Command::new(&self.run.program);
        command
            .args(self.run.arguments.iter().map(|argument| argument.render(scope).into_owned()))
            .env_clear()
            .envs(self.env.0.iter().map(|(name, value)| (name, value.render(scope).into_owned())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts dies with it.
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut words = Vec::<Template>::deserialize(deserializer)?.into_iter();
        let first = words.next().ok_or_else(|| D::Error::custom("no program is named"))?;
        // What a server says must never choose what we run.
        let program = first.constant().filter(|program| !program.is_empty()).map(str::to_owned);
        let wrong = || D::Error::custom("the program is written out: only its arguments may hold `{{name}}`");
        Ok(Self { program: program.ok_or_else(wrong)?, arguments: words.collect() })
    }
}

impl JsonSchema for CommandLine {
    fn schema_name() -> Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = generator.subschema_for::<Template>();
        json_schema!({ "type": "array", "items": word, "minItems": 1, "examples": [["/usr/local/bin/check-queue", "orders"]] })
    }
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = BTreeMap::<String, TemplateOrSecret>::deserialize(deserializer)?;
        match named.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
            Some(name) => Err(D::Error::custom(format!("`{name}` cannot be a variable's name"))),
            None => Ok(Self(named)),
        }
    }
}

impl JsonSchema for Environment {
    fn schema_name() -> Cow<'static, str> {
        "Environment".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<TemplateOrSecret>() })
    }
}

impl Default for MaxOutput {
    fn default() -> Self {
        Self(OUTPUT)
    }
}

impl<'de> Deserialize<'de> for MaxOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let most = Bytes::deserialize(deserializer)?;
        if most > OUTPUT_MOST {
            return Err(D::Error::custom(format!("{most} is more than a run may hold: at most {OUTPUT_MOST}")));
        }
        Ok(Self(most))
    }
}
