//! What is done with the blocks of a log, in their order and ahead of it.

use std::io;

use kerio_ban_core::{BlockOptions, Scout, Scouted, Session};

use super::judging::Judging;
use crate::ahead::{Ahead, Turns};
use crate::buffered::Buffered;
use crate::report::{Part, PartialReport, Report, Tally};

/// The report of one log.
pub(super) struct InOrder<'a> {
    pub(super) log: &'a str,
    pub(super) options: &'a BlockOptions,
    pub(super) session: &'a mut Session,
    pub(super) tally: &'a mut Tally,
    pub(super) report: &'a mut dyn Report,
    pub(super) buffered: Option<Buffered>,
}

impl InOrder<'_> {
    fn judging(&mut self) -> (Judging<'_>, &mut Session, Option<&mut Buffered>) {
        let judging = Judging {
            log: self.log,
            options: self.options,
            tally: self.tally,
            report: self.report,
        };
        (judging, self.session, self.buffered.as_mut())
    }
}

impl<'a> Turns for InOrder<'a> {
    type Ahead = Way<'a>;

    fn judge(&mut self, block: &[u8], number: u64) -> io::Result<u64> {
        let (mut judging, session, buffered) = self.judging();
        judging.block(session, block, number, buffered)
    }

    fn ahead(&self) -> Option<Way<'a>> {
        if let Some(session) = self.session.ahead() {
            return Some(Way::Judge(Box::new(Judge {
                log: self.log,
                options: self.options,
                session,
                tally: self.tally.empty(),
                report: self.report.part(),
            })));
        }
        let scout = self.session.scout()?;
        Some(Way::Search(Box::new(scout), self.options))
    }

    fn take(&mut self, found: Found, block: &[u8], number: u64) -> io::Result<bool> {
        let good = match found {
            Found::Judged(judged) => {
                let good = self.session.take_over(&judged.session);
                if good {
                    self.tally.add(&judged.tally);
                    self.report.add(judged.part)?;
                }
                good
            }
            Found::Searched(scouted) => {
                let (mut judging, session, _) = self.judging();
                judging.scouted(session, block, number, &scouted)?
            }
        };
        if !good {
            self.judge(block, number)?;
        }
        Ok(good)
    }
}

/// How blocks are read ahead of their turn.
pub(super) enum Way<'a> {
    /// They are judged, if lines can be without the ones before them.
    Judge(Box<Judge<'a>>),
    /// They are searched only.
    Search(Box<Scout>, &'a BlockOptions),
}

pub(super) struct Judge<'a> {
    log: &'a str,
    options: &'a BlockOptions,
    session: Session,
    tally: Tally,
    report: Box<dyn PartialReport>,
}

/// What came of a block.
pub(super) enum Found {
    Judged(Box<Judged>),
    Searched(Box<Scouted>),
}

pub(super) struct Judged {
    session: Session,
    tally: Tally,
    part: Part,
}

impl Ahead for Way<'_> {
    type Done = Found;

    fn judge(self, block: &[u8], number: u64) -> (Option<Found>, Option<Self>) {
        match self {
            Way::Judge(judge) => {
                let (judged, next) = judge.block(block, number);
                let found = judged.map(|judged| Found::Judged(Box::new(judged)));
                (found, next.map(|next| Way::Judge(Box::new(next))))
            }
            Way::Search(scout, options) => {
                let scouted = scout.search_block(block, options);
                let next = scouted.scout();
                let next = next.map(|scout| Way::Search(Box::new(scout), options));
                (Some(Found::Searched(Box::new(scouted))), next)
            }
        }
    }
}

impl<'a> Judge<'a> {
    fn block(mut self, block: &[u8], number: u64) -> (Option<Judged>, Option<Judge<'a>>) {
        let done = Judging {
            log: self.log,
            options: self.options,
            tally: &mut self.tally,
            report: &mut *self.report,
        }
        .block(&mut self.session, block, number, None);
        let next = self.session.ahead().map(|session| Judge {
            log: self.log,
            options: self.options,
            session,
            tally: self.tally.empty(),
            report: self.report.another(),
        });
        // Parts of reports are written to memory, which does not fail.
        let judged = done.ok().map(|_| Judged {
            session: self.session,
            tally: self.tally,
            part: self.report.end(),
        });
        (judged, next)
    }
}
