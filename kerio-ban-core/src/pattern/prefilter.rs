//! One pass over a text that tells which of many patterns can match.

use aho_corasick::{AhoCorasick, MatchKind, Span, packed};

use super::literals::{Literal, better};
use super::{Haystack, Pattern};

/// Rules out patterns whose required literals are not in a text.
///
/// It never rules out a pattern that matches.
pub(crate) struct Prefilter {
    count: usize,
    /// Patterns that require no literal.
    always: Candidates,
    /// Patterns whose literals say nothing of texts outside of ASCII.
    unless_ascii: Candidates,
    /// For literals as they are.
    exact: Option<Searcher>,
    /// For literals in any case.
    folded: Option<Searcher>,
}

/// A set of patterns, by their position among those of a [`Prefilter`].
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    words: Vec<u64>,
}

impl Clone for Candidates {
    fn clone(&self) -> Candidates {
        Candidates {
            words: self.words.clone(),
        }
    }

    fn clone_from(&mut self, other: &Candidates) {
        self.words.clone_from(&other.words);
    }
}

impl Candidates {
    /// Some of `count` patterns.
    pub(super) fn of(count: usize, patterns: &[usize]) -> Candidates {
        let mut candidates = Candidates::default();
        candidates.clear(count);
        for &pattern in patterns {
            candidates.insert(pattern);
        }
        candidates
    }

    /// Leaves none.
    pub(crate) fn remove_all(&mut self) {
        self.words.fill(0);
    }

    pub(crate) fn contains(&self, index: usize) -> bool {
        self.words
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    fn clear(&mut self, count: usize) {
        self.words.clear();
        self.words.resize(count.div_ceil(64), 0);
    }

    fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    pub(super) fn add(&mut self, other: &Candidates) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }
}

impl Prefilter {
    /// Collects the literals of some patterns.
    pub(crate) fn new<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Prefilter {
        let required: Vec<_> = patterns
            .into_iter()
            .map(|pattern| pattern.literals().iter().cloned().reduce(better))
            .collect();
        let count = required.len();
        let mut filter = Prefilter {
            count,
            always: Candidates::default(),
            unless_ascii: Candidates::default(),
            exact: None,
            folded: None,
        };
        filter.always.clear(count);
        filter.unless_ascii.clear(count);
        let mut exact = Vec::new();
        let mut folded = Vec::new();
        for (index, literals) in required.into_iter().enumerate() {
            let Some(literals) = literals else {
                filter.always.insert(index);
                continue;
            };
            for literal in literals {
                if literal.ascii_only {
                    filter.unless_ascii.insert(index);
                }
                let list = if literal.fold {
                    &mut folded
                } else {
                    &mut exact
                };
                list.push((literal, index));
            }
        }
        for (literals, fold) in [(exact, false), (folded, true)] {
            if literals.is_empty() {
                continue;
            }
            let owners: Vec<usize> = literals.iter().map(|&(_, owner)| owner).collect();
            match Searcher::new(literals, fold, count) {
                Some(searcher) if fold => filter.folded = Some(searcher),
                Some(searcher) => filter.exact = Some(searcher),
                None => owners
                    .into_iter()
                    .for_each(|owner| filter.always.insert(owner)),
            }
        }
        filter
    }

    /// Finds the patterns that can match somewhere in a text, and perhaps
    /// some that cannot.
    pub(crate) fn candidates(&self, text: Haystack<'_>, out: &mut Candidates) {
        out.clear(self.count);
        out.add(&self.always);
        if !text.is_ascii() {
            out.add(&self.unless_ascii);
        }
        for searcher in [&self.exact, &self.folded].into_iter().flatten() {
            searcher.search(text.as_str(), out);
        }
    }
}

/// Finds all literals of a set in a text.
struct Searcher {
    engine: Engine,
    /// By literal: the patterns that are satisfied when it is found.
    owners: Vec<Candidates>,
}

enum Engine {
    /// Finds the longest literal at each place. Shorter ones there are its
    /// prefixes, and their owners are its owners too.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Searcher {
    fn new(mut literals: Vec<(Literal, usize)>, fold: bool, count: usize) -> Option<Searcher> {
        if fold {
            for (literal, _) in &mut literals {
                literal.text.make_ascii_lowercase();
            }
        }
        literals.sort();
        let mut texts: Vec<String> = Vec::new();
        let mut owners: Vec<Candidates> = Vec::new();
        for (literal, owner) in literals {
            if texts.last() != Some(&literal.text) {
                texts.push(literal.text);
                let mut fresh = Candidates::default();
                fresh.clear(count);
                owners.push(fresh);
            }
            if let Some(last) = owners.last_mut() {
                last.insert(owner);
            }
        }
        let packed = if fold {
            None
        } else {
            packed::Config::new()
                .match_kind(packed::MatchKind::LeftmostLongest)
                .builder()
                .extend(&texts)
                .build()
        };
        let engine = match packed {
            Some(packed) => {
                for long in 0..texts.len() {
                    for short in 0..long {
                        if texts[long].starts_with(&texts[short]) {
                            let more = owners[short].clone();
                            owners[long].add(&more);
                        }
                    }
                }
                Engine::Packed(packed)
            }
            None => {
                let automaton = AhoCorasick::builder()
                    .match_kind(MatchKind::Standard)
                    .ascii_case_insensitive(fold)
                    .build(&texts);
                Engine::Automaton(automaton.ok()?)
            }
        };
        Some(Searcher { engine, owners })
    }

    fn search(&self, text: &str, out: &mut Candidates) {
        match &self.engine {
            Engine::Packed(packed) => {
                let mut start = 0;
                while let Some(found) = packed.find_in(text, Span::from(start..text.len())) {
                    out.add(&self.owners[found.pattern().as_usize()]);
                    start = found.start() + 1;
                }
            }
            Engine::Automaton(automaton) => {
                for found in automaton.find_overlapping_iter(text) {
                    out.add(&self.owners[found.pattern().as_usize()]);
                }
            }
        }
    }
}
