//! Every protocol, fed by a server with what nobody would say. Parsers that can be called without a connection have
//! their targets beside them, in `mod fuzz`; what all of them are fed with is [`bent`].
//!
//! `./tests/run --fuzz` gives each target a minute.

mod bent;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_tungstenite::accept_async;
use unbroken::model::{SelfFault, Verdict};
use unbroken::probe::pdf::{Unread, text};
use unbroken::probe::template::Template;
use unbroken::probe::{Kind, Prober, Scope};

use crate::walk::{errand, order, serve, step, tools};
use bent::Bent;

/// Inputs of an ordinary run, and of one that has to connect for each.
const INPUTS: usize = 300;
const CONNECTIONS: usize = 60;

/// Calls `target` with one input after the other; a panic in it tells the seed.
async fn fuzz<F: Future<Output = ()>>(inputs: usize, corpus: &[&[u8]], mut target: impl FnMut(Vec<u8>) -> F) {
    for (tried, input) in Bent::of(inputs, corpus).enumerate() {
        if tried.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
        target(input).await;
    }
}

/// One run against a server that says something bent: it ends, and it ends with a verdict on the other side.
async fn survives(written: &Value, said: &[u8]) {
    let steps = vec![step(written)];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(150), steps), order()).await;
    let outcome = &reading.outcome;
    // What is asked of us that we cannot do is said as such.
    let ours = matches!(&outcome.verdict, Verdict::Inconclusive { why: SelfFault::Panicked | SelfFault::Unsupported, text }
        if !text.contains("which we do not know"));
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

/// What the server of the next run says, piece by piece.
type Said = Arc<Mutex<Vec<Vec<u8>>>>;

async fn speaker(said: &Said) -> SocketAddr {
    let said = Arc::clone(said);
    serve(move |mut stream| {
        let said = said.lock().unwrap().clone();
        async move {
            say(&mut stream, &said).await;
            // Whatever is said to it, it says all of it again.
            while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                say(&mut stream, &said).await;
            }
        }
    })
    .await
}

async fn say(stream: &mut TcpStream, pieces: &[Vec<u8>]) {
    let _ = stream.set_nodelay(true);
    for piece in pieces {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
}

/// A step hears one bent answer after the other.
async fn hear_out(said: &Said, written: &Value, corpus: &[&[u8]]) {
    let mut bent = Bent::of(CONNECTIONS, corpus);
    while let Some(input) = bent.next() {
        let pieces = bent.pieces(&input);
        // A thousand packets of a byte each are slow, not telling.
        *said.lock().unwrap() = if pieces.len() > 50 { vec![input.clone()] } else { pieces };
        survives(written, &input).await;
    }
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
                say(&mut stream, &said).await;
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
async fn replies_from_mail_servers_are_heard_out() {
    let said = Said::default();
    let address = speaker(&said).await;
    let login = json!({ "user": "anna", "password": "pw" });
    let smtp = json!({ "smtp": { "connect": address.to_string(), "security": "none", "login": login,
        "send": { "from": "a@shop.test", "to": ["b@shop.test"], "subject": "x", "text": "y" } } });
    let corpus: &[&[u8]] = &[
        b"220 mx.test ESMTP\r\n250-mx.test\r\n250-SIZE 1\r\n250 AUTH PLAIN LOGIN\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n",
        b"220 mx\r\n250 AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n535 5.7.8 no\r\n",
        b"220-one\r\n220 two\r\n451 4.7.1 later\r\n421 bye\r\n",
    ];
    hear_out(&said, &smtp, corpus).await;
    let imap = json!({ "imap": { "connect": address.to_string(), "security": "none", "login": login, "match": { "subject": "x" } } });
    let corpus: &[&[u8]] = &[
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE] hi\r\n+ \r\nu1 OK\r\nu2 OK in\r\n* 1 EXISTS\r\nu3 OK\r\n* SEARCH 1\r\nu4 OK\r\n\
          * 1 FETCH (UID 1 INTERNALDATE \"22-Nov-2026 02:00:05 +0100\" BODY[HEADER]<0> {14}\r\nSubject: x\r\n\r\n)\r\nu5 OK\r\n\
          * 1 FETCH (UID 1 BODY[]<0> {16}\r\nSubject: x\r\n\r\nhi)\r\nu6 OK\r\n",
        b"* PREAUTH hi\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nu1 OK\r\nu2 NO [AUTHENTICATIONFAILED] no\r\n* BYE\r\n",
    ];
    hear_out(&said, &imap, corpus).await;
}

#[tokio::test]
async fn packets_from_brokers_and_frames_of_grpc_are_heard_out() {
    let said = Said::default();
    let address = speaker(&said).await;
    let mqtt = json!({ "mqtt": { "connect": format!("mqtt://{address}"), "version": "5", "qos": 2,
        "publish": { "topic": "t", "payload": "hi" } } });
    let corpus: &[&[u8]] = &[
        b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x02\x50\x02\x00\x02\x70\x02\x00\x02\x34\x08\x00\x01t\x00\x07\x00hi\x62\x02\x00\x07",
        b"\x20\x08\x00\x86\x05\x1f\x00\x02no\xe0\x02\x8b\x00\xd0\x00",
    ];
    hear_out(&said, &mqtt, corpus).await;
    let grpc = json!({ "grpc": { "connect": address.to_string() } });
    let head =
        [&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 20, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x10, 16][..], b"application/grpc"]
            .concat();
    let answer = [
        &head[..],
        &[0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, 1],
        &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    ]
    .concat();
    hear_out(&said, &grpc, &[&answer, &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7]]).await;
}

#[tokio::test]
async fn telephone_exchanges_are_heard_out() {
    let said = Said::default();
    let heard = Arc::clone(&said);
    let address = serve(move |mut stream| {
        let said = heard.lock().unwrap().concat();
        async move {
            let mut request = vec![0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut request).await {
                let answer = addressed(&said, &String::from_utf8_lossy(&request[..read]));
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await;
    let invite = json!({ "sip": { "invite": format!("sip:desk@{address}"), "transport": "tcp",
        "user": "anna", "password": "pw" } });
    let corpus: &[&[u8]] = &[
        b"SIP/2.0 180 Ringing\r\nVia: {v}\r\nFrom: {f}\r\nTo: {t};tag=1\r\nCall-ID: {c}\r\nCSeq: {s}\r\nl: 0\r\n\r\n\
          SIP/2.0 200 OK\r\nVia: {v}\r\nFrom: {f}\r\nTo: {t};tag=1\r\nCall-ID: {c}\r\nCSeq: {s}\r\nContact: <sip:x@127.0.0.1>\r\nl: 5\r\n\r\nv=0\r\n",
        b"SIP/2.0 401 Who\r\nVia: {v}\r\nFrom: {f}\r\nTo: {t};tag=1\r\nCall-ID: {c}\r\nCSeq: {s}\r\n\
          WWW-Authenticate: Digest realm=\"caf\xc3\xa9\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256\r\nContent-Length: 0\r\n\r\n",
        b"BYE sip:unbroken@x SIP/2.0\r\nVia: SIP/2.0/TCP y;branch=q\r\nCall-ID: {c}\r\nCSeq: 9 BYE\r\nl: 0\r\n\r\n",
    ];
    hear_out(&said, &invite, corpus).await;
}

/// The answer with the request's own marks in it.
fn addressed(answer: &[u8], request: &str) -> Vec<u8> {
    let mut text = one_by_one(answer);
    for (mark, name) in [("{v}", "Via: "), ("{f}", "From: "), ("{t}", "To: "), ("{c}", "Call-ID: "), ("{s}", "CSeq: ")]
    {
        let value = request.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        text = text.replace(mark, value);
    }
    text.chars().map(|c| c as u8).collect()
}

/// Each byte as a character of its own.
fn one_by_one(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
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
            let mut answer = heard.lock().unwrap().concat();
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
        *said.lock().unwrap() = vec![input.clone()];
        let written = &written;
        async move { survives(written, &input).await }
    })
    .await;
}

/// A file of one page that says hello.
fn paper() -> Vec<u8> {
    let text = "BT /F1 12 Tf 50 700 Td (Anna Schmidt) Tj 0 -20 Td (45.60) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let (mut file, mut places) = ("%PDF-1.5\n".to_owned(), String::new());
    for (number, object) in (1..).zip(&objects) {
        places += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let start = file.len();
    file += &format!(
        "xref\n0 6\n0000000000 65535 f \n{places}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}

#[tokio::test]
async fn bent_papers_are_read_or_refused() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_unbroken"));
    let whole = paper();
    let read = text(&whole, program, Duration::from_secs(60)).await;
    assert_eq!(read.expect("a PDF file").text, "Anna Schmidt 45.60");
    fuzz(CONNECTIONS, &[&whole], |file| async move {
        let read = text(&file, program, Duration::from_secs(60)).await;
        // Whatever happens to the child: the answer is a text or why there is none.
        assert!(!matches!(read, Err(Unread::NotStarted(_))), "{read:?}");
        assert!(read.is_err() || read.is_ok_and(|read| !read.text.contains(char::is_control)));
    })
    .await;
}
