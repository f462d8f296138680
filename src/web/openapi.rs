//! The API's description, made from the list of routes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::api::acks::Said;
use super::api::annotations::Remark;
use super::api::outbox::Reason;
use super::api::silences::Wish;
use super::problem::Problem;
use super::push::Report;
use super::routes::{Answer, ROUTES, Route, Shared};

pub(super) async fn openapi(State(_): State<Arc<Shared>>) -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut generator);
        if let Some(path) = paths.entry(route.path).or_insert_with(|| json!({})).as_object_mut() {
            path.insert(route.method.to_owned(), operation);
        }
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Unbroken",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The health of customer journeys. No GET changes anything; lists are bounded and paged.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "push": { "type": "http", "scheme": "bearer" },
                "key": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let (media, schema) = match route.answer {
        Answer::Html => ("text/html", json!({ "type": "string" })),
        Answer::Svg => ("image/svg+xml", json!({ "type": "string" })),
        Answer::Atom => ("application/atom+xml", json!({ "type": "string" })),
        Answer::Text => ("text/plain", json!({ "type": "string" })),
        Answer::Bytes => ("*/*", json!({ "type": "string", "format": "binary" })),
        Answer::Markdown => ("text/markdown", json!({ "type": "string" })),
        Answer::Events(schema) => ("text/event-stream", schema(generator).to_value()),
        Answer::Json(schema) => ("application/json", schema(generator).to_value()),
    };
    let problem = generator.subschema_for::<Problem>();
    let mut operation = json!({
        "summary": route.summary.split(": ?").next(),
        "parameters": parameters(route),
        "responses": {
            "200": { "description": "as asked", "content": { media: { "schema": schema } } },
            "default": { "description": "why not", "content": { "application/problem+json": { "schema": problem } } },
        },
    });
    if route.method == "delete" {
        operation["security"] = json!([{ "key": [] }]);
    }
    if matches!(route.method, "post" | "put") {
        let is_form = !route.path.starts_with("/api/");
        if let Some(body) = body(route.path, generator) {
            let media = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
            operation["requestBody"] = json!({ "content": { media: { "schema": body } } });
        }
        let opened_by = if route.path.contains("/push/") { "push" } else { "key" };
        operation["security"] = if is_form { json!([]) } else { json!([{ opened_by: [] }]) };
    }
    operation
}

/// What is to be sent there.
fn body(path: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
    match path {
        "/api/v1/outbox/{id}/replay" | "/silences/{id}/end" | "/annotations/{id}/remove" => None,
        "/api/v1/outbox/{id}/drop" => Some(generator.subschema_for::<Reason>()),
        _ if path.ends_with("/ack") => Some(generator.subschema_for::<Said>()),
        _ if path.ends_with("/annotations") => Some(generator.subschema_for::<Remark>()),
        _ if path.ends_with("/silences") => Some(generator.subschema_for::<Wish>()),
        _ => Some(generator.subschema_for::<Report>()),
    }
}

/// Names in braces, and those behind the summary's question mark.
fn parameters(route: &Route) -> Vec<Value> {
    let named = |name: &str, place: &str, required: Value| json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } });
    let path = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let query = route.summary.split_once(": ?").map_or("", |(_, names)| names);
    path.map(|name| named(name, "path", json!(true)))
        .chain(query.split('&').filter(|name| !name.is_empty()).map(|name| named(name, "query", json!(false))))
        .collect()
}
