//! What happens while logs are read, and who writes it down.
//!
//! The command makes [`Event`]s. A [`Tally`] counts them, and a [`Report`]
//! writes them; both see the same, so that the exit status and the output
//! cannot disagree.

mod brief;
pub(crate) mod check;
pub(crate) mod fail2ban_regex;
mod json;
mod out;
pub(crate) mod simulation;
mod tally;
mod text;

use std::io::{self, Write};

use kerio_ban_core::{Filter, FilterConfig, Mark, Outcome, RuleKind, Timestamp};

pub(crate) use self::brief::Brief;
pub(crate) use self::json::{Json, error_object, rule_object, write_error};
pub(crate) use self::out::{Out, Token};
pub(crate) use self::tally::Tally;
pub(crate) use self::text::{Listing, Lists, Shown, Text};

/// Something that happened.
pub(crate) enum Event<'a> {
    /// The filter is ready.
    Begin(&'a Begin<'a>),
    /// A line was judged.
    Line(&'a JudgedLine<'a>),
    /// A line that had been missed turned out to belong to a failure.
    Taken {
        /// The whole text.
        text: &'a str,
    },
    /// Something about the line just judged could not be decided.
    Trouble(&'a LineTrouble<'a>),
    /// All is read.
    End(&'a Tally),
}

/// What is known before the first line.
pub(crate) struct Begin<'a> {
    pub(crate) name: &'a str,
    /// `None` if the expressions come from the command line.
    pub(crate) config: Option<&'a FilterConfig>,
    pub(crate) filter: &'a Filter,
    pub(crate) logs: Vec<String>,
    pub(crate) encoding: String,
    /// The date pattern that was typed, if one was.
    pub(crate) datepattern: Option<&'a str>,
    pub(crate) journalmatch: Option<&'a str>,
}

/// What fail2ban-regex counts a line as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Matched,
    Ignored,
    Missed,
}

impl Verdict {
    /// A line is ignored if an ignoreregex hit or a finding is marked as no
    /// failure, whatever else was found; else it is matched if something was.
    pub(crate) fn of(outcome: &Outcome<'_>, ignored_by: &[usize]) -> Verdict {
        let hits = outcome.hits();
        if !ignored_by.is_empty() || hits.iter().any(|hit| hit.mark() == Mark::NoFail) {
            Verdict::Ignored
        } else if hits.is_empty() {
            Verdict::Missed
        } else {
            Verdict::Matched
        }
    }
}

/// A line with what became of it.
pub(crate) struct JudgedLine<'a> {
    pub(crate) log: &'a str,
    /// From 1.
    pub(crate) number: u64,
    /// Without its line end.
    pub(crate) text: &'a [u8],
    pub(crate) outcome: &'a Outcome<'a>,
    pub(crate) verdict: Verdict,
    /// The indexes of the ignoreregexes that matched.
    pub(crate) ignored_by: &'a [usize],
    pub(crate) prefix_matched: bool,
    /// The date last seen in the log.
    pub(crate) last_date: Option<Timestamp>,
}

/// Why it is not known what a line is.
pub(crate) struct LineTrouble<'a> {
    pub(crate) log: &'a str,
    pub(crate) number: u64,
    /// The rule it is about.
    pub(crate) rule: Option<(RuleKind, usize)>,
    pub(crate) message: String,
}

/// Takes events.
pub(crate) trait Events {
    /// Takes the next event.
    ///
    /// # Errors
    /// What the output says.
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;

    /// Whether it makes a difference which lines are missed.
    fn wants_missed(&self) -> bool {
        true
    }
}

/// Writes events down.
pub(crate) trait Report: Events {
    /// Something that takes the events of lines further on.
    fn part(&self) -> Box<dyn PartialReport>;

    /// Adds a part: as if its events came now.
    ///
    /// # Errors
    /// What the output says.
    fn add(&mut self, part: Part) -> io::Result<()>;
}

/// Takes events ahead of their turn, perhaps in another thread. Nothing is
/// written yet.
pub(crate) trait PartialReport: Events + Send {
    /// Another one, for the events of lines still further on.
    fn another(&self) -> Box<dyn PartialReport>;

    /// What came of it.
    fn end(self: Box<Self>) -> Part;
}

/// Part of a report.
pub(crate) enum Part {
    /// As it is to be written.
    Bytes(Vec<u8>),
    /// What the report for people lists at its end.
    Lists(Box<Lists>),
    Nothing,
}

impl Part {
    /// Writes what is to be written.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Part::Bytes(bytes) => out.write_all(bytes),
            Part::Lists(_) | Part::Nothing => Ok(()),
        }
    }
}

/// Writes nothing.
pub(crate) struct Quiet;

impl Events for Quiet {
    fn event(&mut self, _event: &Event<'_>) -> io::Result<()> {
        Ok(())
    }

    fn wants_missed(&self) -> bool {
        false
    }
}

impl Report for Quiet {
    fn part(&self) -> Box<dyn PartialReport> {
        Box::new(Quiet)
    }

    fn add(&mut self, _part: Part) -> io::Result<()> {
        Ok(())
    }
}

impl PartialReport for Quiet {
    fn another(&self) -> Box<dyn PartialReport> {
        Box::new(Quiet)
    }

    fn end(self: Box<Self>) -> Part {
        Part::Nothing
    }
}
