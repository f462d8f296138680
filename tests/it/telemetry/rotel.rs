//! A real collector takes all three signals, by both protocols.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use unbroken::telemetry::{Signal, spans};

use super::failing;
use super::outlets::{exporter, metric, record, source};
use crate::parts::Rotel;
use crate::web::halcyon::{self, Mood};

/// It prints one signal only: there is one for each.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_traces_metrics_and_logs_by_grpc_and_http() {
    let folder = tempfile::tempdir().unwrap();
    let (reading, map) = (Arc::new(failing()), halcyon::snapshot(Mood::BillingDown).map);
    let trace = reading.trace.to_string();
    let of_traces: &[&str] =
        &[&trace, "probe billing/visit", "step Open the latest bill", "unbroken.verdict", "http.response.status_code"];
    let wanted = [
        (Signal::Traces, of_traces, spans(&reading, &map).len() as u64),
        (Signal::Metrics, &["unbroken_rotel_total", "service.instance.id"], 3),
        (Signal::Logs, &["the store is full", "service.instance.id"], 1),
    ];
    for (signal, texts, many) in wanted {
        let rotel = Rotel::printing(signal.label(), folder.path());
        for (protocol, at) in [("grpc", rotel.grpc), ("http/protobuf", rotel.http)] {
            let before = rotel.text().len();
            let otlp = json!({ "endpoint": format!("http://{at}"), "protocol": protocol, "compression": "gzip",
                "headers": { "x-tenant": "halcyon" } });
            let exporter = exporter(&json!({ "otlp": otlp }));
            exporter.export(&reading, &map);
            exporter.log(&record("the store is full"));
            exporter.measure(&source(metric("unbroken_rotel_total", 3)));
            exporter.shutdown(Duration::from_secs(5)).await;
            let tally = exporter.tally(signal);
            assert_eq!((tally.sent, tally.lost()), (many, 0), "{protocol} {signal:?}");
            let printed = || rotel.text()[before..].to_owned();
            for text in texts {
                rotel.wait(&format!("printing `{text}`, by {protocol}"), || printed().contains(text));
            }
        }
    }
}
