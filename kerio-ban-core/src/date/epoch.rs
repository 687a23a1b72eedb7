//! Epochs: the search for those in certain places, and their reading.
//!
//! The expression that fail2ban uses for `EPOCH` looks behind, which only the
//! backtracking engine can do, and it is tried on every line without a date.
//! What it finds is simple enough to be found by hand.

use std::ops::Range;

use super::number::{digit, float, is_python_alphanumeric};
use crate::time::Timestamp;

/// Finds an epoch at the start of the line, behind `[` there, or behind the
/// word `audit` and a parenthesis. As with expressions, text before the range
/// is seen and text behind it is not.
///
/// fail2ban's expression also has a condition on what follows the number. It
/// is the choice of two, one of which is always void, so it never fails.
pub(super) fn find(line: &str, range: Range<usize>, long: bool) -> Option<Range<usize>> {
    let visible = &line[..range.end];
    let bracket = visible.starts_with('[').then_some(1);
    let behind_audit = visible
        .match_indices(AUDIT)
        .filter(|(at, _)| !visible[..*at].ends_with(is_word))
        .map(|(at, _)| at + AUDIT.len());
    std::iter::once(0)
        .chain(bracket)
        .chain(behind_audit)
        .filter(|&start| start >= range.start)
        .find_map(|start| {
            let length = length(&visible[start..], long)?;
            Some(start..start + length)
        })
}

const AUDIT: &str = "audit(";

/// The length of the epoch at the start of the text, if there is one that
/// ends with a word.
fn length(text: &str, long: bool) -> Option<usize> {
    let (digits, whole) = digits(text);
    let rest = &text[whole..];
    if rest.starts_with(is_word) {
        return None;
    }
    let fraction = match (digits, long) {
        (10 | 11, false) => 3..=6,
        (13 | 14, true) => 1..=6,
        (10 | 11 | 16 | 17, true) => return Some(whole),
        _ => return None,
    };
    if let Some(behind_point) = rest.strip_prefix('.') {
        let (digits, length) = self::digits(behind_point);
        if fraction.contains(&digits) && !behind_point[length..].starts_with(is_word) {
            return Some(whole + 1 + length);
        }
    }
    Some(whole)
}

/// How many digits a text begins with, and how long they are.
fn digits(text: &str) -> (usize, usize) {
    let mut count = 0;
    for (at, c) in text.char_indices() {
        if digit(c).is_none() {
            return (count, at);
        }
        count += 1;
    }
    (count, text.len())
}

fn is_word(c: char) -> bool {
    c == '_' || is_python_alphanumeric(c)
}

/// Seconds since the epoch. In a long one, thirteen characters and more are
/// milliseconds, sixteen and more without a point microseconds.
pub(super) fn read(text: &str, long: bool) -> Option<Timestamp> {
    let number = float(text).ok()?;
    let length = text.chars().count();
    let seconds = if !long || length < 13 {
        number
    } else if length >= 16 && !text.contains('.') {
        number / 1_000_000.0
    } else {
        number / 1000.0
    };
    Timestamp::from_seconds(seconds)
}

/// The seconds of a TAI64N label, without a correction for leap seconds.
pub(super) fn tai64n(text: &str) -> Option<Timestamp> {
    let seconds = i64::from_str_radix(text.get(2..17)?, 16).ok()?;
    Some(Timestamp::from_whole_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::date::template::{Compiled, Template};
    use crate::pattern::{Haystack, Slots};
    use crate::traced::Traced;

    #[test]
    fn epochs_are_found_in_their_places() {
        let whole = |line: &str| find(line, 0..line.len(), false);
        assert_eq!(whole("1106513999.123 x"), Some(0..14));
        assert_eq!(whole("[1106513999"), Some(1..11));
        assert_eq!(whole("a audit(1106513999.12"), Some(8..18));
        assert_eq!(whole("xaudit(1106513999)"), None);
        assert_eq!(whole("[[1106513999]"), None);
        assert_eq!(whole("110651399999"), None);
        assert_eq!(whole("1106513999x"), None);
        assert_eq!(find("[1106513999", 2..11, false), None);
    }

    /// fail2ban's expressions: not long, and long.
    static WRITTEN: LazyLock<[Compiled; 2]> = LazyLock::new(|| {
        [false, true].map(|long| {
            let template = Template::epoch(&Traced::computed("EPOCH"), long);
            template.compile(&template.regex).unwrap()
        })
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn the_search_by_hand_is_equivalent(
            before in r"|\[|\[\[|x|audit\(|xaudit\(|\u{e9}audit\(|\[audit\(",
            number in r"[0-9]{9,18}|\u{661}[0-9]{9}",
            fraction in r"|\.|\.[0-9]{1,8}|x|\u{b2}|\.[0-9]{3}\u{e9}",
            after in r"|\]|:[0-9]\)| |_|audit\([0-9]{10}\.[0-9]{3}:1\)",
            from in 0..12_usize,
            to in 0..12_usize,
            long: bool,
        ) {
            let line = format!("{before}{number}{fraction}{after}");
            let (from, to) = (from, line.len().saturating_sub(to).max(from));
            prop_assume!(line.is_char_boundary(from) && line.is_char_boundary(to));
            let mut slots = Slots::default();
            let written = &WRITTEN[usize::from(long)];
            let found = written
                .pattern
                .captures(Haystack::new(&line), from..to, &mut slots)
                .unwrap();
            let by_hand = find(&line, from..to, long);
            prop_assert_eq!(slots.get(0).filter(|_| found), by_hand.clone());
            prop_assert_eq!(slots.get(1).filter(|_| found), by_hand);
        }
    }
}
