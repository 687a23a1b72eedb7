//! The report for people, in the order of fail2ban-regex: what was used, what
//! each expression found, dates, lines.

mod lists;

use std::io::{self, Write};

use kerio_ban_core::{Filter, Rule, RuleKind, Zone};

pub(crate) use self::lists::Lists;
use super::{Begin, Event, Events, Part, PartialReport, Report, Tally};
use crate::console::Console;
use crate::places::Places;
use crate::words::{Visible, counted, shortened};

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
    lists: Lists,
}

impl<W: Write> Text<W> {
    pub(crate) fn new(out: W, console: Console, listing: Listing) -> Text<W> {
        Text {
            out,
            console,
            filter: None,
            places: Places::among(&[]),
            lists: Lists::new(&listing, 0),
            listing,
        }
    }

    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.filter = Some(begin.filter.clone());
        self.lists = Lists::new(&self.listing, begin.filter.failregex().len());
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

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        if let Some(filter) = self.filter.take() {
            self.rules(&filter, tally)?;
        }
        self.dates(tally)?;
        self.troubles(tally)?;
        let lists = [
            (
                "Matched",
                &self.lists.matched,
                tally.matched,
                "--print-all-matched",
            ),
            (
                "Ignored",
                &self.lists.ignored,
                tally.ignored as i64,
                "--print-all-ignored",
            ),
            (
                "Missed",
                &self.lists.missed,
                tally.missed,
                "--print-all-missed",
            ),
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
                let list = &self.lists.findings[rule.index()];
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
        if self.lists.undated > 0 {
            let text = format!(
                "{} without a date: fail2ban would take the moment at which it reads the line",
                counted(self.lists.undated, "failure"),
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
        let rest = rest - self.lists.troubles.entries.len() as i64;
        self.lists
            .troubles
            .write(&mut self.out, self.console, "  ", rest, "--format json")
    }
}

impl<W: Write> Events for Text<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Begin(begin) => self.begin(begin),
            Event::Line(_) | Event::Taken { .. } | Event::Trouble(_) => self.lists.event(event),
            Event::End(tally) => self.end(tally),
        }
    }

    fn wants_missed(&self) -> bool {
        self.lists.wants_missed()
    }
}

impl<W: Write> Report for Text<W> {
    fn part(&self) -> Box<dyn PartialReport> {
        Box::new(self.lists.empty())
    }

    fn add(&mut self, part: Part) -> io::Result<()> {
        if let Part::Lists(lists) = part {
            self.lists.add(*lists);
        }
        Ok(())
    }
}
