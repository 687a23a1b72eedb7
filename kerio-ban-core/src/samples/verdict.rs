//! What is said of samples and of rules.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::read::{Options, Sample};
use crate::filter::{RuleKind, Trouble};
use crate::source::Span;

/// What a corpus says of a filter.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One verdict for each sample in each variant of the filter, in the order
    /// of the samples.
    pub verdicts: Vec<Verdict>,
    /// Each rule of each variant, and whether a sample used it.
    pub coverage: Vec<Coverage>,
}

impl Report {
    /// How many samples have this status.
    pub fn count(&self, status: Status) -> usize {
        let of_status = |verdict: &&Verdict| verdict.status() == status;
        self.verdicts.iter().filter(of_status).count()
    }

    /// The rules that no sample used in any variant.
    pub fn unused(&self) -> impl Iterator<Item = &Coverage> {
        self.coverage.iter().filter(|rule| !rule.used)
    }

    /// The expressions, each once, however many variants have it; in the order
    /// in which they first appear.
    pub fn expressions(&self) -> Vec<&Coverage> {
        let mut seen = BTreeMap::new();
        for rule in &self.coverage {
            let next = seen.len();
            seen.entry(rule.expanded.as_str()).or_insert((next, rule));
        }
        let mut found: Vec<_> = seen.into_values().collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, rule)| rule).collect()
    }

    /// A rule of a variant.
    pub fn rule(&self, variant: usize, rule: usize) -> Option<&Coverage> {
        let is_it = |known: &&Coverage| known.variant == variant && known.rule == rule;
        self.coverage.iter().find(is_it)
    }
}

/// A filter loaded with certain options.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// The options, those for the test machinery (`test.…`) included.
    pub options: Options,
}

impl Variant {
    /// The options that belong to the filter, as text.
    pub fn filter_options(&self) -> impl Iterator<Item = (&str, String)> {
        let own = self.options.iter();
        own.filter(|(key, _)| !key.starts_with("test."))
            .map(|(key, value)| match value {
                Json::String(text) => (key.as_str(), text.clone()),
                other => (key.as_str(), other.to_string()),
            })
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.options
            .get(key)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    /// What fail2ban's samples tell variants apart by.
    pub(super) fn key(&self) -> String {
        if let Some(name) = self.text("test.filter-name") {
            return name.to_owned();
        }
        let options: Vec<String> = self
            .filter_options()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        options.join("\n")
    }
}

/// What became of a sample in a variant.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The index of the variant in the order of their first use.
    pub variant: usize,
    /// The options of the variant.
    pub options: Options,
    /// The line.
    pub sample: Sample,
    /// What differs; empty if nothing does. `None` if the annotation's
    /// constraint excludes the variant.
    pub mismatches: Option<Vec<Mismatch>>,
    /// The failures that were found.
    pub findings: Vec<Finding>,
}

/// How a sample ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// As annotated.
    Pass,
    /// Otherwise.
    Fail,
    /// Not judged in this variant.
    Skip,
}

impl Verdict {
    /// How the sample ended.
    pub fn status(&self) -> Status {
        match &self.mismatches {
            None => Status::Skip,
            Some(mismatches) if mismatches.is_empty() => Status::Pass,
            Some(_) => Status::Fail,
        }
    }
}

/// A failure that was found in a sample.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The index of the failregex.
    pub rule: usize,
    /// What it is counted under.
    pub id: String,
    /// All that an annotation could say of it: `time` first, unless there is
    /// none, then `host`, then every group that took part in the match, at
    /// last `attempts` and, if there are any, `users`.
    pub values: Map<String, Json>,
    /// The bytes of the line that the rule matched. `None` if they lie in
    /// earlier lines.
    pub place: Option<Range<usize>>,
}

/// A way in which a filter differs from an annotation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mismatch {
    /// A failure was expected, and none was found.
    NotFound(Missed),
    /// No failure was expected, and one was found.
    Found {
        /// The index of the failregex.
        rule: usize,
        /// What it was counted under.
        id: String,
    },
    /// One failure was expected, and several rules found one.
    Several {
        /// The indexes of the failregexes.
        rules: Vec<usize>,
    },
    /// A captured value differs.
    Value {
        /// The annotation's key.
        key: String,
        /// The annotated value.
        expected: Json,
        /// The captured value, null if there is none.
        found: Json,
    },
    /// The time differs.
    Time {
        /// The annotated local time.
        expected: String,
        /// The local time found, if the line is dated.
        found: Option<String>,
    },
    /// The line could not be judged.
    Undecided(Trouble),
}

/// Why there is no failure in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missed {
    /// No failregex matches.
    NoRule,
    /// The prefregex does not match.
    NoPrefix,
    /// An ignoreregex matches.
    Ignored {
        /// Its index.
        rule: usize,
        /// Where it was written.
        origin: Option<Span>,
    },
    /// A rule matches that says it is no failure (`F-NOFAIL`).
    NoFail {
        /// The index of the failregex.
        rule: usize,
    },
    /// A failure whose id no line of its session has told so far.
    Pending {
        /// The index of the failregex.
        rule: usize,
    },
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missed::NoRule => write!(f, "no failregex matches"),
            Missed::NoPrefix => write!(f, "the prefregex does not match"),
            Missed::Ignored { rule, origin } => {
                write!(f, "ignored by {}[{rule}]", RuleKind::Ignoreregex)?;
                match origin {
                    Some(origin) => write!(f, " at {origin}"),
                    None => Ok(()),
                }
            }
            Missed::NoFail { rule } => write!(f, "failregex[{rule}] says that it is no failure"),
            Missed::Pending { rule } => {
                write!(
                    f,
                    "failregex[{rule}] matches, but nothing tells the address"
                )
            }
        }
    }
}

impl Mismatch {
    /// What it is about: `match`, `time`, or another key of annotations.
    pub fn key(&self) -> &str {
        match self {
            Mismatch::Value { key, .. } => key,
            Mismatch::Time { .. } => "time",
            _ => "match",
        }
    }

    /// What was expected, in words or as the annotation says it.
    pub fn expected(&self) -> String {
        match self {
            Mismatch::NotFound(_) | Mismatch::Several { .. } => "a failure".to_owned(),
            Mismatch::Found { .. } => "no failure".to_owned(),
            Mismatch::Value { expected, .. } => expected.to_string(),
            Mismatch::Time { expected, .. } => Json::from(expected.as_str()).to_string(),
            Mismatch::Undecided(_) => "an answer".to_owned(),
        }
    }

    /// What was found, in words or as an annotation would say it.
    pub fn found(&self) -> String {
        match self {
            Mismatch::NotFound(why) => format!("no failure: {why}"),
            Mismatch::Found { rule, id } => format!("a failure of `{id}` by failregex[{rule}]"),
            Mismatch::Several { rules } => {
                let rules: Vec<String> = rules
                    .iter()
                    .map(|rule| format!("failregex[{rule}]"))
                    .collect();
                format!("{} failures: by {}", rules.len(), rules.join(" and "))
            }
            Mismatch::Value { found, .. } => found.to_string(),
            Mismatch::Time { found, .. } => Json::from(found.as_deref()).to_string(),
            Mismatch::Undecided(trouble) => trouble.to_string(),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, found) = (self.expected(), self.found());
        match self {
            Mismatch::Value { .. } | Mismatch::Time { .. } => {
                write!(
                    f,
                    "expected `{}` to be {expected}, found {found}",
                    self.key()
                )
            }
            _ => write!(f, "expected {expected}, found {found}"),
        }
    }
}

/// A failregex of a variant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Coverage {
    /// The index of the variant in the order of their first use.
    pub variant: usize,
    /// The options of the variant.
    pub options: Options,
    /// The index of the failregex.
    pub rule: usize,
    /// The expression as configured.
    pub original: String,
    /// The expression as run.
    pub expanded: String,
    /// Where it was written: if it was put together, the first part that came
    /// through the fewest references.
    pub origin: Option<Span>,
    /// Whether a sample used it, in this variant or, being the same expression
    /// after expansion, in another.
    pub used: bool,
}
