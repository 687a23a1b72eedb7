//! Looking for literals in many lines at once.

use aho_corasick::Span;

use super::prefilter::Candidates;
use super::windows::{Engine, Windows};

/// The places of literals in a block of lines, from the front on.
pub(crate) struct LiteralScan<'s> {
    windows: &'s Windows,
    block: &'s [u8],
    /// The place of the next one, the end of the block if there is none, and
    /// which it is.
    next: usize,
    piece: usize,
}

impl<'s> LiteralScan<'s> {
    pub(crate) fn new(windows: &'s Windows, block: &'s [u8]) -> LiteralScan<'s> {
        let mut scan = LiteralScan {
            windows,
            block,
            next: 0,
            piece: 0,
        };
        scan.search(0);
        scan
    }

    /// Where the next literal begins; the end of the block if there is none.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Adds the patterns of which a literal begins before `end`, and goes on
    /// there.
    pub(crate) fn take_until(&mut self, end: usize, out: &mut Candidates) {
        while self.next < end {
            out.add_owners(&self.windows.owners, self.piece);
            self.search(self.next + 1);
        }
    }

    fn search(&mut self, from: usize) {
        let span = from..self.block.len();
        let found = match &self.windows.engine {
            Engine::Packed(packed) => packed
                .find_in(self.block, Span::from(span))
                .map(|found| (found.start(), found.pattern())),
            Engine::Automaton(automaton) => {
                let input = aho_corasick::Input::new(self.block).span(span);
                automaton
                    .find(input)
                    .map(|found| (found.start(), found.pattern()))
            }
        };
        match found {
            Some((place, piece)) => {
                self.next = place;
                self.piece = piece.as_usize();
            }
            None => self.next = self.block.len(),
        }
    }
}
