//! Commands that a GitHub workflow turns into annotations of files.

use std::fmt::Write as _;
use std::io::{self, Write};

use kerio_ban_core::Span;
use kerio_ban_core::samples::Verdict;

use super::{Checked, CheckedFilter, Outcome, message, origin_text, rule_name};
use crate::failure::Failure;
use crate::words::counted;

pub(super) fn write(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    for filter in &checked.filters {
        for group in filter.failures() {
            sample(filter, &group, out)?;
        }
        for uncovered in filter.uncovered() {
            let level = if checked.strict { "error" } else { "warning" };
            let rule = rule_name(uncovered.rule);
            let title = format!("{}: {rule} has no sample", filter.name);
            let why = filter.uncovered_reason(uncovered);
            let text = format!("{why}: {}", uncovered.original);
            let place = match &uncovered.origin {
                Some(origin) => place(origin),
                None => file(&filter.path, None),
            };
            writeln!(out, "{}", command(level, &place, &title, &text))?;
        }
        if let Outcome::Failed(failure) = &filter.outcome {
            let title = format!("{}: could not be checked", filter.name);
            let place = match failure {
                Failure::Config(error) => error.origin().map(|origin| place(origin.span())),
                _ => None,
            };
            let place = place.unwrap_or_else(|| file(&filter.path, None));
            writeln!(
                out,
                "{}",
                command("error", &place, &title, &failure.to_string())
            )?;
        }
    }
    for orphan in &checked.orphans {
        let place = file(&orphan.display().to_string(), None);
        let text = "the log belongs to none of the filters, so that nothing checks it";
        writeln!(out, "{}", command("warning", &place, "no filter", text))?;
    }
    let counts = checked.counts();
    writeln!(
        out,
        "{}: {} passed, {} failed, {} skipped; {} of {} rules covered",
        counted(counts.judged as u64, "filter"),
        counts.passed,
        counts.failed,
        counts.skipped,
        counts.covered,
        counts.rules
    )?;
    out.flush()
}

fn sample(filter: &CheckedFilter, group: &[&Verdict], out: &mut dyn Write) -> io::Result<()> {
    let [verdict, ..] = group else { return Ok(()) };
    let place = file(
        verdict.sample.span.source().name(),
        Some(verdict.sample.line),
    );
    let title = filter.variants(group);
    let mut text = format!("{}\n{}", message(verdict), verdict.sample.text);
    for rule in filter.rules(verdict) {
        let origin = origin_text(rule.origin.as_ref());
        let _ = write!(text, "\nfound by {} at {origin}", rule_name(rule.rule));
    }
    writeln!(out, "{}", command("error", &place, &title, &text))
}

fn place(span: &Span) -> String {
    file(span.source().name(), Some(span.line()))
}

fn file(path: &str, line: Option<usize>) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut place = format!("file={},", property(path));
    if let Some(line) = line {
        let _ = write!(place, "line={line},");
    }
    place
}

/// `::error file=F,line=L,title=T::text`; the place ends with a comma, if
/// there is one.
pub(crate) fn command(level: &str, place: &str, title: &str, text: &str) -> String {
    format!("::{level} {place}title={}::{}", property(title), data(text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        let place = file("a,b:c", Some(3));
        insta::assert_snapshot!(
            command("error", &place, "x[a=1, b=2]", "100 %\r\nnext: ::error::x"),
            @"::error file=a%2Cb%3Ac,line=3,title=x[a=1%2C b=2]::100 %25%0D%0Anext: ::error::x"
        );
    }
}
