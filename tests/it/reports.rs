//! Reports by mail, with a real Postfix, a clock that is turned, and a daemon that is killed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use mail_parser::{MessageParser, MimeHeaders as _};
use unbroken::clock::Clock;
use unbroken::model::{Loss, LostTo};
use unbroken::store::{Batch, ScorePoint, Store as _};

use crate::clocks::{faked, set};
use crate::parts::postoffice::{CUSTOMER, PostOffice};
use crate::world::{Hook, PATIENCE, Target, World, shop};

/// Next Monday at seven in Berlin, as the real clock has it: certificates of this test are good for some days only.
fn monday() -> Zoned {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let now = jiff::Zoned::now().with_time_zone(berlin);
    let monday = now.nth_weekday(1, Weekday::Monday).unwrap();
    monday.date().at(7, 0, 0, 0).to_zoned(monday.time_zone().clone()).unwrap()
}

/// Sets the daemon's wall clock to that moment; it goes on from there.
fn turn(world: &World, to: Timestamp) {
    let ahead = to.as_second() - Clock::system().now().as_second();
    set(world, &format!("{ahead:+}"));
}

fn configuration(office: &PostOffice, more: &str) -> String {
    format!(
        "company: Halcyon\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\ntimezone: Europe/Berlin\nalerts:\n  \
         receivers:\n    quiet: {{ command: {{ run: [/bin/true] }} }}\n    \
         cx: {{ email: {{ smtp: \"smtp://localhost:{}\", from: unbroken@shop.test, to: [nobody@shop.test] }} }}\n  \
         routes: [ {{ to: [quiet] }} ]\nreports:\n  - {{ every: week, by: cx, to: [\"{CUSTOMER}\"] }}\n{more}",
        office.smtp.port(),
    )
}

async fn prepared(office: &PostOffice, more: &str) -> (World, Target) {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = faked(&target, &hook);
    world.set("SSL_CERT_FILE", office.ca().to_str().unwrap());
    world.write("config/unbroken.yaml", &configuration(office, more));
    world.write("probes/shop.yaml", &shop(&target.url()));
    (world, target)
}

#[tokio::test]
async fn a_report_goes_out_once_however_often_the_daemon_is_killed() {
    let office = PostOffice::start();
    let (mut world, target) = prepared(&office, "").await;
    let monday = monday();
    // On Sunday the shop is down over the end of a minute.
    turn(&world, monday.checked_sub(20.hours()).unwrap().timestamp() + 45.seconds());
    target.break_();
    world.start().await;
    world.until_score("buy", 0.0).await;
    let lost = async |world: &World| {
        let report = world.json("/api/v1/reports/week").await;
        let journey = &report["journeys"][0];
        let minutes = |of: &serde_json::Value| of["lost_minutes"].as_f64().unwrap_or_default();
        let (whole, stage) = (minutes(journey), minutes(&journey["stages"][0]));
        // Within the running hour, too.
        stage > 0.0 && (whole - stage).abs() < 0.01
    };
    world.until("a minute was lost", lost).await;
    world.kill();
    assert_eq!(office.letters(), [""; 0], "nothing is due on a Sunday");

    // At seven nobody was there; a quarter of an hour later it is killed as soon as it has written the report.
    turn(&world, monday.timestamp() + 15.minutes());
    for _ in 0..3 {
        world.start().await;
        world.until("the report is written", async |world: &World| world.log().contains("Wrote 1 report")).await;
        world.kill();
    }
    world.start().await;
    world.until("the report is there", async |_: &World| !office.letters().is_empty()).await;
    world
        .until("it is known to be", async |world: &World| {
            world.json("/api/v1/outbox?state=pending").await["items"] == serde_json::json!([])
        })
        .await;
    world.kill();
    world.start().await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    let letters = office.letters();
    let parsed: Vec<_> =
        letters.iter().map(|letter| MessageParser::default().parse(letter.as_bytes()).unwrap()).collect();
    let ids: std::collections::BTreeSet<_> =
        parsed.iter().map(|letter| letter.message_id().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "one letter, whoever was killed in the middle of it");
    let letter = &parsed[0];
    assert!(letter.subject().unwrap().starts_with("Halcyon, Week "), "{:?}", letter.subject());
    let (text, html) = (letter.body_text(0).unwrap(), letter.body_html(0).unwrap());
    for words in ["Buy a phone", "The shop", "shop-team", "Lost by stage"] {
        assert!(text.contains(words) && html.contains(words), "{words}: {text}");
    }
    assert!(!html.contains("src=") && !html.contains("<script") && !html.contains("<link"), "{html}");
    let outbox = world.json("/api/v1/outbox?receiver=cx").await;
    let kinds: Vec<_> = outbox["items"].as_array().unwrap().iter().map(|one| one["kind"].to_string()).collect();
    assert_eq!(kinds, ["\"report\""], "{outbox}");
}

#[tokio::test]
async fn a_mail_server_that_is_away_gets_it_when_it_is_back() {
    let office = PostOffice::start();
    let (mut world, _target) = prepared(&office, "").await;
    let config = configuration(&office, "");
    let nobody = crate::parts::free_address().port();
    world.write("config/unbroken.yaml", &config.replace(&format!(":{}", office.smtp.port()), &format!(":{nobody}")));
    let monday = monday();
    turn(&world, monday.timestamp() - 1.hours());
    world.start().await;
    world.until_score("buy", 100.0).await;
    world.kill();
    turn(&world, monday.timestamp() + 1.minutes());
    world.start().await;
    let tried = async |world: &World| {
        world.json("/api/v1/outbox?receiver=cx").await["items"][0]["attempts"].as_u64().is_some_and(|tries| tries > 0)
    };
    world.until("it was tried in vain", tried).await;
    world.write("config/unbroken.yaml", &config);
    tokio::time::timeout(PATIENCE, async {
        while office.letters().is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await
    .expect("it is there");
}

#[tokio::test]
async fn the_quarter_brings_the_walk_with_it() {
    let office = PostOffice::start();
    let more = format!("  - {{ every: quarter, by: cx, to: [\"{CUSTOMER}\"] }}\n");
    let (mut world, target) = prepared(&office, &more).await;
    turn(&world, Clock::system().now());
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until_score("buy", 0.0).await;
    world.kill();
    // As if the quarter before had been the last that went out.
    let path = world.path("unbroken.db");
    let settings = unbroken::store::Settings { path, retention: unbroken::store::Retention::default() };
    let store = unbroken::store::sqlite::Sqlite::open(&settings).await.unwrap();
    let long_ago = Clock::system().now() - jiff::SignedDuration::from_hours(24 * 95);
    store.circulate("quarter/cx", long_ago, Vec::new()).await.unwrap();
    store.close().await;
    world.start().await;
    world.until("the report is there", async |_: &World| !office.letters().is_empty()).await;
    let letters = office.letters();
    let letter = MessageParser::default().parse(letters[0].as_bytes()).unwrap();
    let text = letter.body_text(0).unwrap();
    assert!(letter.subject().unwrap().contains("Quarter "), "{:?}", letter.subject());
    for words in ["Walk through “Buy a phone”", "/reports/walk/buy", "The shop", "Open the shop"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(letter.parts.iter().all(|part| part.attachment_name().is_none()), "it is read, not opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_told_in_a_terminal_with_and_without_a_daemon() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let settings =
        unbroken::store::Settings { path: world.path("unbroken.db"), retention: unbroken::store::Retention::default() };
    let store = unbroken::store::sqlite::Sqlite::open(&settings).await.unwrap();
    let monday: Timestamp = "2026-11-09T00:00:00Z".parse().unwrap();
    let shop = LostTo::Stage("buy".into(), "shop".into());
    let minute = |number: i64| ScorePoint {
        journey: "buy".into(),
        at: monday + number.minutes(),
        score: Some(50.0),
        felt: Some(50.0),
        observed: 1.0,
        lost_minutes: 0.5,
        unobserved_minutes: 0.0,
        planned_minutes: 0.0,
        scored_minutes: 1.0,
        losses: vec![Loss { to: shop.clone(), minutes: 0.5 }],
    };
    let scores = (0..120).map(minute).collect();
    store.record(Batch { scores, ..Batch::default() }).await.unwrap();
    store.close().await;
    let week = ["report", "--week", "2026-W46"];
    let (code, alone, errors) = world.run(&week);
    assert_eq!(code, 0, "{errors}");
    for words in [
        "Test\nWeek 46 of 2026, 9 Nov 2026 to 15 Nov 2026",
        "“Buy a phone” lost 60 min.",
        "We watched 1.1 % of the time",
        "The shop (shop-team)",
    ] {
        assert!(alone.contains(words), "{words}: {alone}");
    }
    assert!(alone.contains("Of Week 45 of 2026 too little was seen to compare with."), "{alone}");
    assert!(alone.lines().all(|line| line.chars().count() <= 80), "{alone}");
    world.start().await;
    let page = world.page().to_owned();
    let ask = |more: &[&str]| world.run(&[&["report", "--url", &page, "--week", "2026-W46"], more].concat());
    let (code, asked, errors) = ask(&[]);
    assert_eq!((code, errors.as_str()), (0, ""), "the daemon is asked");
    assert_eq!(asked, alone);
    let (_, html, _) = ask(&["--format", "html", "--lang", "zh"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("2026 年第 46 周"), "{html}");
    let (_, json, _) = ask(&["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["journeys"][0]["lost_minutes"], 60.0);
    assert_eq!(json["owners"][0]["id"], "shop-team");
    for wrong in [
        &["report", "--week", "2026-46"][..],
        &["report", "--month", "2026-13"],
        &["report", "--journey", "bui"],
        &["status", "--format", "html"],
    ] {
        assert_eq!(world.run(wrong).0, 2, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_is_written_into_a_file_of_its_own() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let world = World::new(&target, &hook);
    let seen = target.visits();
    assert_eq!(world.run(&["walk", "--report", "walk.pdf"]).0, 2);
    assert_eq!(target.visits(), seen, "it is said before anything is tried");
    let written = |name: &str| {
        let (code, _, errors) = world.run(&["walk", "buy", "--report", name]);
        assert!(errors.contains(name), "{errors}");
        (code, std::fs::read_to_string(world.path(name)).unwrap())
    };
    let (code, html) = written("walk.html");
    assert_eq!(code, 0, "{html}");
    for words in [
        "<h1 id=\"walk-buy\">Buy a phone</h1>",
        "Nothing costs this journey any points.",
        "Open the shop",
        "class=\"phase ",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    assert!(!html.contains("src=") && !html.contains("<link") && !html.contains("<script"), "it stands for itself");
    target.break_();
    let (code, csv) = written("walk.csv");
    assert_eq!(code, 1, "the answer is still no");
    let lines: Vec<&str> = csv.trim_start_matches('\u{feff}').split("\r\n").collect();
    assert!(
        lines[0].starts_with("journey,stage,touchpoint,")
            && lines[1].starts_with("buy,buy,shop,The shop,web,shop-team,"),
        "{csv}"
    );
    assert!(lines[1].contains(",failed,") && lines[1].contains(",status,"), "{csv}");
    let (_, json) = written("walk.json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["readings"][0]["verdict"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_shows_the_pages_that_were_visited() {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let world = World::new(&target, &hook);
    let probe = "every: 1m\n    timeout: 50s\n    steps:\n      - name: Look at the shop\n";
    let browser = format!("browser: {{ open: \"{}\", do: [ {{ wait_for: {{ text: ok }} }} ] }}", target.url());
    let shop = format!("title: The shop\nchannel: web\nprobes:\n  home:\n    {probe}        {browser}\n");
    world.write("probes/shop.yaml", &shop);
    let walked = |answer: i32| {
        let (code, _, errors) = world.run(&["walk", "buy", "--report", "walk.html"]);
        assert_eq!(code, answer, "{errors}");
        let html = std::fs::read_to_string(world.path("walk.html")).unwrap();
        let [_, picture] = html.split("<img src=\"data:image/webp;base64,").collect::<Vec<_>>()[..] else {
            panic!("one picture: {html}")
        };
        let (picture, words) = picture.split_once('"').unwrap();
        assert!(STANDARD.decode(picture).unwrap().starts_with(b"RIFF"), "it can be looked at");
        words.to_owned()
    };
    assert!(walked(0).contains("The page as it looked after “Look at the shop”"));
    target.break_();
    assert!(walked(1).contains("The page as it looked when “Look at the shop” failed"));
    target.mend();
    let (code, _, errors) = world.run(&["probe", "shop", "--pictures", "seen"]);
    assert_eq!(code, 0, "{errors}");
    let mut seen: Vec<_> =
        std::fs::read_dir(world.path("seen")).unwrap().map(|file| file.unwrap().file_name()).collect();
    seen.sort();
    let seen: Vec<_> =
        seen.iter().map(|name| name.to_str().unwrap().rsplit_once("-Look-at-the-shop-").unwrap().1).collect();
    assert_eq!(seen, ["page.txt", "page.webp", "requests.har"], "of what went well, too");
}
