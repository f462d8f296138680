//! How the customers of one segment fare, in a sentence.

use super::{POINTS_WORTH_NAMING, Why, Words, touchpoint};
use crate::model::{Costly, Reach, Score, SegmentCost, SegmentNow, Snapshot, State};

impl Words {
    /// What hurts a segment: what it meets in particular before what everyone meets.
    pub fn segment(&self, now: &SegmentNow, snapshot: &Snapshot) -> String {
        let causes = worth_naming(now).map(|cost| (self.segment_cause(cost, snapshot), cost.reach));
        let causes: Vec<(Why, Reach)> = causes.collect();
        if is_segment_pending(now) {
            return match causes.as_slice() {
                [(one, _)] => self.say("segment-first-look").with("clause", &one.clause).to_string(),
                _ => self.text("segment-first-looks").into_owned(),
            };
        }
        if now.score.is_none() {
            return self.text("segment-unseen").into_owned();
        }
        let causes: Vec<(Why, Reach)> = causes.into_iter().filter(|(why, _)| why.state != State::Pending).collect();
        match (self.met(&causes, Reach::Segment, snapshot), self.met(&causes, Reach::Everyone, snapshot)) {
            (Some(own), Some(all)) => self.say("segment-both").with("own", own).with("all", all).to_string(),
            (Some(own), None) => self.say("segment-own").with("own", own).to_string(),
            (None, Some(all)) => self.say("segment-all").with("all", all).to_string(),
            (None, None) if !now.untried.is_empty() => self.text("segment-tried").into_owned(),
            (None, None) => self.text("segment-well").into_owned(),
        }
    }

    /// What those within a reach meet, if anything.
    fn met(&self, causes: &[(Why, Reach)], reach: Reach, snapshot: &Snapshot) -> Option<String> {
        let mut told: Vec<String> = Vec::new();
        let mine = causes.iter().filter(|(_, known)| *known == reach).map(|(why, _)| why);
        for why in mine.clone() {
            // An element that two stages need is still one cause.
            if !told.contains(&why.clause) {
                told.push(why.clause.clone());
            }
        }
        let since = mine.filter_map(|why| why.since).min();
        (!told.is_empty()).then(|| self.since(self.clauses(&told), since, snapshot))
    }

    fn segment_cause(&self, cost: &SegmentCost, snapshot: &Snapshot) -> Why {
        let clause = match &cost.of {
            Costly::Element(element) => {
                self.clause(touchpoint(element.touchpoint(), &snapshot.map), cost.state, cost.fault.as_ref())
            }
            Costly::Check(name) => self.check(cost.state, name),
        };
        Why {
            share: cost.share,
            state: cost.state,
            since: matches!(cost.state, State::Down | State::Degraded).then_some(cost.since),
            clause,
        }
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
