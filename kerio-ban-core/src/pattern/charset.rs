//! Sets of characters: what Python's classes contain, and case.

use std::sync::LazyLock;

use regex_syntax::hir::{Class as HirClass, ClassUnicode, ClassUnicodeRange, HirKind};

use super::syntax::{Class, ClassItem, Fold, Kind, Perl};

/// Python's `\w`: letters, all numbers, the underscore. Unlike Rust's it
/// leaves out combining marks and has superscripts and fractions.
pub(super) const WORD: &str = r"\p{L}\p{N}_";
/// Python's `\s`: white space and four separators Rust leaves out.
pub(super) const SPACE: &str = r"\s\x1c-\x1f";
/// Python's `\d`.
pub(super) const DIGIT: &str = r"\p{Nd}";

static WORDS: LazyLock<ClassUnicode> = LazyLock::new(|| table(WORD));
static SPACES: LazyLock<ClassUnicode> = LazyLock::new(|| table(SPACE));
static DIGITS: LazyLock<ClassUnicode> = LazyLock::new(|| table(DIGIT));
/// Characters that are in a word to one of Python and Rust only.
static DISPUTED: LazyLock<ClassUnicode> = LazyLock::new(|| {
    let mut words = table(r"\w");
    words.symmetric_difference(&WORDS);
    words
});

fn table(items: &str) -> ClassUnicode {
    match regex_syntax::parse(&format!("[{items}]")).map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(HirClass::Unicode(class))) => class,
        _ => ClassUnicode::empty(),
    }
}

fn contains(set: &ClassUnicode, c: char) -> bool {
    let ranges = set.ranges();
    let after = ranges.partition_point(|range| range.start() <= c);
    after > 0 && c <= ranges[after - 1].end()
}

/// Python's `\w`.
pub(super) fn word_set() -> &'static ClassUnicode {
    &WORDS
}

/// Whether Python's `\b` and Rust's could disagree somewhere in a text.
pub(super) fn has_disputed_words(text: &str) -> bool {
    text.chars()
        .any(|c| !c.is_ascii() && contains(&DISPUTED, c))
}

/// Whether a text is a Python identifier.
pub(super) fn is_identifier(text: &str) -> bool {
    static STARTS: LazyLock<ClassUnicode> = LazyLock::new(|| table(r"\p{XID_Start}_"));
    static CONTINUES: LazyLock<ClassUnicode> = LazyLock::new(|| table(r"\p{XID_Continue}"));
    let mut chars = text.chars();
    chars.next().is_some_and(|first| {
        if first.is_ascii() {
            first.is_ascii_alphabetic() || first == '_'
        } else {
            contains(&STARTS, first)
        }
    }) && chars.all(|c| {
        if c.is_ascii() {
            c.is_ascii_alphanumeric() || c == '_'
        } else {
            contains(&CONTINUES, c)
        }
    })
}

/// The white space that Python's `str.strip` removes.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// The set of a leaf that matches one character: a character, a class, `.`.
pub(super) fn set_of(kind: &Kind) -> Option<ClassUnicode> {
    match kind {
        Kind::Char { code, fold } => Some(chars_set(&[ClassItem::Range(*code, *code)], *fold)),
        Kind::Class(class) => Some(class_set(class)),
        Kind::Any { newline } => {
            let mut set = ClassUnicode::empty();
            if !newline {
                set.push(ClassUnicodeRange::new('\n', '\n'));
            }
            set.negate();
            Some(set)
        }
        _ => None,
    }
}

fn class_set(class: &Class) -> ClassUnicode {
    let mut set = chars_set(&class.items, class.fold);
    for item in &class.items {
        if let ClassItem::Perl {
            perl,
            negated,
            ascii,
        } = *item
        {
            set.union(&perl_set(perl, negated, ascii));
        }
    }
    if class.negated {
        set.negate();
    }
    for &(low, high) in &class.except {
        set.difference(&chars_set(&[ClassItem::Range(low, high)], Fold::Exact));
    }
    set
}

fn perl_set(perl: Perl, negated: bool, ascii: bool) -> ClassUnicode {
    let mut set = if ascii {
        table(ascii_items(perl))
    } else {
        match perl {
            Perl::Digit => DIGITS.clone(),
            Perl::Space => SPACES.clone(),
            Perl::Word => WORDS.clone(),
        }
    };
    if negated {
        set.negate();
    }
    set
}

/// What a class letter contains under the flag `a`.
pub(super) fn ascii_items(perl: Perl) -> &'static str {
    match perl {
        Perl::Digit => "0-9",
        Perl::Space => r"\t-\r ",
        Perl::Word => "0-9A-Z_a-z",
    }
}

/// The ranges among some items, closed under the folding asked for.
/// Surrogates, which no text contains, are left out.
pub(super) fn chars_set(items: &[ClassItem], fold: Fold) -> ClassUnicode {
    let mut set = ClassUnicode::new(items.iter().filter_map(|item| match *item {
        ClassItem::Range(low, high) => {
            let low = char::from_u32(low).or_else(|| (low <= 0xdfff).then_some('\u{e000}'))?;
            let high = char::from_u32(high).unwrap_or('\u{d7ff}');
            (low <= high).then(|| ClassUnicodeRange::new(low, high))
        }
        ClassItem::Perl { .. } => None,
    }));
    match fold {
        Fold::Exact => {}
        Fold::Ascii => {
            let folded = set
                .iter()
                .flat_map(|range| {
                    let upper = overlap(range, 'A', 'Z').map(|(low, high)| (low | 32, high | 32));
                    let lower = overlap(range, 'a', 'z').map(|(low, high)| (low & !32, high & !32));
                    [upper, lower]
                })
                .flatten()
                .map(|(low, high)| ClassUnicodeRange::new(char::from(low), char::from(high)))
                .collect::<Vec<_>>();
            set.union(&ClassUnicode::new(folded));
        }
        Fold::Unicode => fold_unicode(&mut set),
    }
    set
}

/// The part of a range inside an ASCII one.
fn overlap(range: &ClassUnicodeRange, low: char, high: char) -> Option<(u8, u8)> {
    let low = range.start().max(low);
    let high = range.end().min(high);
    (low <= high).then_some((low as u8, high as u8))
}

/// Python folds as Unicode's simple folding does, and also takes `i`, `I`,
/// dotless `ı` and dotted `İ` for one letter.
fn fold_unicode(set: &mut ClassUnicode) {
    // The tables are compiled in, so this cannot fail.
    let _ = set.try_case_fold_simple();
    let family = ['I', 'i', '\u{130}', '\u{131}'];
    if family.iter().any(|&c| contains(set, c)) {
        set.union(&ClassUnicode::new(
            family.map(|c| ClassUnicodeRange::new(c, c)),
        ));
    }
}

/// The ASCII part of a leaf's set, a bit for each character. A leaf that
/// matches one character only.
pub(super) fn ascii_set_of(kind: &Kind) -> Option<u128> {
    match kind {
        Kind::Char { code, fold } => Some(ascii_chars(&[ClassItem::Range(*code, *code)], *fold)),
        Kind::Class(class) => {
            let mut set = ascii_chars(&class.items, class.fold);
            for item in &class.items {
                if let ClassItem::Perl {
                    perl,
                    negated,
                    ascii,
                } = *item
                {
                    let perl = ascii_perl(perl, ascii);
                    set |= if negated { !perl } else { perl };
                }
            }
            let set = if class.negated { !set } else { set };
            let except = class.except.iter();
            Some(except.fold(set, |set, &(low, high)| set & !bits(low, high)))
        }
        Kind::Any { newline: true } => Some(u128::MAX),
        Kind::Any { newline: false } => Some(!(1 << 10)),
        _ => None,
    }
}

fn ascii_chars(items: &[ClassItem], fold: Fold) -> u128 {
    let all_ascii = items
        .iter()
        .all(|item| !matches!(item, ClassItem::Range(_, high) if *high > 0x7f));
    if fold == Fold::Unicode && !all_ascii {
        // Some letters beyond ASCII are equal to one inside.
        return to_ascii(&chars_set(items, fold));
    }
    let mut set = 0;
    for item in items {
        if let ClassItem::Range(low, high) = *item {
            set |= bits(low, high);
        }
    }
    if fold != Fold::Exact {
        let upper = set & bits(u32::from(b'A'), u32::from(b'Z'));
        let lower = set & bits(u32::from(b'a'), u32::from(b'z'));
        set |= (upper << 32) | (lower >> 32);
    }
    set
}

pub(super) fn to_ascii(set: &ClassUnicode) -> u128 {
    set.iter().fold(0, |ascii, range| {
        ascii | bits(u32::from(range.start()), u32::from(range.end()))
    })
}

fn ascii_perl(perl: Perl, ascii: bool) -> u128 {
    let separators = if ascii { 0 } else { bits(0x1c, 0x1f) };
    match perl {
        Perl::Digit => bits(0x30, 0x39),
        Perl::Space => bits(9, 13) | bits(32, 32) | separators,
        Perl::Word => bits(0x30, 0x39) | bits(0x41, 0x5a) | bits(0x5f, 0x5f) | bits(0x61, 0x7a),
    }
}

/// The bits of a range of characters, as far as they are ASCII.
fn bits(low: u32, high: u32) -> u128 {
    if low > 127 || low > high {
        return 0;
    }
    let high = high.min(127);
    (u128::MAX >> (127 - (high - low))) << low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(items: &[ClassItem], fold: Fold) -> ClassUnicode {
        chars_set(items, fold)
    }

    /// Python compares lower-case forms, and then characters whose
    /// upper-case forms are equal.
    #[test]
    fn folding_is_by_lower_case_and_common_upper_case() {
        let lower = |c: char| c.to_lowercase().next().unwrap();
        // Those Python 3.11 knows.
        let known = table(r"\p{Age=14.0}");
        let all: Vec<char> = known.iter().flat_map(|r| r.start()..=r.end()).collect();
        let mut by_upper = std::collections::HashMap::<String, Vec<char>>::new();
        for &c in &all {
            if lower(c) == c {
                let upper: String = c.to_uppercase().collect();
                by_upper.entry(upper).or_default().push(c);
            }
        }
        let mut of_lower = std::collections::HashMap::<char, Vec<char>>::new();
        for &c in &all {
            of_lower.entry(lower(c)).or_default().push(c);
        }
        for &c in &all {
            let upper: String = lower(c).to_uppercase().collect();
            let same = by_upper.get(&upper).cloned().unwrap_or(vec![lower(c)]);
            if same.len() == 1 && of_lower[&lower(c)].len() == 1 {
                continue;
            }
            let mut expected: Vec<char> = same
                .iter()
                .flat_map(|lower| of_lower[lower].clone())
                .collect();
            expected.extend(&of_lower[&lower(c)]);
            expected.sort_unstable();
            expected.dedup();
            let set = class(&[ClassItem::Range(c as u32, c as u32)], Fold::Unicode);
            let found: Vec<char> = set.iter().flat_map(|r| r.start()..=r.end()).collect();
            assert_eq!(found, expected, "folding {c:?}");
        }
    }

    #[test]
    fn ascii_sets_are_parts_of_unicode_sets() {
        let leaves = [
            Kind::Any { newline: false },
            Kind::Any { newline: true },
            Kind::Char {
                code: 0x212a,
                fold: Fold::Unicode,
            },
            Kind::Char {
                code: 0x212a,
                fold: Fold::Ascii,
            },
            Kind::Char {
                code: u32::from('q'),
                fold: Fold::Ascii,
            },
        ];
        let perls = [Perl::Digit, Perl::Space, Perl::Word];
        let classes = perls.iter().flat_map(|&perl| {
            [(false, false), (false, true), (true, false), (true, true)].map(|(negated, ascii)| {
                Kind::Class(Class {
                    items: vec![
                        ClassItem::Perl {
                            perl,
                            negated,
                            ascii,
                        },
                        ClassItem::Range(0x60, 0x66),
                        ClassItem::Range(0x7f, 0xd900),
                    ],
                    negated: ascii,
                    fold: Fold::Unicode,
                    except: Vec::new(),
                })
            })
        });
        for kind in leaves.into_iter().chain(classes) {
            let unicode = set_of(&kind).unwrap();
            let ascii = ascii_set_of(&kind).unwrap();
            assert_eq!(to_ascii(&unicode), ascii, "{kind:?}");
        }
    }

    #[test]
    fn identifiers() {
        for good in ["a", "_", "a1", "é", "ab·c", "名"] {
            assert!(is_identifier(good), "{good}");
        }
        for bad in ["", "1", "a-b", "·a", "a b"] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    #[test]
    fn words_are_disputed_at_marks_only() {
        assert!(!has_disputed_words("plain é 名"));
        assert!(has_disputed_words("a\u{301}"));
        assert!(has_disputed_words("½"));
    }
}
