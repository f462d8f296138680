//! The way past the store: what it refuses to take is sent from memory, again and again until it is taken.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outposts::Outposts;
use super::post::Told;
use crate::alert::{Direct, News, Settings};
use crate::lasting::{Lasting, Telling};
use crate::model::Notification;

const TRIED_EVERY: Duration = Duration::from_secs(10);

/// Letters on that way.
#[derive(Default)]
struct Letters {
    /// Their ids, ever: the same letters come again with every refusal, and each goes out once.
    seen: BTreeSet<String>,
    waiting: Vec<Notification>,
    told: Told,
    /// Not even the attempt can be made.
    stuck: Lasting,
}

impl Letters {
    fn add(&mut self, more: Vec<Notification>) {
        self.waiting.extend(more.into_iter().filter(|letter| self.seen.insert(letter.id.clone())));
    }

    /// No attempt can be made.
    fn stay(&mut self, error: &str) {
        if self.stuck.failed(error, Instant::now()) == Telling::News {
            tracing::error!(error, "What the store refuses cannot be sent either: {error}");
        }
    }

    /// One attempt for each.
    async fn try_out(&mut self, direct: &Direct) {
        if let Some(times) = self.stuck.worked() {
            tracing::info!(times, "What the store refuses can be sent again");
        }
        let mut reached: BTreeSet<String> = self.waiting.iter().map(|letter| letter.receiver.clone()).collect();
        for (letter, error) in direct.send(std::mem::take(&mut self.waiting)).await {
            reached.remove(&letter.receiver);
            self.told.tell(&News::Failed { receiver: letter.receiver.clone(), error });
            self.waiting.push(letter);
        }
        for receiver in reached {
            self.told.tell(&News::Delivered { receiver, kind: None });
        }
    }
}

impl Outposts {
    /// Sends what the store refuses.
    pub(super) async fn send_direct(
        self,
        settings: watch::Receiver<Settings>,
        mut inlet: mpsc::UnboundedReceiver<Vec<Notification>>,
        stop: CancellationToken,
    ) {
        let mut letters = Letters::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                more = inlet.recv() => match more {
                    Some(more) => letters.add(more),
                    None => return,
                },
                () = tokio::time::sleep(TRIED_EVERY), if !letters.waiting.is_empty() => {}
            }
            if letters.waiting.is_empty() {
                continue;
            }
            // As the receivers are now: a reload may have mended the very one that did not take it.
            let present = settings.borrow().clone();
            match Direct::new(present, self.clock.clone(), self.environment.clone()) {
                Ok(direct) => letters.try_out(&direct).await,
                Err(error) => letters.stay(&super::chain(&error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::routing::post;
    use jiff::Timestamp;
    use tokio::net::{TcpListener, TcpSocket};
    use tracing::{Event, Level, Subscriber};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt as _};

    use super::*;
    use crate::clock::Clock;
    use crate::model::{Cause, Incident, IncidentId, NotificationKind, SelfFault, Severity};

    /// The levels of what we log.
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl<S: Subscriber> Layer<S> for Levels {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if event.metadata().target().starts_with("unbroken::daemon") {
                self.0.lock().expect("not poisoned").push(*event.metadata().level());
            }
        }
    }

    fn letter(id: &str) -> Notification {
        let now = Timestamp::UNIX_EPOCH;
        Notification {
            id: id.to_owned(),
            receiver: "hook".to_owned(),
            kind: NotificationKind::Open,
            at: now,
            incident: Incident::new(
                IncidentId(uuid::Uuid::nil()),
                Cause::Own(SelfFault::DeadLetter),
                Severity::Page,
                now,
            ),
            headline: String::new(),
            lines: Vec::new(),
            link: None,
            trace_link: None,
            labels: Vec::new(),
        }
    }

    #[tokio::test]
    async fn each_time_that_nobody_can_be_told_is_told_once_with_its_end() {
        let levels = Levels::default();
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(levels.clone()));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("it can be shared");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = socket.local_addr().expect("an address");
        let hook = serde_json::json!({ "webhook": { "url": format!("http://{address}/") } });
        let settings = Settings {
            receivers: BTreeMap::from([("hook".to_owned(), serde_json::from_value(hook).expect("a receiver"))]),
            ..Settings::default()
        };
        let direct = Direct::new(settings, Clock::system(), BTreeMap::new()).expect("certificates");
        let mut letters = Letters::default();
        let mut again = async |id: &str| {
            letters.add(vec![letter(id), letter(id)]);
            letters.try_out(&direct).await;
            letters.waiting.len()
        };
        assert_eq!((again("a").await, again("a").await), (1, 1), "it waits");
        let listener: TcpListener = socket.listen(8).expect("it listens");
        let once = Router::new().route("/", post(async || [("connection", "close")]));
        let served = tokio::spawn(async { axum::serve(listener, once).await });
        assert_eq!(again("a").await, 0, "it is taken");
        served.abort();
        served.await.expect_err("it was ended");
        assert_eq!(again("b").await, 1, "it waits, weeks later");
        let levels = levels.0.lock().expect("not poisoned").clone();
        assert_eq!(levels, [Level::WARN, Level::DEBUG, Level::INFO, Level::WARN]);
    }
}
