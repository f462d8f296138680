use std::time::Duration;

use super::*;
use crate::telemetry::Buckets;
use crate::telemetry::settings::{Address, Compression, Otlp, Protocol};

fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
    read_after(Settings::default(), pairs)
}

fn read_after(settings: Settings, pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
    let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (settings, odd) = settings.or_environment(&environment);
    (settings, odd.iter().map(ToString::to_string).collect())
}

fn file(json: &str) -> Settings {
    serde_json::from_str(json).expect("settings")
}

#[test]
fn one_collector_for_everything() {
    let (settings, odd) = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b,authorization=Bearer%20x"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ]);
    assert_eq!(odd, [""; 0]);
    let [otlp] = &*settings.otlp else { panic!("{settings:?}") };
    assert_eq!((otlp.protocol, otlp.address), (Protocol::HttpProtobuf, Address::Base));
    assert_eq!((otlp.compression, otlp.timeout()), (Compression::Gzip, Duration::from_millis(2500)));
    assert_eq!(otlp.signals, Signal::ALL);
    assert_eq!(otlp.headers.iter().collect::<Vec<_>>(), [("authorization", "Bearer x"), ("x-tenant", "a b")]);
    assert!(!format!("{settings:?}").contains("Bearer x"));
    assert_eq!(read(&[]), (Settings::default(), vec![]));
    assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), (Settings::default(), vec![]));
}

#[test]
fn each_signal_may_go_elsewhere() {
    let (settings, odd) = read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs.example/in"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ]);
    assert_eq!(odd, [""; 0]);
    let [traces, logs] = &*settings.otlp else { panic!("{settings:?}") };
    assert_eq!((traces.endpoint.as_str(), &*traces.signals), ("http://collector:4317/", &[Signal::Traces][..]));
    assert_eq!(logs.url(Signal::Logs).as_str(), "https://logs.example/in", "as it is written");
    assert!(logs.tls.as_ref().is_some_and(|tls| tls.ca.is_some()) && traces.tls.is_none());
    let (local, _) = read(&[("OTEL_TRACES_EXPORTER", "otlp")]);
    assert_eq!(local.otlp, [Otlp { signals: vec![Signal::Traces], ..local.otlp[0].clone() }]);
    assert_eq!(local.otlp[0].endpoint.as_str(), "http://localhost:4318/");
}

#[test]
fn the_file_wins_as_a_whole_and_that_is_told() {
    let settings = file(r#"{"otlp":{"endpoint":"http://file:4317"},"sample":"50%"}"#);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://variable:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x"),
        ("OTEL_SERVICE_NAME", "eyes"),
    ];
    let (read, odd) = read_after(settings.clone(), &variables);
    assert_eq!((&read.otlp, read.sample), (&settings.otlp, settings.sample));
    assert_eq!(read.standard.resource, [("service.name".to_owned(), "eyes".to_owned())]);
    assert_eq!(odd.len(), 2, "{odd:?}");
    assert!(odd.iter().all(|text| text.contains("the configuration names collectors") && !text.contains("Bearer")));
    let (off, odd) = read_after(settings, &[("OTEL_SDK_DISABLED", "TRUE")]);
    assert!(off.otlp.is_empty() && odd.len() == 1, "{odd:?}");
}

#[test]
fn words_are_read_in_whatever_case() {
    let (settings, odd) = read(&[
        ("OTEL_TRACES_EXPORTER", "OTLP"),
        ("OTEL_METRICS_EXPORTER", "None"),
        ("OTEL_LOGS_EXPORTER", "NONE"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZip"),
        ("OTEL_TRACES_SAMPLER", "ParentBased_Always_On"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "ALWAYS_ON"),
        ("OTEL_PROPAGATORS", "TraceContext,Baggage"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "Explicit_Bucket_Histogram"),
    ]);
    assert_eq!(odd, [""; 0]);
    let [otlp] = &*settings.otlp else { panic!("{settings:?}") };
    assert_eq!((&*otlp.signals, otlp.protocol), (&[Signal::Traces][..], Protocol::Grpc));
    assert_eq!((otlp.compression, settings.buckets()), (Compression::Gzip, Buckets::Fixed));
}

#[test]
fn the_files_interval_wins_and_that_is_told() {
    let file = file(r#"{"every":"30s"}"#);
    let (read, odd) = read_after(file.clone(), &[("OTEL_METRIC_EXPORT_INTERVAL", "15000")]);
    assert_eq!((read.every(), odd.len()), (Duration::from_secs(30), 1), "{odd:?}");
    assert!(odd[0].contains("the configuration says `every:`"), "{odd:?}");
    let (_, odd) = read_after(file, &[("OTEL_METRIC_EXPORT_INTERVAL", "often")]);
    assert!(odd.len() == 1 && odd[0].contains("often"), "{odd:?}");
}

#[test]
fn a_queue_that_holds_no_run_is_told() {
    let (settings, odd) = read(&[("OTEL_BSP_MAX_QUEUE_SIZE", "5"), ("OTEL_BLRP_MAX_QUEUE_SIZE", "64")]);
    assert_eq!((settings.standard.spans.queued_max, settings.standard.records.queued_max), (5, 64));
    assert!(odd.len() == 1 && odd[0].starts_with("OTEL_BSP_MAX_QUEUE_SIZE is so little"), "{odd:?}");
}

#[test]
fn what_is_sampled() {
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1");
    let sample = |sampler: &str, arg: &str| {
        let (settings, odd) = read(&[base, ("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", arg)]);
        (settings.sample.map(Percent::fraction), settings.otlp[0].signals.len(), odd.len())
    };
    assert_eq!(sample("always_on", ""), (Some(1.0), 3, 0));
    assert_eq!(sample("parentbased_traceidratio", "0.25"), (Some(0.25), 3, 0));
    assert_eq!(sample("traceidratio", ""), (Some(1.0), 3, 0));
    assert_eq!(sample("always_off", ""), (None, 2, 0), "then there are no traces at all");
    assert_eq!(sample("xray", "7"), (None, 3, 2));
}

#[test]
fn queues_and_ourselves() {
    let (settings, odd) = read(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "9"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "4000"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=x,deployment.environment.name=prod,service.name=x,team=a%2Cb"),
        ("OTEL_SERVICE_NAME", "eyes"),
    ]);
    assert_eq!(odd, [""; 0]);
    let standard = &settings.standard;
    assert_eq!((standard.spans.queued_max, standard.spans.batch), (1000, 1000));
    assert_eq!(standard.spans.within, Duration::from_millis(250));
    assert_eq!((standard.records.batch, standard.records.offered_for), (9, Duration::from_secs(4)));
    assert_eq!(settings.every(), Duration::from_secs(15));
    assert_eq!((settings.buckets(), Settings::default().buckets()), (Buckets::Fixed, Buckets::Exponential));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let wanted = [pair("deployment.environment.name", "prod"), pair("team", "a,b"), pair("service.name", "eyes")];
    assert_eq!(standard.resource, wanted);
}

#[test]
fn no_bad_value_is_ignored_in_silence() {
    let canary = "canary-5566";
    let bad = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:canary-5566@collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "canary-5566"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/etc/key.pem"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "perhaps"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "fine"),
        ("OTEL_LOGS_EXPORTER", "console"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "soon"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
    ];
    let (settings, odd) = read(&bad);
    assert_eq!((settings.otlp.len(), settings.sample), (0, None));
    for (name, _) in bad {
        let told = odd.iter().filter(|text| text.starts_with(&format!("{name} "))).count();
        assert_eq!(told, 1, "{name}: {odd:#?}");
    }
    assert_eq!(odd.len(), bad.len(), "{odd:#?}");
    assert!(odd.iter().all(|text| !text.contains(canary)), "{odd:#?}");
}
