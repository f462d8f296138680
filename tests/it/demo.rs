//! The demo company, met as its customers meet it.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use unbroken::clock::Clock;
use unbroken::demo::{Company, Ports, SLOW, Settings};

mod control;
mod notices;
mod order;
mod pages;
mod push;
mod seen;
mod walk;
mod yaml;

/// The company and a customer's browser that trusts it.
struct Visit {
    company: Company,
    browser: Client,
    data: TempDir,
}

impl Visit {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings { data: data.path().to_owned(), ports: Ports::Free };
        let company = Company::start(&settings, Clock::system()).await.unwrap();
        let pem = std::fs::read(&company.environment()["HALCYON_CA"]).unwrap();
        let browser = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(5))
            .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
            .build()
            .unwrap();
        Self { company, browser, data }
    }

    fn url(&self, name: &str, path: &str) -> String {
        let environment = self.company.environment();
        match name {
            "CHAT" => format!("http://{}{path}", environment["CHAT_HOST"]),
            name => format!("{}{path}", environment[&format!("{name}_URL")]),
        }
    }

    async fn text(&self, name: &str, path: &str) -> String {
        let answer = self.browser.get(self.url(name, path)).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    async fn json(&self, name: &str, path: &str) -> Value {
        serde_json::from_str(&self.text(name, path).await).unwrap()
    }

    async fn post(&self, name: &str, path: &str, body: Value) -> Value {
        let answer = self.browser.post(self.url(name, path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    async fn sign_in(&self, name: &str, path: &str, email: &str) -> String {
        let password = std::fs::read_to_string(&self.company.environment()["HALCYON_PASSWORD_FILE"]).unwrap();
        let answer = self.post(name, path, json!({ "user": email, "password": password })).await;
        answer["token"].as_str().unwrap().to_owned()
    }

    async fn signed_in(&self, name: &str, path: &str, token: &str) -> Value {
        let answer = self.browser.get(self.url(name, path)).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    /// What the latest bill says, as JSON and as the text of its PDF.
    async fn bill(&self, email: &str) -> (Value, String) {
        let token = self.sign_in("BILLING", "/login", email).await;
        let bill = self.signed_in("BILLING", "/bills/latest", &token).await;
        let answer = self.browser.get(bill["pdf_url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/pdf");
        let pdf = lopdf::Document::load_mem(&answer.bytes().await.unwrap()).unwrap();
        (bill, pdf.extract_text(&[1]).unwrap())
    }

    async fn say(&self, words: &str) -> Option<Value> {
        let url = self.url("CHAT", "/").replace("http://", "ws://");
        let host = self.company.environment()["CHAT_HOST"].clone();
        let stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.ok()?;
        socket.send(Message::text(json!({ "say": words }).to_string())).await.unwrap();
        let patience = Duration::from_secs(2);
        let message = tokio::time::timeout(patience, socket.next()).await.ok()??.unwrap();
        Some(serde_json::from_str(message.to_text().unwrap()).unwrap())
    }

    fn break_(&self, touchpoint: &str, fault: &str) {
        self.company.break_(touchpoint, Some(fault)).unwrap();
    }

    fn mend(&self) {
        assert_eq!(self.company.mend(None).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn every_page_opens() {
    let visit = Visit::new().await;
    for (name, path) in [
        ("WEB", "/"),
        ("WEB", "/contact"),
        ("WEB", "/ads/flat-m"),
        ("WEB", "/bio"),
        ("WEB", "/status"),
        ("SHOP", "/"),
        ("SHOP", "/plans/flat-m"),
        ("BILLING", "/"),
        ("APP", "/"),
        ("CHAT", "/"),
        ("REVIEWS", "/"),
        ("ADS", "/"),
        ("ADS", "/flat-m"),
        ("SOCIAL", "/"),
        ("STORE", "/"),
        ("PUSH", "/"),
    ] {
        assert!(visit.text(name, path).await.contains("<h1>"), "{name}{path}");
    }
    assert_eq!(visit.json("APP", "/v1/version").await["maintenance"], false);
    assert_eq!(visit.json("APP", "/.well-known/assetlinks.json").await[0]["target"]["namespace"], "android_app");
    visit.company.shutdown().await;
}

#[tokio::test]
async fn the_price_is_the_same_everywhere_until_it_is_not() {
    let visit = Visit::new().await;
    let prices = async || {
        let ad = visit.text("WEB", "/ads/flat-m").await;
        let ad = ad.split_once("id=\"price\">").unwrap().1.split_once('<').unwrap().0.to_owned();
        let shop = visit.json("SHOP", "/api/catalogue").await["plans"][1]["price"].to_string();
        let app = visit.json("APP", "/v1/catalogue").await["plans"][1]["price"].to_string();
        assert_eq!(visit.json("APP", "/v1/catalogue/flat-m").await["price"].to_string(), app);
        let bill = visit.bill("anna@probe.example").await.0["total"].to_string();
        [ad, shop, app, bill]
    };
    let right = ["29.99"; 4];
    assert_eq!(prices().await, right);
    for (wrong, touchpoint) in ["web", "shop", "app", "billing"].into_iter().enumerate() {
        visit.break_(touchpoint, "wrong-price");
        let mut expected = right;
        expected[wrong] = "34.99";
        assert_eq!(prices().await, expected, "{touchpoint}");
        visit.mend();
    }
    assert_eq!(prices().await, right);
}

#[tokio::test]
async fn an_order_crosses_shop_app_and_billing() {
    let visit = Visit::new().await;
    let basket = visit.post("SHOP", "/api/basket", json!({ "plan": "flat-m" })).await;
    let order = visit.post("SHOP", "/api/orders", json!({ "plan": "flat-m", "email": "anna@probe.example" })).await;
    assert_eq!(order["total"], basket["total"]);
    let id = order["id"].as_str().unwrap();
    assert_eq!(visit.json("SHOP", &format!("/api/orders/{id}")).await["status"], "confirmed");
    let app = visit.sign_in("APP", "/v1/login", "anna@probe.example").await;
    assert_eq!(visit.signed_in("APP", &format!("/v1/orders/{id}"), &app).await["total"], order["total"]);
    let billing = visit.sign_in("BILLING", "/login", "anna@probe.example").await;
    assert_eq!(visit.signed_in("BILLING", &format!("/charges/{id}"), &billing).await["amount"], order["total"]);

    let cancelled = visit.browser.delete(visit.url("SHOP", &format!("/api/orders/{id}"))).send().await.unwrap();
    assert_eq!(cancelled.status(), StatusCode::OK);
    for (name, path, token) in [("BILLING", format!("/charges/{id}"), &billing), ("APP", "/v1/orders/H-0".into(), &app)]
    {
        let answer = visit.browser.get(visit.url(name, &path)).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_bill_names_its_customer_in_every_script() {
    let visit = Visit::new().await;
    for (email, name) in [("anna@probe.example", "Anna Schmidt"), ("liwei@probe.example", "李伟")] {
        let (bill, pdf) = visit.bill(email).await;
        assert_eq!(bill["customer"], name);
        assert!(pdf.contains(name) && pdf.contains("29.99"), "{pdf}");

        visit.break_("billing", "garbled-name");
        let (bill, pdf) = visit.bill(email).await;
        let garbled = if name == "李伟" { "??" } else { name };
        assert_eq!(bill["customer"], garbled);
        assert!(pdf.contains(&format!("Dear {garbled}")), "{pdf}");

        visit.break_("billing", "wrong-name");
        let (bill, pdf) = visit.bill(email).await;
        assert_eq!(bill["customer"], "John");
        assert!(pdf.contains("Dear John") && !pdf.contains(name), "{pdf}");
        visit.mend();
    }
}

#[tokio::test]
async fn nobody_reads_a_bill_without_signing_in() {
    let visit = Visit::new().await;
    let credentials = json!({ "user": "anna@probe.example", "password": "guessed" });
    let answer = visit.browser.post(visit.url("BILLING", "/login")).json(&credentials).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let form = "user=anna%40probe.example&password=guessed";
    let answer = visit.browser.post(visit.url("BILLING", "/")).body(form);
    let answer = answer.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let token = visit.sign_in("BILLING", "/login", "anna@probe.example").await;
    visit.signed_in("BILLING", "/me", &token).await;
    let out = visit.browser.post(visit.url("BILLING", "/logout")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    for path in ["/me", "/bills/latest", "/bills/HM-10017-2026-11.pdf?key=guessed"] {
        let answer = visit.browser.get(visit.url("BILLING", path)).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn every_touchpoint_breaks_slows_and_drops() {
    let visit = Visit::new().await;
    for (touchpoint, name) in [
        ("web", "WEB"),
        ("shop", "SHOP"),
        ("billing", "BILLING"),
        ("app", "APP"),
        ("chat", "CHAT"),
        ("reviews", "REVIEWS"),
        ("ads", "ADS"),
        ("social", "SOCIAL"),
        ("store", "STORE"),
        ("push", "PUSH"),
    ] {
        let ask = || visit.browser.get(visit.url(name, "/")).timeout(Duration::from_secs(2)).send();
        assert_eq!(ask().await.unwrap().status(), StatusCode::OK);

        visit.break_(touchpoint, "broken");
        assert_eq!(ask().await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);

        visit.break_(touchpoint, "slow");
        let started = Instant::now();
        assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
        assert!(started.elapsed() >= SLOW);

        visit.break_(touchpoint, "drops");
        let dropped = ask().await.unwrap_err();
        assert!(!dropped.is_timeout(), "{dropped:?}");

        visit.mend();
        assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_hanging_touchpoint_goes_on_when_it_is_mended() {
    let visit = Visit::new().await;
    visit.break_("billing", "hangs");
    let hung = visit.browser.get(visit.url("BILLING", "/")).timeout(Duration::from_millis(500)).send().await;
    assert!(hung.unwrap_err().is_timeout());
    let patient = tokio::spawn(visit.browser.get(visit.url("BILLING", "/")).send());
    visit.mend();
    assert_eq!(patient.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_expired_certificate_keeps_customers_out() {
    let visit = Visit::new().await;
    visit.break_("billing", "expired-certificate");
    let refused = visit.browser.get(visit.url("BILLING", "/")).send().await.unwrap_err();
    assert!(format!("{refused:?}").contains("Expired"), "{refused:?}");
    visit.mend();
    visit.text("BILLING", "/").await;
}

#[tokio::test]
async fn the_bot_answers() {
    let visit = Visit::new().await;
    let hello = visit.say("hello").await.unwrap();
    assert_eq!(hello["from"], "bot");
    assert!(hello["say"].as_str().unwrap().contains("Hello"));
    let hours = visit.json("APP", "/v1/support").await["hours"].as_str().unwrap().to_owned();
    assert!(visit.text("WEB", "/contact").await.contains(&hours));
    assert!(visit.say("When do you open?").await.unwrap()["say"].as_str().unwrap().contains(&hours));

    visit.break_("web", "wrong-hours");
    assert!(!visit.text("WEB", "/contact").await.contains(&hours));
    visit.mend();
    visit.break_("chat", "silent");
    assert_eq!(visit.say("hello").await, None);
    visit.mend();
    visit.break_("chat", "long-queue");
    assert_eq!(visit.json("CHAT", "/queue").await["waiting"], 40);
    visit.mend();
    assert!(visit.say("hello").await.is_some());
}

#[tokio::test]
async fn angry_reviews_pull_the_rating_down() {
    let visit = Visit::new().await;
    assert_eq!(visit.json("REVIEWS", "/api/rating").await, json!({ "rating": 4.6, "count": 1284 }));
    visit.break_("reviews", "bad-reviews");
    assert_eq!(visit.json("REVIEWS", "/api/rating").await["rating"], 2.1);
    visit.mend();
    let hostile = visit.browser.post(visit.url("REVIEWS", "/")).body("words=%3Cscript%3E&stars=1");
    hostile.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(visit.json("REVIEWS", "/api/rating").await["count"], 1285);
    assert!(visit.text("REVIEWS", "/").await.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn the_call_centre_rings_and_breaks_in_its_own_ways() {
    use crate::walk::run;
    use unbroken::model::FaultCode as Code;
    let visit = Visit::new().await;
    let host = visit.company.environment()["PHONE_HOST"].clone();
    let password = std::fs::read_to_string(&visit.company.environment()["HALCYON_PASSWORD_FILE"]).unwrap();
    let call = async |transport: &str| {
        let call = json!({ "invite": format!("sip:halcyon@{host}"), "transport": transport });
        run(json!([{ "sip": call, "timeout_ms": 2000 }])).await.outcome.verdict.fault().map(|fault| fault.code)
    };
    let sign_in = async |user: &str| {
        let register = json!({ "register": format!("sip:{user}@{host}"), "password": password });
        run(json!([{ "sip": register, "timeout_ms": 2000 }])).await.outcome.verdict.fault().map(|fault| fault.code)
    };
    for transport in ["udp", "tcp"] {
        assert_eq!(call(transport).await, None, "{transport}");
    }
    assert_eq!((sign_in("anna").await, sign_in("nobody").await), (None, Some(Code::SipRefused)));
    for (fault, code) in [
        ("no-answer", Code::SipUnanswered),
        ("busy", Code::SipBusy),
        ("broken", Code::Status),
        ("hangs", Code::SipTimeout),
        ("drops", Code::SipTimeout),
    ] {
        visit.break_("phone", fault);
        assert_eq!(call("udp").await, Some(code), "{fault}");
        visit.mend();
    }
    visit.break_("phone", "refuses-sign-in");
    assert_eq!((sign_in("anna").await, call("udp").await), (Some(Code::SipRefused), None));
    visit.mend();
    visit.break_("phone", "slow");
    assert_eq!(call("udp").await, None);
    visit.company.shutdown().await;
}
