//! Dates as data: `fixtures/dates` and the recorded cases about dates.

use std::path::Path;

use serde_json::Value;

use super::{DateDetector, DateTemplates, FoundDate};
use crate::pattern::Haystack;
use crate::source::{Files, OsFiles, Source};
use crate::time::Timestamp;
use crate::traced::Traced;
use crate::zone::Zone;

/// A detector for a case, or nothing if its pattern is refused.
fn detector(case: &Value, zone: &str) -> Option<DateDetector> {
    let pattern = case["datepattern"].as_str().map(|text| {
        let source = Source::new("datepattern", text);
        Traced::typed(&source.span(0..text.len()))
    });
    let start_year = case["start_year"].as_i64().unwrap_or(2026) as i32;
    let templates = DateTemplates::new(pattern.as_ref(), start_year).ok()?;
    let zone = Zone::named(case[zone].as_str().unwrap_or("Europe/Zurich"))
        .or_else(|_| Zone::posix(case[zone].as_str().unwrap_or_default()));
    let log_zone = case["logtimezone"]
        .as_str()
        .map(|zone| zone.parse().unwrap());
    Some(DateDetector::new(templates, zone.unwrap(), log_zone))
}

fn timestamp(value: &Value) -> Timestamp {
    Timestamp::from_seconds(value.as_f64().unwrap()).unwrap()
}

/// What became of a line: what was found, and the time if there was one to
/// be read.
struct Read {
    found: Option<FoundDate>,
    time: Result<Option<Timestamp>, String>,
}

fn read(detector: &mut DateDetector, line: &str, now: Timestamp) -> Read {
    let found = match detector.find(Haystack::new(line), now) {
        Ok(found) => found,
        Err(raises) => {
            let time = Err(raises.to_string());
            return Read { found: None, time };
        }
    };
    let time = match &found {
        Some(found) if !found.cut.is_empty() => detector
            .convert(line, found, now)
            .map_err(|raises| raises.to_string()),
        _ => Ok(None),
    };
    Read { found, time }
}

/// Runs a case and returns it as the fixture should have it.
fn run(case: &Value) -> Value {
    let mut seen = case.clone();
    let Some(mut detector) = detector(case, "zone") else {
        seen.as_object_mut().unwrap().remove("lines");
        seen["error"] = true.into();
        return seen;
    };
    let mut now = timestamp(&case["now"]);
    for line in seen["lines"].as_array_mut().unwrap() {
        let marked = line["line"].as_str().unwrap().to_owned();
        let text = marked.replace(['«', '»'], "");
        if !line["now"].is_null() {
            now = timestamp(&line["now"]);
        }
        let line = line.as_object_mut().unwrap();
        line.remove("time");
        line.remove("raises");
        let Read { found, time } = read(&mut detector, &text, now);
        let cut = found.map(|found| found.cut);
        let marked = cut.clone().map(|cut| {
            let (before, after) = (&text[..cut.start], &text[cut.end..]);
            format!("{before}«{}»{after}", &text[cut])
        });
        line.insert("line".into(), marked.unwrap_or(text).into());
        match time {
            Err(_) => {
                line.insert("raises".into(), true.into());
            }
            Ok(time) if cut.is_some_and(|cut| !cut.is_empty()) => {
                line.insert("time".into(), time.map_or(Value::Null, number));
            }
            Ok(_) => {}
        }
    }
    if !case["templates"].is_null() {
        let hits = detector.hits();
        seen["templates"] = hits
            .iter()
            .filter(|hits| hits.hits > 0)
            .map(|hits| Value::from(vec![Value::from(&*hits.name), hits.hits.into()]))
            .collect();
    }
    seen
}

/// Whole or not, as Python would have it.
fn number(time: Timestamp) -> Value {
    if time.is_whole() {
        (time.seconds() as i64).into()
    } else {
        time.seconds().into()
    }
}

#[test]
fn fixtures() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/dates"));
    let mut cases = 0;
    let mut files = OsFiles.list(dir);
    files.retain(|name| name.ends_with(".json"));
    for file in files {
        let bytes = OsFiles.read(&dir.join(&file)).unwrap();
        for case in serde_json::from_slice::<Vec<Value>>(&bytes).unwrap() {
            let seen = run(&case);
            assert_eq!(
                case, seen,
                "{file}, {}: expected\n{case:#}\nbut found\n{seen:#}",
                case["note"]
            );
            cases += 1;
        }
    }
    assert!(cases > 150, "only {cases} cases found");
}

/// The times of the failures that are recorded for whole filters.
#[test]
fn recorded_times() {
    let cases = include_str!("../../../fixtures/cases/match.json");
    let about_dates = [
        "def-", "date-", "tok-", "cut-", "year-", "dst-", "dp-", "undated-",
    ];
    let mut checked = 0;
    for case in serde_json::from_str::<Vec<Value>>(cases).unwrap() {
        let id = case["id"].as_str().unwrap();
        let offline = !case["check_find_time"].as_bool().unwrap_or(false);
        if !offline || !about_dates.iter().any(|prefix| id.starts_with(prefix)) {
            continue;
        }
        let Some(mut detector) = detector(&case, "tz") else {
            assert_eq!(case["datepattern_error"], true, "{id}");
            checked += 1;
            continue;
        };
        assert!(case["datepattern_error"].is_null(), "{id}");
        let mut last: Option<Timestamp> = None;
        for (index, line) in case["lines"].as_array().unwrap().iter().enumerate() {
            let now = match &case["nows"][index] {
                Value::Null => timestamp(&case["now"]),
                now => timestamp(now),
            };
            let line = line.as_str().unwrap();
            let Read { found, time } = read(&mut detector, line, now);
            let result = time.map(|time| {
                last = time.or(last);
                let recent = last.filter(|last| last.seconds() > now.seconds() - 60.0);
                let no_date = found.is_some_and(|found| found.cut.is_empty());
                time.or(recent).or(no_date.then_some(now))
            });
            let expected = case["expect"].as_array().unwrap().iter();
            for expected in expected.filter(|e| e["line"] == index) {
                checked += 1;
                if !expected["error"].is_null() {
                    assert!(result.is_err(), "{id}, line {index}: {result:?}");
                    continue;
                }
                let time = result.as_ref().unwrap().map(Timestamp::seconds);
                assert_eq!(time, expected["time"].as_f64(), "{id}, line {index}");
            }
        }
    }
    assert!(checked > 120, "only {checked} results checked");
}
