//! The report for people, in the order of fail2ban-regex: what was used, what
//! each expression found, dates, lines.

use std::collections::VecDeque;
use std::io::{self, Write};

use kerio_ban_core::{Filter, Hit, Mark, Rule, RuleKind, Zone};

use super::{Begin, Event, JudgedLine, Report, Tally, Verdict};
use crate::clock::local_time;
use crate::console::Console;
use crate::places::Places;
use crate::words::{Visible, counted, shortened};

/// How much of a line a list shows where not everything was asked for.
const LONGEST: usize = 2000;

/// What the report holds.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) verbose: u8,
    pub(crate) verbose_dates: bool,
    pub(crate) matched: Shown,
    pub(crate) missed: Shown,
    pub(crate) ignored: Shown,
    /// How many lines [`Shown::Some`] shows.
    pub(crate) limit: usize,
    pub(crate) zone: Zone,
}

impl Listing {
    /// How many lines a list shows where nobody says otherwise.
    pub(crate) const LIMIT: usize = 20;
}

/// How much of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Some,
    All,
}

/// Writes the report.
pub(crate) struct Text<W> {
    out: W,
    console: Console,
    listing: Listing,
    filter: Option<Filter>,
    places: Places,
    /// What each failregex found, if that is to be shown.
    findings: Vec<List>,
    matched: List,
    missed: List,
    ignored: List,
    troubles: List,
    /// Failures in lines without a date.
    undated: u64,
}

impl<W: Write> Text<W> {
    pub(crate) fn new(out: W, console: Console, listing: Listing) -> Text<W> {
        let list = |shown| List::new(shown, listing.limit);
        Text {
            out,
            console,
            filter: None,
            places: Places::among(&[]),
            findings: Vec::new(),
            matched: list(listing.matched),
            missed: list(listing.missed),
            ignored: list(listing.ignored),
            troubles: list(Shown::Some),
            undated: 0,
            listing,
        }
    }

    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.filter = Some(begin.filter.clone());
        let shown = match self.listing.verbose {
            0 => Shown::Nothing,
            1 => Shown::Some,
            _ => Shown::All,
        };
        let rules = begin.filter.failregex().len();
        self.findings = vec![List::new(shown, self.listing.limit); rules];
        self.field("Filter", begin.name)?;
        if let Some(config) = begin.config {
            self.places = Places::among(config.sources());
            let mut label = "Read from";
            for source in config.sources() {
                let borrowed = config
                    .borrowed()
                    .iter()
                    .find(|borrowed| borrowed.used == *source);
                let text = match borrowed {
                    Some(borrowed) => format!(
                        "{} (as `{}`, which {} includes, is not beside it)",
                        source.name(),
                        borrowed.wanted.text(),
                        borrowed.wanted,
                    ),
                    None => source.name().to_owned(),
                };
                self.field(std::mem::take(&mut label), &text)?;
            }
        }
        let mut label = "Log";
        for log in &begin.logs {
            self.field(std::mem::take(&mut label), log)?;
        }
        self.field("Encoding", &begin.encoding)?;
        if let Some(pattern) = begin.datepattern {
            let mut label = "Date pattern";
            for line in pattern.lines().filter(|line| !line.is_empty()) {
                self.field(std::mem::take(&mut label), line)?;
            }
        }
        if begin.filter.max_lines() > 1 {
            let lines = counted(begin.filter.max_lines() as u64, "line");
            self.field("At once", &lines)?;
        }
        if let Some(journalmatch) = begin.journalmatch {
            self.field("Journal", journalmatch)?;
        }
        Ok(())
    }

    fn field(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = self.console.palette.heading(format!("{label:12}"));
        let text = Visible::new(text, self.console.escape);
        writeln!(self.out, "{label}  {text}")
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
            let zone = &self.listing.zone;
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

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        if let Some(filter) = self.filter.take() {
            self.rules(&filter, tally)?;
        }
        self.dates(tally)?;
        self.troubles(tally)?;
        let lists = [
            (
                "Matched",
                &self.matched,
                tally.matched,
                "--print-all-matched",
            ),
            (
                "Ignored",
                &self.ignored,
                tally.ignored as i64,
                "--print-all-ignored",
            ),
            ("Missed", &self.missed, tally.missed, "--print-all-missed"),
        ];
        for (name, list, count, option) in lists {
            if count > 0 && list.shown != Shown::Nothing {
                let heading = self.console.palette.heading(format!("{name} lines:"));
                writeln!(self.out, "\n{heading}")?;
                let rest = count - list.entries.len() as i64;
                list.write(&mut self.out, self.console, "  ", rest, option)?;
            }
        }
        let summary = format!(
            "Lines: {} lines, {} ignored, {} matched, {} missed",
            tally.lines, tally.ignored, tally.matched, tally.missed,
        );
        let palette = self.console.palette;
        let elapsed = format!("[processed in {:.2} s]", tally.elapsed.as_secs_f64());
        let (summary, elapsed) = (palette.heading(summary), palette.dim(elapsed));
        writeln!(self.out, "\n{summary}\n{elapsed}")?;
        self.out.flush()
    }

    fn rules(&mut self, filter: &Filter, tally: &Tally) -> io::Result<()> {
        // Lines that match nothing else need not be tried with it.
        if let Some(prefregex) = filter.prefregex()
            && self.listing.verbose > 0
        {
            self.rules_of(RuleKind::Prefregex, &[prefregex], &[tally.prefix_hits])?;
        }
        let failregex: Vec<&Rule> = filter.failregex().iter().collect();
        self.rules_of(RuleKind::Failregex, &failregex, &tally.hits)?;
        let ignoreregex: Vec<&Rule> = filter.ignoreregex().iter().collect();
        self.rules_of(RuleKind::Ignoreregex, &ignoreregex, &tally.ignore_hits)
    }

    fn rules_of(&mut self, kind: RuleKind, rules: &[&Rule], hits: &[u64]) -> io::Result<()> {
        let palette = self.console.palette;
        let total = counted(hits.iter().sum(), "hit");
        let summary = if rules.is_empty() {
            "no expressions".to_owned()
        } else if kind == RuleKind::Prefregex {
            total
        } else {
            let hitting = hits.iter().filter(|&&hits| hits > 0).count();
            let of = counted(rules.len() as u64, "expression");
            format!("{total} by {hitting} of {of}")
        };
        let mut name = kind.to_string();
        name[..1].make_ascii_uppercase();
        let heading = palette.heading(format!("{name}: {summary}"));
        writeln!(self.out, "\n{heading}")?;
        let places = &self.places;
        let origin = |rule: &Rule| {
            let origin = rule.origin();
            origin
                .map(|origin| places.show(origin.span()))
                .unwrap_or_default()
        };
        let width = |texts: &mut dyn Iterator<Item = String>| {
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let origin_width = width(&mut rules.iter().map(|rule| origin(rule)));
        let hits_width = width(&mut hits.iter().map(u64::to_string));
        let index_width = width(&mut rules.iter().map(|rule| rule.index().to_string()));
        for (rule, &hits) in rules.iter().zip(hits) {
            let index = rule.index();
            let start = format!("  [{index:index_width$}]  {hits:hits_width$}  ");
            let at = format!("{:origin_width$}", origin(rule));
            let room = (self.listing.verbose == 0)
                .then_some(self.console.width)
                .flatten();
            let used = start.chars().count() + at.chars().count() + 2;
            // An expression of several lines is one line of the report.
            let text = rule.original().as_str().replace('\n', "\\n");
            let text = Visible::new(&text, self.console.escape).to_string();
            let text = shortened(&text, room.map(|room| room.saturating_sub(used).max(20)));
            if hits > 0 {
                let (start, at) = (palette.good(start), palette.place(at));
                writeln!(self.out, "{start}{at}  {text}")?;
            } else {
                writeln!(
                    self.out,
                    "{}",
                    palette.dim(format_args!("{start}{at}  {text}"))
                )?;
            }
            if self.listing.verbose > 1 {
                let expanded = rule.expanded().replace('\n', "\\n");
                let expanded = Visible::new(&expanded, self.console.escape).to_string();
                let expanded = format!("      {}: {expanded}", rule.engine());
                writeln!(self.out, "{}", palette.dim(expanded))?;
            }
            if kind == RuleKind::Failregex {
                let list = &self.findings[rule.index()];
                let rest = i64::try_from(hits).unwrap_or(i64::MAX) - list.entries.len() as i64;
                if list.shown != Shown::Nothing && hits > 0 {
                    list.write(&mut self.out, self.console, "      ", rest, "-vv")?;
                }
            }
        }
        Ok(())
    }

    fn dates(&mut self, tally: &Tally) -> io::Result<()> {
        let palette = self.console.palette;
        let dated = counted(tally.dated(), "date");
        writeln!(
            self.out,
            "\n{}",
            palette.heading(format!("Dates: {dated} found"))
        )?;
        let all = self.listing.verbose > 0;
        let width = tally
            .dates
            .iter()
            .map(|date| date.hits.to_string().len())
            .max();
        let width = width.unwrap_or(0);
        for date in tally.dates.iter().filter(|date| all || date.hits > 0) {
            let name = Visible::new(date.template.name(), self.console.escape);
            let line = format!("  {:width$}  {name}", date.hits);
            if date.hits > 0 {
                writeln!(self.out, "{line}")?;
            } else {
                writeln!(self.out, "{}", palette.dim(line))?;
            }
            if self.listing.verbose_dates {
                let pattern = date.template.pattern().unwrap_or("none");
                for (label, text) in [("pattern", pattern), ("regex", date.template.regex())] {
                    let text = Visible::new(text, self.console.escape).to_string();
                    let line = format!("     {label:8} {}", text.replace('\n', "\\n"));
                    writeln!(self.out, "{}", palette.dim(line))?;
                }
                let weight = format!("     weight   {:.3}", date.template.weight());
                writeln!(self.out, "{}", palette.dim(weight))?;
            }
        }
        if self.undated > 0 {
            let text = format!(
                "{} without a date: fail2ban would take the moment at which it reads the line",
                counted(self.undated, "failure"),
            );
            writeln!(self.out, "  {}", palette.warning(text))?;
        }
        Ok(())
    }

    fn troubles(&mut self, tally: &Tally) -> io::Result<()> {
        if tally.troubles == 0 {
            return Ok(());
        }
        let heading = self.console.palette.warning("Not decided:");
        writeln!(self.out, "\n{heading}")?;
        let rest = i64::try_from(tally.troubles).unwrap_or(i64::MAX);
        let rest = rest - self.troubles.entries.len() as i64;
        self.troubles
            .write(&mut self.out, self.console, "  ", rest, "--format json")
    }
}

impl<W: Write> Report for Text<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Begin(begin) => self.begin(begin),
            Event::Line(line) => {
                self.line(line);
                Ok(())
            }
            Event::Taken { text } => {
                self.taken(text);
                Ok(())
            }
            Event::Trouble(trouble) => {
                self.troubles.add_with(|_| Entry {
                    place: format!("{}:{}", trouble.log, trouble.number),
                    text: match trouble.rule {
                        Some((kind, index)) => format!("{kind}[{index}]: {}", trouble.message),
                        None => trouble.message.clone(),
                    },
                });
                Ok(())
            }
            Event::End(tally) => self.end(tally),
        }
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
struct List {
    shown: Shown,
    limit: usize,
    entries: VecDeque<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
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

    /// Adds an entry if there is room; only then is it made. It is told
    /// whether it may be of any length.
    fn add_with(&mut self, entry: impl FnOnce(bool) -> Entry) {
        let whole = self.shown == Shown::All;
        if whole || self.shown == Shown::Some && self.entries.len() < self.limit {
            self.entries.push_back(entry(whole));
        }
    }

    /// Takes out the first entry with a text.
    fn take(&mut self, text: &str) -> Option<Entry> {
        let place = self.entries.iter().position(|entry| entry.text == text)?;
        self.entries.remove(place)
    }

    /// Writes the entries, and how many there are besides.
    fn write(
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
