//! What was found in a line against what its annotation says.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value as Json};

use super::condition;
use super::judge::JudgeError;
use super::read::Expectation;
use super::verdict::{Finding, Mismatch, Missed};
use crate::error::Error;
use crate::filter::{FailureId, Hit, Value};
use crate::time::Timestamp;
use crate::zone::{LastOffset, Zone};

/// The keys of annotations that are not compared with captures.
pub(super) const NO_VALUES: [&str; 4] = ["time", "match", "desc", "constraint"];

/// What differs between an annotation and what was found. `missed` says why
/// there is no failure, if there is none.
pub(super) fn compare(
    expectation: Option<&Expectation>,
    failures: &[Hit<'_>],
    zone: &Zone,
    missed: impl FnOnce() -> Missed,
) -> Result<Vec<Mismatch>, Error> {
    let wanted = expectation
        .and_then(|expectation| expectation.values.get("match"))
        .is_some_and(condition::truth);
    let mut out = Vec::new();
    match (wanted, failures, expectation) {
        (true, [hit], Some(expectation)) => compare_values(expectation, hit, zone, &mut out)?,
        (true, [], _) => out.push(Mismatch::NotFound(missed())),
        (true, several, _) => out.push(Mismatch::Several {
            rules: several.iter().map(|hit| hit.rule().index()).collect(),
        }),
        (false, found, _) => out.extend(found.iter().map(|hit| Mismatch::Found {
            rule: hit.rule().index(),
            id: hit.id().map(FailureId::to_string).unwrap_or_default(),
        })),
    }
    Ok(out)
}

fn compare_values(
    expectation: &Expectation,
    hit: &Hit<'_>,
    zone: &Zone,
    out: &mut Vec<Mismatch>,
) -> Result<(), Error> {
    for (key, expected) in &expectation.values {
        if NO_VALUES.contains(&key.as_str()) {
            continue;
        }
        let found = found_value(hit, key);
        if !same(&found, expected) {
            out.push(Mismatch::Value {
                key: key.clone(),
                expected: expected.clone(),
                found: found.into_json(),
            });
        }
    }
    if let Some(Json::String(text)) = expectation.values.get("time") {
        let expected = parse_local(zone, text).ok_or_else(|| {
            Error::new(JudgeError::Time(text.clone())).at(expectation.span.clone())
        })?;
        if hit.time() != Some(expected) {
            out.push(Mismatch::Time {
                expected: text.clone(),
                found: hit.time().map(|time| format_local(zone, time)),
            });
        }
    }
    Ok(())
}

/// All that an annotation could say of a failure.
pub(super) fn finding(hit: &Hit<'_>, zone: &Zone) -> Finding {
    let mut values = Map::new();
    // Some moments have no local time of their own.
    let time = hit.time().and_then(|time| {
        let text = format_local(zone, time);
        (parse_local(zone, &text) == Some(time)).then_some(text)
    });
    if let Some(time) = time {
        values.insert("time".to_owned(), time.into());
    }
    let groups = hit.captures().iter().filter(|(_, value)| value.is_some());
    let groups = groups.map(|(name, _)| name);
    for key in ["host"].into_iter().chain(groups).chain(["attempts"]) {
        if !values.contains_key(key) && !NO_VALUES.contains(&key) {
            values.insert(key.to_owned(), found_value(hit, key).into_json());
        }
    }
    if hit.users().is_some() {
        values.insert("users".to_owned(), found_value(hit, "users").into_json());
    }
    Finding {
        rule: hit.rule().index(),
        id: hit.id().map(FailureId::to_string).unwrap_or_default(),
        values,
        place: hit.place(),
    }
}

/// A found value, as far as it matters how it compares.
enum Found {
    Nothing,
    Plain(Json),
    Sorted(Vec<String>),
    Id(FailureId),
}

impl Found {
    fn into_json(self) -> Json {
        match self {
            Found::Nothing => Json::Null,
            Found::Plain(value) => value,
            Found::Sorted(items) => items.into(),
            Found::Id(id) => id.to_string().into(),
        }
    }
}

fn found_value(hit: &Hit<'_>, key: &str) -> Found {
    if key == "users"
        && let Some(users) = hit.users()
    {
        return Found::Sorted(users.iter().map(ToString::to_string).collect());
    }
    if key == "matches" {
        return Found::Sorted(hit.matches().iter().map(ToString::to_string).collect());
    }
    match hit.captures().get(key) {
        Some(Value::Text(text)) => Found::Plain((**text).into()),
        Some(Value::Tuple(parts)) => {
            let part = |part: &Option<Arc<str>>| match part {
                Some(text) => Json::from(&**text),
                None => Json::Null,
            };
            Found::Plain(parts.iter().map(part).collect())
        }
        Some(Value::Address(id)) => Found::Id(id.clone()),
        None if key == "host" => hit.id().cloned().map_or(Found::Nothing, Found::Id),
        None if key == "attempts" => Found::Plain(hit.matches().len().into()),
        None => Found::Nothing,
    }
}

fn same(found: &Found, expected: &Json) -> bool {
    match (found, expected) {
        (Found::Nothing, expected) => expected.is_null(),
        (Found::Plain(found), expected) => found == expected,
        (Found::Sorted(found), Json::Array(expected)) => {
            let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
            let mut expected: Vec<&str> = expected.iter().filter_map(Json::as_str).collect();
            found.sort_unstable();
            expected.sort_unstable();
            found == expected
        }
        // Written in any form of the same address; text as it is.
        (Found::Id(id), Json::String(text)) => {
            id.to_string() == *text
                || id.family().is_some() && FailureId::parse(text).as_ref() == Some(id)
        }
        _ => false,
    }
}

/// A local time as annotations write it, `2005-08-14T12:00:00` with or without
/// a fraction.
fn parse_local(zone: &Zone, text: &str) -> Option<Timestamp> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    let time = time.and_utc();
    let seconds = zone.mktime(time.timestamp(), &mut LastOffset::default())?;
    let fraction = f64::from(time.timestamp_subsec_micros()) / 1e6;
    Timestamp::from_seconds(seconds as f64 + fraction)
}

fn format_local(zone: &Zone, time: Timestamp) -> String {
    let local = time.later_by(zone.offset(time) as f64).seconds();
    let micros = (local.fract() * 1e6).round() as u32;
    match DateTime::from_timestamp(local.floor() as i64, micros * 1000) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
        None => time.to_string(),
    }
}
