//! A visit: the request, the redirects that follow, the reply at the end.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, LOCATION, PROXY_AUTHORIZATION};
use http::response::Parts;
use http::{Request, StatusCode};
use http_body_util::Full;
use smol_str::{SmolStr, ToSmolStr as _};

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::connect::proxy::{self, Proxy};
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::Offer;
use crate::probe::connect::unanswered::{TRIES_MAX, Unanswered};
use crate::probe::connect::{Secure, Target, Via, connect, quic};
use crate::probe::{Body, Field, Needs, Reply, Run, Stop, pdf};

use super::body::{Received, Want};
use super::cookies;
use super::exchange::{Answer, Protocol, exchange};
use super::fields::{Cookies, Version};
use super::prove::{Refusal, again, prove};
use super::request::Outgoing;
use super::settings::{Credentials, Payload, Settings};
use super::{card, graphql, http3, redirect};

/// Makes the request and follows where it leads.
pub(super) async fn visit(settings: &Settings, run: &mut Run<'_>) -> Result<Reply, Stop> {
    let proxy = match &settings.proxy {
        Some(text) => {
            Some(Proxy::parse(&text.render(run.scope)).map_err(|why| Stop::Own(SelfFault::Unsupported, why))?)
        }
        None => run.tools.network.egress.proxy().cloned(),
    };
    let mut asked = settings.outgoing(run.scope)?;
    if let Some(Credentials::Basic(_)) = settings.credentials.as_deref()
        && let Some(computed) = asked.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
    {
        run.hide(computed.trim_start_matches("Basic "));
    }
    let mut refusal;
    (asked, refusal) = prove(settings, run, proxy.as_ref(), asked).await?;
    let home = (refusal == Refusal::Question).then(|| asked.url.origin());
    let mut left: Vec<String> = Vec::new();
    loop {
        let answer = hop(settings, run, &asked, proxy.as_ref()).await?;
        if refusal == Refusal::Question && home == Some(asked.url.origin()) {
            let refused = (answer.head.status, &answer.head.headers);
            if let Some(next) = again(settings, run, proxy.as_ref(), &asked, refused).await? {
                (asked, refusal) = (next, Refusal::Final);
                continue;
            }
        }
        if settings.cookies == Cookies::On {
            cookies::keep(run, &answer.head.headers, &asked.url);
        }
        if settings.redirects == 0 {
            return reply(settings, run, proxy.as_ref(), &asked, (answer, left)).await;
        }
        let Some(mut next) = redirect::next(&asked, answer.head.status, &answer.head.headers)? else {
            return reply(settings, run, proxy.as_ref(), &asked, (answer, left)).await;
        };
        if left.len() >= usize::from(settings.redirects) {
            let text = format!("more than {} redirects, the last to {}", settings.redirects, next.shown);
            return Err(Fault::new(FaultCode::TooManyRedirects, text).into());
        }
        redirect::withhold(&asked, &mut next, run.redactor)?;
        leave(run, &asked, &next, answer.head.status);
        left.push(asked.shown.to_string());
        put(run, "http.request.resend_count", left.len().to_smolstr());
        run.way = run.sent();
        if matches!(settings.credentials.as_deref(), Some(Credentials::Digest(_))) {
            // A digest is of one address only.
            refusal = Refusal::Question;
        }
        asked = Arc::new(next);
    }
}

/// Notes a hop that was left: its status, and the end of its certificate, which the last hop's would hide.
fn leave(run: &mut Run<'_>, asked: &Outgoing, next: &Outgoing, status: StatusCode) {
    let until =
        run.certificate.take().map_or_else(String::new, |leaf| format!(", certificate until {}", leaf.not_after));
    run.attribute("unbroken.http.redirect", format!("{} {} -> {}{until}", status.as_u16(), asked.shown, next.shown));
    if redirect::downgrades(&asked.url, &next.url) {
        put(run, "unbroken.http.redirect.downgraded", "true");
    }
}

/// One request and its answer.
async fn hop(settings: &Settings, run: &mut Run<'_>, asked: &Outgoing, proxy: Option<&Proxy>) -> Result<Answer, Stop> {
    let url = &asked.url;
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(Stop::Own(SelfFault::Unsupported, format!("`{}` names no host", asked.shown)));
    };
    put(run, "http.request.method", asked.method.as_str());
    put(run, "url.full", asked.shown.clone());
    put(run, "server.address", host.to_smolstr());
    put(run, "server.port", port.to_smolstr());
    let needs = run.needs;
    let question = matches!(settings.payload, Payload::GraphQl(_));
    let want = |head: &Parts| {
        let moves = head.status.is_redirection() && head.headers.contains_key(LOCATION);
        match needs {
            _ if moves && settings.redirects > 0 => Want::Nothing,
            // What a refusal says is wanted, for whoever has to find out why.
            Needs::Head if !question && !is_refusal(head.status) => Want::Arrival(settings.max_body),
            _ => Want::Itself(settings.max_body),
        }
    };
    if settings.version == Version::Http3 && url.scheme() == "https" {
        let target = Target { host, port, family: settings.family, via: Via::Direct, secure: None };
        let answer = Box::pin(over_quic(settings, run, asked, &target, want)).await?;
        told(run, &answer);
        return Ok(answer);
    }
    let offer = match settings.version {
        // Without encryption there is no HTTP/3: what is plain is asked for as ever.
        Version::Either | Version::Http3 => Offer::Http,
        Version::Http1 => Offer::Http1,
        Version::Http2 => Offer::Http2,
    };
    let secure = (url.scheme() == "https").then_some(Secure { options: &settings.tls, offer });
    let via = match proxy {
        None => Via::Direct,
        Some(proxy) if secure.is_some() => Via::Tunnel(proxy),
        Some(proxy) => Via::Forward(proxy),
    };
    let target = Target { host, port, family: settings.family, via, secure };
    let answer = over_tcp(settings, run, asked, &target, want).await?;
    told(run, &answer);
    if let Via::Forward(_) = via
        && let Some(fault) = proxy::objection(answer.head.status, &answer.head.headers)
    {
        return Err(fault.into());
    }
    Ok(answer)
}

async fn over_tcp(
    settings: &Settings,
    run: &mut Run<'_>,
    asked: &Outgoing,
    target: &Target<'_>,
    want: impl Fn(&Parts) -> Want,
) -> Result<Answer, Stop> {
    let forward = if let Via::Forward(proxy) = target.via { Some(proxy) } else { None };
    let mut tries = 0;
    loop {
        tries += 1;
        let stream = connect(run, target).await?;
        let protocol = protocol(settings.version, &stream)?;
        let request = request(settings, run, asked, protocol, forward)?;
        match exchange(&mut run.phases, stream, protocol, request, &want).await {
            Err(Unanswered::Untouched(_)) if tries < TRIES_MAX => put(run, "unbroken.http.untouched", "true"),
            answer => return Ok(answer?),
        }
    }
}

async fn over_quic(
    settings: &Settings,
    run: &mut Run<'_>,
    asked: &Outgoing,
    target: &Target<'_>,
    want: impl FnOnce(&Parts) -> Want,
) -> Result<Answer, Stop> {
    let quic = quic::connect(run, target, &settings.tls).await?;
    let (head, _) = request(settings, run, asked, Protocol::Http2, None)?.into_parts();
    let request = Request::from_parts(head, ());
    http3::exchange(&mut run.phases, &quic, request, asked.body.clone(), want).await
}

fn told(run: &mut Run<'_>, answer: &Answer) {
    put(run, "http.response.status_code", answer.head.status.as_str());
    put(run, "network.protocol.version", version(answer.head.version));
}

fn protocol(wanted: Version, stream: &Stream) -> Result<Protocol, Stop> {
    let Stream::Secure(secure) = stream else {
        // Without encryption nothing is negotiated: HTTP/2 has to be asked for (RFC 9113, 3.3).
        return Ok(if wanted == Version::Http2 { Protocol::Http2 } else { Protocol::Http1 });
    };
    match (secure.get_ref().1.alpn_protocol(), wanted) {
        (Some(b"h2"), _) => Ok(Protocol::Http2),
        (_, Version::Http2) => {
            Err(Fault::new(FaultCode::AlpnMismatch, "the server does not offer HTTP/2").during(Phase::Tls).into())
        }
        _ => Ok(Protocol::Http1),
    }
}

fn request(
    settings: &Settings,
    run: &Run<'_>,
    asked: &Outgoing,
    protocol: Protocol,
    forward: Option<&Proxy>,
) -> Result<Request<Full<Bytes>>, Stop> {
    let mut request = Request::new(Full::new(asked.body.clone()));
    *request.method_mut() = asked.method.clone();
    let mut headers = asked.all_headers();
    if protocol == Protocol::Http1 {
        headers.insert(HOST, asked.host.clone());
    }
    *request.uri_mut() =
        if protocol == Protocol::Http2 || forward.is_some() { asked.absolute()? } else { asked.target.clone() };
    if let Some(credentials) = forward.and_then(Proxy::credentials)
        && let Ok(value) = HeaderValue::from_str(credentials)
    {
        headers.insert(PROXY_AUTHORIZATION, value);
    }
    for (name, value) in run.trace_headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    if settings.cookies == Cookies::On
        && let Some(value) = cookies::header(run.cookies.as_deref(), &asked.url, headers.get(COOKIE))
    {
        headers.insert(COOKIE, value);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

async fn reply(
    settings: &Settings,
    run: &mut Run<'_>,
    proxy: Option<&Proxy>,
    asked: &Outgoing,
    (answer, left): (Answer, Vec<String>),
) -> Result<Reply, Stop> {
    let Answer { head, body } = answer;
    // Only what is needed is decoded, so that a body which cannot be decoded matters here or not at all.
    let body = match body {
        Err(_) if run.needs == Needs::Head && is_refusal(head.status) => Received::default(),
        body => body.map_err(|why| Fault::new(FaultCode::Decode, why).during(Phase::Receive))?,
    };
    put(run, "http.response.body.size", body.length.to_smolstr());
    if body.capped {
        put(run, "unbroken.http.body_capped", "true");
    }
    let mut reply = Reply::new()
        .with(Field::Status, head.status.as_u16())
        .with(Field::Version, version(head.version))
        .with(Field::Url, asked.url.as_str());
    if !left.is_empty() {
        reply.set(Field::Redirects, left);
    }
    if is_refusal(head.status) {
        let text = format!("answers {}", head.status);
        reply.doubt(Field::Status, Fault::new(FaultCode::Status, text).during(Phase::Receive));
    }
    let media = media(&head.headers);
    if let Some((kind, _)) = &media {
        reply.set(Field::ContentType, kind.as_str());
    }
    let jar = (settings.cookies == Cookies::On).then_some(run.cookies.as_deref()).flatten();
    reply.cookies = cookies::list(jar, &head.headers, &asked.url);
    reply.certificate.clone_from(&run.certificate);
    if run.needs == Needs::Pdf {
        reply.pdf = Some(pdf_text(run, &body).await);
    }
    if run.needs == Needs::Card {
        reply.set(Field::Card, Box::pin(card::card(settings, run, proxy, &body.bytes, &asked.url)).await?);
    }
    reply.body = Some(Body { bytes: body.bytes, charset: media.and_then(|(_, charset)| charset) });
    reply.headers = Some(head.headers);
    if matches!(settings.payload, Payload::GraphQl(_)) {
        Box::pin(graphql::judge(&mut reply)).await?;
    }
    Ok(reply)
}

fn is_refusal(status: StatusCode) -> bool {
    !(status.is_success() || status.is_redirection())
}

async fn pdf_text(run: &Run<'_>, body: &Received) -> Result<pdf::PdfText, String> {
    if body.capped {
        return Err("the PDF file is longer than `max_body`".to_owned());
    }
    let read = pdf::text(&body.bytes, &run.tools.program, run.left()).await;
    read.map_err(|unread| unread.to_string())
}

/// The media type without parameters, and the charset, both in lower case.
fn media(headers: &HeaderMap) -> Option<(String, Option<String>)> {
    let line = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = line.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    let charset = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    Some((kind, charset.map(|(_, value)| value.trim_matches('"').to_ascii_lowercase())))
}

const fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_3 => "3",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_09 => "0.9",
        _ => "1.1",
    }
}

/// Writes down an attribute; of a later hop, in the place of the earlier one's.
fn put(run: &mut Run<'_>, name: &'static str, value: impl Into<SmolStr>) {
    match run.attributes.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value.into(),
        None => run.attribute(name, value),
    }
}
