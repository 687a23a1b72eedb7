//! The address whose story is to be told, and whether a line names it.

use kerio_ban_core::FailureId;

/// An address, or whatever else failures are counted under.
#[derive(Debug)]
pub(crate) struct Needle {
    id: Option<FailureId>,
    /// As it was typed, and as it is printed.
    texts: Vec<String>,
}

impl Needle {
    pub(crate) fn new(typed: &str) -> Needle {
        let id = FailureId::parse(typed);
        let mut texts = vec![typed.to_owned()];
        let printed = id.as_ref().map(ToString::to_string);
        texts.extend(printed.filter(|printed| printed != typed));
        Needle { id, texts }
    }

    /// As it is printed.
    pub(crate) fn name(&self) -> &str {
        self.texts.last().map_or("", String::as_str)
    }

    /// Whether an id is it. What is no address is compared as text.
    pub(crate) fn is(&self, id: &FailureId) -> bool {
        self.id.as_ref() == Some(id) || id.family().is_none() && id.to_string() == self.name()
    }

    /// Whether a text names it, and not only something that begins or ends
    /// like it.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        self.texts.iter().any(|name| {
            let mut found = text.match_indices(name.as_str());
            !name.is_empty() && found.any(|(at, _)| is_whole(text, at, at + name.len()))
        })
    }
}

/// Whether what is between two places is not part of a longer word or address.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let mut after = text[end..].chars();
    let next = after.next();
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    // A full stop behind an address ends a sentence unless a digit follows.
    let goes_on = match next {
        Some('.') => after.next().is_some_and(char::is_alphanumeric),
        // A port may follow an address of version 4.
        Some(':') => !text[start..end].contains('.'),
        Some(c) => joins(c),
        None => false,
    };
    let comes_from = before.is_some_and(|c| joins(c) || c == '.');
    !goes_on && !comes_from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_named_whole() {
        let needle = Needle::new("192.0.2.1");
        for text in [
            "192.0.2.1",
            "from 192.0.2.1.",
            "[192.0.2.1]",
            "from 192.0.2.1:4711, x",
            "no 192.0.2.10, but 192.0.2.1",
        ] {
            assert!(needle.is_named_in(text), "{text}");
        }
        for text in [
            "192.0.2.10",
            "1192.0.2.1",
            "8.192.0.2.1",
            "192.0.2.1.5",
            "",
            "::192.0.2.1",
        ] {
            assert!(!needle.is_named_in(text), "{text}");
        }
        let needle = Needle::new("2001:DB8:0::1");
        assert_eq!(needle.name(), "2001:db8::1");
        assert!(needle.is_named_in("from 2001:db8::1."));
        assert!(needle.is_named_in("from [2001:DB8:0::1]"));
        assert!(!needle.is_named_in("from 2001:db8::1:5"));
        assert!(!Needle::new("").is_named_in("anything"));
    }

    #[test]
    fn ids_that_are_no_addresses_are_text() {
        let id = |text| FailureId::parse(text).unwrap();
        assert!(Needle::new("192.0.2.1").is(&id("::ffff:192.0.2.1")));
        assert!(Needle::new("bob").is(&id("bob")));
        assert!(!Needle::new("192.0.2.1").is(&id("192.0.2.0/24")));
    }
}
