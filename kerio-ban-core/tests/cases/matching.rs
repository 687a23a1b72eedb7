//! Recorded answers of the matching engine: `match.json`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kerio_ban_core::{
    FailureId, Filter, Hit, Line, LogZone, SessionOptions, TimeCheck, Timestamp, Trouble, UseDns,
    Value as Captured, Zone,
};
use serde_json::{Map, Value, json};

use crate::Tally;

/// Runs every case and compares the findings line by line.
pub(crate) fn run(cases: &Value, tally: &mut Tally) {
    for case in cases.as_array().into_iter().flatten() {
        let id = case["id"].as_str().unwrap_or("?");
        let found = judge(case);
        let expected = expected(case);
        tally.compare(id, &expected, &found);
    }
}

fn expected(case: &Value) -> Value {
    for refusal in ["compile_error", "datepattern_error"] {
        if case[refusal] == json!(true) {
            return json!("refused");
        }
    }
    let mut findings: Vec<Value> = Vec::new();
    for finding in case["expect"].as_array().into_iter().flatten() {
        let mut finding = finding.clone();
        if finding.get("error").is_some() {
            finding = json!({"line": finding["line"], "error": true});
        }
        findings.push(plain_numbers(finding));
    }
    Value::Array(findings)
}

/// `5` and `5.0` are the same time.
fn plain_numbers(mut finding: Value) -> Value {
    if let Some(time) = finding.get("time").and_then(Value::as_f64) {
        finding["time"] = json!(time);
    }
    finding
}

fn judge(case: &Value) -> Value {
    let Ok(filter) = build(case) else {
        return json!("refused");
    };
    let mut session = filter.session_with(&options(case));
    let now = case["now"].as_f64().and_then(Timestamp::from_seconds);
    let mut out = Vec::new();
    for (number, line) in case["lines"].as_array().into_iter().flatten().enumerate() {
        let own_now = case["nows"][number]
            .as_f64()
            .and_then(Timestamp::from_seconds);
        let now = own_now.or(now).unwrap();
        let text = |key: &str| line[key].as_str().unwrap();
        let line = match line {
            Value::String(text) => Line::Text(text),
            _ => Line::Split {
                before: text("pre"),
                date: text("time"),
                after: text("rest"),
                time: Timestamp::from_seconds(line["date"].as_f64().unwrap()).unwrap(),
            },
        };
        let outcome = session.feed(line, now);
        let mut findings: Vec<Value> = outcome
            .hits()
            .iter()
            .map(|hit| finding(number, &hit))
            .collect();
        findings.sort_by_key(|finding| (finding["regex"].as_u64(), finding["fid"].to_string()));
        out.extend(findings);
        let broke = |trouble: &Trouble| matches!(trouble, Trouble::BreaksOff { .. });
        if session.troubles().iter().any(broke) {
            out.push(json!({"line": number, "error": true}));
        }
    }
    Value::Array(out)
}

fn build(case: &Value) -> Result<Filter, kerio_ban_core::Error> {
    let mut builder = Filter::builder();
    builder.start_year(2026);
    builder.use_dns(UseDns::lenient(case["usedns"].as_str().unwrap()));
    builder.max_lines(case["maxlines"].as_i64().unwrap())?;
    if let Some(expression) = case["prefregex"].as_str() {
        builder.prefregex(expression);
    }
    for expression in case["failregex"].as_array().into_iter().flatten() {
        builder.failregex(expression.as_str().unwrap());
    }
    for expression in case["ignoreregex"].as_array().into_iter().flatten() {
        builder.ignoreregex(expression.as_str().unwrap());
    }
    if let Some(pattern) = case["datepattern"].as_str() {
        builder.datepattern(pattern);
    }
    builder.build()
}

fn options(case: &Value) -> SessionOptions {
    let mut dns: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for (name, addresses) in case["dns"].as_object().into_iter().flatten() {
        let addresses = addresses.as_array().into_iter().flatten();
        let parse = |address: &Value| address.as_str()?.parse().ok();
        dns.insert(name.clone(), addresses.filter_map(parse).collect());
    }
    let check = match (&case["check_find_time"], &case["in_operation"]) {
        (Value::Bool(true), Value::Bool(false)) => TimeCheck::StartUp {
            find_time: case["findtime"].as_f64().unwrap(),
        },
        (Value::Bool(true), _) => TimeCheck::InOperation,
        _ => TimeCheck::Off,
    };
    let log_zone = case["logtimezone"]
        .as_str()
        .map(|zone| zone.parse::<LogZone>().unwrap());
    SessionOptions::new()
        .zone(Zone::named(case["tz"].as_str().unwrap()).unwrap())
        .log_zone(log_zone)
        .check_all(case["check_all"] == json!(true))
        .time_check(check)
        .resolver(move |name: &str| dns.get(name).cloned().unwrap_or_default())
}

fn finding(line: usize, hit: &Hit<'_>) -> Value {
    let mut groups = Map::new();
    let mut ip = None;
    for (name, value) in hit.captures().iter() {
        let value = match value {
            None => continue,
            Some(Captured::Text(text)) => json!(&**text),
            Some(Captured::Tuple(parts)) => parts.iter().map(Option::as_deref).collect(),
            Some(Captured::Address(address)) => {
                ip = Some(address.to_string());
                continue;
            }
        };
        groups.insert(name.to_owned(), value);
    }
    if let Some(users) = hit.users() {
        let users = users.iter().map(|user| json!(&**user)).collect();
        groups.insert("users".to_owned(), users);
    }
    let fid = match hit.id() {
        None => Value::Null,
        Some(id) => match id.parts() {
            Some(parts) => parts.iter().map(Option::as_deref).collect(),
            None => json!(id.to_string()),
        },
    };
    let mut out = json!({
        "line": line,
        "time": hit.time().map(Timestamp::seconds),
        "fid": fid,
        "regex": hit.rule().index(),
        "groups": groups,
        "matches": hit.matches().iter().map(|line| json!(&**line)).collect::<Value>(),
        "family": hit.id().and_then(FailureId::family).map(kerio_ban_core::Family::as_str),
    });
    if let Some(ip) = ip {
        out["ip"] = json!(ip);
    }
    out
}
