//! Who is banned in the end, in forms that firewalls read.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;

use kerio_ban_core::{FailureId, Timestamp, Zone};

use crate::clock::local_time;
use crate::commands::simulate::{Begin, End, Happening, Lane, Report};
use crate::words::counted;

/// Which firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Nft,
    Ipset,
    Iptables,
    Ip6tables,
    Cidr,
}

/// Writes the addresses that are banned in the end. What cannot be written is
/// told to `warn`.
pub(crate) struct Firewall<W, N> {
    out: W,
    form: Form,
    zone: Zone,
    warn: N,
}

/// A network, in the order of numbers.
type Network = (IpAddr, u8);

/// Addresses apart by family; none lies in another.
#[derive(Debug, Default)]
struct Banned {
    v4: Vec<Network>,
    v6: Vec<Network>,
    /// What is no address.
    others: BTreeSet<String>,
}

/// The name of everything that is made in a firewall.
const NAME: &str = "kerio-ban";

impl<W: Write, N: FnMut(String)> Firewall<W, N> {
    pub(crate) fn new(out: W, form: Form, zone: Zone, warn: N) -> Firewall<W, N> {
        Firewall {
            out,
            form,
            zone,
            warn,
        }
    }

    fn write(&mut self, banned: &Banned, at: Option<Timestamp>) -> io::Result<()> {
        let moment = at.map_or_else(
            || "at no known time".to_owned(),
            |at| format!("at {}", local_time(at, &self.zone)),
        );
        let v4 = counted(banned.v4.len() as u64, "IPv4 address");
        let v6 = counted(banned.v6.len() as u64, "IPv6 address");
        if self.form != Form::Cidr {
            writeln!(self.out, "# {v4} and {v6}, banned {moment}")?;
        }
        match self.form {
            Form::Nft => self.nft(banned),
            Form::Ipset => {
                self.ipset("4", "inet", &banned.v4)?;
                self.ipset("6", "inet6", &banned.v6)
            }
            Form::Iptables => self.iptables(&banned.v4),
            Form::Ip6tables => self.iptables(&banned.v6),
            Form::Cidr => {
                for (address, prefix) in banned.v4.iter().chain(&banned.v6) {
                    writeln!(self.out, "{address}/{prefix}")?;
                }
                Ok(())
            }
        }
    }

    /// Made anew each time the output is loaded.
    fn nft(&mut self, banned: &Banned) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(
            out,
            "table inet {NAME}\ndelete table inet {NAME}\ntable inet {NAME} {{"
        )?;
        for (version, kind, networks) in [
            ("4", "ipv4_addr", &banned.v4),
            ("6", "ipv6_addr", &banned.v6),
        ] {
            writeln!(
                out,
                "\tset banned{version} {{\n\t\ttype {kind}\n\t\tflags interval"
            )?;
            if !networks.is_empty() {
                writeln!(out, "\t\telements = {{")?;
                for &(address, prefix) in networks {
                    writeln!(out, "\t\t\t{},", nft_element(address, prefix))?;
                }
                writeln!(out, "\t\t}}")?;
            }
            writeln!(out, "\t}}")?;
        }
        writeln!(
            out,
            "\tchain input {{\n\t\ttype filter hook input priority -1; policy accept;\n\
             \t\tip saddr @banned4 drop\n\t\tip6 saddr @banned6 drop\n\t}}\n}}"
        )
    }

    fn ipset(&mut self, version: &str, family: &str, networks: &[Network]) -> io::Result<()> {
        let out = &mut self.out;
        let set = format!("{NAME}{version}");
        // Sets hold 65536 entries if nobody says otherwise.
        let room = networks.len().next_power_of_two().max(65_536);
        writeln!(
            out,
            "create {set} hash:net family {family} maxelem {room} -exist"
        )?;
        writeln!(out, "flush {set}")?;
        for (address, prefix) in networks {
            writeln!(out, "add {set} {address}/{prefix}")?;
        }
        Ok(())
    }

    fn iptables(&mut self, networks: &[Network]) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(out, "# for a chain that is used by: -A INPUT -j {NAME}")?;
        writeln!(out, "*filter\n:{NAME} - [0:0]")?;
        for (address, prefix) in networks {
            writeln!(out, "-A {NAME} -s {address}/{prefix} -j DROP")?;
        }
        writeln!(out, "COMMIT")
    }

    fn tell_what_is_missing(&mut self, banned: &Banned) {
        let missing = match self.form {
            Form::Iptables => Some((banned.v6.len(), "IPv6 address", "ip6tables")),
            Form::Ip6tables => Some((banned.v4.len(), "IPv4 address", "iptables")),
            _ => None,
        };
        if let Some((count, what, form)) = missing.filter(|(count, ..)| *count > 0) {
            let what = counted(count as u64, what);
            (self.warn)(format!("{what} left out, see --format {form}"));
        }
        if banned.others.is_empty() {
            return;
        }
        let names: Vec<String> = banned
            .others
            .iter()
            .take(5)
            .map(|name| format!("`{name}`"))
            .collect();
        let dots = if banned.others.len() > names.len() {
            ", ..."
        } else {
            ""
        };
        (self.warn)(format!(
            "{} left out that no firewall knows: {}{dots}",
            counted(banned.others.len() as u64, "banned id"),
            names.join(", "),
        ));
    }
}

fn nft_element(address: IpAddr, prefix: u8) -> String {
    match address {
        IpAddr::V4(_) if prefix == 32 => address.to_string(),
        IpAddr::V6(_) if prefix == 128 => address.to_string(),
        _ => format!("{address}/{prefix}"),
    }
}

impl<W: Write, N: FnMut(String)> Report for Firewall<W, N> {
    fn begin(&mut self, _: &Begin<'_>) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Lane, _: &Happening<'_>) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        let banned = banned(end.lanes);
        self.tell_what_is_missing(&banned);
        self.write(&banned, end.to)?;
        self.out.flush()
    }
}

fn banned(lanes: &[Lane]) -> Banned {
    let mut banned = Banned::default();
    let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
    for lane in lanes {
        for (id, ..) in lane.tracker.bans() {
            let account = lane.accounts.get(id);
            let ip = account.and_then(|account| account.fate().ip.as_ref());
            match network(ip.unwrap_or(id)) {
                Some(network @ (IpAddr::V4(_), _)) => v4.insert(network),
                Some(network) => v6.insert(network),
                None => banned.others.insert(id.to_string()),
            };
        }
    }
    banned.v4 = without_parts(&v4);
    banned.v6 = without_parts(&v6);
    banned
}

/// An id as a network. One that is everything is refused: who bans everybody
/// does so by mistake.
fn network(id: &FailureId) -> Option<Network> {
    let address = id.ip()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = id.prefix_len().unwrap_or(width).min(width);
    (prefix > 0).then_some((address, prefix as u8))
}

/// Networks without those that lie in others, which come before them.
fn without_parts(networks: &BTreeSet<Network>) -> Vec<Network> {
    let mut out: Vec<Network> = Vec::new();
    for &network in networks {
        if !out.last().is_some_and(|&last| contains(last, network)) {
            out.push(network);
        }
    }
    out
}

fn contains((outer, outer_prefix): Network, (inner, prefix): Network) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let different = bits(outer) ^ bits(inner);
    outer_prefix <= prefix && different.leading_zeros() >= u32::from(outer_prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(ids: &[&str]) -> Vec<String> {
        let ids = ids.iter().map(|id| FailureId::parse(id).unwrap());
        let networks = ids.filter_map(|id| network(&id)).collect();
        let networks = without_parts(&networks);
        networks
            .into_iter()
            .map(|(address, prefix)| format!("{address}/{prefix}"))
            .collect()
    }

    #[test]
    fn networks_are_in_order_and_apart() {
        assert_eq!(
            networks(&[
                "192.0.2.9",
                "192.0.2.10",
                "192.0.2.9",
                "192.0.2.0/28",
                "10.0.0.1"
            ]),
            ["10.0.0.1/32", "192.0.2.0/28"]
        );
        assert_eq!(
            networks(&["192.0.2.16", "192.0.2.0/28", "192.0.2.0/29"]),
            ["192.0.2.0/28", "192.0.2.16/32"]
        );
        assert_eq!(
            networks(&["2001:db8::1", "2001:db8::/32"]),
            ["2001:db8::/32"]
        );
        assert_eq!(networks(&["bob", "0.0.0.0/0"]), [""; 0]);
    }
}
