//! The simulation of `cargo bench --bench detect_sim`, smaller: the same code, the same bounds.

#[path = "../../benches/detect_sim/rules.rs"]
mod rules;
#[path = "../../benches/detect_sim/run.rs"]
mod run;
#[path = "../../benches/detect_sim/weather.rs"]
mod weather;

use run::{CONTENDERS, Contender, MONTH, PROBES, quantile};

fn ours(name: &str) -> &'static Contender {
    CONTENDERS.iter().find(|contender| contender.name == name).expect("it is in the list")
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!((found / wanted - 1.0).abs() <= 0.1, "{found} is not within a tenth of {wanted}");
}

#[test]
fn three_vantages_tell_an_outage_within_a_minute_and_hardly_ever_falsely() {
    let three = ours("ours, three vantages");
    let alerts = three.alerts(1, PROBES, 0.003, MONTH);
    assert!(alerts.falsely <= 1 && alerts.all > 0, "{alerts:?}");
    let hard = three.delays(2, 2_000, 1.0, f64::INFINITY);
    near(quantile(&hard, 0.5), 41.0);
    assert!(quantile(&hard, 0.95) <= 60.0);
    near(quantile(&three.delays(3, 2_000, 0.5, f64::INFINITY), 0.5), 165.0);
    assert!(three.delays(4, 500, 1.0, 60.0).iter().all(|delay| *delay <= 60.0), "a minute's outage is seen");
}

#[test]
fn one_vantage_is_slower_and_no_louder_than_promised() {
    let one = ours("ours, one vantage");
    let alerts = one.alerts(1, PROBES, 0.003, MONTH);
    assert!(alerts.falsely <= 8, "{alerts:?}: about four, and hardly ever more than eight");
    near(quantile(&one.delays(2, 2_000, 1.0, f64::INFINITY), 0.5), 105.0);
    near(quantile(&one.delays(3, 2_000, 0.5, f64::INFINITY), 0.5), 210.0);
}

#[test]
fn the_noise_is_as_loud_as_it_is_said_to_be() {
    let retry = ours("one quick retry, same place").alerts(1, 50, 0.003, MONTH).falsely;
    near(retry as f64 * 10.0, 48_528.0);
}
