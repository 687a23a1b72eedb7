//! The lists of lines that the report for people ends with.

use std::collections::VecDeque;
use std::io::{self, Write};

use kerio_ban_core::{Hit, Mark, Zone};

use super::{Listing, Shown};
use crate::clock::local_time;
use crate::console::Console;
use crate::report::{Event, Events, JudgedLine, LineTrouble, Part, PartialReport, Verdict};
use crate::words::{Visible, shortened};

/// How much of a line a list shows where not everything was asked for.
const LONGEST: usize = 2000;

/// Everything that is listed.
#[derive(Clone, Debug)]
pub(crate) struct Lists {
    zone: Zone,
    /// What each failregex found, if that is to be shown.
    pub(super) findings: Vec<List>,
    pub(super) matched: List,
    pub(super) missed: List,
    pub(super) ignored: List,
    pub(super) troubles: List,
    /// Failures in lines without a date.
    pub(super) undated: u64,
}

impl Lists {
    /// Empty lists, for so many failregexes.
    pub(super) fn new(listing: &Listing, rules: usize) -> Lists {
        let list = |shown| List::new(shown, listing.limit);
        let findings = match listing.verbose {
            0 => Shown::Nothing,
            1 => Shown::Some,
            _ => Shown::All,
        };
        Lists {
            zone: listing.zone.clone(),
            findings: vec![list(findings); rules],
            matched: list(listing.matched),
            missed: list(listing.missed),
            ignored: list(listing.ignored),
            troubles: list(Shown::Some),
            undated: 0,
        }
    }

    /// The same lists without anything in them.
    pub(super) fn empty(&self) -> Lists {
        Lists {
            zone: self.zone.clone(),
            findings: self.findings.iter().map(List::empty).collect(),
            matched: self.matched.empty(),
            missed: self.missed.empty(),
            ignored: self.ignored.empty(),
            troubles: self.troubles.empty(),
            undated: 0,
        }
    }

    /// Adds what later lines have left.
    pub(super) fn add(&mut self, later: Lists) {
        for (list, later) in self.findings.iter_mut().zip(later.findings) {
            list.add(later);
        }
        self.matched.add(later.matched);
        self.missed.add(later.missed);
        self.ignored.add(later.ignored);
        self.troubles.add(later.troubles);
        self.undated += later.undated;
    }

    fn line(&mut self, line: &JudgedLine<'_>) {
        let list = match line.verdict {
            Verdict::Matched => &mut self.matched,
            Verdict::Ignored => &mut self.ignored,
            Verdict::Missed => &mut self.missed,
        };
        list.add_with(|whole| Entry {
            place: format!("{}:{}", line.log, line.number),
            text: excerpt(&String::from_utf8_lossy(line.text), whole),
        });
        for hit in line.outcome.hits().iter() {
            self.undated += u64::from(hit.mark() == Mark::Failure && hit.time().is_none());
            let zone = &self.zone;
            self.findings[hit.rule().index()].add_with(|_| Entry {
                place: format!("{}:{}", line.log, line.number),
                text: finding(&hit, zone),
            });
        }
    }

    fn taken(&mut self, text: &str) {
        let whole = self.missed.shown == Shown::All;
        if let Some(entry) = self.missed.take(&excerpt(text, whole)) {
            self.matched.add_with(|_| entry);
        } else {
            self.matched.add_with(|whole| Entry {
                place: "an earlier line".to_owned(),
                text: excerpt(text, whole),
            });
        }
    }

    fn trouble(&mut self, trouble: &LineTrouble<'_>) {
        self.troubles.add_with(|_| Entry {
            place: format!("{}:{}", trouble.log, trouble.number),
            text: match trouble.rule {
                Some((kind, index)) => format!("{kind}[{index}]: {}", trouble.message),
                None => trouble.message.clone(),
            },
        });
    }
}

impl Events for Lists {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Line(line) => self.line(line),
            Event::Taken { text } => self.taken(text),
            Event::Trouble(trouble) => self.trouble(trouble),
            Event::Begin(_) | Event::End(_) => {}
        }
        Ok(())
    }

    fn wants_missed(&self) -> bool {
        self.missed.has_room()
    }
}

impl PartialReport for Lists {
    fn another(&self) -> Box<dyn PartialReport> {
        Box::new(self.empty())
    }

    fn end(self: Box<Self>) -> Part {
        Part::Lists(self)
    }
}

/// Id and time of what an expression found.
fn finding(hit: &Hit<'_>, zone: &Zone) -> String {
    let id = hit
        .id()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let time = hit
        .time()
        .map_or_else(|| "no date".to_owned(), |time| local_time(time, zone));
    let mark = match hit.mark() {
        Mark::Failure => "",
        Mark::NoFail => "  no failure",
        Mark::Pending => "  pending",
    };
    format!("{id}  {time}{mark}")
}

/// The text, or the start of it if it is very long.
fn excerpt(text: &str, whole: bool) -> String {
    if whole || text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{} ({} bytes)", shortened(text, Some(LONGEST)), text.len())
}

/// Lines of the report that are known only at its end.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) shown: Shown,
    limit: usize,
    pub(super) entries: VecDeque<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    place: String,
    text: String,
}

impl List {
    fn new(shown: Shown, limit: usize) -> List {
        List {
            shown,
            limit,
            entries: VecDeque::new(),
        }
    }

    fn empty(&self) -> List {
        List::new(self.shown, self.limit)
    }

    /// Adds an entry if there is room; only then is it made. It is told
    /// whether it may be of any length.
    fn add_with(&mut self, entry: impl FnOnce(bool) -> Entry) {
        if self.has_room() {
            self.entries.push_back(entry(self.shown == Shown::All));
        }
    }

    fn has_room(&self) -> bool {
        match self.shown {
            Shown::All => true,
            Shown::Some => self.entries.len() < self.limit,
            Shown::Nothing => false,
        }
    }

    /// Adds what another list holds, as far as there is room.
    fn add(&mut self, later: List) {
        let room = match self.shown {
            Shown::All => usize::MAX,
            Shown::Some => self.limit.saturating_sub(self.entries.len()),
            Shown::Nothing => 0,
        };
        self.entries.extend(later.entries.into_iter().take(room));
    }

    /// Takes out the first entry with a text.
    fn take(&mut self, text: &str) -> Option<Entry> {
        let place = self.entries.iter().position(|entry| entry.text == text)?;
        self.entries.remove(place)
    }

    /// Writes the entries, and how many there are besides.
    pub(super) fn write(
        &self,
        out: &mut impl Write,
        console: Console,
        indent: &str,
        rest: i64,
        option: &str,
    ) -> io::Result<()> {
        for entry in &self.entries {
            let place = Visible::new(&entry.place, console.escape);
            let place = console.palette.place(format_args!("{place}:")).to_string();
            let text = Visible::new(&entry.text, console.escape);
            writeln!(out, "{indent}{place} {text}")?;
        }
        if rest > 0 {
            let rest = format!("... and {rest} more, see {option}");
            writeln!(out, "{indent}{}", console.palette.dim(rest))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry {
            place: "log:1".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_list_keeps_no_more_than_it_shows() {
        let mut list = List::new(Shown::Some, 2);
        for text in ["a", "b", "c"] {
            list.add_with(|_| entry(text));
        }
        assert_eq!(list.entries, [entry("a"), entry("b")]);
        let mut list = List::new(Shown::Nothing, 2);
        list.add_with(|_| panic!("made for nothing"));
    }

    #[test]
    fn a_line_taken_from_a_list_makes_room() {
        let mut list = List::new(Shown::Some, 1);
        list.add_with(|_| entry("a"));
        assert_eq!(list.take("b"), None);
        assert_eq!(list.take("a"), Some(entry("a")));
        list.add_with(|_| entry("b"));
        assert_eq!(list.entries, [entry("b")]);
    }

    #[test]
    fn only_very_long_lines_are_cut() {
        let long = "é".repeat(LONGEST);
        assert_eq!(excerpt(&long, true), long);
        assert!(excerpt(&long, false).ends_with("é (4000 bytes)"));
        let longer = "é".repeat(LONGEST + 1);
        assert!(excerpt(&longer, false).ends_with("é… (4002 bytes)"));
        assert_eq!(excerpt("short", false), "short");
    }
}
