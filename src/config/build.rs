//! Raw shapes in, a plan out, checked as a whole.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::config::decode::{Desk, Keyed, decode};
use crate::config::names::check_id;
use crate::config::problem::{Place, Problem, Severity};
use crate::config::read::Doc;
use crate::config::touchpoint::RawTouchpoint;
use crate::config::tree::Node;
use crate::config::unbroken::{Stands, Top};
use crate::config::vault::Vault;
use crate::config::{Folders, Plan, alerts, maintenance, map, names, probes, reports, vantages};
use crate::model::{JourneyMap, Persona, PersonaId, TouchpointId};
use crate::store;

/// Whether every file of the config folder was understood: if not, what is missing may stand in the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    No,
}

/// Everything that was read.
pub(super) struct Read<'a> {
    pub(super) top: &'a Top<'a>,
    pub(super) drafts: &'a [Draft<'a>],
    /// The same by id.
    pub(super) by_id: BTreeMap<&'a str, &'a Draft<'a>>,
    pub(super) whole: Whole,
    /// Of the touchpoints.
    pub(super) folder: &'a Path,
    pub(super) folders: &'a Folders,
    pub(super) problems: &'a RefCell<Vec<Problem>>,
}

/// A touchpoint's file. What could not be understood of it leaves no shape, but names are looked up in its tree.
pub(super) struct Draft<'a> {
    pub(super) id: TouchpointId,
    pub(super) file: Arc<str>,
    pub(super) read: Option<(Desk<'a>, &'a Node)>,
    pub(super) raw: Option<RawTouchpoint>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        path: &Path,
        doc: Option<&'a Doc>,
        vault: &'a Vault<'a>,
        problems: &'a RefCell<Vec<Problem>>,
    ) -> Self {
        let id = TouchpointId::new(&path.file_stem().unwrap_or_default().to_string_lossy());
        let file = path.to_string_lossy().into();
        let Some(doc) = doc else { return Self { id, file, read: None, raw: None } };
        let desk = Desk { source: &doc.source, vault, problems };
        check_id(&desk, doc.root.place, "a touchpoint", id.as_str());
        Self { id, file, read: Some((desk, &doc.root)), raw: decode(&doc.root, desk).value }
    }

    /// The tree of a probe. Of a file that was not understood, nothing is known.
    pub(super) fn probe(&self, name: &str) -> Known<'a> {
        let Some((_, root)) = self.read else { return Known::Perhaps };
        match root.get("probes").and_then(|probes| probes.value.get(name)) {
            Some(entry) => Known::Here(&entry.value),
            None => Known::Nowhere,
        }
    }

    pub(super) fn probe_names(&self) -> Vec<String> {
        let probes = self.read.and_then(|(_, root)| root.get("probes"));
        probes.iter().flat_map(|probes| probes.value.entries()).filter_map(|entry| entry.key.text()).collect()
    }
}

/// What is known of something that is referred to.
pub(super) enum Known<'a> {
    Here(&'a Node),
    Perhaps,
    Nowhere,
}

impl Read<'_> {
    pub(super) fn draft(&self, id: &str) -> Option<&Draft<'_>> {
        self.by_id.get(id).copied()
    }

    pub(super) fn warn(&self, problem: Problem) {
        self.problems.borrow_mut().push(Problem { severity: Severity::Warning, ..problem });
    }
}

fn value<T: Clone>(stands: Option<&Stands<'_, T>>) -> Option<T> {
    stands.and_then(|stands| stands.value.clone())
}

/// Puts the plan together; there is none when something that it cannot do without was wrong.
pub(super) fn plan(read: &Read<'_>) -> Option<Plan> {
    let top = read.top;
    let personas = personas(read);
    let timezone = value(top.timezone.as_ref()).map_or(TimeZone::UTC, |zone| zone.0);
    let vantages = vantages::vantages(read);
    let watched = probes::watch(read, &personas, &vantages, &timezone);
    let journeys = map::journeys(read, &watched);
    let maintenance = maintenance::windows(read, &timezone);
    alerts::check(read);
    let orders = reports::orders(read);
    check_secret_names(read);
    if let Some(Stands { desk, node, value: None, .. }) = &top.company
        && node.text().as_deref() == Some("")
    {
        desk.report(desk.source.problem(node.place, "the company has no name"));
    }
    if top.company.is_none() && read.whole == Whole::Yes {
        let missing = Problem::whole(&read.folders.config, "no file says whose customers are played");
        read.problems.borrow_mut().push(missing.hint("write `company: NAME` into unbroken.yaml"));
    }
    let listen = listen(read);
    let path = value(top.store.as_ref()).map_or_else(|| "../data/unbroken.db".to_owned(), |path| path.0);
    let map = JourneyMap {
        company: value(top.company.as_ref())?,
        timezone,
        language: value(top.language.as_ref()).unwrap_or_default(),
        touchpoints: watched.touchpoints,
        journeys,
        personas,
        vantages: vantages.iter().map(|vantage| vantage.id.clone()).collect(),
        maintenance,
        trace_link: value(top.trace_link.as_ref()).map(|link| link.0),
    };
    Some(Plan {
        map: Arc::new(map),
        errands: watched.errands,
        listen,
        url: value(top.url.as_ref()).map(|url| url.0),
        public: value(top.public.as_ref()).unwrap_or_default(),
        store: store::Settings {
            path: crate::config::beside(&read.folders.config, &path),
            retention: value(top.retention.as_ref()).unwrap_or_default(),
        },
        telemetry: value(top.telemetry.as_ref()).unwrap_or_default(),
        browser: value(top.browser.as_ref()).unwrap_or_default(),
        alerts: value(top.alerts.as_ref()).unwrap_or_default(),
        reports: orders,
        vantages,
        written: Arc::default(),
        files: Vec::new(),
    })
}

fn listen(read: &Read<'_>) -> std::net::SocketAddr {
    let default = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
    let Some(stands) = &read.top.listen else { return default };
    let Some(listen) = &stands.value else { return default };
    let public = read.top.public.as_ref();
    let allowed = public.is_some_and(|public| public.value != Some(false));
    if !listen.0.ip().is_loopback() && !allowed {
        let text = format!("{} is reached by others, and there is no sign-in", listen.0);
        let problem = stands.desk.source.problem(stands.node.place, text);
        stands.desk.report(problem.hint("listen on 127.0.0.1 behind a proxy, or say `public: true` at the top"));
    }
    listen.0
}

fn personas(read: &Read<'_>) -> BTreeMap<PersonaId, Persona> {
    let mut personas = BTreeMap::new();
    let Some(stands) = &read.top.personas else { return personas };
    let Some(Keyed(raw)) = &stands.value else { return personas };
    for (key, persona) in raw {
        check_id(&stands.desk, key.place, "a persona", &key.value);
        let Some(persona) = &persona.value else { continue };
        for (field, _) in &persona.fields {
            names::check_name(&stands.desk, field.place, "a field", &field.value);
        }
        let id = PersonaId::new(&key.value);
        let fields = persona.fields.iter().map(|(field, text)| (field.value.clone(), text.clone())).collect();
        personas.insert(id.clone(), Persona { id, name: persona.name.clone(), fields });
    }
    personas
}

fn check_secret_names(read: &Read<'_>) {
    let Some(stands) = &read.top.secrets else { return };
    for entry in stands.node.entries() {
        names::check_name(&stands.desk, entry.key.place, "a secret", &entry.key.text().unwrap_or_default());
        if let Some(inner) = entry.value.get("secret") {
            let text = "a named secret refers to `env` or `file`, not to another name";
            stands.desk.report(stands.desk.source.problem(inner.key.place, text));
        }
    }
}

/// The place of what stands under a path, or of the nearest thing above it.
pub(super) fn place_at(node: &Node, path: &[String]) -> Place {
    let mut node = node;
    for part in path {
        let next = node.get(part).map(|entry| &entry.value);
        let item = || part.parse().ok().and_then(|number: usize| node.items().get(number)).map(|item| &item.node);
        match next.or_else(item) {
            Some(next) => node = next,
            None => break,
        }
    }
    node.place
}
