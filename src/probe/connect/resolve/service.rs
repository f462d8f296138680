//! Names of services to the hosts and ports that offer them: SRV (RFC 2782), and NAPTR (RFC 3403) before it.

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::servers::Servers;
use super::{Family, Resolver};
use crate::model::SelfFault;
use crate::probe::Stop;

/// Of one name; more are nobody's.
const RECORDS_MAX: usize = 16;

/// Where a service is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The lowest is to be tried first.
    pub priority: u16,
    /// How often among those of one priority.
    pub weight: u16,
    /// Without the dot at its end; empty if the service is decidedly not offered.
    pub host: String,
    pub port: u16,
}

/// How a domain wants to be spoken to: `SIP+D2T`, and the name whose SRV records say where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The lowest order first, then the lowest preference.
    pub rank: (u16, u16),
    pub service: String,
    pub name: String,
}

impl Resolver {
    /// Whether this host needs no name server: it is an address, in the hosts file, or this machine.
    pub fn knows(&self, name: &str) -> bool {
        self.current().known(name.trim_end_matches('.')).is_some()
    }

    /// Who offers a service such as `_sip._udp.example.com`, in no order; nobody, if there is no such record.
    pub async fn services(&self, name: &str) -> Result<Vec<Service>, Stop> {
        let found = self.records(name, RecordType::SRV).await?.into_iter().filter_map(|record| match record {
            RData::SRV(it) => {
                let host = it.target.to_ascii().trim_end_matches('.').to_owned();
                Some(Service { priority: it.priority, weight: it.weight, host, port: it.port })
            }
            _ => None,
        });
        Ok(found.take(RECORDS_MAX).collect())
    }

    /// How a domain wants to be spoken to, best first; nothing, if it does not say.
    pub async fn pointers(&self, name: &str) -> Result<Vec<Pointer>, Stop> {
        let found = self.records(name, RecordType::NAPTR).await?.into_iter().filter_map(|record| match record {
            // A terminal rule that leads to SRV records; others are for telephone numbers.
            RData::NAPTR(it) if it.flags.eq_ignore_ascii_case(b"s") && it.regexp.is_empty() => {
                let service = String::from_utf8_lossy(&it.services).to_ascii_uppercase();
                let name = it.replacement.to_ascii().trim_end_matches('.').to_owned();
                Some(Pointer { rank: (it.order, it.preference), service, name })
            }
            _ => None,
        });
        let mut pointers: Vec<Pointer> = found.take(RECORDS_MAX).collect();
        pointers.sort_by_key(|pointer| pointer.rank);
        Ok(pointers)
    }

    /// None, if the name or such records of it do not exist.
    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Stop> {
        let current = self.current();
        let servers: &Servers = current.servers.as_ref().map_err(|why| {
            Stop::Own(SelfFault::ResolverUnreachable, format!("no name server to ask for `{name}`: {why}"))
        })?;
        // Absolute: no domain of this machine is looked through for a service of another's.
        match servers.records(&format!("{}.", name.trim_end_matches('.')), kind).await {
            Ok(records) => Ok(records),
            Err(error) if is_absence(&error) => Ok(Vec::new()),
            Err(error) => Err(servers.stop(name, Family::Any, &error).await),
        }
    }
}

fn is_absence(error: &NetError) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        }
        _ => false,
    }
}
