//! The local time zone: from instants to local times and back.
//!
//! fail2ban lets the C library do both. Backwards that is `mktime`, whose
//! answer for a local time that occurs twice or never depends on rules of its
//! own and on its previous answer; [`Zone::mktime`] follows glibc.

mod posix;

use std::fmt;
use std::sync::Arc;

use tz::{LocalTimeType, TimeZone, TimeZoneRef};

use crate::error::{Detail, Error, ErrorKind};
use crate::time::Timestamp;

/// The rules of a local time zone.
///
/// Cloning is cheap. Moments before the first and after the last recorded
/// change are covered as glibc does: by the first standard time and by the
/// rule for the future.
///
/// ```
/// use kerio_ban_core::{Timestamp, Zone};
///
/// let zone = Zone::named("Europe/Zurich")?;
/// assert_eq!(zone.offset(Timestamp::from_whole_seconds(1_124_013_600)), 7200);
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Zone {
    name: Arc<str>,
    rules: Rules,
}

#[derive(Clone)]
enum Rules {
    Bundled(&'static TimeZoneRef<'static>),
    File(Arc<TimeZone>),
    Posix(Arc<TimeZone>),
}

/// What `mktime` remembers from one call to the next: the difference between
/// the last local time, read as UTC, and the instant it stood for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastOffset(i64);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Zone {
        Zone {
            name: "UTC".into(),
            rules: Rules::File(Arc::new(TimeZone::utc())),
        }
    }

    /// A zone of the IANA database, such as `Europe/Zurich`, from the copy
    /// that is part of this library.
    ///
    /// # Errors
    ///
    /// If there is no zone of that name.
    pub fn named(name: &str) -> Result<Zone, Error> {
        let rules = tzdb_data::find_tz(name.as_bytes())
            .ok_or_else(|| Error::new(ZoneError::UnknownName(name.to_owned())))?;
        Ok(Zone {
            name: name.into(),
            rules: Rules::Bundled(rules),
        })
    }

    /// The rules written in the form of the environment variable `TZ`, such as
    /// `CET-1CEST,M3.5.0,M10.5.0/3`. Summer time without rules follows those of
    /// the United States, as in glibc.
    ///
    /// # Errors
    ///
    /// If the text is not of that form.
    pub fn posix(text: &str) -> Result<Zone, Error> {
        let wrong = |problem| {
            Error::new(ZoneError::Posix {
                text: text.to_owned(),
                problem,
            })
        };
        let rule = posix::parse(text).map_err(wrong)?;
        let zone = TimeZone::new(
            Vec::new(),
            posix::local_time_types(&rule),
            Vec::new(),
            Some(rule),
        )
        .map_err(|error| wrong(error.to_string()))?;
        Ok(Zone {
            name: text.into(),
            rules: Rules::Posix(Arc::new(zone)),
        })
    }

    /// The content of a compiled zone file, such as `/etc/localtime`.
    ///
    /// # Errors
    ///
    /// If the bytes are not a zone file.
    pub fn tzif(bytes: &[u8]) -> Result<Zone, Error> {
        let zone = TimeZone::from_tz_data(bytes)
            .map_err(|error| Error::new(ZoneError::File(error.to_string())))?;
        Ok(Zone {
            name: "zone file".into(),
            rules: Rules::File(Arc::new(zone)),
        })
    }

    /// What the zone was made from: a name, the text of rules, or `zone file`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds to add to UTC for the local time at a moment: positive east of
    /// Greenwich.
    pub fn offset(&self, at: Timestamp) -> i64 {
        self.local_time_type(at.seconds().floor() as i64).0
    }

    /// The moment at which clocks show a local time, given as if it were UTC,
    /// in seconds since the epoch.
    ///
    /// As glibc's `mktime` without a daylight saving flag: a time skipped by
    /// the clocks is read with the offset in force before (02:30 becomes
    /// 03:30 summer time), and one that occurs twice is read with the offset
    /// of the previous call, if that is one of the two. `None` if the rules
    /// are such that no answer is found.
    pub(crate) fn mktime(&self, local: i64, last: &mut LastOffset) -> Option<i64> {
        const PROBES: usize = 6;
        let guess = local + last.0;
        let (mut t, mut t1, mut t2) = (guess, guess, guess);
        let mut dst2 = false;
        for _ in 0..PROBES {
            let (offset, dst) = self.local_time_type(t);
            let error = local - (t + offset);
            // Swinging between two moments: the clocks skip this time.
            let skipped = t == t1 && t != t2 && dst2 <= dst;
            if error == 0 || skipped {
                last.0 = t - local;
                return Some(t);
            }
            (t1, t2, t, dst2) = (t2, t, t + error, dst);
        }
        None
    }

    /// Offset and whether it is daylight saving time.
    fn local_time_type(&self, at: i64) -> (i64, bool) {
        let (rules, at) = match &self.rules {
            Rules::Bundled(rules) => (**rules, at),
            Rules::File(zone) => (zone.as_ref().as_ref(), at),
            // To glibc the changes of 1970 are those of all years before.
            Rules::Posix(zone) => (zone.as_ref().as_ref(), at.max(0)),
        };
        let found: Option<&LocalTimeType> = match rules.find_local_time_type(at) {
            Ok(found) => Some(found),
            // After the last change and no rule for the future: it stays.
            Err(_) => rules
                .transitions()
                .last()
                .and_then(|last| rules.local_time_types().get(last.local_time_type_index())),
        };
        found.map_or((0, false), |found| {
            (i64::from(found.ut_offset()), found.is_dst())
        })
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({:?})", self.name)
    }
}

#[derive(Debug, thiserror::Error)]
enum ZoneError {
    #[error("expected the name of a time zone, such as `Europe/Zurich`, but found `{0}`")]
    UnknownName(String),
    #[error("`{text}` is not a rule for a time zone: {problem}")]
    Posix { text: String, problem: String },
    #[error("not a compiled time zone file: {0}")]
    File(String),
}

impl Detail for ZoneError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        "bad-zone"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    const SAMPLES: &str = "CET-01CEST-02,M3.5.0,M10.5.0";

    /// Seconds since the epoch of a time read as UTC.
    fn utc(text: &str) -> i64 {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp()
    }

    fn offset(zone: &Zone, at: &str) -> i64 {
        zone.offset(Timestamp::from_whole_seconds(utc(at)))
    }

    #[test]
    fn rules_without_a_time_change_at_two() {
        let zone = Zone::posix(SAMPLES).unwrap();
        assert_eq!(offset(&zone, "2005-08-14 10:00:00"), 7200);
        assert_eq!(offset(&zone, "2005-03-27 00:59:59"), 3600);
        assert_eq!(offset(&zone, "2005-03-27 01:00:00"), 7200);
        assert_eq!(offset(&zone, "2005-10-29 23:59:59"), 7200);
        assert_eq!(offset(&zone, "2005-10-30 00:00:00"), 3600);
        // In every year from 1970 on, also before there was summer time.
        assert_eq!(offset(&zone, "1970-08-14 10:00:00"), 7200);
        assert_eq!(offset(&zone, "1969-08-14 10:00:00"), 3600);
        assert_eq!(offset(&zone, "3005-08-14 10:00:00"), 7200);
    }

    #[test]
    fn summer_time_without_rules_is_american() {
        let zone = Zone::posix("EST5EDT").unwrap();
        assert_eq!(offset(&zone, "2020-03-08 06:59:59"), -5 * 3600);
        assert_eq!(offset(&zone, "2020-03-08 07:00:00"), -4 * 3600);
        assert_eq!(offset(&zone, "2020-11-01 06:00:00"), -5 * 3600);
    }

    #[test]
    fn rules_may_change_outside_of_the_day() {
        let zone = Zone::posix("<-02>2<-01>,M3.5.0/-1,M10.5.0/0").unwrap();
        assert_eq!(offset(&zone, "2024-03-31 00:59:59"), -2 * 3600);
        assert_eq!(offset(&zone, "2024-03-31 01:00:00"), -3600);
        let zone = Zone::posix("XST-3:30:15").unwrap();
        assert_eq!(offset(&zone, "2024-03-31 01:00:00"), 3 * 3600 + 1815);
    }

    #[test]
    fn before_1970_it_is_what_it_was_when_that_year_began() {
        let zone = Zone::posix("AEST-10AEDT,M10.1.0,M4.1.0/3").unwrap();
        assert_eq!(offset(&zone, "1969-07-01 00:00:00"), 11 * 3600);
        assert_eq!(offset(&zone, "1970-07-01 00:00:00"), 10 * 3600);
    }

    #[test]
    fn bundled_zones_know_past_and_future() {
        let zone = Zone::named("Europe/Zurich").unwrap();
        assert_eq!(offset(&zone, "1979-08-01 00:00:00"), 3600);
        assert_eq!(offset(&zone, "1850-01-01 00:00:00"), 2048);
        assert_eq!(offset(&zone, "2500-08-01 00:00:00"), 7200);
        assert_eq!(zone.name(), "Europe/Zurich");
    }

    #[test]
    fn a_zone_file_is_read() {
        let bytes = tzdb_data::find_raw(b"America/New_York").unwrap();
        let zone = Zone::tzif(bytes).unwrap();
        assert_eq!(offset(&zone, "2020-03-08 06:59:59"), -5 * 3600);
        assert_eq!(offset(&zone, "2020-03-08 07:00:00"), -4 * 3600);
    }

    #[test]
    fn a_skipped_time_is_read_with_standard_time() {
        let zone = Zone::named("Europe/Zurich").unwrap();
        for last in [0, -3600, -7200, 18000] {
            let mut last = LastOffset(last);
            let at = zone.mktime(utc("2021-03-28 02:30:00"), &mut last);
            assert_eq!(at, Some(utc("2021-03-28 01:30:00")));
        }
    }

    #[test]
    fn a_time_that_occurs_twice_keeps_the_last_offset() {
        let zone = Zone::named("Europe/Zurich").unwrap();
        let mut last = LastOffset::default();
        zone.mktime(utc("2019-10-27 01:00:00"), &mut last);
        let at = zone.mktime(utc("2019-10-27 02:30:00"), &mut last);
        assert_eq!(at, Some(utc("2019-10-27 00:30:00")));
        zone.mktime(utc("2019-10-27 03:00:00"), &mut last);
        let at = zone.mktime(utc("2019-10-27 02:30:00"), &mut last);
        assert_eq!(at, Some(utc("2019-10-27 01:30:00")));
    }

    #[test]
    fn err_zones() {
        let shown = [
            Zone::named("Europe/Atlantis").unwrap_err(),
            Zone::posix("").unwrap_err(),
            Zone::posix("CE-1").unwrap_err(),
            Zone::posix("CET").unwrap_err(),
            Zone::posix("CET-25").unwrap_err(),
            Zone::posix("CET-1CEST,M3.5").unwrap_err(),
            Zone::posix("CET-1CEST,M13.5.0,M10.5.0").unwrap_err(),
            Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3 ").unwrap_err(),
            Zone::posix("CET-1CEST,J1,").unwrap_err(),
            Zone::tzif(b"not a zone").unwrap_err(),
        ]
        .map(|error| format!("{}: {error}", error.code()))
        .join("\n");
        assert_snapshot!(shown, @"
        bad-zone: expected the name of a time zone, such as `Europe/Zurich`, but found `Europe/Atlantis`
        bad-zone: `` is not a rule for a time zone: expected a name of three or more letters, but found the end
        bad-zone: `CE-1` is not a rule for a time zone: expected a name of three or more letters, but found `CE-1`
        bad-zone: `CET` is not a rule for a time zone: expected an offset such as `-1` after the name, but found the end
        bad-zone: `CET-25` is not a rule for a time zone: expected hours from 0 to 24, but found `25`
        bad-zone: `CET-1CEST,M3.5` is not a rule for a time zone: expected `.` and a day of the week, but found the end
        bad-zone: `CET-1CEST,M13.5.0,M10.5.0` is not a rule for a time zone: expected a month from 1 to 12, but found `13.5.0,M10.5.0`
        bad-zone: `CET-1CEST,M3.5.0,M10.5.0/3 ` is not a rule for a time zone: expected nothing more, but found ` `
        bad-zone: `CET-1CEST,J1,` is not a rule for a time zone: expected `J`, `M` or a day of the year from 0 to 365, but found the end
        bad-zone: not a compiled time zone file: invalid TZ file: invalid magic number
        ");
    }
}
