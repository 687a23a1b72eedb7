//! What one match captured: its named groups, merged the way fail2ban merges
//! them. They are places in the searched texts; nothing is copied.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::data::Value;
use super::names::{Name, Names};

/// Which of the searched texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What the prefregex searches.
    Line,
    /// What the failregexes search, which may be a part of it.
    Content,
}

/// The searched texts.
#[derive(Clone, Copy)]
pub(super) struct Texts<'t> {
    pub(super) line: &'t str,
    pub(super) content: &'t str,
}

/// What a group captured, or several together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Part, Range<usize>),
    /// A group combined with its `tuple_…` companions; absent ones are `None`.
    Tuple(Arc<[Option<Arc<str>>]>),
}

impl Piece {
    /// The text, if it is plain text.
    pub(super) fn text<'t>(&self, texts: Texts<'t>) -> Option<&'t str> {
        match self {
            Piece::Text(Part::Line, range) => Some(&texts.line[range.clone()]),
            Piece::Text(Part::Content, range) => Some(&texts.content[range.clone()]),
            Piece::Tuple(_) => None,
        }
    }

    /// What connections are told apart by.
    pub(super) fn as_id<'t>(&self, texts: Texts<'t>) -> Cow<'t, str> {
        match self {
            Piece::Tuple(parts) => format!("{:?}", Value::Tuple(Arc::clone(parts))).into(),
            Piece::Text(..) => self.text(texts).unwrap_or_default().into(),
        }
    }

    /// Whether Python would take it for false: empty text.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Piece::Text(_, range) if range.is_empty())
    }
}

/// The groups of a match, in the order in which fail2ban's dictionary holds
/// them. A group that took no part in the match is there, with nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    entries: Vec<(Name, Option<Piece>)>,
}

impl Gathered {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether there are no groups at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, Option<&Piece>)> {
        self.entries
            .iter()
            .map(|(name, piece)| (*name, piece.as_ref()))
    }

    /// What a group that took part in the match captured.
    pub(super) fn get(&self, name: Name) -> Option<&Piece> {
        self.entries
            .iter()
            .find(|(entry, _)| *entry == name)
            .and_then(|(_, piece)| piece.as_ref())
    }

    /// The same unless it is empty text.
    pub(super) fn non_empty(&self, name: Name) -> Option<&Piece> {
        self.get(name).filter(|piece| !piece.is_empty())
    }

    /// Adds an entry that is not there yet.
    pub(super) fn push(&mut self, name: Name, piece: Option<Piece>) {
        self.entries.push((name, piece));
    }

    pub(super) fn set(&mut self, name: Name, piece: Option<Piece>) {
        match self.entries.iter_mut().find(|(entry, _)| *entry == name) {
            Some((_, old)) => *old = piece,
            None => self.push(name, piece),
        }
    }

    /// Sets an entry that is among the first ones or not there yet.
    pub(super) fn set_among(&mut self, first: usize, name: Name, piece: Piece) {
        let known = &mut self.entries[..first];
        match known.iter_mut().find(|(entry, _)| *entry == name) {
            Some((_, old)) => *old = Some(piece),
            None => self.push(name, Some(piece)),
        }
    }

    /// Takes an entry out, if it is there.
    pub(super) fn remove(&mut self, name: Name) -> Option<Piece> {
        let index = self.entries.iter().position(|(entry, _)| *entry == name)?;
        self.entries.remove(index).1
    }

    /// Overwrites with everything of `other` that took part in its match; an
    /// empty text does. Leaves nothing there.
    pub(super) fn overwrite(&mut self, other: &mut Gathered) {
        for (name, piece) in other.entries.drain(..) {
            if piece.is_some() {
                self.set(name, piece);
            }
        }
    }
}

/// Which groups stand in for which others: `alt_x` and `alt_x_1` for `x`, and
/// which are joined: `tuple_x` to `x`.
#[derive(Clone, Debug, Default)]
pub(super) struct Substitutes {
    /// (group, target), ascending by group name.
    alternates: Vec<(Name, Name)>,
    tuples: Vec<(Name, Name)>,
}

impl Substitutes {
    /// Looks through the names of a pattern's groups.
    pub(super) fn of<'n>(groups: impl Iterator<Item = &'n Arc<str>>, names: &mut Names) -> Self {
        let mut alternates = Vec::new();
        let mut tuples = Vec::new();
        for name in groups {
            if let Some(rest) = name.strip_prefix("alt_") {
                alternates.push((Arc::clone(name), target(name, rest)));
            } else if let Some(rest) = name.strip_prefix("tuple_") {
                tuples.push((Arc::clone(name), target(name, rest)));
            }
        }
        let mut numbered = |mut list: Vec<(Arc<str>, Arc<str>)>| {
            list.sort();
            let list = list.iter();
            list.map(|(name, target)| (names.add(name), names.add(target)))
                .collect()
        };
        Substitutes {
            alternates: numbered(alternates),
            tuples: numbered(tuples),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alternates.is_empty() && self.tuples.is_empty()
    }

    /// Whether any of these groups can get its value from another.
    pub(super) fn feed(&self, names: &[Name]) -> bool {
        let mut all = self.alternates.iter().chain(&self.tuples);
        all.any(|(_, target)| names.contains(target))
    }

    pub(super) fn apply(&self, gathered: &mut Gathered, texts: Texts<'_>) {
        for &(name, target) in &self.alternates {
            if let Some(piece) = gathered.non_empty(name).cloned()
                && gathered.non_empty(target).is_none()
            {
                gathered.set(target, Some(piece));
            }
        }
        for &(name, target) in &self.tuples {
            let text = |piece: &Piece| piece.text(texts).map(Arc::from);
            let more = gathered.get(name).and_then(text);
            let mut parts = match gathered.get(target) {
                Some(Piece::Tuple(parts)) => parts.to_vec(),
                Some(piece) => vec![text(piece)],
                None => vec![None],
            };
            parts.push(more);
            gathered.set(target, Some(Piece::Tuple(parts.into())));
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
    use super::super::data::Captures;
    use super::super::facts::Facts;
    use super::*;

    /// Groups that captured these texts.
    fn gathered(
        entries: &[(&str, Option<&str>)],
        names: &mut Names,
        text: &mut String,
    ) -> Gathered {
        let mut out = Gathered::default();
        for (name, found) in entries {
            let piece = found.map(|found| {
                text.push_str(found);
                Piece::Text(Part::Line, text.len() - found.len()..text.len())
            });
            out.set(names.add(&(*name).into()), piece);
        }
        out
    }

    fn shown(gathered: &Gathered, names: &Names, text: &str) -> Captures {
        let mut facts = Facts::default();
        facts.replace(
            gathered,
            Texts {
                line: text,
                content: "",
            },
        );
        facts.to_captures(names)
    }

    fn applied(entries: &[(&str, Option<&str>)]) -> Captures {
        let (mut names, mut text) = (Names::default(), String::new());
        let mut out = gathered(entries, &mut names, &mut text);
        let groups: Vec<Arc<str>> = entries.iter().map(|(name, _)| (*name).into()).collect();
        let texts = Texts {
            line: &text,
            content: "",
        };
        Substitutes::of(groups.iter(), &mut names).apply(&mut out, texts);
        shown(&out, &names, &text)
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
        let (mut names, mut text) = (Names::default(), String::new());
        let first = [("user", Some("a")), ("rhost", Some("b"))];
        let mut out = gathered(&first, &mut names, &mut text);
        let second = [("user", Some("")), ("rhost", None), ("x", None)];
        out.overwrite(&mut gathered(&second, &mut names, &mut text));
        let out = shown(&out, &names, &text);
        assert_eq!(out.text("user"), Some(""));
        assert_eq!(out.text("rhost"), Some("b"));
        assert_eq!(out.iter().count(), 2);
    }
}
