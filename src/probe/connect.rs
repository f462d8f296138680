//! From a host to a connection: name, address, TCP, proxy, TLS, each a phase with a fault of its own.
//!
//! Every run connects afresh: what a customer's first visit costs is part of what is measured, and an idle connection
//! that the server has just closed never looks like an outage. What is our own trouble (no descriptors, no route, no
//! name server) is never blamed on the touchpoint.
//!
//! Every kind looks names up here, so that what a reply named (a redirect, a captured address) leads nowhere that it may
//! not: the very address that is connected to is judged, whatever the name meant before.

pub mod address;
pub mod datagram;
pub mod egress;
pub mod manned;
pub mod proxy;
pub mod quic;
pub mod resolve;
pub mod stream;
pub mod tls;
pub mod unanswered;

pub mod certificate;
pub mod dial;
pub mod farewell;
pub mod metered;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use url::Host;

use crate::clock::Clock;
use crate::model::{Fault, FaultCode, Phase, SelfFault};

use super::{Run, Stop};
use address::{Region, Spelling, Way};
use egress::Egress;
use proxy::Proxy;
use resolve::{Family, Resolver};
use stream::Stream;
use tls::{Offer, Options, Tls};

/// One vantage's view of the network, shared by all runs from there.
#[derive(Debug)]
pub struct Network {
    pub resolver: Resolver,
    pub tls: Arc<Tls>,
    pub egress: Egress,
}

impl Network {
    /// As the machine is set up: its name servers, its hosts file, its authorities.
    pub fn system(clock: Clock) -> Self {
        Self::new(Resolver::system(), Tls::new(clock))
    }

    pub fn new(resolver: Resolver, tls: Tls) -> Self {
        Self { resolver, tls: Arc::new(tls), egress: Egress::Machine }
    }

    /// The same machine's, when it is left another way: names are looked up that way too.
    #[must_use]
    pub fn by(&self, egress: Egress) -> Self {
        Self { resolver: self.resolver.by(&egress), tls: Arc::clone(&self.tls), egress }
    }

    /// Whether something there takes connections. Outside of any run: no phases, no policy of addresses.
    pub async fn reaches(&self, host: &Host<&str>, port: u16) -> Result<(), Stop> {
        let Some(proxy) = self.egress.proxy() else {
            return self.dial(host, port).await.map(drop);
        };
        let mut tcp = self.enter(proxy).await?;
        proxy.tunnel(&mut tcp, host, port).await
    }

    /// The vantage's own proxy.
    pub(in crate::probe) async fn enter(&self, proxy: &Proxy) -> Result<TcpStream, Stop> {
        self.dial(&proxy.host(), proxy.port()).await.map_err(astray)
    }

    async fn dial(&self, host: &Host<&str>, port: u16) -> Result<TcpStream, Stop> {
        let ips = self.resolver.addresses(host, Family::Any).await?;
        dial::connect(&self.egress, &ips, port).await
    }
}

/// Where to, and how.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub host: Host<&'a str>,
    pub port: u16,
    pub family: Family,
    pub via: Via<'a>,
    pub secure: Option<Secure<'a>>,
}

/// Straight, or through a proxy.
#[derive(Clone, Copy, Debug)]
pub enum Via<'a> {
    Direct,
    /// A tunnel through it.
    Tunnel(&'a Proxy),
    /// A connection to it: plain HTTP requests name their whole URL instead.
    Forward(&'a Proxy),
}

/// What is spoken before the kind's own protocol.
#[derive(Clone, Copy, Debug)]
pub struct Secure<'a> {
    pub options: &'a Options,
    pub offer: Offer,
}

impl<'a> Target<'a> {
    /// A plain connection to what the step's settings say.
    pub fn written(host: Host<&'a str>, port: u16) -> Self {
        Self { host, port, family: Family::Any, via: Via::Direct, secure: None }
    }
}

/// Connects, phase by phase; the peer and its certificate are left in `run`.
pub async fn connect(run: &mut Run<'_>, target: &Target<'_>) -> Result<Stream, Stop> {
    // The configuration first: reading the authorities, once, is no part of a handshake.
    let network = &run.tools.network;
    let secure = match &target.secure {
        Some(secure) => Some((network.tls.config(secure.options, secure.offer)?, secure.options)),
        None => None,
    };
    let tcp = match (target.via, network.egress.proxy()) {
        (Via::Direct, None) => direct(run, target, run.way).await?,
        (Via::Tunnel(proxy), _) | (Via::Direct, Some(proxy)) => {
            let mut tcp = to_proxy(run, proxy, target).await?;
            run.phases.begin(Phase::Proxy);
            proxy.tunnel(&mut tcp, &target.host, target.port).await?;
            tcp
        }
        (Via::Forward(proxy), _) => to_proxy(run, proxy, target).await?,
    };
    match secure {
        None => {
            run.phases.end();
            Ok(Stream::Plain(tcp))
        }
        Some((config, options)) => upgrade(run, (config, options), &target.host, tcp).await,
    }
}

/// Secures a connection: at once, or after a word in the clear (STARTTLS).
pub async fn upgrade(
    run: &mut Run<'_>,
    (config, options): (Arc<ClientConfig>, &Options),
    host: &Host<&str>,
    tcp: TcpStream,
) -> Result<Stream, Stop> {
    run.phases.begin(Phase::Tls);
    let (certificate, shaken) = tls::handshake(config, options, host, tcp).await;
    run.phases.end();
    if certificate.is_some() {
        run.certificate = certificate;
    }
    let stream = shaken?;
    let session = stream.get_ref().1;
    if let Some(version) = session.protocol_version() {
        let version = version.as_str().unwrap_or_default().trim_start_matches("TLSv").replace('_', ".");
        run.attribute("tls.protocol.version", version);
    }
    Ok(Stream::Secure(stream))
}

/// The addresses of a host that this run may reach, the one to try first in front: for kinds that do not connect.
pub async fn addresses(run: &mut Run<'_>, host: &Host<&str>, family: Family) -> Result<Vec<IpAddr>, Stop> {
    allowed(run, host, family, run.way).await
}

async fn allowed(run: &mut Run<'_>, host: &Host<&str>, family: Family, way: Way) -> Result<Vec<IpAddr>, Stop> {
    let spelling = if matches!(host, Host::Domain(_)) { Spelling::Name } else { Spelling::Literal };
    if spelling == Spelling::Name {
        run.phases.begin(Phase::Dns);
    }
    let tools = run.tools;
    let found = tools.network.resolver.addresses(host, family).await;
    if found.is_err() && spelling == Spelling::Name {
        run.attribute("dns.question.name", host.to_string());
    }
    let mut ips = found?;
    ips.retain(|ip| way.leads_to(*ip, spelling));
    if ips.is_empty() { Err(forbidden(host, way)) } else { Ok(ips) }
}

async fn direct(run: &mut Run<'_>, target: &Target<'_>, way: Way) -> Result<TcpStream, Stop> {
    let ips = allowed(run, &target.host, target.family, way).await?;
    run.phases.begin(Phase::Connect);
    // Should nobody answer there, it is known who did not.
    run.peer = ips.first().map(|ip| SocketAddr::new(*ip, target.port));
    let tcp = dial::connect(&run.tools.network.egress, &ips, target.port).await?;
    run.phases.end();
    if let Ok(peer) = tcp.peer_addr() {
        run.reached(peer);
    }
    Ok(tcp)
}

async fn to_proxy(run: &mut Run<'_>, proxy: &Proxy, target: &Target<'_>) -> Result<TcpStream, Stop> {
    // The proxy looks the name up, so only an address that is written out can be judged here.
    let literal = match target.host {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    };
    if literal.is_some_and(|ip| !run.way.leads_to(ip, Spelling::Literal)) {
        return Err(forbidden(&target.host, run.way));
    }
    let to = Target::written(proxy.host(), proxy.port());
    let ours = run.tools.network.egress.proxy() == Some(proxy);
    let tcp = direct(run, &to, Way::Written).await.map_err(|stop| match stop {
        fault @ Stop::Fault(_) if ours => astray(fault),
        Stop::Fault(fault) => proxy::refused(format!("the proxy cannot be reached: {}", fault.text)),
        own @ Stop::Own(..) => own,
    })?;
    // Behind a proxy a name counts as public: a reply must not send us to what the proxy can see and we cannot judge.
    *run.came_from = Some(literal.map_or(Region::Public, Region::of));
    Ok(tcp)
}

/// A vantage without its proxy sees nothing: that says nothing of who was to be reached.
fn astray(stop: Stop) -> Stop {
    match stop {
        Stop::Fault(fault) => {
            Stop::Own(SelfFault::NetworkUnreachable, format!("the vantage's proxy cannot be reached: {}", fault.text))
        }
        own @ Stop::Own(..) => own,
    }
}

fn forbidden(host: &Host<&str>, way: Way) -> Stop {
    match way {
        Way::Written => Stop::Own(
            SelfFault::Unsafe,
            format!("`{host}` leads to a cloud's metadata; write the address itself if that is what you want"),
        ),
        Way::Sent(_) => Fault::new(
            FaultCode::RedirectRefused,
            format!("a reply sends customers to `{host}`, which lies inside a private network"),
        )
        .into(),
    }
}
