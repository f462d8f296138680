//! `/etc/hosts`, as hosts(5) describes it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::ADDRESSES_MAX;

/// The addresses of each name, IPv4 first.
pub(super) fn read_hosts(text: &str) -> HashMap<String, Vec<IpAddr>> {
    let mut hosts: HashMap<String, Vec<IpAddr>> = HashMap::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(Ok(ip)) = words.next().map(str::parse::<IpAddr>) else { continue };
        for name in words.map(|name| name.trim_end_matches('.')).filter(|name| !name.is_empty()) {
            let addresses = hosts.entry(name.to_ascii_lowercase()).or_default();
            if !addresses.contains(&ip) && addresses.len() < ADDRESSES_MAX {
                addresses.push(ip);
            }
        }
    }
    // Many a service on this machine listens on IPv4 only.
    for addresses in hosts.values_mut() {
        addresses.sort_by_key(|ip| (ip.is_ipv6(), *ip != Ipv4Addr::LOCALHOST));
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_files_are_read_as_people_write_them() {
        let hosts = read_hosts(
            "# c\n127.0.0.1 localhost Shop.Test. # mine\n::1\tlocalhost\nnonsense here\n10.0.0.1\n10.0.0.2 . ..\n",
        );
        assert_eq!(hosts["shop.test"], [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(hosts["localhost"].len(), 2);
        assert_eq!(hosts.len(), 2);
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn hosts_files_are_read_by_the_line() {
        let corpus: &[&[u8]] = &[
            b"127.0.0.1 localhost Shop.Test. # mine\n::1\tlocalhost ip6-loopback\r\n",
            b"fe80::1%lo0 link\n10.0.0.1\n# 10.0.0.2 no\n10.0.0.3 a#b a\n",
            b"192.0.2.7 www.shop.test www\n192.0.2.8 www\n2001:db8::7 www\n",
        ];
        for input in Bent::of(5000, corpus) {
            let text = String::from_utf8_lossy(&input);
            let hosts = read_hosts(&text);
            for (name, addresses) in &hosts {
                assert!(!addresses.is_empty() && addresses.len() <= ADDRESSES_MAX, "{name}: {addresses:?}");
                assert!(!name.contains(['#', ' ', '\n', '\t']) && *name == name.to_ascii_lowercase(), "{name:?}");
                assert!(addresses.is_sorted_by_key(IpAddr::is_ipv6), "{name}: {addresses:?}");
            }
            // What was understood, written anew, means the same.
            let line = |(name, ips): (&String, &Vec<IpAddr>)| {
                ips.iter().map(|ip| format!("{ip} {name}\n")).collect::<Vec<_>>().concat()
            };
            assert_eq!(read_hosts(&hosts.iter().map(line).collect::<String>()), hosts);
        }
    }
}
