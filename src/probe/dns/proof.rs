//! Whether signatures prove an answer (DNSSEC, RFC 4035): from a trust anchor down, key by key, with our own eyes.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt as _};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, dnssec::DnssecDnsHandle, xfer::DnsHandle};
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors, Verifier as _};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query};
use hickory_resolver::proto::rr::{DNSClass, LowerName, Name, RData, Record, RecordType, SerialNumber};

use super::anchor::Anchor;
use super::question::{Extensions, Question};
use super::wire::Wire;
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::{Run, Stop};

/// Zones between the root and a name, twice over.
const DEPTH_MAX: usize = 24;
/// Signatures of one zone's keys that are tried: more is meant to keep us busy (CVE-2023-50387).
const SIGNATURES_MAX: usize = 8;

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
async fn anchors(carrier: &Carrier, file: Option<&Anchor>, of: &Name, now: u32) -> Result<TrustAnchors, Stop> {
    let Some(file) = file else { return Ok(TrustAnchors::default()) };
    let mut anchors = file.keys.clone();
    for zone in file.zones.iter().filter(|zone| !zone.is_root() && zone.zone_of(of)) {
        // The judge would look for what the parent says of a zone's other keys: nothing, where the zone is an island.
        let answer = carrier.ask(zone.clone(), RecordType::DNSKEY).await?;
        let at = LowerName::from(zone);
        for key in vouched_for(&anchors, &at, zone, &answer, now) {
            anchors.insert_with_name(key.public_key(), at.clone());
        }
    }
    Ok(anchors)
}

/// What a zone says of its keys, each once, however often it is said.
#[derive(Default)]
struct Told<'a> {
    records: Vec<&'a Record>,
    keys: Vec<&'a DNSKEY>,
    /// Those that may hold now, as many as are tried.
    signatures: Vec<&'a RRSIG>,
}

impl<'a> Told<'a> {
    fn of(zone: &Name, answer: &'a Message, now: u32) -> Self {
        let now = SerialNumber::new(now);
        let mut known = HashSet::new();
        let mut told = Self::default();
        for record in answer.answers.iter().filter(|record| record.name == *zone) {
            match &record.data {
                RData::DNSSEC(DNSSECRData::DNSKEY(key)) if known.insert(key) => {
                    told.records.push(record);
                    told.keys.push(key);
                }
                RData::DNSSEC(DNSSECRData::RRSIG(signature)) if told.signatures.len() < SIGNATURES_MAX => {
                    let input = signature.input();
                    let about = input.type_covered == RecordType::DNSKEY && input.signer_name == *zone;
                    if about && now >= input.sig_inception && now <= input.sig_expiration {
                        told.signatures.push(signature);
                    }
                }
                _ => {}
            }
        }
        told
    }
}

/// A zone's keys, if one that is trusted has signed them all (RFC 4035, 5.2 and 5.3).
fn vouched_for<'a>(
    anchors: &TrustAnchors,
    at: &LowerName,
    zone: &Name,
    answer: &'a Message,
    now: u32,
) -> Vec<&'a DNSKEY> {
    let Told { records, keys, signatures } = Told::of(zone, answer, now);
    let usable = |key: &&DNSKEY| key.zone_key() && !key.revoke();
    let trusted = || keys.iter().filter(|key| usable(key) && anchors.contains_with_name(key.public_key(), at));
    let holds = signatures.iter().any(|signature| {
        let input = signature.input();
        trusted().any(|key| {
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
    anchor: Option<&Anchor>,
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

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::dnssec::rdata::sig::SigInput;
    use hickory_resolver::proto::dnssec::{Algorithm, PublicKeyBuf};

    use super::*;

    #[test]
    fn a_zone_that_repeats_itself_keeps_nobody_busy() {
        let zone = Name::from_ascii("shop.test.").expect("a name");
        let key = |byte: u8| DNSKEY::with_flags(257, PublicKeyBuf::new(vec![byte; 64], Algorithm::ED25519));
        let signature = |covered: RecordType, until: u32| {
            let input = SigInput {
                type_covered: covered,
                algorithm: Algorithm::ED25519,
                num_labels: 2,
                original_ttl: 60,
                sig_expiration: SerialNumber::new(until),
                sig_inception: SerialNumber::new(0),
                key_tag: 1,
                signer_name: zone.clone(),
            };
            RRSIG::from_sig(input, vec![0; 64])
        };
        let mut answer = Message::query();
        let mut say = |data| answer.answers.push(Record::from_rdata(zone.clone(), 60, RData::DNSSEC(data)));
        for _ in 0..100 {
            say(DNSSECRData::RRSIG(signature(RecordType::A, 200)));
            say(DNSSECRData::RRSIG(signature(RecordType::DNSKEY, 50)));
        }
        for byte in [1, 2] {
            (0..100).for_each(|_| say(DNSSECRData::DNSKEY(key(byte))));
            (0..100).for_each(|_| say(DNSSECRData::RRSIG(signature(RecordType::DNSKEY, 200))));
        }
        let told = Told::of(&zone, &answer, 100);
        assert_eq!((told.records.len(), told.keys.len(), told.signatures.len()), (2, 2, SIGNATURES_MAX));
        assert!(told.signatures.iter().all(|it| it.input().sig_expiration.get() == 200));
    }
}
