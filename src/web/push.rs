//! `POST` or `PUT /api/v1/push/{touchpoint}/{probe}`: an outside system reports.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::api::At;
use super::problem::Problem;
use super::routes::Shared;
use crate::model::ProbeId;
use crate::secret::Secret;
use crate::store;

/// A report is a number and a sentence.
pub(super) const BODY_MAX: usize = 16 * 1024;
/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 300;
/// Clocks differ; the future does not report.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);

/// What is reported. An empty body says "I am alive".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    value: Option<f64>,
    ok: Option<bool>,
    message: Option<String>,
    /// When it was true; now, if absent.
    #[schemars(with = "Option<String>")]
    at: Option<Timestamp>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Receipt {
    received: At,
}

pub(super) async fn push(
    State(shared): State<Arc<Shared>>,
    Path((touchpoint, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Receipt>, Problem> {
    let probe = ProbeId::new(&touchpoint, &name);
    let token = authorise(&shared, &probe, &headers)?;
    shared.buckets.take((probe.clone(), token), Instant::now()).map_err(|wait| {
        let detail = format!("too many reports; wait {:.1} s", wait.as_secs_f64());
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
    })?;
    let now = shared.site.clock.now();
    let report = read(&body, now)?;
    let push =
        store::Push { received: now, value: report.value, ok: report.ok, message: report.message, at: report.at };
    // Durable before we say so: the sender forgets what we acknowledge.
    shared.site.store.push(&probe, push).await.map_err(|refused| Problem::store(&refused))?;
    Ok(Json(Receipt { received: At(now) }))
}

/// Which of the probe's tokens was shown. A missing probe, a probe without tokens and a wrong token are one and the same answer.
fn authorise(shared: &Shared, probe: &ProbeId, headers: &HeaderMap) -> Result<usize, Problem> {
    let tokens = Arc::clone(&shared.site.tokens.borrow());
    let known: &[Secret] = tokens.get(probe).map_or(&[], Vec::as_slice);
    let which = shown(headers).and_then(|shown| opens(shown, known));
    which.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "the token does not open this"))
}

/// The bearer token of a request.
pub(super) fn shown(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares with every token, in constant time each. An empty secret opens nothing.
pub(super) fn opens(shown: &str, known: &[Secret]) -> Option<usize> {
    let mut which = None;
    for (place, secret) in known.iter().enumerate().filter(|(_, secret)| !secret.expose().is_empty()) {
        if secret.expose().as_bytes().ct_eq(shown.as_bytes()).into() {
            which = Some(place);
        }
    }
    which
}

fn read(body: &[u8], now: Timestamp) -> Result<Report, Problem> {
    let mut report: Report = if body.iter().all(u8::is_ascii_whitespace) {
        Report::default()
    } else {
        serde_json::from_slice(body).map_err(|error| Problem::bad_request(error.to_string()))?
    };
    if report.value.is_some_and(|value| !value.is_finite()) {
        return Err(Problem::bad_request("`value` is not a number"));
    }
    if report.at.is_some_and(|at| at.duration_since(now) > AHEAD_MAX) {
        return Err(Problem::bad_request("`at` lies in the future"));
    }
    report.message = report.message.map(|text| clean(&text));
    Ok(report)
}

/// One bounded line: it will stand on pages, in alerts and in logs.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_live_token_opens_and_an_empty_one_never() {
        let secret = |value: &str| Secret::new("test", value);
        let known = [secret("old"), secret("new"), secret("")];
        assert_eq!((opens("old", &known), opens("new", &known)), (Some(0), Some(1)));
        for wrong in ["", "ol", "older", "OLD"] {
            assert_eq!(opens(wrong, &known), None, "{wrong}");
        }
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
    }

    #[test]
    fn reports_are_read_strictly() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(read(b" ", now).is_ok());
        let report = read(br#"{"value": 3, "ok": true, "message": "a\u001b[31m\nb"}"#, now).expect("a report");
        assert_eq!(report.message.as_deref(), Some("a [31m b"));
        for wrong in [r#"{"valu":1}"#, "[1]", r#"{"at":"1970-01-02T00:00:00Z"}"#, r#"{"value":"1"}"#, "{"] {
            assert!(read(wrong.as_bytes(), now).is_err(), "{wrong}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn reports_are_read_or_refused() {
        let corpus: &[&[u8]] = &[
            br#"{"value": 41.5, "ok": true, "message": "disk 81 %", "at": "1970-01-01T00:00:30Z"}"#,
            br#"{"message": "a\u001b[31m\nb \ud83d\ude00", "value": -1e308}"#,
            br#"{"value": 1e999, "ok": null}"#,
            b" \r\n",
        ];
        let now = Timestamp::UNIX_EPOCH;
        for input in Bent::of(3000, corpus) {
            let Ok(report) = read(&input, now) else { continue };
            assert!(report.value.is_none_or(f64::is_finite));
            assert!(report.at.is_none_or(|at| at.duration_since(now) <= AHEAD_MAX));
            let line = |text: &String| text.chars().count() <= MESSAGE_MAX && !text.contains(char::is_control);
            assert!(report.message.as_ref().is_none_or(line), "{:?}", report.message);
            // What was kept would be reported again the same.
            let again = serde_json::json!({ "value": report.value, "ok": report.ok, "message": report.message, "at": report.at });
            let Ok(again) = read(again.to_string().as_bytes(), now) else {
                panic!("read once, refused again: {again}")
            };
            assert_eq!(again.value.map(f64::to_bits), report.value.map(f64::to_bits));
            assert_eq!((again.ok, again.message, again.at), (report.ok, report.message, report.at));
        }
    }
}
