//! What was captured, kept beyond the line it was captured in.

use std::sync::Arc;

use super::data::{Captures, Value};
use super::gather::{Gathered, Piece, Texts};
use super::id::FailureId;
use super::names::{Name, Names};

/// Captured values in the order in which fail2ban's dictionary holds them.
/// All texts are in one string, so that what is known of a connection changes
/// without any memory of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    entries: Vec<(Name, Kept)>,
    text: String,
    /// How many bytes of the string no entry has any more.
    unused: usize,
}

#[derive(Clone, Debug)]
enum Kept {
    /// The group took no part in the match.
    Absent,
    /// The bytes of the string from one place to another.
    Text(usize, usize),
    Tuple(Arc<[Option<Arc<str>>]>),
    Address(FailureId),
}

/// A value that was captured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fact<'f> {
    Text(&'f str),
    Tuple(&'f Arc<[Option<Arc<str>>]>),
    Address(&'f FailureId),
}

impl<'f> Fact<'f> {
    /// The text, if it is plain text.
    pub(super) fn as_text(self) -> Option<&'f str> {
        match self {
            Fact::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// How much unused text is not worth to be cleared away.
const LITTLE: usize = 256;
/// How much memory is kept for the next use.
const LARGE: usize = 1 << 14;

impl Facts {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        clear_text(&mut self.text);
        self.unused = 0;
    }

    /// The value of a group that took part in a match.
    pub(super) fn get(&self, name: Name) -> Option<Fact<'_>> {
        let (_, fact) = self.entries.iter().find(|(entry, _)| *entry == name)?;
        match fact {
            Kept::Absent => None,
            Kept::Text(start, end) => Some(Fact::Text(&self.text[*start..*end])),
            Kept::Tuple(parts) => Some(Fact::Tuple(parts)),
            Kept::Address(id) => Some(Fact::Address(id)),
        }
    }

    /// The same unless it is empty text.
    pub(super) fn non_empty(&self, name: Name) -> Option<Fact<'_>> {
        self.get(name).filter(|value| *value != Fact::Text(""))
    }

    /// Becomes what was captured by one match.
    pub(super) fn replace(&mut self, gathered: &Gathered, texts: Texts<'_>) {
        self.clear();
        for (name, piece) in gathered.iter() {
            // No name is there twice.
            let fact = self.fact(piece, texts);
            self.entries.push((name, fact));
        }
    }

    /// Overwrites with everything that took part in a match; an empty text
    /// does.
    pub(super) fn overwrite(&mut self, gathered: &Gathered, texts: Texts<'_>) {
        for (name, piece) in gathered.iter() {
            if piece.is_none() {
                continue;
            }
            match self.entries.iter().position(|(entry, _)| *entry == name) {
                None => {
                    let fact = self.fact(piece, texts);
                    self.entries.push((name, fact));
                }
                Some(index) => {
                    if let Kept::Text(start, end) = self.entries[index].1 {
                        let text = piece.and_then(|piece| piece.text(texts));
                        if text == Some(&self.text[start..end]) {
                            continue;
                        }
                        self.unused += end - start;
                    }
                    self.entries[index].1 = self.fact(piece, texts);
                }
            }
        }
        if self.unused > LITTLE + self.text.len() / 2 {
            self.tidy();
        }
    }

    fn fact(&mut self, piece: Option<&Piece>, texts: Texts<'_>) -> Kept {
        match piece {
            None => Kept::Absent,
            Some(Piece::Tuple(parts)) => Kept::Tuple(Arc::clone(parts)),
            Some(piece) => {
                let start = self.text.len();
                self.text.push_str(piece.text(texts).unwrap_or_default());
                Kept::Text(start, self.text.len())
            }
        }
    }

    /// Keeps only the text that is used.
    fn tidy(&mut self) {
        let mut text = String::with_capacity(self.text.len() - self.unused);
        for (_, fact) in &mut self.entries {
            if let Kept::Text(start, end) = fact {
                let kept = text.len();
                text.push_str(&self.text[*start..*end]);
                (*start, *end) = (kept, text.len());
            }
        }
        self.text = text;
        self.unused = 0;
    }

    fn set(&mut self, name: Name, fact: Kept) {
        self.remove_text(name);
        match self.entries.iter_mut().find(|(entry, _)| *entry == name) {
            Some((_, old)) => *old = fact,
            None => self.entries.push((name, fact)),
        }
    }

    /// Sets the address of a failure that is counted under another id.
    pub(super) fn set_address(&mut self, name: Name, id: FailureId) {
        self.set(name, Kept::Address(id));
    }

    /// Makes an entry without a value.
    pub(super) fn set_absent(&mut self, name: Name) {
        self.set(name, Kept::Absent);
    }

    /// Takes an entry out, if it is there.
    pub(super) fn remove(&mut self, name: Name) {
        self.remove_text(name);
        self.entries.retain(|(entry, _)| *entry != name);
    }

    /// The text of an entry is used no more.
    fn remove_text(&mut self, name: Name) {
        let text = self.get(name).and_then(Fact::as_text);
        self.unused += text.map_or(0, str::len);
    }

    /// The same as values of their own.
    pub(super) fn to_captures(&self, names: &Names) -> Captures {
        let value = |fact: &Kept| match fact {
            Kept::Absent => None,
            Kept::Text(start, end) => Some(Value::Text(self.text[*start..*end].into())),
            Kept::Tuple(parts) => Some(Value::Tuple(Arc::clone(parts))),
            Kept::Address(id) => Some(Value::Address(id.clone())),
        };
        let entries = self.entries.iter();
        Captures::of(entries.map(|(name, fact)| (Arc::clone(names.text(*name)), value(fact))))
    }
}

/// Empties a string, and gives back its memory if that is unusually much.
pub(super) fn clear_text(text: &mut String) {
    text.clear();
    text.shrink_to(LARGE);
}

#[cfg(test)]
mod tests {
    use super::super::gather::Part;
    use super::*;

    #[test]
    fn texts_that_change_take_no_more_and_more_memory() {
        let line = "abcdefghij".repeat(10);
        let texts = Texts {
            line: &line,
            content: "",
        };
        let mut facts = Facts::default();
        for turn in 0..1000 {
            let mut gathered = Gathered::default();
            let (from, to) = (turn % 7, 60 + turn % 11);
            gathered.push(Name::USER, Some(Piece::Text(Part::Line, from..to)));
            gathered.push(Name::FID, Some(Piece::Text(Part::Line, 0..3)));
            if turn % 3 == 0 {
                facts.remove(Name::USER);
            }
            facts.overwrite(&gathered, texts);
            assert_eq!(facts.get(Name::USER), Some(Fact::Text(&line[from..to])));
            assert_eq!(facts.get(Name::FID), Some(Fact::Text("abc")));
            assert!(facts.text.len() < 1000);
        }
    }
}
