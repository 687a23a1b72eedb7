//! Finding dates without a filter: for programs that show, sort or rewrite
//! the lines of a log.

use std::fmt;
use std::ops::Range;

use super::detector::DateDetector;
use super::error::DateError;
use super::list::DateTemplates;
use super::offsets::LogZone;
use crate::error::Error;
use crate::pattern::Haystack;
use crate::time::Timestamp;
use crate::traced::Traced;
use crate::zone::Zone;

/// Finds the date of each line of a log, as a filter with the same date
/// patterns would.
///
/// Which of several dates in a line is taken can depend on the lines before,
/// as it does in fail2ban, so there should be one for each log.
///
/// ```
/// use kerio_ban_core::{DateFinder, Timestamp};
///
/// let mut dates = DateFinder::new(None, 2025)?;
/// let now = Timestamp::from_whole_seconds(1_750_000_000);
///
/// let line = "[17/Jun/2025 17:00:45] text";
/// let date = dates.find(line, now)?.expect("a date");
/// assert_eq!(&line[date.range()], "17/Jun/2025 17:00:45");
/// assert_eq!(date.time().seconds(), 1_750_179_645.0);
/// assert!(dates.find("text", now)?.is_none());
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
pub struct DateFinder {
    templates: DateTemplates,
    zone: Zone,
    log_zone: Option<LogZone>,
    detector: DateDetector,
}

/// The date of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct LineDate {
    range: Range<usize>,
    time: Timestamp,
}

impl DateFinder {
    /// Looks for dates of these patterns, separated by newlines, with single
    /// percent signs; without any, for those that fail2ban knows by default.
    /// The zone is UTC. `start_year` is the local year in which the reading
    /// starts: fail2ban's default templates take only dates of a window of
    /// years around it.
    ///
    /// # Errors
    /// `bad-datepattern` for a pattern that fail2ban would refuse, or would not
    /// be able to use.
    pub fn new(datepattern: Option<&Traced>, start_year: i32) -> Result<DateFinder, Error> {
        let templates = DateTemplates::new(datepattern, start_year)?;
        templates.check()?;
        Ok(DateFinder::with(templates, Zone::utc(), None))
    }

    /// Sets the local time zone: what a date without a zone is in. Forgets the
    /// lines found so far.
    #[must_use]
    pub fn zone(self, zone: Zone) -> DateFinder {
        DateFinder::with(self.templates, zone, self.log_zone)
    }

    /// Sets the fixed zone of dates that have none of their own; the local zone
    /// if not set. Forgets the lines found so far.
    #[must_use]
    pub fn log_zone(self, log_zone: Option<LogZone>) -> DateFinder {
        DateFinder::with(self.templates, self.zone, log_zone)
    }

    fn with(templates: DateTemplates, zone: Zone, log_zone: Option<LogZone>) -> DateFinder {
        DateFinder {
            detector: DateDetector::new(templates.clone(), zone.clone(), log_zone.clone()),
            templates,
            zone,
            log_zone,
        }
    }

    /// The date of the next line. `now` is the moment at which it is read: the
    /// years and days that a date leaves out are guessed from it. `None` for a
    /// line without a date, or with one that is none, such as 31 February.
    ///
    /// # Errors
    /// `undecided-date` where fail2ban would give up the line: for a time zone
    /// it does not know, or a pattern that needs too many steps.
    pub fn find(&mut self, line: &str, now: Timestamp) -> Result<Option<LineDate>, Error> {
        let undecided = |reason: String| Error::new(DateError::Undecided(reason));
        let found = self.detector.find(Haystack::new(line), now);
        let Some(found) = found.map_err(|raises| undecided(raises.to_string()))? else {
            return Ok(None);
        };
        // A pattern that says there need be no date.
        if found.cut.is_empty() {
            return Ok(None);
        }
        let time = self.detector.convert(line, &found, now);
        let time = time.map_err(|raises| undecided(raises.to_string()))?;
        Ok(time.map(|time| LineDate {
            range: found.cut,
            time,
        }))
    }
}

impl LineDate {
    /// The bytes of the date in the line: what fail2ban cuts out before it
    /// searches.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The moment.
    pub fn time(&self) -> Timestamp {
        self.time
    }
}

impl fmt::Debug for DateFinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DateFinder")
            .field("zone", &self.zone)
            .field("log_zone", &self.log_zone)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    /// 2025-06-15 15:06:40 UTC.
    fn now() -> Timestamp {
        Timestamp::from_whole_seconds(1_750_000_000)
    }

    fn finder(pattern: &str) -> Result<DateFinder, Error> {
        let source = Source::new("pattern", pattern);
        let pattern = Traced::typed(&source.span(0..pattern.len()));
        DateFinder::new(Some(&pattern), 2025)
    }

    fn found(dates: &mut DateFinder, line: &str) -> Option<(String, f64)> {
        let date = dates.find(line, now()).unwrap()?;
        Some((line[date.range()].to_owned(), date.time().seconds()))
    }

    #[test]
    fn dates_are_local_unless_they_say_or_are_told_otherwise() {
        let zone = Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut local = DateFinder::new(None, 2025).unwrap().zone(zone.clone());
        let date = found(&mut local, "Jun 14 17:00:45 mx text");
        assert_eq!(date, Some(("Jun 14 17:00:45".to_owned(), 1_749_913_245.0)));
        let date = found(&mut local, "2025-06-14T15:00:45+00:00 mx text");
        assert_eq!(date.map(|(_, time)| time), Some(1_749_913_245.0));

        let log_zone = "UTC+0300".parse().unwrap();
        let told = DateFinder::new(None, 2025).unwrap();
        let mut told = told.zone(zone).log_zone(Some(log_zone));
        let date = found(&mut told, "Jun 14 17:00:45 mx text");
        assert_eq!(date.map(|(_, time)| time), Some(1_749_909_645.0));
    }

    #[test]
    fn a_line_may_have_no_date() {
        let mut dates = finder("^%d/%b/%Y\n{NONE}").unwrap();
        let date = found(&mut dates, "14/Jun/2025 x");
        assert_eq!(date.map(|(text, _)| text), Some("14/Jun/2025".to_owned()));
        assert_eq!(found(&mut dates, "31/Feb/2025 x"), None);
        assert_eq!(found(&mut dates, "x"), None);
        let mut dates = DateFinder::new(None, 2025).unwrap();
        assert_eq!(found(&mut dates, ""), None);
    }

    #[test]
    fn err_what_fail2ban_gives_up() {
        let mut dates = finder("^%Y-%m-%d %H:%M:%S %Z").unwrap();
        let error = dates.find("2025-06-14 17:00:45 BST x", now()).unwrap_err();
        insta::assert_snapshot!(error, @"fail2ban gives up a line with this date: unknown time zone `BST`");
        assert_eq!(error.code(), "undecided-date");
    }

    #[test]
    fn err_patterns_without_use_are_refused_at_once() {
        assert_eq!(finder("^(%Y").unwrap_err().code(), "bad-datepattern");
        assert_eq!(finder("%q").unwrap_err().code(), "bad-datepattern");
    }
}
