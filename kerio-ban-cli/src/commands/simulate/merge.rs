//! Failures of several logs, in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kerio_ban_core::{Failure, Timestamp};

use super::places::Place;

/// Something a source has to tell.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) time: Timestamp,
    /// Which watch found it.
    pub(crate) watch: usize,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A failure; its tag is its [`Place`].
    Failure(Failure),
    /// A line that names the address that is to be explained, and is no failure
    /// of it.
    Mention(Box<Mention>),
}

/// A line that names an address without being its failure.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) why: Why,
}

/// Why a line is no failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No failregex matches.
    Missed,
    /// The ignoreregex of this index matches.
    Ignored(usize),
    /// It says itself that it is none.
    NoFail,
    /// It is not known yet whose failure it is.
    Pending,
    /// It is a failure of somebody else.
    Other { rule: usize, id: String },
    /// It could not be decided.
    Undecided(String),
}

/// Where entries come from, in the order of the lines of a log.
pub(crate) trait Entries {
    /// The next entry. `None` at the end.
    fn next(&mut self) -> Option<Entry>;
}

/// Entries of several sources. The next is always the earliest of those that
/// the sources have next; among equals, that of the first source.
pub(crate) struct Merged<S> {
    sources: Vec<S>,
    next: Vec<Option<Entry>>,
    order: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

impl<S: Entries> Merged<S> {
    pub(crate) fn new(mut sources: Vec<S>) -> Merged<S> {
        let mut next = Vec::new();
        let mut order = BinaryHeap::new();
        for (index, source) in sources.iter_mut().enumerate() {
            let entry = source.next();
            if let Some(entry) = &entry {
                order.push(Reverse((entry.time, index)));
            }
            next.push(entry);
        }
        Merged {
            sources,
            next,
            order,
        }
    }

    pub(crate) fn sources(&self) -> &[S] {
        &self.sources
    }
}

impl<S: Entries> Entries for Merged<S> {
    fn next(&mut self) -> Option<Entry> {
        let Reverse((_, index)) = self.order.pop()?;
        let entry = self.next[index].take();
        self.next[index] = self.sources[index].next();
        if let Some(entry) = &self.next[index] {
            self.order.push(Reverse((entry.time, index)));
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerio_ban_core::FailureId;

    struct List(Vec<(i64, u64)>);

    impl Entries for List {
        fn next(&mut self) -> Option<Entry> {
            if self.0.is_empty() {
                return None;
            }
            let (seconds, tag) = self.0.remove(0);
            let id = FailureId::parse("192.0.2.1").unwrap();
            Some(Entry {
                time: Timestamp::from_whole_seconds(seconds),
                watch: 0,
                what: What::Failure(Failure::new(id).with_tag(tag)),
            })
        }
    }

    #[test]
    fn the_earliest_comes_first_and_logs_keep_their_order() {
        let lists = vec![
            List(vec![(10, 1), (5, 2), (30, 3)]),
            List(vec![(10, 4), (20, 5)]),
        ];
        let mut merged = Merged::new(lists);
        let mut tags = Vec::new();
        while let Some(entry) = merged.next() {
            let What::Failure(failure) = entry.what else {
                panic!("all are failures");
            };
            tags.push(failure.tag);
        }
        assert_eq!(tags, [1, 2, 4, 5, 3]);
    }
}
