//! The grammar of `name[option=value, other="a, b"]`, and of lists of such.
//!
//! Both follow fail2ban's own reading to the letter, which is stricter than
//! it looks: no white space before `=`, none between a closing quote and the
//! comma.

use std::collections::HashSet;
use std::ops::Range;

use crate::config::layers::is_word;
use crate::config::ordered::OrderedMap;
use crate::config::place::blame;
use crate::error::{Detail, Error, ErrorKind};
use crate::ini::is_space;
use crate::traced::Traced;

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("expected `name` or `name[option=value, ...]`, found nothing")]
    NoName,
    #[error("expected `name` or `name[option=value, ...]`, found no closing `]` at the end")]
    NoBracket,
    #[error("expected `option=value`, found `{0}`")]
    NoOption(String),
    #[error("expected `,` or `]` after the value of `{option}`, found `{found}`")]
    AfterValue { option: String, found: String },
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        "bad-filter-options"
    }

    fn help(&self) -> Option<String> {
        match self {
            Problem::NoOption(found) if found.contains(" =") => {
                Some("there must be no white space before `=`".into())
            }
            Problem::AfterValue { .. } => {
                Some("there must be nothing between a closing quote and `,` or `]`".into())
            }
            _ => None,
        }
    }
}

/// Cuts `name[option=value, ...]` into the name, untrimmed, and the options.
/// Of an option given twice the last value counts.
///
/// # Errors
/// At the first character that does not fit.
pub(crate) fn extract(text: &Traced) -> Result<(Traced, OrderedMap<Traced>), Error> {
    let full = text.as_str();
    let name_end = full.find('[').unwrap_or(full.len());
    if name_end == 0 {
        return Err(blame(Problem::NoName, text, 0..full.len()));
    }
    let name = text.slice(0..name_end);
    let mut options = OrderedMap::default();
    if name_end == full.len() {
        return Ok((name, options));
    }
    let end = full.trim_end_matches(is_space).len();
    if end == name_end + 1 || !full[..end].ends_with(']') {
        return Err(blame(Problem::NoBracket, text, name_end..end));
    }
    let inner = name_end + 1..end - 1;
    let mut at = inner.start;
    loop {
        let rest = &full[at..inner.end];
        let blank = rest.strip_prefix(',').unwrap_or(rest);
        let Some(key) = key_at(rest) else {
            if blank.chars().all(is_space) {
                return Ok((name, options));
            }
            let start = at + leading_space(rest);
            let problem = Problem::NoOption(excerpt(&full[start..inner.end]));
            return Err(blame(problem, text, start..inner.end));
        };
        let value = value_at(rest, key.end + 1);
        let after = &rest[value.end..];
        let Some(separator) = separator(after) else {
            let problem = Problem::AfterValue {
                option: rest[key].to_owned(),
                found: excerpt(after),
            };
            return Err(blame(problem, text, at + value.end..inner.end));
        };
        let part = text.slice(at + value.start..at + value.text_end);
        options.insert(&rest[key], part.trim_matches(is_space));
        at += value.end + separator;
    }
}

/// A key with its `=` at the start of a text, white space before it allowed.
fn key_at(text: &str) -> Option<Range<usize>> {
    let start = leading_space(text);
    let end = start + key_length(&text[start..]);
    if end == start {
        return None;
    }
    if text[end..].starts_with('?') {
        let word = end + 1 + key_length(&text[end + 1..]);
        if word > end + 1 && text[word..].starts_with('=') {
            let last = word + 1 + key_length(&text[word + 1..]);
            if last > word + 1 && text[last..].starts_with('=') {
                return Some(start..last);
            }
        }
        return None;
    }
    text[end..].starts_with('=').then_some(start..end)
}

fn key_length(text: &str) -> usize {
    text.find(|c| !is_word(c) && c != '-' && c != '.')
        .unwrap_or(text.len())
}

fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_space).len()
}

struct Value {
    start: usize,
    text_end: usize,
    /// Behind the closing quote, if there is one.
    end: usize,
}

fn value_at(text: &str, start: usize) -> Value {
    if let Some(length) = quoted(&text[start..]) {
        return Value {
            start: start + 1,
            text_end: start + length - 1,
            end: start + length,
        };
    }
    let rest = &text[start..];
    let end = start + rest.find([',', ']']).unwrap_or(rest.len());
    Value {
        start,
        text_end: end,
        end,
    }
}

/// The length of the quoted text at the start, both quotes included. Quotes
/// cannot be escaped.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| ['"', '\''].contains(c))?;
    Some(text[1..].find(quote)? + 2)
}

/// The length of what separates two options, if it is there: a comma, the
/// brackets between two groups, or the end.
fn separator(text: &str) -> Option<usize> {
    if text.is_empty() || text == "\n" {
        return Some(0);
    }
    if text.starts_with(',') {
        return Some(1);
    }
    let gap = text.strip_prefix(']')?;
    let space = leading_space(gap);
    gap[space..].starts_with('[').then_some(1 + space + 1)
}

/// Cuts a list of `name[options]` at white space outside of the brackets.
/// The parts are not trimmed.
///
/// Where the brackets are not well formed they do not protect: `a[x y]` is
/// two parts.
pub(crate) fn split(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut at = leading_space(text);
    while at < text.len() {
        let end = Splitter::new(text).part(at);
        parts.push(at..end);
        at = end + leading_space(&text[end..]);
    }
    parts
}

/// Tries to read one part; where a choice leads nowhere, the next is tried.
struct Splitter<'a> {
    text: &'a str,
    /// Where reading options has failed before.
    failed: HashSet<usize>,
    steps: usize,
}

impl<'a> Splitter<'a> {
    /// Hostile text only needs more.
    const MAX_STEPS: usize = 100_000;
    const MAX_DEPTH: usize = 1000;

    fn new(text: &'a str) -> Splitter<'a> {
        Splitter {
            text,
            failed: HashSet::new(),
            steps: 0,
        }
    }

    fn part(&mut self, start: usize) -> usize {
        let text = self.text;
        let run = |stop: fn(char) -> bool| {
            let rest = &text[start..];
            start + rest.find(stop).unwrap_or(rest.len())
        };
        let word = run(|c| c == '[' || is_space(c));
        if word > start {
            let bracket = self.skip_space(word);
            if text[bracket..].starts_with('[') {
                let first = self.skip_space(bracket + 1);
                if let Some(end) = self.options(first, 0) {
                    return end;
                }
            }
            if let Some(end) = self.ending(word) {
                return end;
            }
        }
        run(is_space)
    }

    /// From the start of an option, or of the closing bracket, to the end of
    /// the part.
    fn options(&mut self, at: usize, depth: usize) -> Option<usize> {
        self.steps += 1;
        if depth > Self::MAX_DEPTH || self.steps > Self::MAX_STEPS || self.failed.contains(&at) {
            return None;
        }
        let end = self.option(at, depth).or_else(|| {
            let closed = self.text[at..].starts_with(']').then_some(at + 1)?;
            self.ending(closed)
        });
        if end.is_none() {
            self.failed.insert(at);
        }
        end
    }

    fn option(&mut self, at: usize, depth: usize) -> Option<usize> {
        let text = self.text;
        let rest = &text[at..];
        let key = key_at(rest).filter(|key| key.start == 0)?;
        let value = at + key.end + 1;
        if let Some(length) = quoted(&text[value..])
            && let Some(end) = self.after_value(value + length, depth)
        {
            return Some(end);
        }
        let plain = &text[value..];
        let longest = plain.find([',', ']']).unwrap_or(plain.len());
        (0..=longest)
            .rev()
            .filter(|&length| plain.is_char_boundary(length))
            .find_map(|length| {
                self.steps += 1;
                (self.steps <= Self::MAX_STEPS)
                    .then(|| self.after_value(value + length, depth))
                    .flatten()
            })
    }

    fn after_value(&mut self, end: usize, depth: usize) -> Option<usize> {
        let text = self.text;
        let at = self.skip_space(end);
        if text[at..].starts_with(',') {
            return self.options(self.skip_space(at + 1), depth + 1);
        }
        if let Some(gap) = text[at..].strip_prefix(']') {
            let bracket = at + 1 + leading_space(gap);
            if text[bracket..].starts_with('[')
                && let Some(end) = self.options(self.skip_space(bracket + 1), depth + 1)
            {
                return Some(end);
            }
        }
        self.options(at, depth + 1)
    }

    /// The end of a part that is complete here: white space must follow, the
    /// last of which is left over, or nothing at all.
    fn ending(&self, at: usize) -> Option<usize> {
        let end = self.skip_space(at);
        if end == self.text.len() {
            return Some(end);
        }
        let last = self.text[at..end].chars().next_back()?;
        Some(end - last.len_utf8())
    }

    fn skip_space(&self, at: usize) -> usize {
        at + leading_space(&self.text[at..])
    }
}

fn excerpt(text: &str) -> String {
    const ENOUGH: usize = 25;
    text.chars().take(ENOUGH).collect()
}
