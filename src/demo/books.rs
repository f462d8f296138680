//! The demo company's books: customers, plans, telephones, orders, charges. The one truth behind all its touchpoints.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Orders kept; the oldest is forgotten first, so that weeks of synthetic customers cost nothing.
const ORDERS_KEPT_MAX: usize = 500;
const SESSIONS_KEPT_MAX: usize = 500;
const DEVICES_KEPT_MAX: usize = 200;
const MESSAGES_KEPT_MAX: usize = 200;

/// Euro cents. Written `29.99`, in JSON too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cents(pub(super) u32);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Plan {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) gigabytes: u32,
    /// A month.
    pub(super) price: Cents,
    pub(super) words: &'static str,
}

/// What is advertised: the plan whose price must be the same everywhere.
pub(super) const ADVERTISED: &str = "flat-m";

pub(super) const PLANS: [Plan; 3] = [
    Plan { id: "flex-s", name: "Flex S", gigabytes: 5, price: Cents(1499), words: "For those who are mostly at home." },
    Plan { id: ADVERTISED, name: "Flat M", gigabytes: 40, price: Cents(2999), words: "Our most popular one." },
    Plan {
        id: "flat-l",
        name: "Flat L",
        gigabytes: 200,
        price: Cents(4499),
        words: "For those who never look at a number.",
    },
];

/// Anything that the shop sells.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Article {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) price: Cents,
    pub(super) paid: Paid,
    pub(super) words: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Paid {
    Monthly,
    Once,
}

impl fmt::Display for Paid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Monthly => "a month",
            Self::Once => "once",
        })
    }
}

impl From<&Plan> for Article {
    fn from(plan: &Plan) -> Self {
        Self { id: plan.id, name: plan.name, price: plan.price, paid: Paid::Monthly, words: plan.words }
    }
}

/// Telephones.
pub(super) const PHONES: [Article; 1] = [Article {
    id: "halcyon-one",
    name: "Halcyon One",
    price: Cents(24_999),
    paid: Paid::Once,
    words: "A telephone that rings, and a battery that lasts until Sunday.",
}];

#[derive(Debug, Serialize)]
pub(super) struct Customer {
    pub(super) number: &'static str,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) plan: &'static str,
    pub(super) gigabytes_left: u32,
    #[serde(skip)]
    pub(super) sign_in: SignIn,
}

/// What a customer proves to be let into the account by the web.
#[derive(Clone, Copy, Debug)]
pub(super) enum SignIn {
    Password,
    /// A one-time code besides.
    PasswordAndCode,
}

/// Those of `config/personas.yaml`.
pub(super) const CUSTOMERS: [Customer; 2] = [
    Customer {
        number: "HM-10017",
        name: "Anna Schmidt",
        email: "anna@probe.example",
        plan: ADVERTISED,
        gigabytes_left: 27,
        sign_in: SignIn::Password,
    },
    Customer {
        number: "HM-10042",
        name: "李伟",
        email: "liwei@probe.example",
        plan: ADVERTISED,
        gigabytes_left: 33,
        sign_in: SignIn::PasswordAndCode,
    },
];

#[derive(Clone, Debug, Serialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) email: String,
    /// An article's id.
    pub(super) article: &'static str,
    /// What was agreed at the checkout.
    pub(super) total: Cents,
    pub(super) status: OrderStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OrderStatus {
    Confirmed,
    Cancelled,
}

#[derive(Debug, Default)]
struct Ledger {
    taken: u64,
    orders: VecDeque<Order>,
    sessions: VecDeque<(String, &'static Customer)>,
    /// Those who have told the password, and not yet the code.
    awaited: VecDeque<(String, &'static Customer)>,
    reviews: VecDeque<(String, u8)>,
    devices: VecDeque<Device>,
    messages: VecDeque<(&'static str, Message)>,
}

/// A telephone that wants to be told things while it is locked.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Opens it to the push gateway.
    pub(super) token: String,
    pub(super) customer: &'static Customer,
    /// Signed off: the gateway still knows that it was there.
    pub(super) gone: bool,
}

/// What a telephone was told.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) text: String,
}

/// What all touchpoints share.
#[derive(Debug)]
pub(super) struct Books {
    password: String,
    ledger: Mutex<Ledger>,
}

impl Books {
    /// Every customer signs in with the same password; it is made at start and never leaves this machine.
    pub(super) fn new(password: String) -> Self {
        Self { password, ledger: Mutex::default() }
    }

    /// What a telephone must prove to know.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing panics while it holds the lock; if it did, the demo had better go on.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token, if customer and password fit.
    pub(super) fn sign_in(&self, email: &str, password: &str) -> Option<String> {
        self.customer(email, password).map(|customer| self.admit(customer))
    }

    /// The customer, if the password fits.
    pub(super) fn customer(&self, email: &str, password: &str) -> Option<&'static Customer> {
        CUSTOMERS.iter().find(|customer| customer.email == email && password == self.password)
    }

    /// A fresh token for a customer who is known already.
    pub(super) fn admit(&self, customer: &'static Customer) -> String {
        let token = Uuid::new_v4().simple().to_string();
        keep(&mut self.ledger().sessions, (token.clone(), customer), SESSIONS_KEPT_MAX);
        token
    }

    pub(super) fn signed_in(&self, token: &str) -> Option<&'static Customer> {
        self.ledger().sessions.iter().find(|(known, _)| known == token).map(|(_, customer)| *customer)
    }

    /// A token for a customer who has yet to tell a one-time code.
    pub(super) fn await_code(&self, customer: &'static Customer) -> String {
        let token = Uuid::new_v4().simple().to_string();
        keep(&mut self.ledger().awaited, (token.clone(), customer), SESSIONS_KEPT_MAX);
        token
    }

    /// Who was to tell a code; once, whatever the code is.
    pub(super) fn awaited(&self, token: &str) -> Option<&'static Customer> {
        let awaited = &mut self.ledger().awaited;
        let at = awaited.iter().position(|(known, _)| known == token)?;
        awaited.remove(at).map(|(_, customer)| customer)
    }

    pub(super) fn sign_out(&self, token: &str) {
        self.ledger().sessions.retain(|(known, _)| known != token);
    }

    pub(super) fn order(&self, email: String, article: &Article) -> Order {
        let mut ledger = self.ledger();
        ledger.taken += 1;
        let id = format!("H-{:06}", ledger.taken);
        let order = Order { id, email, article: article.id, total: article.price, status: OrderStatus::Confirmed };
        keep(&mut ledger.orders, order.clone(), ORDERS_KEPT_MAX);
        order
    }

    pub(super) fn find_order(&self, id: &str) -> Option<Order> {
        self.ledger().orders.iter().find(|order| order.id == id).cloned()
    }

    pub(super) fn cancel(&self, id: &str) -> Option<Order> {
        let mut ledger = self.ledger();
        let order = ledger.orders.iter_mut().find(|order| order.id == id)?;
        order.status = OrderStatus::Cancelled;
        Some(order.clone())
    }

    pub(super) fn review(&self, words: String, stars: u8) {
        keep(&mut self.ledger().reviews, (words, stars), ORDERS_KEPT_MAX);
    }

    /// What visitors wrote since the start, newest first.
    pub(super) fn reviews(&self) -> Vec<(String, u8)> {
        self.ledger().reviews.iter().rev().cloned().collect()
    }
}

/// Push messages: the telephones that want them, and what they were told.
impl Books {
    /// A token for a customer's telephone.
    pub(super) fn register(&self, customer: &'static Customer) -> String {
        let token = [Uuid::new_v4(), Uuid::new_v4()].map(|part| part.simple().to_string()).concat();
        keep(&mut self.ledger().devices, Device { token: token.clone(), customer, gone: false }, DEVICES_KEPT_MAX);
        token
    }

    pub(super) fn device(&self, token: &str) -> Option<Device> {
        self.ledger().devices.iter().find(|device| device.token == token).cloned()
    }

    pub(super) fn unregister(&self, token: &str, customer: &Customer) {
        let mut ledger = self.ledger();
        let own = ledger.devices.iter_mut().find(|device| device.token == token);
        if let Some(device) = own.filter(|device| device.customer.email == customer.email) {
            device.gone = true;
        }
    }

    pub(super) fn deliver(&self, device: &Device, message: Message) {
        keep(&mut self.ledger().messages, (device.customer.email, message), MESSAGES_KEPT_MAX);
    }

    /// What a customer's telephones were told, newest first.
    pub(super) fn messages(&self, customer: &Customer) -> Vec<Message> {
        let ledger = self.ledger();
        let own = ledger.messages.iter().rev().filter(|(email, _)| *email == customer.email);
        own.map(|(_, message)| message.clone()).collect()
    }
}

fn keep<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

pub(super) fn plan(id: &str) -> Option<&'static Plan> {
    PLANS.iter().find(|plan| plan.id == id)
}

/// A plan or a telephone.
pub(super) fn article(id: &str) -> Option<Article> {
    plan(id).map(Article::from).or_else(|| PHONES.into_iter().find(|phone| phone.id == id))
}

/// The plan on the posters.
pub(super) const fn advertised() -> &'static Plan {
    &PLANS[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_money() {
        assert_eq!(Cents(2999).to_string(), "29.99");
        assert_eq!(Cents(5).to_string(), "0.05");
        assert_eq!(serde_json::to_string(&Cents(3499)).expect("a number"), "34.99");
        assert_eq!(advertised().id, ADVERTISED);
    }

    #[test]
    fn the_books_are_bounded() {
        let books = Books::new("secret".into());
        for _ in 0..2 * ORDERS_KEPT_MAX {
            books.order("anna@probe.example".into(), &advertised().into());
            books.sign_in("anna@probe.example", "secret").expect("signed in");
        }
        assert_eq!(books.ledger().orders.len(), ORDERS_KEPT_MAX);
        assert_eq!(books.ledger().sessions.len(), SESSIONS_KEPT_MAX);
        assert_eq!(books.find_order("H-000001").map(|order| order.id), None);
        assert_eq!(books.sign_in("anna@probe.example", "wrong"), None);
    }
}
