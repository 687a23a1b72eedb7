//! From expressions to a filter.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::dns::UseDns;
use super::names::Names;
use super::options::SessionOptions;
use super::rule::{Rule, RuleKind};
use super::session::Session;
use crate::config::FilterConfig;
use crate::date::DateTemplates;
use crate::error::{Detail, Error, ErrorKind};
use crate::pattern::{Buffer, Choices, PatternOptions, Prefilter};
use crate::source::Source;
use crate::traced::Traced;

/// Expressions made ready to judge lines.
///
/// A filter never changes, is `Send + Sync` and cheap to clone. Lines are
/// judged by its [sessions](Filter::session).
#[derive(Clone)]
pub struct Filter(Arc<Parts>);

pub(super) struct Parts {
    pub(super) prefregex: Option<Rule>,
    pub(super) failregex: Vec<Rule>,
    pub(super) ignoreregex: Vec<Rule>,
    pub(super) max_lines: usize,
    pub(super) use_dns: UseDns,
    pub(super) templates: DateTemplates,
    /// The names of the groups of all rules.
    pub(super) names: Names,
    prefilter: OnceLock<Prefilter>,
    prefix_filter: OnceLock<Prefilter>,
    line_choices: OnceLock<LineChoices>,
}

/// The literals of which a line must have one.
pub(super) enum LineChoices {
    /// Those of the failregexes. Where ignoreregexes are looked at first, those
    /// of the ignoreregexes come after them: a line that only they match is
    /// ignored.
    Rules(Choices),
    /// Those of the prefregex.
    Prefix(Choices),
}

impl Parts {
    /// Which failregexes a text can match at all.
    pub(super) fn prefilter(&self) -> &Prefilter {
        let new = || Prefilter::new(self.failregex.iter().map(Rule::pattern));
        self.prefilter.get_or_init(new)
    }

    /// Whether a text can match the prefregex at all.
    pub(super) fn prefix_filter(&self) -> &Prefilter {
        let new = || Prefilter::new(self.prefregex.iter().map(Rule::pattern));
        self.prefix_filter.get_or_init(new)
    }

    /// What a line must have to be anything but missed.
    pub(super) fn line_choices(&self) -> &LineChoices {
        self.line_choices.get_or_init(|| {
            let early = self.ignores_early().then_some(&self.ignoreregex);
            let rules = self.failregex.iter().chain(early.into_iter().flatten());
            let choices = Choices::new(rules.map(Rule::pattern));
            if early.is_some() || choices.rule_lines_out() || self.prefregex.is_none() {
                LineChoices::Rules(choices)
            } else {
                LineChoices::Prefix(Choices::new(self.prefregex.iter().map(Rule::pattern)))
            }
        })
    }

    /// Whether fail2ban looks at the ignoreregexes before anything else: where
    /// they are few.
    pub(super) fn ignores_early(&self) -> bool {
        let ignoring = self.ignoreregex.len();
        ignoring > 0 && ignoring + 2 < self.failregex.len()
    }
}

impl Filter {
    /// Starts a filter without any expression.
    pub fn builder() -> FilterBuilder {
        FilterBuilder::new()
    }

    /// Begins to read a log, the way fail2ban's server reads it while it is
    /// running, with the zone UTC.
    pub fn session(&self) -> Session {
        self.session_with(&SessionOptions::new())
    }

    /// Begins to read a log.
    pub fn session_with(&self, options: &SessionOptions) -> Session {
        Session::new(self.clone(), options)
    }

    /// The prefregex, if there is one.
    pub fn prefregex(&self) -> Option<&Rule> {
        self.0.prefregex.as_ref()
    }

    /// The failregexes, in order.
    pub fn failregex(&self) -> &[Rule] {
        &self.0.failregex
    }

    /// The ignoreregexes, in order.
    pub fn ignoreregex(&self) -> &[Rule] {
        &self.0.ignoreregex
    }

    /// All expressions: prefregex, failregexes, ignoreregexes.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let first = self.0.prefregex.iter();
        first.chain(&self.0.failregex).chain(&self.0.ignoreregex)
    }

    /// How many lines a failure may span.
    pub fn max_lines(&self) -> usize {
        self.0.max_lines
    }

    /// What becomes of host names.
    pub fn use_dns(&self) -> UseDns {
        self.0.use_dns
    }

    /// The name under which fail2ban shows the first date template. `None` for
    /// the default templates, and, as fail2ban has it, for more than two.
    pub fn date_name(&self) -> Option<&str> {
        self.0.templates.shown().map(|(_, name)| name)
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules()).finish()
    }
}

/// Collects what a [`Filter`] is made of.
///
/// ```
/// use kerio_ban_core::{Filter, Outcome, Timestamp};
///
/// let filter = Filter::builder()
///     .failregex("^ login failure from <ADDR>$")
///     .datepattern(r"^\[%d/%b/%Y %H:%M:%S\]")
///     .build()?;
/// let now = Timestamp::from_whole_seconds(1_308_330_100);
/// let mut session = filter.session();
/// let outcome = session.feed("[17/Jun/2011 17:00:45] login failure from 192.0.2.1", now);
/// assert!(matches!(outcome, Outcome::Failure(_)));
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FilterBuilder {
    prefregex: Option<Traced>,
    failregex: Vec<Traced>,
    ignoreregex: Vec<Traced>,
    max_lines: usize,
    use_dns: UseDns,
    datepattern: Option<Traced>,
    start_year: i32,
}

/// The years that the default date templates take are a window around the
/// year in which fail2ban was started. Where nobody says otherwise it is the
/// one that fail2ban has from 2017 to 2026.
const START_YEAR: i32 = 2026;

impl FilterBuilder {
    /// No expressions, one line at a time, default dates.
    pub fn new() -> FilterBuilder {
        FilterBuilder {
            prefregex: None,
            failregex: Vec::new(),
            ignoreregex: Vec::new(),
            max_lines: 1,
            use_dns: UseDns::default(),
            datepattern: None,
            start_year: START_YEAR,
        }
    }

    /// Everything a loaded configuration sets.
    ///
    /// # Errors
    /// `bad-maxlines` if `maxlines` is not positive, as fail2ban's server
    /// refuses it.
    pub fn from_config(config: &FilterConfig) -> Result<FilterBuilder, Error> {
        let mut builder = FilterBuilder::new();
        builder.prefregex = config.prefregex().filter(|text| !text.is_empty()).cloned();
        builder.failregex = config.failregex().to_vec();
        builder.ignoreregex = config.ignoreregex().to_vec();
        builder.datepattern = config.datepattern().cloned();
        if let Some(use_dns) = config.usedns() {
            builder.use_dns = UseDns::lenient(use_dns.as_str());
        }
        if let Some(max_lines) = config.maxlines() {
            builder.max_lines(max_lines)?;
        }
        Ok(builder)
    }

    /// Sets the prefregex.
    pub fn prefregex(&mut self, expression: impl Into<Expression>) -> &mut Self {
        self.prefregex = Some(expression.into().0);
        self
    }

    /// Adds a failregex.
    pub fn failregex(&mut self, expression: impl Into<Expression>) -> &mut Self {
        self.failregex.push(expression.into().0);
        self
    }

    /// Adds an ignoreregex.
    pub fn ignoreregex(&mut self, expression: impl Into<Expression>) -> &mut Self {
        self.ignoreregex.push(expression.into().0);
        self
    }

    /// Drops the ignoreregexes added so far.
    pub fn clear_ignoreregex(&mut self) -> &mut Self {
        self.ignoreregex.clear();
        self
    }

    /// Sets the date patterns, separated by newlines, with single percent
    /// signs. Without any, fail2ban's default templates are used.
    pub fn datepattern(&mut self, pattern: impl Into<Expression>) -> &mut Self {
        self.datepattern = Some(pattern.into().0);
        self
    }

    /// Sets how many lines a failure may span. With more than one, `^` and `$`
    /// of a failregex also match at line ends.
    ///
    /// # Errors
    /// `bad-maxlines` unless the number is positive.
    pub fn max_lines(&mut self, lines: i64) -> Result<&mut Self, Error> {
        self.max_lines = usize::try_from(lines)
            .ok()
            .filter(|&lines| lines > 0)
            .ok_or_else(|| Error::new(BuildError::MaxLines(lines)))?;
        Ok(self)
    }

    /// Sets what becomes of host names.
    pub fn use_dns(&mut self, use_dns: UseDns) -> &mut Self {
        self.use_dns = use_dns;
        self
    }

    /// Sets the local year in which the reading starts: fail2ban's default
    /// templates take only dates of a window of years around it.
    pub fn start_year(&mut self, year: i32) -> &mut Self {
        self.start_year = year;
        self
    }

    /// Checks everything and makes the filter.
    ///
    /// # Errors
    /// `bad-regex` for an expression that Python's `re` would refuse, that is
    /// blank, or that captures nothing a failure could be counted under;
    /// `bad-datepattern` for a date pattern that fail2ban would refuse.
    pub fn build(&self) -> Result<Filter, Error> {
        let host_names = self.use_dns != UseDns::No;
        let multi_line = self.max_lines > 1;
        let buffer = if multi_line {
            Buffer::Lines
        } else {
            Buffer::Line
        };
        let options = |multi_line| PatternOptions { multi_line, buffer };
        let mut names = Names::default();
        let mut rule = |kind, index, text: &Traced| {
            // Python's multi-line mode is for failregexes alone.
            let multi_line = multi_line && kind == RuleKind::Failregex;
            let options = options(multi_line);
            Rule::new(kind, index, text, host_names, options, &mut names)
        };
        let prefregex = self
            .prefregex
            .as_ref()
            .map(|text| rule(RuleKind::Prefregex, 0, text))
            .transpose()?;
        let mut rules = |kind, texts: &[Traced]| {
            let rules = texts.iter().enumerate();
            rules
                .map(|(index, text)| rule(kind, index, text))
                .collect::<Result<Vec<Rule>, Error>>()
        };
        let failregex = rules(RuleKind::Failregex, &self.failregex)?;
        let ignoreregex = rules(RuleKind::Ignoreregex, &self.ignoreregex)?;
        if !prefregex.as_ref().is_some_and(Rule::identifies)
            && let Some(rule) = failregex.iter().find(|rule| !rule.identifies())
        {
            let error = Error::new(BuildError::NoId).in_option(
                "Definition",
                rule.kind().as_str(),
                Some(rule.index()),
            );
            return Err(match rule.origin() {
                Some(origin) => error.at(origin),
                None => error,
            });
        }
        let templates = DateTemplates::new(self.datepattern.as_ref(), self.start_year)
            .map_err(|error| error.in_option("Definition", "datepattern", None))?;
        let parts = Parts {
            prefregex,
            failregex,
            ignoreregex,
            max_lines: self.max_lines,
            use_dns: self.use_dns,
            templates,
            names,
            prefilter: OnceLock::new(),
            prefix_filter: OnceLock::new(),
            line_choices: OnceLock::new(),
        };
        Ok(Filter(Arc::new(parts)))
    }
}

impl Default for FilterBuilder {
    fn default() -> FilterBuilder {
        FilterBuilder::new()
    }
}

impl FilterConfig {
    /// Makes the configured expressions ready to judge lines.
    ///
    /// # Errors
    /// As [`FilterBuilder::from_config`] and [`FilterBuilder::build`].
    pub fn compile(&self) -> Result<Filter, Error> {
        FilterBuilder::from_config(self)?.build()
    }
}

/// Text given to a [`FilterBuilder`]: a string, or text that knows where it
/// was typed.
#[derive(Clone, Debug)]
pub struct Expression(Traced);

impl From<&str> for Expression {
    fn from(text: &str) -> Expression {
        let source = Source::new("expression", text);
        Expression(Traced::typed(&source.span(0..text.len())))
    }
}

impl From<String> for Expression {
    fn from(text: String) -> Expression {
        text.as_str().into()
    }
}

impl From<Traced> for Expression {
    fn from(text: Traced) -> Expression {
        Expression(text)
    }
}

#[derive(Debug, thiserror::Error)]
enum BuildError {
    #[error("expected a positive number of lines, found `{0}`")]
    MaxLines(i64),
    #[error("no group that identifies a failure")]
    NoId,
}

impl Detail for BuildError {
    fn kind(&self) -> ErrorKind {
        match self {
            BuildError::MaxLines(_) => ErrorKind::Value,
            BuildError::NoId => ErrorKind::Regex,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            BuildError::MaxLines(_) => "bad-maxlines",
            BuildError::NoId => "bad-regex",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            BuildError::MaxLines(_) => None,
            BuildError::NoId => Some(
                "capture an address with `<HOST>` or `<ADDR>`, or an id with `<F-ID>...</F-ID>`"
                    .to_owned(),
            ),
        }
    }
}
