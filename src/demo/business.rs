//! What all touchpoints of the demo company share: its books, its prices, its hours, and what is wrong with them now.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;

use super::billing::codes::Codes;
use super::books::{Article, Books, Cents, Customer, Plan};
use super::fault::Fault;
use super::mail::Mailboxes;
use super::notices::Notices;
use super::switches::Switches;
use super::touchpoint::Touchpoint;

/// What a wrong price is too high by.
pub(super) const OVERCHARGE: u32 = 500;
const HOURS: &str = "Mon–Fri 08:00–20:00, Sat 10:00–16:00";
const HOURS_WRONG: &str = "Mon–Sun 00:00–24:00";
/// How late what is late comes: felt, and below any patience.
pub(super) const LATE: Duration = Duration::from_millis(2500);
pub(super) const NETWORK_STATUS: &str = "No outage is known.";
pub(super) const PHONE: &str = "+49 30 5550 1234";

pub(super) struct Business {
    pub(super) books: Books,
    pub(super) switches: Arc<Switches>,
    pub(super) clock: Clock,
    /// Base URL of each touchpoint, without a slash at its end.
    pub(super) urls: [String; Touchpoint::ALL.len()],
    /// Where somebody else's script comes from, by another name than the company's own.
    pub(super) ratings: String,
    pub(super) codes: Codes,
    pub(super) mailboxes: Mailboxes,
    pub(super) notices: Notices,
    /// What the company proves to the push gateway.
    pub(super) push_key: String,
    /// Where the company's own mails go out.
    pub(super) smtp: SocketAddr,
    /// Chats and letters outlive their request; they end with the company.
    pub(super) chats: TaskTracker,
    pub(super) closing: CancellationToken,
}

impl Business {
    pub(super) fn url(&self, touchpoint: Touchpoint) -> &str {
        &self.urls[touchpoint as usize]
    }

    /// A price as this touchpoint tells it.
    pub(super) fn price(&self, at: Touchpoint, price: Cents) -> Cents {
        if self.switches.is(at, Fault::WrongPrice) { Cents(price.0 + OVERCHARGE) } else { price }
    }

    /// The plans as this touchpoint tells them.
    pub(super) fn plans(&self, at: Touchpoint) -> Vec<Plan> {
        super::books::PLANS.map(|plan| Plan { price: self.price(at, plan.price), ..plan }).to_vec()
    }

    /// The telephones as this touchpoint tells them.
    pub(super) fn phones(&self, at: Touchpoint) -> Vec<Article> {
        super::books::PHONES.map(|phone| Article { price: self.price(at, phone.price), ..phone }).to_vec()
    }

    /// A customer's name as this touchpoint tells it.
    pub(super) fn name(&self, at: Touchpoint, customer: &Customer) -> String {
        match self.switches.now(at) {
            Some(Fault::WrongName) => "John".to_owned(),
            Some(Fault::GarbledName) => in_latin_1(customer.name),
            _ => customer.name.to_owned(),
        }
    }

    /// The opening hours as this touchpoint tells them.
    pub(super) fn hours(&self, at: Touchpoint) -> &'static str {
        if self.switches.is(at, Fault::WrongHours) { HOURS_WRONG } else { HOURS }
    }

    /// Who asks, by the bearer token that a sign-in gave.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<&'static Customer, Refusal> {
        bearer(headers).and_then(|token| self.books.signed_in(token)).ok_or(Refusal::NotSignedIn)
    }

    pub(super) fn leave(&self, headers: &HeaderMap) -> StatusCode {
        if let Some(token) = bearer(headers) {
            self.books.sign_out(token);
        }
        StatusCode::NO_CONTENT
    }

    pub(super) fn sign_in(&self, with: &Credentials) -> Result<Json<serde_json::Value>, Refusal> {
        let token = self.books.sign_in(&with.user, &with.password).ok_or(Refusal::WrongPassword)?;
        Ok(Json(json!({ "token": token })))
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[derive(serde::Deserialize)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// Why a touchpoint does not do what it was asked for.
pub(super) enum Refusal {
    NotSignedIn,
    WrongPassword,
    NoSuch(&'static str),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "please sign in".to_owned()),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "e-mail address and password do not fit".to_owned()),
            Self::NoSuch(what) => (StatusCode::NOT_FOUND, format!("there is no such {what}")),
        };
        (status, Json(json!({ "error": error }))).into_response()
    }
}

/// As a database column of Latin-1 keeps it: what does not fit becomes a question mark.
fn in_latin_1(name: &str) -> String {
    name.chars().map(|c| if u8::try_from(c).is_ok() { c } else { '?' }).collect()
}
