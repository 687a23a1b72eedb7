//! Searching lines of connections before their turn.
//!
//! What becomes of a line of a connection (`F-MLFID`) depends on the lines
//! before it, but what the expressions find in it does not. So a [`Scout`]
//! searches a block of lines and keeps what it found; afterwards, in the order
//! of the blocks, a session judges the lines by that instead of searching them.
//! All the rest it does as always, one line after the other.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::outcome::Trouble;
use super::place::Cut;
use super::scan::{BlockOptions, Stretch, next_line};
use super::session::{BreaksOff, Known, Line, Session};
use super::split::DatedLine;
use crate::pattern::{SavedSlots, Slots};
use crate::time::Timestamp;

/// A session that searches lines further on in a log.
pub struct Scout(Session);

/// A block that was searched.
pub struct Scouted {
    session: Session,
    options: BlockOptions,
    /// How long the block is.
    length: usize,
    notes: Notes,
}

/// What was found in the lines of a block.
#[derive(Default)]
struct Notes {
    stretches: Vec<ScoutedStretch>,
    judged: Vec<Judged>,
    hits: Vec<Hit>,
    /// The groups of all matches.
    groups: SavedSlots,
}

/// Notes that nobody needs any more, kept for their memory: they come from other
/// threads, and there is a block of them for each block of the log.
#[derive(Clone, Default)]
pub(super) struct SpareNotes(Arc<Mutex<Vec<Notes>>>);

impl SpareNotes {
    /// Empty notes.
    fn take(&self) -> Notes {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.pop().unwrap_or_default()
    }

    fn give_back(&self, mut notes: Notes) {
        notes.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(notes);
    }
}

impl Drop for Scouted {
    fn drop(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        self.session.spare_notes.give_back(notes);
    }
}

/// A [`Stretch`] of the block.
struct ScoutedStretch {
    place: Range<usize>,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Skipped,
    /// So many lines.
    Passed(u64),
    /// There is more to say of it, under this number.
    Judged(usize),
}

struct Judged {
    date: Result<Date, BreaksOff>,
    /// The date last seen in the block, if the line names none.
    last_date: Option<(Timestamp, Box<str>)>,
    /// Whether it is ASCII, and one line.
    ascii: bool,
    /// What the expressions found; nothing if that is to be found out again.
    found: Option<Found>,
}

/// What is known of the date of a line.
#[derive(Clone, Copy, Default)]
pub(super) struct Date {
    pub(super) cut: Cut,
    pub(super) time: Option<Timestamp>,
    pub(super) borrowed: bool,
    pub(super) undated: bool,
    /// What looks like a date is none.
    pub(super) bad: bool,
}

impl Date {
    /// Whether the line names it.
    fn is_own(&self) -> bool {
        self.cut.date > 0 && self.time.is_some() && !self.undated
    }
}

/// What the expressions found in a line.
#[derive(Clone)]
struct Found {
    /// The groups of the prefregex, if it matched.
    prefix: Option<usize>,
    hits: Range<usize>,
}

/// A match of a failregex.
struct Hit {
    rule: usize,
    groups: usize,
}

impl Session {
    /// What searches lines further on in the same log: for filters that
    /// connect lines, for which there is nothing [ahead](Session::ahead).
    /// `None` if what is found in a line depends on the lines before it: with
    /// `maxlines`, or times that are compared with the clock.
    pub fn scout(&self) -> Option<Scout> {
        let lines_are_searched_alone = self.filter.max_lines() == 1;
        let mut session = self.begin_ahead().filter(|_| lines_are_searched_alone)?;
        session.scouting = true;
        session.spare_notes = self.spare_notes.clone();
        Some(Scout(session))
    }

    /// Judges the lines of a block, which must be the next one, by what was
    /// found in it. Does what [`Session::feed_stretches`] would, except that
    /// [`Session::date_hits`] are those of the whole block from the start.
    ///
    /// `false`, and nothing done, if what the scout began with could have made
    /// a difference: then the block is to be read by
    /// [`Session::feed_stretches`].
    ///
    /// # Errors
    /// The first one that `each` returns; the lines after it are not read.
    ///
    /// # Panics
    /// Perhaps, if another block of the same length was searched.
    pub fn feed_scouted<E>(
        &mut self,
        block: &[u8],
        scouted: &Scouted,
        mut each: impl FnMut(&Session, Stretch<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        if block.len() != scouted.length || !self.take_over_dates(&scouted.session) {
            return Ok(false);
        }
        let whole = std::str::from_utf8(block).ok();
        for stretch in &scouted.notes.stretches {
            let place = stretch.place.clone();
            let text = &block[place.clone()];
            let stretch = match stretch.what {
                What::Skipped => Stretch::Skipped(text),
                What::Passed(lines) => Stretch::Passed { lines, text },
                What::Judged(number) => {
                    let line = whole.and_then(|whole| whole.get(place));
                    let line = line.map_or(Line::Bytes(text), Line::Text);
                    self.feed_searched(line, scouted, &scouted.notes.judged[number]);
                    Stretch::Judged(text)
                }
            };
            each(self, stretch)?;
        }
        self.last_date.take_over(&scouted.session.last_date);
        Ok(true)
    }

    fn feed_searched(&mut self, line: Line<'_>, scouted: &Scouted, judged: &Judged) {
        self.report.clear();
        if let Some((time, text)) = &judged.last_date {
            self.last_date.remember(*time, text);
        }
        let done = match &judged.date {
            Err(reason) => Err(reason.clone()),
            Ok(date) => {
                let text = line.text();
                let dated = DatedLine::again(&text, date);
                if let Some(time) = date.time.filter(|_| date.is_own()) {
                    let cut = &text[date.cut.before..][..date.cut.date];
                    self.last_date.remember(time, cut);
                }
                if date.bad {
                    self.report.troubles.push(Trouble::BadDate);
                }
                let known = Known {
                    candidates: None,
                    ascii: judged.ascii,
                    answers: judged.found.as_ref().map(|found| Answers {
                        notes: &scouted.notes,
                        prefix: found.prefix,
                        hits: found.hits.clone(),
                    }),
                };
                let filter = self.filter.clone();
                self.judge_dated(filter.parts(), &dated, known, scouted.options.now)
            }
        };
        self.report_judged(done);
    }
}

impl Scouted {
    /// What searches lines still further on, beginning with what is known
    /// after this block.
    pub fn scout(&self) -> Option<Scout> {
        self.session.scout()
    }
}

impl Scout {
    /// Searches the lines of a block.
    pub fn search_block(self, block: &[u8], options: &BlockOptions) -> Scouted {
        let mut session = self.0;
        let mut notes = session.spare_notes.take();
        let mut at = 0;
        let result: Result<(), Infallible> =
            session.feed_stretches(block, options, |session, stretch| {
                at = notes.add(session, block, at, stretch);
                Ok(())
            });
        match result {
            Ok(()) => {}
            Err(never) => match never {},
        }
        Scouted {
            session,
            options: *options,
            length: block.len(),
            notes,
        }
    }
}

impl Notes {
    fn clear(&mut self) {
        self.stretches.clear();
        self.judged.clear();
        self.hits.clear();
        self.groups.clear();
    }

    /// Takes note of what begins at a place of the block. Where the next
    /// begins.
    fn add(&mut self, session: &Session, block: &[u8], at: usize, stretch: Stretch<'_>) -> usize {
        let (what, text, whole) = match stretch {
            Stretch::Skipped(text) => (What::Skipped, text, false),
            Stretch::Passed { lines, text } => (What::Passed(lines), text, true),
            Stretch::Judged(text) => {
                self.add_judged(session);
                (What::Judged(self.judged.len() - 1), text, false)
            }
        };
        let place = at..at + text.len();
        let end = place.end;
        self.stretches.push(ScoutedStretch { place, what });
        // Passed lines come with their line ends.
        if whole { end } else { next_line(block, end) }
    }

    fn add_judged(&mut self, session: &Session) {
        let report = &session.report;
        let mut date = Ok(report.date);
        let mut again = false;
        for trouble in &report.troubles {
            match trouble {
                Trouble::BreaksOff { reason } => date = Err(reason.to_string().into()),
                Trouble::BadDate => {
                    if let Ok(date) = &mut date {
                        date.bad = true;
                    }
                }
                Trouble::LimitReached { .. } => again = true,
                Trouble::NoDate => {}
            }
        }
        let own = date.as_ref().is_ok_and(Date::is_own);
        let last_date = (!own).then(|| session.last_date.seen_here()).flatten();
        let text = &session.search.text;
        let found = (!again).then(|| self.add_found(session));
        self.judged.push(Judged {
            date,
            last_date: last_date.map(|(time, text)| (time, text.into())),
            ascii: text.ascii && !text.odd,
            found,
        });
    }

    fn add_found(&mut self, session: &Session) -> Found {
        let report = &session.report;
        let first = self.hits.len();
        for finding in report.findings() {
            let groups = self.groups.add(&finding.slots);
            let rule = finding.rule;
            self.hits.push(Hit { rule, groups });
        }
        let matched = report.prefix_matched;
        Found {
            prefix: matched.then(|| self.groups.add(&session.search.prefix_slots)),
            hits: first..self.hits.len(),
        }
    }
}

/// What was found in a line, to be asked for in place of a search.
#[derive(Clone)]
pub(super) struct Answers<'s> {
    notes: &'s Notes,
    prefix: Option<usize>,
    hits: Range<usize>,
}

impl Answers<'_> {
    /// Whether the prefregex matched; its groups are then in the slots.
    pub(super) fn prefix(&self, slots: &mut Slots) -> bool {
        let Some(groups) = self.prefix else {
            return false;
        };
        self.notes.groups.load(groups, slots);
        true
    }

    /// The next failregex that matched.
    pub(super) fn next(&self) -> Option<usize> {
        let hit = self.notes.hits[self.hits.clone()].first()?;
        Some(hit.rule)
    }

    /// Puts the groups of its match into the slots, and goes on to the one
    /// after it. Whether there was one.
    pub(super) fn take(&mut self, slots: &mut Slots) -> bool {
        let hit = self.notes.hits[self.hits.clone()].first();
        let Some(hit) = hit else { return false };
        self.hits.start += 1;
        self.notes.groups.load(hit.groups, slots);
        true
    }
}
