//! One telephone's connection to the broker.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::packet::{self, Connect, Options, Refusal, Said, Version, Wrong};
use super::{Notice, is_of};
use crate::demo::books::Customer;
use crate::demo::business::Business;
use crate::demo::certificate::Certificates;
use crate::demo::fault::Fault;
use crate::demo::stand::wait_while_hanging;
use crate::demo::touchpoint::Touchpoint;

/// A client that has connected says who it is within this.
const GREETING_MAX: Duration = Duration::from_secs(10);
const FILTERS_MAX: usize = 32;
/// The reason with which a client of version 5 leaves, and still wants its will to be read.
const LEAVES_WITH_WILL: u8 = 4;

/// Serves a client until it leaves. An error is the client's to see.
pub(super) async fn serve(stream: TcpStream, business: &Business, certificates: &Certificates) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut fault = business.switches.follow(Touchpoint::Notices);
    if *fault.borrow() == Some(Fault::Drops) {
        return stream.set_zero_linger();
    }
    wait_while_hanging(&mut fault).await;
    let expired = *fault.borrow() == Some(Fault::ExpiredCertificate);
    let acceptor = if expired { &certificates.expired } else { &certificates.good };
    let mut stream = acceptor.accept(stream).await?;
    let mut heard = Vec::new();
    let greeting =
        timeout(GREETING_MAX, greeting(&mut stream, &mut heard)).await.map_err(|_| io::ErrorKind::TimedOut)?;
    let connect = match greeting? {
        Ok(connect) => connect,
        Err(Wrong::Version) => {
            return say(&mut stream, &packet::connected(Version::V311, Some(Refusal::Version), None)).await;
        }
        Err(Wrong::Malformed) => return Err(io::ErrorKind::InvalidData.into()),
    };
    let refusal = match business.books.customer(&connect.user, &connect.password) {
        _ if *fault.borrow() == Some(Fault::Refuses) => Err(Refusal::Forbidden),
        Some(customer) => Ok(customer),
        None => Err(Refusal::Password),
    };
    let customer = match refusal {
        Ok(customer) => customer,
        Err(refusal) => return say(&mut stream, &packet::connected(connect.version, Some(refusal), None)).await,
    };
    Session::open(stream, heard, business, customer, connect, fault).await
}

async fn say(stream: &mut TlsStream<TcpStream>, packet: &[u8]) -> io::Result<()> {
    stream.write_all(packet).await?;
    stream.flush().await
}

async fn greeting(stream: &mut TlsStream<TcpStream>, heard: &mut Vec<u8>) -> io::Result<Result<Connect, Wrong>> {
    loop {
        match packet::take(heard) {
            Err(wrong) => return Ok(Err(wrong)),
            Ok(Some(raw)) => {
                return Ok(match packet::read(None, &raw) {
                    Ok(Said::Connect(connect)) => Ok(connect),
                    Ok(_) => Err(Wrong::Malformed),
                    Err(wrong) => Err(wrong),
                });
            }
            Ok(None) if stream.read_buf(heard).await? == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(None) => {}
        }
    }
}

struct Session<'a> {
    stream: TlsStream<TcpStream>,
    heard: Vec<u8>,
    business: &'a Business,
    customer: &'static Customer,
    version: Version,
    filters: Vec<(String, u8)>,
    fault: watch::Receiver<Option<Fault>>,
    /// Of the message sent last.
    id: u16,
}

/// How a session goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Goes,
    /// The client has taken its leave.
    Ends,
    /// The same, and wants its will to be read.
    EndsWithWill,
}

impl<'a> Session<'a> {
    async fn open(
        stream: TlsStream<TcpStream>,
        heard: Vec<u8>,
        business: &'a Business,
        customer: &'static Customer,
        connect: Connect,
        fault: watch::Receiver<Option<Fault>>,
    ) -> io::Result<()> {
        let named = connect.client.is_empty().then(|| Uuid::new_v4().simple().to_string());
        let name = named.as_ref().unwrap_or(&connect.client).clone();
        let taken_over = business.notices.enter(&name);
        let news = business.notices.news.subscribe();
        let version = connect.version;
        let mut session = Self { stream, heard, business, customer, version, filters: Vec::new(), fault, id: 0 };
        let welcome = packet::connected(version, None, named.as_deref());
        let ended = session.converse(&welcome, connect.keep_alive, news, &taken_over).await;
        business.notices.leave(&name, &taken_over);
        if !matches!(ended, Ok(Next::Ends))
            && let Some(will) = connect.will
            && session.may_publish(&will.topic)
        {
            business.notices.publish(will);
        }
        ended.map(drop)
    }

    async fn converse(
        &mut self,
        welcome: &[u8],
        keep_alive: u16,
        mut news: broadcast::Receiver<Arc<Notice>>,
        taken_over: &CancellationToken,
    ) -> io::Result<Next> {
        self.say(welcome).await?;
        let mut last = Instant::now();
        loop {
            while let Some(raw) = packet::take(&mut self.heard).map_err(|_| io::ErrorKind::InvalidData)? {
                let said = packet::read(Some(self.version), &raw).map_err(|_| io::ErrorKind::InvalidData)?;
                let next = self.hear(said).await?;
                if next != Next::Goes {
                    return Ok(next);
                }
                last = Instant::now();
            }
            // MQTT 5, 3.1.2.10: one and a half times.
            let silent_until = (keep_alive > 0).then(|| last + Duration::from_secs(keep_alive.into()) * 3 / 2);
            let gone = async {
                match silent_until {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                read = self.stream.read_buf(&mut self.heard) => if read? == 0 { return Err(io::ErrorKind::UnexpectedEof.into()) },
                // Too many at once for this client: it has to come again, and finds what is retained.
                notice = news.recv() => {
                    let notice = notice.map_err(io::Error::other)?;
                    self.tell(&notice).await?;
                }
                () = taken_over.cancelled() => {
                    if self.version == Version::V5 {
                        self.say(&packet::TAKEN_OVER).await?;
                    }
                    return Ok(Next::EndsWithWill);
                }
                _ = self.fault.changed() => {}
                () = gone => return Err(io::ErrorKind::TimedOut.into()),
            }
            if *self.fault.borrow_and_update() == Some(Fault::Drops) {
                self.stream.get_ref().0.set_zero_linger()?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            wait_while_hanging(&mut self.fault).await;
        }
    }

    async fn hear(&mut self, said: Said) -> io::Result<Next> {
        let version = self.version;
        match said {
            Said::Publish { notice, qos, id } => {
                let refusal = (!self.may_publish(&notice.topic)).then_some(Refusal::Forbidden);
                if refusal.is_none() {
                    self.business.notices.publish(notice);
                }
                match qos {
                    0 => {}
                    1 => self.say(&packet::received(version, packet::PUBACK, id, refusal)).await?,
                    _ => self.say(&packet::received(version, packet::PUBREC, id, refusal)).await?,
                }
            }
            Said::Released(id) => self.say(&packet::received(version, packet::PUBCOMP, id, None)).await?,
            Said::Subscribe { id, filters } => self.subscribe(id, filters).await?,
            Said::Unsubscribe { id, filters } => {
                self.filters.retain(|(known, _)| !filters.contains(known));
                let codes: &[u8] = if version == Version::V5 { &vec![0; filters.len()] } else { &[] };
                self.say(&packet::answered(version, packet::UNSUBACK, id, codes)).await?;
            }
            Said::Acknowledged => {}
            Said::Ping => self.say(&packet::PINGRESP).await?,
            Said::Disconnect { reason: LEAVES_WITH_WILL } => return Ok(Next::EndsWithWill),
            Said::Disconnect { .. } => return Ok(Next::Ends),
            Said::Connect(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(Next::Goes)
    }

    async fn subscribe(&mut self, id: u16, filters: Vec<(String, Options)>) -> io::Result<()> {
        let version = self.version;
        let (mut codes, mut fresh) = (Vec::new(), Vec::new());
        for (filter, options) in filters {
            let refusal = match () {
                () if !self.may_read(&filter) => Some(Refusal::Forbidden),
                () if self.filters.len() >= FILTERS_MAX || options.asks_too_much() => Some(Refusal::Unable),
                () => None,
            };
            if let Some(refusal) = refusal {
                // Version 3.1.1 has one code for all.
                codes.push(if version == Version::V5 { refusal.code(version) } else { 0x80 });
                continue;
            }
            codes.push(options.granted());
            self.filters.retain(|(known, _)| *known != filter);
            self.filters.push((filter.clone(), options.granted()));
            fresh.extend(options.wants_retained().then_some(filter));
        }
        self.say(&packet::answered(version, packet::SUBACK, id, &codes)).await?;
        for notice in self.business.notices.retained() {
            if fresh.iter().any(|filter| is_of(filter, &notice.topic)) {
                self.tell(&notice).await?;
            }
        }
        Ok(())
    }

    /// Sends a notice to a client that wants it.
    async fn tell(&mut self, notice: &Notice) -> io::Result<()> {
        let wanted = self.filters.iter().filter(|(filter, _)| is_of(filter, &notice.topic)).map(|(_, qos)| *qos).max();
        let Some(qos) = wanted.filter(|_| *self.fault.borrow() != Some(Fault::Silent)) else { return Ok(()) };
        self.id = self.id.checked_add(1).unwrap_or(1);
        self.say(&packet::publish(self.version, notice, (qos > 0).then_some(self.id))).await
    }

    async fn say(&mut self, packet: &[u8]) -> io::Result<()> {
        say(&mut self.stream, packet).await
    }

    /// Whoever wants to read another customer's notices is refused.
    fn may_read(&self, filter: &str) -> bool {
        filter == "network" || filter.starts_with("network/") || filter.starts_with(&format!("{}/", self.own()))
    }

    /// A customer's devices tell one another what has been seen; all else is the company's to say.
    fn may_publish(&self, topic: &str) -> bool {
        topic.starts_with(&format!("{}/seen/", self.own()))
    }

    fn own(&self) -> String {
        format!("customers/{}", self.customer.email)
    }
}
