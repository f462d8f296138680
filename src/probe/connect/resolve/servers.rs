//! Name servers, asked in their order until one answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hickory_resolver::Resolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::time::{Instant, sleep_until};

use super::failure::empty;
use super::steered::Steered;
use super::{ADDRESSES_MAX, Family};
use crate::probe::Stop;
use crate::probe::connect::egress::Egress;

/// One name server's time to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// After it the next name server is asked too.
const HEAD_START: Duration = Duration::from_millis(500);
/// As many as the C library asks (resolv.conf(5), MAXNS).
const SERVERS_MAX: usize = 3;

#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<Server>,
    pub(super) egress: Egress,
    /// Who answered last, by its place.
    latest: AtomicUsize,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    resolver: Resolver<Steered>,
}

impl Servers {
    pub(super) fn build(config: &ResolverConfig, options: &ResolverOpts, egress: &Egress) -> Result<Self, String> {
        let servers = config.name_servers().iter().take(SERVERS_MAX).map(|server| {
            let port = server.connections.first().map_or(53, |connection| connection.port);
            let alone = ResolverConfig::from_parts(config.domain.clone(), config.search.clone(), vec![server.clone()]);
            let mut builder = Resolver::builder_with_config(alone, Steered::new(egress));
            let settled = builder.options_mut();
            *settled = options.clone();
            // Every run resolves afresh: an address that changed is part of what is measured.
            settled.cache_size = 0;
            settled.num_concurrent_reqs = 1;
            settled.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
            settled.use_hosts_file = ResolveHosts::Never;
            settled.timeout = PATIENCE;
            settled.attempts = 1;
            let resolver = builder.build().map_err(|error| error.to_string())?;
            Ok(Server { address: SocketAddr::new(server.ip, port), resolver })
        });
        Ok(Self { all: servers.collect::<Result<_, String>>()?, egress: egress.clone(), latest: AtomicUsize::new(0) })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.all.iter().map(|server| server.address).collect()
    }

    pub(super) async fn ask_for(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, Stop> {
        let (v6, v4) = match family {
            Family::V4 => (Ok(vec![]), self.lookup(name, RecordType::A).await),
            Family::V6 => (self.lookup(name, RecordType::AAAA).await, Ok(vec![])),
            Family::Any => tokio::join!(self.lookup(name, RecordType::AAAA), self.lookup(name, RecordType::A)),
        };
        let found = |result: &Result<Vec<IpAddr>, NetError>| result.as_ref().is_ok_and(|ips| !ips.is_empty());
        if found(&v6) || found(&v4) {
            return Ok(alternate(v6.unwrap_or_default(), v4.unwrap_or_default()));
        }
        // Of two failures the one that says more: not "no such record", if the other is worse.
        let error = match (v4, v6) {
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => error,
            (Err(a), Err(b)) => {
                if a.is_no_records_found() && !a.is_nx_domain() {
                    b
                } else {
                    a
                }
            }
            (Ok(_), Ok(_)) => return Err(empty(name, family)),
        };
        Err(self.stop(name, family, &error).await)
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<IpAddr>, NetError> {
        let ips = self.records(name, kind).await?.into_iter().filter_map(|record| match record {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None,
        });
        Ok(ips.take(ADDRESSES_MAX).collect())
    }

    /// The first answer; if there is none, the failure that says most.
    pub(super) async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, NetError> {
        let first = self.latest.load(Ordering::Relaxed);
        let mut waiting = (0..self.all.len()).map(|turn| (first + turn) % self.all.len());
        let mut asked = FuturesUnordered::new();
        let mut failure = None;
        loop {
            if let Some(place) = waiting.next() {
                asked.push(async move { (place, self.all[place].records(name, kind).await) });
            }
            let company = Instant::now() + HEAD_START;
            tokio::select! {
                Some((place, ended)) = asked.next() => match ended {
                    Err(error) if !is_answer(&error) => {
                        failure = match failure {
                            None | Some(NetError::Timeout) => Some(error),
                            telling => telling,
                        };
                    }
                    answer => {
                        self.latest.store(place, Ordering::Relaxed);
                        return answer;
                    }
                },
                () = sleep_until(company), if waiting.len() > 0 => {}
                else => return Err(failure.unwrap_or(NetError::NoConnections)),
            }
        }
    }
}

impl Server {
    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, NetError> {
        let found = self.resolver.lookup(name, kind).await?;
        Ok(found.answers().iter().map(|record| record.data.clone()).collect())
    }
}

/// That there is no such name or record is an answer; a server that fails or refuses gave none.
fn is_answer(error: &NetError) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        }
        _ => false,
    }
}

/// IPv6 first, then in turns (RFC 8305, 4).
fn alternate(v6: Vec<IpAddr>, v4: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut out = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        match (v6.next(), v4.next()) {
            (None, None) => return out,
            (a, b) => out.extend(a.into_iter().chain(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let v6 = |n| IpAddr::from([0, 0, 0, 0, 0, 0, 0, n]);
        let v4 = |n| IpAddr::from([10, 0, 0, n]);
        assert_eq!(alternate(vec![v6(1), v6(2)], vec![v4(1)]), [v6(1), v4(1), v6(2)]);
    }
}
