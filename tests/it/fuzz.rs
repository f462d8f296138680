//! Every parser of our own, fed with what nobody would write: a corpus, cut up, mixed and bent.
//!
//! Not guided by coverage: inputs are mutations of well-formed ones, whose seed is printed when a target fails. An
//! ordinary run tries a few of always the same; `./tests/run --fuzz` tries others for a minute a target.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio_tungstenite::accept_async;
use unbroken::model::{SelfFault, Verdict};
use unbroken::probe::template::Template;
use unbroken::probe::{Kind, Prober, Scope};

use crate::walk::{errand, order, serve, step, tools};

/// Inputs of an ordinary run, and of one that has to connect for each.
const INPUTS: usize = 300;
const CONNECTIONS: usize = 60;
const SECONDS: &str = "UNBROKEN_FUZZ_SECONDS";

/// An endless source of bent inputs.
struct Mutator {
    state: u64,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    fn number(&mut self, below: usize) -> usize {
        // xorshift64*: good enough to bend bytes, and the same everywhere.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }

    fn pick(&mut self) -> Vec<u8> {
        let at = self.number(self.corpus.len());
        self.corpus[at].clone()
    }

    fn next(&mut self) -> Vec<u8> {
        const TELLING: &[&[u8]] = &[
            b"{{",
            b"}}",
            b"\r\n",
            b"\0",
            b"\xff",
            b"\xc0\x0c",
            b"<",
            b">",
            b"\"",
            b"\\",
            b"(?<a>",
            b"\x7f\xff",
            b"\x80",
        ];
        let mut input = self.pick();
        for _ in 0..=self.number(6) {
            let at = self.number(input.len() + 1);
            match self.number(7) {
                0 => input.truncate(at),
                1 => drop(input.splice(at..at, TELLING[self.number(TELLING.len())].iter().copied())),
                2 if at < input.len() => input[at] ^= 1 << self.number(8),
                3 if at < input.len() => input[at] = self.number(256) as u8,
                4 => {
                    let other = self.pick();
                    let from = self.number(other.len() + 1);
                    drop(input.splice(at.., other[from..].iter().copied()));
                }
                5 => {
                    let end = (at + self.number(16)).min(input.len());
                    let again: Vec<u8> = input[at..end].to_vec();
                    drop(input.splice(at..at, again.repeat(1 + self.number(40))));
                }
                _ => {
                    let end = (at + self.number(8)).min(input.len());
                    drop(input.drain(at..end));
                }
            }
        }
        input
    }
}

/// Calls `target` with one input after the other; a panic in it tells the seed.
async fn fuzz<F: Future<Output = ()>>(inputs: usize, corpus: &[&[u8]], mut target: impl FnMut(Vec<u8>) -> F) {
    let seconds = std::env::var_os(SECONDS).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let seed = if seconds.is_some() { rand::random::<u64>() | 1 } else { 0x5eed };
    let mut mutator = Mutator { state: seed, corpus: corpus.iter().map(|input| input.to_vec()).collect() };
    let end = seconds.map(|seconds| tokio::time::Instant::now() + Duration::from_secs(seconds));
    let mut tried = 0usize;
    println!("seed {seed:#x}");
    while end.map_or(tried < inputs, |end| tokio::time::Instant::now() < end) {
        let input = mutator.next();
        if tried.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
        target(input).await;
        tried += 1;
    }
    println!("{tried} inputs");
}

/// One run against a server that says something bent: it ends, and it ends with a verdict on the other side.
async fn survives(written: &Value, said: &[u8]) {
    let steps = vec![step(written)];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(150), steps), order()).await;
    let outcome = &reading.outcome;
    let ours =
        matches!(outcome.verdict, Verdict::Inconclusive { why: SelfFault::Panicked | SelfFault::Unsupported, .. });
    assert!(!ours, "{:?} after {said:?}", outcome.verdict);
    assert!(outcome.took < Duration::from_millis(1150), "{:?} after {said:?}", outcome.took);
    if let Some(fault) = outcome.verdict.fault() {
        assert!(fault.text.chars().count() <= 300 && !fault.text.contains(['\n', '\u{1b}']), "{fault:?}");
    }
}

#[tokio::test]
async fn templates_are_read_or_refused() {
    let corpus: &[&[u8]] =
        &[b"{{base}}/x?q={{ quote }}", b"{\"a\":\"{{persona.name}}\"}", b"<a b='{{x-1}}'/>", b"}}{{", b"plain"];
    fuzz(INPUTS, corpus, |input| async move {
        let text = String::from_utf8_lossy(&input);
        if let Ok(template) = Template::parse(&text) {
            let names: Vec<String> = template.names().map(str::to_owned).collect();
            let again = Template::parse(&template.to_string()).expect("what was read can be read again");
            assert_eq!(names, again.names().collect::<Vec<_>>(), "{text:?}");
            // Names that stand for nothing leave nothing; everything else stays as it is.
            let rendered = template.render(&Scope::default()).into_owned();
            assert!(
                rendered.len() <= text.len() && !names.iter().any(|name| rendered.contains(&format!("{{{{{name}}}}}"))),
                "{text:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn settings_of_dialogues_are_read_or_refused() {
    let corpus: &[&[u8]] = &[
        br#"{"connect":"h:1","dialogue":[{"expect":"^220 (?<id>.)"},{"send":["A ",{"base64":["\u0000u\u0000","{{id}}"]}]},{"starttls":{}},{"expect":{"literal":"{{id}}"}}]}"#,
        br#"{"open":"ws://h/","dialogue":[{"send":"{\"a\":1}"},{"expect":{"json":{"$.a":{"above":1}}}},{"capture":{"b":{"json":"$.b"}}}]}"#,
        br#"{"lookup":"x.example","type":"HTTPS","server":["tls://a:1","https://b/q"],"dnssec":true}"#,
    ];
    fuzz(INPUTS, corpus, |input| async move {
        if let Ok(value) = serde_json::from_slice::<Value>(&input) {
            for kind in ["tcp", "tls", "websocket", "dns"] {
                if let Some(Ok(kind)) = Kind::decode(kind, value.clone()) {
                    kind.parts(&mut |_| ());
                    kind.captures(&mut |name| assert!(!name.is_empty()));
                }
            }
        }
    })
    .await;
}

/// What the server of the next run says.
type Said = Arc<Mutex<Vec<u8>>>;

async fn speaker(said: &Said) -> SocketAddr {
    let said = Arc::clone(said);
    serve(move |mut stream| {
        let said = said.lock().unwrap().clone();
        async move {
            let _ = stream.write_all(&said).await;
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&said).await;
        }
    })
    .await
}

/// A step hears one bent answer after the other.
async fn hear_out(said: &Said, written: &Value, corpus: &[&[u8]]) {
    fuzz(CONNECTIONS, corpus, |input| {
        said.lock().unwrap().clone_from(&input);
        async move { survives(written, &input).await }
    })
    .await;
}

#[tokio::test]
async fn lines_from_strangers_are_heard_out() {
    let said = Said::default();
    let address = speaker(&said).await;
    let written = json!({ "tcp": { "connect": address.to_string(), "dialogue": [
        { "expect": "^220[ -](?<host>\\S+)" }, { "send": "EHLO {{host}}\r\n" }, { "expect": "^250 |<proceed" },
        { "send": "STARTTLS\r\n" }, { "expect": "^220 |<proceed" }, { "starttls": { "insecure": true } },
    ] } });
    let corpus: &[&[u8]] = &[
        b"220 mx.example ESMTP\r\n",
        b"250-SIZE\r\n250 STARTTLS\r\n220 go\r\n",
        b"220 x\n<proceed xmlns='x'/>",
        b"* OK [CAPABILITY] ready\r\n",
    ];
    hear_out(&said, &written, corpus).await;
}

#[tokio::test]
async fn frames_from_strangers_are_heard_out() {
    let said = Said::default();
    let heard = Arc::clone(&said);
    let address = serve(move |stream| {
        let said = heard.lock().unwrap().clone();
        async move {
            if let Ok(socket) = accept_async(stream).await {
                let mut stream = socket.into_inner();
                let _ = stream.write_all(&said).await;
            }
        }
    })
    .await;
    let written = json!({ "websocket": { "open": format!("ws://{address}/"), "dialogue": [
        { "expect": { "json": { "$.from": { "exists": true } } } }, { "capture": { "from": { "json": "$.from" } } },
        { "send": "{\"to\":\"{{from}}\"}" }, { "expect": { "text": { "contains": "{{from}}" } } },
    ] } });
    let corpus: &[&[u8]] = &[
        b"\x81\x0c{\"from\":\"x\"}\x81\x03x x",
        b"\x01\x02{}\x80\x01x",
        b"\x89\x00\x8a\x01x\x88\x02\x03\xe8",
        b"\x82\x7e\x01\x00xxxxxxxx",
    ];
    hear_out(&said, &written, corpus).await;
}

#[tokio::test]
async fn answers_from_strangers_are_heard_out() {
    let said = Said::default();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let heard = Arc::clone(&said);
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let mut answer = heard.lock().unwrap().clone();
            // The right id, so that it is looked at.
            if answer.len() >= 2 && length >= 2 {
                answer[..2].copy_from_slice(&buffer[..2]);
            }
            let _ = socket.send_to(&answer, from).await;
        }
    });
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let mut message = Message::query();
    message.metadata.message_type = MessageType::Response;
    message.metadata.response_code = ResponseCode::NoError;
    let query =
        hickory_resolver::proto::op::Query::query(name("www.example.com."), hickory_resolver::proto::rr::RecordType::A);
    message.add_query(query);
    message.add_answer(Record::from_rdata(name("www.example.com."), 60, RData::CNAME(CNAME(name("a.example.com.")))));
    message.add_answer(Record::from_rdata(name("a.example.com."), 60, RData::A(A([192, 0, 2, 7].into()))));
    let whole = message.to_vec().unwrap();
    let written = json!({ "dns": { "lookup": "www.example.com", "server": address.to_string() } });
    fuzz(CONNECTIONS, &[&whole], |input| {
        // Most are answers; what is none would only be waited for.
        let mut input = input;
        if input.len() > 2 {
            input[2] |= 0x80;
        }
        said.lock().unwrap().clone_from(&input);
        let written = &written;
        async move { survives(written, &input).await }
    })
    .await;
}
