//! `dns` against name servers that answer, refuse, lie and stay silent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX};
use hickory_resolver::proto::rr::{Name, RData, Record};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use unbroken::model::{FaultCode, Verdict};
use unbroken::probe::Prober;

use super::{code, fault_of, found};
use crate::parts::free_address;
use crate::walk::{errand, order, run, step, tools};

/// Answers each question with whatever datagrams `answer` makes of it.
async fn server(answer: impl Fn(Message) -> Vec<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for datagram in answer(Message::from_vec(&buffer[..length]).unwrap()) {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    address
}

/// The beginning of an answer.
fn answer(question: &Message, code: ResponseCode) -> Message {
    let mut answer = question.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.response_code = code;
    answer
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn address(owner: &str, last: u8, ttl: u32) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
}

fn lookup(server: SocketAddr) -> Value {
    json!({ "dns": { "lookup": "www.example.com", "server": server.to_string() } })
}

#[tokio::test]
async fn records_are_read_and_expected() {
    let server = server(|question| {
        let mut answer = answer(&question, ResponseCode::NoError);
        answer.add_answer(Record::from_rdata(
            name("www.example.com."),
            60,
            RData::CNAME(CNAME(name("web.example.com."))),
        ));
        answer.add_answers([address("web.example.com.", 7, 300), address("web.example.com.", 8, 20)]);
        // What nobody asked for is no record (poisoned additional).
        answer.add_additional(address("bank.example.com.", 66, 1));
        answer.add_answer(Record::from_rdata(
            name("example.com."),
            5,
            RData::MX(MX::new(10, name("mail.example.com."))),
        ));
        vec![answer.to_vec().unwrap()]
    })
    .await;
    let mut written = lookup(server);
    written["expect"] = json!({
        "rcode": "NOERROR", "records": { "contains": "192.0.2.7", "length": 2, "matches": "^192\\.0\\.2\\." },
        "ttl": { "between": [10, 60] }, "latency": { "below": "5s" },
    });
    written["capture"] = json!({ "records": { "field": "records" } });
    let reading = run(json!([written])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    assert_eq!(reading.outcome.steps[0].captured[0].value.as_deref(), Some(r#"["192.0.2.7","192.0.2.8"]"#));
    assert_eq!(reading.outcome.steps[0].peer, Some(server));
    written["expect"] = json!({ "records": { "contains": "192.0.2.9" } });
    let reading = run(json!([written])).await;
    assert_eq!(found(&reading), r#"["192.0.2.7","192.0.2.8"]"#);
}

#[tokio::test]
async fn five_reasons_have_five_codes() {
    for (rcode, wanted) in [
        (ResponseCode::NXDomain, FaultCode::DnsNxdomain),
        (ResponseCode::ServFail, FaultCode::DnsServfail),
        (ResponseCode::Refused, FaultCode::DnsRefused),
        (ResponseCode::FormErr, FaultCode::DnsFormerr),
        (ResponseCode::NoError, FaultCode::DnsEmpty),
        (ResponseCode::NotImp, FaultCode::Rcode),
    ] {
        let server = server(move |question| vec![answer(&question, rcode).to_vec().unwrap()]).await;
        assert_eq!(code(lookup(server)).await, Some(wanted));
    }
    let gone = server(|question| vec![answer(&question, ResponseCode::NXDomain).to_vec().unwrap()]).await;
    let expecting = |rcode: &str| {
        let mut written = lookup(gone);
        written["expect"] = json!({ "rcode": rcode });
        written
    };
    assert_eq!(code(expecting("NXDOMAIN")).await, None);
    assert_eq!(code(expecting("NOERROR")).await, Some(FaultCode::Rcode));
}

#[tokio::test]
async fn forgeries_are_passed_over() {
    let server = server(|question| {
        let mut wrong_id = answer(&question, ResponseCode::NXDomain);
        wrong_id.metadata.id = question.metadata.id.wrapping_add(1);
        let mut wrong_name = answer(&question, ResponseCode::NXDomain);
        wrong_name.queries[0].set_name(name("www.example.org."));
        let mut right = answer(&question, ResponseCode::NoError);
        right.add_answer(address("www.example.com.", 7, 60));
        [wrong_id, wrong_name, right].iter().map(|message| message.to_vec().unwrap()).chain([vec![0; 3]]).collect()
    })
    .await;
    assert_eq!(code(lookup(server)).await, None);
}

#[tokio::test]
async fn old_servers_are_asked_without_extensions() {
    let server = server(|question| {
        let mut reply = answer(&question, ResponseCode::NoError);
        if question.edns.is_some() {
            reply.metadata.response_code = ResponseCode::FormErr;
            reply.edns = None;
        } else {
            reply.add_answer(address("www.example.com.", 7, 60));
        }
        vec![reply.to_vec().unwrap()]
    })
    .await;
    assert_eq!(code(lookup(server)).await, None);
}

#[tokio::test]
async fn circles_and_garbage_are_named() {
    let circle = server(|question| {
        let mut reply = answer(&question, ResponseCode::NoError);
        for (from, to) in [("www.example.com.", "a.example.com."), ("a.example.com.", "www.example.com.")] {
            reply.add_answer(Record::from_rdata(name(from), 60, RData::CNAME(CNAME(name(to)))));
        }
        vec![reply.to_vec().unwrap()]
    })
    .await;
    assert_eq!(code(lookup(circle)).await, Some(FaultCode::DnsLoop));

    // A name that points to itself, behind a proper header.
    let garbage = server(|question| {
        let mut bytes = question.metadata.id.to_be_bytes().to_vec();
        bytes.extend([0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1]);
        vec![bytes]
    })
    .await;
    assert_eq!(code(lookup(garbage)).await, Some(FaultCode::DnsMalformed));
}

#[tokio::test]
async fn silence_and_closed_ports_are_told_apart() {
    let silent = server(|_| vec![]).await;
    let steps = vec![step(&lookup(silent))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(200), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::DnsTimeout));
    let closed = free_address();
    assert_eq!(code(lookup(closed)).await, Some(FaultCode::ConnectRefused));
}

#[tokio::test]
async fn a_cut_answer_is_fetched_over_tcp() {
    let cut = |question: Message| {
        let mut reply = answer(&question, ResponseCode::NoError);
        reply.metadata.truncation = true;
        vec![reply.to_vec().unwrap()]
    };
    // Nothing listens for TCP there.
    assert_eq!(code(lookup(server(cut).await)).await, Some(FaultCode::DnsTruncated));

    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = tcp.local_addr().unwrap();
    let udp = Arc::new(UdpSocket::bind(at).await.unwrap());
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
        udp.send_to(&cut(Message::from_vec(&buffer[..length]).unwrap())[0], from).await.unwrap();
        let (mut stream, _) = tcp.accept().await.unwrap();
        let length = usize::from(stream.read_u16().await.unwrap());
        stream.read_exact(&mut buffer[..length]).await.unwrap();
        let mut reply = answer(&Message::from_vec(&buffer[..length]).unwrap(), ResponseCode::NoError);
        reply.add_answers((0..200).map(|last| address("www.example.com.", last, 60)));
        let bytes = reply.to_vec().unwrap();
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    let mut written = lookup(at);
    written["expect"] = json!({ "records": { "length": 200 } });
    assert_eq!(code(written).await, None);
}

#[tokio::test]
async fn a_cut_answer_that_tcp_never_completes_is_told_in_time() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = tcp.local_addr().unwrap();
    let udp = UdpSocket::bind(at).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        let mut held = Vec::new();
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let mut reply = answer(&Message::from_vec(&buffer[..length]).unwrap(), ResponseCode::NoError);
            reply.metadata.truncation = true;
            udp.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            held.push(tcp.accept().await.unwrap());
        }
    });
    let steps = vec![step(&lookup(at))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(400), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::DnsTruncated));
}

#[tokio::test]
async fn answers_from_another_port_are_never_seen() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let mut reply = answer(&Message::from_vec(&buffer[..length]).unwrap(), ResponseCode::NoError);
            reply.add_answer(address("www.example.com.", 66, 60));
            other.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
        }
    });
    let steps = vec![step(&lookup(at))];
    let reading = Prober::new(tools()).run(&errand(Duration::from_millis(300), steps), order()).await;
    assert_eq!(fault_of(&reading), Some(FaultCode::DnsTimeout));
}

#[tokio::test]
async fn malformed_answers_never_crash_and_have_one_code() {
    // Behind a right header and question: a label of 64 bytes, a length beyond the end, counts without records.
    for tail in [&[64, b'x'][..], &[0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 200, 1], &[0xc0], &[]] {
        let tail = tail.to_vec();
        let server = server(move |question| {
            let mut bytes = answer(&question, ResponseCode::NoError);
            bytes.edns = None;
            let mut bytes = bytes.to_vec().unwrap();
            bytes[7] = 3;
            bytes.extend(&tail);
            vec![bytes]
        })
        .await;
        assert_eq!(code(lookup(server)).await, Some(FaultCode::DnsMalformed));
    }
}

#[tokio::test]
async fn an_address_is_looked_up_backwards() {
    let server = server(|question| {
        assert_eq!(question.queries[0].name().to_utf8(), "7.2.0.192.in-addr.arpa.");
        let mut reply = answer(&question, ResponseCode::NoError);
        let owner = question.queries[0].name().clone();
        let target = hickory_resolver::proto::rr::rdata::PTR(name("www.example.com."));
        reply.add_answer(Record::from_rdata(owner, 60, RData::PTR(target)));
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let written = json!({ "dns": { "lookup": "192.0.2.7", "type": "PTR", "server": server.to_string() },
        "expect": { "records": { "contains": "www.example.com" } } });
    assert_eq!(code(written).await, None);
}
