//! For people: what differs, then a line for each filter, then the sums.

use std::io::{self, Write};

use kerio_ban_core::samples::{Mismatch, Verdict};

use super::excerpt::excerpt;
use super::{Checked, CheckedFilter, Counts, Outcome, origin_text, rule_name, sample_place};
use crate::console::Console;
use crate::words::{Visible, counted};

pub(super) struct Text<'o> {
    out: &'o mut dyn Write,
    console: Console,
}

impl<'o> Text<'o> {
    pub(super) fn new(out: &'o mut dyn Write, console: Console) -> Text<'o> {
        Text { out, console }
    }

    pub(super) fn write(&mut self, checked: &Checked) -> io::Result<()> {
        for filter in &checked.filters {
            for group in filter.failures() {
                self.sample(filter, &group)?;
            }
        }
        for filter in &checked.filters {
            self.uncovered(filter, checked.strict)?;
        }
        for orphan in &checked.orphans {
            let title = self.console.palette.warning("no filter");
            writeln!(
                self.out,
                "{title}: {} belongs to none of the filters\n",
                orphan.display()
            )?;
        }
        let width = checked
            .filters
            .iter()
            .map(|filter| filter.name.chars().count())
            .max();
        for filter in &checked.filters {
            self.filter(filter, checked.strict, width.unwrap_or(0))?;
        }
        self.sums(checked)?;
        self.out.flush()
    }

    /// A sample that is not as annotated.
    fn sample(&mut self, filter: &CheckedFilter, group: &[&Verdict]) -> io::Result<()> {
        let [verdict, ..] = group else { return Ok(()) };
        let palette = self.console.palette;
        let title = palette.bad("failed");
        let place = sample_place(verdict);
        let variant = filter.variants(group);
        writeln!(self.out, "{title}: {}: {variant}", palette.place(place))?;
        let places: Vec<_> = verdict
            .findings
            .iter()
            .map(|finding| &finding.place)
            .collect();
        // Each rule has its line if they matched different parts.
        let same = places.windows(2).all(|pair| pair[0] == pair[1]);
        let shown = if same {
            &places[..places.len().min(1)]
        } else {
            &places[..]
        };
        let text = &verdict.sample.text;
        let excerpts = match shown {
            [] => vec![excerpt(text, None)],
            places => places
                .iter()
                .map(|&place| excerpt(text, place.clone()))
                .collect(),
        };
        for excerpt in excerpts {
            writeln!(self.out, "    {}", excerpt.text)?;
            if !excerpt.underline.is_empty() {
                writeln!(self.out, "    {}", palette.bad(excerpt.underline))?;
            }
        }
        for mismatch in verdict.mismatches.iter().flatten() {
            self.difference(mismatch)?;
        }
        let annotation = match &verdict.sample.expectation {
            Some(expectation) => {
                let log = expectation.span.source().name();
                format!("expected by {log}:{}", expectation.line)
            }
            None => "expected because nothing is said of the line".to_owned(),
        };
        writeln!(self.out, "    {}", palette.dim(annotation))?;
        for rule in filter.rules(verdict) {
            let origin = origin_text(rule.origin.as_ref());
            let name = rule_name(rule.rule);
            writeln!(
                self.out,
                "    {}",
                palette.dim(format!("found by {name} at {origin}"))
            )?;
            let original = Visible::new(&rule.original, true).to_string();
            writeln!(self.out, "        {}", palette.dim(original))?;
        }
        writeln!(self.out)
    }

    fn difference(&mut self, mismatch: &Mismatch) -> io::Result<()> {
        let palette = self.console.palette;
        let (expected, found) = (mismatch.expected(), mismatch.found());
        let (expected, found) = match mismatch {
            Mismatch::Value { .. } | Mismatch::Time { .. } => {
                let key = mismatch.key();
                (format!("- {key}: {expected}"), format!("+ {key}: {found}"))
            }
            _ => (format!("- {expected}"), format!("+ {found}")),
        };
        let (expected, found) = (
            Visible::new(&expected, true).to_string(),
            Visible::new(&found, true).to_string(),
        );
        writeln!(self.out, "  {}", palette.bad(expected))?;
        writeln!(self.out, "  {}", palette.good(found))
    }

    fn uncovered(&mut self, filter: &CheckedFilter, strict: bool) -> io::Result<()> {
        let palette = self.console.palette;
        for uncovered in filter.uncovered() {
            let title = if strict {
                palette.bad("failed").to_string()
            } else {
                palette.warning("unused").to_string()
            };
            let origin = origin_text(uncovered.origin.as_ref());
            let name = filter.variant(&uncovered.options);
            let rule = rule_name(uncovered.rule);
            let why = filter.uncovered_reason(uncovered);
            writeln!(
                self.out,
                "{title}: {}: {name} {rule}: {why}",
                palette.place(origin)
            )?;
            let original = Visible::new(&uncovered.original, true).to_string();
            writeln!(self.out, "    {original}\n")?;
        }
        Ok(())
    }

    /// What came of a filter.
    fn filter(&mut self, filter: &CheckedFilter, strict: bool, width: usize) -> io::Result<()> {
        let palette = self.console.palette;
        let counts = filter.counts();
        let all_covered = counts.covered == counts.rules;
        let status = match filter.outcome {
            Outcome::Failed(_) => palette.bad("error "),
            Outcome::Included => palette.dim("-     "),
            _ if counts.failed > 0 || strict && !all_covered => palette.bad("failed"),
            Outcome::NoSamples(_) => palette.warning("-     "),
            Outcome::Judged(_) => palette.good("ok    "),
        };
        let what = match filter.outcome {
            Outcome::Failed(_) => "could not be checked".to_owned(),
            Outcome::Included => "only included".to_owned(),
            Outcome::NoSamples(_) => {
                let rules = counted(counts.rules as u64, "rule");
                format!("no samples, {rules} not covered")
            }
            Outcome::Judged(_) => format!("{}, {}", samples(&counts), coverage(&counts)),
        };
        writeln!(self.out, "{status} {:width$}  {what}", filter.name)
    }

    fn sums(&mut self, checked: &Checked) -> io::Result<()> {
        let counts = checked.counts();
        let seconds = checked.elapsed.as_secs_f64();
        let filters = counted(counts.judged as u64, "filter");
        writeln!(
            self.out,
            "\n{filters}: {}, {} [processed in {seconds:.3} s]",
            samples(&counts),
            coverage(&counts),
        )
    }
}

fn samples(counts: &Counts) -> String {
    let mut out = format!("{} passed", counts.passed);
    for (number, what) in [(counts.failed, "failed"), (counts.skipped, "skipped")] {
        if number > 0 {
            out += &format!(", {number} {what}");
        }
    }
    if counts.errors > 0 {
        out += &format!(", {}", counted(counts.errors as u64, "error"));
    }
    out
}

fn coverage(counts: &Counts) -> String {
    format!("{}/{} rules covered", counts.covered, counts.rules)
}
