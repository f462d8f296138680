//! How journeys went over weeks, months and quarters.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use super::chart::Piece;
use super::tone::Tone;
use super::{Frame, answer, found, lost};
use crate::model::{Color, Snapshot};
use crate::report::{self, CostRow, Every, Mood, Period, Sheet};
use crate::store::Refused;
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;

/// Listed of each, this one and those before it.
const LISTED: [(Every, &str, usize); 3] =
    [(Every::Week, "reports-weeks", 8), (Every::Month, "reports-months", 6), (Every::Quarter, "reports-quarters", 4)];

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "reports.html")]
struct List {
    frame: Frame,
    shelves: Vec<Shelf>,
    /// Where, and of which journey.
    walks: Vec<(String, String)>,
}

/// Reports of one length.
struct Shelf {
    heading: &'static str,
    rows: Vec<Row>,
}

struct Row {
    path: String,
    title: String,
    days: String,
    /// It is not over.
    so_far: bool,
}

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "report.html")]
struct Page {
    frame: Frame,
    sheet: Sheet,
    tone: Tone,
    period: String,
    before: Row,
    /// None of the running one.
    after: Option<Row>,
}

pub(in crate::web) async fn index(State(shared): State<Arc<Shared>>, visitor: Visitor) -> Response {
    let snapshot = shared.snapshot();
    if shared.insiders_only().is_err() {
        return lost(&shared, &visitor, &snapshot);
    }
    answer(&visitor, list(&shared, &visitor, &snapshot))
}

pub(in crate::web) async fn week(shared: State<Arc<Shared>>, visitor: Visitor, period: Path<String>) -> Response {
    one(shared, visitor, (Every::Week, period)).await
}

pub(in crate::web) async fn month(shared: State<Arc<Shared>>, visitor: Visitor, period: Path<String>) -> Response {
    one(shared, visitor, (Every::Month, period)).await
}

pub(in crate::web) async fn quarter(shared: State<Arc<Shared>>, visitor: Visitor, period: Path<String>) -> Response {
    one(shared, visitor, (Every::Quarter, period)).await
}

async fn one(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    (every, Path(period)): (Every, Path<String>),
) -> Response {
    let snapshot = shared.snapshot();
    if shared.insiders_only().is_err() {
        return lost(&shared, &visitor, &snapshot);
    }
    match page(&shared, &visitor, &snapshot, (every, &period)).await {
        Ok(page) => found(&shared, &visitor, &snapshot, page),
        Err(refused) => Problem::store(&refused).into_response(),
    }
}

fn list(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot) -> List {
    let frame = Frame::new(shared, visitor, snapshot, visitor.words.text("reports-title")).still();
    let now = shared.site.clock.now();
    let shelf = |(every, heading, number): (Every, &'static str, usize)| {
        let running = every.around(now, &frame.timezone);
        let periods = std::iter::successors(Some(running), |period| Some(period.before()));
        Shelf { heading, rows: periods.take(number).map(|period| row(&frame, period, running)).collect() }
    };
    let journeys = snapshot.map.journeys.iter();
    List {
        shelves: LISTED.into_iter().map(shelf).collect(),
        walks: journeys.map(|journey| (format!("/reports/walk/{}", journey.id), journey.title.clone())).collect(),
        frame,
    }
}

fn row(frame: &Frame, period: Period, running: Period) -> Row {
    Row {
        path: format!("/reports/{}/{period}", period.every().as_str()),
        title: period.title(&frame.words),
        days: period.days(&frame.words),
        so_far: period == running,
    }
}

/// None of what is no period of this length, or lies ahead.
async fn page(
    shared: &Shared,
    visitor: &Visitor,
    snapshot: &Snapshot,
    (every, text): (Every, &str),
) -> Result<Option<Page>, Refused> {
    let now = shared.site.clock.now();
    let running = every.around(now, &snapshot.map.timezone);
    let period = Period::parse(text).filter(|period| period.every() == every && *period <= running);
    let Some(period) = period else { return Ok(None) };
    let words = &visitor.words;
    let report = report::read(&*shared.site.store, &snapshot.map, words, period, &BTreeSet::new(), now).await?;
    let sheet = report::sheet(&report, words);
    let frame = Frame::new(shared, visitor, snapshot, sheet.title.clone()).still();
    Ok(Some(Page {
        tone: tone(sheet.mood),
        period: period.to_string(),
        before: row(&frame, period.before(), running),
        after: (period < running).then(|| row(&frame, period.after(), running)),
        sheet,
        frame,
    }))
}

fn tone(mood: Mood) -> Tone {
    match mood {
        Mood::Calm => Color::Good.into(),
        Mood::Lost => Color::Watch.into(),
        Mood::Unseen => Color::Unknown.into(),
    }
}

fn bar(row: &CostRow) -> Piece {
    Piece::new(0.0, row.share, 1.0)
}
