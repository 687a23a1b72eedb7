//! Runs both programs on a case, and looks at what they print.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use regex::{Captures, Regex};

use crate::generate::Case;
use crate::known::Known;
use crate::worker::{Answer, Fail2ban, Ours, TOO_SLOW};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// What each line comes to: `-o row`.
    Rows,
    /// All that is printed with the options of the case.
    Report,
}

/// What came of a comparison.
pub(crate) enum Verdict {
    Same {
        /// How many lines were printed.
        printed: usize,
    },
    /// One of them gave up for want of time.
    Skipped,
    Different {
        fail2ban: String,
        ours: String,
    },
}

/// The two programs, and a place for logs.
pub(crate) struct Comparer {
    pub(crate) fail2ban: Fail2ban,
    pub(crate) ours: Ours,
    pub(crate) known: Known,
    pub(crate) log: PathBuf,
}

impl Comparer {
    pub(crate) fn compare(&mut self, case: &Case, view: View) -> io::Result<Verdict> {
        fs::write(&self.log, case.log())?;
        let words = case.words(&self.log, view == View::Rows);
        let real = self.fail2ban.run(case.zone, &words)?;
        if real.status == TOO_SLOW {
            return Ok(Verdict::Skipped);
        }
        let ours = self.ours.run(case.zone, &words)?;
        let gave_up = String::from_utf8_lossy(&ours.stderr).contains("needs too many steps");
        if gave_up {
            return Ok(Verdict::Skipped);
        }
        let now = SystemTime::now();
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let text = |answer: &Answer| {
            let text = String::from_utf8_lossy(&answer.stdout);
            let text = self.known.without(&masked(&text, now as i64));
            format!("{text}-> exit status {}\n", answer.status)
        };
        let (fail2ban, ours) = (text(&real), text(&ours));
        Ok(if fail2ban == ours {
            // The exit status has a line of its own.
            let printed = ours.lines().count() - 1;
            Verdict::Same { printed }
        } else {
            Verdict::Different { fail2ban, ours }
        })
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant")
}

static ELAPSED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[processed in [0-9.]+ sec\]"));
static CLOCK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) \d\d:\d\d:\d\d (\d{4})"));
static SECONDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d{10}\.\d+\b"));
static USERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"'users': \{([^}]*)\}"));

/// The text without what changes from run to run: the seconds it took, the
/// clock where a line has no date, the order of a set.
fn masked(text: &str, now: i64) -> String {
    let days: Vec<String> = (-1..=1).map(|day| calendar(now / 86_400 + day)).collect();
    let text = ELAPSED.replace_all(text, "[processed]");
    let text = CLOCK.replace_all(&text, |found: &Captures<'_>| {
        let day = format!("{} {} {}", &found[1], &found[2], &found[3]);
        if days.contains(&day) {
            "NOW".to_owned()
        } else {
            found[0].to_owned()
        }
    });
    let text = SECONDS.replace_all(&text, |found: &Captures<'_>| {
        let seconds: f64 = found[0].parse().unwrap_or_default();
        if (seconds - now as f64).abs() < 3600.0 {
            "NOW".to_owned()
        } else {
            found[0].to_owned()
        }
    });
    let text = USERS.replace_all(&text, |found: &Captures<'_>| {
        let mut users: Vec<&str> = found[1].split(", ").collect();
        users.sort_unstable();
        format!("'users': {{{}}}", users.join(", "))
    });
    text.into_owned()
}

/// `Aug 14 2005`, from days since 1970.
fn calendar(days: i64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    // Years are counted from March, so that leap days come last.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12;
    let year = year + era * 400 + i64::from(month < 2);
    format!("{} {day:02} {year}", MONTHS[month as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_is_masked() {
        assert_eq!(calendar(0), "Jan 01 1970");
        assert_eq!(calendar(12_843), "Mar 01 2005");
        let now = 1_124_013_600;
        let text = "a  Sun Aug 14 10:00:00 2005\nb  Sun Aug 21 10:00:00 2005\n\
                    [1124013601.5, 1124020000.5, {'users': {'b', 'a'}}]\n[processed in 0.01 sec]";
        let expected = "a  NOW\nb  Sun Aug 21 10:00:00 2005\n\
                        [NOW, 1124020000.5, {'users': {'a', 'b'}}]\n[processed]";
        assert_eq!(masked(text, now), expected);
    }
}
