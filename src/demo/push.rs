//! The gateway that brings the app's messages to locked telephones, spoken to as Apple's is (HTTP/2, `POST /3/device/TOKEN`).
//!
//! It knows the telephones that signed in at the app, and says in the same words why it does not take a message.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::books::Message;
use super::business::{Business, bearer};
use super::fault::Fault;
use super::page::page;
use super::touchpoint::Touchpoint;

/// The app's id: a message to another app is not ours to bring.
const APP: &str = "example.halcyon.app";
/// Of a device's token: hexadecimal digits.
const TOKEN_CHARS: usize = 64;
/// As much as Apple takes.
const MESSAGE_BYTES_MAX: usize = 4096;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new().route("/", get(about)).route("/3/device/{token}", post(push)).with_state(business)
}

async fn about() -> Html<String> {
    page("Push", "<h1>Messages for locked telephones</h1><p>For programs: post to /3/device/TOKEN.</p>")
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug)]
enum Reason {
    BadDeviceToken,
    PayloadEmpty,
    InvalidProviderToken,
    MissingProviderToken,
    PayloadTooLarge,
    TopicDisallowed,
    Unregistered,
}

impl IntoResponse for Reason {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::BadDeviceToken => (StatusCode::BAD_REQUEST, "BadDeviceToken"),
            Self::PayloadEmpty => (StatusCode::BAD_REQUEST, "PayloadEmpty"),
            Self::TopicDisallowed => (StatusCode::BAD_REQUEST, "TopicDisallowed"),
            Self::InvalidProviderToken => (StatusCode::FORBIDDEN, "InvalidProviderToken"),
            Self::MissingProviderToken => (StatusCode::FORBIDDEN, "MissingProviderToken"),
            Self::Unregistered => (StatusCode::GONE, "Unregistered"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"),
        };
        (status, Json(json!({ "reason": reason }))).into_response()
    }
}

async fn push(
    State(business): State<Arc<Business>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<[(&'static str, String); 1], Reason> {
    let fault = business.switches.now(Touchpoint::Push);
    let key = bearer(&headers).ok_or(Reason::MissingProviderToken)?;
    if key != business.push_key || fault == Some(Fault::RefusesKey) {
        return Err(Reason::InvalidProviderToken);
    }
    if headers.get("apns-topic").is_none_or(|topic| topic != APP) {
        return Err(Reason::TopicDisallowed);
    }
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(Reason::PayloadTooLarge);
    }
    let text = text_of(&body).ok_or(Reason::PayloadEmpty)?;
    let is_token = token.len() == TOKEN_CHARS && token.bytes().all(|digit| digit.is_ascii_hexdigit());
    let device = business.books.device(&token).filter(|_| is_token).ok_or(Reason::BadDeviceToken)?;
    if device.gone {
        return Err(Reason::Unregistered);
    }
    let id = Uuid::new_v4().to_string();
    if fault != Some(Fault::Lost) {
        business.books.deliver(&device, Message { id: id.clone(), text });
    }
    Ok([("apns-id", id)])
}

/// What the telephone shows: `aps.alert`, a text or one with a title.
fn text_of(body: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let alert = &message["aps"]["alert"];
    alert.as_str().or_else(|| alert["body"].as_str()).map(str::to_owned)
}
