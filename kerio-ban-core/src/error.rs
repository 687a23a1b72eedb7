//! The one error type.
//!
//! Every stage has its own private enumeration of what can go wrong, beside
//! the code that finds it wrong; [`Detail`] is what they have in common. The
//! public type is opaque and answers questions.

use std::fmt;
use std::sync::Arc;

use crate::source::{Origin, Span};

/// What a stage says of a failure: its words, its category and its code.
pub(crate) trait Detail: std::error::Error + Send + Sync + 'static {
    /// The category.
    fn kind(&self) -> ErrorKind;

    /// A stable name for scripts, such as `interp-missing`.
    fn code(&self) -> &'static str;

    /// What surely helps, if anything does.
    fn help(&self) -> Option<String> {
        None
    }
}

/// The category of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file that is not there or cannot be read.
    File,
    /// A configuration file whose text is not valid.
    Syntax,
    /// `%(name)s` or `<name>` that cannot be resolved.
    Reference,
    /// A value of the wrong form: filter options, quoting, durations.
    Value,
    /// A regular expression that fail2ban would refuse.
    Regex,
    /// A date pattern that fail2ban would refuse.
    DatePattern,
    /// An annotated sample log that cannot be read.
    Samples,
}

/// Anything that can go wrong while files are read and turned into filters.
///
/// The plain form is one line, `file:line:column: [Section] option: message`,
/// followed by one line for each reference through which the text came.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    detail: Arc<dyn Detail>,
    origin: Option<Origin>,
    option: Option<OptionPath>,
    labels: Vec<Label>,
}

/// The option an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionPath {
    /// The section, without brackets.
    pub section: String,
    /// The option's name.
    pub option: String,
    /// Which entry of a list, from 0.
    pub entry: Option<usize>,
}

impl fmt::Display for OptionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.section, self.option)?;
        match self.entry {
            Some(entry) => write!(f, "[{entry}]"),
            None => Ok(()),
        }
    }
}

/// A further place an error speaks of, such as the first of two duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be said of it.
    pub text: String,
}

impl Error {
    pub(crate) fn new(detail: impl Detail) -> Error {
        Error(Arc::new(Inner {
            detail: Arc::new(detail),
            origin: None,
            option: None,
            labels: Vec::new(),
        }))
    }

    /// The same error, found at this place. A place already known, being the
    /// more precise one, is kept.
    #[must_use]
    pub(crate) fn at(self, origin: impl Into<Origin>) -> Error {
        self.changed(|inner| {
            inner.origin.get_or_insert_with(|| origin.into());
        })
    }

    /// The same error, about this option. One already known is kept.
    #[must_use]
    pub(crate) fn in_option(self, section: &str, option: &str, entry: Option<usize>) -> Error {
        self.changed(|inner| {
            inner.option.get_or_insert_with(|| OptionPath {
                section: section.to_owned(),
                option: option.to_owned(),
                entry,
            });
        })
    }

    /// The same error with one more place to show.
    #[must_use]
    pub(crate) fn label(self, span: Span, text: impl Into<String>) -> Error {
        self.changed(|inner| {
            inner.labels.push(Label {
                span,
                text: text.into(),
            });
        })
    }

    fn changed(self, change: impl FnOnce(&mut Inner)) -> Error {
        let mut inner = Arc::try_unwrap(self.0).unwrap_or_else(|shared| Inner {
            detail: Arc::clone(&shared.detail),
            origin: shared.origin.clone(),
            option: shared.option.clone(),
            labels: shared.labels.clone(),
        });
        change(&mut inner);
        Error(Arc::new(inner))
    }

    /// The category.
    pub fn kind(&self) -> ErrorKind {
        self.0.detail.kind()
    }

    /// A stable name for scripts, such as `interp-missing` or `bad-regex`.
    pub fn code(&self) -> &'static str {
        self.0.detail.code()
    }

    /// What went wrong, without the place.
    pub fn message(&self) -> String {
        self.0.detail.to_string()
    }

    /// Where, if it can be said.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }

    /// In which option, if it is about one.
    pub fn option(&self) -> Option<&OptionPath> {
        self.0.option.as_ref()
    }

    /// Further places that belong to the error.
    pub fn labels(&self) -> &[Label] {
        &self.0.labels
    }

    /// What would surely help.
    pub fn help(&self) -> Option<String> {
        self.0.detail.help()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = self.origin() {
            write!(f, "{origin}: ")?;
        }
        if let Some(option) = self.option() {
            write!(f, "{option}: ")?;
        }
        write!(f, "{}", self.0.detail)?;
        for reference in self.origin().map(Origin::via).unwrap_or_default() {
            write!(f, "\n  via {reference}: {}", reference.text())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.detail.source()
    }
}
