//! The settings of a filter, resolved.

use crate::config::definition::{Definition, LOGTYPE};
use crate::config::ordered::OrderedMap;
use crate::config::values;
use crate::error::Error;
use crate::source::{Source, Span};
use crate::traced::Traced;

/// The options that make a filter. Any other is only a variable.
pub(crate) const OPTIONS: [&str; 7] = [
    "usedns",
    "prefregex",
    "ignoreregex",
    "failregex",
    "maxlines",
    "datepattern",
    "journalmatch",
];

/// What a filter's files and parameters come to: all `%(name)s` and `<name>`
/// that refer to configuration are resolved, tags like `<HOST>` are not yet
/// expressions.
#[derive(Clone, Debug)]
pub struct FilterConfig {
    pub(crate) name: String,
    pub(crate) failregex: Vec<Traced>,
    pub(crate) ignoreregex: Vec<Traced>,
    pub(crate) prefregex: Option<Traced>,
    pub(crate) maxlines: Option<(i64, Traced)>,
    pub(crate) datepattern: Option<Traced>,
    pub(crate) usedns: Option<Traced>,
    pub(crate) journalmatch: Vec<Vec<String>>,
    pub(crate) values: OrderedMap<Traced>,
    pub(crate) parameters: Vec<String>,
    pub(crate) sources: Vec<Source>,
    pub(crate) borrowed: Vec<BorrowedInclude>,
    pub(crate) missing_includes: Vec<Span>,
    pub(crate) warnings: Vec<Error>,
}

/// An include that was not beside the file that asks for it, and was found in
/// a fallback directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BorrowedInclude {
    /// The name as written under `[INCLUDES]`.
    pub wanted: Span,
    /// The file that was read for it.
    pub used: Source,
}

impl FilterConfig {
    /// The filter's name, without directory and extension.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The expressions that find failures, in order.
    pub fn failregex(&self) -> &[Traced] {
        &self.failregex
    }

    /// The expressions that except lines, in order.
    pub fn ignoreregex(&self) -> &[Traced] {
        &self.ignoreregex
    }

    /// The expression that every line must match first. Set but empty means
    /// none.
    pub fn prefregex(&self) -> Option<&Traced> {
        self.prefregex.as_ref()
    }

    /// Over how many lines an expression may reach, as written; fail2ban
    /// refuses numbers below 1 only when the filter is used.
    pub fn maxlines(&self) -> Option<i64> {
        self.maxlines.as_ref().map(|(number, _)| *number)
    }

    /// The text of [`FilterConfig::maxlines`], with its origin.
    pub fn maxlines_text(&self) -> Option<&Traced> {
        self.maxlines.as_ref().map(|(_, text)| text)
    }

    /// The date patterns, one a line. Set but empty means the usual ones.
    pub fn datepattern(&self) -> Option<&Traced> {
        self.datepattern.as_ref()
    }

    /// Whether host names are looked up, as written.
    pub fn usedns(&self) -> Option<&Traced> {
        self.usedns.as_ref()
    }

    /// The words of each journal match.
    pub fn journalmatch(&self) -> &[Vec<String>] {
        &self.journalmatch
    }

    /// What an option or a parameter comes to: one that makes the filter, one
    /// of `[Init]`, or `logtype`, wherever that is set.
    pub fn value(&self, name: &str) -> Option<&Traced> {
        self.values.get(name)
    }

    /// The names of all parameters: those that were given, and after them
    /// those that `[Init]` adds.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(String::as_str)
    }

    /// All files that were read, in the order in which they count.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The includes that came from a fallback directory.
    pub fn borrowed(&self) -> &[BorrowedInclude] {
        &self.borrowed
    }

    /// The includes that were not found anywhere, which fail2ban passes over
    /// in silence.
    pub fn missing_includes(&self) -> &[Span] {
        &self.missing_includes
    }

    /// What fail2ban logs and goes on after: numbers that are none, includes
    /// that are not UTF-8, a missing `[Definition]`.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// Types resolved values of a section. What was read is filled in by the
    /// caller.
    ///
    /// # Errors
    /// `unbalanced-quote` in a `journalmatch`.
    pub(crate) fn typed(
        name: &str,
        section: &str,
        values: &OrderedMap<Traced>,
    ) -> Result<FilterConfig, Error> {
        let mut warnings = Vec::new();
        let text = |option| values.get(option).cloned();
        let lines = |option| {
            let lines = values.get(option).map(Traced::split_lines);
            let lines = lines.into_iter().flatten();
            lines.filter(|line| !line.is_empty()).collect::<Vec<_>>()
        };
        let about = |option: &str, entry| {
            let option = option.to_owned();
            move |error: Error| error.in_option(section, &option, entry)
        };
        let maxlines = text("maxlines").and_then(|text| match values::integer(&text) {
            Ok(number) => Some((number, text)),
            Err(error) => {
                warnings.push(about("maxlines", None)(error));
                None
            }
        });
        let journalmatch = lines("journalmatch")
            .iter()
            .enumerate()
            .map(|(entry, line)| {
                values::shell_words(line).map_err(about("journalmatch", Some(entry)))
            })
            .collect::<Result<_, _>>()?;
        Ok(FilterConfig {
            name: name.to_owned(),
            failregex: lines("failregex"),
            ignoreregex: lines("ignoreregex"),
            prefregex: text("prefregex"),
            maxlines,
            datepattern: text("datepattern"),
            usedns: text("usedns"),
            journalmatch,
            values: values.clone(),
            parameters: Vec::new(),
            sources: Vec::new(),
            borrowed: Vec::new(),
            missing_includes: Vec::new(),
            warnings,
        })
    }

    /// Notes what the definition was made with, and the `logtype` that
    /// `[Definition]` itself sets, if no parameter does. One that cannot be
    /// resolved is none: nothing refers to it.
    pub(crate) fn note_parameters(&mut self, definition: &Definition) {
        let parameters = definition.params().iter();
        self.parameters = parameters.map(|(name, _)| name.to_owned()).collect();
        if !self.values.contains(LOGTYPE)
            && let Ok(Some(value)) = definition.own(LOGTYPE)
        {
            self.values.insert(LOGTYPE, value);
        }
    }

    /// Adds what a jail sets itself. Its `datepattern` goes before the
    /// filter's, its other single values come after; lists become one, the
    /// jail's entries last.
    pub(crate) fn extend_with(&mut self, jail: FilterConfig) {
        self.failregex.extend(jail.failregex);
        self.ignoreregex.extend(jail.ignoreregex);
        self.journalmatch.extend(jail.journalmatch);
        self.warnings.extend(jail.warnings);
        self.prefregex = self.prefregex.take().or(jail.prefregex);
        self.maxlines = self.maxlines.take().or(jail.maxlines);
        self.usedns = self.usedns.take().or(jail.usedns);
        self.datepattern = jail.datepattern.or(self.datepattern.take());
    }
}
