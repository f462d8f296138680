//! What can be wrong in `alerts:` as a whole.

use std::collections::BTreeSet;

use crate::config::build::{Read, Whole, place_at};
use crate::config::decode::Keyed;
use crate::config::names::dangling;
use crate::config::tree::Node;
use crate::model::{JourneyId, TouchpointId};

/// Reports what the settings find wrong with themselves, what they refer to in vain, and what is unwise.
pub(super) fn check(read: &Read<'_>) {
    let Some(stands) = &read.top.alerts else { return };
    warn_of_plain_http(read, stands.node);
    let Some(settings) = &stands.value else { return };
    let written = |name: &str| stands.node.get("receivers").is_some_and(|entry| entry.value.get(name).is_some());
    for (path, text) in settings.problems() {
        let place = place_at(stands.node, &path);
        let (text, hint) = match text.split_once("; ") {
            Some((text, hint)) => (text.to_owned(), Some(hint.to_owned())),
            None => (text, None),
        };
        // A receiver whose own settings are wrong is reported there.
        let name = node_at(stands.node, &path).and_then(Node::text);
        if path.first().is_some_and(|part| part != "receivers") && name.is_some_and(|name| written(&name)) {
            continue;
        }
        let problem = stands.desk.source.problem(place, text);
        stands.desk.report(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }
    for (number, route) in settings.routes.iter().enumerate() {
        let place =
            |key: &str| place_at(stands.node, &["routes", &number.to_string(), "match", key].map(str::to_owned));
        if let Some(touchpoint) = &route.matching.touchpoint
            && read.draft(touchpoint.as_str()).is_none()
        {
            let known = read.drafts.iter().map(|draft| TouchpointId::as_str(&draft.id));
            let wrong = format!("there is no touchpoint `{touchpoint}`");
            dangling(&stands.desk, place("touchpoint"), wrong, touchpoint.as_str(), known);
        }
        let journeys = read.top.journeys.as_ref();
        if let Some(journey) = &route.matching.journey
            && let Some(journeys) = journeys
            && journeys.node.get(JourneyId::as_str(journey)).is_none()
        {
            let known: Vec<String> = journeys.node.entries().iter().filter_map(|entry| entry.key.text()).collect();
            let wrong = format!("there is no journey `{journey}`");
            dangling(&stands.desk, place("journey"), wrong, journey.as_str(), known.iter().map(String::as_str));
        }
        if let Some(segment) = &route.matching.segment
            && let Some(known) = segments(read)
            && !known.contains(segment.trim())
        {
            let wrong = format!("no persona is of the segment `{segment}`");
            dangling(&stands.desk, place("segment"), wrong, segment.trim(), known.iter().map(String::as_str));
        }
    }
}

/// The segments of all personas, if all are understood.
fn segments(read: &Read<'_>) -> Option<BTreeSet<String>> {
    let Some(stands) = &read.top.personas else {
        return (read.whole == Whole::Yes).then(BTreeSet::new);
    };
    let Keyed(personas) = stands.value.as_ref()?;
    let mut segments = BTreeSet::new();
    for (_, persona) in personas {
        segments.extend(persona.value.as_ref()?.segment().map(str::to_owned));
    }
    Some(segments)
}

fn node_at<'a>(node: &'a Node, path: &[String]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, part| {
        let item = || node.items().get(part.parse::<usize>().ok()?).map(|item| &item.node);
        node.get(part).map(|entry| &entry.value).or_else(item)
    })
}

/// An alert carries what customers meet; over plain http anyone on the way reads and writes it.
fn warn_of_plain_http(read: &Read<'_>, alerts: &Node) {
    let Some(stands) = &read.top.alerts else { return };
    let receivers = alerts.get("receivers");
    for receiver in receivers.iter().flat_map(|receivers| receivers.value.entries()) {
        for kind in receiver.value.entries() {
            // Slack's bot has settings of its own, one level deeper.
            let settings = kind.value.get("bot").map_or(&kind.value, |bot| &bot.value);
            let Some(node) = settings.get("url").map(|url| &url.value) else { continue };
            if goes_plainly(&node.text().unwrap_or_default()) {
                let what = if kind.key.text().as_deref() == Some("webhook") { "a webhook" } else { "an alert" };
                let text = format!("{what} over plain http can be read on its way");
                read.warn(stands.desk.source.problem(node.place, text).hint("use https"));
            }
        }
    }
}

/// By plain http to another machine.
fn goes_plainly(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => true,
    };
    url.scheme() == "http" && !loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_to_others_is_plain() {
        for url in ["http://10.0.0.5/hook", "http://alertmanager:9093", "http://127.0.0.1.example/"] {
            assert!(goes_plainly(url), "{url}");
        }
        for url in ["https://10.0.0.5/", "http://localhost:9093", "http://127.0.0.2", "http://[::1]:1/", "nonsense"] {
            assert!(!goes_plainly(url), "{url}");
        }
    }
}
