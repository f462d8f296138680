//! One incident: what broke, for whom, since when, and who has been told.

use askama::Template;

use super::home::incident_tone;
use super::number::minus;
use super::proof::{self, Proof};
use super::quiet::{self, Hush, QuietRow};
use super::run::{Finding, evidence};
use super::tone::Tone;
use super::{Frame, Trace, capital};
use crate::model::{Cause, Close, Incident, Scope, Snapshot, State};
use crate::store::Delivery;
use crate::web::Audience;
use crate::web::api::incidents::{read, timeline};
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;
use crate::words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "incident.html")]
pub(super) struct Page {
    frame: Frame,
    headline: String,
    tone: Tone,
    /// "since 09:40, for 12 min"
    when: String,
    /// Why it is over, a message.
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
    proof: Option<Proof>,
    places: Vec<Place>,
    impacts: Vec<(String, String, String)>,
    /// When, what, and what engineers are told of it.
    timeline: Vec<(String, String, Option<String>)>,
    notices: Vec<Notice>,
}

struct Reason {
    /// In a customer's words.
    words: String,
    finding: Finding,
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

pub(super) async fn page(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot, id: &str) -> Option<Page> {
    let known = read(shared, id).await.ok()?;
    let incident = &known.incident;
    let headline = visitor.words.incident(incident, &snapshot.map);
    let frame = Frame::new(shared, visitor, snapshot, headline.clone());
    let map = &snapshot.map;
    Some(Page {
        tone: incident_tone(incident),
        when: when(&frame, incident),
        end: incident.close.map(|close| match close {
            Close::Recovered => "incident-recovered",
            Close::Removed => "incident-removed",
            Close::Merged => "incident-merged",
        }),
        quiet: if incident.closed.is_none() { held(&frame, incident, snapshot) } else { Vec::new() },
        hush: (shared.site.audience == Audience::Insiders && incident.closed.is_none())
            .then(|| Hush { kind: "incident", id: incident.id.to_string() }),
        id: incident.id.to_string(),
        answer: answer(&frame, incident),
        notes: shared.site.audience == Audience::Insiders,
        asks: shared.site.audience == Audience::Insiders && incident.closed.is_none(),
        cause: reason(&frame, incident, snapshot, shared.site.audience),
        shared: visitor
            .words
            .shared(incident, map)
            .map(|shared| frame.say("sentence").with("text", capital(&shared)).to_string()),
        trace: incident.trace.and_then(|trace| frame.trace(trace)),
        proof: proof::of_incident(shared, &frame, incident).await,
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
        timeline: timeline(&frame.words, &known)
            .into_iter()
            .rev()
            .map(|(at, line)| (frame.since(at), line.what, line.detail))
            .collect(),
        notices: known.deliveries.iter().map(|delivery| notice(&frame, delivery)).collect(),
        headline,
        frame,
    })
}

fn when(frame: &Frame, incident: &Incident) -> String {
    let from = frame.since(incident.opened);
    match incident.closed {
        None => frame.say("incident-since").with("from", from).with("lasted", frame.lasted(incident.opened)),
        Some(closed) => {
            let lasted = frame.words.lasted(incident.opened, closed);
            frame.say("incident-from-to").with("from", from).with("to", frame.since(closed)).with("lasted", lasted)
        }
    }
    .to_string()
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
    let tell = |key: &'static str| {
        let told = frame.say(key).with("by", &said.by).with("tense", words::tense(incident));
        told.with("since", frame.since(said.at))
    };
    Some(match &said.why {
        Some(why) => tell("incident-owned-why").with("why", why.trim_end_matches(['.', '。'])).to_string(),
        None => tell("incident-owned").to_string(),
    })
}

fn reason(frame: &Frame, incident: &Incident, snapshot: &Snapshot, audience: Audience) -> Option<Reason> {
    let fault = incident.fault.as_ref()?;
    let name = match &incident.cause {
        Cause::Touchpoint(id) => words::touchpoint(id, &snapshot.map).to_owned(),
        Cause::Journey(id) | Cause::Objective(id) => words::title(id, &snapshot.map).to_owned(),
        Cause::Own(_) => "Unbroken".to_owned(),
    };
    Some(Reason {
        words: frame.sentence(&name, State::Down, Some(fault)),
        finding: Finding {
            step: fault.step.clone(),
            text: frame.technical(fault),
            advice: frame.advice(fault).filter(|_| audience == Audience::Insiders),
            evidence: evidence(frame, fault),
            excerpt: fault.excerpt.clone().filter(|_| audience == Audience::Insiders),
        },
    })
}

fn notice(frame: &Frame, delivery: &Delivery) -> Notice {
    Notice {
        receiver: delivery.receiver.clone(),
        kind: frame.words.notice(&delivery.kind).into_owned(),
        tone: match delivery.state.as_str() {
            "delivered" => Tone::new("good", "delivery-delivered"),
            "dead" => Tone::new("broken", "delivery-dead"),
            "superseded" => Tone::new("closed", "delivery-superseded"),
            "dropped" => Tone::new("closed", "delivery-dropped"),
            _ => Tone::new("pending", "delivery-pending"),
        },
        attempts: delivery.attempts,
        when: frame.since(delivery.settled.unwrap_or(delivery.created)),
        error: delivery.error.clone(),
    }
}
