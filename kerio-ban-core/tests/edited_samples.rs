//! An annotation that says something else than the filter finds is noticed,
//! each single one.
//!
//! In every sample log, all addresses, all times, or all verdicts are edited at
//! once: then every annotation so edited must fail at its line, in every variant
//! in which it is judged, and no other may.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kerio_ban_core::samples::{Corpus, Status};
use kerio_ban_core::{Files, FilterSpec, Loader, MemoryFiles, OsFiles};
use serde_json::{Value, json};

/// What is edited.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Address,
    Time,
    Match,
}

impl Edit {
    /// The annotation edited. `None` for one that says nothing of it.
    fn of(self, annotation: &Value) -> Option<Value> {
        let mut edited = annotation.clone();
        let matches = annotation["match"] == true;
        let of_match = |key: &str| annotation[key].as_str().filter(|_| matches);
        match self {
            Edit::Address => {
                of_match("host")?;
                edited["host"] = json!("203.0.113.254");
            }
            Edit::Time => {
                // A thousand years earlier.
                let time = of_match("time")?.replacen('2', "1", 1);
                edited["time"] = json!(time);
            }
            Edit::Match => edited["match"] = json!(!matches),
        }
        Some(edited)
    }
}

/// How many annotations were edited.
fn check(loader: &Loader, logs: &Path, name: &str, how: Edit) -> usize {
    let corpus = Corpus::load(&OsFiles, logs, name).unwrap();
    let mut files = MemoryFiles::new();
    let mut edited = BTreeSet::new();
    for source in corpus.sources() {
        let bytes = OsFiles.read(source.name().as_ref()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let samples = corpus.samples();
        for sample in samples.filter(|sample| sample.span.source() == source) {
            let Some(annotation) = &sample.expectation else {
                continue;
            };
            if let Some(values) = how.of(&Value::Object(annotation.values.clone())) {
                lines[annotation.line - 1] = format!("# failJSON: {values}");
                edited.insert((source.name().to_owned(), sample.line));
            }
        }
        files.insert(source.name(), lines.join("\n"));
    }
    let corpus = Corpus::load(&files, logs, name).unwrap();
    let report = corpus
        .judge(|variant| {
            let options = variant.filter_options();
            let spec = options.fold(FilterSpec::new(name), |spec, (key, value)| {
                spec.with_option(key, &value)
            });
            loader.filter(&spec)?.compile()
        })
        .unwrap();
    let mut failed = BTreeSet::new();
    for verdict in &report.verdicts {
        let source = verdict.sample.span.source().name();
        let place = (source.to_owned(), verdict.sample.line);
        let expected = match verdict.status() {
            Status::Skip => continue,
            _ if edited.contains(&place) => Status::Fail,
            _ => Status::Pass,
        };
        assert_eq!(verdict.status(), expected, "{how:?} {name} {place:?}");
        if expected == Status::Fail {
            failed.insert(place);
        }
    }
    assert_eq!(failed, edited, "{name}");
    edited.len()
}

fn check_all(loader: &Loader, logs: &Path, names: &[String]) -> [usize; 3] {
    let edits = [Edit::Address, Edit::Time, Edit::Match];
    edits.map(|edit| {
        names
            .iter()
            .map(|name| check(loader, logs, name, edit))
            .sum()
    })
}

#[test]
fn every_edit_of_our_samples_is_noticed() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let loader = Loader::new(project.join("filters"));
    let names = ["kerio", "kerio-connect", "kerio-control"].map(str::to_owned);
    let [addresses, times, verdicts] = check_all(&loader, &project.join("fixtures/logs"), &names);
    println!("ours: {addresses} addresses, {times} times, {verdicts} verdicts edited");
    assert!(addresses > 100 && times > 100 && verdicts > 300);
}

#[test]
fn every_edit_of_upstream_samples_is_noticed() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let logs = source.join("fail2ban/tests/files/logs");
    let mut names: Vec<String> = OsFiles
        .list(&source.join("config/filter.d"))
        .iter()
        .filter_map(|name| Some(name.strip_suffix(".conf")?.to_owned()))
        .filter(|name| logs.join(name).is_file())
        .collect();
    names.sort();
    let loader = Loader::new(source.join("config"));
    let [addresses, times, verdicts] = check_all(&loader, &logs, &names);
    println!("upstream: {addresses} addresses, {times} times, {verdicts} verdicts edited");
    assert!(addresses > 900 && times > 800 && verdicts > 1100);
}
