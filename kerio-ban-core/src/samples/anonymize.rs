//! Logs with invented addresses and names in the place of real ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::cache::Filters;
use super::disguise::Disguise;
use super::read::{Corpus, Sample};
use super::verdict::{Report, Variant, Verdict};
use crate::error::Error;
use crate::filter::Filter;
use crate::source::{Files, MemoryFiles};

/// A log, and the logs that it adds, without what says whose they are.
///
/// Addresses become addresses that are set aside for documentation, of the
/// same family; mail addresses, domains and host names get example domains;
/// user names become `user1` and so on. The same always becomes the same.
/// User names are known from what the filter captures and from mail addresses.
/// What says nothing of anybody stays: documentation and loopback addresses,
/// example domains, names such as `root`, words of the filter's expressions,
/// and names of fewer than three letters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Anonymized {
    /// The logs in the order in which they are read.
    pub logs: Vec<(PathBuf, Vec<u8>)>,
    /// The samples, as they were, of which the filter now finds something else.
    pub changed: Vec<Sample>,
    /// How many different addresses, names and domains were replaced.
    pub replaced: usize,
    /// Whether there were more addresses than are set aside for documentation,
    /// so that some share one.
    pub shared: bool,
}

impl Anonymized {
    /// Replaces what is in the log at `path`, and judges it before and after.
    ///
    /// # Errors
    /// As for [`Corpus::load`] and [`Corpus::judge`].
    pub fn make<L, E>(
        files: &dyn Files,
        path: &Path,
        filter: &str,
        load: L,
    ) -> Result<Anonymized, E>
    where
        L: FnMut(&Variant) -> Result<Filter, E>,
        E: From<Error>,
    {
        let corpus = Corpus::load_file(files, path, filter)?;
        let mut filters = Filters::new(load);
        let before = corpus.judge(|variant| filters.get(variant))?;
        let mut logs = Vec::new();
        for source in corpus.sources() {
            let path = PathBuf::from(source.name());
            // It has been read a moment ago.
            let log = files.read(&path).unwrap_or_default();
            logs.push((path, log));
        }
        let mut disguise = Disguise::new(logs.iter().map(|(_, log)| &log[..]));
        let rules = filters.all().flat_map(Filter::rules);
        for rule in rules {
            disguise.keep_words(rule.original().as_str());
        }
        for name in names(&before) {
            disguise.add_name(&name);
        }
        let findings = before.verdicts.iter().flat_map(|verdict| &verdict.findings);
        for finding in findings {
            disguise.add_address(&finding.id);
        }
        for (_, log) in &logs {
            disguise.learn(log);
        }
        let mut out = MemoryFiles::new();
        for (path, log) in &mut logs {
            let lines = log.split_inclusive(|&byte| byte == b'\n');
            *log = lines.flat_map(|line| disguise.line(line)).collect();
            out.insert(&*path, log.clone());
        }
        let corpus = Corpus::load_file(&out, path, filter)?;
        let after = corpus.judge(|variant| filters.get(variant))?;
        Ok(Anonymized {
            logs,
            changed: changed(&before, &after, &mut disguise),
            replaced: disguise.replaced(),
            shared: disguise.shared(),
        })
    }
}

/// The user names that a filter captured.
fn names(report: &Report) -> BTreeSet<String> {
    let findings = report.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let values = findings.flat_map(|finding| &finding.values);
    let of_users = values.filter(|(key, _)| key.contains("user"));
    let mut names = BTreeSet::new();
    for (_, value) in of_users {
        match value {
            Json::String(name) => names.extend([name.clone()]),
            Json::Array(all) => {
                names.extend(all.iter().filter_map(Json::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    names
}

/// The samples of which something else was found.
fn changed(before: &Report, after: &Report, disguise: &mut Disguise) -> Vec<Sample> {
    let mut after = after.verdicts.iter();
    let mut changed: Vec<Sample> = Vec::new();
    for old in &before.verdicts {
        let same = after.next().is_some_and(|new| same(old, new, disguise));
        let sample = &old.sample;
        if !same && changed.last().is_none_or(|last| last.span != sample.span) {
            changed.push(sample.clone());
        }
    }
    changed
}

fn same(old: &Verdict, new: &Verdict, disguise: &mut Disguise) -> bool {
    if old.findings.len() != new.findings.len() || old.status() != new.status() {
        return false;
    }
    old.findings.iter().zip(&new.findings).all(|(old, new)| {
        let id = disguise.line(old.id.as_bytes());
        let is_address = old.id.parse::<std::net::IpAddr>().is_ok();
        old.rule == new.rule
            && old.values.get("time") == new.values.get("time")
            && (!is_address || id == new.id.as_bytes())
    })
}
