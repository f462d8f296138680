//! A customer signs in to a real XMPP server, by `tcp` and by `websocket`, with nothing but dialogues.

use serde_json::{Value, json};
use unbroken::model::{FaultCode, Verdict};

use super::{fault_of, found};
use crate::parts::prosody::{ACCOUNT, PASSWORD, Prosody};
use crate::walk::run;

const OPEN: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn auth(password: &str) -> Value {
    let secret = json!({ "$unbroken::secret": ["env PASSWORD", password] });
    json!([
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>",
        { "base64": [format!("\0{ACCOUNT}\0"), secret] },
        "</auth>",
    ])
}

const BIND: &str = "<iq type='set' id='b1' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>probe</resource></bind></iq>";
const PING: &str =
    "<iq type='get' id='p1' from='{{jid}}' to='localhost' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>";

fn by_tcp(server: &Prosody, password: &str) -> Value {
    json!([{ "tcp": { "connect": server.plain.to_string(), "dialogue": [
        { "send": OPEN }, { "expect": "<starttls .*</stream:features>" },
        { "send": "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" }, { "expect": "<proceed " },
        { "starttls": { "server_name": "localhost", "ca": server.ca() } },
        { "send": OPEN }, { "expect": "<mechanism>PLAIN</mechanism>.*</stream:features>" },
        { "send": auth(password) }, { "expect": "<success" },
        { "send": OPEN }, { "expect": "<bind .*</stream:features>" },
        { "send": BIND }, { "expect": "<jid>(?<jid>[^<]+)</jid>" },
        { "send": PING }, { "expect": "<iq [^>]*id='p1'[^>]*type='result'|<iq [^>]*type='result'[^>]*id='p1'" },
        { "send": "</stream:stream>" },
    ] }, "expect": { "jid": format!("{ACCOUNT}@localhost/probe") } }])
}

fn by_websocket(server: &Prosody, password: &str) -> Value {
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
    let matches = |pattern: &str| json!({ "expect": { "text": { "matches": pattern } } });
    json!([{ "websocket": { "open": format!("ws://{}/xmpp-websocket", server.web), "subprotocol": "xmpp",
        // Prosody looks its virtual host up by the request's.
        "headers": { "host": "localhost" }, "dialogue": [
        { "send": open }, matches("<mechanism>PLAIN</mechanism>"),
        { "send": auth(password) }, matches("<success"),
        { "send": open }, matches("<bind "),
        { "send": BIND }, matches("<jid>"), { "capture": { "jid": { "text": "<jid>([^<]+)</jid>" } } },
        { "send": PING }, matches("type='result'"),
        { "send": "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>" },
    ] }, "expect": { "jid": format!("{ACCOUNT}@localhost/probe"), "subprotocol": "xmpp" } }])
}

#[tokio::test]
async fn a_customer_signs_in_to_prosody_with_dialogues_alone() {
    let server = Prosody::start();
    for login in [by_tcp, by_websocket] {
        let reading = run(login(&server, PASSWORD)).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{:#?}", reading.outcome);
        let reading = run(login(&server, "wrong-password")).await;
        assert!(matches!(fault_of(&reading), Some(FaultCode::Expectation)), "{:?}", reading.outcome);
        assert!(found(&reading).contains("not-authorized"), "{}", found(&reading));
        let told = format!("{:?}", reading.outcome);
        assert!(!told.contains("wrong-password") && !told.contains("AGFubmEA"), "{told}");
    }
}
