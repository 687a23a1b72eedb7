//! The layout of the report.

use std::io;

use kerio_ban_core::{Rule, Timestamp, UseDns, Zone, spell_out};

use super::statistics::{Lines, RuleCount, Shown, Statistics};
use super::{Links, Page};

impl Statistics {
    /// Writes the report. `now` stands in for the time of findings that have
    /// none.
    pub(crate) fn write(&self, page: &mut Page, now: Timestamp, links: &Links) -> io::Result<()> {
        page.say("\nResults\n=======")?;
        self.write_prefix(page)?;
        self.write_rules(page, now)?;
        self.write_dates(page)?;
        page.say(&format!(
            "\nLines: {} lines, {} ignored, {} matched, {} missed",
            self.tested, self.ignored.count, self.matched.count, self.missed.count,
        ))?;
        let elapsed = self.elapsed.as_secs_f64();
        page.say(&format!("[processed in {elapsed:.2} sec]\n"))?;
        let failregex = self.filter.failregex();
        let limits = self.limits;
        if limits.matched != Shown::Nothing {
            self.write_lines(
                page,
                "matched",
                &self.matched,
                limits.matched,
                failregex,
                links,
            )?;
        }
        if limits.ignored != Shown::Nothing {
            let ignoreregex = self.filter.ignoreregex();
            self.write_lines(
                page,
                "ignored",
                &self.ignored,
                limits.ignored,
                ignoreregex,
                links,
            )?;
        }
        if limits.missed != Shown::Nothing {
            self.write_lines(
                page,
                "missed",
                &self.missed,
                limits.missed,
                failregex,
                links,
            )?;
        }
        Ok(())
    }

    fn write_prefix(&self, page: &mut Page) -> io::Result<()> {
        let Some(prefregex) = self.filter.prefregex() else {
            return Ok(());
        };
        let host_names = self.filter.use_dns() != UseDns::No;
        let text = spell_out(prefregex.original().as_str(), host_names, true);
        let mut lines = vec![text];
        lines.extend(
            self.prefix_groups
                .iter()
                .map(|groups| format!("    {groups}")),
        );
        page.say(&format!("\nPrefregex: {} total", self.prefix_hits))?;
        page.list(None, &lines)
    }

    fn write_rules(&self, page: &mut Page, now: Timestamp) -> io::Result<()> {
        let failregex = self.filter.failregex().iter().zip(&self.rules);
        let total = self.rules.iter().map(|rule| rule.hits).sum();
        let lines = failregex
            .filter(|(_, count)| self.limits.verbose || count.hits > 0)
            .map(|(rule, count)| self.rule_lines(rule, count, now))
            .collect::<io::Result<Vec<Vec<String>>>>()?;
        write_list(page, "Failregex", total, &lines.concat())?;
        let ignoreregex = self.filter.ignoreregex().iter().zip(&self.ignore_hits);
        let total = self.ignore_hits.iter().sum();
        let lines = ignoreregex
            .filter(|(_, hits)| self.limits.verbose || **hits > 0)
            .map(|(rule, hits)| rule_line(rule, *hits))
            .collect::<Vec<String>>();
        write_list(page, "Ignoreregex", total, &lines)
    }

    fn rule_lines(
        &self,
        rule: &Rule,
        count: &RuleCount,
        now: Timestamp,
    ) -> io::Result<Vec<String>> {
        let mut lines = vec![rule_line(rule, count.hits)];
        for found in &count.found {
            let time = clock_time(found.time.unwrap_or(now), &self.zone)?;
            let further = if found.further {
                " (multiple regex matched)"
            } else {
                ""
            };
            lines.push(format!("    {}  {time}{further}", found.id));
        }
        Ok(lines)
    }

    fn write_dates(&self, page: &mut Page) -> io::Result<()> {
        page.say("\nDate template hits:")?;
        let mut lines = Vec::new();
        for date in &self.dates {
            if !self.limits.verbose && date.hits() == 0 {
                continue;
            }
            lines.push(format!("[{}] {}", date.hits(), date.name()));
            if self.limits.verbose_date {
                lines.push(format!(
                    "    # weight: {:.3} ({:.3}), pattern: {}",
                    date.weight(),
                    date.factor(),
                    date.pattern().unwrap_or_default(),
                ));
                lines.push(format!("    # regex:   {}", date.regex()));
            }
        }
        page.list(Some("[# of hits] date format"), &lines)
    }

    fn write_lines(
        &self,
        page: &mut Page,
        kind: &str,
        lines: &Lines,
        shown: Shown,
        rules: &[Rule],
        links: &Links,
    ) -> io::Result<()> {
        if lines.count == 0 {
            return Ok(());
        }
        let mut header = format!("{kind} line(s):");
        header[..1].make_ascii_uppercase();
        if lines.count >= self.limits.lines && shown != Shown::All {
            let count = lines.count;
            return page.say(&format!(
                "{header} too many to print.  Use --print-all-{kind} to print all {count} lines"
            ));
        }
        let texts: Vec<String> = if self.limits.debuggex {
            let pairs = lines
                .samples
                .iter()
                .flat_map(|sample| rules.iter().map(move |rule| (sample, rule)));
            pairs
                .map(|(sample, rule)| links.entry(sample, rule.original().as_str()))
                .collect()
        } else {
            lines.texts.clone()
        };
        let texts: Vec<String> = texts.iter().map(|text| stripped(text)).collect();
        page.list(Some(&header), &texts)
    }
}

fn rule_line(rule: &Rule, hits: u64) -> String {
    let number = rule.index() + 1;
    format!("{number:2}) [{hits}] {}", rule.original())
}

fn write_list(page: &mut Page, title: &str, total: u64, lines: &[String]) -> io::Result<()> {
    page.say(&format!("\n{title}: {total} total"))?;
    page.list(Some(" #) [# of hits] regular expression"), lines)
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Sun Aug 14 12:00:00 2005`.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] for a year that the C library cannot hold,
/// which is where fail2ban-regex ends.
fn clock_time(at: Timestamp, zone: &Zone) -> io::Result<String> {
    let local = (at.seconds().floor() as i64).saturating_add(zone.offset(at));
    let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let weekday = DAYS[day.rem_euclid(7) as usize];
    // Years are counted from March, so that leap days come last.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12;
    let year = year + 400 * era + i64::from(month < 2);
    if i32::try_from(year - 1900).is_err() {
        let message = format!("the moment {at} is out of range: fail2ban-regex breaks off here");
        return Err(io::Error::new(io::ErrorKind::Unsupported, message));
    }
    let month = MONTHS[month as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Ok(format!(
        "{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} {year}"
    ))
}

/// Without white space at the end, as Python sees it.
fn stripped(text: &str) -> String {
    text.trim_end_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_zone() {
        let at = Timestamp::from_seconds(1_124_013_600.9).unwrap();
        let utc = |at| clock_time(at, &Zone::utc()).map_err(|error| error.kind());
        assert_eq!(utc(at).unwrap(), "Sun Aug 14 10:00:00 2005");
        let zone = Zone::posix("XST-2").unwrap();
        assert_eq!(clock_time(at, &zone).unwrap(), "Sun Aug 14 12:00:00 2005");
        let utc = |seconds| utc(Timestamp::from_whole_seconds(seconds));
        assert_eq!(utc(0).unwrap(), "Thu Jan 01 00:00:00 1970");
        assert_eq!(utc(951_782_400).unwrap(), "Tue Feb 29 00:00:00 2000");
        assert_eq!(utc(-1).unwrap(), "Wed Dec 31 23:59:59 1969");
        // What TAI64N can say goes beyond all calendars.
        assert_eq!(
            utc(32_503_680_000_000).unwrap(),
            "Fri Aug 14 00:00:00 1031970"
        );
        assert_eq!(utc(1 << 60), Err(io::ErrorKind::Unsupported));
    }

    #[test]
    fn python_has_more_white_space() {
        assert_eq!(stripped(" a \t\x1c\u{85}\u{2003}"), " a");
        assert_eq!(stripped("a\0"), "a\0");
    }
}
