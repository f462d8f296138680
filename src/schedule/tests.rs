#![expect(clippy::unchecked_time_subtraction, reason = "a panic is a failed test")]

use proptest::prelude::*;

use super::*;
use crate::model::{ProbeId, VantageId};

const SECOND: Duration = Duration::from_secs(1);

fn series(name: &str) -> Series {
    Series { probe: ProbeId::new("shop", name), persona: None, vantage: VantageId::default() }
}

fn entry(name: &str, every: Duration) -> Entry {
    Entry { series: series(name), every, turn: Turn::Alone }
}

/// Everything that runs when `next` is asked at each of `times`.
fn runs(schedule: &mut Schedule, times: impl IntoIterator<Item = Duration>) -> Vec<Due> {
    let mut all = Vec::new();
    for now in times {
        while let Next::Run(due) = schedule.next(now) {
            all.push(due);
        }
    }
    all
}

/// Everything that runs up to `end` when the caller wakes exactly when told.
fn punctual(schedule: &mut Schedule, mut now: Duration, end: Duration) -> Vec<Due> {
    let mut all = Vec::new();
    loop {
        match schedule.next(now) {
            Next::Run(due) => all.push(due),
            Next::Wait { until } if until > end => return all,
            Next::Wait { until } => {
                assert!(until > now, "told to wait for the past");
                now = until;
            }
        }
    }
}

fn regular(runs: &[Due], name: &str) -> Vec<Duration> {
    let wanted = series(name);
    runs.iter().filter(|due| *due.series == wanted).map(|due| due.scheduled).collect()
}

#[test]
fn a_timer_is_sixteen_bytes() {
    assert_eq!(size_of::<Timer>(), 16);
}

#[test]
fn the_hash_never_changes() {
    assert_eq!(stable_hash(&series("checkout"), Turn::Alone), 14_357_488_986_618_973_003);
}

#[test]
fn runs_never_drift() {
    let mut schedule = Schedule::new(vec![entry("a", SECOND * 10)], Duration::ZERO);
    let all = regular(&punctual(&mut schedule, Duration::ZERO, SECOND * 86_400), "a");
    assert_eq!(all.len(), 8640);
    assert!(all.windows(2).all(|pair| pair[1] - pair[0] == SECOND * 10));
}

#[test]
fn an_interval_off_the_grid_does_not_drift_either() {
    let every = Duration::from_millis(1237);
    let mut schedule = Schedule::new(vec![entry("a", every)], Duration::ZERO);
    let all = regular(&punctual(&mut schedule, Duration::ZERO, every * 10_000), "a");
    assert_eq!(all.len(), 10_000);
    assert!(all[9999] - all[0] < every * 9999 + GRID && all[9999] - all[0] + GRID > every * 9999);
}

#[test]
fn after_a_stall_each_runs_once_and_keeps_its_phase() {
    let entries: Vec<_> = (0..50).map(|n| entry(&n.to_string(), SECOND * 10)).collect();
    let mut schedule = Schedule::new(entries, Duration::ZERO);
    let before = runs(&mut schedule, [SECOND * 10]);
    let late = runs(&mut schedule, [SECOND * 73]);
    assert_eq!((before.len(), late.len()), (50, 50));
    for due in punctual(&mut schedule, SECOND * 73, SECOND * 83) {
        let first = before.iter().find(|first| first.series == due.series).expect("ran before");
        assert_eq!((due.scheduled - first.scheduled).as_millis() % 10_000, 0, "phase is kept");
    }
}

#[test]
fn a_recheck_is_one_run_more_and_moves_nothing() {
    let mut schedule = Schedule::new(vec![entry("a", SECOND * 60)], Duration::ZERO);
    let first = regular(&punctual(&mut schedule, Duration::ZERO, SECOND * 60), "a");
    let last = *first.last().expect("ran");
    schedule.recheck(&series("a"), last + SECOND * 30);
    schedule.recheck(&series("a"), last + SECOND * 20);
    schedule.recheck(&series("nobody"), last);
    let runs = punctual(&mut schedule, SECOND * 60, last + SECOND * 121);
    let times: Vec<_> = runs.iter().map(|due| (due.scheduled - last, due.trigger)).collect();
    let expected =
        [(SECOND * 20, Trigger::Recheck), (SECOND * 60, Trigger::Schedule), (SECOND * 120, Trigger::Schedule)];
    assert_eq!(times, expected, "the newest request replaces the older one");
}

#[test]
fn a_recheck_beside_a_regular_run_is_that_run() {
    let mut schedule = Schedule::new(vec![entry("a", SECOND * 60)], Duration::ZERO);
    let last = *regular(&punctual(&mut schedule, Duration::ZERO, SECOND * 60), "a").last().expect("ran");
    schedule.recheck(&series("a"), last + Duration::from_millis(60_040));
    let times = regular(&punctual(&mut schedule, SECOND * 60, last + SECOND * 70), "a");
    assert_eq!(times, [last + SECOND * 60]);
}

#[test]
fn those_who_take_turns_follow_each_other_at_equal_distances() {
    let from = |vantage: &str| Series { vantage: vantage.into(), ..series("a") };
    let entry = |(vantage, place)| Entry { series: from(vantage), every: SECOND * 90, turn: Turn::Of(place, 3) };
    let mut schedule = Schedule::new([("x", 0), ("y", 1), ("z", 2)].map(entry).into(), SECOND * 100);
    // Behind the first looks.
    punctual(&mut schedule, SECOND * 100, SECOND * 200);
    let runs = punctual(&mut schedule, SECOND * 200, SECOND * 470);
    assert!((8..=10).contains(&runs.len()), "{}", runs.len());
    for pair in runs.windows(2) {
        assert_eq!(pair[1].scheduled - pair[0].scheduled, SECOND * 30);
        assert_ne!(pair[1].series.vantage, pair[0].series.vantage);
    }
}

#[test]
fn a_new_series_has_a_first_look_within_a_minute() {
    let hour = SECOND * 3600;
    let entries: Vec<_> = (0..100).map(|n| entry(&n.to_string(), hour * 4)).collect();
    let mut schedule = Schedule::new(entries, SECOND * 7);
    let first: std::collections::HashSet<_> =
        punctual(&mut schedule, SECOND * 7, SECOND * 72).into_iter().map(|due| due.series).collect();
    assert_eq!(first.len(), 100);
    assert_eq!(punctual(&mut schedule, SECOND * 72, hour * 4 + SECOND * 72).len(), 100);
}

#[test]
fn a_hundred_thousand_are_spread_evenly() {
    let entries: Vec<_> = (0..100_000).map(|n| entry(&format!("p{n}"), SECOND * 10)).collect();
    let mut schedule = Schedule::new(entries, Duration::ZERO);
    let mut ticks = std::collections::HashMap::<Duration, u32>::new();
    for due in punctual(&mut schedule, Duration::ZERO, SECOND * 20) {
        *ticks.entry(due.scheduled).or_default() += 1;
    }
    assert_eq!(ticks.values().sum::<u32>(), 200_000, "two rounds, none left out");
    assert!(ticks.values().all(|count| (40..200).contains(count)), "about a hundred per tick");
}

proptest! {
    #[test]
    fn the_phase_survives_lateness_rechecks_and_reloads(
        every in prop_oneof![Just(15_u64), 20..100_u64, 1000..100_000_u64],
        steps in prop::collection::vec((0..30_000_u64, 0..3_u8, 0..40_000_u64), 1..60),
    ) {
        let every = Duration::from_millis(every);
        let entries = || vec![entry("a", every), entry("b", every * 2)];
        let mut schedule = Schedule::new(entries(), Duration::ZERO);
        let phase = schedule.slots[0].regular;
        let mut now = Duration::ZERO;
        for (pause, action, ahead) in steps {
            let woken = now + Duration::from_millis(pause);
            let all = runs(&mut schedule, [woken]);
            now = woken;
            let wanted = series("a");
            let regular = all.iter().filter(|due| *due.series == wanted && due.trigger == Trigger::Schedule);
            prop_assert!(regular.clone().count() <= 2, "one catch-up, and a first look at most");
            for due in &all {
                prop_assert!(due.scheduled <= now, "nothing runs early");
                prop_assert_eq!(due.scheduled.as_nanos() % GRID.as_nanos(), 0);
            }
            prop_assert_eq!((schedule.slots[0].regular - phase).as_nanos() % every.as_nanos(), 0);
            prop_assert!(schedule.slots[0].regular + GRID > now);
            prop_assert!(schedule.timers.len() <= 2 * 2 + 60, "stale timers are bounded by requests");
            match action {
                0 => schedule.recheck(&wanted, now + Duration::from_millis(ahead)),
                1 => schedule.reload(entries(), now),
                _ => {}
            }
        }
    }
}
