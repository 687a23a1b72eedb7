//! Values with a form of their own: switches, whole numbers, lists of words,
//! words as a shell would cut them.

use std::ops::Range;

use crate::config::place::blame;
use crate::error::{Detail, Error, ErrorKind};
use crate::ini::is_space;
use crate::traced::Traced;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("expected a whole number, found `{0}`")]
    Integer(String),
    #[error("no closing `{0}`")]
    Quote(char),
    #[error("nothing follows the backslash")]
    Backslash,
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::Integer(_) => "bad-integer",
            Problem::Quote(_) | Problem::Backslash => "unbalanced-quote",
        }
    }
}

/// Whether a switch is on. Anything that is not `1`, `on`, `true` or `yes`
/// is off.
pub(crate) fn switch(text: &str) -> bool {
    ["1", "on", "true", "yes"].contains(&text.to_lowercase().as_str())
}

/// A whole number as Python reads it: white space around, a sign, digits of
/// any script with single underscores between them. One that does not fit is
/// cut to the nearest that does.
pub(crate) fn integer(text: &Traced) -> Result<i64, Error> {
    parse_integer(text.as_str()).ok_or_else(|| {
        let problem = Problem::Integer(text.as_str().to_owned());
        blame(problem, text, 0..text.len())
    })
}

fn parse_integer(text: &str) -> Option<i64> {
    let text = text.trim_matches(is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number: i64 = 0;
    let mut after_digit = false;
    for c in digits.chars() {
        if c == '_' && after_digit {
            after_digit = false;
            continue;
        }
        let digit = i64::from(digit(c)?);
        let digit = if negative { -digit } else { digit };
        number = number.saturating_mul(10).saturating_add(digit);
        after_digit = true;
    }
    after_digit.then_some(number)
}

/// The value of a decimal digit of any script.
fn digit(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let before = ZEROS.partition_point(|&zero| zero <= u32::from(c));
    let digit = u32::from(c) - ZEROS.get(before.checked_sub(1)?)?;
    (digit < 10).then_some(digit)
}

/// The zeros of Unicode 14 beyond ASCII; the other digits follow each.
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The words between white space and commas.
pub(crate) fn split_words(text: &str) -> Vec<&str> {
    word_ranges(text).map(|range| &text[range]).collect()
}

/// Where the words between white space and commas are.
pub(crate) fn word_ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    text.split(|c| c == ',' || is_space(c))
        .filter_map(move |word| {
            let start = from;
            let end = start + word.len();
            from = end + text[end..].chars().next().map_or(0, char::len_utf8);
            (!word.is_empty()).then_some(start..end)
        })
}

/// The words of a line as a POSIX shell would cut them, without expansions.
pub(crate) fn shell_words(line: &Traced) -> Result<Vec<String>, Error> {
    let text = line.as_str();
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                let mut closed = false;
                while let Some((at, inner)) = chars.next() {
                    if inner == c {
                        closed = true;
                        break;
                    }
                    word.push(inner);
                    if c == '"' && inner == '\\' {
                        let Some((_, escaped)) = chars.next() else {
                            return Err(blame(Problem::Backslash, line, at..text.len()));
                        };
                        if matches!(escaped, '"' | '\\') {
                            word.pop();
                        }
                        word.push(escaped);
                    }
                }
                if !closed {
                    return Err(blame(Problem::Quote(c), line, at..text.len()));
                }
            }
            '\\' => {
                let Some((_, escaped)) = chars.next() else {
                    return Err(blame(Problem::Backslash, line, at..text.len()));
                };
                word.get_or_insert_default().push(escaped);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_all_measure_is_the_nearest() {
        assert_eq!(parse_integer(&"9".repeat(40)), Some(i64::MAX));
        assert_eq!(
            parse_integer(&format!("-{}", "9".repeat(40))),
            Some(i64::MIN)
        );
    }
}
