//! One request to a collector, and its answer; over gRPC or HTTP.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::answer::{Answer, Refusal, line};
use super::dial::Dial;
use super::grpc::Grpc;
use super::web::Web;
use crate::telemetry::{Otlp, Protocol, Signal};

pub(super) const USER_AGENT: &str = concat!("unbroken/", env!("CARGO_PKG_VERSION"));

/// The settings of a collector do not fit together: why.
#[derive(Debug)]
pub(in crate::telemetry) struct Unwired(pub(in crate::telemetry) String);

#[derive(Debug)]
pub(super) struct Wire {
    shown: String,
    /// What must not come back in an answer's text, the longest first.
    secrets: Vec<String>,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    Grpc(Box<Grpc>),
    Web(Box<Web>),
}

impl Wire {
    /// Connects to nothing yet.
    pub(super) fn new(otlp: &Otlp) -> Result<Self, Unwired> {
        let transport = match otlp.protocol {
            Protocol::Grpc => Transport::Grpc(Box::new(Grpc::new(otlp, Dial::new(otlp)?)?)),
            Protocol::HttpProtobuf => Transport::Web(Box::new(Web::new(otlp)?)),
        };
        let secrets = secrets(otlp.headers.iter().map(|(_, value)| value));
        Ok(Self { shown: otlp.shown().into_owned(), secrets, transport })
    }

    /// The collector, for messages.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) async fn send(&self, signal: Signal, body: Bytes) -> Result<Answer, Refusal> {
        let answer = match &self.transport {
            Transport::Grpc(grpc) => grpc.send(signal, body).await,
            Transport::Web(web) => web.send(signal, body).await,
        };
        match answer {
            Ok(answer) => Ok(Answer { message: self.clean(&answer.message), ..answer }),
            Err(Refusal::Unreachable(text)) => Err(Refusal::Unreachable(self.clean(&text))),
            Err(Refusal::Busy { text, after }) => Err(Refusal::Busy { text: self.clean(&text), after }),
            Err(Refusal::Refused(text)) => Err(Refusal::Refused(self.clean(&text))),
        }
    }

    /// One line, without a header's value that a collector may repeat.
    fn clean(&self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let hidden = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        line(&hidden)
    }
}

/// Shorter ones are words of every sentence.
const VALUE_BYTES_MIN: usize = 4;
const WORD_BYTES_MIN: usize = 8;

/// Values of headers, and each of their words: whoever refuses `Bearer abc` says that `abc` is wrong.
fn secrets<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut secrets = BTreeSet::new();
    for value in values {
        let words = value.split([' ', ',', ';', '=', ':', '"']).filter(|word| word.len() >= WORD_BYTES_MIN);
        secrets.extend(words.chain((value.len() >= VALUE_BYTES_MIN).then_some(value)));
    }
    let mut secrets: Vec<String> = secrets.into_iter().map(str::to_owned).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}
