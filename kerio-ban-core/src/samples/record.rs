//! Annotations made from what a filter finds.
//!
//! The lines of a log are never touched: annotations are put in above them, or
//! take the place of earlier ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::annotation::annotation;
use super::cache::Filters;
use super::read::{Corpus, Sample};
use super::verdict::{Report, Status, Variant, Verdict};
use crate::error::Error;
use crate::filter::Filter;
use crate::source::{Files, MemoryFiles};

/// A log, and the logs that it adds, annotated anew.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recording {
    /// The logs in the order in which they are read.
    pub logs: Vec<RecordedLog>,
    /// What the filter makes of the annotated logs.
    pub report: Report,
    /// The lines that no annotation can be made for, and why.
    pub unsettled: Vec<Unsettled>,
}

/// One log of a [`Recording`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedLog {
    /// Its path.
    pub path: PathBuf,
    /// What was read.
    pub before: Vec<u8>,
    /// The same with other annotations.
    pub after: Vec<u8>,
}

/// A line that fail2ban's form of annotations has no words for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unsettled {
    /// The line.
    pub sample: Sample,
    /// Why.
    pub reason: String,
}

/// Putting in an annotation can change what becomes of later lines: where it
/// excludes a variant, the variant does not see the line. Then these have to
/// be looked at again, but hardly ever twice.
const ROUNDS: usize = 20;

impl Recording {
    /// Annotates the log at `path` with what a filter finds in it. Lines that
    /// are annotated already are left alone, unless `update` is set: then
    /// annotations that no longer hold are corrected, and nothing else of them
    /// is changed.
    ///
    /// A failure that only some of the filter's variants find is annotated
    /// with a constraint. `load` makes the filter for a variant's options; it
    /// is called once for each variant.
    ///
    /// # Errors
    /// As for [`Corpus::load`] and [`Corpus::judge`].
    pub fn make<L, E>(
        files: &dyn Files,
        path: &Path,
        filter: &str,
        update: bool,
        load: L,
    ) -> Result<Recording, E>
    where
        L: FnMut(&Variant) -> Result<Filter, E>,
        E: From<Error>,
    {
        let mut corpus = Corpus::load_file(files, path, filter)?;
        let mut logs = Vec::new();
        let mut annotated = MemoryFiles::new();
        for source in corpus.sources() {
            let path = PathBuf::from(source.name());
            // It has been read a moment ago.
            let before = files.read(&path).unwrap_or_default();
            annotated.insert(&path, before.clone());
            logs.push(RecordedLog {
                path,
                after: before.clone(),
                before,
            });
        }
        let mut filters = Filters::new(load);
        // The samples whose annotation may be changed, by their number.
        let mut own = BTreeSet::new();
        let mut round = 0;
        loop {
            let report = corpus.judge(|variant| filters.get(variant))?;
            let mut edits = Vec::new();
            let mut unsettled = Vec::new();
            for (number, verdicts) in by_sample(&corpus, &report) {
                let sample = &verdicts[0].sample;
                if !update && sample.expectation.is_some() && !own.contains(&number) {
                    continue;
                }
                match annotation(verdicts) {
                    Ok(None) => {}
                    Ok(Some(line)) => {
                        own.insert(number);
                        edits.push((sample, line));
                    }
                    Err(reason) => unsettled.push(Unsettled {
                        sample: sample.clone(),
                        reason,
                    }),
                }
            }
            if edits.is_empty() || round == ROUNDS {
                return Ok(Recording {
                    logs,
                    report,
                    unsettled,
                });
            }
            for log in &mut logs {
                let name = log.path.display().to_string();
                let here = edits
                    .iter()
                    .filter(|(sample, _)| sample.span.source().name() == name);
                log.after = apply(&log.after, here);
                annotated.insert(&log.path, log.after.clone());
            }
            corpus = Corpus::load_file(&annotated, path, filter)?;
            round += 1;
        }
    }

    /// Whether the annotated logs hold: every sample passes, and nothing is
    /// unsettled.
    pub fn holds(&self) -> bool {
        self.unsettled.is_empty() && self.report.count(Status::Fail) == 0
    }
}

/// The verdicts on each sample that was judged, with the number of the sample.
fn by_sample<'r>(corpus: &Corpus, report: &'r Report) -> Vec<(usize, &'r [Verdict])> {
    let mut rest = &report.verdicts[..];
    let mut out = Vec::new();
    for (number, sample) in corpus.samples().enumerate() {
        let same = |verdict: &&Verdict| verdict.sample.span == sample.span;
        let (here, later) = rest.split_at(rest.iter().take_while(same).count());
        rest = later;
        if !here.is_empty() {
            out.push((number, here));
        }
    }
    out
}

/// Puts annotations, in the order of their lines, above their samples or in the
/// place of earlier ones.
fn apply<'e>(log: &[u8], edits: impl Iterator<Item = &'e (&'e Sample, String)>) -> Vec<u8> {
    let mut edits = edits.peekable();
    let mut out = Vec::with_capacity(log.len());
    for (line, number) in log.split_inclusive(|&byte| byte == b'\n').zip(1..) {
        let end: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            _ => b"\n",
        };
        let here = edits.next_if(|(sample, _)| match &sample.expectation {
            Some(expectation) => expectation.line == number,
            None => sample.line == number,
        });
        let replaces = here.is_some_and(|(sample, _)| sample.expectation.is_some());
        if let Some((_, annotation)) = here {
            out.extend_from_slice(annotation.as_bytes());
            out.extend_from_slice(end);
        }
        if !replaces {
            out.extend_from_slice(line);
        }
    }
    out
}
