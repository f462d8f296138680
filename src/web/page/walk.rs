//! A journey walked stage by stage, as a page and as a document of its own.

use std::sync::Arc;

use askama::Template;
use axum::extract::{self, Path, Query};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::album::{Album, Framed};
use super::number::minus;
use super::rich::Marked;
use super::run::{Run, run};
use super::tone::Tone;
use super::{Frame, capital, found, lost};
use crate::model::{Fault, FaultCode, JourneyId, Snapshot, State, Verdict};
use crate::report;
use crate::report::walk::{Pain, PainOf, Place, Told, Visit, Walk, WalkedStage};
use crate::store::Refused;
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;
use crate::words::Words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "walk.html")]
struct Page {
    frame: Frame,
    walk: WalkSheet,
}

/// Everything in one file: it is mailed, kept and printed.
#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "walk_alone.html")]
struct Alone {
    frame: Frame,
    style: &'static str,
    walks: Vec<WalkSheet>,
}

struct WalkSheet {
    id: String,
    title: String,
    score: String,
    tone: Tone,
    at: String,
    sentence: String,
    pains: Vec<PainRow>,
    stages: Vec<StageSheet>,
    checks: Vec<CheckRow>,
}

struct PainRow {
    tone: Tone,
    title: String,
    stage: Option<String>,
    owner: Option<String>,
    points: String,
    gain: Option<String>,
    since: String,
    what: Option<Marked>,
    advice: Option<Marked>,
}

struct StageSheet {
    title: String,
    score: String,
    tone: Tone,
    places: Vec<PlaceSheet>,
}

struct PlaceSheet {
    title: String,
    channel: String,
    owner: Option<String>,
    tone: Tone,
    costs: String,
    choice: Option<String>,
    above: bool,
    visits: Vec<VisitSheet>,
}

struct VisitSheet {
    title: String,
    probe: String,
    persona: Option<String>,
    origin: Option<String>,
    run: Run,
    shots: Vec<Framed>,
}

struct CheckRow {
    name: String,
    tone: Tone,
    costs: String,
    /// Where, and what was read there.
    values: Vec<(String, String)>,
}

/// `?format=csv`
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Wanted {
    format: Option<String>,
}

pub(in crate::web) async fn show(
    extract::State(shared): extract::State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let snapshot = shared.snapshot();
    if shared.insiders_only().is_err() {
        return lost(&shared, &visitor, &snapshot);
    }
    if wanted.format.as_deref() == Some("csv") {
        return match walked(&shared, &snapshot, &id).await {
            Ok(Some(walk)) => table(&walk, &visitor.words),
            Ok(None) => Problem::not_found().into_response(),
            Err(refused) => Problem::store(&refused).into_response(),
        };
    }
    match page(&shared, &visitor, &snapshot, &id).await {
        Ok(page) => found(&shared, &visitor, &snapshot, page),
        Err(refused) => Problem::store(&refused).into_response(),
    }
}

fn table(walk: &Walk, words: &Words) -> Response {
    let file = format!("attachment; filename=\"walk-{}-{}.csv\"", walk.journey, walk.at.strftime("%Y-%m-%d"));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, file),
    ];
    (headers, report::walk::csv(std::slice::from_ref(walk), words)).into_response()
}

async fn page(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot, id: &str) -> Result<Option<Page>, Refused> {
    let Some(walk) = walked(shared, snapshot, id).await? else { return Ok(None) };
    let title = visitor.words.say("walk-title").with("title", walk.title.as_str()).to_string();
    let frame = Frame::new(shared, visitor, snapshot, title).still();
    let album = Album::of(&walk, &*shared.site.store).await?;
    Ok(Some(Page { walk: sheet(&frame, (snapshot, &album), &walk), frame }))
}

/// As the latest stored runs have it.
pub(in crate::web) async fn walked(shared: &Shared, snapshot: &Snapshot, id: &str) -> Result<Option<Walk>, Refused> {
    let id = JourneyId::new(id);
    if snapshot.journey(&id).is_none() {
        return Ok(None);
    }
    let readings = report::latest(&*shared.site.store, &snapshot.map, &id).await?;
    Ok(report::walk::walk(snapshot, &id, &readings))
}

/// A whole document, with these pictures, in which nothing is fetched from anywhere.
///
/// # Errors
/// If it cannot be rendered.
pub(in crate::web) fn document(
    words: &Arc<Words>,
    (snapshot, album): (&Snapshot, &Album),
    walks: &[Walk],
    style: &'static str,
) -> Result<String, askama::Error> {
    let title = words.text("walk-document").into_owned();
    let frame = Frame::alone(words, snapshot, title);
    let walks = walks.iter().map(|walk| sheet(&frame, (snapshot, album), walk)).collect();
    Alone { frame, style, walks }.render()
}

fn sheet(frame: &Frame, (snapshot, album): (&Snapshot, &Album), walk: &Walk) -> WalkSheet {
    let now = snapshot.journey(&walk.journey);
    WalkSheet {
        id: walk.journey.to_string(),
        title: walk.title.clone(),
        score: walk.score.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        tone: walk.color.into(),
        at: walk.at.to_zoned(frame.timezone.clone()).strftime(&*frame.text("report-moment-format")).to_string(),
        sentence: now.map(|now| frame.words.journey(now, snapshot)).unwrap_or_default(),
        pains: walk.pains.iter().map(|pain| pain_row(frame, pain)).collect(),
        stages: walk.stages.iter().map(|stage| stage_sheet(frame, (snapshot, album), stage)).collect(),
        checks: walk
            .checks
            .iter()
            .map(|check| CheckRow {
                name: check.name.clone(),
                tone: check.state.into(),
                costs: costs(frame, check.share),
                values: check
                    .values
                    .iter()
                    .map(|one| (one.source.to_string(), one.value.clone().unwrap_or_else(|| "–".to_owned())))
                    .collect(),
            })
            .collect(),
    }
}

fn pain_row(frame: &Frame, pain: &Pain) -> PainRow {
    let (title, stage) = match &pain.of {
        PainOf::Place { stage, title, .. } => (title.clone(), Some(stage.clone())),
        PainOf::Check(name) => (name.clone(), None),
    };
    PainRow {
        tone: pain.fault.as_ref().map_or_else(|| pain.state.into(), |fault| met(pain.state, fault)),
        title,
        stage,
        owner: pain.owner.clone(),
        points: minus(pain.share),
        gain: pain.gain.filter(|gain| *gain >= 0.05).map(|gain| format!("{gain:.1}")),
        since: frame.since(pain.since),
        what: pain.fault.as_ref().map(|fault| frame.told(fault, &fault.to_string())),
        advice: pain.fault.as_ref().and_then(|fault| frame.advice(fault)),
    }
}

fn stage_sheet(frame: &Frame, (snapshot, album): (&Snapshot, &Album), stage: &WalkedStage) -> StageSheet {
    StageSheet {
        title: stage.title.clone(),
        score: stage.score.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        tone: stage.color.into(),
        places: stage.places.iter().map(|place| place_sheet(frame, (snapshot, album), place)).collect(),
    }
}

fn place_sheet(frame: &Frame, (snapshot, album): (&Snapshot, &Album), place: &Place) -> PlaceSheet {
    PlaceSheet {
        title: place.title.clone(),
        channel: frame.words.channel(place.channel).into_owned(),
        owner: place.owner.clone(),
        tone: as_found(place),
        costs: if place.health.state == State::Closed { String::new() } else { costs(frame, place.share) },
        choice: place.choice.map(|(need, of)| frame.say("walk-choice").with("need", need).with("of", of).to_string()),
        above: place.told == Told::Above,
        visits: place.visits.iter().map(|visit| visit_sheet(frame, (snapshot, album), visit)).collect(),
    }
}

/// How a place was found. Nobody who has just met a failure there believes that it works, even where the detector still
/// takes it for noise.
fn as_found(place: &Place) -> Tone {
    let verdicts = || place.visits.iter().map(|visit| &visit.reading.outcome.verdict);
    match verdicts().find_map(Verdict::fault) {
        Some(fault) => met(place.health.state, fault),
        None if place.health.state == State::Up && verdicts().any(|verdict| *verdict == Verdict::Slow) => {
            Tone::from(&Verdict::Slow)
        }
        None => place.health.state.into(),
    }
}

fn met(state: State, fault: &Fault) -> Tone {
    match (state, fault.code) {
        (State::Up | State::Pending, FaultCode::Latency) => Tone::from(&Verdict::Slow),
        (State::Up | State::Pending, _) => Tone::from(&Verdict::Failed(fault.clone())),
        _ => state.into(),
    }
}

fn visit_sheet(frame: &Frame, (snapshot, album): (&Snapshot, &Album), visit: &Visit) -> VisitSheet {
    let persona = visit.reading.persona.as_ref();
    VisitSheet {
        title: capital(&visit.title),
        probe: visit.probe.to_string(),
        persona: persona.map(|id| snapshot.map.personas.get(id).map_or_else(|| id.to_string(), |one| one.name.clone())),
        origin: visit.origin.as_ref().map(ToString::to_string),
        run: run(frame, &visit.reading),
        shots: album.framed(frame, &visit.reading),
    }
}

fn costs(frame: &Frame, share: f64) -> String {
    if share < 0.05 {
        return frame.text("walk-costs-nothing").into_owned();
    }
    frame.say("walk-costs").with("points", format!("{share:.1}")).to_string()
}
