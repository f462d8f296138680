//! What depends on what: everything is there, and nothing depends on itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::build::{Draft, Read};
use crate::config::names::dangling;
use crate::config::problem::Place;

/// Every touchpoint that another depends on is there, and none depends on itself, however many lie between.
pub(super) fn check(read: &Read<'_>) {
    let mut edges: BTreeMap<&str, Vec<(&str, Place)>> = BTreeMap::new();
    for draft in read.drafts {
        let (Some((desk, _)), Some(raw)) = (draft.read, &draft.raw) else { continue };
        for (number, id) in raw.depends_on.iter().enumerate() {
            if read.draft(&id.value).is_none() {
                let known = read.drafts.iter().map(|draft| draft.id.as_str());
                dangling(&desk, id.place, format!("there is no touchpoint `{}`", id.value), &id.value, known);
            } else if raw.depends_on[..number].iter().any(|other| other.value == id.value) {
                let text = format!("the touchpoint `{}` stands here twice", id.value);
                desk.report(desk.source.problem(id.place, text));
            } else {
                edges.entry(draft.id.as_str()).or_default().push((&id.value, id.place));
            }
        }
    }
    let mut done = BTreeSet::new();
    for draft in read.drafts {
        report_cycles(read, &edges, draft, &mut done);
    }
}

/// Walks without recursion: a chain may be ten thousand long.
fn report_cycles<'a>(
    read: &Read<'_>,
    edges: &BTreeMap<&'a str, Vec<(&'a str, Place)>>,
    start: &'a Draft<'_>,
    done: &mut BTreeSet<&'a str>,
) {
    let mut path: Vec<(&str, usize)> = Vec::new();
    let mut on_path: BTreeSet<&str> = BTreeSet::new();
    if done.insert(start.id.as_str()) {
        path.push((start.id.as_str(), 0));
        on_path.insert(start.id.as_str());
    }
    while let Some((at, next)) = path.last_mut() {
        let edge = edges.get(*at).and_then(|edges| edges.get(*next));
        let from = *at;
        *next += 1;
        let Some((to, place)) = edge else {
            on_path.remove(from);
            path.pop();
            continue;
        };
        if on_path.contains(to) {
            const SHOWN: usize = 10;
            let cycle = path.iter().map(|(id, _)| *id).skip_while(|id| id != to);
            let mut names: Vec<&str> = cycle.take(SHOWN + 1).collect();
            if names.len() > SHOWN {
                names[SHOWN] = "...";
            }
            names.push(to);
            if let Some((desk, _)) = read.draft(from).and_then(|draft| draft.read) {
                let text = format!("touchpoints depend on each other in a circle: {}", names.join(" -> "));
                desk.report(desk.source.problem(*place, text).hint("remove one of them from `depends_on`"));
            }
        } else if done.insert(to) {
            path.push((to, 0));
            on_path.insert(to);
        }
    }
}
