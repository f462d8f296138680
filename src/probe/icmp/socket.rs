//! A socket that may send pings: the kernel's own for everybody, else a raw one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use socket2::{Domain, Protocol, Type};
use tokio::net::UdpSocket;

use super::echo::without_ip_head;
use crate::model::SelfFault;
use crate::probe::Stop;
use crate::probe::connect::dial;
use crate::probe::connect::egress::Egress;

#[derive(Debug)]
pub(super) struct Socket {
    /// Sends and receives like any datagram socket, whatever its protocol.
    io: UdpSocket,
    shows: Shows,
}

/// What a received packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Message,
    /// The IPv4 head.
    Packet,
}

impl Socket {
    /// A socket that talks with this address only.
    pub(super) async fn open(egress: &Egress, ip: IpAddr) -> Result<Self, Stop> {
        let (socket, kind) = match make(ip, Type::DGRAM) {
            Ok(socket) => (socket, Type::DGRAM),
            Err(error) if forbidden(&error) => match make(ip, Type::RAW) {
                Ok(socket) => (socket, Type::RAW),
                Err(error) if forbidden(&error) => return Err(not_allowed()),
                Err(error) => return Err(own(ip, &error)),
            },
            Err(error) => return Err(own(ip, &error)),
        };
        egress.bind(&socket, ip).map_err(|error| own(ip, &error))?;
        let io = UdpSocket::from_std(std::net::UdpSocket::from(OwnedFd::from(socket)));
        let io = io.map_err(|error| own(ip, &error))?;
        // Packets from anywhere else are not even seen.
        io.connect(SocketAddr::new(ip, 0)).await.map_err(|error| own(ip, &error))?;
        let shows = if kind == Type::RAW && ip.is_ipv4() { Shows::Packet } else { Shows::Message };
        Ok(Self { io, shows })
    }

    pub(super) async fn send(&self, message: &[u8]) -> io::Result<()> {
        self.io.send(message).await.map(|_| ())
    }

    /// The length of the ICMP message, which is moved to the front of `buffer`.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.io.recv(buffer).await?;
        if self.shows == Shows::Message {
            return Ok(length);
        }
        let message = without_ip_head(&buffer[..length]).len();
        buffer.copy_within(length - message..length, 0);
        Ok(message)
    }
}

fn make(ip: IpAddr, kind: Type) -> io::Result<socket2::Socket> {
    let (domain, protocol) = match ip {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = socket2::Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn forbidden(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::ACCESS | Errno::PERM | Errno::PROTONOSUPPORT))
}

fn not_allowed() -> Stop {
    let group = rustix::process::getgid().as_raw();
    let text = format!(
        "this system does not let us ping: let group {group} do so with `sysctl net.ipv4.ping_group_range=\"{group} \
         {group}\"`, or give the program CAP_NET_RAW"
    );
    Stop::Own(SelfFault::Unsupported, text)
}

fn own(ip: IpAddr, error: &io::Error) -> Stop {
    Stop::Own(dial::own(error).unwrap_or(SelfFault::Unsupported), format!("pinging {ip}: {error}"))
}
