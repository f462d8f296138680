//! A report as people read it: every word and figure of it, in one language, still without a layout. Pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compose::{Budget, Cost, Gist, JourneyReport, Problem, Report, StageReport};
use super::{Every, Period};
use crate::units::Period as Length;
use crate::words::Words;

/// Less than this, and a figure has not changed.
const CHANGE_MIN: f64 = 0.05;
/// Less of the time than this unseen is nothing to speak of.
const UNSEEN_MIN: f64 = 0.005;

/// A report, worded.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub company: String,
    /// "Week 47 of 2026"
    pub title: String,
    /// "16 Nov 2026 to 22 Nov 2026"
    pub days: String,
    /// What is said first.
    pub gist: String,
    pub mood: Mood,
    /// What must be known to read the figures.
    pub notes: Vec<String>,
    pub journeys: Vec<JourneySheet>,
    pub owners: Vec<CostRow>,
    pub problems: Vec<ProblemRow>,
    /// "and 3 more"
    pub more_problems: Option<String>,
}

/// How it went, for the colour beside the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Calm,
    Lost,
    Unseen,
}

#[derive(Clone, Debug)]
pub struct JourneySheet {
    pub id: String,
    pub title: String,
    pub mood: Mood,
    /// Points of the mean, 0..=100.
    pub points: Option<f64>,
    pub figures: Vec<Figure>,
    pub objective: Option<(String, Direction)>,
    pub stages: Vec<StageSheet>,
    pub checks: Vec<CostRow>,
    /// What else is to be said of where it was lost.
    pub remark: Option<String>,
}

/// A number with its name, and how it compares.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: String,
    pub value: String,
    pub change: Option<Changed>,
    /// What is said of it besides.
    pub note: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Changed {
    pub text: String,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Better,
    Worse,
    Same,
}

impl Direction {
    /// The name of its style; the sign beside it says the same.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
        }
    }
}

#[derive(Clone, Debug)]
pub struct StageSheet {
    pub row: CostRow,
    pub touchpoints: Vec<CostRow>,
}

#[derive(Clone, Debug)]
pub struct CostRow {
    pub id: String,
    pub title: String,
    pub owner: Option<String>,
    pub lost: String,
    pub change: Option<Changed>,
    /// Of the largest in its table, 0..=1.
    pub share: f64,
}

#[derive(Clone, Debug)]
pub struct ProblemRow {
    pub incident: String,
    pub headline: String,
    pub owner: Option<String>,
    pub began: String,
    pub lasted: String,
    pub points: String,
}

impl Period {
    /// "Week 47 of 2026", "October 2026"
    pub fn title(self, words: &Words) -> String {
        let text = self.to_string();
        let (year, rest) = text.split_once('-').unwrap_or((&text, ""));
        let number = rest.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_start_matches('0');
        match self.every() {
            Every::Week => words.say("report-week").with("number", number).with("year", year).to_string(),
            Every::Month => self.first_day().strftime(&*words.text("report-month-format")).to_string(),
            Every::Quarter => words.say("report-quarter").with("number", number).with("year", year).to_string(),
        }
    }

    /// Its days, from the first to the last.
    pub fn days(self, words: &Words) -> String {
        let day = |day: jiff::civil::Date| day.strftime(&*words.text("report-day-format")).to_string();
        words.say("report-days").with("from", day(self.first_day())).with("to", day(self.last_day())).to_string()
    }
}

/// Every word of it.
pub fn sheet(report: &Report, words: &Words) -> Sheet {
    let zone = TimeZone::get(&report.timezone).unwrap_or(TimeZone::UTC);
    let (gist, mood) = gist(report, words);
    Sheet {
        company: report.company.clone(),
        title: report.period.title(words),
        days: report.period.days(words),
        gist,
        mood,
        notes: notes(report, words, &zone),
        journeys: report.journeys.iter().map(|journey| journey_sheet(report, journey, words)).collect(),
        owners: rows(&report.owners, words),
        problems: report.problems.iter().map(|one| problem(one, report, words, &zone)).collect(),
        more_problems: (report.more_problems > 0)
            .then(|| words.say("report-problems-more").with("count", report.more_problems).to_string()),
    }
}

fn gist(report: &Report, words: &Words) -> (String, Mood) {
    match report.gist() {
        Gist::Unwatched => (words.text("report-gist-unwatched").into_owned(), Mood::Unseen),
        Gist::Calm => (words.text("report-gist-calm").into_owned(), Mood::Calm),
        Gist::Lost(worst) => {
            let lost = minutes(worst.standing.lost_minutes, words);
            let key = if report.journeys.len() == 1 { "report-gist-lost-only" } else { "report-gist-lost" };
            (words.say(key).with("title", worst.title.as_str()).with("lost", lost).to_string(), Mood::Lost)
        }
    }
}

fn notes(report: &Report, words: &Words, zone: &TimeZone) -> Vec<String> {
    let mut notes = Vec::new();
    if !report.is_over() {
        notes.push(words.say("report-so-far").with("until", moment(report.until, words, zone)).to_string());
    }
    let seen = report.seen();
    if report.gist() != Gist::Unwatched && 1.0 - seen > UNSEEN_MIN {
        notes.push(words.say("report-seen").with("share", words.percent(seen)).to_string());
    }
    let key = match (report.journeys.iter().any(|journey| journey.change.is_some()), report.is_over()) {
        (false, _) => "report-not-compared",
        (true, true) => "report-compared",
        (true, false) => "report-compared-so-far",
    };
    notes.push(words.say(key).with("before", report.period.before().title(words)).to_string());
    notes
}

fn journey_sheet(report: &Report, journey: &JourneyReport, words: &Words) -> JourneySheet {
    let standing = &journey.standing;
    let mood = match standing.score {
        None => Mood::Unseen,
        Some(_) if report.is_marred(journey) => Mood::Lost,
        Some(_) => Mood::Calm,
    };
    let remark = match mood {
        Mood::Unseen => Some(words.text("report-journey-unseen").into_owned()),
        Mood::Calm => Some(words.text("report-journey-calm").into_owned()),
        Mood::Lost if journey.unaccounted_minutes > 0.0 => {
            let lost = minutes(journey.unaccounted_minutes, words);
            Some(words.say("report-unaccounted").with("lost", lost).to_string())
        }
        Mood::Lost => None,
    };
    let most = journey
        .stages
        .iter()
        .map(|stage| stage.cost.lost_minutes)
        .chain(journey.checks.iter().map(|check| check.lost_minutes));
    let most = most.fold(0.0, f64::max);
    JourneySheet {
        id: journey.id.to_string(),
        title: journey.title.clone(),
        mood,
        points: standing.score,
        figures: figures(journey, words),
        objective: journey.objective.map(|budget| objective(&budget, words)),
        stages: journey.stages.iter().map(|stage| stage_sheet(stage, most, words)).collect(),
        checks: journey.checks.iter().map(|check| row(check, most, words)).collect(),
        remark,
    }
}

fn figures(journey: &JourneyReport, words: &Words) -> Vec<Figure> {
    let standing = &journey.standing;
    let points = |points: Option<f64>| points.map_or_else(|| "–".to_owned(), |points| format!("{points:.1}"));
    let figure =
        |key: &str, value: String| Figure { name: words.text(key).into_owned(), value, change: None, note: None };
    let change = journey.change;
    let mut figures = vec![
        Figure {
            change: change.and_then(|change| change.score).map(|by| changed(by, Unit::Points, words)),
            ..figure("report-score", points(standing.score))
        },
        figure("report-felt", points(standing.felt)),
        Figure {
            change: change.map(|change| changed(change.lost_minutes, Unit::Minutes, words)),
            ..figure("report-lost", minutes(standing.lost_minutes, words))
        },
        Figure {
            note: (standing.unobserved_minutes >= 0.5).then(|| words.percent(1.0 - standing.seen)),
            ..figure("report-unobserved", minutes(standing.unobserved_minutes, words))
        },
    ];
    if standing.planned_minutes >= 0.5 {
        figures.push(figure("report-planned", minutes(standing.planned_minutes, words)));
    }
    figures
}

fn objective(budget: &Budget, words: &Words) -> (String, Direction) {
    let window = Duration::try_from_secs_f64(budget.window_seconds).unwrap_or_default();
    let window = words.period(Length::from_millis(u64::try_from(window.as_millis()).unwrap_or(u64::MAX)));
    let (key, rest, direction) = if budget.left_minutes >= 0.0 {
        ("report-objective", budget.left_minutes, Direction::Better)
    } else {
        ("report-objective-missed", -budget.left_minutes, Direction::Worse)
    };
    let told = words
        .say(key)
        .with("target", format!("{}", budget.target))
        .with("window", window)
        .with("lost", minutes(budget.lost_minutes, words))
        .with("budget", minutes(budget.budget_minutes, words))
        .with("rest", minutes(rest, words));
    (told.to_string(), direction)
}

fn stage_sheet(stage: &StageReport, most: f64, words: &Words) -> StageSheet {
    StageSheet {
        row: row(&stage.cost, most, words),
        touchpoints: stage.touchpoints.iter().map(|cost| row(cost, most, words)).collect(),
    }
}

fn rows(costs: &[Cost], words: &Words) -> Vec<CostRow> {
    let most = costs.iter().map(|cost| cost.lost_minutes).fold(0.0, f64::max);
    costs.iter().map(|cost| row(cost, most, words)).collect()
}

fn row(cost: &Cost, most: f64, words: &Words) -> CostRow {
    let nobody = || words.text("report-nobody").into_owned();
    CostRow {
        id: cost.id.clone(),
        title: if cost.title.is_empty() { nobody() } else { cost.title.clone() },
        owner: cost.owner.clone(),
        lost: minutes(cost.lost_minutes, words),
        change: cost.before.map(|before| changed(cost.lost_minutes - before, Unit::Minutes, words)),
        share: if most > 0.0 { (cost.lost_minutes / most).clamp(0.0, 1.0) } else { 0.0 },
    }
}

fn problem(problem: &Problem, report: &Report, words: &Words, zone: &TimeZone) -> ProblemRow {
    let lasted = words.lasted(problem.opened, problem.closed.unwrap_or(report.until));
    ProblemRow {
        incident: problem.incident.clone(),
        headline: problem.headline.clone(),
        owner: problem.owner.clone(),
        began: moment(problem.opened, words, zone),
        lasted: match problem.closed {
            Some(_) => lasted,
            None => words.say("report-not-over").with("lasted", lasted).to_string(),
        },
        points: words.say("report-points").with("points", format!("{:.1}", problem.points)).to_string(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// More is better.
    Points,
    /// More is worse.
    Minutes,
}

fn changed(by: f64, unit: Unit, words: &Words) -> Changed {
    if by.abs() < CHANGE_MIN {
        return Changed { text: words.text("report-unchanged").into_owned(), direction: Direction::Same };
    }
    let sign = if by > 0.0 { '+' } else { '\u{2212}' };
    let direction = if (by > 0.0) == (unit == Unit::Points) { Direction::Better } else { Direction::Worse };
    let size = match unit {
        Unit::Points => format!("{:.1}", by.abs()),
        Unit::Minutes => minutes(by.abs(), words),
    };
    Changed { text: format!("{sign}{size}"), direction }
}

/// `96 min`, `4.5 min`: lost minutes stay minutes, as objectives are written in them.
pub(super) fn minutes(minutes: f64, words: &Words) -> String {
    let number = if minutes > 0.0 && minutes < 9.95 { format!("{minutes:.1}") } else { format!("{minutes:.0}") };
    words.say("report-minutes").with("minutes", number.trim_end_matches(".0").to_owned()).to_string()
}

fn moment(at: Timestamp, words: &Words, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime(&*words.text("report-moment-format")).to_string()
}
