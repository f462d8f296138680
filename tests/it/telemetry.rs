//! Spans as a collector gets them, metrics as Prometheus reads them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use unbroken::model::{Evidence, Fault, FaultCode, ProbeId, SelfFault, Series, Snapshot, Verdict, Why};
use unbroken::telemetry::{
    CATALOGUE, Exposition, Gauges, Kind, Metrics, Outbox, Reload, Span, Traced, Type, Value, spans,
};

use crate::web::halcyon::{self, Mood};

pub(crate) mod collector;
mod context;
pub(crate) mod conventions;
mod outlets;
mod rehearsal;
mod rotel;

fn series() -> Series {
    Series { probe: ProbeId::new("billing", "visit"), persona: Some("anna".into()), vantage: "here".into() }
}

fn failing() -> unbroken::model::Reading {
    halcyon::reading(&series(), halcyon::now(), true, &str::to_owned)
}

fn attribute<'a>(span: &Span<'a>, name: &str) -> Option<Value<'a>> {
    span.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

#[test]
fn a_run_is_one_trace_with_the_times_that_were_measured() {
    let (reading, snapshot) = (failing(), halcyon::snapshot(Mood::BillingDown));
    let trace = spans(&reading, &snapshot.map);
    assert_eq!(trace, spans(&reading, &snapshot.map), "the same reading is the same trace");
    let root = &trace[0];
    assert_eq!((&*root.name, root.id, root.parent), ("probe billing/visit", reading.span, None));
    assert_eq!(root.error.as_deref(), Some("Open the latest bill: status 500 instead of 200"));
    assert_eq!(root.end.duration_since(root.start).as_millis(), 640);
    assert_eq!(attribute(root, "user_agent.synthetic.type"), Some(Value::Text("test".into())));
    assert_eq!(attribute(root, "unbroken.journeys"), Some(Value::Texts(["pay-my-bill".to_owned()].into())));
    assert_eq!(attribute(root, "unbroken.stage"), Some(Value::Texts(["read", "pay"].map(str::to_owned).into())));
    assert_eq!(attribute(root, "unbroken.quality"), Some(Value::Number(0.0)));
    assert_eq!(attribute(root, "unbroken.fault.code"), Some(Value::Text("status".into())));
    // Steps hang from the root, client spans from steps, phases from client spans; all ids differ.
    let step = trace.iter().find(|span| span.name == "step Open the latest bill").unwrap();
    assert_eq!(step.parent, Some(root.id));
    assert_eq!(step.events.len(), 2, "one blocking failure and one defect");
    let client = trace.iter().find(|span| span.parent == Some(step.id) && span.kind == Kind::Client).unwrap();
    assert_eq!((&*client.name, client.id), ("GET", reading.outcome.steps[1].span));
    assert_eq!(attribute(client, "http.response.status_code"), Some(Value::Integer(500)));
    assert_eq!(attribute(client, "error.type"), Some(Value::Text("500".into())));
    let wait = trace.iter().find(|span| span.name == "wait" && span.parent == Some(client.id)).unwrap();
    assert_eq!(wait.start.duration_since(reading.started).as_millis(), 256);
    let mut ids: Vec<u64> = trace.iter().map(|span| span.id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), trace.len());
    for span in &trace {
        assert!(span.start >= root.start && span.end <= root.end, "{} lies outside its run", span.name);
    }
}

#[test]
fn what_was_answered_otherwise_than_expected_is_no_error_of_the_exchange() {
    let map = halcyon::snapshot(Mood::BillingDown).map;
    let evidence = Evidence { of: "$.total".into(), expected: "12".into(), found: "13".into() };
    let of = |code: FaultCode, evidence: Option<Evidence>| {
        let mut reading = failing();
        let step = &mut reading.outcome.steps[1];
        step.findings.clear();
        step.fault = Some(Fault { evidence, ..Fault::new(code, "13 instead of 12") });
        let trace = spans(&reading, &map);
        let step = trace.iter().find(|span| span.name == "step Open the latest bill").unwrap();
        let client = trace.iter().find(|span| span.parent == Some(step.id) && span.kind == Kind::Client).unwrap();
        let events: Vec<&str> = step.events.iter().map(|event| event.name).collect();
        assert!(step.error.is_some() && events.len() == 1);
        let class = client.attributes.iter().find(|(name, _)| *name == "error.type");
        (class.map(|(_, value)| format!("{value:?}")), client.error.is_some(), events[0])
    };
    let text = |text: &str| Some(format!("{:?}", Value::Text(text.into())));
    assert_eq!(of(FaultCode::Expectation, Some(evidence.clone())), (None, false, "unbroken.expectation.failed"));
    assert_eq!(of(FaultCode::Status, Some(evidence)), (text("500"), true, "unbroken.expectation.failed"));
    assert_eq!(of(FaultCode::ConnectRefused, None), (text("connect_refused"), true, "unbroken.step.failed"));
}

#[test]
fn our_own_fault_is_no_error_of_the_touchpoint() {
    let mut reading = failing();
    reading.outcome.verdict = Verdict::Inconclusive { why: SelfFault::NoDescriptors, text: "none left".into() };
    let trace = spans(&reading, &halcyon::snapshot(Mood::Well).map);
    assert_eq!(trace[0].error, None);
    assert!(trace[0].attributes.contains(&("unbroken.fault.code", Value::Text("self_no_descriptors".into()))));
}

fn counted(snapshot: &Snapshot, exposition: Exposition) -> String {
    let metrics = Arc::new(Metrics::default());
    let skipped = {
        let mut reading = failing();
        reading.outcome.verdict = Verdict::Skipped(Why::StillRunning);
        reading
    };
    for reading in [failing(), failing(), skipped] {
        metrics.due().end(&reading.outcome.verdict);
        metrics.observe(&reading, Duration::from_millis(3), Traced::Yes);
    }
    metrics.wrote(Duration::from_millis(2));
    metrics.notified("every\"one\n", "delivered");
    metrics.reloaded(Reload::Refused);
    metrics
        .render(
            &Arc::new(snapshot.clone()),
            Gauges { outbox: Outbox { pending: 2, ..Outbox::default() }, ..Gauges::default() },
            exposition,
            halcyon::now(),
        )
        .collect()
}

fn sum(text: &str, name: &str) -> f64 {
    let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

#[test]
fn signals_are_up_or_down_too_and_segments_have_a_family_of_their_own() {
    let mut snapshot = halcyon::snapshot(Mood::BillingDown);
    let billing = snapshot.touchpoints.get_mut(&"billing".into()).unwrap();
    let mut voice = billing.probes[0].clone();
    voice.id = ProbeId::new("billing", "nps");
    billing.voices.push(voice);
    let text = counted(&snapshot, Exposition::Prometheus);
    let labels = "touchpoint=\"billing\",probe=\"nps\",vantage=\"here\",signal=\"voice\"";
    assert!(text.contains(&format!("unbroken_probe_up{{{labels}}} 0\n")), "{text}");
    let segment = |name: &str, score: u8| {
        let labels = format!("journey=\"pay-my-bill\",segment=\"{name}\"");
        assert!(text.contains(&format!("unbroken_journey_segment_score{{{labels}}} {score}\n")), "{text}");
    };
    segment("business", 0);
    segment("consumer", 100);
    assert_eq!(text.matches("unbroken_journey_score{").count(), snapshot.journeys.len(), "counted once each");
    let pending = counted(&halcyon::snapshot(Mood::Pending), Exposition::Prometheus);
    assert!(!pending.contains("unbroken_journey_segment_score{"), "no number is no series");
}

#[test]
fn every_due_run_is_counted_once_and_a_series_ends_with_its_probe() {
    let snapshot = halcyon::snapshot(Mood::BillingDown);
    let text = counted(&snapshot, Exposition::Prometheus);
    assert_eq!(sum(&text, "unbroken_runs_due_total"), 3.0);
    assert_eq!(sum(&text, "unbroken_readings_total"), 3.0);
    assert_eq!(sum(&text, "unbroken_probe_duration_seconds_count"), 2.0, "a skipped run took no time");
    assert!(text.contains("unbroken_probe_up{touchpoint=\"billing\",probe=\"visit\",vantage=\"here\"} 0\n"));
    assert!(text.contains("unbroken_notifications_total{receiver=\"every\\\"one\\n\",result=\"delivered\"} 1\n"));
    assert!(text.contains("unbroken_config_reload_success 0\n"));
    let pending = counted(&halcyon::snapshot(Mood::Pending), Exposition::Prometheus);
    assert!(!pending.contains("unbroken_journey_score{"), "no number is no series");
    let mut map = (*snapshot.map).clone();
    map.touchpoints.remove(&"billing".into());
    let gone = counted(&Snapshot { map: map.into(), ..snapshot }, Exposition::Prometheus);
    assert!(!gone.contains("unbroken_probe_duration_seconds_bucket{touchpoint=\"billing\""));
    let open = counted(&halcyon::snapshot(Mood::Well), Exposition::OpenMetrics);
    assert!(
        open.ends_with("# EOF\n")
            && open.contains(" # {trace_id=\"")
            && open.contains("# TYPE unbroken_runs_due counter")
    );
}

#[test]
fn a_run_that_comes_to_nothing_is_missing_in_the_sum() {
    let metrics = Arc::new(Metrics::default());
    let snapshot = Arc::new(halcyon::snapshot(Mood::Well));
    let counts = || {
        let text: String =
            metrics.render(&snapshot, Gauges::default(), Exposition::Prometheus, halcyon::now()).collect();
        ["unbroken_runs_due_total", "unbroken_runs_under_way", "unbroken_readings_total"].map(|name| sum(&text, name))
    };
    let (run, lost, given_up) = (metrics.due(), metrics.due(), metrics.due());
    assert_eq!(counts(), [3.0, 3.0, 0.0]);
    run.end(&Verdict::Good);
    assert_eq!(counts(), [3.0, 2.0, 1.0]);
    // As at the stop.
    drop(given_up);
    assert_eq!(counts(), [3.0, 2.0, 1.0]);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lost = lost;
        panic!("a run comes to nothing");
    }));
    assert!(panic.is_err());
    assert_eq!(counts(), [3.0, 1.0, 1.0]);
}

/// Whoever reads the catalogue knows all that is written, and nothing is written that it does not know.
#[test]
fn what_is_written_is_what_the_catalogue_says() {
    for exposition in [Exposition::Prometheus, Exposition::OpenMetrics] {
        let text = counted(&halcyon::snapshot(Mood::BillingDown), exposition);
        let written: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
        let bare = |name: &'static str| match exposition {
            Exposition::Prometheus => name,
            Exposition::OpenMetrics => name.trim_end_matches("_total"),
        };
        let known: Vec<(&str, &str)> = CATALOGUE.iter().map(|family| (bare(family.name), family.of.as_str())).collect();
        assert_eq!(written, known);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let of = |family: &&&unbroken::telemetry::Family| {
                let rest = name.strip_prefix(family.name);
                rest == Some("") || family.of == Type::Histogram && matches!(rest, Some("_bucket" | "_sum" | "_count"))
            };
            let family = CATALOGUE.iter().find(of).unwrap_or_else(|| panic!("{line} is in no family"));
            let before_value = line.split(" # ").next().unwrap();
            let labels = before_value.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let label = label.split_once('=').unwrap().0;
                assert!(family.labels.contains(&label) || label == "le", "{line} has a label of its own: {label}");
            }
        }
    }
}

#[test]
fn promtool_accepts_the_metrics() {
    for mood in [Mood::BillingDown, Mood::Pending, Mood::Hostile] {
        let text = counted(&halcyon::snapshot(mood), Exposition::Prometheus);
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool is not here: run ./tests/run");
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.trim().is_empty(), "{said}");
    }
}
