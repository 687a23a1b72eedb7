//! Reading logs into a report.

use std::io;
use std::time::Instant;

use kerio_ban_core::{BlockOptions, Filter, SessionOptions, Timestamp};

use super::threads::InOrder;
use crate::ahead;
use crate::args::TestArgs;
use crate::buffered::Buffered;
use crate::commands::Answer;
use crate::diagnostics;
use crate::failure::Failure;
use crate::input::{self, Encoding, Log};
use crate::progress::Progress;
use crate::report::{Begin, Event, LineTrouble, Report, Tally};

/// The reading of all logs.
pub(super) struct Reading<'a> {
    pub(super) args: &'a TestArgs,
    pub(super) now: Timestamp,
    pub(super) options: SessionOptions,
    pub(super) filter: &'a Filter,
    pub(super) tally: Tally,
    pub(super) report: Box<dyn Report>,
    pub(super) encoding: Encoding,
    pub(super) progress: Progress,
    /// How many threads judge lines.
    pub(super) threads: usize,
    /// Whether a log could not be read to its end.
    pub(super) incomplete: bool,
}

impl Reading<'_> {
    pub(super) fn all(
        &mut self,
        begin: &Begin<'_>,
        logs: &[Log],
        warn: &mut dyn FnMut(String),
    ) -> Result<Answer, Failure> {
        let started = Instant::now();
        self.report.event(&Event::Begin(begin))?;
        for (log, name) in logs.iter().zip(&begin.logs) {
            self.log(log, name, warn)?;
        }
        self.tally.elapsed = started.elapsed();
        self.progress.finish();
        self.report.event(&Event::End(&self.tally))?;
        Ok(match self.tally.failures {
            _ if self.incomplete => Answer::Incomplete,
            0 => Answer::No,
            _ => Answer::Yes,
        })
    }

    fn log(&mut self, log: &Log, name: &str, warn: &mut dyn FnMut(String)) -> Result<(), Failure> {
        let mut lines = log.open(self.encoding, self.progress.meter(), &mut |message| {
            self.progress.aside(|| warn(message));
        })?;
        let mut session = self.filter.session_with(&self.options);
        let options = BlockOptions {
            now: self.now,
            skip_comments: !self.args.reading.all_lines,
            pass_over: self.may_pass_over(),
        };
        // What comes bit by bit is reported as it comes.
        let threads = if log.size().is_some() {
            self.threads
        } else {
            1
        };
        let mut in_order = InOrder {
            log: name,
            options: &options,
            session: &mut session,
            tally: &mut self.tally,
            report: &mut *self.report,
            buffered: (self.filter.max_lines() > 1).then(Buffered::default),
        };
        let read = ahead::read(&mut lines, threads, &mut in_order)?;
        self.tally.add_dates(session.date_hits());
        if let Some(error) = read.broken {
            self.broken_off(name, read.lines, &error)?;
        }
        Ok(())
    }

    /// Reports that a log could not be read beyond a line.
    fn broken_off(&mut self, log: &str, number: u64, error: &io::Error) -> io::Result<()> {
        self.incomplete = true;
        let message = input::broken_off(error, number);
        let told = format!("`{log}`: {message}");
        self.progress
            .aside(|| diagnostics::error(&told, self.args.output.color));
        let trouble = LineTrouble {
            log,
            number,
            rule: None,
            message,
        };
        let event = Event::Trouble(&trouble);
        self.tally.count(&event);
        self.report.event(&event)
    }

    /// Whether nothing is wanted of lines that cannot match but that they are
    /// missed. How often the prefregex matched is shown only by `-v`.
    fn may_pass_over(&self) -> bool {
        let counts_prefix = self.filter.prefregex().is_some() && self.args.listing.verbose > 0;
        !self.args.reading.plain && !counts_prefix && !self.args.invert
    }
}
