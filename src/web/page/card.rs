//! One journey in a small frame, for intranets and dashboards of others.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::home::{self, Stop};
use super::number::Number;
use super::tone::Tone;
use super::{Frame, answer, lost};
use crate::model::JourneyId;
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;
use crate::words;

/// It holds no form, so whoever frames it cannot make a visitor do anything.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *; require-trusted-types-for 'script'; \
    trusted-types 'none'";

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "card.html")]
struct Card {
    frame: Frame,
    id: String,
    number: Number,
    tone: Tone,
    sentence: String,
    stops: Vec<Stop>,
}

pub(in crate::web) async fn card(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let snapshot = shared.snapshot();
    let Some(now) = snapshot.journey(&JourneyId::new(&id)) else { return lost(&shared, &visitor, &snapshot) };
    let page = Card {
        frame: Frame::new(&shared, &visitor, &snapshot, words::title(&now.id, &snapshot.map).to_owned()),
        id,
        number: home::number(now),
        tone: home::tone(now),
        sentence: visitor.words.journey(now, &snapshot),
        stops: home::stops(now, &snapshot),
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, answer(&visitor, page)).into_response()
}
