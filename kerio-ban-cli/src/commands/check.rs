//! `kerio-ban check`: filters against their annotated sample logs.

mod diff;
mod discover;
mod record;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use kerio_ban_core::samples::{Corpus, Report, Variant};
use kerio_ban_core::{Filter, FilterSpec, OsFiles, Source};

use self::discover::{Job, Plan};
use super::Answer;
use crate::args::{CheckArgs, CheckFormat};
use crate::console::{self, Console};
use crate::diagnostics;
use crate::failure::Failure;
use crate::report::check::{Checked, CheckedFilter, Counts, Outcome, github_command};
use crate::selection::Catalogue;
use crate::words::Visible;

pub(crate) fn run(args: &CheckArgs) -> Result<Answer, Failure> {
    if args.recording.record.is_some() || args.recording.update {
        return record::run(args);
    }
    if args.recording.in_place {
        let message = "--in-place is for --record and --update";
        return Err(Failure::request("nothing-to-write", message));
    }
    check(args).inspect_err(|failure| {
        if args.format == CheckFormat::Github && !failure.is_broken_pipe() {
            // People see it on standard error; the workflow only here.
            let command = github_command("error", "", "kerio-ban check", &failure.to_string());
            let escape = Console::of(&io::stdout(), args.color).escape;
            let command = Visible::new(&command, escape);
            // If it cannot be written, standard error has said so.
            let _ = writeln!(console::stdout(), "{command}");
        }
    })
}

fn check(args: &CheckArgs) -> Result<Answer, Failure> {
    let started = Instant::now();
    let catalogue = Catalogue::open(&args.config)?;
    let plan = discover::plan(args)?;
    let results = parallel(&plan.jobs, args.jobs, |job| judge(&catalogue, job));
    let mut sources = BTreeSet::new();
    let filters = plan.jobs.iter().zip(results).map(|(job, (outcome, read))| {
        sources.extend(read);
        CheckedFilter {
            name: job.name.clone(),
            path: job.spec.name().to_owned(),
            log: job.log.clone(),
            outcome,
        }
    });
    let filters: Vec<CheckedFilter> = filters.collect();
    let checked = Checked {
        filters,
        orphans: orphans(&plan, &sources),
        strict: args.strict,
        elapsed: started.elapsed(),
    };
    let counts = checked.counts();
    if counts
        == (Counts {
            rules: counts.rules,
            ..Counts::default()
        })
    {
        return Err(no_samples(&plan));
    }
    for filter in &checked.filters {
        if let Outcome::Failed(failure) = &filter.outcome
            && (args.quiet || args.format == CheckFormat::Text)
        {
            diagnostics::draw(failure, args.color)?;
        }
    }
    if !args.quiet {
        let console = Console::of(&io::stdout(), args.color);
        // If nobody reads on, the answer is still the same.
        match checked.write(args.format, &mut console::stdout(), console) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    if counts.errors > 0 {
        return Ok(Answer::Incomplete);
    }
    let uncovered = args.strict && counts.covered < counts.rules;
    Ok(if counts.failed > 0 || uncovered {
        Answer::No
    } else {
        Answer::Yes
    })
}

/// The outcome of a filter, and the logs that were read for it.
type Judged = (Outcome, Vec<PathBuf>);

fn judge(catalogue: &Catalogue, job: &Job) -> Judged {
    let Some(log) = &job.log else {
        return (without_samples(catalogue, job), Vec::new());
    };
    let mut read = Vec::new();
    let mut judge = || -> Result<_, Failure> {
        let corpus = Corpus::load_file(&OsFiles, log, &job.name)?;
        read.extend(
            corpus
                .sources()
                .iter()
                .map(|source| PathBuf::from(source.name())),
        );
        corpus.judge(|variant| compile(catalogue, &job.spec, variant))
    };
    let outcome = judge().map_or_else(Outcome::Failed, Outcome::Judged);
    (outcome, read)
}

/// The filter with the options of a variant.
fn compile(catalogue: &Catalogue, spec: &FilterSpec, variant: &Variant) -> Result<Filter, Failure> {
    let mut spec = spec.clone();
    for (key, value) in variant.filter_options() {
        spec = spec.with_option(key, value);
    }
    Ok(catalogue.load_spec(spec)?.compile()?)
}

/// What is there to be sampled. Files called `...common` are there to be
/// included, as are those without expressions.
fn without_samples(catalogue: &Catalogue, job: &Job) -> Outcome {
    if job.name.ends_with("common") {
        return Outcome::Included;
    }
    match compile(catalogue, &job.spec, &Variant::default()) {
        Ok(filter) if filter.failregex().is_empty() => Outcome::Included,
        Ok(filter) => Outcome::NoSamples(Report::without_samples(&filter)),
        Err(Failure::Request(request)) if request.code == "no-definition" => Outcome::Included,
        Err(failure) => Outcome::Failed(failure),
    }
}

/// The results of all jobs, in their order. Those with long logs come first,
/// so that at the end none is waited for alone.
fn parallel<T: Send>(
    jobs: &[Job],
    threads: Option<NonZeroUsize>,
    work: impl Fn(&Job) -> T + Sync,
) -> Vec<T> {
    let size = |job: &Job| {
        let data = job.log.as_ref().and_then(|log| log.metadata().ok());
        data.map_or(0, |data| data.len())
    };
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&job| std::cmp::Reverse(size(&jobs[job])));
    let threads = threads
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
        .min(jobs.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(&jobs[job]);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((job, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(job, _)| *job);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The annotated logs that no filter has read.
fn orphans(plan: &Plan, read: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let entries = plan
        .log_dirs
        .iter()
        .flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten());
    let paths = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.is_file() && !read.contains(path))
        .filter(|path| std::fs::read(path).is_ok_and(|log| is_annotated(&log)))
        .collect();
    found.sort();
    found
}

/// Other logs may lie beside those that are samples.
fn is_annotated(log: &[u8]) -> bool {
    let text = String::from_utf8_lossy(log);
    match Corpus::parse("", &Source::new("", text)) {
        Ok(corpus) => corpus.samples().any(|sample| sample.expectation.is_some()),
        // It tried to be.
        Err(_) => true,
    }
}

/// Checking nothing must not pass for a success.
fn no_samples(plan: &Plan) -> Failure {
    let message = match &plan.jobs[..] {
        [job] => format!("there is no sample log for the filter `{}`", job.name),
        jobs => format!("none of the {} filters has a sample log", jobs.len()),
    };
    Failure::request("no-samples", message)
        .help("it has the name of the filter and lies in logs or tests/logs; see --logs")
}
