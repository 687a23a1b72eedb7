//! `[Definition]`, `[Init]` and the parameters of a filter put together.
//!
//! A parameter goes before `[Init]`, that before `[Definition]`, and that
//! before `[DEFAULT]`; but what a `%(name)s` can see depends on when it is
//! fetched.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::config::budget::Budget;
use crate::config::interpolate::{Scope, Vars};
use crate::config::layers::{self, Layers, Options, is_word, split_condition};
use crate::config::ordered::OrderedMap;
use crate::config::tags::{self, Surroundings};
use crate::error::{Detail, Error, ErrorKind};
use crate::ini::{DEFAULT, is_space};
use crate::traced::Traced;

const DEFINITION: &str = "Definition";
const INIT: &str = "Init";
/// The kind of log that a filter is to expect: `file` or `journal`.
pub(crate) const LOGTYPE: &str = "logtype";

#[derive(Debug, thiserror::Error)]
#[error("there is no section [{DEFINITION}]")]
struct NoDefinition;

impl Detail for NoDefinition {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Syntax
    }

    fn code(&self) -> &'static str {
        "no-definition"
    }
}

/// The options of a filter while they are collected.
pub(crate) struct Definition {
    layers: Rc<Layers>,
    /// Parameters as given, with their case; `[Init]` is added to them.
    params: OrderedMap<Traced>,
    from_init: HashSet<String>,
    /// From `[Definition]` or `[DEFAULT]`.
    options: OrderedMap<Traced>,
    /// What `%(name)s` and `<name>` see before any section.
    vars: Vars,
    /// Tags looked up beyond the collected options, for good.
    looked_up: HashMap<String, Option<Traced>>,
    budget: Budget,
    pub(crate) warnings: Vec<Error>,
}

impl Definition {
    pub(crate) fn new(layers: Rc<Layers>, params: OrderedMap<Traced>) -> Definition {
        Definition {
            layers,
            params,
            from_init: HashSet::new(),
            options: OrderedMap::default(),
            vars: Vars::default(),
            looked_up: HashMap::new(),
            budget: Budget::new(),
            warnings: Vec::new(),
        }
    }

    /// Sets the parameter `logtype` after the kind of log, unless it is given
    /// or `[Definition]` itself has it.
    pub(crate) fn set_logtype(&mut self, backend: &str) {
        let given = |options: &OrderedMap<Traced>| options.contains(LOGTYPE);
        let param = self.params.get(LOGTYPE);
        if param.is_some_and(|value| !value.is_empty())
            || self.layers.section(DEFINITION).is_some_and(given)
        {
            return;
        }
        let journal = backend.starts_with("systemd");
        let logtype = if journal { "journal" } else { "file" };
        self.params.insert(LOGTYPE, Traced::computed(logtype));
    }

    /// Fetches the wanted options that are not given by `outer` or a
    /// parameter, and all of `[Init]`. `outer` is what a jail sets.
    ///
    /// # Errors
    /// References in any of these that cannot be resolved.
    pub(crate) fn collect(&mut self, wanted: &[&str], outer: &Vars) -> Result<(), Error> {
        let mut given = outer.clone();
        for (key, value) in self.params.iter() {
            given.insert(key, Some(value.clone()));
        }
        self.vars = given
            .iter()
            .map(|(key, value)| (key.to_lowercase(), value.clone()))
            .collect();
        self.options = OrderedMap::default();
        if !self.has_definition() && self.warnings.is_empty() {
            self.warnings.push(Error::new(NoDefinition));
        }
        for &option in wanted {
            if given.contains(option) {
                continue;
            }
            if let Some(value) = self.scope(DEFINITION, &self.vars).get(option)? {
                self.options.insert(option, value);
            }
        }
        self.collect_init(&given)
    }

    /// Fetches the other options of `[Definition]` itself. Unlike the wanted
    /// ones they cannot refer to what is given.
    ///
    /// # Errors
    /// References that cannot be resolved.
    pub(crate) fn collect_others(&mut self) -> Result<(), Error> {
        let layers = Rc::clone(&self.layers);
        let no_vars = Vars::default();
        for (option, _) in layers
            .section(DEFINITION)
            .into_iter()
            .flat_map(Options::iter)
        {
            if option == "__name__" || self.options.contains(option) {
                continue;
            }
            if let Some(value) = self.scope(DEFINITION, &no_vars).get(option)? {
                self.options.insert(option, value);
            }
        }
        Ok(())
    }

    /// Whether there is a section `[Definition]`.
    pub(crate) fn has_definition(&self) -> bool {
        self.layers.has_section(DEFINITION)
    }

    /// The parameters, and after [`Definition::collect`] also the options of
    /// `[Init]`, without any tag replaced.
    pub(crate) fn params(&self) -> &OrderedMap<Traced> {
        &self.params
    }

    fn collect_init(&mut self, given: &Vars) -> Result<(), Error> {
        let layers = Rc::clone(&self.layers);
        let Some(init) = layers.section(INIT) else {
            return Ok(());
        };
        let no_vars = Vars::default();
        for (option, _) in init.iter() {
            // A key `known/x` is only fetched if nothing else has set it.
            let is_known = option.starts_with("known/");
            if option == "__name__" || is_known && self.params.contains(option) {
                continue;
            }
            let Some(value) = self.scope(INIT, &no_vars).get(option)? else {
                continue;
            };
            if !is_known {
                self.add_from_init(format!("known/{option}"), value.clone());
            }
            if !self.params.contains(option) {
                let base = split_condition(option).and_then(|(base, _)| given.get(base)?.as_ref());
                let value = base.cloned().unwrap_or(value);
                self.add_from_init(option.to_owned(), value);
            }
        }
        Ok(())
    }

    fn add_from_init(&mut self, option: String, value: Traced) {
        self.from_init.insert(option.clone());
        self.params.insert(option, value);
    }

    /// All that was collected, with the tags replaced. `ignored` names are
    /// left alone, and so is any name that has a conditional variant.
    ///
    /// # Errors
    /// Tags that lead back to themselves, and references in what tags lead
    /// to that cannot be resolved.
    pub(crate) fn combined(
        &mut self,
        ignored: &HashSet<String>,
    ) -> Result<OrderedMap<Traced>, Error> {
        let mut values = self.options.clone();
        for (key, value) in self.params.iter() {
            values.insert(key, value.clone());
        }
        let mut ignored = ignored.clone();
        let bases = values.iter().filter_map(|(key, _)| split_condition(key));
        ignored.extend(bases.map(|(base, _)| base.to_owned()));
        let mut looked_up = std::mem::take(&mut self.looked_up);
        let section = |key: &str| {
            if self.from_init.contains(key) {
                Some(INIT)
            } else {
                (!self.params.contains(key)).then_some(DEFINITION)
            }
        };
        let around = Surroundings {
            ignored: &ignored,
            find: &mut |name| {
                if let Some(known) = looked_up.get(name) {
                    return Ok(known.clone());
                }
                let value = self.look_up(name)?;
                looked_up.insert(name.to_owned(), value.clone());
                Ok(value)
            },
            section: &section,
            budget: &self.budget,
        };
        tags::substitute(&mut values, around)?;
        self.looked_up = looked_up;
        Ok(values)
    }

    /// A tag that is none of the collected options: `section/option`, or any
    /// option of `[Definition]`.
    fn look_up(&self, tag: &str) -> Result<Option<Traced>, Error> {
        let no_vars = Vars::default();
        if let Some((section, option)) = section_option(tag) {
            let lower = section.to_lowercase();
            let before = layers::known(DEFINITION);
            let sections = match lower.as_str() {
                "known" => &[before.as_str(), DEFINITION][..],
                "default" => &[DEFAULT],
                _ => &[section],
            };
            for section in sections {
                let found = self.scope(section, &no_vars).get(option)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        self.scope(DEFINITION, &self.vars).get(tag)
    }

    /// An option as `[Definition]` alone has it.
    pub(crate) fn own(&self, option: &str) -> Result<Option<Traced>, Error> {
        self.scope(DEFINITION, &Vars::default()).get(option)
    }

    fn scope<'s>(&'s self, section: &'s str, vars: &'s Vars) -> Scope<'s> {
        Scope {
            layers: &self.layers,
            section,
            vars,
            budget: &self.budget,
        }
    }
}

/// `section/option`, if a tag has that form.
fn section_option(tag: &str) -> Option<(&str, &str)> {
    let (section, option) = tag.split_once('/')?;
    let word = !section.is_empty() && section.chars().all(|c| is_word(c) || c == '-');
    // A newline at the very end is overlooked.
    let option = option.strip_suffix('\n').unwrap_or(option);
    let plain = !option.is_empty() && !option.contains(|c| is_space(c) || c == '>');
    (word && plain).then_some((section, option))
}
