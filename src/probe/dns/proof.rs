//! Whether signatures prove an answer (DNSSEC, RFC 4035): from a trust anchor down, key by key, with our own eyes.

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt as _};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, dnssec::DnssecDnsHandle, xfer::DnsHandle};
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors, Verifier as _};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query};
use hickory_resolver::proto::rr::{DNSClass, LowerName, Name, RData, RecordType, SerialNumber};
use hickory_resolver::proto::serialize::txt::ParseError;
use hickory_resolver::proto::serialize::txt::trust_anchor::{Entry, Parser};

use super::question::{Extensions, Question};
use super::wire::Wire;
use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::{Run, Stop};

/// Zones between the root and a name, twice over.
const DEPTH_MAX: usize = 24;

/// An answer, and what its signatures say.
pub(super) struct Proven {
    pub(super) answer: Message,
    /// Proven by signatures; else the zone has none, and proves that.
    pub(super) secure: Secure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secure {
    Signed,
    Unsigned,
}

/// What is trusted to begin with: the root's keys, or those of a file of DNSKEY records.
async fn anchors(carrier: &Carrier, file: Option<&Path>, of: &Name, now: u32) -> Result<TrustAnchors, Stop> {
    let Some(path) = file else { return Ok(TrustAnchors::default()) };
    let own = |why: String| Stop::Own(SelfFault::Unsupported, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| own(error.to_string()))?;
    let mut anchors: TrustAnchors = text.parse().map_err(|error: ParseError| own(error.to_string()))?;
    let entries = Parser::new(text).parse().map_err(|error| own(error.to_string()))?;
    let zones: BTreeSet<Name> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::DNSKEY(record) => Some(record.name().clone()),
            _ => None,
        })
        .collect();
    for zone in zones.iter().filter(|zone| !zone.is_root() && zone.zone_of(of)) {
        // The judge would look for what the parent says of a zone's other keys: nothing, where the zone is an island.
        let answer = carrier.ask(zone.clone(), RecordType::DNSKEY).await?;
        let at = LowerName::from(zone);
        for key in vouched_for(&anchors, &at, zone, &answer, now) {
            anchors.insert_with_name(key.public_key(), at.clone());
        }
    }
    Ok(anchors)
}

/// A zone's keys, if one that is trusted has signed them all (RFC 4035, 5.2 and 5.3).
fn vouched_for<'a>(
    anchors: &TrustAnchors,
    at: &LowerName,
    zone: &Name,
    answer: &'a Message,
    now: u32,
) -> Vec<&'a DNSKEY> {
    let mut records = Vec::new();
    let (mut keys, mut signatures) = (Vec::new(), Vec::new());
    for record in answer.answers.iter().filter(|record| record.name == *zone) {
        match &record.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => {
                records.push(record);
                keys.push(key);
            }
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => signatures.push(signature),
            _ => {}
        }
    }
    let now = SerialNumber::new(now);
    let usable = |key: &&DNSKEY| key.zone_key() && !key.revoke();
    let holds = signatures.iter().any(|signature| {
        let input = signature.input();
        let about = input.type_covered == RecordType::DNSKEY && input.signer_name == *zone;
        let fresh = now >= input.sig_inception && now <= input.sig_expiration;
        let trusted = keys.iter().filter(|key| usable(key) && anchors.contains_with_name(key.public_key(), at));
        about
            && fresh
            && trusted.into_iter().any(|key| {
                key.algorithm() == input.algorithm
                    && key.calculate_key_tag().is_ok_and(|tag| tag == input.key_tag)
                    && key.verify_rrsig(zone, DNSClass::IN, signature, records.iter().copied()).is_ok()
            })
    });
    if holds { keys.into_iter().filter(usable).collect() } else { Vec::new() }
}

/// Asks, and asks for every key on the way.
pub(super) async fn prove(
    run: &Run<'_>,
    wire: &Wire,
    question: &Question,
    anchor: Option<&Path>,
) -> Result<Proven, Stop> {
    let carrier = Carrier { wire: wire.clone(), random: Arc::clone(&run.tools.random), stopped: Arc::default() };
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    options.edns_set_dnssec_ok = true;
    options.max_request_depth = DEPTH_MAX;
    let now = run.tools.clock.now().as_second() as u32;
    let anchors = anchors(&carrier, anchor, &question.name, now).await?;
    let stopped = Arc::clone(&carrier.stopped);
    let judge = DnssecDnsHandle::with_trust_anchor(carrier, Arc::new(anchors));
    let answered = judge.lookup(Query::query(question.name.clone(), question.kind), options).next().await;
    let bogus = |why: String| {
        let text = format!("the signatures of `{}` do not hold: {why}", question.name);
        Stop::from(Fault::new(FaultCode::DnsBogus, text).during(Phase::Dns))
    };
    // A key that never came is no key that is wrong.
    if let Some(stop) = stopped.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(stop);
    }
    let answer = match answered {
        Some(Ok(response)) => response.into_message(),
        Some(Err(NetError::Dns(DnsError::Nsec { proof: Proof::Bogus, .. } | DnsError::DnssecBogus))) => {
            return Err(bogus("nothing proves that it does not exist".to_owned()));
        }
        Some(Err(NetError::Dns(DnsError::Nsec { response, .. }))) => response.into_message(),
        Some(Err(error)) => return Err(bogus(error.to_string())),
        None => return Err(bogus("no answer".to_owned())),
    };
    let told = |message: &Message| -> Vec<Proof> {
        let records = if message.answers.is_empty() { &message.authorities } else { &message.answers };
        records.iter().filter(|record| !record.record_type().is_rrsig()).map(|record| record.proof).collect()
    };
    let proofs = told(&answer);
    if proofs.contains(&Proof::Bogus) {
        return Err(bogus("changed, expired, or signed with another key".to_owned()));
    }
    let signed = !proofs.is_empty() && proofs.iter().all(Proof::is_secure);
    Ok(Proven { answer, secure: if signed { Secure::Signed } else { Secure::Unsigned } })
}

/// Carries the judge's questions, and remembers what stopped one.
#[derive(Clone)]
struct Carrier {
    wire: Wire,
    random: Arc<dyn Fn() -> u64 + Send + Sync>,
    stopped: Arc<Mutex<Option<Stop>>>,
}

impl Carrier {
    async fn ask(&self, name: Name, kind: RecordType) -> Result<Message, Stop> {
        let id = (self.random)() as u16;
        Question { id, name, kind, extensions: Extensions::Signatures }.answer(&self.wire).await
    }
}

impl DnsHandle for Carrier {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let me = self.clone();
        Box::pin(futures::stream::once(async move {
            let query = request.queries.first().cloned().ok_or(NetError::Message("no question"))?;
            match me.ask(query.name().clone(), query.query_type()).await {
                Ok(message) => Ok(DnsResponse::from_message(message)?),
                Err(stop) => {
                    me.stopped.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
                    Err(NetError::Message("no answer"))
                }
            }
        }))
    }
}
