//! `{{name}}`: whether every name is there when its step runs.

use std::collections::BTreeMap;

use crate::config::decode::Desk;
use crate::config::problem::Place;
use crate::config::touchpoint::{RawProbe, RawStep};
use crate::config::tree::{Node, Value};
use crate::model::{Persona, PersonaId};
use crate::words::nearest;

/// What may be named in a probe's steps.
struct Names<'a> {
    variables: Vec<String>,
    /// Name, line and number of the step that captures it.
    captured: Vec<(String, usize, usize)>,
    /// What a dialogue captures for itself, and the number of its step.
    spoken: Vec<(&'a str, usize)>,
    personas: Vec<&'a Persona>,
    anonymous: bool,
}

/// Reports every name that is nowhere defined, or not yet.
pub(super) fn check(
    desk: &Desk<'_>,
    root: &Node,
    probe: &Node,
    personas: &BTreeMap<PersonaId, Persona>,
    raw: &RawProbe,
) {
    let Some(steps) = probe.get("steps") else { return };
    let variables = root.get("variables").map_or(&[][..], |variables| variables.value.entries());
    let names = Names {
        variables: variables.iter().filter_map(|entry| entry.key.text()).collect(),
        captured: captured(&steps.value, raw),
        spoken: spoken(&steps.value, raw),
        personas: raw.personas.iter().filter_map(|name| personas.get(&PersonaId::new(&name.value))).collect(),
        anonymous: raw.personas.is_empty() && probe.get("personas").is_none(),
    };
    for (number, item) in steps.value.items().iter().enumerate() {
        for entry in item.node.entries() {
            match entry.key.text().as_deref() {
                Some("name" | "capture" | "on" | "always" | "timeout" | "severity") => {}
                // What a step captures is there when its expectations are looked at.
                Some("expect") => names.walk(desk, &entry.value, Sight::Before(number + 1)),
                _ => names.walk(desk, &entry.value, Sight::Within(number)),
            }
        }
    }
    for (number, node, step) in live(&steps.value, raw) {
        names.check_expected(desk, step, node, Sight::Before(number + 1));
    }
}

/// The steps that were read, each with its number and its node: they stand in the order of the tree, without those
/// that are gone.
fn live<'a>(steps: &'a Node, raw: &'a RawProbe) -> impl Iterator<Item = (usize, &'a Node, &'a RawStep)> {
    let live = steps.items().iter().enumerate().filter(|(_, item)| !item.gone.get());
    let kept = raw.steps.value.iter().zip(live);
    kept.filter_map(|(kept, (number, item))| Some((number, &item.node, kept.value.as_ref()?)))
}

/// Which captures are there for a name.
#[derive(Clone, Copy)]
enum Sight {
    /// Those of so many steps.
    Before(usize),
    /// Those of so many steps, and what the dialogue of the next one captures for itself.
    Within(usize),
}

fn spoken<'a>(steps: &'a Node, raw: &'a RawProbe) -> Vec<(&'a str, usize)> {
    let mut spoken = Vec::new();
    for (number, _, step) in live(steps, raw) {
        step.kind.captures(&mut |name| spoken.push((name, number)));
    }
    spoken
}

/// The names of what a probe captures, its dialogues' among them.
pub(super) fn captures(probe: &Node, raw: &RawProbe) -> Vec<String> {
    let Some(steps) = probe.get("steps") else { return Vec::new() };
    captured(&steps.value, raw).into_iter().map(|(name, ..)| name).collect()
}

fn captured(steps: &Node, raw: &RawProbe) -> Vec<(String, usize, usize)> {
    let mut captured = Vec::new();
    for (number, item) in steps.items().iter().enumerate() {
        let capture = item.node.get("capture").map_or(&[][..], |capture| capture.value.entries());
        captured.extend(capture.iter().filter_map(|entry| Some((entry.key.text()?, entry.key.place.line, number))));
    }
    for (number, node, step) in live(steps, raw) {
        step.kind.captures(&mut |name| captured.push((name.to_owned(), node.place.line, number)));
    }
    captured
}

impl Names<'_> {
    /// Looks at every text below.
    fn walk(&self, desk: &Desk<'_>, node: &Node, sight: Sight) {
        match &node.value {
            Value::Scalar { text, .. } => self.look(desk, &text.borrow(), node.place, sight),
            Value::Seq(items) => items.iter().for_each(|item| self.walk(desk, &item.node, sight)),
            Value::Map(entries) => entries.iter().for_each(|entry| self.walk(desk, &entry.value, sight)),
        }
    }

    /// Captured values that are expected by name, and names in expressions.
    fn check_expected(&self, desk: &Desk<'_>, step: &RawStep, node: &Node, sight: Sight) {
        let Some(expect) = node.get("expect") else { return };
        for name in step.expect.captured() {
            let Some((text, hint)) = self.wrong(name, sight) else { continue };
            let hint = bare(&hint);
            let place = expect.value.get(name).map_or(expect.key.place, |entry| entry.key.place);
            let about = step.kind.about();
            let near = nearest(name, about.fields.iter().map(|field| field.name()));
            let (text, hint) = match near {
                Some(near) => (format!("unknown key `{name}`"), format!("did you mean `{near}`?")),
                None if self.captured.iter().any(|(known, ..)| known == name) => (text, hint),
                None => {
                    (format!("`{name}` is nothing that `{}` replies with, and nothing captures it", about.key), hint)
                }
            };
            desk.report(desk.source.problem(place, text).hint(hint));
        }
        for name in step.expect.expression_names() {
            if let Some((text, hint)) = self.wrong(name, sight) {
                let place = expect.value.get("that").map_or(expect.key.place, |entry| entry.value.place);
                desk.report(desk.source.problem(desk.source.find_in_line(place, name), text).hint(bare(&hint)));
            }
        }
    }

    fn look(&self, desk: &Desk<'_>, text: &str, place: Place, sight: Sight) {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else { return };
            rest = after;
            if let Some((text, hint)) = self.wrong(name.trim(), sight) {
                let place = desk.source.find_in_line(place, &format!("{{{{{name}}}}}"));
                desk.report(desk.source.problem(place, text).hint(hint));
            }
        }
    }

    /// What is wrong with a name, and what to do.
    fn wrong(&self, name: &str, sight: Sight) -> Option<(String, String)> {
        if let Some(field) = name.strip_prefix("persona.") {
            return self.wrong_field(field);
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(is_name) || self.variables.iter().any(|known| known == name) {
            // What is no name is reported by the template itself.
            return None;
        }
        let before = match sight {
            Sight::Within(number) if self.spoken.contains(&(name, number)) => return None,
            Sight::Before(number) | Sight::Within(number) => number,
        };
        let captures = self.captured.iter().filter(|(known, ..)| known == name);
        let first = captures.min_by_key(|(.., number)| *number);
        match first {
            Some((.., number)) if *number < before => None,
            Some((_, line, _)) => Some((
                format!("`{name}` is captured too late: in line {line}"),
                "a step sees what the steps before it have captured".to_owned(),
            )),
            None => {
                let earlier = self.captured.iter().filter(|(.., number)| *number < before);
                let known = self.variables.iter().chain(earlier.map(|(known, ..)| known)).map(String::as_str);
                let hint = match nearest(name, known) {
                    Some(near) => format!("did you mean `{{{{{near}}}}}`?"),
                    None => "define it under `variables:`, or `capture` it in an earlier step".to_owned(),
                };
                Some((format!("nothing is called `{name}` here"), hint))
            }
        }
    }

    fn wrong_field(&self, field: &str) -> Option<(String, String)> {
        if self.anonymous {
            let text = format!("`persona.{field}` is wanted, but the probe runs as nobody");
            return Some((text, "name who it runs as: `personas: [...]`".to_owned()));
        }
        let lacking = self.personas.iter().find(|persona| !persona.fields.contains_key(field))?;
        let hint = match nearest(field, lacking.fields.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{{{{persona.{near}}}}}`?"),
            None => format!("give `{}` a `{field}`", lacking.id),
        };
        Some((format!("the persona `{}` has no `{field}`", lacking.id), hint))
    }
}

/// Names stand without braces in expressions and keys.
fn bare(hint: &str) -> String {
    hint.replace("{{", "").replace("}}", "")
}
