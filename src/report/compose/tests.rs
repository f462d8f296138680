use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::*;
use crate::model::{
    Channel, Element, Impact, IncidentId, LostTo, Member, Need, Objective, SelfFault, Severity, Stage, Touchpoint,
    TouchpointId, VantageId, Weight,
};

const WEEK: f64 = 7.0 * 1440.0;

fn touchpoint(id: &str, owner: Option<&str>) -> (TouchpointId, Touchpoint) {
    let touchpoint = Touchpoint {
        id: id.into(),
        title: id.to_uppercase(),
        channel: Channel::Web,
        owner: owner.map(str::to_owned),
        depends_on: Vec::new(),
        was: None,
        hours: None,
        page_after: std::time::Duration::ZERO,
        probes: Vec::new(),
    };
    (id.into(), touchpoint)
}

fn journey(id: &str, stages: &[(&str, &str)]) -> Journey {
    let stage = |(id, touchpoint): &(&str, &str)| Stage {
        id: (*id).into(),
        title: format!("The {id}"),
        needs: vec![Need::One(Member { element: Element::Touchpoint((*touchpoint).into()), weight: Weight::Blocking })],
    };
    Journey {
        id: id.into(),
        title: format!("Journey {id}"),
        public: false,
        objective: Some(Objective { target: 99.0, window: std::time::Duration::from_hours(30 * 24) }),
        stages: stages.iter().map(stage).collect(),
        consistency: Vec::new(),
    }
}

fn map() -> JourneyMap {
    let touchpoints =
        [touchpoint("shop", Some("shop-team")), touchpoint("bill", Some("bill-team")), touchpoint("mail", None)];
    JourneyMap {
        company: "Halcyon".into(),
        language: crate::model::Language::En,
        timezone: TimeZone::get("Europe/Berlin").expect("a zone"),
        touchpoints: touchpoints.into(),
        journeys: vec![
            journey("buy", &[("order", "shop"), ("confirm", "mail")]),
            journey("pay", &[("read", "bill"), ("settle", "shop")]),
        ],
        personas: BTreeMap::new(),
        vantages: vec![VantageId::default()],
        maintenance: Vec::new(),
        trace_link: None,
    }
}

fn week() -> Length {
    let period = Period::parse("2026-W47").expect("a week");
    let (from, to) = period.bounds(&map().timezone);
    Length { period, from, to, until: to }
}

fn stretch(score: Option<f64>, lost_minutes: f64, scored_minutes: f64) -> Stretch {
    Stretch { score, felt: score, lost_minutes, planned_minutes: 0.0, scored_minutes }
}

fn at(stage: &str, touchpoint: &str, minutes: f64) -> Loss {
    Loss { to: LostTo::Stage(stage.into(), touchpoint.into()), minutes }
}

fn of(id: &str, now: Stretch, losses: Vec<Loss>, before: Stretch, losses_before: Vec<Loss>) -> JourneyMaterial {
    JourneyMaterial { id: id.into(), now, losses, before, losses_before, window: Some(stretch(Some(99.0), 500.0, 1.0)) }
}

fn whole(material: Vec<JourneyMaterial>) -> Report {
    compose(&map(), week(), &Material { journeys: material, incidents: Vec::new() })
}

#[test]
fn what_was_lost_stands_by_stage_and_by_owner() {
    let losses = vec![
        at("read", "bill", 90.0),
        at("settle", "shop", 30.0),
        Loss { to: LostTo::Check("Prices".into()), minutes: 10.0 },
    ];
    let report = whole(vec![
        of(
            "buy",
            stretch(Some(99.85), 15.0, WEEK),
            vec![at("order", "shop", 15.0)],
            stretch(Some(100.0), 0.0, WEEK),
            vec![],
        ),
        of(
            "pay",
            stretch(Some(98.714), 130.0, WEEK),
            losses,
            stretch(Some(99.5), 50.0, WEEK),
            vec![at("read", "bill", 50.0)],
        ),
    ]);
    let pay = &report.journeys[1];
    let stages: Vec<_> = pay
        .stages
        .iter()
        .map(|stage| (stage.cost.title.as_str(), stage.cost.lost_minutes, stage.cost.before))
        .collect();
    assert_eq!(stages, [("The read", 90.0, Some(50.0)), ("The settle", 30.0, Some(0.0))]);
    assert_eq!(pay.stages[0].touchpoints[0].owner.as_deref(), Some("bill-team"));
    assert_eq!((pay.checks[0].lost_minutes, pay.unaccounted_minutes), (10.0, 0.0));
    assert_eq!(pay.standing.score, Some(98.7), "as it is shown everywhere");
    let change = pay.change.expect("comparable");
    assert!(
        (change.score.expect("both") + 0.8).abs() < 1e-9 && (change.lost_minutes - 80.0).abs() < 1e-9,
        "{change:?}"
    );
    let owners: Vec<_> = report.owners.iter().map(|cost| (cost.id.as_str(), cost.lost_minutes, cost.before)).collect();
    assert_eq!(owners, [("bill-team", 90.0, Some(50.0)), ("shop-team", 45.0, Some(0.0))], "over both journeys");
    assert!(matches!(report.gist(), Gist::Lost(journey) if journey.id.as_str() == "pay"));
    let budget = pay.objective.expect("an objective");
    assert!((budget.budget_minutes - 432.0).abs() < 1e-6 && (budget.left_minutes + 68.0).abs() < 1e-6, "{budget:?}");
}

#[test]
fn what_was_not_seen_is_neither_good_nor_compared() {
    let half_a_day = stretch(Some(100.0), 0.0, 720.0);
    let report = whole(vec![of("buy", half_a_day, vec![], stretch(Some(90.0), 1008.0, WEEK), vec![])]);
    let buy = &report.journeys[0];
    assert!((buy.standing.unobserved_minutes - (WEEK - 720.0)).abs() < 1e-6);
    assert!(!buy.standing.is_enough() && buy.before.is_enough() && buy.change.is_none());
    assert_eq!(report.gist(), Gist::Calm);
    assert!(report.seen() < 0.08);
    let nothing = whole(vec![of("buy", Stretch::default(), vec![], Stretch::default(), vec![])]);
    assert_eq!(nothing.gist(), Gist::Unwatched);
    let before =
        whole(vec![of("buy", stretch(Some(100.0), 0.0, WEEK), vec![], half_a_day, vec![at("order", "shop", 3.0)])]);
    assert!(before.journeys[0].change.is_none(), "the time before is not known");
    assert_eq!((before.journeys[0].stages.len(), before.owners.len()), (0, 0), "nor what it lost to whom");
}

#[test]
fn what_is_not_known_any_more_is_said() {
    let lost = stretch(Some(99.0), 100.0, WEEK);
    let report = whole(vec![of("buy", lost, vec![at("gone", "closed-shop", 60.0)], lost, vec![])]);
    let buy = &report.journeys[0];
    assert!((buy.unaccounted_minutes - 40.0).abs() < 1e-9);
    let [stage] = buy.stages.as_slice() else { panic!("{:?}", buy.stages) };
    assert_eq!(
        (stage.cost.title.as_str(), stage.touchpoints[0].title.as_str()),
        ("gone", "closed-shop"),
        "by its old name"
    );
    assert_eq!(report.owners[0].id, "", "nobody's");
}

fn incident(number: u128, opened: &str, closed: Option<&str>, journey: &str) -> (Incident, String) {
    let id = IncidentId(Uuid::from_u128(number));
    let mut incident =
        Incident::new(id, Cause::Touchpoint("bill".into()), Severity::Page, opened.parse().expect("a time"));
    incident.closed = closed.map(|at| at.parse().expect("a time"));
    incident.touchpoint = Some("bill".into());
    incident.touchpoints = BTreeSet::from(["bill".into()]);
    incident.impacts = vec![Impact { journey: journey.into(), loss: 40.0 }];
    (incident, format!("Problem {number}"))
}

#[test]
fn the_longest_problems_are_told_as_far_as_they_lie_in_the_time() {
    let steady = stretch(Some(99.0), 100.0, WEEK);
    let journeys = vec![of("pay", steady, vec![], steady, vec![])];
    let mut merged = incident(4, "2026-11-17T00:00:00Z", Some("2026-11-19T00:00:00Z"), "pay");
    merged.0.close = Some(Close::Merged);
    let mut own = incident(5, "2026-11-17T00:00:00Z", Some("2026-11-19T00:00:00Z"), "pay");
    own.0.cause = Cause::Own(SelfFault::Late);
    let incidents = vec![
        incident(1, "2026-11-18T10:00:00Z", Some("2026-11-18T10:20:00Z"), "pay"),
        incident(2, "2026-11-10T10:00:00Z", Some("2026-11-15T23:10:00Z"), "pay"),
        incident(3, "2026-11-22T22:00:00Z", None, "pay"),
        merged,
        own,
        incident(6, "2026-11-18T10:00:00Z", Some("2026-11-18T12:20:00Z"), "buy"),
        incident(7, "2026-11-10T10:00:00Z", Some("2026-11-11T10:00:00Z"), "pay"),
        incident(8, "2026-11-22T23:00:00Z", None, "pay"),
    ];
    let report = compose(&map(), week(), &Material { journeys, incidents });
    let told: Vec<_> = report.problems.iter().map(|one| (one.headline.as_str(), one.minutes)).collect();
    // The week is from 2026-11-15T23:00Z to 2026-11-22T23:00Z.
    assert_eq!(told, [("Problem 3", 60.0), ("Problem 1", 20.0), ("Problem 2", 10.0)]);
    assert_eq!(report.problems[0].owner.as_deref(), Some("bill-team"));
    let mut brief = report.clone();
    brief.journeys[0].standing.lost_minutes = 0.2;
    assert!(matches!(brief.gist(), Gist::Lost(_)), "with a problem nothing is calm");
}

#[test]
fn of_many_problems_the_rest_is_counted() {
    let steady = stretch(Some(99.0), 100.0, WEEK);
    let incidents =
        (1..=13).map(|n| incident(n, "2026-11-18T10:00:00Z", Some("2026-11-18T10:20:00Z"), "pay")).collect();
    let report =
        compose(&map(), week(), &Material { journeys: vec![of("pay", steady, vec![], steady, vec![])], incidents });
    assert_eq!((report.problems.len(), report.more_problems), (10, 3));
    let json = serde_json::to_value(&report).expect("it is JSON");
    assert_eq!(json["period"], "2026-W47");
    assert_eq!(json["from"], "2026-11-15T23:00:00.000Z");
    let back: Report = serde_json::from_value(json).expect("and back");
    assert_eq!(back, report);
}
