//! Searched texts, and what a search found.

use std::ops::Range;

use regex_automata::util::primitives::NonMaxUsize;

use super::machine::{Memory, NOWHERE};

/// A text to search, with whether it is ASCII decided once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Haystack<'t> {
    text: &'t str,
    ascii: bool,
}

impl<'t> Haystack<'t> {
    pub(crate) fn new(text: &'t str) -> Haystack<'t> {
        Haystack {
            text,
            ascii: text.is_ascii(),
        }
    }

    /// A text of which it is known whether it is ASCII.
    pub(crate) fn with_ascii(text: &'t str, ascii: bool) -> Haystack<'t> {
        Haystack { text, ascii }
    }

    pub(crate) fn as_str(self) -> &'t str {
        self.text
    }

    pub(crate) fn is_ascii(self) -> bool {
        self.ascii
    }
}

/// The bytes of a group, from one place to another; [`NO_SPAN`] if it took no
/// part in the match. Four bytes for each are enough for any text that is
/// [searched](super::Pattern::captures), and half as many to copy.
pub(super) type Span = (u32, u32);

pub(super) const NO_SPAN: Span = (NOWHERE, NOWHERE);

/// Where the groups of a match are. Reused from search to search, it
/// allocates only when a pattern has more groups than any before.
#[derive(Default)]
pub(crate) struct Slots {
    pub(super) spans: Vec<Span>,
    /// Where the linear engine writes.
    pub(super) raw: Vec<Option<NonMaxUsize>>,
    /// What our own matcher works on.
    pub(super) memory: Memory,
    /// Whether that one is not to be used.
    pub(super) plain: bool,
}

impl Clone for Slots {
    /// Clones the groups only.
    fn clone(&self) -> Slots {
        Slots {
            spans: self.spans.clone(),
            ..Slots::default()
        }
    }

    fn clone_from(&mut self, other: &Slots) {
        self.spans.clone_from(&other.spans);
    }
}

/// The groups of many matches.
#[derive(Default)]
pub(crate) struct SavedSlots {
    groups: Vec<Span>,
    /// Where those of each match end.
    ends: Vec<usize>,
}

impl SavedSlots {
    pub(crate) fn clear(&mut self) {
        self.groups.clear();
        self.ends.clear();
    }

    /// Adds the groups of a match. Returns its number.
    pub(crate) fn add(&mut self, slots: &Slots) -> usize {
        self.groups.extend_from_slice(&slots.spans);
        self.ends.push(self.groups.len());
        self.ends.len() - 1
    }

    /// Puts the groups of a match into slots.
    pub(crate) fn load(&self, number: usize, slots: &mut Slots) {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        slots.spans.clear();
        slots
            .spans
            .extend_from_slice(&self.groups[start..self.ends[number]]);
    }
}

impl Slots {
    /// Slots for searches without the matcher that makes them fast, if they are
    /// to be plain.
    pub(crate) fn new(plain: bool) -> Slots {
        Slots {
            plain,
            ..Slots::default()
        }
    }

    /// How many steps our own matcher has taken so far.
    pub(crate) fn steps(&self) -> u64 {
        self.memory.steps()
    }

    /// The bytes of a group; the first group is the whole match.
    pub(crate) fn get(&self, group: usize) -> Option<Range<usize>> {
        let &(start, end) = self.spans.get(group)?;
        (start != NOWHERE).then_some(start as usize..end as usize)
    }

    pub(crate) fn clear(&mut self, groups: usize) {
        self.spans.resize(groups, NO_SPAN);
        self.spans.fill(NO_SPAN);
    }

    /// Sets a group that was not set since the slots were cleared.
    pub(crate) fn put(&mut self, group: usize, start: usize, end: usize) {
        if let Some(slot) = self.spans.get_mut(group) {
            let number = |place| u32::try_from(place).unwrap_or(NOWHERE);
            *slot = (number(start), number(end));
        }
    }

    /// Sets a group. Of several copies of it, the one that captured last
    /// counts, which is the one farthest on.
    pub(super) fn set(&mut self, group: usize, start: usize, end: usize) {
        if let Some(slot) = self.spans.get_mut(group) {
            let span = (start as u32, end as u32);
            *slot = if *slot == NO_SPAN {
                span
            } else {
                span.max(*slot)
            };
        }
    }

    /// Moves the end of the whole match back to a mark.
    pub(super) fn end_at(&mut self, end: usize) {
        if let Some(whole) = self.spans.first_mut() {
            whole.1 = whole.1.min(end as u32);
        }
    }
}
