//! The failures in a log, with the moments at which they count.
//!
//! A thread of its own reads each log, a little ahead of what is decided.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use kerio_ban_core::{Session, Timestamp};

use super::jails::Watch;
use super::judging::{Found, Judged, Judging, Sessions};
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
    queue: Queue,
}

/// What was found, as it becomes known when it counts.
struct Queue {
    sender: SyncSender<Message>,
    ready: VecDeque<Entry>,
    /// What was found before any date was. It counts at the first date.
    undated: Vec<Found>,
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
    /// Has a log read by these watches in a thread of its own, with so many
    /// threads in all.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(super) fn start(
        lines: LogLines,
        judging: Judging,
        watches: &[(usize, &Watch)],
        threads: usize,
    ) -> io::Result<Entering> {
        let (sender, messages) = sync_channel(AHEAD);
        let session =
            |&(index, watch): &(usize, &Watch)| (index, watch.filter.session_with(&watch.options));
        let queue = Queue {
            sender,
            ready: VecDeque::new(),
            undated: Vec::new(),
            start: None,
            now: judging.now,
            notes: Notes::default(),
        };
        let reader = Reader {
            lines,
            judging: Arc::new(judging),
            threads,
            sessions: watches.iter().map(session).collect(),
            queue,
        };
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || reader.run())?;
        Ok(Entering {
            messages,
            ready: VecDeque::new(),
            fresh: false,
            read: ReadLog::default(),
        })
    }

    fn run(mut self) {
        let mut in_order = InOrder {
            judging: &self.judging,
            sessions: &mut self.sessions,
            queue: &mut self.queue,
        };
        let read = ahead::read(&mut self.lines, self.threads, &mut in_order);
        // Nobody listens any more if the output was closed.
        if let Ok(read) = read {
            self.queue.end(read);
        }
    }
}

/// What is done in the order of the blocks.
struct InOrder<'r> {
    judging: &'r Arc<Judging>,
    sessions: &'r mut Vec<(usize, Session)>,
    queue: &'r mut Queue,
}

impl Turns for InOrder<'_> {
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

impl InOrder<'_> {
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
            found.sort_by_key(|found: &Found| found.place);
        }
        for found in found {
            self.queue.take(found);
        }
        let dates = self.sessions.iter().map(|(_, session)| session.last_date());
        self.queue.block_is_over(dates.flatten().max())
    }
}

impl Queue {
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
        let entries = std::mem::take(&mut self.ready);
        let sent = self.sender.send(Message::Entries(entries));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn end(mut self, read: Read) {
        if let Some(error) = read.broken {
            self.notes.broken = Some(input::broken_off(&error, read.lines));
        }
        if !self.undated.is_empty() {
            self.begin_at(self.now);
        }
        if self.send().is_ok() {
            let read = ReadLog {
                lines: read.lines,
                notes: self.notes,
            };
            drop(self.sender.send(Message::End(read)));
        }
    }

    /// Puts what was found behind the rest, as soon as it is known when it
    /// counts.
    fn take(&mut self, found: Found) {
        if let Some(time) = found.time
            && self.start.is_none()
        {
            self.begin_at(time);
        }
        match found.time.or(self.start) {
            Some(time) => self.push(found, time),
            None => {
                self.undated.push(found);
                if self.undated.len() >= MAX_UNDATED {
                    self.begin_at(self.now);
                }
            }
        }
    }

    /// Everything that was found before any date counts at this moment.
    fn begin_at(&mut self, time: Timestamp) {
        self.start = Some(time);
        if time == self.now {
            self.notes.without_date += self.undated.len() as u64;
        }
        for found in std::mem::take(&mut self.undated) {
            self.push(found, time);
        }
    }

    fn push(&mut self, mut found: Found, time: Timestamp) {
        let notes = &mut self.notes;
        if let What::Failure(failure) = &mut found.what {
            failure.time = Some(time);
        }
        if found.what.of_whom().is_some() {
            let previous = notes.previous.replace(time);
            if let Some(previous) = previous.filter(|previous| previous.since(time) > TOLERATED) {
                notes.backwards += 1;
                let first = &mut notes.first_backwards;
                first.get_or_insert((found.place, previous, time));
            }
        }
        self.ready.push_back(Entry {
            time,
            watch: found.watch,
            what: found.what,
        });
    }
}

/// What comes from a thread that reads a log.
enum Message {
    Entries(VecDeque<Entry>),
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
    ready: VecDeque<Entry>,
    /// Whether these have just arrived.
    fresh: bool,
    /// What there is to say of the log, after the last entry.
    read: ReadLog,
}

impl Entering {
    pub(super) fn read(&self) -> &ReadLog {
        &self.read
    }
}

impl Entries for Entering {
    fn next(&mut self) -> Option<Entry> {
        while self.ready.is_empty() {
            match self.messages.recv() {
                Ok(Message::Entries(entries)) => {
                    self.ready = entries;
                    self.fresh = true;
                }
                Ok(Message::End(read)) => self.read = read,
                // The thread is at its end.
                Err(_) => return None,
            }
        }
        self.ready.pop_front()
    }

    fn arrived(&mut self) -> Option<&VecDeque<Entry>> {
        std::mem::take(&mut self.fresh).then_some(&self.ready)
    }
}
