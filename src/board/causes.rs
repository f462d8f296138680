//! Which touchpoints fail for the same reason.
//!
//! Two share a cause when the newest failing runs of a DOWN series of each met the same [`Fact`]. Which facts a run yields
//! depends on the layer at which it failed: the certificate when the certificate was refused, the name server when it did
//! not answer, the address when nobody took the connection. What was answered (a status, a wrong price) makes an address
//! no cause: behind one gateway live many services. Only where an errand leads to somebody else's host (the payment
//! provider in the middle of an order) is that host with its fault code a fact, which explains all its guests.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Board;
use crate::model::{Fact, Fault, FaultCode, IncidentId, Phase, Reading, Sample, Shared, State, StepOutcome};

/// A fact that a run met, and whether it was at home there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Clue {
    #[serde(rename = "f")]
    pub(super) fact: Fact,
    #[serde(rename = "g", default, skip_serializing_if = "std::ops::Not::not")]
    guest: bool,
}

impl Clue {
    fn fits(&self, other: &Self) -> bool {
        self.fact == other.fact && (self.guest || other.guest || !matches!(self.fact, Fact::Host { .. }))
    }

    /// The other is at home where this one is a guest.
    fn is_explained_by(&self, other: &Self) -> bool {
        self.guest && !other.guest && self.fact == other.fact
    }
}

/// What a failing sample says of its cause; two at most.
pub(super) fn clues(reading: &Reading, sample: &Sample) -> Vec<Clue> {
    let Some(fault) = &sample.fault else { return Vec::new() };
    let touchpoint = &sample.probe.touchpoint;
    let mut steps = reading.outcome.steps.iter().filter(|step| {
        let at = step.on.as_ref().unwrap_or(&reading.probe.touchpoint);
        step.reached && at == touchpoint
    });
    let home = steps.clone().find_map(host);
    let Some(step) = steps.find(|step| step.fault.is_some() || !step.findings.is_empty()) else { return Vec::new() };
    let host = host(step);
    let guest = host.is_some() && host != home;
    let own = fact(step, fault).map(|fact| Clue { fact, guest: false });
    let host = host.map(|host| Clue { fact: Fact::Host { host: host.clone(), code: fault.code }, guest });
    own.into_iter().chain(host).collect()
}

fn attribute<'a>(step: &'a StepOutcome, wanted: &str) -> Option<&'a SmolStr> {
    step.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
}

fn host(step: &StepOutcome) -> Option<&SmolStr> {
    attribute(step, "server.address")
}

/// The fact of the layer at which a step failed.
fn fact(step: &StepOutcome, fault: &Fault) -> Option<Fact> {
    use FaultCode::{
        CertExpired, CertInvalid, CertNotYetValid, CertRevoked, CertSelfSigned, CertUntrusted, CertWrongHost,
        ChainIncomplete, ConnectRefused, ConnectReset, ConnectUnreachable, DnsBogus, DnsEmpty, DnsFormerr, DnsLoop,
        DnsMalformed, DnsNxdomain, DnsRefused, DnsServfail, DnsTimeout, DnsTruncated, Expectation, ProxyAuth,
        ProxyRefused, ProxyTimeout, SmtpGreetingTimeout, Timeout, TlsAlert, TlsProtocol, TlsVersion,
    };
    let certificate = || {
        let seen = step.certificate.as_ref()?;
        Some(Fact::Certificate { sha256: seen.sha256.as_str().into(), subject: seen.subject.as_str().into() })
    };
    let server = || step.peer.map(Fact::Server);
    match fault.code {
        CertExpired | CertNotYetValid | CertSelfSigned | CertUntrusted | CertWrongHost | CertRevoked | CertInvalid
        | ChainIncomplete => certificate(),
        Expectation if fault.evidence.as_ref().is_some_and(|seen| seen.of.starts_with("certificate")) => certificate(),
        DnsNxdomain | DnsEmpty | DnsBogus | DnsLoop => {
            attribute(step, "dns.question.name").map(|name| Fact::Name(name.trim_end_matches('.').into()))
        }
        DnsServfail | DnsRefused | DnsFormerr | DnsTimeout | DnsTruncated | DnsMalformed => name_server(step),
        Timeout if fault.phase == Some(Phase::Dns) => name_server(step),
        ConnectUnreachable => machine(step),
        Timeout if fault.phase == Some(Phase::Connect) => machine(step),
        Timeout if matches!(fault.phase, Some(Phase::Tls | Phase::Greeting)) => server(),
        ConnectRefused | ConnectReset | ProxyRefused | ProxyAuth | ProxyTimeout | SmtpGreetingTimeout | TlsAlert
        | TlsProtocol | TlsVersion => server(),
        _ => None,
    }
}

fn name_server(step: &StepOutcome) -> Option<Fact> {
    let asked = attribute(step, Reading::NAME_SERVER).and_then(|server| server.parse().ok());
    asked.or(step.peer).map(Fact::NameServer)
}

/// This machine is reached always: there it is the port that says who does not answer.
fn machine(step: &StepOutcome) -> Option<Fact> {
    let peer = step.peer?;
    Some(if peer.ip().is_loopback() { Fact::Server(peer) } else { Fact::Machine(peer.ip()) })
}

impl Board {
    /// What the DOWN series of a touchpoint met.
    fn clues_of(&self, touchpoint: usize) -> impl Iterator<Item = &Clue> {
        let series = self.net.series_at(touchpoint).map(|at| &self.series[at]);
        series.filter(|watch| watch.detector.state() == State::Down).flat_map(|watch| &watch.clues)
    }

    /// The incidents of touchpoints that fail for the same reason, the oldest first.
    pub(super) fn incidents_beside(&self, touchpoint: usize) -> Vec<IncidentId> {
        let mine: Vec<&Clue> = self.clues_of(touchpoint).collect();
        if mine.is_empty() {
            return Vec::new();
        }
        let known = self.touchpoints.iter().enumerate().filter_map(|(place, at)| Some((place, at.incident?)));
        let alike =
            known.filter(|(place, _)| self.clues_of(*place).any(|clue| mine.iter().any(|mine| mine.fits(clue))));
        self.by_age(alike.map(|(_, id)| id).collect())
    }

    /// Something else among `places` is why this one ails: what it depends on, or a host where it is a guest.
    pub(super) fn is_explained(&self, place: usize, places: &BTreeSet<usize>) -> bool {
        if !self.net.roots(place).is_disjoint(places) {
            return true;
        }
        let guest: Vec<&Clue> = self.clues_of(place).filter(|clue| clue.guest).collect();
        !guest.is_empty()
            && places
                .iter()
                .filter(|other| **other != place)
                .any(|other| self.clues_of(*other).any(|home| guest.iter().any(|guest| guest.is_explained_by(home))))
    }

    /// The fact that most of what ails has in common. What they had in common stays as long as one of them shows it.
    pub(super) fn common(&self, ailing: &[usize], before: Option<&Shared>) -> Option<Shared> {
        let mut shown: BTreeMap<&Fact, (BTreeSet<usize>, bool)> = BTreeMap::new();
        for place in ailing {
            for clue in self.clues_of(*place) {
                let (places, guests) = shown.entry(&clue.fact).or_default();
                places.insert(*place);
                *guests |= clue.guest;
            }
        }
        let counts = |fact: &Fact, guests: bool| guests || !matches!(fact, Fact::Host { .. });
        let found = shown.iter().filter(|(fact, (places, guests))| places.len() > 1 && counts(fact, *guests));
        // Of several the first: the certificate says more than the host that sent it.
        let most = found.rev().max_by_key(|(_, (places, _))| places.len());
        let Some((fact, (places, _))) = most else {
            return before.filter(|before| shown.contains_key(&before.fact)).cloned();
        };
        let mut shown_by: BTreeSet<_> = places.iter().map(|place| self.net.touchpoints[*place].id.clone()).collect();
        shown_by.extend(before.filter(|it| it.fact == **fact).into_iter().flat_map(|it| it.shown_by.iter().cloned()));
        Some(Shared { fact: (*fact).clone(), shown_by })
    }
}
