//! What people note on the time axis: said, listed, compared, taken off.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acks::name;
use super::outbox::authorise;
use super::{At, List, Paging, moment};
use crate::model::{self, AnnotationId, IncidentId, JourneyId, Occasion, Subject};
use crate::store::{Noted, Removed, Stretch};
use crate::web::compared::{Compared, Sides, compared};
use crate::web::problem::Problem;
use crate::web::push::clean;
use crate::web::routes::Shared;

/// Who plans or remembers further than this means something else.
const FAR: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);
const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Characters of a title: it stands on one line.
const TITLE_MAX: usize = 120;
/// Journeys that something of the whole company is compared in.
const COMPARED_MAX: usize = 50;

/// A campaign, a release, a launch, a note.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Annotation {
    id: String,
    #[schemars(with = "String")]
    kind: Occasion,
    title: String,
    text: Option<String>,
    /// None: the whole company, unless it is a note on an incident.
    journey: Option<String>,
    incident: Option<String>,
    at: At,
    until: Option<At>,
    by: String,
    noted: At,
    /// When it was taken off the axis, and by whom.
    removed: Option<At>,
    removed_by: Option<String>,
    /// The same length before and after; only where one annotation is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Vec<Comparison>>,
}

/// How a journey went before and after.
#[derive(Debug, Serialize, JsonSchema)]
struct Comparison {
    journey: String,
    /// `known`, `ahead`, `too_soon`, `too_little_seen`.
    state: &'static str,
    /// Of each side.
    length_seconds: Option<f64>,
    before: Option<Side>,
    after: Option<Side>,
    /// Points of the mean score; only where enough was seen of both sides.
    change: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Side {
    /// The mean.
    score: Option<f64>,
    felt: Option<f64>,
    lost_minutes: f64,
    planned_minutes: f64,
    /// How much of it was seen.
    scored_minutes: f64,
}

/// What is noted. `at` is now, unless said; a time without a zone is one on the company's walls.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web) struct Remark {
    #[schemars(with = "String")]
    pub(in crate::web) kind: Occasion,
    pub(in crate::web) title: String,
    pub(in crate::web) text: Option<String>,
    pub(in crate::web) journey: Option<String>,
    pub(in crate::web) incident: Option<String>,
    pub(in crate::web) at: Option<String>,
    pub(in crate::web) until: Option<String>,
    pub(in crate::web) by: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    #[default]
    Standing,
    All,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Asked {
    journey: Option<String>,
    incident: Option<String>,
    /// `standing` or `all`: with those that were taken off.
    #[serde(default)]
    state: Standing,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    /// An annotation's id.
    before: Option<String>,
}

/// Who takes it off.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Remover {
    #[serde(default)]
    by: String,
}

pub(in crate::web) async fn list(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<List<Annotation>>, Problem> {
    shared.insiders_only()?;
    let Query(asked) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = Paging { limit: asked.limit, ..Paging::default() }.limit()?;
    let time = |name: &str, text: Option<String>| text.map(|text| moment(name, &text)).transpose();
    let noted = Noted {
        of: match (asked.journey, asked.incident) {
            (None, None) => None,
            (Some(id), None) => Some(Subject::Journey(JourneyId::new(&id))),
            (None, Some(id)) => Some(Subject::Incident(IncidentId(id.parse().map_err(|_| Problem::not_found())?))),
            (Some(_), Some(_)) => return Err(Problem::bad_request("name a `journey` or an `incident`")),
        },
        from: time("from", asked.from)?,
        to: time("to", asked.to)?,
        before: asked.before.map(|id| id.parse().map(AnnotationId)).transpose().map_err(|_| Problem::not_found())?,
        removed: if asked.state == Standing::All { Removed::Shown } else { Removed::Hidden },
    };
    let found = shared.site.store.annotations(&noted, limit).await.map_err(|refused| Problem::store(&refused))?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.id.to_string());
    Ok(Json(List { items: found.iter().map(describe).collect(), next }))
}

pub(in crate::web) async fn one(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Annotation>, Problem> {
    shared.insiders_only()?;
    let found = known(&shared, &id).await?;
    let journeys: Vec<JourneyId> = match &found.of {
        Subject::Journey(id) => vec![id.clone()],
        Subject::Company => shared.snapshot().journeys.iter().map(|now| now.id.clone()).take(COMPARED_MAX).collect(),
        Subject::Incident(_) => Vec::new(),
    };
    let mut comparisons = Vec::with_capacity(journeys.len());
    for journey in journeys {
        let found = compared(&shared, &journey, &found).await.map_err(|refused| Problem::store(&refused))?;
        comparisons.push(comparison(&journey, &found));
    }
    Ok(Json(Annotation { compared: Some(comparisons), ..describe(&found) }))
}

pub(in crate::web) async fn note(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Annotation>), Problem> {
    authorise(&shared, &headers)?;
    let remark: Remark = serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let annotation = annotate(&shared, remark).await?;
    Ok((StatusCode::CREATED, Json(describe(&annotation))))
}

pub(in crate::web) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: Result<Query<Remover>, QueryRejection>,
) -> Result<Json<Annotation>, Problem> {
    authorise(&shared, &headers)?;
    let Query(remover) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    Ok(Json(describe(&take_off(&shared, &id, &remover.by).await?)))
}

/// Notes what is to be noted. On disk before it returns.
pub(in crate::web) async fn annotate(shared: &Shared, remark: Remark) -> Result<model::Annotation, Problem> {
    let now = shared.site.clock.now();
    let zone = &shared.snapshot().map.timezone;
    let title: String = clean(remark.title.trim()).chars().take(TITLE_MAX).collect();
    if title.is_empty() {
        return Err(Problem::bad_request("say what it is in `title`: others will read it on the time axis"));
    }
    let time = |name: &str, text: Option<&String>| {
        let said = text.map(|text| text.trim()).filter(|text| !text.is_empty());
        said.map(|text| wall(name, text, zone)).transpose()
    };
    let from = time("at", remark.at.as_ref())?.unwrap_or(now);
    let until = time("until", remark.until.as_ref())?;
    if from.duration_since(now).abs() > FAR {
        return Err(Problem::bad_request("`at` lies more than five years away"));
    }
    if until.is_some_and(|until| until <= from || until.duration_since(from) > LONGEST) {
        return Err(Problem::bad_request("`until` lies after `at`, at most 400 days"));
    }
    let annotation = model::Annotation {
        id: AnnotationId(uuid::Uuid::now_v7()),
        kind: remark.kind,
        of: subject(shared, &remark).await?,
        title,
        text: remark.text.map(|text| clean(text.trim())).filter(|text| !text.is_empty()),
        from,
        until,
        by: name(&remark.by)?,
        noted: now,
        removed: None,
    };
    keep(shared, &annotation).await?;
    tracing::info!(annotation.id = %annotation.id, by = annotation.by, "Noted by {}: {}", annotation.by, annotation.title);
    Ok(annotation)
}

/// Takes it off the axis; one that is off already stays as it was.
pub(in crate::web) async fn take_off(shared: &Shared, id: &str, by: &str) -> Result<model::Annotation, Problem> {
    let known = known(shared, id).await?;
    if known.removed.is_some() {
        return Ok(known);
    }
    let by = if by.trim().is_empty() { "somebody".to_owned() } else { name(by)? };
    let annotation = model::Annotation { removed: Some((shared.site.clock.now(), by.clone())), ..known };
    keep(shared, &annotation).await?;
    tracing::info!(annotation.id = %annotation.id, by, "{by} took a note off: {}", annotation.title);
    Ok(annotation)
}

async fn known(shared: &Shared, id: &str) -> Result<model::Annotation, Problem> {
    let id = AnnotationId(id.parse().map_err(|_| Problem::not_found())?);
    let known = shared.site.store.annotation(id).await.map_err(|refused| Problem::store(&refused))?;
    known.ok_or_else(Problem::not_found)
}

async fn keep(shared: &Shared, annotation: &model::Annotation) -> Result<(), Problem> {
    shared.site.store.keep_annotation(annotation.clone()).await.map_err(|refused| Problem::store(&refused))
}

/// What is meant, if it is there.
async fn subject(shared: &Shared, remark: &Remark) -> Result<Subject, Problem> {
    let named = |name: &Option<String>| name.clone().filter(|name| !name.trim().is_empty());
    match (named(&remark.journey), named(&remark.incident)) {
        (None, None) => Ok(Subject::Company),
        (Some(id), None) => {
            let id = JourneyId::new(&id);
            shared.snapshot().journey(&id).ok_or_else(Problem::not_found)?;
            Ok(Subject::Journey(id))
        }
        (None, Some(id)) => {
            if remark.kind != Occasion::Note {
                return Err(Problem::bad_request("an incident has notes, no campaigns, releases or launches"));
            }
            let id = IncidentId(id.parse().map_err(|_| Problem::not_found())?);
            let found = shared.site.store.incident(id).await.map_err(|refused| Problem::store(&refused))?;
            found.ok_or_else(Problem::not_found)?;
            Ok(Subject::Incident(id))
        }
        (Some(_), Some(_)) => Err(Problem::bad_request("name a `journey` or an `incident`, or neither")),
    }
}

/// RFC 3339, or a day or a time on the wall: `2026-12-05T09:00`.
fn wall(name: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, Problem> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let wall = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)));
    let zoned = wall.and_then(|wall| wall.to_zoned(zone.clone()));
    zoned.map(|zoned| zoned.timestamp()).map_err(|_| {
        Problem::bad_request(format!("`{name}`: write a time such as 2026-12-05T09:00 or 2026-12-05T08:00:00Z"))
    })
}

fn describe(annotation: &model::Annotation) -> Annotation {
    let (mut journey, mut incident) = (None, None);
    match &annotation.of {
        Subject::Company => {}
        Subject::Journey(id) => journey = Some(id.to_string()),
        Subject::Incident(id) => incident = Some(id.to_string()),
    }
    Annotation {
        id: annotation.id.to_string(),
        kind: annotation.kind,
        title: annotation.title.clone(),
        text: annotation.text.clone(),
        journey,
        incident,
        at: At(annotation.from),
        until: annotation.until.map(At),
        by: annotation.by.clone(),
        noted: At(annotation.noted),
        removed: annotation.removed.as_ref().map(|(at, _)| At(*at)),
        removed_by: annotation.removed.as_ref().map(|(_, by)| by.clone()),
        compared: None,
    }
}

fn comparison(journey: &JourneyId, compared: &Compared) -> Comparison {
    let (state, sides): (_, Option<&Sides>) = match compared {
        Compared::Ahead => ("ahead", None),
        Compared::TooSoon => ("too_soon", None),
        Compared::Unseen(sides) => ("too_little_seen", Some(sides)),
        Compared::Known(sides) => ("known", Some(sides)),
    };
    let change = sides.filter(|_| matches!(compared, Compared::Known(_))).and_then(Sides::change);
    Comparison {
        journey: journey.to_string(),
        state,
        length_seconds: sides.map(|sides| sides.length.as_secs_f64()),
        before: sides.map(|sides| side(&sides.before)),
        after: sides.map(|sides| side(&sides.after)),
        change: change.map(|points| (points * 10.0).round() / 10.0),
    }
}

fn side(stretch: &Stretch) -> Side {
    let tenth = |points: f64| (points * 10.0 + 1e-6).floor() / 10.0;
    Side {
        score: stretch.score.map(tenth),
        felt: stretch.felt.map(tenth),
        lost_minutes: stretch.lost_minutes,
        planned_minutes: stretch.planned_minutes,
        scored_minutes: stretch.scored_minutes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_one_on_our_walls() {
        let zone = TimeZone::get("Europe/Berlin").expect("a known zone");
        let read = |text: &str| wall("at", text, &zone).ok().map(|at| at.to_string());
        assert_eq!(read("2026-12-05T09:00").as_deref(), Some("2026-12-05T08:00:00Z"));
        assert_eq!(read("2026-07-05T09:00:00").as_deref(), Some("2026-07-05T07:00:00Z"));
        assert_eq!(read("2026-12-05").as_deref(), Some("2026-12-04T23:00:00Z"));
        assert_eq!(read("2026-12-05T09:00:00Z").as_deref(), Some("2026-12-05T09:00:00Z"));
        assert_eq!(read("2026-12-05T09:00:00+08:00").as_deref(), Some("2026-12-05T01:00:00Z"));
        assert_eq!((read("tomorrow"), read("")), (None, None));
    }
}
