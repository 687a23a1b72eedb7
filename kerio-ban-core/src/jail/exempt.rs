//! Who is never banned: `ignoreip` and `ignoreself`.

use std::net::IpAddr;
use std::path::Path;

use crate::config::split_words;
use crate::error::{Detail, Error, ErrorKind};
use crate::filter::{FailureId, Resolver};
use crate::source::Files;

/// An entry of `ignoreip`.
#[derive(Clone, Debug, PartialEq)]
pub enum Exemption {
    /// An address or a network.
    Net(FailureId),
    /// A host name, looked up when it matters.
    Name(String),
    /// The entries of a file.
    File {
        /// The file as written after `file:`.
        path: String,
        /// What is in it.
        entries: Vec<Exemption>,
    },
}

impl Exemption {
    /// Reads an entry; `file:` entries are read through `files`.
    ///
    /// # Errors
    /// `bad-ignoreip` for a network mask with holes in it. A file that cannot
    /// be read exempts nobody, as in fail2ban.
    pub fn parse(text: &str, files: &dyn Files) -> Result<Exemption, Error> {
        let Some(path) = file_entry(text) else {
            let bad = || Error::new(ExemptError::Mask(text.to_owned()));
            let id = FailureId::parse(text).ok_or_else(bad)?;
            return Ok(match id.family() {
                Some(_) => Exemption::Net(id),
                None => Exemption::Name(text.to_owned()),
            });
        };
        let bytes = files.read(Path::new(path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let words = text.lines().map(without_comment).flat_map(split_words);
        let entry = |word: &str| match file_entry(word) {
            // A file in a file is a name in fail2ban.
            Some(_) => Ok(Exemption::Name(word.to_owned())),
            None => Exemption::parse(word, files),
        };
        Ok(Exemption::File {
            path: path.to_owned(),
            entries: words.map(entry).collect::<Result<_, Error>>()?,
        })
    }

    fn covers(&self, id: &FailureId, resolver: &dyn Resolver) -> bool {
        match self {
            Exemption::Net(net) => contains(net, id),
            Exemption::Name(name) => {
                let is_it = |address: IpAddr| FailureId::from(address) == *id;
                id.family().is_some() && resolver.resolve(name).into_iter().any(is_it)
            }
            Exemption::File { entries, .. } => {
                entries.iter().any(|entry| entry.covers(id, resolver))
            }
        }
    }
}

impl std::fmt::Display for Exemption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exemption::Net(net) => net.fmt(f),
            Exemption::Name(name) => name.fmt(f),
            Exemption::File { path, .. } => write!(f, "file:{path}"),
        }
    }
}

/// Everybody a jail never bans.
#[derive(Clone, Debug, Default)]
pub struct Exemptions {
    entries: Vec<Exemption>,
    own: Vec<FailureId>,
}

impl Exemptions {
    /// Nobody.
    pub fn new() -> Exemptions {
        Exemptions::default()
    }

    /// Adds an entry; one that is there already is not added twice.
    pub fn push(&mut self, entry: Exemption) {
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }

    /// The machine's own addresses, for `ignoreself`.
    pub fn set_own(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.own = addresses.into_iter().map(FailureId::from).collect();
    }

    /// Why an id is exempt: `ignoreself`, or the entry of `ignoreip`.
    ///
    /// fail2ban looks at the id of the failure only: where a filter counts
    /// something else than an address, addresses are not looked at.
    pub fn reason(&self, id: &FailureId, resolver: &dyn Resolver) -> Option<String> {
        if self.own.contains(id) {
            return Some("ignoreself".to_owned());
        }
        // Single addresses are looked up before networks and names.
        let single = self
            .entries
            .iter()
            .find(|entry| matches!(entry, Exemption::Net(net) if net == id));
        let found = single.or_else(|| self.entries.iter().find(|entry| entry.covers(id, resolver)));
        found.map(|entry| format!("ignoreip {entry}"))
    }
}

/// Whether the first address of `id` lies in the network. The families must be
/// the same.
fn contains(net: &FailureId, id: &FailureId) -> bool {
    let shift = |width: u32| width.saturating_sub(net.prefix_len().unwrap_or(0).min(999) as u32);
    match (net.ip(), id.ip()) {
        (Some(IpAddr::V4(net)), Some(IpAddr::V4(id))) => {
            let mask = u32::MAX.checked_shl(shift(32)).unwrap_or(0);
            id.to_bits() & mask == net.to_bits()
        }
        (Some(IpAddr::V6(net)), Some(IpAddr::V6(id))) => {
            let mask = u128::MAX.checked_shl(shift(128)).unwrap_or(0);
            id.to_bits() & mask == net.to_bits()
        }
        _ => false,
    }
}

/// The path of a `file:` entry, by fail2ban's own rule: up to two slashes are
/// dropped where another follows, unless it is followed by a first component of
/// one or two letters.
fn file_entry(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("file:")?;
    let slashes = rest.len() - rest.trim_start_matches('/').len();
    for dropped in (0..=slashes.min(2)).rev() {
        let kept = &rest[dropped..];
        let Some(after) = kept.strip_prefix('/') else {
            continue;
        };
        let short = after
            .char_indices()
            .filter(|&(_, c)| c == '/')
            .any(|(at, _)| matches!(after[..at].chars().count(), 1 | 2));
        if !after.starts_with('/') && !short {
            return Some(kept);
        }
    }
    Some(&rest[slashes.min(2)..])
}

/// A line up to a `#` or `;` at its start or after white space.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if matches!(c, '#' | ';') && before.is_whitespace() {
            return &line[..at];
        }
        before = c;
    }
    line
}

#[derive(Debug, thiserror::Error)]
enum ExemptError {
    #[error("expected a network mask without holes, found `{0}`")]
    Mask(String),
}

impl Detail for ExemptError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        "bad-ignoreip"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::NoResolver;
    use crate::source::MemoryFiles;

    fn exempt(entries: &[&str], id: &str) -> Option<String> {
        let files = MemoryFiles::new().with(
            "/f",
            "# nobody 192.0.2.9\n192.0.2.1, 198.51.100.0/24 ; x\n2001:db8::1 #y",
        );
        let mut all = Exemptions::new();
        for entry in entries {
            all.push(Exemption::parse(entry, &files).unwrap());
        }
        all.reason(&FailureId::parse(id).unwrap(), &NoResolver)
    }

    #[test]
    fn addresses_networks_and_files_exempt() {
        let reason = |entry: &str, id| exempt(&[entry], id);
        assert_eq!(
            reason("192.0.2.1", "192.0.2.1").as_deref(),
            Some("ignoreip 192.0.2.1")
        );
        assert_eq!(
            reason("192.0.2.77/24", "192.0.2.5").as_deref(),
            Some("ignoreip 192.0.2.0/24")
        );
        assert_eq!(
            reason("192.0.2.0/24", "192.0.2.0/23").as_deref(),
            Some("ignoreip 192.0.2.0/24")
        );
        assert_eq!(reason("192.0.2.0/24", "198.51.100.1"), None);
        assert_eq!(
            reason("192.0.2.0/0", "198.51.100.1").as_deref(),
            Some("ignoreip 0.0.0.0")
        );
        assert_eq!(reason("::/0", "198.51.100.1"), None);
        assert_eq!(reason("bob", "bob"), None);
        for id in ["192.0.2.1", "198.51.100.7", "2001:db8::1"] {
            assert_eq!(reason("file:/f", id).as_deref(), Some("ignoreip file:/f"));
        }
        assert_eq!(reason("file:/f", "192.0.2.9"), None);
        assert_eq!(reason("file:/missing", "192.0.2.9"), None);
    }

    #[test]
    fn names_are_asked_for() {
        let mut all = Exemptions::new();
        all.push(Exemption::parse("friend.example", &MemoryFiles::new()).unwrap());
        let resolver = |name: &str| match name {
            "friend.example" => vec!["192.0.2.3".parse().unwrap()],
            _ => Vec::new(),
        };
        let id = FailureId::parse("192.0.2.3").unwrap();
        assert_eq!(
            all.reason(&id, &resolver).as_deref(),
            Some("ignoreip friend.example")
        );
    }

    #[test]
    fn file_paths_lose_slashes_as_in_fail2ban() {
        for (entry, path) in [
            ("file:/a/b", "a/b"),
            ("file:///a/b", "/a/b"),
            ("file:a", "a"),
            ("file://a", "/a"),
            ("file:/a", "/a"),
            ("file://abc/d", "/abc/d"),
            ("file://ab/c", "ab/c"),
            ("file:///tmp/x", "/tmp/x"),
        ] {
            assert_eq!(file_entry(entry), Some(path), "{entry}");
        }
    }

    #[test]
    fn err_masks_with_holes() {
        let error = Exemption::parse("192.0.2.0/255.0.255.0", &MemoryFiles::new()).unwrap_err();
        insta::assert_snapshot!(error, @"expected a network mask without holes, found `192.0.2.0/255.0.255.0`");
    }
}
