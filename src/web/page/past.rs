//! A journey's past on one time axis: its score, what was lost, what nobody saw, planned work, incidents and what
//! people noted. Drawn as paths and shares of the width, coloured by the style sheet, told in words beside.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::axis::{self, Tick};
use super::number::minutes;
use super::tone::{Tone, of_points};
use crate::store::Hurt;
use crate::web::past::{Past, Range, Slot};
use crate::words::Words;

/// Inner size of the score's plot, user units; the template's frame fits it.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 200.0;
/// Of the lost minutes below it, and of the incidents' lane.
const LOST_HEIGHT: f64 = 40.0;
const LANE_HEIGHT: f64 = 10.0;
/// Nothing is drawn thinner.
const THINNEST: f64 = 2.0;

pub(super) struct Chart {
    pub(super) line: String,
    pub(super) area: String,
    /// Hatched: as high as the share of a slot that nobody saw.
    pub(super) unseen: String,
    /// As high as the share of planned work: a night's half hour is no day.
    pub(super) planned: String,
    /// Lines at the ticks.
    pub(super) grid: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) lost: String,
    /// What the highest of the lost bars stands for.
    pub(super) lost_most: String,
    pub(super) incidents: Vec<(&'static str, String)>,
    pub(super) marks: Vec<Mark>,
    pub(super) told: String,
    pub(super) spells: Vec<Spell>,
    pub(super) total_lost: String,
    pub(super) total_unseen: Option<String>,
}

/// Something that somebody noted, on the axis.
pub(super) struct Mark {
    /// As the list below counts them.
    pub(super) number: usize,
    /// Per cent of the width.
    pub(super) x: String,
    /// Where its flag hangs, from the top: lower where another one is in the way.
    pub(super) flag: u32,
    /// The same, of what lasts.
    pub(super) width: Option<String>,
    pub(super) kind: &'static str,
    pub(super) title: String,
}

/// What the table says of the time between two ticks.
pub(super) struct Spell {
    pub(super) when: String,
    pub(super) score: String,
    pub(super) tone: Option<Tone>,
    pub(super) lost: String,
    pub(super) unseen: String,
}

/// What stands on the axis beside the slots.
pub(super) struct Noted {
    pub(super) from: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) kind: &'static str,
    pub(super) title: String,
}

pub(super) fn chart(words: &Words, past: &Past, hurts: &[Hurt], noted: &[Noted], zone: &TimeZone) -> Chart {
    let ticks = axis::ticks(words, past, zone);
    let (line, area) = score(past);
    let most = past.slots.iter().map(|slot| slot.lost_minutes).fold(0.0, f64::max);
    Chart {
        line,
        area,
        unseen: columns(past, HEIGHT, |slot| slot.unseen),
        planned: columns(past, HEIGHT, |slot| slot.planned),
        grid: ticks.iter().fold(String::new(), |mut path, tick| {
            let _ = write!(path, "M{:.1} 0V{HEIGHT}", tick.share * WIDTH);
            path
        }),
        lost: columns(past, LOST_HEIGHT, |slot| if most > 0.0 { slot.lost_minutes / most } else { 0.0 }),
        lost_most: lasting(words, most),
        incidents: incidents(past, hurts),
        marks: marks(past, noted),
        told: told(words, past, hurts.len()),
        spells: spells(words, past, &ticks, zone),
        total_lost: minutes(past.lost_minutes()),
        total_unseen: Some(past.unseen_minutes())
            .filter(|minutes| *minutes >= 1.0)
            .map(|minutes| lasting(words, minutes)),
        ticks,
    }
}

impl Chart {
    /// Whether some flags hang below others.
    pub(super) fn two_rows(&self) -> bool {
        self.marks.iter().any(|mark| mark.flag == FLAGS[1])
    }
}

/// Steps where there are numbers; what lies between is left open.
fn score(past: &Past) -> (String, String) {
    let step = WIDTH / past.slots.len().max(1) as f64;
    let (mut line, mut area, mut place) = (String::new(), String::new(), 0);
    for run in past.slots.chunk_by(|a, b| a.score.is_some() == b.score.is_some()) {
        let from = place as f64 * step;
        let mut steps = String::new();
        for (offset, score) in run.iter().filter_map(|slot| slot.score).enumerate() {
            let (x, y) = ((place + offset) as f64 * step, HEIGHT * (1.0 - score / 100.0));
            let _ = if offset == 0 { write!(steps, "M{x:.1} {y:.1}") } else { write!(steps, "V{y:.1}") };
            let _ = write!(steps, "H{:.1}", x + step);
        }
        if !steps.is_empty() {
            let _ = write!(area, "{steps}V{HEIGHT}H{from:.1}z");
            line.push_str(&steps);
        }
        place += run.len();
    }
    (line, area)
}

/// Columns from the ground up; neighbours of one height are one.
fn columns(past: &Past, height: f64, share: impl Fn(&Slot) -> f64) -> String {
    let step = WIDTH / past.slots.len().max(1) as f64;
    let (mut path, mut place) = (String::new(), 0);
    // Tenths of a unit: nobody sees less.
    let heights: Vec<i64> = past.slots.iter().map(|slot| (share(slot) * height * 10.0).round() as i64).collect();
    for run in heights.chunk_by(|a, b| a == b) {
        if run[0] > 0 {
            let (x, width) = (place as f64 * step, run.len() as f64 * step);
            let _ = write!(path, "M{x:.1} {height}v-{0:.1}h{width:.1}v{0:.1}z", run[0] as f64 / 10.0);
        }
        place += run.len();
    }
    path
}

/// One path per colour: a year may have hundreds.
fn incidents(past: &Past, hurts: &[Hurt]) -> Vec<(&'static str, String)> {
    let mut paths: BTreeMap<&'static str, String> = BTreeMap::new();
    for hurt in hurts {
        let (from, to) = (past.place(hurt.opened) * WIDTH, past.place(hurt.closed.unwrap_or(past.read)) * WIDTH);
        let width = (to - from).max(THINNEST);
        let path = paths.entry(of_points(100.0 - hurt.loss).class).or_default();
        let _ = write!(path, "M{:.1} 0h{width:.1}v{LANE_HEIGHT}h-{width:.1}z", from.min(WIDTH - THINNEST));
    }
    paths.into_iter().collect()
}

/// Flags closer than this, in shares of the width, would cover each other.
const FLAG_WIDTH: f64 = 0.024;
const FLAGS: [u32; 2] = [11, 34];

fn marks(past: &Past, noted: &[Noted]) -> Vec<Mark> {
    let mut high: Vec<f64> = Vec::new();
    let marks = noted.iter().enumerate().filter_map(|(place, noted)| {
        let at = past.place(noted.from);
        let free = high.iter().all(|other| (other - at).abs() >= FLAG_WIDTH);
        let mark = mark(past, place + 1, noted, FLAGS[usize::from(!free)])?;
        if free {
            high.push(at);
        }
        Some(mark)
    });
    marks.collect()
}

/// None of what lies outside: it is only listed.
fn mark(past: &Past, number: usize, noted: &Noted, flag: u32) -> Option<Mark> {
    let end = noted.until.unwrap_or(noted.from);
    if end < past.from || noted.from >= past.to {
        return None;
    }
    let (from, to) = (past.place(noted.from) * 100.0, past.place(end) * 100.0);
    Some(Mark {
        number,
        x: format!("{from:.2}%"),
        flag,
        width: noted.until.map(|_| format!("{:.2}%", (to - from).max(0.2))),
        kind: noted.kind,
        title: noted.title.clone(),
    })
}

/// The chart in a sentence.
pub(super) fn told(words: &Words, past: &Past, incidents: usize) -> String {
    let seen: Vec<f64> = past.slots.iter().filter_map(|slot| slot.score).collect();
    let length = words.text(match past.range {
        Range::Day => "told-day",
        Range::Week => "told-week",
        Range::Month => "told-month",
        Range::Quarter => "told-quarter",
        Range::Year => "told-year",
    });
    let Some(worst) = seen.iter().copied().min_by(f64::total_cmp) else {
        return words.say("told-unseen").with("length", length).to_string();
    };
    let mean = mean(&past.slots).unwrap_or(worst);
    let told = words.say("told-past").with("length", length);
    let mut told = told.with("mean", format!("{mean:.1}")).with("worst", format!("{worst:.1}")).to_string();
    if incidents > 0 {
        told.push_str(&words.say("told-incidents").with("count", incidents).text());
    }
    let unseen = past.unseen_minutes();
    if unseen >= 1.0 {
        told.push_str(&words.say("told-gaps").with("length", lasting(words, unseen)).text());
    }
    if past.slots.iter().any(|slot| slot.planned > 0.0) {
        told.push_str(&words.text("told-planned"));
    }
    told
}

/// A length of time in minutes: `45 s`, `12 min`, `3 h 5 min`, `4 days`.
fn lasting(words: &Words, minutes: f64) -> String {
    words.spell(jiff::SignedDuration::from_secs((minutes * 60.0).round() as i64))
}

/// Over what was seen.
fn mean(slots: &[Slot]) -> Option<f64> {
    let seen = slots.iter().filter_map(|slot| Some((slot.score?, slot.seen_minutes)));
    let (sum, weight) = seen.fold((0.0, 0.0), |(sum, weight), (score, seen)| (sum + score * seen, weight + seen));
    (weight > 0.0).then(|| sum / weight)
}

/// The chart as a table: a row from tick to tick, the newest first.
fn spells(words: &Words, past: &Past, ticks: &[Tick], zone: &TimeZone) -> Vec<Spell> {
    let mut cuts: Vec<Timestamp> = vec![past.from];
    cuts.extend(ticks.iter().map(|tick| tick.at).filter(|at| *at > past.from));
    cuts.push(past.to);
    let spell = |ends: &[Timestamp]| {
        let inside = |place: usize| (ends[0]..ends[1]).contains(&past.begins(place));
        let places: Vec<usize> = (0..past.slots.len()).filter(|place| inside(*place)).collect();
        let slots: Vec<Slot> = places.iter().map(|place| past.slots[*place]).collect();
        let score = mean(&slots);
        let unseen = slots.iter().map(|slot| slot.unseen).sum::<f64>() * past.step.as_secs_f64() / 60.0;
        Spell {
            when: axis::named(words, past.range, ends[0], zone),
            score: score.map_or_else(|| "–".to_owned(), |score| format!("{score:.1}")),
            tone: score.map(of_points),
            lost: minutes(slots.iter().fold(0.0, |sum, slot| sum + slot.lost_minutes)),
            unseen: if unseen < 1.0 { "–".to_owned() } else { lasting(words, unseen) },
        }
    };
    let pairs = cuts.windows(2).filter(|ends| ends[0] < past.read);
    let mut spells: Vec<Spell> = pairs.map(spell).collect();
    spells.reverse();
    spells
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::IncidentId;
    use crate::store::ScorePoint;

    fn english() -> Words {
        Words::new(crate::model::Language::En)
    }

    fn now() -> Timestamp {
        "2026-11-21T09:07:30Z".parse().expect("a time")
    }

    fn past() -> Past {
        let point = |ago: i64, score: f64| ScorePoint {
            journey: "buy".into(),
            at: "2026-11-21T09:00:00Z".parse::<Timestamp>().expect("a time") - SignedDuration::from_mins(15 * ago),
            score: Some(score),
            felt: None,
            observed: 1.0,
            lost_minutes: (1.0 - score / 100.0) * 15.0,
            unobserved_minutes: 0.0,
            planned_minutes: if ago == 2 { 15.0 } else { 0.0 },
            scored_minutes: if ago == 0 { 7.0 } else { 15.0 },
            losses: Vec::new(),
        };
        Past::of(&[point(3, 100.0), point(2, 40.0), point(1, 100.0), point(0, 100.0)], Range::Day, now())
    }

    #[test]
    fn everything_lies_on_one_axis() {
        let hurt = Hurt {
            incident: IncidentId(uuid::Uuid::nil()),
            opened: "2026-11-21T08:30:00Z".parse().expect("a time"),
            closed: Some("2026-11-21T08:45:00Z".parse().expect("a time")),
            loss: 60.0,
        };
        let sale = Noted { from: hurt.opened, until: hurt.closed, kind: "campaign", title: "Sale".into() };
        let again = Noted { from: hurt.opened, ..sale_like() };
        let later = Noted { from: now() + SignedDuration::from_hours(48), until: None, ..sale_like() };
        let chart = chart(&english(), &past(), &[hurt], &[sale, again, later], &TimeZone::UTC);
        // The slot from 08:30 is the 94th of 96, ten units wide.
        assert!(chart.planned.starts_with("M930.0 200v-200.0h10.0"), "{}", chart.planned);
        assert_eq!(chart.incidents, [("broken", "M930.0 0h10.0v10h-10.0z".to_owned())]);
        assert_eq!(chart.lost, "M930.0 40v-40.0h10.0v40.0z");
        assert!(chart.unseen.starts_with("M0.0 200v-200.0h920.0"), "{}", chart.unseen);
        assert_eq!(chart.marks.len(), 2, "what is to come is listed, not drawn");
        assert_eq!((chart.marks[0].flag, chart.marks[1].flag), (FLAGS[0], FLAGS[1]), "one above the other");
        assert_eq!((chart.marks[0].x.as_str(), chart.marks[0].width.as_deref()), ("96.88%", Some("1.04%")));
        assert!(chart.line.starts_with("M920.0 0.0H930.0V120.0H940.0V0.0"), "{}", chart.line);
        assert_eq!((chart.total_lost.as_str(), chart.lost_most.as_str()), ("9.0", "9 min"));
        assert!(chart.told.starts_with("Last 24 hours: on average 82.7, at worst 40.0, 1 incident, 23 h not watched"));
    }

    fn sale_like() -> Noted {
        Noted { from: now(), until: None, kind: "release", title: String::new() }
    }

    #[test]
    fn the_table_says_what_the_chart_shows() {
        let chart = chart(&english(), &past(), &[], &[], &TimeZone::UTC);
        let newest = &chart.spells[0];
        assert_eq!(
            (newest.when.as_str(), newest.score.as_str(), newest.lost.as_str()),
            ("21 Nov 08:00", "82.7", "9.0")
        );
        assert_eq!(newest.unseen, "15 min");
        assert_eq!(chart.spells.last().map(|spell| spell.score.as_str()), Some("–"));
    }
}
