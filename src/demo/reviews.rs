//! The reviews page: what others say about the company.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::response::{Html, Redirect};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::business::Business;
use super::fault::Fault;
use super::page::{page, text};
use super::touchpoint::Touchpoint;

/// Written before the demo started: how many reviews, and their stars in all.
const EARLIER: (u32, u32) = (1284, 5906);
const EARLIER_WHEN_ANGRY: (u32, u32) = (1284, 2697);
const REVIEW_CHARACTERS_MAX: usize = 500;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new().route("/", get(reviews).post(write)).route("/api/rating", get(rating)).with_state(business)
}

/// The mean, to one decimal, and of how many.
fn rate(business: &Business) -> (f64, u32) {
    let angry = business.switches.is(Touchpoint::Reviews, Fault::BadReviews);
    let (mut count, mut stars) = if angry { EARLIER_WHEN_ANGRY } else { EARLIER };
    for (_, given) in business.books.reviews() {
        count += 1;
        stars += u32::from(given);
    }
    ((f64::from(stars) / f64::from(count) * 10.0).round() / 10.0, count)
}

async fn reviews(State(business): State<Arc<Business>>) -> Html<String> {
    let (mean, count) = rate(&business);
    let written: Vec<String> = business
        .books
        .reviews()
        .iter()
        .take(20)
        .map(|(words, stars)| format!("<li>{} <q>{}</q></li>", "★".repeat(usize::from(*stars)), text(words)))
        .collect();
    page(
        "Reviews",
        &format!(
            "<h1><span id=\"rating\">{mean:.1}</span> of 5 stars</h1><p>{count} customers have written.</p>\
             <ul class=\"links\">{}<li>★★★★★ <q>Moved, changed the address in two minutes.</q></li>\
             <li>★★★★ <q>Good reception, even in the cellar.</q></li></ul>\
             <form method=\"post\"><label>Your review <input name=\"words\" required maxlength=\"500\"></label>\
             <label>Stars <input name=\"stars\" type=\"number\" min=\"1\" max=\"5\" value=\"5\"></label>\
             <button class=\"button\">Send</button></form>",
            written.concat()
        ),
    )
}

#[derive(Deserialize)]
struct Review {
    words: String,
    stars: u8,
}

async fn write(State(business): State<Arc<Business>>, Form(review): Form<Review>) -> Redirect {
    let words = review.words.chars().take(REVIEW_CHARACTERS_MAX).collect();
    business.books.review(words, review.stars.clamp(1, 5));
    Redirect::to("/")
}

async fn rating(State(business): State<Arc<Business>>) -> Json<Value> {
    let (mean, count) = rate(&business);
    Json(json!({ "rating": mean, "count": count }))
}
