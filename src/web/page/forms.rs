//! What the pages' forms do. Whoever may see an insider's page may press its buttons.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
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

/// A form of ours that was sent off, with what was filled in.
pub(in crate::web) struct Form {
    shared: Arc<Shared>,
    visitor: Visitor,
    sender: Sender,
    body: Bytes,
}

/// Who reads what becomes of it.
#[derive(Clone, Copy)]
enum Sender {
    Browser,
    Program,
}

impl FromRequest<Arc<Shared>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visitor) = Visitor::from_request_parts(&mut parts, shared).await;
        let allowed = authorise(shared, &parts.headers);
        let sender = if is_read(&parts.headers) { Sender::Browser } else { Sender::Program };
        let body = Bytes::from_request(Request::from_parts(parts, body), shared).await;
        let form =
            Self { shared: Arc::clone(shared), visitor, sender, body: body.map_err(IntoResponse::into_response)? };
        match allowed {
            Ok(()) => Ok(form),
            Err(problem) => Err(form.answered(Err(problem))),
        }
    }
}

impl Form {
    fn field(&self, name: &str) -> Option<String> {
        let mut fields = url::form_urlencoded::parse(&self.body);
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    fn text(&self, name: &str) -> String {
        self.field(name).unwrap_or_default()
    }

    /// Leads to where it is seen; to a browser, what went wrong is told by a page in its language.
    fn answered(&self, done: Result<String, Problem>) -> Response {
        match (done, self.sender) {
            (Ok(place), _) => Redirect::to(&place).into_response(),
            (Err(problem), Sender::Browser) => refused(&self.shared, &self.visitor, &problem),
            (Err(problem), Sender::Program) => problem.into_response(),
        }
    }
}

pub(in crate::web) async fn acknowledge(Path(id): Path<String>, form: Form) -> Response {
    let said = Said { by: form.text("by"), why: form.field("why") };
    let done = acks::take(&form.shared, &id, said).await;
    form.answered(done.map(|()| format!("/incidents/{id}")))
}

pub(in crate::web) async fn silence(form: Form) -> Response {
    let wish = Wish {
        touchpoint: form.field("touchpoint"),
        journey: form.field("journey"),
        incident: form.field("incident"),
        r#for: form.text("for"),
        by: form.text("by"),
        why: form.text("why"),
    };
    let done = silences::silence(&form.shared, wish).await;
    form.answered(done.map(|silence| place(&silence.of)))
}

pub(in crate::web) async fn end(Path(id): Path<String>, form: Form) -> Response {
    let done = silences::finish(&form.shared, &id, "").await;
    form.answered(done.map(|silence| place(&silence.of)))
}

pub(in crate::web) async fn annotate(form: Form) -> Response {
    let (kind, journey) = (form.text("kind"), form.field("journey"));
    let remark = Remark {
        kind: Occasion::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or_default(),
        title: form.text("title"),
        text: form.field("text"),
        // What concerns every journey is noted on the page of one.
        journey: if form.field("everywhere").is_some() { None } else { journey.clone() },
        incident: form.field("incident"),
        at: form.field("at"),
        until: form.field("until"),
        by: form.text("by"),
    };
    let done = annotations::annotate(&form.shared, remark).await;
    form.answered(done.map(|annotation| axis(&annotation.of, journey.as_deref())))
}

pub(in crate::web) async fn remove(Path(id): Path<String>, form: Form) -> Response {
    let done = annotations::take_off(&form.shared, &id, &form.text("by")).await;
    form.answered(done.map(|annotation| axis(&annotation.of, form.field("journey").as_deref())))
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
