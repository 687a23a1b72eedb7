//! The two passes.
//!
//! A jail's options may refer to those of its filter (`%(known/failregex)s`),
//! and a filter's to those of its jail. So fail2ban reads a filter twice: at
//! first knowing only which filter it is, whereupon all its options are noted
//! in the jail; then, when the jail's own options are resolved, once more.

use std::collections::HashSet;
use std::rc::Rc;

use super::JailOptions;
use super::problem::{Problem, wrap};
use crate::config::action::{self, Action, ActionConfig};
use crate::config::budget::Budget;
use crate::config::definition::Definition;
use crate::config::filter::{self, FilterConfig};
use crate::config::include::Reader;
use crate::config::interpolate::{Scope, Vars};
use crate::config::jail::JailConfig;
use crate::config::layers::{Layers, Options};
use crate::config::loader::{FILTERS, Loader};
use crate::config::logpath::LogPath;
use crate::config::options;
use crate::config::ordered::OrderedMap;
use crate::config::path;
use crate::config::place::at_all;
use crate::config::resources::{self, Resource, Resources};
use crate::config::settings::{self, Setting, Settings};
use crate::config::spec::FilterSpec;
use crate::error::Error;
use crate::ini::is_space;
use crate::traced::Traced;

const JAILS: &str = "jail";
const INCLUDES: &str = "INCLUDES";
/// The version that configurations see as `fail2ban_version`: the one whose
/// rules are followed.
const FAIL2BAN_VERSION: &str = "1.1.2.dev1";

/// Why a jail cannot be loaded.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether fail2ban gives up altogether.
    pub(super) fatal: bool,
    /// Whether fail2ban finds out only after it has read all jails.
    pub(super) late: bool,
}

/// A failure of this jail alone.
fn skip(error: Error) -> Failure {
    Failure {
        error,
        fatal: false,
        late: false,
    }
}

/// A failure that ends the whole load.
fn fatal(error: Error) -> Failure {
    Failure {
        error,
        fatal: true,
        late: false,
    }
}

fn late(error: Error) -> Failure {
    Failure {
        late: true,
        ..fatal(error)
    }
}

/// The jails' files while jails are resolved.
pub(super) struct Loading<'a> {
    loader: &'a Loader,
    options: &'a JailOptions,
    resources: Resources<'a>,
    /// What filters set is noted here.
    pub(super) layers: Layers,
    pub(super) warnings: Vec<Error>,
}

/// A jail whose options are all fetched.
struct Fetched {
    settings: Settings,
    spec: Option<FilterSpec>,
    filter: Option<(Rc<Resource>, Definition)>,
    actions: Vec<FetchedAction>,
}

enum FetchedAction {
    File(Box<Action>, Rc<Resource>),
    Python(ActionConfig),
}

impl<'a> Loading<'a> {
    pub(super) fn new(loader: &'a Loader, options: &'a JailOptions) -> Result<Loading<'a>, Error> {
        loader.check_root()?;
        let reader = Reader::new(vec![loader.store()]);
        let mut resources = Resources::new(reader, loader.root());
        let Some(jails) = resources.read("", JAILS)? else {
            let base = resources::base(loader.root(), "", JAILS);
            return Err(Error::new(Problem::NoJails(base)));
        };
        let mut layers = (*jails.layers).clone();
        layers.set_default("fail2ban_version", Traced::computed(FAIL2BAN_VERSION));
        layers.set_default("fail2ban_confpath", Traced::computed(loader.root()));
        let mut loading = Loading {
            loader,
            options,
            resources,
            layers,
            warnings: jails.warnings.clone(),
        };
        for section in loading.section_names() {
            for (option, value) in &options.set {
                loading.layers.set(&section, option, value.clone());
            }
        }
        Ok(loading)
    }

    pub(super) fn section_names(&self) -> Vec<String> {
        let names = self.layers.sections().map(|(name, _)| name.to_owned());
        names.filter(|name| name != INCLUDES).collect()
    }

    /// A jail, or `None` if it is off.
    pub(super) fn load(&mut self, name: &str, force: bool) -> Result<Option<JailConfig>, Failure> {
        let budget = Budget::new();
        let first = Settings::read(&self.layers, name, &budget, |option| {
            settings::FIRST.contains(&option)
        })
        .map_err(fatal)?;
        if !force && !first.flag("enabled") {
            return Ok(None);
        }
        let fetched = self.fetch(name, &first, &budget)?;
        self.resolve(name, fetched).map(Some).map_err(late)
    }

    /// Both passes over the filter, and the actions.
    fn fetch(&mut self, name: &str, first: &Settings, budget: &Budget) -> Result<Fetched, Failure> {
        let mut outer = first.referred();
        for (option, value) in self.options.params.iter() {
            outer.insert(option, Some(value.clone()));
        }
        let mut filter = self.fetch_filter(name, first, &outer)?;
        let settings = Settings::read(&self.layers, name, budget, |_| true).map_err(fatal)?;
        let outer = settings.referred();
        if let Some((_, _, definition)) = &mut filter {
            let collected = definition.collect(&filter::OPTIONS, &outer);
            collected.map_err(|error| fatal(of_filter(error, name, &settings)))?;
        }
        let actions = self.fetch_actions(name, &settings, &outer)?;
        let (spec, filter) = match filter {
            Some((spec, resource, definition)) => (Some(spec), Some((resource, definition))),
            None => (None, None),
        };
        Ok(Fetched {
            settings,
            spec,
            filter,
            actions,
        })
    }

    /// The first pass over the filter, after which all its options are known
    /// to the jail as `known/...`.
    fn fetch_filter(
        &mut self,
        name: &str,
        first: &Settings,
        outer: &Vars,
    ) -> Result<Option<(FilterSpec, Rc<Resource>, Definition)>, Failure> {
        let text = match self.options.params.get("filter") {
            Some(text) => text.clone(),
            None => first.text("filter"),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |error: Error| {
            let error = where_set(error, "filter", first);
            skip(error.in_option(name, "filter", None))
        };
        let spec = FilterSpec::from_text(&text).map_err(wrong)?;
        let found = self.resources.read(FILTERS, spec.name());
        let resource = match found {
            Ok(Some(resource)) => resource,
            Ok(None) => {
                let problem = Problem::NoFilter {
                    base: resources::base(self.loader.root(), FILTERS, spec.name()),
                    name: spec.name().to_owned(),
                };
                return Err(wrong(at_all(Error::new(problem), &spec.name)));
            }
            Err(error) if is_unreadable(&error) => {
                let error = wrap("filter-not-found", &error);
                return Err(skip(of_filter(error, name, first)));
            }
            Err(error) => return Err(fatal(of_filter(error, name, first))),
        };
        let mut params = spec.options.clone();
        for (option, value) in self.options.params.iter() {
            params.insert(option, value.clone());
        }
        let mut definition = Definition::new(Rc::clone(&resource.layers), params);
        let backend = match outer.get("backend") {
            Some(Some(backend)) => backend.to_string(),
            _ => String::new(),
        };
        definition.set_logtype(&backend);
        let values = definition
            .collect(&filter::OPTIONS, outer)
            .and_then(|()| definition.collect_others())
            .and_then(|()| definition.combined(&HashSet::new()))
            .map_err(|error| fatal(of_filter(error, name, first)))?;
        self.note_known(name, &values, definition.has_definition());
        Ok(Some((spec, resource, definition)))
    }

    fn note_known(&mut self, name: &str, values: &OrderedMap<Traced>, has_definition: bool) {
        let known = |option: &str| format!("known/{option}");
        let noted = values
            .iter()
            .filter(|(option, _)| !option.starts_with("known/") && *option != "__name__")
            .map(|(option, value)| (known(option), value.clone()));
        self.layers.merge_section(name, noted);
        for option in filter::OPTIONS {
            let is_set = values.contains(option);
            if !has_definition && !is_set || is_set && option == "maxlines" {
                self.layers.set_converted(name, &known(option));
            }
        }
    }

    fn fetch_actions(
        &mut self,
        name: &str,
        settings: &Settings,
        outer: &Vars,
    ) -> Result<Vec<FetchedAction>, Failure> {
        let text = settings.text("action");
        let mut actions = Vec::new();
        for range in options::split(text.as_str()) {
            let entry = text.slice(range).trim_matches(is_space);
            if entry.is_empty() {
                continue;
            }
            let action = self.fetch_action(name, &entry, outer);
            actions.push(action.map_err(|failure| Failure {
                error: where_set(failure.error, "action", settings),
                ..failure
            })?);
        }
        Ok(actions)
    }

    fn fetch_action(
        &mut self,
        name: &str,
        entry: &Traced,
        outer: &Vars,
    ) -> Result<FetchedAction, Failure> {
        let here = |error: Error| error.in_option(name, "action", None);
        let (file, params) = options::extract(entry)
            .map_err(|error| skip(here(wrap("bad-action-options", &error))))?;
        if file.as_str().ends_with(".py") {
            let action = ActionConfig::python_action(self.loader.root(), file, params);
            return Ok(FetchedAction::Python(action));
        }
        let failed = |error: &Error| {
            let error = wrap("action-error", error);
            fatal(labelled(
                error,
                &file,
                &format!("an action of jail [{name}]"),
            ))
        };
        let resource = match self.resources.read(action::DIRECTORY, file.as_str()) {
            Ok(Some(resource)) => resource,
            Ok(None) => {
                let problem = Problem::NoAction {
                    base: resources::base(self.loader.root(), action::DIRECTORY, file.as_str()),
                    name: file.to_string(),
                };
                return Err(skip(here(at_all(Error::new(problem), &file))));
            }
            Err(error) if is_unreadable(&error) => {
                let error = wrap("action-not-found", &error);
                return Err(skip(labelled(
                    error,
                    &file,
                    &format!("an action of jail [{name}]"),
                )));
            }
            Err(error) => return Err(failed(&error)),
        };
        let action = Action::collect(name, file.clone(), params, &resource.layers, outer);
        let action = action.map_err(|error| failed(&error))?;
        Ok(FetchedAction::File(Box::new(action), resource))
    }

    /// What fail2ban does when it has read all jails: replaces the last tags,
    /// looks for log files.
    fn resolve(&self, name: &str, fetched: Fetched) -> Result<JailConfig, Error> {
        let Fetched {
            settings,
            spec,
            filter,
            actions,
        } = fetched;
        let mut warnings = Vec::new();
        for (option, error) in settings.bad_numbers() {
            warnings.push(error.in_option(name, option, None));
        }
        if filter.is_none() {
            warnings.push(about(Problem::NoFilterSet, name, "filter", &settings));
        }
        if actions.is_empty() {
            warnings.push(about(Problem::NoActionSet, name, "action", &settings));
        }
        let mut filter = match filter {
            Some((resource, definition)) => {
                let name = spec.as_ref().map_or("", FilterSpec::name);
                resolve_filter(path::file_name(name), &resource, definition)
            }
            None => FilterConfig::typed("", name, &OrderedMap::default()),
        }
        .map_err(|error| of_filter(error, name, &settings))?;
        filter.extend_with(own_filter(name, &settings)?);
        let logs = self.logs(name, &settings, &mut warnings)?;
        let mut resolved = Vec::new();
        for action in actions {
            let (action, resource) = match action {
                FetchedAction::File(action, resource) => (action, resource),
                FetchedAction::Python(action) => {
                    resolved.push(action);
                    continue;
                }
            };
            let file = action.file().clone();
            warnings.extend(resource.warnings.iter().cloned());
            let what = format!("an action of jail [{name}]");
            match action.resolve(&mut warnings) {
                Ok(action) => resolved.push(action),
                // fail2ban leaves the jail out before it comes to its actions.
                Err(error) if logs.skipped.is_some() => {
                    warnings.push(labelled(error, &file, &what));
                }
                Err(error) => return Err(labelled(error, &file, &what)),
            }
        }
        Ok(JailConfig {
            name: name.to_owned(),
            backend: logs.backend,
            filter_spec: spec,
            filter,
            logpath: logs.paths,
            actions: resolved,
            variables: self.variables(name),
            skipped: logs.skipped,
            sources: self.layers.sources.clone(),
            warnings,
            settings,
        })
    }

    /// Looks for the log files, and decides what to do if there are none.
    fn logs(
        &self,
        name: &str,
        settings: &Settings,
        warnings: &mut Vec<Error>,
    ) -> Result<Logs, Error> {
        let mut logs = Logs {
            backend: settings.text("backend").to_string(),
            paths: Vec::new(),
            skipped: None,
        };
        let Some(text) = settings.get("logpath").map(Setting::text) else {
            return Ok(logs);
        };
        if logs.backend.starts_with("systemd") {
            return Ok(logs);
        }
        logs.paths = LogPath::read(text, self.loader.log_files());
        for path in logs.paths.iter().filter(|path| path.files().is_empty()) {
            let pattern = path.pattern();
            let problem = Problem::NoLog(pattern.to_string());
            warnings.push(at_all(Error::new(problem), pattern).in_option(name, "logpath", None));
        }
        if logs.paths.iter().any(|path| !path.files().is_empty()) {
            return Ok(logs);
        }
        let none = |problem| about(problem, name, "logpath", settings);
        let skip = settings.flag("skip_if_nologs");
        if logs.backend.starts_with("auto")
            && settings.flag("systemd_if_nologs")
            && settings.get("journalmatch").is_some()
        {
            "systemd".clone_into(&mut logs.backend);
            logs.paths.clear();
            warnings.push(none(Problem::Journal));
        } else if skip {
            logs.skipped = Some(none(Problem::SkippedNoLogs));
        } else if !self.options.allow_no_files {
            return Err(none(Problem::NoLogs));
        }
        Ok(logs)
    }

    fn variables(&self, name: &str) -> OrderedMap<Traced> {
        let no_vars = Vars::default();
        let budget = Budget::new();
        let scope = Scope {
            layers: &self.layers,
            section: name,
            vars: &no_vars,
            budget: &budget,
        };
        let own = self
            .layers
            .section(name)
            .into_iter()
            .flat_map(Options::iter);
        own.filter(|(option, _)| !settings::is_known(option) && !option.starts_with("known/"))
            .map(|(option, written)| {
                let value = scope.get(option).ok().flatten();
                (option.to_owned(), value.unwrap_or_else(|| written.clone()))
            })
            .collect()
    }
}

/// What is known of a jail's logs.
struct Logs {
    backend: String,
    paths: Vec<LogPath>,
    skipped: Option<Error>,
}

fn resolve_filter(
    name: &str,
    resource: &Resource,
    mut definition: Definition,
) -> Result<FilterConfig, Error> {
    let values = definition.combined(&HashSet::new())?;
    let mut config = FilterConfig::typed(name, "Definition", &values)?;
    config.note_parameters(&definition);
    let earlier = resource.warnings.iter().cloned().chain(definition.warnings);
    config.warnings.splice(0..0, earlier);
    config.sources.clone_from(&resource.layers.sources);
    config.missing_includes.clone_from(&resource.layers.missing);
    Ok(config)
}

/// What a jail sets of its filter itself. Numbers that are none are reported
/// with the other options.
fn own_filter(name: &str, settings: &Settings) -> Result<FilterConfig, Error> {
    let values = filter::OPTIONS
        .iter()
        .filter_map(|&option| Some((option, settings.get(option)?)))
        .filter(|(_, setting)| !matches!(setting.number(), Some(Err(_))))
        .map(|(option, setting)| (option.to_owned(), setting.text().clone()))
        .collect();
    FilterConfig::typed("", name, &values)
}

/// A base file that cannot be read costs the jail only.
fn is_unreadable(error: &Error) -> bool {
    matches!(error.code(), "not-found" | "unreadable" | "not-utf8")
}

/// An error in a filter, with the place where the jail asks for that filter.
fn of_filter(error: Error, name: &str, settings: &Settings) -> Error {
    asked_for(
        error,
        "filter",
        settings,
        &format!("the filter of jail [{name}]"),
    )
}

/// An error with the place where an option asks for what it is about.
fn asked_for(error: Error, option: &str, settings: &Settings, what: &str) -> Error {
    match settings.get(option).and_then(Setting::place) {
        Some(place) => error.label(place.clone(), what),
        None => error,
    }
}

fn labelled(error: Error, text: &Traced, what: &str) -> Error {
    match text.origin(0..text.len()) {
        Some(origin) => error.label(origin.span().clone(), what),
        None => error,
    }
}

/// A problem of an option, where it is set.
fn about(problem: Problem, name: &str, option: &str, settings: &Settings) -> Error {
    let error = Error::new(problem).in_option(name, option, None);
    where_set(error, option, settings)
}

/// An error about an option; a place it has already is kept.
fn where_set(error: Error, option: &str, settings: &Settings) -> Error {
    match settings.get(option).and_then(Setting::place) {
        Some(place) => error.at(place.clone()),
        None => error,
    }
}
