//! How the customers of one segment fare, in a sentence.

use super::{POINTS_WORTH_NAMING, Why, check_words, clock, fault, listed, touchpoint};
use crate::model::{Costly, Reach, Score, SegmentCost, SegmentNow, Snapshot, State};

/// What hurts a segment: what it meets in particular before what everyone meets.
pub fn segment(now: &SegmentNow, snapshot: &Snapshot) -> String {
    let causes: Vec<(Why, Reach)> = worth_naming(now).map(|cost| (cause(cost, snapshot), cost.reach)).collect();
    if is_segment_pending(now) {
        let first: Vec<String> = causes.iter().map(|(why, _)| why.clause()).collect();
        return match first.as_slice() {
            [one] => format!("Still being checked: {one}."),
            _ => "Still being checked: the first visits as these customers are under way.".to_owned(),
        };
    }
    if now.score.is_none() {
        return "We cannot see how they fare: too few of our visits as them got through.".to_owned();
    }
    let causes: Vec<(Why, Reach)> = causes.into_iter().filter(|(why, _)| !why.pending).collect();
    let some = |reach: Reach| -> Option<String> {
        let mut told: Vec<String> = Vec::new();
        let mine = causes.iter().filter(|(_, known)| *known == reach);
        for clause in mine.clone().map(|(why, _)| why.clause()) {
            // An element that two stages need is still one cause.
            if !told.contains(&clause) {
                told.push(clause);
            }
        }
        let since = mine.filter_map(|(why, _)| why.since).min();
        let since = since.map(|since| format!(", since {}", clock(since, snapshot.at, &snapshot.map.timezone)));
        (!told.is_empty()).then(|| format!("{}{}", listed(&told), since.unwrap_or_default()))
    };
    match (some(Reach::Segment), some(Reach::Everyone)) {
        (Some(own), Some(all)) => format!("For them in particular, {own}; as all meet it whom we try there, {all}."),
        (Some(own), None) => format!("For them in particular, {own}."),
        (None, Some(all)) => format!("As all meet it whom we try there: {all}."),
        (None, None) if !now.untried.is_empty() => "They meet no problem wherever we try it as them.".to_owned(),
        (None, None) => "They meet no problem.".to_owned(),
    }
}

/// The number to show; none, too, while only first looks are missing.
pub fn segment_score(now: &SegmentNow) -> Option<Score> {
    now.score.filter(|_| !is_segment_pending(now))
}

/// Nothing is known against it, but first looks are under way.
pub fn is_segment_pending(now: &SegmentNow) -> bool {
    let mut costly = worth_naming(now).peekable();
    costly.peek().is_some() && costly.all(|cost| cost.state == State::Pending)
}

fn worth_naming(now: &SegmentNow) -> impl Iterator<Item = &SegmentCost> {
    now.costs.iter().filter(|cost| cost.share >= POINTS_WORTH_NAMING)
}

fn cause(cost: &SegmentCost, snapshot: &Snapshot) -> Why {
    let (name, what) = match &cost.of {
        Costly::Element(element) => {
            let name = touchpoint(element.touchpoint(), &snapshot.map).to_owned();
            (name, fault(cost.state, cost.fault.as_ref()))
        }
        Costly::Check(name) => {
            let (name, what) = check_words(cost.state, name);
            (name, what.into())
        }
    };
    Why {
        share: cost.share,
        down: cost.state == State::Down,
        pending: cost.state == State::Pending,
        since: matches!(cost.state, State::Down | State::Degraded).then_some(cost.since),
        name,
        what,
    }
}
