//! The shop: plans and telephones, a basket, a checkout, and the confirmation of an order.

mod checkout;
mod shelf;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::books::{Article, Order, article};
use super::business::{Business, Refusal};
use super::fault::Fault;
use super::front::{self, Front, asset};
use super::mail::letters;
use super::notices;
use super::page::text;
use super::touchpoint::Touchpoint::Shop;

/// How late a script is that has grown, and a picture that nobody made smaller.
const HEAVY_SCRIPT: Duration = Duration::from_secs(4);
const HEAVY_PICTURE: Duration = Duration::from_millis(1500);

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .merge(front::assets())
        .route("/", get(shelf::shelf))
        .route("/plans/{id}", get(shelf::article_page).post(checkout::buy))
        .route("/phones/{id}", get(shelf::article_page).post(checkout::buy))
        .route("/basket", get(checkout::basket).post(checkout::change))
        .route("/checkout", get(checkout::desk).post(checkout::pay))
        .route("/terms", get(terms))
        .route("/assets/own.js", get(own_script))
        .route("/pictures/{file}", get(picture))
        .route("/api/catalogue", get(catalogue))
        .route("/api/basket", post(basket))
        .route("/api/orders", post(order))
        .route("/api/orders/{id}", get(confirmation).delete(cancel))
        .fallback(lost)
        .with_state(business)
}

fn frame<'a>(business: &'a Business, headers: &'a HeaderMap) -> Front<'a> {
    Front { business, headers, at: Shop }
}

fn priced(business: &Business, id: &str) -> Result<Article, Refusal> {
    let article = article(id).ok_or(Refusal::NoSuch("article"))?;
    Ok(Article { price: business.price(Shop, article.price), ..article })
}

/// Takes an order, and tells the customer in every way there is.
fn take(business: &Arc<Business>, email: String, article: &Article) -> Order {
    let order = business.books.order(email, article);
    letters::confirm(business, &order);
    notices::of_order(business, &order);
    order
}

/// "Thank you", for one order or several.
fn thank(front: &Front<'_>, orders: &[(Order, Article)]) -> Html<String> {
    let line = |(at, (order, article)): (usize, &(Order, Article))| {
        let id = if at == 0 { " id=\"order\"" } else { "" };
        format!(
            "<p class=\"note good\">Your order <strong{id}>{}</strong> is confirmed. {} costs {} € {}.</p>",
            order.id, article.name, order.total, article.paid,
        )
    };
    let lines: String = orders.iter().enumerate().map(line).collect();
    let email = orders.first().map_or("", |(order, _)| &order.email);
    let body = format!(
        "<div class=\"narrow\"><h1>Thank you</h1>{lines}<p>We write to {}.</p>\
         <p><a class=\"button quiet wide\" href=\"/\">Back to the shop</a></p></div>",
        text(email)
    );
    front.page("Thank you", &body)
}

async fn terms(State(business): State<Arc<Business>>, headers: HeaderMap) -> Html<String> {
    let body = "<h1>Terms and cancellation</h1><p>What you have ordered you may send back within fourteen days, and we pay \
                the parcel. A plan ends with any month in which you tell us so.</p><p>There is no small print.</p>";
    frame(&business, &headers).page("Terms and cancellation", body)
}

async fn own_script(State(business): State<Arc<Business>>) -> Response {
    if business.switches.is(Shop, Fault::LateHydration) {
        tokio::time::sleep(HEAVY_SCRIPT).await;
    }
    front::script(include_str!("assets/front/shop.js"))
}

async fn picture(State(business): State<Arc<Business>>, Path(file): Path<String>) -> Response {
    let picture = match file.as_str() {
        "halcyon-one.svg" => include_str!("assets/front/halcyon-one.svg"),
        "sim.svg" => include_str!("assets/front/sim.svg"),
        "autumn.svg" => include_str!("assets/front/autumn.svg"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if business.switches.is(Shop, Fault::LayoutShift) {
        tokio::time::sleep(HEAVY_PICTURE).await;
    }
    asset("image/svg+xml", picture)
}

async fn lost(State(business): State<Arc<Business>>, headers: HeaderMap) -> Response {
    front::lost(&frame(&business, &headers))
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
    Ok((StatusCode::CREATED, Json(take(&business, checkout.email, &article))))
}

async fn confirmation(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    business.books.find_order(&id).map(Json).ok_or(Refusal::NoSuch("order"))
}

async fn cancel(State(business): State<Arc<Business>>, Path(id): Path<String>) -> Result<Json<Order>, Refusal> {
    let order = business.books.cancel(&id).ok_or(Refusal::NoSuch("order"))?;
    notices::of_order(&business, &order);
    Ok(Json(order))
}
