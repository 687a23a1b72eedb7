//! Failures told over several lines: the memory by `F-MLFID`.
//!
//! A service that writes its connection id on every line lets a filter put
//! together what single lines do not say: the address on one, the user on the
//! next, the verdict on a third. What is known of a connection is a
//! [`Record`]; it is kept under the text of its `mlfid` group.
//!
//! Most of it is never asked for, so it is kept as plain text, in memory that
//! the next connection uses again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::facts::{Facts, clear_text};
use super::gather::{Gathered, Texts};
use super::names::Name;
use crate::time::Timestamp;

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The text of the `mlfid` group.
    id: String,
    pub(super) facts: Facts,
    pub(super) users: Users,
    pub(super) matches: Lines,
    /// Lines that were no failure by themselves and belong to the next one.
    quiet_matches: Lines,
    /// A failure was seen, but not yet whose.
    pub(super) pending: bool,
}

impl Record {
    /// Whether the last match says that it is no failure.
    pub(super) fn is_nofail(&self) -> bool {
        is_nofail(&self.facts)
    }

    fn begin(&mut self, id: &str) {
        clear_text(&mut self.id);
        self.id.push_str(id);
        self.users.clear();
        self.matches.clear();
        self.quiet_matches.clear();
        self.pending = false;
    }

    /// Adds the user that a match names, if it names one.
    fn learn_user(&mut self, user: Option<&str>) {
        if let Some(user) = user {
            if !self.users.any {
                // They stand among the captures where they were first added.
                self.facts.set_absent(Name::USERS);
            }
            self.users.add(user);
        }
    }

    /// It is a failure after all.
    fn is_failure(&mut self) {
        self.facts.remove(Name::NOFAIL);
        self.facts.remove(Name::MLFGAINED);
    }
}

/// Whether a match says that it is no failure.
pub(super) fn is_nofail(facts: &Facts) -> bool {
    facts.non_empty(Name::NOFAIL).is_some()
}

/// The names of users seen on a connection: mostly one.
#[derive(Debug, Default)]
pub(super) struct Users {
    any: bool,
    first: String,
    /// All of them, if there are several.
    all: BTreeSet<Arc<str>>,
}

impl Users {
    fn clear(&mut self) {
        self.any = false;
        self.all.clear();
    }

    fn add(&mut self, user: &str) {
        if !self.any {
            self.any = true;
            clear_text(&mut self.first);
            self.first.push_str(user);
        } else if self.first != user && !self.all.contains(user) {
            self.all.insert(self.first.as_str().into());
            self.all.insert(user.into());
        }
    }

    fn are_several(&self) -> bool {
        !self.all.is_empty()
    }

    /// All of them, sorted; nothing if there are none.
    pub(super) fn to_set(&self) -> Option<BTreeSet<Arc<str>>> {
        self.any.then(|| match self.are_several() {
            true => self.all.clone(),
            false => BTreeSet::from([self.first.as_str().into()]),
        })
    }
}

/// Lines, one after the other in one text.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Lines {
    fn clear(&mut self) {
        clear_text(&mut self.text);
        self.ends.clear();
    }

    fn push(&mut self, line: &[&str]) {
        line.iter().for_each(|part| self.text.push_str(part));
        self.ends.push(self.text.len());
    }

    /// Puts other lines in front, and leaves none there.
    fn prepend(&mut self, front: &mut Lines) {
        if !front.ends.is_empty() {
            for line in self.iter() {
                front.push(&[line]);
            }
            std::mem::swap(self, front);
            front.clear();
        }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let places = starts.zip(&self.ends);
        places.map(|(start, &end)| &self.text[start..end])
    }

    pub(super) fn to_vec(&self) -> Vec<Arc<str>> {
        self.iter().map(Arc::from).collect()
    }
}

/// The lines that a match took.
#[derive(Clone, Copy)]
pub(super) enum Matched<'l> {
    /// The line itself, in full, in parts.
    Line([&'l str; 3]),
    /// Lines of those that were buffered.
    Lines(&'l [Arc<str>]),
}

impl Matched<'_> {
    fn add_to(self, lines: &mut Lines) {
        match self {
            Matched::Line(line) => lines.push(&line),
            Matched::Lines(more) => more.iter().for_each(|line| lines.push(&[line])),
        }
    }

    pub(super) fn to_vec(self) -> Vec<Arc<str>> {
        match self {
            Matched::Line(line) => vec![line.concat().into()],
            Matched::Lines(lines) => lines.to_vec(),
        }
    }
}

/// How long fail2ban remembers a connection, from its first line.
const MAX_AGE: f64 = 300.0;

/// How many connections fail2ban remembers.
const MAX_COUNT: usize = 100;

/// How many kinds of hashes are counted: many more than there are hashes.
const KINDS: usize = 4096;

fn kind(hash: u32) -> usize {
    hash as usize % KINDS
}

/// The connections of one log.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Records, in use or not, by their numbers.
    records: Vec<Record>,
    unused: Vec<usize>,
    /// The connections that are remembered, oldest first.
    known: VecDeque<Connection>,
    /// Hashes of their ids, in the same order.
    hashes: VecDeque<u32>,
    /// How many hashes end in the same bits, by these; nothing before the first
    /// one. Most ids are looked for in vain.
    similar: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    /// The number of its record.
    record: usize,
    expires: Timestamp,
}

/// A hash of an id. With equal ones, ids are compared, so at worst there are
/// [`MAX_COUNT`] comparisons, whoever chose the ids.
fn hash(id: &str) -> u32 {
    let mut hash = id.len() as u64;
    let mut add = |word: u64| {
        hash = (hash ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    };
    let (words, rest) = id.as_bytes().as_chunks::<8>();
    words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
    add(rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte)));
    (hash ^ hash >> 32) as u32
}

impl Connections {
    /// Merges a match into what is known of its connection. Returns the number
    /// of the record, which stays as it is until the next match is merged.
    pub(super) fn merge(
        &mut self,
        id: &str,
        captures: &mut Gathered,
        texts: Texts<'_>,
        matched: Matched<'_>,
        now: Timestamp,
    ) -> usize {
        let gained = captures.non_empty(Name::MLFGAINED).cloned();
        let gains = gained.is_some();
        if gains && captures.non_empty(Name::NOFAIL).is_none() {
            captures.set(Name::NOFAIL, gained);
        }
        let mut quiet = gains || captures.non_empty(Name::NOFAIL).is_some();
        let forget = captures
            .remove(Name::MLFFORGET)
            .is_some_and(|piece| !piece.is_empty());
        let user = captures.non_empty(Name::USER);
        let user = user.and_then(|user| user.text(texts));

        let hash = hash(id);
        let number = match self.find(id, hash, now) {
            Some(place) => {
                let number = self.known[place].record;
                let record = &mut self.records[number];
                record.learn_user(user);
                let was_quiet =
                    record.is_nofail() | record.facts.non_empty(Name::MLFGAINED).is_some();
                record.is_failure();
                if gains {
                    record.pending = false;
                }
                // Without anything pending, the lines were delivered already.
                if !was_quiet && !record.pending {
                    record.matches.clear();
                }
                record.facts.overwrite(captures, texts);
                if forget {
                    self.forget(place);
                }
                number
            }
            None => {
                let number = self.unused.pop().unwrap_or(self.records.len());
                if number == self.records.len() {
                    self.records.push(Record::default());
                }
                let record = &mut self.records[number];
                record.begin(id);
                record.facts.replace(captures, texts);
                if forget {
                    self.unused.push(number);
                } else {
                    record.learn_user(user);
                    self.insert(hash, number, now);
                }
                number
            }
        };

        // Neither a failure in waiting nor a second user name can be taken
        // back by a success.
        let record = &mut self.records[number];
        if std::mem::take(&mut record.pending) || record.users.are_several() {
            record.is_failure();
            quiet = false;
        }
        if !quiet {
            record.matches.prepend(&mut record.quiet_matches);
            matched.add_to(&mut record.matches);
        } else if !forget {
            matched.add_to(&mut record.quiet_matches);
        }
        number
    }

    /// A record by its number.
    pub(super) fn record(&self, number: usize) -> &Record {
        &self.records[number]
    }

    pub(super) fn record_mut(&mut self, number: usize) -> &mut Record {
        &mut self.records[number]
    }

    /// The place of a connection that is still remembered.
    fn find(&mut self, id: &str, hash: u32, now: Timestamp) -> Option<usize> {
        if self.similar.get(kind(hash)).is_none_or(|&count| count == 0) {
            return None;
        }
        // Lines of a connection are mostly close to each other.
        let mut places = (0..self.hashes.len()).rev();
        let place = places.find(|&place| {
            self.hashes[place] == hash && self.records[self.known[place].record].id == id
        })?;
        if self.known[place].expires <= now {
            self.forget(place);
            return None;
        }
        Some(place)
    }

    fn forget(&mut self, place: usize) {
        if let Some(hash) = self.hashes.remove(place) {
            self.similar[kind(hash)] -= 1;
        }
        let forgotten = self.known.remove(place);
        let record = forgotten.map(|connection| connection.record);
        self.unused.extend(record);
    }

    /// Makes room as fail2ban does: from the oldest on, all that are over and
    /// one that is not.
    fn insert(&mut self, hash: u32, record: usize, now: Timestamp) {
        if self.known.len() >= MAX_COUNT {
            let over = |known: &&Connection| known.expires <= now;
            let over = self.known.iter().take_while(over).count();
            for _ in 0..self.known.len().min(over + 1) {
                self.forget(0);
            }
        }
        self.similar.resize(KINDS, 0);
        self.similar[kind(hash)] += 1;
        self.hashes.push_back(hash);
        self.known.push_back(Connection {
            record,
            expires: now.later_by(MAX_AGE),
        });
    }
}
