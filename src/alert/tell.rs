//! From a change to what each receiver is told, in plain words. Pure.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use url::Url;

use crate::alert::{Match, Settings};
use crate::model::{
    Cause, Change, Close, Incident, IncidentId, JourneyMap, Notification, NotificationKind, State, TouchpointId,
};
use crate::words;

/// Longest line of a notification, characters.
const LINE_MAX: usize = 300;
const JOURNEYS_NAMED_MAX: usize = 3;

/// What a change makes known, one notification per receiver. Most changes make nothing known.
pub fn notifications(
    settings: &Settings,
    map: &JourneyMap,
    change: &Change,
    now: Timestamp,
    base: Option<&Url>,
) -> Vec<Notification> {
    let (incident, kind) = match change {
        Change::IncidentOpened(incident) => (incident, NotificationKind::Open),
        Change::IncidentUpdated(incident) => (incident, NotificationKind::Update),
        Change::IncidentClosed(incident) => (incident, NotificationKind::Resolve),
        _ => return Vec::new(),
    };
    let letter = Template { map, incident, kind, ordinal: 0, now, base };
    receivers(settings, map, incident, kind).into_iter().map(|receiver| letter.address(receiver)).collect()
}

/// Reminders of what is open that fell due after `since` and up to `now`. Asking twice yields the same ids.
pub fn reminders(
    settings: &Settings,
    map: &JourneyMap,
    open: &[Incident],
    since: Timestamp,
    now: Timestamp,
    base: Option<&Url>,
) -> Vec<Notification> {
    let every = SignedDuration::try_from(settings.repeat.get()).unwrap_or(SignedDuration::MAX).as_millis().max(1);
    let kind = NotificationKind::Remind;
    let due = open.iter().filter(|incident| incident.closed.is_none()).filter_map(|incident| {
        let ordinal = |at: Timestamp| at.duration_since(incident.opened).as_millis().max(0) / every;
        let ordinal = Some(ordinal(now)).filter(|&number| number > ordinal(since))?;
        Some(Template { map, incident, kind, ordinal: u64::try_from(ordinal).unwrap_or(u64::MAX), now, base })
    });
    due.flat_map(|letter| {
        let names = receivers(settings, map, letter.incident, kind);
        names.into_iter().map(|receiver| letter.address(receiver)).collect::<Vec<_>>()
    })
    .collect()
}

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

/// Who is told. Of the end everybody is: the store drops it for those who never heard of the beginning, and routes that
/// have changed in between leave nobody with a false alarm.
fn receivers<'a>(
    settings: &'a Settings,
    map: &JourneyMap,
    incident: &Incident,
    kind: NotificationKind,
) -> Vec<&'a String> {
    let all = || settings.receivers.keys().collect::<Vec<_>>();
    if kind == NotificationKind::Resolve {
        return all();
    }
    let named = match incident.cause {
        Cause::Own(_) => settings.own.as_ref(),
        _ => settings.routes.iter().find(|route| fits(&route.matching, map, incident)).map(|route| &route.to),
    };
    let mut named: Vec<_> = named.map_or_else(all, |names| names.iter().collect());
    let mut seen = std::collections::BTreeSet::new();
    named.retain(|name| seen.insert(*name));
    named
}

fn fits(wanted: &Match, map: &JourneyMap, incident: &Incident) -> bool {
    let root = incident.touchpoint.as_ref().and_then(|id| map.touchpoints.get(id));
    let touchpoint = |id: &TouchpointId| incident.touchpoint.as_ref() == Some(id) || incident.touchpoints.contains(id);
    wanted.touchpoint.as_ref().is_none_or(touchpoint)
        && wanted.owner.as_ref().is_none_or(|owner| root.is_some_and(|root| root.owner.as_ref() == Some(owner)))
        && wanted.journey.as_ref().is_none_or(|journey| {
            matches!(&incident.cause, Cause::Journey(id) | Cause::Objective(id) if id == journey)
                || incident.impacts.iter().any(|impact| impact.journey == *journey)
        })
        && wanted.channel.is_none_or(|channel| root.is_some_and(|root| root.channel == channel))
        && wanted.severity.is_none_or(|severity| incident.severity == severity)
}

/// One version of an incident, before it is addressed.
struct Template<'a> {
    map: &'a JourneyMap,
    incident: &'a Incident,
    kind: NotificationKind,
    ordinal: u64,
    now: Timestamp,
    base: Option<&'a Url>,
}

impl Template<'_> {
    fn address(&self, receiver: &str) -> Notification {
        let incident = self.incident;
        Notification {
            id: notification_id(incident.id, incident.version, self.kind, self.ordinal, receiver),
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

    /// Since when; the cause; the share of the score; the next step.
    fn lines(&self) -> Vec<String> {
        let incident = self.incident;
        let time = |at: Timestamp| at.to_zoned(self.map.timezone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
        let mut lines = match incident.closed {
            Some(closed) => {
                vec![format!(
                    "From {} to {}, {}.",
                    time(incident.opened),
                    time(closed),
                    length(incident.opened, closed)
                )]
            }
            None => vec![format!("Since {}, {}.", time(incident.opened), length(incident.opened, self.now))],
        };
        lines.extend(self.what_changed());
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
        Some(format!("Next: {owner}try it: unbroken probe {probe}"))
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
pub(super) fn prefix(kind: NotificationKind, incident: &Incident) -> &'static str {
    match kind {
        NotificationKind::Open | NotificationKind::Test => "",
        NotificationKind::Update => "Changed: ",
        NotificationKind::Remind => "Still: ",
        NotificationKind::Resolve => match incident.close {
            Some(Close::Removed) => "No longer watched: ",
            Some(Close::Merged) => "Part of another incident: ",
            _ => "Mended: ",
        },
    }
}

/// A length of time as people say it.
fn length(from: Timestamp, to: Timestamp) -> String {
    let minutes = to.duration_since(from).as_mins().max(0);
    match minutes {
        0 => "less than a minute".into(),
        1 => "1 minute".into(),
        2..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX).collect();
    if text.chars().count() > LINE_MAX {
        line.push('…');
    }
    line
}
