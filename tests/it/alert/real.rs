//! Real counterparts: Alertmanager, a mail server, a program.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use unbroken::alert::{News, Settings};
use unbroken::model::NotificationKind::{Open, Resolve};

use super::Office;
use crate::given::{closed, incident, notification};
use crate::parts::{Running, alertmanager, free_address, program};

fn one(name: &str, receiver: Value) -> Settings {
    let settings: Settings = serde_json::from_value(json!({ "receivers": { name: receiver } })).unwrap();
    assert_eq!(settings.problems(), []);
    settings
}

async fn alerts(address: SocketAddr) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = client.get(format!("http://{address}/api/v2/alerts")).send().await.unwrap();
    reply.json().await.unwrap()
}

#[tokio::test]
async fn alertmanager_shows_an_alert_until_it_is_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, address) = alertmanager(folder.path());
    let settings = one("am", json!({ "alertmanager": { "url": format!("http://{address}") } }));
    let office = Office::open(folder.path(), settings).await;
    // Alertmanager knows the real time: an alert that ended in the past it does not show.
    let wall = jiff::Zoned::now().timestamp();
    office.turn_clock(wall.duration_since(office.now()).as_secs());
    let bills = incident(1);
    office.post(vec![notification(&bills, Open, "am")]).await;
    office.delivers("am", "open").await;
    let shown = alerts(address).await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0]["labels"]["touchpoint"], "billing");
    assert_eq!(shown[0]["labels"]["incident"], bills.id.to_string());
    assert_eq!(shown[0]["status"]["state"], "active");
    assert!(shown[0]["annotations"]["summary"].as_str().unwrap().contains("Pay my bill"));
    assert!(shown[0]["generatorURL"].as_str().unwrap().ends_with(&format!("/incidents/{}", bills.id)));

    office.post(vec![notification(&closed(&bills, 300), Resolve, "am")]).await;
    office.delivers("am", "resolve").await;
    assert_eq!(alerts(address).await, Vec::<Value>::new());
    office.close().await;
}

/// Alertmanager lost its memory, and we were restarted: what is still so is said again.
#[tokio::test]
async fn alertmanager_is_told_again_what_it_forgot() {
    let folder = tempfile::tempdir().unwrap();
    let forgotten = tempfile::tempdir().unwrap();
    let (running, address) = alertmanager(folder.path());
    let settings = |address| one("am", json!({ "alertmanager": { "url": format!("http://{address}") } }));
    let office = Office::open(folder.path(), settings(address)).await;
    office.post(vec![notification(&incident(1), Open, "am")]).await;
    office.delivers("am", "open").await;
    office.close().await;
    drop(running);
    let (_running, address) = alertmanager(forgotten.path());
    assert_eq!(alerts(address).await, Vec::<Value>::new());
    let office = Office::open(folder.path(), settings(address)).await;
    let wall = jiff::Zoned::now().timestamp();
    office.turn_clock(wall.duration_since(office.now()).as_secs());
    let again = async {
        while alerts(address).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), again).await.expect("within a minute");
    office.close().await;
}

fn mails(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    files.filter(|mail| mail.contains("Message-ID")).collect()
}

#[tokio::test]
async fn mails_arrive_and_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let address = free_address();
    // Postfix' own test server: takes every mail and writes each to a file.
    let _sink = Running::start(
        Command::new(program("smtp-sink")).current_dir(&inbox).args([
            "-u",
            "root",
            "-d",
            "%M.",
            &address.to_string(),
            "9",
        ]),
        address,
    );
    let mail = json!({ "smtp": format!("smtp://{address}"), "from": "unbroken@example.com", "to": ["cx@example.com"] });
    let office = Office::open(folder.path(), one("cx", json!({ "email": mail }))).await;
    let bills = incident(1);
    let opening = notification(&bills, Open, "cx");
    office.post(vec![opening.clone()]).await;
    office.delivers("cx", "open").await;
    let first = mails(&inbox).remove(0);
    assert!(first.contains(&format!("Message-ID: <{}@example.com>", opening.id)), "{first}");
    assert!(first.contains("Auto-Submitted: auto-generated"));
    assert!(first.contains("text/plain") && first.contains("text/html"));
    office.post(vec![notification(&closed(&bills, 60), Resolve, "cx")]).await;
    office.delivers("cx", "resolve").await;
    let thread = format!("In-Reply-To: <{}@example.com>", opening.id);
    assert!(mails(&inbox).iter().any(|mail| mail.contains(&thread)), "{:?}", mails(&inbox));
    office.close().await;
}

#[tokio::test]
async fn a_program_gets_json_and_only_the_environment_it_may_see() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script = format!("cat > {0}.json; env | sort > {0}.env", out.display());
    let command = json!({ "run": ["/bin/sh", "-c", script], "env": ["SHOWN"] });
    let office = Office::open(folder.path(), one("script", json!({ "command": command }))).await;
    office.post(vec![notification(&incident(1), Open, "script")]).await;
    office.delivers("script", "open").await;
    let document: Value = serde_json::from_slice(&fs::read(out.with_extension("json")).unwrap()).unwrap();
    assert_eq!(document["data"]["journeys"][0]["points_lost"], 100.0);
    let environment = fs::read_to_string(out.with_extension("env")).unwrap();
    assert!(environment.contains("SHOWN=yes") && environment.contains("UNBROKEN_KIND=open"), "{environment}");
    assert!(!environment.contains("HIDDEN"), "{environment}");
    office.close().await;
}

#[tokio::test]
async fn a_program_that_hangs_dies_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; echo trouble >&2; wait", pid.display());
    let command = json!({ "run": ["/bin/sh", "-c", script], "timeout": "300ms" });
    let office = Office::open(folder.path(), one("script", json!({ "command": command }))).await;
    office.post(vec![notification(&incident(1), Open, "script")]).await;
    let News::Failed { error, .. } = office.hears(|news| matches!(news, News::Failed { .. })).await else { panic!() };
    assert_eq!(error, "did not end within 300ms");
    let child = fs::read_to_string(pid).unwrap().trim().to_owned();
    let gone = async {
        // A zombie that nobody has reaped yet is dead too.
        let state = |status: String| status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'));
        while fs::read_to_string(format!("/proc/{child}/status")).is_ok_and(state) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("its child is killed too");
    office.close().await;
}
