//! Which addresses a run may reach. Pure.
//!
//! What a person wrote may be anywhere. Where a *reply* sends us is another matter: a public site must not be able to
//! make us look around in the private network we stand in, and nobody may send us to a cloud's metadata.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    Public,
    /// Loopback, private, shared (CGNAT), link-local, unique-local, unspecified, multicast.
    Inside,
    /// A cloud's metadata: credentials for whoever asks.
    Metadata,
}

const METADATA_V4: &[Ipv4Addr] = &[
    Ipv4Addr::new(169, 254, 169, 254), // AWS, GCP, Azure, DigitalOcean, OpenStack
    Ipv4Addr::new(169, 254, 170, 2),   // AWS ECS
    Ipv4Addr::new(169, 254, 170, 23),  // AWS EKS
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba
    Ipv4Addr::new(168, 63, 129, 16),   // Azure wire server
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle
];
const METADATA_V6: &[Ipv6Addr] =
    &[Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

impl Region {
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => embedded(v6).map_or_else(|| Self::of_v6(v6), Self::of_v4),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let [a, b, ..] = ip.octets();
        if METADATA_V4.contains(&ip) {
            Self::Metadata
        } else if ip.is_loopback()
            || ip.is_private()
            || ip.is_link_local()
            || ip.is_broadcast()
            || ip.is_multicast()
            || a == 0
            || a >= 240
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (18..20).contains(&b))
        {
            Self::Inside
        } else {
            Self::Public
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        if METADATA_V6.contains(&ip) {
            Self::Metadata
        } else if ip.is_loopback()
            || ip.is_unspecified()
            || ip.is_multicast()
            || ip.is_unique_local()
            || ip.is_unicast_link_local()
            || (ip.segments()[0] & 0xffc0) == 0xfec0
        {
            Self::Inside
        } else {
            Self::Public
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, .., y, z] = ip.segments();
    let low = || Ipv4Addr::from((u32::from(y) << 16) | u32::from(z));
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return Some(mapped);
    }
    if a == 0x64 && b == 0xff9b {
        return Some(low());
    }
    if a == 0x2002 {
        return Some(Ipv4Addr::from((u32::from(b) << 16) | u32::from(ip.segments()[2])));
    }
    (ip.segments()[..6] == [0; 6] && u32::from(y) != 0).then(low)
}

/// How a run came to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A person wrote it.
    Written,
    /// A reply from such a place named it.
    Sent(Region),
}

/// How the host is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Literal,
    Name,
}

impl Way {
    /// Whether this way may lead to `ip`.
    pub fn leads_to(self, ip: IpAddr, spelling: Spelling) -> bool {
        match (self, Region::of(ip)) {
            (_, Region::Public) | (Self::Written, Region::Inside) => true,
            (Self::Written, Region::Metadata) => spelling == Spelling::Literal,
            (Self::Sent(from), Region::Inside) => from != Region::Public,
            (Self::Sent(_), Region::Metadata) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(ip: &str) -> Region {
        Region::of(ip.parse().expect(ip))
    }

    #[test]
    fn every_disguise_is_seen_through() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "::7f00:1",
            "255.255.255.255",
            "ff02::1",
        ] {
            assert_eq!(region(ip), Region::Inside, "{ip}");
        }
        for ip in
            ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "100.100.100.200"]
        {
            assert_eq!(region(ip), Region::Metadata, "{ip}");
        }
        for ip in ["192.0.2.1", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert_eq!(region(ip), Region::Public, "{ip}");
        }
    }

    #[test]
    fn a_reply_never_leads_inwards() {
        let (public, inside, metadata) = ("1.1.1.1", "10.0.0.1", "169.254.169.254");
        let leads = |way: Way, ip: &str, spelling| way.leads_to(ip.parse().expect(ip), spelling);
        for ip in [public, inside] {
            assert!(leads(Way::Written, ip, Spelling::Name));
            assert!(leads(Way::Sent(Region::Inside), ip, Spelling::Name));
        }
        assert!(leads(Way::Written, metadata, Spelling::Literal));
        assert!(!leads(Way::Written, metadata, Spelling::Name), "a name that was bent to it");
        assert!(leads(Way::Sent(Region::Public), public, Spelling::Literal));
        assert!(!leads(Way::Sent(Region::Public), inside, Spelling::Literal));
        assert!(!leads(Way::Sent(Region::Inside), metadata, Spelling::Literal));
    }
}
