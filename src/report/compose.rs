//! What is told of a time: pure.

mod costs;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

use super::Period;
use crate::model::{Cause, Close, Incident, Journey, JourneyId, JourneyMap, Loss};
use crate::store::Stretch;
use costs::{Ledger, checks, owners, stages};

/// Problems named; the rest are counted.
const PROBLEMS_NAMED_MAX: usize = 10;
/// Less of a time than this says nothing of the whole, nor how it compares.
const SEEN_MIN: f64 = 0.5;
/// Lost minutes below it are nothing that a customer met.
const MINUTES_WORTH_NAMING: f64 = 0.5;

/// What the store knows of a time.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// In the map's order; those that are asked for.
    pub journeys: Vec<JourneyMaterial>,
    /// That hurt one of them, each with what is said of it.
    pub incidents: Vec<(Incident, String)>,
}

/// What the store knows of a journey.
#[derive(Clone, Debug)]
pub struct JourneyMaterial {
    pub id: JourneyId,
    pub now: Stretch,
    pub losses: Vec<Loss>,
    /// The same part of the time before.
    pub before: Stretch,
    pub losses_before: Vec<Loss>,
    /// Over the objective's window; none without one.
    pub window: Option<Stretch>,
}

/// The time that is told of: all of a period, or what has passed of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    pub period: Period,
    pub from: Timestamp,
    /// When it is over.
    pub to: Timestamp,
    /// Up to here it is told.
    pub until: Timestamp,
}

impl Length {
    fn minutes(&self) -> f64 {
        minutes(self.until.duration_since(self.from))
    }
}

fn minutes(length: SignedDuration) -> f64 {
    length.as_secs_f64().max(0.0) / 60.0
}

/// How a company's journeys went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub company: String,
    pub period: Period,
    #[serde(serialize_with = "millis")]
    pub from: Timestamp,
    #[serde(serialize_with = "millis")]
    pub to: Timestamp,
    /// Before `to` while the time is not over.
    #[serde(serialize_with = "millis")]
    pub until: Timestamp,
    /// The company's, in which days begin.
    pub timezone: String,
    pub journeys: Vec<JourneyReport>,
    /// Teams, by what was lost at what they own, over all journeys; the most first.
    pub owners: Vec<Cost>,
    /// The longest first.
    pub problems: Vec<Problem>,
    /// How many more there were.
    pub more_problems: usize,
}

/// What is said first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gist<'a> {
    /// Nobody looked.
    Unwatched,
    /// Nothing was wrong, as far as was seen.
    Calm,
    /// This journey lost most.
    Lost(&'a JourneyReport),
}

/// How one journey went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyReport {
    pub id: JourneyId,
    pub title: String,
    #[serde(flatten)]
    pub standing: Standing,
    /// The same part of the time before.
    pub before: Standing,
    /// None where too little of either was seen.
    pub change: Option<Change>,
    pub objective: Option<Budget>,
    /// In their order; only those that cost something, now or before.
    pub stages: Vec<StageReport>,
    /// Consistency checks that cost something.
    pub checks: Vec<Cost>,
    /// Lost minutes of which it is not known any more what they were lost to.
    pub unaccounted_minutes: f64,
}

/// A journey's numbers over a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The mean over what was seen, points; none where nothing was.
    pub score: Option<f64>,
    pub felt: Option<f64>,
    pub lost_minutes: f64,
    pub unobserved_minutes: f64,
    pub planned_minutes: f64,
    /// How much of the time was seen, 0..=1.
    pub seen: f64,
}

/// Against the time before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Points.
    pub score: Option<f64>,
    pub lost_minutes: f64,
}

/// What an objective allows, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Per cent.
    pub target: f64,
    pub window_seconds: f64,
    pub budget_minutes: f64,
    /// Over the window up to the end of the time.
    pub lost_minutes: f64,
    /// Below zero: more was lost than the objective allows.
    pub left_minutes: f64,
}

/// What a stage lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    #[serde(flatten)]
    pub cost: Cost,
    /// The most first.
    pub touchpoints: Vec<Cost>,
}

/// What was lost to something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Empty: nobody's.
    pub id: String,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    pub lost_minutes: f64,
    /// None where too little was seen then.
    pub before: Option<f64>,
}

/// An incident, as far as it lies in the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    pub incident: String,
    pub headline: String,
    pub owner: Option<String>,
    #[serde(serialize_with = "millis")]
    pub opened: Timestamp,
    /// None: it is not over.
    pub closed: Option<Timestamp>,
    /// Within the time.
    pub minutes: f64,
    /// Of the journey that it hurt most, when it was worst.
    pub points: f64,
    pub journeys: Vec<String>,
}

fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// As it is shown everywhere: 100 only when perfect.
fn tenth(points: f64) -> f64 {
    (points * 10.0 + 1e-6).floor() / 10.0
}

impl Standing {
    fn of(stretch: &Stretch, length: f64) -> Self {
        let seen = if length > 0.0 { (stretch.scored_minutes / length).min(1.0) } else { 0.0 };
        Self {
            score: stretch.score.map(tenth),
            felt: stretch.felt.map(tenth),
            lost_minutes: stretch.lost_minutes,
            unobserved_minutes: (length - stretch.scored_minutes).max(0.0),
            planned_minutes: stretch.planned_minutes,
            seen,
        }
    }

    /// Enough of the time was seen to speak for the whole.
    pub fn is_enough(&self) -> bool {
        self.score.is_some() && self.seen >= SEEN_MIN
    }
}

impl Report {
    pub fn gist(&self) -> Gist<'_> {
        if self.journeys.iter().all(|journey| journey.standing.score.is_none()) {
            return Gist::Unwatched;
        }
        let worst = self.journeys.iter().max_by(|a, b| a.standing.lost_minutes.total_cmp(&b.standing.lost_minutes));
        match worst {
            Some(worst) if self.is_marred(worst) => Gist::Lost(worst),
            _ => Gist::Calm,
        }
    }

    /// It lost something worth naming, or a problem hurt it, however little of it was seen.
    pub fn is_marred(&self, journey: &JourneyReport) -> bool {
        let hurt = |problem: &Problem| problem.journeys.contains(&journey.title);
        journey.standing.lost_minutes >= MINUTES_WORTH_NAMING || self.problems.iter().any(hurt)
    }

    pub fn is_over(&self) -> bool {
        self.until >= self.to
    }

    /// How much of the time was seen of the journey that was seen least.
    pub fn seen(&self) -> f64 {
        self.journeys.iter().map(|journey| journey.standing.seen).fold(1.0, f64::min)
    }
}

pub fn compose(map: &JourneyMap, length: Length, material: &Material) -> Report {
    let journeys: Vec<JourneyReport> =
        material.journeys.iter().filter_map(|one| Some(journey(map, map.journey(&one.id)?, length, one))).collect();
    let mut problems: Vec<Problem> = material
        .incidents
        .iter()
        .filter_map(|(incident, told)| problem(map, length, &journeys, incident, told))
        .collect();
    problems.sort_by(|a, b| {
        b.minutes.total_cmp(&a.minutes).then(b.points.total_cmp(&a.points)).then(a.opened.cmp(&b.opened))
    });
    let more_problems = problems.len().saturating_sub(PROBLEMS_NAMED_MAX);
    problems.truncate(PROBLEMS_NAMED_MAX);
    Report {
        company: map.company.clone(),
        period: length.period,
        from: length.from,
        to: length.to,
        until: length.until,
        timezone: map.timezone.iana_name().unwrap_or("UTC").to_owned(),
        owners: owners(map, material, &journeys),
        journeys,
        problems,
        more_problems,
    }
}

fn journey(map: &JourneyMap, known: &Journey, length: Length, material: &JourneyMaterial) -> JourneyReport {
    let (standing, before) =
        (Standing::of(&material.now, length.minutes()), Standing::of(&material.before, length.minutes()));
    let comparable = standing.is_enough() && before.is_enough();
    let change = comparable.then(|| Change {
        score: standing.score.zip(before.score).map(|(now, then)| now - then),
        lost_minutes: standing.lost_minutes - before.lost_minutes,
    });
    let ledger = Ledger { now: &material.losses, before: comparable.then_some(&material.losses_before) };
    let accounted: f64 = material.losses.iter().map(|loss| loss.minutes).sum();
    JourneyReport {
        id: known.id.clone(),
        title: known.title.clone(),
        standing,
        before,
        change,
        objective: known.objective.zip(material.window).map(|(objective, window)| {
            let budget = objective.window.as_secs_f64() / 60.0 * (1.0 - objective.target / 100.0);
            Budget {
                target: objective.target,
                window_seconds: objective.window.as_secs_f64(),
                budget_minutes: budget,
                lost_minutes: window.lost_minutes,
                left_minutes: budget - window.lost_minutes,
            }
        }),
        stages: stages(map, known, &ledger),
        checks: checks(&ledger),
        // What rounding and the edges of quarters of an hour make is no riddle.
        unaccounted_minutes: Some(standing.lost_minutes - accounted)
            .filter(|rest| *rest >= MINUTES_WORTH_NAMING && *rest > standing.lost_minutes * 0.02)
            .unwrap_or(0.0),
    }
}

fn problem(
    map: &JourneyMap,
    length: Length,
    journeys: &[JourneyReport],
    incident: &Incident,
    headline: &str,
) -> Option<Problem> {
    // What another incident explains is told there, and our own troubles are not the customers'.
    if incident.close == Some(Close::Merged) || matches!(incident.cause, Cause::Own(_)) {
        return None;
    }
    let end = incident.closed.unwrap_or(length.until).min(length.until);
    let within = end.duration_since(incident.opened.max(length.from));
    let hurt: Vec<(&JourneyReport, f64)> = incident
        .impacts
        .iter()
        .filter_map(|impact| Some((journeys.iter().find(|journey| journey.id == impact.journey)?, impact.loss)))
        .collect();
    if within.is_negative() || incident.opened >= length.until || hurt.is_empty() {
        return None;
    }
    let root = incident.touchpoint.as_ref().and_then(|id| map.touchpoints.get(id));
    Some(Problem {
        incident: incident.id.to_string(),
        headline: headline.to_owned(),
        owner: root.and_then(|touchpoint| touchpoint.owner.clone()),
        opened: incident.opened,
        closed: incident.closed,
        minutes: minutes(within),
        points: hurt.iter().map(|(_, loss)| *loss).fold(0.0, f64::max),
        journeys: hurt.iter().map(|(journey, _)| journey.title.clone()).collect(),
    })
}

#[cfg(test)]
mod tests;
