//! Looking for literals in many lines at once.

use aho_corasick::Span;

use super::prefilter::{Engine, Prefilter, Searcher};

impl Prefilter {
    /// Whether a text without any of the literals can match none of the
    /// patterns, also if it lacks the line feed that is searched with a line.
    /// Only ASCII texts are meant.
    pub(crate) fn rules_lines_out(&self) -> bool {
        let searchers = [&self.exact, &self.folded].into_iter().flatten();
        let mut none = true;
        for searcher in searchers {
            none = false;
            if searcher.has_line_feeds {
                return false;
            }
        }
        self.always.is_empty() && !none
    }

    /// The length of the longest literal.
    pub(crate) fn longest(&self) -> usize {
        let searchers = [&self.exact, &self.folded].into_iter().flatten();
        searchers
            .map(|searcher| searcher.longest)
            .max()
            .unwrap_or(0)
    }

    /// Whether any literal is in a text.
    pub(crate) fn finds_any(&self, text: &[u8]) -> bool {
        let mut searchers = [&self.exact, &self.folded].into_iter().flatten();
        searchers.any(|searcher| searcher.find(text, 0).is_some())
    }
}

/// The places of literals in a block of lines, from the front on.
pub(crate) struct LiteralScan<'s> {
    block: &'s [u8],
    searchers: [Option<&'s Searcher>; 2],
    /// The next place that each searcher knows of; the end of the block if
    /// there is none.
    next: [usize; 2],
}

impl<'s> LiteralScan<'s> {
    pub(crate) fn new(prefilter: &'s Prefilter, block: &'s [u8]) -> LiteralScan<'s> {
        let mut scan = LiteralScan {
            block,
            searchers: [prefilter.exact.as_ref(), prefilter.folded.as_ref()],
            next: [0, 0],
        };
        for index in 0..2 {
            scan.search(index, 0);
        }
        scan
    }

    /// The first literal that begins at or behind a place; the end of the
    /// block if there is none. Places must not go back.
    pub(crate) fn next_from(&mut self, place: usize) -> usize {
        for index in 0..2 {
            if self.next[index] < place {
                self.search(index, place);
            }
        }
        self.next[0].min(self.next[1])
    }

    fn search(&mut self, index: usize, from: usize) {
        let found = self.searchers[index].and_then(|searcher| searcher.find(self.block, from));
        self.next[index] = found.unwrap_or(self.block.len());
    }
}

impl Searcher {
    /// Where the first literal at or behind a place begins.
    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let span = from..text.len();
        match &self.engine {
            Engine::Packed(packed) => packed
                .find_in(text, Span::from(span))
                .map(|found| found.start()),
            Engine::Automaton(automaton) => {
                let input = aho_corasick::Input::new(text).span(span);
                automaton.find(input).map(|found| found.start())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Buffer, Pattern, PatternOptions};
    use crate::traced::Traced;

    fn prefilter(expressions: &[&str]) -> Prefilter {
        let options = PatternOptions {
            multi_line: false,
            buffer: Buffer::Line,
        };
        let compile = |text: &&str| Pattern::new(&Traced::computed(*text), options).unwrap();
        let patterns: Vec<Pattern> = expressions.iter().map(compile).collect();
        Prefilter::new(&patterns)
    }

    #[test]
    fn places_come_in_order() {
        let prefilter = prefilter(&["abcd", "(?i)efgh"]);
        assert!(prefilter.rules_lines_out());
        let block = b"x EFGH abcd\nabcd efgh";
        let mut scan = LiteralScan::new(&prefilter, block);
        assert_eq!(scan.next_from(0), 2);
        assert_eq!(scan.next_from(3), 7);
        assert_eq!(scan.next_from(12), 12);
        assert_eq!(scan.next_from(13), 17);
        assert_eq!(scan.next_from(18), block.len());
    }

    #[test]
    fn a_pattern_without_literals_needs_every_line() {
        assert!(!prefilter(&["abcd", r"\d+"]).rules_lines_out());
        assert!(!prefilter(&[]).rules_lines_out());
        assert!(!prefilter(&["abc\n"]).rules_lines_out());
    }
}
