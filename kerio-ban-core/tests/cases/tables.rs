//! Recorded answers of single functions: `config-tables.json`.

use kerio_ban_core::recorded;
use serde_json::{Value, json};

use crate::Tally;

/// Runs every row of every table.
pub(crate) fn run(tables: &Value, tally: &mut Tally) {
    for (function, rows) in tables.as_object().into_iter().flatten() {
        for row in rows.as_array().into_iter().flatten() {
            let id = format!("{function} of {}", row["in"]);
            let Some(found) = recorded::answer(function, &row["in"]) else {
                tally.skip();
                continue;
            };
            let expected = match row["error"].as_str() {
                None => plain(row["out"].clone()),
                // What the error is matters only for files: elsewhere it is
                // Python's name for a value it cannot read.
                Some(error) => json!({ "error": python_error(function, error) }),
            };
            let found = match found {
                Ok(value) => plain(value),
                Err(code) if function == "ini" => json!({ "error": code }),
                Err(_) => json!({ "error": "any" }),
            };
            tally.compare(&id, &expected, &found);
        }
    }
}

fn python_error<'e>(function: &str, error: &'e str) -> &'e str {
    match (function, error) {
        ("ini", "MissingSectionHeaderError") => "missing-section-header",
        ("ini", "DuplicateOptionError") => "duplicate-option",
        ("ini", "DuplicateSectionError") => "duplicate-section",
        ("ini", "ParsingError") => "parse-error",
        ("ini", error) => error,
        _ => "any",
    }
}

/// `5` and `5.0` are the same number.
fn plain(value: Value) -> Value {
    match value.as_f64() {
        Some(number) => json!(number),
        None => value,
    }
}
