//! What the lines of a block have to tell the jails.

use std::convert::Infallible;
use std::sync::Arc;

use kerio_ban_core::{BlockOptions, Outcome, Session, Stretch, Timestamp, Trouble};

use super::merge::{Entry, Mention, What, Why};
use super::needle::Needle;
use super::places::Place;
use crate::ahead::Ahead;

/// How the lines of a log are judged.
pub(super) struct Judging {
    /// The index of the log.
    pub(super) log: usize,
    pub(super) now: Timestamp,
    /// The address of which every line is wanted.
    pub(super) needle: Option<Arc<Needle>>,
    /// Whether captures and lines are kept, which takes time and memory.
    pub(super) keep_texts: bool,
}

/// What one watch found in a block.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) found: Vec<Entry>,
    /// How many lines could not be decided, and the first of them.
    pub(super) undecided: u64,
    pub(super) first_undecided: Option<(Place, String)>,
    /// The number of the last line of the block.
    pub(super) last: u64,
}

impl Judging {
    /// Judges a block, the first line of which comes after line `number`, for
    /// one watch.
    pub(super) fn block(
        &self,
        watch: usize,
        session: &mut Session,
        block: &[u8],
        mut number: u64,
    ) -> Judged {
        let options = BlockOptions {
            now: self.now,
            skip_comments: false,
            // The date of a line that is passed over is not known.
            pass_over: self.needle.is_none(),
        };
        let mut judged = Judged::default();
        let Ok(()) = session.feed_stretches(block, &options, |session, stretch| {
            match stretch {
                Stretch::Skipped(_) => number += 1,
                Stretch::Passed { lines, .. } => number += lines,
                Stretch::Judged(text) => {
                    number += 1;
                    let line = Line {
                        judging: self,
                        watch,
                        session,
                        place: Place::new(self.log, number),
                        text,
                    };
                    line.findings(&mut judged.found);
                    line.troubles(&mut judged);
                }
            }
            Ok::<(), Infallible>(())
        });
        judged.last = number;
        judged
    }
}

/// What judges blocks ahead of their turn: a session for each watch.
pub(super) struct Sessions {
    pub(super) judging: Arc<Judging>,
    pub(super) sessions: Vec<(usize, Session)>,
}

impl Ahead for Sessions {
    type Done = Vec<(Session, Judged)>;

    fn judge(self, block: &[u8], number: u64) -> (Option<Self::Done>, Option<Self>) {
        let mut next = Vec::new();
        let mut done = Vec::new();
        for (watch, mut session) in self.sessions {
            let judged = self.judging.block(watch, &mut session, block, number);
            next.extend(session.ahead().map(|session| (watch, session)));
            done.push((session, judged));
        }
        let all = next.len() == done.len();
        let next = all.then_some(Sessions {
            judging: self.judging,
            sessions: next,
        });
        (Some(done), next)
    }
}

/// A line that has just been judged.
struct Line<'l> {
    judging: &'l Judging,
    watch: usize,
    session: &'l Session,
    place: Place,
    text: &'l [u8],
}

impl Line<'_> {
    /// Its failures; and if it names the address that is looked for without
    /// being its failure, that.
    fn findings(&self, found: &mut Vec<Entry>) {
        let needle = self.judging.needle.as_deref();
        let outcome = self.session.outcome();
        let before = found.len();
        let mut of_needle = false;
        for hit in outcome.failures() {
            let failure = if self.judging.keep_texts {
                hit.to_failure()
            } else {
                hit.to_bare_failure()
            };
            if let Some(failure) = failure {
                of_needle |= needle.is_some_and(|needle| needle.is(&failure.id));
                let time = failure.time;
                let failure = failure.with_tag(self.place.tag());
                found.push(self.entry(time, failure.into()));
            }
        }
        let Some(needle) = needle.filter(|_| !of_needle) else {
            return;
        };
        let text = String::from_utf8_lossy(self.text);
        if !needle.is_named_in(&text) {
            return;
        }
        let other = found[before..].iter().find_map(|entry| {
            let (rule, id) = entry.what.of_whom()?;
            Some(Why::Other {
                rule,
                id: id.to_string(),
            })
        });
        let time = self.session.last_date();
        let mention = Mention {
            place: self.place,
            text: text.into_owned(),
            why: other.unwrap_or_else(|| self.why(&outcome)),
        };
        found.push(self.entry(time, What::Mention(Box::new(mention))));
    }

    fn entry(&self, time: Option<Timestamp>, what: What) -> Entry {
        Entry {
            time: time.unwrap_or(self.judging.now),
            dated: time.is_some(),
            watch: self.watch,
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

    fn troubles(&self, judged: &mut Judged) {
        for (place, message) in self.undecided() {
            judged.undecided += 1;
            judged.first_undecided.get_or_insert((place, message));
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
