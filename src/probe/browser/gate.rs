//! The only way out of a run's browser: a SOCKS5 proxy (RFC 1928) on our own machine, gone with the run.
//!
//! The name is looked up here, and the very address that is connected to is judged: what a person wrote may be anywhere,
//! what a page leads to must not be inside a private network unless the page itself is.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use url::Host;

use super::chromium::herald::Herald;
use crate::model::{Fault, FaultCode, SelfFault};
use crate::probe::Stop;
use crate::probe::connect::address::{Region, Spelling, Way};
use crate::probe::connect::resolve::Family;
use crate::probe::connect::{Network, dial};
use chromiumoxide::Browser;
use chromiumoxide::cdp::browser_protocol::browser::BrowserContextId;
use chromiumoxide::cdp::browser_protocol::target::GetTargetsParams;

/// Connections of one run at a time; further ones wait.
const CONNECTIONS_MAX: usize = 256;
/// Hosts of one run that are remembered.
const HOSTS_MAX: usize = 512;
/// How long the browser may take to say what there is of the run.
const QUESTION: Duration = Duration::from_secs(2);
const BUFFER_BYTES: usize = 16 << 10;
/// What a browser may take to say where it wants to go.
const ASKED_WITHIN: Duration = Duration::from_secs(2);
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Where a gate will be: a browser can be told of it, and whoever comes waits until it is open.
#[derive(Debug)]
pub(super) struct Threshold(TcpListener);

/// One run's gate; closed when dropped, with all that goes through it.
#[derive(Debug)]
pub(super) struct Gate {
    log: Arc<Log>,
    serving: JoinHandle<()>,
}

/// A host as the gate knows it.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    /// How its newest connection began.
    pub ended: Result<SocketAddr, Stop>,
    /// Looking the name up.
    pub dns: Duration,
    /// Connecting.
    pub connect: Duration,
    /// Where it lies, if it was reached.
    pub region: Option<Region>,
}

#[derive(Debug)]
struct Log {
    network: Arc<Network>,
    home: Home,
    pages: Pages,
    noted: Mutex<Noted>,
}

/// The browser that comes through here, and what of it is the run's.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) browser: Weak<Browser>,
    pub(super) context: BrowserContextId,
    pub(super) herald: Arc<Herald>,
}

/// Hosts and ports, with what of ours kept a connection to them away.
pub(super) type Troubles = BTreeMap<(String, u16), (SelfFault, String)>;

/// The host that a person wrote, and how the run came to it.
pub(super) type Home = (Host<String>, Way);

#[derive(Debug, Default)]
struct Noted {
    /// Where the written host lies.
    home: Option<Region>,
    /// Somebody public was reached: nobody else can be a stranger.
    public: bool,
    /// One was there: whatever he left behind, under whatever address, is his.
    strangers: bool,
    hosts: BTreeMap<(String, u16), Passage>,
    /// What of ours kept a connection away, whatever came of the next.
    ours: Troubles,
}

impl Threshold {
    pub(super) async fn new() -> std::io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map(Self)
    }

    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Gate {
    /// From now on it is one run's.
    pub(super) fn open(Threshold(listener): Threshold, network: Arc<Network>, home: Home, pages: Pages) -> Self {
        let log = Arc::new(Log { network, home, pages, noted: Mutex::default() });
        let serving = tokio::spawn(serve(listener, Arc::clone(&log)));
        Self { log, serving }
    }

    /// Every host that was asked for, with its port.
    pub(super) fn passages(&self) -> BTreeMap<(String, u16), Passage> {
        self.log.lock().hosts.clone()
    }

    /// Hosts to which a connection did not come about for a reason of our own, with that.
    pub(super) fn ours(&self) -> Troubles {
        self.log.lock().ours.clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, log: Arc<Log>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Dropped with this task: every connection ends with the gate.
    let mut open = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        while open.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left: one may be soon.
            sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let log = Arc::clone(&log);
        open.spawn(async move {
            let _permit = permit;
            // A browser that breaks off, or asks for what cannot be, has its answer: nothing.
            let _ = pass(stream, &log).await;
        });
    }
}

async fn pass(mut from: TcpStream, log: &Log) -> std::io::Result<()> {
    from.set_nodelay(true)?;
    // Who says nothing takes nobody's place.
    let asked = timeout(ASKED_WITHIN, asked(&mut from)).await.map_err(std::io::Error::from)??;
    let Some((host, port)) = asked else { return Ok(()) };
    let (passage, stream) = log.reach(&host, port).await;
    let reply = answer(&passage);
    log.note(&host, port, passage);
    from.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if let Some(mut to) = stream {
        copy_bidirectional_with_sizes(&mut from, &mut to, BUFFER_BYTES, BUFFER_BYTES).await?;
    }
    Ok(())
}

/// What the browser wants to connect to (RFC 1928, 3 and 4).
async fn asked(from: &mut TcpStream) -> std::io::Result<Option<(Host<String>, u16)>> {
    let mut head = [0; 2];
    from.read_exact(&mut head).await?;
    let mut methods = vec![0; usize::from(head[1])];
    from.read_exact(&mut methods).await?;
    from.write_all(&[5, 0]).await?;
    let mut ask = [0; 4];
    from.read_exact(&mut ask).await?;
    let host = match (ask[0], ask[1], ask[3]) {
        (5, 1, 1) => Some(Host::Ipv4(Ipv4Addr::from(from.read_u32().await?))),
        (5, 1, 4) => Some(Host::Ipv6(Ipv6Addr::from(from.read_u128().await?))),
        (5, 1, 3) => {
            let mut name = vec![0; usize::from(from.read_u8().await?)];
            from.read_exact(&mut name).await?;
            // A name that is an address in disguise becomes the address.
            String::from_utf8(name).ok().and_then(|name| Host::parse(&name).ok())
        }
        _ => None,
    };
    let port = from.read_u16().await?;
    Ok(host.map(|host| (host, port)))
}

/// RFC 1928, 6.
fn answer(passage: &Passage) -> u8 {
    match &passage.ended {
        Ok(_) => 0,
        Err(Stop::Fault(fault)) if fault.code == FaultCode::RedirectRefused => 2,
        Err(Stop::Fault(fault)) if fault.code == FaultCode::ConnectRefused => 5,
        Err(_) => 4,
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, host: &Host<String>, port: u16, mut passage: Passage) {
        let mut noted = self.lock();
        let at = (host.to_string(), port);
        if let Err(Stop::Own(why, text)) = &passage.ended
            && noted.ours.len() < HOSTS_MAX
        {
            noted.ours.entry(at.clone()).or_insert_with(|| (*why, text.clone()));
        }
        let before = noted.hosts.get(&at).and_then(|passage| passage.region);
        // What was refused, or not reached again, lies where it lay; who was public once has had a say.
        passage.region = before.filter(|it| passage.region.is_none() || *it == Region::Public).or(passage.region);
        noted.public |= passage.region == Some(Region::Public);
        if noted.hosts.len() < HOSTS_MAX || before.is_some() {
            noted.hosts.insert(at, passage);
        }
    }

    /// How the run comes to a host.
    fn way(&self, host: &Host<String>) -> Way {
        let (written, way) = &self.home;
        match self.lock().home {
            // A name that leads inwards later, once its page could say so, is a trap.
            Some(home) if host != written || matches!(host, Host::Domain(_)) => Way::Sent(home),
            Some(_) => *way,
            None if host == written => *way,
            None => Way::Sent(Region::Public),
        }
    }

    /// Whether any page or frame of the run now comes from somewhere public: it may ask for whatever it likes.
    async fn has_strangers(&self) -> bool {
        {
            let noted = self.lock();
            if noted.strangers || !noted.public {
                return noted.strangers;
            }
        }
        let met = timeout(QUESTION, self.meets_strangers()).await.ok().flatten().unwrap_or(true);
        self.lock().strangers |= met;
        met
    }

    /// None: the browser does not tell.
    async fn meets_strangers(&self) -> Option<bool> {
        let Pages { browser, context, herald } = &self.pages;
        // The answer comes after all that the browser said before: whoever asks now is known by it.
        let targets = browser.upgrade()?.execute(GetTargetsParams::default()).await.ok()?.result.target_infos;
        let reached = |host: &str, port| self.lock().hosts.get(&(host.to_owned(), port)).and_then(|it| it.region);
        let mut ours = targets.iter().filter(|target| target.browser_context_id.as_ref() == Some(context));
        let strange = ours.any(|target| herald.is_strange(target.target_id.as_ref(), &target.url, &reached));
        Some(strange || herald.has_strangers(&reached))
    }

    async fn reach(&self, host: &Host<String>, port: u16) -> (Passage, Option<TcpStream>) {
        let mut passage = Passage { ended: Err(cannot()), dns: Duration::ZERO, connect: Duration::ZERO, region: None };
        let way = self.way(host);
        let begun = Instant::now();
        let ips = self.addresses(host, way).await;
        passage.dns = begun.elapsed();
        let begun = Instant::now();
        let reached = match ips {
            Ok(ips) => self.dial(host, port, &ips).await,
            Err(stop) => Err(stop),
        };
        passage.connect = begun.elapsed();
        match reached {
            Ok((stream, peer, region)) => {
                (passage.ended, passage.region) = (Ok(peer), Some(region));
                if host == &self.home.0 {
                    self.lock().home.get_or_insert(region);
                }
                (passage, Some(stream))
            }
            Err(stop) => {
                passage.ended = Err(stop);
                (passage, None)
            }
        }
    }

    /// The addresses that may be reached; none where a proxy looks the name up.
    async fn addresses(&self, host: &Host<String>, way: Way) -> Result<Vec<IpAddr>, Stop> {
        let is_home = *host == self.home.0;
        let host = borrowed(host);
        let spelling = if matches!(host, Host::Domain(_)) { Spelling::Name } else { Spelling::Literal };
        if spelling == Spelling::Name && self.network.egress.proxy().is_some() {
            return Ok(Vec::new());
        }
        let mut ips = self.network.resolver.addresses(&host, Family::Any).await?;
        ips.retain(|ip| way.leads_to(*ip, spelling));
        let leads_about_inside = |ip: &IpAddr| Region::of(*ip) != Region::Public;
        if !is_home && ips.iter().any(leads_about_inside) && self.has_strangers().await {
            ips.retain(|ip| !leads_about_inside(ip));
        }
        if ips.is_empty() { Err(forbidden(&host)) } else { Ok(ips) }
    }

    async fn dial(
        &self,
        host: &Host<String>,
        port: u16,
        ips: &[IpAddr],
    ) -> Result<(TcpStream, SocketAddr, Region), Stop> {
        let egress = &self.network.egress;
        let unknown = |error: std::io::Error| Stop::Own(SelfFault::NetworkUnreachable, error.to_string());
        let Some(proxy) = egress.proxy() else {
            let tcp = dial::connect(egress, ips, port).await?;
            let peer = tcp.peer_addr().map_err(unknown)?;
            return Ok((tcp, peer, Region::of(peer.ip())));
        };
        let mut tcp = self.network.enter(proxy).await?;
        proxy.tunnel(&mut tcp, &borrowed(host), port).await?;
        let peer = tcp.peer_addr().map_err(unknown)?;
        // Behind a proxy a name counts as public: we cannot judge what it sees.
        Ok((tcp, peer, ips.first().map_or(Region::Public, |ip| Region::of(*ip))))
    }
}

fn borrowed(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    }
}

fn cannot() -> Stop {
    Stop::Own(SelfFault::NetworkUnreachable, "nothing was tried".to_owned())
}

fn forbidden(host: &Host<&str>) -> Stop {
    let text = format!("the page leads to `{host}`, which lies inside a private network");
    Fault::new(FaultCode::RedirectRefused, text).into()
}
