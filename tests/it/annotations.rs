//! What people note on the time axis, with the real daemon: campaigns, releases, and how it went before and since.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use unbroken::clock::Clock;
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Batch, Retention, ScorePoint, Settings, Store};

use crate::world::{Hook, Target, World, client};

/// Runs a command against the daemon: its exit code and what it said.
fn run(world: &World, args: &[&str]) -> (i32, String) {
    let url = world.page().to_owned();
    let (code, out, errors) = world.run(&[args, &["--url", &url]].concat());
    (code, out + &errors)
}

async fn items(world: &World, query: &str) -> Vec<Value> {
    world.json(&format!("/api/v1/annotations{query}")).await["items"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_stands_on_the_axis_over_a_kill_until_it_is_taken_off() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    assert_eq!(run(&world, &["annotate", "list"]), (0, "nothing is noted\n".to_owned()));
    let note = |args: &[&str]| run(&world, &[&["annotate"], args].concat());
    assert_eq!(note(&["Sale", "--kind", "campaign", "--journey", "byu", "--by", "Anna"]).0, 2);
    assert_eq!(note(&["Sale", "--kind", "party", "--by", "Anna"]).0, 2);
    assert_eq!(note(&[" ", "--by", "Anna"]).0, 2, "a title has letters");
    assert_eq!(note(&["Sale", "--by", "Anna", "--at", "soon"]).0, 2);
    assert_eq!(note(&["Sale", "--by", "Anna", "--at", "2026-12-05T09:00", "--until", "2026-12-05"]).0, 2);
    let sale = ["Spring sale", "--kind", "campaign", "--journey", "buy", "--by", "Anna", "--text", "20 % off"];
    let (code, said) = note(&sale);
    assert!(code == 0 && said.contains("Spring sale  campaign, journey buy"), "{said}");
    let (code, said) = run(&world, &["--format", "json", "annotate", "Release 7", "--kind", "release", "--by", "Li"]);
    let release: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, &release["kind"], &release["journey"]), (0, &json!("release"), &Value::Null));

    world.kill();
    world.start().await;
    let known = items(&world, "?journey=buy").await;
    assert_eq!(known.iter().map(|one| &one["title"]).collect::<Vec<_>>(), ["Release 7", "Spring sale"]);
    assert_eq!((&known[1]["by"], &known[1]["text"]), (&json!("Anna"), &json!("20 % off")));
    let first = world.json("/api/v1/annotations?limit=1").await;
    let second = items(&world, &format!("?limit=1&before={}", first["next"].as_str().expect("more"))).await;
    assert_eq!(second[0]["title"], "Spring sale");
    let page = world.get("/journeys/buy").await;
    for text in ["Spring sale", "20 % off", "Noted by Anna", "Release 7", "every journey", "too soon to say"] {
        assert!(page.contains(text), "the page lacks {text}: {page}");
    }
    let (code, said) = run(&world, &["annotate", "show", "Spring sale"]);
    assert!(code == 0 && said.contains("buy: it is too soon to say anything"), "{said}");

    assert_eq!(run(&world, &["annotate", "remove", "Summer sale", "--by", "Li"]).0, 2);
    let (code, said) = run(&world, &["annotate", "remove", "Spring sale", "--by", "Li"]);
    assert_eq!((code, said), (0, "taken off: Spring sale\n".to_owned()));
    assert!(!world.get("/journeys/buy").await.contains("Spring sale"));
    let all = items(&world, "?state=all&journey=buy").await;
    assert_eq!((all.len(), &all[1]["removed_by"]), (2, &json!("Li")), "who and when is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_notes_for_browsers_on_our_page_and_for_nobody_else() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    let base = world.page().trim_end_matches('/').to_owned();
    let form = "kind=launch&title=%3Cscript%3Ealert%281%29%3C%2Fscript%3E&journey=buy&at=&until=&by=%3Cimg+src%3Dx%3E&everywhere=yes";
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let post = async |path: &str, header: Option<(&str, &str)>| {
        let request = client.post(format!("{base}{path}")).body(form);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.expect("an answer");
        let place = answer.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        (answer.status().as_u16(), place)
    };
    assert_eq!(post("/annotations", None).await.0, 403, "programs have a key");
    assert_eq!(post("/annotations", Some(("origin", "http://evil.example"))).await.0, 403);
    assert_eq!(post("/annotations", Some(("sec-fetch-site", "cross-site"))).await.0, 403);
    assert_eq!(items(&world, "").await.len(), 0);
    let body = json!({ "title": "x", "by": "y" });
    let stranger = client.post(format!("{base}/api/v1/annotations")).json(&body).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let (status, place) = post("/annotations", Some(("sec-fetch-site", "same-origin"))).await;
    assert_eq!((status, place.as_deref()), (303, Some("/journeys/buy#past")));
    let one = items(&world, "").await.remove(0);
    assert_eq!(
        (&one["kind"], &one["journey"], &one["title"]),
        (&json!("launch"), &Value::Null, &json!("<script>alert(1)</script>"))
    );

    // Whatever people write is text.
    let page = world.get("/journeys/buy?range=7d").await;
    assert!(page.contains("&lt;script&gt;alert(1)") || page.contains("&#60;script&#62;alert(1)"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    let dom = crate::parts::chromium(&["--dump-dom"], &format!("{base}/journeys/buy?range=30d")).await;
    let complaints = String::from_utf8_lossy(&dom.stderr).into_owned();
    assert!(!complaints.contains("CONSOLE"), "the browser complains: {complaints}");

    let remove = format!("/annotations/{}/remove", one["id"].as_str().unwrap());
    assert_eq!(post(&remove, None).await.0, 403);
    assert_eq!(post(&remove, Some(("sec-fetch-site", "same-origin"))).await.0, 303);
    assert_eq!(items(&world, "").await.len(), 0);
    drop(client);
    let answer = self::client().get(format!("{base}/journeys/buy?range=ever")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "an unknown range shows a day");
}

/// Scores of the journey `buy`, a minute each, so many of them from so long ago.
async fn remember(world: &World, now: Timestamp, minutes_ago: i64, count: i64, score: f64) {
    let settings = Settings { path: world.path("unbroken.db"), retention: Retention::default() };
    let store = Sqlite::open(&settings).await.expect("nobody holds it");
    let from = now - SignedDuration::from_mins(minutes_ago);
    let point = |number: i64| ScorePoint {
        journey: "buy".into(),
        at: from + SignedDuration::from_mins(number),
        score: Some(score),
        felt: Some(score),
        observed: 1.0,
        lost_minutes: 1.0 - score / 100.0,
        unobserved_minutes: 0.0,
        planned_minutes: 0.0,
        scored_minutes: 1.0,
        losses: Vec::new(),
    };
    store.record(Batch { scores: (0..count).map(point).collect(), ..Batch::default() }).await.expect("is kept");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_and_after_are_compared_only_where_enough_was_seen() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    // One moment for all: a minute that passes meanwhile is on the wrong side.
    let began = Clock::system().now();
    // Two hours at 100, then two at 80; a day before, twenty minutes at 90; a week before, an hour at 70.
    remember(&world, began, 240, 120, 100.0).await;
    remember(&world, began, 120, 120, 80.0).await;
    remember(&world, began, 24 * 60 - 10, 20, 90.0).await;
    remember(&world, began, 7 * 24 * 60 + 30, 60, 70.0).await;
    world.start().await;
    world.until_score("buy", 100.0).await;
    let at = |minutes: i64| (began - SignedDuration::from_mins(minutes)).to_string();
    let note = |title: &str, at: &str| {
        assert_eq!(run(&world, &["annotate", title, "--kind", "release", "--at", at, "--by", "Anna"]).0, 0);
        run(&world, &["annotate", "show", title]).1
    };
    let shown = note("Release 7", &at(120));
    assert!(shown.contains("buy: 100.0 before, 80.0 since (-20.0), 0 and 24 minutes lost, 2.0 h each"), "{shown}");
    let page = world.get("/journeys/buy").await;
    assert!(page.contains("−20.0") && page.contains("100.0 on average before and 80.0 since, over 2 h each"), "{page}");
    assert!(note("Release 6", &at(12 * 60)).contains("too little was seen"));
    assert!(note("Just now", &at(0)).contains("too soon"));
    let ahead = (Clock::system().now() + SignedDuration::from_hours(50)).to_string();
    assert!(note("Release 8", &ahead).contains("it has not begun"));

    // Yesterday at this time hardly anybody looked; a week ago it was 70.
    let trend = world.json("/api/v1/status").await["journeys"][0]["trend"].clone();
    assert_eq!((&trend["yesterday"], &trend["last_week"]), (&Value::Null, &json!({ "score": 70.0, "change": 30.0 })));
    let home = world.get("/").await;
    assert!(home.contains("+30.0") && home.contains("against a week ago") && !home.contains("against yesterday"));
    assert!(home.contains("What is planned") && home.contains("Release 8") && !home.contains("Release 7"), "{home}");
    assert!(run(&world, &["status"]).1.contains("+30.0 against a week ago"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_on_an_incident_stands_in_its_timeline_and_its_document() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    world.start().await;
    world.until_score("buy", 100.0).await;
    assert_eq!(run(&world, &["incidents", "shop"]).0, 2, "there is none yet");
    target.break_();
    world.until("the hook knows", async |_: &World| !hook.taken("open").is_empty()).await;
    let note = |text: &str, incident: &str| run(&world, &["annotate", text, "--incident", incident, "--by", "Anna"]);
    assert_eq!(note("Rolled back", "nothing").0, 2);
    assert_eq!(note("Rolled back to | 41 <b>", "shop").0, 0);
    let incident = world.json("/api/v1/incidents?state=open").await["items"][0].clone();
    let id = incident["id"].as_str().expect("an id");
    let path = format!("/api/v1/incidents/{id}");
    assert!(world.json(&path).await["timeline"].to_string().contains("Anna noted: Rolled back to | 41 <b>"));
    let page = world.get(&format!("/incidents/{id}")).await;
    assert!(page.contains("Anna noted: Rolled back to | 41") && !page.contains("41 <b>"), "{page}");
    target.mend();
    world.until("it is over", async |world: &World| world.json(&path).await["state"] == "closed").await;
    world.until("the hook heard of the end", async |_: &World| !hook.taken("resolve").is_empty()).await;
    assert_eq!(note("It was the cache", id).0, 0, "what is over can be noted, too");
    let delivered = "| hook | resolve | delivered |";
    world
        .until("the delivery is settled", async |world: &World| run(world, &["incidents", id]).1.contains(delivered))
        .await;
    let (code, document) = run(&world, &["incidents", id]);
    assert_eq!(code, 0);
    for part in [
        "# The shop was down: customers of “Buy a phone” were hurt",
        "## Impact\n\n| journey | points, at worst |",
        "| Buy a phone | 100.0 |",
        "## Cause\n\nOpen the shop: ",
        "- Expected: `` 200 ``",
        "| The shop (`shop`) | shop-team |",
        "Anna noted: Rolled back to \\| 41 &lt;b&gt;",
        "Anna noted: It was the cache",
        "| hook | open | delivered |",
    ] {
        assert!(document.contains(part), "the document lacks {part}:\n{document}");
    }
    let answer =
        client().get(format!("{}/incidents/{id}.md", world.page().trim_end_matches('/'))).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/markdown; charset=utf-8");
    assert!(answer.text().await.unwrap().starts_with("# The shop was down"));
    assert_eq!(run(&world, &["incidents", &id[..13]]).1, document, "how an id begins is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touchpoints_page_shows_how_it_is_defined_and_follows_a_reload() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let defined = |more: &str| format!("# <script>alert(1)</script>\n{}{more}", crate::world::shop(&target.url()));
    world.write("probes/shop.yaml", &defined("        # token: abc-123-def\n"));
    world.start().await;
    let page = world.get("/touchpoints/shop").await;
    assert!(page.contains("How it is defined: <code>") && page.contains("probes/shop.yaml"), "{page}");
    assert!(page.contains("recheck: 1s") && page.contains("token: •••"), "{page}");
    assert!(!page.contains("abc-123-def") && !page.contains("<script>alert"), "{page}");
    world.write("probes/shop.yaml", &defined("        # changed\n"));
    world
        .until("the page follows", async |world: &World| world.get("/touchpoints/shop").await.contains("# changed"))
        .await;
}
