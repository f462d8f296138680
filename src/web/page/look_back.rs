//! The part of a journey's page that looks back: the chart, what people noted on it, what hurt most.

use jiff::Timestamp;

use super::Frame;
use super::home::{IncidentRow, incident_row};
use super::number::{minus, minutes};
use super::past::{Chart, Noted, chart};
use crate::model::{Annotation, JourneyId, Occasion, Snapshot, Subject};
use crate::store::{self, Hurt};
use crate::web::Audience;
use crate::web::api::incidents::visible;
use crate::web::compared::{Compared, Sides, compared};
use crate::web::past::{Past, Range};
use crate::web::routes::Shared;

/// Incidents drawn: more of them are a wall of colour.
const DRAWN_MAX: u32 = 1000;
/// Of those, so many are named.
const NAMED_MAX: usize = 5;
/// Annotations listed; each is compared.
const LISTED_MAX: u32 = 20;

pub(super) struct LookBack {
    /// Key, message, and whether it is shown.
    pub(super) ranges: Vec<(&'static str, &'static str, bool)>,
    /// "The last 24 hours", a message.
    pub(super) title: &'static str,
    pub(super) chart: Chart,
    /// Whole minutes up to here.
    pub(super) counted: String,
    pub(super) noted: Vec<NotedRow>,
    pub(super) worst: Vec<(IncidentRow, String)>,
    /// Where something may be noted: the journey's id, and now on its clocks.
    pub(super) form: Option<(String, String)>,
}

pub(super) struct NotedRow {
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) text: Option<String>,
    pub(super) when: String,
    /// It concerns every journey.
    pub(super) everywhere: bool,
    pub(super) by: String,
    pub(super) noted: String,
    /// "+2.1", better or worse.
    pub(super) change: Option<(String, &'static str)>,
    pub(super) told: String,
}

pub(super) async fn look_back(
    shared: &Shared,
    frame: &Frame,
    snapshot: &Snapshot,
    journey: &JourneyId,
    range: Range,
) -> LookBack {
    let past = shared.past(journey, range).await;
    let annotations = annotations(shared, journey, &past).await;
    let hurts = shared.site.store.hurts(journey, past.from, past.read, DRAWN_MAX).await.unwrap_or_default();
    let (worst, seen) = worst(shared, frame, snapshot, &hurts, &past).await;
    let drawn = match shared.site.audience {
        Audience::Insiders => hurts,
        // What else there was is not theirs to know.
        Audience::Everybody => seen,
    };
    let noted = annotations.iter().map(|one| Noted {
        from: one.from,
        until: one.until,
        kind: word(one.kind),
        title: one.title.clone(),
    });
    let mut rows = Vec::with_capacity(annotations.len());
    for (place, annotation) in annotations.iter().enumerate() {
        rows.push(row(shared, frame, journey, annotation, place + 1).await);
    }
    LookBack {
        ranges: Range::ALL.map(|one| (one.key(), words(one), one == range)).to_vec(),
        title: title(range),
        chart: chart(&frame.words, &past, &drawn, &noted.collect::<Vec<_>>(), &snapshot.map.timezone),
        counted: frame.since(past.read),
        noted: rows,
        worst,
        form: (shared.site.audience == Audience::Insiders).then(|| {
            let now = frame.now.to_zoned(frame.timezone.clone());
            (journey.to_string(), now.strftime("%Y-%m-%dT%H:%M").to_string())
        }),
    }
}

/// Those of its time and those to come; none of a company's plans is anybody else's business.
async fn annotations(shared: &Shared, journey: &JourneyId, past: &Past) -> Vec<Annotation> {
    if shared.site.audience == Audience::Everybody {
        return Vec::new();
    }
    let of = Some(Subject::Journey(journey.clone()));
    let noted = store::Noted { of, from: Some(past.from), ..store::Noted::default() };
    shared.site.store.annotations(&noted, LISTED_MAX).await.unwrap_or_else(|error| {
        shared.unread("What was noted", &crate::words::chain(&error));
        Vec::new()
    })
}

/// The incidents that cost most, and which of those looked at may be seen.
async fn worst(
    shared: &Shared,
    frame: &Frame,
    snapshot: &Snapshot,
    hurts: &[Hurt],
    past: &Past,
) -> (Vec<(IncidentRow, String)>, Vec<Hurt>) {
    let cost = |hurt: &Hurt| {
        let (from, to) = (hurt.opened.max(past.from), hurt.closed.unwrap_or(past.read));
        hurt.loss * to.duration_since(from).as_secs_f64()
    };
    let mut ranked = hurts.to_vec();
    ranked.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    let (mut rows, mut seen) = (Vec::new(), Vec::new());
    for hurt in ranked.into_iter().take(NAMED_MAX) {
        let Ok(Some(incident)) = shared.site.store.incident(hurt.incident).await else { continue };
        if let Some(incident) = visible(shared, &incident, &snapshot.map) {
            rows.push((incident_row(frame, &incident, snapshot), minus(hurt.loss)));
            seen.push(hurt);
        }
    }
    (rows, seen)
}

async fn row(shared: &Shared, frame: &Frame, journey: &JourneyId, annotation: &Annotation, number: usize) -> NotedRow {
    let compared = compared(shared, journey, annotation).await.ok();
    let change = match &compared {
        Some(Compared::Known(sides)) => sides.change().map(change),
        _ => None,
    };
    NotedRow {
        number,
        id: annotation.id.to_string(),
        kind: word(annotation.kind),
        title: annotation.title.clone(),
        text: annotation.text.clone(),
        when: when(frame, annotation.from, annotation.until),
        everywhere: annotation.of == Subject::Company,
        by: annotation.by.clone(),
        noted: frame.since(annotation.noted),
        change,
        told: told(frame, compared.as_ref(), annotation),
    }
}

/// `+2.1`, and whether that is better.
pub(super) fn change(points: f64) -> (String, &'static str) {
    let tenths = (points * 10.0).round() / 10.0;
    if tenths > 0.0 {
        (format!("+{tenths:.1}"), "better")
    } else if tenths < 0.0 {
        (format!("−{:.1}", -tenths), "worse")
    } else {
        ("±0.0".to_owned(), "same")
    }
}

fn told(frame: &Frame, compared: Option<&Compared>, annotation: &Annotation) -> String {
    match compared {
        None => frame.text("compared-refused").into_owned(),
        Some(Compared::Ahead) => {
            frame.say("compared-ahead").with("length", frame.words.lasted(frame.now, annotation.from)).to_string()
        }
        Some(Compared::TooSoon) => frame.text("compared-too-soon").into_owned(),
        Some(Compared::Unseen(sides)) => {
            frame.say("compared-unseen").with("length", frame.words.spell(sides.length)).to_string()
        }
        Some(Compared::Known(sides)) => sentence(frame, sides),
    }
}

fn sentence(frame: &Frame, sides: &Sides) -> String {
    let points = |score: Option<f64>| score.map_or_else(|| "–".to_owned(), |score| format!("{score:.1}"));
    let (before, after) = (&sides.before, &sides.after);
    let told = frame.say("compared-known").with("length", frame.words.spell(sides.length));
    let told = told.with("before", points(before.score)).with("after", points(after.score));
    let told = told.with("felt-before", points(before.felt)).with("felt-after", points(after.felt));
    let told = told.with("lost-before", minutes(before.lost_minutes));
    told.with("lost-after", minutes(after.lost_minutes)).to_string()
}

/// `5 Dec 09:00`, or from then to when.
pub(super) fn when(frame: &Frame, from: Timestamp, until: Option<Timestamp>) -> String {
    match until {
        None => frame.since(from),
        Some(until) => {
            frame.say("when-from-to").with("from", frame.since(from)).with("to", frame.since(until)).to_string()
        }
    }
}

pub(super) const fn word(kind: Occasion) -> &'static str {
    match kind {
        Occasion::Campaign => "occasion-campaign",
        Occasion::Release => "occasion-release",
        Occasion::Launch => "occasion-launch",
        Occasion::Note => "occasion-note",
    }
}

const fn words(range: Range) -> &'static str {
    match range {
        Range::Day => "range-day",
        Range::Week => "range-week",
        Range::Month => "range-month",
        Range::Quarter => "range-quarter",
        Range::Year => "range-year",
    }
}

const fn title(range: Range) -> &'static str {
    match range {
        Range::Day => "past-day",
        Range::Week => "past-week",
        Range::Month => "past-month",
        Range::Quarter => "past-quarter",
        Range::Year => "past-year",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_signed_and_never_a_negative_zero() {
        assert_eq!(change(2.14), ("+2.1".to_owned(), "better"));
        assert_eq!(change(-2.14), ("−2.1".to_owned(), "worse"));
        assert_eq!(change(-0.04), ("±0.0".to_owned(), "same"));
    }
}
