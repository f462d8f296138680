//! What people do about incidents, with the real daemon: somebody has it, nobody answers.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Hook, Letter, Target, World, client, shop};

/// A shop that is watched and told of by `alerts:` as written, `HOOK` and `HELP` standing for two webhooks.
async fn watched(alerts: &str) -> (Target, Hook, Hook, World) {
    let (target, hook, help) = (Target::start().await, Hook::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    configure(&world, alerts, &hook, &help);
    world.start().await;
    world.until_score("buy", 100.0).await;
    (target, hook, help, world)
}

fn configure(world: &World, alerts: &str, hook: &Hook, help: &Hook) {
    let receiver = |hook: &Hook| format!("{{ webhook: {{ url: \"{}\" }} }}", hook.url());
    let receivers = format!("  receivers:\n    hook: {}\n    help: {}\n", receiver(hook), receiver(help));
    let yaml = format!("company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nalerts:\n{receivers}{alerts}");
    world.write("config/unbroken.yaml", &yaml);
}

/// Runs a command against the daemon: its exit code and what it said.
fn run(world: &World, args: &[&str]) -> (i32, String) {
    let url = world.page().to_owned();
    let (code, out, errors) = world.run(&[args, &["--url", &url]].concat());
    (code, out + &errors)
}

async fn open_incident(world: &World) -> Value {
    world.json("/api/v1/incidents?state=open").await["items"][0].clone()
}

/// Letters of one kind.
fn count(hook: &Hook, kind: &str) -> usize {
    distinct(&hook.taken(kind))
}

/// A kill before an answer is noted sends the same letter again, and says so by the same id.
fn distinct(letters: &[Letter]) -> usize {
    letters.iter().map(|letter| letter.id.as_str()).collect::<BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_is_known_everywhere_and_ends_the_reminders() {
    let (target, hook, help, mut world) = watched("  repeat: 1s\n  routes: [{ to: [hook] }]\n").await;
    assert_eq!(run(&world, &["incidents"]), (0, "no open incidents\n".to_owned()));
    target.break_();
    world.until("the hook was reminded", async |_: &World| count(&hook, "remind") > 0).await;
    let id = open_incident(&world).await["id"].as_str().expect("an id").to_owned();
    let (code, listed) = run(&world, &["incidents"]);
    assert!(code == 0 && listed.contains(&id) && listed.contains("The shop"), "{listed}");

    assert_eq!(run(&world, &["ack", "nothing", "--by", "Anna"]).0, 2);
    assert_eq!(run(&world, &["ack", "shop", "--by", " "]).0, 2, "a name has letters");
    let (code, said) = run(&world, &["ack", "shop", "--by", "Anna", "--why", "turning it off and on"]);
    assert!(code == 0 && said.starts_with("Anna has it: "), "{said}");
    world.until("the hook knows", async |_: &World| count(&hook, "acknowledge") == 1).await;
    let letter = hook.taken("acknowledge").remove(0);
    assert_eq!(letter.body["data"]["acknowledged"]["by"], "Anna");

    // A kill and another start forget nothing of it, and a reload neither.
    let reminded = count(&hook, "remind");
    world.kill();
    world.start().await;
    configure(&world, "  repeat: 1s\n  routes: [{ to: [hook] }, { to: [help] }]\n", &hook, &help);
    world.until("it was reloaded", async |world: &World| world.log().contains("Took the new configuration")).await;
    let owner = open_incident(&world).await["acknowledged"].clone();
    assert_eq!((&owner["by"], &owner["why"]), (&json!("Anna"), &json!("turning it off and on")));
    assert!(run(&world, &["incidents"]).1.contains("Anna has it: turning it off and on"));
    assert!(world.get(&format!("/incidents/{id}")).await.contains("Anna has it since"));
    let timeline = world.json(&format!("/api/v1/incidents/{id}")).await["timeline"].to_string();
    assert!(timeline.contains("Anna has it: turning it off and on"), "{timeline}");
    assert!(timeline.contains("hook was told of who has it"), "{timeline}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(count(&hook, "remind"), reminded, "nobody is reminded of what somebody has");

    target.mend();
    world.until("the hook heard of the end", async |_: &World| count(&hook, "resolve") == 1).await;
    assert_eq!((count(&hook, "open"), count(&hook, "acknowledge"), count(&hook, "resolve")), (1, 1, 1));
    assert_eq!(distinct(&help.letters()), 0);
    let (code, said) = run(&world, &["ack", &id, "--by", "Anna"]);
    assert!(code == 2 && said.contains("no open incident"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_and_our_own_page_say_who_has_it() {
    let (target, hook, _help, world) = watched("  routes: [{ to: [hook] }]\n").await;
    target.break_();
    world.until("the hook heard of it", async |_: &World| count(&hook, "open") == 1).await;
    let id = open_incident(&world).await["id"].as_str().expect("an id").to_owned();
    let page = world.page().trim_end_matches('/').to_owned();
    let api = format!("{page}/api/v1/incidents/{id}/ack");
    for key in [None, Some("guessed")] {
        let post = client().post(&api).json(&json!({ "by": "Eve" }));
        let answer = key.into_iter().fold(post, |post, key| post.bearer_auth(key)).send().await.expect("an answer");
        assert_eq!(answer.status(), 401);
    }
    let form = format!("{page}/incidents/{id}/ack");
    let press = |site: Option<&'static str>| {
        let post = client()
            .post(&form)
            .body("by=Anna+%3Cb%3E&why=")
            .header("content-type", "application/x-www-form-urlencoded");
        site.into_iter().fold(post, |post, site| post.header("sec-fetch-site", site)).send()
    };
    assert_eq!(press(None).await.expect("an answer").status(), 403, "a program has a key");
    assert_eq!(press(Some("cross-site")).await.expect("an answer").status(), 403);
    assert!(open_incident(&world).await["acknowledged"].is_null());
    let shown = press(Some("same-origin")).await.expect("an answer");
    assert_eq!(
        (shown.status().as_u16(), shown.url().path()),
        (200, form.trim_start_matches(&page).trim_end_matches("/ack"))
    );
    let text = shown.text().await.expect("a page");
    assert!(text.contains("Anna &#60;b&#62; has it since"), "{text}");
    assert!(!text.contains("/ack\""), "it was answered");
    let unknown = client()
        .post(form.replace(&id, "01934e5f-0000-7000-8000-000000000001"))
        .body("by=A")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(unknown.send().await.expect("an answer").status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_help_is_called_once_over_a_kill() {
    let alerts = "  repeat: 1h\n  routes: [{ to: [hook], escalate: { after: 2s, to: [help] } }]\n";
    let (target, hook, help, mut world) = watched(alerts).await;
    target.break_();
    world.until("the hook heard of it", async |_: &World| count(&hook, "open") == 1).await;
    assert_eq!(distinct(&help.letters()), 0, "not at once");
    // Killed while the patience lasts: it is not forgotten.
    world.kill();
    world.start().await;
    world.until("help was called", async |_: &World| count(&help, "escalate") == 1).await;
    let letter = help.taken("escalate").remove(0);
    let (headline, lines) = (letter.body["data"]["headline"].to_string(), letter.body["data"]["lines"].to_string());
    assert!(headline.contains("Nobody answers: The shop"), "{headline}");
    assert!(lines.contains("Nobody has acknowledged it; hook knows of it since"), "{lines}");
    // Nor before the patience of two seconds was over.
    let at = |letter: &Letter| letter.body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let waited = at(&letter).duration_since(at(&hook.taken("open")[0]));
    assert!(waited >= jiff::SignedDuration::from_secs(2), "after {waited:#}");
    world.kill();
    world.start().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(distinct(&help.letters()), 1, "not again");
    assert_eq!(run(&world, &["ack", "shop", "--by", "Li Wei"]).0, 0);
    world.until("both know", async |_: &World| count(&help, "acknowledge") + count(&hook, "acknowledge") == 2).await;
    target.mend();
    world
        .until("both heard of the end", async |_: &World| count(&help, "resolve") + count(&hook, "resolve") == 2)
        .await;
    assert_eq!((count(&hook, "open"), count(&help, "open"), count(&help, "escalate")), (1, 0, 1));
}

/// Whether the hook hears nothing of what is open for a while.
async fn stays_quiet(world: &World, hook: &Hook) {
    world.until("it is open", async |world: &World| !open_incident(world).await.is_null()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(distinct(&hook.letters()), 0, "nobody is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_holds_back_over_a_kill_and_what_is_still_down_then_is_told_once() {
    let (target, hook, _help, mut world) = watched("  routes: [{ to: [hook] }]\n").await;
    let silence = |world: &World, args: &[&str]| run(world, &[&["silence"], args].concat());
    assert_eq!(silence(&world, &["--touchpoint", "shpo", "--for", "1h", "--why", "x", "--by", "Anna"]).0, 2);
    assert_eq!(silence(&world, &["--touchpoint", "shop", "--for", "90d", "--why", "x", "--by", "Anna"]).0, 2);
    assert_eq!(silence(&world, &["--touchpoint", "shop", "--for", "1h", "--why", " ", "--by", "Anna"]).0, 2);
    assert_eq!(silence(&world, &["list"]), (0, "nothing is silenced\n".to_owned()));
    let wish = ["--touchpoint", "shop", "--for", "1h", "--why", "we are moving", "--by", "Anna"];
    let (code, said) = silence(&world, &wish);
    assert!(code == 0 && said.contains("touchpoint shop") && said.contains("Anna: we are moving"), "{said}");

    target.break_();
    stays_quiet(&world, &hook).await;
    world.until_score("buy", 0.0).await;
    for page in [
        "/".to_owned(),
        "/touchpoints/shop".to_owned(),
        format!("/incidents/{}", open_incident(&world).await["id"].as_str().unwrap()),
    ] {
        let text = world.get(&page).await;
        assert!(text.contains("Silenced: The shop") && text.contains("Anna: we are moving"), "{page}: {text}");
    }
    world.kill();
    world.start().await;
    stays_quiet(&world, &hook).await;
    assert!(silence(&world, &["list"]).1.contains("we are moving"));

    let (code, said) = silence(&world, &["end", "shop", "--by", "Li Wei"]);
    assert_eq!((code, said), (0, "ended: touchpoint shop is told of again\n".to_owned()));
    world.until("the hook heard of it", async |_: &World| count(&hook, "open") == 1).await;
    assert!(silence(&world, &["list", "--all"]).1.contains("over"));
    let items = world.json("/api/v1/silences?state=all").await["items"].clone();
    assert_eq!((&items[0]["state"], &items[0]["ended_by"]), (&json!("ended"), &json!("Li Wei")));

    let timeline =
        world.json(&format!("/api/v1/incidents/{}", open_incident(&world).await["id"].as_str().unwrap())).await;
    let remarks = timeline["timeline"].to_string().matches("Nobody is told: Anna silenced it until").count();
    assert_eq!(remarks, 1, "{timeline}");

    // The end is told whatever is silenced.
    assert_eq!(silence(&world, &["--incident", "shop", "--for", "2h", "--why", "again", "--by", "Anna"]).0, 0);
    target.mend();
    world.until("the hook heard of the end", async |_: &World| count(&hook, "resolve") == 1).await;
    assert_eq!(distinct(&hook.letters()), 2, "one opening, one end");
}

#[tokio::test(flavor = "multi_thread")]
async fn planned_work_is_shown_and_what_is_still_down_after_it_is_told_once() {
    let (target, hook, help, world) = watched("  routes: [{ to: [hook] }]\nmaintenance:\n  - { name: moving the shop, touchpoints: [shop], every: \"Mon..Sun 00:00-24:00\" }\n").await;
    target.break_();
    stays_quiet(&world, &hook).await;
    world.until_score("buy", 0.0).await;
    for page in ["/", "/touchpoints/shop"] {
        let text = world.get(page).await;
        assert!(text.contains("Planned work: moving the shop"), "{page}: {text}");
    }
    assert_eq!(world.json("/api/v1/touchpoints/shop").await["maintenance"][0]["name"], "moving the shop");
    let window = world.json("/api/v1/maintenance").await["items"][0].clone();
    assert_eq!((&window["open"], &window["touchpoints"]), (&json!(true), &json!(["shop"])));
    let (code, said) = run(&world, &["explain", "buy"]);
    assert!(code == 0 && said.contains("Planned work: moving the shop"), "{said}");
    // The minute is labelled, and counts.
    world
        .until("a minute is over", async |world: &World| {
            let history = world.json("/api/v1/journeys/buy/history?step=1m").await;
            history
                .as_array()
                .is_some_and(|points| points.iter().any(|point| point["planned_minutes"].as_f64() > Some(0.0)))
        })
        .await;

    configure(&world, "  routes: [{ to: [hook] }]\n", &hook, &help);
    world.until("the hook heard of it", async |_: &World| count(&hook, "open") == 1).await;
    assert!(!world.get("/touchpoints/shop").await.contains("Planned work"));
    target.mend();
    world.until("the hook heard of the end", async |_: &World| count(&hook, "resolve") == 1).await;
    assert_eq!(distinct(&hook.letters()), 2);
}

/// The shop of each persona is another one: what only one of them meets goes to who serves its segment.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_takes_what_hurts_its_segment() {
    let (consumer, business) = (Target::start().await, Target::start().await);
    let (hook, help) = (Hook::start().await, Hook::start().await);
    let mut world = World::new(&consumer, &hook);
    let routes = "  routes: [{ match: { segment: business }, to: [help] }, { to: [hook] }]\n";
    configure(&world, routes, &hook, &help);
    let persona = |segment: &str, target: &Target| {
        format!("{{ name: {segment}, segment: {segment}, shop: \"{}\" }}", target.url())
    };
    let (anna, li_wei) = (persona("consumer", &consumer), persona("business", &business));
    world.write("config/personas.yaml", &format!("personas:\n  anna: {anna}\n  li-wei: {li_wei}\n"));
    let probe = shop("{{persona.shop}}").replace("    every: 1s\n", "    every: 1s\n    personas: [anna, li-wei]\n");
    world.write("probes/shop.yaml", &probe);
    world.start().await;
    world.until_score("buy", 100.0).await;
    consumer.break_();
    world.until("the rest is told", async |_: &World| count(&hook, "open") == 1).await;
    consumer.mend();
    world.until("it is over", async |_: &World| count(&hook, "resolve") == 1).await;
    business.break_();
    world.until("who serves business is told", async |_: &World| count(&help, "open") == 1).await;
    assert_eq!((count(&hook, "open"), count(&help, "resolve")), (1, 0));
}
