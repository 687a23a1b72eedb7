//! Counts what is reported, as fail2ban-regex counts.

use std::time::Duration;

use kerio_ban_core::{Filter, TemplateHits};

use super::{Event, Verdict};

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) lines: u64,
    pub(crate) ignored: u64,
    /// Signed as the next: a line that was ignored by itself and then taken by
    /// a match of several lines is taken off the missed ones.
    pub(crate) matched: i64,
    pub(crate) missed: i64,
    /// Lines with at least one failure.
    pub(crate) failures: u64,
    /// Findings of each failregex, failures or not.
    pub(crate) hits: Vec<u64>,
    /// Matches of each ignoreregex.
    pub(crate) ignore_hits: Vec<u64>,
    pub(crate) prefix_hits: u64,
    pub(crate) troubles: u64,
    /// Of all logs, in the order of the last one.
    pub(crate) dates: Vec<DateCount>,
    pub(crate) elapsed: Duration,
}

impl Tally {
    pub(crate) fn new(filter: &Filter) -> Tally {
        Tally {
            hits: vec![0; filter.failregex().len()],
            ignore_hits: vec![0; filter.ignoreregex().len()],
            ..Tally::default()
        }
    }

    pub(crate) fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Line(line) => {
                self.lines += 1;
                match line.verdict {
                    Verdict::Matched => self.matched += 1,
                    Verdict::Ignored => self.ignored += 1,
                    Verdict::Missed => self.missed += 1,
                }
                self.prefix_hits += u64::from(line.prefix_matched);
                for hit in line.outcome.hits().iter() {
                    self.hits[hit.rule().index()] += 1;
                }
                for &index in line.ignored_by {
                    self.ignore_hits[index] += 1;
                }
                self.failures += u64::from(line.outcome.failures().next().is_some());
            }
            Event::Taken { .. } => {
                self.matched += 1;
                self.missed -= 1;
            }
            Event::Trouble(_) => self.troubles += 1,
            Event::Begin(_) | Event::End(_) => {}
        }
    }

    /// Counts lines that were missed and of which nothing else is known.
    pub(crate) fn count_missed(&mut self, lines: u64) {
        self.lines += lines;
        self.missed += lines.cast_signed();
    }

    /// Another one for the same filter that has counted nothing.
    pub(crate) fn empty(&self) -> Tally {
        Tally {
            hits: vec![0; self.hits.len()],
            ignore_hits: vec![0; self.ignore_hits.len()],
            ..Tally::default()
        }
    }

    /// Adds what was counted in other lines.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.lines += other.lines;
        self.ignored += other.ignored;
        self.matched += other.matched;
        self.missed += other.missed;
        self.failures += other.failures;
        self.prefix_hits += other.prefix_hits;
        self.troubles += other.troubles;
        let add = |sums: &mut [u64], hits: &[u64]| {
            for (sum, hits) in sums.iter_mut().zip(hits) {
                *sum += hits;
            }
        };
        add(&mut self.hits, &other.hits);
        add(&mut self.ignore_hits, &other.ignore_hits);
    }

    /// Adds what the reading of one log says of its dates.
    pub(crate) fn add_dates(&mut self, dates: Vec<TemplateHits>) {
        let earlier = std::mem::take(&mut self.dates);
        let mut dates: Vec<DateCount> = dates.into_iter().map(DateCount::from).collect();
        for count in earlier {
            let same = |date: &&mut DateCount| {
                let (a, b) = (&date.template, &count.template);
                a.name() == b.name() && a.regex() == b.regex()
            };
            match dates.iter_mut().find(same) {
                Some(date) => date.hits += count.hits,
                None => dates.push(count),
            }
        }
        self.dates = dates;
    }

    /// Lines in which a date was found.
    pub(crate) fn dated(&self) -> u64 {
        self.dates.iter().map(|date| date.hits).sum()
    }
}

/// How often a date template was hit in all logs together.
#[derive(Debug)]
pub(crate) struct DateCount {
    /// As it was in the last log.
    pub(crate) template: TemplateHits,
    pub(crate) hits: u64,
}

impl From<TemplateHits> for DateCount {
    fn from(template: TemplateHits) -> DateCount {
        DateCount {
            hits: template.hits(),
            template,
        }
    }
}
