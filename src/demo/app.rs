//! What the phone's app talks to.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Html;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::books::{Order, Plan, plan};
use super::business::{Business, Credentials, Refusal};
use super::page::page;
use super::touchpoint::Touchpoint::App;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/.well-known/assetlinks.json", get(asset_links))
        .route("/v1/version", get(version))
        .route("/v1/catalogue", get(catalogue))
        .route("/v1/catalogue/{id}", get(offer))
        .route("/v1/login", post(login))
        .route("/v1/logout", post(logout))
        .route("/v1/plan", get(my_plan))
        .route("/v1/orders/{id}", get(my_order))
        .route("/v1/support", get(support).post(ask))
        .route("/v1/devices", post(register))
        .route("/v1/devices/{token}", delete(unregister))
        .route("/v1/messages", get(messages))
        .with_state(business)
}

async fn about() -> Html<String> {
    page("The app", "<h1>Halcyon in your pocket</h1><p>Your plan, your bills, your people.</p>")
}

/// Ties links of the web site to the app (Digital Asset Links): without it they open in the browser.
async fn asset_links() -> Json<Value> {
    Json(json!([{
        "relation": ["delegate_permission/common.handle_all_urls"],
        "target": {
            "namespace": "android_app",
            "package_name": "example.halcyon.mobile",
            "sha256_cert_fingerprints": [vec!["4F"; 32].join(":")],
        },
    }]))
}

/// The first thing the app asks when it opens: may I still run?
async fn version() -> Json<Value> {
    Json(json!({ "minimum": "5.2.0", "latest": "5.4.1", "maintenance": false }))
}

async fn catalogue(State(business): State<Arc<Business>>) -> Json<Value> {
    Json(json!({ "currency": "EUR", "plans": business.plans(App) }))
}

async fn offer(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Plan>, Refusal> {
    let plan = plan(&id).ok_or(Refusal::NoSuch("plan"))?;
    Ok(Json(Plan { price: business.price(App, plan.price), ..*plan }))
}

async fn login(State(business): State<Arc<Business>>, Json(with): Json<Credentials>) -> Result<Json<Value>, Refusal> {
    business.sign_in(&with)
}

async fn logout(State(business): State<Arc<Business>>, headers: HeaderMap) -> StatusCode {
    business.leave(&headers)
}

async fn my_plan(State(business): State<Arc<Business>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let customer = business.caller(&headers)?;
    let plan = plan(customer.plan).ok_or(Refusal::NoSuch("plan"))?;
    Ok(Json(json!({
        "customer": business.name(App, customer),
        "number": customer.number,
        "plan": plan.name,
        "price": business.price(App, plan.price),
        "gigabytes_left": customer.gigabytes_left,
    })))
}

async fn my_order(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Order>, Refusal> {
    let customer = business.caller(&headers)?;
    let order = business.books.find_order(&id).filter(|order| order.email == customer.email);
    let order = order.ok_or(Refusal::NoSuch("order"))?;
    Ok(Json(Order { total: business.price(App, order.total), ..order }))
}

/// The app on a telephone asks for push messages.
async fn register(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let token = business.books.register(business.caller(&headers)?);
    Ok((StatusCode::CREATED, Json(json!({ "device": token }))))
}

async fn unregister(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<StatusCode, Refusal> {
    business.books.unregister(&token, business.caller(&headers)?);
    Ok(StatusCode::NO_CONTENT)
}

/// What reached the customer's telephones.
async fn messages(State(business): State<Arc<Business>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let customer = business.caller(&headers)?;
    Ok(Json(json!({ "messages": business.books.messages(customer) })))
}

async fn support(State(business): State<Arc<Business>>) -> Json<Value> {
    Json(json!({ "hours": business.hours(App), "answers_within_minutes": 20 }))
}

#[derive(Deserialize)]
struct Question {
    question: String,
}

async fn ask(Json(asked): Json<Question>) -> (StatusCode, Json<Value>) {
    let ticket = Uuid::new_v4().simple().to_string();
    (StatusCode::CREATED, Json(json!({ "ticket": ticket, "question": asked.question, "status": "received" })))
}
