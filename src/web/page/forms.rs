//! What the pages' forms do. Whoever may see an insider's page may press its buttons.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::{is_read, refused};
use crate::model::{Occasion, Scope, Subject};
use crate::web::api::acks::{self, Said};
use crate::web::api::annotations::{self, Remark};
use crate::web::api::silences::{self, Wish};
use crate::web::guard;
use crate::web::problem::Problem;
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;

pub(in crate::web) async fn acknowledge(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let done = match authorise(&shared, &headers) {
        Ok(()) => take(&shared, &id, &body).await,
        Err(problem) => Err(problem),
    };
    answered(&shared, &visitor, &headers, done)
}

/// Leads back to where it is seen.
async fn take(shared: &Shared, id: &str, body: &[u8]) -> Result<String, Problem> {
    let said = Said { by: field(body, "by").unwrap_or_default(), why: field(body, "why") };
    acks::take(shared, id, said).await?;
    Ok(format!("/incidents/{id}"))
}

pub(in crate::web) async fn silence(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let done = match authorise(&shared, &headers) {
        Ok(()) => hush(&shared, &body).await,
        Err(problem) => Err(problem),
    };
    answered(&shared, &visitor, &headers, done)
}

/// Leads back to where it is seen.
async fn hush(shared: &Shared, body: &[u8]) -> Result<String, Problem> {
    let text = |name: &str| field(body, name).unwrap_or_default();
    let wish = Wish {
        touchpoint: field(body, "touchpoint"),
        journey: field(body, "journey"),
        incident: field(body, "incident"),
        r#for: text("for"),
        by: text("by"),
        why: text("why"),
    };
    let silence = silences::silence(shared, wish).await?;
    Ok(place(&silence.of))
}

pub(in crate::web) async fn end(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let done = match authorise(&shared, &headers) {
        Ok(()) => unhush(&shared, &id).await,
        Err(problem) => Err(problem),
    };
    answered(&shared, &visitor, &headers, done)
}

/// Leads back to where it is seen.
async fn unhush(shared: &Shared, id: &str) -> Result<String, Problem> {
    let silence = silences::finish(shared, id, "").await?;
    Ok(place(&silence.of))
}

pub(in crate::web) async fn annotate(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let done = match authorise(&shared, &headers) {
        Ok(()) => note(&shared, &body).await,
        Err(problem) => Err(problem),
    };
    answered(&shared, &visitor, &headers, done)
}

/// Leads back to where it is seen.
async fn note(shared: &Shared, body: &[u8]) -> Result<String, Problem> {
    let kind = field(body, "kind").unwrap_or_default();
    let journey = field(body, "journey");
    let remark = Remark {
        kind: Occasion::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or_default(),
        title: field(body, "title").unwrap_or_default(),
        text: field(body, "text"),
        // What concerns every journey is noted on the page of one.
        journey: if field(body, "everywhere").is_some() { None } else { journey.clone() },
        incident: field(body, "incident"),
        at: field(body, "at"),
        until: field(body, "until"),
        by: field(body, "by").unwrap_or_default(),
    };
    let annotation = annotations::annotate(shared, remark).await?;
    Ok(axis(&annotation.of, journey.as_deref()))
}

pub(in crate::web) async fn remove(
    State(shared): State<Arc<Shared>>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let done = match authorise(&shared, &headers) {
        Ok(()) => take_off(&shared, &id, &body).await,
        Err(problem) => Err(problem),
    };
    answered(&shared, &visitor, &headers, done)
}

/// Leads back to where it is seen.
async fn take_off(shared: &Shared, id: &str, body: &[u8]) -> Result<String, Problem> {
    let annotation = annotations::take_off(shared, id, &field(body, "by").unwrap_or_default()).await?;
    Ok(axis(&annotation.of, field(body, "journey").as_deref()))
}

/// Where it leads; to a browser, what went wrong is told by a page in its language.
fn answered(shared: &Shared, visitor: &Visitor, headers: &HeaderMap, done: Result<String, Problem>) -> Response {
    match done {
        Ok(place) => Redirect::to(&place).into_response(),
        Err(problem) if is_read(headers) => refused(shared, visitor, &problem),
        Err(problem) => problem.into_response(),
    }
}

/// Where what is noted is shown; what concerns every journey, on the page where it was said.
fn axis(of: &Subject, seen_on: Option<&str>) -> String {
    match (of, seen_on) {
        (Subject::Journey(id), _) => format!("/journeys/{id}#past"),
        (Subject::Incident(id), _) => format!("/incidents/{id}"),
        // A name from a form leads nowhere but to a page of ours.
        (Subject::Company, Some(id)) => {
            format!("/journeys/{}#past", percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC))
        }
        (Subject::Company, None) => "/".to_owned(),
    }
}

/// Where what is silenced is shown.
fn place(scope: &Scope) -> String {
    match scope {
        Scope::Touchpoint(id) => format!("/touchpoints/{id}"),
        Scope::Journey(id) => format!("/journeys/{id}"),
        Scope::Incident(id) => format!("/incidents/{id}"),
    }
}

/// Only a browser that shows our own page; programs have a key.
fn authorise(shared: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    shared.insiders_only()?;
    if guard::comes_from_a_page(headers) {
        Ok(())
    } else {
        Err(Problem::new(StatusCode::FORBIDDEN, "this form is for the page; programs use the API"))
    }
}

fn field(body: &[u8], name: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(body);
    fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
