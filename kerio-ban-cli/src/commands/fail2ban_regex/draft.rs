//! A filter in the making: of options and files, whichever is said first.

use std::io;

use kerio_ban_core::{Error, Filter, FilterBuilder, Traced, UseDns, spell_out};

use super::End;
use crate::report::fail2ban_regex::Page;

/// What has been said of the filter so far.
#[derive(Clone)]
pub(super) struct Draft {
    start_year: i32,
    pub(super) use_dns: UseDns,
    max_lines: Option<i64>,
    datepattern: Option<Traced>,
    pub(super) has_journalmatch: bool,
    pub(super) prefregex: Option<Traced>,
    pub(super) failregex: Vec<Traced>,
    pub(super) ignoreregex: Vec<Traced>,
}

/// Why a date pattern cannot be used.
pub(super) struct BadPattern {
    pub(super) message: String,
    /// Whether it is only that two patterns are one.
    pub(super) duplicate: bool,
}

impl Draft {
    pub(super) fn new(start_year: i32) -> Draft {
        Draft {
            start_year,
            use_dns: UseDns::default(),
            max_lines: None,
            datepattern: None,
            has_journalmatch: false,
            prefregex: None,
            failregex: Vec::new(),
            ignoreregex: Vec::new(),
        }
    }

    /// Sets how many lines a failure may span, unless that was said before.
    /// The inner error is what is wrong with the number.
    pub(super) fn set_max_lines(
        &mut self,
        lines: i64,
        page: &mut Page,
    ) -> io::Result<Result<(), String>> {
        if self.max_lines.is_some() {
            return Ok(Ok(()));
        }
        if lines <= 0 {
            let message = "maxlines must be integer greater than zero".to_owned();
            return Ok(Err(message));
        }
        self.max_lines = Some(lines);
        page.note(&format!("Use         maxlines : {lines}"))?;
        Ok(Ok(()))
    }

    /// Sets the date pattern, unless that was said before. The inner error is
    /// what is wrong with the pattern.
    pub(super) fn set_datepattern(
        &mut self,
        pattern: &Traced,
        page: &mut Page,
    ) -> io::Result<Result<(), BadPattern>> {
        if self.datepattern.is_some() {
            return Ok(Ok(()));
        }
        let mut dates = FilterBuilder::new();
        dates
            .start_year(self.start_year)
            .datepattern(pattern.clone());
        let filter = match dates.build() {
            Ok(filter) => filter,
            Err(error) => return Ok(Err(bad_pattern(pattern, &error))),
        };
        self.datepattern = Some(pattern.clone());
        let name = filter.date_name().unwrap_or("Default Detectors");
        page.note(&format!("Use      datepattern : {pattern} : {name}"))?;
        Ok(Ok(()))
    }

    /// Makes the filter.
    ///
    /// # Errors
    /// Once it was said which expression cannot be used.
    pub(super) fn build(&self, page: &mut Page) -> Result<Filter, End> {
        let mut builder = self.without_rules();
        for regex in &self.failregex {
            builder.failregex(regex.clone());
        }
        for regex in &self.ignoreregex {
            builder.ignoreregex(regex.clone());
        }
        let error = match builder.build() {
            Ok(filter) => return Ok(filter),
            Err(error) => error,
        };
        let message = self.first_problem().unwrap_or_else(|| error.message());
        Err(page.refuse(&message))
    }

    /// What is wrong with the expression that fail2ban comes to first.
    fn first_problem(&self) -> Option<String> {
        if let Some(regex) = &self.prefregex
            && let Err(error) = self.without_rules().build()
        {
            return Some(self.problem(regex, &error, false));
        }
        for regex in &self.ignoreregex {
            if let Err(error) = self.without_rules().ignoreregex(regex.clone()).build() {
                return Some(self.problem(regex, &error, false));
            }
        }
        for regex in &self.failregex {
            if let Err(error) = self.without_rules().failregex(regex.clone()).build() {
                let mut other = self.without_rules();
                let compiles = other.ignoreregex(regex.clone()).build().is_ok();
                return Some(self.problem(regex, &error, compiles));
            }
        }
        None
    }

    fn problem(&self, regex: &Traced, error: &Error, compiles: bool) -> String {
        let text = spell_out(regex.as_str(), self.use_dns != UseDns::No, true);
        if compiles {
            format!("No failure-id group in '{text}'")
        } else if text.trim_start().is_empty() {
            "Cannot add empty regex".to_owned()
        } else {
            let reason = error.message();
            format!("Unable to compile regular expression '{text}':\n{reason}")
        }
    }

    fn without_rules(&self) -> FilterBuilder {
        let mut builder = FilterBuilder::new();
        builder.start_year(self.start_year).use_dns(self.use_dns);
        if let Some(lines) = self.max_lines {
            // It was looked at when it was set.
            let _ = builder.max_lines(lines);
        }
        if let Some(pattern) = &self.datepattern {
            builder.datepattern(pattern.clone());
        }
        if let Some(regex) = self.prefregex.as_ref().filter(|text| !text.is_empty()) {
            builder.prefregex(regex.clone());
        }
        builder
    }
}

fn bad_pattern(pattern: &Traced, error: &Error) -> BadPattern {
    let message = error.message();
    let name = message
        .strip_prefix("two date patterns have the display name `")
        .and_then(|name| name.strip_suffix('`'));
    match name {
        Some(name) => BadPattern {
            message: format!("There is already a template with name {name}"),
            duplicate: true,
        },
        None => BadPattern {
            message: format!(
                "Failed to set datepattern '{pattern}' (may be an invalid format or unescaped \
                 percent char): {message}"
            ),
            duplicate: false,
        },
    }
}
