//! A journey as the customers of each segment meet it.

use proptest::prelude::*;

use super::*;
use crate::model::{Costly, JourneyNow, Persona, PersonaId, Reach, Score, SegmentNow};

const PERSONAS: [&str; 3] = ["anna", "li-wei", "max"];

/// `places` run as these personas, all blocking; segments by persona, the last of them without one if it is empty.
fn walked_by(places: &[(&str, &[&str])], segments: &[&str]) -> JourneyMap {
    let place = |(id, personas): &(&str, &[&str])| {
        let mut place = touchpoint(id, &[]);
        place.probes[0].personas = personas.iter().map(|id| PersonaId::new(id)).collect();
        place
    };
    let needs = places.iter().map(|(id, _)| one(id, Weight::Blocking)).collect();
    let mut map = map(places.iter().map(place).collect(), vec![journey("buy", needs)]);
    for (id, segment) in PERSONAS.iter().zip(segments) {
        let fields = BTreeMap::from([("segment".to_owned(), (*segment).to_owned())]);
        let id = PersonaId::new(id);
        map.personas.insert(id.clone(), Persona { id: id.clone(), name: id.to_string(), fields });
    }
    map
}

/// So many rounds: each probe as each of its personas, or as nobody in particular.
fn walk(world: &mut World, rounds: usize, quality: &dyn Fn(&str, Option<&PersonaId>) -> f64) {
    for _ in 0..rounds {
        let probes: Vec<Probe> = world.board.map.probes().cloned().collect();
        for probe in &probes {
            let personas: Vec<_> = match probe.personas.as_slice() {
                [] => vec![None],
                personas => personas.iter().map(Some).collect(),
            };
            for persona in personas {
                let quality = quality(probe.id.touchpoint.as_str(), persona);
                let reading = reading(probe.id.touchpoint.as_str(), quality, world.now);
                world.take(Reading { persona: persona.cloned(), ..reading });
            }
        }
        world.wait_in(10, 5);
    }
}

fn buy(world: &World) -> JourneyNow {
    world.snapshot().journeys.remove(0)
}

fn points(now: &JourneyNow) -> Vec<(&str, f64)> {
    let points = |now: &SegmentNow| now.score.expect("observed").points();
    now.segments.iter().map(|segment| (&*segment.name, points(segment))).collect()
}

fn is(persona: Option<&PersonaId>, name: &str) -> bool {
    persona.is_some_and(|persona| persona.as_str() == name)
}

#[test]
fn who_is_called_by_another_name_is_hurt_and_nobody_else() {
    let both: &[&str] = &["anna", "li-wei"];
    let map = walked_by(&[("web", &[]), ("billing", both)], &["consumer", "business"]);
    let mut world = World::new(map);
    walk(&mut world, 12, &|place, who| if place == "billing" && is(who, "li-wei") { 0.5 } else { 1.0 });
    let now = buy(&world);
    assert_eq!(now.score.map(Score::points), Some(75.0), "the mean over personas");
    assert_eq!(points(&now), [("business", 50.0), ("consumer", 100.0)]);
    let [business, consumer] = now.segments.as_slice() else { panic!("two") };
    assert!(consumer.costs.is_empty() && consumer.untried.is_empty());
    assert_eq!(business.costs.len(), 1);
    let cost = &business.costs[0];
    assert_eq!((&cost.of, cost.reach), (&Costly::Element(Element::Touchpoint("billing".into())), Reach::Segment));
    assert!((cost.share - 50.0).abs() < 1e-9, "{}", cost.share);

    walk(&mut world, 12, &|place, who| match place {
        "web" => 0.7,
        _ if is(who, "li-wei") => 0.0,
        _ => 1.0,
    });
    let now = buy(&world);
    assert_eq!(now.score.map(Score::points), Some(35.0), "half of the customers pay, of those who get there");
    assert_eq!(points(&now), [("business", 0.0), ("consumer", 70.0)]);
    let (business, consumer) = (&now.segments[0], &now.segments[1]);
    assert_eq!((business.costs[0].state, business.costs[0].reach), (State::Down, Reach::Segment));
    assert!(business.costs[0].fault.is_some());
    assert_eq!(consumer.costs.len(), 1, "they pay without trouble");
    assert_eq!((consumer.costs[0].reach, consumer.costs[0].fault.is_none()), (Reach::Everyone, true));
}

#[test]
fn what_only_others_try_is_no_part_of_it() {
    let places: &[(&str, &[&str])] = &[("web", &[]), ("portal", &["li-wei"]), ("shop", &["anna", "li-wei"])];
    let mut world = World::new(walked_by(places, &["consumer", "business"]));
    walk(&mut world, 12, &|place, _| if place == "portal" { 0.0 } else { 1.0 });
    let now = buy(&world);
    assert_eq!(now.score.map(Score::points), Some(0.0));
    assert_eq!(points(&now), [("business", 0.0), ("consumer", 100.0)]);
    assert_eq!(now.segments[1].untried, [ProbeId::new("portal", "main")]);
    assert_eq!(now.segments[0].untried, []);
    assert_eq!(now.segments[0].costs[0].reach, Reach::Everyone, "all who try it meet it");
}

#[test]
fn an_alternative_that_only_others_have_is_none() {
    let both: &[&str] = &["anna", "li-wei"];
    let mut map = walked_by(&[("chat", both), ("manager", &["li-wei"])], &["consumer", "business"]);
    let member = |id: &str| Member { element: Element::Touchpoint(id.into()), weight: Weight::Blocking };
    map.journeys[0].stages[0].needs = vec![Need::Of {
        need: 1,
        members: vec![member("chat"), member("manager")],
        shares: vec![0.5, 0.5],
        weight: Weight::Blocking,
    }];
    let mut world = World::new(map);
    walk(&mut world, 12, &|place, _| if place == "chat" { 0.0 } else { 1.0 });
    assert_eq!(points(&buy(&world)), [("business", 90.0), ("consumer", 0.0)]);
}

#[test]
fn nobody_of_a_segment_means_no_segment() {
    let mut world = World::new(company());
    world.rounds(3, &[]);
    assert!(buy(&world).segments.is_empty());
    let anonymous = walked_by(&[("web", &[])], &["consumer", "business"]);
    let mut world = World::new(anonymous);
    walk(&mut world, 3, &|_, _| 1.0);
    assert!(buy(&world).segments.is_empty(), "they are written, and none of them goes there");
    let mut world = World::new(walked_by(&[("web", &["anna", "max"])], &["consumer", "business", " "]));
    walk(&mut world, 3, &|_, _| 1.0);
    assert_eq!(points(&buy(&world)), [("consumer", 100.0)], "no name is no segment");
}

#[test]
fn silence_about_a_segment_is_no_good_news_of_it() {
    let both: &[&str] = &["anna", "li-wei"];
    let mut world = World::new(walked_by(&[("billing", both)], &["consumer", "business"]));
    walk(&mut world, 6, &|_, _| 1.0);
    for _ in 0..8 {
        let anna = Reading { persona: Some("anna".into()), ..reading("billing", 1.0, world.now) };
        world.take(anna);
        world.wait_in(10, 5);
    }
    let now = buy(&world);
    let business = &now.segments[0];
    assert_eq!((business.score, business.color, business.value), (None, crate::model::Color::Unknown, 0.5));
    assert_eq!(now.segments[1].score.map(Score::points), Some(100.0));
}

#[test]
fn a_bill_that_differs_for_one_is_not_the_others_disagreement() {
    let both: &[&str] = &["anna", "li-wei"];
    let mut map = walked_by(&[("shop", both), ("billing", both)], &["consumer", "business"]);
    map.journeys[0].consistency = vec![Consistency {
        name: "The price is the same".into(),
        values: ["shop", "billing"]
            .map(|place| Source { probe: ProbeId::new(place, "main"), value: "price".into() })
            .to_vec(),
        severity: FindingSeverity::Major,
    }];
    let mut world = World::new(map);
    let mut charge = |anna: &str, li_wei: &str| {
        for _ in 0..6 {
            for (who, price) in [("anna", anna), ("li-wei", li_wei)] {
                for (place, price) in [("shop", "29.99"), ("billing", price)] {
                    let reading = capturing(&format!("{place}/main"), "price", price, world.now);
                    world.take(Reading { persona: Some(who.into()), ..reading });
                }
            }
            world.wait_in(10, 5);
        }
        buy(&world)
    };
    assert_eq!(points(&charge("29.99", "29.99")), [("business", 100.0), ("consumer", 100.0)]);
    let now = charge("29.99", "34.99");
    assert_eq!(now.score.map(Score::points), Some(50.0));
    assert_eq!(points(&now), [("business", 50.0), ("consumer", 100.0)]);
    let cost = &now.segments[0].costs[0];
    let what = Costly::Check("The price is the same".into());
    assert_eq!((&cost.of, cost.reach, cost.state), (&what, Reach::Segment, State::Down));
    let now = charge("34.99", "34.99");
    assert_eq!(points(&now), [("business", 50.0), ("consumer", 50.0)]);
    assert_eq!(now.segments[0].costs[0].reach, Reach::Everyone);
    let now = charge("34.99", "29.99");
    let told: Vec<_> = now.consistency[0].values.iter().filter_map(|seen| seen.value.as_deref()).collect();
    assert_eq!(told, ["29.99", "34.99"], "what Anna reads, though she was not the last");
}

/// Places, who goes there (nobody in particular: none of them), and what each meets.
fn histories() -> impl Strategy<Value = (Vec<[bool; 3]>, Vec<[f64; 3]>)> {
    let quality = prop_oneof![2 => Just(1.0), 1 => Just(0.0), 1 => Just(0.5), 2 => 0.0..=1.0_f64];
    let qualities = [quality.clone(), quality.clone(), quality];
    (2..5_usize).prop_flat_map(move |count| {
        (prop::collection::vec(any::<[bool; 3]>(), count), prop::collection::vec(qualities.clone(), count))
    })
}

const PLACES: [&str; 4] = ["web", "shop", "app", "billing"];

fn met(who: &[[bool; 3]], qualities: &[[f64; 3]], segments: &[&str]) -> JourneyNow {
    let personas: Vec<Vec<&str>> = who
        .iter()
        .map(|who| PERSONAS.iter().zip(who).filter(|(_, goes)| **goes).map(|(id, _)| *id).collect())
        .collect();
    let places: Vec<(&str, &[&str])> =
        PLACES.iter().zip(&personas).map(|(place, personas)| (*place, personas.as_slice())).collect();
    let mut world = World::new(walked_by(&places, segments));
    walk(&mut world, 6, &|place, persona| {
        let place = PLACES.iter().position(|known| *known == place).expect("known");
        let persona = persona.map_or(0, |who| PERSONAS.iter().position(|id| *id == who.as_str()).expect("known"));
        qualities[place][persona]
    });
    buy(&world)
}

fn segment<'a>(now: &'a JourneyNow, name: &str) -> Option<&'a SegmentNow> {
    now.segments.iter().find(|segment| &*segment.name == name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// One kind of customer: what it meets is what is met.
    #[test]
    fn a_segment_of_all_is_the_whole((who, qualities) in histories()) {
        let now = met(&who, &qualities, &["all", "all", "all"]);
        let runs = who.iter().any(|who| who.contains(&true));
        prop_assert_eq!(now.segments.len(), usize::from(runs));
        if let [all] = now.segments.as_slice() {
            prop_assert_eq!((all.value, all.score, all.observed), (now.value, now.score, now.observed));
            prop_assert!(all.untried.is_empty());
            prop_assert!(all.costs.iter().all(|cost| cost.reach == Reach::Everyone));
        }
    }

    /// What only others meet moves nothing, and its shares are its own loss.
    #[test]
    fn a_segment_knows_only_its_own((who, qualities) in histories(), others in 0.0..=1.0_f64) {
        let now = met(&who, &qualities, &["one", "two", "two"]);
        let mut elsewhere = qualities.clone();
        for (quality, who) in elsewhere.iter_mut().zip(&who) {
            // The first stands for nobody in particular, too.
            if who.contains(&true) {
                (quality[1], quality[2]) = (others, others);
            }
        }
        let then = met(&who, &elsewhere, &["one", "two", "two"]);
        prop_assert_eq!(segment(&now, "one").map(|one| one.value), segment(&then, "one").map(|one| one.value));
        for segment in &now.segments {
            let sum: f64 = segment.costs.iter().map(|cost| cost.share).sum();
            prop_assert!((sum - 100.0 * (1.0 - segment.value)).abs() < 1e-7, "{} {}", sum, segment.value);
            prop_assert!((0.0..=1.0).contains(&segment.value));
        }
    }

    /// What they meet worse makes nothing better for them.
    #[test]
    fn a_segment_is_never_better_for_what_is_worse((who, qualities) in histories(), place in 0..4_usize) {
        let now = met(&who, &qualities, &["one", "two", "two"]);
        let mut worse = qualities;
        let place = place % worse.len();
        worse[place][0] /= 2.0;
        let then = met(&who, &worse, &["one", "two", "two"]);
        if let (Some(now), Some(then)) = (segment(&now, "one"), segment(&then, "one")) {
            prop_assert!(then.value <= now.value + 1e-12, "{} then {}", now.value, then.value);
        }
    }

    /// Where all walk everywhere and nothing is an alternative, the whole is no worse than the worst segment: a product
    /// of means is at least the (weighted) geometric mean of products.
    #[test]
    fn the_whole_hides_nobody_below_the_worst((who, qualities) in histories()) {
        let everybody = vec![[true; 3]; who.len()];
        let now = met(&everybody, &qualities, &["one", "two", "three"]);
        let worst = now.segments.iter().map(|segment| segment.value).fold(1.0, f64::min);
        prop_assert_eq!(now.segments.len(), 3);
        prop_assert!(now.value >= worst - 1e-9, "{} below {worst}", now.value);
        let mean = now.segments.iter().map(|segment| segment.value).product::<f64>().cbrt();
        prop_assert!(now.value >= mean - 1e-9, "{} below {mean}", now.value);
    }

    /// Where everybody meets the same, no segment differs.
    #[test]
    fn the_same_for_all_is_the_same_for_each((who, qualities) in histories()) {
        let same: Vec<[f64; 3]> = qualities.iter().map(|quality| [quality[0]; 3]).collect();
        let everybody = vec![[true; 3]; who.len()];
        let now = met(&everybody, &same, &["one", "two", "three"]);
        for segment in &now.segments {
            prop_assert!((segment.value - now.value).abs() < 1e-9, "{} {}", segment.value, now.value);
        }
    }
}

fn met_by(world: &World, root: &str) -> Vec<String> {
    let incidents = world.snapshot().incidents;
    let mine = incidents.iter().find(|it| it.touchpoint.as_ref().is_some_and(|id| id.as_str() == root));
    mine.map(|it| it.segments.iter().cloned().collect()).unwrap_or_default()
}

#[test]
fn an_incident_says_whose_customers_met_it() {
    let both: &[&str] = &["anna", "li-wei"];
    let mut world = World::new(walked_by(&[("web", &[]), ("billing", both)], &["consumer", "business"]));
    walk(&mut world, 4, &|_, _| 1.0);
    walk(&mut world, 4, &|place, who| if place == "billing" && is(who, "li-wei") { 0.0 } else { 1.0 });
    assert_eq!(met_by(&world, "billing"), ["business"]);
    let before = world.said.len();
    walk(&mut world, 4, &|place, _| if place == "billing" { 0.0 } else { 1.0 });
    assert_eq!(met_by(&world, "billing"), ["business", "consumer"]);
    let noted = |change: &Change| matches!(change, Change::IncidentNoted(it) if it.segments.len() == 2);
    assert!(world.said[before..].iter().any(noted), "who hears of those customers hears of it now");
    walk(&mut world, 4, &|_, _| 1.0);
    walk(&mut world, 4, &|place, _| if place == "web" { 0.0 } else { 1.0 });
    assert_eq!(met_by(&world, "web"), ["business", "consumer"], "nobody in particular is everybody");
}

#[test]
fn many_small_problems_of_one_segment_are_its_own() {
    let names: Vec<String> = (0..16).map(|n| format!("t{n:02}")).collect();
    let both: &[&str] = &["anna", "li-wei"];
    let places: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), both)).collect();
    let mut world = World::new(walked_by(&places, &["consumer", "business"]));
    walk(&mut world, 4, &|_, _| 1.0);
    walk(&mut world, 20, &|_, who| if is(who, "li-wei") { 0.905 } else { 1.0 });
    let snapshot = world.snapshot();
    assert_eq!(snapshot.incidents.len(), 1, "{:?}", snapshot.incidents);
    assert_eq!(snapshot.incidents[0].cause, crate::model::Cause::Journey("buy".into()));
    assert_eq!(snapshot.incidents[0].segments.iter().collect::<Vec<_>>(), ["business"]);
}
