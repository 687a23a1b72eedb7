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
    /// None of `count` patterns.
    pub(super) fn none(count: usize) -> Candidates {
        let mut candidates = Candidates::default();
        candidates.clear(count);
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

    /// The first one from a position on.
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        let place = from / 64;
        let first = self.words.get(place)? & (u64::MAX << (from % 64));
        let others = self.words[place + 1..].iter().copied();
        let mut words = (place..).zip(std::iter::once(first).chain(others));
        let (place, word) = words.find(|&(_, word)| word != 0)?;
        Some(64 * place + word.trailing_zeros() as usize)
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

    fn add(&mut self, other: &Candidates) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// Adds the patterns of a text, and of those that it begins with.
    pub(super) fn add_owners(&mut self, all: &[Owners], text: usize) {
        let mut next = Some(text);
        while let Some(text) = next {
            let owners = &all[text];
            for &(at, bits) in &owners.words {
                self.words[at] |= bits;
            }
            next = owners.prefix;
        }
    }
}

/// The patterns that a literal belongs to: mostly few of perhaps very many. Only
/// words of a set that are not empty are kept, each with its place.
#[derive(Debug, Default)]
pub(super) struct Owners {
    words: Vec<(usize, u64)>,
    /// The longest other literal that this one begins with.
    prefix: Option<usize>,
}

impl Owners {
    fn insert(&mut self, index: usize) {
        let (at, bit) = (index / 64, 1 << (index % 64));
        match self.words.iter_mut().rfind(|(there, _)| *there == at) {
            Some((_, word)) => *word |= bit,
            None => self.words.push((at, bit)),
        }
    }

    /// Finds the prefixes of sorted texts.
    pub(super) fn find_prefixes<T: AsRef<[u8]>>(owners: &mut [Owners], texts: &[T]) {
        // Those of the last text, each of which begins the next.
        let mut prefixes: Vec<usize> = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let begins = |&short: &usize| text.as_ref().starts_with(texts[short].as_ref());
            while prefixes.pop_if(|short| !begins(short)).is_some() {}
            owners[at].prefix = prefixes.last().copied();
            prefixes.push(at);
        }
    }

    /// Puts them into another order, which says for each place what comes there.
    pub(super) fn reorder(mut owners: Vec<Owners>, order: &[usize]) -> Vec<Owners> {
        let mut places = vec![0; order.len()];
        for (place, &from) in order.iter().enumerate() {
            places[from] = place;
        }
        let moved = order.iter().map(|&from| {
            let mut moved = std::mem::take(&mut owners[from]);
            moved.prefix = moved.prefix.map(|prefix| places[prefix]);
            moved
        });
        moved.collect()
    }
}

impl FromIterator<usize> for Owners {
    fn from_iter<I: IntoIterator<Item = usize>>(patterns: I) -> Owners {
        let mut owners = Owners::default();
        patterns
            .into_iter()
            .for_each(|pattern| owners.insert(pattern));
        owners
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
            match Searcher::new(literals, fold) {
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
    owners: Vec<Owners>,
}

enum Engine {
    /// Finds the longest literal at each place. Shorter ones there are its
    /// prefixes, and their owners are its owners too.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Searcher {
    fn new(mut literals: Vec<(Literal, usize)>, fold: bool) -> Option<Searcher> {
        if fold {
            for (literal, _) in &mut literals {
                literal.text.make_ascii_lowercase();
            }
        }
        literals.sort();
        let mut texts: Vec<String> = Vec::new();
        let mut owners: Vec<Owners> = Vec::new();
        for (literal, owner) in literals {
            if texts.last() != Some(&literal.text) {
                texts.push(literal.text);
                owners.push(Owners::default());
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
                Owners::find_prefixes(&mut owners, &texts);
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
                    out.add_owners(&self.owners, found.pattern().as_usize());
                    start = found.start() + 1;
                }
            }
            Engine::Automaton(automaton) => {
                for found in automaton.find_overlapping_iter(text) {
                    out.add_owners(&self.owners, found.pattern().as_usize());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_gone_through_in_order() {
        let mut candidates = Candidates::none(200);
        let all = [0, 3, 63, 64, 190, 199];
        all.iter().for_each(|&index| candidates.insert(index));
        for from in 0..300 {
            let expected = all.iter().copied().find(|&index| index >= from);
            assert_eq!(candidates.next(from), expected, "{from}");
        }
    }

    #[test]
    fn a_text_has_the_owners_of_its_prefixes_in_any_order() {
        let texts = ["a", "ab", "abc", "abd", "b", "ba"];
        let owner = |text: usize| 100 * text;
        let mut owners: Vec<Owners> = (0..texts.len())
            .map(|text| [owner(text)].into_iter().collect())
            .collect();
        Owners::find_prefixes(&mut owners, &texts);
        let order = [3, 0, 5, 1, 4, 2];
        let owners = Owners::reorder(owners, &order);
        for (place, &text) in order.iter().enumerate() {
            let mut found = Candidates::none(owner(texts.len()));
            found.add_owners(&owners, place);
            for (other, prefix) in texts.iter().enumerate() {
                let owns = texts[text].starts_with(prefix);
                assert_eq!(
                    found.contains(owner(other)),
                    owns,
                    "{} {prefix}",
                    texts[text]
                );
            }
        }
    }
}
