//! A phone is ordered, and every channel knows of it; a channel that cannot be reached leaves nothing behind.

use std::net::SocketAddr;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use unbroken::model::Reading;

use super::Visit;
use super::walk::{plan_with, walk};
use crate::parts::free_address;

const ANNA: &str = "anna@probe.example";

async fn ask(visit: &Visit, question: Value) -> Value {
    let host = visit.company.environment()["CHAT_HOST"].clone();
    let stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{host}/"), stream).await.unwrap();
    socket.send(Message::text(question.to_string())).await.unwrap();
    serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn the_chat_and_the_bill_know_what_was_ordered() {
    let visit = Visit::new().await;
    assert!(visit.text("SHOP", "/phones/halcyon-one").await.contains(">249.99<"));
    let order = visit.post("SHOP", "/api/orders", json!({ "phone": "halcyon-one", "email": ANNA })).await;
    assert_eq!((&order["article"], &order["total"]), (&json!("halcyon-one"), &json!(249.99)));
    let id = order["id"].as_str().unwrap();
    let whereabouts = json!({ "say": "Where is my order?", "order": id });
    let answer = ask(&visit, whereabouts.clone()).await;
    assert_eq!((&answer["order"], &answer["status"]), (&json!(id), &json!("confirmed")));
    assert!(answer["say"].as_str().unwrap().contains("Halcyon One for 249.99"), "{answer}");
    let unknown = ask(&visit, json!({ "say": "Where is my order?", "order": "H-999999" })).await;
    assert!(unknown["status"].is_null() && unknown["say"].as_str().unwrap().contains("no order"), "{unknown}");

    let token = visit.sign_in("BILLING", "/login", ANNA).await;
    let charge = visit.signed_in("BILLING", &format!("/charges/{id}"), &token).await;
    let url = charge["pdf_url"].as_str().unwrap();
    let pdf = visit.browser.get(url).send().await.unwrap().bytes().await.unwrap();
    let text = lopdf::Document::load_mem(&pdf).unwrap().extract_text(&[1]).unwrap();
    for words in ["Dear Anna Schmidt", "Halcyon One, once", "249.99 €", &format!("Bill {id}")] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    let guessed = format!("{}?key=guessed", url.split('?').next().unwrap());
    assert_eq!(visit.browser.get(guessed).send().await.unwrap().status(), 401);

    visit.browser.delete(visit.url("SHOP", &format!("/api/orders/{id}"))).send().await.unwrap();
    assert_eq!(ask(&visit, whereabouts).await["status"], "cancelled");
    assert_eq!(visit.browser.get(url).send().await.unwrap().status(), 404);
    visit.company.shutdown().await;
}

/// The errand, where the mail server is said to be at `mail`.
async fn order_with_mail_at(visit: &Visit, mail: SocketAddr) -> Reading {
    let mut environment = visit.company.environment().clone();
    environment.insert("IMAP_HOST".to_owned(), mail.to_string());
    let mut plan = plan_with(environment);
    plan.errands.retain(|errand| errand.id.to_string() == "shop/order-a-phone");
    walk(&plan).await.remove(0)
}

#[tokio::test]
async fn an_unreachable_mail_server_skips_what_follows_and_the_order_is_cancelled() {
    let visit = Visit::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for mail in [free_address(), silent.local_addr().unwrap()] {
        let outcome = order_with_mail_at(&visit, mail).await.outcome;
        let steps: Vec<_> = outcome.steps.iter().map(|step| (step.reached, step.fault.is_some())).collect();
        let (first, skipped) = ([(true, false), (true, false), (true, true)], steps.len() - 4);
        assert_eq!(steps[..3], first, "{outcome:?}");
        assert_eq!(steps[3..3 + skipped], vec![(false, false); skipped], "{outcome:?}");
        assert_eq!(steps.last(), Some(&(true, false)), "{outcome:?}");
        // Nobody else answers for the mail server.
        let credited = outcome.samples.iter().map(|sample| (sample.probe.to_string(), sample.quality.get()));
        let credited: Vec<_> = credited.filter(|(_, quality)| *quality == 0.0).collect();
        assert_eq!(credited, [("email/shop.order-a-phone".to_owned(), 0.0)], "{outcome:?}");
        assert_eq!(outcome.samples.len(), 2, "{outcome:?}");
        let order = outcome.steps[1].captured[0].value.clone().unwrap();
        assert_eq!(visit.json("SHOP", &format!("/api/orders/{order}")).await["status"], "cancelled");
    }
    visit.company.shutdown().await;
}
