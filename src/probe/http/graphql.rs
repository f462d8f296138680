//! GraphQL over HTTP: a question with variables, and answers whose errors hide behind a 200.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::{Evidence, Fault, FaultCode, Phase};
use crate::probe::assess::apart;
use crate::probe::template::{Place, Template};
use crate::probe::{Field, Part, Reply, Scope, Stop};

use super::json::Json;

/// Errors told of one answer.
const ERRORS_MAX: usize = 20;

/// What is asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphQl")]
pub(super) struct GraphQl {
    query: Template,
    variables: Option<Json>,
    /// Which operation of the query, if it holds several.
    operation: Option<Template>,
}

impl GraphQl {
    pub(super) fn each_part(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.query, Place::Text));
        self.operation.iter().for_each(|it| see(Part::Template(it, Place::Text)));
        self.variables.iter().for_each(|it| it.each_part(see));
    }

    pub(super) fn render(&self, scope: &Scope) -> String {
        let mut body = Map::new();
        body.insert("query".to_owned(), self.query.render(scope).into());
        if let Some(variables) = &self.variables {
            body.insert("variables".to_owned(), variables.render(scope));
        }
        if let Some(operation) = &self.operation {
            body.insert("operationName".to_owned(), operation.render(scope).into());
        }
        Value::Object(body).to_string()
    }
}

/// Notes the errors of an answer: a fault, unless the step says itself what `errors` should be.
pub(super) async fn judge(reply: &mut Reply) -> Result<(), Stop> {
    let Some(body) = &reply.body else { return Ok(()) };
    let (errors, doubt) = apart(&body.bytes, errors).await?;
    if let Some(doubt) = doubt {
        reply.doubt(Field::Errors, doubt);
    }
    reply.set(Field::Errors, errors);
    Ok(())
}

/// The errors in an answer, and what they, or their absence, make of it.
fn errors(answer: &[u8]) -> (Vec<String>, Option<Fault>) {
    let answer: Result<Value, _> = serde_json::from_slice(answer);
    let fault = |text: String| Fault::new(FaultCode::GraphqlErrors, text).during(Phase::Assert);
    match &answer {
        Ok(Value::Object(answer)) => {
            let errors: Vec<String> = match answer.get("errors") {
                Some(Value::Array(errors)) => errors.iter().take(ERRORS_MAX).map(words).collect(),
                _ => vec![],
            };
            let doubt = match errors.first() {
                Some(first) => {
                    let found = errors.join("; ");
                    let evidence = Evidence { of: "errors".to_owned(), expected: "no errors".to_owned(), found };
                    let text = format!("the question is answered with {}: {first}", count(errors.len()));
                    Some(Fault { evidence: Some(evidence), ..fault(text) })
                }
                None if !answer.contains_key("data") => {
                    Some(fault("the answer holds neither data nor errors".to_owned()))
                }
                None => None,
            };
            (errors, doubt)
        }
        _ => (vec![], Some(fault("the answer is no GraphQL: it is no JSON object".to_owned()))),
    }
}

fn count(errors: usize) -> String {
    if errors == 1 { "an error".to_owned() } else { format!("{errors} errors") }
}

/// `message (at a.b.0)`
fn words(error: &Value) -> String {
    let message = error.get("message").and_then(Value::as_str).unwrap_or("an error without a message");
    let path: Vec<String> = match error.get("path") {
        Some(Value::Array(path)) => {
            path.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect()
        }
        _ => vec![],
    };
    if path.is_empty() { message.to_owned() } else { format!("{message} (at {})", path.join(".")) }
}
