//! The web site: where customers arrive, from an ad, from a profile, from a search.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;

use super::books::advertised;
use super::business::{Business, NETWORK_STATUS, PHONE};
use super::page::page;
use super::touchpoint::Touchpoint::{App, Billing, Chat, Reviews, Shop, Web};

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/contact", get(contact))
        .route("/ads/flat-m", get(ad))
        .route("/bio", get(link_in_bio))
        .route("/status", get(network_status))
        .with_state(business)
}

async fn home(State(business): State<Arc<Business>>) -> Html<String> {
    let [shop, billing, reviews] = [Shop, Billing, Reviews].map(|place| business.url(place));
    page(
        "Welcome",
        &format!(
            "<h1>A network that holds</h1><p>40 GB, no small print, and people who answer.</p>\
             <p><a class=\"button\" href=\"/ads/flat-m\">See Flat M</a></p>\
             <nav><a href=\"{shop}/\">Shop</a> <a href=\"{billing}/\">My bills</a> <a href=\"{reviews}/\">Reviews</a> \
             <a href=\"/contact\">Contact</a> <a href=\"/status\">Network status</a></nav>"
        ),
    )
}

async fn contact(State(business): State<Arc<Business>>) -> Html<String> {
    let hours = business.hours(Web);
    page(
        "Contact",
        &format!(
            "<h1>We answer</h1><p>By phone: <a href=\"tel:{tel}\">{PHONE}</a></p>\
             <p>Opening hours: <strong id=\"hours\">{hours}</strong></p>\
             <p>Round the clock: the chat in the app and on this site.</p>",
            tel = PHONE.replace(' ', ""),
        ),
    )
}

/// Where the ad on the posters leads to.
async fn ad(State(business): State<Arc<Business>>) -> Html<String> {
    let plan = advertised();
    let price = business.price(Web, plan.price);
    page(
        plan.name,
        &format!(
            "<h1>{name}: {gigabytes} GB</h1><p class=\"price\"><strong id=\"price\">{price}</strong> € a month</p>\
             <p>{words} No contract term, no small print.</p>\
             <p><a class=\"button\" id=\"order\" href=\"{shop}/plans/{id}\">Order now</a></p>",
            name = plan.name,
            gigabytes = plan.gigabytes,
            words = plan.words,
            id = plan.id,
            shop = business.url(Shop),
        ),
    )
}

/// The page behind the one link that a social network allows.
async fn link_in_bio(State(business): State<Arc<Business>>) -> Html<String> {
    let [shop, app, reviews] = [Shop, App, Reviews].map(|place| business.url(place));
    page(
        "Links",
        &format!(
            "<h1>@halcyonmobile</h1><ul class=\"links\"><li><a href=\"/ads/flat-m\">Flat M, 40 GB</a></li>\
             <li><a href=\"{shop}/\">All plans</a></li><li><a href=\"{app}/\">Get the app</a></li>\
             <li><a href=\"{reviews}/\">What others say</a></li></ul>"
        ),
    )
}

async fn network_status(State(business): State<Arc<Business>>) -> Html<String> {
    let chat = business.url(Chat);
    page(
        "Network status",
        &format!(
            "<h1>Network status</h1><p id=\"banner\" class=\"well\">{NETWORK_STATUS}</p>\
             <p>No signal all the same? <a href=\"{chat}/\">Ask in the chat</a>.</p>"
        ),
    )
}
