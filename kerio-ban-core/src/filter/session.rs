//! Reading a log, line by line.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use super::ahead::Start;
use super::builder::{Filter, Parts};
use super::data::Captures;
use super::facts::Facts;
use super::gather::{Gathered, Part, Texts};
use super::lines::{BufferedLine, join};
use super::mlfid::Connections;
use super::options::SessionOptions;
use super::outcome::{Detail, Finding, Hits, Mark, Outcome, Trouble};
use super::scan::Chosen;
use super::scout::{Answers, Date, SpareNotes};
use super::split::{DatedLine, LastDate};
use crate::date::{DateDetector, TemplateHits};
use crate::pattern::{Candidates, Haystack, Slots};
use crate::time::Timestamp;

/// A line to be judged, in any of the forms in which it may come.
#[derive(Clone, Copy, Debug)]
pub enum Line<'l> {
    /// Bytes of a log in UTF-8; what is not valid becomes U+FFFD, as in
    /// fail2ban. Line ends at the end are dropped.
    Bytes(&'l [u8]),
    /// Text, taken as it stands: its line end must be gone already.
    Text(&'l str),
    /// A line whose date is known and already split off, as the systemd
    /// journal supplies it. What is searched is `before` and `after`.
    Split {
        /// The text before the date.
        before: &'l str,
        /// The date as text.
        date: &'l str,
        /// The text after the date.
        after: &'l str,
        /// The date.
        time: Timestamp,
    },
}

impl<'l> From<&'l [u8]> for Line<'l> {
    fn from(line: &'l [u8]) -> Line<'l> {
        Line::Bytes(line)
    }
}

impl<'l> From<&'l str> for Line<'l> {
    fn from(line: &'l str) -> Line<'l> {
        Line::Text(line)
    }
}

impl<'l> From<&'l String> for Line<'l> {
    fn from(line: &'l String) -> Line<'l> {
        Line::Text(line)
    }
}

impl<'l> Line<'l> {
    /// The line as text. Empty for a split line.
    pub(super) fn text(&self) -> Cow<'l, str> {
        let ends = ['\r', '\n'];
        match *self {
            Line::Text(text) => Cow::Borrowed(text),
            Line::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text.trim_end_matches(ends)),
                Err(_) => {
                    let mut text = String::from_utf8_lossy(bytes).into_owned();
                    text.truncate(text.trim_end_matches(ends).len());
                    Cow::Owned(text)
                }
            },
            Line::Split { .. } => Cow::Borrowed(""),
        }
    }
}

/// One log being read with one filter.
///
/// A session remembers what fail2ban remembers between lines: the date last
/// seen, the order of the date templates, the last lines of filters with
/// `maxlines`, and the connections known by `F-MLFID`. It reads no clock: the
/// moment taken as now comes with each line.
pub struct Session {
    pub(super) filter: Filter,
    pub(super) options: SessionOptions,
    pub(super) detector: DateDetector,
    pub(super) last_date: LastDate,
    /// The last lines, for filters with `maxlines`.
    pub(super) buffer: Vec<BufferedLine>,
    pub(super) connections: Connections,
    pub(super) search: Search,
    pub(super) report: Report,
    /// What is searched in blocks.
    pub(super) chosen: Chosen,
    /// What it began with, if it is ahead of another.
    pub(super) start: Option<Start>,
    /// Whether it only says what the expressions find.
    pub(super) scouting: bool,
    /// What its scouts write into.
    pub(super) spare_notes: SpareNotes,
}

/// What the search of one line works on. Kept only so that its memory is.
#[derive(Default)]
pub(super) struct Search {
    /// The line without its date, or the buffered lines.
    pub(super) text: Text,
    /// What the prefregex made of it, if it has a say.
    pub(super) content: Text,
    pub(super) has_content: bool,
    pub(super) ignore_text: Text,
    /// The whole line with its date, once something matched.
    pub(super) full: String,
    /// What meets where a date was cut out.
    pub(super) seam: Vec<u8>,
    pub(super) prefix_slots: Slots,
    pub(super) slots: Slots,
    pub(super) ignore_slots: Slots,
    /// The failregexes that come into question.
    pub(super) candidates: Candidates,
    pub(super) prefix_candidates: Candidates,
    /// What the last match captured.
    pub(super) gathered: Gathered,
    /// The same for a match that belongs to no connection.
    pub(super) facts: Facts,
}

impl Search {
    fn new(plain: bool) -> Search {
        Search {
            prefix_slots: Slots::new(plain),
            slots: Slots::new(plain),
            ignore_slots: Slots::new(plain),
            ..Search::default()
        }
    }

    /// What failregexes are searched in.
    pub(super) fn current(&self) -> &Text {
        if self.has_content {
            &self.content
        } else {
            &self.text
        }
    }

    /// What prefregex and failregexes are searched in.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts {
            line: &self.text.text,
            content: &self.current().text,
        }
    }
}

/// Text that expressions are searched in.
#[derive(Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) ascii: bool,
    /// Whether a line-by-line filter sees a newline before the last one.
    pub(super) odd: bool,
}

impl Text {
    /// To be called when `text` has been changed.
    pub(super) fn changed(&mut self, lines: bool) {
        self.ascii = self.text.is_ascii();
        let inner = self.text.len().saturating_sub(1);
        self.odd = !lines && memchr::memchr(b'\n', &self.text.as_bytes()[..inner]).is_some();
    }

    pub(super) fn haystack(&self) -> Haystack<'_> {
        Haystack::with_ascii(&self.text, self.ascii)
    }
}

/// What is known of a line before it is judged.
#[derive(Clone, Default)]
pub(super) struct Known<'c> {
    /// The failregexes that come into question.
    pub(super) candidates: Option<&'c Candidates>,
    /// Whether it is ASCII, and one line to a filter that reads one by one.
    pub(super) ascii: bool,
    /// What the expressions find in it.
    pub(super) answers: Option<Answers<'c>>,
}

/// What became of the last line.
#[derive(Default)]
pub(super) struct Report {
    /// The first `found` are of this line; the others are kept for their
    /// memory.
    pub(super) findings: Vec<Finding>,
    pub(super) found: usize,
    pub(super) time: Option<Timestamp>,
    pub(super) date: Date,
    pub(super) ignored_by: Vec<usize>,
    pub(super) prefix_matched: bool,
    /// Matched, said to be no failure, and not reported.
    pub(super) quiet: bool,
    /// Matched, not yet known whose, and not reported.
    pub(super) waiting: bool,
    pub(super) troubles: Vec<Trouble>,
}

impl Report {
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings[..self.found]
    }

    pub(super) fn push(
        &mut self,
        rule: usize,
        mark: Mark,
        slots: &Slots,
        connection: Option<usize>,
        detail: Option<Detail>,
    ) {
        if let Some(old) = self.findings.get_mut(self.found) {
            old.rule = rule;
            old.mark = mark;
            old.slots.clone_from(slots);
            old.connection = connection;
            old.detail.take();
        } else {
            self.findings.push(Finding {
                rule,
                mark,
                slots: slots.clone(),
                connection,
                detail: OnceCell::new(),
            });
        }
        if let Some(detail) = detail {
            self.findings[self.found].detail = detail.into();
        }
        self.found += 1;
    }

    pub(super) fn clear(&mut self) {
        for finding in &mut self.findings[..self.found] {
            finding.detail.take();
        }
        self.found = 0;
        self.time = None;
        self.date = Date::default();
        self.ignored_by.clear();
        self.troubles.clear();
        self.prefix_matched = false;
        self.quiet = false;
        self.waiting = false;
    }
}

/// fail2ban would leave the line with an exception here.
pub(super) type BreaksOff = Cow<'static, str>;

impl Session {
    pub(super) fn new(filter: Filter, options: &SessionOptions) -> Session {
        let templates = filter.parts().templates.clone();
        let (zone, log_zone) = (options.zone.clone(), options.log_zone.clone());
        Session {
            detector: DateDetector::new(templates, zone, log_zone).plain(options.plain),
            filter,
            options: options.clone(),
            last_date: LastDate::default(),
            buffer: Vec::new(),
            connections: Connections::default(),
            search: Search::new(options.plain),
            report: Report::default(),
            chosen: Chosen::default(),
            start: None,
            scouting: false,
            spare_notes: SpareNotes::default(),
        }
    }

    /// The filter that judges.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Judges the next line of the log. `now` is the moment at which it is
    /// read: the years and days that a date leaves out are guessed from it.
    ///
    /// Never fails: what could not be decided is told by
    /// [`Session::troubles`].
    pub fn feed<'s, 'l>(&'s mut self, line: impl Into<Line<'l>>, now: Timestamp) -> Outcome<'s> {
        self.report.clear();
        let line = line.into();
        let text = line.text();
        let judged = self.judge(&line, &text, now);
        self.report_judged(judged);
        self.outcome()
    }

    pub(super) fn report_judged(&mut self, judged: Result<(), BreaksOff>) {
        if let Err(reason) = judged {
            self.report.found = 0;
            let reason = reason.into();
            self.report.troubles.push(Trouble::BreaksOff { reason });
        }
    }

    /// What could not be decided about the last line.
    pub fn troubles(&self) -> &[Trouble] {
        &self.report.troubles
    }

    /// The indexes of the ignoreregexes that matched the last line, one for
    /// each time one did.
    pub fn ignored_by(&self) -> &[usize] {
        &self.report.ignored_by
    }

    /// Whether the prefregex matched the last line.
    pub fn prefix_matched(&self) -> bool {
        self.report.prefix_matched
    }

    /// The groups of the prefregex, if that matched the last line.
    pub fn prefix_captures(&self) -> Option<Captures> {
        let prefregex = self.filter.prefregex()?;
        let search = &self.search;
        self.report.prefix_matched.then(|| {
            let mut gathered = Gathered::default();
            let texts = search.texts();
            prefregex.gather(Part::Line, texts, &search.prefix_slots, &mut gathered);
            let mut facts = Facts::default();
            facts.replace(&gathered, texts);
            facts.to_captures(&self.filter.parts().names)
        })
    }

    /// Which bytes of the last line's text were cut out as its date; nothing
    /// if none were. For a line that came split, in its parts put together.
    pub fn date_place(&self) -> Range<usize> {
        let cut = self.report.date.cut;
        cut.before..cut.before + cut.date
    }

    /// The date last seen in the log, which stands in for missing ones.
    pub fn last_date(&self) -> Option<Timestamp> {
        self.last_date.time()
    }

    /// The lines that a filter with `maxlines` keeps for a later match, in
    /// full, oldest first.
    pub fn buffered(&self) -> impl Iterator<Item = &str> {
        self.buffer.iter().map(|line| &*line.full)
    }

    /// The same lines without their dates: as the expressions see them.
    pub fn buffered_text(&self) -> impl Iterator<Item = &str> {
        self.buffer.iter().map(|line| &*line.text)
    }

    /// How often each date template was hit, in the order in which they are
    /// tried now.
    pub fn date_hits(&self) -> Vec<TemplateHits> {
        self.detector.hits()
    }

    /// How many steps the matcher for short lines has taken, a measure of time
    /// that is the same on every machine.
    #[doc(hidden)]
    pub fn steps(&self) -> u64 {
        let search = &self.search;
        let slots = [&search.slots, &search.prefix_slots, &search.ignore_slots];
        slots.into_iter().map(Slots::steps).sum()
    }

    pub(super) fn findings(&self) -> &[Finding] {
        self.report.findings()
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        self.report.time
    }

    /// What became of the last line, once more.
    pub fn outcome(&self) -> Outcome<'_> {
        let report = &self.report;
        let hits = Hits::new(self);
        let has = |mark| report.findings().iter().any(|finding| finding.mark == mark);
        if has(Mark::Failure) {
            Outcome::Failure(hits)
        } else if has(Mark::NoFail) || report.quiet {
            Outcome::NoFail(hits)
        } else if has(Mark::Pending) || report.waiting {
            Outcome::Pending(hits)
        } else if report.ignored_by.is_empty() {
            Outcome::Missed
        } else {
            Outcome::Ignored
        }
    }

    fn judge(&mut self, line: &Line<'_>, text: &str, now: Timestamp) -> Result<(), BreaksOff> {
        let dated = self.last_date.split(
            line,
            text,
            &mut self.detector,
            self.options.time_check,
            now,
            &mut self.report.troubles,
        )?;
        let Some(dated) = dated else { return Ok(()) };
        let filter = self.filter.clone();
        self.judge_dated(filter.parts(), &dated, Known::default(), now)
    }

    /// Judges a line without its date.
    pub(super) fn judge_dated(
        &mut self,
        filter: &Parts,
        dated: &DatedLine<'_>,
        known: Known<'_>,
        now: Timestamp,
    ) -> Result<(), BreaksOff> {
        self.report.time = dated.time;
        self.report.date = dated.date();
        self.search.has_content = false;
        if filter.max_lines == 1 {
            self.search.text.text.clear();
            self.search.text.text.push_str(dated.before);
            self.search.text.text.push_str(dated.after);
            self.search.text.text.push('\n');
        } else {
            self.buffer.push(BufferedLine {
                text: [dated.before, dated.after].concat().into(),
                full: self.last_date.full(dated).concat().into(),
            });
            let excess = self.buffer.len().saturating_sub(filter.max_lines);
            self.buffer.drain(..excess);
            join(&self.buffer, &mut self.search.text.text);
        }
        if known.ascii {
            self.search.text.ascii = true;
            self.search.text.odd = false;
        } else {
            self.search.text.changed(filter.max_lines > 1);
        }
        let clock = self.last_date.clock(dated, self.options.time_check, now);
        self.find(filter, dated, known, clock)
    }
}
