use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::*;
use crate::model::{
    Cause, Channel, Close, Element, FindingSeverity, Health, Impact, Incident, IncidentId, Journey, Language, Score,
    SelfFault, Severity, Stage, StageNow, Touchpoint,
};

fn english() -> Words {
    Words::new(Language::En)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn place(id: &str, title: &str) -> (TouchpointId, Touchpoint) {
    let touchpoint = Touchpoint {
        id: id.into(),
        title: title.to_owned(),
        channel: Channel::Web,
        owner: None,
        depends_on: Vec::new(),
        was: None,
        hours: None,
        page_after: std::time::Duration::ZERO,
        probes: Vec::new(),
    };
    (id.into(), touchpoint)
}

fn map() -> Arc<JourneyMap> {
    let journey = |id: &str, title: &str| Journey {
        id: id.into(),
        title: title.to_owned(),
        public: false,
        objective: None,
        stages: vec![Stage { id: "pay".into(), title: "Pay".to_owned(), needs: Vec::new() }],
        consistency: Vec::new(),
    };
    Arc::new(JourneyMap {
        company: "Halcyon Mobile".to_owned(),
        timezone: TimeZone::get("Europe/Berlin").expect("a known zone"),
        language: Language::En,
        touchpoints: BTreeMap::from([place("billing", "Bills and payments"), place("chat", "Chat")]),
        journeys: vec![journey("pay", "Pay my bill"), journey("help", "Get help")],
        personas: BTreeMap::new(),
        vantages: vec!["here".into()],
        maintenance: Vec::new(),
        trace_link: None,
    })
}

fn element(id: &str, state: State, share: f64, code: Option<FaultCode>) -> ElementNow {
    ElementNow {
        element: Element::Touchpoint(id.into()),
        health: Health { state, value: 1.0 - share / 100.0, observed: 1.0 },
        criticality: 1.0,
        share,
        gain_if_fixed: share,
        since: at("2026-11-21T08:40:00Z"),
        fault: code.map(|code| Fault::new(code, "status 500 from 10.0.0.5, wanted 200")),
    }
}

fn say(value: f64, score: Option<Score>, elements: Vec<ElementNow>, consistency: Vec<CheckNow>) -> String {
    let now = JourneyNow {
        id: "pay".into(),
        score,
        felt: score,
        value,
        observed: 1.0,
        range: (Score::of(0.0), Score::of(1.0)),
        color: Color::Good,
        since: at("2026-11-21T08:40:00Z"),
        worst: None,
        stages: vec![StageNow {
            id: "pay".into(),
            score,
            color: Color::Good,
            needs: elements.into_iter().map(NeedNow::One).collect(),
        }],
        consistency,
        segments: Vec::new(),
        burns: Vec::new(),
        burning: None,
    };
    let snapshot = nothing_else();
    english().journey(&now, &snapshot)
}

fn nothing_else() -> Snapshot {
    Snapshot {
        at: at("2026-11-21T09:00:00Z"),
        map: map(),
        journeys: Vec::new(),
        touchpoints: BTreeMap::new(),
        incidents: Vec::new(),
        silences: Vec::new(),
        troubles: Vec::new(),
    }
}

#[test]
fn a_marketer_reads_how_the_journey_goes() {
    let scored = |value: f64| Some(Score::of(value));
    assert_eq!(
        say(1.0, scored(1.0), vec![element("billing", State::Up, 0.0, None)], vec![]),
        "Customers can pay their bill as they should."
    );
    assert_eq!(
        say(0.0, scored(0.0), vec![element("billing", State::Down, 100.0, Some(FaultCode::Status))], vec![]),
        "Customers cannot pay their bill: Bills and payments answers with an error, since 09:40."
    );
    assert_eq!(
        say(
            0.85,
            scored(0.85),
            vec![
                element("chat", State::Degraded, 4.0, Some(FaultCode::Timeout)),
                element("billing", State::Degraded, 11.0, Some(FaultCode::Latency))
            ],
            vec![]
        ),
        "Customers can pay their bill, but Bills and payments is too slow and Chat does not answer in time, since 09:40."
    );
    assert_eq!(
        say(0.5, None, vec![element("billing", State::Pending, 50.0, None)], vec![]),
        "We are checking whether customers can pay their bill: the first visits are on their way."
    );
    assert_eq!(
        say(
            0.5,
            None,
            vec![element("chat", State::Up, 0.0, None), element("billing", State::Pending, 50.0, None)],
            vec![]
        ),
        "We are checking whether customers can pay their bill: the first visits are on their way."
    );
    assert_eq!(
        say(0.5, None, vec![element("billing", State::Unknown, 50.0, None)], vec![]),
        "We cannot see whether customers can pay their bill: too few of our visits got through."
    );
}

#[test]
fn what_was_never_looked_at_is_no_cause() {
    let scored = |value: f64| Some(Score::of(value));
    let pending = |id: &str| element(id, State::Pending, 25.0, None);
    assert_eq!(
        say(0.5, scored(0.5), vec![pending("billing"), element("chat", State::Up, 0.0, None)], vec![]),
        "We are still checking whether customers can pay their bill: Bills and payments is being checked for the first time."
    );
    assert_eq!(
        say(0.25, scored(0.25), vec![pending("billing"), pending("chat")], vec![]),
        "We are still checking whether customers can pay their bill: 2 first looks are under way."
    );
    assert_eq!(
        say(
            0.0,
            scored(0.0),
            vec![pending("chat"), element("billing", State::Down, 75.0, Some(FaultCode::Status))],
            vec![]
        ),
        "Customers cannot pay their bill: Bills and payments answers with an error, since 09:40."
    );
}

/// What is well and costs nevertheless has been well since then, not bad.
#[test]
fn what_we_cannot_see_is_not_said_to_hurt_anybody() {
    let unseen = || element("chat", State::Unknown, 25.0, None);
    assert_eq!(
        say(0.75, Some(Score::of(0.75)), vec![unseen()], vec![]),
        "As far as we can see customers can pay their bill, but Chat cannot be seen by us."
    );
    let slow = element("billing", State::Degraded, 20.0, Some(FaultCode::Status));
    let both = say(0.55, Some(Score::of(0.55)), vec![unseen(), slow], vec![]);
    assert!(both.starts_with("Many customers can pay their bill, but not all: "), "{both}");
}

#[test]
fn since_when_is_said_of_what_is_bad_only() {
    let well = |id: &str| ElementNow { since: at("2026-11-21T06:00:00Z"), ..element(id, State::Up, 15.0, None) };
    let now = |elements| say(0.85, Some(Score::of(0.85)), elements, vec![]);
    let trouble = "does not work as it should at times";
    assert_eq!(now(vec![well("billing")]), format!("Customers can pay their bill, but Bills and payments {trouble}."));
    assert_eq!(
        now(vec![well("billing"), element("chat", State::Degraded, 4.0, Some(FaultCode::Timeout))]),
        format!(
            "Customers can pay their bill, but Bills and payments {trouble} and Chat does not answer in time, since 09:40."
        )
    );
}

#[test]
fn things_are_listed_as_people_list_them() {
    let listed = |items: &[&str]| english().list(items.iter().map(|item| (*item).to_owned()));
    assert_eq!(listed(&["a"]), "a");
    assert_eq!(listed(&["a", "b"]), "a and b");
    assert_eq!(listed(&["a", "b", "2 things more"]), "a, b and 2 things more");
}

#[test]
fn a_disagreement_is_told_in_the_words_of_its_check() {
    let check = CheckNow {
        name: "The price is the same everywhere".to_owned(),
        severity: FindingSeverity::Blocking,
        state: State::Down,
        values: Vec::new(),
        share: 100.0,
        since: at("2026-11-20T20:10:00Z"),
    };
    assert_eq!(
        say(0.0, Some(Score::of(0.0)), vec![element("billing", State::Up, 0.0, None)], vec![check]),
        "Customers cannot pay their bill: “The price is the same everywhere” is not true any more, \
         since yesterday 21:10."
    );
}

#[test]
fn a_headline_says_what_is_broken_for_whom() {
    let opened = at("2026-11-21T08:40:00Z");
    let mut case = Incident {
        touchpoint: Some("billing".into()),
        impacts: vec![Impact { journey: "pay".into(), loss: 100.0 }, Impact { journey: "help".into(), loss: 20.0 }],
        fault: Some(Fault::new(FaultCode::Status, "status 500")),
        ..Incident::new(IncidentId(Uuid::nil()), Cause::Touchpoint("billing".into()), Severity::Page, opened)
    };
    let headline = |case: &Incident| english().incident(case, &map());
    assert_eq!(headline(&case), "Bills and payments is down: customers of “Pay my bill” and “Get help” are hurt");
    case.impacts.truncate(1);
    case.closed = Some(at("2026-11-21T08:50:00Z"));
    case.close = Some(Close::Recovered);
    assert_eq!(headline(&case), "Bills and payments was down: customers of “Pay my bill” were hurt");
    case.closed = None;
    case.cause = Cause::Own(SelfFault::StoreRefused);
    assert_eq!(headline(&case), "Unbroken itself is in trouble: our store refuses to write");
    case.cause = Cause::Journey("gone".into());
    assert_eq!(headline(&case), "“gone” is broken by many small problems");
    case.cause = Cause::Touchpoint("gone".into());
    case.impacts.clear();
    assert_eq!(headline(&case), "gone is down");
}

#[test]
fn a_segment_hears_of_its_own_before_what_everyone_meets() {
    use crate::model::{Costly, Reach, SegmentCost, SegmentNow};
    let cost = |of: Costly, share: f64, state: State, code: Option<FaultCode>, reach: Reach| SegmentCost {
        of,
        share,
        state,
        since: at("2026-11-21T08:40:00Z"),
        fault: code.map(|code| Fault::new(code, "status 500 from 10.0.0.5")),
        reach,
    };
    let place = |id: &str| Costly::Element(Element::Touchpoint(id.into()));
    let say = |score: Option<f64>, costs: Vec<SegmentCost>| {
        let now = SegmentNow {
            name: "business".into(),
            personas: Vec::new(),
            score: score.map(Score::of),
            value: score.unwrap_or(0.5),
            observed: 1.0,
            color: Color::Bad,
            costs,
            untried: Vec::new(),
        };
        let snapshot = nothing_else();
        english().segment(&now, &snapshot)
    };
    let own = || cost(place("billing"), 40.0, State::Degraded, Some(FaultCode::Status), Reach::Segment);
    let all = || cost(place("chat"), 10.0, State::Up, Some(FaultCode::Latency), Reach::Everyone);
    let pending = || cost(place("chat"), 50.0, State::Pending, None, Reach::Everyone);
    assert_eq!(say(Some(1.0), vec![]), "They meet no problem.");
    assert_eq!(say(Some(0.9), vec![all()]), "As all meet it whom we try there: Chat is too slow.");
    assert_eq!(
        say(Some(0.5), vec![own()]),
        "For them in particular, Bills and payments answers with an error, since 09:40."
    );
    assert_eq!(
        say(Some(0.5), vec![own(), all(), own()]),
        "For them in particular, Bills and payments answers with an error, since 09:40; as all meet it whom we \
         try there, Chat is too slow."
    );
    let check = cost(Costly::Check("One price".into()), 50.0, State::Down, None, Reach::Segment);
    assert_eq!(say(Some(0.5), vec![check]), "For them in particular, “One price” is not true any more, since 09:40.");
    assert_eq!(say(None, vec![own()]), "We cannot see how they fare: too few of our visits as them got through.");
    assert_eq!(say(Some(0.5), vec![pending()]), "Still being checked: Chat is being checked for the first time.");
}
