//! What came of checking filters, and the forms in which it is told.

mod brief;
mod excerpt;
mod github;
mod json;
mod junit;
mod tap;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use kerio_ban_core::samples::{Coverage, Options, Report, Status, Verdict};
use kerio_ban_core::{RuleKind, Span};
use serde_json::Value;

use crate::args::CheckFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::words::Visible;

/// All filters that were checked.
pub(crate) struct Checked {
    pub(crate) filters: Vec<CheckedFilter>,
    /// Sample logs that are no filter's.
    pub(crate) orphans: Vec<PathBuf>,
    /// Whether a rule without a sample is a failure.
    pub(crate) strict: bool,
    pub(crate) elapsed: Duration,
}

/// A filter that was checked.
pub(crate) struct CheckedFilter {
    pub(crate) name: String,
    /// Its file, or its name if it has none.
    pub(crate) path: String,
    /// Its sample log.
    pub(crate) log: Option<PathBuf>,
    pub(crate) outcome: Outcome,
}

/// What came of a filter.
pub(crate) enum Outcome {
    Judged(Report),
    /// There are no samples for its failregexes.
    NoSamples(Report),
    /// There are no samples, and nothing to be sampled: it is there to be
    /// included.
    Included,
    Failed(Failure),
}

/// Numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) rules: usize,
    pub(crate) covered: usize,
    /// Filters whose samples were judged.
    pub(crate) judged: usize,
    /// Filters that could not be checked.
    pub(crate) errors: usize,
}

impl CheckedFilter {
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        match &self.outcome {
            Outcome::Judged(report) => {
                counts.judged = 1;
                counts.passed = report.count(Status::Pass);
                counts.failed = report.count(Status::Fail);
                counts.skipped = report.count(Status::Skip);
                let expressions = report.expressions();
                counts.rules = expressions.len();
                counts.covered = expressions.iter().filter(|rule| rule.used).count();
            }
            Outcome::NoSamples(report) => counts.rules = report.expressions().len(),
            Outcome::Included => {}
            Outcome::Failed(_) => counts.errors = 1,
        }
        counts
    }

    /// The failregexes that no sample uses, each once.
    fn uncovered(&self) -> Vec<&Coverage> {
        match &self.outcome {
            Outcome::Judged(report) | Outcome::NoSamples(report) => {
                let rules = report.expressions().into_iter();
                rules.filter(|rule| !rule.used).collect()
            }
            Outcome::Included | Outcome::Failed(_) => Vec::new(),
        }
    }

    /// Why a rule is not covered.
    fn uncovered_reason(&self, uncovered: &Coverage) -> &'static str {
        let Outcome::Judged(report) = &self.outcome else {
            return "the filter has no samples";
        };
        let finds = |verdict: &Verdict| {
            let mut rules = self.rules(verdict).into_iter();
            rules.any(|rule| rule.expanded == uncovered.expanded)
        };
        if report.verdicts.iter().any(finds) {
            "only samples that fail use it"
        } else {
            "no sample uses it"
        }
    }

    /// The samples that failed; where several variants fail in the same way,
    /// together.
    fn failures(&self) -> Vec<Vec<&Verdict>> {
        let mut groups: Vec<Vec<&Verdict>> = Vec::new();
        let failed = self
            .verdicts()
            .iter()
            .filter(|verdict| verdict.status() == Status::Fail);
        for verdict in failed {
            // Those of one sample follow each other.
            let of_sample = |group: &&mut Vec<&Verdict>| {
                group
                    .first()
                    .is_some_and(|first| first.sample.span == verdict.sample.span)
            };
            let same = |group: &&mut Vec<&Verdict>| {
                group.first().is_some_and(|first| {
                    first.mismatches == verdict.mismatches && first.findings == verdict.findings
                })
            };
            match groups.iter_mut().rev().take_while(of_sample).find(same) {
                Some(group) => group.push(verdict),
                None => groups.push(vec![verdict]),
            }
        }
        groups
    }

    /// The names of the variants that verdicts are about.
    fn variants(&self, verdicts: &[&Verdict]) -> String {
        let names = verdicts
            .iter()
            .map(|verdict| self.variant(&verdict.options));
        names.collect::<Vec<String>>().join(", ")
    }

    /// What became of each sample in each variant.
    fn verdicts(&self) -> &[Verdict] {
        match &self.outcome {
            Outcome::Judged(report) => &report.verdicts,
            _ => &[],
        }
    }

    /// The rules that found something in a sample.
    fn rules(&self, verdict: &Verdict) -> Vec<&Coverage> {
        let Outcome::Judged(report) = &self.outcome else {
            return Vec::new();
        };
        let rules = verdict.findings.iter().map(|finding| finding.rule);
        rules
            .filter_map(|rule| report.rule(verdict.variant, rule))
            .collect()
    }

    /// Its name with the options that a variant has: `sshd[mode=ddos]`.
    fn variant(&self, options: &Options) -> String {
        let options: Vec<String> = options
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "test.condition" | "test.prefix-line"))
            .map(|(key, value)| match value {
                Value::String(text) => format!("{key}={text}"),
                other => format!("{key}={other}"),
            })
            .collect();
        if options.is_empty() {
            return self.name.clone();
        }
        format!("{}[{}]", self.name, options.join(", "))
    }
}

impl Checked {
    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in self.filters.iter().map(CheckedFilter::counts) {
            sum.passed += counts.passed;
            sum.failed += counts.failed;
            sum.skipped += counts.skipped;
            sum.rules += counts.rules;
            sum.covered += counts.covered;
            sum.judged += counts.judged;
            sum.errors += counts.errors;
        }
        sum
    }

    /// Writes everything.
    pub(crate) fn write(
        &self,
        format: CheckFormat,
        out: &mut dyn Write,
        console: Console,
    ) -> io::Result<()> {
        match format {
            CheckFormat::Text => text::Text::new(out, console).write(self),
            CheckFormat::Json => json::write(self, out),
            CheckFormat::Junit => junit::write(self, out),
            CheckFormat::Brief => visibly(out, console, |out| brief::write(self, out)),
            CheckFormat::Tap => visibly(out, console, |out| tap::write(self, out)),
            CheckFormat::Github => visibly(out, console, |out| github::write(self, out)),
        }
    }
}

/// Writes lines so that a terminal shows them and obeys none.
fn visibly(
    out: &mut dyn Write,
    console: Console,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if !console.escape {
        return write(out);
    }
    let mut text = Vec::new();
    write(&mut text)?;
    for line in String::from_utf8_lossy(&text).lines() {
        writeln!(out, "{}", Visible::new(line, true))?;
    }
    out.flush()
}

/// What is wrong with a sample, on one line.
fn message(verdict: &Verdict) -> String {
    let mismatches = verdict.mismatches.iter().flatten();
    let messages: Vec<String> = mismatches.map(ToString::to_string).collect();
    messages.join("; ")
}

/// `logs/sshd:12`, of the line itself.
fn sample_place(verdict: &Verdict) -> String {
    let sample = &verdict.sample;
    format!("{}:{}", sample.span.source().name(), sample.line)
}

/// `filter.d/sshd.conf:12:5`, or the words for no place.
fn origin_text(origin: Option<&Span>) -> String {
    origin.map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

/// `failregex[3]`.
fn rule_name(index: usize) -> String {
    format!("{}[{index}]", RuleKind::Failregex)
}

/// The tests at the end of a report are about rules; this is one's name.
fn rule_test(filter: &CheckedFilter, rule: &Coverage) -> String {
    let variant = filter.variant(&rule.options);
    format!("{variant} {} has a sample", rule_name(rule.rule))
}

pub(crate) use self::github::command as github_command;
