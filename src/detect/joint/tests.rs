use super::*;
use crate::model::{DetectRule, Quality};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn rule(every: u64, vantages: usize) -> Rule {
    let every = Duration::from_secs(every * vantages as u64);
    Rule { rule: DetectRule::Sequential, every, recheck: every, probes: 500, vantages }
}

fn attempt(at: i64, passes: f64, trigger: Trigger) -> Attempt {
    let at = Timestamp::from_second(1_800_000_000 + at).expect("a time");
    Attempt { at, quality: Quality::new(passes), trigger, passing_since: None }
}

/// Runs as it is told, vantages taking turns; what it came to, and after how many seconds.
fn follow(joint: &mut Joint, rule: &Rule, seconds: i64, passes: impl Fn(usize, i64) -> f64) -> Option<i64> {
    let every = i64::try_from(rule.every.as_secs()).expect("short") / i64::try_from(rule.vantages).expect("few");
    let (mut due, mut turn, mut between, mut place): (i64, usize, Option<i64>, usize) = (0, 0, None, 0);
    loop {
        let (now, trigger) = match between.take() {
            Some(at) if at < due => (at, Trigger::Recheck),
            other => {
                between = other.filter(|at| *at > due);
                (due, Trigger::Schedule)
            }
        };
        if now > seconds {
            return None;
        }
        if trigger == Trigger::Schedule {
            (place, turn, due) = (turn, (turn + 1) % rule.vantages, due + every);
        } else {
            place = (place + 1) % rule.vantages;
        }
        let vantage = VantageId::new(&format!("v{place}"));
        match joint.attempt(&attempt(now, passes(place, now), trigger), &vantage, rule) {
            Finding::Down => return Some(now),
            Finding::Reprobe(at) => between = Some((at.as_second() - 1_800_000_000).max(now)),
            Finding::Calm => between = None,
            Finding::Waiting => {}
        }
    }
}

fn cleared(joint: &Joint, vantages: usize) -> Vec<usize> {
    (0..vantages).filter(|place| joint.clears(&VantageId::new(&format!("v{place}")))).collect()
}

#[test]
fn what_fails_everywhere_is_down_by_the_last_reprobe_and_nobody_is_cleared() {
    for vantages in 2..=16 {
        let (mut joint, rule) = (Joint::default(), rule(30, vantages));
        assert_eq!(follow(&mut joint, &rule, 600, |_, at| f64::from(u8::from(at < 300))), Some(326), "{vantages}");
        assert_eq!(cleared(&joint, vantages), Vec::<usize>::new());
        assert!(!joint.is_suspicious(), "it begins anew");
    }
}

#[test]
fn what_fails_from_one_place_clears_the_others() {
    for vantages in [2, 3] {
        let (mut joint, rule) = (Joint::default(), rule(30, vantages));
        let down = follow(&mut joint, &rule, 1_800, |place, _| f64::from(u8::from(place != 0)));
        assert!(down.is_some_and(|at| at > 60), "{down:?}");
        assert_eq!(cleared(&joint, vantages), (1..vantages).collect::<Vec<_>>());
    }
}

#[test]
fn one_flake_is_dismissed_by_three_passes() {
    let (mut joint, rule) = (Joint::default(), rule(30, 3));
    let asked = std::cell::RefCell::new(Vec::new());
    let passes = |_: usize, at: i64| {
        asked.borrow_mut().push(at);
        f64::from(u8::from(at != 30))
    };
    assert_eq!(follow(&mut joint, &rule, 90, passes), None);
    assert_eq!(*asked.borrow(), [0, 30, 32, 35, 39, 60, 90]);
}

#[test]
fn a_probe_of_every_second_does_not_take_a_short_burst_for_an_outage() {
    let (mut joint, rule) = (Joint::default(), rule(1, 2));
    assert_eq!(follow(&mut joint, &rule, 60, |_, at| f64::from(u8::from(!(20..24).contains(&at)))), None);
    let down = follow(&mut Joint::default(), &rule, 60, |_, at| f64::from(u8::from(at < 20)));
    assert!(down.is_some_and(|at| (25..=40).contains(&at)), "{down:?}");
}

#[test]
fn a_reprobe_that_says_nothing_gives_its_turn_away() {
    let (mut joint, rule) = (Joint::default(), rule(30, 3));
    let first = attempt(0, 0.0, Trigger::Schedule);
    let began = first.at;
    assert_eq!(joint.attempt(&first, &"v0".into(), &rule), Finding::Reprobe(began + SECOND * 2));
    for after in [5, 9, 14, 20, 26] {
        assert_eq!(joint.missed(&rule), Finding::Reprobe(began + SECOND * after));
    }
    assert_eq!((joint.missed(&rule), joint.missed(&rule)), (Finding::Waiting, Finding::Waiting));
    assert_eq!(Joint::default().missed(&rule), Finding::Calm);
}

#[test]
fn passes_of_all_that_were_down_end_it_together() {
    let mut joint = Joint::default();
    let look = |joint: &mut Joint, at, passes| joint.recheck(&attempt(at, passes, Trigger::Recheck));
    assert_eq!(look(&mut joint, 0, 1.0), Recovery::NotYet);
    assert_eq!(look(&mut joint, 5, 0.0), Recovery::NotYet);
    assert_eq!(look(&mut joint, 10, 1.0), Recovery::NotYet);
    assert_eq!(look(&mut joint, 19, 1.0), Recovery::NotYet);
    assert_eq!(look(&mut joint, 20, 1.0), Recovery::Seen);
}

#[test]
fn memory_keeps_everything() {
    let (mut joint, rule) = (Joint::default(), rule(30, 3));
    for n in 0..50_i64 {
        let trigger = if n % 3 == 0 { Trigger::Schedule } else { Trigger::Recheck };
        joint.attempt(
            &attempt(n * 7, f64::from(u8::from(n % 4 == 0)), trigger),
            &VantageId::new(&format!("v{}", n % 3)),
            &rule,
        );
        let text = serde_json::to_string(&joint).expect("writes");
        assert_eq!(serde_json::from_str::<Joint>(&text).expect("reads"), joint, "{text}");
    }
}
