//! The billing portal: sign in, read the latest bill, see what an order is charged, download either. People use it as
//! [`account`], programs by its API.

mod account;
pub(super) mod codes;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bill::Bill;
use super::books::{Customer, Order, OrderStatus, article, plan};
use super::business::{Business, Credentials, Refusal};
use super::page::sorry;
use super::touchpoint::Touchpoint::Billing;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .merge(account::router())
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me))
        .route("/bills/latest", get(latest))
        .route("/bills/{file}", get(download))
        .route("/charges/{order}", get(charge))
        .route("/charges/{order}/bill.pdf", get(download_charge))
        .with_state(business)
}

async fn login(State(business): State<Arc<Business>>, Json(with): Json<Credentials>) -> Result<Json<Value>, Refusal> {
    business.sign_in(&with)
}

async fn logout(State(business): State<Arc<Business>>, headers: HeaderMap) -> StatusCode {
    business.leave(&headers)
}

async fn me(State(business): State<Arc<Business>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let customer = business.caller(&headers)?;
    let name = business.name(Billing, customer);
    Ok(Json(json!({ "name": name, "greeting": format!("Dear {name}"), "number": customer.number })))
}

/// This month's bill, as it stands now.
fn bill_of(business: &Business, customer: &'static Customer) -> Result<Bill, Refusal> {
    let plan = plan(customer.plan).ok_or(Refusal::NoSuch("plan"))?;
    let today: Date = business.clock.now().to_zoned(TimeZone::UTC).date();
    Ok(Bill {
        number: format!("{}-{}", customer.number, today.strftime("%Y-%m")),
        customer: business.name(Billing, customer),
        item: format!("{}, one month", plan.name),
        total: business.price(Billing, plan.price),
        issued: today.first_of_month(),
        due: today.first_of_month().saturating_add(27.days()),
    })
}

async fn latest(State(business): State<Arc<Business>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let customer = business.caller(&headers)?;
    let bill = bill_of(&business, customer)?;
    // The link is a key of its own: it opens this customer's bills, without showing the session's token.
    let key = business.books.admit(customer);
    Ok(Json(json!({
        "number": bill.number,
        "status": "open",
        "customer": bill.customer,
        "total": bill.total,
        "currency": "EUR",
        "due": bill.due.to_string(),
        "pdf_url": format!("{}/bills/{}.pdf?key={key}", business.url(Billing), bill.number),
    })))
}

/// What opens a bill to whoever has not signed in.
#[derive(Deserialize)]
struct Key {
    key: Option<String>,
}

impl Key {
    /// Whom the key was given to; without one, who has signed in.
    fn customer(&self, business: &Business, headers: &HeaderMap) -> Result<&'static Customer, Refusal> {
        let customer = match &self.key {
            Some(key) => business.books.signed_in(key),
            None => account::visitor(business, headers),
        };
        customer.ok_or(Refusal::NotSignedIn)
    }
}

async fn download(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(file): Path<String>,
    Query(key): Query<Key>,
) -> Result<Response, Refusal> {
    let customer = key.customer(&business, &headers)?;
    let bill = bill_of(&business, customer)?;
    if file != format!("{}.pdf", bill.number) {
        return Err(Refusal::NoSuch("bill"));
    }
    Ok(printed(&bill))
}

fn printed(bill: &Bill) -> Response {
    match bill.pdf() {
        Ok(pdf) => ([(header::CONTENT_TYPE, "application/pdf")], pdf).into_response(),
        Err(_) => sorry(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// An order of this customer that is to be paid.
fn charged(business: &Business, customer: &Customer, order: &str) -> Result<Order, Refusal> {
    let order = business.books.find_order(order).filter(|order| order.email == customer.email);
    order.filter(|order| order.status == OrderStatus::Confirmed).ok_or(Refusal::NoSuch("charge"))
}

/// What an order will cost on the next bill.
async fn charge(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(order): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let customer = business.caller(&headers)?;
    let order = charged(&business, customer, &order)?;
    // As above, a key of its own.
    let key = business.books.admit(customer);
    Ok(Json(json!({
        "order": order.id,
        "amount": business.price(Billing, order.total),
        "currency": "EUR",
        "pdf_url": format!("{}/charges/{}/bill.pdf?key={key}", business.url(Billing), order.id),
    })))
}

/// The bill of one order.
async fn download_charge(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(order): Path<String>,
    Query(key): Query<Key>,
) -> Result<Response, Refusal> {
    let customer = key.customer(&business, &headers)?;
    let order = charged(&business, customer, &order)?;
    let article = article(order.article).ok_or(Refusal::NoSuch("article"))?;
    let today: Date = business.clock.now().to_zoned(TimeZone::UTC).date();
    Ok(printed(&Bill {
        customer: business.name(Billing, customer),
        item: format!("{}, {}", article.name, article.paid),
        total: business.price(Billing, order.total),
        number: order.id,
        issued: today,
        due: today.saturating_add(14.days()),
    }))
}
