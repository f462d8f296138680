//! The shop: plans and telephones, a basket, a checkout, and the confirmation of an order.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::books::{Article, Order, article, plan};
use super::business::{Business, Refusal};
use super::mail::letters;
use super::notices;
use super::page::{page, text};
use super::touchpoint::Touchpoint::Shop;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .route("/", get(shelf))
        .route("/plans/{id}", get(article_page).post(buy))
        .route("/phones/{id}", get(article_page).post(buy))
        .route("/api/catalogue", get(catalogue))
        .route("/api/basket", post(basket))
        .route("/api/orders", post(order))
        .route("/api/orders/{id}", get(confirmation).delete(cancel))
        .with_state(business)
}

fn priced(business: &Business, id: &str) -> Result<Article, Refusal> {
    let article = article(id).ok_or(Refusal::NoSuch("article"))?;
    Ok(Article { price: business.price(Shop, article.price), ..article })
}

/// What a customer reads before the price.
fn about(article: &Article) -> String {
    plan(article.id).map_or_else(|| article.words.to_owned(), |plan| format!("{} GB. {}", plan.gigabytes, plan.words))
}

async fn shelf(State(business): State<Arc<Business>>) -> Html<String> {
    let card = |folder: &str, article: &Article| {
        format!(
            "<li><h2>{}</h2><p>{}</p><p class=\"price\"><strong>{}</strong> € {}</p>\
             <a class=\"button\" href=\"/{folder}/{}\">Choose</a></li>",
            article.name,
            about(article),
            article.price,
            article.paid,
            article.id
        )
    };
    let plans: String = business.plans(Shop).iter().map(|plan| card("plans", &plan.into())).collect();
    let phones: String = business.phones(Shop).iter().map(|phone| card("phones", phone)).collect();
    let body = format!(
        "<h1>Choose your plan</h1><ul class=\"cards\">{plans}</ul>\
         <h2>And a telephone</h2><ul class=\"cards\">{phones}</ul>"
    );
    page("Shop", &body)
}

async fn article_page(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Html<String>, Refusal> {
    let article = priced(&business, &id)?;
    let body = format!(
        "<h1>{}</h1><p>{}</p><p class=\"price\"><strong id=\"price\">{}</strong> € {}</p>\
         <form method=\"post\"><label>Your e-mail address <input type=\"email\" name=\"email\" required></label>\
         <button class=\"button\">Order with obligation to pay</button></form>",
        article.name,
        about(&article),
        article.price,
        article.paid
    );
    Ok(page(article.name, &body))
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
    let article = priced(&business, &id)?;
    let order = business.books.order(buyer.email, &article);
    letters::confirm(&business, &order);
    notices::of_order(&business, &order);
    let body = format!(
        "<h1>Thank you</h1><p>Your order <strong id=\"order\">{}</strong> is confirmed. {} costs {} € {}.</p>\
         <p>We write to {}.</p>",
        order.id,
        article.name,
        order.total,
        article.paid,
        text(&order.email)
    );
    Ok(page("Thank you", &body))
}

async fn catalogue(State(business): State<Arc<Business>>) -> Json<Value> {
    Json(json!({ "currency": "EUR", "plans": business.plans(Shop), "phones": business.phones(Shop) }))
}

/// What is wanted, by its id.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wish {
    Plan(String),
    Phone(String),
}

impl Wish {
    fn id(&self) -> &str {
        let (Self::Plan(id) | Self::Phone(id)) = self;
        id
    }
}

/// What the basket costs, before anything is ordered.
async fn basket(State(business): State<Arc<Business>>, Json(wish): Json<Wish>) -> Result<Json<Value>, Refusal> {
    let article = priced(&business, wish.id())?;
    let item = json!({ "article": article.id, "price": article.price });
    Ok(Json(json!({ "items": [item], "total": article.price, "currency": "EUR" })))
}

#[derive(Deserialize)]
struct Checkout {
    email: String,
    #[serde(flatten)]
    wish: Wish,
}

async fn order(
    State(business): State<Arc<Business>>,
    Json(checkout): Json<Checkout>,
) -> Result<(StatusCode, Json<Order>), Refusal> {
    let article = priced(&business, checkout.wish.id())?;
    let order = business.books.order(checkout.email, &article);
    letters::confirm(&business, &order);
    notices::of_order(&business, &order);
    Ok((StatusCode::CREATED, Json(order)))
}

async fn confirmation(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    business.books.find_order(&id).map(Json).ok_or(Refusal::NoSuch("order"))
}

async fn cancel(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    let order = business.books.cancel(&id).ok_or(Refusal::NoSuch("order"))?;
    notices::of_order(&business, &order);
    Ok(Json(order))
}
