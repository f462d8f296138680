//! What is heard of the browser, and said to it, on the wire itself: before anybody else, and without anybody's asking.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chromiumoxide::cdp::browser_protocol::browser::BrowserContextId;
use chromiumoxide::types::MethodId;
use chromiumoxide::{Command, Method};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::probe::browser::frames::{Frames, Reached};

/// Our own questions are numbered from here on: the client counts from 0, Chromium up to 2^31. It does not hear the answers.
const OWN: u64 = 1 << 30;
const OWN_MAX: u64 = (1 << 31) - 1;
/// Pages that the pages of one run may open; further ones are closed at once.
pub(in crate::probe::browser) const OPENED_MAX: usize = 8;
/// Dialogs that are remembered; all are answered.
const DIALOGS_MAX: usize = 32;
/// Of what a dialog says.
const WORDS_CHARS_MAX: usize = 300;
/// Headers of one request that are passed on.
const HEADERS_MAX: usize = 200;
/// Whoever attaches is not the client: what a page has asked for by then would be lost to it.
const ATTACH: &str = r#""method":"Target.attachToTarget""#;
/// Where a message's method stands.
const HEAD_BYTES: usize = 100;

/// Something that the browser is told, whatever it answers.
#[derive(Clone, Debug)]
pub(in crate::probe::browser) struct Order {
    method: Cow<'static, str>,
    params: Value,
}

impl Order {
    pub(in crate::probe::browser) fn new<C: Command>(command: &C) -> Self {
        Self { method: command.identifier(), params: serde_json::to_value(command).unwrap_or_default() }
    }
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.params.serialize(serializer)
    }
}

impl Method for Order {
    fn identifier(&self) -> MethodId {
        self.method.clone()
    }
}

impl Command for Order {
    type Response = Value;
}

/// A request that waits until it is let go on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::probe::browser) struct Paused {
    request_id: String,
    /// The browser's own name for it; some have none.
    pub(in crate::probe::browser) network_id: Option<String>,
    pub(in crate::probe::browser) request: Asked,
}

#[derive(Debug, Deserialize)]
pub(in crate::probe::browser) struct Asked {
    pub(in crate::probe::browser) url: String,
    #[serde(default)]
    headers: Map<String, Value>,
}

/// Which headers a request gets beside its own.
pub(in crate::probe::browser) type Adding = Box<dyn Fn(&Paused) -> Vec<(&'static str, String)> + Send + Sync>;

/// One browser's.
pub(in crate::probe::browser) struct Herald {
    says: mpsc::UnboundedSender<String>,
    run: Mutex<Run>,
}

/// What is known of the run that has the browser now, and what it wants.
#[derive(Default)]
struct Run {
    number: u64,
    context: Option<BrowserContextId>,
    /// Pages that pages have opened.
    opened: usize,
    /// Those that are closed as soon as they are let go, by the number of the order that does it. One that still waits
    /// would take whoever opened it along: Chromium then lets go neither.
    unwanted: Vec<(u64, String)>,
    frames: Frames,
    greeting: Vec<Order>,
    adding: Option<Arc<Adding>>,
    dialogs: Vec<String>,
}

/// Who is to hear a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Everybody,
    Us,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<T> {
    params: T,
    /// Which page says so; none: the browser.
    session_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    session_id: String,
    target_info: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(rename = "targetId")]
    id: String,
    r#type: String,
    opener_id: Option<String>,
    browser_context_id: Option<BrowserContextId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dialog {
    r#type: String,
    message: String,
    #[serde(default)]
    default_prompt: String,
}

impl fmt::Debug for Herald {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Herald").finish_non_exhaustive()
    }
}

impl Herald {
    /// The other end is what it wants to say.
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<String>) {
        let (says, said) = mpsc::unbounded_channel();
        (Arc::new(Self { says, run: Mutex::default() }), said)
    }

    /// Another run has the browser now, whose pages are in this context.
    pub(in crate::probe::browser) fn begin(&self, context: BrowserContextId) {
        let mut run = self.run();
        *run = Run { number: run.number, context: Some(context), ..Run::default() };
    }

    /// What pages are told, too, that pages open, before they ask for anything.
    pub(in crate::probe::browser) fn greet(&self, greeting: Vec<Order>) {
        self.run().greeting.extend(greeting);
    }

    /// What requests get that wait; none: they go on as they are.
    pub(in crate::probe::browser) fn add(&self, adding: Option<Adding>) {
        self.run().adding = adding.map(Arc::new);
    }

    /// What dialogs said, each begun by its kind.
    pub(in crate::probe::browser) fn dialogs(&self) -> Vec<String> {
        self.run().dialogs.clone()
    }

    /// Whether a page or a frame of the run is not from inside.
    pub(in crate::probe::browser) fn has_strangers(&self, reached: Reached<'_>) -> bool {
        self.run().frames.has_strangers(reached)
    }

    /// The same of what has no frames.
    pub(in crate::probe::browser) fn is_strange(&self, id: &str, url: &str, reached: Reached<'_>) -> bool {
        self.run().frames.is_strange(id, url, reached)
    }

    /// Whether the browser is to be told what the client tells it: pages are attached to by themselves.
    pub(super) fn passes(order: &str) -> bool {
        let head = order.len().min(HEAD_BYTES);
        order.get(..head).is_none_or(|head| !head.contains(ATTACH))
    }

    /// An answer to one of our own questions is nobody's business.
    pub(super) const fn is_own(id: u64) -> bool {
        id >= OWN
    }

    /// Takes in that an order of our own was carried out.
    pub(super) fn answered(&self, order: u64) {
        let mut run = self.run();
        if let Some(at) = run.unwanted.iter().position(|(number, _)| *number == order) {
            let (_, target) = run.unwanted.swap_remove(at);
            self.say(&mut run, None, "Target.closeTarget", &json!({ "targetId": target }));
        }
    }

    /// Takes in what the browser says by itself.
    pub(super) fn hear(&self, name: &[u8], message: &str) -> For {
        match name {
            b"Target.attachedToTarget" => {
                self.attached(message);
                For::Everybody
            }
            b"Fetch.requestPaused" => self.paused(message),
            b"Page.javascriptDialogOpening" => self.opening(message),
            _ => {
                self.run().frames.hear(name, message);
                For::Everybody
            }
        }
    }

    /// A page that waits to be let go: what pages open learns first how it is to meet them.
    fn attached(&self, message: &str) {
        // What belongs to a page is the client's affair.
        let Ok(Said { params, session_id: None }) = serde_json::from_str::<Said<Attached>>(message) else { return };
        let Attached { session_id: own, target_info: target } = params;
        let mut run = self.run();
        let is_opened = target.opener_id.is_some() && target.browser_context_id == run.context;
        if is_opened {
            for order in run.greeting.clone() {
                self.say(&mut run, Some(&own), &order.method, &order.params);
            }
        }
        let go = self.say(&mut run, Some(&own), "Runtime.runIfWaitingForDebugger", &json!({}));
        if is_opened && target.r#type == "page" {
            run.opened += 1;
            if run.opened > OPENED_MAX {
                run.unwanted.push((go, target.id));
            }
        }
    }

    /// Every dialog is accepted: a page that waits for it does not let anybody else speak, either.
    fn opening(&self, message: &str) -> For {
        let Ok(Said { params: dialog, session_id: Some(page) }) = serde_json::from_str::<Said<Dialog>>(message) else {
            return For::Everybody;
        };
        let Dialog { r#type, message, default_prompt } = dialog;
        let mut run = self.run();
        if run.dialogs.len() < DIALOGS_MAX {
            let said = format!("{type}: {message}");
            run.dialogs.push(said.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect());
        }
        let accepted = json!({ "accept": true, "promptText": default_prompt });
        self.say(&mut run, Some(&page), "Page.handleJavaScriptDialog", &accepted);
        For::Us
    }

    fn paused(&self, message: &str) -> For {
        let Ok(Said { params: paused, session_id: Some(page) }) = serde_json::from_str::<Said<Paused>>(message) else {
            return For::Everybody;
        };
        let adding = self.run().adding.clone();
        let mut on = json!({ "requestId": paused.request_id });
        if let Some(adding) = adding {
            let own = adding(&paused);
            let header = |(name, value): (&str, &str)| json!({ "name": name, "value": value });
            let sent = paused.request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
            let added = own.iter().map(|(name, value)| (*name, value.as_str()));
            on["headers"] = sent.take(HEADERS_MAX).chain(added).map(header).collect();
        }
        self.say(&mut self.run(), Some(&page), "Fetch.continueRequest", &on);
        For::Us
    }

    /// Says it to a page, or to the browser, and which number the order has.
    fn say(&self, run: &mut Run, page: Option<&str>, method: &str, params: &Value) -> u64 {
        run.number = (run.number + 1) % (OWN_MAX - OWN);
        let id = OWN + run.number;
        let mut order = json!({ "id": id, "method": method, "params": params });
        if let Some(page) = page {
            order["sessionId"] = page.into();
        }
        // Nobody listens to a browser that is gone.
        let _ = self.says.send(order.to_string());
        id
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(own: &mut mpsc::UnboundedReceiver<String>) -> Vec<Value> {
        std::iter::from_fn(|| own.try_recv().ok()).map(|text| serde_json::from_str(&text).expect("json")).collect()
    }

    fn attached(opener: Option<&str>, session: Option<&str>) -> String {
        let target = json!({ "targetId": "T", "type": "page", "openerId": opener, "browserContextId": "C" });
        let params = json!({ "sessionId": "S", "targetInfo": target, "waitingForDebugger": true });
        json!({ "method": "Target.attachedToTarget", "params": params, "sessionId": session }).to_string()
    }

    #[test]
    fn who_is_opened_by_a_page_is_greeted_and_everybody_is_let_go() {
        let (herald, mut own) = Herald::new();
        let dark = Order { method: "Emulation.setEmulatedMedia".into(), params: json!({ "media": "print" }) };
        herald.begin(BrowserContextId::new("C"));
        herald.greet(vec![dark]);
        let hear = |opener, session| herald.hear(b"Target.attachedToTarget", &attached(opener, session));
        assert_eq!(hear(None, None), For::Everybody);
        let first = said(&mut own);
        assert_eq!(first.len(), 1);
        assert_eq!(
            (&first[0]["method"], &first[0]["sessionId"]),
            (&"Runtime.runIfWaitingForDebugger".into(), &"S".into())
        );
        hear(Some("main"), None);
        let methods: Vec<_> = said(&mut own).iter().map(|order| order["method"].clone()).collect();
        assert_eq!(methods, ["Emulation.setEmulatedMedia", "Runtime.runIfWaitingForDebugger"]);
        hear(None, Some("page"));
        assert!(said(&mut own).is_empty(), "what belongs to a page is the client's affair");
        herald.begin(BrowserContextId::new("D"));
        hear(Some("main"), None);
        assert_eq!(said(&mut own).len(), 1, "another run");
    }

    #[test]
    fn one_page_too_many_is_closed_once_it_was_let_go() {
        let (herald, mut own) = Herald::new();
        herald.begin(BrowserContextId::new("C"));
        for _ in 0..OPENED_MAX {
            herald.hear(b"Target.attachedToTarget", &attached(Some("main"), None));
        }
        let answer =
            |orders: Vec<Value>| orders.iter().for_each(|it| herald.answered(it["id"].as_u64().expect("a number")));
        answer(said(&mut own));
        herald.hear(b"Target.attachedToTarget", &attached(Some("main"), None));
        let orders = said(&mut own);
        assert_eq!(orders.len(), 1, "{orders:?}");
        answer(orders);
        let orders = said(&mut own);
        assert_eq!((orders.len(), &orders[0]["method"]), (1, &"Target.closeTarget".into()));
        assert_eq!((&orders[0]["params"], orders[0].get("sessionId")), (&json!({ "targetId": "T" }), None));
    }

    #[test]
    fn every_dialog_is_accepted_and_remembered() {
        let (herald, mut own) = Herald::new();
        let params = json!({ "type": "prompt", "message": "Who?\u{7}", "defaultPrompt": "me", "url": "http://x/" });
        let said_so =
            json!({ "method": "Page.javascriptDialogOpening", "params": params, "sessionId": "S" }).to_string();
        for _ in 0..40 {
            assert_eq!(herald.hear(b"Page.javascriptDialogOpening", &said_so), For::Us);
        }
        let answers = said(&mut own);
        assert_eq!((answers.len(), herald.dialogs().len()), (40, DIALOGS_MAX));
        assert_eq!(answers[0]["params"], json!({ "accept": true, "promptText": "me" }));
        assert_eq!(herald.dialogs()[0], "prompt: Who?");
    }

    #[test]
    fn what_waits_goes_on_as_it_was_with_what_is_added() {
        let (herald, mut own) = Herald::new();
        let request = json!({ "url": "http://shop.example/", "headers": { "accept": "*/*" } });
        let params = json!({ "requestId": "r", "networkId": "n", "request": request });
        let paused = json!({ "method": "Fetch.requestPaused", "params": params, "sessionId": "S" }).to_string();
        let mut goes_on = || {
            assert_eq!(herald.hear(b"Fetch.requestPaused", &paused), For::Us);
            said(&mut own).remove(0)
        };
        assert_eq!(goes_on()["params"], json!({ "requestId": "r" }), "nobody adds anything");
        herald.add(Some(Box::new(|paused| vec![("traceparent", paused.network_id.clone().unwrap_or_default())])));
        let on = goes_on();
        let headers = json!([{ "name": "accept", "value": "*/*" }, { "name": "traceparent", "value": "n" }]);
        assert_eq!((&on["method"], &on["sessionId"]), (&"Fetch.continueRequest".into(), &"S".into()));
        assert_eq!(on["params"], json!({ "requestId": "r", "headers": headers }));
        assert!(Herald::is_own(on["id"].as_u64().expect("a number")));
    }

    #[test]
    fn nobody_else_attaches_to_pages() {
        assert!(!Herald::passes(r#"{"id":7,"method":"Target.attachToTarget","params":{"targetId":"T"}}"#));
        assert!(Herald::passes(r#"{"id":8,"method":"Target.createTarget","params":{"url":"Target.attachToTarget"}}"#));
        assert!(Herald::passes(r#"{"id":9,"sessionId":"S","method":"Page.enable","params":{}}"#));
        assert!(Herald::passes("{}") && !Herald::is_own(7));
    }
}
