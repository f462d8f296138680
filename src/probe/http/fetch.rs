//! A request beside the measured one: a link, a picture, a token. No cookies; its phases are those of the run it is lent.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderMap, HeaderValue, LOCATION, PROXY_AUTHORIZATION, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use url::Url;

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::connect::address::Way;
use crate::probe::connect::proxy::Proxy;
use crate::probe::connect::resolve::Family;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::{Offer, Options};
use crate::probe::connect::unanswered::{TRIES_MAX, Unanswered};
use crate::probe::connect::{Secure, Target, Via, connect};
use crate::probe::{Run, Stop};

use super::body::Want;
use super::exchange::{Answer, Protocol, exchange};
use super::redirect;
use super::request::{AGENT, Outgoing};

/// What to ask for, and how.
#[derive(Debug)]
pub(in crate::probe) struct Ask<'a> {
    pub(in crate::probe) method: Method,
    pub(in crate::probe) url: Url,
    /// Beside those that every request has.
    pub(in crate::probe) headers: HeaderMap,
    pub(in crate::probe) body: Bytes,
    pub(in crate::probe) way: Way,
    pub(in crate::probe) family: Family,
    pub(in crate::probe) tls: &'a Options,
    pub(in crate::probe) proxy: Option<&'a Proxy>,
    /// How many to follow.
    pub(in crate::probe) redirects: usize,
    /// How many bytes of the decoded body to keep.
    pub(in crate::probe) most: usize,
}

/// What came back.
#[derive(Debug)]
pub(in crate::probe) struct Got {
    /// Where it came from in the end.
    pub(in crate::probe) url: Url,
    pub(in crate::probe) status: StatusCode,
    pub(in crate::probe) headers: HeaderMap,
    /// The decoded body, or why it cannot be decoded.
    pub(in crate::probe) body: Result<Bytes, String>,
    /// How many redirects led there.
    pub(in crate::probe) redirects: usize,
}

impl<'a> Ask<'a> {
    /// A plain GET.
    pub(in crate::probe) fn get(url: Url, way: Way, tls: &'a Options) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            way,
            family: Family::Any,
            tls,
            proxy: None,
            redirects: 10,
            most: 0,
        }
    }
}

impl Got {
    /// The media type without parameters, in lower case.
    pub(in crate::probe) fn media(&self) -> String {
        let line = self.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        line.and_then(|line| line.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// Asks, and follows where it leads.
pub(in crate::probe) async fn fetch(run: &mut Run<'_>, ask: Ask<'_>) -> Result<Got, Stop> {
    let mut headers = HeaderMap::with_capacity(ask.headers.len() + 4);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd"));
    headers.extend(ask.headers.clone());
    let mut asked = Outgoing::to(ask.method.clone(), ask.url.clone(), headers, ask.body.clone())?;
    run.way = ask.way;
    let mut redirects = 0;
    loop {
        let answer = hop(run, &ask, &asked).await?;
        let next = match ask.redirects {
            0 => None,
            _ => redirect::next(&asked, answer.head.status, &answer.head.headers)?,
        };
        let Some(next) = next else {
            let Answer { head, body } = answer;
            let body = body.map(|received| received.bytes);
            return Ok(Got { url: asked.url, status: head.status, headers: head.headers, body, redirects });
        };
        redirects += 1;
        if redirects > ask.redirects {
            let text = format!("more than {} redirects, the last to {}", ask.redirects, next.shown);
            return Err(Fault::new(FaultCode::TooManyRedirects, text).into());
        }
        run.way = run.sent();
        asked = next;
    }
}

async fn hop(run: &mut Run<'_>, ask: &Ask<'_>, asked: &Outgoing) -> Result<Answer, Stop> {
    let (Some(host), Some(port)) = (asked.url.host(), asked.url.port_or_known_default()) else {
        return Err(Stop::Own(SelfFault::Unsupported, format!("`{}` names no host", asked.shown)));
    };
    let secure = (asked.url.scheme() == "https").then_some(Secure { options: ask.tls, offer: Offer::Http });
    let proxy = ask.proxy.or(run.tools.network.egress.proxy());
    let via = match proxy {
        None => Via::Direct,
        Some(proxy) if secure.is_some() => Via::Tunnel(proxy),
        Some(proxy) => Via::Forward(proxy),
    };
    let forward = if let Via::Forward(proxy) = via { Some(proxy) } else { None };
    let target = Target { host, port, family: ask.family, via, secure };
    let follows = ask.redirects > 0;
    let want = |head: &http::response::Parts| {
        let moves = head.status.is_redirection() && head.headers.contains_key(LOCATION) && follows;
        if moves || ask.most == 0 { Want::Nothing } else { Want::Itself(ask.most) }
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let stream = connect(run, &target).await?;
        let protocol = match &stream {
            Stream::Secure(secure) if secure.get_ref().1.alpn_protocol() == Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let request = request(run, asked, protocol, forward)?;
        match exchange(&mut run.phases, stream, protocol, request, want).await {
            Err(Unanswered::Untouched(_)) if tries < TRIES_MAX => {}
            answer => return Ok(answer?),
        }
    }
}

fn request(
    run: &Run<'_>,
    asked: &Outgoing,
    protocol: Protocol,
    forward: Option<&Proxy>,
) -> Result<Request<Full<Bytes>>, Stop> {
    let mut request = Request::new(Full::new(asked.body.clone()));
    *request.method_mut() = asked.method.clone();
    *request.headers_mut() = asked.headers.clone();
    if protocol == Protocol::Http1 {
        request.headers_mut().insert(HOST, asked.host.clone());
    }
    *request.uri_mut() =
        if protocol == Protocol::Http2 || forward.is_some() { asked.absolute()? } else { asked.target.clone() };
    if let Some(value) = forward.and_then(Proxy::credentials)
        && let Ok(value) = HeaderValue::from_str(value)
    {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value);
    }
    for (name, value) in run.trace_headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            request.headers_mut().insert(name, value);
        }
    }
    Ok(request)
}

/// A fault of something asked beside the errand, told as such.
pub(in crate::probe) fn beside(stop: Stop, doing: &str, phase: Phase) -> Stop {
    match stop {
        Stop::Fault(fault) => {
            let text = format!("{doing}: {}", fault.text);
            Stop::Fault(Fault { text, phase: Some(phase), ..fault })
        }
        Stop::Own(why, text) => Stop::Own(why, format!("{doing}: {text}")),
    }
}
