//! Times kerio-ban and other programs that can tell which lines of a log match
//! a filter, in turn and over the same logs.
//!
//! What is found comes first: a program that finds something else than
//! fail2ban-regex is not timed.

mod counts;
mod expression;
mod programs;
mod run;
mod table;

use std::env;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::counts::Counts;
use crate::programs::{Found, Program, Programs, Task};
use crate::run::{Run, median};
use crate::table::{Measured, Row};

const USAGE: &str = "\
usage: rivals [--lines N] [--quick] [--only KIND]... [--kerio-ban PATH] [--config DIR] [--record]

  --lines N         the length of each log [1000000]
  --quick           fewer runs
  --only KIND       only this log; can be given several times
  --kerio-ban PATH  the program [target/release/kerio-ban]
  --config DIR      fail2ban's configuration [that of fail2ban]
  --record          write the table to benches/results/latest.md

fail2ban-regex is the installed one, or what the environment variable FAIL2BAN
names: a program or a source tree. grep, rg and fail2ban-rs are used if there.";

/// The row that the others are measured by.
const MEASURE: &str = "fail2ban-regex";

struct Options {
    lines: u64,
    quick: bool,
    only: Vec<String>,
    kerio_ban: PathBuf,
    config: Option<PathBuf>,
    record: bool,
}

impl Options {
    /// How often a program is run.
    fn runs(&self, slow: bool) -> usize {
        match (slow, self.quick) {
            (false, false) => 15,
            (false, true) => 3,
            // Tens of seconds each; what noise there is, is small beside it.
            (true, false) => 3,
            (true, true) => 1,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let options = match parse(&arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("rivals: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match compare(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("rivals: {message}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut options = Options {
        lines: 1_000_000,
        quick: false,
        only: Vec::new(),
        kerio_ban: root.join("target/release/kerio-ban"),
        config: None,
        record: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("`{argument}` expects a value"))
        };
        match argument.as_str() {
            "--lines" => {
                let value = value()?;
                let number = value.parse().ok().filter(|&lines| lines > 0);
                options.lines =
                    number.ok_or_else(|| format!("`--lines` expects a number, found `{value}`"))?;
            }
            "--quick" => options.quick = true,
            "--only" => {
                let kind = value()?;
                if !loggen::KINDS.contains(&kind.as_str()) {
                    return Err(format!("unknown kind of log `{kind}`"));
                }
                options.only.push(kind.clone());
            }
            "--kerio-ban" => options.kerio_ban = value()?.into(),
            "--config" => options.config = Some(value()?.into()),
            "--record" => options.record = true,
            _ => return Err(format!("unexpected `{argument}`")),
        }
    }
    Ok(options)
}

/// A directory that goes away with its contents.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, String> {
        let path = env::temp_dir().join(format!("kerio-ban-rivals-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Compares all programs over all logs. `false` if some were not timed because
/// they found something else.
fn compare(options: &Options) -> Result<bool, String> {
    let programs = Programs::find(&options.kerio_ban, options.config.as_deref())?;
    for missing in &programs.missing {
        eprintln!("not installed, and left out: {missing}");
    }
    let scratch = Scratch::new()?;
    let mut rows = Vec::new();
    for task in Task::all(&scratch.0) {
        if !options.only.is_empty() && !options.only.iter().any(|kind| kind == task.kind) {
            continue;
        }
        generate(&task, options.lines)?;
        rows.extend(compare_over(&task, &programs, &scratch.0, options)?);
        let _ = fs::remove_file(&task.log);
    }
    let table = document(&rows, &programs, options);
    println!("{table}");
    if options.record {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        let file = directory.join("latest.md");
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(&file, format!("# Rivals\n\n{table}")))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(rows.iter().all(|row| row.result.is_ok()))
}

fn generate(task: &Task, lines: u64) -> Result<(), String> {
    eprintln!("{}: making {lines} lines", task.kind);
    let failed = |error| format!("{}: {error}", task.log.display());
    let job = loggen::Job::new(task.kind, lines, 1).ok_or("no such kind of log")?;
    let file = File::create(&task.log).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 16, &file);
    job.write(&mut out).map_err(failed)?;
    drop(out);
    // Otherwise the system would write it to the disk while programs are timed.
    file.sync_all().map_err(failed)
}

/// Runs all programs over one log: first once, to see what they find, and then
/// in turn, those that agree.
fn compare_over(
    task: &Task,
    programs: &Programs,
    scratch: &Path,
    options: &Options,
) -> Result<Vec<Row>, String> {
    let programs = programs.for_task(task, scratch)?;
    let mut expected: Option<Counts> = None;
    let mut results = Vec::new();
    for program in &programs {
        eprintln!("{}: what {} finds", task.kind, program.name);
        let run = program.run()?;
        let agreed = agree(program, &run, &mut expected);
        if let Err(why) = &agreed {
            eprintln!("{}: {} {why}", task.kind, program.name);
        }
        results.push(agreed.map(|()| {
            // What takes so long needs no run before the first that counts.
            let runs = if program.slow { vec![run] } else { Vec::new() };
            (runs, options.runs(program.slow))
        }));
    }
    let rounds = options.runs(false).max(options.runs(true));
    for round in 1..=rounds {
        eprintln!("{}: round {round} of {rounds}", task.kind);
        for (program, result) in programs.iter().zip(&mut results) {
            if let Ok((runs, wanted)) = result
                && runs.len() < *wanted
            {
                runs.push(program.run()?);
            }
        }
    }
    let rows = programs.iter().zip(results).map(|(program, result)| Row {
        log: task.kind,
        program: program.name.clone(),
        does: program.does,
        result: result.and_then(|(runs, _)| measured(&runs)),
    });
    Ok(rows.collect())
}

/// Whether a program finds what is expected, which the first one decides.
fn agree(program: &Program, run: &Run, expected: &mut Option<Counts>) -> Result<(), String> {
    match (program.found(run)?, &expected) {
        (Found::Counts(counts), None) => {
            *expected = Some(counts);
            Ok(())
        }
        (Found::Counts(counts), Some(expected)) if counts != *expected => {
            Err(format!("finds {counts}, instead of {expected}"))
        }
        (Found::Lines(lines), Some(expected)) if lines != expected.touched() => {
            Err(format!("finds {lines} lines, not {}", expected.touched()))
        }
        _ => Ok(()),
    }
}

fn measured(runs: &[Run]) -> Result<Measured, String> {
    let times: Vec<Duration> = runs.iter().map(|run| run.time).collect();
    Ok(Measured {
        time: median(times).ok_or("was never run")?,
        runs: runs.len(),
        memory: runs.iter().map(|run| run.memory).max().unwrap_or_default(),
    })
}

/// The table with all that is needed to judge it.
fn document(rows: &[Row], programs: &Programs, options: &Options) -> String {
    let table = table::table(rows, options.lines, MEASURE);
    let mut out = format!(
        "{}. {} lines a log, medians of runs in turn, {}.\n\n{table}\n",
        table::today(),
        options.lines,
        table::machine()
    );
    out += "`MiB` is the most memory a program had at once. A program that only counts lines \
            says neither which expression matched nor for which address and when. `grep` and \
            `rg` were given one expression made of all of a filter's.\n\n";
    out += &format!("Versions: {}.\n", programs.versions.join("; "));
    if !programs.missing.is_empty() {
        out += &format!("Not installed: {}.\n", programs.missing.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Options, String> {
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        parse(&arguments)
    }

    #[test]
    fn arguments_are_checked() {
        let options = parsed(&["--lines", "5", "--quick", "--only", "sshd"]).unwrap();
        assert_eq!((options.lines, options.runs(true)), (5, 1));
        assert_eq!(options.only, ["sshd"]);
        let error = |arguments: &[&str]| parsed(arguments).err().unwrap();
        assert_eq!(error(&["--lines"]), "`--lines` expects a value");
        assert_eq!(
            error(&["--lines", "0"]),
            "`--lines` expects a number, found `0`"
        );
        assert_eq!(error(&["--only", "x"]), "unknown kind of log `x`");
        assert_eq!(error(&["sshd"]), "unexpected `sshd`");
    }
}
