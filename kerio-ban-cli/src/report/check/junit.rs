//! An XML report in the form that JUnit made common.

use std::io::{self, Write};

use kerio_ban_core::samples::{Status, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::excerpt::excerpt;
use super::{
    Checked, CheckedFilter, Outcome, message, origin_text, rule_name, rule_test, sample_place,
};

/// A suite for each filter, with a test for each sample in each variant, and
/// one for each rule that has no sample.
pub(super) fn write(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("kerio-ban check");
    report.set_time(checked.elapsed);
    for filter in &checked.filters {
        let mut suite = TestSuite::new(filter.name.as_str());
        for verdict in filter.verdicts() {
            suite.add_test_case(sample(filter, verdict));
        }
        for uncovered in filter.uncovered() {
            let origin = origin_text(uncovered.origin.as_ref());
            let why = filter.uncovered_reason(uncovered);
            let text = format!("{why}\n{}\n{origin}", uncovered.original);
            let mut status = if checked.strict {
                failure("uncovered", why)
            } else {
                TestCaseStatus::skipped()
            };
            status.set_description(text);
            let name = rule_test(filter, uncovered);
            suite.add_test_case(case(filter, &name, status));
        }
        if let Outcome::Failed(error) = &filter.outcome {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status
                .set_type("error")
                .set_message(error.to_string())
                .set_description(error.to_string());
            let name = format!("{} can be checked", filter.name);
            suite.add_test_case(case(filter, &name, status));
        }
        report.add_test_suite(suite);
    }
    let text = report.to_string().map_err(io::Error::other)?;
    out.write_all(without_total_of_skipped(&text).as_bytes())?;
    out.flush()
}

fn sample(filter: &CheckedFilter, verdict: &Verdict) -> TestCase {
    let status = match verdict.status() {
        Status::Pass => TestCaseStatus::success(),
        Status::Skip => {
            let mut status = TestCaseStatus::skipped();
            status.set_description("its constraint excludes this variant");
            status
        }
        Status::Fail => {
            let message = message(verdict);
            let keys = verdict
                .mismatches
                .iter()
                .flatten()
                .map(kerio_ban_core::samples::Mismatch::key);
            let mut status = failure(keys.into_iter().next().unwrap_or("match"), &message);
            let place = verdict
                .findings
                .first()
                .and_then(|finding| finding.place.clone());
            let shown = excerpt(&verdict.sample.text, place);
            let mut text = format!("{}\n{}\n", shown.text, shown.underline);
            for mismatch in verdict.mismatches.iter().flatten() {
                let key = mismatch.key();
                let (expected, found) = (mismatch.expected(), mismatch.found());
                text += &format!("{key}: expected {expected}\n{key}: found    {found}\n");
            }
            for rule in filter.rules(verdict) {
                let origin = origin_text(rule.origin.as_ref());
                text += &format!("found by {} at {origin}\n", rule_name(rule.rule));
            }
            text += &format!("sample at {}", sample_place(verdict));
            status.set_description(text);
            status
        }
    };
    let variant = filter.variant(&verdict.options);
    case(
        filter,
        &format!("{variant} {}", sample_place(verdict)),
        status,
    )
}

fn failure(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message);
    status
}

fn case(filter: &CheckedFilter, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(filter.name.as_str());
    case
}

/// None of the schemas in use knows how many tests were skipped in all: only
/// how many of each suite.
fn without_total_of_skipped(xml: &str) -> String {
    let Some(start) = xml.find("<testsuites ") else {
        return xml.to_owned();
    };
    let end = xml[start..]
        .find('>')
        .map_or(xml.len(), |length| start + length);
    let attribute = " skipped=\"";
    let Some(at) = xml[start..end].find(attribute).map(|at| start + at) else {
        return xml.to_owned();
    };
    let value = at + attribute.len();
    let close = xml[value..]
        .find('"')
        .map_or(end, |length| value + length + 1);
    format!("{}{}", &xml[..at], &xml[close..])
}
