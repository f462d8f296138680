//! All pagers and chats in one: refuses everything, and repeats whatever it heard.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;

use crate::support::Task;
use crate::world::World;

/// Receiver, variable, the canary in it. Each has one of its own: none may be told another's.
const RECEIVERS: [(&str, &str, &str); 8] = [
    ("pager", "PAGER", "canary-pager-00112233445566778899aabbccddeeff"),
    ("genie", "GENIE", "canary-genie-10112233445566778899aabbccddeeff"),
    ("slack", "SLACK", "canary-slack-20112233445566778899aabbccddeeff"),
    ("robot", "ROBOT", "canary-robot-30112233445566778899aabbccddeeff"),
    ("teams", "TEAMS", "canary-teams-40112233445566778899aabbccddeeff"),
    ("games", "GAMES", "canary-games-50112233445566778899aabbccddeeff"),
    ("plane", "PLANE", "canary-plane-60112233445566778899aabbccddeeff"),
    ("phone", "PHONE", "canary-phone-70112233445566778899aabbccddeeff"),
];

pub(super) struct Desk {
    base: String,
    heard: Arc<Mutex<Vec<String>>>,
    _serving: Task,
}

impl Desk {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&heard);
        let answer = async move |uri: Uri, headers: HeaderMap, body: String| {
            let said = format!("{uri} {headers:?} {body}");
            kept.lock().expect("not poisoned").push(said.clone());
            (StatusCode::SERVICE_UNAVAILABLE, format!("{uri} {:?} {body}", headers.get("authorization")))
        };
        let router = Router::new().fallback(answer);
        let serving = Task::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { base, heard, _serving: serving }
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        RECEIVERS.iter().map(|(name, ..)| *name)
    }

    pub(super) fn canaries() -> impl Iterator<Item = &'static str> {
        RECEIVERS.iter().map(|(.., canary)| *canary)
    }

    /// Sets the variables: three of them are whole addresses.
    pub(super) fn tell(&self, world: &mut World) {
        for (name, variable, canary) in RECEIVERS {
            let address = ["slack", "teams", "games"].contains(&name);
            world.set(variable, &if address { format!("{}/{name}/{canary}", self.base) } else { canary.to_owned() });
        }
    }

    pub(super) fn yaml(&self) -> String {
        let base = &self.base;
        format!(
            r#"    pager: {{ pagerduty: {{ routing_key: {{ env: PAGER }}, url: "{base}" }} }}
    genie: {{ opsgenie: {{ api_key: {{ env: GENIE }}, url: "{base}" }} }}
    slack: {{ slack: {{ webhook: {{ env: SLACK }} }} }}
    robot: {{ slack: {{ bot: {{ token: {{ env: ROBOT }}, channel: ops, url: "{base}" }} }} }}
    teams: {{ teams: {{ webhook: {{ env: TEAMS }} }} }}
    games: {{ discord: {{ webhook: {{ env: GAMES }} }} }}
    plane: {{ telegram: {{ token: {{ env: PLANE }}, chat: "-1001", url: "{base}" }} }}
    phone: {{ ntfy: {{ topic: ops, token: {{ env: PHONE }}, url: "{base}" }} }}
"#
        )
    }

    /// Whether every receiver has sent its own secret.
    pub(super) fn was_told_by_all(&self) -> bool {
        let heard = self.heard.lock().expect("not poisoned");
        Self::canaries().all(|canary| heard.iter().any(|said| said.contains(canary)))
    }

    /// What was said, each without the one secret that had to be in it.
    pub(super) fn rest(&self) -> String {
        let heard = self.heard.lock().expect("not poisoned");
        let rest = heard.iter().map(|said| {
            let own = Self::canaries().find(|canary| said.contains(canary)).expect("each sends its secret");
            said.replacen(own, "", 1)
        });
        rest.collect::<Vec<_>>().join("\n")
    }
}
