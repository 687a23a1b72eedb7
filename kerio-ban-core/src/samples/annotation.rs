//! What is to be written above a sample.

use serde_json::{Map, Value as Json};

use super::condition;
use super::constraint;
use super::read::{Expectation, Form, Options};
use super::verdict::{Finding, Mismatch, Status, Verdict};

type Values = Map<String, Json>;

/// What a variant wants the annotation of a sample to be.
#[derive(PartialEq)]
enum Wanted {
    NoMatch,
    Match(Values),
    /// fail2ban's form has no words for what was found.
    Unsayable(String),
}

/// The annotation that agrees with all verdicts on one sample. `None` if the
/// one it has, or having none, does.
///
/// # Errors
/// Why there is no such annotation.
pub(super) fn annotation(verdicts: &[Verdict]) -> Result<Option<String>, String> {
    let fails = |verdict: &Verdict| verdict.status() == Status::Fail;
    let Some(first) = verdicts.first().filter(|_| verdicts.iter().any(fails)) else {
        return Ok(None);
    };
    let old = first.sample.expectation.as_ref();
    let judged = verdicts.iter().filter_map(|verdict| {
        let mismatches = verdict.mismatches.as_ref()?;
        Some((verdict, wanted(verdict, mismatches, old)))
    });
    let judged: Vec<(&Verdict, Wanted)> = judged.collect();
    let Some(mut values) = most_wanted(&judged) else {
        return match judged.into_iter().find_map(|(_, wanted)| match wanted {
            Wanted::Unsayable(reason) => Some(reason),
            _ => None,
        }) {
            Some(reason) => Err(reason),
            None => Ok(Some(line(old, not_matching(old)))),
        };
    };
    let core = values.clone();
    let agrees = |wanted: &Wanted| matches!(wanted, Wanted::Match(own) if *own == core);
    let options = |agreeing: bool| -> Vec<&Options> {
        let some = judged
            .iter()
            .filter(|(_, wanted)| agrees(wanted) == agreeing);
        some.map(|(verdict, _)| &verdict.options).collect()
    };
    let (takers, others) = (options(true), options(false));
    if old.is_none() {
        let takers = judged.iter().filter(|(_, wanted)| agrees(wanted));
        let findings: Vec<&Finding> = takers.flat_map(|(verdict, _)| &verdict.findings).collect();
        values.extend(extras(&findings));
    }
    if !others.is_empty() {
        let only = constraint::separating(&takers, &others).ok_or(
            "some variants of the filter find something else, and no option tells them apart",
        )?;
        let only = match values.get("constraint").and_then(Json::as_str) {
            Some(earlier) => format!("({earlier}) and ({only})"),
            None => only,
        };
        values.insert("constraint".to_owned(), only.into());
    }
    Ok(Some(line(old, values)))
}

fn wanted(verdict: &Verdict, mismatches: &[Mismatch], old: Option<&Expectation>) -> Wanted {
    let undecided = mismatches.iter().find_map(|mismatch| match mismatch {
        Mismatch::Undecided(trouble) => Some(trouble.to_string()),
        _ => None,
    });
    if let Some(reason) = undecided {
        return Wanted::Unsayable(reason);
    }
    let finding = match &verdict.findings[..] {
        [] => return Wanted::NoMatch,
        [finding] => finding,
        several => {
            let rules: Vec<String> = several
                .iter()
                .map(|finding| format!("failregex[{}]", finding.rule))
                .collect();
            let rules = rules.join(" and ");
            return Wanted::Unsayable(format!(
                "{rules} find a failure, and an annotation speaks of one"
            ));
        }
    };
    let matched = old.filter(|old| old.values.get("match").is_some_and(condition::truth));
    if let Some(old) = matched {
        let mut values = old.values.clone();
        for mismatch in mismatches {
            if let Some(found) = finding.values.get(mismatch.key()) {
                values.insert(mismatch.key().to_owned(), found.clone());
            } else {
                values.shift_remove(mismatch.key());
            }
        }
        return Wanted::Match(values);
    }
    let found = |key: &str| finding.values.get(key).cloned();
    let mut values = Map::new();
    let plain = old.is_some_and(|old| old.form == Form::Plain);
    for (key, value) in [
        ("time", found("time").filter(|_| !plain)),
        ("match", Some(true.into())),
        ("host", found("host")),
    ] {
        values.extend(value.map(|value| (key.to_owned(), value)));
    }
    for (key, value) in old.into_iter().flat_map(|old| &old.values) {
        if matches!(key.as_str(), "desc" | "constraint") {
            values.insert(key.clone(), value.clone());
        }
    }
    Wanted::Match(values)
}

/// What the largest number of variants wants, the first of several.
fn most_wanted(judged: &[(&Verdict, Wanted)]) -> Option<Values> {
    let wanted = judged.iter().filter_map(|(_, wanted)| match wanted {
        Wanted::Match(values) => Some(values),
        _ => None,
    });
    let wanted: Vec<&Values> = wanted.collect();
    let votes = |values: &Values| wanted.iter().filter(|own| **own == values).count();
    let best = wanted.iter().map(|values| votes(values)).max()?;
    let first = wanted.iter().find(|values| votes(values) == best)?;
    Some((*first).clone())
}

/// What is worth saying beside time and host, where all say the same.
fn extras(findings: &[&Finding]) -> Values {
    let mut out = Map::new();
    let Some(first) = findings.first() else {
        return out;
    };
    let common = |key: &str| {
        let value = first.values.get(key)?;
        let same = |finding: &&Finding| finding.values.get(key) == Some(value);
        findings.iter().all(same).then(|| value.clone())
    };
    let several = |value: &Json| value.as_u64().is_some_and(|lines| lines > 1);
    let attempts = common("attempts").filter(several);
    out.extend(attempts.map(|lines| ("attempts".to_owned(), lines)));
    // `users` has the one of `user`, and those of earlier lines.
    for key in ["users", "user"] {
        if let Some(value) = common(key) {
            out.insert(key.to_owned(), value);
            break;
        }
    }
    out
}

fn not_matching(old: Option<&Expectation>) -> Values {
    let mut values = Map::new();
    values.insert("match".to_owned(), false.into());
    for (key, value) in old.into_iter().flat_map(|old| &old.values) {
        if matches!(key.as_str(), "desc" | "constraint") {
            values.insert(key.clone(), value.clone());
        }
    }
    values
}

/// An annotation as a line, in the form that the earlier one had, if it can be
/// kept.
fn line(old: Option<&Expectation>, values: Values) -> String {
    let text = old.map_or("# ", |old| old.span.text());
    let hashes = text.len() - text.trim_start_matches('#').len();
    let start = if text[hashes..].starts_with(' ') {
        &text[..=hashes]
    } else {
        &text[..hashes]
    };
    if old.is_some_and(|old| old.form == Form::Plain)
        && let Some(plain) = plain(&values)
    {
        return format!("{start}{plain}");
    }
    format!("{start}failJSON: {}", spaced(&Json::Object(values)))
}

/// The plain form, if it can say everything.
fn plain(values: &Values) -> Option<String> {
    if values.len() == 1 {
        return Some("no match".to_owned());
    }
    let host = values.get("host")?.as_str()?;
    let word = !host.is_empty() && !host.contains(char::is_whitespace);
    (word && values.len() == 2).then(|| format!("match: {host}"))
}

/// JSON with a blank after each colon and comma.
fn spaced(value: &Json) -> String {
    match value {
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| {
                format!("{}: {}", Json::from(key.as_str()), spaced(value))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        plain => plain.to_string(),
    }
}
