//! The options of a jail: their names, types and defaults.

use crate::config::budget::Budget;
use crate::config::duration;
use crate::config::interpolate::{Scope, Vars};
use crate::config::layers::Layers;
use crate::config::ordered::OrderedMap;
use crate::config::values;
use crate::error::Error;
use crate::source::Span;
use crate::traced::Traced;

/// An option of a jail that is known before its filter is.
pub(crate) const FIRST: [&str; 3] = ["enabled", "backend", "filter"];

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
}

struct Known {
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
}

const fn known(name: &'static str, kind: Kind, default: Option<&'static str>) -> Known {
    Known {
        name,
        kind,
        default,
    }
}

/// All options of a jail, in the order in which fail2ban fetches and sends
/// them. Any other is only a variable.
const OPTIONS: [Known; 31] = [
    known("enabled", Kind::Flag, Some("false")),
    known("backend", Kind::Text, Some("auto")),
    known("maxretry", Kind::Number, None),
    known("maxmatches", Kind::Number, None),
    known("findtime", Kind::Text, None),
    known("bantime", Kind::Text, None),
    known("bantime.increment", Kind::Flag, None),
    known("bantime.factor", Kind::Text, None),
    known("bantime.formula", Kind::Text, None),
    known("bantime.multipliers", Kind::Text, None),
    known("bantime.maxtime", Kind::Text, None),
    known("bantime.rndtime", Kind::Text, None),
    known("bantime.overalljails", Kind::Flag, None),
    known("ignorecommand", Kind::Text, None),
    known("ignoreself", Kind::Flag, None),
    known("ignoreip", Kind::Text, None),
    known("ignorecache", Kind::Text, None),
    known("filter", Kind::Text, Some("")),
    known("logtimezone", Kind::Text, None),
    known("logencoding", Kind::Text, None),
    known("logpath", Kind::Text, None),
    known("skip_if_nologs", Kind::Flag, Some("false")),
    known("systemd_if_nologs", Kind::Flag, Some("true")),
    known("action", Kind::Text, Some("")),
    known("usedns", Kind::Text, None),
    known("prefregex", Kind::Text, None),
    known("ignoreregex", Kind::Text, None),
    known("failregex", Kind::Text, None),
    known("maxlines", Kind::Number, None),
    known("datepattern", Kind::Text, None),
    known("journalmatch", Kind::Text, None),
];

/// Whether a jail's option means something to fail2ban itself.
pub(crate) fn is_known(option: &str) -> bool {
    OPTIONS.iter().any(|known| known.name == option)
}

/// What a jail sets an option to.
#[derive(Clone, Debug)]
pub struct Setting {
    text: Traced,
    value: Value,
    place: Option<Span>,
}

#[derive(Clone, Debug)]
enum Value {
    Text,
    Flag(bool),
    Number(Result<i64, Error>),
}

impl Setting {
    fn new(text: Traced, kind: Kind, place: Option<Span>) -> Setting {
        let value = match kind {
            Kind::Text => Value::Text,
            Kind::Flag => Value::Flag(values::switch(text.as_str())),
            Kind::Number => Value::Number(values::integer(&text)),
        };
        Setting { text, value, place }
    }

    /// The text, with all `%(name)s` resolved.
    pub fn text(&self) -> &Traced {
        &self.text
    }

    /// Where the option was set: the value as written there, which may be a
    /// reference to another. `None` for a default of fail2ban's own.
    pub fn place(&self) -> Option<&Span> {
        self.place.as_ref()
    }

    /// The value of a switch: whether the text is `1`, `on`, `true` or `yes`.
    /// `None` for an option that is no switch.
    pub fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// The value of a whole number. `None` for an option that is none.
    ///
    /// # Errors
    /// `bad-integer`: fail2ban then sends no number, and its server refuses
    /// the jail.
    pub fn number(&self) -> Option<Result<i64, Error>> {
        match &self.value {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// The value taken as a time, in seconds; negative for ever.
    ///
    /// # Errors
    /// `bad-duration`.
    pub fn seconds(&self) -> Result<f64, Error> {
        duration::seconds(&self.text)
    }

    /// What a reference to the option becomes in a filter or an action;
    /// `None` for a number that could not be read.
    fn referred(&self) -> Option<Traced> {
        let computed = match &self.value {
            Value::Text => return Some(self.text.clone()),
            Value::Flag(true) => "True".to_owned(),
            Value::Flag(false) => "False".to_owned(),
            Value::Number(Ok(number)) => number.to_string(),
            Value::Number(Err(_)) => return None,
        };
        Some(match &self.place {
            Some(place) => Traced::at(computed, place),
            None => Traced::computed(computed),
        })
    }
}

/// The options of a jail that are set or have a default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(OrderedMap<Setting>);

impl Settings {
    /// Reads those options of a section for which `wanted` holds.
    ///
    /// # Errors
    /// References that cannot be resolved.
    pub(crate) fn read(
        layers: &Layers,
        section: &str,
        budget: &Budget,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Settings, Error> {
        let no_vars = Vars::default();
        let scope = Scope {
            layers,
            section,
            vars: &no_vars,
            budget,
        };
        let mut settings = Settings::default();
        for known in OPTIONS.iter().filter(|known| wanted(known.name)) {
            let default = || known.default.map(Traced::computed);
            let Some(text) = scope.get(known.name)?.or_else(default) else {
                continue;
            };
            let place = layers.written(section, known.name).and_then(whole);
            let setting = Setting::new(text, known.kind, place);
            settings.0.insert(known.name, setting);
        }
        Ok(settings)
    }

    pub(crate) fn get(&self, option: &str) -> Option<&Setting> {
        self.0.get(option)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.0.iter()
    }

    /// The text of an option; nothing is empty.
    pub(crate) fn text(&self, option: &str) -> Traced {
        let setting = self.get(option);
        setting.map_or_else(Traced::default, |setting| setting.text.clone())
    }

    /// Whether a switch is on.
    pub(crate) fn flag(&self, option: &str) -> bool {
        self.get(option).and_then(Setting::flag).unwrap_or(false)
    }

    /// The values as filters and actions see them.
    pub(crate) fn referred(&self) -> Vars {
        self.iter()
            .map(|(option, setting)| (option.to_owned(), setting.referred()))
            .collect()
    }

    /// Numbers that could not be read.
    pub(crate) fn bad_numbers(&self) -> impl Iterator<Item = (&str, Error)> {
        self.iter()
            .filter_map(|(option, setting)| Some((option, setting.number()?.err()?)))
    }
}

fn whole(text: &Traced) -> Option<Span> {
    let origin = text.origin(0..text.len())?;
    Some(origin.span().clone())
}
