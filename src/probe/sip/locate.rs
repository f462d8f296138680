//! Where an address leads (RFC 3263): over what, and to which hosts and ports, one after the other.

use futures::future::join_all;
use url::Host;

use super::address::{Address, Transport};
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::resolve::service::Service;
use crate::probe::{Run, Stop};

/// Tried one after the other; a telephone has no more patience either.
const SERVERS_MAX: usize = 4;
/// In our order of preference, where a domain has none.
const TRANSPORTS: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

/// Where to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located {
    pub(super) transport: Transport,
    /// The one to try first in front; never empty.
    pub(super) servers: Vec<(Host<String>, u16)>,
}

/// Finds out where an address leads; `wanted` is the transport that it or the step asks for.
pub(super) async fn locate(run: &mut Run<'_>, to: &Address, wanted: Option<Transport>) -> Result<Located, Stop> {
    let network = &run.tools.network;
    let straight = |transport: Transport| {
        let port = to.port.unwrap_or(transport.usual_port());
        Located { transport, servers: vec![(to.host.clone(), port)] }
    };
    let Host::Domain(domain) = &to.host else { return Ok(straight(wanted.unwrap_or(Transport::Udp))) };
    if to.port.is_some() || network.resolver.knows(domain) {
        return Ok(straight(wanted.unwrap_or(Transport::Udp)));
    }
    run.phases.begin(Phase::Dns);
    let offered = match wanted {
        Some(transport) => first_offered(run, domain, &[transport]).await?,
        // Both at once: who has no NAPTR records does not wait for it.
        None => match tokio::join!(pointed(run, domain), first_offered(run, domain, &TRANSPORTS)) {
            (Some(place), _) => Some(place),
            (None, found) => found?,
        },
    };
    Ok(match offered {
        Some((transport, services)) => Located { transport, servers: ordered(services, &*run.tools.random) },
        None => straight(wanted.unwrap_or(Transport::Udp)),
    })
}

type Offered = (Transport, Vec<Service>);

/// What the domain itself prefers (4.1). One that does not say, or says it to nobody, is no worse for it.
async fn pointed(run: &Run<'_>, domain: &str) -> Option<Offered> {
    let resolver = &run.tools.network.resolver;
    for pointer in resolver.pointers(domain).await.unwrap_or_default() {
        let transport = match pointer.service.as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => continue,
        };
        let mut services = resolver.services(&pointer.name).await.unwrap_or_default();
        services.retain(|service| !service.host.is_empty());
        if !services.is_empty() {
            return Some((transport, services));
        }
    }
    None
}

/// The first of these transports that is offered.
async fn first_offered(run: &Run<'_>, domain: &str, transports: &[Transport]) -> Result<Option<Offered>, Stop> {
    let resolver = &run.tools.network.resolver;
    let names: Vec<String> = transports.iter().map(|transport| format!("{}.{domain}", label(*transport))).collect();
    let asked = join_all(names.iter().map(|name| resolver.services(name))).await;
    let (mut refused, mut failed) = (None, None);
    for ((transport, name), found) in transports.iter().zip(&names).zip(asked) {
        match found {
            Ok(services) if services.iter().any(|service| !service.host.is_empty()) => {
                return Ok(Some((*transport, services.into_iter().filter(|it| !it.host.is_empty()).collect())));
            }
            // A single `.` says so (RFC 2782).
            Ok(services) if !services.is_empty() => {
                refused.get_or_insert_with(|| format!("`{name}` says that this service is not offered"));
            }
            Ok(_) => {}
            Err(stop) => failed = failed.or(Some(stop)),
        }
    }
    match (failed, refused) {
        (Some(stop), _) => Err(stop),
        (None, Some(why)) => Err(Fault::new(FaultCode::DnsEmpty, why).during(Phase::Dns).into()),
        (None, None) => Ok(None),
    }
}

const fn label(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    }
}

/// By priority, and among those of one by lot, the heavier the likelier (RFC 2782).
fn ordered(mut services: Vec<Service>, random: &(dyn Fn() -> u64 + Send + Sync)) -> Vec<(Host<String>, u16)> {
    let mut servers = Vec::new();
    while servers.len() < SERVERS_MAX {
        let Some(best) = services.iter().map(|service| service.priority).min() else { break };
        let weigh = |service: &Service| if service.priority == best { u64::from(service.weight) + 1 } else { 0 };
        let mut lot = random() % services.iter().map(weigh).sum::<u64>().max(1);
        let drawn = services.iter().position(|service| match lot.checked_sub(weigh(service)) {
            Some(left) => {
                lot = left;
                false
            }
            None => true,
        });
        let Some(drawn) = drawn else { break };
        let Service { host, port, .. } = services.remove(drawn);
        servers.push((Host::parse(&host).unwrap_or(Host::Domain(host)), port));
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_priority_comes_first_and_weight_is_a_lot() {
        let service = |priority, weight, host: &str| Service { priority, weight, host: host.into(), port: 5060 };
        let services = vec![service(20, 9, "spare"), service(10, 2, "rare"), service(10, 6, "often")];
        let first = |lot: u64| {
            let places = ordered(services.clone(), &move || lot);
            assert_eq!(places.last().map(|(host, _)| host.to_string()).as_deref(), Some("spare"));
            places[0].0.to_string()
        };
        let drawn: Vec<String> = (0..10).map(first).collect();
        assert_eq!(drawn.iter().filter(|host| *host == "rare").count(), 3);
        assert_eq!(drawn.iter().filter(|host| *host == "often").count(), 7);
        assert!(ordered(Vec::new(), &|| 7).is_empty());
        let many = (0..40).map(|number| service(number, 0, "x")).collect();
        assert_eq!(ordered(many, &|| 0).len(), SERVERS_MAX);
    }
}
