//! Echo requests and replies, byte by byte. Pure.

use std::net::IpAddr;

/// As much as `ping` sends.
const PAYLOAD_BYTES: usize = 56;
const HEAD_BYTES: usize = 8;
const TOKEN_BYTES: usize = 8;

/// Type numbers of request and reply (RFC 792; RFC 4443, 4.1 and 4.2).
const TYPES_V4: (u8, u8) = (8, 0);
const TYPES_V6: (u8, u8) = (128, 129);

/// Whose echoes are ours. Identifiers are 16 bits, rewritten by kernels and by NAT: what proves an echo to be an
/// answer to this run is a random token in its payload.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    ip: IpAddr,
    token: [u8; TOKEN_BYTES],
}

/// An echo of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Echo {
    pub(super) number: u16,
}

impl Identity {
    pub(super) fn new(ip: IpAddr, random: u64) -> Self {
        Self { ip, token: random.to_be_bytes() }
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.ip
    }

    fn types(&self) -> (u8, u8) {
        if self.ip.is_ipv4() { TYPES_V4 } else { TYPES_V6 }
    }

    pub(super) fn request(&self, number: u16) -> Vec<u8> {
        let mut packet = vec![0; HEAD_BYTES + PAYLOAD_BYTES];
        packet[0] = self.types().0;
        // The identifier: any 16 bits of the token.
        packet[4..6].copy_from_slice(&self.token[..2]);
        packet[6..8].copy_from_slice(&number.to_be_bytes());
        packet[HEAD_BYTES..HEAD_BYTES + TOKEN_BYTES].copy_from_slice(&self.token);
        // ICMPv6 sums over addresses too; there the kernel does it (RFC 3542, 3.1).
        if self.ip.is_ipv4() {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// The echo in an ICMP message, if it is one of ours.
    pub(super) fn echo(&self, message: &[u8]) -> Option<Echo> {
        let token = message.get(HEAD_BYTES..HEAD_BYTES + TOKEN_BYTES)?;
        let ours = message[0] == self.types().1 && message[1] == 0 && token == self.token;
        ours.then(|| Echo { number: u16::from_be_bytes([message[6], message[7]]) })
    }
}

/// The message in an IPv4 packet: raw sockets show its head too.
pub(super) fn without_ip_head(packet: &[u8]) -> &[u8] {
    let words = packet.first().map_or(0, |first| usize::from(first & 0x0f));
    packet.get(words * 4..).unwrap_or_default()
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let pairs = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_sums_to_zero_and_its_echo_is_known() {
        let ours = Identity::new("192.0.2.1".parse().expect("an address"), 0x0123_4567_89ab_cdef);
        let mut packet = ours.request(7);
        assert_eq!(checksum(&packet), 0, "what is sent sums to nothing");
        assert_eq!(ours.echo(&packet), None, "our own request, heard on a loopback");
        packet[0] = 0;
        // Kernels and NAT rewrite the identifier.
        packet[4..6].copy_from_slice(&[9, 9]);
        assert_eq!(ours.echo(&packet), Some(Echo { number: 7 }));
        let stranger = Identity::new("192.0.2.1".parse().expect("an address"), 1);
        assert_eq!(stranger.echo(&packet), None);
    }

    #[test]
    fn hostile_packets_are_passed_over() {
        let ours = Identity::new("::1".parse().expect("an address"), 1);
        for packet in [&[][..], &[129], &[129; 15], &[0xff; 64], &[0x4f; 8]] {
            assert_eq!(ours.echo(packet), None);
            assert_eq!(ours.echo(without_ip_head(packet)), None);
        }
        let mut echo = ours.request(3);
        echo[0] = 129;
        let packet = [&[0x45; 20][..], &echo].concat();
        assert_eq!(ours.echo(without_ip_head(&packet)), Some(Echo { number: 3 }));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn only_echoes_of_ours_are_heard() {
        for ip in ["192.0.2.1", "::1"].map(|ip| ip.parse::<IpAddr>().expect("an address")) {
            let ours = Identity::new(ip, 0x0123_4567_89ab_cdef);
            let mut echo = ours.request(7);
            echo[0] = ours.types().1;
            let whole = [&[0x45; 20][..], &echo].concat();
            for input in Bent::of(2000, &[&echo, &whole, &ours.request(9)]) {
                for message in [&input[..], without_ip_head(&input)] {
                    let token = message.get(HEAD_BYTES..HEAD_BYTES + TOKEN_BYTES) == Some(&ours.token);
                    assert!(ours.echo(message).is_none() || (token && message[..2] == [ours.types().1, 0]));
                }
            }
        }
    }
}
