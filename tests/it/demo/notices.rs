//! What telephones are told of an order, as Mosquitto's own clients hear it, and what goes wrong there.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use unbroken::model::FaultCode;

use super::Visit;
use crate::parts::program;
use crate::walk::run;

const ANNA: &str = "anna@probe.example";

impl Visit {
    /// A Mosquitto client in Anna's name.
    fn mosquitto(&self, name: &str, version: &str, args: &[&str]) -> Command {
        let environment = self.company.environment();
        let port = environment["NOTICES_URL"].rsplit(':').next().unwrap();
        let password = std::fs::read_to_string(&environment["HALCYON_PASSWORD_FILE"]).unwrap();
        let mut command = Command::new(program(name));
        command.args(["-h", "127.0.0.1", "-p", port, "-V", version, "--cafile", &environment["HALCYON_CA"]]);
        command.args(["-u", ANNA, "-P", &password, "-q", "1"]).args(args).kill_on_drop(true);
        command
    }

    async fn order_id(&self) -> String {
        let order = self.post("SHOP", "/api/orders", json!({ "plan": "flat-m", "email": ANNA })).await;
        order["id"].as_str().unwrap().to_owned()
    }

    /// What one step at the broker ends with.
    async fn at_broker(&self, more: Value) -> Option<FaultCode> {
        let environment = self.company.environment();
        let password = std::fs::read_to_string(&environment["HALCYON_PASSWORD_FILE"]).unwrap();
        let mut mqtt = json!({
            "connect": environment["NOTICES_URL"], "user": ANNA, "password": password, "version": "5",
            "tls": { "ca": environment["HALCYON_CA"] },
        });
        mqtt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reading = run(json!([{ "mqtt": mqtt, "timeout_ms": 1500 }])).await;
        reading.outcome.verdict.fault().map(|fault| fault.code)
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn real_clients_hear_what_becomes_of_an_order() {
    let visit = Visit::new().await;
    for version in ["mqttv311", "mqttv5"] {
        let earlier = visit.order_id().await;
        let topic = format!("customers/{ANNA}/orders/#");
        // Two of each order: what was retained, what is said now, and that it is cancelled.
        let listening = visit.mosquitto("mosquitto_sub", version, &["-t", &topic, "-F", "%r %j", "-W", "20"]);
        let mut listening = listening;
        let mut child = listening.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = async |order: &str, status: &str| {
            let heard = async {
                loop {
                    let line = lines.next_line().await.unwrap().unwrap();
                    let (retained, message) = line.split_once(' ').unwrap();
                    let message: Value = serde_json::from_str(message).unwrap();
                    let payload = &message["payload"];
                    let payload: Value = match payload.as_str() {
                        Some(text) => serde_json::from_str(text).unwrap(),
                        None => payload.clone(),
                    };
                    if payload["order"] == order && payload["status"] == status {
                        return (retained == "1", payload);
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(15), heard).await.unwrap()
        };
        let (retained, told) = next(&earlier, "confirmed").await;
        assert!(retained);
        assert_eq!(
            (&told["total"], &told["title"]),
            (&json!(29.99), &json!("Dear Anna Schmidt, a word on your Flat M"))
        );
        let order = visit.order_id().await;
        assert!(!next(&order, "confirmed").await.0, "said now");
        visit.browser.delete(visit.url("SHOP", &format!("/api/orders/{order}"))).send().await.unwrap();
        next(&order, "cancelled").await;
        child.kill().await.unwrap();
    }
    visit.company.shutdown().await;
}

#[tokio::test]
async fn real_clients_may_say_and_hear_what_is_theirs_only() {
    let visit = Visit::new().await;
    for version in ["mqttv311", "mqttv5"] {
        let own = format!("customers/{ANNA}/seen/order");
        let said = ["-t", &own, "-m", "seen", "-r"];
        let output = visit.mosquitto("mosquitto_pub", version, &said).output().await.unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let once = ["-t", &own, "-C", "1", "-W", "10"];
        let output = visit.mosquitto("mosquitto_sub", version, &once).output().await.unwrap();
        assert_eq!(words(&output).trim(), "seen", "{version}");
        let taken_back = ["-t", &own, "-n", "-r"];
        assert!(visit.mosquitto("mosquitto_pub", version, &taken_back).status().await.unwrap().success());
        let output = visit.mosquitto("mosquitto_sub", version, &["-t", &own, "-C", "1", "-W", "1"]).output().await;
        assert_eq!(output.unwrap().stdout, b"", "nothing is retained any more");
        let others = ["-t", "customers/liwei@probe.example/orders/#", "-C", "1", "-W", "5"];
        let output = visit.mosquitto("mosquitto_sub", version, &others).output().await.unwrap();
        assert!(words(&output).contains("denied"), "{version}: {}", words(&output));
        let wrong = ["-t", &own, "-P", "guessed", "-C", "1"];
        let output = visit.mosquitto("mosquitto_sub", version, &wrong).output().await.unwrap();
        assert!(!output.status.success(), "{version}: {}", words(&output));
    }
    // Nobody says in the company's name that an order is confirmed.
    let forged = json!({ "qos": 1, "publish": { "topic": format!("customers/{ANNA}/orders/H-1") } });
    assert_eq!(visit.at_broker(forged).await, Some(FaultCode::MqttRefused));
    visit.company.shutdown().await;
}

#[tokio::test]
async fn notices_break_in_their_own_ways() {
    let visit = Visit::new().await;
    let status = || json!({ "receive": "network/status" });
    assert_eq!(visit.at_broker(status()).await, None);
    for (fault, code) in [
        ("silent", FaultCode::Undelivered),
        ("refuses", FaultCode::MqttRefused),
        ("hangs", FaultCode::Timeout),
        ("expired-certificate", FaultCode::CertExpired),
    ] {
        visit.break_("notices", fault);
        assert_eq!(visit.at_broker(status()).await, Some(code), "{fault}");
        visit.mend();
        assert_eq!(visit.at_broker(status()).await, None, "{fault} is mended");
    }
    visit.break_("notices", "drops");
    assert!(visit.at_broker(status()).await.is_some());
    visit.mend();

    visit.break_("notices", "late");
    let order = visit.order_id().await;
    let told = || json!({ "receive": format!("customers/{ANNA}/orders/{order}") });
    assert_eq!(visit.at_broker(told()).await, Some(FaultCode::Undelivered), "not yet");
    visit.mend();
    visit.company.shutdown().await;
}

#[tokio::test]
async fn a_name_is_one_clients_and_its_will_is_read() {
    let visit = Visit::new().await;
    let will = format!("customers/{ANNA}/seen/lost");
    let mut clients = Vec::new();
    for more in [&["-t", &*will, "-C", "2"][..], &["-i", "phone", "--will-topic", &will, "--will-payload", "lost"]] {
        let mut client = visit.mosquitto("mosquitto_sub", "mqttv5", &["-t", "network/status", "-W", "30"]);
        let mut client = client.args(more).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        // It is in when it has heard something.
        assert!(lines.next_line().await.unwrap().unwrap().contains("No outage"));
        clients.push((client, lines));
    }
    assert_eq!(visit.at_broker(json!({ "client": "phone" })).await, None);
    assert_eq!(clients[0].1.next_line().await.unwrap().as_deref(), Some("lost"));
    assert_eq!(clients[1].1.next_line().await.unwrap(), None, "another client has taken its name");
    visit.company.shutdown().await;
}
