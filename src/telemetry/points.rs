//! Series as OpenTelemetry's data points. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as proto;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, exemplar, number_data_point};

use super::ends::{Ends, Shape, Told};
use super::histogram::{Exemplar, Exponential, Histogram};
use super::message::{nanos, pairs};
use super::metrics::{CATALOGUE, Family, Number, Sink, Type};
use super::spans::Value;

/// Data points of one family that are handed on together.
const POINTS_AT_ONCE: usize = 1_024;
const NO_VALUE: u32 = proto::DataPointFlags::NoRecordedValueMask as u32;
/// Everything is counted since its beginning: whoever misses a message misses nothing.
const CUMULATIVE: i32 = proto::AggregationTemporality::Cumulative as i32;

/// The messages as they are made, family by family; taken away in pieces, for all of them would be our largest thing.
#[derive(Debug)]
pub(super) struct Points {
    now: Timestamp,
    /// Now, and when counters began, in nanoseconds.
    at: u64,
    since: u64,
    family: Option<&'static Family>,
    of: Of,
    done: Vec<Metric>,
    told: HashSet<Told>,
    ends: Arc<Ends>,
}

/// What was written of a family so far.
#[derive(Debug, Default)]
struct Of {
    numbers: Vec<proto::NumberDataPoint>,
    fixed: Vec<proto::HistogramDataPoint>,
    exponential: Vec<proto::ExponentialHistogramDataPoint>,
}

impl Points {
    /// Of one moment; counters count `since` then. What came to its `ends` is told at the end.
    pub(super) fn new(at: Timestamp, since: Timestamp, ends: &Arc<Ends>) -> Self {
        let (now, at) = (at, nanos(at));
        Self {
            now,
            at,
            since: nanos(since).min(at),
            family: None,
            of: Of::default(),
            done: Vec::new(),
            told: HashSet::new(),
            ends: Arc::clone(ends),
        }
    }

    /// What is whole, or large enough.
    pub(super) fn take(&mut self) -> Vec<Metric> {
        if self.of.len() >= POINTS_AT_ONCE {
            self.close();
        }
        std::mem::take(&mut self.done)
    }

    /// The rest, and a last point without a value of every series that is gone.
    pub(super) fn end(&mut self) -> Vec<Metric> {
        for gone in self.ends.after(std::mem::take(&mut self.told)) {
            if self.family.is_none_or(|family| family.name != gone.family) {
                self.close();
                self.family = CATALOGUE.iter().find(|family| family.name == gone.family).copied();
            }
            self.last(&gone);
        }
        self.close();
        std::mem::take(&mut self.done)
    }

    fn close(&mut self) {
        let Some(family) = self.family else { return };
        let Of { numbers, fixed, exponential } = std::mem::take(&mut self.of);
        if !numbers.is_empty() {
            self.done.push(metric(family, many(family.of, numbers)));
        }
        if !fixed.is_empty() {
            let data = proto::Histogram { data_points: fixed, aggregation_temporality: CUMULATIVE };
            self.done.push(metric(family, Data::Histogram(data)));
        }
        if !exponential.is_empty() {
            let data = proto::ExponentialHistogram { data_points: exponential, aggregation_temporality: CUMULATIVE };
            self.done.push(metric(family, Data::ExponentialHistogram(data)));
        }
    }

    /// A clock that was set back says that what is counted begins in the future, which no receiver takes.
    fn begun(&self, since: Timestamp) -> u64 {
        nanos(since).min(self.at)
    }

    fn last(&mut self, gone: &Told) {
        let attributes = self.attributes(&gone.labels());
        let (start_time_unix_nano, time_unix_nano) = (self.start(), self.at);
        match gone.shape {
            Shape::Number => self.of.numbers.push(proto::NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags: NO_VALUE,
                ..Default::default()
            }),
            Shape::Fixed => self.of.fixed.push(proto::HistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags: NO_VALUE,
                ..Default::default()
            }),
            Shape::Exponential => self.of.exponential.push(proto::ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags: NO_VALUE,
                ..Default::default()
            }),
        }
    }

    /// A gauge is of its moment only.
    fn start(&self) -> u64 {
        if self.family.is_some_and(|family| family.of == Type::Gauge) { 0 } else { self.since }
    }

    fn tell(&mut self, shape: Shape, labels: &[&str]) {
        if let Some(family) = self.family {
            self.told.insert(Told::new(family.name, shape, labels));
        }
    }

    fn attributes(&self, values: &[&str]) -> Vec<KeyValue> {
        let labels = self.family.map_or(&[][..], |family| family.labels);
        let labelled = labels.iter().zip(values).filter(|(_, value)| !value.is_empty());
        pairs(labelled.map(|(name, value)| (*name, Value::Text((*value).into()))).collect())
    }

    fn fixed(&self, labels: &[&str], histogram: &Histogram) -> proto::HistogramDataPoint {
        proto::HistogramDataPoint {
            attributes: self.attributes(labels),
            start_time_unix_nano: self.begun(histogram.since),
            time_unix_nano: self.at,
            count: histogram.counts.iter().sum(),
            sum: Some(histogram.sum),
            bucket_counts: histogram.counts.to_vec(),
            explicit_bounds: histogram.bounds.to_vec(),
            exemplars: histogram.exemplar_of_late(self.now).iter().map(exemplar).collect(),
            ..Default::default()
        }
    }

    fn exponential(
        &self,
        labels: &[&str],
        histogram: &Histogram,
        exponential: &Exponential,
    ) -> proto::ExponentialHistogramDataPoint {
        proto::ExponentialHistogramDataPoint {
            attributes: self.attributes(labels),
            start_time_unix_nano: self.begun(histogram.since),
            time_unix_nano: self.at,
            count: histogram.counts.iter().sum(),
            sum: Some(histogram.sum),
            scale: exponential.scale(),
            zero_count: exponential.zeros(),
            positive: Some(proto::exponential_histogram_data_point::Buckets {
                offset: exponential.offset(),
                bucket_counts: exponential.counts().to_vec(),
            }),
            exemplars: histogram.exemplar_of_late(self.now).iter().map(exemplar).collect(),
            ..Default::default()
        }
    }
}

impl Of {
    fn len(&self) -> usize {
        self.numbers.len() + self.fixed.len() + self.exponential.len()
    }
}

impl Sink for Points {
    fn family(&mut self, family: &'static Family) {
        self.close();
        self.family = Some(family);
    }

    fn number(&mut self, labels: &[&str], number: Number) {
        self.tell(Shape::Number, labels);
        self.of.numbers.push(proto::NumberDataPoint {
            attributes: self.attributes(labels),
            start_time_unix_nano: self.start(),
            time_unix_nano: self.at,
            value: Some(match number {
                Number::Whole(whole) => number_data_point::Value::AsInt(i64::try_from(whole).unwrap_or(i64::MAX)),
                Number::Real(real) => number_data_point::Value::AsDouble(real),
            }),
            ..Default::default()
        });
    }

    fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        let shape = if histogram.exponential.is_some() { Shape::Exponential } else { Shape::Fixed };
        self.tell(shape, labels);
        if let Some(exponential) = &histogram.exponential {
            let point = self.exponential(labels, histogram, exponential);
            self.of.exponential.push(point);
        } else {
            let point = self.fixed(labels, histogram);
            self.of.fixed.push(point);
        }
    }
}

fn metric(family: &Family, data: Data) -> Metric {
    Metric {
        name: family.name.to_owned(),
        description: family.help.to_owned(),
        unit: family.unit.ucum(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn many(of: Type, data_points: Vec<proto::NumberDataPoint>) -> Data {
    match of {
        Type::Counter => Data::Sum(proto::Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true }),
        Type::Gauge | Type::Histogram => Data::Gauge(proto::Gauge { data_points }),
    }
}

fn exemplar(exemplar: &Exemplar) -> proto::Exemplar {
    proto::Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: nanos(exemplar.at),
        span_id: exemplar.span.0.to_be_bytes().to_vec(),
        trace_id: exemplar.trace.0.to_be_bytes().to_vec(),
        value: Some(exemplar::Value::AsDouble(exemplar.seconds)),
    }
}
