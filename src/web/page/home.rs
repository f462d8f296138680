//! The front page: the worst journey's number and sentence, then every journey in a row.

use std::sync::Arc;

use askama::Template;
use futures::{StreamExt as _, stream};

use super::Frame;
use super::ahead::{self, AheadRow};
use super::chart::{Strip, strip};
use super::look_back::change;
use super::number::Number;
use super::quiet::{QuietRow, rows};
use super::rich::Marked;
use super::segments;
use super::tone::Tone;
use crate::model::{Incident, JourneyNow, NeedNow, PersonaId, Severity, Snapshot, State, Weight};
use crate::store::IncidentFilter;
use crate::web::api::incidents::visible;
use crate::web::api::journeys::stage_title;
use crate::web::past::{Past, Range};
use crate::web::routes::Shared;
use crate::web::trend::{Against, Trend};
use crate::web::visitor::Visitor;
use crate::words;

/// Incidents that are over, shown below the open ones.
const CLOSED_MAX: u32 = 5;
/// Journeys whose past is read at once.
const READ_AT_ONCE: usize = 8;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "home.html")]
pub(super) struct Home {
    frame: Frame,
    headline: Option<Headline>,
    journeys: Vec<Row>,
    open: Vec<IncidentRow>,
    quiet: Vec<QuietRow>,
    ahead: Vec<AheadRow>,
    closed: Vec<IncidentRow>,
    places: Vec<Place>,
}

struct Headline {
    id: String,
    title: String,
    number: Number,
    tone: Tone,
    sentence: String,
    /// "**Pay my bill** is the worst of 3 journeys; their mean is 82.1."
    beside: Marked,
}

struct Row {
    id: String,
    title: String,
    number: Number,
    tone: Tone,
    sentence: String,
    stops: Vec<Stop>,
    hurt: Option<String>,
    /// The segments that fare clearly worse.
    worse: Option<String>,
    felt: String,
    observed: String,
    since: String,
    trend: Vec<Leap>,
    strip: Strip,
}

/// "+2.1 against yesterday"
pub(super) struct Leap {
    pub(super) change: String,
    pub(super) class: &'static str,
    /// "against yesterday"
    pub(super) against: String,
    /// "it was 95.9 at this time"
    pub(super) told: String,
}

/// A stage on the path.
pub(super) struct Stop {
    pub(super) title: String,
    pub(super) tone: Tone,
    pub(super) score: String,
}

pub(super) struct IncidentRow {
    pub(super) id: String,
    pub(super) headline: String,
    pub(super) tone: Tone,
    pub(super) when: String,
    pub(super) lasted: String,
    /// Who has it.
    pub(super) owner: Option<String>,
}

/// A touchpoint, in small.
struct Place {
    id: String,
    title: String,
    tone: Tone,
    channel: String,
}

pub(super) async fn page(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot) -> Home {
    let frame = Frame::new(shared, visitor, snapshot, visitor.words.text("journey-health"));
    let looked_back = looked_back(shared, snapshot).await;
    let journeys = snapshot.journeys.iter().zip(looked_back).map(|(journey, (past, trend))| {
        row(&frame, journey, snapshot, strip(&frame.words, &past), leaps(&frame, &trend))
    });
    let journeys = journeys.collect();
    let closed = shared.site.store.incidents(IncidentFilter::Closed, None, CLOSED_MAX).await.unwrap_or_default();
    let closed: Vec<Incident> = closed.iter().filter_map(|incident| visible(shared, incident, &snapshot.map)).collect();
    Home {
        headline: snapshot.worst().map(|journey| headline(&frame, journey, snapshot)),
        journeys,
        quiet: rows(&frame, snapshot, |_| true, |_| true),
        ahead: ahead::rows(shared, &frame, snapshot).await,
        open: snapshot.incidents.iter().map(|incident| incident_row(&frame, incident, snapshot)).collect(),
        closed: closed.iter().map(|incident| incident_row(&frame, incident, snapshot)).collect(),
        places: places(&frame, snapshot),
        frame,
    }
}

/// Of every journey its last day and its trend, some at once: a reader of the store that waits helps nobody.
async fn looked_back(shared: &Shared, snapshot: &Snapshot) -> Vec<(Arc<Past>, Trend)> {
    let each = snapshot.journeys.iter().map(|journey| look_back(shared, journey)).collect::<Vec<_>>();
    stream::iter(each).buffered(READ_AT_ONCE).collect().await
}

async fn look_back(shared: &Shared, journey: &JourneyNow) -> (Arc<Past>, Trend) {
    (shared.past(&journey.id, Range::Day).await, shared.trend(journey).await)
}

fn headline(frame: &Frame, journey: &JourneyNow, snapshot: &Snapshot) -> Headline {
    let scores: Vec<f64> =
        snapshot.journeys.iter().filter_map(|now| now.score).map(crate::model::Score::points).collect();
    let title = words::title(&journey.id, &snapshot.map);
    let beside = |key: &'static str| frame.rich(key).with("title", title);
    let beside = match (snapshot.journeys.len(), scores.len()) {
        (1, _) => beside("home-only"),
        (many, 0) => beside("home-no-number").count("count", many),
        (many, seen) => {
            let mean = (scores.iter().sum::<f64>() / seen as f64 * 10.0).floor() / 10.0;
            beside("home-mean").count("count", many).with("mean", format!("{mean:.1}"))
        }
    };
    Headline {
        id: journey.id.to_string(),
        title: title.to_owned(),
        number: number(journey),
        tone: tone(journey),
        sentence: frame.words.journey(journey, snapshot),
        beside: beside.done(),
    }
}

/// A journey whose every element waits for its first run is not unseen: it is being looked at.
pub(super) fn tone(journey: &JourneyNow) -> Tone {
    if words::is_pending(journey) { Tone::from(State::Pending) } else { Tone::from(journey.color) }
}

/// No number is shown that only says what nobody has looked at yet.
pub(super) fn number(journey: &JourneyNow) -> Number {
    journey.score.filter(|_| !words::is_pending(journey)).into()
}

fn row(frame: &Frame, journey: &JourneyNow, snapshot: &Snapshot, strip: Strip, trend: Vec<Leap>) -> Row {
    Row {
        id: journey.id.to_string(),
        title: words::title(&journey.id, &snapshot.map).to_owned(),
        number: number(journey),
        tone: tone(journey),
        sentence: frame.words.journey(journey, snapshot),
        stops: stops(journey, snapshot),
        hurt: hurt(frame, journey, snapshot),
        worse: segments::worse(frame, journey),
        felt: journey.felt.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        observed: frame.words.percent(journey.observed),
        since: frame.since(journey.since),
        trend,
        strip,
    }
}

/// Of what nothing is known, nothing is said.
pub(super) fn leaps(frame: &Frame, trend: &Trend) -> Vec<Leap> {
    let leap = |against: Option<Against>, name: &str| {
        against.map(|then| {
            let (change, class) = change(then.change);
            let told = frame.say("trend-then").with("score", format!("{:.1}", then.score)).to_string();
            Leap { change, class, against: frame.text(name).into_owned(), told }
        })
    };
    [leap(trend.yesterday, "trend-yesterday"), leap(trend.last_week, "trend-last-week")].into_iter().flatten().collect()
}

pub(super) fn stops(journey: &JourneyNow, snapshot: &Snapshot) -> Vec<Stop> {
    let stages = journey.stages.iter().enumerate().map(|(place, stage)| {
        let mut elements = stage.needs.iter().flat_map(NeedNow::elements);
        let pending = stage.score.is_none() && elements.all(|element| element.health.state == State::Pending);
        Stop {
            title: stage_title(snapshot, &journey.id, place).to_owned(),
            tone: if pending { Tone::from(State::Pending) } else { Tone::from(stage.color) },
            score: stage.score.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        }
    });
    stages.collect()
}

/// Which of our customers are hurt: everyone, or some of the personas. What only some need, or most can do without,
/// hurts nobody whom we could name.
fn hurt(frame: &Frame, journey: &JourneyNow, snapshot: &Snapshot) -> Option<String> {
    let (mut hurt, mut well, mut everyone) = (Vec::<PersonaId>::new(), Vec::<PersonaId>::new(), false);
    let needs = journey.stages.iter().flat_map(|stage| &stage.needs).filter(|need| concerns_everyone(need));
    let costly = needs.flat_map(NeedNow::elements).filter(|element| element.share >= 0.5);
    let touchpoints = costly.filter_map(|element| snapshot.touchpoints.get(element.element.touchpoint()));
    for series in touchpoints.flat_map(|touchpoint| &touchpoint.probes).flat_map(|probe| &probe.series) {
        let bad = match series.health.state {
            State::Down | State::Degraded => true,
            State::Up => series.health.value < 0.9,
            // Whom we cannot see we do not call hurt.
            State::Pending | State::Unknown | State::Closed => continue,
        };
        match &series.series.persona {
            None => everyone |= bad,
            Some(persona) if bad => hurt.push(persona.clone()),
            Some(persona) => well.push(persona.clone()),
        }
    }
    well.retain(|persona| !hurt.contains(persona));
    if everyone || (!hurt.is_empty() && well.is_empty()) {
        return Some(frame.text("hurts-everyone").into_owned());
    }
    hurt.sort();
    hurt.dedup();
    let names = frame.words.list(hurt.iter().map(|persona| persona_in_full(persona, snapshot)));
    (!names.is_empty()).then(|| frame.say("hurts-like").with("names", names).to_string())
}

/// `Anna Schmidt (consumer)`
pub(super) fn persona_in_full(id: &PersonaId, snapshot: &Snapshot) -> String {
    let name = persona_name(id, snapshot);
    match snapshot.map.personas.get(id).and_then(crate::model::Persona::segment) {
        Some(segment) => format!("{name} ({segment})"),
        None => name.into_owned(),
    }
}

/// `Anna Schmidt`; the id once the persona has left the map.
pub(super) fn persona_name<'a>(id: &'a PersonaId, snapshot: &'a Snapshot) -> std::borrow::Cow<'a, str> {
    snapshot.map.personas.get(id).map_or_else(|| id.as_str().into(), |persona| persona.name.as_str().into())
}

/// Every customer needs it; of alternatives, too few are left.
fn concerns_everyone(need: &NeedNow) -> bool {
    match need {
        NeedNow::One(element) => element.criticality > Weight::Supporting.criticality(),
        NeedNow::Of { need, members, .. } => {
            members.iter().filter(|member| member.health.state != State::Down).count() < *need
        }
    }
}

pub(super) fn incident_row(frame: &Frame, incident: &Incident, snapshot: &Snapshot) -> IncidentRow {
    IncidentRow {
        id: incident.id.to_string(),
        headline: frame.words.incident(incident, &snapshot.map),
        tone: incident_tone(incident),
        when: frame.since(incident.opened),
        lasted: frame.words.lasted(incident.opened, incident.closed.unwrap_or(frame.now)),
        owner: incident.answered().filter(|_| incident.closed.is_none()).map(|said| said.by.clone()),
    }
}

pub(super) fn incident_tone(incident: &Incident) -> Tone {
    match (incident.closed, incident.severity) {
        (Some(_), _) => Tone::new("good", "tone-over"),
        (None, Severity::Page) => Tone::new("broken", "tone-urgent"),
        (None, Severity::Ticket) => Tone::new("watch", "tone-ticket"),
    }
}

fn places(frame: &Frame, snapshot: &Snapshot) -> Vec<Place> {
    let places = snapshot.touchpoints.values().map(|now| Place {
        id: now.id.to_string(),
        title: words::touchpoint(&now.id, &snapshot.map).to_owned(),
        tone: now.health.state.into(),
        channel: frame.channel(&now.id, snapshot),
    });
    places.collect()
}
