//! By which way a vantage leaves this machine: as the machine is set up, from one of its addresses, through one of its
//! network interfaces, or through a proxy. Whatever opens a socket for a run asks here, and nowhere else.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use rustix::io::Errno;
use socket2::SockRef;

use super::proxy::Proxy;

/// The way out of one vantage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// As the machine's routes say.
    #[default]
    Machine,
    /// Every socket is bound to this address of ours.
    Source(IpAddr),
    /// Every socket is bound to this network interface (`SO_BINDTODEVICE`).
    Interface(String),
    /// Every connection is a tunnel through it; plain HTTP is forwarded.
    Proxy(Proxy),
}

impl Egress {
    /// The proxy, if that is the way.
    pub fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Proxy(proxy) => Some(proxy),
            _ => None,
        }
    }

    /// Lets a socket that is about to send to `peer` leave this way. A proxy itself is reached as the machine reaches it.
    pub fn bind(&self, socket: &impl AsFd, peer: IpAddr) -> io::Result<()> {
        let socket = SockRef::from(socket);
        match self {
            Self::Machine | Self::Proxy(_) => Ok(()),
            Self::Source(_) => socket.bind(&self.local(peer)?.into()).map_err(gone),
            Self::Interface(name) => socket.bind_device(Some(name.as_bytes())).map_err(gone),
        }
    }

    /// A UDP socket that leaves this way, not connected yet.
    pub fn datagrams(&self, peer: IpAddr) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(self.local(peer)?).map_err(gone)?;
        if let Self::Interface(_) = self {
            self.bind(&socket, peer)?;
        }
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Whether this machine has such a way out at all; or why not, in words.
    pub fn try_out(&self) -> Result<(), String> {
        let peer = match self {
            Self::Source(ip) => *ip,
            _ => Ipv4Addr::LOCALHOST.into(),
        };
        self.datagrams(peer).map(|_| ()).map_err(|error| self.words(&error))
    }

    /// What an error of binding means, with what to do about it.
    pub fn words(&self, error: &io::Error) -> String {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        match (self, errno) {
            (Self::Source(ip), Some(Errno::NETDOWN)) => format!("this machine has no address {ip} to probe from"),
            (Self::Interface(name), Some(Errno::NETDOWN)) => format!("this machine has no network interface `{name}`"),
            (Self::Interface(name), Some(Errno::PERM | Errno::ACCESS)) => format!(
                "this system does not let us probe through the interface `{name}`: give the program CAP_NET_RAW, or name \
                 an address of that interface as `source`"
            ),
            (Self::Source(ip), Some(Errno::AFNOSUPPORT)) => {
                format!("an IPv{} address cannot be reached from {ip}", if ip.is_ipv4() { 6 } else { 4 })
            }
            _ => error.to_string(),
        }
    }

    /// Where a socket that sends to `peer` is bound to.
    fn local(&self, peer: IpAddr) -> io::Result<SocketAddr> {
        let ip = match self {
            Self::Source(ip) if ip.is_ipv4() == peer.is_ipv4() => *ip,
            Self::Source(_) => return Err(Errno::AFNOSUPPORT.into()),
            _ if peer.is_ipv4() => Ipv4Addr::UNSPECIFIED.into(),
            _ => Ipv6Addr::UNSPECIFIED.into(),
        };
        Ok(SocketAddr::new(ip, 0))
    }
}

/// An address or an interface that is not there is a network that is down, not a lack of ports.
fn gone(error: io::Error) -> io::Error {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ADDRNOTAVAIL | Errno::NODEV) => Errno::NETDOWN.into(),
        _ => error,
    }
}

impl fmt::Display for Egress {
    /// As in "from ...".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("this machine"),
            Self::Source(ip) => write!(f, "{ip}"),
            Self::Interface(name) => write!(f, "the interface `{name}`"),
            Self::Proxy(proxy) => write!(f, "the proxy {}:{}", proxy.host(), proxy.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_does_not_have_is_said_in_words() {
        let nobodys = Egress::Source(Ipv4Addr::new(203, 0, 113, 7).into());
        assert_eq!(nobodys.try_out(), Err("this machine has no address 203.0.113.7 to probe from".to_owned()));
        let nowhere = Egress::Interface("no-such-link".to_owned());
        assert_eq!(nowhere.try_out(), Err("this machine has no network interface `no-such-link`".to_owned()));
        for here in
            [Egress::Machine, Egress::Source(Ipv4Addr::new(127, 0, 0, 3).into()), Egress::Interface("lo".into())]
        {
            assert_eq!(here.try_out(), Ok(()), "{here}");
        }
    }

    #[test]
    fn sockets_leave_from_the_address_they_are_told() {
        let egress = Egress::Source(Ipv4Addr::new(127, 0, 0, 3).into());
        let socket = egress.datagrams(Ipv4Addr::LOCALHOST.into()).expect("a socket");
        assert_eq!(socket.local_addr().expect("bound").ip(), Ipv4Addr::new(127, 0, 0, 3));
        let other = egress.datagrams(Ipv6Addr::LOCALHOST.into()).expect_err("another family");
        assert_eq!(super::super::dial::own(&other), Some(crate::model::SelfFault::Unsupported));
    }
}
