//! What happens while jails are replayed.
//!
//! The replay makes [`Happening`]s; a [`Report`] writes them down.

use std::io;
use std::time::Duration;

use kerio_ban_core::{AlreadyBanned, Ban, Command, Failure, FailureId, Timestamp};

use super::merge::Mention;
use super::places::LogNames;
use super::replay::Lane;

/// Something that happened in a jail.
pub(crate) struct Happening<'a> {
    pub(crate) at: Timestamp,
    /// To whom. `None` for a line without a failure.
    pub(crate) id: Option<&'a FailureId>,
    pub(crate) event: Event<'a>,
    /// What the actions would run then, if that is to be shown.
    pub(crate) would_run: &'a [WouldRun],
}

pub(crate) enum Event<'a> {
    /// A failure was counted, and it takes more.
    Counted {
        retries: u64,
        max_retry: u64,
        since: Timestamp,
        failures: u64,
        failure: &'a Failure,
    },
    Ban {
        ban: &'a Ban,
        failure: &'a Failure,
    },
    Unban {
        end: Timestamp,
    },
    AlreadyBanned {
        already: &'a AlreadyBanned,
        failure: &'a Failure,
    },
    Expired {
        start: Timestamp,
        failure: &'a Failure,
    },
    Ignored {
        reason: &'a str,
        failure: &'a Failure,
    },
    /// A line names the address that is to be explained.
    Mention(&'a Mention),
}

/// Something an action would run.
pub(crate) enum WouldRun {
    Command {
        action: String,
        command: Command,
    },
    /// An action that is a program of its own.
    Program {
        path: String,
    },
    /// fail2ban could not put the command together.
    Nothing {
        action: String,
        error: String,
    },
}

/// What is known before the first event.
pub(crate) struct Begin<'a> {
    pub(crate) lanes: &'a [Lane],
    pub(crate) names: &'a LogNames,
}

/// What is known in the end.
pub(crate) struct End<'a> {
    pub(crate) lanes: &'a [Lane],
    /// Lines read.
    pub(crate) lines: u64,
    /// When the first failure was, and the end of the logs.
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) elapsed: Duration,
}

/// Writes events down.
pub(crate) trait Report {
    /// Takes note of what is replayed.
    ///
    /// # Errors
    /// What the output says; also for the others.
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()>;

    /// Takes the next event.
    fn event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()>;

    /// Writes what is left.
    fn end(&mut self, end: &End<'_>) -> io::Result<()>;
}

/// Writes nothing.
pub(crate) struct Quiet;

impl Report for Quiet {
    fn begin(&mut self, _: &Begin<'_>) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Lane, _: &Happening<'_>) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &End<'_>) -> io::Result<()> {
        Ok(())
    }
}
