//! One short line for each line of a log that is not simply missed.

use std::io::{self, Write};

use kerio_ban_core::{Mark, RuleKind};

use super::{Event, Events, JudgedLine, Part, PartialReport, Report, Verdict};
use crate::words::Visible;

/// Writes `log:line: what`.
pub(crate) struct Brief<W> {
    out: W,
    missed: bool,
    ignored: bool,
    /// Whether control characters are made visible.
    escape: bool,
}

impl<W: Write> Brief<W> {
    pub(crate) fn new(out: W, missed: bool, ignored: bool, escape: bool) -> Brief<W> {
        Brief {
            out,
            missed,
            ignored,
            escape,
        }
    }

    fn line(&mut self, line: &JudgedLine<'_>) -> io::Result<()> {
        let wanted = match line.verdict {
            Verdict::Matched => true,
            Verdict::Ignored => self.ignored,
            Verdict::Missed => self.missed,
        };
        if !wanted {
            return Ok(());
        }
        let place = format!("{}:{}", line.log, line.number);
        if line.verdict == Verdict::Missed {
            writeln!(self.out, "{place}: missed")?;
        }
        if let Some(index) = line.ignored_by.first() {
            writeln!(
                self.out,
                "{place}: ignored by {}[{index}]",
                RuleKind::Ignoreregex
            )?;
        }
        for hit in line.outcome.hits().iter() {
            let what = match hit.mark() {
                Mark::Failure => "failure",
                Mark::NoFail => "no failure",
                Mark::Pending => "pending failure",
            };
            write!(self.out, "{place}: {what}")?;
            if let Some(id) = hit.id() {
                write!(
                    self.out,
                    " of {}",
                    Visible::new(&id.to_string(), self.escape)
                )?;
            }
            writeln!(
                self.out,
                " by {}[{}]",
                hit.rule().kind(),
                hit.rule().index()
            )?;
        }
        Ok(())
    }
}

impl<W: Write> Events for Brief<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Begin(_) | Event::Taken { .. } => Ok(()),
            Event::Line(line) => self.line(line),
            Event::Trouble(trouble) => {
                write!(self.out, "{}:{}: error: ", trouble.log, trouble.number)?;
                if let Some((kind, index)) = trouble.rule {
                    write!(self.out, "{kind}[{index}]: ")?;
                }
                writeln!(self.out, "{}", trouble.message)
            }
            Event::End(tally) => {
                writeln!(
                    self.out,
                    "Lines: {} lines, {} ignored, {} matched, {} missed",
                    tally.lines, tally.ignored, tally.matched, tally.missed
                )?;
                self.out.flush()
            }
        }
    }

    fn wants_missed(&self) -> bool {
        self.missed
    }
}

impl<W: Write> Report for Brief<W> {
    fn part(&self) -> Box<dyn PartialReport> {
        Box::new(Brief::new(
            Vec::new(),
            self.missed,
            self.ignored,
            self.escape,
        ))
    }

    fn add(&mut self, part: Part) -> io::Result<()> {
        part.write(&mut self.out)
    }
}

impl PartialReport for Brief<Vec<u8>> {
    fn another(&self) -> Box<dyn PartialReport> {
        self.part()
    }

    fn end(self: Box<Self>) -> Part {
        Part::Bytes(self.out)
    }
}
