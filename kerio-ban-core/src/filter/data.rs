//! What was captured, as it is told to others.

use std::sync::Arc;

use super::id::FailureId;

/// A captured value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The text of a group.
    Text(Arc<str>),
    /// A group combined with its `tuple_…` companions; absent ones are `None`.
    Tuple(Arc<[Option<Arc<str>>]>),
    /// The address of a failure that is counted under another id.
    Address(FailureId),
}

impl Value {
    /// The text, if it is plain text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Named values in the order in which fail2ban's dictionary holds them. A
/// group that took no part in the match is there, with no value; so are
/// `users` in the place of [`Hit::users`](crate::Hit::users), which are not
/// text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    entries: Vec<(Arc<str>, Option<Value>)>,
}

impl<N: Into<Arc<str>>> FromIterator<(N, Value)> for Captures {
    /// Captures that were not made by an expression: read from somewhere, say.
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(entries: I) -> Captures {
        let mut captures = Captures::default();
        for (name, value) in entries {
            let (name, value) = (name.into(), Some(value));
            match captures
                .entries
                .iter_mut()
                .find(|(entry, _)| *entry == name)
            {
                Some((_, old)) => *old = value,
                None => captures.entries.push((name, value)),
            }
        }
        captures
    }
}

impl Captures {
    /// Of entries none of which is there twice.
    pub(super) fn of(entries: impl Iterator<Item = (Arc<str>, Option<Value>)>) -> Captures {
        Captures {
            entries: entries.collect(),
        }
    }

    /// The value of a group that took part in the match.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(entry, _)| &**entry == name)
            .and_then(|(_, value)| value.as_ref())
    }

    /// The text of a group that took part in the match.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// All groups in order, those that took no part included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&Value>)> {
        self.entries
            .iter()
            .map(|(name, value)| (&**name, value.as_ref()))
    }

    /// Whether there are no groups at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
