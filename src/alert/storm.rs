//! What is said of many notifications at once. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use crate::alert::tell::{one_line, prefix};
use crate::model::{IncidentId, JourneyId, JourneyMap, Notification, NotificationKind, Severity, Storm};
use crate::words::{self, Words};

/// Incidents named, one line each; the rest are counted.
const NAMED_MAX: usize = 10;
const JOURNEYS_NAMED_MAX: usize = 3;
/// Longest line, characters: with all of them a message still fits into every chat.
const LINE_MAX: usize = 180;

/// What storms are told with.
#[derive(Clone, Debug)]
pub struct Teller {
    pub map: Arc<JourneyMap>,
    /// In whose language they are told.
    pub words: Arc<Words>,
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
            lines: lines(&self.words, &latest),
            link: self.base.as_ref().map(ToString::to_string),
            incidents: latest.len(),
        }
    }

    /// How much is broken for whom.
    fn headline(&self, latest: &[Latest<'_>]) -> String {
        let all = [(Standing::Broken, "broken"), (Standing::Still, "still"), (Standing::Over, "over")];
        let counts = all.map(|(standing, how)| (latest.iter().filter(|one| one.standing == standing).count(), how));
        let counts = counts.into_iter().filter(|(count, _)| *count > 0).enumerate();
        let what = self.words.list(counts.map(|(place, (count, how))| {
            // What was told before this is broken, too: so there are more. Of what they are is said once.
            let key = if place == 0 { "storm-things" } else { "storm-more" };
            self.words.say(key).with("count", count).with("how", how).to_string()
        }));
        let journeys = self.journeys(latest);
        if journeys.is_empty() {
            return what;
        }
        self.words
            .say("incident-hurting")
            .with("what", what)
            .with("journeys", journeys)
            .with("tense", "open")
            .to_string()
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
        let named = hurt.iter().take(JOURNEYS_NAMED_MAX).map(|(id, _)| self.words.quoted(words::title(id, &self.map)));
        let more = (more > 0).then(|| self.words.say("storm-journeys").with("count", more).to_string());
        self.words.list(named.chain(more))
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

fn lines(words: &Words, latest: &[Latest<'_>]) -> Vec<String> {
    let begins = words.say("storm-begins").with("after", Storm::AFTER).with("within", Storm::WITHIN.as_secs());
    let mut lines = vec![begins.to_string()];
    lines.extend(latest.iter().take(NAMED_MAX).map(|one| line(words, one)));
    let more = latest.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        lines.push(words.say("storm-rest").with("count", more).to_string());
    }
    lines
}

/// One incident: how it is now, not what happened to it on the way.
fn line(words: &Words, one: &Latest<'_>) -> String {
    let notification = one.notification;
    let headline = notification.headline.as_str();
    let prefix = prefix(words, notification.kind, &notification.incident);
    let plain = headline.strip_prefix(prefix.as_str()).unwrap_or(headline);
    let line = match one.standing {
        Standing::Broken if notification.incident.severity == Severity::Ticket => {
            words.say("storm-can-wait").with("what", plain).to_string()
        }
        Standing::Broken => plain.to_owned(),
        Standing::Still => format!("{}{plain}", words.text("prefix-remind")),
        Standing::Over => headline.to_owned(),
    };
    if line.chars().count() <= LINE_MAX {
        return line;
    }
    line.chars().take(LINE_MAX - 1).chain(['…']).collect()
}
