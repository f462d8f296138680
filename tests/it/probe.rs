//! Errands run against real servers: deadlines, captures, expectations, credits, what leaves a run and what does not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unbroken::model::{FaultCode, Persona, Phase, ProbeId, Quality, Reading, SelfFault, Verdict};
use unbroken::probe::{Heard, Kind, Order, Prober, Pushes, Step, Tools};

use crate::walk::{errand, order, run, serve, step, tools};

/// An HTTP server that answers a request's text with a status and a body.
async fn http(answer: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static) -> String {
    let address = serve(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                request.extend_from_slice(&buffer[..read]);
                if request.windows(4).any(|end| end == b"\r\n\r\n") {
                    break;
                }
            }
            let (status, body) = answer(&String::from_utf8_lossy(&request));
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
            let _ = stream.read(&mut buffer).await;
        }
    })
    .await;
    format!("http://{address}")
}

fn code(reading: &Reading) -> Option<FaultCode> {
    reading.outcome.verdict.fault().map(|fault| fault.code)
}

fn quality(reading: &Reading, probe: &str) -> Option<f64> {
    let sample = reading.outcome.samples.iter().find(|sample| sample.probe.to_string() == probe)?;
    Some(sample.quality.get())
}

#[tokio::test]
async fn an_errand_carries_values_from_step_to_step_and_keeps_tokens_to_itself() {
    let base = http(|request| {
        if request.starts_with("GET /login") {
            (200, r#"{"token": "tok-abc-123", "total": 49.90, "pdf": "/bills/7"}"#.to_owned())
        } else if request.starts_with("GET /bills/7?x=49.90") && request.contains("Bearer tok-abc-123") {
            (200, "your token is tok-abc-123".to_owned())
        } else {
            (404, String::new())
        }
    })
    .await;
    let reading = run(json!([
        { "name": "Sign in", "http": { "get": format!("{base}/login") }, "expect": { "status": 200 },
          "capture": { "token": { "json": "$.token" }, "total": { "json": "$.total" }, "pdf": { "json": "$.pdf" } } },
        { "name": "Open", "http": { "get": format!("{base}{{{{pdf}}}}?x={{{{total}}}}"), "bearer": "{{token}}" },
          "expect": { "total": 49.9, "text": { "contains": "{{greeting}}" } } },
    ]))
    .await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!(fault.to_string(), "Open: text: expected containing hello, found your token is •••");
    assert_eq!(fault.phase, Some(Phase::Assert));
    let captured = &reading.outcome.steps[0].captured;
    let shown: Vec<_> = captured.iter().map(|it| (it.name.as_str(), it.value.as_deref())).collect();
    assert_eq!(shown, [("token", None), ("total", Some("49.90")), ("pdf", Some("/bills/7"))]);
    let written = serde_json::to_string(&reading).unwrap();
    assert!(!written.contains("tok-abc-123"), "{written}");
}

#[tokio::test]
async fn what_must_always_be_done_is_done_but_never_blamed() {
    let base =
        http(|request| if request.starts_with("GET /ok") { (200, String::new()) } else { (500, String::new()) }).await;
    let reading = run(json!([
        { "http": { "get": format!("{base}/ok") }, "capture": {} },
        { "name": "Order", "http": { "get": format!("{base}/broken") }, "capture": { "order": { "json": "$.id" } } },
        { "http": { "get": format!("{base}/ok") } },
        { "name": "Cancel", "http": { "get": format!("{base}/cancel/{{{{order}}}}") }, "always": true },
        { "name": "Sign out", "http": { "get": format!("{base}/out") }, "always": true },
    ]))
    .await;
    let reached: Vec<bool> = reading.outcome.steps.iter().map(|step| step.reached).collect();
    assert_eq!(reached, [true, true, false, false, true]);
    assert_eq!(reading.outcome.verdict.fault().unwrap().step.as_deref(), Some("Order"));
    assert_eq!(code(&reading), Some(FaultCode::Status));
    assert_eq!(reading.outcome.steps[0].name, "http 1");
}

#[tokio::test]
async fn steps_are_credited_where_they_belong() {
    let base =
        http(|request| if request.starts_with("GET /ok") { (200, String::new()) } else { (500, String::new()) }).await;
    let ok = json!({ "http": { "get": format!("{base}/ok") } });
    let broken = json!({ "http": { "get": format!("{base}/broken") }, "on": "email" });
    let chat = json!({ "http": { "get": format!("{base}/ok") }, "on": "chat" });
    let reading = run(json!([ok, broken, chat])).await;
    assert_eq!(code(&reading), Some(FaultCode::Status));
    assert_eq!(quality(&reading, "shop/buy"), Some(1.0));
    assert_eq!(quality(&reading, "email/shop.buy"), Some(0.0));
    assert_eq!(quality(&reading, "chat/shop.buy"), None);
}

#[tokio::test]
async fn defects_cost_and_the_rest_goes_on() {
    let base = http(|_| (200, "<h1>Bills</h1><p class=n>3</p>".to_owned())).await;
    let page =
        |expect: Value, severity: &str| json!({ "http": { "get": base }, "expect": expect, "severity": severity });
    let reading = run(json!([
        page(json!({ "html": { "h1": "Bills", "p.n": { "above": 2 } } }), "blocking"),
        page(json!({ "html": { "h1": "Invoices" }, "text": { "contains": "Bills" } }), "major"),
        page(json!({ "html": { "h2": { "exists": true } } }), "minor"),
    ]))
    .await;
    assert_eq!(reading.outcome.verdict, Verdict::Slow);
    assert!((quality(&reading, "shop/buy").unwrap() - 0.45).abs() < 1e-9);
    let finding = &reading.outcome.steps[1].findings[0].fault;
    assert_eq!(finding.text, "html h1: expected Invoices, found Bills");
}

#[tokio::test]
async fn a_hung_server_costs_its_timeout_and_says_where() {
    let hung = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    // That it ends within a tenth of a second is measured where all silent peers are.
    let steps = vec![step(&json!({ "http": { "get": format!("http://{hung}/") } }))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(300), steps), order()).await;
    assert!(reading.outcome.took >= Duration::from_millis(300), "{:?}", reading.outcome.took);
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, fault.phase), (FaultCode::Timeout, Some(Phase::Wait)));
    let phases: Vec<Phase> = reading.outcome.steps[0].phases.iter().map(|time| time.phase).collect();
    assert!(phases.contains(&Phase::Connect) && phases.contains(&Phase::Wait), "{phases:?}");
    assert_eq!(reading.outcome.steps[0].peer, Some(hung));
    assert_eq!(quality(&reading, "shop/buy"), Some(0.0));

    let steps = vec![step(&json!({ "http": { "get": format!("http://{hung}/") }, "timeout_ms": 100 }))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(20), steps), order()).await;
    assert!(reading.outcome.took < Duration::from_secs(10), "the step's own deadline, not the errand's");
    assert_eq!(code(&reading), Some(FaultCode::Timeout));
}

#[tokio::test]
async fn without_expectations_an_answer_is_2xx_or_3xx() {
    let base = http(|request| (request[5..8].parse().unwrap_or(500), String::new())).await;
    for (status, expect, wanted) in [
        (204, json!({}), None),
        (304, json!({}), None),
        (404, json!({}), Some(FaultCode::Status)),
        (503, json!({ "good": "1s", "poor": "2s" }), Some(FaultCode::Status)),
        (404, json!({ "status": [200, 404] }), None),
        (404, json!({ "status": "4xx" }), None),
        (404, json!({ "that": "status == 404" }), None),
        (204, json!({ "that": "status == 200 || latency > 60.0" }), Some(FaultCode::Expectation)),
    ] {
        let reading = run(json!([{ "http": { "get": format!("{base}/{status}") }, "expect": expect }])).await;
        assert_eq!(code(&reading), wanted, "{status} {expect} {:?}", reading.outcome.verdict);
    }
}

#[tokio::test]
async fn slow_is_neither_good_nor_failed() {
    let base = http(|_| (200, String::new())).await;
    let reading = run(json!([{ "http": { "get": base }, "expect": { "good": "1ms", "poor": "1h" } }])).await;
    let sample = &reading.outcome.samples[0];
    if reading.outcome.steps[0].took > Duration::from_millis(2) {
        assert_eq!(reading.outcome.verdict, Verdict::Slow);
        assert!(sample.quality < Quality::PERFECT && sample.quality.get() > 0.99);
        assert_eq!(sample.fault.as_ref().unwrap().code, FaultCode::Latency);
    }
}

#[tokio::test]
async fn the_trace_that_went_out_is_the_trace_that_is_told() {
    let base = http(|request| (200, request.to_owned())).await;
    let reading =
        run(json!([{ "http": { "get": base }, "capture": { "sent": { "text": "traceparent: (.*)\r" } } }])).await;
    let step = &reading.outcome.steps[0];
    let told = format!("00-{}-{}-01", reading.trace, step.span);
    assert_eq!(step.captured[0].value.as_deref(), Some(&*told));
    assert!(reading.trace.0 != 0 && step.span.0 != 0 && reading.span != step.span);
}

#[tokio::test]
async fn personas_and_their_fields_stand_in_templates() {
    let base = http(|request| (200, request.lines().next().unwrap_or_default().to_owned())).await;
    let fields = [("name", "李伟"), ("password", "geheim!")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let persona = Persona { id: "li-wei".into(), name: "李伟".to_owned(), fields: fields.into() };
    let url = format!("{base}/of/{{{{persona.name}}}}?p={{{{persona.password}}}}");
    let steps = vec![step(&json!({ "http": { "get": url }, "expect": { "text": "no" } }))];
    let order = Order { persona: Some(persona.into()), ..order() };
    let reading = Prober::new(tools()).run(&errand(Duration::from_secs(5), steps), order).await;
    let found = &reading.outcome.verdict.fault().unwrap().evidence.as_ref().unwrap().found;
    assert_eq!(found, "GET /of/%E6%9D%8E%E4%BC%9F?p=••• HTTP/1.1");
    assert_eq!(reading.persona.unwrap().as_str(), "li-wei");
}

struct Panics;

#[async_trait]
impl Pushes for Panics {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        panic!("a bug of ours")
    }
}

/// Listens for what the daemon is told.
fn pushed() -> Step {
    let settings = unbroken::probe::push::Settings {
        token: unbroken::secret::Secret::new("env T", "t0k3n-value").into(),
        within: unbroken::units::Period::from_secs(60),
        signal: None,
    };
    Step { kind: Kind::Push(Box::new(settings)), ..step(&json!({ "tcp": { "connect": "127.0.0.1:1" } })) }
}

#[tokio::test]
async fn a_panic_of_ours_is_no_outage_of_theirs() {
    let prober = Prober::new(Tools { pushes: Arc::new(Panics), ..tools() });
    let reading = prober.run(&errand(Duration::from_secs(5), vec![pushed()]), order()).await;
    assert!(matches!(reading.outcome.verdict, Verdict::Inconclusive { why: SelfFault::Panicked, .. }));
    assert_eq!(reading.outcome.samples, []);
}

/// Tells after a while what it heard.
struct Takes(Duration, Option<&'static str>);

#[async_trait]
impl Pushes for Takes {
    async fn last(&self, _: &ProbeId) -> Result<Option<Heard>, String> {
        tokio::time::sleep(self.0).await;
        let failure = self.1.map(str::to_owned);
        Ok(Some(Heard { at: jiff::Zoned::now().timestamp(), value: None, failure }))
    }
}

/// A run of at most half a second, a tenth of one after which we stand still for so long.
async fn held_up(takes: Takes, lost: u64) -> Verdict {
    let prober = Prober::new(Tools { pushes: Arc::new(takes), ..tools() });
    let (begun, tenth) = (tokio::time::Instant::now(), Duration::from_millis(100));
    prober.standstill().beat(begun, begun + tenth);
    let wakes = async {
        tokio::time::sleep(tenth + Duration::from_millis(lost)).await;
        prober.standstill().beat(tokio::time::Instant::now(), begun + Duration::from_secs(60));
    };
    let errand = errand(Duration::from_millis(500), vec![pushed()]);
    tokio::join!(prober.run(&errand, order()), wakes).0.outcome.verdict
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_because_we_stood_still_blames_nobody() {
    let takes = |millis| Takes(Duration::from_millis(millis), None);
    let ours = |verdict: &Verdict| match verdict {
        Verdict::Inconclusive { why: SelfFault::Late, text } => text.clone(),
        other => panic!("{other:?}"),
    };
    let late = held_up(takes(2000), 0).await;
    assert_eq!(late.fault().map(|fault| fault.code), Some(FaultCode::Timeout));
    let late = held_up(takes(2000), 100).await;
    assert_eq!(late.fault().map(|fault| fault.code), Some(FaultCode::Timeout), "it had time enough");
    let text = ours(&held_up(takes(2000), 200).await);
    assert!(text.ends_with("; but we stood still ourselves for 0.20 s of 0.50 s"), "{text}");

    assert_eq!(held_up(takes(300), 200).await, Verdict::Good, "all the same");
    let broken = held_up(Takes(Duration::from_millis(300), Some("disk full")), 200).await;
    assert_eq!(broken.fault().map(|fault| fault.code), Some(FaultCode::Reported), "it says so itself");
}

#[tokio::test]
async fn what_would_have_been_fast_had_we_not_stood_still_is_not_slow() {
    let address = serve(|mut stream| async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
    })
    .await;
    let visit = |good: &str| {
        let get = format!("http://{address}/");
        errand(
            Duration::from_secs(60),
            vec![step(&json!({ "http": { "get": get }, "expect": { "good": good, "poor": "50s" } }))],
        )
    };
    let prober = Prober::new(tools());
    assert_eq!(prober.run(&visit("200ms"), order()).await.outcome.verdict, Verdict::Slow);
    // Nobody lets us go on from here on.
    let now = tokio::time::Instant::now();
    prober.standstill().beat(now, now + Duration::from_millis(50));
    let verdict = prober.run(&visit("200ms"), order()).await.outcome.verdict;
    assert!(matches!(verdict, Verdict::Inconclusive { why: SelfFault::Late, .. }), "{verdict:?}");
    assert_eq!(prober.run(&visit("40s"), order()).await.outcome.verdict, Verdict::Good, "all the same");
}
