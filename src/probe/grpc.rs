//! Asks a gRPC server how it is: `grpc.health.v1.Health/Check`, over a connection of our own.

mod exchange;
mod message;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Version};
use http_body_util::Full;
use schemars::JsonSchema;
use serde::Deserialize;

use super::connect::stream::Stream;
use super::connect::tls::{Offer, Options, sound_if_any};
use super::connect::unanswered::{TRIES_MAX, Unanswered};
use super::connect::{Secure, Target, connect};
use super::endpoint::{Endpoint, borrowed};
use super::template::{Place, Template, TemplateOrSecret};
use super::{Act, Field, Part, Reply, Run, Status, Stop};
use crate::model::{Fault, FaultCode, Phase};

use exchange::{Answer, exchange};
use message::{Health, name_of};

const PATH: &str = "/grpc.health.v1.Health/Check";

/// A question to the health service of a gRPC server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub connect: Endpoint,
    /// The service to ask for; the server as a whole, if absent.
    pub service: Option<Template>,
    /// Metadata, sent with the question.
    #[serde(default)]
    pub headers: BTreeMap<String, TemplateOrSecret>,
    /// Present, even empty: the connection is secured.
    #[serde(default, deserialize_with = "sound_if_any")]
    pub tls: Option<Options>,
}

impl Act for Settings {
    const DOES: &'static str = "asks the health service of a gRPC server";
    const FIELDS: &'static [Field] =
        &[Field::Status, Field::Reason, Field::Headers, Field::Certificate, Field::Latency];

    const STATUS: Status = Status::Word;

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
        self.service.iter().for_each(|service| see(Part::Template(service, Place::Text)));
        for (name, value) in &self.headers {
            let proves = name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("cookie");
            see(value.part(if proves { Place::Credential } else { Place::Line }));
        }
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (host, port) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        run.attribute("rpc.system.name", "grpc");
        run.attribute("rpc.method", "grpc.health.v1.Health/Check");
        let secure = self.tls.as_ref().map(|options| Secure { options, offer: Offer::Http2 });
        let request = self.request(&format!("{host}:{port}"), run)?;
        let target = Target { secure, ..Target::written(borrowed(&host), port) };
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            let stream = connect(run, &target).await?;
            if let Stream::Secure(stream) = &stream
                && stream.get_ref().1.alpn_protocol() != Some(b"h2")
            {
                let text = "the server does not agree to speak HTTP/2, which gRPC needs";
                return Err(Fault::new(FaultCode::TlsProtocol, text).during(Phase::Tls).into());
            }
            match exchange(&mut run.phases, stream, request.clone()).await {
                Err(Unanswered::Untouched(_)) if tries < TRIES_MAX => {}
                answer => break answer?,
            }
        };
        run.attribute("rpc.response.status_code", name_of(answer.code));
        reply(answer)
    }
}

impl Settings {
    fn request(&self, authority: &str, run: &Run<'_>) -> Result<Request<Full<Bytes>>, Stop> {
        let wrong = |why: String| Fault::new(FaultCode::Expectation, format!("no question can be made of this: {why}"));
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let service = self.service.as_ref().map_or(Cow::Borrowed(""), |service| service.render(run.scope));
        let mut request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(format!("{scheme}://{authority}{PATH}"))
            .body(Full::new(message::question(&service)))
            .map_err(|error| wrong(error.to_string()))?;
        let own = [
            ("te", "trailers".to_owned()),
            ("content-type", "application/grpc".to_owned()),
            ("grpc-accept-encoding", "identity".to_owned()),
            ("grpc-timeout", timeout(run.left())),
            ("user-agent", concat!("unbroken/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        let written = self.headers.iter().map(|(name, value)| (name.as_str(), value.render(run.scope).into_owned()));
        // Ours come last: what is sent is what our spans say.
        for (name, value) in own.into_iter().chain(written).chain(run.trace_headers()) {
            let header = HeaderName::try_from(name).map_err(|_| wrong(format!("`{name}` is not a header's name")))?;
            let value =
                HeaderValue::from_str(&value).map_err(|_| wrong(format!("the value of the header `{name}`")))?;
            request.headers_mut().insert(header, value);
        }
        Ok(request)
    }
}

/// At most eight digits and a unit, as the protocol wants it.
fn timeout(left: Duration) -> String {
    format!("{}m", left.as_millis().clamp(1, 99_999_999))
}

fn reply(answer: Answer) -> Result<Reply, Stop> {
    let Answer { code, text, message, mut headers, trailers } = answer;
    let mut reply = Reply::new();
    let (status, doubt) = match (code, message) {
        (0, None) => {
            return Err(Fault::new(FaultCode::GrpcMalformed, "says that all is well, and sends no answer").into());
        }
        (0, Some(Health::Serving)) => ("SERVING", None),
        (0, Some(Health::NotServing)) => {
            let text = "it is there, and says NOT_SERVING";
            ("NOT_SERVING", Some(Fault::new(FaultCode::GrpcNotServing, text)))
        }
        (0, Some(Health::ServiceUnknown)) => {
            let text = "it says SERVICE_UNKNOWN: no service of that name is known to it";
            ("SERVICE_UNKNOWN", Some(Fault::new(FaultCode::GrpcServiceUnknown, text)))
        }
        (0, Some(Health::Unknown)) => {
            let text = "it says UNKNOWN: it does not know itself how it is";
            ("UNKNOWN", Some(Fault::new(FaultCode::GrpcNotServing, text)))
        }
        (code, _) => (name_of(code), Some(refusal(code, &text))),
    };
    reply.set(Field::Status, status);
    reply.set(Field::Reason, if text.is_empty() { status } else { &text });
    if let Some(fault) = doubt {
        reply.doubt(Field::Status, fault.during(Phase::Receive));
    }
    append(&mut headers, trailers);
    reply.headers = Some(headers);
    Ok(reply)
}

/// Why a call ended otherwise than well, in words for the owner of the server.
fn refusal(code: u32, text: &str) -> Fault {
    let name = name_of(code);
    let (fault, hint) = match code {
        12 => (FaultCode::GrpcUnimplemented, ": it has no health service, grpc.health.v1"),
        5 => (FaultCode::GrpcServiceUnknown, ": no service of that name is known to its health service"),
        _ => (FaultCode::GrpcStatus, ""),
    };
    let said = if text.is_empty() { String::new() } else { format!(" ({text})") };
    Fault::new(fault, format!("answers {code} {name}{said}{hint}"))
}

fn append(headers: &mut HeaderMap, trailers: HeaderMap) {
    let mut last = None;
    for (name, value) in trailers {
        // A name comes with the first of its values only.
        last = name.or(last);
        if let Some(name) = &last {
            headers.append(name.clone(), value);
        }
    }
}
