//! Failures of several logs, in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kerio_ban_core::{Failure, FailureId, Timestamp};

use super::places::Place;

/// Something a source has to tell.
#[derive(Debug)]
pub(crate) struct Entry {
    /// When it counts.
    pub(crate) time: Timestamp,
    /// Whether that is what the log says. If not, it may change as long as the
    /// log is read.
    pub(crate) dated: bool,
    /// Which watch found it.
    pub(crate) watch: usize,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A failure of which nothing is kept that a decision does not need. A long
    /// log has very many of them.
    Bare(Bare),
    /// A failure; its tag is its [`Place`].
    Failure(Box<Failure>),
    /// A line that names the address that is to be explained, and is no failure
    /// of it.
    Mention(Box<Mention>),
}

/// A failure without its line and what was captured.
#[derive(Debug)]
pub(crate) struct Bare {
    id: FailureId,
    rule: usize,
    tag: u64,
}

impl Bare {
    pub(crate) fn failure(&self, time: Timestamp) -> Failure {
        let mut failure = Failure::new(self.id.clone()).at(time).with_tag(self.tag);
        failure.rule = self.rule;
        failure
    }
}

impl What {
    /// Where it was found.
    pub(crate) fn place(&self) -> Place {
        match self {
            What::Bare(bare) => Place::of_tag(bare.tag),
            What::Failure(failure) => Place::of_tag(failure.tag),
            What::Mention(mention) => mention.place,
        }
    }

    /// The failregex of a failure, and whom it is counted under.
    pub(crate) fn of_whom(&self) -> Option<(usize, &FailureId)> {
        match self {
            What::Bare(bare) => Some((bare.rule, &bare.id)),
            What::Failure(failure) => Some((failure.rule, &failure.id)),
            What::Mention(_) => None,
        }
    }
}

impl From<Failure> for What {
    fn from(failure: Failure) -> What {
        let is_bare =
            failure.captures.is_empty() && failure.users.is_none() && failure.matches.is_empty();
        if is_bare {
            What::Bare(Bare {
                id: failure.id,
                rule: failure.rule,
                tag: failure.tag,
            })
        } else {
            What::Failure(Box::new(failure))
        }
    }
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

    pub(crate) fn into_sources(self) -> Vec<S> {
        self.sources
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
                dated: true,
                watch: 0,
                what: Failure::new(id).with_tag(tag).into(),
            })
        }
    }

    #[test]
    fn a_single_log_keeps_its_order() {
        let mut merged = Merged::new(vec![List(vec![(10, 1), (5, 2)])]);
        let times = std::iter::from_fn(|| merged.next()).map(|entry| entry.time.seconds());
        assert_eq!(times.collect::<Vec<_>>(), [10.0, 5.0]);
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
            let What::Bare(bare) = entry.what else {
                panic!("all are bare failures");
            };
            tags.push(bare.tag);
        }
        assert_eq!(tags, [1, 2, 4, 5, 3]);
    }
}
