//! `mqtt` against real Mosquitto, and against brokers that refuse, stammer and flood.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unbroken::model::{FaultCode, Phase, Reading, Verdict};
use unbroken::probe::{Kind, Prober};

use super::{code, fault_of};
use crate::parts::{Running, free_address, program};
use crate::support::certificates::{Authority, Valid};
use crate::walk::{errand, order, run, serve, step, tools};

/// Mosquitto with one user, who may use `shop/#` only.
struct Mosquitto {
    plain: SocketAddr,
    secure: SocketAddr,
    folder: TempDir,
    _running: Running,
}

impl Mosquitto {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let authority = Authority::new("Broker");
        let (chain, key) = authority.sign(&["127.0.0.1"], Valid::Now).pem();
        std::fs::write(file("ca.pem"), authority.root.pem()).unwrap();
        std::fs::write(file("chain.pem"), chain).unwrap();
        std::fs::write(file("key.pem"), key).unwrap();
        std::fs::write(file("acl"), "user probe\ntopic readwrite shop/#\n").unwrap();
        let made = Command::new(program("mosquitto_passwd"))
            .args(["-b", "-c", &file("users"), "probe", "open-sesame"])
            .output();
        assert!(made.unwrap().status.success());
        let (plain, secure) = (free_address(), free_address());
        let config = format!(
            "user root\npersistence false\nallow_anonymous false\npassword_file {}\nacl_file {}\nlistener {} 127.0.0.1\n\
             listener {} 127.0.0.1\ncertfile {}\nkeyfile {}\n",
            file("users"),
            file("acl"),
            plain.port(),
            secure.port(),
            file("chain.pem"),
            file("key.pem")
        );
        std::fs::write(file("conf"), config).unwrap();
        let running = Running::start(Command::new(program("mosquitto")).args(["-c", &file("conf")]), plain);
        Self { plain, secure, folder, _running: running }
    }

    fn ca(&self) -> String {
        Path::new(self.folder.path()).join("ca.pem").display().to_string()
    }
}

fn probe(address: SocketAddr, more: Value) -> Value {
    let mut mqtt = json!({ "connect": format!("mqtt://{address}"), "user": "probe", "password": "open-sesame" });
    mqtt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "mqtt": mqtt })
}

fn phases(reading: &Reading) -> Vec<Phase> {
    reading.outcome.steps[0].phases.iter().map(|time| time.phase).collect()
}

#[tokio::test]
async fn a_message_comes_back_in_every_version_and_quality() {
    let broker = Mosquitto::start();
    for version in ["3.1.1", "5"] {
        for qos in [0, 1, 2] {
            let mut written =
                probe(broker.plain, json!({ "version": version, "qos": qos, "publish": { "topic": "shop/orders" } }));
            written["expect"] =
                json!({ "message": { "matches": "^unbroken [0-9a-f]{16}$" }, "latency": { "below": "4s" } });
            let reading = run(json!([written])).await;
            assert_eq!(reading.outcome.verdict, Verdict::Good, "{version} {qos}");
            assert_eq!(phases(&reading), [Phase::Connect, Phase::Wait, Phase::Send, Phase::Receive, Phase::Assert]);
        }
        let said = json!({ "topic": "shop/{{greeting}}", "payload": "{\"order\": 29.90}" });
        let more = json!({
            "version": version, "publish": said, "connect": format!("mqtts://{}", broker.secure), "tls": { "ca": broker.ca() },
        });
        let mut written = probe(broker.plain, more);
        written["expect"] = json!({ "json": { "$.order": 29.9 }, "certificate": { "expires_after": "21d" } });
        let reading = run(json!([written])).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{version}");
        assert!(phases(&reading).contains(&Phase::Tls));
        assert_eq!(code(probe(broker.plain, json!({ "version": version }))).await, None, "only connecting");
    }
}

#[tokio::test]
async fn a_real_broker_refuses_in_words() {
    let broker = Mosquitto::start();
    for version in ["3.1.1", "5"] {
        let reading =
            run(json!([probe(broker.plain, json!({ "version": version, "password": "open-says-me" }))])).await;
        let fault = reading.outcome.verdict.fault().unwrap();
        assert_eq!((fault.code, fault.phase), (FaultCode::MqttRefused, Some(Phase::Wait)), "{fault}");
        assert!(fault.text.contains("this user is not allowed, reason code"), "{fault}");
        let reading =
            run(json!([probe(broker.plain, json!({ "version": version, "client": "one", "user": "nobody" }))])).await;
        assert_eq!(fault_of(&reading), Some(FaultCode::MqttRefused));
    }
    // Version 5 says no, where 3.1.1 is silent.
    let elsewhere = json!({ "version": "5", "qos": 1, "publish": { "topic": "secret/orders" }, "receive": "shop/#" });
    let reading = run(json!([probe(broker.plain, elsewhere)])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!(fault.code, FaultCode::MqttRefused, "{fault}");
    assert!(fault.text.contains("refuses the message: this user is not allowed"), "{fault}");
    let written = probe(broker.plain, json!({ "publish": { "topic": "secret/orders" }, "receive": "shop/#" }));
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(500), vec![step(&written)]), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Undelivered));
    let untrusted = probe(broker.plain, json!({ "connect": format!("mqtts://{}", broker.secure) }));
    let refused = code(untrusted).await;
    assert!(matches!(refused, Some(FaultCode::CertUntrusted | FaultCode::ChainIncomplete)), "{refused:?}");
}

/// Waits for the first packet, says this, and hangs up if it shall.
async fn broker(said: &'static [u8], stays: bool) -> SocketAddr {
    serve(move |mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(said).await.unwrap();
        while stays && stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    })
    .await
}

async fn met(said: &'static [u8], stays: bool, more: Value) -> Reading {
    let written = probe(broker(said, stays).await, more);
    Prober::new(tools()).run(&errand(Duration::from_millis(700), vec![step(&written)]), order()).await
}

#[tokio::test]
async fn each_way_to_fail_has_its_code() {
    let connect = || json!({});
    let v5 = || json!({ "version": "5" });
    let talk = || json!({ "publish": { "topic": "t" } });
    let accepted = b"\x20\x02\x00\x00\x90\x03\x00\x01\x00";
    for (said, stays, more, wanted, phase) in [
        (&b""[..], true, connect(), FaultCode::Timeout, Phase::Wait),
        (b"", false, connect(), FaultCode::Truncated, Phase::Wait),
        (b"\x20\x02\x00\x04", true, connect(), FaultCode::MqttRefused, Phase::Wait),
        (b"\x20\x08\x00\x86\x05\x1f\x00\x02no", true, v5(), FaultCode::MqttRefused, Phase::Wait),
        (b"\xe0\x01\x8b", true, v5(), FaultCode::MqttRefused, Phase::Wait),
        (b"\x90\x03\x00\x01\x00", true, connect(), FaultCode::Protocol, Phase::Wait),
        (b"\xf0\x00", true, connect(), FaultCode::Protocol, Phase::Wait),
        (b"\x20\x01\x00", true, connect(), FaultCode::Protocol, Phase::Wait),
        (b"\x20\xff\xff\xff\xff\xff", true, connect(), FaultCode::Protocol, Phase::Wait),
        (b"\x20\x02\x00\x00\x90\x03\x00\x01\x80", true, talk(), FaultCode::MqttRefused, Phase::Send),
        (accepted, true, talk(), FaultCode::Undelivered, Phase::Receive),
        (accepted, false, talk(), FaultCode::Truncated, Phase::Receive),
    ] {
        let reading = met(said, stays, more).await;
        let fault =
            reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{said:x?}: {:?}", reading.outcome.verdict));
        // A peer that is gone while we speak may also reset.
        let gone = fault.code == FaultCode::Reset && wanted == FaultCode::Truncated;
        assert!(fault.code == wanted || gone, "{said:x?}: {fault:?}");
        assert!(fault.phase == Some(phase) || gone, "{said:x?}: {fault:?}");
    }
}

#[tokio::test]
async fn what_a_topic_holds_is_read() {
    let retained = b"\x20\x02\x00\x00\x31\x05\x00\x01t42\x90\x03\x00\x01\x00";
    let mut written = probe(broker(retained, true).await, json!({ "receive": "t" }));
    written["expect"] = json!({ "message": { "above": 41 } });
    assert_eq!(code(written).await, None);
    // What was there before is no answer to what is said now.
    let reading = met(retained, true, json!({ "receive": "t", "publish": { "topic": "other" } })).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Undelivered));
    // Told after the subscription stands, too: the next one is the answer.
    let both = b"\x20\x02\x00\x00\x90\x03\x00\x01\x00\x31\x05\x00\x01t42\x30\x05\x00\x01t43";
    let mut written =
        probe(broker(both, true).await, json!({ "receive": "t", "publish": { "topic": "other", "payload": "x" } }));
    written["expect"] = json!({ "message": "43" });
    assert_eq!(code(written).await, None);
}

#[tokio::test]
async fn a_message_that_came_back_may_still_be_refused() {
    let said = b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x01\x30\x05\x00\x01t\x00x\x40\x03\x00\x02\x97";
    let more = json!({ "version": "5", "qos": 1, "publish": { "topic": "t", "payload": "x" } });
    let reading = met(said, true, more).await;
    let fault = reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{:?}", reading.outcome.verdict));
    assert!(fault.code == FaultCode::MqttRefused && fault.text.contains("a quota is used up"), "{fault}");
}

#[tokio::test]
async fn hostile_brokers_have_an_end() {
    // One packet of 256 MiB is announced.
    let reading = met(b"\x20\xff\xff\xff\x7f", true, json!({})).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::Protocol));
    let flood = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let message = [&b"\x30\xff\xff\x03\x00\x01t"[..], &vec![b'x'; 65_532]].concat();
        let _ = stream.write_all(b"\x20\x02\x00\x00\x90\x03\x00\x01\x00").await;
        while stream.write_all(&message).await.is_ok() {}
    })
    .await;
    let reading = run(json!([probe(flood, json!({ "publish": { "topic": "t" } }))])).await;
    let fault = reading.outcome.verdict.fault().unwrap();
    assert_eq!((fault.code, fault.phase), (FaultCode::Protocol, Some(Phase::Receive)), "{fault}");
    assert!(fault.text.contains("too much for one run"), "{fault}");
}

#[test]
fn settings_say_what_is_wrong() {
    for (wrong, why) in [
        (json!({ "connect": "http://h" }), "it begins with `mqtt://`"),
        (json!({ "connect": "mqtt://u:p@h" }), "stands under `user`"),
        (json!({ "connect": "mqtt://h", "version": "4" }), "none of `3.1.1`, `5`"),
        (json!({ "connect": "mqtt://h", "qos": 3 }), "none of 0, 1, 2"),
        (json!({ "connect": "mqtt://h", "publish": {} }), "topic"),
    ] {
        let error = Kind::decode("mqtt", wrong).unwrap().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
