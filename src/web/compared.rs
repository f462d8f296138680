//! How a journey went before something, and since.

use jiff::{SignedDuration, Timestamp};

use super::routes::Shared;
use crate::model::{Annotation, JourneyId};
use crate::store::{Refused, Stretch};

/// Of what was a moment, so much before and after is compared.
const MOMENT: SignedDuration = SignedDuration::from_hours(24);
/// Of what lasts, no more: what is further away has other reasons.
const LONGEST: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Before that it is too soon to say anything.
const SHORTEST: SignedDuration = SignedDuration::from_mins(15);
/// Of each side, so much must have been seen.
const SEEN: f64 = 0.5;

/// What can be said of before and after.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Compared {
    /// It has not begun.
    Ahead,
    TooSoon,
    /// The same length before and after, of which at least one was hardly watched.
    Unseen(Sides),
    Known(Sides),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sides {
    pub(super) length: SignedDuration,
    pub(super) before: Stretch,
    pub(super) after: Stretch,
}

impl Sides {
    /// Points; none where one of them has no number.
    pub(super) fn change(&self) -> Option<f64> {
        Some(self.after.score? - self.before.score?)
    }

    fn is_seen(&self) -> bool {
        let wanted = SEEN * self.length.as_secs_f64() / 60.0;
        [&self.before, &self.after].into_iter().all(|side| side.scored_minutes >= wanted && side.score.is_some())
    }
}

/// A journey before an annotation and since.
pub(super) async fn compared(
    shared: &Shared,
    journey: &JourneyId,
    annotation: &Annotation,
) -> Result<Compared, Refused> {
    let now = shared.site.clock.now();
    let Some(length) = length(annotation, now) else { return Ok(Compared::Ahead) };
    if length < SHORTEST {
        return Ok(Compared::TooSoon);
    }
    let at = annotation.from;
    let earlier = at.saturating_sub(length).unwrap_or(at);
    let later = at.saturating_add(length).unwrap_or(at);
    let store = &shared.site.store;
    let (before, after) = (store.stretch(journey, earlier, at).await?, store.stretch(journey, at, later).await?);
    let sides = Sides { length, before, after };
    Ok(if sides.is_seen() { Compared::Known(sides) } else { Compared::Unseen(sides) })
}

/// How long it has been, at most as long as it is said to last; none before it begins.
fn length(annotation: &Annotation, now: Timestamp) -> Option<SignedDuration> {
    let lasts =
        annotation.until.map_or(MOMENT, |until| until.duration_since(annotation.from).clamp(MOMENT / 24, LONGEST));
    let been = now.duration_since(annotation.from);
    (!been.is_negative()).then(|| SignedDuration::from_mins(been.min(lasts).as_mins()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AnnotationId, Occasion, Subject};

    fn annotation(until_hours: Option<i64>) -> Annotation {
        let from = Timestamp::UNIX_EPOCH;
        Annotation {
            id: AnnotationId(uuid::Uuid::nil()),
            kind: Occasion::Release,
            of: Subject::Company,
            title: String::new(),
            text: None,
            from,
            until: until_hours.map(|hours| from + SignedDuration::from_hours(hours)),
            by: String::new(),
            noted: from,
            removed: None,
        }
    }

    #[test]
    fn as_much_before_as_there_has_been_after() {
        let hours = |until, been| {
            let length = length(&annotation(until), Timestamp::UNIX_EPOCH + SignedDuration::from_hours(been));
            length.map(|length| length.as_hours())
        };
        assert_eq!(hours(None, -1), None, "ahead");
        assert_eq!((hours(None, 5), hours(None, 50)), (Some(5), Some(24)), "a moment: a day at most");
        assert_eq!((hours(Some(72), 50), hours(Some(72), 200)), (Some(50), Some(72)), "as long as it lasts");
        assert_eq!((hours(Some(0), 9), hours(Some(9999), 9999)), (Some(1), Some(28 * 24)), "within reason");
    }

    #[test]
    fn half_of_each_side_must_have_been_seen() {
        let side = |scored_minutes| Stretch { score: Some(90.0), scored_minutes, ..Stretch::default() };
        let seen = |before, after| {
            Sides { length: SignedDuration::from_mins(60), before: side(before), after: side(after) }.is_seen()
        };
        assert!(seen(30.0, 60.0));
        assert!(!seen(29.0, 60.0) && !seen(60.0, 0.0));
    }
}
