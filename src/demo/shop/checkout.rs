//! From the basket to "thank you". The basket travels in a cookie; nothing is kept of those who only look.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::super::books::{Article, Cents, PLANS, Paid};
use super::super::business::{Business, Refusal};
use super::super::front::{BASKET_MAX, Front, carry};
use super::super::page::text;
use super::shelf::{order_button, portrait};
use super::{frame, priced, take, thank};

#[derive(Deserialize)]
pub(super) struct Buyer {
    email: String,
}

/// The same order as by the API, for people.
pub(super) async fn buy(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(buyer): Form<Buyer>,
) -> Result<Html<String>, Refusal> {
    let article = priced(&business, &id)?;
    let order = take(&business, buyer.email, &article);
    Ok(thank(&frame(&business, &headers), &[(order, article)]))
}

/// What lies in the basket and is still sold.
fn contents(front: &Front<'_>) -> Vec<Article> {
    front.basket().iter().filter_map(|id| priced(front.business, id).ok()).collect()
}

fn total(articles: &[Article], paid: Paid) -> Cents {
    Cents(articles.iter().filter(|article| article.paid == paid).map(|article| article.price.0).sum())
}

/// Puts an article into the basket or takes it out. Nobody has two plans.
pub(super) async fn change(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Form(change): Form<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let mut basket = contents(&frame(&business, &headers));
    for (what, id) in change {
        match what.as_str() {
            "add" => {
                let article = priced(&business, &id)?;
                basket.retain(|other| article.paid == Paid::Once || other.paid != Paid::Monthly);
                basket.push(article);
            }
            "remove" => basket.retain(|article| article.id != id),
            _ => {}
        }
    }
    let ids: Vec<String> = basket.iter().take(BASKET_MAX).map(|article| article.id.to_owned()).collect();
    Ok(([(SET_COOKIE, carry(&ids))], Redirect::to("/basket")).into_response())
}

pub(super) async fn basket(State(business): State<Arc<Business>>, headers: HeaderMap) -> Html<String> {
    let front = frame(&business, &headers);
    let articles = contents(&front);
    if articles.is_empty() {
        let body = "<div class=\"narrow\"><h1>Your basket is empty</h1><p><a class=\"button\" href=\"/\">To the plans</a></p></div>";
        return front.page("Basket", body);
    }
    let line = |article: &Article| {
        format!(
            "<li>{portrait}<span><strong>{name}</strong><br>{paid}</span><span>{price} €</span>\
             <form method=\"post\"><input type=\"hidden\" name=\"remove\" value=\"{id}\">\
             <button class=\"button quiet small\" aria-label=\"Remove {name}\">Remove</button></form></li>",
            portrait = portrait(&front, article, 64),
            name = article.name,
            paid = article.paid,
            price = article.price,
            id = article.id,
        )
    };
    let body = format!(
        "<div class=\"narrow\"><h1>Your basket</h1><ul class=\"lines\">{lines}</ul>\
         <p class=\"total\"><span>A month</span><span id=\"monthly\">{monthly} €</span></p>\
         <p class=\"total\"><span>Once</span><span id=\"once\">{once} €</span></p>\
         <p><a class=\"button wide\" href=\"/checkout\">Go to checkout</a></p></div>",
        lines = articles.iter().map(line).collect::<String>(),
        monthly = total(&articles, Paid::Monthly),
        once = total(&articles, Paid::Once),
    );
    front.page("Basket", &body)
}

/// Where an order goes, and what its buyer agrees to.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delivery {
    email: String,
    name: String,
    street: String,
    postcode: String,
    town: String,
    country: String,
    plan: String,
    agree: String,
}

pub(super) async fn desk(State(business): State<Arc<Business>>, headers: HeaderMap) -> Html<String> {
    form(&frame(&business, &headers), &Delivery::default(), "")
}

const COUNTRIES: [&str; 3] = ["Germany", "Austria", "Switzerland"];

fn form(front: &Front<'_>, given: &Delivery, problem: &str) -> Html<String> {
    let articles = contents(front);
    let chosen =
        articles.iter().find(|article| article.paid == Paid::Monthly).map_or(given.plan.as_str(), |plan| plan.id);
    let option = |value: &str, name: &str, chosen: &str| {
        let selected = if value == chosen { " selected" } else { "" };
        format!("<option value=\"{value}\"{selected}>{name}</option>")
    };
    let plans = front.business.plans(super::Shop);
    let plans: String =
        plans.iter().map(|plan| option(plan.id, &format!("{}, {} € a month", plan.name, plan.price), chosen)).collect();
    let field = |label: &str, name: &str, fill: &str, value: &str| {
        format!(
            "<label>{label} <input name=\"{name}\" autocomplete=\"{fill}\" value=\"{}\" required></label>",
            text(value)
        )
    };
    let told =
        if problem.is_empty() { String::new() } else { format!("<p class=\"note bad\" role=\"alert\">{problem}</p>") };
    let body = format!(
        "<div class=\"narrow\"><h1>Checkout</h1>{told}<form method=\"post\" class=\"panel\" data-sent>{visit}\
         <label>Your plan <select name=\"plan\"><option value=\"\">No plan, thank you</option>{plans}</select></label>\
         <fieldset><legend>Where to</legend>\
         <label>Your e-mail address <input type=\"email\" name=\"email\" autocomplete=\"email\" value=\"{email}\" required></label>\
         {name}{street}<div class=\"pair\">{postcode}{town}</div>\
         <label>Country <select name=\"country\" autocomplete=\"country-name\">{countries}</select></label></fieldset>\
         <label class=\"agree\"><input type=\"checkbox\" name=\"agree\" value=\"yes\" required> \
         <span>I agree to the <a href=\"/terms\" target=\"_blank\">terms</a></span></label>{order}</form></div>",
        visit = front.visit(),
        email = text(&given.email),
        name = field("Name", "name", "name", &given.name),
        street = field("Street and number", "street", "street-address", &given.street),
        postcode = field("Postcode", "postcode", "postal-code", &given.postcode),
        town = field("Town", "town", "address-level2", &given.town),
        countries = COUNTRIES.map(|name| option(name, name, &given.country)).concat(),
        order = order_button(front),
    );
    front.page("Checkout", &body)
}

/// Orders what lies in the basket, with the plan that was chosen last.
pub(super) async fn pay(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Form(given): Form<Delivery>,
) -> Result<Response, Refusal> {
    let front = frame(&business, &headers);
    let mut wanted: Vec<Article> = contents(&front).into_iter().filter(|article| article.paid == Paid::Once).collect();
    if PLANS.iter().any(|plan| plan.id == given.plan) {
        wanted.push(priced(&business, &given.plan)?);
    }
    let places = [&given.name, &given.street, &given.postcode, &given.town];
    let problem = if wanted.is_empty() {
        "There is nothing to order yet: please choose a plan."
    } else if !given.email.contains('@') || places.iter().any(|field| field.trim().is_empty()) {
        "Something is missing: we need your name, your address and your e-mail address."
    } else if given.agree != "yes" {
        "Please agree to the terms."
    } else {
        let orders = wanted.into_iter().map(|article| (take(&business, given.email.clone(), &article), article));
        let thanks = thank(&front, &orders.collect::<Vec<_>>());
        return Ok(([(SET_COOKIE, carry(&[]))], thanks).into_response());
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&front, &given, problem)).into_response())
}
