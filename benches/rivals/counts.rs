//! What programs say they found.

use std::collections::BTreeMap;
use std::fmt;

/// All that both testers of filters count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) ignored: u64,
    pub(crate) matched: u64,
    pub(crate) missed: u64,
    /// Of each expression that has any, by its place from 0.
    pub(crate) hits: BTreeMap<usize, u64>,
    /// Lines in which a date was found.
    pub(crate) dates: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} lines, {} ignored, {} matched, {} missed, {} dates, hits {:?}",
            self.lines, self.ignored, self.matched, self.missed, self.dates, self.hits
        )
    }
}

impl Counts {
    /// Lines that some expression matches, failures or not.
    pub(crate) fn touched(&self) -> u64 {
        self.ignored + self.matched
    }

    /// Reads the report of `kerio-ban test`.
    pub(crate) fn of_kerio_ban(report: &str) -> Option<Counts> {
        let mut counts = summary(report)?;
        let expressions = section(report, "Failregex: ").skip(1);
        for line in expressions.take_while(|line| !line.is_empty()) {
            let (index, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
            counts.add(index.trim().parse().ok()?, first_number(rest)?);
        }
        let dates = section(report, "Dates: ").next()?;
        counts.dates = first_number(dates.strip_prefix("Dates: ")?)?;
        Some(counts)
    }

    /// Reads the report of fail2ban-regex.
    pub(crate) fn of_fail2ban(report: &str) -> Option<Counts> {
        let mut counts = summary(report)?;
        for line in entries(report, "Failregex: ") {
            // `|   4) [108] expression`
            let Some((index, rest)) = line.split_once(") [") else {
                continue;
            };
            // The first line says what is in the others.
            if let Ok(index) = index.trim().parse::<usize>() {
                counts.add(index.checked_sub(1)?, first_number(rest)?);
            }
        }
        for line in entries(report, "Date template hits:") {
            // `|  [2000] template`
            if let Some(rest) = line.trim_start().strip_prefix('[')
                && !rest.starts_with('#')
            {
                counts.dates += first_number(rest)?;
            }
        }
        Some(counts)
    }

    fn add(&mut self, index: usize, hits: u64) {
        if hits > 0 {
            self.hits.insert(index, hits);
        }
    }
}

/// The lines of a report from one that begins so.
fn section<'r>(report: &'r str, start: &'r str) -> impl Iterator<Item = &'r str> {
    report
        .lines()
        .skip_while(move |line| !line.starts_with(start))
}

/// The entries of one of fail2ban-regex's lists, without the bar before them.
fn entries<'r>(report: &'r str, heading: &'r str) -> impl Iterator<Item = &'r str> {
    section(report, heading)
        .skip(1)
        .map_while(|line| line.strip_prefix('|'))
}

/// `Lines: 15 lines, 0 ignored, 15 matched, 0 missed`, which both write.
fn summary(report: &str) -> Option<Counts> {
    let line = section(report, "Lines: ").next()?;
    let mut numbers = line
        .split([' ', ','])
        .filter_map(|word| word.parse::<u64>().ok());
    Some(Counts {
        lines: numbers.next()?,
        ignored: numbers.next()?,
        matched: numbers.next()?,
        missed: numbers.next()?,
        ..Counts::default()
    })
}

fn first_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Counts {
        Counts {
            lines: 20,
            ignored: 3,
            matched: 5,
            missed: 12,
            hits: BTreeMap::from([(0, 2), (10, 6)]),
            dates: 19,
        }
    }

    #[test]
    fn both_reports_are_read() {
        let ours = "\
Filter        x

Failregex: 8 hits by 2 of 11 expressions
  [ 0]  2  x.conf:1:1  ^a [4] <HOST>
  [ 5]  0  x.conf:1:1  ^never
  [10]  6  x.conf:2:1  ^b

Ignoreregex: no expressions

Dates: 19 dates found
  19  Epoch

Lines: 20 lines, 3 ignored, 5 matched, 12 missed
[processed in 0.02 s]
";
        assert_eq!(Counts::of_kerio_ban(ours), Some(expected()));
        let theirs = "\
Results
=======

Prefregex: 20 total
|  ^(?P<mlfid>x)
`-

Failregex: 8 total
|-  #) [# of hits] regular expression
|   1) [2] ^a [4] <HOST>
|  11) [6] ^b
`-

Ignoreregex: 0 total

Date template hits:
|- [# of hits] date format
|  [12] Epoch
|  [7] Day/MON
`-

Lines: 20 lines, 3 ignored, 5 matched, 12 missed
[processed in 0.29 sec]
";
        assert_eq!(Counts::of_fail2ban(theirs), Some(expected()));
    }

    #[test]
    fn what_is_no_report_has_no_counts() {
        assert_eq!(Counts::of_kerio_ban(""), None);
        assert_eq!(
            Counts::of_fail2ban("Traceback (most recent call last):"),
            None
        );
    }
}
