//! The request as it goes out: everything filled in.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Uri};
use smol_str::SmolStr;
use url::{Position, Url};

use crate::model::{Evidence, Fault, FaultCode, SelfFault};
use crate::probe::template::TemplateOrSecret;
use crate::probe::{Part, Scope, Stop};

use super::settings::{Credentials, Payload, Settings};

/// The three that every request bears, its host, `traceparent` and `tracestate`, cookies.
const STANDARD: usize = 7;
pub(super) const AGENT: &str = concat!("unbroken/", env!("CARGO_PKG_VERSION"), " (+synthetic)");

/// A request, all but what differs from run to run: cookies, `traceparent`.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Path and query, as HTTP/1.1 asks for them.
    pub(super) target: Uri,
    pub(super) host: HeaderValue,
    /// Without those that every request bears.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The URL as it may be shown.
    pub(super) shown: SmolStr,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({} {})", self.method, self.shown)
    }
}

impl Settings {
    /// The request for this run; made once if it is the same in every run.
    pub(super) fn outgoing(&self, scope: &Scope) -> Result<Arc<Outgoing>, Stop> {
        if let Some(Some(ready)) = self.ready.get() {
            return Ok(Arc::clone(ready));
        }
        let outgoing = Arc::new(Outgoing::render(self, scope)?);
        self.ready.get_or_init(|| self.is_constant().then(|| Arc::clone(&outgoing)));
        Ok(outgoing)
    }

    fn is_constant(&self) -> bool {
        let mut constant = true;
        self.each_part(&mut |part| {
            if let Part::Template(template, _) = part {
                constant &= template.constant().is_some();
            }
        });
        constant
    }
}

impl Outgoing {
    fn render(settings: &Settings, scope: &Scope) -> Result<Self, Stop> {
        let url = address(settings, scope)?;
        let mut headers = HeaderMap::new();
        let (body, media) = payload(&settings.payload, scope);
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, media);
        }
        if let Some(line) = settings.credentials.as_ref().and_then(|credentials| credentials.render(scope)) {
            let mut value = header("authorization", &line)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &settings.headers {
            let mut rendered = header(name.as_str(), &value.render(scope))?;
            rendered.set_sensitive(matches!(value, TemplateOrSecret::Secret(_)));
            headers.insert(name, rendered);
        }
        let mut outgoing = Self::to(settings.method.clone(), url, headers, body)?;
        if let Some(host) = outgoing.headers.remove(HOST) {
            outgoing.host = host;
        }
        Ok(outgoing)
    }

    /// A request with what follows from its URL.
    pub(super) fn to(method: Method, url: Url, headers: HeaderMap, body: Bytes) -> Result<Self, Stop> {
        let unfit = |_| unreadable(&url, "it cannot be asked for");
        let target = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]).map_err(unfit)?;
        let host = header("host", &url[Position::BeforeHost..Position::AfterPort])?;
        let shown = SmolStr::new(&url[..Position::AfterQuery]);
        Ok(Self { method, url, target, host, headers, body, shown })
    }

    /// Its headers, and those that every request bears, where it says nothing else; room for some more.
    pub(super) fn all_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + STANDARD);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd"));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        headers
    }

    /// The whole URL, as HTTP/2 and proxies ask for it.
    pub(super) fn absolute(&self) -> Result<Uri, Stop> {
        Uri::try_from(&self.url[..Position::AfterQuery]).map_err(|_| unreadable(&self.url, "it cannot be asked for"))
    }
}

impl Credentials {
    /// What is known before anything is asked.
    fn render(&self, scope: &Scope) -> Option<String> {
        Some(match self {
            Self::Bearer(token) => format!("Bearer {}", token.render(scope)),
            Self::Basic(basic) => {
                let pair = format!("{}:{}", basic.user.render(scope), basic.password.render(scope));
                format!("Basic {}", BASE64_STANDARD.encode(pair))
            }
            Self::Digest(_) | Self::OAuth2(_) => return None,
        })
    }
}

fn address(settings: &Settings, scope: &Scope) -> Result<Url, Stop> {
    let text = settings.url.render(scope);
    let mut url = Url::parse(&text).map_err(|error| not_an_address(&text, &error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(not_an_address(&text, "it begins with neither `http://` nor `https://`"));
    }
    // Credentials in a captured address are not ours to use.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if !settings.query.0.is_empty() {
        let mut query = url.query_pairs_mut();
        for (name, value) in &settings.query.0 {
            query.append_pair(name, &value.render(scope));
        }
    }
    Ok(url)
}

fn payload(payload: &Payload, scope: &Scope) -> (Bytes, Option<HeaderValue>) {
    let as_json = || Some(HeaderValue::from_static("application/json"));
    match payload {
        Payload::Nothing => (Bytes::new(), None),
        Payload::Json(json) => (json.render(scope).to_string().into(), as_json()),
        Payload::Form(form) => {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &form.0 {
                text.append_pair(name, &value.render(scope));
            }
            (text.finish().into(), Some(HeaderValue::from_static("application/x-www-form-urlencoded")))
        }
        Payload::Multipart(form) => {
            let (body, media) = form.render(scope);
            (body.into(), HeaderValue::try_from(media).ok())
        }
        Payload::GraphQl(question) => (question.render(scope).into(), as_json()),
        Payload::Raw(body) => {
            (body.render(scope).into_owned().into(), Some(HeaderValue::from_static("text/plain; charset=utf-8")))
        }
    }
}

fn header(name: &str, value: &str) -> Result<HeaderValue, Stop> {
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| Stop::Own(SelfFault::Unsupported, format!("the header `{name}` holds what no header may hold")))
}

/// What was filled in makes no address: the reply that it came from is to blame, or the file's variables, which `check` sees.
fn not_an_address(text: &str, why: &str) -> Stop {
    let mut fault = Fault::new(FaultCode::Expectation, format!("what should be an address is none: {why}"));
    let (of, expected, found) = ("address".to_owned(), "an http address".to_owned(), text.to_owned());
    fault.evidence = Some(Evidence { of, expected, found });
    fault.into()
}

fn unreadable(url: &Url, why: &str) -> Stop {
    not_an_address(url.as_str(), why)
}
