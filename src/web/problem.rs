//! Errors as RFC 9457 problem documents.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a request was not done, for programs and for people.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says all there is to say.
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Why our own store refused: for our log, not for the visitor.
    #[serde(skip)]
    unread: Option<String>,
}

/// What an answer lacks, because our own store refused.
#[derive(Clone, Debug)]
pub(super) struct Unread(pub(super) String);

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            unread: None,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// One text for what is missing and for what is hidden, so that nobody can tell them apart.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such thing here")
    }

    /// Our own store refuses; why stands in our log and in the banner, not with the visitor.
    pub(super) fn store(refused: &crate::store::Refused) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer; try again");
        Self { unread: Some(crate::words::chain(refused)), ..problem }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status = self.status();
        let unread = self.unread.take();
        let mut response = (status, Json(self)).into_response();
        if let Some(why) = unread {
            response.extensions_mut().insert(Unread(why));
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
