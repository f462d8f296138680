//! One journey: its path, what costs its score, what disagrees, and how it was.

use askama::Template;
use url::Url;

use super::Frame;
use super::chart::Piece;
use super::costs::{Cost, costs, probe_title};
use super::home::{self, Leap, Stop};
use super::look_back::{LookBack, look_back};
use super::number::{Number, minus, minutes};
use super::quiet::{self, Hush, QuietRow};
use super::segments::{self, SegmentRow};
use super::tone::Tone;
use super::voices::{VoiceRow, rows};
use crate::model::{ElementNow, JourneyId, JourneyNow, NeedNow, Scope, Snapshot, State, TouchpointId};
use crate::units::Period;
use crate::web::Audience;
use crate::web::api::journeys::{Objective, objective};
use crate::web::past::Range;
use crate::web::routes::Shared;
use crate::web::shares::Shares;
use crate::web::visitor::Visitor;
use crate::web::voice;
use crate::words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "journey.html")]
pub(super) struct Page {
    frame: Frame,
    id: String,
    title: String,
    number: Number,
    tone: Tone,
    sentence: String,
    felt: String,
    observed: String,
    /// 0.0 and 62.4, where too little is seen for a number.
    range: Option<(String, String)>,
    since: String,
    stages: Vec<Stage>,
    costs: Vec<Cost>,
    checks: Vec<Check>,
    segments: Vec<SegmentRow>,
    voices: Vec<VoiceRow>,
    divergences: Vec<String>,
    /// Against yesterday and a week ago.
    trend: Vec<Leap>,
    past: LookBack,
    objective: Option<Goal>,
    quiet: Vec<QuietRow>,
    hush: Option<Hush>,
    snippets: Option<Snippets>,
}

/// What puts the journey into a page of others.
struct Snippets {
    card: String,
    badge: String,
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
    told: String,
    piece: Piece,
    tone: Tone,
    /// It burns too fast: a message.
    alarm: Option<&'static str>,
}

pub(super) async fn page(
    shared: &Shared,
    visitor: &Visitor,
    snapshot: &Snapshot,
    id: &str,
    range: Range,
) -> Option<Page> {
    let id = JourneyId::new(id);
    let now = snapshot.journey(&id)?;
    let title = words::title(&id, &snapshot.map).to_owned();
    let frame = Frame::new(shared, visitor, snapshot, title.clone());
    let past = look_back(shared, &frame, snapshot, &id, range).await;
    let trend = home::leaps(&frame, &shared.trend(now).await);
    let split = Shares::of(now);
    let voiced = voice::on_journey(now, snapshot);
    // A store that refuses takes the objective from the page, not the page.
    let goal = objective(shared, snapshot, &id).await.ok().flatten();
    Some(Page {
        id: id.to_string(),
        title,
        number: home::number(now),
        tone: home::tone(now),
        sentence: frame.words.journey(now, snapshot),
        felt: now.felt.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        observed: frame.words.percent(now.observed),
        range: (now.score.is_none()).then(|| (now.range.0.to_string(), now.range.1.to_string())),
        since: frame.since(now.since),
        stages: stages(&frame, now, &split, snapshot),
        costs: if now.score.is_some() { costs(&frame, now, &split, snapshot) } else { Vec::new() },
        checks: checks(&frame, now, &split, snapshot),
        segments: segments::rows(&frame, now, snapshot),
        divergences: voiced.iter().filter_map(|now| voice::divergence(&frame.words, now, snapshot)).collect(),
        voices: voiced.iter().flat_map(|now| rows(&frame, now, snapshot)).collect(),
        trend,
        past,
        objective: goal.map(|goal| describe(&frame, &goal)),
        quiet: quiet::rows(
            &frame,
            snapshot,
            |window| touchpoints(now).any(|touchpoint| window.covers(touchpoint)),
            |scope| match scope {
                Scope::Journey(of) => *of == id,
                Scope::Touchpoint(of) => touchpoints(now).any(|touchpoint| touchpoint == of),
                Scope::Incident(_) => false,
            },
        ),
        hush: (shared.site.audience == Audience::Insiders).then(|| Hush { kind: "journey", id: id.to_string() }),
        snippets: shared.site.base.as_ref().map(|base| snippets(base, &id, &frame.title)),
        frame,
    })
}

fn touchpoints(now: &JourneyNow) -> impl Iterator<Item = &TouchpointId> {
    let needs = now.stages.iter().flat_map(|stage| &stage.needs);
    needs.flat_map(NeedNow::elements).map(|element| element.element.touchpoint())
}

fn stages(frame: &Frame, now: &JourneyNow, shares: &Shares, snapshot: &Snapshot) -> Vec<Stage> {
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
                    NeedNow::Of { need: 1, .. } => Some(frame.text("need-any-one").into_owned()),
                    NeedNow::Of { need, members, .. } => {
                        let told = frame.say("need-any").with("need", *need).with("count", members.len());
                        Some(told.to_string())
                    }
                },
                parts: need
                    .elements()
                    .iter()
                    .enumerate()
                    .map(|(member, element)| {
                        part(element, charge(now, shares.element(place, number, member)), snapshot)
                    })
                    .collect(),
            })
            .collect(),
    });
    stages.collect()
}

/// What is laid to somebody's charge: nothing, where too little is seen for a number.
fn charge(now: &JourneyNow, share: f64) -> Option<String> {
    (now.score.is_some() && share >= 0.05).then(|| minus(share))
}

fn part(element: &ElementNow, cost: Option<String>, snapshot: &Snapshot) -> Part {
    let touchpoint = element.element.touchpoint();
    Part {
        touchpoint: touchpoint.to_string(),
        title: words::touchpoint(touchpoint, &snapshot.map).to_owned(),
        detail: probe_title(&element.element, snapshot),
        tone: element.health.state.into(),
        cost,
    }
}

fn checks(frame: &Frame, now: &JourneyNow, shares: &Shares, snapshot: &Snapshot) -> Vec<Check> {
    let checks = now.consistency.iter().enumerate().map(|(place, check)| {
        let first = check.values.iter().find_map(|value| value.value.clone());
        Check {
            name: check.name.clone(),
            tone: match check.state {
                State::Up => Tone::new("good", "tone-agrees"),
                State::Down => Tone::new("broken", "tone-disagrees"),
                State::Pending => Tone::from(State::Pending),
                _ => Tone::new("unknown", "tone-incomparable"),
            },
            points: charge(now, shares.check(place)),
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
                        if seen.fresh { at } else { frame.say("check-stale").with("since", at).to_string() }
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

fn describe(frame: &Frame, goal: &Objective) -> Goal {
    let used = if goal.budget_minutes > 0.0 { goal.lost_minutes / goal.budget_minutes } else { 1.0 };
    Goal {
        text: frame
            .say("goal-heading")
            .with("target", goal.target.to_string())
            .with(
                "window",
                Period::parse(&goal.window).map_or_else(|_| goal.window.clone(), |window| frame.words.period(window)),
            )
            .to_string(),
        told: frame
            .say("goal-told")
            .with("lost", minutes(goal.lost_minutes))
            .with("budget", minutes(goal.budget_minutes))
            .with("burn", format!("{:.1}", goal.burn))
            .to_string(),
        piece: Piece::new(0.0, used.min(1.0), 1.0),
        tone: budget_tone(used),
        alarm: goal.alert.map(|alert| match alert {
            "page" => "goal-page",
            _ => "goal-ticket",
        }),
    }
}

/// How it is with an objective of whose budget this share is used.
fn budget_tone(used: f64) -> Tone {
    match used {
        used if used < 0.5 => Tone::new("good", "goal-within"),
        used if used < 1.0 => Tone::new("watch", "goal-half"),
        _ => Tone::new("broken", "goal-gone"),
    }
}

/// A title is the company's own text: in Markdown its brackets would end the name, in HTML its quotes.
fn snippets(base: &Url, id: &JourneyId, title: &str) -> Snippets {
    let place = |kind: &str, suffix: &str| {
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(kind).push(&format!("{id}{suffix}"));
        }
        url
    };
    let (card, badge, page) = (place("card", ""), place("badge", ".svg"), place("journeys", ""));
    let html = title.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let markdown = title.replace(['[', ']', '\\'], " ");
    Snippets {
        card: format!(
            "<iframe src=\"{card}\" title=\"{html}\" width=\"420\" height=\"180\" loading=\"lazy\"></iframe>"
        ),
        badge: format!("[![{markdown}]({badge})]({page})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_used_up_says_so() {
        assert_eq!(budget_tone(0.0).word, "goal-within");
        assert_eq!(budget_tone(0.7).word, "goal-half");
        assert_eq!(budget_tone(1.2).word, "goal-gone");
    }
}
