//! The forms in which dates are written.

use std::str::FromStr;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset};
use kerio_ban_core::{Timestamp, Zone};

const SYSLOG: &str = "%b %e %H:%M:%S";
const ISO: &str = "%Y-%m-%dT%H:%M:%S%.f%:z";

/// What a format may ask for. Not what depends on a language or breaks lines,
/// nor `%Z`: a moment here has an offset and no name of a zone.
const TOKENS: [&str; 33] = [
    "Y", "y", "m", "b", "B", "d", "e", "j", "a", "A", "u", "H", "k", "I", "l", "p", "P", "M", "S",
    "3f", "6f", ".f", ".3f", ".6f", "z", ":z", "s", "F", "T", "D", "R", "h", "%",
];

/// A form of dates.
#[derive(Clone, Debug)]
pub(super) struct Format {
    items: Vec<Item<'static>>,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let pattern = match text {
            "syslog" => SYSLOG,
            "iso" => ISO,
            other => checked(other)?,
        };
        let items = StrftimeItems::new(pattern)
            .parse_to_owned()
            .map_err(|error| format!("`{text}`: {error}"))?;
        Ok(Format { items })
    }
}

/// The format, if all it asks for is known and it asks for something.
fn checked(format: &str) -> Result<&str, String> {
    if let Some(found) = format.chars().find(|c| c.is_control()) {
        return Err(format!(
            "expected text for one line, found `{}`",
            found.escape_default()
        ));
    }
    let mut pieces = format.split('%');
    pieces.next();
    let mut dates = 0;
    while let Some(piece) = pieces.next() {
        // The second of two percent signs.
        if piece.is_empty() && pieces.next().is_some() {
            continue;
        }
        let known = TOKENS
            .iter()
            .any(|token| *token != "%" && piece.starts_with(token));
        if !known {
            let end = piece.find(|c: char| c.is_ascii_alphabetic());
            let token = end.map_or(piece, |end| &piece[..=end]);
            return Err(format!("unknown token `%{token}` in `{format}`"));
        }
        dates += 1;
    }
    if dates == 0 {
        return Err(format!(
            "expected `syslog`, `iso` or a format such as `%F %T`, found `{format}`"
        ));
    }
    Ok(format)
}

impl Format {
    /// A moment as the clocks of a zone show it. `None` for one outside of all
    /// calendars.
    pub(super) fn show(&self, at: Timestamp, zone: &Zone) -> Option<String> {
        // Dates have at most six digits behind the point.
        let micros = (at.seconds() * 1e6).round();
        let date = DateTime::from_timestamp_micros(micros as i64)?;
        let offset = i32::try_from(zone.offset(at)).ok()?;
        let date = date.with_timezone(&FixedOffset::east_opt(offset)?);
        Some(date.format_with_items(self.items.iter()).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(format: &str, seconds: f64) -> String {
        let zone = Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let format: Format = format.parse().unwrap();
        format
            .show(Timestamp::from_seconds(seconds).unwrap(), &zone)
            .unwrap()
    }

    #[test]
    fn dates_are_local() {
        assert_eq!(show("syslog", 1_749_308_445.0), "Jun  7 17:00:45");
        assert_eq!(show("syslog", 1_766_073_645.0), "Dec 18 17:00:45");
        assert_eq!(show("iso", 1_749_308_445.0), "2025-06-07T17:00:45+02:00");
        assert_eq!(show("iso", 1_766_073_645.0), "2025-12-18T17:00:45+01:00");
    }

    #[test]
    fn fractions_are_kept_where_the_form_has_them() {
        assert_eq!(
            show("iso", 1_749_308_445.25),
            "2025-06-07T17:00:45.250+02:00"
        );
        assert_eq!(
            show("iso", 1_749_308_444.999_999),
            "2025-06-07T17:00:44.999999+02:00"
        );
        assert_eq!(show("syslog", 1_749_308_445.75), "Jun  7 17:00:45");
        assert_eq!(show("%s.%3f", 1_106_513_999.123), "1106513999.123");
    }

    #[test]
    fn every_token_can_be_written() {
        for token in TOKENS {
            let shown = show(&format!("%F %{token}"), 1_749_308_445.25);
            assert!(shown.len() > "2025-06-07 ".len(), "{token}");
            assert!(!shown.contains('%') || token == "%", "{token}");
        }
        assert_eq!(show("100%% %H%%", 1_749_308_445.25), "100% 17%");
    }

    fn problem(format: &str) -> String {
        format.parse::<Format>().unwrap_err()
    }

    #[test]
    fn err_formats() {
        insta::assert_snapshot!(problem("rfc3339"), @"expected `syslog`, `iso` or a format such as `%F %T`, found `rfc3339`");
        insta::assert_snapshot!(problem(""), @"expected `syslog`, `iso` or a format such as `%F %T`, found ``");
        insta::assert_snapshot!(problem("%%Y"), @"expected `syslog`, `iso` or a format such as `%F %T`, found `%%Y`");
        insta::assert_snapshot!(problem("%F %Z"), @"unknown token `%Z` in `%F %Z`");
        insta::assert_snapshot!(problem("%F %-d."), @"unknown token `%-d` in `%F %-d.`");
        insta::assert_snapshot!(problem("%F%"), @"unknown token `%` in `%F%`");
        insta::assert_snapshot!(problem("%F\n"), @r"expected text for one line, found `\n`");
    }

    #[test]
    fn moments_without_a_date_are_not_written() {
        let format: Format = "iso".parse().unwrap();
        let far = Timestamp::from_seconds(1e300).unwrap();
        assert_eq!(format.show(far, &Zone::utc()), None);
    }
}
