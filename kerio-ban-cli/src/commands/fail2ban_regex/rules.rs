//! What REGEX means: a jail, a filter, or an expression.

use std::path::Path;
use std::sync::LazyLock;

use kerio_ban_core::{
    Error, ErrorKind, FilterConfig, FilterSpec, JailConfig, JailOptions, Loader, OsFiles, Setting,
    Source, Traced,
};
use regex::Regex;

use super::draft::Draft;
use super::{End, World, typed};
use crate::args::regex::RegexArgs;
use crate::python::{Optional, Text};
use crate::report::fail2ban_regex::{Page, shortened};
use crate::selection::{BUILT_IN, built_in};

/// Where fail2ban has its configuration.
const SYSTEM: &str = "/etc/fail2ban";

const FILTERS: &str = "filter.d";

/// The options that are always shown with those that were typed.
const LOGTYPE: &str = "logtype";
const DATEPATTERN: &str = "datepattern";

const NONE: &str = "None";

/// What may be the name of a jail or of a filter, or the path of one.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ms)^/{0,3}[\w/.-]+(?:\[.*\])?$").expect("a constant, and covered by the tests")
});

/// What cannot be the name of a jail.
static NO_JAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)/|\.(?:conf|local)$").expect("a constant, and covered by the tests")
});

/// Where jails and filters are looked up.
pub(super) struct Catalogue<'a> {
    args: &'a RegexArgs,
    world: &'a World,
    dir: &'a str,
    backend: &'static str,
}

/// The file that a name leads to.
struct Found {
    /// The name as typed, perhaps with an extension.
    name: String,
    /// The directory that it is taken to be configured by.
    base: String,
}

impl<'a> Catalogue<'a> {
    pub(super) fn new(args: &'a RegexArgs, world: &'a World) -> Catalogue<'a> {
        let journal = args.arguments[0].starts_with("systemd-journal");
        Catalogue {
            args,
            world,
            dir: args.config.as_deref().unwrap_or(SYSTEM),
            backend: if journal { "systemd" } else { "auto" },
        }
    }

    /// Takes what REGEX means into the draft.
    pub(super) fn read(&self, regex: &str, draft: &mut Draft, page: &mut Page) -> Result<(), End> {
        if NAME.is_match(regex) {
            let spec = FilterSpec::parse(&Source::new("REGEX", regex))
                .map_err(|error| syntax_error(regex, &error));
            let spec = match spec {
                Ok(spec) => spec,
                Err(message) => return Err(self.wrong_name(regex, &message, page)),
            };
            if !NO_JAIL.is_match(spec.name()) {
                match self.is_jail(&spec) {
                    Ok(true) => return self.jail(regex, &spec, draft, page),
                    Ok(false) => {}
                    Err(message) => return Err(self.wrong_name(regex, &message, page)),
                }
            }
            if let Some(found) = self.find(spec.name()) {
                return self.filter(regex, spec, &found, draft, page);
            }
            if self.without_directory()
                && let Ok(config) = self.loader(BUILT_IN).filter(&spec)
            {
                page.note(&format!(
                    "Use      filter file : {}, basedir: {BUILT_IN}",
                    spec.name()
                ))?;
                self.note_options("  filter", &spec, page)?;
                self.note_filter_options(&config, page)?;
                return Taken::of(&config).into(regex, draft, page);
            }
        }
        expression(regex, draft, page)
    }

    /// Whether fail2ban is not there at all. fail2ban-regex then refuses every
    /// name; here the built-in filters are at hand.
    fn without_directory(&self) -> bool {
        self.args.config.is_none() && !Path::new(self.dir).exists()
    }

    fn loader(&self, base: &str) -> Loader {
        let loader = if base == BUILT_IN {
            Loader::with_files(BUILT_IN, built_in()).logs(OsFiles)
        } else {
            Loader::new(base)
        };
        loader.backend(self.backend)
    }

    /// # Errors
    /// Why the jails cannot be looked at.
    fn is_jail(&self, spec: &FilterSpec) -> Result<bool, String> {
        if self.without_directory() {
            return Ok(false);
        }
        if !Path::new(self.dir).exists() {
            let dir = self.dir.trim_end_matches('/');
            return Err(format!(
                "Base configuration directory {dir} does not exist "
            ));
        }
        match self.loader(self.dir).jail_names() {
            Ok(names) => Ok(names.iter().any(|name| name == spec.name())),
            // It need not have any.
            Err(error) if error.code() == "not-found" => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    fn wrong_name(&self, regex: &str, message: &str, page: &mut Page) -> End {
        let end = page.refuse(&format!("Wrong filter name or options: {message}"));
        if let Err(error) = page.say(&format!("       while parsing: {regex}")) {
            return error.into();
        }
        if self.args.verbose != 0 {
            return End::Crash(message.to_owned());
        }
        end
    }

    fn jail(
        &self,
        regex: &str,
        spec: &FilterSpec,
        draft: &mut Draft,
        page: &mut Page,
    ) -> Result<(), End> {
        page.note(&format!("Use             jail : {}", spec.name()))?;
        self.note_options("jail/flt", spec, page)?;
        let mut spec = spec.clone();
        if spec.option("backend").is_none() {
            spec = spec.with_option("backend", self.backend);
        } else {
            // It stays where it was typed.
            let options: Vec<(String, String)> = spec
                .options()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            spec = FilterSpec::new(spec.name());
            for (name, value) in options {
                let value = match name.as_str() {
                    "backend" => self.backend.to_owned(),
                    _ => value,
                };
                spec = spec.with_option(&name, value);
            }
        }
        let mut options = JailOptions::new().force(true).allow_no_files(true);
        for (name, value) in spec.options() {
            options = options.param(name, value);
        }
        let config = match self.loader(self.dir).jail(spec.name(), &options) {
            Ok(config) => config,
            Err(error) if costs_the_jail_only(&error) => {
                let regex = Text(regex);
                return Err(page.refuse(&format!("Failed to get jail for {regex}")));
            }
            Err(error) => return Err(End::Crash(error.to_string())),
        };
        self.note_jail_options(&spec, &config, page)?;
        if config.skipped().is_some() {
            return Ok(());
        }
        // Where the first one counts, these are the first; the server takes the
        // last.
        let mut filter = Taken::of(config.filter());
        if let Some(Ok(lines)) = config.setting("maxlines").and_then(Setting::number) {
            filter.maxlines = Some(lines);
        }
        if let Some(pattern) = config.filter().value(DATEPATTERN) {
            filter.datepattern = Some(pattern);
        }
        filter.into(regex, draft, page)
    }

    /// The filter file that is meant by a name or a path.
    fn find(&self, name: &str) -> Option<Found> {
        let config = self.dir;
        let mut tried = vec![name.to_owned()];
        if !ends_with_extension(name) {
            tried.push(format!("{name}.conf"));
            tried.push(format!("{name}.local"));
        }
        let mut base = config.to_owned();
        for tried in tried {
            let file = if dirname(&tried) == FILTERS {
                join(&base, &tried)
            } else if tried.contains('/') {
                base = dirname(&tried).to_owned();
                tried
            } else if basename(&base) == FILTERS {
                join(&base, &tried)
            } else {
                join(&join(&base, FILTERS), &tried)
            };
            if Path::new(&file).is_file() {
                let name = name.to_owned();
                return Some(Found { name, base });
            }
        }
        None
    }

    fn filter(
        &self,
        regex: &str,
        spec: FilterSpec,
        found: &Found,
        draft: &mut Draft,
        page: &mut Page,
    ) -> Result<(), End> {
        let mut base = found.base.as_str();
        let plain = !ends_with_extension(&found.name) && !found.name.contains('/');
        let loaded = if base == self.dir || basename(base) == FILTERS || plain {
            if basename(base) == FILTERS {
                base = dirname(base);
            }
            let name = stem(basename(&found.name));
            page.note(&format!("Use      filter file : {name}, basedir: {base}"))?;
            self.note_options("  filter", &spec, page)?;
            self.loader(base).filter(&renamed(&spec, name))
        } else {
            page.note(&format!("Use      filter file : {}", found.name))?;
            self.note_options("  filter", &spec, page)?;
            let loader = Loader::with_files("", OsFiles).backend(self.backend);
            // The name is taken as typed, so that without its extension only the
            // local file beside it is found.
            let local = format!("{}.local", found.name);
            let file = match Path::new(&found.name).is_file() {
                false if Path::new(&local).is_file() => &local,
                _ => &found.name,
            };
            loader.filter_file(&renamed(&spec, file))
        };
        let config = match loaded {
            Ok(config) => config,
            Err(error) => return Err(self.no_filter(regex, &error, page)),
        };
        self.note_filter_options(&config, page)?;
        if says_nothing(&config) {
            return expression(regex, draft, page);
        }
        Taken::of(&config).into(regex, draft, page)
    }

    fn no_filter(&self, regex: &str, error: &Error, page: &mut Page) -> End {
        match error.kind() {
            ErrorKind::File => {}
            ErrorKind::Syntax => {
                if let Err(error) = page.say(&format!("Wrong config file: {error}")) {
                    return error.into();
                }
                if self.args.verbose != 0 {
                    return End::Crash(error.to_string());
                }
            }
            _ => return End::Crash(error.to_string()),
        }
        page.refuse(&format!("failed to load filter {regex}"))
    }

    fn note_options(&self, label: &str, spec: &FilterSpec, page: &mut Page) -> Result<(), End> {
        let options: Vec<_> = spec
            .options()
            .map(|(name, value)| (name.to_owned(), Text(value).to_string()))
            .collect();
        if !options.is_empty() {
            page.note(&format!("Use {label} options : {}", dictionary(&options)))?;
        }
        Ok(())
    }

    fn note_filter_options(&self, config: &FilterConfig, page: &mut Page) -> Result<(), End> {
        // Without a section, all its options are there, and none has a value.
        let has_section = !config
            .warnings()
            .iter()
            .any(|warning| warning.code() == "no-definition");
        self.note_real_options(config.parameters(), page, |name| match config.value(name) {
            Some(value) => Some(real_value(name, value)),
            None if !has_section && name == DATEPATTERN => Some(NONE.to_owned()),
            None => None,
        })
    }

    fn note_jail_options(
        &self,
        spec: &FilterSpec,
        config: &JailConfig,
        page: &mut Page,
    ) -> Result<(), End> {
        let typed = spec.options().map(|(name, _)| name);
        self.note_real_options(typed, page, |name| {
            let own = || config.setting(name).map(Setting::text);
            match config.filter().value(name).or_else(own) {
                Some(value) => Some(real_value(name, value)),
                None if config.filter_spec().is_none() => Some(NONE.to_owned()),
                None => None,
            }
        })
    }

    /// Shows what the named options come to, those that have a value.
    fn note_real_options<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
        page: &mut Page,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<(), End> {
        if !self.world.show_options {
            return Ok(());
        }
        let mut options: Vec<(String, String)> = Vec::new();
        for name in [LOGTYPE, DATEPATTERN].into_iter().chain(names) {
            if options.iter().any(|(known, _)| known == name) {
                continue;
            }
            if let Some(value) = value(name) {
                options.push((name.to_owned(), value));
            }
        }
        Ok(page.note(&format!("Real  filter options : {}", dictionary(&options)))?)
    }
}

/// Takes REGEX itself for the expression.
fn expression(regex: &str, draft: &mut Draft, page: &mut Page) -> Result<(), End> {
    let text = shortened(regex);
    page.note(&format!("Use   failregex line : {text}"))?;
    draft.failregex = vec![typed("REGEX", regex)];
    Ok(())
}

/// Whether fail2ban gets nothing from a filter. It then takes its name for the
/// expression.
fn says_nothing(config: &FilterConfig) -> bool {
    let text = config
        .usedns()
        .or(config.prefregex())
        .or(config.datepattern());
    text.is_none()
        && config.maxlines().is_none()
        && config.journalmatch().is_empty()
        && config.failregex().is_empty()
        && config.ignoreregex().is_empty()
}

/// A value after its conversion.
fn real_value(name: &str, value: &Traced) -> String {
    let value = value.as_str();
    if name != "maxlines" {
        return Text(value).to_string();
    }
    let number = value.trim().parse::<i64>().ok();
    Optional(number).to_string()
}

/// What is taken from a filter.
struct Taken<'c> {
    config: &'c FilterConfig,
    maxlines: Option<i64>,
    datepattern: Option<&'c Traced>,
}

impl<'c> Taken<'c> {
    fn of(config: &'c FilterConfig) -> Taken<'c> {
        Taken {
            config,
            maxlines: config.maxlines(),
            datepattern: config.datepattern(),
        }
    }

    /// Takes it into the draft.
    fn into(self, regex: &str, draft: &mut Draft, page: &mut Page) -> Result<(), End> {
        let invalid = |option, value: String, message: &str| {
            format!("Invalid value for {option} ({value}) read from {regex}: {message}")
        };
        if let Some(lines) = self.maxlines
            && let Err(message) = draft.set_max_lines(lines, page)?
        {
            let message = invalid("maxlines", lines.to_string(), &message);
            return Err(page.refuse(&message));
        }
        draft.prefregex = self.config.prefregex().cloned();
        draft.failregex = self.config.failregex().to_vec();
        draft.ignoreregex = self.config.ignoreregex().to_vec();
        if let Some(pattern) = self.datepattern
            && let Err(error) = draft.set_datepattern(pattern, page)?
        {
            if !error.duplicate {
                return Err(End::Crash(error.message));
            }
            let value = Text(pattern.as_str()).to_string();
            let message = invalid(DATEPATTERN, value, &error.message);
            return Err(page.refuse(&message));
        }
        Ok(())
    }
}

/// Whether fail2ban would go on without the jail.
fn costs_the_jail_only(error: &Error) -> bool {
    matches!(
        error.code(),
        "filter-not-found" | "action-not-found" | "bad-filter-options" | "bad-action-options"
    )
}

/// What is wrong with the options behind a name, in fail2ban's words.
fn syntax_error(regex: &str, error: &Error) -> String {
    let at = error.origin().map(|origin| origin.span().range().start);
    let open = regex.find('[');
    let (Some(at), Some(open)) = (at, open) else {
        return "unexpected option syntax".to_owned();
    };
    let Some(before) = regex.get(open + 1..at) else {
        return "unexpected option syntax".to_owned();
    };
    let position = before.chars().count();
    let end = regex.trim_end().len().saturating_sub(1).max(at);
    let found: String = regex[at..end].chars().take(25).collect();
    // What is before the mistake is well-formed, and ends in a value if there
    // is something behind that.
    let rest = FilterSpec::parse(&Source::new("REGEX", format!("{}]", &regex[..at])));
    let last = rest.ok().and_then(|spec| {
        let name = spec.options().last().map(|(name, _)| name.to_owned());
        name.filter(|_| !before.trim_end().ends_with([',', '[']))
    });
    match last {
        Some(option) => format!(
            "unexpected syntax at {position} after option {}: {found}",
            Text(&option)
        ),
        None => format!("expected option, wrong syntax at {position}: {found}"),
    }
}

/// A Python dictionary.
fn dictionary(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, value)| format!("{}: {value}", Text(name)))
        .collect();
    format!("{{{}}}", entries.join(", "))
}

fn renamed(spec: &FilterSpec, name: &str) -> FilterSpec {
    let named = FilterSpec::new(name);
    spec.options()
        .fold(named, |spec, (name, value)| spec.with_option(name, value))
}

/// Whether there is a dot among the last six characters.
fn ends_with_extension(name: &str) -> bool {
    name.chars().rev().take(6).any(|c| c == '.')
}

fn dirname(path: &str) -> &str {
    match path.rsplit_once('/') {
        None => "",
        Some((dir, _)) if dir.bytes().all(|b| b == b'/') => &path[..=dir.len()],
        Some((dir, _)) => dir.trim_end_matches('/'),
    }
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn join(dir: &str, name: &str) -> String {
    if name.starts_with('/') || dir.is_empty() {
        name.to_owned()
    } else if dir.ends_with('/') {
        format!("{dir}{name}")
    } else {
        format!("{dir}/{name}")
    }
}

/// The name without its extension.
fn stem(name: &str) -> &str {
    match name.rfind('.') {
        Some(dot) if !name[..dot].trim_matches('.').is_empty() => &name[..dot],
        _ => name,
    }
}

#[cfg(test)]
mod tests;
