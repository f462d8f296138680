//! Live notices: the broker (MQTT) from which telephones hear at once what became of an order, and of the network.
//!
//! | topic | who says it |
//! |---|---|
//! | `customers/EMAIL/orders/ORDER` | the shop, whenever an order changes; retained |
//! | `customers/EMAIL/seen/...` | the customer's own devices, to one another |
//! | `network/status` | the company; retained |

mod packet;
mod session;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::books::{CUSTOMERS, Order, article};
use super::business::{Business, LATE, NETWORK_STATUS};
use super::certificate::Certificates;
use super::fault::Fault;
use super::stand;
use super::touchpoint::Touchpoint;

/// Notices kept for those who come later; the oldest of an order is forgotten first.
const RETAINED_MAX: usize = 500;
const STATUS_TOPIC: &str = "network/status";
/// Notices on their way to a client; one that is slower loses its connection.
const NEWS_MAX: usize = 256;

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    topic: String,
    payload: Box<[u8]>,
    /// Kept for those who come later, or told because it was.
    retained: bool,
}

/// What there is to tell, and who is there to hear it.
pub(super) struct Notices {
    retained: Mutex<VecDeque<Notice>>,
    news: broadcast::Sender<Arc<Notice>>,
    /// By the client's name: two of one name throw each other out, so that a telephone that comes again is itself.
    clients: Mutex<BTreeMap<String, CancellationToken>>,
}

impl Notices {
    pub(super) fn new() -> Self {
        let notices =
            Self { retained: Mutex::default(), news: broadcast::Sender::new(NEWS_MAX), clients: Mutex::default() };
        let status = json!({ "outage": false, "text": NETWORK_STATUS });
        notices.publish(Notice::kept(STATUS_TOPIC.to_owned(), &status));
        notices
    }

    fn publish(&self, notice: Notice) {
        if notice.retained {
            let mut retained = lock(&self.retained);
            retained.retain(|known| known.topic != notice.topic);
            // Nothing said is how one takes back what was.
            if !notice.payload.is_empty() {
                if retained.len() >= RETAINED_MAX {
                    // Of the network nobody says anything for days, and it holds for as long.
                    let oldest = retained.iter().position(|known| known.topic != STATUS_TOPIC);
                    oldest.and_then(|oldest| retained.remove(oldest));
                }
                retained.push_back(notice.clone());
            }
        }
        // With nobody there to hear it, it has been said all the same.
        let _heard = self.news.send(Arc::new(Notice { retained: false, ..notice }));
    }

    fn retained(&self) -> Vec<Notice> {
        lock(&self.retained).iter().cloned().collect()
    }

    /// The token tells when another client takes this one's name.
    fn enter(&self, name: &str) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some(older) = lock(&self.clients).insert(name.to_owned(), token.clone()) {
            older.cancel();
        }
        token
    }

    fn leave(&self, name: &str, token: &CancellationToken) {
        if !token.is_cancelled() {
            lock(&self.clients).remove(name);
        }
    }
}

impl Notice {
    fn kept(topic: String, payload: &serde_json::Value) -> Self {
        Self { topic, payload: payload.to_string().into_bytes().into(), retained: true }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds the lock; if it did, the demo had better go on.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the customer's telephones what became of the order.
pub(super) fn of_order(business: &Arc<Business>, order: &Order) {
    let Some(notice) = order_notice(business, order) else { return };
    if !business.switches.is(Touchpoint::Notices, Fault::Late) {
        return business.notices.publish(notice);
    }
    let (business, closing) = (Arc::clone(business), business.closing.clone());
    let tasks = business.chats.clone();
    tasks.spawn(async move {
        if closing.run_until_cancelled(tokio::time::sleep(LATE)).await.is_some() {
            business.notices.publish(notice);
        }
    });
}

fn order_notice(business: &Business, order: &Order) -> Option<Notice> {
    let customer = CUSTOMERS.iter().find(|customer| customer.email == order.email)?;
    let name = business.name(Touchpoint::Notices, customer);
    let (id, article) = (&order.id, article(order.article)?.name);
    let payload = json!({
        "order": id, "status": order.status, "total": order.total,
        "title": format!("Dear {name}, a word on your {article}"),
    });
    Some(Notice::kept(format!("customers/{}/orders/{id}", customer.email), &payload))
}

/// Whether a topic is one of those that a filter names (MQTT 5, 4.7).
fn is_of(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Opens the broker; it closes with the company.
pub(super) async fn serve(listener: TcpListener, business: Arc<Business>, certificates: Arc<Certificates>) {
    let closing = business.closing.clone();
    let session = |stream| {
        let (business, certificates) = (Arc::clone(&business), Arc::clone(&certificates));
        async move { session::serve(stream, &business, &certificates).await }
    };
    stand::serve(listener, closing, session).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_topics() {
        for (filter, topic) in [("a/b", "a/b"), ("a/+", "a/b"), ("a/#", "a/b/c"), ("a/#", "a"), ("+/b", "a/b")] {
            assert!(is_of(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [("a/b", "a"), ("a/+", "a"), ("a/+", "a/b/c"), ("a", "a/b"), ("a/b", "a/c")] {
            assert!(!is_of(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn what_is_retained_is_replaced_taken_back_and_bounded() {
        let notices = Notices::new();
        let say = |topic: String, payload: &str| {
            notices.publish(Notice { topic, payload: payload.as_bytes().into(), retained: true });
        };
        for number in 0..2 * RETAINED_MAX {
            say(format!("a/{number}"), "1");
        }
        assert_eq!(notices.retained().len(), RETAINED_MAX);
        assert!(notices.retained().iter().any(|kept| kept.topic == STATUS_TOPIC), "said once, and never again");
        let last = format!("a/{}", 2 * RETAINED_MAX - 1);
        say(last.clone(), "2");
        let kept = notices.retained();
        assert_eq!((kept.len(), &*kept.last().expect("one").payload), (RETAINED_MAX, &b"2"[..]));
        say(last, "");
        assert_eq!(notices.retained().len(), RETAINED_MAX - 1);
    }
}
