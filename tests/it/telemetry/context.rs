//! What targets are told of a trace, and what a trace tells of others and of a run that was cut off.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use unbroken::model::{FaultCode, Phase, Reading};
use unbroken::probe::{Errand, Prober, Told};
use unbroken::telemetry::{Kind, spans};

use super::collector::{Collector, Reply};
use crate::walk::{errand, order, step, tools};
use crate::web::halcyon::{self, Mood};
use crate::world::{Hook, Target, World, shop};

fn visit(steps: &Value, told: Told) -> Arc<Errand> {
    let steps = steps.as_array().unwrap().iter().map(step).collect();
    let errand = Arc::into_inner(errand(Duration::from_secs(2), steps)).unwrap();
    Arc::new(errand.telling(told))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_target_is_told_its_trace_unless_the_probe_says_no() {
    let target = Collector::start().await;
    let at = target.address;
    let kinds = [
        json!([{ "http": { "get": format!("http://{at}/") } }]),
        json!([{ "grpc": { "connect": at.to_string() } }]),
        json!([{ "websocket": { "open": format!("ws://{at}/") } }]),
    ];
    for written in &kinds {
        let before = target.taken().len();
        let reading = Prober::new(tools()).run(&visit(written, Told::Yes), order()).await;
        let taken = target.taken().split_off(before);
        let headers = &taken.first().unwrap_or_else(|| panic!("{written}: {reading:#?}")).headers;
        let parent = format!("00-{}-{}-01", reading.trace, reading.outcome.steps[0].span);
        assert_eq!(headers["traceparent"], parent.as_str(), "{written}");
        assert_eq!(headers["tracestate"], "unbroken=synthetic", "{written}");
        let before = target.taken().len();
        Prober::new(tools()).run(&visit(written, Told::No), order()).await;
        let taken = target.taken().split_off(before);
        let told = ["traceparent", "tracestate"].map(|name| taken[0].headers.contains_key(name));
        assert_eq!(told, [false, false], "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_a_file_names_is_not_told_beside_ours() {
    let target = Collector::start().await;
    let (at, theirs) = (target.address, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let headers = json!({ "traceparent": theirs });
    let kinds = [
        json!([{ "grpc": { "connect": at.to_string(), "headers": headers } }]),
        json!([{ "websocket": { "open": format!("ws://{at}/"), "headers": headers } }]),
    ];
    for written in &kinds {
        for told in [Told::Yes, Told::No] {
            let before = target.taken().len();
            let reading = Prober::new(tools()).run(&visit(written, told), order()).await;
            let ours = format!("00-{}-{}-01", reading.trace, reading.outcome.steps[0].span);
            let wanted = if told == Told::Yes { ours.as_str() } else { theirs };
            let taken = target.taken().split_off(before);
            let said: Vec<_> = taken[0].headers.get_all("traceparent").iter().collect();
            assert_eq!(said, [wanted], "{written} {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_keeps_the_phases_that_it_had() {
    let target = Collector::start().await;
    target.answers([Reply::Silence]);
    let written =
        json!([{ "http": { "get": format!("http://localhost:{}/", target.address.port()) }, "timeout_ms": 400 }]);
    let reading = Prober::new(tools()).run(&visit(&written, Told::Yes), order()).await;
    let step = &reading.outcome.steps[0];
    assert_eq!(
        step.fault.as_ref().map(|fault| (fault.code, fault.phase)),
        Some((FaultCode::Timeout, Some(Phase::Wait)))
    );
    let trace = spans(&reading, &halcyon::snapshot(Mood::Well).map);
    let client = trace.iter().find(|span| span.kind == Kind::Client).unwrap();
    let phases: Vec<_> = trace.iter().filter(|span| span.parent == Some(client.id)).collect();
    let names: Vec<&str> = phases.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["dns", "connect", "send", "wait"], "{trace:#?}");
    for (before, after) in phases.iter().zip(&phases[1..]) {
        assert!(before.end <= after.start && before.start <= before.end, "{before:?} {after:?}");
    }
    let wait = phases.last().unwrap();
    // Whatever came before took its time from what was left for waiting.
    let cut_after = wait.end.duration_since(trace[0].start).as_millis();
    assert!((395..=5_000).contains(&cut_after), "cut off after {cut_after} ms of 400");
    assert!(wait.end <= client.end && client.end <= trace[0].end && client.error.is_some());
}

fn sent(collector: &Collector) -> Vec<Span> {
    let requests = collector.of::<ExportTraceServiceRequest>("trace");
    let scopes = requests.into_iter().flat_map(|request| request.resource_spans).flat_map(|of| of.scope_spans);
    scopes.flat_map(|of| of.spans).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recheck_leads_back_to_the_run_that_asked_for_it() {
    let (target, hook, collector) = (Target::start().await, Hook::start().await, Collector::start().await);
    let mut world = World::new(&target, &hook);
    let telemetry = format!("telemetry: {{ otlp: {{ endpoint: \"http://{}\" }} }}\n", collector.address);
    world.write(
        "config/unbroken.yaml",
        &format!("company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\n{telemetry}"),
    );
    world.write("probes/shop.yaml", &shop(&target.url()).replace("every: 1s", "every: 30s"));
    target.break_();
    world.start().await;
    let linked = || sent(&collector).into_iter().find(|span| !span.links.is_empty());
    world.until("a recheck was sent", async |_: &World| linked().is_some()).await;
    let recheck = linked().unwrap();
    let link = &recheck.links[0];
    assert_eq!(recheck.name, "probe shop/home");
    assert_eq!(link.attributes[0].key, "unbroken.link");
    let all = sent(&collector);
    let asker = all.iter().find(|span| span.trace_id == link.trace_id && span.span_id == link.span_id);
    let asker = asker.expect("the run that asked was sent before");
    assert!(asker.name == recheck.name && asker.end_time_unix_nano <= recheck.start_time_unix_nano);
    assert_ne!(asker.trace_id, recheck.trace_id);
    let client = all.iter().find(|span| span.trace_id == recheck.trace_id && !span.trace_state.is_empty());
    assert_eq!(client.expect("its client span").trace_state, Reading::TRACESTATE);
}
