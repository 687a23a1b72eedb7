//! Runs the recorded answers of real fail2ban.
//!
//! The recordings are in `fixtures/cases`; `KERIO_BAN_CASES=DIR` takes them
//! from another directory of the same form. For each file a line is printed
//! with how many passed and failed, and for each failure its id and what
//! differs. A case in `EXCEPTIONS` is a difference that COMPAT.md explains.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test program of its own: it prints figures and reads files"
)]

mod cases {
    pub(crate) mod bans;
    pub(crate) mod config;
    pub(crate) mod matching;
    pub(crate) mod tables;
}

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

/// Differences from fail2ban: (case id, entry of COMPAT.md).
const EXCEPTIONS: &[(&str, &str)] = &[];

/// How the cases of one file went.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    excepted: usize,
    not_run: usize,
}

impl Tally {
    /// Counts a case, and shows what differs.
    pub(crate) fn compare(&mut self, id: &str, expected: &Value, found: &Value) {
        if expected == found {
            self.passed += 1;
            return;
        }
        if let Some((_, entry)) = EXCEPTIONS.iter().find(|(case, _)| *case == id) {
            println!("  {id}: differs as COMPAT.md {entry} says");
            self.excepted += 1;
            return;
        }
        self.failed += 1;
        println!("  FAILED {id}");
        show_difference(expected, found);
    }

    /// Counts a case of a kind that is not run.
    pub(crate) fn skip(&mut self) {
        self.not_run += 1;
    }
}

/// Prints the parts that differ: item by item for lists, otherwise all.
fn show_difference(expected: &Value, found: &Value) {
    if let (Value::Array(expected), Value::Array(found)) = (expected, found) {
        for index in 0..expected.len().max(found.len()) {
            let (expected, found) = (expected.get(index), found.get(index));
            if expected != found {
                let show = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
                println!("    [{index}] expected {}", show(expected));
                println!("    [{index}] found    {}", show(found));
            }
        }
    } else {
        println!("    expected {expected}");
        println!("    found    {found}");
    }
}

fn main() -> ExitCode {
    // What test runners ask of a test without the usual harness.
    if std::env::args().any(|argument| argument == "--list") {
        println!("cases: test");
        return ExitCode::SUCCESS;
    }
    let dir = std::env::var_os("KERIO_BAN_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases"),
        PathBuf::from,
    );
    type Run = fn(&Value, &mut Tally);
    let files: [(&str, Run); 4] = [
        ("config", cases::config::run),
        ("config-tables", cases::tables::run),
        ("match", cases::matching::run),
        ("bans", cases::bans::run),
    ];
    let mut failed = 0;
    let mut passed = 0;
    for (name, run) in files {
        let path = dir.join(name).with_extension("json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                println!("{name}: cannot read {}: {error}", path.display());
                failed += 1;
                continue;
            }
        };
        let cases: Value = match serde_json::from_str(&text) {
            Ok(cases) => cases,
            Err(error) => {
                println!("{name}: {}: {error}", path.display());
                failed += 1;
                continue;
            }
        };
        let mut tally = Tally::default();
        run(&cases, &mut tally);
        let mut line = format!("{name}: {} passed, {} failed", tally.passed, tally.failed);
        if tally.excepted > 0 {
            line += &format!(", {} excepted", tally.excepted);
        }
        if tally.not_run > 0 {
            line += &format!(", {} not run", tally.not_run);
        }
        println!("{line}");
        failed += tally.failed;
        passed += tally.passed;
    }
    println!("cases: {passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
