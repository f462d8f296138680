//! The company's profile in a social network: its logo, the link in its bio, the card of what it shares.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;

use super::business::Business;
use super::fault::Fault;
use super::page::page;
use super::touchpoint::Touchpoint;

const LOGO: &[u8] = include_bytes!("assets/logo.png");
const OTHER_LOGO: &[u8] = include_bytes!("assets/other-logo.png");
const CARD: &[u8] = include_bytes!("assets/card.png");

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(profile))
        .route("/logo.png", get(logo))
        .route("/card.png", get(card))
        .with_state(business)
}

async fn profile(State(business): State<Arc<Business>>) -> Html<String> {
    let [own, web] = [Touchpoint::Social, Touchpoint::Web].map(|place| business.url(place));
    let card = [
        ("og:title", "Halcyon Mobile: a network that holds".to_owned()),
        ("og:description", "40 GB, no small print, and people who answer.".to_owned()),
        ("og:image", format!("{own}/card.png")),
        ("og:url", format!("{own}/")),
    ];
    let meta: Vec<String> =
        card.iter().map(|(name, value)| format!("<meta property=\"{name}\" content=\"{value}\">")).collect();
    let mut profile = page(
        "@halcyonmobile",
        &format!(
            "<h1>@halcyonmobile</h1><p><img id=\"logo\" src=\"{own}/logo.png\" alt=\"Halcyon Mobile\" width=\"96\"></p>\
             <p>A network that holds. <a id=\"bio\" href=\"{web}/bio\">All our links</a></p>"
        ),
    );
    profile.0 = profile.0.replacen("</head>", &format!("{}</head>", meta.concat()), 1);
    profile
}

async fn logo(State(business): State<Arc<Business>>) -> Response {
    let wrong = business.switches.is(Touchpoint::Social, Fault::WrongLogo);
    picture(if wrong { OTHER_LOGO } else { LOGO })
}

async fn card(State(business): State<Arc<Business>>) -> Response {
    if business.switches.is(Touchpoint::Social, Fault::NoPicture) {
        return StatusCode::NOT_FOUND.into_response();
    }
    picture(CARD)
}

fn picture(bytes: &'static [u8]) -> Response {
    ([("content-type", "image/png")], bytes).into_response()
}
