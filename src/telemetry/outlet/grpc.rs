//! OTLP over gRPC.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use prost::Message;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::answer::{Answer, Refusal, Response};
use super::dial::Dial;
use super::wire::{USER_AGENT, Unwired};
use crate::telemetry::settings::Compression;
use crate::telemetry::{Otlp, Signal};
use crate::words::chain;

/// An answer is a few words.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Grpc {
    dial: Dial,
    endpoint: Endpoint,
    channel: Mutex<Channel>,
    metadata: MetadataMap,
    compression: Compression,
    timeout: Duration,
}

impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grpc({:?})", self.dial)
    }
}

impl Grpc {
    pub(super) fn new(otlp: &Otlp, dial: Dial) -> Result<Self, Unwired> {
        let unwired = |error: &dyn fmt::Display| Unwired(error.to_string());
        let authority = dial.authority();
        let origin: Uri = format!("{}://{authority}", dial.scheme()).parse().map_err(|error| unwired(&error))?;
        // TLS is our own: tonic is to believe that there is none, and says the true scheme to the collector.
        let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|error| unwired(&chain(&error)))?;
        let endpoint = endpoint.origin(origin).user_agent(USER_AGENT).map_err(|error| unwired(&chain(&error)))?;
        let mut metadata = MetadataMap::new();
        for (name, value) in otlp.headers.iter() {
            let name: MetadataKey<Ascii> =
                name.parse().map_err(|_| unwired(&format!("`{name}` is no header's name")))?;
            let value = MetadataValue::try_from(value);
            let mut value =
                value.map_err(|_| unwired(&format!("the header `{name}` has a value that cannot be sent")))?;
            value.set_sensitive(true);
            metadata.insert(name, value);
        }
        let channel = Mutex::new(channel(&endpoint, &dial));
        Ok(Self { dial, endpoint, channel, metadata, compression: otlp.compression, timeout: otlp.timeout() })
    }

    pub(super) async fn send(&self, signal: Signal, body: Bytes) -> Result<Answer, Refusal> {
        if let Ok(answer) = tokio::time::timeout(self.timeout, self.call(signal, body)).await {
            return answer;
        }
        // A connection that leads nowhere would be kept for ever.
        *self.lock() = channel(&self.endpoint, &self.dial);
        Err(Refusal::Unreachable(format!("no answer within {:?}", self.timeout)))
    }

    async fn call(&self, signal: Signal, body: Bytes) -> Result<Answer, Refusal> {
        let channel = self.lock().clone();
        let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        if self.compression == Compression::Gzip {
            client = client.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
        }
        client.ready().await.map_err(|error| Refusal::Unreachable(chain(&error)))?;
        let mut request = Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        let answer = client.unary(request, PathAndQuery::from_static(signal.method()), Encoded).await;
        answer.map(|response| response.into_inner().into()).map_err(|status| refusal(&status))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Channel> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn channel(endpoint: &Endpoint, dial: &Dial) -> Channel {
    let dial = dial.clone();
    endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
        let dial = dial.clone();
        async move { dial.connect().await.map(TokioIo::new) }
    }))
}

/// Source: OpenTelemetry protocol specification, "OTLP/gRPC failures", "OTLP/gRPC throttling".
fn refusal(status: &Status) -> Refusal {
    // What comes from the collector has no cause of ours.
    if let Some(cause) = std::error::Error::source(status) {
        return Refusal::Unreachable(chain(cause));
    }
    let text = if status.message().is_empty() { status.code().description() } else { status.message() };
    let text = format!("{} ({:?})", text, status.code());
    let after = status.get_details_retry_info().map(|info| info.retry_delay.unwrap_or_default());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Refusal::Busy { text, after },
        Code::ResourceExhausted if after.is_some() => Refusal::Busy { text, after },
        _ => Refusal::Refused(text),
    }
}

/// Requests that are bytes already: what is tried again is not made again.
#[derive(Clone, Copy)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = Response;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.reserve(item.len());
        into.put(item);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Response;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Response>, Status> {
        // Whatever stands there, the request was taken.
        let response = Response::decode(&mut *from).unwrap_or_default();
        from.advance(from.remaining());
        Ok(Some(response))
    }
}
