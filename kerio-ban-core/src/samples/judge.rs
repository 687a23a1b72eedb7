//! Samples against a filter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::compare::{compare, finding};
use super::condition;
use super::read::{Corpus, Item, Options, Sample};
use super::verdict::{Coverage, Finding, Mismatch, Missed, Report, Variant, Verdict};
use crate::error::{Detail, Error, ErrorKind};
use crate::filter::{Filter, Line, Mark, Outcome, Session, SessionOptions, Trouble};
use crate::source::Span;
use crate::time::Timestamp;
use crate::traced::Traced;
use crate::zone::Zone;

/// fail2ban's samples are judged at this moment...
const NOW: i64 = 1_124_013_600;

/// ... which the journal's samples carry as text ...
const NOW_TEXT: &str = "2005-08-14T10:00:00";

/// ... in this local zone.
const ZONE: &str = "CET-01CEST-02,M3.5.0,M10.5.0";

/// A variant that has been loaded, with what is remembered from block to
/// block.
struct Loaded {
    variant: Variant,
    session: Session,
    used: BTreeSet<usize>,
}

impl Corpus {
    /// Judges a filter with every sample. `load` makes the filter for a
    /// variant's options; it is called once for each variant.
    ///
    /// # Errors
    /// Whatever `load` returns; `bad-samples` for a condition that cannot be
    /// evaluated, or an annotated time that is none.
    pub fn judge<L, E>(&self, mut load: L) -> Result<Report, E>
    where
        L: FnMut(&Variant) -> Result<Filter, E>,
        E: From<Error>,
    {
        let zone = Zone::posix(ZONE)?;
        let options = SessionOptions::testing().raw_ids(true).zone(zone.clone());
        let mut load = |variant: &Variant| -> Result<Loaded, E> {
            Ok(Loaded {
                variant: variant.clone(),
                session: load(variant)?.session_with(&options),
                used: BTreeSet::new(),
            })
        };
        let mut report = Report::default();
        let mut loaded: Vec<Loaded> = Vec::new();
        let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
        let mut current: Option<Vec<(usize, Variant)>> = None;
        let mut common = Options::new();
        let mut block_ignored = false;
        for item in &self.items {
            match item {
                Item::File => block_ignored = false,
                Item::FileOptions(options) => common = options.clone(),
                Item::FilterOptions(variants) => {
                    let mut chosen = Vec::new();
                    block_ignored = false;
                    for own in variants {
                        let mut options = common.clone();
                        options.extend(own.clone());
                        let variant = Variant { options };
                        if let Some(condition) = variant.text("test.condition") {
                            block_ignored = !self.holds(condition, &variant.options, None)?;
                        }
                        if block_ignored {
                            continue;
                        }
                        let key = variant.key();
                        let index = match by_key.get(&key) {
                            Some(&index) => index,
                            None => {
                                loaded.push(load(&variant)?);
                                by_key.insert(key, loaded.len() - 1);
                                loaded.len() - 1
                            }
                        };
                        chosen.push((index, variant));
                    }
                    current = Some(chosen);
                }
                Item::Sample(_) if block_ignored => {}
                Item::Sample(sample) => {
                    if current.as_ref().is_none_or(Vec::is_empty) {
                        let variant = Variant::default();
                        let index = match by_key.get("") {
                            Some(&index) => index,
                            None => {
                                loaded.push(load(&variant)?);
                                by_key.insert(String::new(), loaded.len() - 1);
                                loaded.len() - 1
                            }
                        };
                        current = Some(vec![(index, variant)]);
                    }
                    let mut text = sample.text.clone();
                    for (index, variant) in current.iter().flatten() {
                        let verdict = self.verdict(
                            sample,
                            &mut text,
                            *index,
                            variant,
                            &mut loaded[*index],
                            &zone,
                        )?;
                        report.verdicts.push(verdict);
                    }
                }
            }
        }
        report.coverage = coverage(&loaded);
        Ok(report)
    }

    fn holds(
        &self,
        condition: &str,
        options: &Options,
        place: Option<&Span>,
    ) -> Result<bool, Error> {
        condition::holds(condition, self.name(), options).map_err(|message| {
            let error = Error::new(JudgeError::Condition {
                condition: condition.to_owned(),
                message,
            });
            match place {
                Some(place) => error.at(place.clone()),
                None => error,
            }
        })
    }

    fn verdict(
        &self,
        sample: &Sample,
        text: &mut String,
        index: usize,
        variant: &Variant,
        loaded: &mut Loaded,
        zone: &Zone,
    ) -> Result<Verdict, Error> {
        let mut verdict = Verdict {
            variant: index,
            options: variant.options.clone(),
            sample: sample.clone(),
            mismatches: None,
            findings: Vec::new(),
        };
        if let Some(expectation) = &sample.expectation
            && let Some(Json::String(constraint)) = expectation.values.get("constraint")
            && !self.holds(constraint, &variant.options, Some(&expectation.span))?
        {
            return Ok(verdict);
        }
        let now = Timestamp::from_whole_seconds(NOW);
        let journal = variant.text("logtype") == Some("journal");
        let line = if journal {
            // The journal puts the same text in front of every line; in
            // fail2ban's samples it piles up from variant to variant.
            if let Some(prefix) = variant.text("test.prefix-line") {
                text.insert_str(0, prefix);
            }
            Line::Split {
                before: "",
                date: NOW_TEXT,
                after: text,
                time: now,
            }
        } else {
            Line::Text(text)
        };
        let session = &mut loaded.session;
        session.feed(line, now);
        let outcome = session.outcome();
        let mut failures = Vec::new();
        for hit in outcome.hits().iter() {
            if hit.mark() == Mark::Failure {
                failures.push(hit);
            } else {
                loaded.used.insert(hit.rule().index());
            }
        }
        let added = text.len() - sample.text.len() + if journal { NOW_TEXT.len() } else { 0 };
        let findings = failures
            .iter()
            .map(|hit| in_sample(finding(hit, zone), added));
        verdict.findings = findings.collect();
        let expectation = sample.expectation.as_ref();
        let mut mismatches = compare(expectation, &failures, zone, || missed(session, &outcome))?;
        if let [finding] = &verdict.findings[..]
            && mismatches.is_empty()
        {
            loaded.used.insert(finding.rule);
        }
        let undecided = |trouble: &&Trouble| {
            matches!(
                trouble,
                Trouble::LimitReached { .. } | Trouble::BreaksOff { .. }
            )
        };
        let troubles = session.troubles().iter().filter(undecided);
        mismatches.extend(troubles.cloned().map(Mismatch::Undecided));
        verdict.mismatches = Some(mismatches);
        Ok(verdict)
    }
}

/// With its place counted from the start of the sample, before which so many
/// bytes were put.
fn in_sample(mut finding: Finding, added: usize) -> Finding {
    finding.place = finding.place.and_then(|place| {
        let end = place.end.checked_sub(added)?;
        Some(place.start.saturating_sub(added)..end)
    });
    finding
}

/// Why there is no failure.
fn missed(session: &Session, outcome: &Outcome<'_>) -> Missed {
    let first = outcome.hits().iter().next();
    let filter = session.filter();
    match (session.ignored_by().first(), first) {
        (Some(&rule), _) => Missed::Ignored {
            rule,
            origin: filter
                .ignoreregex()
                .get(rule)
                .and_then(|rule| written_at(rule.original())),
        },
        (None, Some(hit)) if hit.mark() == Mark::Pending => Missed::Pending {
            rule: hit.rule().index(),
        },
        (None, Some(hit)) => Missed::NoFail {
            rule: hit.rule().index(),
        },
        (None, None) if filter.prefregex().is_some() && !session.prefix_matched() => {
            Missed::NoPrefix
        }
        (None, None) => Missed::NoRule,
    }
}

impl Report {
    /// What is to be said of a filter that has no samples.
    pub fn without_samples(filter: &Filter) -> Report {
        let loaded = Loaded {
            variant: Variant::default(),
            session: filter.session(),
            used: BTreeSet::new(),
        };
        Report {
            verdicts: Vec::new(),
            coverage: coverage(&[loaded]),
        }
    }
}

/// Where an expression was written: the first part of it that came through the
/// fewest references. What `%(__prefix_line)s` stands for says less of a rule
/// than the line on which it is used.
fn written_at(expression: &Traced) -> Option<Span> {
    let mut best: Option<(usize, Span)> = None;
    for (at, c) in expression.as_str().char_indices() {
        let Some(origin) = expression.origin(at..at + c.len_utf8()) else {
            continue;
        };
        let distance = origin.via().len();
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            let whole = expression.origin(at..expression.len());
            best = whole.map(|origin| (distance, origin.span().clone()));
        }
        if distance == 0 {
            break;
        }
    }
    best.map(|(_, span)| span)
}

fn coverage(loaded: &[Loaded]) -> Vec<Coverage> {
    let mut used = BTreeSet::new();
    for variant in loaded {
        let rules = variant.session.filter().failregex();
        used.extend(variant.used.iter().map(|&rule| rules[rule].expanded()));
    }
    // The same expression mostly comes from the same place.
    let mut origins: BTreeMap<&str, Option<Span>> = BTreeMap::new();
    let mut out = Vec::new();
    for (index, variant) in loaded.iter().enumerate() {
        for rule in variant.session.filter().failregex() {
            let origin = origins
                .entry(rule.expanded())
                .or_insert_with(|| written_at(rule.original()));
            out.push(Coverage {
                variant: index,
                options: variant.variant.options.clone(),
                rule: rule.index(),
                original: rule.original().to_string(),
                expanded: rule.expanded().to_owned(),
                origin: origin.clone(),
                used: used.contains(rule.expanded()),
            });
        }
    }
    out
}

#[derive(Debug, thiserror::Error)]
pub(super) enum JudgeError {
    #[error("cannot evaluate the condition `{condition}`: {message}")]
    Condition { condition: String, message: String },
    #[error("expected a time like `2005-08-14T12:00:00`, found `{0}`")]
    Time(String),
}

impl Detail for JudgeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Samples
    }

    fn code(&self) -> &'static str {
        "bad-samples"
    }
}
