//! The addresses of this machine, which fail2ban never bans unless `ignoreself`
//! is off.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of this machine: those of its interfaces as the kernel lists
/// them, and those of the loopback interface anyhow.
pub(super) fn addresses() -> Vec<IpAddr> {
    let mut found = vec![
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ];
    let v4 = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    for address in local_v4(&v4).chain(local_v6(&v6)) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// In the kernel's table of routes, an address stands on the line before the
/// one that says `/32 host LOCAL`.
fn local_v4(table: &str) -> impl Iterator<Item = IpAddr> {
    let pairs = table.lines().zip(table.lines().skip(1));
    pairs.filter_map(|(address, kind)| {
        if kind.trim() != "/32 host LOCAL" {
            return None;
        }
        let address = address.trim().strip_prefix("|-- ")?;
        Some(IpAddr::V4(address.parse().ok()?))
    })
}

/// Each line begins with an address of 32 digits.
fn local_v6(table: &str) -> impl Iterator<Item = IpAddr> {
    table.lines().filter_map(|line| {
        let digits = line.split(' ').next().filter(|digits| digits.len() == 32)?;
        let bits = u128::from_str_radix(digits, 16).ok()?;
        Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_lists_addresses() {
        let table = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.0\n        /8 host LOCAL\n     \
                     |-- 192.0.2.1\n        /32 host LOCAL\n     |-- 192.0.2.255\n        \
                     /32 link BROADCAST\n";
        let found: Vec<IpAddr> = local_v4(table).collect();
        assert_eq!(found, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        let table = "20010db8000000000000000000000007 02 40 00 80     eth0\nx\n";
        let found: Vec<IpAddr> = local_v6(table).collect();
        assert_eq!(found, ["2001:db8::7".parse::<IpAddr>().unwrap()]);
        assert!(addresses().contains(&IpAddr::from(Ipv4Addr::LOCALHOST)));
    }
}
