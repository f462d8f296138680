//! What may stand at the top of the files in the config folder: the daemon's own settings, journeys, personas.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::config::build::Whole;
use crate::config::decode::{At, Desk, Kept, Keyed, advice, decode};
use crate::config::journeys::RawJourney;
use crate::config::maintenance::RawMaintenance;
use crate::config::personas::RawPersona;
use crate::config::problem::{Place, Problem};
use crate::config::read::Doc;
use crate::config::reports::RawReport;
use crate::config::tree::{Entry, Node};
use crate::config::vantages::{self, RawVantage};
use crate::config::vault::Vault;
use crate::model::{DetectRule, Language};
use crate::secret::Secret;
use crate::{alert, probe, store, telemetry};

/// One top-level key: the file it stands in, its places, and what was decoded.
pub(super) struct Stands<'a, T> {
    pub(super) desk: Desk<'a>,
    pub(super) key: Place,
    pub(super) node: &'a Node,
    pub(super) value: Option<T>,
}

/// Where each top-level key stands.
pub(super) struct Index<'a> {
    keys: Vec<(String, &'a Doc, &'a Entry)>,
    /// Something at the top was not understood: what is missing may be that.
    pub(super) whole: Whole,
}

impl<'a> Index<'a> {
    /// Reports what no file may hold at its top, and keys that stand in two files.
    pub(super) fn of(docs: &'a [Doc], problems: &RefCell<Vec<Problem>>) -> Self {
        let mut index: Vec<(String, &Doc, &Entry)> = Vec::new();
        let mut whole = Whole::Yes;
        for doc in docs {
            if doc.root.entries().is_empty() {
                let text = "expected a map of settings, such as `company: Example`";
                problems.borrow_mut().push(doc.source.problem(doc.root.place, text));
                whole = Whole::No;
            }
            for entry in doc.root.entries() {
                let key = entry.key.text().unwrap_or_default();
                let report = |text: String, hint: String| {
                    problems.borrow_mut().push(doc.source.problem(entry.key.place, text).hint(hint));
                };
                if !Top::KEYS.contains(&key.as_str()) {
                    report(format!("unknown key `{key}`"), advice(&key, Top::KEYS));
                    whole = Whole::No;
                } else if let Some((_, first, place)) = index.iter().find(|(other, ..)| *other == key) {
                    let (file, line) = (first.source.path.display(), place.key.place.line);
                    report(format!("the key `{key}` stands in two files; first in {file}:{line}"), "remove one".into());
                } else {
                    index.push((key, doc, entry));
                }
            }
        }
        Self { keys: index, whole }
    }

    pub(super) fn find(&self, key: &str) -> Option<(&'a Doc, &'a Entry)> {
        self.keys.iter().find(|(other, ..)| other == key).map(|(_, doc, entry)| (*doc, *entry))
    }

    fn stands<T: Deserialize<'a>>(
        &self,
        key: &str,
        vault: &'a Vault<'a>,
        problems: &'a RefCell<Vec<Problem>>,
    ) -> Option<Stands<'a, T>> {
        let (doc, entry) = self.find(key)?;
        let desk = Desk { source: &doc.source, vault, problems };
        let value = if entry.gone.get() { None } else { decode(&entry.value, desk).value };
        Some(Stands { desk, key: entry.key.place, node: &entry.value, value })
    }
}

macro_rules! top_level {
    ($($(#[doc = $doc:literal])* $field:ident $key:literal $type:ty;)*) => {
        /// Every top-level key of the config folder.
        pub(super) struct Top<'a> {
            $(pub(super) $field: Option<Stands<'a, $type>>,)*
        }

        impl<'a> Top<'a> {
            pub(super) const KEYS: &'static [&'static str] = &[$($key),*];

            pub(super) fn decode(index: &Index<'a>, vault: &'a Vault<'a>, problems: &'a RefCell<Vec<Problem>>) -> Self {
                Self { $($field: index.stands($key, vault, problems),)* }
            }

            /// The schema of one file: any of the keys.
            pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
                let mut properties = serde_json::Map::new();
                $(
                    let mut schema = generator.subschema_for::<$type>();
                    schema.insert("description".to_owned(), [$($doc),*].concat().trim().into());
                    properties.insert($key.to_owned(), schema.to_value());
                )*
                json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
            }
        }
    };
}

top_level! {
    /// The company whose customers are played.
    company "company" String;
    /// Where the page and the API are served.
    listen "listen" Listen;
    /// Where others reach the page, such as behind a proxy: in links of notifications, and as a name that the page answers to.
    url "url" PublicUrl;
    /// Listen on an address that others reach, without sign-in.
    public "public" bool;
    /// The SQLite file, relative to this folder.
    store "store" StorePath;
    /// How long things are kept.
    retention "retention" store::Retention;
    /// Of alerts, and of pages whose visitor asks for none: `en`, if absent.
    language "language" Language;
    /// For windows, days and reports.
    timezone "timezone" Zone;
    /// Where spans go.
    telemetry "telemetry" telemetry::Settings;
    /// How the browsers of `browser` probes are run.
    browser "browser" probe::browser::pool::Settings;
    /// If none of them answers, we are blind.
    canaries "canaries" Vec<Kept<Canary>>;
    /// The places from which probes run; one, this machine, if absent.
    vantages "vantages" Keyed<Kept<RawVantage>>;
    /// Who is told, and of what.
    alerts "alerts" alert::Settings;
    /// Planned work: what breaks meanwhile is told when it is over, if it is still broken.
    maintenance "maintenance" Vec<Kept<RawMaintenance>>;
    /// How journeys went, by mail, every week, month or quarter.
    reports "reports" Vec<Kept<RawReport>>;
    /// Secrets by name, for `{ secret: NAME }`.
    secrets "secrets" Keyed<Kept<Secret>>;
    /// A link to a trace, with `{trace_id}` in it.
    trace_link "trace_link" TraceLink;
    /// How DOWN is decided.
    detect "detect" Detect;
    /// The folder of the touchpoints, relative to this one; `../probes`, if absent.
    probes "probes" String;
    /// What customers want.
    journeys "journeys" Keyed<Kept<RawJourney>>;
    /// Synthetic customers.
    personas "personas" Keyed<Kept<RawPersona>>;
}

macro_rules! read_from_text {
    ($($(#[doc = $doc:literal])* $name:ident($inner:ty) $read:expr, $schema:tt;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct $name(pub(super) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let read: fn(&str) -> Result<$inner, String> = $read;
                read(&text).map(Self).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

read_from_text! {
    /// An address and a port.
    Listen(SocketAddr) |text| text.parse().map_err(|_| {
        format!("`{text}` is not an address to listen on; write an IP address and a port, such as `127.0.0.1:8080`")
    }), { "type": "string", "examples": ["127.0.0.1:8080"] };
    /// A web address of the whole page: `https://journeys.example.com`.
    PublicUrl(Url) public_url, { "type": "string", "pattern": "^https?://[^/?#]+/?$", "examples": ["https://journeys.example.com"] };
    /// A file.
    StorePath(String) |text| match text.split_once("://") {
        Some((scheme, _)) => Err(format!("this version stores in a file only, not in `{scheme}://`; write a path")),
        None => Ok(text.to_owned()),
    }, { "type": "string" };
    /// An IANA time zone.
    Zone(TimeZone) |text| TimeZone::get(text).map_err(|_| {
        format!("`{text}` is not a time zone; write a name such as `Europe/Berlin` or `UTC`")
    }), { "type": "string", "examples": ["Europe/Berlin"] };
    /// A local time: `2026-12-05T22:00`.
    Wall(DateTime) |text| text.parse().ok().filter(|_| text.contains('T')).ok_or_else(|| {
        format!("`{text}` is not a local time; write a day and a time on the wall, such as `2026-12-05T22:00`")
    }), { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$" };
    /// `tcp://host:port`, or a web address.
    Canary(Url) canary, { "type": "string", "pattern": "^(tcp|https?)://" };
    /// An address of this machine.
    Source(IpAddr) vantages::source, { "type": "string", "examples": ["10.0.0.5"] };
    /// A network interface of this machine.
    Link(String) vantages::interface, { "type": "string", "pattern": "^[!-.0-~]{1,15}$", "examples": ["wg0"] };
    /// A web address with `{trace_id}` in it.
    TraceLink(String) trace_link, { "type": "string", "pattern": "\\{trace_id\\}" };
    /// How many in a row.
    Count(u32) |text| text.parse().ok().filter(|count| (1..=100).contains(count) && !text.starts_with('0')).ok_or_else(|| {
        format!("`{text}` is not a count; write a whole number from 1 to 100")
    }), { "type": "integer", "minimum": 1, "maximum": 100 };
    /// Milliseconds of a delay, which may be none: `0s`.
    Delay(u64) |text| match text {
        "0s" | "0ms" | "0m" => Ok(0),
        _ => crate::units::Period::parse(text).map(|period| period.get().as_millis() as u64),
    }, { "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d|y))+$" };
}

/// The pages link to each other from the root on: they cannot stand in a folder.
fn public_url(text: &str) -> Result<Url, String> {
    let wrong = || format!("`{text}` is not the page's address; write `https://journeys.example.com`, without a path");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if plain && anonymous && web { Ok(url) } else { Err(wrong()) }
}

fn canary(text: &str) -> Result<Url, String> {
    let wrong = || format!("`{text}` is not a canary; write `tcp://10.0.0.1:53` or `https://status.example.net`");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let known = match url.scheme() {
        "tcp" => url.port().is_some(),
        scheme => matches!(scheme, "http" | "https"),
    };
    if known && url.has_host() { Ok(url) } else { Err(wrong()) }
}

fn trace_link(text: &str) -> Result<String, String> {
    let web = text.starts_with("http://") || text.starts_with("https://");
    if web && text.contains("{trace_id}") {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not a link to a trace; write a web address with `{{trace_id}}` in it"))
}

/// How DOWN is decided: `{ rule: consecutive, failures: 3, passes: 2 }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Detect {
    rule: Option<Kept<Rule>>,
    failures: Option<At<Count>>,
    passes: Option<At<Count>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Rule {
    #[default]
    Sequential,
    Consecutive,
}

impl Detect {
    /// The rule, with what is wrong reported.
    pub(super) fn rule(&self, desk: &Desk<'_>) -> DetectRule {
        let rule = self.rule.as_ref().map_or(Some(Rule::Sequential), |kept| kept.value);
        for count in [&self.failures, &self.passes].into_iter().flatten() {
            if rule == Some(Rule::Sequential) {
                let text = "the sequential rule counts no failures or passes";
                desk.report(desk.source.problem(count.place, text).hint("add `rule: consecutive`"));
            }
        }
        let or = |count: &Option<At<Count>>, default| count.as_ref().map_or(default, |count| count.value.0);
        match rule.unwrap_or_default() {
            Rule::Sequential => DetectRule::Sequential,
            Rule::Consecutive => {
                DetectRule::Consecutive { failures: or(&self.failures, 3), passes: or(&self.passes, 2) }
            }
        }
    }
}
