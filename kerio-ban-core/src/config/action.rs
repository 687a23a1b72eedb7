//! What `action =` comes to: for each entry, the properties that fail2ban
//! hands to its server.

use std::collections::HashSet;
use std::rc::Rc;

use crate::config::definition::Definition;
use crate::config::interpolate::Vars;
use crate::config::layers::Layers;
use crate::config::ordered::OrderedMap;
use crate::config::{path, values};
use crate::error::Error;
use crate::source::Source;
use crate::traced::Traced;

/// The options that make an action. Any other is only a variable.
const OPTIONS: [&str; 13] = [
    "actionstart",
    "actionstart_on_demand",
    "actionstop",
    "actionflush",
    "actionreload",
    "actioncheck",
    "actionrepair",
    "actionrepair_on_unban",
    "actionban",
    "actionprolong",
    "actionreban",
    "actionunban",
    "norestored",
];
const SWITCHES: [&str; 3] = [
    "actionstart_on_demand",
    "actionrepair_on_unban",
    "norestored",
];
/// Tags that only a ban can fill in.
const DYNAMIC: [&str; 5] = [
    "matches",
    "ipmatches",
    "ipjailmatches",
    "timeout",
    "bantime",
];

/// An action of a jail, with its properties.
#[derive(Clone, Debug)]
pub struct ActionConfig {
    name: String,
    file: Traced,
    python: Option<String>,
    properties: Vec<(String, Property)>,
    sources: Vec<Source>,
}

/// The value of an action's property.
#[derive(Clone, Debug)]
pub enum Property {
    /// A command or a parameter.
    Text(Traced),
    /// A switch.
    Flag(bool),
    /// An option of an action whose file has no `[Definition]`.
    Unset,
}

impl ActionConfig {
    /// By what the server knows the action: the parameter `actname`, else the
    /// name of its file, with the parameter `name` if that is not the jail's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as written in the jail's `action`, without parameters: that of
    /// a file in `action.d`.
    pub fn file(&self) -> &Traced {
        &self.file
    }

    /// The path of the program, for an action written in Python. Its
    /// properties are the arguments; whether the file exists is not looked at.
    pub fn python(&self) -> Option<&str> {
        self.python.as_deref()
    }

    /// The properties in the order in which fail2ban sends them. Commands are
    /// resolved as far as a configuration can; parameters are as given.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.properties
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// A property by its name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties()
            .find_map(|(found, value)| (found == name).then_some(value))
    }

    /// All files that were read for it, in the order in which they count.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// An action written in Python, for which nothing is read.
    pub(crate) fn python_action(
        root: &str,
        file: Traced,
        params: OrderedMap<Traced>,
    ) -> ActionConfig {
        let name = match params.get("actname") {
            Some(name) => name.to_string(),
            None => path::stem(file.as_str()).to_owned(),
        };
        let params = params.iter().filter(|(name, _)| *name != "actname");
        ActionConfig {
            name,
            python: Some(path::join(&path::join(root, DIRECTORY), file.as_str())),
            file,
            properties: params
                .map(|(name, value)| (name.to_owned(), Property::Text(value.clone())))
                .collect(),
            sources: Vec::new(),
        }
    }
}

/// Where actions are.
pub(crate) const DIRECTORY: &str = "action.d";

/// An action that was read, with its references resolved but not its tags.
pub(crate) struct Action {
    name: String,
    file: Traced,
    definition: Definition,
    sources: Vec<Source>,
    /// The options that fail2ban sends as none, for want of a `[Definition]`.
    unset: Vec<&'static str>,
}

impl Action {
    /// Fetches what an action file sets. `outer` is what the jail sets.
    ///
    /// # Errors
    /// References that cannot be resolved.
    pub(crate) fn collect(
        jail: &str,
        file: Traced,
        mut params: OrderedMap<Traced>,
        layers: &Rc<Layers>,
        outer: &Vars,
    ) -> Result<Action, Error> {
        if !params.contains("name") {
            params.insert("name", Traced::computed(jail));
        }
        if !params.contains("actname") {
            let name = params.get("name").map_or(jail, Traced::as_str);
            let actname = if name == jail {
                file.clone()
            } else {
                let rest = name.strip_prefix(jail).map(str::to_owned);
                let rest = rest.unwrap_or_else(|| format!("-{name}"));
                Traced::computed(format!("{file}{rest}"))
            };
            params.insert("actname", actname);
        }
        let name = params
            .get("actname")
            .map_or_else(String::new, Traced::to_string);
        let given = |option: &&str| params.contains(option);
        let unset = OPTIONS
            .into_iter()
            .filter(|option| !given(option))
            .collect();
        let mut definition = Definition::new(Rc::clone(layers), params);
        definition.collect(&OPTIONS, outer)?;
        Ok(Action {
            name,
            file,
            unset: if definition.has_definition() {
                Vec::new()
            } else {
                unset
            },
            definition,
            sources: layers.sources.clone(),
        })
    }

    pub(crate) fn file(&self) -> &Traced {
        &self.file
    }

    /// Replaces the tags and types the properties.
    ///
    /// # Errors
    /// Tags that lead back to themselves, and references in what they lead to
    /// that cannot be resolved.
    pub(crate) fn resolve(mut self, warnings: &mut Vec<Error>) -> Result<ActionConfig, Error> {
        let dynamic = DYNAMIC.into_iter().map(str::to_owned);
        let values = self.definition.combined(&dynamic.collect::<HashSet<_>>())?;
        warnings.append(&mut self.definition.warnings);
        let mut properties: OrderedMap<Property> = OrderedMap::default();
        for option in self.unset {
            properties.insert(option, Property::Unset);
        }
        for (option, value) in values.iter() {
            if SWITCHES.contains(&option) {
                properties.insert(option, Property::Flag(values::switch(value.as_str())));
            } else if OPTIONS.contains(&option) {
                properties.insert(option, Property::Text(value.clone()));
            }
        }
        for (option, value) in self.definition.params().iter() {
            if !OPTIONS.contains(&option) && !option.starts_with("known/") {
                properties.insert(option, Property::Text(value.clone()));
            }
        }
        Ok(ActionConfig {
            name: self.name,
            file: self.file,
            python: None,
            properties: properties
                .iter()
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect(),
            sources: self.sources,
        })
    }
}
