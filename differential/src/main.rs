//! Compares kerio-ban with a real fail2ban on generated logs.
//!
//! ```text
//! subject (filters) --generate, synthesize--> cases --compare--> differences
//! --minimise--> the smallest case of each, printed so that it can be repeated
//! ```
//!
//! The same seed makes the same cases. Exit status: 0 if all was the same, 1 if
//! something differed, 2 if it could not be compared.

mod compare;
mod expression;
mod generate;
mod known;
mod minimise;
mod random;
mod show;
mod subject;
mod synthesize;
mod worker;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::compare::{Comparer, Verdict, View};
use crate::generate::Generator;
use crate::known::Known;
use crate::minimise::{Smallest, minimise};
use crate::worker::{Fail2ban, Ours};

const USAGE: &str = "\
Compares kerio-ban with a real fail2ban on generated logs.

Usage: differential [--seed N] [--minutes M] [--cases N] [--differences N] [--binary FILE]
                    [--config DIR]...

  --seed N         the same number makes the same cases [default: 1]
  --minutes M      how long to go on
  --cases N        how many cases to compare [default: 500, unless --minutes is given]
  --differences N  after how many different cases to stop [default: 5]
  --binary FILE    the kerio-ban to compare [default: it is built]
  --config DIR     compare the filters of this directory [default: fail2ban's and ours]

The real fail2ban is that of the source tree, or of the unpacked package of Debian, that is named
by FAIL2BAN_SRC, or else the one that is installed for python3.
";

/// What was asked for.
struct Options {
    seed: u64,
    time: Option<Duration>,
    cases: Option<u64>,
    differences: usize,
    binary: Option<PathBuf>,
    configs: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        seed: 1,
        time: None,
        cases: None,
        differences: 5,
        binary: None,
        configs: Vec::new(),
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("no value for `{word}`"))?;
        let number = || {
            let number: Result<u64, _> = value.parse();
            number.map_err(|_| format!("expected a number for `{word}`, found `{value}`"))
        };
        match word.as_str() {
            "--seed" => options.seed = number()?,
            "--minutes" => options.time = Some(Duration::from_secs(60 * number()?)),
            "--cases" => options.cases = Some(number()?),
            "--differences" => options.differences = number()? as usize,
            "--binary" => options.binary = Some(value.into()),
            "--config" => options.configs.push(value.into()),
            _ => return Err(format!("there is no option `{word}`")),
        }
    }
    if options.cases.is_none() && options.time.is_none() {
        options.cases = Some(500);
    }
    Ok(options)
}

/// The repository that this belongs to.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Compares, and returns how many cases differed.
fn run(options: &Options) -> io::Result<usize> {
    let source = env::var_os("FAIL2BAN_SRC").filter(|path| !path.is_empty());
    let source = source.map(PathBuf::from);
    let mut fail2ban = Fail2ban::start(source.as_deref())?;
    let known = Known::of(&fail2ban.version).map_err(io::Error::other)?;
    fail2ban.mend(&known)?;
    let version = fail2ban.version.clone();
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let configs = match &options.configs[..] {
        [] => default_configs(source.as_deref()),
        configs => configs.to_vec(),
    };
    let mut subjects = subject::all(&configs, &logs(source.as_deref()))?;
    if known.has(known::FILTER_NAMES) {
        subjects.iter_mut().for_each(subject::Subject::type_file);
    }
    println!(
        "fail2ban {version}, {} filters and expressions, seed {}",
        subjects.len(),
        options.seed
    );
    for name in known.names() {
        println!("known and overlooked: {name}");
    }
    let log = env::temp_dir().join(format!("kerio-ban-differential-{}", std::process::id()));
    let mut comparer = Comparer {
        fail2ban,
        ours: Ours { binary },
        known,
        log: log.clone(),
    };
    let result = compare_all(options, &subjects, &mut comparer);
    let _ = std::fs::remove_file(log);
    result
}

fn compare_all(
    options: &Options,
    subjects: &[subject::Subject],
    comparer: &mut Comparer,
) -> io::Result<usize> {
    let mut generator = Generator::new(options.seed, subjects);
    let started = Instant::now();
    let (mut cases, mut lines, mut rows, mut skipped, mut different) = (0_u64, 0, 0, 0, 0);
    while options.cases.is_none_or(|all| cases < all)
        && options.time.is_none_or(|time| started.elapsed() < time)
        && different < options.differences
    {
        let mut case = generator.case();
        if comparer.known.has(known::INVERT) {
            case.options.retain(|option| option[0] != "-i");
        }
        cases += 1;
        lines += case.lines.len();
        for view in [View::Rows, View::Report] {
            match comparer.compare(&case, view)? {
                Verdict::Same { printed } if view == View::Rows => rows += printed,
                Verdict::Same { .. } => {}
                Verdict::Skipped => skipped += 1,
                Verdict::Different { fail2ban, ours } => {
                    let found = Smallest {
                        case: case.clone(),
                        fail2ban,
                        ours,
                    };
                    let smallest = minimise(comparer, view, found)?;
                    different += 1;
                    println!("\ndifference {different}, case {cases}, {view:?}:");
                    show::show(&smallest, view);
                    // The report would show the same once more.
                    break;
                }
            }
        }
    }
    println!(
        "\n{cases} cases with {lines} lines and {rows} failures, each read twice by both: \
         {different} different, {skipped} given up for want of time; {} s",
        started.elapsed().as_secs()
    );
    Ok(different)
}

/// Builds our program, optimised.
fn build() -> io::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = root();
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "kerio-ban-cli"])
        .current_dir(&root)
        .status()?;
    if !status.success() {
        return Err(io::Error::other("kerio-ban does not build"));
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/kerio-ban"))
}

fn default_configs(source: Option<&Path>) -> Vec<PathBuf> {
    let theirs = match source {
        Some(source) if worker::is_package(source) => source.join("etc/fail2ban"),
        Some(source) => source.join("config"),
        None => PathBuf::from("/etc/fail2ban"),
    };
    vec![theirs, root().join("filters")]
}

/// Where logs are that have the names of filters.
fn logs(source: Option<&Path>) -> Vec<PathBuf> {
    let theirs = source.map(|source| source.join("fail2ban/tests/files/logs"));
    theirs
        .into_iter()
        .chain([root().join("fixtures/logs")])
        .collect()
}
