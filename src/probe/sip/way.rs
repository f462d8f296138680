//! Streams to one server after the other (RFC 3263, 4.3).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use tokio::time::timeout;
use url::Host;

use super::flow::{broken, nowhere};
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::resolve::Family;
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::{Offer, Options};
use crate::probe::connect::{self, Target};
use crate::probe::endpoint::borrowed;
use crate::probe::{Run, Stop};

/// How streams are opened, and to whom else.
pub(super) struct Way {
    /// Whose certificate must be shown (RFC 5922, 4), whatever the servers are called.
    domain: Host<String>,
    secure: Option<Options>,
    /// The server that the stream leads to, which may have further addresses.
    at: Option<(Host<String>, u16)>,
    /// Those after it.
    others: VecDeque<(Host<String>, u16)>,
    /// Who has been spoken to.
    tried: Vec<SocketAddr>,
}

impl Way {
    pub(super) fn new(domain: Host<String>, secure: Option<Options>, servers: &[(Host<String>, u16)]) -> Self {
        Self { domain, secure, at: None, others: servers.iter().cloned().collect(), tried: Vec::new() }
    }

    /// Whether there is nobody else to ask.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.others.is_empty()
    }

    /// The stream to the first that there is a way to; our address, and theirs.
    pub(super) async fn open(&mut self, run: &mut Run<'_>) -> Result<(Stream, SocketAddr, SocketAddr), Stop> {
        let secure = match &self.secure {
            Some(options) => Some((run.tools.network.tls.config(options, Offer::Nothing)?, options.clone())),
            None => None,
        };
        let stream = match (self.dial(run).await?, secure) {
            (Stream::Plain(tcp), Some((config, options))) => {
                connect::upgrade(run, (config, &options), &borrowed(&self.domain), tcp).await?
            }
            (stream, _) => stream,
        };
        let tcp = match &stream {
            Stream::Plain(tcp) => tcp,
            Stream::Secure(tls) => tls.get_ref().0,
        };
        let local = tcp.local_addr().map_err(|error| broken(&error))?;
        let peer = tcp.peer_addr().map_err(|error| broken(&error))?;
        self.tried.push(peer);
        Ok((stream, local, peer))
    }

    /// Connects to one server after the other (RFC 3263, 4.3). One that keeps silent takes its share of the time.
    async fn dial(&mut self, run: &mut Run<'_>) -> Result<Stream, Stop> {
        let mut worst = None;
        while let Some((host, port)) = self.others.pop_front() {
            let share = run.left() / (self.others.len() as u32 + 1);
            let target = Target::written(borrowed(&host), port);
            let met = if self.others.is_empty() {
                connect::connect(run, &target).await
            } else if let Ok(met) = timeout(share, connect::connect(run, &target)).await {
                met
            } else {
                let text = format!("{host}:{port} does not answer");
                Err(Fault::new(FaultCode::Timeout, text).during(Phase::Connect).into())
            };
            match met {
                Ok(stream) => {
                    self.at = Some((host, port));
                    return Ok(stream);
                }
                Err(stop) => worst = worst.or(Some(stop)),
            }
        }
        Err(worst.unwrap_or_else(nowhere))
    }

    /// A server may have several addresses, of which only one has been spoken to: those come before other servers.
    pub(super) async fn add_addresses(&mut self, run: &mut Run<'_>) {
        let Some((host @ Host::Domain(_), port)) = self.at.take() else { return };
        let ips = connect::addresses(run, &borrowed(&host), Family::Any).await.unwrap_or_default();
        run.phases.end();
        for ip in ips.into_iter().rev().filter(|ip| !self.tried.contains(&SocketAddr::new(*ip, port))) {
            let host = match ip {
                IpAddr::V4(ip) => Host::Ipv4(ip),
                IpAddr::V6(ip) => Host::Ipv6(ip),
            };
            self.others.push_front((host, port));
        }
    }
}
