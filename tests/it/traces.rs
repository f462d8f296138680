//! What a tracing backend shows: our steps and phases above, the spans of the target's own services below.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use unbroken::clock::Clock;
use unbroken::demo::{Company, Ports, Settings as Demo};
use unbroken::model::{ProbeId, Reading, Series, SpanId, TraceId};
use unbroken::telemetry::{self, Exporter, Identity, Settings, Span, spans};

use crate::parts::Rotel;
use crate::parts::phoenix::{Phoenix, attributes};
use crate::web::halcyon::{self, Mood};
use crate::world::{Hook, Target, World};

/// A failing run whose ids are its own.
fn failing(number: u64) -> Reading {
    let series =
        Series { probe: ProbeId::new("billing", "visit"), persona: Some("anna".into()), vantage: "here".into() };
    let mut reading = halcyon::reading(&series, halcyon::now(), true, &str::to_owned);
    let other = |id: SpanId| SpanId(id.0 ^ (number << 32));
    reading.trace = TraceId(reading.trace.0 ^ u128::from(number));
    reading.span = other(reading.span);
    for step in &mut reading.outcome.steps {
        step.span = other(step.span);
    }
    reading
}

/// A span by its id: everything that it says.
fn as_sent(span: &Span<'_>) -> (String, Value) {
    let pairs = |attributes: &[(&str, telemetry::Value<'_>)]| -> Value {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), as_json(value))).collect()
    };
    let events: Vec<Value> = span
        .events
        .iter()
        .map(|event| json!({ "name": event.name, "at": micros(event.at), "attributes": pairs(&event.attributes) }))
        .collect();
    let said = json!({
        "trace": span.trace.to_string(),
        "parent": span.parent.map(|id| id.to_string()),
        "name": span.name,
        "from": micros(span.start),
        "to": micros(span.end),
        "attributes": pairs(&span.attributes),
        "events": events,
        "error": span.error,
    });
    (span.id.to_string(), said)
}

fn as_json(value: &telemetry::Value<'_>) -> Value {
    match value {
        telemetry::Value::Text(text) => json!(text),
        telemetry::Value::Texts(texts) => json!(**texts),
        telemetry::Value::Integer(number) => json!(number),
        telemetry::Value::Number(number) => json!(number),
        telemetry::Value::Flag(flag) => json!(flag),
    }
}

/// The same of a span that Phoenix kept. It keeps microseconds, and no kinds but its own.
fn as_kept(span: &Value) -> (String, Value) {
    let event = |event: &Value| json!({ "name": event["name"], "at": rounded(&event["time_unix_nano"]), "attributes": attributes(event) });
    let events: Vec<Value> = span["events"].as_array().into_iter().flatten().map(event).collect();
    let failed = span["status"]["code"] == 2;
    let said = json!({
        "trace": span["trace_id"],
        "parent": span["parent_span_id"],
        "name": span["name"],
        "from": rounded(&span["start_time_unix_nano"]),
        "to": rounded(&span["end_time_unix_nano"]),
        "attributes": attributes(span),
        "events": events,
        "error": failed.then(|| &span["status"]["message"]),
    });
    (span["span_id"].as_str().unwrap().to_owned(), said)
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn rounded(nanos: &Value) -> i64 {
    (nanos.as_i64().unwrap() + 500) / 1000
}

/// Sends it, and finds every span again as it was sent.
async fn reads_the_same(phoenix: &Phoenix, reading: &Arc<Reading>, otlp: Value) {
    let map = halcyon::snapshot(Mood::BillingDown).map;
    let settings: Settings = serde_json::from_value(json!({ "otlp": otlp })).unwrap();
    let exporter = Exporter::new(&settings, &Identity { instance: "test-1".into(), vantage: "here".into() }).unwrap();
    exporter.export(reading, &map);
    exporter.shutdown(Duration::from_secs(5)).await;
    let sent: BTreeMap<String, Value> = spans(reading, &map).iter().map(as_sent).collect();
    assert!(sent.values().any(|span| !span["events"].as_array().unwrap().is_empty()), "it has something to lose");
    let filter = format!("trace_id={}", reading.trace);
    let kept = phoenix.spans(&filter, |kept| kept.len() >= sent.len()).await;
    let kept: BTreeMap<String, Value> = kept.iter().map(as_kept).collect();
    assert_eq!(kept.keys().collect::<Vec<_>>(), sent.keys().collect::<Vec<_>>(), "{settings:?}");
    for (id, span) in &sent {
        assert_eq!(&kept[id], span, "{settings:?}, span {id}");
    }
}

/// Phoenix keeps no more, and rounds.
fn in_microseconds(reading: &mut Reading) {
    let whole = |time: &mut Duration| *time = Duration::from_micros(u64::try_from(time.as_micros()).unwrap());
    reading.started = Timestamp::from_microsecond(reading.started.as_microsecond()).unwrap();
    whole(&mut reading.outcome.took);
    for step in &mut reading.outcome.steps {
        let phases = step.phases.iter_mut().flat_map(|phase| [&mut phase.offset, &mut phase.took]);
        let episodes = step.episodes.iter_mut().flat_map(|episode| [&mut episode.offset, &mut episode.took]);
        [&mut step.offset, &mut step.took].into_iter().chain(phases).chain(episodes).for_each(whole);
    }
}

/// One run as a test has it, and what a real browser did on a real page: in Phoenix all but kinds and links, which it does
/// not keep; those in Rotel.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_run_and_a_visit_read_the_same_in_somebody_elses_backend() {
    let folder = tempfile::tempdir().unwrap();
    let (phoenix, rotel) = (Phoenix::start().await, Rotel::start(folder.path()));
    let to = |protocol: &str, endpoint: &str| json!({ "endpoint": endpoint, "protocol": protocol });
    reads_the_same(&phoenix, &Arc::new(failing(1)), to("grpc", &phoenix.grpc())).await;
    reads_the_same(&phoenix, &Arc::new(failing(2)), to("http/protobuf", &phoenix.http())).await;

    let (mut reading, _) = crate::kinds::browser::told::ordered().await;
    reading.asked_by = Some(failing(1).root());
    in_microseconds(&mut reading);
    let reading = Arc::new(reading);
    let both = json!([to("http/protobuf", &phoenix.http()), to("grpc", &format!("http://{}", rotel.grpc))]);
    reads_the_same(&phoenix, &reading, both).await;
    let map = halcyon::snapshot(Mood::BillingDown).map;
    let sent: BTreeMap<String, Printed> = spans(&reading, &map).iter().map(as_printed).collect();
    let told = |kind: &str, name: &str| sent.values().any(|span| span.kind == kind && span.name == name);
    assert!(told("CLIENT", "POST") && told("INTERNAL", "navigation") && told("INTERNAL", "browser"), "{sent:#?}");
    assert!(sent.values().any(|span| !span.links.is_empty()));
    rotel.wait("printing all of it", || printed(&rotel.text()).len() >= sent.len());
    assert_eq!(printed(&rotel.text()), sent);
}

/// What Rotel prints of a span, by its id.
#[derive(Debug, Default, PartialEq)]
struct Printed {
    name: String,
    kind: String,
    parent: String,
    failed: String,
    /// Trace, span, attributes.
    links: Vec<(String, String, Vec<String>)>,
}

fn as_printed(span: &Span<'_>) -> (String, Printed) {
    let link = |link: &telemetry::Link<'_>| {
        let said = link.attributes.iter().map(|(name, value)| match value {
            telemetry::Value::Text(text) => format!("{name}: Str({text})"),
            other => panic!("{other:?}"),
        });
        (link.to.trace.to_string(), link.to.span.to_string(), said.collect())
    };
    let printed = Printed {
        name: span.name.to_string(),
        kind: format!("{:?}", span.kind).to_uppercase(),
        parent: span.parent.map(|id| id.to_string()).unwrap_or_default(),
        failed: span.error.as_deref().unwrap_or_default().to_owned(),
        links: span.links.iter().map(link).collect(),
    };
    (span.id.to_string(), printed)
}

fn printed(text: &str) -> BTreeMap<String, Printed> {
    let mut all = BTreeMap::new();
    for part in text.split("\nSpan #").skip(1) {
        let (mut id, mut span, mut linking) = (String::new(), Printed::default(), false);
        for line in part.lines().map(str::trim) {
            let (name, value) = line.split_once(':').map_or((line, ""), |(name, value)| (name.trim(), value.trim()));
            match name {
                "Links" => linking = true,
                "-> Trace ID" => span.links.push((value.to_owned(), String::new(), Vec::new())),
                "-> ID" => value.clone_into(&mut span.links.last_mut().unwrap().1),
                "ID" => value.clone_into(&mut id),
                "Name" => value.clone_into(&mut span.name),
                "Kind" => value.trim_start_matches("SPAN_KIND_").clone_into(&mut span.kind),
                "Parent ID" => value.clone_into(&mut span.parent),
                "Status message" => value.clone_into(&mut span.failed),
                _ if linking && value.contains("Str(") => {
                    span.links.last_mut().unwrap().2.push(line.trim_start_matches("-> ").to_owned());
                }
                _ => {}
            }
        }
        all.insert(id, span);
    }
    all
}

/// The real daemon and the real demo company, each with its own exporter: one trace.
#[tokio::test(flavor = "multi_thread")]
async fn the_span_of_a_broken_service_hangs_below_the_step_that_found_it() {
    let phoenix = Phoenix::start().await;
    let mut world = World::empty();
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", &phoenix.http());
    world.start_demo().await;
    let (code, _, errors) = world.run(&["demo", "break", "billing", "broken"]);
    assert_eq!(code, 0, "{errors}");
    let by_id = |spans: &[Value], id: &Value| spans.iter().find(|span| span["span_id"] == *id).cloned();
    let theirs = |span: &Value| {
        let said = attributes(span);
        said.contains_key("http.route") && said["http.response.status_code"] == 500
    };
    // Each of the two sends its own when it likes, and a backend takes them in one by one.
    let whole = |server: &Value, spans: &[Value]| {
        let above = |span: &Value| by_id(spans, &span["parent_span_id"]);
        std::iter::successors(Some(server.clone()), above).any(|span| span["parent_span_id"].is_null())
    };
    let (server, trace) = phoenix.trace("status_code=ERROR", theirs, whole).await;
    // What the service itself says of it.
    let said = attributes(&server);
    let route = said["http.route"].as_str().unwrap();
    assert_eq!(server["name"], format!("{} {route}", said["http.request.method"].as_str().unwrap()));
    assert_eq!((&said["error.type"], &said["url.scheme"]), (&json!("500"), &json!("https")));
    // The same request, as we saw it: the caller.
    let client = by_id(&trace, &server["parent_span_id"]).expect("the caller is in the same trace");
    let asked = attributes(&client);
    assert_eq!(client["name"], said["http.request.method"]);
    assert_eq!(asked["http.response.status_code"], 500);
    assert!(asked["url.full"].as_str().unwrap().contains(said["url.path"].as_str().unwrap()), "{asked:?}, {said:?}");
    let time = |span: &Value, of: &str| span[of].as_i64().unwrap();
    // Both clocks are the machine's, but each was read once and counted on.
    let slack = 5_000_000;
    assert!(time(&client, "start_time_unix_nano") - slack <= time(&server, "start_time_unix_nano"));
    assert!(time(&server, "end_time_unix_nano") <= time(&client, "end_time_unix_nano") + slack);
    // And above it the step that a customer would take, and the errand.
    let step = by_id(&trace, &client["parent_span_id"]).expect("a step");
    let root = by_id(&trace, &step["parent_span_id"]).expect("a root");
    assert!(step["name"].as_str().unwrap().starts_with("step "), "{step}");
    assert!(root["parent_span_id"].is_null() && root["name"].as_str().unwrap().starts_with("probe "), "{root}");
    assert_eq!(attributes(&root)["unbroken.verdict"], "failed");
    a_click_has_its_servers_below(&phoenix).await;
}

/// A customer of the demo's shop, in a browser: what its server did for a click hangs below the click.
async fn a_click_has_its_servers_below(phoenix: &Phoenix) {
    let by_id = |spans: &[Value], id: &Value| spans.iter().find(|span| span["span_id"] == *id).cloned();
    // From a span of the shop's own upwards.
    let lines = |spans: &[Value]| -> Vec<Vec<String>> {
        let theirs = spans.iter().filter(|span| attributes(span).contains_key("http.route"));
        let line = |span: &Value| {
            let up = std::iter::successors(Some(span.clone()), |span| by_id(spans, &span["parent_span_id"]));
            up.map(|span| span["name"].as_str().unwrap().to_owned()).collect()
        };
        theirs.map(line).collect()
    };
    let below = |line: &[String], wanted: &[&str]| {
        line.iter().zip(wanted).all(|(name, wanted)| name == wanted) && line.len() > wanted.len()
    };
    let ordered = ["POST /plans/{id}", "POST", "Click “Order with obligation to pay”", "browser"];
    let opened = ["GET /plans/{id}", "GET", "navigation", "browser"];
    // And nothing of the shop's hangs in the air.
    let whole = |_: &Value, spans: &[Value]| {
        let lines = lines(spans);
        let has = |wanted: &[&str]| lines.iter().any(|line| below(line, wanted));
        let rooted = |line: &Vec<String>| line.last().unwrap().starts_with("probe shop/order-on-a-phone");
        has(&ordered) && has(&opened) && lines.iter().all(rooted)
    };
    phoenix.trace("name=probe shop/order-on-a-phone", |_| true, whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_of_the_company_speaks_under_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let rotel = Rotel::start(folder.path());
    for (protocol, endpoint) in [("grpc", rotel.grpc), ("http/protobuf", rotel.http)] {
        let settings = json!({ "otlp": { "endpoint": format!("http://{endpoint}"), "protocol": protocol } });
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let demo = Demo { data: folder.path().to_owned(), ports: Ports::Free };
        let mut company = Company::start(&demo, Clock::system()).await.unwrap();
        let client = crate::world::client();
        let ask = async |name: &str, trace: &str| {
            let url = &company.environment()[name];
            let caller = format!("00-{trace}-00f067aa0ba902b7-01");
            client.get(format!("{url}/?key=canary")).header("traceparent", caller).send().await.unwrap();
        };
        // Nobody is told yet.
        ask("SHOP_URL", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0").await;
        company.trace(&settings.otlp).unwrap();
        let ask = async |name: &str, trace: &str| {
            let url = &company.environment()[name];
            let caller = format!("00-{trace}-00f067aa0ba902b7-01");
            client.get(format!("{url}/?key=canary")).header("traceparent", caller).send().await.unwrap();
        };
        let number = usize::from(protocol == "grpc");
        let traces =
            [format!("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab{number}"), format!("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac{number}")];
        ask("SHOP_URL", &traces[0]).await;
        ask("WEB_URL", &traces[1]).await;
        // What waits is sent before it closes.
        company.shutdown().await;
        rotel.wait("printing both", || traces.iter().all(|trace| rotel.text().contains(trace)));
        let text = rotel.text();
        for wanted in
            ["halcyon-shop", "halcyon-web", "00f067aa0ba902b7", "GET /", "http.route", "url.path", "SPAN_KIND_SERVER"]
        {
            assert!(text.contains(wanted), "{protocol}: no {wanted} in {text}");
        }
        assert!(!text.contains("canary"), "{protocol}: a customer's key was told");
        assert!(!text.contains("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0"), "{protocol}: nobody was to be told");
    }
}

/// The real daemon and a real collector that is stopped and started again.
#[tokio::test(flavor = "multi_thread")]
async fn export_resumes_by_itself_when_the_collector_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let rotel = Rotel::start(folder.path());
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).unwrap();
    let otlp = format!("{{ endpoint: \"http://{}\", protocol: grpc, signals: [ traces ] }}", rotel.grpc);
    world.write("config/unbroken.yaml", &format!("{settings}telemetry: {{ otlp: {otlp} }}\n"));
    world.start().await;
    let count = async |world: &World, name: &str, label: &str| -> f64 {
        let metrics = world.get("/metrics").await;
        let of = |line: &&str| line.starts_with(name) && line.contains("signal=\"traces\"") && line.contains(label);
        metrics.lines().filter(of).map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    };
    let sent = async |world: &World| count(world, "unbroken_exported_total", "result=\"sent\"").await;
    let waiting = async |world: &World| count(world, "unbroken_export_queued", "").await;
    world.until("it sends", async |world: &World| sent(world).await > 0.0).await;
    let (grpc, http) = rotel.stop();
    world.until("spans wait", async |world: &World| waiting(world).await > 8.0).await;
    let before = sent(&world).await;
    let rotel = Rotel::start_at("traces", folder.path(), grpc, http);
    world.until("it sends again", async |world: &World| sent(world).await > before + 8.0).await;
    rotel.wait("printing a run", || rotel.text().contains("probe shop/home"));
    // It was short enough for the queue.
    let all = count(&world, "unbroken_exported_total", "").await;
    assert_eq!(all - sent(&world).await, 0.0, "lost:\n{}", world.log());
}
