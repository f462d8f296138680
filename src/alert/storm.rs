//! What is said of many notifications at once. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use crate::alert::tell::{one_line, prefix};
use crate::model::{IncidentId, JourneyId, JourneyMap, Notification, NotificationKind, Severity, Storm};
use crate::words;

/// Incidents named, one line each; the rest are counted.
const NAMED_MAX: usize = 10;
const JOURNEYS_NAMED_MAX: usize = 3;
/// Longest line, characters: with all of them a message still fits into every chat.
const LINE_MAX: usize = 180;

/// What storms are told with.
#[derive(Clone, Debug)]
pub struct Teller {
    pub map: Arc<JourneyMap>,
    /// Where the page is, if the daemon knows it.
    pub base: Option<Url>,
}

/// How it is with one incident of a storm; in the order in which they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Broken,
    /// Its beginning was told before.
    Still,
    Over,
}

/// What is said last of one incident.
struct Latest<'a> {
    notification: &'a Notification,
    standing: Standing,
}

impl Teller {
    /// The one message for all of these; of each incident it says the latest.
    pub fn tell(&self, id: &str, members: &[Notification], now: Timestamp) -> Storm {
        let latest = latest(members);
        let open = latest.iter().filter(|one| one.standing != Standing::Over);
        Storm {
            id: id.to_owned(),
            at: now,
            severity: open.map(|one| one.notification.incident.severity).max(),
            headline: one_line(&self.headline(&latest)),
            lines: lines(&latest),
            link: self.base.as_ref().map(ToString::to_string),
            incidents: latest.len(),
        }
    }

    /// How much is broken for whom.
    fn headline(&self, latest: &[Latest<'_>]) -> String {
        let all = [(Standing::Broken, "broken"), (Standing::Still, "still broken"), (Standing::Over, "mended")];
        let count = |standing| latest.iter().filter(|one| one.standing == standing).count();
        let counts = all.into_iter().map(|(standing, how)| (standing, count(standing), how));
        let counts = counts.filter(|(_, number, _)| *number > 0).enumerate().map(|(place, (standing, number, how))| {
            // What was told before this is broken, too.
            let more = if standing == Standing::Broken { " more" } else { "" };
            let (things, are) = if number == 1 { (" thing", "is") } else { (" things", "are") };
            format!("{number}{more}{} {are} {how}", if place == 0 { things } else { "" })
        });
        let what = words::list(counts);
        let journeys = self.journeys(latest);
        if journeys.is_empty() { what } else { format!("{what}: customers of {journeys} are hurt") }
    }

    /// Those who lose most, by what hurts them worst and then by how much does.
    fn journeys(&self, latest: &[Latest<'_>]) -> String {
        let mut hurt: BTreeMap<&JourneyId, (f64, usize)> = BTreeMap::new();
        for one in latest.iter().filter(|one| one.standing != Standing::Over) {
            for impact in &one.notification.incident.impacts {
                let (worst, number) = hurt.entry(&impact.journey).or_default();
                *worst = worst.max(impact.loss);
                *number += 1;
            }
        }
        let mut hurt: Vec<_> = hurt.into_iter().collect();
        hurt.sort_by(|(_, (a, m)), (_, (b, n))| b.total_cmp(a).then(n.cmp(m)));
        let more = hurt.len().saturating_sub(JOURNEYS_NAMED_MAX);
        let named = hurt.iter().take(JOURNEYS_NAMED_MAX).map(|(id, _)| format!("“{}”", words::title(id, &self.map)));
        let more = (more > 0).then(|| format!("{more} more {}", if more == 1 { "journey" } else { "journeys" }));
        words::list(named.chain(more))
    }
}

/// Of each incident the latest: what is broken first, the gravest and costliest of it before the rest.
fn latest(members: &[Notification]) -> Vec<Latest<'_>> {
    let mut by_incident: BTreeMap<IncidentId, Latest<'_>> = BTreeMap::new();
    for notification in members {
        let begins = matches!(notification.kind, NotificationKind::Open | NotificationKind::Escalate);
        let began = by_incident.get(&notification.incident.id).is_some_and(|one| one.standing == Standing::Broken);
        let standing = match notification.kind {
            NotificationKind::Resolve => Standing::Over,
            _ if begins || began => Standing::Broken,
            _ => Standing::Still,
        };
        by_incident.insert(notification.incident.id, Latest { notification, standing });
    }
    let mut latest: Vec<_> = by_incident.into_values().collect();
    latest.sort_by(|a, b| {
        let loss =
            |one: &Latest<'_>| one.notification.incident.impacts.iter().map(|hurt| hurt.loss).fold(0.0, f64::max);
        let grave = |one: &Latest<'_>| (one.standing, Reverse(one.notification.incident.severity));
        let opened = |one: &Latest<'_>| one.notification.incident.opened;
        grave(a).cmp(&grave(b)).then(loss(b).total_cmp(&loss(a))).then(opened(a).cmp(&opened(b)))
    });
    latest
}

fn lines(latest: &[Latest<'_>]) -> Vec<String> {
    let (after, within) = (Storm::AFTER, Storm::WITHIN.as_secs());
    let mut lines = vec![format!("More than {after} messages within {within} seconds: the rest come as one.")];
    lines.extend(latest.iter().take(NAMED_MAX).map(line));
    let more = latest.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        lines.push(format!("… and {more} more."));
    }
    lines
}

/// One incident: how it is now, not what happened to it on the way.
fn line(one: &Latest<'_>) -> String {
    let notification = one.notification;
    let headline = notification.headline.as_str();
    let plain = headline.strip_prefix(&*prefix(notification.kind, &notification.incident)).unwrap_or(headline);
    let line = match one.standing {
        Standing::Broken if notification.incident.severity == Severity::Ticket => format!("(can wait) {plain}"),
        Standing::Broken => plain.to_owned(),
        Standing::Still => format!("Still: {plain}"),
        Standing::Over => headline.to_owned(),
    };
    if line.chars().count() <= LINE_MAX {
        return line;
    }
    line.chars().take(LINE_MAX - 1).chain(['…']).collect()
}
