//! What was captured: the named groups of a match, merged the way fail2ban
//! merges them.

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

    /// Whether Python would take it for false: empty text.
    fn is_empty(&self) -> bool {
        matches!(self, Value::Text(text) if text.is_empty())
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
            captures.set(&name.into(), Some(value));
        }
        captures
    }
}

impl Captures {
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

    /// The value unless it is missing or empty text.
    pub(super) fn non_empty(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(super) fn with_room_for(groups: usize) -> Captures {
        Captures {
            entries: Vec::with_capacity(groups),
        }
    }

    /// Adds an entry that is not there yet.
    pub(super) fn push(&mut self, name: &Arc<str>, value: Option<Value>) {
        self.entries.push((Arc::clone(name), value));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Sets an entry that is among the first ones or not there yet.
    pub(super) fn set_among(&mut self, first: usize, name: &Arc<str>, value: Value) {
        let known = &mut self.entries[..first];
        match known.iter_mut().find(|(entry, _)| entry == name) {
            Some((_, old)) => *old = Some(value),
            None => self.push(name, Some(value)),
        }
    }

    pub(super) fn set(&mut self, name: &Arc<str>, value: Option<Value>) {
        match self.entries.iter_mut().find(|(entry, _)| entry == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((Arc::clone(name), value)),
        }
    }

    /// Takes an entry out, if it is there.
    pub(super) fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self
            .entries
            .iter()
            .position(|(entry, _)| &**entry == name)?;
        self.entries.remove(index).1
    }

    /// Overwrites with every value of `other` that took part in its match; an
    /// empty text does.
    pub(super) fn overwrite(&mut self, other: Captures) {
        for (name, value) in other.entries {
            if value.is_some() {
                self.set(&name, value);
            }
        }
    }
}

/// Which groups stand in for which others: `alt_x` and `alt_x_1` for `x`, and
/// which are joined: `tuple_x` to `x`.
#[derive(Clone, Debug, Default)]
pub(super) struct Substitutes {
    /// (group, target), ascending by group name.
    alternates: Vec<(Arc<str>, Arc<str>)>,
    tuples: Vec<(Arc<str>, Arc<str>)>,
}

impl Substitutes {
    /// Looks through the names of a pattern's groups.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> Substitutes {
        let mut out = Substitutes::default();
        for name in names {
            if let Some(rest) = name.strip_prefix("alt_") {
                out.alternates.push((Arc::clone(name), target(name, rest)));
            } else if let Some(rest) = name.strip_prefix("tuple_") {
                out.tuples.push((Arc::clone(name), target(name, rest)));
            }
        }
        out.alternates.sort();
        out.tuples.sort();
        out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alternates.is_empty() && self.tuples.is_empty()
    }

    /// Whether any of these groups can get its value from another.
    pub(super) fn feed(&self, names: &[&str]) -> bool {
        let mut all = self.alternates.iter().chain(&self.tuples);
        all.any(|(_, target)| names.contains(&&**target))
    }

    pub(super) fn apply(&self, captures: &mut Captures) {
        for (name, target) in &self.alternates {
            if let Some(value) = captures.non_empty(name).cloned()
                && captures.non_empty(target).is_none()
            {
                captures.set(target, Some(value));
            }
        }
        for (name, target) in &self.tuples {
            let more = captures.get(name).cloned();
            let more = more.as_ref().and_then(Value::as_text).map(Arc::from);
            let mut parts = match captures.get(target) {
                Some(Value::Tuple(parts)) => parts.to_vec(),
                Some(Value::Text(text)) => vec![Some(Arc::clone(text))],
                _ => vec![None],
            };
            parts.push(more);
            captures.set(target, Some(Value::Tuple(parts.into())));
        }
    }
}

/// The group a substitute is for: what follows the prefix, without a trailing
/// `_1`, and by the same short names as the tags.
fn target(name: &Arc<str>, rest: &str) -> Arc<str> {
    let digits = rest
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .strip_suffix('_')
        .filter(|base| base.len() + 1 < rest.len());
    match digits.unwrap_or(rest).to_lowercase().as_str() {
        "id" => "fid".into(),
        "port" => "fport".into(),
        // The whole name is nothing but the prefix: it stands for no group
        // anybody can ask for, as in fail2ban.
        "" => Arc::clone(name),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(entries: &[(&str, Option<&str>)]) -> Captures {
        let mut out = Captures::default();
        for (name, text) in entries {
            out.set(&(*name).into(), text.map(|text| Value::Text(text.into())));
        }
        out
    }

    fn applied(entries: &[(&str, Option<&str>)]) -> Captures {
        let mut out = captures(entries);
        let names: Vec<Arc<str>> = entries.iter().map(|(name, _)| (*name).into()).collect();
        Substitutes::of(names.iter()).apply(&mut out);
        out
    }

    #[test]
    fn the_first_filled_alternate_wins() {
        let out = applied(&[
            ("alt_user_2", Some("c")),
            ("user", None),
            ("alt_user_1", Some("")),
        ]);
        assert_eq!(out.text("user"), Some("c"));
        assert_eq!(out.text("alt_user_2"), Some("c"));
        let out = applied(&[("user", Some("a")), ("alt_user", Some("b"))]);
        assert_eq!(out.text("user"), Some("a"));
    }

    #[test]
    fn only_a_number_after_an_underscore_is_dropped() {
        let out = applied(&[("alt_user1", Some("x")), ("alt_id", Some("y"))]);
        assert_eq!(out.text("user1"), Some("x"));
        assert_eq!(out.text("user"), None);
        assert_eq!(out.text("fid"), Some("y"));
    }

    #[test]
    fn tuples_start_with_the_base_and_go_by_name() {
        let out = applied(&[
            ("fid", Some("x")),
            ("tuple_id_2", Some("y")),
            ("tuple_id_1", None),
        ]);
        let expected: [Option<Arc<str>>; 3] = [Some("x".into()), None, Some("y".into())];
        assert_eq!(out.get("fid"), Some(&Value::Tuple(expected.into())));
    }

    #[test]
    fn overwriting_keeps_what_took_no_part() {
        let mut out = captures(&[("user", Some("a")), ("rhost", Some("b"))]);
        out.overwrite(captures(&[
            ("user", Some("")),
            ("rhost", None),
            ("x", None),
        ]));
        assert_eq!(out.text("user"), Some(""));
        assert_eq!(out.text("rhost"), Some("b"));
        assert_eq!(out.iter().count(), 2);
    }
}
