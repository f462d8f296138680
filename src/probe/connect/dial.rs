//! A TCP connection to the first address that answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::Stop;

use super::egress::Egress;

/// How long one address may keep us waiting before the next is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// From here up the kernel picks local ports, and a connection to a port of our own may meet itself.
const EPHEMERAL: u16 = 32_768;

/// Connects to one of the addresses, in this order of preference.
pub async fn connect(egress: &Egress, ips: &[IpAddr], port: u16) -> Result<TcpStream, Stop> {
    if let [ip] = ips {
        let address = SocketAddr::new(*ip, port);
        return open(egress, address).await.map_err(|error| stop(egress, address, &error));
    }
    race(egress, ips, port).await
}

async fn race(egress: &Egress, ips: &[IpAddr], port: u16) -> Result<TcpStream, Stop> {
    let mut waiting = ips.iter().map(|ip| SocketAddr::new(*ip, port));
    let mut trying = FuturesUnordered::new();
    let mut worst: Option<Stop> = None;
    loop {
        let more = match waiting.next() {
            Some(address) => {
                trying.push(async move { (address, open(egress, address).await) });
                waiting.len() > 0
            }
            None => false,
        };
        let head_start = Instant::now() + HEAD_START;
        tokio::select! {
            ended = trying.next() => match ended {
                Some((_, Ok(stream))) => return Ok(stream),
                Some((address, Err(error))) => {
                    let next = stop(egress, address, &error);
                    // A family that we cannot speak says nothing of the touchpoint, if the other got an answer.
                    worst = match worst {
                        Some(Stop::Fault(fault)) => Some(Stop::Fault(fault)),
                        Some(Stop::Own(..)) | None => Some(next),
                    };
                }
                None => return Err(worst.unwrap_or_else(|| Stop::Own(SelfFault::Unsupported, "no address to connect to".to_owned()))),
            },
            () = sleep_until(head_start), if more => {}
        }
    }
}

async fn open(egress: &Egress, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Closing resets: no TIME_WAIT holds a port for a minute (a prober that closes politely runs out of them at 500 runs
    // a second), and a hung peer is rid of us at once. Nothing is lost: we close when the answer is there, or given up.
    socket.set_zero_linger()?;
    egress.bind(&socket, address.ip())?;
    let stream = socket.connect(address).await?;
    if address.ip().is_loopback() && address.port() >= EPHEMERAL && stream.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn stop(egress: &Egress, address: SocketAddr, error: &io::Error) -> Stop {
    if let Some(own) = own(error) {
        return Stop::Own(own, format!("connecting to {address}: {}", egress.words(error)));
    }
    let (code, text) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (FaultCode::ConnectRefused, format!("{address} refuses connections")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            (FaultCode::ConnectReset, format!("{address} drops connections"))
        }
        io::ErrorKind::TimedOut => (FaultCode::Timeout, format!("{address} does not answer")),
        _ => (FaultCode::ConnectUnreachable, format!("{address} cannot be reached: {error}")),
    };
    Fault::new(code, text).during(Phase::Connect).into()
}

/// Which of our own troubles an error is, if it is one.
pub fn own(error: &io::Error) -> Option<SelfFault> {
    use rustix::io::Errno;
    Some(match Errno::from_raw_os_error(error.raw_os_error()?) {
        Errno::MFILE | Errno::NFILE => SelfFault::NoDescriptors,
        // The kernel has no route, or the link is down: it never left this machine.
        Errno::NETUNREACH | Errno::NETDOWN | Errno::NOBUFS => SelfFault::NetworkUnreachable,
        // A `prohibit` route or a local firewall rule.
        Errno::ACCESS | Errno::PERM => SelfFault::NoRoute,
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => SelfFault::NoPorts,
        Errno::AFNOSUPPORT => SelfFault::Unsupported,
        _ => return None,
    })
}
