//! Compiled expressions.

use std::ops::Range;

use regex_automata::Input;
use regex_automata::meta;
use regex_automata::util::syntax;

use super::LimitReached;
use super::emit::{END_MARK, Form, Script};
use super::haystack::Slots;

/// The largest linear program. Expressions are refused long before.
const MAX_PROGRAM_BYTES: usize = 128 << 20;

/// After so many steps a backtracking search gives up.
const MAX_STEPS: usize = 1_000_000;

/// A compiled expression for one kind of texts.
pub(super) struct Program {
    matcher: Matcher,
    /// For each group of the matcher, the Python group it stands for.
    groups: Vec<usize>,
    group_count: usize,
    ascii: bool,
}

enum Matcher {
    Linear(meta::Regex),
    Backtracking {
        regex: fancy_regex::Regex,
        /// Finds something wherever `regex` does. What it rules out costs
        /// linear time.
        guard: Option<meta::Regex>,
    },
}

impl Program {
    /// Compiles a script for the engine it was written for: the backtracking
    /// one if it comes with a guard.
    pub(super) fn new(
        script: Script,
        guard: Option<Script>,
        form: Form,
        group_count: usize,
    ) -> Option<Program> {
        let ascii = form == Form::Ascii;
        let matcher = match guard {
            None => Matcher::Linear(linear(&script.text, ascii)?),
            Some(guard) => {
                let mut builder = fancy_regex::RegexOptionsBuilder::new();
                builder
                    .backtrack_limit(MAX_STEPS)
                    .delegate_size_limit(MAX_PROGRAM_BYTES);
                if ascii {
                    builder.bytes_mode(fancy_regex::BytesMode::Ascii);
                }
                Matcher::Backtracking {
                    regex: builder.build(script.text).ok()?,
                    guard: linear(&guard.text, ascii),
                }
            }
        };
        Some(Program {
            matcher,
            groups: script.groups,
            group_count,
            ascii,
        })
    }

    pub(super) fn captures(
        &self,
        text: &str,
        range: Range<usize>,
        slots: &mut Slots,
    ) -> Result<bool, LimitReached> {
        let text = &text[..range.end];
        slots.clear(self.group_count);
        match &self.matcher {
            Matcher::Linear(regex) => {
                slots.raw.clear();
                slots.raw.resize(self.groups.len() * 2, None);
                let input = Input::new(text).range(range);
                let found = regex.search_slots(&input, &mut slots.raw).is_some();
                if found {
                    for (index, &group) in self.groups.iter().enumerate() {
                        let (start, end) = (slots.raw[2 * index], slots.raw[2 * index + 1]);
                        if let (Some(start), Some(end)) = (start, end) {
                            set(slots, group, start.get(), end.get());
                        }
                    }
                }
                Ok(found)
            }
            Matcher::Backtracking { guard, .. } if !may_match(guard, text, &range) => Ok(false),
            Matcher::Backtracking { regex, .. } if self.ascii => {
                let found = regex.captures_from_pos(text.as_bytes(), range.start);
                let Some(captures) = found.map_err(|_| LimitReached)? else {
                    return Ok(false);
                };
                for (index, &group) in self.groups.iter().enumerate() {
                    if let Some(found) = captures.get(index) {
                        set(slots, group, found.start(), found.end());
                    }
                }
                Ok(true)
            }
            Matcher::Backtracking { regex, .. } => {
                let found = regex.captures_from_pos(text, range.start);
                let Some(captures) = found.map_err(|_| LimitReached)? else {
                    return Ok(false);
                };
                for (index, &group) in self.groups.iter().enumerate() {
                    if let Some(found) = captures.get(index) {
                        set(slots, group, found.start(), found.end());
                    }
                }
                Ok(true)
            }
        }
    }

    pub(super) fn is_match(&self, text: &str, range: Range<usize>) -> Result<bool, LimitReached> {
        let text = &text[..range.end];
        let found = match &self.matcher {
            Matcher::Linear(regex) => {
                return Ok(regex.is_match(Input::new(text).range(range)));
            }
            Matcher::Backtracking { guard, .. } if !may_match(guard, text, &range) => {
                return Ok(false);
            }
            Matcher::Backtracking { regex, .. } if self.ascii => regex
                .find_from_pos(text.as_bytes(), range.start)
                .map(|found| found.is_some()),
            Matcher::Backtracking { regex, .. } => regex
                .find_from_pos(text, range.start)
                .map(|found| found.is_some()),
        };
        found.map_err(|_| LimitReached)
    }
}

fn linear(text: &str, ascii: bool) -> Option<meta::Regex> {
    let syntax = syntax::Config::new()
        .unicode(!ascii)
        .utf8(!ascii)
        .nest_limit(u32::MAX);
    let config = meta::Config::new()
        .utf8_empty(!ascii)
        .nfa_size_limit(Some(MAX_PROGRAM_BYTES));
    meta::Builder::new()
        .syntax(syntax)
        .configure(config)
        .build(text)
        .ok()
}

fn may_match(guard: &Option<meta::Regex>, text: &str, range: &Range<usize>) -> bool {
    guard
        .as_ref()
        .is_none_or(|guard| guard.is_match(Input::new(text).range(range.clone())))
}

fn set(slots: &mut Slots, group: usize, start: usize, end: usize) {
    if group == END_MARK {
        slots.end_at(end);
    } else {
        slots.set(group, start, end);
    }
}
