//! Every route of the contract, as programs and hostile visitors meet it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use unbroken::model::{Change, Color, Score};
use unbroken::web::{Audience, Event};

use super::halcyon::{self, ATTACK, Mood};
use super::site::{start, start_for};

/// Every page and every JSON route that only reads.
const READS: &[&str] = &[
    "/",
    "/journeys/become-a-customer",
    "/journeys/pay-my-bill",
    "/journeys/pay-my-bill?range=1y",
    "/touchpoints/billing",
    "/incidents/01934e5f-0000-7000-8000-000000000001",
    "/reports",
    "/reports/week/2026-W47",
    "/reports/month/2026-10",
    "/reports/quarter/2026-Q4",
    "/reports/walk/pay-my-bill",
    "/api/v1/journeys/pay-my-bill/walk",
    "/api/v1/reports/2026-W47",
    "/api/v1/status",
    "/api/v1/journeys/pay-my-bill",
    "/api/v1/journeys/pay-my-bill/history",
    "/api/v1/touchpoints",
    "/api/v1/touchpoints/billing",
    "/api/v1/probes/billing/visit/readings",
    "/api/v1/incidents",
    "/api/v1/incidents/01934e5f-0000-7000-8000-000000000001",
    "/api/v1/incidents/01934e5f-0000-7000-8000-000000000001/postmortem",
    "/api/v1/annotations",
    "/api/v1/openapi.json",
    "/metrics",
    "/wall",
    "/card/pay-my-bill",
    "/feed.atom",
    "/badge/pay-my-bill.svg",
    "/assets/unbroken.css",
    "/assets/unbroken.js",
];

#[tokio::test]
async fn every_read_answers_with_the_guards_headers() {
    let site = start(Mood::BillingDown).await;
    for path in READS {
        let response = site.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("access-control-allow-origin"), "", "{path}");
        assert!(!response.text().await.unwrap().is_empty(), "{path}");
    }
    assert_eq!(site.get("/healthz").send().await.unwrap().status(), 200);
    assert_eq!(site.get("/readyz").send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn the_status_and_its_journeys_say_what_the_contract_says() {
    let site = start(Mood::BillingDown).await;
    let status = site.json("/api/v1/status").await;
    assert_eq!(status["company"], "Halcyon Mobile");
    assert_eq!(status["at"], "2026-11-21T09:00:00.000Z");
    assert_eq!(status["score"], 0.0);
    assert_eq!(status["journeys"][1]["id"], "pay-my-bill");
    assert_eq!(status["journeys"][1]["color"], "broken");
    assert_eq!(
        status["journeys"][1]["sentence"],
        "Customers cannot pay their bill: Bills and payments answers with an error, since 09:40."
    );
    let journey = site.json("/api/v1/journeys/become-a-customer").await;
    let score = journey["score"].as_f64().unwrap();
    let shares: f64 = journey["stages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stage| stage["elements"].as_array().unwrap())
        .chain(journey["consistency"].as_array().unwrap())
        .map(|part| part["share"].as_f64().unwrap())
        .sum();
    assert!((shares - (100.0 - score)).abs() < 1e-6, "{shares} is not what {score} has lost");
    assert_eq!(
        journey["consistency"][0]["values"][1],
        json!({
            "source": "shop/visit.price", "value": "31.99", "at": "2026-11-21T08:59:00.000Z", "fresh": true
        })
    );
    let paying = site.json("/api/v1/journeys/pay-my-bill").await;
    assert_eq!(paying["objective"]["budget_minutes"].as_f64().unwrap().round(), 432.0);
    assert_eq!(paying["stages"][3]["elements"][0]["any_of"].as_array().unwrap().len(), 2);
    assert_eq!(paying["stages"][1]["elements"][0]["fault"]["code"], "status");
    let pending = start(Mood::Pending).await;
    assert_eq!(pending.json("/api/v1/status").await["score"], json!(null));
}

#[tokio::test]
async fn a_segment_has_its_number_and_its_sentence_for_insiders() {
    const HEADING: &str = "How each kind of customer fares";
    let site = start(Mood::BillingDown).await;
    let business = site.json("/api/v1/journeys/pay-my-bill").await["segments"][0].clone();
    assert_eq!((&business["segment"], &business["score"]), (&json!("business"), &json!(0.0)));
    let told = "For them in particular, Bills and payments answers with an error, since 09:40.";
    assert_eq!(business["sentence"], told);
    assert_eq!(business["costs"][0]["touchpoint"], "billing");
    assert_eq!((&business["costs"][0]["reach"], &business["costs"][0]["share"]), (&json!("segment"), &json!(100.0)));
    assert_eq!((&business["untried"], &business["personas"]), (&json!(["shop/visit"]), &json!(["li-wei"])));
    assert_eq!(site.json("/api/v1/status").await["journeys"][1]["segments"][1]["score"], 100.0);
    let page = site.page("/journeys/pay-my-bill").await;
    assert!(page.contains(HEADING) && page.contains(told) && page.contains("tried as 李伟"), "{page}");
    assert!(page.contains("Tried only as other customers"), "{page}");
    assert!(site.page("/journeys/get-help").await.contains(HEADING));
    let public = start_for(Mood::BillingDown, Audience::Everybody).await;
    let page = public.page("/journeys/get-help").await;
    assert!(!page.contains(HEADING) && !page.contains("李伟"), "{page}");
    assert_eq!(public.json("/api/v1/journeys/get-help").await["segments"], json!([]));
}

#[tokio::test]
async fn the_front_page_names_who_fares_worse_than_the_whole() {
    let mut snapshot = halcyon::snapshot(Mood::Well);
    let hurt = |now: &mut unbroken::model::JourneyNow, score: f64| now.segments[0].score = Some(Score::of(score));
    hurt(&mut snapshot.journeys[1], 0.5);
    let whole = snapshot.journeys[0].value;
    hurt(&mut snapshot.journeys[0], whole - 0.04);
    let site = start(Mood::Well).await;
    site.publish(snapshot);
    let home = site.page("/").await;
    assert_eq!(home.matches("Worse for").count(), 1, "four points are no news: {home}");
    assert!(home.contains("Worse for <strong>business 50.0</strong>"), "{home}");
}

#[tokio::test]
async fn lists_are_bounded_and_paged() {
    let site = start(Mood::BillingDown).await;
    let first = site.json("/api/v1/touchpoints?limit=3").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let next = first["next"].as_str().unwrap();
    let second = site.json(&format!("/api/v1/touchpoints?limit=500&after={next}")).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 5);
    assert_eq!(second["next"], json!(null));
    let first = site.json("/api/v1/probes/billing/visit/readings?limit=60").await;
    let next = first["next"].as_str().unwrap();
    let second = site.json(&format!("/api/v1/probes/billing/visit/readings?limit=60&before={next}")).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 40);
    assert_eq!(second["next"], json!(null));
    let open = site.json("/api/v1/incidents?state=open").await;
    assert_eq!(open["items"].as_array().unwrap().len(), 1);
    assert_eq!(open["items"][0]["headline"], "Bills and payments is down: customers of “Pay my bill” are hurt");
    let one = site.json("/api/v1/incidents/01934e5f-0000-7000-8000-000000000001").await;
    assert_eq!(one["notifications"][0]["state"], "delivered");
    for wrong in [
        "/api/v1/touchpoints?limit=0",
        "/api/v1/touchpoints?limit=501",
        "/api/v1/probes/billing/visit/readings?limit=x",
        "/api/v1/probes/billing/visit/readings?before=yesterday",
        "/api/v1/incidents?state=maybe",
        "/api/v1/journeys/pay-my-bill/history?step=1ms",
        "/api/v1/journeys/pay-my-bill/history?from=2020-01-01T00:00:00Z&step=1m",
    ] {
        let response = site.get(wrong).send().await.unwrap();
        assert_eq!(response.status(), 400, "{wrong}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: serde_json::Value = response.json().await.unwrap();
        assert_eq!(problem["status"], 400);
    }
}

#[tokio::test]
async fn what_is_missing_and_what_is_hidden_answer_alike() {
    let inside = start(Mood::BillingDown).await;
    for path in [
        "/nothing",
        "/journeys/none",
        "/api/v1/journeys/none",
        "/api/v1/probes/none/none/readings",
        "/badge/none.svg",
        "/badge/pay-my-bill.png",
        "/incidents/none",
        "/assets/..%2f..%2fCargo.toml",
        "/%00",
    ] {
        assert_eq!(inside.get(path).send().await.unwrap().status(), 404, "{path}");
    }
    let public = start_for(Mood::BillingDown, Audience::Everybody).await;
    assert!(public.page("/").await.contains("Get help"));
    for (hidden, missing) in [
        ("/journeys/pay-my-bill", "/journeys/none"),
        ("/api/v1/journeys/pay-my-bill", "/api/v1/journeys/none"),
        ("/api/v1/journeys/pay-my-bill/history", "/api/v1/journeys/none/history"),
        ("/touchpoints/billing", "/touchpoints/none"),
        ("/api/v1/touchpoints/billing", "/api/v1/touchpoints/none"),
        ("/api/v1/probes/web/visit/readings", "/api/v1/probes/none/visit/readings"),
        ("/badge/pay-my-bill.svg", "/badge/none.svg"),
        (
            "/api/v1/incidents/01934e5f-0000-7000-8000-000000000001",
            "/api/v1/incidents/01934e5f-0000-7000-8000-00000000000f",
        ),
        ("/api/v1/annotations", "/api/v1/nothing"),
        ("/metrics", "/nothing"),
    ] {
        let (hidden, missing) = (public.get(hidden).send().await.unwrap(), public.get(missing).send().await.unwrap());
        assert_eq!((hidden.status(), missing.status()), (404.try_into().unwrap(), 404.try_into().unwrap()));
        assert_eq!(hidden.text().await.unwrap(), missing.text().await.unwrap());
    }
    for path in [
        "/",
        "/journeys/get-help?range=30d",
        "/touchpoints/chat",
        "/api/v1/status",
        "/api/v1/touchpoints",
        "/api/v1/incidents",
    ] {
        let text = public.page(path).await;
        for secret in [
            "Pay my bill",
            "status 500",
            "127.0.0.1:7003",
            "-team",
            "took 3.4 s",
            "4bf92f35",
            "How it is defined",
            "BILLING_PASSWORD",
            "Note a campaign",
        ] {
            assert!(!text.contains(secret), "{path} shows `{secret}`");
        }
    }
}

#[tokio::test]
async fn a_broken_touchpoint_shows_the_latest_run_whose_steps_were_kept() {
    let site = start(Mood::BillingDown).await;
    let text = site.page("/touchpoints/billing").await;
    assert!(text.contains("The latest run seen in full"));
    assert!(text.contains("<dt>Looked at</dt>"));
    assert!(!text.contains(&"0".repeat(32)), "a trace that there is not");
    let site = start(Mood::Well).await;
    assert!(!site.page("/touchpoints/billing").await.contains("seen in full"));
}

#[tokio::test]
async fn nothing_hostile_becomes_markup() {
    let site = start(Mood::Hostile).await;
    for path in
        READS.iter().filter(|path| !path.contains("/api/") && !path.contains("/assets/") && **path != "/metrics")
    {
        let text = site.page(path).await;
        assert!(text.contains("alert"), "{path} does not show the text at all");
        for bad in ["<script>alert", "<img src=x", "\"'>", "'>&"] {
            assert!(!text.contains(bad), "{path} holds {bad}");
        }
    }
    for path in ["/api/v1/status", "/api/v1/touchpoints/billing"] {
        let response = site.get(path).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert!(
            response
                .text()
                .await
                .unwrap()
                .contains(&serde_json::to_string(ATTACK).unwrap().trim_matches('"').to_owned())
        );
    }
}

#[tokio::test]
async fn strangers_hosts_and_cross_site_posts_are_refused() {
    let site = start(Mood::Well).await;
    for (host, status) in
        [("evil.example", 421), ("localhost:1", 200), ("status.halcyon.example", 200), ("10.1.2.3:80", 200)]
    {
        let response = site.get("/api/v1/status").header("host", host).send().await.unwrap();
        assert_eq!(response.status(), status, "{host}");
    }
    let push = "/api/v1/push/billing/night-run";
    let post =
        |name: &'static str, value: &'static str| site.post(push).bearer_auth("first-token").header(name, value).send();
    assert_eq!(post("sec-fetch-site", "cross-site").await.unwrap().status(), 403);
    assert_eq!(post("origin", "http://evil.example").await.unwrap().status(), 403);
    assert_eq!(post("x-nothing", "1").await.unwrap().status(), 200);
    let wrong_method = site.post("/api/v1/status").send().await.unwrap();
    assert_eq!(wrong_method.status(), 405);
    assert_eq!(site.get(push).send().await.unwrap().status(), 405);
    let put =
        |site_is: &'static str| site.put(push).bearer_auth("first-token").header("sec-fetch-site", site_is).send();
    assert_eq!(put("cross-site").await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_public_page_answers_under_any_name() {
    let site = start_for(Mood::Well, Audience::Everybody).await;
    let response = site.get("/api/v1/status").header("host", "status.example.com").send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_push_needs_its_token_and_is_stored_before_it_is_acknowledged() {
    let site = start(Mood::Well).await;
    let path = "/api/v1/push/billing/night-run";
    let with = |token: &'static str, body: &'static str| site.post(path).bearer_auth(token).body(body).send();
    let answer = with("second-token", r#"{"value": 41.5, "ok": true, "message": "done"}"#).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(site.store.pushes.lock().unwrap()[0].1.value, Some(41.5));
    assert_eq!(with("first-token", "").await.unwrap().status(), 200);
    let put = site.put(path).bearer_auth("first-token").body(r#"{"value": 42.5}"#).send().await.unwrap();
    assert_eq!(put.status(), 200, "a sender may put as well");
    assert_eq!(site.store.pushes.lock().unwrap()[2].1.value, Some(42.5));
    assert_eq!(site.put(path).bearer_auth("wrong").send().await.unwrap().status(), 401);
    let wrong = with("wrong", "").await.unwrap();
    let missing = site.post("/api/v1/push/none/none").bearer_auth("first-token").send().await.unwrap();
    assert_eq!((wrong.status(), missing.status()), (401.try_into().unwrap(), 401.try_into().unwrap()));
    assert_eq!(wrong.text().await.unwrap(), missing.text().await.unwrap());
    assert_eq!(site.post(path).send().await.unwrap().status(), 401);
    assert_eq!(with("first-token", r#"{"valu": 1}"#).await.unwrap().status(), 400);
    let bomb = site.post(path).bearer_auth("first-token").body(vec![b' '; 17 * 1024]).send().await.unwrap();
    assert_eq!(bomb.status(), 413);
    site.store.refuses.store(true, Ordering::SeqCst);
    let refused = with("first-token", "").await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(!refused.text().await.unwrap().contains("secret path"));
    // The page does without its store.
    assert!(site.page("/").await.contains("Customers can pay their bill as they should."));
    site.store.refuses.store(false, Ordering::SeqCst);
    // All at once: one after the other a busy machine may be slow enough to be let through.
    let flood = futures::future::join_all((0..200).map(|_| with("first-token", ""))).await;
    assert!(flood.into_iter().any(|answer| answer.unwrap().status() == 429));
}

#[tokio::test]
async fn what_changes_is_told_live() {
    let site = start(Mood::Well).await;
    let mut stream = site.get("/api/v1/events").send().await.unwrap().bytes_stream();
    let map = halcyon::snapshot(Mood::Well).map;
    let change = Change::ScoreChanged {
        journey: "pay-my-bill".into(),
        from: None,
        to: Some(Score::of(0.5)),
        color: Color::Bad,
        at: halcyon::now(),
    };
    let opened = Change::IncidentOpened(halcyon::incident(Mood::Well));
    let words = unbroken::words::Words::new(unbroken::model::Language::En);
    let mut told = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    for change in [change, opened] {
        site.events.send(Event::of(&change, &words, &map).unwrap()).unwrap();
    }
    while !told.contains("event: incident") || !told.ends_with("\n\n") {
        told += std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap();
    }
    assert!(
        told.contains("event: score\ndata: {\"journey\":\"pay-my-bill\",\"score\":50.0,\"color\":\"bad\""),
        "{told}"
    );
    assert!(told.contains("\"state\":\"open\""), "{told}");
    // A stop ends the stream; nobody's browser holds the daemon up.
    site.stopping.cancel();
    tokio::time::timeout(Duration::from_secs(5), site.served).await.expect("served ends").unwrap();
}

#[tokio::test]
async fn the_description_covers_every_route_and_every_route_is_there() {
    let site = start(Mood::BillingDown).await;
    let description = site.json("/api/v1/openapi.json").await;
    let paths = description["paths"].as_object().unwrap();
    for path in READS.iter().filter(|path| !path.starts_with("/assets")) {
        let path = path.split('?').next().unwrap();
        let shape = path
            .replace("01934e5f-0000-7000-8000-000000000001", "{id}")
            .replace("/probes/billing/visit", "/probes/{touchpoint}/{probe}")
            .replace("/badge/pay-my-bill", "/badge/{journey}")
            .replace("become-a-customer", "{id}")
            .replace("pay-my-bill", "{id}")
            .replace("2026-W47", "{period}")
            .replace("2026-10", "{period}")
            .replace("2026-Q4", "{period}")
            .replace("/touchpoints/billing", "/touchpoints/{id}");
        assert!(paths.contains_key(&shape), "{shape} is not described");
    }
    let schemas = description["components"]["schemas"].as_object().unwrap();
    let text = description.to_string();
    for reference in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(schemas.contains_key(reference), "{reference} is referred to and not there");
    }
    for (path, operations) in paths {
        for method in operations.as_object().unwrap().keys() {
            let real = path
                .replace("{journey}", "x")
                .replace("{id}", "x")
                .replace("{touchpoint}", "x")
                .replace("{probe}", "x")
                .replace("{name}", "x");
            let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = site.ask(method.clone(), &real).send().await.unwrap();
            assert_ne!(answer.status(), 405, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_slow_visitor_loses_his_connection_and_harms_nobody() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let site = start(Mood::Well).await;
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut socket = tokio::net::TcpStream::connect(site.address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: local").await.unwrap();
        slow.push(socket);
    }
    assert!(site.page("/").await.contains("Halcyon Mobile"));
    let mut endless = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    // The server may close before all of it is written.
    let _ = endless.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{:?}", String::from_utf8_lossy(&answer));
}
