//! One short line for each event.

use std::io::{self, Write};

use kerio_ban_core::{Timestamp, Zone};

use crate::clock::local_time;
use crate::commands::simulate::{Begin, End, Event, Happening, Lane, LogNames, Place, Report};
use crate::words::{Visible, counted};

/// Writes `log:line: jail: what`.
pub(crate) struct Brief<W> {
    out: W,
    names: LogNames,
    zone: Zone,
    summary: bool,
    /// Whether control characters are made visible.
    escape: bool,
}

impl<W: Write> Brief<W> {
    pub(crate) fn new(out: W, zone: Zone, summary: bool, escape: bool) -> Brief<W> {
        Brief {
            out,
            names: LogNames::default(),
            zone,
            summary,
            escape,
        }
    }

    fn until(&self, until: Option<Timestamp>) -> String {
        match until {
            Some(until) => format!("until {}", local_time(until, &self.zone)),
            None => "for ever".to_owned(),
        }
    }
}

impl<W: Write> Report for Brief<W> {
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.names = begin.names.clone();
        Ok(())
    }

    fn event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()> {
        let Some(id) = happening.id.filter(|_| !self.summary) else {
            return Ok(());
        };
        let (what, tag) = match &happening.event {
            Event::Ban { ban, failure } => {
                let failures = counted(ban.failures(), "failure");
                let what = format!("ban {id} {} after {failures}", self.until(ban.until()));
                (what, Some(failure.tag))
            }
            Event::Unban { .. } => {
                let at = local_time(happening.at, &self.zone);
                (format!("unban {id} at {at}"), None)
            }
            Event::AlreadyBanned { already, failure } => {
                let what = format!("{id} is banned already, {}", self.until(already.until));
                (what, Some(failure.tag))
            }
            Event::Expired { failure, .. } => (
                format!("a ban of {id} would be over by now"),
                Some(failure.tag),
            ),
            Event::Ignored { reason, failure } => {
                (format!("{id} is ignored: {reason}"), Some(failure.tag))
            }
            Event::Counted { .. } | Event::Mention(_) => return Ok(()),
        };
        if let Some(tag) = tag {
            write!(self.out, "{}: ", self.names.show(Place::of_tag(tag)))?;
        }
        let what = Visible::new(&what, self.escape);
        writeln!(self.out, "{}: {what}", lane.name)
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        for lane in end.lanes {
            writeln!(
                self.out,
                "{}: {} of {}, {}, {} banned",
                lane.name,
                counted(lane.totals.failures, "failure"),
                counted(lane.accounts.len() as u64, "address"),
                counted(lane.totals.bans, "ban"),
                lane.tracker.totals().banned,
            )?;
        }
        self.out.flush()
    }
}
