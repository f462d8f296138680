//! A name server that answers as it is told.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::Task;

/// How a name server behaves.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// Every name means this address; none has an IPv6 one.
    Address(Ipv4Addr),
    Code(ResponseCode),
    Garbage,
    Silent,
    /// Every name means the first address when it is looked up for the first time, and the second from then on.
    Rebinds(IpAddr, IpAddr),
}

pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    _task: Task,
}

impl Dns {
    pub(crate) async fn serve(manner: Manner) -> Self {
        Self::serve_on("127.0.0.1:0", manner).await
    }

    /// Knows these records, and that there are no others; every other name means this machine.
    pub(crate) async fn zone(records: &[(&str, RData)]) -> Self {
        let own = |(name, data): &(&str, RData)| Record::from_rdata(Name::from_ascii(name).unwrap(), 0, data.clone());
        let records: Vec<Record> = records.iter().map(own).collect();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = Task::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let Ok(asked) = Message::from_vec(&buffer[..length]) else { continue };
                let mut message = Message::response(asked.metadata.id, OpCode::Query);
                for query in &asked.queries {
                    message.add_query(query.clone());
                    let is_meant = |record: &&Record| record.name == *query.name();
                    let known: Vec<&Record> = records.iter().filter(is_meant).collect();
                    let wanted = known.iter().filter(|record| record.record_type() == query.query_type());
                    wanted.for_each(|record| _ = message.add_answer((*record).clone()));
                    if known.is_empty() && query.query_type() == RecordType::A {
                        let here = RData::A(A(Ipv4Addr::LOCALHOST));
                        message.add_answer(Record::from_rdata(query.name().clone(), 0, here));
                    }
                }
                let _ = socket.send_to(&message.to_vec().unwrap(), from).await;
            }
        });
        Self { address, _task: task }
    }

    pub(crate) async fn serve_on(address: &str, manner: Manner) -> Self {
        let socket = UdpSocket::bind(address).await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = Task::spawn(async move {
            let mut buffer = [0; 4096];
            let mut asked = BTreeMap::new();
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                if let Some(answer) = answer(manner, &buffer[..length], &mut asked) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Self { address, _task: task }
    }
}

fn answer(manner: Manner, question: &[u8], times: &mut BTreeMap<RecordType, u32>) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let mut message = Message::response(asked.metadata.id, OpCode::Query);
    for query in &asked.queries {
        message.add_query(query.clone());
    }
    match manner {
        Manner::Silent => return None,
        Manner::Garbage => {
            // The right header, then a name that points to itself.
            let mut bytes = message.to_vec().unwrap();
            bytes[6..8].copy_from_slice(&[0, 1]);
            let here = bytes.len() as u16;
            bytes.extend_from_slice(&(0xc000 | here).to_be_bytes());
            bytes.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]);
            return Some(bytes);
        }
        Manner::Code(code) => message.metadata.response_code = code,
        Manner::Rebinds(first, then) => {
            for query in &asked.queries {
                let before = times.entry(query.query_type()).or_default();
                let means = if *before == 0 { first } else { then };
                *before += 1;
                let data = match (means, query.query_type()) {
                    (IpAddr::V4(ip), RecordType::A) => RData::A(A(ip)),
                    (IpAddr::V6(ip), RecordType::AAAA) => RData::AAAA(AAAA(ip)),
                    _ => continue,
                };
                message.add_answer(Record::from_rdata(query.name().clone(), 0, data));
            }
        }
        Manner::Address(ip) => {
            for query in asked.queries.iter().filter(|query| query.query_type() == RecordType::A) {
                message.add_answer(Record::from_rdata(query.name().clone(), 60, RData::A(A(ip))));
            }
        }
    }
    Some(message.to_vec().unwrap())
}
