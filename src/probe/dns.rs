//! Asks one name server one question, as a resolver does: over UDP, over TCP when the answer does not fit.

pub mod record;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

use record::{Type, rcode, text};

use super::connect::resolve::Family;
use super::connect::{Target, addresses, connect, dial};
use super::endpoint::{borrowed, split};
use super::template::{Place, Template};
use super::{Act, Field, Part, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, Phase, SelfFault};

/// A lost datagram is sent again after this, as resolvers do; the time counts.
const AGAIN: Duration = Duration::from_secs(2);
/// What we say we can take (DNS flag day 2020).
const PAYLOAD_BYTES: u16 = 1232;
const RECORDS_MAX: usize = 256;

/// Asks for the records of a name.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name; a trailing dot is implied.
    pub lookup: Template,
    #[serde(default, rename = "type")]
    pub kind: Type,
    /// The name server, `host` or `host:port`; the machine's own, if absent.
    pub server: Option<Template>,
}

impl Act for Settings {
    const DOES: &'static str = "looks up a name at a name server, over UDP and, if need be, TCP";
    const FIELDS: &'static [Field] = &[Field::Rcode, Field::Records, Field::Ttl, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.lookup, Place::Line));
        self.server.iter().for_each(|server| see(Part::Template(server, Place::Address)));
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (servers, whose) = self.servers(run).await?;
        let name = self.name(run)?;
        run.attribute("dns.question.name", name.to_utf8());
        run.attribute("dns.question.type", RecordType::from(self.kind).to_string());
        run.phases.begin(Phase::Dns);
        let mut question =
            Question { id: (run.tools.random)() as u16, name, kind: RecordType::from(self.kind), edns: true };
        let answer = question.ask_in_turn(run, &servers, whose).await?;
        run.phases.end();
        let reply = question.reply(&answer)?;
        run.attribute("dns.response.code", rcode(answer.metadata.response_code));
        Ok(reply)
    }
}

/// Whose name server does not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Theirs,
    /// The machine's: its trouble is ours.
    Ours,
}

impl Settings {
    async fn servers(&self, run: &mut Run<'_>) -> Result<(Vec<SocketAddr>, Whose), Stop> {
        let Some(server) = &self.server else {
            let own = |why| Stop::Own(SelfFault::ResolverUnreachable, why);
            let known = run.tools.network.resolver.servers().map_err(own)?;
            return Ok((known, Whose::Ours));
        };
        let text = server.render(run.scope);
        let (host, port) = split(&text, Some(53)).map_err(|why| Fault::new(FaultCode::Expectation, why))?;
        let found = addresses(run, &borrowed(&host), Family::Any).await?;
        let first = found.first().ok_or_else(|| Fault::new(FaultCode::DnsEmpty, format!("`{host}` has no address")))?;
        Ok((vec![SocketAddr::new(*first, port)], Whose::Theirs))
    }

    fn name(&self, run: &Run<'_>) -> Result<Name, Stop> {
        let text = self.lookup.render(run.scope);
        let mut name = Name::from_utf8(text.trim())
            .map_err(|error| Fault::new(FaultCode::Expectation, format!("`{text}` is not a name: {error}")))?;
        name.set_fqdn(true);
        Ok(name)
    }
}

struct Question {
    id: u16,
    name: Name,
    kind: RecordType,
    edns: bool,
}

impl Question {
    fn bytes(&self) -> Result<Vec<u8>, Stop> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(self.name.clone(), self.kind));
        if self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD_BYTES);
            message.set_edns(edns);
        }
        message.to_vec().map_err(|error| Stop::Own(SelfFault::Unsupported, format!("cannot ask this: {error}")))
    }

    /// Asks the first server, and the next if it stays silent or cannot be asked; the last has all the time that is left.
    async fn ask_in_turn(&mut self, run: &mut Run<'_>, servers: &[SocketAddr], whose: Whose) -> Result<Message, Stop> {
        let mut after = servers.len();
        for server in servers {
            after -= 1;
            run.peer = Some(*server);
            let patience = AGAIN.min(run.left() / (after as u32 + 1));
            let asked = self.ask(run, *server, whose);
            if after == 0 {
                return asked.await;
            }
            if let Ok(Ok(answer)) = timeout(patience, asked).await {
                return Ok(answer);
            }
        }
        Err(Stop::Own(SelfFault::ResolverUnreachable, "no name server is configured".to_owned()))
    }

    async fn ask(&mut self, run: &mut Run<'_>, server: SocketAddr, whose: Whose) -> Result<Message, Stop> {
        let mut answer = self.over_udp(server, whose).await?;
        if answer.metadata.response_code == ResponseCode::FormErr && answer.edns.is_none() {
            // An old server that does not know EDNS (RFC 6891, 7).
            self.edns = false;
            answer = self.over_udp(server, whose).await?;
        }
        if answer.metadata.truncation {
            answer = self.over_tcp(run, server).await?;
        }
        Ok(answer)
    }

    async fn over_udp(&self, server: SocketAddr, whose: Whose) -> Result<Message, Stop> {
        let local: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
        let stop = |error: io::Error| refused(server, whose, &error);
        let socket = UdpSocket::bind(local).await.map_err(stop)?;
        // Connected: datagrams from anywhere else are not even seen.
        socket.connect(server).await.map_err(stop)?;
        let bytes = self.bytes()?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            socket.send(&bytes).await.map_err(stop)?;
            let again = Instant::now() + AGAIN;
            while let Ok(received) = timeout_at(again, socket.recv(&mut buffer)).await {
                let length = received.map_err(stop)?;
                if let Some(answer) = self.read(&buffer[..length])? {
                    return Ok(answer);
                }
            }
        }
    }

    async fn over_tcp(&self, run: &mut Run<'_>, server: SocketAddr) -> Result<Message, Stop> {
        let cut = |why: String| {
            Fault::new(FaultCode::DnsTruncated, format!("the answer did not fit, and over TCP {why}"))
                .during(Phase::Dns)
        };
        let host = match server {
            SocketAddr::V4(address) => url::Host::Ipv4(*address.ip()),
            SocketAddr::V6(address) => url::Host::Ipv6(*address.ip()),
        };
        // A little before the deadline, so that it can be told what did not come.
        let patience = Instant::now() + run.left().mul_f64(0.9);
        let exchange = async {
            let mut stream = connect(run, &Target::written(host, server.port())).await.map_err(|stop| match stop {
                Stop::Fault(fault) => Stop::Fault(cut(fault.text)),
                own @ Stop::Own(..) => own,
            })?;
            run.phases.begin(Phase::Dns);
            let bytes = self.bytes()?;
            let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
            stream.write_all(&[&length[..], &bytes].concat()).await.map_err(|error| cut(error.to_string()))?;
            let length = stream.read_u16().await.map_err(|error| cut(error.to_string()))?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await.map_err(|error| cut(error.to_string()))?;
            self.read(&answer)?.ok_or_else(|| Stop::Fault(cut("another question was answered".to_owned())))
        };
        timeout_at(patience, exchange).await.unwrap_or_else(|_| Err(cut("nothing came".to_owned()).into()))
    }

    /// The answer; `None` for what answers something else and may be a forgery.
    fn read(&self, bytes: &[u8]) -> Result<Option<Message>, Stop> {
        // Id and the response bit: what is not even that is not for us.
        if bytes.len() < 12 || u16::from_be_bytes([bytes[0], bytes[1]]) != self.id || bytes[2] & 0x80 == 0 {
            return Ok(None);
        }
        let message = Message::from_vec(bytes).map_err(|error| {
            Fault::new(FaultCode::DnsMalformed, format!("the answer cannot be read: {error}")).during(Phase::Dns)
        })?;
        let asked = |query: &Query| query.name() == &self.name && query.query_type() == self.kind;
        // Servers that do not understand a question may leave it out of the answer.
        let silent = message.queries.is_empty() && message.metadata.response_code != ResponseCode::NoError;
        Ok((silent || message.queries.iter().any(asked)).then_some(message))
    }

    fn reply(&self, answer: &Message) -> Result<Reply, Stop> {
        self.follow(answer)?;
        let code = answer.metadata.response_code;
        let records = answer.answers.iter().filter(|record| record.record_type() == self.kind).take(RECORDS_MAX);
        let texts: Vec<String> = records.clone().map(|record| text(&record.data)).collect();
        let ttl = records.map(|record| record.ttl).min();
        let mut reply = Reply::new().with(Field::Rcode, rcode(code));
        let mut doubt = |field, code, text| reply.doubt(field, Fault::new(code, text).during(Phase::Dns));
        let name = &self.name;
        match code {
            ResponseCode::NoError if texts.is_empty() => {
                doubt(Field::Records, FaultCode::DnsEmpty, format!("`{name}` has no {} record", self.kind));
            }
            ResponseCode::NoError => {}
            ResponseCode::NXDomain => doubt(Field::Rcode, FaultCode::DnsNxdomain, format!("`{name}` does not exist")),
            ResponseCode::ServFail => doubt(Field::Rcode, FaultCode::DnsServfail, "the name server failed".to_owned()),
            ResponseCode::Refused => doubt(Field::Rcode, FaultCode::DnsRefused, "the name server refuses".to_owned()),
            ResponseCode::FormErr => {
                let text = "the name server does not understand the question".to_owned();
                doubt(Field::Rcode, FaultCode::DnsFormerr, text);
            }
            other => doubt(Field::Rcode, FaultCode::Rcode, format!("the name server answers {}", rcode(other))),
        }
        reply.set(Field::Records, texts);
        if let Some(ttl) = ttl {
            reply.set(Field::Ttl, ttl);
        }
        Ok(reply)
    }

    /// Follows the aliases of the answer from the name on; a circle is a fault (RFC 1034, 3.6.2).
    fn follow(&self, answer: &Message) -> Result<(), Stop> {
        let aliases: BTreeMap<&Name, &Name> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::CNAME(alias) => Some((&record.name, &alias.0)),
                _ => None,
            })
            .collect();
        let mut at = &self.name;
        for _ in 0..=aliases.len() {
            match aliases.get(at) {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
        Err(Fault::new(FaultCode::DnsLoop, format!("`{}` is an alias that leads back to itself", self.name))
            .during(Phase::Dns)
            .into())
    }
}

fn refused(server: SocketAddr, whose: Whose, error: &io::Error) -> Stop {
    if let Some(own) = dial::own(error) {
        return Stop::Own(own, format!("asking {server}: {error}"));
    }
    if whose == Whose::Ours {
        return Stop::Own(SelfFault::ResolverUnreachable, format!("our name server {server}: {error}"));
    }
    let code = match error.kind() {
        io::ErrorKind::ConnectionRefused => FaultCode::ConnectRefused,
        _ => FaultCode::ConnectUnreachable,
    };
    Fault::new(code, format!("the name server {server}: {error}")).during(Phase::Dns).into()
}
