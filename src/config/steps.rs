//! The steps of one probe, checked.

use std::time::Duration;

use crate::config::build::Read;
use crate::config::decode::Desk;
use crate::config::names::{check_name, dangling};
use crate::config::problem::Place;
use crate::config::touchpoint::{RawProbe, RawStep};
use crate::config::tree::Node;
use crate::model::TouchpointId;
use crate::probe::expect::Status;
use crate::probe::{Step, When};
use crate::units::Period;

/// Steps of one errand; a customer has no more patience.
const STEPS_MAX: usize = 100;

/// What steps are checked against.
pub(super) struct Steps<'a> {
    pub(super) read: &'a Read<'a>,
    pub(super) desk: Desk<'a>,
    /// Of the whole run.
    pub(super) timeout: Duration,
}

impl Steps<'_> {
    fn wrong(&self, place: Place, text: impl Into<String>) {
        self.desk.report(self.desk.source.problem(place, text));
    }

    /// The steps of a probe, with what is wrong in them reported.
    pub(super) fn of(&self, raw: &RawProbe, node: &Node) -> Vec<Step> {
        let tree = node.get("steps").map_or(node, |steps| &steps.value);
        if tree.items().is_empty() {
            self.wrong(raw.steps.place, "the probe has no steps");
        } else if tree.items().len() > STEPS_MAX {
            self.wrong(raw.steps.place, format!("more than {STEPS_MAX} steps"));
        }
        let mut steps = Vec::with_capacity(tree.items().len());
        for item in tree.items() {
            check_captures(&self.desk, &item.node);
        }
        // The shapes that were kept stand in the order of the tree, without those that are gone.
        let live = tree.items().iter().filter(|item| !item.gone.get());
        for (kept, item) in raw.steps.value.iter().zip(live) {
            if let Some(step) = &kept.value {
                self.check_step(step, &item.node);
                steps.push(made(step));
            }
        }
        steps
    }

    fn check_step(&self, step: &RawStep, node: &Node) {
        let timeout = self.timeout;
        if let Some(own) = &step.timeout
            && own.value.get() > timeout
        {
            let text = format!("{} is longer than the whole run's timeout of {}", own.value, words(timeout));
            self.wrong(own.place, text);
        }
        if let Some(on) = &step.on
            && self.read.draft(&on.value).is_none()
        {
            let known = self.read.drafts.iter().map(|draft| draft.id.as_str());
            let wrong = format!("there is no touchpoint `{}`", on.value);
            dangling(&self.desk, on.place, wrong, &on.value, known);
        }
        self.check_answers(step, node);
        self.check_latency(step, node);
    }

    /// What is expected and captured must be among what the kind replies with.
    fn check_answers(&self, step: &RawStep, node: &Node) {
        let about = step.kind.about();
        let fields: Vec<String> = about.fields.iter().map(|field| format!("`{field}`")).collect();
        let report = |place: Place, field: &str| {
            let text = format!("`{}` does not reply with `{field}`", about.key);
            let hint = format!("it replies with {}", fields.join(", "));
            self.desk.report(self.desk.source.problem(place, text).hint(hint));
        };
        for key in step.expect.unanswerable(about.fields) {
            let entry = node.get("expect").and_then(|expect| expect.value.get(&key));
            let expect = || node.get("expect").map_or(node.place, |expect| expect.key.place);
            report(entry.map_or_else(expect, |entry| entry.key.place), &key);
        }
        if let Some(status) = step.expect.status().filter(|status| *status != about.status) {
            let entry = node.get("expect").and_then(|expect| expect.value.get("status"));
            let (wrong, hint) = match status {
                Status::Code => ("in words, not with a code", "write `status: SERVING`"),
                Status::Word => ("with a code, not in words", "write `status: 200`, or a class such as `2xx`"),
            };
            let text = format!("`{}` says {wrong} how it went", about.key);
            let place = entry.map_or(node.place, |entry| entry.value.place);
            self.desk.report(self.desk.source.problem(place, text).hint(hint));
        }
        for (name, capture) in &step.capture {
            if !about.fields.contains(&capture.field()) {
                report(name.place, capture.field().name());
            }
        }
    }

    /// good < poor < timeout
    fn check_latency(&self, step: &RawStep, node: &Node) {
        let timeout = self.timeout;
        let place = |key: &str| {
            let found = node.get("expect").and_then(|expect| expect.value.get(key));
            found.map_or(node.place, |entry| entry.value.place)
        };
        let written = |key: &str| node.get("expect").is_some_and(|expect| expect.value.get(key).is_some());
        match (step.expect.good, step.expect.poor) {
            (Some(good), Some(poor)) if good >= poor => {
                self.wrong(
                    place("poor"),
                    format!("`poor` ({}) must be longer than `good` ({})", words(poor), words(good)),
                );
            }
            (_, Some(poor)) if poor >= timeout => {
                let text = format!("`poor` ({}) must be shorter than the timeout of {}", words(poor), words(timeout));
                self.wrong(place("poor"), text);
            }
            (Some(_), None) if !written("poor") => self.wrong(place("good"), "`good` needs `poor` beside it"),
            (None, Some(_)) if !written("good") => self.wrong(place("poor"), "`poor` needs `good` beside it"),
            _ => {}
        }
    }
}

fn check_captures(desk: &Desk<'_>, step: &Node) {
    let Some(capture) = step.get("capture") else { return };
    for entry in capture.value.entries() {
        check_name(desk, entry.key.place, "a captured value", &entry.key.text().unwrap_or_default());
    }
}

fn made(step: &RawStep) -> Step {
    Step {
        name: step.name.as_deref().unwrap_or_default().into(),
        kind: step.kind.clone(),
        expect: step.expect.clone(),
        capture: step.capture.iter().map(|(name, capture)| (name.value.as_str().into(), capture.clone())).collect(),
        on: step.on.as_ref().map(|on| TouchpointId::new(&on.value)),
        when: if step.always { When::Always } else { When::Well },
        timeout: step.timeout.as_ref().map(|timeout| timeout.value.get()),
        severity: step.severity,
    }
}

/// A duration as people write it.
pub(super) fn words(duration: Duration) -> Period {
    Period::from_millis(duration.as_millis() as u64)
}
