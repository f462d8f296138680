//! How Halcyon Mobile's pages look: one frame around all of them, everything inline.

use axum::body::Body;
use axum::response::{Html, IntoResponse as _};
use http::{Response, StatusCode};

const STYLE: &str = include_str!("assets/halcyon.css");

/// A page of the company. `body` is markup; what comes from outside goes through [`text`] first.
pub(super) fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Halcyon Mobile</title><link rel=\"icon\" href=\"data:,\"><style>{STYLE}</style></head>\n\
         <body><header><strong>Halcyon<span> Mobile</span></strong></header>\n<main>{body}</main>\n\
         <footer>Halcyon Mobile is a demo company. It exists on this machine only, as part of Unbroken.</footer>\
         </body></html>\n"
    ))
}

/// The page nobody wants to meet.
pub(super) fn sorry(status: StatusCode) -> Response<Body> {
    let body = "<h1>Something went wrong on our side</h1><p>We are sorry. Please try again later.</p>";
    (status, page("Sorry", body)).into_response()
}

/// Text as markup.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
