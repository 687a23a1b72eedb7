//! Zones as they are written in log lines: abbreviations and offsets.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use super::number::digit;
use crate::error::{Detail, Error, ErrorKind};

/// Minutes east of UTC, and the abbreviations that mean them.
const ABBREVIATIONS: [(i32, &str); 38] = [
    (-720, "Y"),
    (-660, "NUT SST X"),
    (-600, "CKT HAST HST TAHT TKT W"),
    (-570, "MART MIT"),
    (-540, "AKST GAMT GIT HADT HNY V"),
    (-480, "AKDT CIST HAY HNP PST PT U"),
    (-420, "HAP HNR MST PDT T"),
    (-360, "CST EAST GALT HAR HNC MDT S"),
    (-300, "CDT COT EASST ECT EST ET HAC HNE PET R"),
    (-270, "HLV VET"),
    (-240, "AST BOT CLT COST EDT FKT GYT HAE HNA PYT Q"),
    (-210, "HNT NST NT"),
    (
        -180,
        "ADT ART BRT CLST FKST GFT HAA P PMST PYST SRT UYT WGT",
    ),
    (-150, "HAT NDT"),
    (-120, "BRST FNT O PMDT UYST WGST"),
    (-60, "AZOT CVT EGT N"),
    (0, "EGST GMT UTC WET WT Z"),
    (60, "A CET DFT WAT WEDT WEST"),
    (120, "B CAT CEDT CEST EET SAST WAST"),
    (180, "C EAT EEDT EEST IDT MSK"),
    (210, "IRST"),
    (240, "AMT AZT D GET GST KUYT MSD MUT RET SAMT SCT"),
    (270, "AFT IRDT"),
    (
        300,
        "AMST AQTT AZST E HMT MAWT MVT PKT TFT TJT TMT UZT YEKT",
    ),
    (330, "SLT"),
    (345, "NPT"),
    (360, "ALMT BIOT BTT F IOT KGT NOVT OMST YEKST"),
    (390, "CCT MMT"),
    (420, "CXT DAVT G HOVT ICT KRAT NOVST OMSST THA WIB"),
    (
        480,
        "ACT AWST BDT BNT CAST H HKT IRKT KRAST MYT PHT SGT ULAT WITA WST",
    ),
    (540, "AWDT I IRKST JST KST PWT TLT WDT WIT YAKT"),
    (570, "ACST"),
    (600, "AEST K PGT VLAT YAKST YAPT"),
    (630, "ACDT LHST"),
    (660, "AEDT L LHDT MAGT NCT PONT SBT VLAST VUT"),
    (690, "NFT"),
    (
        720,
        "ANAST ANAT FJT GILT M MAGST MHT NZST PETST PETT TVT WFT",
    ),
    (780, "FJST NZDT"),
];

static OFFSETS: LazyLock<HashMap<&'static str, i32>> = LazyLock::new(|| {
    ABBREVIATIONS
        .iter()
        .flat_map(|&(minutes, names)| names.split(' ').map(move |name| (name, minutes)))
        .collect()
});

/// The zone of a log whose lines name none: `logtimezone` of a jail.
///
/// Written as an abbreviation, an offset, or both, which add up: `CET`,
/// `+0100`, `UTC-02:30`, `CET+01`. It is a fixed offset without daylight
/// saving time, and the empty text is UTC. Names of regions are refused, as
/// fail2ban refuses them.
///
/// ```
/// use kerio_ban_core::LogZone;
///
/// let zone: LogZone = "UTC+0300".parse()?;
/// assert_eq!(zone.minutes_east(), 180);
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogZone {
    text: Arc<str>,
    minutes: i32,
}

impl LogZone {
    /// Minutes to add to UTC for the local time of the log.
    pub fn minutes_east(&self) -> i32 {
        self.minutes
    }
}

impl FromStr for LogZone {
    type Err = Error;

    fn from_str(text: &str) -> Result<LogZone, Error> {
        match minutes_east(text) {
            Ok(minutes) => Ok(LogZone {
                text: text.into(),
                minutes,
            }),
            Err(OffsetProblem::Shape) => Err(Error::new(LogZoneError::Shape(text.to_owned()))),
            Err(OffsetProblem::UnknownName) => {
                let name = text.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
                Err(Error::new(LogZoneError::UnknownName(name.to_owned())))
            }
        }
    }
}

/// As it was written.
impl fmt::Display for LogZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, thiserror::Error)]
enum LogZoneError {
    #[error("expected a time zone such as `UTC+0200`, `CET` or `-05:30`, but found `{0}`")]
    Shape(String),
    #[error("unknown time zone abbreviation `{0}`")]
    UnknownName(String),
}

impl Detail for LogZoneError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        "bad-logtimezone"
    }

    fn help(&self) -> Option<String> {
        match self {
            LogZoneError::Shape(text) if text.contains('/') => Some(
                "names of regions are not supported; write the offset, such as `UTC+0100`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Why the zone of a line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetProblem {
    /// Not an abbreviation, an offset, or both.
    Shape,
    /// An abbreviation that nobody knows.
    UnknownName,
}

/// The offset of a zone as lines and `logtimezone` name it:
/// one or three to five capitals, then a sign, two digits of hours and
/// perhaps, with or without a colon, two of minutes. Both may be missing.
pub(super) fn minutes_east(text: &str) -> Result<i32, OffsetProblem> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let name = &text[..text.len() - rest.len()];
    if !matches!(name.len(), 0 | 1 | 3..=5) {
        return Err(OffsetProblem::Shape);
    }
    let offset = if rest.is_empty() { 0 } else { offset(rest)? };
    let base = match name {
        "" => 0,
        name => *OFFSETS.get(name).ok_or(OffsetProblem::UnknownName)?,
    };
    Ok(base + offset)
}

fn offset(text: &str) -> Result<i32, OffsetProblem> {
    let mut rest = text.chars();
    let mut next = || rest.next().ok_or(OffsetProblem::Shape);
    let sign = match next()? {
        '+' => 1,
        '-' => -1,
        _ => return Err(OffsetProblem::Shape),
    };
    let tens = match next()? {
        '0' => 0,
        '1' => 1,
        _ => return Err(OffsetProblem::Shape),
    };
    let value = |c: char| digit(c).map(i32::from).ok_or(OffsetProblem::Shape);
    let hours = tens * 10 + value(next()?)?;
    let minutes = rest.as_str();
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    if minutes.is_empty() && rest.as_str().is_empty() {
        return Ok(sign * hours * 60);
    }
    let mut digits = minutes.chars();
    match (digits.next(), digits.next(), digits.next()) {
        (Some(tens), Some(ones), None) => {
            Ok(sign * (hours * 60 + value(tens)? * 10 + value(ones)?))
        }
        _ => Err(OffsetProblem::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn abbreviations_and_offsets_add_up() {
        assert_eq!(minutes_east("CET+0100"), Ok(120));
        assert_eq!(minutes_east("-05:30"), Ok(-330));
        assert_eq!(minutes_east("Y"), Ok(-720));
        assert_eq!(minutes_east("NPT"), Ok(345));
        assert_eq!(minutes_east("+0199"), Ok(159));
        assert_eq!(minutes_east("+0\u{661}\u{660}\u{662}"), Ok(62));
        assert_eq!(minutes_east(""), Ok(0));
    }

    #[test]
    fn other_shapes_are_no_zones() {
        for bad in [
            "+2", "UTC+0", "+20", "cet", "AB", "ABCDEF", "+01:", "+013", "CET ", "+01:5x",
        ] {
            assert_eq!(minutes_east(bad), Err(OffsetProblem::Shape), "{bad}");
        }
        for unknown in ["BST", "MEZ", "J", "IST+01"] {
            assert_eq!(minutes_east(unknown), Err(OffsetProblem::UnknownName));
        }
    }

    #[test]
    fn no_abbreviation_is_listed_twice() {
        let listed: usize = ABBREVIATIONS
            .iter()
            .map(|(_, names)| names.split(' ').count())
            .sum();
        assert_eq!(OFFSETS.len(), listed);
    }

    #[test]
    fn err_log_zones() {
        let shown = ["Europe/Paris", "+20", "BST+01:00", "utc"]
            .map(|text| {
                let error = text.parse::<LogZone>().unwrap_err();
                format!("{}: {error} ({:?})", error.code(), error.help())
            })
            .join("\n");
        assert_snapshot!(shown, @r#"
        bad-logtimezone: expected a time zone such as `UTC+0200`, `CET` or `-05:30`, but found `Europe/Paris` (Some("names of regions are not supported; write the offset, such as `UTC+0100`"))
        bad-logtimezone: expected a time zone such as `UTC+0200`, `CET` or `-05:30`, but found `+20` (None)
        bad-logtimezone: unknown time zone abbreviation `BST` (None)
        bad-logtimezone: expected a time zone such as `UTC+0200`, `CET` or `-05:30`, but found `utc` (None)
        "#);
    }
}
