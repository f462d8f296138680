//! How journeys went over a week, a month or a quarter, and a walk through one stage by stage.
//!
//! [`compose`] works out *what* is told, from what the store has; it reads nothing and knows no language. [`read`] and
//! [`latest`] ask the store. [`sheet`] words it, once; text, mail and page only lay it out.

mod compose;
mod look;
mod mail;
mod order;
mod period;
mod read;
mod text;
pub mod walk;

pub use compose::{
    Budget, Change, Cost, Gist, JourneyMaterial, JourneyReport, Length, Material, Problem, Report, StageReport,
    Standing, compose,
};
pub use look::{Changed, CostRow, Direction, Figure, JourneySheet, Mood, ProblemRow, Sheet, StageSheet, sheet};
pub use mail::html;
pub use order::{Due, Order, due};
pub use period::{Every, Period};
pub use read::{latest, read};
pub use text::{subject, text};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;
    use crate::words::Words;

    const ATTACK: &str = "<img src=x onerror=alert(1)>\"'&";

    fn standing(score: Option<f64>, lost_minutes: f64) -> Standing {
        let seen = if score.is_some() { 1.0 } else { 0.0 };
        Standing { score, felt: score, lost_minutes, unobserved_minutes: 0.0, planned_minutes: 0.0, seen }
    }

    fn cost(lost_minutes: f64) -> Cost {
        let owner = Some(format!("team {ATTACK}"));
        Cost { id: "shop".into(), title: format!("Shop {ATTACK}"), owner, lost_minutes, before: Some(1.0) }
    }

    fn hostile() -> Report {
        let at = |text: &str| text.parse().expect("a time");
        let journey = JourneyReport {
            id: "buy".into(),
            title: format!("Buy {ATTACK}"),
            standing: standing(Some(98.7), 132.0),
            before: standing(Some(99.5), 60.0),
            change: Some(Change { score: Some(-0.8), lost_minutes: 72.0 }),
            objective: None,
            stages: vec![StageReport { cost: cost(132.0), touchpoints: vec![cost(132.0)] }],
            checks: vec![cost(2.0)],
            unaccounted_minutes: 0.0,
        };
        let problem = Problem {
            incident: "x".into(),
            headline: format!("Broken {ATTACK}"),
            owner: Some(ATTACK.into()),
            opened: at("2026-11-17T09:00:00Z"),
            closed: Some(at("2026-11-17T10:12:00Z")),
            minutes: 72.0,
            points: 40.0,
            journeys: vec![ATTACK.into()],
        };
        Report {
            company: format!("Halcyon {ATTACK}"),
            period: Period::parse("2026-W47").expect("a week"),
            from: at("2026-11-15T23:00:00Z"),
            to: at("2026-11-22T23:00:00Z"),
            until: at("2026-11-22T23:00:00Z"),
            timezone: "Europe/Berlin".into(),
            journeys: vec![journey],
            owners: vec![cost(132.0)],
            problems: vec![problem],
            more_problems: 1,
        }
    }

    #[test]
    fn nothing_in_a_mail_is_markup_of_others_or_fetched() {
        for language in Language::ALL {
            let html = html(&hostile(), &Words::new(*language), Some("https://x.example/?a=\"><b>"), &[]);
            assert!(!html.contains("<img") && !html.contains("<b>"), "{html}");
            assert!(!html.contains("src=\"") && !html.contains("url(") && !html.contains("<style"), "{html}");
            assert_eq!(html.matches("<td").count(), html.matches("</td>").count(), "every cell is closed");
            assert_eq!(html.matches("<table").count(), html.matches("</table>").count(), "every table, too");
        }
    }

    #[test]
    fn what_got_worse_has_its_sign_and_what_did_not_says_so() {
        let words = Words::new(Language::En);
        let mut report = hostile();
        let told = text(&report, &words, None);
        for line in ["Mean score   98.7  (\u{2212}0.8)", "Lost         132 min  (+72 min)", "and 1 more", "1 h 12 min"]
        {
            assert!(told.contains(line), "{line}: {told}");
        }
        report.journeys[0].change = Some(Change { score: Some(0.0), lost_minutes: -72.0 });
        let told = text(&report, &words, None);
        assert!(told.contains("98.7  (unchanged)") && told.contains("(\u{2212}72 min)"), "{told}");
        report.journeys[0].standing = standing(None, 0.0);
        let told = text(&report, &words, None);
        assert!(told.contains("We watched nothing in this time") && told.contains("Nobody watched"), "{told}");
    }
}
