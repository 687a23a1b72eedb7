//! What LOG means, and the reading of it.

use std::io;
use std::path::Path;
use std::time::Instant;

use clap::ColorChoice;
use kerio_ban_core::{
    BlockOptions, Filter, LineState, LogZone, Outcome, Session, SessionOptions, Trouble, UseDns,
};

use super::{End, REFUSED, World};
use crate::args::regex::RegexArgs;
use crate::diagnostics;
use crate::dns::SystemResolver;
use crate::input::{Encoding, Log, LogLines, Meter};
use crate::python::Text;
use crate::report::fail2ban_regex::{Limits, Links, Page, Statistics, Taken, shortened};
use crate::report::{Event, Events, JudgedLine, Out, Token, Verdict};

/// The encoding where none was asked for, as Python names it.
const ENCODING: &str = "UTF-8";

/// How many lines of a text are shown.
const FIRST_LINES: usize = 5;

/// A log being read with a filter.
pub(super) struct Reading<'a> {
    args: &'a RegexArgs,
    world: &'a World,
    filter: Filter,
    log_zone: Option<LogZone>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        args: &'a RegexArgs,
        world: &'a World,
        filter: Filter,
        log_zone: Option<LogZone>,
    ) -> Reading<'a> {
        Reading {
            args,
            world,
            filter,
            log_zone,
        }
    }

    /// Reads what LOG means, and reports.
    pub(super) fn read(&self, log: &str, page: &mut Page) -> Result<(), End> {
        let path = Path::new(&self.args.log);
        let lines = if path.is_file() {
            self.open(path, page)?
        } else if log.starts_with("systemd-journal") {
            page.say("Error: systemd library not found. Exiting...")?;
            return Err(End::Told(REFUSED));
        } else {
            self.show(log, page)?;
            let text = Log::Text(vec![format!("{log}\n")]);
            open(&text, Encoding::Utf8).map_err(End::Crash)?
        };
        page.note("")?;
        // Nothing that was said waits until a long log is read.
        page.flush()?;
        match self.args.out() {
            Some(token) => self.write_findings(lines, &Token::lenient(token), page),
            None => self.report(lines, page),
        }
    }

    fn open(&self, path: &Path, page: &mut Page) -> Result<LogLines, End> {
        let log = path.display().to_string();
        let encoding = self.args.encoding.as_deref().unwrap_or(ENCODING);
        // Python opens the file before it looks for the encoding.
        if let Err(error) = std::fs::File::open(path) {
            page.say(&python_error(&error, &log))?;
            return Err(End::Told(REFUSED));
        }
        let known = encoding.parse::<Encoding>().ok();
        let known = known.filter(|_| !encoding.eq_ignore_ascii_case("auto"));
        let Some(known) = known else {
            return Err(End::Crash(format!("unknown encoding: {encoding}")));
        };
        page.note(&format!("Use         log file : {log}"))?;
        page.note(&format!("Use         encoding : {encoding}"))?;
        open(&Log::File(path.to_owned()), known).map_err(End::Crash)
    }

    /// Says which text is read.
    fn show(&self, text: &str, page: &mut Page) -> io::Result<()> {
        if self.filter.max_lines() == 1 && !text.contains('\n') {
            let text = shortened(text);
            return page.note(&format!("Use      single line : {text}"));
        }
        let count = text.split('\n').count();
        page.note(&format!("Use      multi line : {count} line(s)"))?;
        for (index, line) in text.split('\n').enumerate() {
            if index == FIRST_LINES {
                page.note("| ...")?;
                break;
            }
            let line = shortened(line);
            page.note(&format!("| {:>2}: {line}", index + 1))?;
        }
        page.note("`-")
    }

    fn session(&self) -> Session {
        let (args, filter) = (self.args, &self.filter);
        let for_report = args.out().is_none();
        let mut options = SessionOptions::testing()
            .check_all(!args.no_check_all && for_report)
            .report_pending(for_report)
            .raw_ids(args.raw)
            .zone(self.world.zone.clone())
            .log_zone(self.log_zone.clone());
        if !args.raw && matches!(filter.use_dns(), UseDns::Yes | UseDns::Warn) {
            options = options.resolver(SystemResolver::default());
        }
        filter.session_with(&options)
    }

    /// Feeds a session with all lines that are finished, and tells `each`
    /// about those that are not skipped.
    fn feed(
        &self,
        mut lines: LogLines,
        session: &mut Session,
        pass_over: bool,
        mut each: impl FnMut(&Session, &[u8], LineState) -> Result<(), End>,
    ) -> Result<(), End> {
        let options = BlockOptions {
            now: self.world.now,
            skip_comments: true,
            pass_over,
        };
        let mut number = 0_u64;
        loop {
            let block = lines
                .next_block()
                .map_err(|error| End::Crash(format!("line {}: {error}", number + 1)))?;
            let Some(block) = block else {
                return Ok(());
            };
            // A line without its end is still being written.
            let end = memchr::memrchr(b'\n', block).map_or(0, |at| at + 1);
            session.feed_block(&block[..end], &options, |session, text, state| {
                number += 1;
                match state {
                    LineState::Skipped => return Ok(()),
                    LineState::Passed => {}
                    LineState::Judged => look_for_trouble(session, number)?,
                }
                each(session, text, state)
            })?;
        }
    }

    fn write_findings(&self, lines: LogLines, token: &Token, page: &mut Page) -> Result<(), End> {
        let escape = page.escape();
        let invert = self.args.invert;
        let mut out = Out::new(page.writer(), token.clone(), invert, self.world.now, escape);
        let mut session = self.session();
        self.feed(lines, &mut session, !invert, |session, text, state| {
            if state == LineState::Passed {
                return Ok(());
            }
            let outcome = session.outcome();
            let line = JudgedLine {
                log: "",
                number: 0,
                text,
                verdict: Verdict::of(&outcome, session.ignored_by()),
                outcome: &outcome,
                ignored_by: session.ignored_by(),
                prefix_matched: session.prefix_matched(),
                last_date: session.last_date(),
            };
            Ok(out.event(&Event::Line(&line))?)
        })
    }

    fn report(&self, lines: LogLines, page: &mut Page) -> Result<(), End> {
        let args = self.args;
        let limits = Limits::new(args);
        let mut statistics = Statistics::new(&self.filter, limits, self.world.zone.clone());
        let mut session = self.session();
        let mut kept = (self.filter.max_lines() > 1).then(Kept::default);
        let started = Instant::now();
        let pass_over = self.filter.prefregex().is_none();
        self.feed(lines, &mut session, pass_over, |session, text, state| {
            let text = String::from_utf8_lossy(text);
            if state == LineState::Passed {
                statistics.line(&text, None, &Outcome::Missed, &[]);
                return Ok(());
            }
            let mut stripped = None;
            if let Some(kept) = &mut kept {
                let mut parts = Vec::new();
                kept.update(session, |taken| {
                    parts.extend(statistics.taken(&taken));
                });
                if !parts.is_empty() {
                    let date = session.date_place();
                    parts.push([&text[..date.start], &text[date.end..]].concat());
                    stripped = Some(parts.join("\n"));
                }
            }
            if self.filter.prefregex().is_some() {
                statistics.prefix(session);
            }
            statistics.line(
                &text,
                stripped.as_deref(),
                &session.outcome(),
                session.ignored_by(),
            );
            Ok(())
        })?;
        statistics.elapsed = started.elapsed();
        statistics.dates = session.date_hits();
        let encoding = args.encoding.as_deref().and_then(|name| name.parse().ok());
        let links = Links {
            host_names: args.usedns.as_deref() != Some("no"),
            multi_line: self.filter.max_lines() > 1,
            encoding: encoding.unwrap_or(Encoding::Utf8),
        };
        statistics.write(page, self.world.now, &links)?;
        Ok(())
    }
}

fn open(log: &Log, encoding: Encoding) -> Result<LogLines, String> {
    let mut warn = |message: String| diagnostics::warn(&message, ColorChoice::Auto);
    log.open(encoding, &Meter::default(), &mut warn)
        .map_err(|failure| failure.to_string())
}

/// # Errors
/// If fail2ban would not get beyond this line.
fn look_for_trouble(session: &Session, number: u64) -> Result<(), End> {
    for trouble in session.troubles() {
        match trouble {
            Trouble::BreaksOff { reason } => {
                let message = format!("line {number}: fail2ban-regex breaks off here: {reason}");
                return Err(End::Crash(message));
            }
            Trouble::LimitReached { kind, rule } => {
                let message = format!(
                    "line {number}: {kind}[{rule}] needs too many steps; it is taken not to match"
                );
                diagnostics::warn(&message, ColorChoice::Auto);
            }
            // They are counted as what they are.
            _ => {}
        }
    }
    Ok(())
}

/// The lines that a filter with `maxlines` keeps, as they were before the line
/// at hand, with and without their dates.
///
/// As [`crate::buffered::Buffered`], which knows only whole lines.
#[derive(Default)]
struct Kept {
    lines: Vec<(String, String)>,
}

impl Kept {
    /// Tells which of the lines kept so far are gone because a match took
    /// them, and not for want of room.
    fn update(&mut self, session: &Session, mut taken: impl FnMut(Taken<'_>)) {
        let now: Vec<(String, String)> = session
            .buffered()
            .zip(session.buffered_text())
            .map(|(full, text)| (full.to_owned(), text.to_owned()))
            .collect();
        let full = self.lines.len() >= session.filter().max_lines();
        for line in &self.lines[usize::from(full)..] {
            if !now.contains(line) {
                taken(Taken {
                    full: &line.0,
                    undated: &line.1,
                });
            }
        }
        self.lines = now;
    }
}

/// An error of the system as Python prints it.
fn python_error(error: &io::Error, path: &str) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let code = error.raw_os_error().unwrap_or_default();
    format!("[Errno {code}] {text}: {}", Text(path))
}
