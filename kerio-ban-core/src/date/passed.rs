//! Dates of lines of which nothing else is wanted.
//!
//! In a log, the date of a line mostly differs from the one before in minutes
//! and seconds only. Of such a date it is known where it is and what the
//! detector would remember of it, without a search and without a conversion.

use std::ops::Range;

use super::detector::DateDetector;
use super::form::Form;
use super::reader::Groups;
use super::shape::{Again, Located, Shape};
use super::template::{Kind, Template};
use super::window::Window;
use crate::time::Timestamp;

/// The date of a line that may be passed over.
#[derive(Clone, Copy)]
pub(crate) struct PassedDate {
    whole: (usize, usize),
    cut: (usize, usize),
    time: Timestamp,
    zoned: bool,
}

impl PassedDate {
    /// The bytes to be cut out of the line.
    pub(crate) fn cut(&self) -> Range<usize> {
        self.cut.0..self.cut.1
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }
}

/// The form of the last date that was looked at.
pub(super) struct LastForm {
    template: usize,
    form: Form,
    /// Year, month, day and hour.
    local: [u16; 4],
    /// The start of the hour, if the date names its zone.
    start: Option<Timestamp>,
}

impl DateDetector {
    /// Looks at the date of an ASCII line. `None` if it takes a search to find
    /// it or a conversion to know what it would leave behind.
    pub(crate) fn peek(&mut self, line: &[u8], now: Timestamp) -> Option<PassedDate> {
        let place = self.current?;
        let number = self.order[place].template;
        let template = &self.templates.templates()[number];
        let Template { anchored, kind, .. } = *template;
        if kind != Kind::Fields {
            return None;
        }
        let shape = template.shape()?;
        let range = if anchored {
            0..line.len()
        } else {
            self.window.range_in_ascii(line)?
        };
        let counts = |(start, end): (usize, usize)| {
            let same_window = start == self.window.start && end == self.window.end;
            anchored || same_window || self.order.len() == 1
        };
        if let Some(last) = &self.last_form
            && last.template == number
            && let Some(again) = shape.find_again(line, &range, &last.form)
            && let Some(start) = self.known_start(last, now)
        {
            return counts(again.whole).then(|| last.date(start, &again));
        }
        let located = shape.locate(line, &range)?;
        if !counts(located.whole) {
            return None;
        }
        let form = shape.form(line, &located);
        let (local, seconds) = located.plain_date(line)?;
        let zoned = located.zone.is_some();
        let time = if zoned {
            // Without a year, the moment makes a difference.
            if local[0] == 0 {
                return None;
            }
            self.convert_located(number, line, &located, now)?
        } else {
            self.reader.known_hour(local, now)?.later_by(seconds)
        };
        self.last_form = form.map(|form| LastForm {
            template: number,
            form,
            local,
            start: zoned.then(|| time.later_by(-seconds)),
        });
        Some(PassedDate {
            whole: located.whole,
            cut: located.cut,
            time,
            zoned,
        })
    }

    /// The time of a date that names its zone. Its conversion leaves no trace.
    fn convert_located(
        &mut self,
        template: usize,
        line: &[u8],
        located: &Located,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let compiled = self.templates.templates()[template].compiled().ok()?;
        located.fill(&compiled.shape_groups, &mut self.slots);
        let groups = Groups {
            line: std::str::from_utf8(line).ok()?,
            slots: &self.slots,
        };
        let time = self.reader.read(template, compiled, &groups, now);
        time.ok().flatten()
    }

    /// The start of the hour of the last date, if it is known.
    fn known_start(&self, last: &LastForm, now: Timestamp) -> Option<Timestamp> {
        let known = || self.reader.known_hour(last.local, now);
        last.start.or_else(known)
    }

    /// What dates that follow the last one are compared with, if where they
    /// are does not depend on the lines between.
    pub(crate) fn sequel(&self, now: Timestamp) -> Option<Sequel<'_>> {
        let number = self.order[self.current?].template;
        let last = self.last_form.as_ref();
        let last = last.filter(|last| last.template == number)?;
        let template = &self.templates.templates()[number];
        let is_plain = template.anchored && template.kind == Kind::Fields;
        Some(Sequel {
            start: self.known_start(last, now).filter(|_| is_plain)?,
            shape: template.shape()?,
            last,
        })
    }

    /// Takes note of a date that was looked at: afterwards all is as if the
    /// line had been searched and its date converted.
    pub(crate) fn pass(&mut self, date: &PassedDate, line: &[u8], now: Timestamp) {
        self.pass_all(date, line, 1, now);
    }

    /// The same for so many dates that are each other's [`Sequel`], of which
    /// the last is given.
    pub(crate) fn pass_all(&mut self, date: &PassedDate, line: &[u8], dates: u64, now: Timestamp) {
        let Some(place) = self.current else { return };
        let entry = &mut self.order[place];
        entry.hits += dates;
        entry.last_used = now.seconds();
        entry.distance = date.whole.0;
        self.note(dates, true);
        if self.first_unused == place {
            self.first_unused += 1;
        }
        if let Some(window) = Window::in_ascii(line, date.whole.0, date.whole.1) {
            self.window = window;
        }
        if !date.zoned {
            self.reader.pass();
        }
    }
}

impl LastForm {
    /// Another date in the same hour.
    fn date(&self, start: Timestamp, again: &Again) -> PassedDate {
        PassedDate {
            whole: again.whole,
            cut: again.cut,
            time: start.later_by(again.seconds()),
            zoned: self.start.is_some(),
        }
    }
}

/// What dates that follow the last one are compared with.
pub(crate) struct Sequel<'d> {
    shape: &'d Shape,
    last: &'d LastForm,
    /// The start of their hour.
    start: Timestamp,
}

impl Sequel<'_> {
    /// Which bytes of an ASCII line its date cuts out of it. `None` if it takes
    /// more than a comparison to find it.
    #[inline]
    pub(crate) fn cut(&self, line: &[u8]) -> Option<Range<usize>> {
        let form = &self.last.form;
        let (start, end) = self.shape.place_again(line, &(0..line.len()), form)?;
        let (start, end) = form.cut(start, end);
        Some(start..end)
    }

    /// The date of such a line.
    pub(crate) fn date(&self, line: &[u8]) -> Option<PassedDate> {
        let range = 0..line.len();
        let found = self.shape.find_again(line, &range, &self.last.form)?;
        Some(self.last.date(self.start, &found))
    }
}
