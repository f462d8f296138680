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
        for name in words {
            let addresses = hosts.entry(name.trim_end_matches('.').to_ascii_lowercase()).or_default();
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
        let hosts = read_hosts("# c\n127.0.0.1 localhost Shop.Test. # mine\n::1\tlocalhost\nnonsense here\n10.0.0.1\n");
        assert_eq!(hosts["shop.test"], [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(hosts["localhost"].len(), 2);
        assert_eq!(hosts.len(), 2);
    }
}
