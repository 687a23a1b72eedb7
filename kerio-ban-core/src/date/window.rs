//! Places in a line: where a date was, and what was around it.

use std::ops::Range;

use super::number::is_python_alphanumeric;
use crate::pattern::Haystack;

/// Where the last date was, in characters, and what was there and around.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) start: usize,
    before: Option<char>,
    first: char,
    pub(super) end: usize,
    last: char,
    after: Option<char>,
}

impl Default for Window {
    /// Before there was any date. The start is what distances are compared
    /// with.
    fn default() -> Window {
        Window {
            start: 1,
            before: None,
            first: '\0',
            end: 0,
            last: '\0',
            after: None,
        }
    }
}

impl Window {
    /// `None` if the match begins behind the last character.
    pub(super) fn new(text: &Text<'_>, start: usize, end: usize) -> Option<Window> {
        Some(Window {
            start,
            before: text.before(start),
            first: text.at(start)?,
            end,
            last: text.before(end).or_else(|| text.last())?,
            after: text.at(end),
        })
    }

    /// Whether both lead to the same place in any line.
    pub(super) fn leads_as(&self, other: &Window) -> bool {
        // Of letters and digits it does not matter which they are.
        let same = |a: char, b: char| a == b || [a, b].into_iter().all(is_python_alphanumeric);
        (self.start, self.end) == (other.start, other.end)
            && (self.before, self.after) == (other.before, other.after)
            && same(self.first, other.first)
            && same(self.last, other.last)
    }

    /// The same for an ASCII line.
    pub(super) fn in_ascii(line: &[u8], start: usize, end: usize) -> Option<Window> {
        let at = |place: usize| line.get(place).map(|&byte| char::from(byte));
        let before = |place: usize| at(place.checked_sub(1)?);
        Some(Window {
            start,
            before: before(start),
            first: at(start)?,
            end,
            last: before(end).or_else(|| before(line.len()))?,
            after: at(end),
        })
    }

    /// What [`Window::range`] says of an ASCII line.
    pub(super) fn range_in_ascii(&self, line: &[u8]) -> Option<Range<usize>> {
        let text = std::str::from_utf8(line).ok()?;
        self.range(&Text::new(Haystack::with_ascii(text, true)))
    }

    /// The bytes between start and end, if the line has the same characters
    /// around them, or the same ones just inside that are no letters or
    /// digits.
    pub(super) fn range(&self, text: &Text<'_>) -> Option<Range<usize>> {
        let same_start = text.before(self.start) == self.before
            || (text.at(self.start) == Some(self.first) && !is_python_alphanumeric(self.first));
        let same_end = text.at(self.end) == self.after
            || (text.before(self.end) == Some(self.last) && !is_python_alphanumeric(self.last));
        (same_start && same_end).then(|| text.byte(self.start)..text.byte(self.end))
    }
}

/// A line whose places are counted in characters, as Python counts them.
pub(super) struct Text<'t> {
    pub(super) line: Haystack<'t>,
}

impl<'t> Text<'t> {
    pub(super) fn new(line: Haystack<'t>) -> Text<'t> {
        Text { line }
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        self.line.as_str().len()
    }

    /// How many characters are before a byte.
    pub(super) fn character(&self, byte: usize) -> usize {
        if self.line.is_ascii() {
            return byte;
        }
        self.line.as_str()[..byte].chars().count()
    }

    /// Where a character starts; the end for those behind the last.
    fn byte(&self, character: usize) -> usize {
        if self.line.is_ascii() {
            return character.min(self.len());
        }
        let mut characters = self.line.as_str().char_indices();
        characters.nth(character).map_or(self.len(), |(at, _)| at)
    }

    fn at(&self, character: usize) -> Option<char> {
        if self.line.is_ascii() {
            let byte = self.line.as_str().as_bytes().get(character)?;
            return Some(char::from(*byte));
        }
        self.line.as_str().chars().nth(character)
    }

    fn before(&self, character: usize) -> Option<char> {
        self.at(character.checked_sub(1)?)
    }

    /// Where nothing is cut if the group to be cut took no part: Python then
    /// counts from the end, and cuts before the last character.
    pub(super) fn uncut(&self) -> Range<usize> {
        let last = self.line.as_str().char_indices().next_back();
        let at = last.map_or(0, |(at, _)| at);
        at..at
    }

    fn last(&self) -> Option<char> {
        self.line.as_str().chars().next_back()
    }
}
