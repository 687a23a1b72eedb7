//! `%(name)s`: references resolved while a value is fetched.
//!
//! Whatever is found is expanded in the section that was asked, not in the
//! one it was found in, and is not scanned again.

use std::collections::HashMap;

use crate::config::budget::Budget;
use crate::config::layers::{self, Layers, is_word};
use crate::config::ordered::OrderedMap;
use crate::config::place::{self, blame};
use crate::error::{Detail, Error, ErrorKind};
use crate::ini::DEFAULT;
use crate::traced::Traced;

/// How many values with a `%` may be nested, the one asked for included.
const MAX_DEPTH: usize = 10;

/// Values that go before those of any section, by lower-case names. `None` is
/// a number that could not be read, which must not be referred to.
pub(crate) type Vars = OrderedMap<Option<Traced>>;

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("expected `%%` or `%(name)s`, found `{0}`")]
    Syntax(String),
    #[error("`{reference}`: {why}")]
    Missing { reference: String, why: String },
    #[error("`{0}` leads through more than {MAX_DEPTH} values with references")]
    Depth(String),
    #[error("`%({0})s` is not text but a number or nothing, so it cannot be put into a value")]
    Type(String),
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Reference
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::Syntax(_) => "interp-syntax",
            Problem::Missing { .. } => "interp-missing",
            Problem::Depth(_) => "interp-depth",
            Problem::Type(_) => "type-error",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Problem::Syntax(_) => Some("a percent sign itself is written `%%`".into()),
            _ => None,
        }
    }
}

/// Where names are looked up: the given values, a section, `[DEFAULT]`.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) layers: &'a Layers,
    pub(crate) section: &'a str,
    pub(crate) vars: &'a Vars,
    pub(crate) budget: &'a Budget,
}

impl<'a> Scope<'a> {
    /// An option with its references resolved. `None` if neither the section
    /// nor `[DEFAULT]` has it, or if there is no such section.
    ///
    /// # Errors
    /// `interp-syntax`, `interp-missing` and `interp-depth`, at the reference.
    pub(crate) fn get(&self, option: &str) -> Result<Option<Traced>, Error> {
        if self.section != DEFAULT && !self.layers.has_section(self.section) {
            return Ok(None);
        }
        let Some(Found::Text(raw)) = self.raw(&option.to_lowercase()) else {
            return Ok(None);
        };
        self.expand(raw, &Names::default(), 1)
            .map(Some)
            .map_err(|error| error.in_option(self.section, option, None))
    }

    fn raw(&self, option: &str) -> Option<Found<'a>> {
        if let Some(value) = self.vars.get(option) {
            return Some(value.as_ref().map_or(Found::NoText, Found::Text));
        }
        if self.layers.is_converted(self.section, option) {
            return Some(Found::NoText);
        }
        self.layers.written(self.section, option).map(Found::Text)
    }

    fn expand(&self, text: &Traced, outer: &Names<'_>, depth: usize) -> Result<Traced, Error> {
        if !text.as_str().contains('%') {
            return Ok(text.clone());
        }
        let names = self.qualified_names(text.as_str(), outer);
        let mut out = Traced::default();
        let mut weight = 0;
        let mut rest = 0;
        while let Some(found) = text.as_str()[rest..].find('%') {
            let at = rest + found;
            out.push(&text.slice(rest..at));
            if text.as_str()[at..].starts_with("%%") {
                out.push(&text.slice(at..at + 1));
                rest = at + 2;
                continue;
            }
            let Some(length) = reference(&text.as_str()[at..]) else {
                return Err(syntax(text, at));
            };
            let range = at..at + length;
            let fail = |problem| blame(problem, text, range.clone());
            let name = &text.as_str()[at + 2..range.end - 2];
            let value = self
                .resolve(&name.to_lowercase(), &names)
                .map_err(fail)?
                .ok_or_else(|| self.missing(fail(self.why_missing(name))))?
                .through(text, range.clone());
            let value = if !value.as_str().contains('%') {
                value
            } else if depth < MAX_DEPTH {
                self.expand(&value, &names, depth + 1)?
            } else {
                return Err(fail(Problem::Depth(
                    text.as_str()[range.clone()].to_owned(),
                )));
            };
            weight += value.weight();
            let paid = self.budget.spend(value.weight(), weight);
            paid.map_err(|error| place::at(error, text, range.clone()))?;
            out.push(&value);
            rest = range.end;
        }
        out.push(&text.slice(rest..text.len()));
        Ok(out)
    }

    fn resolve(&self, name: &str, names: &Names<'_>) -> Result<Option<Traced>, Problem> {
        if name == "__name__" {
            return Ok(Some(Traced::computed(self.section)));
        }
        match names.get(name).or_else(|| self.raw(name)) {
            Some(Found::Text(text)) => Ok(Some(text.clone())),
            Some(Found::NoText) => Err(Problem::Type(name.to_owned())),
            None => Ok(None),
        }
    }

    /// What the names of the form `section/option` in a text mean. They stay
    /// known in the values below it.
    ///
    /// Sections and options are looked up as written, the result under the
    /// lower-case name: one with a capital letter can never be found.
    fn qualified_names<'n>(&'n self, text: &str, outer: &'n Names<'n>) -> Names<'n> {
        let mut names = Names {
            outer: Some(outer),
            own: HashMap::new(),
        };
        for (name, section) in qualified(text) {
            let known = names.get(name).is_some() || self.raw(name).is_some();
            if known || name == "__name__" || name.to_lowercase() != name {
                continue;
            }
            let option = &name[section.len() + 1..];
            let value = match section {
                "default" => None,
                "known" => {
                    let before = self.layers.section(&layers::known(self.section));
                    before.and_then(|options| options.get(option))
                }
                section => match self.layers.section(section) {
                    Some(_) if self.layers.is_converted(section, option) => {
                        names.own.insert(name.to_owned(), Found::NoText);
                        continue;
                    }
                    Some(options) => options.get(option),
                    None => continue,
                },
            };
            if let Some(value) = value.or_else(|| self.layers.defaults().get(option)) {
                names.own.insert(name.to_owned(), Found::Text(value));
            }
        }
        names
    }

    fn missing(&self, error: Error) -> Error {
        let include = "this include was not found";
        self.layers
            .missing
            .iter()
            .fold(error, |error, span| error.label(span.clone(), include))
    }

    fn why_missing(&self, name: &str) -> Problem {
        let reference = format!("%({name})s");
        let why = match name.split_once('/') {
            Some((section, _)) if section.to_lowercase() != section => format!(
                "section [{section}] cannot be referred to, \
                 because names are looked up in lower case"
            ),
            Some(("default", option)) => format!("option `{option}` is not set in [DEFAULT]"),
            Some(("known", option)) => format!(
                "option `{option}` of [{}] has no earlier value and is not set in [DEFAULT]",
                self.section
            ),
            Some((section, _)) if !self.layers.has_section(section) => {
                format!("there is no section [{section}]")
            }
            Some((section, option)) => {
                format!("option `{option}` is not set in [{section}] or [DEFAULT]")
            }
            None if self.section == DEFAULT => format!("option `{name}` is not set in [DEFAULT]"),
            None => format!(
                "option `{name}` is not set in [{}] or [DEFAULT]",
                self.section
            ),
        };
        Problem::Missing { reference, why }
    }
}

/// What is there under a name.
#[derive(Clone, Copy)]
enum Found<'a> {
    Text(&'a Traced),
    NoText,
}

/// Names of the form `section/option` that the texts on the way mention.
#[derive(Default)]
struct Names<'a> {
    outer: Option<&'a Names<'a>>,
    own: HashMap<String, Found<'a>>,
}

impl Names<'_> {
    fn get(&self, name: &str) -> Option<Found<'_>> {
        match self.own.get(name) {
            Some(value) => Some(*value),
            None => self.outer?.get(name),
        }
    }
}

/// The length of the reference that a text starts with.
fn reference(text: &str) -> Option<usize> {
    let name = text.strip_prefix("%(")?;
    let close = name.find(')')?;
    (close > 0 && name[close..].starts_with(")s")).then_some(2 + close + 2)
}

/// The names of the form `section/option` in a text, with their sections.
fn qualified(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut from = 0;
    // The next parenthesis is remembered: searching it anew for every `%(`
    // would take quadratic time.
    let mut close = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find("%(")? + 2;
            from = start;
            if close < start {
                close = start + text[start..].find(')')?;
            }
            let name = &text[start..close];
            let section = name
                .split(|c| !is_word(c) && c != '-')
                .next()
                .unwrap_or(name);
            let option = name[section.len()..].strip_prefix('/').unwrap_or_default();
            if !section.is_empty() && !option.is_empty() && text[close..].starts_with(")s") {
                from = close + 2;
                return Some((name, section));
            }
        }
    })
}

fn syntax(text: &Traced, at: usize) -> Error {
    const ENOUGH: usize = 12;
    let rest = &text.as_str()[at..];
    let line = rest.split('\n').next().unwrap_or(rest);
    let end = line
        .char_indices()
        .nth(ENOUGH)
        .map_or(line.len(), |(end, _)| end);
    blame(Problem::Syntax(line[..end].to_owned()), text, at..at + end)
}
