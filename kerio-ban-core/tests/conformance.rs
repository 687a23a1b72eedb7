//! Annotated sample logs against filters: ours, and upstream's.
//!
//! Ours are in `fixtures/logs`, for the filters of the pack. Upstream's are
//! found through `FAIL2BAN_SRC`, a fail2ban source tree; without it that part
//! says that it was skipped. Every sample must be judged as annotated in every
//! variant of its filter, and every failregex must be used by a sample.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test program of its own: it prints figures and reads files"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kerio_ban_core::samples::{Corpus, Report, Status, Variant};
use kerio_ban_core::{Engine, Error, Filter, FilterSpec, Loader, OsFiles, Source};

/// What was judged. Logs and lines that serve several filters count once.
#[derive(Default)]
struct Figures {
    filters: usize,
    logs: BTreeSet<PathBuf>,
    variants: usize,
    annotated: BTreeSet<(String, usize)>,
    plain: BTreeSet<(String, usize)>,
    verdicts: usize,
    rules: usize,
    failures: usize,
    /// Distinct expressions, by the engine that runs them.
    linear: BTreeSet<String>,
    backtracking: BTreeSet<String>,
}

fn main() -> ExitCode {
    // What test runners ask of a test without the usual harness.
    if std::env::args().any(|argument| argument == "--list") {
        println!("conformance: test");
        return ExitCode::SUCCESS;
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut ours = Figures::default();
    run_tree(
        &project.join("filters"),
        &project.join("fixtures/logs"),
        |name| project.join("fixtures/logs").join(name).exists(),
        &mut ours,
    );
    ours.print("our filters");
    let mut failures = ours.failures;

    match std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) {
        None => println!("upstream: skipped, FAIL2BAN_SRC is not set"),
        Some(source) => {
            let logs = source.join("fail2ban/tests/files/logs");
            let mut upstream = Figures::default();
            // The same choice of files as upstream's own suite.
            run_tree(
                &source.join("config"),
                &logs,
                |name| !name.ends_with("common"),
                &mut upstream,
            );
            run_tree(
                &source.join("fail2ban/tests/config"),
                &logs,
                |name| name.starts_with("zzz-"),
                &mut upstream,
            );
            upstream.leftover(&logs);
            upstream.print("upstream");
            failures += upstream.failures;
            if upstream.annotated.is_empty() {
                println!("upstream: no samples in {}", logs.display());
                failures += 1;
            }
        }
    }
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Figures {
    /// Counts the logs that belong to no filter. There must be nothing in them
    /// that should have been judged.
    fn leftover(&mut self, dir: &Path) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.leftover(&path);
            } else if self.logs.insert(path.clone()) {
                let text = std::fs::read(&path).unwrap();
                let source =
                    Source::new(path.display().to_string(), String::from_utf8_lossy(&text));
                let corpus = Corpus::parse("none", &source);
                let annotated = corpus.map_or(1, |corpus| {
                    let samples = corpus.samples();
                    samples
                        .filter(|sample| sample.expectation.is_some())
                        .count()
                });
                if annotated > 0 {
                    println!("FAILED {}: belongs to no filter", path.display());
                    self.failures += 1;
                }
            }
        }
    }

    fn count_engines(&mut self, filter: &Filter) {
        for rule in filter.rules() {
            let engine = match rule.engine() {
                Engine::Linear => &mut self.linear,
                Engine::Backtracking => &mut self.backtracking,
            };
            engine.insert(rule.expanded().to_owned());
        }
    }

    fn print(&self, what: &str) {
        println!(
            "{what}: {} filters, {} sample files, {} variants, {} failJSON samples, \
             {} unannotated lines, {} verdicts, {} rules, {} failures",
            self.filters,
            self.logs.len(),
            self.variants,
            self.annotated.len(),
            self.plain.len(),
            self.verdicts,
            self.rules,
            self.failures
        );
        println!(
            "{what}: {} distinct expressions run in linear time, {} backtrack",
            self.linear.len(),
            self.backtracking.len()
        );
    }
}

fn run_tree(config: &Path, logs: &Path, chosen: impl Fn(&str) -> bool, figures: &mut Figures) {
    let mut names: Vec<String> = std::fs::read_dir(config.join("filter.d"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".conf").map(str::to_owned))
        .filter(|name| chosen(name))
        .collect();
    names.sort();
    let loader = Loader::new(config);
    for name in names {
        figures.filters += 1;
        let report = Corpus::load(&OsFiles, logs, &name).and_then(|corpus| {
            let report = corpus.judge(|variant| {
                let filter = compile(&loader, &name, variant)?;
                figures.count_engines(&filter);
                Ok(filter)
            })?;
            Ok((report, corpus))
        });
        match report {
            Ok((report, corpus)) => count(&name, &corpus, &report, figures),
            Err(error) => {
                println!("FAILED {name}: {error}");
                figures.failures += 1;
            }
        }
    }
}

fn compile(loader: &Loader, name: &str, variant: &Variant) -> Result<Filter, Error> {
    let mut spec = FilterSpec::new(name);
    for (key, value) in variant.filter_options() {
        spec = spec.with_option(key, &value);
    }
    loader.filter(&spec)?.compile()
}

fn count(name: &str, corpus: &Corpus, report: &Report, figures: &mut Figures) {
    let logs = corpus.sources().iter();
    figures
        .logs
        .extend(logs.map(|source| PathBuf::from(source.name())));
    for sample in corpus.samples() {
        let place = (sample.span.source().name().to_owned(), sample.span.line());
        if sample.expectation.is_some() {
            figures.annotated.insert(place);
        } else {
            figures.plain.insert(place);
        }
    }
    let variants = report.verdicts.iter().map(|verdict| verdict.variant);
    figures.variants += variants.max().map_or(0, |last| last + 1);
    figures.verdicts += report.verdicts.len() - report.count(Status::Skip);
    figures.rules += report.coverage.len();
    for verdict in &report.verdicts {
        if verdict.status() == Status::Fail {
            figures.failures += 1;
            println!(
                "FAILED {name} {:?} at {}",
                verdict.options, verdict.sample.span
            );
            println!("    {}", verdict.sample.text);
            for mismatch in verdict.mismatches.iter().flatten() {
                println!("    {mismatch}");
            }
        }
    }
    for rule in report.unused() {
        figures.failures += 1;
        println!(
            "FAILED {name} {:?}: failregex[{}] has no samples: {}",
            rule.options, rule.rule, rule.original
        );
    }
}
