//! Shop, account and chat are pages that people use with their own eyes: one frame around all of them, with a layout for
//! phones, a question about cookies, and scripts that come after what they make quicker.
//!
//! What is wrong with a page here shows in no status: the markup differs, and every address answers as ever.

use std::sync::Arc;

use axum::Router;
use axum::extract::Form;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_TYPE, COOKIE, REFERER, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::business::Business;
use super::fault::Fault;
use super::touchpoint::Touchpoint::{self, Billing, Chat, Shop, Web};

const STYLE: &str = include_str!("assets/front/front.css");
const SCRIPT: &str = include_str!("assets/front/front.js");
const BASKET: &str = "halcyon_basket";
const CONSENT: &str = "halcyon_consent";

/// The frame, for one visitor.
#[derive(Clone, Copy)]
pub(super) struct Front<'a> {
    pub(super) business: &'a Business,
    pub(super) headers: &'a HeaderMap,
    pub(super) at: Touchpoint,
}

impl Front<'_> {
    /// A page; `body` is markup: what comes from outside goes through [`super::page::text`] first.
    pub(super) fn page(&self, title: &str, body: &str) -> Html<String> {
        let wide = if self.suffers(Fault::PhoneLayout) { " class=\"unfolded\"" } else { "" };
        self.document(title, "", &format!(
            "<a class=\"skip\" href=\"#main\">To the content</a>{head}\n<main id=\"main\"{wide}>{campaign}{body}</main>\n\
             {foot}{bar}{bubble}{consent}",
            head = self.head(),
            campaign = if self.suffers(Fault::LayoutShift) { CAMPAIGN } else { "" },
            foot = self.foot(),
            bar = self.bar(),
            bubble = if self.at == Chat { String::new() } else { bubble(self.business.url(Chat)) },
            consent = self.consent(),
        ))
    }

    /// A page that stands in another one.
    pub(super) fn framed(&self, title: &str, body: &str) -> Html<String> {
        self.document(title, " class=\"framed\"", &format!("<main id=\"main\">{body}</main>"))
    }

    /// What a form tells of the visit it came from; its script counts on it.
    pub(super) fn visit(&self) -> String {
        if self.suffers(Fault::ScriptError) {
            return String::new();
        }
        format!("<input type=\"hidden\" name=\"visit\" value=\"{}\">", Uuid::new_v4().simple())
    }

    pub(super) fn suffers(&self, fault: Fault) -> bool {
        self.business.switches.is(self.at, fault)
    }

    /// What lies in the basket, by its id.
    pub(super) fn basket(&self) -> Vec<String> {
        let kept = cookie(self.headers, BASKET).unwrap_or_default();
        kept.split('.').filter(|id| !id.is_empty()).take(BASKET_MAX).map(str::to_owned).collect()
    }

    fn document(&self, title: &str, class: &str, body: &str) -> Html<String> {
        // Where its maker wants it, before anything is drawn.
        let ratings = match self.at {
            Shop => format!("<script src=\"{}/ratings.js\"></script>", self.business.ratings),
            _ => String::new(),
        };
        Html(format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title} · Halcyon Mobile</title><link rel=\"icon\" href=\"data:,\">\
             <link rel=\"stylesheet\" href=\"/assets/front.css\">{ratings}\
             <script src=\"/assets/front.js\" data-then=\"/assets/own.js\" defer></script></head>\n\
             <body{class}>{body}</body></html>\n"
        ))
    }

    fn places(&self) -> [(Touchpoint, String, &'static str); 3] {
        [
            (Shop, format!("{}/", self.business.url(Shop)), "Shop"),
            (Billing, format!("{}/account", self.business.url(Billing)), "Account"),
            (Chat, format!("{}/", self.business.url(Chat)), "Chat"),
        ]
    }

    fn current(&self, place: Touchpoint) -> &'static str {
        if place == self.at { " aria-current=\"true\"" } else { "" }
    }

    fn head(&self) -> String {
        let [web, shop] = [Web, Shop].map(|place| self.business.url(place));
        let places = self.places();
        let links = places.iter().map(|(place, url, name)| {
            let current = self.current(*place);
            format!("<a href=\"{url}\"{current}>{name}</a>")
        });
        format!(
            "<header class=\"head\"><a class=\"brand\" href=\"{web}/\">{BIRD}<span>Halcyon <b>Mobile</b></span></a>\
             <button class=\"menu\" popovertarget=\"nav\" aria-label=\"Menu\">{MENU}</button>\
             <nav id=\"nav\" popover aria-label=\"Main\">{links}<a href=\"{web}/contact\">Contact</a>\
             <a href=\"{shop}/basket\">Basket {count}</a></nav></header>",
            links = links.collect::<String>(),
            count = self.count(),
        )
    }

    fn count(&self) -> String {
        match self.basket().len() {
            0 => String::new(),
            some => format!("<span class=\"count\">{some}</span>"),
        }
    }

    /// For the thumb, on a phone.
    fn bar(&self) -> String {
        let link = |(place, url, name): &(Touchpoint, String, &str), icon: &str| {
            let current = self.current(*place);
            format!("<a href=\"{url}\"{current}>{icon}<span>{name}</span></a>")
        };
        let [shop, account, chat] = &self.places();
        format!(
            "<nav class=\"bar\" aria-label=\"Quick\">{}<a href=\"{}/basket\">{CART}<span>Basket {}</span></a>{}{}</nav>",
            link(shop, HOUSE),
            self.business.url(Shop),
            self.count(),
            link(account, PERSON),
            link(chat, BALLOON),
        )
    }

    fn foot(&self) -> String {
        let [web, shop] = [Web, Shop].map(|place| self.business.url(place));
        let terms = if self.suffers(Fault::DeadLink) { "/legal/terms-2024" } else { "/terms" };
        format!(
            "<footer class=\"foot\"><p><a href=\"{shop}{terms}\">Terms and cancellation</a> \
             <a href=\"{web}/contact\">Contact</a> <a href=\"{web}/status\">Network status</a></p>\
             <p>Halcyon Mobile is a demo company. It exists on this machine only, as part of Unbroken.</p></footer>"
        )
    }

    fn consent(&self) -> String {
        let covers = self.suffers(Fault::CoveredButton);
        if cookie(self.headers, CONSENT).is_some() && !covers {
            return String::new();
        }
        format!(
            "<section id=\"consent\"{class} aria-label=\"Cookies\"><p>We keep what is needed to remember your basket. May we \
             also count visits?</p><form method=\"post\" action=\"/consent\">\
             <button class=\"button small quiet\" name=\"answer\" value=\"needed\">Only what is needed</button>\
             <button class=\"button small\" name=\"answer\" value=\"all\">Yes, count me</button></form></section>",
            class = if covers { " class=\"lengthy\"" } else { "" },
        )
    }
}

/// Articles in a basket; nobody carries more.
pub(super) const BASKET_MAX: usize = 10;

/// The cookie in which a basket is kept, for a day.
pub(super) fn carry(articles: &[String]) -> String {
    format!("{BASKET}={}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax", articles.join("."))
}

/// A cookie that the visitor's browser brings along.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(known, value)| (known == name).then_some(value))
}

/// What the pages of every touchpoint are made of; each adds a script of its own as `/assets/own.js`.
pub(super) fn assets() -> Router<Arc<Business>> {
    Router::new()
        .route("/assets/front.css", get(async || asset("text/css", STYLE)))
        .route("/assets/front.js", get(async || script(SCRIPT)))
        .route("/consent", post(consent))
}

pub(super) fn script(source: &'static str) -> Response {
    asset("text/javascript", source)
}

pub(super) fn asset(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], content).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Needed,
    All,
}

#[derive(Deserialize)]
struct Consent {
    answer: Answer,
}

async fn consent(headers: HeaderMap, Form(given): Form<Consent>) -> Response {
    let answer = match given.answer {
        Answer::Needed => "needed",
        Answer::All => "all",
    };
    let kept = format!("{CONSENT}={answer}; Path=/; Max-Age=31536000; SameSite=Lax");
    // Back to where the question was, which is here in any case.
    let referer = headers.get(REFERER).and_then(|referer| Url::parse(referer.to_str().ok()?).ok());
    let path = referer.as_ref().map_or("/", Url::path);
    let path = if path.starts_with("//") { "/" } else { path };
    ([(SET_COOKIE, kept)], Redirect::to(path)).into_response()
}

/// A page that is not there.
pub(super) fn lost(front: &Front<'_>) -> Response {
    let body = "<h1>This page is not there</h1><p>It may have moved. <a href=\"/\">To the start</a></p>";
    (StatusCode::NOT_FOUND, front.page("Not found", body)).into_response()
}

fn bubble(chat: &str) -> String {
    format!(
        "<aside aria-label=\"Help\"><a class=\"button bubble\" href=\"{chat}/\" target=\"_blank\">{BALLOON} Ask Hal</a>\
         <dialog class=\"frame\" data-window=\"{chat}/window\" aria-label=\"Chat\"><div class=\"row\">\
         <a href=\"{chat}/\" target=\"_blank\">Open in a tab of its own</a>\
         <button class=\"button quiet small\">Close</button></div><iframe title=\"Chat with Hal\"></iframe></dialog></aside>"
    )
}

/// What marketing puts on top: nobody reserved room for it.
const CAMPAIGN: &str = "<img class=\"campaign\" src=\"/pictures/autumn.svg\" alt=\"Autumn at Halcyon\">";

const BIRD: &str = "<svg viewBox=\"0 0 32 32\" aria-hidden=\"true\"><circle cx=\"16\" cy=\"16\" r=\"16\" fill=\"#0f5d85\"/>\
    <path d=\"M6 18q9-1 12-9 5 0 7 4l3 1-3 1q-1 8-10 9-6 0-9-6z\" fill=\"#fff\"/><path d=\"M11 18q6 0 9-5 1 7-9 5z\" \
    fill=\"#f7b538\"/></svg>";
const MENU: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M4 7h16M4 12h16M4 17h16\"/></svg>";
const HOUSE: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><rect x=\"7\" y=\"3\" width=\"10\" height=\"18\" \
    rx=\"2\"/><path d=\"M11 18h2\"/></svg>";
const CART: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M3 4h2l2.5 11h10L20 7H6\"/>\
    <circle cx=\"9\" cy=\"19.5\" r=\"1\"/><circle cx=\"17\" cy=\"19.5\" r=\"1\"/></svg>";
const PERSON: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><circle cx=\"12\" cy=\"8\" r=\"4\"/>\
    <path d=\"M4 21q1-7 8-7t8 7\"/></svg>";
const BALLOON: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M4 5h16v11h-9l-5 4v-4H4z\"/></svg>";
