//! Which filter is meant by what was typed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use kerio_ban_core::{
    Error, FilterConfig, FilterSpec, JailConfig, JailOptions, JailSection, JailState, Jails,
    Loader, MemoryFiles, OsFiles, Source,
};

use crate::args::ConfigArgs;
use crate::failure::Failure;

/// Where the built-in filters seem to be.
pub(crate) const BUILT_IN: &str = "<built-in>";

const FILTERS: &str = "filter.d";
const SYSTEM: &str = "/etc/fail2ban";

/// The largest file that is read as a filter. The largest real ones have some
/// twenty kilobytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The built-in files, in the directory [`BUILT_IN`].
pub(crate) fn built_in() -> MemoryFiles {
    let mut files = MemoryFiles::new();
    for (path, text) in kerio_ban_filters::files() {
        files.insert(format!("{BUILT_IN}/{path}"), *text);
    }
    files
}

/// Where filters are looked up.
pub(crate) struct Catalogue {
    /// The configuration directory. `None` if there is none but the built-in.
    dir: Option<PathBuf>,
    built_in: MemoryFiles,
}

impl Catalogue {
    pub(crate) fn open(args: &ConfigArgs) -> Result<Catalogue, Failure> {
        let dir = match &args.config {
            Some(dir) if !dir.is_dir() => {
                let message = format!("there is no configuration directory `{}`", dir.display());
                return Err(Failure::request("not-found", message));
            }
            Some(dir) => Some(dir.clone()),
            None => Some(PathBuf::from(SYSTEM)).filter(|dir| dir.is_dir()),
        };
        let built_in = built_in();
        Ok(Catalogue { dir, built_in })
    }

    /// Loads the filter that was typed: a path; a name in the configuration
    /// directory; a name among the built-in ones.
    pub(crate) fn load(&self, typed: &OsStr) -> Result<FilterConfig, Failure> {
        let Some(text) = typed.to_str() else {
            let message = format!("`{}` is not UTF-8", typed.display());
            return Err(Failure::request("not-utf8", message));
        };
        // A file may be called `a[1].conf`.
        let spec = if Path::new(text).is_file() {
            FilterSpec::new(text)
        } else {
            FilterSpec::parse(&Source::new("FILTER", text))?
        };
        self.load_spec(spec)
    }

    /// Loads the filter that is meant by a path or a name.
    pub(crate) fn load_spec(&self, spec: FilterSpec) -> Result<FilterConfig, Failure> {
        let path = Path::new(spec.name());
        if is_spelled_as_path(path) && path.is_file() {
            self.load_file(spec)
        } else if has_directory(path) && !path.starts_with(FILTERS) {
            let name = spec.name();
            if path.is_dir() {
                let message = format!("expected a filter, but `{name}` is a directory");
                return Err(Failure::request("not-found", message));
            }
            let message = format!("there is no filter file `{name}`");
            Err(Failure::request("not-found", message))
        } else {
            self.load_name(&spec)
        }
    }

    fn load_file(&self, spec: FilterSpec) -> Result<FilterConfig, Failure> {
        let size = fs::metadata(spec.name()).map_or(0, |data| data.len());
        if size > LARGEST {
            let message = format!("`{}` is too large for a filter ({size} bytes)", spec.name());
            return Err(Failure::request("too-large", message));
        }
        let mut loader = Loader::with_files("", OsFiles);
        if let Some(dir) = &self.dir {
            loader = loader.fallback(dir.join(FILTERS), OsFiles);
        }
        loader = loader.fallback(format!("{BUILT_IN}/{FILTERS}"), self.built_in.clone());
        let config = loader.filter_file(&spec)?;
        if config.failregex().is_empty() && !config.sources().iter().any(has_definition) {
            let message = format!("`{}` is no filter: it has no [Definition]", spec.name());
            return Err(Failure::request("no-definition", message));
        }
        Ok(config)
    }

    fn load_name(&self, spec: &FilterSpec) -> Result<FilterConfig, Failure> {
        let spec = &bare(spec);
        let built_in = || Loader::with_files(BUILT_IN, self.built_in.clone()).filter(spec);
        let found = match &self.dir {
            None => built_in(),
            Some(dir) => match Loader::new(dir).filter(spec) {
                Err(error) if error.code() == "not-found" => built_in(),
                found => found,
            },
        };
        match found {
            Err(error) if error.code() == "not-found" => {
                // Names come before files only where nothing says `path`.
                if Path::new(spec.name()).is_file() {
                    return self.load_file(spec.clone());
                }
                Err(self.no_filter(spec.name()))
            }
            found => Ok(found?),
        }
    }

    /// All jails of the configuration directory; if there is none, the
    /// built-in ones.
    pub(crate) fn jails(&self, options: &JailOptions) -> Result<Jails, Failure> {
        let loader = self.dir.as_ref().map(Loader::new);
        Ok(loader.unwrap_or_else(|| self.built_in()).jails(options)?)
    }

    /// Loads a jail by its name, from the configuration directory or else from
    /// the built-in ones, as part of all or, if it is forced on, alone.
    pub(crate) fn jail(
        &self,
        name: &str,
        force: bool,
        options: &JailOptions,
    ) -> Result<FoundJail, Failure> {
        let mut known = Vec::new();
        let loaders = self.dir.as_ref().map(Loader::new);
        for loader in loaders.into_iter().chain([self.built_in()]) {
            let names = match loader.jail_names() {
                // There may be a configuration directory without jails.
                Err(error) if error.code() == "not-found" => continue,
                names => names?,
            };
            if !names.iter().any(|known| known == name) {
                known.extend(names);
                continue;
            }
            if force {
                return Ok(FoundJail::On(Box::new(loader.jail(name, options)?)));
            }
            let jails = loader.jails(options)?;
            if let (Some(by), Some(error)) = (jails.fatal_section(), jails.fatal()) {
                if by.name() == name {
                    return Err(error.clone().into());
                }
                return Ok(FoundJail::Blocked {
                    by: by.name().to_owned(),
                    error: error.clone(),
                });
            }
            return match jails.get(name).map(JailSection::state) {
                Some(JailState::Skipped(error)) => Err(error.clone().into()),
                Some(JailState::Loaded(config)) => Ok(FoundJail::On(Box::new(config.clone()))),
                _ => Ok(FoundJail::Off),
            };
        }
        let place = match &self.dir {
            Some(dir) => format!("in `{}`", dir.display()),
            None => format!("in `{SYSTEM}`, which does not exist,"),
        };
        let message = format!("there is no jail `{name}`, neither {place} nor built in");
        let failure = Failure::request("not-found", message);
        Err(match similar(name, known) {
            Some(known) => failure.help(format!("there is a jail `{known}`")),
            None => failure,
        })
    }

    /// The built-in filters and jails; logs are where they always are.
    fn built_in(&self) -> Loader {
        Loader::with_files(BUILT_IN, self.built_in.clone()).logs(OsFiles)
    }

    fn no_filter(&self, name: &str) -> Failure {
        let place = match &self.dir {
            Some(dir) => format!("in `{}`", dir.join(FILTERS).display()),
            None => format!("in `{SYSTEM}/{FILTERS}`, which does not exist,"),
        };
        let message = format!("there is no filter `{name}`, neither {place} nor built in");
        let failure = Failure::request("not-found", message);
        match similar(name, self.names()) {
            Some(known) => failure.help(format!("there is a filter `{known}`")),
            None => failure,
        }
    }

    /// The names of all filters, in no particular order.
    fn names(&self) -> Vec<String> {
        let stem = |file: &str| {
            let (stem, extension) = file.rsplit_once('.')?;
            matches!(extension, "conf" | "local").then(|| stem.to_owned())
        };
        let built_in = kerio_ban_filters::files()
            .iter()
            .filter_map(|(path, _)| stem(path.strip_prefix("filter.d/")?));
        let dir = self.dir.as_ref().map(|dir| fs::read_dir(dir.join(FILTERS)));
        let listed = dir
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| stem(entry.ok()?.file_name().to_str()?));
        built_in.chain(listed).collect()
    }

    /// Whether what was typed would be taken for a filter: for the advice on
    /// swapped arguments.
    pub(crate) fn knows(&self, typed: &OsStr) -> bool {
        let path = Path::new(typed);
        if path.is_file() {
            return looks_like_filter(path);
        }
        let Some(spec) = typed
            .to_str()
            .and_then(|text| text.parse::<FilterSpec>().ok())
        else {
            return false;
        };
        let spec = bare(&spec);
        self.names().iter().any(|name| name == spec.name())
            || is_spelled_as_path(Path::new(spec.name())) && looks_like_filter(spec.name().as_ref())
    }
}

/// A jail that was asked for.
pub(crate) enum FoundJail {
    On(Box<JailConfig>),
    Off,
    /// fail2ban would start no jail because of another one.
    Blocked {
        by: String,
        error: Error,
    },
}

/// Whether it can be nothing but a path: names have neither directories nor
/// extensions.
fn is_spelled_as_path(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    has_directory(path) || matches!(extension, Some("conf" | "local"))
}

fn has_directory(path: &Path) -> bool {
    path.components().count() > 1
        || !path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// The name alone, where it was typed as `filter.d/name.conf` or `name.conf`.
fn bare(spec: &FilterSpec) -> FilterSpec {
    let name = spec.name();
    let name = name.strip_prefix("filter.d/").unwrap_or(name);
    let name = name
        .strip_suffix(".conf")
        .or_else(|| name.strip_suffix(".local"))
        .unwrap_or(name);
    if name == spec.name() {
        return spec.clone();
    }
    let options = spec.options();
    options.fold(FilterSpec::new(name), |spec, (option, value)| {
        spec.with_option(option, value)
    })
}

fn has_definition(source: &Source) -> bool {
    source
        .text()
        .lines()
        .any(|line| line.starts_with("[Definition]"))
}

/// Whether the beginning of a file has a section of a filter.
fn looks_like_filter(path: &Path) -> bool {
    let mut start = Vec::new();
    let Ok(file) = File::open(path) else {
        return false;
    };
    if file.take(64 * 1024).read_to_end(&mut start).is_err() {
        return false;
    }
    has_definition(&Source::new("", String::from_utf8_lossy(&start)))
}

/// The known name that is most like one that was typed.
fn similar(name: &str, known: Vec<String>) -> Option<String> {
    let (_, known) = known
        .into_iter()
        .filter(|known| known.len().abs_diff(name.len()) <= 3)
        .map(|known| (distance(name, &known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().max(name.len()) / 3)?;
    Some(known)
}

/// How many characters must be changed, added, dropped, or swapped with the
/// next.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    // The distances of all beginnings.
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let dropped = rows[i - 1][j].min(rows[i][j - 1]) + 1;
                let swapped = if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    rows[i - 2][j - 2] + 1
                } else {
                    usize::MAX
                };
                changed.min(dropped).min(swapped)
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_only_files_have() {
        let spec: FilterSpec = "filter.d/sshd.conf[mode=ddos]".parse().unwrap();
        assert_eq!(bare(&spec).to_string(), "sshd[mode=ddos]");
        let spec: FilterSpec = "sshd".parse().unwrap();
        assert_eq!(bare(&spec).to_string(), "sshd");
    }

    #[test]
    fn paths_are_told_from_names() {
        for path in ["./sshd", "a/b", "/x", "x.conf", "x.local", "../x", "."] {
            assert!(is_spelled_as_path(Path::new(path)), "{path}");
        }
        for name in ["sshd", "apache-auth", "name.d"] {
            assert!(!is_spelled_as_path(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("sshd", "sshd"), 0);
        assert_eq!(distance("shsd", "sshd"), 1);
        assert_eq!(distance("kerio", "keri"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
