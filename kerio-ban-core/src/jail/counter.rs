//! Counting failures of one id.
//!
//! fail2ban's counter is no sliding window. It keeps the moments of the first
//! and the last failure; when they lie further apart than the find time, the
//! count is scaled down to what the find time would have held at the same rate,
//! and the first moment moves up.

use std::sync::Arc;

use super::few::Few;
use crate::filter::{Captures, Failure};
use crate::time::Timestamp;

/// The failures of one id.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// The count that is compared with `maxretry`.
    pub(super) retries: f64,
    /// From when on it counts.
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// How many findings there were.
    pub(super) failures: u64,
    pub(super) matches: Vec<Arc<str>>,
    /// What the first finding captured.
    pub(super) captures: Captures,
    /// The failregexes that found something, in order, each once.
    pub(super) rules: Few<usize>,
    /// The tags of the last findings.
    pub(super) tags: Few<u64>,
    /// Tells it from earlier counters of the same id.
    pub(super) number: u64,
}

/// How many tags are kept. Nobody looks for more lines than that, and a counter
/// must not grow with the log.
const MAX_TAGS: usize = 100;

impl Counter {
    pub(super) fn new(failure: &Failure, time: Timestamp, retries: f64, number: u64) -> Counter {
        Counter {
            retries,
            first: time,
            last: time,
            failures: 1,
            matches: failure.matches.clone(),
            captures: failure.captures.clone(),
            rules: Few::One(failure.rule),
            tags: Few::One(failure.tag),
            number,
        }
    }

    /// No failure at all: somebody is banned by hand.
    pub(super) fn by_hand(time: Timestamp) -> Counter {
        Counter {
            retries: 0.0,
            first: time,
            last: time,
            failures: 0,
            matches: Vec::new(),
            captures: Captures::default(),
            rules: Few::None,
            tags: Few::None,
            number: 0,
        }
    }

    /// Counts a further failure, normally for one retry. An older one than the
    /// last moves no time.
    pub(super) fn add(
        &mut self,
        failure: &Failure,
        time: Timestamp,
        retries: f64,
        find_time: f64,
        max_matches: usize,
    ) {
        self.adjust(time, find_time);
        self.retries += retries;
        self.failures += 1;
        if !self.rules.contains(&failure.rule) {
            self.rules.push(failure.rule);
        }
        self.tags.push_within(failure.tag, MAX_TAGS);
        self.keep_matches(&failure.matches, max_matches);
    }

    /// Counts a failure of a known offender once more, for `retries` retries.
    /// `same` says that this failure is all there is: its lines are not
    /// taken twice.
    pub(super) fn accelerate(
        &mut self,
        retries: f64,
        failure: &Failure,
        same: bool,
        max_matches: usize,
    ) {
        self.retries += retries;
        self.failures += 1;
        let matches: &[Arc<str>] = if same { &[] } else { &failure.matches };
        self.keep_matches(matches, max_matches);
    }

    fn adjust(&mut self, time: Timestamp, find_time: f64) {
        if time <= self.last {
            return;
        }
        if self.first.seconds() < time.seconds() - find_time {
            let rate = self.retries / time.since(self.first);
            self.retries = (rate * find_time).round_ties_even();
            self.first = time.later_by(-find_time);
        }
        self.last = time;
    }

    fn keep_matches(&mut self, matches: &[Arc<str>], max_matches: usize) {
        self.matches.extend_from_slice(matches);
        let excess = self.matches.len().saturating_sub(max_matches);
        self.matches.drain(..excess);
    }
}
