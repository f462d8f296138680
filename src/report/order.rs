//! Who gets which report, and when it is due. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::{Every, Period};
use crate::model::JourneyId;

/// Reports that are made up for at once after a long absence; older ones are on the page.
const MADE_UP_FOR_MAX: usize = 4;

/// One entry of `reports:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub every: Every,
    /// The receiver whose mail server and sender are used.
    pub by: String,
    /// Empty: those whom the receiver names.
    pub to: BTreeSet<String>,
    /// Empty: all.
    pub journeys: BTreeSet<JourneyId>,
}

impl Order {
    /// Under what it is remembered up to when reports went out. Who reads them about what may change without one
    /// being sent twice or left out.
    pub fn schedule(&self) -> String {
        format!("{}/{}", self.every.as_str(), self.by)
    }

    /// The id of its letter about a time: whatever is killed meanwhile, it is the same.
    pub fn letter(&self, period: Period) -> String {
        let to: Vec<&str> = self.to.iter().map(String::as_str).collect();
        let journeys: Vec<&str> = self.journeys.iter().map(JourneyId::as_str).collect();
        let name = format!("report/{period}/{}/{}/{}", self.by, to.join(","), journeys.join(","));
        Sha256::digest(name).iter().fold(String::with_capacity(64), |mut hex, byte| {
            _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// What a schedule owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The oldest first.
    pub periods: Vec<Period>,
    /// Up to then everything has gone out, once these have.
    pub upto: Timestamp,
}

/// What has become due since reports last went out. One that was never heard of begins with the next.
pub fn due(every: Every, upto: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> Option<Due> {
    let last = Period::last_mailed(every, now, zone);
    let mut due = Due { periods: Vec::new(), upto: last.mailed(zone) };
    let Some(upto) = upto else { return Some(due) };
    let mut period = last;
    while period.mailed(zone) > upto && due.periods.len() < MADE_UP_FOR_MAX {
        due.periods.insert(0, period);
        period = period.before();
    }
    (!due.periods.is_empty()).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn owed(upto: Option<&str>, now: &str) -> Option<(Vec<String>, String)> {
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        let due = due(Every::Week, upto.map(at), at(now), &berlin)?;
        Some((due.periods.iter().map(ToString::to_string).collect(), due.upto.to_string()))
    }

    #[test]
    fn each_is_owed_once_and_none_is_forgotten() {
        let monday = "2026-11-23T06:00:00Z";
        assert_eq!(owed(None, "2026-11-22T12:00:00Z"), Some((vec![], "2026-11-16T06:00:00Z".into())), "it begins");
        assert_eq!(owed(Some("2026-11-16T06:00:00Z"), "2026-11-23T05:59:59Z"), None);
        assert_eq!(owed(Some("2026-11-16T06:00:00Z"), monday), Some((vec!["2026-W47".into()], monday.into())));
        assert_eq!(owed(Some(monday), monday), None, "not twice");
        assert_eq!(owed(Some(monday), "2026-11-20T12:00:00Z"), None, "nor when the clock is set back");
        let late = owed(Some("2026-11-16T06:00:00Z"), "2026-12-02T12:00:00Z");
        assert_eq!(late, Some((vec!["2026-W47".into(), "2026-W48".into()], "2026-11-30T06:00:00Z".into())));
        let years = owed(Some("2020-01-06T06:00:00Z"), monday).expect("due").0;
        assert_eq!(years, ["2026-W44", "2026-W45", "2026-W46", "2026-W47"], "not hundreds at once");
    }

    #[test]
    fn the_clock_that_is_put_forward_or_back_moves_no_mail() {
        // Europe/Berlin: 29 March and 25 October 2026, each a Sunday.
        assert_eq!(owed(Some("2026-03-23T06:00:00Z"), "2026-03-30T04:59:59Z"), None);
        let spring = owed(Some("2026-03-23T06:00:00Z"), "2026-03-30T05:00:00Z").expect("due");
        assert_eq!(spring, (vec!["2026-W13".to_owned()], "2026-03-30T05:00:00Z".to_owned()));
        assert_eq!(owed(Some("2026-10-19T05:00:00Z"), "2026-10-26T05:59:59Z"), None);
        assert!(owed(Some("2026-10-19T05:00:00Z"), "2026-10-26T06:00:00Z").is_some());
    }

    #[test]
    fn a_letter_is_known_by_what_it_is_about_and_to_whom() {
        let order = |to: &[&str]| Order {
            every: Every::Week,
            by: "cx".into(),
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            journeys: BTreeSet::new(),
        };
        let period = |text: &str| Period::parse(text).expect("a period");
        let one = order(&["a@x.org", "b@x.org"]);
        assert_eq!(one.letter(period("2026-W47")), order(&["b@x.org", "a@x.org"]).letter(period("2026-W47")));
        assert_ne!(one.letter(period("2026-W47")), one.letter(period("2026-W48")));
        assert_ne!(one.letter(period("2026-W47")), order(&["a@x.org"]).letter(period("2026-W47")));
    }
}
