//! The time of a log line, and the ways logs print it.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Seconds since the beginning of 2025.
pub(crate) struct Clock {
    seconds: u64,
}

struct Parts {
    year: u64,
    month: &'static str,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { seconds: 0 }
    }

    pub(crate) fn advance(&mut self, seconds: u64) {
        self.seconds += seconds;
    }

    /// `01/Jan/2025 00:00:00`
    pub(crate) fn kerio(&self) -> String {
        let Parts {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.parts();
        format!("{day:02}/{month}/{year} {hour:02}:{minute:02}:{second:02}")
    }

    /// `Jan  1 00:00:00`
    pub(crate) fn syslog(&self) -> String {
        let Parts {
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self.parts();
        format!("{month} {day:2} {hour:02}:{minute:02}:{second:02}")
    }

    /// `01/Jan/2025:00:00:00 +0000`
    pub(crate) fn access(&self) -> String {
        let Parts {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.parts();
        format!("{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
    }

    fn parts(&self) -> Parts {
        let (mut day, mut year) = (self.seconds / 86_400, 2025);
        while day >= 365 + leap(year) {
            day -= 365 + leap(year);
            year += 1;
        }
        let mut month = 0;
        while day >= month_length(year, month) {
            day -= month_length(year, month);
            month += 1;
        }
        Parts {
            year,
            month: MONTHS[month],
            day: day + 1,
            hour: self.seconds / 3600 % 24,
            minute: self.seconds / 60 % 60,
            second: self.seconds % 60,
        }
    }
}

fn leap(year: u64) -> u64 {
    u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
}

fn month_length(year: u64, month: usize) -> u64 {
    match month {
        1 => 28 + leap(year),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| Clock { seconds };
        assert_eq!(at(0).kerio(), "01/Jan/2025 00:00:00");
        assert_eq!(
            at(1_740_787_199 - 1_735_689_600).kerio().to_string(),
            "28/Feb/2025 23:59:59"
        );
        assert_eq!(
            at(1_767_225_600 - 1_735_689_600).syslog().to_string(),
            "Jan  1 00:00:00"
        );
        // 29 February 2028, noon.
        let leap_day = at(1_835_438_400 - 1_735_689_600).access();
        assert_eq!(leap_day, "29/Feb/2028:12:00:00 +0000");
    }
}
