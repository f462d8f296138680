//! Metrics as collectors are sent them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, ExponentialHistogramDataPoint, Metric};
use unbroken::model::{ProbeId, Reading, Series, Snapshot};
use unbroken::telemetry::{
    Buckets, CATALOGUE, Ends, Exported, Exposition, Footprint, Gauges, Life, Metrics, Outbox, Signal, Tally, Traced,
    Type,
};

use crate::telemetry::collector::Collector;
use crate::web::halcyon::{self, Mood};
use crate::world::{Hook, Target, World};

fn begun() -> Timestamp {
    halcyon::now() - SignedDuration::from_hours(2)
}

fn reading(minutes_ago: i64) -> Reading {
    let series =
        Series { probe: ProbeId::new("billing", "visit"), persona: Some("anna".into()), vantage: "here".into() };
    let at = halcyon::now() - SignedDuration::from_mins(minutes_ago);
    halcyon::reading(&series, at, true, &str::to_owned)
}

fn gauges() -> Gauges {
    let outbox = Outbox { pending: 2, dead: 1, stuck: Duration::from_millis(1500) };
    let tally = Tally { sent: 40, refused: 3, failed: 2, dropped: 1, ..Tally::default() };
    let exported =
        Signal::ALL.map(|signal| Exported { collector: "http://otel:4317".to_owned(), signal, tally }).into();
    let footprint =
        Footprint { cpu_seconds: 1.5, resident_bytes: 64 << 20, open_descriptors: 9, descriptors_max: Some(1024) };
    Gauges { life: Life::Moves, outbox, exported, footprint: Some(footprint) }
}

fn busy(buckets: Buckets) -> Arc<Metrics> {
    let metrics = Arc::new(Metrics::new(begun(), buckets));
    for minutes_ago in [30, 20, 0] {
        let reading = reading(minutes_ago);
        metrics.due().end(&reading.outcome.verdict);
        metrics.observe(&reading, Duration::from_millis(3), Traced::Yes);
    }
    metrics.wrote(Duration::from_millis(2));
    metrics.notified("hook", "delivered");
    metrics
}

fn measured(metrics: &Arc<Metrics>, snapshot: &Arc<Snapshot>) -> Vec<Metric> {
    metrics.measure(snapshot, gauges(), halcyon::now(), &Arc::default()).collect()
}

fn labels(attributes: &[KeyValue]) -> String {
    let label = |pair: &KeyValue| {
        let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
        let Some(Any::StringValue(text)) = value else { panic!("{pair:?} is no text") };
        format!("{}=\"{text}\"", pair.key)
    };
    let inner: Vec<String> = attributes.iter().map(label).collect();
    if inner.is_empty() { String::new() } else { format!("{{{}}}", inner.join(",")) }
}

/// The series of numbers by name and labels, as the text has them; of histograms how many and how much.
fn numbers(metrics: &[Metric]) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::new();
    for metric in metrics {
        let points = match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => &sum.data_points,
            Data::ExponentialHistogram(histogram) => {
                for point in &histogram.data_points {
                    let labels = labels(&point.attributes);
                    numbers.insert(format!("{}_count{labels}", metric.name), point.count as f64);
                    numbers.insert(format!("{}_sum{labels}", metric.name), point.sum.unwrap());
                }
                continue;
            }
            other => panic!("{other:?}"),
        };
        for point in points {
            let value = match point.value.unwrap() {
                Number::AsInt(whole) => whole as f64,
                Number::AsDouble(real) => real,
            };
            let before = numbers.insert(format!("{}{}", metric.name, labels(&point.attributes)), value);
            assert_eq!(before, None, "twice: {}{}", metric.name, labels(&point.attributes));
        }
    }
    numbers
}

fn histograms<'a>(metrics: &'a [Metric], name: &str) -> Vec<&'a ExponentialHistogramDataPoint> {
    let of_name = metrics.iter().filter(|metric| metric.name == name);
    let points = of_name.flat_map(|metric| match metric.data.as_ref().unwrap() {
        Data::ExponentialHistogram(histogram) => histogram.data_points.iter(),
        other => panic!("{other:?}"),
    });
    points.collect()
}

#[test]
fn what_is_sent_is_what_is_scraped() {
    let (metrics, snapshot) = (busy(Buckets::Exponential), Arc::new(halcyon::snapshot(Mood::BillingDown)));
    let text: String = metrics.render(&snapshot, gauges(), Exposition::Prometheus, halcyon::now()).collect();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket{"));
    let scraped: BTreeMap<String, f64> = lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect();
    assert!(scraped.len() > 60, "{text}");
    assert_eq!(numbers(&measured(&metrics, &snapshot)), scraped);
}

#[test]
fn each_family_is_sent_as_the_catalogue_has_it() {
    let snapshot = Arc::new(halcyon::snapshot(Mood::BillingDown));
    let all = measured(&busy(Buckets::Exponential), &snapshot);
    for metric in &all {
        let family = CATALOGUE.iter().find(|family| family.name == metric.name).expect("a known name");
        assert_eq!((metric.description.as_str(), metric.unit.as_str()), (family.help, family.unit.ucum().as_str()));
        let (of, begins) = match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => (Type::Gauge, gauge.data_points[0].start_time_unix_nano),
            Data::Sum(sum) => {
                assert!(sum.is_monotonic);
                assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
                (Type::Counter, sum.data_points[0].start_time_unix_nano)
            }
            Data::ExponentialHistogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Cumulative);
                (Type::Histogram, histogram.data_points[0].start_time_unix_nano)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(of, family.of, "{}", metric.name);
        assert_eq!(begins == 0, of == Type::Gauge, "{} begins {begins}", metric.name);
    }
    let names: Vec<&str> = all.iter().map(|metric| metric.name.as_str()).collect();
    assert!(names.contains(&"unbroken_journey_score") && names.contains(&"unbroken_exported_total"), "{names:?}");
}

#[test]
fn a_histogram_counts_everything_and_points_at_runs() {
    let snapshot = Arc::new(halcyon::snapshot(Mood::BillingDown));
    let all = measured(&busy(Buckets::Exponential), &snapshot);
    let [duration] = histograms(&all, "unbroken_probe_duration_seconds")[..] else { panic!("one probe ran") };
    let buckets = duration.positive.as_ref().unwrap();
    assert_eq!((duration.count, buckets.bucket_counts.iter().sum::<u64>() + duration.zero_count), (3, 3));
    // All three took 0.64 s: one bucket, around it.
    assert_eq!(buckets.bucket_counts, [3]);
    let base = f64::from(-duration.scale).exp2().exp2();
    let (low, high) = (base.powi(buckets.offset), base.powi(buckets.offset + 1));
    assert!(low < 0.64 && 0.64 <= high && high / low < 1.05, "{low} {high}");
    let newest = reading(0);
    let points = |trace: u128| duration.exemplars.iter().any(|exemplar| exemplar.trace_id == trace.to_be_bytes());
    assert!(points(newest.trace.0), "{:?}", duration.exemplars);
    let exemplar = duration.exemplars.iter().find(|one| one.trace_id == newest.trace.0.to_be_bytes()).unwrap();
    assert_eq!(exemplar.span_id, newest.span.0.to_be_bytes());
    assert_eq!(i128::from(exemplar.time_unix_nano), newest.ended().as_nanosecond());
    let later: Vec<Metric> = busy(Buckets::Exponential)
        .measure(&snapshot, gauges(), halcyon::now() + SignedDuration::from_mins(3), &Arc::default())
        .collect();
    let [duration] = histograms(&later, "unbroken_probe_duration_seconds")[..] else { panic!("one probe ran") };
    assert_eq!(duration.exemplars, [], "it was told in its minute");
    let phases = histograms(&all, "unbroken_probe_phase_seconds");
    assert!(phases.len() > 3 && phases.iter().all(|point| point.count >= 3), "{phases:?}");
}

#[test]
fn a_series_ends_with_its_probe_and_begins_anew() {
    let (metrics, snapshot) = (busy(Buckets::Exponential), Arc::new(halcyon::snapshot(Mood::BillingDown)));
    let since = |all: &[Metric]| {
        let points = histograms(all, "unbroken_probe_duration_seconds");
        points.iter().map(|point| (i128::from(point.start_time_unix_nano), point.count)).collect::<Vec<_>>()
    };
    assert_eq!(since(&measured(&metrics, &snapshot)), [(reading(30).started.as_nanosecond(), 3)]);
    let mut map = (*snapshot.map).clone();
    map.touchpoints.remove(&"billing".into());
    let mut without = (*snapshot).clone();
    (without.map, without.touchpoints) = (Arc::new(map), BTreeMap::new());
    let gone = measured(&metrics, &Arc::new(without));
    assert_eq!(since(&gone), []);
    assert!(numbers(&gone).keys().all(|series| !series.contains("probe=\"visit\"")), "no point of the past");
    // It comes back: nothing of before is counted, nor is the time in which it was not there.
    assert_eq!(since(&measured(&metrics, &snapshot)), []);
    metrics.observe(&reading(1), Duration::ZERO, Traced::No);
    let exemplars = |all: &[Metric]| histograms(all, "unbroken_probe_duration_seconds")[0].exemplars.len();
    assert_eq!(exemplars(&measured(&metrics, &snapshot)), 0, "nobody has that trace");
    assert_eq!(since(&measured(&metrics, &snapshot)), [(reading(1).started.as_nanosecond(), 1)]);
}

#[test]
fn a_collector_hears_once_that_a_series_has_ended() {
    for (buckets, shape) in [(Buckets::Fixed, "Histogram"), (Buckets::Exponential, "ExponentialHistogram")] {
        let (metrics, snapshot) = (busy(buckets), Arc::new(halcyon::snapshot(Mood::BillingDown)));
        let mut map = (*snapshot.map).clone();
        map.touchpoints.remove(&"billing".into());
        let mut without = (*snapshot).clone();
        (without.map, without.touchpoints) = (Arc::new(map), BTreeMap::new());
        let (without, ends) = (Arc::new(without), Arc::<Ends>::default());
        let ended = |snapshot: &Arc<Snapshot>| -> Vec<String> {
            let all: Vec<Metric> = metrics.measure(snapshot, gauges(), halcyon::now(), &ends).collect();
            let of = |metric: &Metric| -> Vec<String> {
                let name =
                    |shape: &str, attributes: &[KeyValue]| format!("{} {} {shape}", metric.name, labels(attributes));
                match metric.data.as_ref().unwrap() {
                    Data::Gauge(of) => of
                        .data_points
                        .iter()
                        .filter(|at| at.flags == 1)
                        .map(|at| {
                            assert_eq!(at.value, None);
                            name("Gauge", &at.attributes)
                        })
                        .collect(),
                    Data::Sum(of) => {
                        of.data_points.iter().filter(|at| at.flags == 1).map(|at| name("Sum", &at.attributes)).collect()
                    }
                    Data::Histogram(of) => of
                        .data_points
                        .iter()
                        .filter(|at| at.flags == 1)
                        .map(|at| name("Histogram", &at.attributes))
                        .collect(),
                    Data::ExponentialHistogram(of) => of
                        .data_points
                        .iter()
                        .filter(|at| at.flags == 1)
                        .map(|at| name("ExponentialHistogram", &at.attributes))
                        .collect(),
                    other => panic!("{other:?}"),
                }
            };
            all.iter().flat_map(of).collect()
        };
        assert_eq!(ended(&snapshot), [""; 0]);
        assert_eq!(ended(&snapshot), [""; 0]);
        let gone = ended(&without);
        let has = |name: &str, of: &str| {
            gone.iter().any(|line| line.starts_with(name) && line.contains("billing") && line.ends_with(of))
        };
        assert!(
            has("unbroken_probe_duration_seconds ", shape) && has("unbroken_probe_phase_seconds ", shape),
            "{gone:#?}"
        );
        assert!(has("unbroken_touchpoint_health ", "Gauge") && has("unbroken_probe_up ", "Gauge"), "{gone:#?}");
        assert!(!gone.iter().any(|line| line.starts_with("unbroken_runs_due_total")), "{gone:#?}");
        assert_eq!(ended(&without), [""; 0], "it was told");
    }
}

#[test]
fn nothing_begins_after_it_ends_though_the_clock_was_set_back() {
    let snapshot = Arc::new(halcyon::snapshot(Mood::BillingDown));
    for buckets in [Buckets::Fixed, Buckets::Exponential] {
        let before = begun() - SignedDuration::from_hours(1);
        let all: Vec<Metric> = busy(buckets).measure(&snapshot, gauges(), before, &Arc::default()).collect();
        let times = all.iter().flat_map(|metric| match metric.data.as_ref().unwrap() {
            Data::Gauge(_) => Vec::new(),
            Data::Sum(of) => of.data_points.iter().map(|at| (at.start_time_unix_nano, at.time_unix_nano)).collect(),
            Data::Histogram(of) => {
                of.data_points.iter().map(|at| (at.start_time_unix_nano, at.time_unix_nano)).collect()
            }
            Data::ExponentialHistogram(of) => {
                of.data_points.iter().map(|at| (at.start_time_unix_nano, at.time_unix_nano)).collect()
            }
            other => panic!("{other:?}"),
        });
        let times: Vec<(u64, u64)> = times.collect();
        assert!(times.len() > 10 && times.iter().all(|(start, end)| *start > 0 && start <= end), "{times:?}");
    }
}

#[test]
fn a_reload_ends_series_though_nobody_looks() {
    let (metrics, snapshot) = (busy(Buckets::Fixed), Arc::new(halcyon::snapshot(Mood::BillingDown)));
    let mut map = (*snapshot.map).clone();
    map.touchpoints.remove(&"billing".into());
    metrics.keep(&map);
    metrics.keep(&snapshot.map);
    let all: Vec<Metric> = metrics.measure(&snapshot, gauges(), halcyon::now(), &Arc::default()).collect();
    assert!(all.iter().all(|metric| metric.name != "unbroken_probe_duration_seconds"));
}

/// Who does not know exponential ones is sent those that Prometheus text has.
#[test]
fn fixed_buckets_are_sent_as_they_are_scraped() {
    let (metrics, snapshot) = (busy(Buckets::Fixed), Arc::new(halcyon::snapshot(Mood::BillingDown)));
    let all = measured(&metrics, &snapshot);
    let lateness = all.iter().find(|metric| metric.name == "unbroken_schedule_lateness_seconds").unwrap();
    let Some(Data::Histogram(histogram)) = &lateness.data else { panic!("{lateness:?}") };
    let point = &histogram.data_points[0];
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    // 3 ms are within 5 ms.
    let place = point.explicit_bounds.iter().position(|bound| *bound == 0.005).unwrap();
    assert_eq!((point.count, point.bucket_counts[place]), (3, 3));
    assert_eq!(i128::from(point.start_time_unix_nano), begun().as_nanosecond());
}

#[tokio::test]
async fn a_collector_is_sent_what_the_daemon_measures() {
    let (target, hook, collector) = (Target::start().await, Hook::start().await, Collector::start().await);
    let mut world = World::new(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    let telemetry = format!(
        "telemetry:\n  every: 1s\n  otlp: {{ endpoint: \"http://{}\", protocol: http/protobuf, compression: gzip }}\n",
        collector.address
    );
    world.write("config/unbroken.yaml", &format!("{settings}{telemetry}"));
    world.start().await;
    world.until_score("buy", 100.0).await;
    let sent = || {
        let requests: Vec<ExportMetricsServiceRequest> = collector.of("metrics");
        let scopes = requests.into_iter().flat_map(|request| request.resource_metrics).flat_map(|of| of.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect::<Vec<Metric>>()
    };
    let score = |all: &[Metric], points: f64| {
        let of_name = all.iter().filter(|metric| metric.name == "unbroken_journey_score");
        of_name.flat_map(|metric| numbers(std::slice::from_ref(metric))).any(|(_, value)| value == points)
    };
    world.until("a collector has the score", async |_: &World| score(&sent(), 100.0)).await;
    target.break_();
    world.until("a collector has the loss", async |_: &World| score(&sent(), 0.0)).await;
    let all = sent();
    let runs = histograms(&all, "unbroken_probe_duration_seconds");
    let [first, last] = [runs.first().unwrap(), runs.last().unwrap()];
    assert!(last.count > first.count && last.time_unix_nano > first.time_unix_nano, "{first:?} {last:?}");
    assert_eq!(last.start_time_unix_nano, first.start_time_unix_nano, "it counts on");
    assert_eq!(labels(&last.attributes), "{touchpoint=\"shop\",probe=\"home\"}");
    // What is still to be sent at the stop is sent.
    let before = sent().len();
    world.stop().await;
    assert!(sent().len() > before, "nothing was sent at the end");
}
