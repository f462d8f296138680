//! Simulators of the services that we send to: they check what comes against the published schema, and answer as the
//! services do.

mod channel;
mod chats;
mod duty;
mod pagers;
mod shape;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use unbroken::alert::{Attempt, News, Receiver, Rehearsal, Request, Settings, rehearse};
use unbroken::clock::Clock;
use unbroken::model::{Incident, Notification, NotificationKind, Storm};
use unbroken::store::Store;

use super::Office;
use super::rendered::HOSTILE;
use super::told::map;
use crate::given::{closed, incident, notification, version};
use crate::support::Task;

/// Stands in every secret: what a receiver repeats of it must not come back out.
const CANARY: &str = "canary0a9b8c7d6e5f4132";

#[derive(Clone, Debug)]
struct Heard {
    path: String,
    headers: HeaderMap,
    body: Value,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Status, `Retry-After` in seconds, body.
struct Reply(u16, Option<u32>, String);

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap();
        let wait = self.1.map(|seconds| [("retry-after", seconds.to_string())]);
        let json = [("content-type", "application/json")];
        match wait {
            Some(wait) => (status, wait, json, self.2).into_response(),
            None => (status, json, self.2).into_response(),
        }
    }
}

/// How one service behaves.
struct Ways {
    /// Which key of `receivers:` it is the other side of.
    settings: fn(&str) -> Value,
    /// What is wrong with a request, by the published schema.
    check: fn(&Heard) -> Result<(), String>,
    /// The answer to the `n`th message that was taken.
    yes: fn(&Heard, usize) -> Reply,
    no: fn(&str) -> Reply,
    /// Too many requests: come back in half a minute.
    busy: fn() -> Reply,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    Busy,
    Broken,
    /// Refuses whatever comes, and repeats all that it heard.
    Rude,
    /// 200, from something on the way that is not the service.
    Portal,
}

struct Vendor {
    address: SocketAddr,
    desk: Arc<Desk>,
    _serving: Task,
}

struct Desk {
    ways: Ways,
    moods: Mutex<VecDeque<Mood>>,
    heard: Mutex<Vec<Heard>>,
    taken: Mutex<Vec<Heard>>,
    wrong: Mutex<Vec<String>>,
}

async fn answer(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Reply {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let heard = Heard { path, headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    desk.heard.lock().unwrap().push(heard.clone());
    match desk.moods.lock().unwrap().pop_front() {
        Some(Mood::Busy) => return (desk.ways.busy)(),
        Some(Mood::Broken) => return Reply(503, None, "<html>out of order</html>".into()),
        Some(Mood::Rude) => {
            let said = format!("no: {} {} {}", heard.path, heard.header("authorization"), heard.body);
            return (desk.ways.no)(&said);
        }
        Some(Mood::Portal) => return Reply(200, None, "<html>please sign in</html>".into()),
        Some(Mood::Well) | None => {}
    }
    let checked = if method == Method::POST && heard.header("content-type") == "application/json" {
        (desk.ways.check)(&heard)
    } else {
        Err(format!("{method} of {}", heard.header("content-type")))
    };
    if let Err(wrong) = checked {
        desk.wrong.lock().unwrap().push(format!("{wrong} in {:#}", heard.body));
        return (desk.ways.no)(&wrong);
    }
    let mut taken = desk.taken.lock().unwrap();
    taken.push(heard.clone());
    (desk.ways.yes)(&heard, taken.len())
}

impl Vendor {
    async fn start(ways: Ways, moods: &[Mood]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            ways,
            moods: Mutex::new(moods.iter().copied().collect()),
            heard: Mutex::default(),
            taken: Mutex::default(),
            wrong: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        let serving = Task::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { address, desk, _serving: serving }
    }

    fn settings(&self) -> Settings {
        let receiver = (self.desk.ways.settings)(&format!("http://{}", self.address));
        let settings: Settings = serde_json::from_value(json!({ "receivers": { "vendor": receiver } })).unwrap();
        assert_eq!(settings.problems(), []);
        settings
    }

    fn heard(&self) -> Vec<Heard> {
        self.desk.heard.lock().unwrap().clone()
    }

    fn taken(&self) -> Vec<Heard> {
        self.desk.taken.lock().unwrap().clone()
    }

    /// What did not fit the schema ends the test.
    fn is_content(&self) {
        let wrong = self.desk.wrong.lock().unwrap().clone();
        assert!(wrong.is_empty(), "it does not fit the schema: {}", wrong.join("\n"));
    }

    /// Waits until it has taken so many messages; none may have been wrong.
    async fn takes(&self, number: usize) {
        self.until(|| self.taken().len() >= number).await;
    }

    /// Waits until so many letters were delivered; none may have been wrong.
    async fn has_told(&self, office: &Office, number: usize) {
        self.until(|| office.heard() >= number).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let wait = async {
            while !holds() {
                self.is_content();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is sent");
    }
}

/// As long as we ever make it, and every character costs an escape.
fn long(of: &Incident) -> Notification {
    let mut long = notification(of, NotificationKind::Open, "vendor");
    long.headline = "<&>@*".repeat(60);
    long.lines = vec!["&*<_>`@\"".repeat(37); 40];
    long
}

fn hostile(of: &Incident) -> Notification {
    let mut hostile = notification(of, NotificationKind::Open, "vendor");
    hostile.headline = HOSTILE.into();
    hostile.lines.push(HOSTILE.into());
    hostile
}

/// A whole life through the real courier: a receiver that is busy first, every kind of message, a restart of ours in the
/// middle, hostile and endless texts. Returns what the vendor has taken.
async fn lives(ways: Ways) -> Vec<Heard> {
    let folder = tempfile::tempdir().unwrap();
    fits_in_a_storm(&ways);
    let vendor = Vendor::start(ways, &[Mood::Busy, Mood::Broken]).await;
    let office = Office::open(folder.path(), vendor.settings()).await;
    let first = incident(1);
    let opening = notification(&first, NotificationKind::Open, "vendor");
    office.post(vec![opening.clone()]).await;
    office.fails(1).await;
    let due = |seconds: i64| office.store.letters("vendor", crate::given::at(seconds), 9);
    assert_eq!(due(29).await.unwrap(), [], "it asked for half a minute");
    assert_eq!(due(31).await.unwrap().len(), 1);
    office.turn_clock(31);
    office.fails(2).await;
    office.turn_clock(10);
    vendor.takes(1).await;
    office.delivers("vendor", "open").await;
    let keys: Vec<_> = vendor.heard().iter().map(|heard| heard.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, vec![opening.id.as_str(); 3], "every attempt has the same key");

    let worse = version(&first, 2);
    office.post(vec![notification(&worse, NotificationKind::Update, "vendor")]).await;
    vendor.takes(2).await;
    office.delivers("vendor", "update").await;
    office.close().await;
    let office = Office::open(folder.path(), vendor.settings()).await;
    let helped = incident(4);
    let said = |of: &Incident, kind| notification(of, kind, "vendor");
    let letters = [
        said(&worse, NotificationKind::Remind),
        said(&closed(&worse, 300), NotificationKind::Resolve),
        hostile(&incident(2)),
        long(&incident(3)),
        // Somebody who is called for help hears of it first by that.
        said(&helped, NotificationKind::Escalate),
        said(&helped, NotificationKind::Acknowledge),
        said(&closed(&helped, 400), NotificationKind::Resolve),
    ];
    for (before, letter) in letters.into_iter().enumerate() {
        office.post(vec![letter]).await;
        vendor.has_told(&office, before + 1).await;
    }
    office.close().await;
    vendor.taken()
}

/// What is said of a storm fits the schema, too, however hostile its parts are.
fn fits_in_a_storm(ways: &Ways) {
    let receiver: Receiver = serde_json::from_value((ways.settings)("http://127.0.0.1:9")).unwrap();
    for (name, storm) in super::rendered::storms() {
        let storm = Storm { link: Some("http://127.0.0.1:8080/".into()), ..storm };
        let attempt = Attempt::first(crate::given::at(0));
        let Some(Request::Post(post)) = receiver.render_storm(&storm, &attempt) else { continue };
        let header = |(name, value): &(&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let path = post.url[url::Position::BeforePath..].to_owned();
        let headers = post.headers.iter().map(header).collect();
        let heard = Heard { path, headers, body: serde_json::from_str(&post.body).unwrap() };
        (ways.check)(&heard).unwrap_or_else(|wrong| panic!("{name}: {wrong} in {:#}", heard.body));
    }
}

/// What comes of an answer: the news of the first letter.
async fn after(ways: Ways, mood: Mood) -> News {
    let folder = tempfile::tempdir().unwrap();
    let vendor = Vendor::start(ways, &[mood]).await;
    let office = Office::open(folder.path(), vendor.settings()).await;
    office.post(vec![notification(&incident(1), NotificationKind::Open, "vendor")]).await;
    let news = office.hears(|_| true).await;
    office.close().await;
    let text = format!("{news:?}");
    assert!(!text.contains(CANARY), "{text}");
    news
}

fn is_dead(news: &News) -> bool {
    matches!(news, News::Dead { error, .. } if error.chars().count() < 300)
}

fn is_put_off(news: &News) -> bool {
    matches!(news, News::Failed { error, .. } if error.chars().count() < 300)
}

/// What `unbroken alert test` would tell.
async fn tried(ways: Ways) -> Vec<Result<String, String>> {
    let vendor = Vendor::start(ways, &[]).await;
    let settings = vendor.settings();
    let receiver: &Receiver = &settings.receivers["vendor"];
    let rehearsal = Rehearsal { name: "vendor", receiver, map: &map(), base: None };
    let said = rehearse(rehearsal, &Clock::system(), std::collections::BTreeMap::new()).await.unwrap();
    assert_eq!(vendor.taken().len(), said.len());
    said.into_iter().map(|said| said.answer).collect()
}
