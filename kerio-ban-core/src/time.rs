//! Instants, as fail2ban counts them.

use std::cmp::Ordering;
use std::fmt;

/// A moment: seconds since 1970-01-01 00:00:00 UTC, fractions included.
///
/// fail2ban keeps a time as a Python number, and where a date carried its own
/// zone that number is an integer, otherwise a float. The difference is only
/// ever *printed* (`1124013600` against `1124013600.0`), so it is remembered
/// here ([`Timestamp::is_whole`]) but plays no part in comparisons.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp {
    seconds: f64,
    whole: bool,
}

impl Timestamp {
    /// The moment `seconds` after the epoch. `None` for NaN and infinities.
    pub fn from_seconds(seconds: f64) -> Option<Timestamp> {
        seconds.is_finite().then_some(Timestamp {
            seconds,
            whole: false,
        })
    }

    /// A moment that fail2ban would hold as an integer.
    pub fn from_whole_seconds(seconds: i64) -> Timestamp {
        Timestamp {
            seconds: seconds as f64,
            whole: true,
        }
    }

    /// A whole number of seconds that fail2ban would hold as a float: a local
    /// time without a zone.
    pub(crate) fn from_local_seconds(seconds: i64) -> Timestamp {
        Timestamp {
            seconds: seconds as f64,
            whole: false,
        }
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> f64 {
        self.seconds
    }

    /// Whether fail2ban would hold this moment as an integer.
    pub fn is_whole(self) -> bool {
        self.whole
    }

    /// The moment this many seconds later.
    pub(crate) fn later_by(self, seconds: f64) -> Timestamp {
        Timestamp {
            seconds: self.seconds + seconds,
            whole: self.whole,
        }
    }

    /// Seconds from `earlier` to this moment; negative if it is later.
    pub fn since(self, earlier: Timestamp) -> f64 {
        self.seconds - earlier.seconds
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Timestamp) -> bool {
        self.seconds == other.seconds
    }
}

// Never NaN, by construction.
impl Eq for Timestamp {}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Timestamp) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Timestamp) -> Ordering {
        self.seconds
            .partial_cmp(&other.seconds)
            .unwrap_or(Ordering::Equal)
    }
}

impl fmt::Display for Timestamp {
    /// As Python prints it: `1124013600` if whole, else `1124013600.0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole {
            write!(f, "{}", self.seconds)
        } else {
            write!(f, "{:?}", self.seconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_python_does() {
        assert_eq!(
            Timestamp::from_whole_seconds(1_124_013_600).to_string(),
            "1124013600"
        );
        assert_eq!(
            Timestamp::from_local_seconds(1_124_013_600).to_string(),
            "1124013600.0"
        );
        let fraction = Timestamp::from_seconds(1_124_013_600.25).unwrap();
        assert_eq!(fraction.to_string(), "1124013600.25");
    }

    #[test]
    fn being_whole_does_not_matter_to_order() {
        assert_eq!(
            Timestamp::from_whole_seconds(5),
            Timestamp::from_local_seconds(5)
        );
        assert!(Timestamp::from_seconds(5.5) > Some(Timestamp::from_whole_seconds(5)));
        assert!(Timestamp::from_seconds(f64::NAN).is_none());
    }
}
