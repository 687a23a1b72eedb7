//! Judging lines before it is known what the lines in front of them leave
//! behind.
//!
//! A log is read by several threads by letting each of them judge a block of
//! lines with a session that begins with what is known at the time: mostly what
//! a long log leaves behind is always the same. Afterwards, in the order of the
//! blocks, each of these sessions is compared with what there really is at the
//! start of its block, and judged anew if that could have made a difference.

use super::builder::Parts;
use super::options::TimeCheck;
use super::rule::Rule;
use super::session::Session;
use super::split::LastDate;

/// What a session ahead of another has begun with.
pub(super) struct Start {
    last_date: LastDate,
}

impl Session {
    /// A session for lines further on in the same log, that begins with what
    /// is known now. `None` if what becomes of a line depends on the lines
    /// before it by more than their dates: with `maxlines`, `F-MLFID`, or times
    /// that are compared with the clock.
    pub fn ahead(&self) -> Option<Session> {
        let alone = self.filter.parts().judges_lines_alone();
        self.begin_ahead().filter(|_| alone)
    }

    /// A session that begins with the dates that are known now. `None` if it
    /// matters to lines when they are read.
    pub(super) fn begin_ahead(&self) -> Option<Session> {
        if !matches!(self.options.time_check, TimeCheck::Off | TimeCheck::Replay) {
            return None;
        }
        let mut ahead = Session::new(self.filter.clone(), &self.options);
        ahead.detector = self.detector.ahead();
        ahead.chosen = self.chosen.clone();
        ahead.last_date = self.last_date.ahead();
        ahead.start = Some(Start {
            last_date: self.last_date.clone(),
        });
        Some(ahead)
    }

    /// Becomes what it would be after the lines that a session
    /// [ahead](Session::ahead) has read, which must be the next ones, if it
    /// would have judged them in the same way. `false`, and no change, if that
    /// is not certain: then the lines are to be judged again.
    pub fn take_over(&mut self, ahead: &Session) -> bool {
        let certain = !ahead.scouting && self.take_over_dates(ahead);
        if certain {
            self.last_date.take_over(&ahead.last_date);
        }
        certain
    }

    /// Takes over what a session ahead has learned of the form of dates, but
    /// not yet its last date. `false`, and no change, if its dates might not be
    /// the same with what is known now.
    pub(super) fn take_over_dates(&mut self, ahead: &Session) -> bool {
        let Some(start) = &ahead.start else {
            return false;
        };
        let certain = self
            .last_date
            .might_precede(&start.last_date, &ahead.last_date)
            && self.detector.take_over(&ahead.detector);
        if certain {
            self.chosen.take_over(&ahead.chosen);
        }
        certain
    }
}

impl Parts {
    /// Whether lines share nothing but dates.
    fn judges_lines_alone(&self) -> bool {
        let rules = self.prefregex.iter().chain(&self.failregex);
        let connected = |name: &str| name.contains("mlfid");
        self.max_lines == 1 && !rules.flat_map(Rule::group_names).any(connected)
    }
}
