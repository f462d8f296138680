//! Touchpoints, their probes and errands, checked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::config::build::{Draft, Read, Whole};
use crate::config::decode::{At, Desk};
use crate::config::names::{check_id, check_name, dangling};
use crate::config::problem::Place;
use crate::config::steps::{Steps, words};
use crate::config::templates;
use crate::config::touchpoint::{RawProbe, RawTouchpoint};
use crate::config::tree::Node;
use crate::config::vantages::{self, Vantage};
use crate::model::{DetectRule, Persona, PersonaId, Probe, ProbeId, Touchpoint, TouchpointId, VantageId};
use crate::probe::{Errand, Step, Told};
use crate::units::Period;

const EVERY: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(10);
const EVERY_RANGE: (Period, Period) = (Period::from_secs(1), Period::from_secs(7 * 86_400));
const TIMEOUT_RANGE: (Period, Period) = (Period::from_millis(50), Period::from_secs(600));
const RECHECK_RANGE: (Period, Period) = (Period::from_secs(1), Period::from_secs(86_400));

/// What is watched.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) touchpoints: BTreeMap<TouchpointId, Touchpoint>,
    pub(super) errands: Vec<Arc<Errand>>,
}

pub(super) fn watch(
    read: &Read<'_>,
    personas: &BTreeMap<PersonaId, Persona>,
    vantages: &[Vantage],
    timezone: &TimeZone,
) -> Watched {
    let mut watched = Watched::default();
    let mut credited = Vec::new();
    let company = read.top.detect.as_ref();
    let rule = company.and_then(|stands| Some(stands.value.as_ref()?.rule(&stands.desk))).unwrap_or_default();
    for draft in read.drafts {
        let (Some((desk, root)), Some(raw)) = (draft.read, &draft.raw) else { continue };
        let mut building = Building { read, draft, desk, root, raw, personas, vantages, rule, credited: &mut credited };
        let (touchpoint, errands) = building.touchpoint(timezone);
        watched.touchpoints.insert(draft.id.clone(), touchpoint);
        watched.errands.extend(errands.into_iter().map(Arc::new));
    }
    for probe in credited {
        if let Some(touchpoint) = watched.touchpoints.get_mut(&probe.id.touchpoint) {
            touchpoint.probes.push(probe);
        }
    }
    for draft in read.drafts {
        report_unwatched(read, draft, &watched);
    }
    if read.drafts.is_empty() && read.problems.borrow().is_empty() {
        let nothing = crate::config::Problem::whole(read.folder, "the folder holds no `*.yaml`: nothing is watched");
        read.problems.borrow_mut().push(nothing.hint("a file `shop.yaml` in it defines the touchpoint `shop`"));
    }
    crate::config::depends::check(read);
    crate::config::former::check(read);
    watched
}

/// A touchpoint that nothing probes can never be said to be well.
fn report_unwatched(read: &Read<'_>, draft: &Draft<'_>, watched: &Watched) {
    let (Some((desk, root)), Some(touchpoint)) = (draft.read, watched.touchpoints.get(&draft.id)) else { return };
    let all_known = || read.drafts.iter().all(|draft| draft.raw.is_some());
    if touchpoint.probes.is_empty() && draft.probe_names().is_empty() && all_known() && !root.damaged.get() {
        let problem = desk.source.problem(root.place, format!("nothing probes the touchpoint `{}`", draft.id));
        desk.report(problem.hint("define a probe under `probes:`, or credit a step to it with `on:`"));
    }
}

/// One touchpoint in the making.
struct Building<'a> {
    read: &'a Read<'a>,
    draft: &'a Draft<'a>,
    desk: Desk<'a>,
    root: &'a Node,
    raw: &'a RawTouchpoint,
    personas: &'a BTreeMap<PersonaId, Persona>,
    vantages: &'a [Vantage],
    rule: DetectRule,
    credited: &'a mut Vec<Probe>,
}

impl<'a> Building<'a> {
    fn touchpoint(&mut self, timezone: &TimeZone) -> (Touchpoint, Vec<Errand>) {
        let raw = self.raw;
        if let Some(detect) = &raw.detect {
            self.rule = detect.rule(&self.desk);
        }
        let hours = raw.hours.as_ref().and_then(|hours| match hours.calendar(timezone) {
            Ok(calendar) => Some(calendar),
            Err(text) => {
                self.wrong(hours.open.place, text);
                None
            }
        });
        let mut variables = BTreeMap::new();
        for (name, text) in &raw.variables.0 {
            check_name(&self.desk, name.place, "a variable", &name.value);
            if text.value.contains("{{") {
                self.wrong(text.place, "a variable is put in as it is: no `{{name}}` is filled in inside of it");
            }
            variables.insert(name.value.clone(), text.value.clone());
        }
        let trees = self.trees();
        let (mut probes, mut errands) = (Vec::new(), Vec::new());
        for (name, kept) in &raw.probes.0 {
            check_id(&self.desk, name.place, "a probe", &name.value);
            if let (Some(raw), Some(node)) = (&kept.value, trees.get(&name.value)) {
                let (probe, errand) = self.probe(name, raw, node, &variables);
                probes.push(probe);
                errands.push(errand);
            }
        }
        let touchpoint = Touchpoint {
            id: self.draft.id.clone(),
            title: raw.title.clone().unwrap_or_else(|| self.draft.id.to_string()),
            channel: raw.channel,
            owner: raw.owner.clone(),
            depends_on: raw.depends_on.iter().map(|id| TouchpointId::new(&id.value)).collect(),
            was: raw.was.as_ref().map(|id| TouchpointId::new(&id.value)),
            hours,
            page_after: raw.page_after.as_ref().map_or(Duration::ZERO, |delay| Duration::from_millis(delay.0)),
            probes,
        };
        (touchpoint, errands)
    }

    /// The tree of each probe by name.
    fn trees(&self) -> HashMap<String, &'a Node> {
        let probes = self.root.get("probes");
        let entries = probes.iter().flat_map(|probes| probes.value.entries());
        entries.map(|entry| (entry.key.text().unwrap_or_default(), &entry.value)).collect()
    }

    fn wrong(&self, place: Place, text: impl Into<String>) {
        self.desk.report(self.desk.source.problem(place, text));
    }

    fn ranged(&self, period: Option<&At<Period>>, (least, most): (Period, Period)) -> Option<Duration> {
        let period = period?;
        if period.value < least || period.value > most {
            let text = format!("{} is out of range; it lies between {least} and {most}", period.value);
            self.wrong(period.place, text);
        }
        Some(period.value.get())
    }

    fn probe(
        &mut self,
        name: &At<String>,
        raw: &RawProbe,
        node: &Node,
        variables: &BTreeMap<String, String>,
    ) -> (Probe, Errand) {
        let id = ProbeId::new(self.draft.id.as_str(), &name.value);
        let title = raw.title.clone().unwrap_or_else(|| name.value.clone());
        let (every, timeout) = self.times(raw, node);
        let at_recheck = raw.recheck.as_ref().or(self.raw.recheck.as_ref());
        let recheck = self.ranged(at_recheck, RECHECK_RANGE).unwrap_or_else(|| default_recheck(every));
        let personas = self.played_by(raw);
        let rule = raw.detect.as_ref().map_or(self.rule, |detect| detect.rule(&self.desk));
        let mut probe = Probe {
            id: id.clone(),
            title: title.clone(),
            weight: raw.weight,
            every,
            timeout,
            recheck,
            rule,
            personas,
            signal: None,
            origin: None,
            unseen_from: Vec::new(),
            file: self.draft.file.clone(),
        };
        templates::check(&self.desk, self.root, node, self.personas, raw);
        let steps = Steps { read: self.read, desk: self.desk, timeout }.of(raw, node);
        probe.unseen_from = self.unseen_from(name, &steps);
        probe.signal = steps.iter().find_map(|step| step.kind.signal());
        self.credit(&probe, &steps);
        let told = if raw.trace == Some(false) { Told::No } else { Told::Yes };
        let errand = Errand::new(id, title, (every, timeout), steps, variables.clone()).telling(told);
        (probe, errand)
    }

    fn unseen_from(&self, name: &At<String>, steps: &[Step]) -> Vec<VantageId> {
        let unseen = vantages::unseen_from(self.vantages, steps);
        if unseen.len() >= self.vantages.len() {
            let text = format!("no vantage can run `{}`: a step of it goes through no proxy", name.value);
            let problem = self.desk.source.problem(name.place, text);
            self.desk.report(problem.hint("add a vantage that is no proxy, such as `here: {}`"));
        }
        unseen
    }

    fn times(&self, raw: &RawProbe, node: &Node) -> (Duration, Duration) {
        let defaults = &self.raw.defaults;
        let at_every = raw.every.as_ref().or(defaults.every.as_ref());
        let at_timeout = raw.timeout.as_ref().or(defaults.timeout.as_ref());
        let every = self.ranged(at_every, EVERY_RANGE).unwrap_or(EVERY);
        let timeout = self.ranged(at_timeout, TIMEOUT_RANGE).unwrap_or(TIMEOUT.min(every));
        // Where one of the two was wrong in itself, nothing is known of the other.
        let wrong = |key: &str, at: &Option<At<Period>>| at.is_none() && node.get(key).is_some();
        let unclear = wrong("every", &raw.every) || wrong("timeout", &raw.timeout);
        if let Some(place) = at_timeout.map(|timeout| timeout.place)
            && timeout > every
            && !unclear
        {
            let (timeout, every) = (words(timeout), words(every));
            let text = format!("the timeout of {timeout} is longer than the interval of {every}");
            let problem = self.desk.source.problem(place, text);
            self.desk.report(problem.hint("shorten `timeout`, or lengthen `every`"));
        }
        (every, timeout)
    }

    fn played_by(&self, raw: &RawProbe) -> Vec<PersonaId> {
        let mut personas: Vec<PersonaId> = Vec::new();
        for name in &raw.personas {
            let id = PersonaId::new(&name.value);
            let written = self.read.top.personas.as_ref();
            let known = written.is_some_and(|stands| stands.node.get(&name.value).is_some());
            if !known && (self.read.whole == Whole::Yes || written.is_some()) {
                let known = self.personas.keys().map(PersonaId::as_str);
                let wrong = format!("there is no persona `{}`", name.value);
                dangling(&self.desk, name.place, wrong, &name.value, known);
            } else if personas.contains(&id) {
                self.wrong(name.place, format!("the persona `{}` stands here twice", name.value));
            }
            personas.push(id);
        }
        personas
    }

    /// The probes that stand at other touchpoints for this errand's steps there.
    fn credit(&mut self, probe: &Probe, steps: &[Step]) {
        let mut seen = BTreeSet::new();
        for step in steps {
            let Some(on) = &step.on else { continue };
            if *on != probe.id.touchpoint && seen.insert(on.clone()) {
                let id = ProbeId::credited(on, &probe.id);
                self.credited.push(Probe { id, origin: Some(probe.id.clone()), ..probe.clone() });
            }
        }
    }
}

/// A tenth of the interval, at least 10 s or the interval if that is shorter, at most 5 m.
fn default_recheck(every: Duration) -> Duration {
    let least = Duration::from_secs(10).min(every);
    (every / 10).clamp(least, Duration::from_mins(5).max(least))
}
