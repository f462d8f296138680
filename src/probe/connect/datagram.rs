//! A UDP socket to the first address that this machine can send to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::egress::Egress;

/// A socket to the first of these addresses; see [`next`].
pub async fn open(
    egress: &Egress,
    ips: &[IpAddr],
    port: u16,
) -> Result<(UdpSocket, SocketAddr), (SocketAddr, io::Error)> {
    next(egress, &mut ips.iter().map(|ip| SocketAddr::new(*ip, port))).await
}

/// A socket that hears nobody but its peer. An address of a family that this machine does not speak says nothing of the
/// touchpoint as long as there is another; the error is that of the last.
pub async fn next(
    egress: &Egress,
    peers: &mut (impl Iterator<Item = SocketAddr> + Send),
) -> Result<(UdpSocket, SocketAddr), (SocketAddr, io::Error)> {
    let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let mut worst = (nowhere, io::ErrorKind::AddrNotAvailable.into());
    for peer in peers {
        match connected(egress, peer).await {
            Ok(socket) => return Ok((socket, peer)),
            Err(error) => worst = (peer, error),
        }
    }
    Err(worst)
}

async fn connected(egress: &Egress, peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::from_std(egress.datagrams(peer.ip())?)?;
    // Datagrams from anywhere else are not even seen, and a refusal comes back as an error.
    socket.connect(peer).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_nothing_can_be_sent_to_is_passed_over() {
        // Without `SO_BROADCAST` the kernel lets nobody connect to it.
        let unreachable = IpAddr::V4(Ipv4Addr::BROADCAST);
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (socket, peer) = open(&Egress::Machine, &[unreachable, here], 9).await.expect("the other one");
        assert_eq!((peer, socket.peer_addr().expect("connected")), ((here, 9).into(), (here, 9).into()));
        let (last, _) = open(&Egress::Machine, &[unreachable], 9).await.expect_err("no other");
        assert_eq!(last.ip(), unreachable);
    }
}
