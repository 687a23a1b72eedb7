//! The names of groups, as numbers.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a name among all that the groups of a filter can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name(u32);

/// Names that mean something, in the order of their constants.
const KNOWN: [&str; 13] = [
    "mlfid",
    "mlfforget",
    "mlfgained",
    "nofail",
    "content",
    "user",
    "users",
    "fid",
    "ip4",
    "ip6",
    "dns",
    "cidr",
    "ip",
];

impl Name {
    pub(super) const MLFID: Name = Name(0);
    pub(super) const MLFFORGET: Name = Name(1);
    pub(super) const MLFGAINED: Name = Name(2);
    pub(super) const NOFAIL: Name = Name(3);
    pub(super) const CONTENT: Name = Name(4);
    pub(super) const USER: Name = Name(5);
    pub(super) const USERS: Name = Name(6);
    pub(super) const FID: Name = Name(7);
    pub(super) const IP4: Name = Name(8);
    pub(super) const IP6: Name = Name(9);
    pub(super) const DNS: Name = Name(10);
    pub(super) const CIDR: Name = Name(11);
    pub(super) const IP: Name = Name(12);
}

/// All names of a filter.
#[derive(Debug)]
pub(super) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Name>,
}

impl Default for Names {
    /// The names that mean something.
    fn default() -> Names {
        let mut names = Names {
            texts: Vec::new(),
            numbers: HashMap::new(),
        };
        for name in KNOWN {
            names.add(&name.into());
        }
        names
    }
}

impl Names {
    /// The number of a name, a new one if it has none.
    pub(super) fn add(&mut self, text: &Arc<str>) -> Name {
        let next = Name(self.texts.len() as u32);
        let name = *self.numbers.entry(Arc::clone(text)).or_insert(next);
        if name == next {
            self.texts.push(Arc::clone(text));
        }
        name
    }

    /// The text of a name.
    pub(super) fn text(&self, name: Name) -> &Arc<str> {
        &self.texts[name.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_once() {
        let mut names = Names::default();
        for (text, name) in [("mlfid", Name::MLFID), ("user", Name::USER)] {
            assert_eq!(names.add(&text.into()), name);
        }
        assert_eq!(&**names.text(Name::IP), "ip");
        let other = names.add(&"other".into());
        assert_eq!(names.add(&"other".into()), other);
        assert_eq!(&**names.text(other), "other");
    }
}
