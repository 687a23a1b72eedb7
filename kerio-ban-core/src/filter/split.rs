//! Finding a line's date and taking it out.

use std::cell::Cell;
use std::ops::Range;

use super::options::TimeCheck;
use super::outcome::Trouble;
use super::place::Cut;
use super::scout::Date;
use super::session::{BreaksOff, Line};
use crate::date::DateDetector;
use crate::pattern::Haystack;
use crate::time::Timestamp;

/// What a reading remembers of the dates it has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct LastDate {
    time: Option<Timestamp>,
    text: String,
    /// Whether it is of a line before the first one that was read here.
    inherited: bool,
    /// Whether an inherited date was looked at.
    consulted: Cell<bool>,
}

/// A line with its date cut out.
#[derive(Debug)]
pub(super) struct DatedLine<'l> {
    pub(super) before: &'l str,
    /// The date as it stands in the line, or nothing.
    date: &'l str,
    pub(super) after: &'l str,
    /// Whether the last known date stands in for the missing one.
    borrowed_date: bool,
    pub(super) time: Option<Timestamp>,
    /// Whether the line has no date that could be read.
    pub(super) undated: bool,
}

impl<'l> DatedLine<'l> {
    /// A line with a known date.
    pub(super) fn dated(line: &'l str, cut: Range<usize>, time: Timestamp) -> DatedLine<'l> {
        DatedLine {
            before: &line[..cut.start],
            date: &line[cut.clone()],
            after: &line[cut.end..],
            borrowed_date: false,
            time: Some(time),
            undated: false,
        }
    }

    /// A line whose date was looked for before.
    pub(super) fn again(line: &'l str, date: &Date) -> DatedLine<'l> {
        let (before, rest) = line.split_at(date.cut.before);
        let (text, after) = rest.split_at(date.cut.date);
        DatedLine {
            before,
            date: text,
            after,
            borrowed_date: date.borrowed,
            time: date.time,
            undated: date.undated,
        }
    }

    /// What is known of the date, to be used [again](DatedLine::again).
    pub(super) fn date(&self) -> Date {
        Date {
            cut: self.cut(),
            time: self.time,
            borrowed: self.borrowed_date,
            undated: self.undated,
            bad: false,
        }
    }

    /// How long its parts are.
    pub(super) fn cut(&self) -> Cut {
        Cut {
            before: self.before.len(),
            date: self.date.len(),
            after: self.after.len(),
        }
    }
}

/// How far back, in seconds, the last known date may lie to stand in for a
/// missing one.
const RECENT: f64 = 60.0;

impl LastDate {
    /// The last known date if it is recent. fail2ban takes the moment 0 for no
    /// date at all.
    fn recent(&self, check: TimeCheck, now: Timestamp) -> Option<Timestamp> {
        let known = self.time().filter(|time| time.seconds() != 0.0);
        // In a replay, now is the last known date.
        known.filter(|time| check == TimeCheck::Replay || time.since(now) > -RECENT)
    }

    /// The moment at which a line is read: now, or when it was written.
    pub(super) fn clock(
        &self,
        dated: &DatedLine<'_>,
        check: TimeCheck,
        now: Timestamp,
    ) -> Timestamp {
        match check {
            TimeCheck::Replay => dated.time.or_else(|| self.time()).unwrap_or(now),
            _ => now,
        }
    }

    /// The same for a reading that begins further on.
    pub(super) fn ahead(&self) -> LastDate {
        LastDate {
            inherited: true,
            consulted: Cell::new(false),
            ..self.clone()
        }
    }

    /// Whether a reading that began with `start` would have gone the same way
    /// if it had begun with this.
    pub(super) fn might_precede(&self, start: &LastDate, ahead: &LastDate) -> bool {
        let same = (self.time, &self.text) == (start.time, &start.text);
        same || !ahead.consulted.get()
    }

    /// Becomes the last date of a reading that was ahead.
    pub(super) fn take_over(&mut self, ahead: &LastDate) {
        if !ahead.inherited
            && let Some(time) = ahead.time
        {
            self.remember(time, &ahead.text);
        }
    }

    /// The date last seen where this reading began or further on.
    pub(super) fn seen_here(&self) -> Option<(Timestamp, &str)> {
        let time = self.time.filter(|_| !self.inherited)?;
        Some((time, &self.text))
    }

    pub(super) fn remember(&mut self, time: Timestamp, text: &str) {
        self.inherited = false;
        self.time = Some(time);
        self.text.clear();
        self.text.push_str(text);
    }

    /// The last known date.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.consulted.set(self.consulted.get() || self.inherited);
        self.time
    }

    /// Cuts the date out of a line and reads it. `None` for a line that is too
    /// old to be looked at.
    pub(super) fn split<'l>(
        &mut self,
        line: &'l Line<'l>,
        text: &'l str,
        detector: &mut DateDetector,
        check: TimeCheck,
        now: Timestamp,
        troubles: &mut Vec<Trouble>,
    ) -> Result<Option<DatedLine<'l>>, BreaksOff> {
        let mut dated = if let Line::Split {
            before,
            date,
            after,
            time,
        } = *line
        {
            self.remember(time, date);
            DatedLine {
                before,
                date,
                after,
                borrowed_date: false,
                time: Some(time),
                undated: false,
            }
        } else {
            self.detect(text, detector, check, now, troubles)?
        };
        if let Some(time) = dated.time {
            match check {
                TimeCheck::Off | TimeCheck::Replay => {}
                TimeCheck::InOperation => {
                    if time.since(now).trunc().abs() > RECENT {
                        dated.time = Some(now);
                        self.time = Some(now);
                    }
                }
                TimeCheck::StartUp { find_time } => {
                    if time.since(now) < -find_time {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(dated))
    }

    fn detect<'l>(
        &mut self,
        text: &'l str,
        detector: &mut DateDetector,
        check: TimeCheck,
        now: Timestamp,
        troubles: &mut Vec<Trouble>,
    ) -> Result<DatedLine<'l>, BreaksOff> {
        let whole = DatedLine {
            before: "",
            date: "",
            after: text,
            borrowed_date: false,
            time: None,
            undated: true,
        };
        let mut dated = whole;
        if let Some(found) = detector
            .find(Haystack::new(text), now)
            .map_err(|raises| raises.to_string())?
        {
            let cut = found.cut.clone();
            dated.before = &text[..cut.start];
            dated.date = &text[cut.clone()];
            dated.after = &text[cut.end..];
            if cut.is_empty() {
                // The pattern says that there need be no date.
                dated.undated = false;
                if let Some(recent) = self.recent(check, now) {
                    dated = DatedLine {
                        before: "",
                        date: "",
                        after: text,
                        borrowed_date: true,
                        time: Some(recent),
                        undated: false,
                    };
                } else {
                    dated.time = Some(now);
                }
            } else if let Some(time) = detector
                .convert(text, &found, now)
                .map_err(|raises| raises.to_string())?
            {
                self.remember(time, &text[cut]);
                dated.time = Some(time);
                dated.undated = false;
            } else {
                troubles.push(Trouble::BadDate);
            }
        }
        if dated.undated {
            if let Some(recent) = self.recent(check, now) {
                dated = DatedLine {
                    before: "",
                    date: "",
                    after: text,
                    borrowed_date: true,
                    time: Some(recent),
                    undated: true,
                };
            } else if check == TimeCheck::InOperation {
                dated.time = Some(now);
            }
        }
        Ok(dated)
    }

    /// The line as fail2ban reports it, in parts: with its date, or with the
    /// last known one in front.
    pub(super) fn full<'l>(&'l self, dated: &DatedLine<'l>) -> [&'l str; 3] {
        let date = if dated.borrowed_date {
            &self.text
        } else {
            dated.date
        };
        [dated.before, date, dated.after]
    }
}
