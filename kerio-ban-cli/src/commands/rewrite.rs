//! `kerio-ban rewrite`: replaces the date of each line, and nothing else.

mod format;

use std::borrow::Cow;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::Range;

use kerio_ban_core::{DateFinder, Error, Source, Timestamp, Traced, Zone};

use self::format::Format;
use super::Answer;
use crate::args::RewriteArgs;
use crate::console::{self, Console};
use crate::diagnostics;
use crate::environment;
use crate::failure::Failure;
use crate::input::{self, Log, Meter};
use crate::words::Visible;

/// The dates of Kerio's own logs, as the built-in filters have them. fail2ban's
/// defaults would find most of them, too, but not in every year, nor behind a
/// byte order mark that was decoded wrongly.
const KERIO: &str = r"^[^\x00-\x7F]{0,3}\[(%d/%b/%Y %H:%M:%S)\]";

pub(crate) fn run(args: &RewriteArgs) -> Result<Answer, Failure> {
    let mut warn = |message: String| diagnostics::warn(&message, clap::ColorChoice::Auto);
    let format: Format = args.to.parse().map_err(|message| {
        let message = format!("invalid value for --to: {message}");
        Failure::request("bad-format", message)
    })?;
    let local = environment::local_zone();
    if let Some(warning) = local.warning {
        warn(warning);
    }
    let logs = input::logs(&args.logs, &args.line)?;
    let mut rewriting = Rewriting {
        out: console::stdout(),
        escape: Console::of(&io::stdout(), clap::ColorChoice::Auto).escape,
        dates: Dates::new(args, &local.zone)?,
        zone: local.zone,
        format,
        behind: behind(args),
        line_open: false,
        shown: None,
        lines: 0,
        dated: 0,
    };
    for log in &logs {
        rewriting.log(log, args, &mut warn)?;
    }
    rewriting.out.flush()?;
    if rewriting.lines > 0 && rewriting.dated == 0 {
        warn(
            "no line has a date of a known form, so nothing was changed; see --datepattern"
                .to_owned(),
        );
    }
    Ok(Answer::Yes)
}

/// What is put behind each date: ` host tag:`.
fn behind(args: &RewriteArgs) -> String {
    let mut text = String::new();
    if let Some(hostname) = &args.hostname {
        text = format!(" {hostname}");
    }
    if let Some(tag) = &args.tag {
        text += &format!(" {tag}:");
    }
    text
}

/// Where the dates of a log are looked for.
struct Dates {
    /// In this order.
    finders: Vec<DateFinder>,
    now: Option<Timestamp>,
}

/// A date, and the bytes that make way for a new one.
#[derive(Debug, PartialEq)]
struct Found {
    bytes: Range<usize>,
    time: Timestamp,
}

impl Dates {
    fn new(args: &RewriteArgs, zone: &Zone) -> Result<Dates, Failure> {
        let now = args.now.map(|now| now.0);
        let year = environment::year(now.unwrap_or_else(environment::clock), zone);
        let log_zone = args.timezone.as_deref().map(str::parse).transpose()?;
        let patterns = match &args.datepattern {
            Some(pattern) => vec![Some(typed("--datepattern", pattern))],
            None => vec![Some(typed("Kerio's dates", KERIO)), None],
        };
        let finder = |pattern: &Option<Traced>| {
            let finder = DateFinder::new(pattern.as_ref(), year)?;
            Ok(finder.zone(zone.clone()).log_zone(log_zone.clone()))
        };
        let finders = patterns.iter().map(finder).collect::<Result<_, Error>>()?;
        Ok(Dates { finders, now })
    }

    /// The date of a line without its end. Lines that fail2ban would give up
    /// have none.
    fn find(&mut self, line: &[u8]) -> Option<Found> {
        let text = String::from_utf8_lossy(line);
        // The clock moves on while a log is followed.
        let now = self.now.unwrap_or_else(environment::clock);
        let date = self
            .finders
            .iter_mut()
            .find_map(|finder| finder.find(&text, now).ok().flatten())?;
        let range = with_brackets(&text, date.range());
        let bytes = match text {
            Cow::Borrowed(_) => range,
            Cow::Owned(_) => original(line, range.start)..original(line, range.end),
        };
        Some(Found {
            bytes,
            time: date.time(),
        })
    }
}

/// Without carriage returns at its end, which are no part of a line.
fn without_returns(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// The date with the brackets around it, if it begins the line. What is not
/// ASCII before it is a byte order mark, however it was decoded.
fn with_brackets(text: &str, date: Range<usize>) -> Range<usize> {
    match (
        text[..date.start].strip_suffix('['),
        text[date.end..].starts_with(']'),
    ) {
        (Some(before), true) if before.chars().all(|c| !c.is_ascii()) => {
            date.start - 1..date.end + 1
        }
        _ => date,
    }
}

/// Where a place of the decoded line is in its bytes. Each invalid sequence has
/// been decoded as one replacement character.
fn original(line: &[u8], place: usize) -> usize {
    let (mut bytes, mut decoded) = (0, 0);
    for chunk in line.utf8_chunks() {
        let valid = chunk.valid().len();
        if place <= decoded + valid {
            return bytes + (place - decoded);
        }
        bytes += valid + chunk.invalid().len();
        decoded += valid + char::REPLACEMENT_CHARACTER.len_utf8();
    }
    bytes
}

/// Text of the command line, so that messages can show it.
fn typed(option: &str, text: &str) -> Traced {
    let source = Source::new(option, text);
    Traced::typed(&source.span(0..text.len()))
}

struct Rewriting {
    out: BufWriter<StdoutLock<'static>>,
    /// Whether somebody looks at it.
    escape: bool,
    dates: Dates,
    zone: Zone,
    format: Format,
    behind: String,
    /// Whether the last line was written without a line feed.
    line_open: bool,
    /// The moment written last, and how it was written.
    shown: Option<(Timestamp, String)>,
    lines: u64,
    dated: u64,
}

impl Rewriting {
    fn log(
        &mut self,
        log: &Log,
        args: &RewriteArgs,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), Failure> {
        let mut lines = log.open(args.encoding, &Meter::default(), warn)?;
        loop {
            // Whoever follows the output sees all there is before this waits.
            if !lines.has_line() {
                self.out.flush()?;
            }
            let line = lines.next_line().map_err(|error| log.unreadable(&error))?;
            let Some(line) = line else { return Ok(()) };
            // A log that does not end its last line does not run into the next.
            if self.line_open {
                self.out.write_all(b"\n")?;
            }
            self.line(line)?;
            // Typed text has its line feed from us.
            self.line_open = !lines.ended() && !matches!(log, Log::Text(_));
            if !self.line_open {
                self.out.write_all(b"\n")?;
            }
        }
    }

    /// Writes a line, without its end.
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.lines += 1;
        let Some(found) = self.dates.find(without_returns(line)) else {
            return copy(&mut self.out, line, self.escape);
        };
        if self
            .shown
            .as_ref()
            .is_none_or(|(time, _)| *time != found.time)
        {
            self.shown = self
                .format
                .show(found.time, &self.zone)
                .map(|text| (found.time, text));
        }
        // A moment that no calendar has.
        let Some((_, date)) = &self.shown else {
            return copy(&mut self.out, line, self.escape);
        };
        self.dated += 1;
        let (before, rest) = (&line[..found.bytes.start], &line[found.bytes.end..]);
        copy(&mut self.out, before, self.escape)?;
        self.out.write_all(date.as_bytes())?;
        self.out.write_all(self.behind.as_bytes())?;
        // What took the place of a bracket, or came between, keeps its distance.
        let bracket = line[found.bytes].ends_with(b"]");
        let parted = rest.first().is_none_or(u8::is_ascii_whitespace);
        if !parted && (bracket || !self.behind.is_empty()) {
            self.out.write_all(b" ")?;
        }
        copy(&mut self.out, rest, self.escape)
    }
}

/// Writes a part of a line as it is, unless a terminal would obey it.
fn copy(out: &mut impl Write, part: &[u8], escape: bool) -> io::Result<()> {
    if escape {
        let part = String::from_utf8_lossy(part);
        write!(out, "{}", Visible::new(&part, true))
    } else {
        out.write_all(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_filters_read_the_same_dates() {
        let filter = kerio_ban_filters::file("filter.d/kerio.conf").unwrap();
        let written = format!("datepattern = {}\n", KERIO.replace('%', "%%"));
        assert!(filter.contains(&written), "{written}");
    }

    #[test]
    fn places_of_decoded_text_are_found_in_its_bytes() {
        for line in [
            &b"\xe9[d] \xff\xfe \xc3\xa9"[..],
            b"\xf0\x9f[d]",
            b"[d]\xe2\x82",
            b"",
        ] {
            let text = String::from_utf8_lossy(line);
            for (place, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let (before, after) = line.split_at(original(line, place));
                assert_eq!(String::from_utf8_lossy(before), text[..place]);
                assert_eq!(String::from_utf8_lossy(after), text[place..]);
            }
        }
    }
}
