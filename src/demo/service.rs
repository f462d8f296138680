//! What a service of the company tells of its own work: server spans by OpenTelemetry's SDK, as a customer's own would.
//!
//! Each has a name of its own, takes up the trace of whoever calls, and says nothing until it is told to whom
//! ([`Service::tell`]). Whoever calls with a `traceparent` finds these spans below the own ones, in one trace.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Response, Version};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use opentelemetry_semantic_conventions::attribute as semantic;

use super::touchpoint::Touchpoint;
use crate::telemetry::{Otlp, Protocol, Signal};

/// One of the company's services.
#[derive(Clone)]
pub(super) struct Service {
    name: String,
    scheme: &'static str,
    tracer: Arc<OnceLock<SdkTracer>>,
}

impl Service {
    pub(super) fn new(touchpoint: Touchpoint, scheme: &'static str) -> Self {
        Self { name: format!("halcyon-{}", touchpoint.id()), scheme, tracer: Arc::default() }
    }

    /// From now on the service tells these collectors what it does. Until the provider is shut down; a second call
    /// changes nothing. Must be called within a tokio runtime.
    pub(super) fn tell(&self, collectors: &[Otlp]) -> Result<SdkTracerProvider, ExporterBuildError> {
        let resource = Resource::builder()
            .with_service_name(self.name.clone())
            .with_attributes([
                KeyValue::new(semantic::SERVICE_NAMESPACE, "halcyon"),
                KeyValue::new(semantic::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let mut provider = SdkTracerProvider::builder().with_resource(resource);
        for collector in collectors {
            provider = provider.with_batch_exporter(exporter(collector)?);
        }
        let provider = provider.build();
        // Whoever told it before goes on.
        _ = self.tracer.set(provider.tracer("halcyon"));
        Ok(provider)
    }

    /// A customer asks for something; nothing is noted as long as nobody is told.
    pub(super) fn receive<B>(&self, request: &http::Request<B>) -> Option<Visit> {
        let tracer = self.tracer.get()?;
        let caller =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(request.headers()));
        let method = request.method().to_string();
        let mut attributes = vec![
            KeyValue::new(semantic::HTTP_REQUEST_METHOD, method.clone()),
            KeyValue::new(semantic::URL_SCHEME, self.scheme),
            // Without the query, in which a customer's key may stand.
            KeyValue::new(semantic::URL_PATH, request.uri().path().to_owned()),
            KeyValue::new(semantic::NETWORK_PROTOCOL_VERSION, version(request.version())),
        ];
        attributes.extend(host(request.uri().authority().map(http::uri::Authority::as_str), request.headers()));
        if let Some(agent) = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()) {
            attributes.push(KeyValue::new(semantic::USER_AGENT_ORIGINAL, agent.to_owned()));
        }
        let span = SpanBuilder::from_name(method.clone()).with_kind(SpanKind::Server).with_attributes(attributes);
        Some(Visit { span: tracer.build_with_context(span, &caller), method, answered: false })
    }
}

/// A request from its arrival to its answer.
pub(super) struct Visit {
    span: Span,
    method: String,
    answered: bool,
}

impl Visit {
    pub(super) fn answer(mut self, answer: &Response<Body>) {
        self.answered = true;
        let status = answer.status();
        if let Some(Route(route)) = answer.extensions().get() {
            self.span.update_name(format!("{} {}", self.method, route.as_str()));
            self.span.set_attribute(KeyValue::new(semantic::HTTP_ROUTE, route.as_str().to_owned()));
        }
        self.span.set_attribute(KeyValue::new(semantic::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
        if status.is_server_error() {
            self.span.set_attribute(KeyValue::new(semantic::ERROR_TYPE, status.as_str().to_owned()));
            // Which error it was stands in the status code: conventions want no words of ours.
            self.span.set_status(Status::error(""));
        }
    }
}

impl Drop for Visit {
    /// The span ends with it.
    fn drop(&mut self) {
        if !self.answered {
            self.span.set_attribute(KeyValue::new(semantic::ERROR_TYPE, "cancelled"));
            self.span.set_status(Status::error("the connection ended before the answer"));
        }
    }
}

/// The route that a request took, on its answer.
#[derive(Clone)]
struct Route(MatchedPath);

/// Notes on an answer which route its request took.
pub(super) fn note_route(route: Option<MatchedPath>, answer: &mut Response<Body>) {
    if let Some(route) = route {
        answer.extensions_mut().insert(Route(route));
    }
}

/// Of a request on its way through the router.
pub(super) fn route_of(request: &Request) -> Option<MatchedPath> {
    request.extensions().get::<MatchedPath>().cloned()
}

fn exporter(collector: &Otlp) -> Result<SpanExporter, ExporterBuildError> {
    let headers = collector.headers.iter();
    match collector.protocol {
        Protocol::Grpc => {
            let headers = headers.filter_map(|(name, value)| {
                Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
            });
            let headers = MetadataMap::from_headers(headers.collect::<HeaderMap>());
            SpanExporter::builder()
                .with_tonic()
                .with_endpoint(collector.endpoint.as_str())
                .with_metadata(headers)
                .build()
        }
        Protocol::HttpProtobuf => {
            let headers: HashMap<String, String> =
                headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let url = collector.url(Signal::Traces);
            SpanExporter::builder().with_http().with_endpoint(url).with_headers(headers).build()
        }
    }
}

/// Where the customer believes to be: host and port.
fn host(authority: Option<&str>, headers: &HeaderMap) -> Vec<KeyValue> {
    let named = authority.or_else(|| headers.get(HOST)?.to_str().ok());
    let Some((host, port)) = named.and_then(|named| named.rsplit_once(':')) else { return Vec::new() };
    let mut attributes = vec![KeyValue::new(semantic::SERVER_ADDRESS, host.to_owned())];
    attributes.extend(port.parse().ok().map(|port: i64| KeyValue::new(semantic::SERVER_PORT, port)));
    attributes
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
