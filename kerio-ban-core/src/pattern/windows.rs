//! Short pieces of literals by which lines are told apart.
//!
//! What is searched in a block of lines need not be whole literals: any piece of
//! each is in every line that has it. Pieces are taken that are rare in the log
//! at hand, so that few lines are looked at in vain, and few enough that they can
//! be searched all at once. This decides about speed only.

mod order;

use std::cmp::Reverse;
use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind, packed};

use self::order::calm_order;
use super::literals::{Literal, worth};
use super::prefilter::Owners;
use super::{Candidates, LiteralScan, Pattern};

/// How long a piece may be. Longer ones are hardly rarer.
const LONGEST: usize = 8;
/// How many bytes the search looks at first.
const GRAM: usize = 4;
/// From so many pieces on, ones that several literals share are looked for.
const MANY: usize = 24;
/// How many different spellings of a piece in any case are searched.
const MAX_SPELLINGS: usize = 16;
/// How much of a log is looked at.
const SAMPLE: usize = 64 * 1024;

/// The literals of some patterns, to choose among.
pub(crate) struct Choices {
    /// By pattern: sets of literals, one of each in every match.
    sets: Vec<Vec<Vec<Literal>>>,
}

/// What is searched in blocks of lines.
pub(crate) struct Windows {
    pub(super) engine: Engine,
    /// By piece: the patterns that come into question where it is found.
    pub(super) owners: Vec<Owners>,
    /// The length of the longest piece.
    longest: usize,
    /// Which two bytes follow each other in a piece, a bit for each pair.
    pairs: Box<[u128; 128]>,
    count: usize,
}

/// Finds the longest piece at each place. Shorter ones there are its prefixes,
/// and their owners are its owners too.
pub(super) enum Engine {
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Choices {
    pub(crate) fn new<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Choices {
        let sets = |pattern: &Pattern| {
            let mut sets = pattern.literals().to_vec();
            // A line feed is no part of a line.
            sets.retain(|set| !set.iter().any(|literal| literal.text.contains('\n')));
            sets
        };
        Choices {
            sets: patterns.into_iter().map(sets).collect(),
        }
    }

    /// Whether a line without any of the literals can match none of the
    /// patterns.
    pub(crate) fn rule_lines_out(&self) -> bool {
        !self.sets.is_empty() && self.sets.iter().all(|sets| !sets.is_empty())
    }

    /// Chooses what is rare in the beginning of a block. `None` if lines cannot
    /// be ruled out.
    pub(crate) fn windows(&self, block: &[u8]) -> Option<Windows> {
        if !self.rule_lines_out() {
            return None;
        }
        let counts = Counts::new(&block[..block.len().min(SAMPLE)]);
        let mut chosen: Vec<(&Literal, usize)> = Vec::new();
        for (owner, sets) in self.sets.iter().enumerate() {
            let rarest = sets.iter().min_by_key(|set| {
                let found: u64 = set.iter().map(|literal| counts.rarest(literal).1).sum();
                (found, Reverse(worth(set)))
            })?;
            chosen.extend(rarest.iter().map(|literal| (literal, owner)));
        }
        let pieces = pieces(&chosen, &counts);
        Windows::new(pieces, self.sets.len(), block)
    }
}

/// The pieces to search, each with the patterns it stands for.
fn pieces(literals: &[(&Literal, usize)], counts: &Counts) -> HashMap<Vec<u8>, Vec<usize>> {
    let mut pieces: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    let shared = shared_grams(literals, counts);
    for &(literal, owner) in literals {
        let bytes = literal.text.as_bytes();
        let rarest = counts.rarest(literal).1;
        let common =
            grams(bytes).find(|gram| shared.contains_key(*gram) && counts.of(gram) <= rarest + 1);
        let piece = match common {
            Some(gram) => gram,
            None => {
                let start = counts.rarest(literal).0;
                &bytes[start..bytes.len().min(start + LONGEST)]
            }
        };
        for spelling in spellings(piece, literal.fold) {
            pieces.entry(spelling).or_default().push(owner);
        }
    }
    pieces
}

/// Four bytes that several literals have in common, if there are many literals.
/// None is much more frequent than the rarest piece of any literal it stands
/// for.
fn shared_grams(literals: &[(&Literal, usize)], counts: &Counts) -> HashMap<Vec<u8>, usize> {
    let mut shared = HashMap::new();
    if literals.len() <= MANY {
        return shared;
    }
    let takes_part = |literal: &&Literal| !literal.fold && literal.text.len() >= GRAM;
    let literals = literals.iter().map(|&(literal, _)| literal);
    // Of each literal the ones that might stand for it.
    let mut left: Vec<Vec<&[u8]>> = literals
        .filter(takes_part)
        .map(|literal| {
            let rarest = counts.rarest(literal).1;
            let mut own: Vec<&[u8]> = grams(literal.text.as_bytes()).collect();
            own.sort_unstable();
            own.dedup();
            own.retain(|gram| counts.of(gram) <= rarest + 1);
            own
        })
        .collect();
    let mut uses: HashMap<&[u8], usize> = HashMap::new();
    for gram in left.iter().flatten() {
        *uses.entry(gram).or_default() += 1;
    }
    loop {
        // The bytes decide between equals, so that it is always the same.
        let best = uses.iter().max_by_key(|&(gram, uses)| (*uses, *gram));
        let Some((&gram, &number)) = best.filter(|&(_, &uses)| uses > 1) else {
            return shared;
        };
        left.retain(|own| {
            let stands_for = own.contains(&gram);
            if stands_for {
                for gram in own {
                    uses.entry(gram).and_modify(|uses| *uses -= 1);
                }
            }
            !stands_for
        });
        shared.insert(gram.to_vec(), number);
    }
}

fn grams(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.windows(GRAM)
}

/// A piece in all its cases. One with too many is cut.
fn spellings(piece: &[u8], fold: bool) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![Vec::new()];
    for &byte in piece {
        let two = fold && byte.is_ascii_alphabetic();
        if two && all.len() == MAX_SPELLINGS {
            break;
        }
        if two {
            let other = all.clone();
            all.iter_mut()
                .for_each(|text| text.push(byte.to_ascii_lowercase()));
            let upper = other.into_iter().map(|mut text| {
                text.push(byte.to_ascii_uppercase());
                text
            });
            all.extend(upper);
        } else {
            all.iter_mut().for_each(|text| text.push(byte));
        }
    }
    all
}

/// How often four bytes were seen, or perhaps others with the same number.
struct Counts(Vec<u16>);

impl Counts {
    fn new(sample: &[u8]) -> Counts {
        let mut counts = Counts(vec![0; 1 << 16]);
        for gram in grams(sample) {
            let count = &mut counts.0[Counts::number(gram)];
            *count = count.saturating_add(1);
        }
        counts
    }

    fn number(gram: &[u8]) -> usize {
        let word = gram
            .iter()
            .fold(0, |word, &byte| word << 8 | u32::from(byte));
        (word.wrapping_mul(0x9e37_79b1) >> 16) as usize
    }

    fn of(&self, gram: &[u8]) -> u64 {
        u64::from(self.0[Counts::number(gram)])
    }

    /// Where the rarest piece of a literal begins, and how often it was seen.
    fn rarest(&self, literal: &Literal) -> (usize, u64) {
        let bytes = literal.text.as_bytes();
        let seen = |gram: &[u8]| -> u64 {
            if !literal.fold {
                return self.of(gram);
            }
            let spellings = spellings(gram, true);
            spellings.iter().map(|gram| self.of(gram)).sum()
        };
        let places = grams(bytes).map(seen).enumerate();
        // Of equals, one with more behind it.
        let rarest = places.min_by_key(|&(_, seen)| seen);
        // What is too short to be counted is taken for frequent.
        rarest.unwrap_or((0, u64::from(u16::MAX)))
    }
}

impl Windows {
    fn new(pieces: HashMap<Vec<u8>, Vec<usize>>, count: usize, sample: &[u8]) -> Option<Windows> {
        let mut pieces: Vec<(Vec<u8>, Vec<usize>)> = pieces.into_iter().collect();
        pieces.sort();
        let texts: Vec<&[u8]> = pieces.iter().map(|(text, _)| text.as_slice()).collect();
        let mut owners: Vec<Owners> = pieces
            .iter()
            .map(|(_, owners)| owners.iter().copied().collect())
            .collect();
        Owners::find_prefixes(&mut owners, &texts);
        let order = calm_order(&texts, &sample[..sample.len().min(SAMPLE / 2)]);
        let texts: Vec<&[u8]> = order.iter().map(|&piece| texts[piece]).collect();
        let owners = Owners::reorder(owners, &order);
        let packed = packed::Config::new()
            .match_kind(packed::MatchKind::LeftmostLongest)
            .builder()
            .extend(&texts)
            .build();
        let engine = match packed {
            Some(packed) => Engine::Packed(packed),
            None => {
                let automaton = AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&texts);
                Engine::Automaton(automaton.ok()?)
            }
        };
        let mut pairs = Box::new([0; 128]);
        for pair in texts.iter().flat_map(|text| text.windows(2)) {
            // Dates are cut out of ASCII lines only.
            if let [first @ 0..=127, second @ 0..=127] = *pair {
                pairs[usize::from(first)] |= 1 << second;
            }
        }
        Some(Windows {
            engine,
            owners,
            longest: texts.iter().map(|text| text.len()).max().unwrap_or(0),
            pairs,
            count,
        })
    }

    /// A set for candidates.
    pub(crate) fn no_candidates(&self) -> Candidates {
        Candidates::none(self.count)
    }

    /// Whether a piece could come together where something is cut out between
    /// these two bytes of an ASCII line.
    #[inline]
    pub(crate) fn meet(&self, before: u8, after: u8) -> bool {
        match (before, after) {
            (0..=127, 0..=127) => self.pairs[usize::from(before)] >> after & 1 == 1,
            _ => false,
        }
    }

    /// Adds the patterns that come into question because of a piece that only
    /// comes together where a part of an ASCII line is cut out. `scratch` is
    /// overwritten. Whether there are any.
    pub(crate) fn over_seam(
        &self,
        before: &[u8],
        after: &[u8],
        scratch: &mut Vec<u8>,
        out: &mut Candidates,
    ) -> bool {
        let (Some(&last), Some(&first)) = (before.last(), after.first()) else {
            return false;
        };
        if !self.meet(last, first) {
            return false;
        }
        scratch.clear();
        scratch.extend_from_slice(&before[before.len().saturating_sub(self.longest)..]);
        scratch.extend_from_slice(&after[..after.len().min(self.longest)]);
        let mut scan = LiteralScan::new(self, scratch);
        let found = scan.next() < scratch.len();
        scan.take_until(scratch.len(), out);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Buffer, PatternOptions};
    use crate::traced::Traced;

    fn choices(expressions: &[&str]) -> Choices {
        let options = PatternOptions {
            multi_line: false,
            buffer: Buffer::Line,
        };
        let compile = |text: &&str| Pattern::new(&Traced::computed(*text), options).unwrap();
        let patterns: Vec<Pattern> = expressions.iter().map(compile).collect();
        Choices::new(&patterns)
    }

    fn shown(expressions: &[&str], sample: &str) -> Vec<String> {
        let choices = choices(expressions);
        let counts = Counts::new(sample.as_bytes());
        let mut chosen = Vec::new();
        for (owner, sets) in choices.sets.iter().enumerate() {
            let found = |set: &Vec<Literal>| {
                set.iter()
                    .map(|literal| counts.rarest(literal).1)
                    .sum::<u64>()
            };
            let rarest = sets.iter().min_by_key(|set| found(set)).unwrap();
            chosen.extend(rarest.iter().map(|literal| (literal, owner)));
        }
        let mut pieces: Vec<String> = pieces(&chosen, &counts)
            .into_keys()
            .map(|piece| String::from_utf8(piece).unwrap())
            .collect();
        pieces.sort();
        pieces
    }

    #[test]
    fn what_is_rare_is_searched() {
        let rule = ["login from \\S+ denied"];
        assert_eq!(shown(&rule, "login from a\nlogin from b"), [" denied"]);
        assert_eq!(shown(&rule, "a denied\nb denied"), ["login fr"]);
        assert_eq!(shown(&["user unknown"], "user user known"), ["r unknow"]);
    }

    #[test]
    fn any_case_is_spelled_out() {
        assert_eq!(
            shown(&["(?i)x-1y="], ""),
            ["X-1Y=", "X-1y=", "x-1Y=", "x-1y="]
        );
        assert_eq!(shown(&["(?i)password"], "").len(), 16);
    }

    #[test]
    fn many_literals_share_pieces() {
        let words: Vec<String> = (0..100)
            .map(|n| format!("{}robot{}", char::from(b'a' + n % 26), n))
            .collect();
        let rule = words.join("|");
        assert_eq!(shown(&[&rule], ""), ["robo"]);
    }

    #[test]
    fn a_pattern_without_literals_needs_every_line() {
        assert!(choices(&["abcd", "(?i)efgh"]).rule_lines_out());
        assert!(!choices(&["abcd", r"\d+"]).rule_lines_out());
        assert!(!choices(&[]).rule_lines_out());
        assert!(!choices(&["abc\n"]).rule_lines_out());
        assert!(
            choices(&[r"abc\n|\d", "abc \n.*defg"])
                .windows(b"")
                .is_none()
        );
    }

    #[test]
    fn pieces_that_come_together_are_found() {
        let windows = choices(&["abcdef", "xyz"]).windows(b"").unwrap();
        let found = |before: &str, after: &str| {
            let mut out = windows.no_candidates();
            windows.over_seam(
                before.as_bytes(),
                after.as_bytes(),
                &mut Vec::new(),
                &mut out,
            );
            [out.contains(0), out.contains(1)]
        };
        assert_eq!(found("123 abc", "def 123"), [true, false]);
        assert_eq!(found("x", "yz"), [false, true]);
        assert_eq!(found("xy", "yz"), [false, false]);
        assert_eq!(found("", "xyz"), [false, false]);
    }
}
