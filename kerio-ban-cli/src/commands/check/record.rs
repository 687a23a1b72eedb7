//! Annotations written from what a filter finds.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use kerio_ban_core::samples::{Anonymized, RecordedLog, Recording, Status, Variant};
use kerio_ban_core::{Files, Filter, FilterSpec, MemoryFiles, OsFiles};
use serde_json::Value;

use super::compile;
use super::diff;
use super::discover;
use crate::args::CheckArgs;
use crate::commands::Answer;
use crate::console::{self, Console};
use crate::diagnostics;
use crate::failure::Failure;
use crate::input::{Encoding, Log, Meter};
use crate::selection::Catalogue;

pub(super) fn run(args: &CheckArgs) -> Result<Answer, Failure> {
    let catalogue = Catalogue::open(&args.config)?;
    match &args.recording.record {
        Some(log) => one(args, &catalogue, log),
        None => all(args, &catalogue),
    }
}

/// Files of which some have another content than on the disk.
struct Overlay {
    memory: MemoryFiles,
}

impl Files for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.memory.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => OsFiles.read(path),
            found => found,
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        self.memory.is_file(path) || OsFiles.is_file(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        OsFiles.is_dir(path)
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        OsFiles.list(dir)
    }
}

/// Annotates one log.
fn one(args: &CheckArgs, catalogue: &Catalogue, log: &Path) -> Result<Answer, Failure> {
    let spec = match &args.targets[..] {
        [] => discover::spec_of_log(log),
        [target] => discover::one(args, target)?,
        _ => {
            let message = "--record takes one filter";
            return Err(Failure::request("one-filter", message));
        }
    };
    // The filter is asked for first: without it nothing is read.
    let name = catalogue.load_spec(spec.clone())?.name().to_owned();
    let bytes = with_options(read(args, log)?, &spec)?;
    let bare = FilterSpec::new(spec.name());
    let mut files = Overlay {
        memory: MemoryFiles::new().with(log, bytes.as_slice()),
    };
    let compile = |variant: &Variant| compile(catalogue, &bare, variant);
    if args.recording.anonymize {
        files.memory = anonymized(args, &files, log, &name, compile)?;
    }
    let recording = Recording::make(&files, log, &name, args.recording.update, compile)?;
    let Some((main, others)) = recording.logs.split_first() else {
        return Ok(Answer::No);
    };
    if args.recording.update {
        show_diff(args, log, &bytes, &main.after)?;
    }
    let changed: Vec<&RecordedLog> = others
        .iter()
        .filter(|log| log.before != log.after)
        .collect();
    if args.recording.in_place {
        for log in std::iter::once(main).chain(changed) {
            write_file(&log.path, &log.after)?;
        }
    } else {
        if let Some(other) = changed.first() {
            let message = format!(
                "`{}` would get annotations, too; they are only written with --in-place",
                other.path.display()
            );
            diagnostics::warn(&message, args.color);
        }
        match &args.recording.output {
            Some(file) if same_file(file, log) => {
                let message = format!("`{}` is the log that is read", file.display());
                return Err(Failure::request("same-file", message)
                    .help("--in-place changes the log itself"));
            }
            Some(file) => write_file(file, &main.after)?,
            None => {
                let mut out = console::stdout();
                out.write_all(&main.after)?;
                out.flush()?;
            }
        }
    }
    tell(args, &recording);
    Ok(if recording.holds() {
        Answer::Yes
    } else {
        Answer::No
    })
}

/// Corrects the annotations of all logs.
fn all(args: &CheckArgs, catalogue: &Catalogue) -> Result<Answer, Failure> {
    let plan = discover::plan(args)?;
    let mut answer = Answer::Yes;
    let mut seen = BTreeSet::new();
    for job in &plan.jobs {
        let Some(log) = &job.log else { continue };
        let recording = Recording::make(&OsFiles, log, &job.name, true, |variant| {
            compile(catalogue, &job.spec, variant)
        })?;
        for log in &recording.logs {
            if log.before == log.after {
                continue;
            }
            // Of several filters that read a log, the first has its way.
            if !seen.insert(log.path.clone()) {
                answer = Answer::No;
                continue;
            }
            show_diff(args, &log.path, &log.before, &log.after)?;
            if args.recording.in_place {
                write_file(&log.path, &log.after)?;
            } else {
                answer = Answer::No;
            }
        }
        tell(args, &recording);
        if !recording.holds() {
            answer = Answer::No;
        }
    }
    if plan.jobs.iter().all(|job| job.log.is_none()) {
        return Err(super::no_samples(&plan));
    }
    Ok(answer)
}

/// The logs without what says whose they are.
fn anonymized(
    args: &CheckArgs,
    files: &Overlay,
    log: &Path,
    filter: &str,
    compile: impl FnMut(&Variant) -> Result<Filter, Failure>,
) -> Result<MemoryFiles, Failure> {
    let anonymized = Anonymized::make(files, log, filter, compile)?;
    if let Some(first) = anonymized.changed.first() {
        for sample in &anonymized.changed {
            let log = sample.span.source().name();
            let message = format!(
                "{log}:{}: the filter would find something else in the anonymized line",
                sample.line
            );
            diagnostics::warn(&message, args.color);
        }
        let message = format!(
            "the log cannot be anonymized: {} would change what the filter finds",
            match anonymized.changed.len() {
                1 => format!("line {}", first.line),
                lines => format!("{lines} lines"),
            }
        );
        return Err(Failure::request("changes-matches", message)
            .help("nothing was written; take these lines out, or change them by hand"));
    }
    if anonymized.shared {
        let message = "there are more addresses than are set aside for documentation, so that \
                       some share one";
        diagnostics::warn(message, args.color);
    }
    let logs = anonymized.logs.into_iter();
    Ok(logs.fold(MemoryFiles::new(), |files, (path, log)| {
        files.with(path, log)
    }))
}

/// The bytes of a log, which may be compressed; `-` is standard input.
fn read(args: &CheckArgs, path: &Path) -> Result<Vec<u8>, Failure> {
    let log = if path.as_os_str() == "-" {
        Log::Stdin
    } else if path.exists() {
        Log::File(path.to_owned())
    } else {
        let message = format!("there is no log `{}`", path.display());
        return Err(Failure::request("log-not-found", message));
    };
    let mut warn = |message: String| diagnostics::warn(&message, args.color);
    let mut lines = log.open(Encoding::Utf8, &Meter::default(), &mut warn)?;
    let mut bytes = Vec::new();
    loop {
        match lines.next_block() {
            Ok(Some(block)) => bytes.extend_from_slice(block),
            Ok(None) => break,
            Err(error) => return Err(log.unreadable(&error)),
        }
    }
    let changed = || fs::read(path).is_ok_and(|file| file != bytes);
    if args.recording.in_place && (log == Log::Stdin || changed()) {
        let message = format!("`{}` cannot be changed in place", path.display());
        return Err(Failure::request("nothing-to-write", message)
            .help("only a file that is not compressed can; see --output"));
    }
    Ok(bytes)
}

/// The log with the options that the filter was typed with.
fn with_options(log: Vec<u8>, spec: &FilterSpec) -> Result<Vec<u8>, Failure> {
    let options = spec
        .options()
        .map(|(name, value)| format!("{}: {}", Value::from(name), Value::from(value)));
    let options: Vec<String> = options.collect();
    if options.is_empty() {
        return Ok(log);
    }
    let mut lines = log.split_inclusive(|&byte| byte == b'\n');
    if lines.clone().any(sets_options) {
        let message = "the log has options of its own, so that the filter can have none";
        return Err(Failure::request("unexpected-options", message));
    }
    let end = match lines.next() {
        Some([.., b'\r', b'\n']) => "\r\n",
        _ => "\n",
    };
    let mut out = format!("# filterOptions: {{{}}}{end}", options.join(", ")).into_bytes();
    out.extend(log);
    Ok(out)
}

fn sets_options(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let comment = text.trim_start_matches('#');
    let directive = comment.trim_start().split_once(':').map(|(word, _)| word);
    comment.len() < text.len() && matches!(directive, Some("filterOptions" | "fileOptions"))
}

/// Shows what becomes of a log: on standard error if the log itself goes to
/// standard output.
fn show_diff(args: &CheckArgs, log: &Path, before: &[u8], after: &[u8]) -> Result<(), Failure> {
    let recording = &args.recording;
    let to_output = recording.record.is_some() && recording.output.is_none() && !recording.in_place;
    if args.quiet || before == after {
        return Ok(());
    }
    let name = log.display().to_string();
    if to_output {
        let mut out = io::stderr().lock();
        let console = Console::of(&out, args.color);
        diff::write(&mut out, console, &name, before, after)?;
    } else {
        let mut out = console::stdout();
        let console = Console::of(&io::stdout(), args.color);
        diff::write(&mut out, console, &name, before, after)?;
        out.flush()?;
    }
    Ok(())
}

/// Tells what does not hold, and how much was found.
fn tell(args: &CheckArgs, recording: &Recording) {
    if args.quiet {
        return;
    }
    let mut told = BTreeSet::new();
    for unsettled in &recording.unsettled {
        let sample = &unsettled.sample;
        let log = sample.span.source().name();
        let message = format!(
            "{log}:{}: cannot be annotated: {}",
            sample.line, unsettled.reason
        );
        diagnostics::warn(&message, args.color);
        told.insert((log, sample.line));
    }
    for verdict in &recording.report.verdicts {
        let sample = &verdict.sample;
        let log = sample.span.source().name();
        if verdict.status() == Status::Fail && told.insert((log, sample.line)) {
            let differences = verdict.mismatches.iter().flatten();
            let differences: Vec<String> = differences.map(ToString::to_string).collect();
            let message = format!(
                "{log}:{}: {}; --update corrects it",
                sample.line,
                differences.join("; ")
            );
            diagnostics::warn(&message, args.color);
        }
    }
}

/// Puts a file in the place of another, so that there is always a whole one.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        // A link stays one.
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let regular = fs::metadata(&path).map_or(true, |data| data.is_file());
        if !regular {
            // A device, or a pipe.
            return fs::write(&path, bytes);
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let new = path.with_file_name(name);
        fs::write(&new, bytes)?;
        let renamed = match fs::metadata(&path) {
            Ok(data) => fs::set_permissions(&new, data.permissions()),
            Err(_) => Ok(()),
        };
        let renamed = renamed.and_then(|()| fs::rename(&new, &path));
        if renamed.is_err() {
            let _ = fs::remove_file(&new);
        }
        renamed
    };
    written().map_err(|error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        Failure::request("unwritable", message)
    })
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
