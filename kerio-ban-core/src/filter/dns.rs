//! Host names in captures: what `usedns` makes of them.

use std::net::IpAddr;
use std::str::FromStr;

use super::id::{FailureId, looks_like_address};

/// How a captured host name becomes an id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UseDns {
    /// Names are resolved.
    Yes,
    /// Names are resolved, and fail2ban logs a warning. The default.
    #[default]
    Warn,
    /// Names are not looked for: `<HOST>` matches addresses only.
    No,
    /// The name itself is the id.
    Raw,
}

impl UseDns {
    /// fail2ban's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            UseDns::Yes => "yes",
            UseDns::Warn => "warn",
            UseDns::No => "no",
            UseDns::Raw => "raw",
        }
    }

    /// Reads a configured value the way fail2ban's server does: in any case;
    /// what is not one of the four words counts as `no`.
    pub fn lenient(text: &str) -> UseDns {
        text.parse().unwrap_or(UseDns::No)
    }
}

/// Not one of `yes`, `warn`, `no`, `raw`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of `yes`, `warn`, `no`, `raw`, found `{0}`")]
pub struct UnknownUseDns(String);

impl FromStr for UseDns {
    type Err = UnknownUseDns;

    fn from_str(text: &str) -> Result<UseDns, UnknownUseDns> {
        match text.to_lowercase().as_str() {
            "yes" => Ok(UseDns::Yes),
            "warn" => Ok(UseDns::Warn),
            "no" => Ok(UseDns::No),
            "raw" => Ok(UseDns::Raw),
            _ => Err(UnknownUseDns(text.to_owned())),
        }
    }
}

/// The caller's answer to "which addresses has this name?".
///
/// The library never asks the network. Whoever implements this may cache;
/// fail2ban keeps answers, also empty ones, for five minutes.
pub trait Resolver: Send + Sync {
    /// The addresses of a host name; none if it has none or cannot be looked
    /// up.
    fn resolve(&self, name: &str) -> Vec<IpAddr>;
}

/// Resolves nothing: a captured name never becomes a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _name: &str) -> Vec<IpAddr> {
        Vec::new()
    }
}

impl<F> Resolver for F
where
    F: Fn(&str) -> Vec<IpAddr> + Send + Sync,
{
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        self(name)
    }
}

/// The ids a captured host stands for: itself if it is an address, otherwise
/// what the resolver says where `usedns` allows to ask. Sorted, each once.
pub(super) fn ids_of_host(text: &str, use_dns: UseDns, resolver: &dyn Resolver) -> Vec<FailureId> {
    if let Some(id) = plain_address(text) {
        return vec![id];
    }
    if !matches!(use_dns, UseDns::Yes | UseDns::Warn) {
        return Vec::new();
    }
    let mut addresses = resolver.resolve(text);
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_iter().map(FailureId::from).collect()
}

fn plain_address(text: &str) -> Option<FailureId> {
    let inner = text.strip_prefix('[').unwrap_or(text);
    let inner = inner.strip_suffix(']').unwrap_or(inner);
    // Only IPv6 may stand in brackets.
    if inner.len() != text.len() && !inner.contains(':') || !looks_like_address(inner) {
        return None;
    }
    inner.parse::<IpAddr>().ok().map(FailureId::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(name: &str) -> Vec<IpAddr> {
        match name {
            "two.example" => vec![
                "2001:db8::21".parse().unwrap(),
                "192.0.2.21".parse().unwrap(),
                "192.0.2.21".parse().unwrap(),
            ],
            _ => Vec::new(),
        }
    }

    fn ids(text: &str, use_dns: UseDns) -> Vec<String> {
        ids_of_host(text, use_dns, &resolver)
            .iter()
            .map(FailureId::to_string)
            .collect()
    }

    #[test]
    fn names_are_asked_for_only_where_allowed() {
        assert_eq!(
            ids("two.example", UseDns::Warn),
            ["192.0.2.21", "2001:db8::21"]
        );
        assert!(ids("two.example", UseDns::No).is_empty());
        assert!(ids("none.example", UseDns::Yes).is_empty());
    }

    #[test]
    fn addresses_are_never_asked_for() {
        assert_eq!(ids("192.0.2.1", UseDns::No), ["192.0.2.1"]);
        assert_eq!(ids("[2001:db8::1]", UseDns::Yes), ["2001:db8::1"]);
        assert!(ids("[192.0.2.1]", UseDns::Yes).is_empty());
        assert!(ids("999.0.2.1", UseDns::Yes).is_empty());
    }

    #[test]
    fn unknown_words_mean_no() {
        assert_eq!(UseDns::lenient("WARN"), UseDns::Warn);
        assert_eq!(UseDns::lenient("perhaps"), UseDns::No);
        assert_eq!(
            "perhaps".parse::<UseDns>().unwrap_err().to_string(),
            "expected one of `yes`, `warn`, `no`, `raw`, found `perhaps`"
        );
    }
}
