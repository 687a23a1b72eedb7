//! The failures in a log, with the moments at which they count.
//!
//! A thread of its own reads each log, a little ahead of what is decided.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use kerio_ban_core::{BlockOptions, LineState, Outcome, Session, Timestamp, Trouble};

use super::jails::Watch;
use super::merge::{Entries, Entry, Mention, What, Why};
use super::needle::Needle;
use super::places::Place;
use crate::input::{self, LogLines};

/// A log that is read with one or more filters.
pub(super) struct Reader {
    index: usize,
    lines: LogLines,
    at_end: bool,
    number: u64,
    /// The watches and how they read.
    sessions: Vec<(usize, Session)>,
    ready: VecDeque<Entry>,
    /// What was found before any date was. It counts at the first date.
    undated: Vec<Found>,
    /// The moment at which it counts, once that is known.
    start: Option<Timestamp>,
    now: Timestamp,
    /// The address of which every line is wanted.
    needle: Option<Arc<Needle>>,
    /// Whether captures and lines are kept, which takes time and memory.
    keep_texts: bool,
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

/// What was found in a line, before it is known when it counts.
struct Found {
    watch: usize,
    place: Place,
    time: Option<Timestamp>,
    what: What,
}

/// How many failures are kept in search of the first date of a log. One without
/// any counts as written now.
const MAX_UNDATED: usize = 10_000;

/// By how many seconds times may run backwards before it is worth a word.
const TOLERATED: f64 = 60.0;

impl Reader {
    /// Has a log, of which this is the index, read by these watches.
    pub(crate) fn new(
        lines: LogLines,
        index: usize,
        watches: &[(usize, &Watch)],
        now: Timestamp,
        needle: Option<Arc<Needle>>,
        keep_texts: bool,
    ) -> Reader {
        let session =
            |&(index, watch): &(usize, &Watch)| (index, watch.filter.session_with(&watch.options));
        Reader {
            lines,
            index,
            at_end: false,
            number: 0,
            sessions: watches.iter().map(session).collect(),
            ready: VecDeque::new(),
            undated: Vec::new(),
            start: None,
            now,
            needle,
            keep_texts,
            notes: Notes::default(),
        }
    }

    /// Judges the next block of lines with all filters.
    fn read_block(&mut self) {
        let options = BlockOptions {
            now: self.now,
            skip_comments: false,
            // The date of a line that is passed over is not known.
            pass_over: self.needle.is_none(),
        };
        let block = match self.lines.next_block() {
            Ok(Some(block)) => block,
            end => {
                if let Err(error) = end {
                    self.notes.broken = Some(input::broken_off(&error, self.number));
                }
                self.at_end = true;
                if !self.undated.is_empty() {
                    self.begin_at(self.now);
                }
                return;
            }
        };
        let mut found = Vec::new();
        let mut last = self.number;
        for (watch, session) in &mut self.sessions {
            let mut number = self.number;
            let Ok(()) = session.feed_block(block, &options, |session, text, state| {
                number += 1;
                if state == LineState::Judged {
                    let line = Line {
                        watch: *watch,
                        session,
                        place: Place::new(self.index, number),
                        text,
                        keep_texts: self.keep_texts,
                    };
                    line.findings(self.needle.as_deref(), &mut found);
                    line.troubles(&mut self.notes);
                }
                Ok::<(), Infallible>(())
            });
            last = number;
        }
        self.number = last;
        if self.sessions.len() > 1 {
            found.sort_by_key(|found: &Found| found.place);
        }
        for found in found {
            self.take(found);
        }
        let dates = self.sessions.iter().map(|(_, session)| session.last_date());
        self.notes.last = dates.flatten().max().or(self.notes.last);
        if let Some(last) = self.notes.last
            && self.start.is_none()
        {
            self.begin_at(last);
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

impl Reader {
    /// Reads the log in a thread of its own.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(super) fn start(self) -> io::Result<Entering> {
        let (sender, messages) = sync_channel(AHEAD);
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || self.run(&sender))?;
        Ok(Entering {
            messages,
            ready: VecDeque::new(),
            read: ReadLog::default(),
        })
    }

    fn run(mut self, sender: &SyncSender<Message>) {
        while !self.at_end {
            self.read_block();
            let ready = std::mem::take(&mut self.ready);
            // Nobody listens any more if the output was closed.
            if !ready.is_empty() && sender.send(Message::Entries(ready)).is_err() {
                return;
            }
        }
        drop(sender.send(Message::End(ReadLog {
            lines: self.number,
            notes: self.notes,
        })));
    }
}

/// The entries of a log, as they come from the thread that reads it.
pub(super) struct Entering {
    messages: Receiver<Message>,
    ready: VecDeque<Entry>,
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
                Ok(Message::Entries(entries)) => self.ready = entries,
                Ok(Message::End(read)) => self.read = read,
                // The thread is at its end.
                Err(_) => return None,
            }
        }
        self.ready.pop_front()
    }
}

/// A line that has just been judged.
struct Line<'l> {
    watch: usize,
    session: &'l Session,
    place: Place,
    text: &'l [u8],
    keep_texts: bool,
}

impl Line<'_> {
    /// Its failures; and if it names the address that is looked for without
    /// being its failure, that.
    fn findings(&self, needle: Option<&Needle>, found: &mut Vec<Found>) {
        let outcome = self.session.outcome();
        let before = found.len();
        let mut of_needle = false;
        for hit in outcome.failures() {
            let failure = if self.keep_texts {
                hit.to_failure()
            } else {
                hit.to_bare_failure()
            };
            if let Some(failure) = failure {
                of_needle |= needle.is_some_and(|needle| needle.is(&failure.id));
                let time = failure.time;
                let failure = failure.with_tag(self.place.tag());
                found.push(self.found(time, What::Failure(failure)));
            }
        }
        let Some(needle) = needle.filter(|_| !of_needle) else {
            return;
        };
        let text = String::from_utf8_lossy(self.text);
        if !needle.is_named_in(&text) {
            return;
        }
        let other = found[before..].iter().find_map(|found| match &found.what {
            What::Failure(failure) => Some(Why::Other {
                rule: failure.rule,
                id: failure.id.to_string(),
            }),
            What::Mention(_) => None,
        });
        let time = self.session.last_date();
        let mention = Mention {
            place: self.place,
            text: text.into_owned(),
            why: other.unwrap_or_else(|| self.why(&outcome)),
        };
        found.push(self.found(time, What::Mention(Box::new(mention))));
    }

    fn found(&self, time: Option<Timestamp>, what: What) -> Found {
        Found {
            watch: self.watch,
            place: self.place,
            time,
            what,
        }
    }

    /// Why the line is no failure.
    fn why(&self, outcome: &Outcome<'_>) -> Why {
        if let Some((_, message)) = self.undecided().next() {
            return Why::Undecided(message);
        }
        match (outcome, self.session.ignored_by().first()) {
            (_, Some(&index)) => Why::Ignored(index),
            (Outcome::NoFail(_), _) => Why::NoFail,
            (Outcome::Pending(_), _) => Why::Pending,
            _ => Why::Missed,
        }
    }

    fn troubles(&self, notes: &mut Notes) {
        for (place, message) in self.undecided() {
            notes.undecided += 1;
            notes.first_undecided.get_or_insert((place, message));
        }
    }

    fn undecided(&self) -> impl Iterator<Item = (Place, String)> {
        let message = |trouble: &Trouble| match trouble {
            Trouble::LimitReached { .. } | Trouble::BreaksOff { .. } => Some(trouble.to_string()),
            _ => None,
        };
        let place = self.place;
        let troubles = self.session.troubles().iter();
        troubles.filter_map(move |trouble| Some((place, message(trouble)?)))
    }
}
