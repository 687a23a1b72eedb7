//! `<name>`: tags replaced in values that have been put together.
//!
//! There are no reserved names: `<HOST>` and `(?P<ip>` stay only because
//! nothing of that name is set. The order of the steps shows in the results,
//! and is fail2ban's.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::config::budget::Budget;
use crate::config::ordered::OrderedMap;
use crate::config::place::blame;
use crate::error::{Detail, Error, ErrorKind};
use crate::traced::Traced;

/// How often a tag may be replaced in a value; once more is a recursion.
const MAX_REPLACED: usize = 26;

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("`<{0}>` refers to itself")]
    Itself(String),
    #[error("`<{0}>` comes up again after {MAX_REPLACED} replacements")]
    TooOften(String),
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Reference
    }

    fn code(&self) -> &'static str {
        "tag-recursion"
    }
}

/// What stands beside the values when tags are replaced in them.
pub(crate) struct Surroundings<'a> {
    /// Names that are left alone, as keys and as tags.
    pub(crate) ignored: &'a HashSet<String>,
    /// Looks up a tag that is none of the values.
    pub(crate) find: &'a mut dyn FnMut(&str) -> Result<Option<Traced>, Error>,
    /// In which section a value was written, if in any.
    pub(crate) section: &'a dyn Fn(&str) -> Option<&'static str>,
    pub(crate) budget: &'a Budget,
}

/// Replaces the tags in all values by each other, and by what is found beyond
/// them.
///
/// # Errors
/// A tag that refers to itself, directly or through others, if that is found
/// out by replacing it; an error of `find`.
pub(crate) fn substitute(
    values: &mut OrderedMap<Traced>,
    around: Surroundings<'_>,
) -> Result<(), Error> {
    let keys: Vec<String> = values
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| !around.ignored.contains(key))
        .collect();
    let mut done = HashSet::new();
    // Kept from round to round only while a value has tags left.
    let mut counts: HashMap<&str, HashMap<String, usize>> = HashMap::new();
    loop {
        let mut again = false;
        for key in &keys {
            let Some(old) = values.get(key).filter(|_| !done.contains(key)) else {
                continue;
            };
            let kept = counts.remove(key.as_str());
            let was_kept = kept.is_some();
            let mut replacing = Replacing {
                key,
                ignored: around.ignored,
                replaced: kept.unwrap_or_default(),
                budget: around.budget,
            };
            let value = replacing
                .run(old, &mut |name| match values.get(name) {
                    Some(value) => Ok(Some(value.clone())),
                    None => (around.find)(name),
                })
                .map_err(|error| match (around.section)(key) {
                    Some(section) => {
                        let option = key.strip_prefix("known/").unwrap_or(key);
                        error.in_option(section, option, None)
                    }
                    None => error,
                })?;
            let more = value != *old && next_tag(value.as_str(), 0).is_some();
            again |= more;
            if more || was_kept {
                counts.insert(key, replacing.replaced);
            }
            if !value.as_str().contains('<') {
                done.insert(key);
            }
            values.insert(key.as_str(), value);
        }
        if !again {
            return Ok(());
        }
    }
}

/// Replaces the tags in one value.
struct Replacing<'a> {
    key: &'a str,
    ignored: &'a HashSet<String>,
    /// How often each tag was replaced.
    replaced: HashMap<String, usize>,
    budget: &'a Budget,
}

impl Replacing<'_> {
    /// Goes on until none is left that can be replaced.
    fn run(
        &mut self,
        value: &Traced,
        find: &mut dyn FnMut(&str) -> Result<Option<Traced>, Error>,
    ) -> Result<Traced, Error> {
        let mut value = value.clone();
        let mut from = 0;
        while let Some(tag) = next_tag(value.as_str(), from) {
            let name = &value.as_str()[tag.start + 1..tag.end - 1];
            if self.ignored.contains(name) {
                from = tag.end;
                continue;
            }
            let count = self.replaced.get(name).copied().unwrap_or(0);
            if name == self.key {
                let problem = Problem::Itself(name.to_owned());
                return Err(blame(problem, &value, tag));
            }
            if count >= MAX_REPLACED {
                let problem = Problem::TooOften(name.to_owned());
                return Err(in_text(Error::new(problem), &value, tag));
            }
            let Some(by) = find(name)? else {
                from = tag.end;
                continue;
            };
            self.replaced.insert(name.to_owned(), count + 1);
            let written = &value.as_str()[tag.clone()];
            let times = value.as_str().matches(written).count();
            let made = value.weight() + times.saturating_mul(by.weight());
            self.budget
                .spend(made, made)
                .map_err(|error| in_text(error, &value, tag.clone()))?;
            let earlier = value.as_str()[..tag.start].contains(written);
            let ahead = value.as_str()[..tag.start].chars().count();
            value = value.replace(written, &by);
            from = tag.start;
            if earlier {
                // The search goes on at the same character, whatever now
                // stands there.
                let mut starts = value.as_str().char_indices().map(|(at, _)| at);
                from = starts.nth(ahead).unwrap_or(value.len());
            }
        }
        Ok(value)
    }
}

/// The first tag at or after a place: what stands between `<` and `>`
/// without a space or another bracket.
fn next_tag(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let start = at + text[at..].find('<')?;
        let name = start + 1;
        let end = name + text[name..].find([' ', '<', '>'])?;
        if end > name && text[end..].starts_with('>') {
            return Some(start..end + 1);
        }
        at = if text[end..].starts_with('<') {
            end
        } else {
            end + 1
        };
    }
}

/// Without the way that led there: it may go round a circle many times.
fn in_text(error: Error, text: &Traced, range: Range<usize>) -> Error {
    match text.origin(range) {
        Some(origin) => error.at(origin.span().clone()),
        None => error,
    }
}
