//! Where the ads lead: a click is counted, sent on with its campaign, and lands on the offer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{Html, Redirect};
use axum::routing::get;

use super::books::advertised;
use super::business::Business;
use super::fault::Fault;
use super::page::{page, text};
use super::touchpoint::Touchpoint;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(campaigns))
        .route("/go/flat-m", get(click))
        .route("/flat-m", get(landing))
        .route("/consent.js", get(async || script("consent")))
        .route("/measure.js", get(async || script("measure")))
        .with_state(business)
}

async fn campaigns() -> Html<String> {
    let links = "<li><a href=\"/go/flat-m?utm_source=poster&amp;utm_campaign=autumn\">On the posters</a></li>";
    page("Our ads", &format!("<h1>What we promise</h1><ul class=\"links\">{links}</ul>"))
}

/// What the ad itself links to.
async fn click(State(business): State<Arc<Business>>, RawQuery(query): RawQuery) -> Redirect {
    let lost = business.switches.is(Touchpoint::Ads, Fault::CampaignLost);
    match query.filter(|_| !lost) {
        Some(query) => Redirect::to(&format!("/flat-m?{query}")),
        None => Redirect::to("/flat-m"),
    }
}

async fn landing(State(business): State<Arc<Business>>) -> Html<String> {
    let plan = advertised();
    page(
        plan.name,
        &format!(
            "<script src=\"/consent.js\" data-consent=\"required\"></script>\
             <script src=\"/measure.js\" data-campaigns=\"HM-2026\" defer></script>\
             <h1>{name}: {gigabytes} GB</h1><p class=\"price\"><strong id=\"price\">{price}</strong> € a month</p>\
             <p>{words}</p><p><a class=\"button\" href=\"{shop}/plans/{id}\">Order now</a></p>",
            name = text(plan.name),
            gigabytes = plan.gigabytes,
            price = business.price(Touchpoint::Ads, plan.price),
            words = text(plan.words),
            shop = business.url(Touchpoint::Shop),
            id = plan.id,
        ),
    )
}

fn script(name: &str) -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "text/javascript")], format!("\"use strict\"; // {name}: a demo company measures nobody\n"))
}
