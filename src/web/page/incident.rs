//! One incident: what broke, for whom, since when, and who has been told.

use askama::Template;

use super::home::incident_tone;
use super::number::{lasted, minus};
use super::quiet::{self, Hush, QuietRow};
use super::tone::Tone;
use super::{Frame, Trace, capital};
use crate::model::{Cause, Close, Incident, Scope, Snapshot, State};
use crate::store::Delivery;
use crate::web::Audience;
use crate::web::api::incidents::{read, timeline};
use crate::web::routes::Shared;
use crate::words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "incident.html")]
pub(super) struct Page {
    frame: Frame,
    headline: String,
    tone: Tone,
    /// "since 09:40, for 12 min"
    when: String,
    end: Option<&'static str>,
    id: String,
    /// "Anna has it since 09:40: the database is restarting."
    answer: Option<String>,
    /// Whether the visitor may say that he has it.
    asks: bool,
    /// Whether the visitor may note something.
    notes: bool,
    quiet: Vec<QuietRow>,
    hush: Option<Hush>,
    cause: Option<Reason>,
    /// What the touchpoints have in common.
    shared: Option<String>,
    trace: Option<Trace>,
    places: Vec<Place>,
    impacts: Vec<(String, String, String)>,
    timeline: Vec<(String, String)>,
    notices: Vec<Notice>,
}

struct Reason {
    /// In a customer's words.
    words: String,
    text: String,
    /// What its owner does about it.
    advice: Option<String>,
    step: Option<String>,
    /// What was looked at, wanted and found.
    evidence: Option<(String, String, String)>,
    /// How the answer begins.
    excerpt: Option<String>,
}

struct Place {
    id: String,
    title: String,
    tone: Tone,
    owner: Option<String>,
}

struct Notice {
    receiver: String,
    kind: String,
    tone: Tone,
    attempts: u32,
    when: String,
    error: Option<String>,
}

pub(super) async fn page(shared: &Shared, snapshot: &Snapshot, id: &str) -> Option<Page> {
    let known = read(shared, id).await.ok()?;
    let (incident, deliveries) = (&known.incident, &known.deliveries);
    let headline = words::incident(incident, &snapshot.map);
    let frame = Frame::new(shared, snapshot, headline.clone());
    let map = &snapshot.map;
    Some(Page {
        tone: incident_tone(incident),
        when: when(&frame, incident),
        end: incident.close.map(|close| match close {
            Close::Recovered => "It recovered.",
            Close::Removed => "What it was about is no longer watched.",
            Close::Merged => "Another incident explains it.",
        }),
        quiet: if incident.closed.is_none() { held(&frame, incident, snapshot) } else { Vec::new() },
        hush: (shared.site.audience == Audience::Insiders && incident.closed.is_none())
            .then(|| Hush { kind: "incident", id: incident.id.to_string() }),
        id: incident.id.to_string(),
        answer: answer(&frame, incident),
        notes: shared.site.audience == Audience::Insiders,
        asks: shared.site.audience == Audience::Insiders && incident.closed.is_none(),
        cause: reason(incident, snapshot, shared.site.audience),
        shared: words::shared(incident, map).map(|shared| format!("{}.", capital(&shared))),
        trace: incident.trace.and_then(|trace| frame.trace(trace)),
        places: incident
            .touchpoints
            .iter()
            .map(|id| Place {
                id: id.to_string(),
                title: words::touchpoint(id, map).to_owned(),
                tone: snapshot.state_of(id).into(),
                owner: map.touchpoints.get(id).and_then(|place| place.owner.clone()),
            })
            .collect(),
        impacts: incident
            .impacts
            .iter()
            .map(|hurt| (hurt.journey.to_string(), words::title(&hurt.journey, map).to_owned(), minus(hurt.loss)))
            .collect(),
        timeline: timeline(&known).rev().map(|h| (frame.since(h.at), h.what)).collect(),
        notices: deliveries.iter().map(|delivery| notice(&frame, delivery)).collect(),
        headline,
        frame,
    })
}

fn when(frame: &Frame, incident: &Incident) -> String {
    let from = frame.since(incident.opened);
    match incident.closed {
        None => format!("since {from}, for {}", frame.lasted(incident.opened)),
        Some(closed) => format!("from {from} to {}, for {}", frame.since(closed), lasted(incident.opened, closed)),
    }
}

/// What keeps the incident from being told, in whole or in part.
fn held(frame: &Frame, incident: &Incident, snapshot: &Snapshot) -> Vec<QuietRow> {
    let covers = |window: &crate::model::Maintenance| incident.touchpoints.iter().any(|id| window.covers(id));
    quiet::rows(frame, snapshot, covers, |scope| match scope {
        Scope::Touchpoint(id) => incident.touchpoints.contains(id),
        Scope::Journey(id) => incident.impacts.iter().any(|impact| impact.journey == *id),
        Scope::Incident(id) => *id == incident.id,
    })
}

fn answer(frame: &Frame, incident: &Incident) -> Option<String> {
    let said = incident.answered()?;
    let why = said.why.as_ref().map_or_else(String::new, |why| format!(": {}", why.trim_end_matches('.')));
    let has = if incident.closed.is_some() { "had" } else { "has" };
    Some(format!("{} {has} it since {}{why}.", said.by, frame.since(said.at)))
}

fn reason(incident: &Incident, snapshot: &Snapshot, audience: Audience) -> Option<Reason> {
    let fault = incident.fault.as_ref()?;
    let name = match &incident.cause {
        Cause::Touchpoint(id) => words::touchpoint(id, &snapshot.map).to_owned(),
        Cause::Journey(id) | Cause::Objective(id) => words::title(id, &snapshot.map).to_owned(),
        Cause::Own(_) => "Unbroken".to_owned(),
    };
    Some(Reason {
        words: format!("{name} {}.", words::fault(State::Down, Some(fault))),
        text: capital(&fault.text),
        advice: words::advice(fault).filter(|_| audience == Audience::Insiders).map(capital),
        step: fault.step.clone(),
        evidence: fault.evidence.as_ref().map(|seen| (seen.of.clone(), seen.expected.clone(), seen.found.clone())),
        excerpt: fault.excerpt.clone().filter(|_| audience == Audience::Insiders),
    })
}

fn notice(frame: &Frame, delivery: &Delivery) -> Notice {
    Notice {
        receiver: delivery.receiver.clone(),
        kind: delivery.kind.clone(),
        tone: match delivery.state.as_str() {
            "delivered" => Tone::new("good", "delivered"),
            "dead" => Tone::new("broken", "given up"),
            "superseded" => Tone::new("closed", "replaced by a newer one"),
            "dropped" => Tone::new("closed", "dropped"),
            _ => Tone::new("pending", "on its way"),
        },
        attempts: delivery.attempts,
        when: frame.since(delivery.settled.unwrap_or(delivery.created)),
        error: delivery.error.clone(),
    }
}
