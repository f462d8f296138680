//! What is told of an incident, in plain words. Pure.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

use crate::model::{Cause, Close, Incident, IncidentId, JourneyMap, Notification, NotificationKind, State};
use crate::words;

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
        let what = words::incident(self.incident, self.map);
        one_line(&format!("{}{what}", prefix(self.kind, self.incident)))
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.map.timezone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// Since when; who has it; the cause; the share of the score; the next step.
    fn lines(&self) -> Vec<String> {
        let incident = self.incident;
        let opened = self.time(incident.opened);
        let mut lines = vec![match incident.closed {
            Some(closed) => {
                format!("From {opened} to {}, {}.", self.time(closed), words::length(incident.opened, closed))
            }
            None => format!("Since {opened}, {}.", words::length(incident.opened, self.now)),
        }];
        lines.extend(self.who_has_it());
        lines.extend(self.what_changed());
        lines.extend(self.our_cause());
        if let (Cause::Objective(_), Some(first)) = (&incident.cause, incident.timeline.first()) {
            lines.push(format!("{}.", first.what));
        }
        if let Some(fault) = &incident.fault {
            if let (Cause::Touchpoint(id), None) = (&incident.cause, incident.closed) {
                let clause = words::fault(State::Down, Some(fault));
                lines.push(format!("{} {clause}.", words::touchpoint(id, self.map)));
            }
            let untold = fault.evidence.as_ref().filter(|evidence| !fault.text.contains(&evidence.found));
            let found = untold.map_or_else(String::new, |evidence| {
                format!(" (expected {} to be {}, found {})", evidence.of, evidence.expected, evidence.found)
            });
            lines.push(format!("Cause: {fault}{found} [{}].", fault.code));
            lines.extend(fault.excerpt.as_ref().map(|excerpt| format!("The answer says: {excerpt}")));
        }
        if let Some(shared) = words::shared(incident, self.map) {
            lines.push(format!("In common: {shared}."));
        }
        for impact in incident.impacts.iter().take(JOURNEYS_NAMED_MAX) {
            let loses = if incident.closed.is_some() { "lost" } else { "loses" };
            lines.push(format!("{} {loses} {:.1} points of 100 to it.", self.journey(&impact.journey), impact.loss));
        }
        if incident.closed.is_none() {
            let advice = incident.fault.as_ref().and_then(words::advice);
            lines.extend(advice.map(|advice| format!("What to do: {advice}.")));
            lines.extend(self.next_step());
        }
        if let Some(trace) = incident.trace {
            lines.push(self.trace_link().map_or_else(|| format!("Trace {trace}."), |link| format!("Trace: {link}")));
        }
        lines
    }

    fn trace_link(&self) -> Option<String> {
        let trace = self.incident.trace?.to_string();
        Some(self.map.trace_link.as_ref()?.replace("{trace_id}", &trace))
    }

    fn who_has_it(&self) -> Option<String> {
        if let Some(unanswered) = self.unanswered.filter(|_| self.kind == NotificationKind::Escalate) {
            let (names, since) = (unanswered.receivers.join(", "), self.time(unanswered.since));
            return Some(format!("Nobody has acknowledged it; {names} knows of it since {since}."));
        }
        let said = self.incident.answered()?;
        let why = said.why.as_ref().map_or_else(String::new, |why| format!(": {}", why.trim_end_matches('.')));
        let has = if self.incident.closed.is_some() { "had" } else { "has" };
        Some(format!("{} {has} it since {}{why}.", said.by, self.time(said.at)))
    }

    /// Which of our vantages cannot see, what fills our disk: the opening has it behind what the headline says.
    fn our_cause(&self) -> Option<String> {
        let Cause::Own(own) = &self.incident.cause else { return None };
        let why = self.incident.timeline.first()?.what.strip_prefix(own.words())?.strip_prefix(": ")?;
        (!why.is_empty()).then(|| format!("Cause: {}.", why.trim_end_matches('.')))
    }

    fn what_changed(&self) -> Option<String> {
        // The first line of the timeline is the opening.
        let (_, since) = self.incident.timeline.split_first().filter(|_| self.kind == NotificationKind::Update)?;
        Some(format!("Changed: {}.", since.last()?.what.trim_end_matches('.')))
    }

    fn next_step(&self) -> Option<String> {
        let id = match &self.incident.cause {
            Cause::Own(_) => return Some("Next: look at Unbroken's own page and log.".into()),
            Cause::Journey(id) | Cause::Objective(id) => {
                return Some(format!("Next: see what costs most: unbroken explain {id}"));
            }
            Cause::Touchpoint(id) => id,
        };
        let touchpoint = self.map.touchpoints.get(id)?;
        let probe = self.incident.probes.iter().find(|probe| probe.touchpoint == *id)?;
        let owner = touchpoint.owner.as_ref().map(|owner| format!("{owner} owns it; ")).unwrap_or_default();
        let from = self.incident.only_from.first().map(|vantage| format!(" --from {vantage}")).unwrap_or_default();
        Some(format!("Next: {owner}try it: unbroken probe {probe}{from}"))
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
pub(super) fn prefix(kind: NotificationKind, incident: &Incident) -> Cow<'static, str> {
    let text = match kind {
        NotificationKind::Open | NotificationKind::Test => "",
        NotificationKind::Update => "Changed: ",
        NotificationKind::Remind => "Still: ",
        NotificationKind::Acknowledge => {
            let by = incident.acknowledged.as_ref().map_or("Somebody", |said| said.by.as_str());
            return format!("{by} has it: ").into();
        }
        NotificationKind::Escalate => "Nobody answers: ",
        NotificationKind::Resolve => match incident.close {
            Some(Close::Removed) => "No longer watched: ",
            Some(Close::Merged) => "Part of another incident: ",
            _ => "Mended: ",
        },
    };
    text.into()
}

pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX).collect();
    if text.chars().count() > LINE_MAX {
        line.push('…');
    }
    line
}
