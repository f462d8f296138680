//! `unbroken outbox` against the real daemon: what is dead is listed, sent after all, or dropped with a reason.

use serde_json::Value;

use crate::world::{Hook, Manner, Target, World, client};

/// A shop that breaks, a webhook that hears of everything, and a phone that takes nothing for now.
async fn with_a_deaf_phone(manner: Manner) -> (World, Target, Hook, Hook) {
    let (target, hook, phone) = (Target::start().await, Hook::start().await, Hook::start().await);
    phone.be(manner);
    let mut world = World::new(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).expect("it was written");
    let also = format!("    phone: {{ ntfy: {{ topic: ops, url: \"{}\" }} }}\n  self: [hook]\n", phone.url());
    world.write("config/unbroken.yaml", &(settings + &also));
    world.start().await;
    world.until_score("buy", 100.0).await;
    target.break_();
    world.until("the hook heard of it", async |_: &World| hook.taken("open").len() == 1).await;
    (world, target, hook, phone)
}

fn outbox(world: &World, args: &[&str]) -> (i32, String, String) {
    world.run(&[&["outbox", "--url", world.page()], args].concat())
}

fn dead(world: &World) -> Vec<Value> {
    let (code, out, errors) = outbox(world, &["list", "--state", "dead", "--receiver", "phone", "--format", "json"]);
    assert_eq!(code, 0, "{errors}");
    let listed: Value = serde_json::from_str(&out).expect("JSON");
    listed["items"].as_array().expect("a list").clone()
}

/// What the hook heard of letters that are dead.
fn own(hook: &Hook, kind: &str) -> usize {
    let letters = hook.taken(kind).into_iter();
    letters.filter(|letter| letter.body.to_string().contains("a notification could not be delivered")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_listed_told_about_and_sent_after_all() {
    let (world, _target, hook, phone) = with_a_deaf_phone(Manner::Unfit).await;
    world.until("the letter is dead", async |world: &World| dead(world).len() == 1).await;
    let letter = dead(&world).remove(0);
    assert_eq!((&letter["attempts"], &letter["kind"]), (&1.into(), &"open".into()));
    assert!(letter["error"].as_str().is_some_and(|error| error.contains("400")), "{letter}");
    let id = letter["id"].as_str().expect("an id");
    let (code, out, _) = outbox(&world, &["list"]);
    assert_eq!(code, 0);
    for part in
        ["dead", &id[..12], "phone", "1 attempt", "400", "delivered", "hook", letter["incident"].as_str().unwrap()]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
    world.until("we were told of it", async |_: &World| own(&hook, "open") == 1).await;

    phone.be(Manner::Take);
    assert_eq!(outbox(&world, &["replay", "nothing"]).0, 2, "there is no such letter");
    let (code, out, errors) = outbox(&world, &["replay", &id[..10]]);
    assert_eq!((code, out), (0, format!("queued {}\n", &id[..12])), "{errors}");
    world.until("the phone rang", async |_: &World| phone.letters().iter().any(|letter| letter.taken)).await;
    world.until("that was over", async |_: &World| own(&hook, "resolve") == 1).await;
    let (code, _, errors) = outbox(&world, &["replay", id]);
    assert_eq!(code, 1);
    assert!(errors.contains("it is not dead"), "{errors}");
    assert_eq!(outbox(&world, &["replay", "--dead"]), (0, "0 letters queued again\n".to_owned(), String::new()));
    assert_eq!(phone.letters().iter().filter(|letter| letter.taken).count(), 1, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_dropped_with_a_reason_by_who_may_read_the_store() {
    let (world, _target, hook, phone) = with_a_deaf_phone(Manner::Unfit).await;
    world.until("we were told of it", async |_: &World| own(&hook, "open") == 1).await;
    let letter = dead(&world).remove(0);
    let id = letter["id"].as_str().expect("an id");
    for key in [None, Some("guessed")] {
        let drop = client().post(format!("{}api/v1/outbox/{id}/drop", world.page())).body(r#"{"why":"mine"}"#);
        let answer = key.into_iter().fold(drop, |drop, key| drop.bearer_auth(key)).send().await.expect("an answer");
        assert_eq!(answer.status(), 401);
    }
    assert_eq!(outbox(&world, &["drop", id, "--why", " "]).0, 2, "a reason has words");
    let (code, out, errors) = outbox(&world, &["drop", id, "--why", "the phone is lost"]);
    assert_eq!((code, out), (0, format!("dropped {}\n", &id[..12])), "{errors}");
    assert_eq!(dead(&world), Vec::<Value>::new());
    world.until("that was over", async |_: &World| own(&hook, "resolve") == 1).await;
    let incident = world.json(&format!("/api/v1/incidents/{}", letter["incident"].as_str().unwrap())).await;
    let line = "phone is not told of it, somebody decided: the phone is lost";
    assert!(incident["timeline"].to_string().contains(line), "{incident}");
    assert_eq!(outbox(&world, &["replay", id]).0, 1, "it was dropped");
    assert_eq!(phone.letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_waits_says_when_it_is_tried_again() {
    let (world, _target, _hook, phone) = with_a_deaf_phone(Manner::Refuse).await;
    let waiting = ["list", "--state", "pending", "--receiver", "phone"];
    let said = async |world: &World| outbox(world, &waiting).1.contains("attempts, the next in ");
    world.until("it says when", said).await;
    let (_, out, _) = outbox(&world, &[&waiting[..], &["--format", "json"]].concat());
    let listed: Value = serde_json::from_str(&out).expect("JSON");
    let [letter] = listed["items"].as_array().expect("a list").as_slice() else { panic!("{listed}") };
    let time = |of: &Value| of.as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
    assert!(time(&letter["next_attempt"]) > time(&letter["created"]), "{letter}");
    phone.be(Manner::Take);
    world.until("the phone rang", async |_: &World| phone.letters().iter().any(|letter| letter.taken)).await;
    let (_, out, _) = outbox(&world, &["list", "--receiver", "phone"]);
    assert!(!out.contains("the next"), "{out}");
}

/// Places that have nothing in common and are all gone.
const PLACES: u32 = 24;

#[tokio::test(flavor = "multi_thread")]
async fn what_people_cannot_read_one_by_one_waits_to_be_told_as_one() {
    let (target, hook, phone) = (Target::start().await, Hook::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let settings = std::fs::read_to_string(world.path("config/unbroken.yaml")).expect("it was written");
    let also = format!("    phone: {{ ntfy: {{ topic: ops, url: \"{}\" }} }}\n", phone.url());
    world.write("config/unbroken.yaml", &(settings + &also));
    for place in 1..=PLACES {
        let yaml = format!(
            "title: Place {place}\nchannel: other\nprobes:\n  door:\n    every: 1s\n    timeout: 500ms\n    steps:\n      - tcp: {{ connect: \"127.0.1.{place}:9\" }}\n"
        );
        world.write(&format!("probes/place-{place}.yaml"), &yaml);
    }
    world.start().await;
    world.until("a machine is told of each", async |_: &World| hook.taken("open").len() == PLACES as usize).await;
    let listed = || {
        let (code, out, errors) = outbox(&world, &["list", "--receiver", "phone", "--format", "json", "--limit", "50"]);
        assert_eq!(code, 0, "{errors}");
        let listed: Value = serde_json::from_str(&out).expect("JSON");
        listed["items"].as_array().expect("a list").clone()
    };
    world.until("people are told of twenty", async |_: &World| phone.letters().len() == 20).await;
    let storms: Vec<Value> = listed().into_iter().filter(|letter| letter["kind"] == "storm").collect();
    let [storm] = storms.as_slice() else { panic!("{storms:?}") };
    assert_eq!((&storm["state"], &storm["incident"]), (&"pending".into(), &Value::Null));
    assert_eq!(storm["headline"], format!("{} at once, to be told together", PLACES - 20));
    let (code, out, _) = outbox(&world, &["list", "--state", "pending"]);
    assert_eq!(code, 0);
    assert!(out.contains("storm") && !out.contains("incident"), "{out}");
    assert_eq!(outbox(&world, &["drop", storm["id"].as_str().unwrap(), "--why", "seen on the page"]).0, 0);
    assert_eq!(world.json("/api/v1/outbox?state=pending&receiver=phone").await["items"], serde_json::json!([]));
}
