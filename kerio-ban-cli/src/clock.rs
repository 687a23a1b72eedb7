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
    // Much faster than a format that is put together as it is read.
    let date = date.naive_utc();
    format!("{date} {sign}{hours:02}{minutes:02}")
}

/// A length of time: `1h 30m`, in units that fail2ban reads.
pub(crate) fn length(seconds: f64) -> String {
    if !(1.0..1e15).contains(&seconds) {
        return format!("{seconds}s");
    }
    let mut rest = seconds as u64;
    let fraction = seconds - rest as f64;
    let mut parts = Vec::new();
    for (unit, size) in [("d", 86_400), ("h", 3600), ("m", 60)] {
        if rest >= size {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if fraction > 0.0 {
        parts.push(format!("{:.3}s", rest as f64 + fraction));
    } else if rest > 0 {
        parts.push(format!("{rest}s"));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_units() {
        assert_eq!(length(0.0), "0s");
        assert_eq!(length(59.0), "59s");
        assert_eq!(length(600.0), "10m");
        assert_eq!(length(5400.0), "1h 30m");
        assert_eq!(length(90_061.0), "1d 1h 1m 1s");
        assert_eq!(length(604_800.0), "7d");
        assert_eq!(length(61.25), "1m 1.250s");
        assert_eq!(length(-5.0), "-5s");
        assert_eq!(length(f64::INFINITY), "infs");
    }

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
