//! What a collector says to what it was sent.

use std::time::Duration;

use prost::Message;

/// It was taken; perhaps not all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Spans, data points or log records that the collector did not want.
    pub refused: u64,
    /// Why; a warning if nothing was refused.
    pub message: String,
}

/// It was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Worth another attempt.
    #[error("does not answer: {0}")]
    Unreachable(String),
    /// Worth another attempt, in the time that was asked for.
    #[error("cannot take it now: {text}")]
    Busy { text: String, after: Option<Duration> },
    /// It would be refused again.
    #[error("refuses it: {0}")]
    Refused(String),
}

/// The answers to all three signals are one message on the wire, but for the name of a field.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(message, optional, tag = "1")]
    partial: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let Some(Partial { rejected, message }) = response.partial else { return Self::default() };
        Self { refused: u64::try_from(rejected).unwrap_or_default(), message }
    }
}

/// Texts from outside have a limit.
const TEXT_CHARS_MAX: usize = 300;

/// One line of what a collector wrote.
pub(super) fn line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(TEXT_CHARS_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};

    use super::*;

    #[test]
    fn what_was_not_wanted_is_read_of_all_three() {
        let text = || "too long".to_owned();
        let traces = ExportTracePartialSuccess { rejected_spans: 3, error_message: text() };
        let metrics = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: text() };
        let logs = ExportLogsPartialSuccess { rejected_log_records: 3, error_message: text() };
        for bytes in [
            ExportTraceServiceResponse { partial_success: Some(traces) }.encode_to_vec(),
            ExportMetricsServiceResponse { partial_success: Some(metrics) }.encode_to_vec(),
            ExportLogsServiceResponse { partial_success: Some(logs) }.encode_to_vec(),
        ] {
            let answer = Answer::from(Response::decode(&*bytes).expect("a response"));
            assert_eq!(answer, Answer { refused: 3, message: text() });
        }
        let hostile = Response { partial: Some(Partial { rejected: -5, message: String::new() }) };
        assert_eq!(Answer::from(hostile).refused, 0);
    }
}
