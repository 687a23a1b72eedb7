//! One short line for each thing that is wrong.

use std::io::{self, Write};

use super::{Checked, Outcome, message, origin_text, rule_name, sample_place};

/// Writes `file:line: filter: what`.
pub(super) fn write(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    for filter in &checked.filters {
        for group in filter.failures() {
            let variants = filter.variants(&group);
            let message = message(group[0]);
            writeln!(out, "{}: {variants}: {message}", sample_place(group[0]))?;
        }
        for uncovered in filter.uncovered() {
            let origin = origin_text(uncovered.origin.as_ref());
            let rule = rule_name(uncovered.rule);
            let why = filter.uncovered_reason(uncovered);
            let name = &filter.name;
            writeln!(out, "{origin}: {name}: {rule}: {why}")?;
        }
        if let Outcome::Failed(failure) = &filter.outcome {
            writeln!(out, "{}: error: {failure}", filter.path)?;
        }
    }
    for orphan in &checked.orphans {
        writeln!(out, "{}: belongs to none of the filters", orphan.display())?;
    }
    let counts = checked.counts();
    writeln!(
        out,
        "Samples: {} passed, {} failed, {} skipped; rules: {} of {} covered",
        counts.passed, counts.failed, counts.skipped, counts.covered, counts.rules
    )?;
    out.flush()
}
