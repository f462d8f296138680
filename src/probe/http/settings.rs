//! What a user writes under `http:`.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use http::{HeaderName, Method};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use url::Url;

use crate::probe::Part;
use crate::probe::connect::proxy::Proxy;
use crate::probe::connect::resolve::Family;
use crate::probe::connect::tls::Options;
use crate::probe::template::{Place, Template, TemplateOrSecret, proof, proof_if_any};
use crate::units::Bytes;

use super::fields::{Cookies, OneOf, Pairs, Version};
use super::graphql::GraphQl;
use super::json::Json;
use super::multipart::Multipart;
use super::oauth::OAuth2;
use super::request::Outgoing;
use super::show;

const MAX_BODY: Bytes = Bytes::new(1 << 20);
/// More than this in memory per run would break the promise of 4 MiB.
const MAX_BODY_MOST: Bytes = Bytes::new(2 << 20);
const REDIRECTS: u8 = 10;
const REDIRECTS_MOST: u8 = 20;

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

fn one_method() -> serde_json::Value {
    METHODS.iter().map(|method| serde_json::json!({ "required": [method] })).collect()
}

/// As it stands in the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Http", extend("oneOf" = one_method()))]
struct Written {
    get: Option<Template>,
    post: Option<Template>,
    put: Option<Template>,
    patch: Option<Template>,
    delete: Option<Template>,
    head: Option<Template>,
    options: Option<Template>,
    #[serde(default)]
    headers: Pairs,
    /// Added to the address.
    #[serde(default)]
    query: Pairs,
    json: Option<Json>,
    /// As a browser sends a form.
    form: Option<Pairs>,
    /// A form with files.
    multipart: Option<Multipart>,
    /// A question with variables; errors in the answer are a fault.
    graphql: Option<GraphQl>,
    body: Option<TemplateOrSecret>,
    /// A token, for the `authorization` header.
    #[serde(default, deserialize_with = "proof_if_any")]
    bearer: Option<TemplateOrSecret>,
    basic: Option<Basic>,
    /// A name and a password that do not go over the wire (RFC 7616).
    digest: Option<Basic>,
    /// A token by client credentials, kept until it expires.
    oauth2: Option<OAuth2>,
    /// `on`, or `off`: one jar for the steps of a run.
    #[serde(default)]
    cookies: OneOf<Cookies>,
    /// How many to follow; 10 by default.
    redirects: Option<u8>,
    #[serde(default)]
    version: OneOf<Version>,
    #[serde(default)]
    ip: OneOf<Family>,
    /// `http://user:password@host:port`
    proxy: Option<TemplateOrSecret>,
    #[serde(default)]
    tls: Options,
    /// How much of the decoded body is looked at; 1MiB by default.
    max_body: Option<Bytes>,
}

/// A name and a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    pub(super) user: TemplateOrSecret,
    #[serde(deserialize_with = "proof")]
    pub(super) password: TemplateOrSecret,
}

/// A request to make.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Settings {
    pub(super) method: Method,
    pub(super) url: Template,
    pub(super) headers: Vec<(HeaderName, TemplateOrSecret)>,
    pub(super) query: Pairs,
    pub(super) payload: Payload,
    /// Rare, and large beside the rest, as the proxy is.
    pub(super) credentials: Option<Box<Credentials>>,
    pub(super) cookies: Cookies,
    pub(super) redirects: u8,
    pub(super) version: Version,
    pub(super) family: Family,
    pub(super) proxy: Option<Box<TemplateOrSecret>>,
    pub(super) tls: Options,
    pub(super) max_body: usize,
    /// The request, when it is the same in every run.
    pub(super) ready: OnceLock<Option<Arc<Outgoing>>>,
}

/// What goes with the request.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Nothing,
    Json(Json),
    Form(Pairs),
    Multipart(Multipart),
    GraphQl(Box<GraphQl>),
    Raw(TemplateOrSecret),
}

/// Who we say we are.
#[derive(Clone, Debug)]
pub(super) enum Credentials {
    Bearer(TemplateOrSecret),
    Basic(Basic),
    Digest(Basic),
    OAuth2(Box<OAuth2>),
}

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Settings {
    pub(super) fn each_part(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.url, Place::Url));
        for (name, value) in &self.headers {
            show(value, header_place(name), see);
        }
        self.query.0.iter().for_each(|(_, value)| show(value, Place::Text, see));
        match &self.payload {
            Payload::Nothing => {}
            Payload::Json(json) => json.each_part(see),
            Payload::Form(form) => form.0.iter().for_each(|(_, value)| show(value, Place::Text, see)),
            Payload::Multipart(form) => form.each_part(see),
            Payload::GraphQl(question) => question.each_part(see),
            Payload::Raw(body) => show(body, if self.says_json() { Place::Json } else { Place::Text }, see),
        }
        match self.credentials.as_deref() {
            None => {}
            Some(Credentials::Bearer(token)) => show(token, Place::Credential, see),
            Some(Credentials::OAuth2(oauth)) => oauth.each_part(see),
            Some(Credentials::Basic(basic) | Credentials::Digest(basic)) => {
                show(&basic.user, Place::Line, see);
                show(&basic.password, Place::Credential, see);
            }
        }
        if let Some(proxy) = &self.proxy {
            show(proxy, Place::Url, see);
        }
    }

    fn says_json(&self) -> bool {
        self.headers.iter().any(|(name, value)| {
            name == http::header::CONTENT_TYPE
                && matches!(value, TemplateOrSecret::Template(text) if text.to_string().contains("json"))
        })
    }
}

fn header_place(name: &HeaderName) -> Place {
    match name.as_str() {
        "authorization" | "proxy-authorization" | "cookie" | "x-api-key" => Place::Credential,
        _ => Place::Line,
    }
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let (method, url) = written.target()?;
        check_url(&url)?;
        let headers = written.headers.0.into_iter().map(checked_header).collect::<Result<_, String>>()?;
        let payload = one(
            "`json`, `form`, `body`, `multipart`, `graphql`",
            [
                written.json.map(Payload::Json),
                written.form.map(Payload::Form),
                written.body.map(Payload::Raw),
                written.multipart.map(Payload::Multipart),
                written.graphql.map(|question| Payload::GraphQl(Box::new(question))),
            ],
        )?;
        let payload = payload.unwrap_or(Payload::Nothing);
        if matches!(payload, Payload::GraphQl(_)) && method != Method::POST {
            return Err("a `graphql` question is posted: write `post` for its address".to_owned());
        }
        let credentials = one(
            "`bearer`, `basic`, `digest`, `oauth2`",
            [
                written.bearer.map(Credentials::Bearer),
                written.basic.map(Credentials::Basic),
                written.digest.map(Credentials::Digest),
                written.oauth2.map(|oauth| Credentials::OAuth2(Box::new(oauth))),
            ],
        )?;
        if written.version.0 == Version::Http3 && written.proxy.is_some() {
            return Err("HTTP/3 does not go through a `proxy`".to_owned());
        }
        if let Some(TemplateOrSecret::Template(proxy)) = &written.proxy
            && let Some(text) = proxy.constant()
        {
            Proxy::parse(text)?;
        }
        written.tls.problem().map_or(Ok(()), Err)?;
        let redirects = written.redirects.unwrap_or(REDIRECTS);
        if redirects > REDIRECTS_MOST {
            return Err(format!("`redirects` is out of range; it lies between 0 and {REDIRECTS_MOST}"));
        }
        let max_body = written.max_body.unwrap_or(MAX_BODY);
        if max_body.get() > MAX_BODY_MOST.get() {
            return Err(format!("`max_body` is out of range; at most {MAX_BODY_MOST} of a body are looked at"));
        }
        Ok(Self {
            method,
            url,
            headers,
            query: written.query,
            payload,
            credentials: credentials.map(Box::new),
            cookies: written.cookies.0,
            redirects,
            version: written.version.0,
            family: written.ip.0,
            proxy: written.proxy.map(Box::new),
            tls: written.tls,
            max_body: max_body.get() as usize,
            ready: OnceLock::new(),
        })
    }
}

impl Settings {
    /// HTTP/3 is UDP, and a proxy of its own is a way of its own.
    pub(super) const fn goes_its_own_way(&self) -> bool {
        matches!(self.version, Version::Http3) || self.proxy.is_some()
    }
}

impl Written {
    /// Exactly one method, and its address.
    fn target(&self) -> Result<(Method, Template), String> {
        let methods = [
            (Method::GET, &self.get),
            (Method::POST, &self.post),
            (Method::PUT, &self.put),
            (Method::PATCH, &self.patch),
            (Method::DELETE, &self.delete),
            (Method::HEAD, &self.head),
            (Method::OPTIONS, &self.options),
        ];
        let mut given = methods.into_iter().filter_map(|(method, url)| Some((method, url.clone()?)));
        match (given.next(), given.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => {
                Err("a request needs its method and address, such as `get: https://shop.example.com/`".to_owned())
            }
            (Some((one, _)), Some((two, _))) => Err(format!(
                "a request has one method; here stand `{}` and `{}`",
                one.as_str().to_lowercase(),
                two.as_str().to_lowercase()
            )),
        }
    }
}

/// The one that is given, if one is.
fn one<T>(names: &str, given: impl IntoIterator<Item = Option<T>>) -> Result<Option<T>, String> {
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (first, None) => Ok(first),
        _ => Err(format!("only one of {names} may stand in a request")),
    }
}

/// What can be known of an address before the values for its names are.
fn check_url(url: &Template) -> Result<(), String> {
    let Some(text) = url.constant() else { return Ok(()) };
    let parsed = Url::parse(text).map_err(|error| format!("`{text}` is not an address: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!("`{text}` is not an address that begins with `http://` or `https://`"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("an address holds no credentials; write `basic: { user: …, password: { env: NAME } }`".to_owned());
    }
    Ok(())
}

fn checked_header((name, value): (String, TemplateOrSecret)) -> Result<(HeaderName, TemplateOrSecret), String> {
    let parsed = HeaderName::try_from(&name).map_err(|_| format!("`{name}` is not a header's name"))?;
    match parsed.as_str() {
        "content-length" | "transfer-encoding" | "connection" | "traceparent" | "tracestate" => {
            Err(format!("the header `{parsed}` is ours to set"))
        }
        _ => Ok((parsed, value)),
    }
}
