//! The control server of the demo company: a page with switches, an API, and the functions that call it from another
//! terminal.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{self, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use super::switches::{Switch, Switches, Unknown};
use super::touchpoint::Touchpoint;
use super::{Closed, switchboard};

/// Holds the control server's address while the company runs; in `demo` under the data folder.
pub(super) const ADDRESS_FILE: &str = "control";
/// Holds a `NAME=value` line for each variable of the demo's configuration while the company runs.
pub(super) const ENVIRONMENT_FILE: &str = "environment";
/// Holds the page's address while the company is watched.
pub(super) const PAGE_FILE: &str = "page";
/// Locked while the company runs; what lies beside it unlocked was left by one that was killed.
const LOCK_FILE: &str = "lock";
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: usize = 10;

/// Why a running demo company could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    #[error("no demo company runs here (in `{path}`); start one with `unbroken demo`, or name its folder with --data", path = .0.display())]
    NotRunning(PathBuf),
    #[error("cannot read `{path}`", path = .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the demo company does not answer at {0}; is `unbroken demo` still running?")]
    Unreachable(String, #[source] reqwest::Error),
    #[error("{0}")]
    Refused(String),
    #[error("{0} is not the address of a demo company")]
    Address(String),
}

/// The control address that a running company left in its data folder.
pub fn address(data: &Path) -> Result<String, Unheard> {
    left(data, ADDRESS_FILE).map(|text| text.trim().to_owned())
}

/// The variables that a running company left in its data folder, for commands in another terminal.
pub fn environment(data: &Path) -> Result<BTreeMap<String, String>, Unheard> {
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    left(data, ENVIRONMENT_FILE).map(|text| text.lines().filter_map(pair).collect())
}

/// The address of the page of the daemon that watches the company.
pub fn page(data: &Path) -> Result<String, Unheard> {
    left(data, PAGE_FILE).map(|text| text.trim().to_owned())
}

/// Locks the folder for a company; for a moment it may be held by one who only looks whether it is.
pub(super) async fn hold(folder: &Path) -> Result<File, Closed> {
    let wrong = |source: io::Error| Closed::Write(folder.to_owned(), source);
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let options = File::options().write(true).create(true).truncate(false).clone();
    let lock = options.open(folder.join(LOCK_FILE)).map_err(wrong)?;
    for _ in 0..LOOKS {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
    }
    Err(Closed::Taken(folder.to_owned()))
}

fn is_held(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn left(data: &Path, file: &str) -> Result<String, Unheard> {
    let path = data.join("demo").join(file);
    if !is_held(&data.join("demo")) {
        return Err(Unheard::NotRunning(data.to_owned()));
    }
    std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unheard::NotRunning(data.to_owned()),
        _ => Unheard::Unreadable(path, error),
    })
}

/// Everything that can be broken, and what is.
pub async fn faults(address: &str) -> Result<Vec<Switch>, Unheard> {
    ask(Method::GET, address, &["faults"]).await
}

/// Switches a fault on; the touchpoint's first one, if none is named.
pub async fn break_(address: &str, touchpoint: &str, fault: Option<&str>) -> Result<Switch, Unheard> {
    let path: Vec<&str> = ["break", touchpoint].into_iter().chain(fault).collect();
    ask(Method::POST, address, &path).await
}

/// Mends one touchpoint, or everything; returns what was broken.
pub async fn mend(address: &str, touchpoint: Option<&str>) -> Result<Vec<Switch>, Unheard> {
    let path: Vec<&str> = ["mend"].into_iter().chain(touchpoint).collect();
    ask(Method::POST, address, &path).await
}

async fn ask<T: DeserializeOwned>(method: Method, address: &str, path: &[&str]) -> Result<T, Unheard> {
    let unaddressed = || Unheard::Address(address.to_owned());
    let mut url = Url::parse(address).map_err(|_| unaddressed())?;
    url.path_segments_mut().map_err(|()| unaddressed())?.clear().extend(path);
    let unreachable = |error: reqwest::Error| Unheard::Unreachable(address.to_owned(), error);
    // It is on this machine: no proxy is in between.
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(unreachable)?;
    let answer = client.request(method, url).header(header::ACCEPT, "application/json").send().await;
    let answer = answer.map_err(unreachable)?;
    if answer.status().is_success() {
        return answer.json().await.map_err(unreachable);
    }
    let refusal: Problem = answer.json().await.map_err(unreachable)?;
    Err(Unheard::Refused(refusal.detail))
}

/// RFC 9457, as far as one needs it here.
#[derive(Serialize, Deserialize)]
struct Problem {
    status: u16,
    detail: String,
}

fn problem(status: StatusCode, detail: impl Into<String>) -> Response {
    let body = Problem { status: status.as_u16(), detail: detail.into() };
    (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(body)).into_response()
}

impl IntoResponse for Unknown {
    fn into_response(self) -> Response {
        problem(StatusCode::NOT_FOUND, self.to_string())
    }
}

struct Desk {
    switches: Arc<Switches>,
    touchpoints: Vec<(Touchpoint, String)>,
}

pub(super) fn router(switches: Arc<Switches>, touchpoints: Vec<(Touchpoint, String)>) -> Router {
    Router::new()
        .route("/", get(board))
        .route("/faults", get(list))
        .route("/break/{touchpoint}", post(break_first))
        .route("/break/{touchpoint}/{fault}", post(break_one))
        .route("/mend", post(mend_all))
        .route("/mend/{touchpoint}", post(mend_one))
        .layer(middleware::from_fn(own_pages_only))
        .with_state(Arc::new(Desk { switches, touchpoints }))
}

/// Refuses what another web site makes a visitor's browser send: by a foreign origin, or by a name that was made to
/// point to loopback.
async fn own_pages_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !matches!(name, "127.0.0.1" | "localhost") {
        return problem(StatusCode::MISDIRECTED_REQUEST, "this is the control page of a demo on 127.0.0.1");
    }
    let site = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or_default());
    let own_site = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    let own_origin = text(header::ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    if request.method() != Method::GET && !(own_site && own_origin) {
        return problem(StatusCode::FORBIDDEN, "switches are thrown from the control page itself");
    }
    next.run(request).await
}

async fn board(State(desk): State<Arc<Desk>>) -> Html<String> {
    switchboard::page(&desk.switches.list(), &desk.touchpoints)
}

async fn list(State(desk): State<Arc<Desk>>) -> Json<Vec<Switch>> {
    Json(desk.switches.list())
}

async fn break_first(State(desk): State<Arc<Desk>>, headers: HeaderMap, path: extract::Path<String>) -> Response {
    answer(&headers, desk.switches.break_(&path.0, None))
}

async fn break_one(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    extract::Path((touchpoint, fault)): extract::Path<(String, String)>,
) -> Response {
    answer(&headers, desk.switches.break_(&touchpoint, Some(&fault)))
}

async fn mend_all(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    answer(&headers, desk.switches.mend(None))
}

async fn mend_one(State(desk): State<Arc<Desk>>, headers: HeaderMap, path: extract::Path<String>) -> Response {
    answer(&headers, desk.switches.mend(Some(&path.0)))
}

/// A browser goes back to the page, a program gets its JSON.
fn answer(headers: &HeaderMap, done: Result<impl Serialize, Unknown>) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match done {
        Ok(_) if accept.contains("text/html") => Redirect::to("/").into_response(),
        Ok(done) => Json(done).into_response(),
        Err(unknown) => unknown.into_response(),
    }
}
