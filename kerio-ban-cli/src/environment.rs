//! What the commands take from the world around them: the clock, the local time
//! zone, and what kind of terminal it is. Nothing else of the program reads
//! these.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use kerio_ban_core::{Timestamp, Zone};

/// A moment given on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now(pub(crate) Timestamp);

/// Reads a moment: RFC 3339, or seconds since 1970.
pub(crate) fn parse_now(text: &str) -> Result<Now, String> {
    let moment = if let Ok(whole) = text.parse() {
        Some(Timestamp::from_whole_seconds(whole))
    } else if let Ok(seconds) = text.parse() {
        Timestamp::from_seconds(seconds)
    } else if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        let nanos = f64::from(date.timestamp_subsec_nanos());
        match nanos {
            0.0 => Some(Timestamp::from_whole_seconds(date.timestamp())),
            nanos => Timestamp::from_seconds(date.timestamp() as f64 + nanos / 1e9),
        }
    } else {
        None
    };
    moment.map(Now).ok_or_else(|| {
        "expected a time such as 2025-06-17T17:00:45+02:00, or seconds since 1970".to_owned()
    })
}

/// The clock.
pub(crate) fn clock() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_seconds(since.as_secs_f64()).unwrap_or(Timestamp::from_whole_seconds(0))
}

/// The calendar year of a moment in a zone.
pub(crate) fn year(at: Timestamp, zone: &Zone) -> i32 {
    use chrono::Datelike;
    let local = at.seconds().floor() as i64 + zone.offset(at);
    DateTime::from_timestamp(local, 0).map_or(1970, |date| date.year())
}

/// Whether the terminal only takes text, as that of an editor's shell.
pub(crate) fn terminal_is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The local time zone, as the C library finds it.
#[derive(Debug)]
pub(crate) struct LocalZone {
    pub(crate) zone: Zone,
    /// What is to be said of how it was found.
    pub(crate) warning: Option<String>,
}

/// Where the zones of the system are.
const ZONES: &str = "/usr/share/zoneinfo";

/// The zone of the environment variable `TZ`; without it the system's.
pub(crate) fn local_zone() -> LocalZone {
    match env::var_os("TZ") {
        Some(tz) => zone_of_tz(&tz.to_string_lossy(), Path::new(ZONES)),
        None => LocalZone {
            zone: zone_file(Path::new("/etc/localtime")).unwrap_or_else(Zone::utc),
            warning: None,
        },
    }
}

/// Reads a value of `TZ`: nothing is UTC, then zone files are tried, then the
/// zones that the library brings along, then rules in the POSIX form. What is
/// none of these is UTC, too.
fn zone_of_tz(tz: &str, zones: &Path) -> LocalZone {
    let name = tz.strip_prefix(':').unwrap_or(tz);
    let found = if name.is_empty() {
        Some(Zone::utc())
    } else {
        // An absolute name replaces the directory.
        let file: PathBuf = zones.join(name);
        zone_file(&file)
            .or_else(|| Zone::named(name).ok())
            .or_else(|| Zone::posix(name).ok())
    };
    let warning = found.is_none().then(|| {
        format!(
            "the time zone `{tz}` of the environment variable TZ is not known; it is taken as UTC"
        )
    });
    LocalZone {
        zone: found.unwrap_or_else(Zone::utc),
        warning,
    }
}

fn zone_file(path: &Path) -> Option<Zone> {
    Zone::tzif(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(text: &str) -> Option<f64> {
        parse_now(text).ok().map(|now| now.0.seconds())
    }

    #[test]
    fn moments_are_epochs_or_rfc_3339() {
        assert_eq!(now("1124013600"), Some(1_124_013_600.0));
        assert_eq!(now("-5"), Some(-5.0));
        assert_eq!(now("1124013600.25"), Some(1_124_013_600.25));
        assert_eq!(now("2005-08-14T12:00:00+02:00"), Some(1_124_013_600.0));
        assert_eq!(now("2005-08-14T10:00:00.5Z"), Some(1_124_013_600.5));
        assert_eq!(now("2005-08-14"), None);
        assert_eq!(now("NaN"), None);
        assert_eq!(now("inf"), None);
    }

    fn offset(tz: &str) -> (i64, bool) {
        let local = zone_of_tz(tz, Path::new("/nonexistent"));
        let at = Timestamp::from_whole_seconds(1_124_013_600);
        (local.zone.offset(at), local.warning.is_some())
    }

    #[test]
    fn tz_is_read_as_the_c_library_reads_it() {
        assert_eq!(offset(""), (0, false));
        assert_eq!(offset(":"), (0, false));
        assert_eq!(offset("UTC"), (0, false));
        assert_eq!(offset("Europe/Zurich"), (7200, false));
        assert_eq!(offset(":Europe/Zurich"), (7200, false));
        assert_eq!(offset("CET-01CEST-02,M3.5.0,M10.5.0"), (7200, false));
        assert_eq!(offset("<-03>3"), (-10800, false));
        assert_eq!(offset("Europe/Atlantis"), (0, true));
    }

    #[test]
    fn the_year_is_the_local_one() {
        let zone = Zone::posix("XST-1").unwrap();
        let at = Timestamp::from_whole_seconds(1_767_222_000);
        assert_eq!(year(at, &Zone::utc()), 2025);
        assert_eq!(year(at, &zone), 2026);
    }
}
