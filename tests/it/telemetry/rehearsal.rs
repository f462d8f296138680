//! `unbroken telemetry test`: every collector is asked, and what it says is told.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::collector::{Collector, Reply};
use crate::walk::serve;
use crate::world::{Hook, Target, World};

async fn world(telemetry: &str) -> World {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let world = World::new(&target, &hook);
    world.write("config/unbroken.yaml", &format!("company: Test\n{telemetry}"));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn each_collector_gets_one_of_each_and_its_answer_is_told() {
    let (takes, refuses) = (Collector::start().await, Collector::start().await);
    refuses.answers([Reply::Status(401, vec![])]);
    let mut world = world(&format!(
        "telemetry:\n  otlp:\n    - {{ endpoint: \"http://{}\", headers: {{ authorization: {{ env: KEY }} }} }}\n    \
         - {{ endpoint: \"http://{}/\", protocol: http/protobuf, signals: [logs] }}\n",
        takes.address, refuses.address
    ))
    .await;
    world.set("KEY", "canary-1122334455");
    let (code, told, error) = world.run(&["telemetry", "test", "--format", "json"]);
    assert_eq!((code, error.as_str()), (1, ""), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    let answers = told["answers"].as_array().unwrap();
    let signals: Vec<_> = answers.iter().map(|it| (it["signal"].as_str().unwrap(), it["taken"] == true)).collect();
    assert_eq!(signals, [("traces", true), ("metrics", true), ("logs", true), ("logs", false)]);
    assert!(answers[3]["answer"].as_str().unwrap().contains("401"), "{told}");
    // What was sent can be found by what was told.
    let traces = takes.of::<ExportTraceServiceRequest>("trace");
    let span = &traces[0].resource_spans[0].scope_spans[0].spans[0];
    let trace: String = span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told["trace_id"], trace.as_str());
    assert_eq!(span.attributes[0].key, "unbroken.test");
    let logs = takes.of::<ExportLogsServiceRequest>("logs");
    let record = &logs[0].resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((&record.trace_id, &*record.attributes[0].key), (&span.trace_id, "unbroken.test"));
    let metrics = takes.of::<ExportMetricsServiceRequest>("metrics");
    assert_eq!(metrics[0].resource_metrics[0].scope_metrics[0].metrics[0].name, "unbroken_telemetry_test");
    assert!(takes.taken().iter().all(|taken| taken.headers["authorization"] == "canary-1122334455"));
    // For people the same in words.
    refuses.answers([Reply::Status(401, vec![])]);
    let (code, told, error) = world.run(&["telemetry", "test"]);
    assert_eq!((code, error.as_str()), (1, ""), "{told}");
    assert!(
        told.contains("took the metrics") && told.contains("did not take the logs") && told.contains("401"),
        "{told}"
    );
    assert!(!told.contains("canary"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_collector_repeats_is_not_shown() {
    let says = "the token canary-1122334455 of halcyon:canary-5544332211 is not known";
    let page = || Reply::Page(401, "text/plain", says.to_owned());
    let trailers = || Reply::Trailers(vec![("grpc-status", "16".into()), ("grpc-message", says.into())]);
    for (protocol, reply) in [("http/protobuf", &page as &dyn Fn() -> Reply), ("grpc", &trailers)] {
        let collector = Collector::start().await;
        collector.answers((0..6).map(|_| reply()));
        let mut world = world(&format!(
            "telemetry: {{ otlp: {{ endpoint: \"http://{}\", protocol: {protocol}, headers: \
             {{ authorization: \"Bearer ${{KEY}}\", x-pair: \"a=halcyon:${{PAIR}}\" }} }} }}\n",
            collector.address
        ))
        .await;
        world.set("KEY", "canary-1122334455");
        world.set("PAIR", "canary-5544332211");
        for format in ["text", "json"] {
            let (code, told, error) = world.run(&["telemetry", "test", "--format", format]);
            assert!(code == 1 && told.contains("is not known"), "{protocol}: {told}{error}");
            assert!(!format!("{told}{error}").contains("canary"), "{protocol}: {told}{error}");
        }
        assert!(collector.taken().iter().all(|taken| taken.headers["authorization"] == "Bearer canary-1122334455"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_is_no_collector() {
    let collector = Collector::start().await;
    collector.answers([Reply::Page(200, "text/html; charset=utf-8", "<h1>Sign in</h1>".to_owned())]);
    let otlp = format!("{{ endpoint: \"http://{}\", protocol: http/protobuf, signals: [logs] }}", collector.address);
    let world = world(&format!("telemetry: {{ otlp: {otlp} }}\n")).await;
    let (code, told, _) = world.run(&["telemetry", "test"]);
    assert!(code == 1 && told.contains("a web page comes back") && told.contains("help: it may be the port"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_or_not_named_is_told() {
    let world = world("telemetry: { otlp: { endpoint: \"http://127.0.0.1:9\" } }\n").await;
    let (code, told, _) = world.run(&["telemetry", "test"]);
    assert!(code == 1 && told.contains("does not answer") && told.contains("refused"), "{code} {told}");
    let mut world = self::world("").await;
    let (code, _, error) = world.run(&["telemetry", "test"]);
    assert!(code == 2 && error.contains("there is no collector"), "{code} {error}");
    let collector = Collector::start().await;
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.address));
    world.set("OTEL_LOGS_EXPORTER", "console");
    let (code, told, error) = world.run(&["telemetry", "test"]);
    assert!(code == 0 && told.contains("took the traces") && !told.contains("logs"), "{code} {told} {error}");
    assert!(error.contains("OTEL_LOGS_EXPORTER"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_speaks_something_else_is_guessed_at() {
    // The first words of HTTP/1.1 and of HTTP/2 (an empty SETTINGS frame).
    let (http, grpc): (&'static [u8], &'static [u8]) =
        (b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", b"\0\0\0\x04\0\0\0\0\0");
    let cases = [
        ("http", "grpc", http, "`protocol: http/protobuf`"),
        ("http", "http/protobuf", grpc, "`protocol: grpc`"),
        ("https", "grpc", http, "`http://`"),
        ("https", "http/protobuf", http, "`http://`"),
    ];
    for (scheme, protocol, says, wanted) in cases {
        let at = serve(move |mut stream| async move {
            let mut heard = [0; 64];
            assert!(stream.read(&mut heard).await.is_ok_and(|many| many > 0));
            stream.write_all(says).await.ok();
            while stream.read(&mut heard).await.is_ok_and(|many| many > 0) {}
        })
        .await;
        let otlp = format!("{{ endpoint: \"{scheme}://{at}\", protocol: {protocol}, signals: [logs] }}");
        let world = world(&format!("telemetry: {{ otlp: {otlp} }}\n")).await;
        let (code, told, _) = world.run(&["telemetry", "test"]);
        assert!(code == 1 && told.contains("help: it may") && told.contains(wanted), "{scheme} {protocol}: {told}");
    }
}
