//! One JSON object a line, for scripts.

use std::io::{self, Write};

use kerio_ban_core::samples::{Status, Verdict};
use serde_json::{Value as Object, json};

use super::{Checked, CheckedFilter, Outcome, message};
use crate::report::error_object;

pub(super) fn write(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |object: &Object| -> io::Result<()> {
        serde_json::to_writer(&mut *out, object)?;
        out.write_all(b"\n")
    };
    for filter in &checked.filters {
        for verdict in filter.verdicts() {
            line(&sample(filter, verdict))?;
        }
        for uncovered in filter.uncovered() {
            line(&json!({
                "type": "unused-rule",
                "filter": filter.name,
                "options": uncovered.options,
                "kind": "failregex",
                "rule": uncovered.rule,
                "original": uncovered.original,
                "origin": uncovered.origin.as_ref().map(ToString::to_string),
                "message": filter.uncovered_reason(uncovered),
            }))?;
        }
        if let Outcome::Failed(failure) = &filter.outcome
            && let Some(mut object) = error_object(failure)
        {
            if let Some(object) = object.as_object_mut() {
                object.insert("filter".to_owned(), filter.name.as_str().into());
                object.insert("path".to_owned(), filter.path.as_str().into());
            }
            line(&object)?;
        }
        let counts = filter.counts();
        line(&json!({
            "type": "filter",
            "name": filter.name,
            "path": filter.path,
            "log": filter.log.as_ref().map(|log| log.display().to_string()),
            "passed": counts.passed,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "rules": counts.rules,
            "rules_covered": counts.covered,
        }))?;
    }
    for orphan in &checked.orphans {
        line(&json!({"type": "unused-log", "log": orphan.display().to_string()}))?;
    }
    let counts = checked.counts();
    line(&json!({
        "type": "summary",
        "filters": counts.judged,
        "passed": counts.passed,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "errors": counts.errors,
        "rules": counts.rules,
        "rules_covered": counts.covered,
        "elapsed": checked.elapsed.as_secs_f64(),
    }))?;
    out.flush()
}

fn sample(filter: &CheckedFilter, verdict: &Verdict) -> Object {
    let status = match verdict.status() {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Skip => "skip",
    };
    let mismatches = verdict.mismatches.as_ref();
    let message = match verdict.status() {
        Status::Pass => None,
        Status::Fail => Some(message(verdict)),
        Status::Skip => Some("its constraint excludes this variant".to_owned()),
    };
    let differences: Vec<Object> = mismatches
        .into_iter()
        .flatten()
        .map(|mismatch| {
            json!({
                "key": mismatch.key(),
                "expected": mismatch.expected(),
                "found": mismatch.found(),
            })
        })
        .collect();
    let found: Vec<Object> = verdict
        .findings
        .iter()
        .map(|finding| {
            let rules = filter.rules(verdict);
            let rule = rules.iter().find(|rule| rule.rule == finding.rule);
            let origin = rule.and_then(|rule| rule.origin.as_ref());
            json!({
                "rule": finding.rule,
                "id": finding.id,
                "values": finding.values,
                "origin": origin.map(ToString::to_string),
            })
        })
        .collect();
    let mut object = json!({
        "type": "sample",
        "filter": filter.name,
        "options": verdict.options,
        "log": verdict.sample.span.source().name(),
        "line": verdict.sample.line,
        "status": status,
        "message": message,
    });
    // What only a failure needs is left out elsewhere.
    if verdict.status() == Status::Fail
        && let Some(object) = object.as_object_mut()
    {
        object.insert("text".to_owned(), verdict.sample.text.as_str().into());
        object.insert("differences".to_owned(), differences.into());
        object.insert("failures".to_owned(), found.into());
    }
    object
}
