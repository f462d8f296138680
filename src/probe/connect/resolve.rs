//! Names to addresses: afresh for every run, never in tokio's shared blocking pool.
//!
//! The machine's name servers are asked in their order, the next one beside a silent one. Whoever answered last is asked
//! first from then on: a name server of ours that is silent must not make every touchpoint slow.

mod failure;
mod hosts;
mod servers;
pub mod service;
mod steered;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::system_conf::parse_resolv_conf;
use tokio::time::Instant;
use url::Host;

use crate::model::SelfFault;
use crate::probe::Stop;
use crate::probe::connect::egress::Egress;

use failure::empty;
use hosts::read_hosts;
use servers::Servers;

/// Longer than this a changed resolv.conf or hosts file is not noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const ADDRESSES_MAX: usize = 16;

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

/// Asks the system's name servers, or those it was given.
#[derive(Debug)]
pub struct Resolver {
    source: Source,
    egress: Egress,
    latest: Mutex<Latest>,
}

#[derive(Debug)]
struct Latest {
    looked: Instant,
    current: Arc<Current>,
}

#[derive(Clone, Debug)]
enum Source {
    Files { resolv: PathBuf, hosts: PathBuf },
    Servers(Vec<SocketAddr>),
}

#[derive(Debug)]
struct Current {
    stamps: [Option<Stamp>; 2],
    servers: Result<Servers, String>,
    hosts: HashMap<String, Vec<IpAddr>>,
}

/// What tells that a file was replaced or edited: a new one of the same length may be written in the same tick.
type Stamp = (Option<SystemTime>, u64, u64);

impl Resolver {
    /// The machine's own: `/etc/resolv.conf` and `/etc/hosts`, read again when they change.
    pub fn system() -> Self {
        Self::of_files(PathBuf::from("/etc/resolv.conf"), PathBuf::from("/etc/hosts"))
    }

    pub fn of_files(resolv: PathBuf, hosts: PathBuf) -> Self {
        Self::new(Source::Files { resolv, hosts }, Egress::Machine)
    }

    /// Only these name servers, and no hosts file.
    pub fn of_servers(servers: &[SocketAddr]) -> Self {
        Self::new(Source::Servers(servers.to_vec()), Egress::Machine)
    }

    /// The same name servers, asked by another way out.
    #[must_use]
    pub fn by(&self, egress: &Egress) -> Self {
        Self::new(self.source.clone(), egress.clone())
    }

    fn new(source: Source, egress: Egress) -> Self {
        let current = Current::of(&source, &egress);
        Self { source, egress, latest: Latest::new(current) }
    }

    /// The addresses of a host, the one to try first in front.
    pub async fn addresses(&self, host: &Host<&str>, family: Family) -> Result<Vec<IpAddr>, Stop> {
        let name = match host {
            Host::Ipv4(ip) => return literal(IpAddr::V4(*ip), family),
            Host::Ipv6(ip) => return literal(IpAddr::V6(*ip), family),
            Host::Domain(name) => name,
        };
        let current = self.current();
        if let Some(known) = current.known(name.trim_end_matches('.')) {
            let wanted: Vec<IpAddr> = known.iter().copied().filter(|ip| family.takes(*ip)).collect();
            return if wanted.is_empty() { Err(empty(name, family)) } else { Ok(wanted) };
        }
        let servers = current.servers.as_ref().map_err(|why| {
            Stop::Own(SelfFault::ResolverUnreachable, format!("no name server to ask for `{name}`: {why}"))
        })?;
        servers.ask_for(name, family).await
    }

    /// The name servers that are asked, in order.
    pub fn servers(&self) -> Result<Vec<SocketAddr>, String> {
        self.current().servers.as_ref().map(Servers::addresses).map_err(Clone::clone)
    }

    fn current(&self) -> Arc<Current> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Source::Files { resolv, hosts } = &self.source
            && latest.looked.elapsed() > LOOK_AGAIN
        {
            latest.looked = Instant::now();
            if latest.current.servers.is_err() || latest.current.stamps != [stamp(resolv), stamp(hosts)] {
                latest.current = Arc::new(Current::of(&self.source, &self.egress));
            }
        }
        Arc::clone(&latest.current)
    }
}

impl Latest {
    fn new(current: Current) -> Mutex<Self> {
        Mutex::new(Self { looked: Instant::now(), current: Arc::new(current) })
    }
}

impl Family {
    fn takes(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::V4 => "IPv4 ",
            Self::V6 => "IPv6 ",
        }
    }
}

impl Current {
    fn of(source: &Source, egress: &Egress) -> Self {
        match source {
            Source::Files { resolv, hosts } => Self::read(resolv, hosts, egress),
            Source::Servers(servers) => Self::fixed(servers, egress),
        }
    }

    fn fixed(servers: &[SocketAddr], egress: &Egress) -> Self {
        let configs = servers.iter().map(|server| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        });
        let config = ResolverConfig::from_parts(None, vec![], configs.collect());
        let servers = Servers::build(&config, &ResolverOpts::default(), egress);
        Self { stamps: [None, None], servers, hosts: HashMap::new() }
    }

    fn read(resolv: &Path, hosts: &Path, egress: &Egress) -> Self {
        let stamps = [stamp(resolv), stamp(hosts)];
        let servers = std::fs::read(resolv)
            .map_err(|error| format!("{}: {error}", resolv.display()))
            .and_then(|text| parse_resolv_conf(text).map_err(|error| format!("{}: {error}", resolv.display())))
            .and_then(|(config, options)| Servers::build(&config, &options, egress));
        let hosts = std::fs::read_to_string(hosts).map(|text| read_hosts(&text)).unwrap_or_default();
        Self { stamps, servers, hosts }
    }

    /// What needs no name server: the hosts file, and `localhost` (RFC 6761, 6.3).
    fn known(&self, name: &str) -> Option<&[IpAddr]> {
        const LOCALHOST: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if let Some(addresses) = self.hosts.get(name) {
            return Some(addresses);
        }
        (name == "localhost" || name.ends_with(".localhost")).then_some(LOCALHOST)
    }
}

fn literal(ip: IpAddr, family: Family) -> Result<Vec<IpAddr>, Stop> {
    if family.takes(ip) { Ok(vec![ip]) } else { Err(empty(&ip.to_string(), family)) }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len(), metadata.ino()))
}
