#![expect(clippy::float_cmp, reason = "healths of exactly 0 and 1 mean something")]

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn rule(every: u64) -> Rule {
    let every = Duration::from_secs(every);
    Rule { rule: DetectRule::Sequential, every, recheck: SECOND * 10, probes: 1, vantages: 1 }
}

/// One series, its detector and the time.
struct Bench {
    detector: Detector,
    rule: Rule,
    now: Timestamp,
}

impl Bench {
    fn new(rule: Rule) -> Self {
        Self { detector: Detector::default(), rule, now: Timestamp::from_second(1_800_000_000).expect("valid") }
    }

    fn sample(&mut self, quality: f64) -> Step {
        self.detector.step(
            Attempt { at: self.now, quality: Quality::new(quality), trigger: Trigger::Schedule, passing_since: None },
            &self.rule,
        )
    }

    fn after(&mut self, wait: Duration, quality: f64) -> State {
        self.now += wait;
        self.sample(quality).to
    }

    /// Runs as the detector asks, all alike, until the state is `wanted`; how long it took.
    fn until(&mut self, wanted: State, quality: f64) -> Duration {
        let began = self.now;
        for _ in 0..10_000 {
            let step = self.sample(quality);
            if step.to == wanted {
                return self.now.duration_since(began).unsigned_abs();
            }
            self.now = step.recheck.unwrap_or(self.now + self.rule.every).min(self.now + self.rule.every);
        }
        panic!("never {wanted}");
    }
}

fn near(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-4, "{left} is not {right}");
}

#[test]
fn increments_are_the_designs() {
    near(HARD_FAIL, 3.5553);
    near(HARD_PASS, -0.4207);
    near(SLOW_FAIL, 2.7081);
    near(SLOW_PASS, -0.1525);
    near(HARD_FAIL, (0.35_f64 / 0.01).ln());
    near(SLOW_PASS, (0.85_f64 / 0.99).ln());
}

#[test]
fn thresholds_grow_with_the_probes() {
    for (probes, expected) in [(0, 9.0), (1, 9.0), (50, 9.0), (500, 11.3026), (10_000, 14.2983)] {
        near(threshold(probes), expected);
    }
}

#[test]
fn the_next_run_comes_forward() {
    for (every, expected) in [(2, 2), (10, 10), (30, 30), (45, 30), (60, 30), (90, 30), (300, 100), (14_400, 4800)] {
        assert_eq!(forward(SECOND * every), SECOND * expected);
    }
    let mut bench = Bench::new(rule(60));
    assert_eq!(bench.sample(1.0).recheck, None, "nothing suspected");
    assert_eq!(bench.sample(0.0).recheck, None, "the same moment is no second sample");
    bench.now += SECOND * 60;
    assert_eq!(bench.sample(0.0).recheck, Some(bench.now + SECOND * 30));
    assert!(bench.detector.is_undecided());
    let mut brisk = Bench::new(rule(20));
    assert_eq!(brisk.sample(0.0).recheck, None, "the regular run is as soon");
}

#[test]
fn a_sample_adds_and_takes_away() {
    let mut bench = Bench::new(rule(30));
    let mut statistics = Vec::new();
    for quality in [1.0, 0.0, 1.0, 0.49, 0.5, 0.0] {
        bench.after(SECOND * 30, quality);
        statistics.push(bench.detector.statistic());
    }
    let expected = [0.0, 3.5553, 3.1346, 6.6900, 6.2692, 9.8246];
    assert!(statistics[..5].iter().zip(expected).all(|(left, right)| (left - right).abs() < 1e-4), "{statistics:?}");
    assert_eq!(bench.detector.state(), State::Down, "9.8246 is over 9");
}

#[test]
fn at_two_seconds_three_failures_are_down_within_six() {
    let mut bench = Bench::new(rule(2));
    let took = bench.until(State::Down, 0.0);
    assert_eq!(took, SECOND * 4);
}

#[test]
fn five_hundred_probes_at_thirty_seconds_need_four_failures() {
    let mut bench = Bench::new(Rule { probes: 500, ..rule(30) });
    assert_eq!(bench.until(State::Down, 0.0), SECOND * 90, "+3.5553 four times passes 11.3026");
}

#[test]
fn samples_that_come_too_soon_repeat_noise_and_do_not_count() {
    let mut bench = Bench::new(rule(31));
    assert_eq!(bench.after(SECOND, 0.0), State::Up);
    for _ in 0..10 {
        bench.after(SECOND, 0.0);
    }
    near(bench.detector.statistic(), HARD_FAIL);
}

#[test]
fn half_failing_is_found() {
    let mut bench = Bench::new(Rule { probes: 500, ..rule(30) });
    let took = (0..100).find(|n| bench.after(SECOND * 30, f64::from(n % 2)) == State::Down);
    assert_eq!(took, Some(6), "a failure every other run");
}

#[test]
fn one_in_seven_degrades_and_never_downs() {
    let mut bench = Bench::new(Rule { probes: 500, ..rule(30) });
    let states: Vec<_> = (0..140).map(|n| bench.after(SECOND * 30, f64::from(u8::from(n % 10 != 0)))).collect();
    assert!(states.contains(&State::Degraded));
    assert!(!states.contains(&State::Down));
}

#[test]
fn the_slow_track_needs_ten() {
    let mut bench = Bench::new(Rule { rule: DetectRule::Consecutive { failures: 99, passes: 2 }, ..rule(30) });
    let states: Vec<_> = (0..4).map(|_| bench.after(SECOND * 30, 0.0)).collect();
    assert_eq!(states, [State::Up, State::Up, State::Up, State::Degraded], "2.7081 four times passes 10");
}

#[test]
fn three_poor_evaluations_degrade_and_three_good_ones_mend() {
    let mut bench = Bench::new(rule(30));
    assert_eq!(bench.detector.evaluate(0.1).to, State::Pending);
    bench.sample(1.0);
    let states: Vec<_> = [0.89, 0.89, 0.9, 0.89, 0.89, 0.89, 0.95, 0.95, 0.89, 0.9, 0.9, 0.9]
        .map(|mean| bench.detector.evaluate(mean).to)
        .into();
    let (up, degraded) = (State::Up, State::Degraded);
    assert_eq!(states[..5], [up; 5]);
    assert_eq!(states[5..], [degraded; 7], "looking alone makes nothing better");
    assert_eq!((bench.sample(0.0).to, bench.sample(1.0).to), (degraded, up), "the next good sample does");
}

#[test]
fn recovery_takes_two_passes_ten_seconds_apart() {
    let mut bench = Bench::new(rule(30));
    bench.until(State::Down, 0.0);
    let step = bench.sample(0.0);
    assert_eq!(step.recheck, Some(bench.now + SECOND * 10), "rechecks while down");
    assert_eq!(bench.after(SECOND * 10, 1.0), State::Down, "one pass");
    assert!(bench.detector.is_undecided());
    assert_eq!(bench.after(Duration::from_millis(9900), 1.0), State::Down, "9.9 s apart");
    assert_eq!(bench.after(Duration::from_millis(100), 1.0), State::Up, "10 s apart");
    assert_eq!(bench.detector.statistic(), 0.0);
    assert!(!bench.detector.is_undecided());
}

#[test]
fn a_failure_between_passes_starts_recovery_anew() {
    let mut bench = Bench::new(rule(30));
    bench.until(State::Down, 0.0);
    bench.after(SECOND * 10, 1.0);
    assert_eq!(bench.after(SECOND * 5, 0.0), State::Down);
    assert_eq!(bench.after(SECOND * 5, 1.0), State::Down);
    assert_eq!(bench.after(SECOND * 9, 1.0), State::Down);
    assert_eq!(bench.after(SECOND, 1.0), State::Up);
}

#[test]
fn the_consecutive_rule_counts() {
    let mut bench = Bench::new(Rule { rule: DetectRule::Consecutive { failures: 3, passes: 2 }, ..rule(30) });
    let states: Vec<_> =
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0].map(|quality| bench.after(SECOND, quality)).into();
    let (up, down) = (State::Up, State::Down);
    assert_eq!(states, [up, up, up, up, up, down, down, down, down, up]);
}

#[test]
fn flapping_follows_icinga() {
    let mut flapping = Flapping::default();
    let mut trace = Vec::new();
    for n in 0..8 {
        flapping.note(n % 2 == 1);
        trace.push((flapping.value(), flapping.is_on()));
    }
    near(trace[0].0, 0.0);
    near(trace[1].0, 5.9);
    near(trace[2].0, 5.9 + 5.8);
    near(trace[5].0, 5.9 + 5.8 + 5.7 + 5.6 + 5.5);
    assert_eq!(trace.iter().position(|(_, on)| *on), Some(6), "33.9 is the first above 30");
    let mut calm = 0;
    while flapping.is_on() {
        flapping.note(true);
        calm += 1;
        assert!(flapping.is_on() == (flapping.value() >= 25.0), "{}", flapping.value());
    }
    assert_eq!(calm, 15, "five of the seven changes are left among the twenty: 21");
}

#[test]
fn only_scheduled_results_make_it_flap() {
    let mut bench = Bench::new(rule(30));
    for n in 0..40 {
        bench.now += SECOND * 30;
        let attempt = Attempt {
            at: bench.now,
            quality: Quality::new(f64::from(n % 2)),
            trigger: Trigger::Recheck,
            passing_since: None,
        };
        bench.detector.step(attempt, &bench.rule);
    }
    assert!(!bench.detector.is_flapping());
}

#[test]
fn memory_keeps_everything() {
    let mut bench = Bench::new(Rule { probes: 500, ..rule(30) });
    for n in 0..200 {
        bench.after(SECOND * 7, f64::from(u8::from(n % 3 == 0)));
        let text = serde_json::to_string(&bench.detector).expect("writes");
        let read: Detector = serde_json::from_str(&text).expect("reads");
        assert_eq!(read, bench.detector, "{text}");
    }
}
