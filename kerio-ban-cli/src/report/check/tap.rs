//! The Test Anything Protocol, version 13.

use std::io::{self, Write};

use kerio_ban_core::samples::{Status, Verdict};

use super::{Checked, CheckedFilter, Outcome, origin_text, rule_name, rule_test, sample_place};

pub(super) fn write(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let tests = |filter: &CheckedFilter| {
        let failed = usize::from(matches!(filter.outcome, Outcome::Failed(_)));
        filter.verdicts().len() + filter.uncovered().len() + failed
    };
    let all: usize = checked.filters.iter().map(tests).sum();
    writeln!(out, "TAP version 13\n1..{all}")?;
    let mut number = 0;
    for filter in &checked.filters {
        for verdict in filter.verdicts() {
            number += 1;
            sample(filter, verdict, number, out)?;
        }
        for uncovered in filter.uncovered() {
            number += 1;
            let name = description(&rule_test(filter, uncovered));
            let at = origin_text(uncovered.origin.as_ref());
            let why = filter.uncovered_reason(uncovered);
            if checked.strict {
                writeln!(out, "not ok {number} - {name}")?;
                diagnosis(out, &[("message", why.to_owned()), ("at", at)])?;
            } else {
                writeln!(
                    out,
                    "ok {number} - {name} # SKIP {why}, at {}",
                    description(&at)
                )?;
            }
        }
        if let Outcome::Failed(failure) = &filter.outcome {
            number += 1;
            let name = description(&filter.name);
            writeln!(out, "not ok {number} - {name} can be checked")?;
            diagnosis(
                out,
                &[
                    ("message", failure.to_string()),
                    ("at", filter.path.clone()),
                ],
            )?;
        }
    }
    for orphan in &checked.orphans {
        writeln!(out, "# {} belongs to none of the filters", orphan.display())?;
    }
    let counts = checked.counts();
    writeln!(
        out,
        "# {} of {} rules covered",
        counts.covered, counts.rules
    )?;
    out.flush()
}

fn sample(
    filter: &CheckedFilter,
    verdict: &Verdict,
    number: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let variant = filter.variant(&verdict.options);
    let name = description(&format!("{variant} {}", sample_place(verdict)));
    match verdict.status() {
        Status::Pass => writeln!(out, "ok {number} - {name}"),
        Status::Skip => {
            writeln!(
                out,
                "ok {number} - {name} # SKIP its constraint excludes this variant"
            )
        }
        Status::Fail => {
            writeln!(out, "not ok {number} - {name}")?;
            let mut about = Vec::new();
            for mismatch in verdict.mismatches.iter().flatten() {
                about.push(("message", mismatch.to_string()));
            }
            about.push(("line", verdict.sample.text.clone()));
            about.push(("at", sample_place(verdict)));
            for rule in filter.rules(verdict) {
                let origin = origin_text(rule.origin.as_ref());
                about.push(("rule", format!("{} at {origin}", rule_name(rule.rule))));
            }
            diagnosis(out, &about)
        }
    }
}

/// Text that cannot be taken for a directive or the end of the line.
fn description(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('#', r"\#")
        .replace(['\n', '\r'], " ")
}

/// A block of YAML: a list of what there is to say, since keys may come twice.
fn diagnosis(out: &mut dyn Write, about: &[(&str, String)]) -> io::Result<()> {
    writeln!(out, "  ---")?;
    for (key, text) in about {
        // A JSON string is a YAML string.
        writeln!(out, "  - {key}: {}", serde_json::Value::from(text.as_str()))?;
    }
    writeln!(out, "  ...")
}
