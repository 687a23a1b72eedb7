//! Which filters are checked, and where their sample logs are.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kerio_ban_core::{FilterSpec, Source};

use crate::args::CheckArgs;
use crate::failure::Failure;

/// Where a directory may have its filters.
const FILTER_DIRS: [&str; 5] = [
    "filter.d",
    "config/filter.d",
    "filters/filter.d",
    "fail2ban/filter.d",
    "etc/fail2ban/filter.d",
];

/// Where a directory may have its sample logs.
const LOG_DIRS: [&str; 6] = [
    "logs",
    "tests/logs",
    "test/logs",
    "fixtures/logs",
    "tests/files/logs",
    "fail2ban/tests/files/logs",
];

/// A filter that is to be checked.
#[derive(Debug)]
pub(crate) struct Job {
    /// The filter's name, which is also its log's.
    pub(crate) name: String,
    /// The path of its file, or the name if it must be looked up.
    pub(crate) spec: FilterSpec,
    /// Its sample log. `None` if there is none.
    pub(crate) log: Option<PathBuf>,
}

/// All that is to be checked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    /// The directories that were looked through for logs, if all their logs are
    /// meant.
    pub(crate) log_dirs: Vec<PathBuf>,
}

/// Finds what was asked for.
pub(crate) fn plan(args: &CheckArgs) -> Result<Plan, Failure> {
    let mut roots = Vec::new();
    let mut files = Vec::new();
    let mut names = Vec::new();
    for dir in &args.filters {
        if !dir.is_dir() {
            let message = format!("there is no directory `{}`", dir.display());
            return Err(Failure::request("not-found", message));
        }
        roots.push(dir.clone());
    }
    for target in &args.targets {
        let path = Path::new(target);
        if path.is_dir() {
            roots.push(path.to_owned());
        } else if path.is_file() {
            files.push(path.to_owned());
        } else {
            names.push(name(target)?);
        }
    }
    let here = roots.is_empty() && files.is_empty();
    if here {
        let config = args.config.config.clone();
        roots.push(config.unwrap_or_else(|| PathBuf::from(".")));
    }
    let logs = Logs::of(args)?;
    let mut jobs = Vec::new();
    let mut searched = BTreeSet::new();
    let mut missing = BTreeSet::new();
    missing.extend(names.iter().map(|name| name.name().to_owned()));
    for root in &roots {
        let dirs = filter_dirs(root);
        if dirs.is_empty() && !here {
            let message = format!("there are no filters in `{}`", root.display());
            return Err(Failure::request("no-filters", message));
        }
        for dir in dirs {
            let log_dirs = logs.dirs(&[root, &dir]);
            for file in filter_files(&dir) {
                let name = stem(&file);
                if names.is_empty() || missing.contains(&name) {
                    jobs.push(logs.job(name, &file, &log_dirs));
                }
            }
            searched.extend(log_dirs);
        }
    }
    for job in &jobs {
        missing.remove(&job.name);
    }
    for file in &files {
        let parent = file.parent().unwrap_or(Path::new(""));
        jobs.push(logs.job(stem(file), file, &logs.dirs(&[parent])));
    }
    // A directory and a filter in it may both be given.
    let mut seen = BTreeSet::new();
    jobs.retain(|job: &Job| seen.insert(job.spec.name().to_owned()));
    // Names that no directory has are looked up as everywhere.
    for spec in names {
        if missing.contains(spec.name()) {
            let name = spec.name().to_owned();
            let log = logs.find(&name, &logs.dirs(&[Path::new(".")]));
            jobs.push(Job { name, spec, log });
        }
    }
    if jobs.is_empty() {
        let place = match &args.config.config {
            Some(dir) => format!("`{}`", dir.display()),
            None => "the current directory".to_owned(),
        };
        let message = format!("there are no filters in {place}");
        let help = format!(
            "name some, or a directory; they are looked for in {}",
            FILTER_DIRS.join(", ")
        );
        return Err(Failure::request("no-filters", message).help(help));
    }
    if let Some(file) = &logs.file
        && jobs.len() != 1
    {
        let message = format!(
            "`{}` is the log of one filter, but {} are to be checked",
            file.display(),
            jobs.len()
        );
        return Err(Failure::request("one-log", message));
    }
    let all = args.targets.iter().all(|target| Path::new(target).is_dir());
    Ok(Plan {
        jobs,
        log_dirs: if all {
            searched.into_iter().collect()
        } else {
            Vec::new()
        },
    })
}

/// A filter's name, without options: these come from the log.
fn name(target: &OsStr) -> Result<FilterSpec, Failure> {
    let spec = spec(target)?;
    if spec.options().next().is_some() {
        let message = format!(
            "`{}` has options, but a sample log has its own",
            target.display()
        );
        return Err(Failure::request("unexpected-options", message)
            .help("write `# filterOptions: {...}` above the lines they are for"));
    }
    let name = spec.name();
    let bare = name.strip_prefix("filter.d/").unwrap_or(name);
    let bare = ["conf", "local"]
        .iter()
        .find_map(|extension| bare.strip_suffix(extension)?.strip_suffix('.'));
    Ok(bare.map_or_else(|| spec.clone(), FilterSpec::new))
}

/// The filter that was typed, which may have options: a path, a name that the
/// given directories have, or whatever else has this name.
pub(crate) fn one(args: &CheckArgs, target: &OsStr) -> Result<FilterSpec, Failure> {
    let spec = spec(target)?;
    let path = Path::new(spec.name());
    if path.is_file() {
        return Ok(spec);
    }
    let here = [args
        .config
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from("."))];
    let roots = if args.filters.is_empty() {
        &here[..]
    } else {
        &args.filters
    };
    let file = roots
        .iter()
        .flat_map(|root| filter_dirs(root))
        .find_map(|dir| {
            let file = joined(&dir, format!("{}.conf", spec.name()));
            file.is_file().then_some(file)
        });
    let Some(file) = file else { return Ok(spec) };
    let found = FilterSpec::new(file.to_string_lossy());
    Ok(spec
        .options()
        .fold(found, |found, (name, value)| found.with_option(name, value)))
}

/// A filter as it was typed: a path, or a name with or without options.
fn spec(target: &OsStr) -> Result<FilterSpec, Failure> {
    let Some(text) = target.to_str() else {
        let message = format!("`{}` is not UTF-8", target.display());
        return Err(Failure::request("not-utf8", message));
    };
    if Path::new(text).is_file() {
        return Ok(FilterSpec::new(text));
    }
    Ok(FilterSpec::parse(&Source::new("FILTER", text))?)
}

/// The filter that a log is called after: the one that a directory around it
/// has, or whatever has its name.
pub(crate) fn spec_of_log(log: &Path) -> FilterSpec {
    let name = stem(log);
    let parents = log.ancestors().skip(1).take(4);
    let file = parents
        .flat_map(|parent| filter_dirs(plain(parent)))
        .find_map(|dir| {
            let file = dir.join(format!("{name}.conf"));
            file.is_file().then_some(file)
        });
    match file {
        Some(file) => FilterSpec::new(file.to_string_lossy()),
        None => FilterSpec::new(name),
    }
}

/// Where logs are looked for.
struct Logs {
    /// What was given.
    given: Vec<PathBuf>,
    /// The log of the only filter.
    file: Option<PathBuf>,
}

impl Logs {
    fn of(args: &CheckArgs) -> Result<Logs, Failure> {
        for path in &args.logs {
            if path.is_file() && args.logs.len() == 1 {
                return Ok(Logs {
                    given: Vec::new(),
                    file: Some(path.clone()),
                });
            }
            if !path.is_dir() {
                let message = format!("there is no directory `{}`", path.display());
                return Err(Failure::request("not-found", message));
            }
        }
        Ok(Logs {
            given: args.logs.clone(),
            file: None,
        })
    }

    /// The directories that may have the logs of the filters in these
    /// directories.
    fn dirs(&self, of: &[&Path]) -> Vec<PathBuf> {
        if !self.given.is_empty() {
            return self.given.clone();
        }
        let mut found: Vec<PathBuf> = Vec::new();
        for dir in of {
            // `filter.d` is beside the logs, or a directory deeper.
            for around in dir.ancestors().take(3).map(plain).chain([Path::new(".")]) {
                for logs in LOG_DIRS.map(|logs| joined(around, logs)) {
                    if logs.is_dir() && !found.contains(&logs) {
                        found.push(logs);
                    }
                }
            }
        }
        found
    }

    fn job(&self, name: String, file: &Path, dirs: &[PathBuf]) -> Job {
        let log = self.find(&name, dirs);
        let spec = FilterSpec::new(file.to_string_lossy());
        Job { name, spec, log }
    }

    fn find(&self, name: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
        if self.file.is_some() {
            return self.file.clone();
        }
        let file_names = [name.to_owned(), format!("{name}.log")];
        let files = dirs
            .iter()
            .flat_map(|dir| file_names.iter().map(|file| dir.join(file)));
        files.into_iter().find(|file| file.is_file())
    }
}

/// The directories of filters that a directory has, or the directory itself if
/// it is one.
fn filter_dirs(root: &Path) -> Vec<PathBuf> {
    let is_one = root.file_name() == Some(OsStr::new("filter.d"));
    let mut dirs: Vec<PathBuf> = FILTER_DIRS
        .map(|dir| joined(root, dir))
        .into_iter()
        .filter(|dir| !is_one && dir.is_dir())
        .collect();
    if dirs.is_empty() && !filter_files(root).is_empty() {
        dirs.push(root.to_owned());
    }
    dirs
}

/// The files of filters: `name.conf`, or `name.local` where there is no other.
/// Other configuration has the same extensions, but no `[Definition]` with
/// expressions.
fn filter_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| joined(dir, entry.file_name()))
        .filter(|path| {
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            !hidden && path.is_file() && is_filter(path, dir)
        })
        .collect();
    found.sort_by_cached_key(|path| stem(path));
    found
}

fn is_filter(path: &Path, dir: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    match extension {
        Some("conf") => {}
        Some("local") if !path.with_extension("conf").exists() => {}
        _ => return false,
    }
    let named = dir.file_name() == Some(OsStr::new("filter.d"));
    named || std::fs::read(path).is_ok_and(|text| has_expressions(&text))
}

fn has_expressions(text: &[u8]) -> bool {
    let mut lines = text.split(|&byte| byte == b'\n');
    lines.any(|line| line.starts_with(b"failregex") || line.starts_with(b"prefregex"))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The empty path is the current directory.
fn plain(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

/// Without the `./` that nobody typed.
fn joined(dir: &Path, name: impl AsRef<Path>) -> PathBuf {
    if dir == Path::new(".") {
        name.as_ref().to_owned()
    } else {
        dir.join(name)
    }
}
