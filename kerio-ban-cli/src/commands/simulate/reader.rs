//! The failures in a log, with the moments at which they count.
//!
//! A log is read where its failures are decided about, or by a thread of its own, a
//! little ahead of that.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::vec;

use kerio_ban_core::{Session, Timestamp};

use super::jails::Watch;
use super::judging::{Judged, Judging, Sessions};
use super::merge::{Entries, Entry, What};
use super::places::Place;
use crate::ahead::{self, Read, Turns};
use crate::input::{self, LogLines};

/// A log that is read with one or more filters.
pub(super) struct Reader {
    lines: LogLines,
    judging: Arc<Judging>,
    /// How many threads judge lines, the one that reads included.
    threads: usize,
    /// The watches and how they read.
    sessions: Vec<(usize, Session)>,
}

/// What was found, as it becomes known when it counts.
struct Queue<E> {
    /// What takes it, the first ones first.
    each: E,
    ready: Vec<Entry>,
    /// What was found before any date was. It counts at the first date.
    undated: Vec<Entry>,
    /// The moment at which it counts, once that is known.
    start: Option<Timestamp>,
    now: Timestamp,
    notes: Notes,
}

/// What a log says of itself beside its failures.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The date last seen.
    pub(crate) last: Option<Timestamp>,
    /// How many failures are dated more than a minute before the one ahead of
    /// them, and the first of them with both dates.
    pub(crate) backwards: u64,
    pub(crate) first_backwards: Option<(Place, Timestamp, Timestamp)>,
    /// How many failures count as happening now for want of any date.
    pub(crate) without_date: u64,
    /// How many lines could not be decided, and the first of them.
    pub(crate) undecided: u64,
    pub(crate) first_undecided: Option<(Place, String)>,
    /// Why the log could not be read to its end.
    pub(crate) broken: Option<String>,
    previous: Option<Timestamp>,
}

/// How many failures are kept in search of the first date of a log. One without
/// any counts as written now.
const MAX_UNDATED: usize = 10_000;

/// By how many seconds times may run backwards before it is worth a word.
const TOLERATED: f64 = 60.0;

impl Reader {
    pub(super) fn new(
        lines: LogLines,
        judging: Judging,
        watches: &[(usize, &Watch)],
        threads: usize,
    ) -> Reader {
        let session =
            |&(index, watch): &(usize, &Watch)| (index, watch.filter.session_with(&watch.options));
        Reader {
            lines,
            judging: Arc::new(judging),
            threads,
            sessions: watches.iter().map(session).collect(),
        }
    }

    /// Has the log read in a thread of its own.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(super) fn start(self) -> io::Result<Entering> {
        let (sender, messages) = sync_channel(AHEAD);
        let run = move || {
            let read = self.read(|entries| {
                let sent = sender.send(Message::Entries(std::mem::take(entries)));
                sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
            });
            // Nobody listens any more if the output was closed.
            if let Ok(read) = read {
                drop(sender.send(Message::End(read)));
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(run)?;
        Ok(Entering {
            messages,
            ready: Vec::new().into_iter(),
            read: ReadLog::default(),
        })
    }

    /// Reads the log to its end. `each` takes what was found, the first ones
    /// first, and leaves nothing behind.
    ///
    /// # Errors
    /// What `each` says.
    pub(super) fn read(
        mut self,
        each: impl FnMut(&mut Vec<Entry>) -> io::Result<()>,
    ) -> io::Result<ReadLog> {
        let mut queue = Queue {
            each,
            ready: Vec::new(),
            undated: Vec::new(),
            start: None,
            now: self.judging.now,
            notes: Notes::default(),
        };
        let mut in_order = InOrder {
            judging: &self.judging,
            sessions: &mut self.sessions,
            queue: &mut queue,
        };
        let read = ahead::read(&mut self.lines, self.threads, &mut in_order)?;
        queue.end(read)
    }
}

/// What is done in the order of the blocks.
struct InOrder<'r, E> {
    judging: &'r Arc<Judging>,
    sessions: &'r mut Vec<(usize, Session)>,
    queue: &'r mut Queue<E>,
}

impl<E: FnMut(&mut Vec<Entry>) -> io::Result<()>> Turns for InOrder<'_, E> {
    type Ahead = Sessions;

    fn judge(&mut self, block: &[u8], number: u64) -> io::Result<u64> {
        let sessions = self.sessions.iter_mut();
        let judge = |(watch, session): &mut _| self.judging.block(*watch, session, block, number);
        let judged: Vec<Judged> = sessions.map(judge).collect();
        // All of them have read the same lines.
        let last = judged.first().map_or(number, |judged| judged.last);
        self.take_all(judged)?;
        Ok(last)
    }

    fn ahead(&self) -> Option<Sessions> {
        let sessions = self.sessions.iter();
        let ahead = sessions.map(|(watch, session)| Some((*watch, session.ahead()?)));
        Some(Sessions {
            judging: Arc::clone(self.judging),
            sessions: ahead.collect::<Option<_>>()?,
        })
    }

    fn take(
        &mut self,
        done: Vec<(Session, Judged)>,
        block: &[u8],
        number: u64,
    ) -> io::Result<bool> {
        let mut good = true;
        let mut all = Vec::new();
        for ((watch, session), (ahead, judged)) in self.sessions.iter_mut().zip(done) {
            if session.take_over(&ahead) {
                all.push(judged);
            } else {
                good = false;
                all.push(self.judging.block(*watch, session, block, number));
            }
        }
        self.take_all(all)?;
        Ok(good)
    }
}

impl<E: FnMut(&mut Vec<Entry>) -> io::Result<()>> InOrder<'_, E> {
    /// Takes what all watches found in the next block.
    fn take_all(&mut self, judged: Vec<Judged>) -> io::Result<()> {
        let several = judged.len() > 1;
        let mut found = Vec::new();
        for judged in judged {
            let notes = &mut self.queue.notes;
            notes.undecided += judged.undecided;
            notes.first_undecided = notes.first_undecided.take().or(judged.first_undecided);
            if found.is_empty() {
                found = judged.found;
            } else {
                found.extend(judged.found);
            }
        }
        if several {
            found.sort_by_key(|entry: &Entry| entry.what.place());
        }
        self.queue.take_all(found);
        let dates = self.sessions.iter().map(|(_, session)| session.last_date());
        self.queue.block_is_over(dates.flatten().max())
    }
}

impl<E: FnMut(&mut Vec<Entry>) -> io::Result<()>> Queue<E> {
    /// `last` is the date last seen.
    fn block_is_over(&mut self, last: Option<Timestamp>) -> io::Result<()> {
        self.notes.last = last.or(self.notes.last);
        if let Some(last) = self.notes.last
            && self.start.is_none()
        {
            self.begin_at(last);
        }
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        if self.ready.is_empty() {
            return Ok(());
        }
        (self.each)(&mut self.ready)
    }

    fn end(mut self, read: Read) -> io::Result<ReadLog> {
        if let Some(error) = read.broken {
            self.notes.broken = Some(input::broken_off(&error, read.lines));
        }
        if !self.undated.is_empty() {
            self.begin_at(self.now);
        }
        self.send()?;
        Ok(ReadLog {
            lines: read.lines,
            notes: self.notes,
        })
    }

    /// Puts what was found behind the rest.
    fn take_all(&mut self, mut found: Vec<Entry>) {
        if self.start.is_none() {
            found.into_iter().for_each(|entry| self.take(entry));
        } else {
            found.iter_mut().for_each(|entry| self.settle(entry));
            if self.ready.is_empty() {
                self.ready = found;
            } else {
                self.ready.append(&mut found);
            }
        }
    }

    /// Puts what was found behind the rest, as soon as it is known when it
    /// counts.
    fn take(&mut self, mut entry: Entry) {
        if entry.dated && self.start.is_none() {
            self.begin_at(entry.time);
        }
        if self.start.is_some() {
            self.settle(&mut entry);
            self.ready.push(entry);
        } else {
            self.undated.push(entry);
            if self.undated.len() >= MAX_UNDATED {
                self.begin_at(self.now);
            }
        }
    }

    /// Everything that was found before any date counts at this moment.
    fn begin_at(&mut self, time: Timestamp) {
        self.start = Some(time);
        if time == self.now {
            self.notes.without_date += self.undated.len() as u64;
        }
        for entry in std::mem::take(&mut self.undated) {
            self.take(entry);
        }
    }

    /// Decides when something counts, now that it is known when the log begins.
    fn settle(&mut self, entry: &mut Entry) {
        if !entry.dated {
            entry.time = self.start.unwrap_or(self.now);
            if let What::Failure(failure) = &mut entry.what {
                failure.time = Some(entry.time);
            }
        }
        if entry.what.of_whom().is_none() {
            return;
        }
        let time = entry.time;
        let notes = &mut self.notes;
        let previous = notes.previous.replace(time);
        if let Some(previous) = previous.filter(|previous| previous.since(time) > TOLERATED) {
            notes.backwards += 1;
            let first = &mut notes.first_backwards;
            first.get_or_insert((entry.what.place(), previous, time));
        }
    }
}

/// What comes from a thread that reads a log.
enum Message {
    Entries(Vec<Entry>),
    End(ReadLog),
}

/// A log that was read to its end.
#[derive(Debug, Default)]
pub(crate) struct ReadLog {
    pub(crate) lines: u64,
    pub(crate) notes: Notes,
}

/// How many blocks of a log may be read before they are decided about.
const AHEAD: usize = 4;

/// The entries of a log, as they come from the thread that reads it.
pub(super) struct Entering {
    messages: Receiver<Message>,
    ready: vec::IntoIter<Entry>,
    /// What there is to say of the log, after the last entry.
    read: ReadLog,
}

impl Entering {
    /// What there is to say of the log, once all entries have been taken.
    pub(super) fn into_read(self) -> ReadLog {
        self.read
    }
}

impl Entries for Entering {
    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.ready.next() {
                return Some(entry);
            }
            match self.messages.recv() {
                Ok(Message::Entries(entries)) => self.ready = entries.into_iter(),
                Ok(Message::End(read)) => self.read = read,
                // The thread is at its end.
                Err(_) => return None,
            }
        }
    }
}
