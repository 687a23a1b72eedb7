//! The rules of a zone in the form of the environment variable `TZ`.
//!
//! ```text
//! zone   = name offset [ name [ offset ] [ "," rule "," rule ] ]
//! name   = 3 or more letters / "<" letters, digits, "+", "-" ">"
//! offset = [ sign ] hh [ ":" mm [ ":" ss ] ]       west of Greenwich
//! rule   = day [ "/" [ sign ] hh [ ":" mm [ ":" ss ] ] ]
//! day    = "J" 1..365 / 0..365 / "M" month "." week "." weekday
//! ```

use tz::timezone::{
    AlternateTime, Julian0WithLeap, Julian1WithoutLeap, MonthWeekDay, RuleDay, TransitionRule,
};
use tz::{LocalTimeType, TzError};

/// What glibc assumes for summer time without rules.
const DEFAULT_RULES: &str = ",M3.2.0,M11.1.0";

/// When a rule names no time of day.
const DEFAULT_TIME: i32 = 2 * 3600;

pub(super) fn parse(text: &str) -> Result<TransitionRule, String> {
    let mut reader = Reader { rest: text };
    let standard_name = reader.name()?;
    if !reader.at_offset() {
        return Err(reader.expected("an offset such as `-1` after the name"));
    }
    let standard_offset = -reader.offset()?;
    let standard = local_time_type(standard_offset, false, standard_name)?;
    if reader.rest.is_empty() {
        return Ok(TransitionRule::Fixed(standard));
    }

    let summer_name = reader.name()?;
    let summer_offset = if reader.at_offset() {
        -reader.offset()?
    } else {
        standard_offset + 3600
    };
    let summer = local_time_type(summer_offset, true, summer_name)?;
    if reader.rest.is_empty() || reader.rest == "," {
        reader.rest = DEFAULT_RULES;
    }
    let (start, start_time) = reader.rule()?;
    let (end, end_time) = reader.rule()?;
    if !reader.rest.is_empty() {
        return Err(reader.expected("nothing more"));
    }
    AlternateTime::new(standard, summer, start, start_time, end, end_time)
        .map(TransitionRule::Alternate)
        .map_err(|error| error.to_string())
}

pub(super) fn local_time_types(rule: &TransitionRule) -> Vec<LocalTimeType> {
    match rule {
        TransitionRule::Fixed(only) => vec![*only],
        TransitionRule::Alternate(rule) => vec![*rule.std(), *rule.dst()],
    }
}

fn local_time_type(offset: i32, dst: bool, name: &str) -> Result<LocalTimeType, String> {
    // The name is never printed, and longer ones than the crate takes are legal.
    let name = name.as_bytes().get(..7).unwrap_or(name.as_bytes());
    LocalTimeType::new(offset, dst, Some(name)).map_err(|error| error.to_string())
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn name(&mut self) -> Result<&'a str, String> {
        let all = self.rest;
        let (name, rest) = if let Some(quoted) = all.strip_prefix('<') {
            let end = quoted
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '-')
                .unwrap_or(quoted.len());
            let rest = quoted[end..].strip_prefix('>');
            (&quoted[..end], rest.unwrap_or_default())
        } else {
            let end = all
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(all.len());
            all.split_at(end)
        };
        if name.len() < 3 {
            return Err(self.expected("a name of three or more letters"));
        }
        self.rest = rest;
        Ok(name)
    }

    fn at_offset(&self) -> bool {
        self.rest
            .starts_with(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit())
    }

    fn offset(&mut self) -> Result<i32, String> {
        self.time(24)
    }

    fn time(&mut self, most_hours: i32) -> Result<i32, String> {
        let negative = self.eat('-');
        if !negative {
            self.eat('+');
        }
        let mut seconds = self.number(0, most_hours, "hours")? * 3600;
        if self.eat(':') {
            seconds += self.number(0, 59, "minutes")? * 60;
            if self.eat(':') {
                seconds += self.number(0, 59, "seconds")?;
            }
        }
        Ok(if negative { -seconds } else { seconds })
    }

    fn rule(&mut self) -> Result<(RuleDay, i32), String> {
        if !self.eat(',') {
            return Err(self.expected("`,` and a rule"));
        }
        let day = self.day()?;
        let time = if self.eat('/') {
            self.time(167)?
        } else {
            DEFAULT_TIME
        };
        Ok((day, time))
    }

    fn day(&mut self) -> Result<RuleDay, String> {
        let message = |error: TzError| error.to_string();
        if self.eat('J') {
            let day = self.number(1, 365, "a day of the year")?;
            let day = Julian1WithoutLeap::new(day as u16).map_err(|e| message(e.into()))?;
            return Ok(RuleDay::Julian1WithoutLeap(day));
        }
        if self.eat('M') {
            let month = self.number(1, 12, "a month")?;
            let week = self.after_dot(1, 5, "a week")?;
            let weekday = self.after_dot(0, 6, "a day of the week")?;
            let day = MonthWeekDay::new(month as u8, week as u8, weekday as u8)
                .map_err(|e| message(e.into()))?;
            return Ok(RuleDay::MonthWeekDay(day));
        }
        let day = self.number(0, 365, "`J`, `M` or a day of the year")?;
        let day = Julian0WithLeap::new(day as u16).map_err(|e| message(e.into()))?;
        Ok(RuleDay::Julian0WithLeap(day))
    }

    fn after_dot(&mut self, least: i32, most: i32, what: &str) -> Result<i32, String> {
        if !self.eat('.') {
            return Err(self.expected(&format!("`.` and {what}")));
        }
        self.number(least, most, what)
    }

    fn number(&mut self, least: i32, most: i32, what: &str) -> Result<i32, String> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len());
        match self.rest[..end].parse() {
            Ok(number) if (least..=most).contains(&number) => {
                self.rest = &self.rest[end..];
                Ok(number)
            }
            _ => Err(self.expected(&format!("{what} from {least} to {most}"))),
        }
    }

    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expected(&self, what: &str) -> String {
        if self.rest.is_empty() {
            format!("expected {what}, but found the end")
        } else {
            format!("expected {what}, but found `{}`", self.rest)
        }
    }
}
