//! What became of lines, told to a report and counted.

use std::io;

use kerio_ban_core::{BlockOptions, Outcome, Scouted, Session, Stretch, Trouble, block_lines};

use crate::buffered::Buffered;
use crate::report::{Event, Events, JudgedLine, LineTrouble, Tally, Verdict};

/// Lines of one log on their way into a report.
pub(super) struct Judging<'j> {
    pub(super) log: &'j str,
    pub(super) options: &'j BlockOptions,
    pub(super) tally: &'j mut Tally,
    pub(super) report: &'j mut dyn Events,
}

impl Judging<'_> {
    /// Judges the lines of a block, the first of which comes after line
    /// `number`. Returns the number of the last.
    pub(super) fn block(
        &mut self,
        session: &mut Session,
        block: &[u8],
        mut number: u64,
        mut buffered: Option<&mut Buffered>,
    ) -> io::Result<u64> {
        session.feed_stretches(block, self.options, |session, stretch| {
            if let Some(buffered) = &mut buffered
                && let Stretch::Judged(_) = stretch
            {
                buffered.update(session, |text| self.event(&Event::Taken { text }))?;
            }
            self.stretch(session, &mut number, stretch)
        })?;
        Ok(number)
    }

    /// Judges the lines of a block by what was found in them. `false` if they
    /// have to be read again.
    pub(super) fn scouted(
        &mut self,
        session: &mut Session,
        block: &[u8],
        mut number: u64,
        scouted: &Scouted,
    ) -> io::Result<bool> {
        session.feed_scouted(block, scouted, |session, stretch| {
            self.stretch(session, &mut number, stretch)
        })
    }

    /// Reports lines that come after line `number`.
    fn stretch(
        &mut self,
        session: &Session,
        number: &mut u64,
        stretch: Stretch<'_>,
    ) -> io::Result<()> {
        match stretch {
            Stretch::Skipped(_) => {
                *number += 1;
                Ok(())
            }
            Stretch::Passed { lines, text } => {
                let before = *number;
                *number += lines;
                self.passed(before, lines, text)
            }
            Stretch::Judged(text) => {
                *number += 1;
                self.judged(session, *number, text)
            }
        }
    }

    /// Reports lines that were passed over, the first of which comes after
    /// line `before`.
    fn passed(&mut self, before: u64, lines: u64, text: &[u8]) -> io::Result<()> {
        let mut left = lines;
        let mut texts = block_lines(text);
        while left > 0 && self.report.wants_missed() {
            self.event(&Event::Line(&JudgedLine {
                log: self.log,
                number: before + 1 + (lines - left),
                text: texts.next().unwrap_or_default(),
                verdict: Verdict::Missed,
                outcome: &Outcome::Missed,
                ignored_by: &[],
                prefix_matched: false,
                last_date: None,
            }))?;
            left -= 1;
        }
        self.tally.count_missed(left);
        Ok(())
    }

    /// Reports what became of a line.
    fn judged(&mut self, session: &Session, number: u64, text: &[u8]) -> io::Result<()> {
        let outcome = session.outcome();
        self.event(&Event::Line(&JudgedLine {
            log: self.log,
            number,
            text,
            verdict: Verdict::of(&outcome, session.ignored_by()),
            outcome: &outcome,
            ignored_by: session.ignored_by(),
            prefix_matched: session.prefix_matched(),
            last_date: session.last_date(),
        }))?;
        for trouble in session.troubles() {
            let (rule, message) = match trouble {
                Trouble::LimitReached { kind, rule } => (
                    Some((*kind, *rule)),
                    "backtracking limit reached".to_owned(),
                ),
                Trouble::BreaksOff { reason } => {
                    (None, format!("fail2ban gives up on this line: {reason}"))
                }
                // The dates are reported by themselves.
                _ => continue,
            };
            self.event(&Event::Trouble(&LineTrouble {
                log: self.log,
                number,
                rule,
                message,
            }))?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.tally.count(event);
        self.report.event(event)
    }
}
