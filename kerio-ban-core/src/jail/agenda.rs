//! What is due when.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use crate::filter::FailureId;
use crate::time::Timestamp;

/// Something to look at when a moment has passed.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at: Timestamp,
    /// Tells it from earlier items of the same id, and breaks ties.
    pub(super) number: u64,
    pub(super) id: FailureId,
}

impl Ord for Item {
    /// The earliest is the greatest, and comes out of a heap first.
    fn cmp(&self, other: &Item) -> Ordering {
        let key = |item: &Item| (item.at, item.number);
        key(other).cmp(&key(self))
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Item) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Item {}

/// Items by the moments at which they are due.
///
/// Logs run forwards, so that almost every item is due after all others: these
/// form a queue. Only the rest has to be put in order.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: VecDeque<Item>,
    others: BinaryHeap<Item>,
}

impl Agenda {
    pub(super) fn push(&mut self, item: Item) {
        // An item that comes out first is the greater one.
        if self.queue.back().is_none_or(|last| item <= *last) {
            self.queue.push_back(item);
        } else {
            self.others.push(item);
        }
    }

    /// Whether `due` says so of the moment of any item; it must of all moments
    /// before one of which it does.
    #[inline]
    pub(super) fn any(&self, due: impl Fn(Timestamp) -> bool) -> bool {
        let first = [self.queue.front(), self.others.peek()];
        first.into_iter().flatten().any(|item| due(item.at))
    }

    /// Takes out the next item, if `due` says so of its moment.
    pub(super) fn next_if(&mut self, due: impl Fn(Timestamp) -> bool) -> Option<Item> {
        let from_queue = match (self.queue.front(), self.others.peek()) {
            (Some(first), Some(other)) => first >= other,
            (first, _) => first.is_some(),
        };
        if from_queue {
            self.queue.front().filter(|item| due(item.at))?;
            self.queue.pop_front()
        } else {
            self.others.peek().filter(|item| due(item.at))?;
            self.others.pop()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_whatever_the_order() {
        let id = FailureId::parse("192.0.2.1").unwrap();
        let mut agenda = Agenda::default();
        let times = [5, 7, 7, 3, 9, 8, 1, 9, 2];
        for (number, seconds) in (1..).zip(times) {
            agenda.push(Item {
                at: Timestamp::from_whole_seconds(seconds),
                number,
                id: id.clone(),
            });
        }
        let early = |at: Timestamp| at.seconds() < 9.0;
        let mut out = Vec::new();
        while let Some(item) = agenda.next_if(early) {
            out.push((item.at.seconds() as i64, item.number));
        }
        let expected = [(1, 7), (2, 9), (3, 4), (5, 1), (7, 2), (7, 3), (8, 6)];
        assert_eq!(out, expected);
        let rest = std::iter::from_fn(|| agenda.next_if(|_| true));
        assert_eq!(rest.map(|item| item.number).collect::<Vec<_>>(), [5, 8]);
    }
}
