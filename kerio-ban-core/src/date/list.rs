//! From the option `datepattern` to a list of templates.
//!
//! fail2ban keeps every template it has made under the text it was made from,
//! and hands out the same object again. That has effects within one value
//! (two spellings of one entry are one template, whose weight may change
//! later), so the same is done here, for the length of one value.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::bounds::Begin;
use super::defaults::DEFAULT_PATTERNS;
use super::error::DateError;
use super::number::is_python_space;
use super::place::{concat, standing};
use super::template::{LINE_BEGIN, Template, epoch_marks};
use super::tokens::Tokens;
use crate::error::Error;
use crate::traced::Traced;

/// How much more a hit of an anchored copy of a default template counts.
const ANCHORED_FACTOR: f64 = 100.0;

/// The templates of a filter, in their first order. Immutable; cloning is
/// cheap.
#[derive(Clone)]
pub(crate) struct DateTemplates(Arc<Inner>);

struct Inner {
    templates: Vec<Template>,
    by_default: bool,
}

impl DateTemplates {
    /// The templates for a value of `datepattern`: one entry for each line.
    /// Without a value or an entry, the default ones. `start_year` is the
    /// local year when the process was started; the years that `%ExY` takes
    /// depend on it.
    ///
    /// Expressions are compiled when they are first used, as in fail2ban, so
    /// an unclosed group is not an error here; see [`DateTemplates::check`].
    ///
    /// # Errors
    ///
    /// For an unknown token, and for two entries with one display name.
    pub(crate) fn new(
        datepattern: Option<&Traced>,
        start_year: i32,
    ) -> Result<DateTemplates, Error> {
        let mut builder = Builder::new(start_year);
        for line in datepattern.map(Traced::split_lines).unwrap_or_default() {
            let entry = line.trim_matches(is_python_space);
            if !entry.is_empty() {
                builder.entry(&entry)?;
            }
        }
        let by_default = builder.list.is_empty();
        if by_default {
            builder.defaults(&Traced::default(), |_| true)?;
        }
        Ok(DateTemplates(Arc::new(Inner {
            templates: builder.finish(),
            by_default,
        })))
    }

    /// Compiles every expression.
    ///
    /// # Errors
    ///
    /// The first expression that does not compile. fail2ban would load it and
    /// then fail on every line.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for template in &self.0.templates {
            template.compiled().map_err(Error::clone)?;
        }
        Ok(())
    }

    /// Pattern, if it has one, and display name of the first entry. `None` for
    /// the default templates and, as fail2ban has it, for more than two.
    pub(crate) fn shown(&self) -> Option<(Option<&str>, &str)> {
        match self.templates() {
            [first] | [first, _] => Some((first.pattern.as_deref(), &first.name)),
            _ => None,
        }
    }

    /// Whether these are the default templates because nothing else was
    /// asked for.
    pub(crate) fn is_default(&self) -> bool {
        self.0.by_default
    }

    pub(super) fn templates(&self) -> &[Template] {
        &self.0.templates
    }
}

impl fmt::Debug for DateTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.templates().iter().map(|template| &template.name);
        f.debug_list().entries(names).finish()
    }
}

struct Builder {
    tokens: Tokens,
    /// Everything made so far, in the list or not.
    made: Vec<Template>,
    /// Index in `made`, by the text it was made from.
    by_key: HashMap<String, usize>,
    defaults: Vec<usize>,
    /// The anchored copies and the default templates.
    all_defaults: Vec<usize>,
    list: Vec<usize>,
    names: HashMap<String, Traced>,
}

impl Builder {
    fn new(start_year: i32) -> Builder {
        Builder {
            tokens: Tokens::new(start_year),
            made: Vec::new(),
            by_key: HashMap::new(),
            defaults: Vec::new(),
            all_defaults: Vec::new(),
            list: Vec::new(),
            names: HashMap::new(),
        }
    }

    fn finish(self) -> Vec<Template> {
        let listed: HashSet<usize> = self.list.iter().copied().collect();
        let mut made: HashMap<usize, Template> = self
            .made
            .into_iter()
            .enumerate()
            .filter(|(index, _)| listed.contains(index))
            .collect();
        self.list
            .iter()
            .filter_map(|index| made.remove(index))
            .collect()
    }

    /// One line of the value.
    fn entry(&mut self, entry: &Traced) -> Result<(), Error> {
        let key = key(entry);
        let template = match self.by_key.get(&key) {
            Some(&made) => made,
            // Meant to add all, but none passes.
            None if key == "{DEFAULT}" => return self.defaults(entry, |_| false),
            None if key == LINE_BEGIN => return self.defaults(entry, |t| t.anchored),
            None if key.contains("{DATE}") => return self.dates(entry),
            None if key == "{NONE}" => {
                let empty = standing("{UNB}^", entry, 0..entry.len());
                self.make(&empty, Some(key))?
            }
            None => self.make(entry, Some(key))?,
        };
        self.append(template, entry, false)
    }

    /// All default templates that pass.
    fn defaults(&mut self, entry: &Traced, pass: impl Fn(&Template) -> bool) -> Result<(), Error> {
        let skip_known = !self.list.is_empty();
        for template in self.all_defaults()? {
            if pass(&self.made[template]) {
                self.append(template, entry, skip_known)?;
            }
        }
        Ok(())
    }

    /// One template for each default one, with that in place of `{DATE}`.
    fn dates(&mut self, entry: &Traced) -> Result<(), Error> {
        let skip_known = !self.list.is_empty();
        for template in self.default_templates()? {
            let made = self.wrapped(template, |text| replace_date(entry, text));
            // A message should show what was typed, without the default.
            let made = made.map_err(|error| self.tokens.expand(entry).err().unwrap_or(error))?;
            self.append(made, entry, skip_known)?;
        }
        Ok(())
    }

    fn append(&mut self, template: usize, entry: &Traced, skip_known: bool) -> Result<(), Error> {
        let name = &self.made[template].name;
        if let Some(first) = self.names.get(name) {
            if skip_known {
                return Ok(());
            }
            let mut error = Error::new(DateError::Duplicate(name.clone()));
            if let Some(first) = first.origin(0..first.len()) {
                error = error.label(first.span().clone(), "the first one");
            }
            return Err(match entry.origin(0..entry.len()) {
                Some(origin) => error.at(origin),
                None => error,
            });
        }
        self.names.insert(name.clone(), entry.clone());
        self.list.push(template);
        Ok(())
    }

    fn default_templates(&mut self) -> Result<Vec<usize>, Error> {
        if self.defaults.is_empty() {
            for pattern in DEFAULT_PATTERNS {
                let template = self.make(&Traced::computed(pattern), None)?;
                self.defaults.push(template);
            }
        }
        Ok(self.defaults.clone())
    }

    /// Copies tied to the start of the line of those that are not, then all
    /// default templates.
    fn all_defaults(&mut self) -> Result<Vec<usize>, Error> {
        if self.all_defaults.is_empty() {
            let defaults = self.default_templates()?;
            for &template in &defaults {
                let name = &self.made[template].name;
                if name.starts_with(LINE_BEGIN) || name.starts_with('^') {
                    continue;
                }
                let copy = self.wrapped(template, |text| {
                    Traced::computed(format!("{LINE_BEGIN}{text}"))
                })?;
                self.made[copy].factor = ANCHORED_FACTOR;
                self.all_defaults.push(copy);
            }
            self.all_defaults.extend(defaults);
        }
        Ok(self.all_defaults.clone())
    }

    /// A default template with its pattern changed by `wrap`; of a template
    /// that has no pattern, the name.
    fn wrapped(&mut self, template: usize, wrap: impl Fn(&str) -> Traced) -> Result<usize, Error> {
        let template = &self.made[template];
        let name = wrap(&template.name);
        if let Some(&made) = self.by_key.get(name.as_str()) {
            return Ok(made);
        }
        match &template.pattern {
            Some(pattern) => self.make(&wrap(pattern), None),
            None => self.make(&name, None),
        }
    }

    /// The template for a text, made if it is not there yet.
    fn make(&mut self, text: &Traced, given_key: Option<String>) -> Result<usize, Error> {
        let key = given_key.unwrap_or_else(|| key(text));
        if let Some(&made) = self.by_key.get(&key) {
            return Ok(made);
        }
        let template = if key.contains("EPOCH") && !epoch_marks(text.as_str()).is_empty() {
            Template::epoch_in(text, key.contains("LEPOCH"))
        } else {
            match key.as_str() {
                "EPOCH" => Template::epoch(text, false),
                "LEPOCH" => Template::epoch(text, true),
                "{^LN-BEG}EPOCH" | "^EPOCH" => Template::epoch_at_line_begin(text, false),
                "{^LN-BEG}LEPOCH" | "^LEPOCH" => Template::epoch_at_line_begin(text, true),
                "TAI64N" => Template::tai64n(text, Begin::Anywhere),
                "{^LN-BEG}TAI64N" | "^TAI64N" => Template::tai64n(text, Begin::Line),
                _ => Template::fields(&self.tokens, text)?,
            }
        };
        self.made.push(template);
        self.by_key.insert(key, self.made.len() - 1);
        Ok(self.made.len() - 1)
    }
}

/// What a template is known by: its text, in capitals if there are no tokens
/// in it.
fn key(pattern: &Traced) -> String {
    let text = pattern.as_str();
    if text.contains('%') {
        text.to_owned()
    } else {
        text.to_uppercase()
    }
}

/// The entry with a default pattern or its name in place of `{DATE}`.
fn replace_date(entry: &Traced, date: &str) -> Traced {
    const MARK: &str = "{DATE}";
    let date = date.strip_prefix(LINE_BEGIN).unwrap_or(date);
    let text = entry.as_str();
    let mut out = Traced::default();
    let mut done = 0;
    for (start, _) in text.match_indices('{') {
        let end = start + MARK.len();
        let is_mark = text
            .as_bytes()
            .get(start..end)
            .is_some_and(|found| found.eq_ignore_ascii_case(MARK.as_bytes()));
        if is_mark && !text[..start].ends_with('\\') {
            out = concat([
                &out,
                &entry.slice(done..start),
                &standing(date, entry, start..end),
            ]);
            done = end;
        }
    }
    concat([&out, &entry.slice(done..text.len())])
}

#[cfg(test)]
mod tests;
