//! The shop: plans, a basket, a checkout, and the confirmation of an order.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::books::{Order, Plan, plan};
use super::business::{Business, Refusal};
use super::fault::Touchpoint::Shop;
use super::mail::letters;
use super::page::{page, text};

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(shelf))
        .route("/plans/{id}", get(plan_page).post(buy))
        .route("/api/catalogue", get(catalogue))
        .route("/api/basket", post(basket))
        .route("/api/orders", post(order))
        .route("/api/orders/{id}", get(confirmation).delete(cancel))
        .with_state(business)
}

fn priced(business: &Business, id: &str) -> Result<Plan, Refusal> {
    let plan = plan(id).ok_or(Refusal::NoSuch("plan"))?;
    Ok(Plan { price: business.price(Shop, plan.price), ..*plan })
}

async fn shelf(State(business): State<Arc<Business>>) -> Html<String> {
    let cards: Vec<String> = business
        .plans(Shop)
        .iter()
        .map(|plan| {
            format!(
                "<li><h2>{}</h2><p>{} GB. {}</p><p class=\"price\"><strong>{}</strong> € a month</p>\
                 <a class=\"button\" href=\"/plans/{}\">Choose</a></li>",
                plan.name, plan.gigabytes, plan.words, plan.price, plan.id
            )
        })
        .collect();
    page("Shop", &format!("<h1>Choose your plan</h1><ul class=\"cards\">{}</ul>", cards.concat()))
}

async fn plan_page(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Html<String>, Refusal> {
    let plan = priced(&business, &id)?;
    let body = format!(
        "<h1>{}</h1><p>{} GB. {}</p><p class=\"price\"><strong id=\"price\">{}</strong> € a month</p>\
         <form method=\"post\"><label>Your e-mail address <input type=\"email\" name=\"email\" required></label>\
         <button class=\"button\">Order with obligation to pay</button></form>",
        plan.name, plan.gigabytes, plan.words, plan.price
    );
    Ok(page(plan.name, &body))
}

#[derive(Deserialize)]
struct Buyer {
    email: String,
}

/// The same order as by the API, for people.
async fn buy(
    State(business): State<Arc<Business>>,
    Path(id): Path<String>,
    Form(buyer): Form<Buyer>,
) -> Result<Html<String>, Refusal> {
    let plan = priced(&business, &id)?;
    let order = business.books.order(buyer.email, &plan, plan.price);
    letters::confirm(&business, &order);
    let body = format!(
        "<h1>Thank you</h1><p>Your order <strong id=\"order\">{}</strong> is confirmed. {} costs {} € a month.</p>\
         <p>We write to {}.</p>",
        order.id,
        plan.name,
        order.total,
        text(&order.email)
    );
    Ok(page("Thank you", &body))
}

async fn catalogue(State(business): State<Arc<Business>>) -> Json<Value> {
    Json(json!({ "currency": "EUR", "plans": business.plans(Shop) }))
}

#[derive(Deserialize)]
struct Wish {
    plan: String,
}

/// What the basket costs, before anything is ordered.
async fn basket(State(business): State<Arc<Business>>, Json(wish): Json<Wish>) -> Result<Json<Value>, Refusal> {
    let plan = priced(&business, &wish.plan)?;
    Ok(Json(json!({ "items": [{ "plan": plan.id, "price": plan.price }], "total": plan.price, "currency": "EUR" })))
}

#[derive(Deserialize)]
struct Checkout {
    email: String,
    plan: String,
}

async fn order(
    State(business): State<Arc<Business>>,
    Json(checkout): Json<Checkout>,
) -> Result<(StatusCode, Json<Order>), Refusal> {
    let plan = priced(&business, &checkout.plan)?;
    let order = business.books.order(checkout.email, &plan, plan.price);
    letters::confirm(&business, &order);
    Ok((StatusCode::CREATED, Json(order)))
}

async fn confirmation(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    business.books.find_order(&id).map(Json).ok_or(Refusal::NoSuch("order"))
}

async fn cancel(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    business.books.cancel(&id).map(Json).ok_or(Refusal::NoSuch("order"))
}
