//! Failures told over several lines: the memory by `F-MLFID`.
//!
//! A service that writes its connection id on every line lets a filter put
//! together what single lines do not say: the address on one, the user on the
//! next, the verdict on a third. What is known of a connection is a
//! [`Record`]; it is kept under the text of its `mlfid` group.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::data::{Captures, Value};
use crate::time::Timestamp;

/// What is known of a failure: one match, or all matches of a connection so
/// far.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) captures: Captures,
    /// All user names seen on the connection. Only ever filled there.
    pub(super) users: Option<BTreeSet<Arc<str>>>,
    pub(super) matches: Vec<Arc<str>>,
    /// Lines that were no failure by themselves and belong to the next one.
    quiet_matches: Vec<Arc<str>>,
    /// A failure was seen, but not yet whose.
    pub(super) pending: bool,
}

impl Record {
    pub(super) fn new(captures: Captures) -> Record {
        Record {
            captures,
            ..Record::default()
        }
    }

    /// Whether the match says that it is no failure.
    pub(super) fn is_nofail(&self) -> bool {
        self.captures.non_empty("nofail").is_some()
    }

    /// Adds the user that a match names, if it names one.
    fn learn_user(&mut self, user: Option<Arc<str>>) {
        if let Some(user) = user {
            if self.users.is_none() {
                // They stand among the captures where they were first added.
                self.captures.set(&"users".into(), None);
            }
            self.users.get_or_insert_default().insert(user);
        }
    }
}

/// The user that a match names.
fn user_of(captures: &Captures) -> Option<Arc<str>> {
    match captures.non_empty("user") {
        Some(Value::Text(user)) => Some(Arc::clone(user)),
        _ => None,
    }
}

/// How long fail2ban remembers a connection, from its first line.
const MAX_AGE: f64 = 300.0;

/// How many connections fail2ban remembers.
const MAX_COUNT: usize = 100;

/// The connections of one log.
#[derive(Debug, Default)]
pub(super) struct Connections {
    known: HashMap<Id, Entry, BuildHasherDefault<TextHasher>>,
    /// Oldest first. Holds keys that were forgotten since; `born` tells them
    /// from living ones.
    order: VecDeque<(Id, u64)>,
    births: u64,
}

/// The text of the `mlfid` group.
type Id = Arc<str>;

/// A quick hash of texts, good enough where there are no more than
/// [`MAX_COUNT`] of them, whoever chose them.
#[derive(Default)]
struct TextHasher(u64);

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk
                .iter()
                .fold(0, |word, &byte| word << 8 | u64::from(byte));
            self.0 = (self.0 ^ word)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
struct Entry {
    /// Absent only between [`Connections::merge`] and [`Connections::keep`].
    record: Option<Arc<Record>>,
    expires: Timestamp,
    born: u64,
}

impl Connections {
    /// Merges a match into what is known of its connection. The result has to
    /// be given back with [`Connections::keep`].
    pub(super) fn merge(
        &mut self,
        id: &Arc<str>,
        mut captures: Captures,
        lines: &[Arc<str>],
        now: Timestamp,
    ) -> Record {
        let gained = captures.non_empty("mlfgained").cloned();
        if gained.is_some() && captures.non_empty("nofail").is_none() {
            captures.set(&"nofail".into(), gained.clone());
        }
        let mut quiet = gained.is_some() || captures.non_empty("nofail").is_some();
        let forget = captures
            .remove("mlfforget")
            .is_some_and(|value| value != Value::Text("".into()));

        let mut record = match self.take(id, now) {
            Some(mut record) => {
                record.learn_user(user_of(&captures));
                let was_quiet = record.captures.non_empty("nofail").is_some()
                    | record.captures.non_empty("mlfgained").is_some();
                record.captures.remove("nofail");
                record.captures.remove("mlfgained");
                if gained.is_some() {
                    record.pending = false;
                }
                // Without anything pending, the lines were delivered already.
                if !was_quiet && !record.pending {
                    record.matches.clear();
                }
                record.captures.overwrite(captures);
                if forget {
                    self.forget(id);
                }
                record
            }
            None => {
                let mut record = Record::new(captures);
                if !forget {
                    record.learn_user(user_of(&record.captures));
                    self.insert(id, now);
                }
                record
            }
        };

        // Neither a failure in waiting nor a second user name can be taken
        // back by a success.
        let several_users = record.users.as_ref().is_some_and(|users| users.len() > 1);
        if std::mem::take(&mut record.pending) || several_users {
            record.captures.remove("nofail");
            record.captures.remove("mlfgained");
            quiet = false;
        }
        if !quiet {
            let mut matches = std::mem::take(&mut record.quiet_matches);
            matches.append(&mut record.matches);
            matches.extend_from_slice(lines);
            record.matches = matches;
        } else if !forget {
            record.quiet_matches.extend_from_slice(lines);
        }
        record
    }

    /// Stores what is known of a connection now, if it is still remembered.
    pub(super) fn keep(&mut self, id: &Arc<str>, record: &Arc<Record>) {
        if let Some(entry) = self.known.get_mut(id) {
            entry.record = Some(Arc::clone(record));
        }
    }

    fn take(&mut self, id: &Arc<str>, now: Timestamp) -> Option<Record> {
        let entry = self.known.get_mut(id)?;
        if entry.expires <= now {
            self.known.remove(id);
            return None;
        }
        let record = entry.record.take().unwrap_or_default();
        // Nobody else has it unless a hit was cloned.
        Some(Arc::unwrap_or_clone(record))
    }

    fn forget(&mut self, id: &Arc<str>) {
        self.known.remove(id);
    }

    /// Makes room as fail2ban does: from the oldest on, all that are over and
    /// one that is not.
    fn insert(&mut self, id: &Arc<str>, now: Timestamp) {
        if self.known.len() >= MAX_COUNT {
            while let Some((oldest, born)) = self.order.pop_front() {
                if self
                    .known
                    .get(&oldest)
                    .is_none_or(|entry| entry.born != born)
                {
                    continue;
                }
                let over = self
                    .known
                    .remove(&oldest)
                    .is_some_and(|entry| entry.expires <= now);
                if !over && self.known.len() < MAX_COUNT {
                    break;
                }
            }
        }
        // Keys of forgotten connections must not pile up.
        if self.order.len() >= 4 * MAX_COUNT {
            let known = &self.known;
            self.order
                .retain(|(id, born)| known.get(id).is_some_and(|entry| entry.born == *born));
        }
        self.births += 1;
        self.order.push_back((Arc::clone(id), self.births));
        let entry = Entry {
            record: None,
            expires: now.later_by(MAX_AGE),
            born: self.births,
        };
        self.known.insert(Arc::clone(id), entry);
    }
}
