//! What the environment adds to `telemetry:`, and what can be wrong with a collector's files.

use std::cell::RefCell;

use crate::config::build::place_at;
use crate::config::problem::{Problem, Severity};
use crate::config::unbroken::Stands;
use crate::config::{Environment, Secrets};
use crate::telemetry::{Oddity, Otlp, Settings};

/// Where the problems of variables are.
const ENVIRONMENT: &str = "environment";

/// The settings as they count; a collector of the variables that cannot be reached is told of and left out.
pub(super) fn settle(
    settings: Settings,
    stands: Option<&Stands<'_, Settings>>,
    environment: &Environment,
    secrets: Secrets,
    problems: &RefCell<Vec<Problem>>,
) -> Settings {
    if let (Some(stands), Secrets::Needed) = (stands, secrets) {
        check(stands, &settings.otlp);
    }
    let by_file = !settings.otlp.is_empty();
    let (mut settings, mut odd) = settings.or_environment(environment.variables());
    if !by_file && secrets == Secrets::Needed {
        settings.otlp.retain(|otlp| {
            let trouble = otlp.trouble();
            odd.extend(trouble.iter().map(|why| Oddity {
                variable: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
                text: format!("names {}, which is sent nothing: {why}", otlp.shown()),
            }));
            trouble.is_none()
        });
    }
    let warnings =
        odd.iter().map(|odd| Problem { severity: Severity::Warning, ..Problem::whole(ENVIRONMENT, odd.to_string()) });
    problems.borrow_mut().extend(warnings);
    settings
}

/// Certificates and keys that cannot be used stop the start: better now than when they are missed.
fn check(stands: &Stands<'_, Settings>, collectors: &[Otlp]) {
    for (number, otlp) in collectors.iter().enumerate() {
        let path = |key: &str| {
            let place =
                |path: &[&str]| place_at(stands.node, &path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
            let several = stands.node.get("otlp").is_some_and(|entry| !entry.value.items().is_empty());
            if several { place(&["otlp", &number.to_string(), key]) } else { place(&["otlp", key]) }
        };
        if otlp.tls.is_some() && otlp.endpoint.scheme() != "https" {
            let problem =
                stands.desk.source.problem(path("tls"), "`tls` is of an `https` endpoint, and this one is `http`");
            stands.desk.report(problem.hint("write `https://` in `endpoint`"));
        } else if let Some(why) = otlp.trouble() {
            stands.desk.report(stands.desk.source.problem(path("tls"), why));
        }
    }
}
