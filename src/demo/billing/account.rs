//! The account as people use it: sign in, with a one-time code if they asked for that; read the bill and take it home;
//! bring a telephone number along.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Multipart, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::super::books::{Customer, SignIn, plan};
use super::super::business::{Business, Credentials, Refusal};
use super::super::front::{self, Front, cookie};
use super::super::page::text;
use super::super::touchpoint::Touchpoint::Billing;
use super::bill_of;

const SESSION: &str = "halcyon_account";
/// Between the password and the code.
const AWAITED: &str = "halcyon_awaited";

pub(super) fn router() -> Router<Arc<Business>> {
    Router::new()
        .merge(front::assets())
        .route("/assets/own.js", get(async || front::script(include_str!("../assets/front/account.js"))))
        .route("/", get(front_door).post(enter))
        .route("/code", get(code_page).post(prove))
        .route("/account", get(overview))
        .route("/number", get(number_page).post(bring))
        .route("/sign-out", post(sign_out))
        .fallback(lost)
}

/// Who has signed in, in this browser.
pub(super) fn visitor(business: &Business, headers: &HeaderMap) -> Option<&'static Customer> {
    business.books.signed_in(cookie(headers, SESSION)?)
}

fn frame<'a>(business: &'a Business, headers: &'a HeaderMap) -> Front<'a> {
    Front { business, headers, at: Billing }
}

/// Of this site and this session only, and never told to a script.
fn keep(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

fn forget(name: &str) -> String {
    format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

fn told(problem: &str) -> String {
    if problem.is_empty() { String::new() } else { format!("<p class=\"note bad\" role=\"alert\">{problem}</p>") }
}

async fn front_door(State(business): State<Arc<Business>>, headers: HeaderMap) -> Response {
    if visitor(&business, &headers).is_some() {
        return Redirect::to("/account").into_response();
    }
    sign_in_page(&frame(&business, &headers), "").into_response()
}

fn sign_in_page(front: &Front<'_>, problem: &str) -> Html<String> {
    let body = format!(
        "<div class=\"narrow\"><h1>Your bills</h1><p>Please sign in.</p>{problem}\
         <form method=\"post\" action=\"/\" class=\"panel\" data-sent>{visit}<label>E-mail address <input type=\"email\" \
         name=\"user\" autocomplete=\"username\" required></label><div><label>Password <input type=\"password\" \
         name=\"password\" autocomplete=\"current-password\" required></label><div id=\"look\"></div></div>\
         <button class=\"button wide\">Sign in</button></form>\
         <p class=\"hint\">Try anna@probe.example; her password is in <code>data/demo/password</code>.</p></div>",
        problem = told(problem),
        visit = front.visit(),
    );
    front.page("My bills", &body)
}

/// Lets in whoever knows the password; those who asked for it are asked for a code first.
async fn enter(State(business): State<Arc<Business>>, headers: HeaderMap, Form(with): Form<Credentials>) -> Response {
    let Some(customer) = business.books.customer(&with.user, &with.password) else {
        let page = sign_in_page(&frame(&business, &headers), "E-mail address and password do not fit.");
        return (StatusCode::UNAUTHORIZED, page).into_response();
    };
    let token = match customer.sign_in {
        SignIn::Password => return admit(&business, customer),
        SignIn::PasswordAndCode => business.books.await_code(customer),
    };
    ([(SET_COOKIE, keep(AWAITED, &token))], Redirect::to("/code")).into_response()
}

fn admit(business: &Business, customer: &'static Customer) -> Response {
    let session = business.books.admit(customer);
    ([(SET_COOKIE, keep(SESSION, &session))], Redirect::to("/account")).into_response()
}

async fn code_page(State(business): State<Arc<Business>>, headers: HeaderMap) -> Html<String> {
    ask_for_code(&frame(&business, &headers), "")
}

fn ask_for_code(front: &Front<'_>, problem: &str) -> Html<String> {
    let body = format!(
        "<div class=\"narrow\"><h1>One more thing</h1><p>Please type the code that your authenticator app shows.</p>{problem}\
         <form method=\"post\" action=\"/code\" class=\"panel\" data-sent>{visit}<label>One-time code <input name=\"code\" \
         inputmode=\"numeric\" autocomplete=\"one-time-code\" pattern=\"[0-9]{{6}}\" required></label>\
         <button class=\"button wide\">Continue</button></form></div>",
        problem = told(problem),
        visit = front.visit(),
    );
    front.page("One-time code", &body)
}

#[derive(Deserialize)]
struct Typed {
    code: String,
}

/// One try for each password: whoever guesses starts again.
async fn prove(State(business): State<Arc<Business>>, headers: HeaderMap, Form(typed): Form<Typed>) -> Response {
    let awaited = cookie(&headers, AWAITED).and_then(|token| business.books.awaited(token));
    let front = frame(&business, &headers);
    match awaited {
        Some(customer) if business.codes.fits(&typed.code, business.clock.now()) => admit(&business, customer),
        Some(_) => {
            let page = sign_in_page(&front, "That was not the code. Please sign in again.");
            (StatusCode::UNAUTHORIZED, page).into_response()
        }
        None => (StatusCode::UNAUTHORIZED, sign_in_page(&front, "Please sign in again.")).into_response(),
    }
}

async fn overview(State(business): State<Arc<Business>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let Some(customer) = visitor(&business, &headers) else { return Ok(Redirect::to("/").into_response()) };
    let bill = bill_of(&business, customer)?;
    let plan = plan(customer.plan).ok_or(Refusal::NoSuch("plan"))?;
    let body = format!(
        "<h1>Dear {name}</h1><div class=\"two\"><section class=\"panel\" aria-labelledby=\"bill\"><h2 id=\"bill\">Your latest \
         bill</h2><p class=\"price\"><strong id=\"total\">{total}</strong> €</p><p>To be paid by {due}. Nothing to do: we \
         collect it from your account.</p><p><a class=\"button wide\" href=\"/bills/{number}.pdf\" download>Download bill \
         {number} (PDF)</a></p><details><summary>What is on it?</summary><p>{item}: {total} €</p></details></section>\
         <section class=\"panel\" aria-labelledby=\"plan\"><h2 id=\"plan\">Your plan</h2><p><strong>{plan}</strong>, \
         {left} of {gigabytes} GB left</p><p><a class=\"button quiet wide\" href=\"/number\">Bring a number along</a></p>\
         <form method=\"post\" action=\"/sign-out\"><button class=\"button quiet wide\">Sign out</button></form>\
         </section></div>",
        name = text(&bill.customer),
        total = bill.total,
        due = bill.due,
        number = bill.number,
        item = bill.item,
        plan = plan.name,
        left = customer.gigabytes_left,
        gigabytes = plan.gigabytes,
    );
    Ok(frame(&business, &headers).page("My account", &body).into_response())
}

async fn number_page(State(business): State<Arc<Business>>, headers: HeaderMap) -> Response {
    if visitor(&business, &headers).is_none() {
        return Redirect::to("/").into_response();
    }
    ask_for_number(&frame(&business, &headers), "").into_response()
}

fn ask_for_number(front: &Front<'_>, problem: &str) -> Html<String> {
    let body = format!(
        "<div class=\"narrow\"><h1>Bring a number along</h1><p>Your old provider wants to know that you are you.</p>{problem}\
         <form method=\"post\" enctype=\"multipart/form-data\" class=\"panel\" data-sent>{visit}<label>Your number \
         <input type=\"tel\" name=\"number\" autocomplete=\"tel\" required></label><label>Photo of your identity card \
         <small>A picture of up to 2 MB; we look at it and keep nothing.</small><input type=\"file\" name=\"photo\" \
         accept=\"image/*\" required></label><button class=\"button wide\">Bring it along</button></form>\
         <p><a href=\"/account\">Back to the account</a></p></div>",
        problem = told(problem),
        visit = front.visit(),
    );
    front.page("Bring a number along", &body)
}

/// What a picture begins with: PNG, JPEG, WebP.
const PICTURES: [&[u8]; 3] = [b"\x89PNG", b"\xff\xd8\xff", b"RIFF"];

/// Looks at the photo, and keeps nothing of it.
async fn bring(State(business): State<Arc<Business>>, headers: HeaderMap, form: Multipart) -> Response {
    if visitor(&business, &headers).is_none() {
        return Redirect::to("/").into_response();
    }
    let front = frame(&business, &headers);
    let Some((number, bytes)) = brought(form).await else {
        let page = ask_for_number(&front, "We need your number, and a photo as PNG, JPEG or WebP of up to 2 MB.");
        return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    };
    let body = format!(
        "<div class=\"narrow\"><h1>We bring {number} along</h1><p class=\"note good\">Your photo of {bytes} bytes has \
         arrived. It takes a working day or two.</p><p><a href=\"/account\">Back to the account</a></p></div>",
        number = text(&number)
    );
    front.page("Bring a number along", &body).into_response()
}

/// The number, and how long its photo is. Of 2 MB and more nothing is read: axum's own limit.
async fn brought(mut form: Multipart) -> Option<(String, usize)> {
    let (mut number, mut bytes) = (None, None);
    while let Some(field) = form.next_field().await.ok()? {
        match field.name()? {
            "number" => number = Some(field.text().await.ok()?).filter(|number| !number.trim().is_empty()),
            "photo" => {
                let photo = field.bytes().await.ok()?;
                bytes = PICTURES.iter().any(|start| photo.starts_with(start)).then_some(photo.len());
            }
            _ => {}
        }
    }
    Some((number?, bytes?))
}

async fn sign_out(State(business): State<Arc<Business>>, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&headers, SESSION) {
        business.books.sign_out(session);
    }
    ([(SET_COOKIE, forget(SESSION))], Redirect::to("/")).into_response()
}

async fn lost(State(business): State<Arc<Business>>, headers: HeaderMap) -> Response {
    front::lost(&frame(&business, &headers))
}
