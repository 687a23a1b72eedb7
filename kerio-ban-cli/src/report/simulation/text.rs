//! The report for people: what is replayed, what happened when, and what came
//! of each address.

use std::collections::HashSet;
use std::io::{self, Write};

use kerio_ban_core::{BanTime, Timestamp, Traced, Zone};

use super::{Row, first_rows, is_banned, shown};
use crate::clock::{length, local_time};
use crate::commands::simulate::{
    Begin, End, Event, Happening, Lane, LogNames, Place, Report, WouldRun,
};
use crate::console::Console;
use crate::places::Places;
use crate::words::{Visible, counted};

/// How many addresses the table shows where not all were asked for.
const LIMIT: usize = 20;

/// How many lines of a log are named for a ban.
const NAMED: usize = 6;

/// Writes the report.
pub(crate) struct Text<W> {
    out: W,
    console: Console,
    zone: Zone,
    summary: bool,
    all: bool,
    names: LogNames,
    /// Whether events say which jail they belong to.
    several: bool,
    events: u64,
    jail_width: usize,
    /// Those of which it was said that they are ignored.
    ignored: HashSet<(String, String)>,
}

impl<W: Write> Text<W> {
    pub(crate) fn new(out: W, console: Console, zone: Zone, summary: bool, all: bool) -> Text<W> {
        Text {
            out,
            console,
            zone,
            summary,
            all,
            names: LogNames::default(),
            several: false,
            events: 0,
            jail_width: 0,
            ignored: HashSet::new(),
        }
    }

    fn row(
        &mut self,
        lane: &Lane,
        at: Timestamp,
        what: &str,
        who: &str,
        more: &str,
    ) -> io::Result<()> {
        let jail = match self.several {
            true => format!("{:width$}  ", lane.name, width = self.jail_width),
            false => String::new(),
        };
        let at = local_time(at, &self.zone);
        let rest = format!("{who:15}  {more}");
        let rest = Visible::new(rest.trim_end(), self.console.escape).to_string();
        let palette = self.console.palette;
        let what = format!("{what:9}");
        let what = match what.trim_end() {
            "ban" | "prolonged" => palette.warning(what).to_string(),
            "unban" => palette.good(what).to_string(),
            _ => palette.dim(what).to_string(),
        };
        writeln!(self.out, "  {at}  {jail}{what}  {rest}")
    }

    fn until(&self, until: Option<Timestamp>, from: Timestamp) -> String {
        match until {
            Some(until) => format!("until {}", self.near(until, from)),
            None => "for ever".to_owned(),
        }
    }

    /// A moment: without the date if that is the one of another.
    fn near(&self, at: Timestamp, other: Timestamp) -> String {
        let (text, other) = (local_time(at, &self.zone), local_time(other, &self.zone));
        let same_day = text.get(..10) == other.get(..10) && text.get(19..) == other.get(19..);
        match text.get(11..19).filter(|_| same_day) {
            Some(time) => time.to_owned(),
            None => text,
        }
    }

    /// Places, the last ones if there are many.
    fn lines(&self, tags: &[u64]) -> String {
        let shown = &tags[tags.len().saturating_sub(NAMED)..];
        let dots = if shown.len() < tags.len() { "... " } else { "" };
        let lines: Vec<String> = shown
            .iter()
            .map(|&tag| self.names.show(Place::of_tag(tag)))
            .collect();
        format!("{dots}{}", lines.join(" "))
    }

    fn jail(&mut self, lane: &Lane) -> io::Result<()> {
        let palette = self.console.palette;
        let heading = palette.heading(format!("jail {}", lane.name));
        writeln!(self.out, "{heading}: {}", settings(lane))?;
        let config = &lane.setup.config;
        let places = Places::among(config.sources());
        let option = |option: &str| {
            let setting = config.setting(option)?;
            let place = setting.place().map(|place| shown(&places, place));
            let text = setting.text().as_str().replace('\n', " ");
            Some(match place {
                Some(place) => format!("{option} = {text} ({place})"),
                None => format!("{option} = {text}"),
            })
        };
        let set: Vec<String> = ["maxretry", "findtime", "bantime", "ignoreip"]
            .into_iter()
            .filter_map(option)
            .collect();
        for line in set {
            self.field("", &line)?;
        }
        let rules = lane.setup.filter.failregex().len() as u64;
        let sources = lane.setup.filter.sources();
        let file = sources.last().map_or("no file", |source| source.name());
        let filter = format!(
            "{}, {} ({file})",
            lane.setup
                .config
                .filter_spec()
                .map_or_else(|| lane.setup.filter.name().to_owned(), ToString::to_string,),
            counted(rules, "failregex"),
        );
        self.field("filter", &filter)?;
        if lane.setup.filter.failregex().iter().all(Traced::is_empty) {
            self.field("", "without any expression, no line can be a failure")?;
        }
        Ok(())
    }

    fn field(&mut self, label: &str, text: &str) -> io::Result<()> {
        let text = Visible::new(text, self.console.escape);
        writeln!(self.out, "  {label:6}  {text}")
    }

    fn table(&mut self, end: &End<'_>) -> io::Result<()> {
        let limit = if self.all { usize::MAX } else { LIMIT };
        let (rows, count) = first_rows(end.lanes, limit);
        if rows.is_empty() {
            return Ok(());
        }
        let cells: Vec<[String; 6]> = rows.iter().map(|row| self.cells(row, end)).collect();
        let header = ["address", "jail", "failures", "bans", "highest", ""].map(str::to_owned);
        let mut widths = [0; 5];
        for row in cells.iter().chain([&header]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if !self.several {
            widths[1] = 0;
        }
        let palette = self.console.palette;
        let heading = format!("Addresses: {count}");
        writeln!(self.out, "\n{}", palette.heading(heading))?;
        for (index, [address, jail, failures, bans, highest, state]) in
            [header].into_iter().chain(cells).enumerate()
        {
            let jail = match self.several {
                true => format!("{jail:width$}  ", width = widths[1]),
                false => String::new(),
            };
            let line = format!(
                "  {address:0$}  {jail}{failures:>1$}  {bans:>2$}  {highest:>3$}  {state}",
                widths[0], widths[2], widths[3], widths[4],
            );
            let line = Visible::new(line.trim_end(), self.console.escape).to_string();
            if index == 0 {
                writeln!(self.out, "{}", palette.dim(line))?;
            } else {
                writeln!(self.out, "{line}")?;
            }
        }
        if rows.len() < count {
            let rest = format!("... and {} more, see --all", count - rows.len());
            writeln!(self.out, "  {}", palette.dim(rest))?;
        }
        Ok(())
    }

    fn cells(&self, row: &Row<'_>, end: &End<'_>) -> [String; 6] {
        let account = row.account;
        let state = if account.fate().bans == 0 && account.fate().ignored > 0 {
            let reason = account.fate().reason.as_deref().unwrap_or("ignored");
            match account.fate().ignored == account.failures {
                true => format!("never banned: {reason}"),
                false => format!("ignored {} times: {reason}", account.fate().ignored),
            }
        } else if account.fate().bans == 0 {
            "not banned".to_owned()
        } else if is_banned(account, end.to) {
            match account.fate().until.filter(|_| !account.fate().for_ever) {
                Some(until) => format!("banned until {}", local_time(until, &self.zone)),
                None => "banned for ever".to_owned(),
            }
        } else {
            match account.fate().until {
                Some(until) => format!("was banned until {}", local_time(until, &self.zone)),
                None => String::new(),
            }
        };
        [
            row.name().to_owned(),
            row.lane.name.to_string(),
            account.failures.to_string(),
            account.fate().bans.to_string(),
            format!("{} of {}", account.highest, row.lane.setup.jail.max_retry()),
            state,
        ]
    }

    fn totals(&mut self, end: &End<'_>) -> io::Result<()> {
        let palette = self.console.palette;
        writeln!(self.out)?;
        for lane in end.lanes {
            let totals = &lane.totals;
            let mut parts = vec![
                format!(
                    "{} of {}",
                    counted(totals.failures, "failure"),
                    counted(lane.accounts.len() as u64, "address")
                ),
                counted(totals.bans, "ban"),
            ];
            for (count, what) in [
                (totals.already_banned, "while banned"),
                (totals.ignored, "ignored"),
                (totals.expired, "expired"),
            ] {
                if count > 0 {
                    parts.push(format!("{count} {what}"));
                }
            }
            parts.push(format!(
                "{} banned in the end",
                lane.tracker.totals().banned
            ));
            let line = format!("{}: {}", lane.name, parts.join(", "));
            writeln!(self.out, "{}", palette.heading(line))?;
        }
        let span = match (end.from, end.to) {
            (Some(from), Some(to)) => format!(
                ", {} to {}",
                local_time(from, &self.zone),
                local_time(to, &self.zone)
            ),
            _ => String::new(),
        };
        let elapsed = end.elapsed.as_secs_f64();
        let line = format!("{}{span}", counted(end.lines, "line"));
        writeln!(self.out, "{line}")?;
        writeln!(
            self.out,
            "{}",
            palette.dim(format!("[processed in {elapsed:.2} s]"))
        )?;
        self.out.flush()
    }
}

/// Writes what would be run, and that it was not.
pub(super) fn write_would_run(
    out: &mut impl Write,
    console: Console,
    would_run: &[WouldRun],
) -> io::Result<()> {
    for would_run in would_run {
        let (title, text) = match would_run {
            WouldRun::Command { action, command } => (
                format!("not executed: {action}, {}", command.option()),
                command.to_string(),
            ),
            WouldRun::Program { path } => (
                "not executed: an action written in Python".to_owned(),
                path.clone(),
            ),
            WouldRun::Nothing { action, error } => {
                (format!("{action} cannot be run"), error.clone())
            }
        };
        writeln!(out, "      {}", console.palette.dim(title))?;
        for line in text.lines() {
            let line = Visible::new(line, console.escape);
            writeln!(out, "        {line}")?;
        }
    }
    Ok(())
}

/// What a jail does, in one sentence.
pub(super) fn settings(lane: &Lane) -> String {
    let jail = &lane.setup.jail;
    let ban = match jail.ban_time() {
        BanTime::Seconds(seconds) => format!("for {}", length(seconds)),
        BanTime::Permanent => "for ever".to_owned(),
    };
    let verb = if jail.max_retry() == 1 { "bans" } else { "ban" };
    format!(
        "{} within {} {verb} {ban}",
        counted(jail.max_retry(), "failure"),
        length(jail.find_time()),
    )
}

impl<W: Write> Report for Text<W> {
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.names = begin.names.short();
        self.several = begin.lanes.len() > 1;
        let widths = begin.lanes.iter().map(|lane| lane.name.chars().count());
        self.jail_width = widths.max().unwrap_or(0);
        for lane in begin.lanes {
            self.jail(lane)?;
        }
        let mut label = "log";
        for name in begin.names.iter() {
            self.field(std::mem::take(&mut label), name)?;
        }
        if !self.summary {
            writeln!(self.out, "\n{}", self.console.palette.heading("Timeline:"))?;
        }
        Ok(())
    }

    fn event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()> {
        if self.summary {
            return Ok(());
        }
        let at = happening.at;
        let Some(id) = happening.id else {
            return Ok(());
        };
        // By far the most frequent event is told only where it is asked for.
        if let Event::Counted { .. } = happening.event {
            return write_would_run(&mut self.out, self.console, happening.would_run);
        }
        let who = id.to_string();
        match &happening.event {
            Event::Ban { ban, .. } => {
                let count = match ban.count() {
                    0 | 1 => String::new(),
                    count => format!(", ban number {count}"),
                };
                let length = match ban.ban_time() {
                    BanTime::Seconds(seconds) => format!(" ({})", length(seconds)),
                    BanTime::Permanent => String::new(),
                };
                let more = format!(
                    "{}{length}{count}; {}: {}",
                    self.until(ban.until(), at),
                    counted(ban.failures(), "failure"),
                    self.lines(ban.tags()),
                );
                self.events += 1;
                self.row(lane, at, "ban", &who, &more)?;
            }
            Event::Unban { .. } => {
                self.events += 1;
                self.row(lane, at, "unban", &who, "")?;
            }
            Event::AlreadyBanned { already, failure } => {
                self.events += 1;
                let line = self.names.show(Place::of_tag(failure.tag));
                let until = self.until(already.until, at);
                let what = if already.prolonged {
                    "prolonged"
                } else {
                    "banned"
                };
                self.row(lane, at, what, &who, &format!("{until}; {line}"))?;
            }
            Event::Expired { failure, .. } => {
                self.events += 1;
                let line = self.names.show(Place::of_tag(failure.tag));
                self.row(
                    lane,
                    at,
                    "expired",
                    &who,
                    &format!("the ban would be over; {line}"),
                )?;
            }
            Event::Ignored { reason, failure } => {
                // Once is enough; the table tells how often.
                if self.ignored.insert((lane.name.to_string(), who.clone())) {
                    self.events += 1;
                    let line = self.names.show(Place::of_tag(failure.tag));
                    self.row(lane, at, "ignored", &who, &format!("{reason}; {line}"))?;
                }
            }
            Event::Counted { .. } | Event::Mention(_) => {}
        }
        write_would_run(&mut self.out, self.console, happening.would_run)
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        if !self.summary && self.events == 0 {
            let none = self.console.palette.dim("nothing happened");
            writeln!(self.out, "  {none}")?;
        }
        self.table(end)?;
        self.totals(end)
    }
}
