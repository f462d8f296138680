//! The company's page in an app store, and the files by which phones know that the app and the site belong together.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::business::Business;
use super::fault::Fault;
use super::page::page;
use super::touchpoint::Touchpoint;

const VERSION: &str = "7.4.1";
const RATING: f64 = 4.6;
const RATING_AFTER_A_BAD_UPDATE: f64 = 2.3;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(app))
        .route("/lookup", get(lookup))
        .route("/.well-known/assetlinks.json", get(assetlinks))
        .route("/.well-known/apple-app-site-association", get(association))
        .with_state(business)
}

fn rating(business: &Business) -> f64 {
    if business.switches.is(Touchpoint::Store, Fault::BadRating) { RATING_AFTER_A_BAD_UPDATE } else { RATING }
}

async fn app(State(business): State<Arc<Business>>) -> Html<String> {
    let rating = rating(&business);
    page(
        "The app",
        &format!(
            "<h1>Halcyon</h1><p><strong id=\"rating\">{rating:.1}</strong> of 5 stars · version \
             <span id=\"version\">{VERSION}</span></p><p>Your plan, your bills, and people who answer.</p>"
        ),
    )
}

/// As app stores tell it to programs.
async fn lookup(State(business): State<Arc<Business>>) -> Json<Value> {
    let app = json!({
        "bundleId": "example.halcyon.app", "trackName": "Halcyon", "version": VERSION,
        "averageUserRating": rating(&business), "userRatingCount": 20417,
    });
    Json(json!({ "resultCount": 1, "results": [app] }))
}

async fn assetlinks() -> Json<Value> {
    let fingerprint = ["A1:B2"; 16].join(":");
    Json(json!([{
        "relation": ["delegate_permission/common.handle_all_urls"],
        "target": {
            "namespace": "android_app", "package_name": "example.halcyon.app", "sha256_cert_fingerprints": [fingerprint],
        },
    }]))
}

async fn association(State(business): State<Arc<Business>>) -> Response {
    if business.switches.is(Touchpoint::Store, Fault::LinksBroken) {
        // What a careless single-page application answers for every path.
        return page("Halcyon Mobile", "<h1>Loading</h1>").into_response();
    }
    let details = json!([{ "appIDs": ["HM12345678.example.halcyon.app"], "components": [{ "/": "/plans/*" }] }]);
    Json(json!({ "applinks": { "details": details } })).into_response()
}
