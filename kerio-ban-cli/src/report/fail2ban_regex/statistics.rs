//! What is counted and collected while lines are read, as fail2ban-regex does.

use std::time::Duration;

use kerio_ban_core::{
    Captures, Filter, Mark, Outcome, Session, TemplateHits, Timestamp, Value, Zone,
};

use crate::args::regex::RegexArgs;
use crate::python::{self, Optional};

/// How many lines a list shows where nobody says otherwise.
const LIMIT: i64 = 20;

/// What is to be shown, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(super) verbose: bool,
    pub(super) verbose_date: bool,
    pub(super) debuggex: bool,
    /// A list of so many lines is not shown unless all are to be.
    pub(super) lines: i64,
    pub(super) matched: Shown,
    pub(super) ignored: Shown,
    pub(super) missed: Shown,
}

/// What of a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    IfShort,
    All,
}

impl Shown {
    fn of(nothing: bool, all: bool) -> Shown {
        match (nothing, all) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::All,
            (false, false) => Shown::IfShort,
        }
    }
}

impl Limits {
    pub(crate) fn new(args: &RegexArgs) -> Limits {
        Limits {
            verbose: args.verbose != 0,
            verbose_date: args.verbose_date,
            debuggex: args.debuggex,
            // One option sets both.
            lines: if args.maxlines == 0 {
                LIMIT
            } else {
                args.maxlines
            },
            matched: Shown::of(!args.print_all_matched, true),
            ignored: Shown::of(args.print_no_ignored, args.print_all_ignored),
            missed: Shown::of(args.print_no_missed, args.print_all_missed),
        }
    }
}

/// Everything that the report tells.
pub(crate) struct Statistics {
    pub(super) filter: Filter,
    pub(super) limits: Limits,
    pub(super) zone: Zone,
    pub(super) prefix_hits: u64,
    /// Whether the prefregex matched when it was last tried, and what it
    /// captured then.
    prefix_matched: bool,
    prefix_captures: String,
    /// What the prefregex captured, as Python writes it.
    pub(super) prefix_groups: Vec<String>,
    /// By failregex.
    pub(super) rules: Vec<RuleCount>,
    /// By ignoreregex.
    pub(super) ignore_hits: Vec<u64>,
    pub(super) tested: i64,
    pub(super) matched: Lines,
    pub(super) ignored: Lines,
    pub(super) missed: Lines,
    pub(crate) dates: Vec<TemplateHits>,
    pub(crate) elapsed: Duration,
}

/// What one failregex found.
#[derive(Clone, Default)]
pub(super) struct RuleCount {
    pub(super) hits: u64,
    /// Only if they are to be shown.
    pub(super) found: Vec<Found>,
}

#[derive(Clone)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) time: Option<Timestamp>,
    /// Whether two failures were found in the line before it.
    pub(super) further: bool,
}

/// Lines of one kind.
#[derive(Default)]
pub(super) struct Lines {
    /// Signed: a line that was ignored by itself and then taken by a match of
    /// several lines is taken off the missed ones.
    pub(super) count: i64,
    pub(super) texts: Vec<String>,
    /// The same as links are made of.
    pub(super) samples: Vec<String>,
}

/// An earlier line that a match has taken.
pub(crate) struct Taken<'t> {
    pub(crate) full: &'t str,
    /// Without its date.
    pub(crate) undated: &'t str,
}

impl Statistics {
    pub(crate) fn new(filter: &Filter, limits: Limits, zone: Zone) -> Statistics {
        Statistics {
            limits,
            zone,
            prefix_hits: 0,
            prefix_matched: false,
            prefix_captures: String::new(),
            prefix_groups: Vec::new(),
            rules: vec![RuleCount::default(); filter.failregex().len()],
            ignore_hits: vec![0; filter.ignoreregex().len()],
            tested: 0,
            matched: Lines::default(),
            ignored: Lines::default(),
            missed: Lines::default(),
            dates: Vec::new(),
            elapsed: Duration::ZERO,
            filter: filter.clone(),
        }
    }

    /// Takes note of whether the prefregex matched. Of a line that was ignored
    /// before it was tried, fail2ban-regex believes what it knew last.
    pub(crate) fn prefix(&mut self, session: &Session) {
        let early = !session.prefix_matched() && !session.ignored_by().is_empty();
        if !early {
            self.prefix_matched = session.prefix_matched();
        }
        if !self.prefix_matched {
            return;
        }
        self.prefix_hits += 1;
        if !self.limits.verbose {
            return;
        }
        if let Some(captures) = session.prefix_captures() {
            self.prefix_captures = dictionary(&captures);
        }
        let room = self.limits.lines - self.prefix_groups.len() as i64;
        if room > 0 {
            self.prefix_groups.push(self.prefix_captures.clone());
        } else if room == 0 {
            self.prefix_groups.push("...".to_owned());
        }
    }

    /// An earlier line was taken by a match. If it is to be listed with the
    /// line that ends the match, returns what is listed of it.
    pub(crate) fn taken(&mut self, line: &Taken<'_>) -> Option<String> {
        let missed = &mut self.missed;
        if let Some(at) = missed.texts.iter().position(|text| text == line.full) {
            missed.texts.remove(at);
            if let Some(at) = missed.samples.iter().position(|text| text == line.undated) {
                missed.samples.remove(at);
            }
        }
        missed.count -= 1;
        self.matched.count += 1;
        if self.limits.matched == Shown::Nothing {
            return None;
        }
        if self.limits.debuggex {
            return Some(line.undated.to_owned());
        }
        self.matched.texts.push(line.full.to_owned());
        None
    }

    /// Counts a line. `sample` stands in for it in links.
    pub(crate) fn line(
        &mut self,
        text: &str,
        sample: Option<&str>,
        outcome: &Outcome<'_>,
        ignored_by: &[usize],
    ) {
        self.tested += 1;
        let mut failures = 0;
        let mut ignored = !ignored_by.is_empty();
        for &index in ignored_by {
            self.ignore_hits[index] += 1;
        }
        for hit in outcome.hits().iter() {
            let rule = &mut self.rules[hit.rule().index()];
            rule.hits += 1;
            if self.limits.verbose {
                rule.found.push(Found {
                    id: Optional(hit.id().map(python::id)).to_string(),
                    time: hit.time(),
                    further: failures > 1,
                });
            }
            if hit.mark() == Mark::NoFail {
                ignored = true;
            } else {
                failures += 1;
            }
        }
        let limits = self.limits;
        let (lines, shown) = if ignored {
            (&mut self.ignored, limits.ignored)
        } else if failures > 0 {
            (&mut self.matched, limits.matched)
        } else {
            (&mut self.missed, limits.missed)
        };
        lines.count += 1;
        let wanted = match shown {
            Shown::Nothing => false,
            Shown::IfShort => lines.count <= limits.lines.saturating_add(1),
            Shown::All => true,
        };
        if wanted {
            lines.texts.push(text.to_owned());
            if limits.debuggex {
                lines.samples.push(sample.unwrap_or(text).to_owned());
            }
        }
    }
}

/// The groups of a match, as Python writes a dictionary.
fn dictionary(captures: &Captures) -> String {
    let entries: Vec<String> = captures
        .iter()
        .map(|(name, value)| {
            let value = match value {
                None => "None".to_owned(),
                Some(Value::Text(text)) => python::Text(text).to_string(),
                Some(Value::Tuple(parts)) => python::tuple(parts),
                Some(Value::Address(ip)) => python::Text(&ip.to_string()).to_string(),
            };
            format!("{}: {value}", python::Text(name))
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}
