//! A journey's score as a picture, for wikis and dashboards.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::routes::Shared;
use super::visitor::Reader;
use crate::model::{Color, JourneyId};
use crate::words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "badge.svg", escape = "html")]
struct Badge<'a> {
    title: &'a str,
    value: String,
    fill: &'static str,
    /// Widths of both halves and their middles, pixels.
    left: usize,
    right: usize,
}

impl Badge<'_> {
    fn width(&self) -> usize {
        self.left + self.right
    }
}

pub(super) async fn badge(
    State(shared): State<Arc<Shared>>,
    reader: Reader,
    Path(file): Path<String>,
) -> Result<Response, Problem> {
    let id = file.strip_suffix(".svg").map(JourneyId::new).ok_or_else(Problem::not_found)?;
    let snapshot = shared.snapshot();
    let journey = snapshot.journey(&id).ok_or_else(Problem::not_found)?;
    let title = words::title(&id, &snapshot.map);
    let number = journey.score.map_or_else(|| "–".to_owned(), |score| score.to_string());
    let value = format!("{number} {}", reader.words.text(words::color(journey.color)).to_lowercase());
    let badge = Badge { title, left: width(title), right: width(&value), value, fill: fill(journey.color) };
    let svg = badge.render().map_err(|_| Problem::not_found())?;
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        // Opened on its own it may do nothing at all.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        // Meant to be shown on other sites.
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    Ok(reader.answered((headers, svg)).into_response())
}

/// White text on it has a contrast of at least 4.5.
const fn fill(color: Color) -> &'static str {
    match color {
        Color::Good => "#0b7a6b",
        Color::Watch => "#946200",
        Color::Bad => "#b9480e",
        Color::Broken => "#a3134b",
        Color::Unknown => "#5b6472",
    }
}

/// Roughly, at 11 px: wide scripts take two columns.
fn width(text: &str) -> usize {
    14 + text.chars().take(80).map(|c| if c.is_ascii() { 7 } else { 12 }).sum::<usize>()
}
