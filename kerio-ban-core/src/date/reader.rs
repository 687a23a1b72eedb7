//! Reading the groups of a match, with a memory.
//!
//! Many lines in a row have the same date. The last conversion is kept and
//! used again where it would surely be the same.

use super::convert::{Context, Converted, Failure, HalfOfDay, Parts};
use super::error::ConversionRaises;
use super::offsets::LogZone;
use super::template::{Compiled, Field};
use crate::pattern::Slots;
use crate::time::Timestamp;
use crate::zone::{LastOffset, Zone};

/// Reads dates in one zone.
#[derive(Clone)]
pub(super) struct Reader {
    zone: Zone,
    log_zone: Option<LogZone>,
    last_offset: LastOffset,
    last: Option<Conversion>,
    hour: Option<Hour>,
}

/// An hour of local time in which clocks are not changed, nor anywhere near:
/// within it, minutes and seconds are all that makes a difference.
#[derive(Clone, Copy)]
struct Hour {
    /// Year, month, day, hour.
    local: [u16; 4],
    start: Timestamp,
    /// The clock, if the year was guessed from it.
    now: Option<Timestamp>,
    /// The memory of `mktime` after any conversion in this hour.
    last_offset: LastOffset,
}

/// So many seconds around an hour must have one offset. No change of clocks is
/// by more than this, so no local time near them occurs twice or never.
const CALM: f64 = 4.0 * 3600.0;

/// A guessed year is the last one for dates more than a day ahead. Dates this
/// far away from there are on the same side for all of their hour.
const SURE: f64 = 86_400.0;

/// The groups of a match.
pub(super) struct Groups<'a> {
    pub(super) line: &'a str,
    pub(super) slots: &'a Slots,
}

/// The last conversion, for lines that have the same date.
///
/// What `mktime` remembers need not be compared: it is what this conversion
/// left, and with that the same local time is read in the same way again.
#[derive(Clone)]
struct Conversion {
    template: usize,
    /// The texts of the groups, joined.
    texts: String,
    /// Where each ends; `None` for groups without a match.
    ends: Vec<Option<usize>>,
    result: Result<Option<Timestamp>, ConversionRaises>,
    /// The clock, if the result depended on it.
    now: Option<Timestamp>,
}

impl Reader {
    pub(super) fn new(zone: Zone, log_zone: Option<LogZone>) -> Reader {
        Reader {
            zone,
            log_zone,
            last_offset: LastOffset::default(),
            last: None,
            hour: None,
        }
    }

    /// The instant that the groups name. `None` if there is no such date.
    pub(super) fn read(
        &mut self,
        template: usize,
        compiled: &Compiled,
        groups: &Groups<'_>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, ConversionRaises> {
        let plain = plain_date(compiled, groups);
        if let Some((local, seconds)) = plain
            && let Some(start) = self.known_hour(local, now)
        {
            self.pass();
            return Ok(Some(start.later_by(seconds)));
        }
        if let Some(last) = &self.last
            && last.template == template
            && last.now.is_none_or(|then| then == now)
            && last.has_texts(compiled, groups)
        {
            return last.result.clone();
        }
        let converted = self.convert(compiled, groups, now);
        if let (Some((local, seconds)), Ok(time)) = (plain, &converted.result) {
            self.hour = self.calm_hour(local, seconds, *time, now);
        }
        self.remember(template, compiled, groups, now, converted)
    }

    /// What `mktime` remembers: whatever else is kept here only saves time.
    pub(super) fn memory(&self) -> LastOffset {
        self.last_offset
    }

    /// The start of an hour that was read before.
    pub(super) fn known_hour(&self, local: [u16; 4], now: Timestamp) -> Option<Timestamp> {
        let known = |hour: &Hour| hour.local == local && hour.now.is_none_or(|then| then == now);
        self.hour.filter(known).map(|hour| hour.start)
    }

    /// Sets the memory of `mktime` as if a date of the known hour had been
    /// converted.
    pub(super) fn pass(&mut self) {
        if let Some(hour) = &self.hour {
            self.last_offset = hour.last_offset;
        }
    }

    /// The hour of a date, if nothing but minutes and seconds makes a
    /// difference within it.
    fn calm_hour(
        &self,
        local: [u16; 4],
        seconds: f64,
        time: Timestamp,
        now: Timestamp,
    ) -> Option<Hour> {
        let around = [time.later_by(-CALM), time.later_by(CALM)];
        let [before, after] = around.map(|time| self.zone.offset(time));
        let guessed = local[0] == 0;
        let ahead = time.since(now);
        // The guess is about local times: a zone makes a day of difference at
        // the most.
        let sure = !guessed || (ahead - SURE).abs() > 2.0 * SURE;
        (before == after && sure).then_some(Hour {
            local,
            start: time.later_by(-seconds),
            now: guessed.then_some(now),
            last_offset: self.last_offset,
        })
    }

    fn convert(&mut self, compiled: &Compiled, groups: &Groups<'_>, now: Timestamp) -> Converted {
        let half_of_day = match compiled.half_of_day.map(|group| groups.get(group)) {
            None => HalfOfDay::NotAsked,
            Some(None) => HalfOfDay::Missing,
            Some(Some(text)) => HalfOfDay::Found(text),
        };
        let mut parts = Parts::default();
        for &(group, field) in &compiled.fields {
            let Some(text) = groups.get(group) else {
                continue;
            };
            if let Err(failure) = parts.take(field, text, half_of_day) {
                return Converted {
                    result: Err(failure),
                    used_now: false,
                };
            }
        }
        let context = Context {
            zone: &self.zone,
            log_zone: self.log_zone.as_ref().map(LogZone::minutes_east),
            now,
        };
        parts.convert(&context, &mut self.last_offset)
    }

    /// Keeps a conversion in place of the last one and returns its result.
    fn remember(
        &mut self,
        template: usize,
        compiled: &Compiled,
        groups: &Groups<'_>,
        now: Timestamp,
        converted: Converted,
    ) -> Result<Option<Timestamp>, ConversionRaises> {
        let result = match converted.result {
            Ok(time) => Ok(Some(time)),
            Err(Failure::NoDate) => Ok(None),
            Err(Failure::Raises(raises)) => Err(raises),
        };
        let (mut texts, mut ends) = match self.last.take() {
            Some(last) => (last.texts, last.ends),
            None => Default::default(),
        };
        texts.clear();
        ends.clear();
        for group in compiled.groups() {
            let text = groups.get(group);
            texts.push_str(text.unwrap_or_default());
            ends.push(text.map(|_| texts.len()));
        }
        self.last = Some(Conversion {
            template,
            texts,
            ends,
            result: result.clone(),
            now: converted.used_now.then_some(now),
        });
        result
    }
}

/// Year (0 if there is none), month, day and hour, and the seconds within the
/// hour, of a date that has exactly these, in digits or with the month's name.
fn plain_date(compiled: &Compiled, groups: &Groups<'_>) -> Option<([u16; 4], f64)> {
    let mut local = [0; 4];
    let (mut minute, mut second) = (0, 0);
    for &(group, field) in &compiled.plain_fields {
        let Some(text) = groups.get(group) else {
            match field {
                Field::Year | Field::Zone | Field::WeekdayAbbreviation => continue,
                _ => return None,
            }
        };
        let text = text.as_bytes();
        match field {
            Field::WeekdayAbbreviation => {}
            Field::Year => local[0] = digits(text)?,
            Field::Month => local[1] = digits(text)?,
            Field::MonthAbbreviation => local[1] = month_code(text)?,
            Field::Day => local[2] = digits(text)?,
            Field::Hour => local[3] = digits(text)?,
            Field::Minute => minute = digits(text)?,
            Field::Second => second = digits(text)?,
            _ => return None,
        }
    }
    let complete = !compiled.plain_fields.is_empty() && minute < 60 && second < 60;
    complete.then(|| (local, f64::from(minute * 60 + second)))
}

/// A number for the name of a month, in any case: another one for each of the
/// twelve, and none that is a month's number.
pub(super) fn month_code(name: &[u8]) -> Option<u16> {
    let name = name.first_chunk::<3>()?;
    let word = u32::from_be_bytes([0, name[0], name[1], name[2]]) & 0x00df_dfdf;
    Some(100 + (word % 9973) as u16)
}

/// A number of at most four ASCII digits, perhaps behind a blank.
pub(super) fn digits(text: &[u8]) -> Option<u16> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u16::from(byte - b'0'))
    })
}

impl Conversion {
    /// Whether the groups have the texts of this conversion.
    fn has_texts(&self, compiled: &Compiled, groups: &Groups<'_>) -> bool {
        let mut start = 0;
        compiled.groups().zip(&self.ends).all(|(group, &end)| {
            let before = end.and_then(|end| self.texts.get(start..end));
            start = end.unwrap_or(start);
            groups.get(group) == before
        })
    }
}

impl<'a> Groups<'a> {
    pub(super) fn get(&self, group: usize) -> Option<&'a str> {
        self.line.get(self.slots.get(group)?)
    }
}

impl Compiled {
    /// The groups a conversion may depend on.
    fn groups(&self) -> impl Iterator<Item = usize> {
        let fields = self.fields.iter().map(|&(group, _)| group);
        fields.chain(self.half_of_day)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::date::{DateDetector, DateTemplates};
    use crate::pattern::Haystack;
    use crate::time::Timestamp;
    use crate::traced::Traced;
    use crate::zone::Zone;

    fn line() -> impl Strategy<Value = String> {
        let date = "(2019-10-27|2019-03-31|2019-02-29) 0[1-3]:30:00( Z| \\+0100| EST| QQQ)?";
        let day = "(Oct 27|Feb 29|Dec 31) 0[1-3]:30:00";
        prop_oneof![date, day, "0[1-3]:30:00"]
    }

    proptest! {
        /// The last conversion is used only where it would be the same.
        #[test]
        fn remembering_changes_nothing(
            lines in prop::collection::vec((line(), 0..3_u8), 1..30),
            zone in prop::sample::select(vec!["Europe/Zurich", "Australia/Lord_Howe"]),
        ) {
            let patterns = Traced::computed(
                "%Y-%m-%d %H:%M:%S(?: %Exz)?\n%b %d %H:%M:%S\n^%H:%M:%S",
            );
            let templates = DateTemplates::new(Some(&patterns), 2026).unwrap();
            let new = || {
                DateDetector::new(templates.clone(), Zone::named(zone).unwrap(), None)
            };
            let (mut remembering, mut forgetting) = (new(), new());
            let mut now = 1_572_139_800.0;
            for (line, later) in &lines {
                now += f64::from(*later) * 3600.0;
                let now = Timestamp::from_seconds(now).unwrap();
                let read = |detector: &mut DateDetector| {
                    let found = detector.find(Haystack::new(line), now).unwrap()?;
                    let time = detector.convert(line, &found, now);
                    Some(time.map(|time| time.map(|time| time.to_string())))
                };
                let remembered = read(&mut remembering);
                forgetting.reader.last = None;
                prop_assert_eq!(remembered, read(&mut forgetting), "{}", line);
            }
        }
    }
}
