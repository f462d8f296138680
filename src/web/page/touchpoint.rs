//! One touchpoint: its state, its probes, and what their latest runs met.

use std::sync::Arc;

use askama::Template;

use super::chart::{Beat, beats};
use super::home::{IncidentRow, incident_row, persona_in_full};
use super::proof::{Proof, proof};
use super::quiet::{self, Hush, QuietRow};
use super::rich::Marked;
use super::run::{Run, run};
use super::tone::Tone;
use super::voices::{VoiceRow, rows};
use super::{Frame, capital};
use crate::model::{ProbeNow, Reading, Scope, SeriesNow, Snapshot, State, TouchpointId, TouchpointNow};
use crate::store::Digest;
use crate::web::Audience;
use crate::web::api::touchpoints::{journeys, windows};
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;
use crate::web::voice::divergence;
use crate::words;

/// Runs drawn for each probe.
const RUNS_SHOWN: u32 = 60;
/// Runs listed for each probe.
const RUNS_LISTED: usize = 8;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "touchpoint.html")]
pub(super) struct Page {
    frame: Frame,
    title: String,
    tone: Tone,
    sentence: String,
    channel: String,
    owner: Option<String>,
    since: String,
    lasted: String,
    journeys: Vec<(String, String)>,
    probes: Vec<Probe>,
    voices: Vec<VoiceRow>,
    divergences: Vec<String>,
    incidents: Vec<IncidentRow>,
    quiet: Vec<QuietRow>,
    hush: Option<Hush>,
    /// How it is defined: the file, and what stands in it.
    written: Option<(String, Arc<str>)>,
}

struct Probe {
    title: String,
    id: String,
    tone: Tone,
    why: Option<Marked>,
    every: Option<String>,
    file: Option<String>,
    credited: Option<String>,
    series: Vec<Line>,
    windows: Vec<Window>,
    beats: Vec<Beat>,
    width: usize,
    latest: Option<Run>,
    latest_title: &'static str,
    proof: Option<Proof>,
    runs: Vec<Listed>,
}

struct Line {
    who: String,
    vantage: String,
    tone: Tone,
    since: String,
    /// Flapping, or making up our mind: a message.
    note: Option<&'static str>,
    last: Option<String>,
}

struct Window {
    name: &'static str,
    availability: String,
    p50: String,
    p95: String,
    p99: String,
    runs: u64,
}

struct Listed {
    tone: Tone,
    when: String,
    who: Option<String>,
    took: String,
    what: Marked,
    trace: Option<super::Trace>,
}

pub(super) async fn page(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot, id: &str) -> Option<Page> {
    let now = snapshot.touchpoints.get(&TouchpointId::new(id))?;
    let title = words::touchpoint(&now.id, &snapshot.map).to_owned();
    let frame = Frame::new(shared, visitor, snapshot, title.clone());
    let place = snapshot.map.touchpoints.get(&now.id);
    // What is broken is what the page was opened for.
    let mut worst_first: Vec<&ProbeNow> = now.probes.iter().collect();
    worst_first.sort_by_key(|probe| match probe.health.state {
        State::Down => 0,
        State::Degraded => 1,
        _ => 2,
    });
    let mut probes = Vec::with_capacity(worst_first.len());
    for one in worst_first {
        probes.push(probe(shared, &frame, one, snapshot).await);
    }
    let touching = snapshot.incidents.iter().filter(|incident| incident.touchpoints.contains(&now.id));
    Some(Page {
        tone: now.health.state.into(),
        sentence: match now.health.state {
            State::Up => frame.say("place-works").with("place", &title).to_string(),
            state => frame.sentence(&title, state, now.fault.as_ref()),
        },
        title,
        channel: frame.channel(&now.id, snapshot),
        owner: place.and_then(|place| place.owner.clone()),
        since: frame.since(now.since),
        lasted: frame.lasted(now.since),
        journeys: journeys(&now.id, snapshot)
            .into_iter()
            .map(|id| (id.to_string(), words::title(&id, &snapshot.map).to_owned()))
            .collect(),
        probes,
        voices: rows(&frame, now, snapshot),
        divergences: divergence(&frame.words, now, snapshot).into_iter().collect(),
        incidents: touching.map(|incident| incident_row(&frame, incident, snapshot)).collect(),
        quiet: quiet::rows(
            &frame,
            snapshot,
            |window| window.covers(&now.id),
            |scope| matches!(scope, Scope::Touchpoint(id) if *id == now.id),
        ),
        hush: (shared.site.audience == Audience::Insiders).then(|| Hush { kind: "touchpoint", id: now.id.to_string() }),
        written: written(shared, now, snapshot),
        frame,
    })
}

fn written(shared: &Shared, now: &TouchpointNow, snapshot: &Snapshot) -> Option<(String, Arc<str>)> {
    if shared.site.audience == Audience::Everybody {
        return None;
    }
    let text = shared.site.written.borrow().get(&now.id).cloned()?;
    let own = snapshot.map.touchpoints.get(&now.id)?.probes.iter().find(|probe| probe.origin.is_none());
    Some((own.map_or_else(|| format!("{}.yaml", now.id), |probe| probe.file.to_string()), text))
}

async fn probe(shared: &Shared, frame: &Frame, now: &ProbeNow, snapshot: &Snapshot) -> Probe {
    let known = snapshot.map.probe(&now.id);
    let readings = match shared.site.audience {
        Audience::Insiders => shared.site.store.readings(&now.id, None, RUNS_SHOWN).await.unwrap_or_default(),
        Audience::Everybody => Vec::new(),
    };
    // Of a run that fails as the one before it did, only that it did is kept.
    let told = readings.iter().position(|reading| !reading.outcome.steps.is_empty()).unwrap_or_default();
    let latest = readings.get(told).map(|reading| run(frame, reading));
    let windows = windows(shared, now).await.map(|all| all.to_vec()).unwrap_or_default();
    let drawn: Vec<_> = readings.iter().rev().map(|reading| beat(frame, reading)).collect();
    Probe {
        title: known.map_or_else(|| now.id.name.to_string(), |probe| probe.title.clone()),
        id: now.id.to_string(),
        tone: now.health.state.into(),
        why: now.fault.as_ref().map(|fault| frame.told(fault, &fault.to_string())),
        every: known.map(|probe| every(frame, probe.every)),
        file: known.map(|probe| probe.file.to_string()).filter(|_| shared.site.audience == Audience::Insiders),
        credited: known.and_then(|probe| probe.origin.as_ref()).map(ToString::to_string),
        series: now.series.iter().map(|series| line(frame, series, snapshot)).collect(),
        windows: ["windows-day", "windows-week", "range-month"]
            .into_iter()
            .zip(&windows)
            .map(|(name, digest)| window(frame, name, digest))
            .collect(),
        width: drawn.len() * 10,
        beats: beats(&drawn),
        proof: proof(shared, frame, &now.id).await,
        latest,
        latest_title: if told == 0 { "run-latest" } else { "run-latest-full" },
        runs: readings.iter().take(RUNS_LISTED).map(|reading| listed(frame, reading, snapshot)).collect(),
    }
}

fn every(frame: &Frame, every: std::time::Duration) -> String {
    frame.words.period(crate::units::Period::from_millis(every.as_millis() as u64))
}

fn line(frame: &Frame, series: &SeriesNow, snapshot: &Snapshot) -> Line {
    let persona = series.series.persona.as_ref();
    Line {
        who: persona.map_or_else(|| frame.text("any-customer").into_owned(), |id| persona_in_full(id, snapshot)),
        vantage: series.series.vantage.to_string(),
        tone: series.health.state.into(),
        since: frame.since(series.since),
        note: match series {
            SeriesNow { blind: true, .. } => Some("series-blind"),
            SeriesNow { flapping: true, .. } => Some("series-flapping"),
            SeriesNow { undecided: true, .. } => Some("series-undecided"),
            _ => None,
        },
        last: series.last.as_ref().map(|run| frame.since(run.at)),
    }
}

fn window(frame: &Frame, name: &'static str, digest: &Digest) -> Window {
    let seconds = |seconds: Option<f64>| {
        let length_of =
            |seconds: f64| frame.words.took(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default());
        seconds.map_or_else(|| "–".to_owned(), length_of)
    };
    Window {
        name,
        availability: digest.availability.map_or_else(|| "–".to_owned(), |share| frame.words.percent(share)),
        p50: seconds(digest.p50),
        p95: seconds(digest.p95),
        p99: seconds(digest.p99),
        runs: digest.runs,
    }
}

fn beat(frame: &Frame, reading: &Reading) -> (jiff::Timestamp, f64, Tone, String) {
    let tone = Tone::from(&reading.outcome.verdict);
    let told = frame.say("beat-told").with("when", frame.since(reading.started)).with("tone", frame.text(tone.word));
    let told = told.with("took", frame.words.took(reading.outcome.took)).to_string();
    (reading.started, reading.outcome.took.as_secs_f64(), tone, told)
}

fn listed(frame: &Frame, reading: &Reading, snapshot: &Snapshot) -> Listed {
    let verdict = &reading.outcome.verdict;
    let tone = Tone::from(verdict);
    let what = match verdict {
        crate::model::Verdict::Failed(fault) => frame.told(fault, &fault.to_string()),
        crate::model::Verdict::Inconclusive { why, text } => {
            frame.rich("run-own").with("why", capital(&frame.words.own(*why))).with("text", text).done()
        }
        _ => Marked::inert(&capital(&frame.text(tone.word))),
    };
    Listed {
        tone,
        when: frame.since(reading.started),
        who: reading.persona.as_ref().map(|id| persona_in_full(id, snapshot)),
        took: frame.words.took(reading.outcome.took),
        what,
        trace: frame.trace(reading.trace),
    }
}
