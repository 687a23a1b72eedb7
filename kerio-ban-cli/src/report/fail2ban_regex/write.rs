//! The layout of the report.

use std::fmt::Write;
use std::io;

use chrono::DateTime;
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
            .flat_map(|(rule, count)| self.rule_lines(rule, count, now))
            .collect::<Vec<String>>();
        write_list(page, "Failregex", total, &lines)?;
        let ignoreregex = self.filter.ignoreregex().iter().zip(&self.ignore_hits);
        let total = self.ignore_hits.iter().sum();
        let lines = ignoreregex
            .filter(|(_, hits)| self.limits.verbose || **hits > 0)
            .map(|(rule, hits)| rule_line(rule, *hits))
            .collect::<Vec<String>>();
        write_list(page, "Ignoreregex", total, &lines)
    }

    fn rule_lines(&self, rule: &Rule, count: &RuleCount, now: Timestamp) -> Vec<String> {
        let mut lines = vec![rule_line(rule, count.hits)];
        lines.extend(count.found.iter().map(|found| {
            let time = clock_time(found.time.unwrap_or(now), &self.zone);
            let further = if found.further {
                " (multiple regex matched)"
            } else {
                ""
            };
            format!("    {}  {time}{further}", found.id)
        }));
        lines
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

/// `Sun Aug 14 12:00:00 2005`.
fn clock_time(at: Timestamp, zone: &Zone) -> String {
    let local = at.seconds().floor() + zone.offset(at) as f64;
    let mut out = String::new();
    if let Some(date) = DateTime::from_timestamp(local as i64, 0) {
        let _ = write!(out, "{}", date.format("%a %b %d %H:%M:%S %Y"));
    }
    out
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
        assert_eq!(clock_time(at, &Zone::utc()), "Sun Aug 14 10:00:00 2005");
        let zone = Zone::posix("XST-2").unwrap();
        assert_eq!(clock_time(at, &zone), "Sun Aug 14 12:00:00 2005");
    }

    #[test]
    fn python_has_more_white_space() {
        assert_eq!(stripped(" a \t\x1c\u{85}\u{2003}"), " a");
        assert_eq!(stripped("a\0"), "a\0");
    }
}
