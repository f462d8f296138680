//! What is told of an incident, in plain words. Pure.

use std::fmt::Write;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

use crate::model::{Cause, Close, Fault, Incident, IncidentId, JourneyMap, Notification, NotificationKind, State};
use crate::words::{self, Said, Words};

/// Longest line of a notification, characters.
const LINE_MAX: usize = 300;
const JOURNEYS_NAMED_MAX: usize = 3;

/// A notification's lasting name: sha256 of what makes it this one. `ordinal` counts reminders.
pub fn notification_id(
    incident: IncidentId,
    version: u32,
    kind: NotificationKind,
    ordinal: u64,
    receiver: &str,
) -> String {
    let hash = Sha256::digest(format!("{incident}/{version}/{}/{ordinal}/{receiver}", kind.as_str()));
    hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// One version of an incident, before it is addressed.
pub(super) struct Letter<'a> {
    pub(super) words: &'a Words,
    pub(super) map: &'a JourneyMap,
    pub(super) incident: &'a Incident,
    pub(super) kind: NotificationKind,
    /// Tells letters of one kind and version from each other.
    pub(super) ordinal: u64,
    pub(super) now: Timestamp,
    pub(super) base: Option<&'a Url>,
    pub(super) unanswered: Option<&'a Unanswered>,
}

/// Since when these know of it, and nobody has it.
#[derive(Clone, Debug)]
pub(super) struct Unanswered {
    pub(super) since: Timestamp,
    pub(super) receivers: Vec<String>,
}

impl Letter<'_> {
    pub(super) fn address(&self, receiver: &str) -> Notification {
        let incident = self.incident;
        // A receiver is told the opening once, however late.
        let version = if self.kind == NotificationKind::Open { 1 } else { incident.version };
        Notification {
            id: notification_id(incident.id, version, self.kind, self.ordinal, receiver),
            receiver: receiver.to_owned(),
            kind: self.kind,
            at: self.now,
            incident: incident.clone(),
            headline: self.headline(),
            lines: self.lines().into_iter().map(|line| one_line(&line)).collect(),
            link: self.base.and_then(|base| base.join(&format!("incidents/{}", incident.id)).ok()).map(String::from),
            trace_link: self.trace_link(),
            labels: self.labels(),
        }
    }

    fn headline(&self) -> String {
        let what = self.words.incident(self.incident, self.map);
        one_line(&format!("{}{what}", prefix(self.words, self.kind, self.incident)))
    }

    /// A line that is always the same, or takes what follows.
    fn say(&self, key: &'static str) -> Said<'_> {
        self.words.say(key).with("tense", words::tense(self.incident))
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.map.timezone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// Since when; who has it; the cause; the share of the score; the next step.
    fn lines(&self) -> Vec<String> {
        let incident = self.incident;
        let (opened, until) = (self.time(incident.opened), incident.closed.unwrap_or(self.now));
        let since = self.say(if incident.closed.is_some() { "letter-from-to" } else { "letter-since" });
        let since = since.with("from", opened).with("to", self.time(until));
        let mut lines = vec![since.with("lasted", self.words.length(incident.opened, until)).to_string()];
        lines.extend(self.who_has_it());
        lines.extend(self.what_changed());
        lines.extend(self.our_cause());
        if let (Cause::Objective(_), Some(first)) = (&incident.cause, incident.timeline.first()) {
            lines.push(self.say("sentence").with("text", self.words.happened(&first.what).what).to_string());
        }
        if let Some(fault) = &incident.fault {
            lines.extend(self.cause(fault));
        }
        if let Some(shared) = self.words.shared(incident, self.map) {
            lines.push(self.say("letter-shared").with("shared", shared).to_string());
        }
        for impact in incident.impacts.iter().take(JOURNEYS_NAMED_MAX) {
            let loses = self.say("letter-loses").with("journey", self.journey(&impact.journey));
            lines.push(loses.with("points", format!("{:.1}", impact.loss)).to_string());
        }
        if incident.closed.is_none() {
            let advice = incident.fault.as_ref().and_then(|fault| self.words.advice(fault));
            lines.extend(advice.map(|advice| self.say("letter-advice").with("advice", advice).to_string()));
            lines.extend(self.next_step());
        }
        if let Some(trace) = incident.trace {
            lines.push(match self.trace_link() {
                None => self.say("letter-trace").with("trace", trace.to_string()).to_string(),
                Some(link) => self.say("letter-trace-link").with("link", link).to_string(),
            });
        }
        lines
    }

    /// What the matter is, for customers and for engineers.
    fn cause(&self, fault: &Fault) -> Vec<String> {
        let mut lines = Vec::new();
        if let (Cause::Touchpoint(id), None) = (&self.incident.cause, self.incident.closed) {
            let clause = self.words.clause(words::touchpoint(id, self.map), State::Down, Some(fault));
            lines.push(self.say("sentence").with("text", clause).to_string());
        }
        let untold = fault.evidence.as_ref().filter(|evidence| !fault.text.contains(&evidence.found));
        let found = untold.map_or_else(String::new, |seen| {
            let told = self.say("letter-found").with("of", &seen.of).with("expected", &seen.expected);
            told.with("found", &seen.found).to_string()
        });
        let told = self.say("letter-cause").with("text", fault.to_string()).with("found", found);
        lines.push(told.with("code", fault.code.code()).to_string());
        let excerpt = fault.excerpt.as_ref();
        lines.extend(excerpt.map(|excerpt| self.say("letter-excerpt").with("excerpt", excerpt).to_string()));
        lines
    }

    fn trace_link(&self) -> Option<String> {
        let trace = self.incident.trace?.to_string();
        Some(self.map.trace_link.as_ref()?.replace("{trace_id}", &trace))
    }

    fn who_has_it(&self) -> Option<String> {
        if let Some(unanswered) = self.unanswered.filter(|_| self.kind == NotificationKind::Escalate) {
            let (names, since) = (unanswered.receivers.join(", "), self.time(unanswered.since));
            return Some(self.say("letter-unanswered").with("names", names).with("since", since).to_string());
        }
        let said = self.incident.answered()?;
        let told = |key| self.say(key).with("by", &said.by).with("since", self.time(said.at));
        Some(match &said.why {
            Some(why) => told("incident-owned-why").with("why", why.trim_end_matches('.')).to_string(),
            None => told("incident-owned").to_string(),
        })
    }

    /// Which of our vantages cannot see, what fills our disk: the opening has it behind what the headline says.
    fn our_cause(&self) -> Option<String> {
        let Cause::Own(own) = &self.incident.cause else { return None };
        let why = self.incident.timeline.first()?.what.strip_prefix(own.words())?.strip_prefix(": ")?;
        (!why.is_empty()).then(|| self.say("letter-own").with("why", why.trim_end_matches('.')).to_string())
    }

    fn what_changed(&self) -> Option<String> {
        // The first line of the timeline is the opening.
        let (_, since) = self.incident.timeline.split_first().filter(|_| self.kind == NotificationKind::Update)?;
        let happened = self.words.happened(since.last()?.what.trim_end_matches('.'));
        Some(self.say("letter-changed").with("what", self.words.in_full(happened)).to_string())
    }

    fn next_step(&self) -> Option<String> {
        let id = match &self.incident.cause {
            Cause::Own(_) => return Some(self.words.text("next-own").into_owned()),
            Cause::Journey(id) | Cause::Objective(id) => {
                return Some(self.say("next-explain").with("id", id.as_str()).to_string());
            }
            Cause::Touchpoint(id) => id,
        };
        let touchpoint = self.map.touchpoints.get(id)?;
        let probe = self.incident.probes.iter().find(|probe| probe.touchpoint == *id)?;
        let from = self.incident.only_from.first().map(|vantage| format!(" --from {vantage}")).unwrap_or_default();
        let told = |key| self.say(key).with("command", format!("unbroken probe {probe}{from}"));
        Some(match &touchpoint.owner {
            Some(owner) => told("next-probe-owner").with("owner", owner).to_string(),
            None => told("next-probe").to_string(),
        })
    }

    /// What identifies and routes the alert elsewhere. The store keeps those of the opening.
    fn labels(&self) -> Vec<(String, String)> {
        let incident = self.incident;
        let alertname = match incident.cause {
            Cause::Touchpoint(_) => "TouchpointBroken",
            Cause::Journey(_) => "JourneyBroken",
            Cause::Objective(_) => "ObjectiveBurning",
            Cause::Own(_) => "UnbrokenInTrouble",
        };
        let root = incident.touchpoint.as_ref();
        let journey = match &incident.cause {
            Cause::Journey(id) | Cause::Objective(id) => Some(id),
            _ => incident.impacts.first().map(|impact| &impact.journey),
        };
        let labels = [
            ("alertname", Some(alertname.to_owned())),
            ("touchpoint", root.map(ToString::to_string)),
            ("incident", Some(incident.id.to_string())),
            ("journey", journey.map(ToString::to_string)),
            ("severity", Some(incident.severity.as_str().to_owned())),
            ("owner", root.and_then(|id| self.map.touchpoints.get(id)?.owner.clone())),
        ];
        labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn journey(&self, id: &crate::model::JourneyId) -> String {
        self.map.journey(id).map_or_else(|| id.to_string(), |journey| journey.title.clone())
    }
}

/// What stands before what is broken for whom.
pub(super) fn prefix(words: &Words, kind: NotificationKind, incident: &Incident) -> String {
    let key = match kind {
        NotificationKind::Open | NotificationKind::Test => return String::new(),
        NotificationKind::Update => "prefix-update",
        NotificationKind::Remind => "prefix-remind",
        NotificationKind::Acknowledge => {
            return match &incident.acknowledged {
                Some(said) => words.say("prefix-taken").with("by", &said.by).to_string(),
                None => words.text("prefix-taken-by-somebody").into_owned(),
            };
        }
        NotificationKind::Escalate => "prefix-escalate",
        NotificationKind::Resolve => match incident.close {
            Some(Close::Removed) => "prefix-removed",
            Some(Close::Merged) => "prefix-merged",
            _ => "prefix-mended",
        },
    };
    words.text(key).into_owned()
}

pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX).collect();
    if text.chars().count() > LINE_MAX {
        line.push('…');
    }
    line
}
