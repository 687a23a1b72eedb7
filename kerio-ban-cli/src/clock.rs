//! Moments as people read them.

use chrono::DateTime;
use kerio_ban_core::{Timestamp, Zone};

/// `2005-08-14 12:00:00 +0200`.
pub(crate) fn local_time(at: Timestamp, zone: &Zone) -> String {
    let offset = zone.offset(at);
    let local = at.seconds().floor() + offset as f64;
    let Some(date) = DateTime::from_timestamp(local as i64, 0) else {
        return format!("{at} s");
    };
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!(
        "{} {sign}{hours:02}{minutes:02}",
        date.format("%Y-%m-%d %H:%M:%S")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local() {
        let at = Timestamp::from_seconds(1_124_013_600.75).unwrap();
        assert_eq!(local_time(at, &Zone::utc()), "2005-08-14 10:00:00 +0000");
        let zone = Zone::posix("XST9:30").unwrap();
        assert_eq!(local_time(at, &zone), "2005-08-14 00:30:00 -0930");
        let never = Timestamp::from_seconds(1e300).unwrap();
        assert!(local_time(never, &zone).ends_with(" s"));
    }
}
