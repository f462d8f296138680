//! One question, what answers it, and what the answer says.

use std::collections::BTreeMap;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::record::{rcode, text};
use super::wire::Wire;
use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::{Field, Reply, Stop};

/// What we say we can take (DNS flag day 2020).
const PAYLOAD_BYTES: u16 = 1232;
const RECORDS_MAX: usize = 256;
/// As many aliases of aliases as resolvers follow: BIND and Unbound give up at the eleventh.
const ALIASES_MAX: usize = 10;

/// Whether we speak the extensions, and ask for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extensions {
    None,
    Plain,
    /// Signatures, also of what the server itself holds for wrong (RFC 4035, 3.2.2): we judge.
    Signatures,
}

#[derive(Clone)]
pub(super) struct Question {
    pub(super) id: u16,
    pub(super) name: Name,
    pub(super) kind: RecordType,
    pub(super) extensions: Extensions,
}

impl Question {
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Stop> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(self.name.clone(), self.kind));
        if self.extensions != Extensions::None {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD_BYTES);
            if self.extensions == Extensions::Signatures {
                edns.enable_dnssec();
                message.metadata.checking_disabled = true;
            }
            message.set_edns(edns);
        }
        message.to_vec().map_err(|error| Stop::Own(SelfFault::Unsupported, format!("cannot ask this: {error}")))
    }

    /// Asks until there is a whole answer: without extensions, over TCP, if need be.
    pub(super) async fn answer(&mut self, wire: &Wire) -> Result<Message, Stop> {
        let mut answer = read(&wire.ask(self).await?)?;
        let misunderstood = matches!(answer.metadata.response_code, ResponseCode::FormErr | ResponseCode::NotImp);
        if misunderstood && self.extensions == Extensions::Plain {
            // An old server that does not know EDNS (RFC 6891, 7).
            self.extensions = Extensions::None;
            answer = read(&wire.ask(self).await?)?;
        }
        if answer.metadata.truncation && wire.is_udp() {
            answer = read(&wire.whole(self).await?)?;
        }
        Ok(answer)
    }

    /// Whether these bytes answer it, well or badly; anything else may be a forgery, or late.
    pub(super) fn is_answered_by(&self, bytes: &[u8]) -> bool {
        // Id and the response bit: what is not even that is not for us.
        if bytes.len() < 12 || u16::from_be_bytes([bytes[0], bytes[1]]) != self.id || bytes[2] & 0x80 == 0 {
            return false;
        }
        let Ok(message) = Message::from_vec(bytes) else { return true };
        let asked = |query: &Query| query.name() == &self.name && query.query_type() == self.kind;
        // Servers that do not understand a question may leave it out of the answer.
        let silent = message.queries.is_empty() && message.metadata.response_code != ResponseCode::NoError;
        silent || message.queries.iter().any(asked)
    }

    pub(super) fn reply(&self, answer: &Message) -> Result<Reply, Stop> {
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

    /// Follows the aliases of the answer from the name on; a circle is a fault (RFC 1034, 3.6.2), and so is a chain
    /// that no resolver follows to its end.
    fn follow(&self, answer: &Message) -> Result<(), Stop> {
        let aliases: BTreeMap<&Name, &Name> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::CNAME(alias) => Some((&record.name, &alias.0)),
                _ => None,
            })
            .collect();
        let name = &self.name;
        let looped = |text: String| Stop::from(Fault::new(FaultCode::DnsLoop, text).during(Phase::Dns));
        let mut at = name;
        for _ in 0..=aliases.len().min(ALIASES_MAX) {
            match aliases.get(at) {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
        Err(if aliases.len() > ALIASES_MAX {
            looped(format!("`{name}` is an alias of an alias: more than {ALIASES_MAX} of them, which nobody follows"))
        } else {
            looped(format!("`{name}` is an alias that leads back to itself"))
        })
    }
}

fn read(bytes: &[u8]) -> Result<Message, Stop> {
    Message::from_vec(bytes).map_err(|error| {
        Fault::new(FaultCode::DnsMalformed, format!("the answer cannot be read: {error}")).during(Phase::Dns).into()
    })
}
