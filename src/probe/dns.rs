//! Asks a name server one question, as a resolver does: over UDP, TCP, TLS or HTTPS, and judges signatures if asked to.

mod anchor;
mod proof;
mod question;
pub mod record;
pub mod server;
mod wire;

use std::net::IpAddr;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use url::Host;

pub use anchor::Anchor;
use proof::{Secure, prove};
use question::{Extensions, Question};
use record::{Type, rcode};
use server::{Server, Servers, Way};
use wire::{AGAIN, Whose, Wire};

use super::connect::tls::{Options, sound};
use super::template::{Place, Template};
use super::{Act, Field, Part, Reach, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::units::FilePath;

/// As it stands in the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Dns")]
struct Written {
    /// The name; a trailing dot is implied. With `type: PTR` an address will do.
    lookup: Template,
    #[serde(default, rename = "type")]
    kind: Type,
    /// The name server: `host`, `host:port`, `tcp://`, `tls://` (DNS over TLS) or `https://` (DNS over HTTPS); of a list the next is asked
    /// when one is silent, out of reach, fails or refuses. The machine's own, if absent.
    #[serde(default)]
    server: Servers,
    /// What is trusted of `tls://` and `https://` servers.
    #[serde(default, deserialize_with = "sound")]
    tls: Options,
    /// Judges the signatures from the root down: wrong ones are a fault, `authenticated` says whether there are any.
    #[serde(default)]
    dnssec: bool,
    /// A file of DNSKEY records to trust instead of the root's; with `dnssec: true`.
    #[schemars(with = "Option<FilePath>")]
    trust_anchor: Option<Anchor>,
}

/// Asks for the records of a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from, with = "Written")]
pub struct Settings {
    pub lookup: Template,
    pub kind: Type,
    pub server: Servers,
    pub tls: Options,
    pub dnssec: bool,
    pub trust_anchor: Option<Anchor>,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { lookup, kind, server, tls, dnssec, trust_anchor } = written;
        if trust_anchor.is_some() && !dnssec {
            return Err("`trust_anchor` is for signatures, and none are judged; add `dnssec: true`".to_owned());
        }
        if let Some((scheme, rest)) = lookup.constant().and_then(|text| text.split_once("://")) {
            let name = rest.split(['/', ':', '?']).next().unwrap_or_default();
            return Err(format!("a name is looked up, not an address (`{scheme}://`); did you mean `{name}`?"));
        }
        Ok(Self { lookup, kind, server, tls, dnssec, trust_anchor })
    }
}

impl Act for Settings {
    const DOES: &'static str =
        "looks up a name at a name server over UDP, TCP, TLS or HTTPS, and checks its signatures";
    const FIELDS: &'static [Field] = &[
        Field::Rcode,
        Field::Records,
        Field::Ttl,
        Field::Authenticated,
        Field::Certificate,
        Field::Phases,
        Field::Latency,
    ];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.lookup, Place::Line));
        self.server.0.iter().for_each(|server| see(Part::Template(server, Place::Address)));
    }

    fn reach(&self) -> Reach {
        Reach::Direct
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (servers, whose) = self.servers(run)?;
        let name = self.name(run)?;
        run.attribute("dns.question.name", name.to_utf8());
        run.attribute("unbroken.dns.question.type", RecordType::from(self.kind).to_string());
        let mut failed = None;
        for (index, server) in servers.iter().enumerate() {
            let left = u32::try_from(servers.len() - index).unwrap_or(u32::MAX);
            // The last one may take all the time there is: the run's end says it better.
            let asked = if left == 1 {
                self.ask(run, server, whose, &name).await
            } else {
                let share = run.left() / left;
                // Whole chains of keys take longer than one answer.
                let patience = Instant::now() + if self.dnssec { share } else { share.min(AGAIN) };
                let silent = || Fault::new(FaultCode::DnsTimeout, format!("the name server {server} does not answer"));
                let asked = timeout_at(patience, self.ask(run, server, whose, &name)).await;
                asked.unwrap_or_else(|_| Err(silent().during(Phase::Dns).into()))
            };
            match asked {
                Ok(Answer { code: ResponseCode::ServFail | ResponseCode::Refused, .. }) if left > 1 => {}
                Ok(answer) => {
                    run.phases.end();
                    run.attribute("unbroken.dns.response.code", rcode(answer.code));
                    return answer.reply;
                }
                // A wrong signature is as wrong at the next server.
                Err(Stop::Fault(fault)) if fault.code == FaultCode::DnsBogus => return Err(fault.into()),
                // A touchpoint's fault says more than one of ours.
                Err(stop @ Stop::Fault(_)) => failed = Some(stop),
                Err(stop) => failed = failed.or(Some(stop)),
            }
        }
        Err(failed.unwrap_or_else(|| own("no name server is configured".to_owned())))
    }
}

struct Answer {
    code: ResponseCode,
    reply: Result<Reply, Stop>,
}

impl Settings {
    fn servers(&self, run: &Run<'_>) -> Result<(Vec<Server>, Whose), Stop> {
        if self.server.0.is_empty() {
            let known = run.tools.network.resolver.servers().map_err(own)?;
            let server = |address: std::net::SocketAddr| {
                let host = match address.ip() {
                    IpAddr::V4(ip) => Host::Ipv4(ip),
                    IpAddr::V6(ip) => Host::Ipv6(ip),
                };
                Server { host, port: address.port(), way: Way::Udp }
            };
            return Ok((known.into_iter().map(server).collect(), Whose::Ours));
        }
        let written = self.server.0.iter().map(|server| Server::parse(&server.render(run.scope)));
        let servers = written.collect::<Result<_, _>>().map_err(|why| Fault::new(FaultCode::Expectation, why))?;
        Ok((servers, Whose::Theirs))
    }

    fn name(&self, run: &Run<'_>) -> Result<Name, Stop> {
        let text = self.lookup.render(run.scope);
        let text = text.trim();
        if RecordType::from(self.kind) == RecordType::PTR
            && let Ok(address) = text.parse::<IpAddr>()
        {
            return Ok(Name::from(address));
        }
        let mut name = Name::from_utf8(text)
            .map_err(|error| Fault::new(FaultCode::Expectation, format!("`{text}` is not a name: {error}")))?;
        name.set_fqdn(true);
        Ok(name)
    }

    async fn ask(&self, run: &mut Run<'_>, server: &Server, whose: Whose, name: &Name) -> Result<Answer, Stop> {
        let wire = Wire::open(run, server, &self.tls, whose).await?;
        let kind = RecordType::from(self.kind);
        let mut question =
            Question { id: (run.tools.random)() as u16, name: name.clone(), kind, extensions: Extensions::Plain };
        if !self.dnssec {
            let answer = question.answer(&wire).await?;
            return Ok(Answer { code: answer.metadata.response_code, reply: question.reply(&answer) });
        }
        let proven = prove(run, &wire, &question, self.trust_anchor.as_ref()).await?;
        let mut reply = question.reply(&proven.answer);
        if let Ok(reply) = &mut reply {
            reply.set(Field::Authenticated, proven.secure == Secure::Signed);
        }
        Ok(Answer { code: proven.answer.metadata.response_code, reply })
    }
}

fn own(why: String) -> Stop {
    Stop::Own(SelfFault::ResolverUnreachable, why)
}
