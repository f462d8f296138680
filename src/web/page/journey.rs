//! One journey: its path, what costs its score, what disagrees, and how it was.

use askama::Template;

use super::Frame;
use super::chart::Piece;
use super::costs::{Cost, costs, probe_title};
use super::home::{self, Stop};
use super::look_back::{LookBack, look_back};
use super::number::{Number, minus, minutes, percent};
use super::segments::{self, SegmentRow};
use super::tone::Tone;
use super::voices::{VoiceRow, rows};
use crate::model::{ElementNow, JourneyId, JourneyNow, NeedNow, Snapshot, State};
use crate::web::api::journeys::{Objective, objective};
use crate::web::past::Range;
use crate::web::routes::Shared;
use crate::web::shares::Shares;
use crate::web::voice;
use crate::words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "journey.html")]
pub(super) struct Page {
    frame: Frame,
    title: String,
    number: Number,
    tone: Tone,
    sentence: String,
    felt: String,
    observed: String,
    /// `0.0 to 62.4`, where too little is seen for a number.
    range: Option<String>,
    since: String,
    stages: Vec<Stage>,
    costs: Vec<Cost>,
    checks: Vec<Check>,
    segments: Vec<SegmentRow>,
    voices: Vec<VoiceRow>,
    divergences: Vec<String>,
    past: LookBack,
    objective: Option<Goal>,
}

struct Stage {
    stop: Stop,
    needs: Vec<Need>,
}

/// One touchpoint, or several of which so many are needed.
struct Need {
    /// "any one of these", above several.
    of: Option<String>,
    parts: Vec<Part>,
}

struct Part {
    touchpoint: String,
    title: String,
    detail: Option<String>,
    tone: Tone,
    cost: Option<String>,
}

struct Check {
    name: String,
    tone: Tone,
    points: Option<String>,
    since: String,
    values: Vec<Seen>,
}

struct Seen {
    place: String,
    touchpoint: String,
    value: Option<String>,
    at: Option<String>,
    /// Another value than the first one's.
    differs: &'static str,
}

struct Goal {
    text: String,
    used: String,
    piece: Piece,
    tone: Tone,
    burn: String,
    /// It burns too fast.
    alarm: Option<&'static str>,
}

pub(super) async fn page(shared: &Shared, snapshot: &Snapshot, id: &str, range: Range) -> Option<Page> {
    let id = JourneyId::new(id);
    let now = snapshot.journey(&id)?;
    let title = words::title(&id, &snapshot.map).to_owned();
    let frame = Frame::new(shared, snapshot, title.clone());
    let past = look_back(shared, &frame, snapshot, &id, range).await;
    let split = Shares::of(now);
    let voiced = voice::on_journey(now, snapshot);
    // A store that refuses takes the objective from the page, not the page.
    let goal = objective(shared, snapshot, &id).await.ok().flatten();
    Some(Page {
        title,
        number: home::number(now),
        tone: home::tone(now),
        sentence: words::journey(now, snapshot),
        felt: now.felt.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        observed: percent(now.observed),
        range: (now.score.is_none()).then(|| format!("{} to {}", now.range.0, now.range.1)),
        since: frame.since(now.since),
        stages: stages(now, &split, snapshot),
        costs: if now.score.is_some() { costs(&frame, now, &split, snapshot) } else { Vec::new() },
        checks: checks(&frame, now, &split, snapshot),
        segments: segments::rows(now, snapshot),
        divergences: voiced.iter().filter_map(|now| voice::divergence(now, snapshot)).collect(),
        voices: voiced.iter().flat_map(|now| rows(&frame, now, snapshot)).collect(),
        past,
        objective: goal.map(|goal| describe(&goal)),
        frame,
    })
}

fn stages(now: &JourneyNow, shares: &Shares, snapshot: &Snapshot) -> Vec<Stage> {
    let stops = home::stops(now, snapshot).into_iter();
    let stages = stops.zip(&now.stages).enumerate().map(|(place, (stop, stage))| Stage {
        stop,
        needs: stage
            .needs
            .iter()
            .enumerate()
            .map(|(number, need)| Need {
                of: match need {
                    NeedNow::One(_) => None,
                    NeedNow::Of { need: 1, .. } => Some("any one of these".to_owned()),
                    NeedNow::Of { need, members, .. } => Some(format!("any {need} of these {}", members.len())),
                },
                parts: need
                    .elements()
                    .iter()
                    .enumerate()
                    .map(|(member, element)| part(element, shares.element(place, number, member), snapshot))
                    .collect(),
            })
            .collect(),
    });
    stages.collect()
}

fn part(element: &ElementNow, share: f64, snapshot: &Snapshot) -> Part {
    let touchpoint = element.element.touchpoint();
    Part {
        touchpoint: touchpoint.to_string(),
        title: words::touchpoint(touchpoint, &snapshot.map).to_owned(),
        detail: probe_title(&element.element, snapshot),
        tone: element.health.state.into(),
        cost: (share >= 0.05).then(|| minus(share)),
    }
}

fn checks(frame: &Frame, now: &JourneyNow, shares: &Shares, snapshot: &Snapshot) -> Vec<Check> {
    let checks = now.consistency.iter().enumerate().map(|(place, check)| {
        let share = shares.check(place);
        let first = check.values.iter().find_map(|value| value.value.clone());
        Check {
            name: check.name.clone(),
            tone: match check.state {
                State::Up => Tone::new("good", "agrees"),
                State::Down => Tone::new("broken", "disagrees"),
                State::Pending => Tone::from(State::Pending),
                _ => Tone::new("unknown", "cannot be compared"),
            },
            points: (share >= 0.05).then(|| minus(share)),
            since: frame.since(check.since),
            values: check
                .values
                .iter()
                .map(|seen| Seen {
                    place: words::touchpoint(&seen.source.probe.touchpoint, &snapshot.map).to_owned(),
                    touchpoint: seen.source.probe.touchpoint.to_string(),
                    value: seen.value.clone(),
                    at: seen.at.map(|at| {
                        let at = frame.since(at);
                        if seen.fresh { at } else { format!("not read since {at}") }
                    }),
                    differs: if check.state == State::Down && seen.value.is_some() && seen.value != first {
                        "differs"
                    } else {
                        ""
                    },
                })
                .collect(),
        }
    });
    checks.collect()
}

fn describe(goal: &Objective) -> Goal {
    let used = if goal.budget_minutes > 0.0 { goal.lost_minutes / goal.budget_minutes } else { 1.0 };
    let tone = match used {
        used if used < 0.5 => Tone::new("good", "within its budget"),
        used if used < 1.0 => Tone::new("watch", "budget more than half used"),
        _ => Tone::new("broken", "budget used up"),
    };
    Goal {
        text: format!("{} over {}", goal.target, goal.window),
        used: format!("{} of {} minutes used", minutes(goal.lost_minutes), minutes(goal.budget_minutes)),
        piece: Piece::new(0.0, used.min(1.0), 1.0),
        tone,
        burn: format!("{:.1}", goal.burn),
        alarm: goal.alert.map(|alert| match alert {
            "page" => "It is used up too fast: somebody has been called.",
            _ => "It is used up too fast: somebody should look within days.",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_used_up_says_so() {
        let goal = |lost: f64| {
            let objective = Objective {
                target: 99.0,
                window: "30d".to_owned(),
                lost_minutes: lost,
                budget_minutes: 432.0,
                burn: 0.0,
                alert: None,
                burns: Vec::new(),
            };
            describe(&objective).tone.word
        };
        assert_eq!(goal(0.0), "within its budget");
        assert_eq!(goal(300.0), "budget more than half used");
        assert_eq!(goal(500.0), "budget used up");
    }
}
