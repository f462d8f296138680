//! Proving who we are where that takes more than a header: a token that is fetched, a challenge that is answered.

use std::sync::Arc;

use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::probe::connect::proxy::Proxy;
use crate::probe::{Run, Stop};

use super::digest;
use super::oauth::Origin;
use super::request::Outgoing;
use super::settings::{Credentials, Settings};

/// What a refusal (401) means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is the answer.
    Final,
    /// It asks for the proof, or for a newer one.
    Question,
}

/// The request with what can be proven before it is sent.
pub(super) async fn prove(
    settings: &Settings,
    run: &mut Run<'_>,
    proxy: Option<&Proxy>,
    asked: Arc<Outgoing>,
) -> Result<(Arc<Outgoing>, Refusal), Stop> {
    match settings.credentials.as_deref() {
        Some(Credentials::OAuth2(oauth)) => {
            // Boxed, as all that is rare: the plain request must not carry its room about.
            let (value, origin) = Box::pin(oauth.token(settings, run, proxy)).await?;
            // A token of an earlier run may have been withdrawn: that is no fault of the touchpoint.
            let refusal = if origin == Origin::Kept { Refusal::Question } else { Refusal::Final };
            Ok((with(&asked, value), refusal))
        }
        Some(Credentials::Digest(_)) => Ok((asked, Refusal::Question)),
        _ => Ok((asked, Refusal::Final)),
    }
}

/// The request again, if the answer asks for a proof that we have.
pub(super) async fn again(
    settings: &Settings,
    run: &mut Run<'_>,
    proxy: Option<&Proxy>,
    asked: &Outgoing,
    (status, headers): (StatusCode, &HeaderMap),
) -> Result<Option<Arc<Outgoing>>, Stop> {
    if status != StatusCode::UNAUTHORIZED {
        return Ok(None);
    }
    match settings.credentials.as_deref() {
        Some(Credentials::OAuth2(oauth)) => {
            oauth.forget(run.scope);
            let (value, _) = Box::pin(oauth.token(settings, run, proxy)).await?;
            Ok(Some(with(asked, value)))
        }
        Some(Credentials::Digest(who)) => {
            let answer = digest::answer(headers, asked, who, run.scope, (run.tools.random)());
            Ok(answer.map(|value| with(asked, value)))
        }
        _ => Ok(None),
    }
}

fn with(asked: &Outgoing, value: HeaderValue) -> Arc<Outgoing> {
    let mut asked = asked.clone();
    asked.headers.insert(AUTHORIZATION, value);
    Arc::new(asked)
}
