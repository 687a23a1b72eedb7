//! From the parts of a date to an instant.
//!
//! The steps and their order are those of fail2ban, since later steps undo or
//! forget what earlier ones did (a year is replaced after the zone was
//! subtracted, and the day with it).

use chrono::{Datelike, NaiveDate};

use super::error::ConversionRaises;
use super::number::int;
use super::offsets::{OffsetProblem, minutes_east};
use super::template::Field;
use crate::time::Timestamp;
use crate::zone::{LastOffset, Zone};

const DAY: i64 = 24 * 60 * 60;

/// Abbreviations are the first three letters. Monday is 0.
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// January is 1; an empty name is 0, for which there is no date.
const MONTHS: [&str; 13] = [
    "",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Why there is no instant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The date does not exist: the line is undated.
    NoDate,
    /// fail2ban gives up the line.
    Raises(ConversionRaises),
}

impl From<ConversionRaises> for Failure {
    fn from(raises: ConversionRaises) -> Failure {
        Failure::Raises(raises)
    }
}

/// What else a conversion depends on.
pub(super) struct Context<'a> {
    pub(super) zone: &'a Zone,
    /// Minutes east of UTC for lines that name no zone.
    pub(super) log_zone: Option<i32>,
    pub(super) now: Timestamp,
}

/// An instant, and whether it depended on the clock.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) result: Result<Timestamp, Failure>,
    pub(super) used_now: bool,
}

/// The parts that were found, as numbers. Parts not found stay `None`; those
/// of the time of day are zero.
#[derive(Debug, Default)]
pub(super) struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    zone: Option<i32>,
    /// Monday is 0.
    weekday: Option<i64>,
    year_day: Option<i64>,
    week: Option<Week>,
}

#[derive(Clone, Copy, Debug)]
struct Week {
    number: i64,
    from_monday: bool,
}

/// `%p` of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum HalfOfDay<'t> {
    /// The pattern has none.
    NotAsked,
    Missing,
    Found(&'t str),
}

impl Parts {
    /// Takes in the text of one group. Later ones overwrite earlier ones.
    pub(super) fn take(
        &mut self,
        field: Field,
        text: &str,
        half_of_day: HalfOfDay<'_>,
    ) -> Result<(), Failure> {
        match field {
            Field::Year => self.year = Some(number(text)?),
            Field::YearOfCentury => {
                let year = number(text)?;
                self.year = Some(if year <= 2000 {
                    year.saturating_add(2000)
                } else {
                    year
                });
            }
            Field::Month => self.month = Some(number(text)?),
            Field::MonthName => self.month = Some(index_of(&MONTHS, text, usize::MAX)?),
            Field::MonthAbbreviation => self.month = Some(index_of(&MONTHS, text, 3)?),
            Field::Day => self.day = Some(number(text)?),
            Field::YearDay => self.year_day = Some(number(text)?),
            Field::WeekFromSunday | Field::WeekFromMonday => {
                self.week = Some(Week {
                    number: number(text)?,
                    from_monday: field == Field::WeekFromMonday,
                });
            }
            Field::Weekday => {
                let from_sunday = number(text)?;
                self.weekday = Some(if from_sunday < 1 { 6 } else { from_sunday - 1 });
            }
            Field::WeekdayName => self.weekday = Some(index_of(&WEEKDAYS, text, usize::MAX)?),
            Field::WeekdayAbbreviation => self.weekday = Some(index_of(&WEEKDAYS, text, 3)?),
            Field::Hour => self.hour = number(text)?,
            Field::HourOfHalf => self.hour = hour_of_day(number(text)?, half_of_day)?,
            Field::Minute => self.minute = number(text)?,
            Field::Second => self.second = number(text)?,
            Field::Zone => self.zone = Some(zone(text)?),
        }
        Ok(())
    }

    /// The instant. `last` is the memory of `mktime`.
    pub(super) fn convert(self, context: &Context<'_>, last: &mut LastOffset) -> Converted {
        let mut used_now = false;
        let result = self.instant(context, &mut used_now, last);
        Converted { result, used_now }
    }

    fn instant(
        self,
        context: &Context<'_>,
        used_now: &mut bool,
        last: &mut LastOffset,
    ) -> Result<Timestamp, Failure> {
        let mut known_now = None;
        let mut now = || match known_now {
            Some(now) => Ok(now),
            None => {
                *used_now = true;
                LocalNow::new(context).inspect(|&now| known_now = Some(now))
            }
        };
        let year_assumed = self.year.is_none();
        let mut year = match self.year {
            Some(year) => year,
            None => now()?.date.year().into(),
        };
        let (mut month, mut day) = (self.month, self.day);
        if (month.is_none() || day.is_none())
            && let Some(year_day) = self.year_day(year)?
        {
            let date = date_of_year_day(year, year_day)?;
            year = date.year().into();
            month = Some(date.month().into());
            day = Some(date.day().into());
        }
        let today_assumed = month.is_none() && day.is_none();
        if today_assumed {
            let today = now()?.date;
            month = Some(today.month().into());
            day = Some(today.day().into());
        }
        let month = month.ok_or(ConversionRaises::DayWithoutMonth)?;
        let day = day.ok_or(ConversionRaises::MonthWithoutDay)?;

        let mut local = midnight(year, month, day)? + self.time_of_day()?;
        let offset = self.zone.or(context.log_zone);
        if let Some(minutes) = offset {
            local = in_calendar(local - i64::from(minutes) * 60)?;
        }
        if today_assumed && now()?.is_before(local) {
            local = in_calendar(local - DAY)?;
        }
        if year_assumed && now()?.is_before(local - DAY) {
            local = midnight(year - 1, month, day)? + local.rem_euclid(DAY);
        }
        if offset.is_some() {
            return Ok(Timestamp::from_whole_seconds(local));
        }
        let seconds = context.zone.mktime(local, last);
        let seconds = seconds.ok_or(ConversionRaises::OutOfRange)?;
        Ok(Timestamp::from_local_seconds(seconds))
    }

    /// The day of the year, from 1, if it was found or can be computed.
    fn year_day(&self, year: i64) -> Result<Option<i64>, Failure> {
        let (None, Some(week), Some(weekday)) = (self.year_day, self.week, self.weekday) else {
            return Ok(self.year_day);
        };
        let first = date(year, 1, 1)?.weekday();
        let (first, weekday) = if week.from_monday {
            (i64::from(first.num_days_from_monday()), weekday)
        } else {
            // A weekday out of range, from a group of one's own, wraps too.
            let from_sunday = weekday.saturating_add(1).rem_euclid(7);
            (i64::from(first.num_days_from_sunday()), from_sunday)
        };
        let days_before_first_week = (7 - first) % 7;
        let before = if week.number == 0 {
            -first
        } else {
            let weeks = week.number.saturating_sub(1);
            weeks
                .saturating_mul(7)
                .saturating_add(days_before_first_week)
        };
        Ok(Some(before.saturating_add(weekday).saturating_add(1)))
    }

    /// Seconds since midnight.
    fn time_of_day(&self) -> Result<i64, Failure> {
        let mut seconds = 0;
        for (value, limit) in [(self.hour, 24), (self.minute, 60), (self.second, 60)] {
            small(value)?;
            if !(0..limit).contains(&value) {
                return Err(Failure::NoDate);
            }
            seconds = seconds * 60 + value;
        }
        Ok(seconds)
    }
}

/// The local time that it is.
#[derive(Clone, Copy)]
struct LocalNow {
    date: NaiveDate,
    /// Since the epoch, as if it were UTC.
    microseconds: i64,
}

impl LocalNow {
    fn new(context: &Context<'_>) -> Result<LocalNow, Failure> {
        let offset = context.zone.offset(context.now);
        let microseconds = (context.now.seconds() * 1e6).round_ties_even() as i64;
        let microseconds = microseconds.saturating_add(offset * 1_000_000);
        let local = in_calendar(microseconds.div_euclid(1_000_000))?;
        Ok(LocalNow {
            date: day_of(local)?,
            microseconds,
        })
    }

    fn is_before(&self, local: i64) -> bool {
        self.microseconds < local * 1_000_000
    }
}

fn number(text: &str) -> Result<i64, Failure> {
    int(text).map_err(|_| Failure::NoDate)
}

/// The index of a name, of which the first letters may be all.
fn index_of(names: &[&str], text: &str, letters: usize) -> Result<i64, Failure> {
    let is_it = |name: &&str| {
        let shown = name.get(..letters).unwrap_or(name);
        shown.eq_ignore_ascii_case(text)
    };
    match names.iter().position(is_it) {
        Some(index) => Ok(index as i64),
        None => Err(Failure::NoDate),
    }
}

/// From twelve hours to twenty-four. Without `%p` it is the morning.
fn hour_of_day(hour: i64, half_of_day: HalfOfDay<'_>) -> Result<i64, Failure> {
    let half = match half_of_day {
        HalfOfDay::NotAsked => "",
        HalfOfDay::Missing => return Err(ConversionRaises::HalfOfDayMissing.into()),
        HalfOfDay::Found(half) => half,
    };
    Ok(if half.is_empty() || half.eq_ignore_ascii_case("am") {
        if hour == 12 { 0 } else { hour }
    } else if half.eq_ignore_ascii_case("pm") && hour != 12 {
        hour.saturating_add(12)
    } else {
        hour
    })
}

/// Minutes east of UTC.
fn zone(text: &str) -> Result<i32, Failure> {
    if let "Z" | "UTC" | "GMT" = text {
        return Ok(0);
    }
    match minutes_east(text) {
        Ok(minutes) => Ok(minutes),
        Err(OffsetProblem::Shape) => Err(Failure::NoDate),
        Err(OffsetProblem::UnknownName) => {
            Err(ConversionRaises::UnknownZone(text.to_owned()).into())
        }
    }
}

/// Python cannot pass larger numbers to its calendar, which is worse for the
/// line than a date that does not exist.
fn small(number: i64) -> Result<i32, Failure> {
    i32::try_from(number).map_err(|_| ConversionRaises::OutOfRange.into())
}

fn date(year: i64, month: i64, day: i64) -> Result<NaiveDate, Failure> {
    let (year, month, day) = (small(year)?, small(month)?, small(day)?);
    let part = |number: i32| u32::try_from(number).ok();
    let date = match (part(month), part(day)) {
        (Some(month), Some(day)) => NaiveDate::from_ymd_opt(year, month, day),
        _ => None,
    };
    date.filter(|_| (1..=9999).contains(&year))
        .ok_or(Failure::NoDate)
}

fn date_of_year_day(year: i64, year_day: i64) -> Result<NaiveDate, Failure> {
    let first = i64::from(date(year, 1, 1)?.num_days_from_ce());
    let ordinal = small(first.saturating_add(year_day).saturating_sub(1))?;
    NaiveDate::from_num_days_from_ce_opt(ordinal)
        .filter(|date| (1..=9999).contains(&date.year()))
        .ok_or(Failure::NoDate)
}

/// Seconds since the epoch, as if it were UTC.
fn midnight(year: i64, month: i64, day: i64) -> Result<i64, Failure> {
    let days = date(year, month, day)?.to_epoch_days();
    Ok(i64::from(days) * DAY)
}

/// The date of a local time.
fn day_of(local: i64) -> Result<NaiveDate, Failure> {
    i32::try_from(local.div_euclid(DAY))
        .ok()
        .and_then(NaiveDate::from_epoch_days)
        .ok_or_else(|| ConversionRaises::OutOfRange.into())
}

/// Within the years 1 to 9999, which are all that Python has.
fn in_calendar(local: i64) -> Result<i64, Failure> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    if (FIRST..=LAST).contains(&local) {
        Ok(local)
    } else {
        Err(ConversionRaises::OutOfRange.into())
    }
}
