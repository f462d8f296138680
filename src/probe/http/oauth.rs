//! A token by client credentials (RFC 6749, 4.4): fetched as a phase of its own, kept until it expires.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::proxy::Proxy;
use crate::probe::run::Aside;
use crate::probe::template::{Place, Template, TemplateOrSecret, proof};
use crate::probe::{Part, Run, Scope, Stop};

use super::fetch::{Ask, beside, fetch};
use super::settings::Settings;
use super::show;

/// A token is not used in its last seconds: it has to live until the request is looked at.
const SPARE: SignedDuration = SignedDuration::from_secs(10);
/// What a server that names no end means (RFC 6749, 5.1 leaves it open).
const LIFE: SignedDuration = SignedDuration::from_secs(60);
const LIFE_MAX: i64 = 24 * 3600;
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Tokens kept of one step: one per persona and account.
const TOKENS_MAX: usize = 64;

/// Where tokens come from, and who we are there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OAuth2")]
pub(super) struct OAuth2 {
    token_url: Template,
    client_id: TemplateOrSecret,
    #[serde(deserialize_with = "proof")]
    client_secret: TemplateOrSecret,
    scope: Option<Template>,
    audience: Option<Template>,
    /// Where the secret goes: into the `authorization` header (`basic`, the default) or into the form (`body`).
    #[serde(default)]
    auth: Carried,
    #[serde(skip)]
    kept: Kept,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ClientAuthentication")]
enum Carried {
    #[default]
    Basic,
    Body,
}

/// The tokens that are good still, by who asked for what.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<HashMap<String, (String, Timestamp)>>>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

/// Where a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Fresh,
    /// An earlier run fetched it.
    Kept,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<serde_json::Value>,
}

impl OAuth2 {
    pub(super) fn each_part(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.token_url, Place::Url));
        show(&self.client_id, Place::Line, see);
        show(&self.client_secret, Place::Credential, see);
        self.scope.iter().chain(&self.audience).for_each(|it| see(Part::Template(it, Place::Text)));
    }

    /// The value of the `authorization` header.
    pub(super) async fn token(
        &self,
        settings: &Settings,
        run: &mut Run<'_>,
        proxy: Option<&Proxy>,
    ) -> Result<(HeaderValue, Origin), Stop> {
        let key = self.key(run.scope);
        let now = run.tools.clock.now();
        let kept = self.lock().get(&key).filter(|(_, until)| *until > now).map(|(token, _)| token.clone());
        let (token, origin) = match kept {
            Some(token) => (token, Origin::Kept),
            None => (self.ask(settings, run, proxy, key).await?, Origin::Fresh),
        };
        run.hide(&token);
        let unfit = |_| refused("the token holds what no header may hold".to_owned());
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(unfit)?;
        value.set_sensitive(true);
        Ok((value, origin))
    }

    /// Forgets the token that these settings have in this run.
    pub(super) fn forget(&self, scope: &Scope) {
        self.lock().remove(&self.key(scope));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (String, Timestamp)>> {
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, scope: &Scope) -> String {
        let optional = |it: &Option<Template>| it.as_ref().map(|it| it.render(scope).into_owned()).unwrap_or_default();
        [
            self.token_url.render(scope).into_owned(),
            self.client_id.render(scope).into_owned(),
            optional(&self.scope),
            optional(&self.audience),
        ]
        .join("\n")
    }

    async fn ask(
        &self,
        settings: &Settings,
        run: &mut Run<'_>,
        proxy: Option<&Proxy>,
        key: String,
    ) -> Result<String, Stop> {
        run.phases.begin(Phase::Token);
        let text = self.token_url.render(run.scope);
        let mut url = Url::parse(&text).map_err(|error| refused(format!("`{text}` is no address: {error}")))?;
        // They would be shown, and are not sent.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        run.attribute("unbroken.oauth2.token_url", url.as_str());
        let (headers, body) = self.form(run)?;
        let asked = Ask {
            method: Method::POST,
            headers,
            body: body.into(),
            family: settings.family,
            proxy,
            // A token that is asked for elsewhere would take our secret there.
            redirects: 0,
            most: ANSWER_BYTES_MAX,
            ..Ask::get(url, run.way, &settings.tls)
        };
        let mut own = Aside::default();
        let got = fetch(&mut run.aside(&mut own), asked).await;
        let got = got.map_err(|stop| beside(stop, "asking for a token", Phase::Token))?;
        run.phases.end();
        let body = got.body.map_err(|why| refused(format!("the token's answer cannot be decoded: {why}")))?;
        if got.status != StatusCode::OK {
            return Err(refused(format!("asking for a token: {}{}", got.status, said(&body))));
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| refused("asking for a token: the answer holds no `access_token`".to_owned()))?;
        if granted.token_type.as_ref().is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(refused("asking for a token: it is of a type that we cannot use".to_owned()));
        }
        self.keep(key, &granted, run.tools.clock.now());
        Ok(granted.access_token)
    }

    fn form(&self, run: &mut Run<'_>) -> Result<(HeaderMap, String), Stop> {
        let scope = run.scope;
        let (id, secret) = (self.client_id.render(scope), self.client_secret.render(scope));
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.append_pair(name, &value.render(scope));
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        match self.auth {
            Carried::Basic => {
                // RFC 6749, 2.3.1: both are encoded as in a form first.
                let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = BASE64_STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret)));
                let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
                    .map_err(|_| refused("the client's name holds what no header may hold".to_owned()))?;
                value.set_sensitive(true);
                run.hide(&pair);
                headers.insert(AUTHORIZATION, value);
            }
            Carried::Body => {
                form.append_pair("client_id", &id).append_pair("client_secret", &secret);
            }
        }
        Ok((headers, form.finish()))
    }

    fn keep(&self, key: String, granted: &Granted, now: Timestamp) {
        let seconds = granted.expires_in.as_ref().and_then(|value| {
            let text = value.as_str().and_then(|text| text.parse().ok());
            value.as_i64().or(text)
        });
        let life = seconds.map_or(LIFE, |seconds| SignedDuration::from_secs(seconds.clamp(0, LIFE_MAX)));
        let Ok(until) = now.checked_add(life - SPARE) else { return };
        let mut kept = self.lock();
        kept.retain(|_, (_, until)| *until > now);
        if until > now && kept.len() < TOKENS_MAX {
            kept.insert(key, (granted.access_token.clone(), until));
        }
    }
}

/// What the server says is wrong (RFC 6749, 5.2): a code, never what we sent.
fn said(body: &[u8]) -> String {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
    let text = |name: &str| answer.get(name).and_then(|it| it.as_str()).map(|it| format!(", {it}"));
    [text("error"), text("error_description")].into_iter().flatten().collect()
}

fn refused(text: String) -> Stop {
    Fault::new(FaultCode::TokenRefused, text).during(Phase::Token).into()
}
