//! A jail: its settings, logs, filter and actions.

use std::io::{self, Write};

use kerio_ban_core::{ActionConfig, JailConfig, JailOptions, Property, Setting, Traced};
use serde_json::{Map, Value, json};

use super::{Text, object};
use crate::args::{Format, ShowArgs};
use crate::commands::Answer;
use crate::console::{self, Console};
use crate::diagnostics;
use crate::failure::Failure;
use crate::places::Places;
use crate::selection::{Catalogue, FoundJail};

/// What fail2ban itself takes from a jail and does not send as it is.
const NOT_SENT: [&str; 8] = [
    "enabled",
    "backend",
    "filter",
    "action",
    "logpath",
    "ignoreip",
    "skip_if_nologs",
    "systemd_if_nologs",
];
/// What goes into the filter.
const OF_FILTER: [&str; 7] = [
    "prefregex",
    "datepattern",
    "maxlines",
    "usedns",
    "failregex",
    "ignoreregex",
    "journalmatch",
];
const TIMES: [&str; 4] = ["findtime", "bantime", "bantime.maxtime", "bantime.rndtime"];

pub(super) fn run(args: &ShowArgs, name: &str) -> Result<Answer, Failure> {
    let options = JailOptions::new().allow_no_files(true);
    let catalogue = Catalogue::open(&args.config)?;
    let jail = match catalogue.jail(name, args.force, &options)? {
        FoundJail::On(jail) => Some(jail),
        FoundJail::Off => None,
        FoundJail::Blocked { by, error } => {
            let message = format!(
                "because of jail {by}, fail2ban would start none; \
                 --force looks at {name} alone"
            );
            diagnostics::warn(&message, args.output.color);
            return Err(error.into());
        }
    };
    let jail = jail.as_deref();
    let warnings = jail.map(|jail| jail.warnings().iter().chain(jail.filter().warnings()));
    for warning in warnings.into_iter().flatten() {
        // For people, the logs are listed.
        if warning.code() == "no-log-file" && args.output.format != Format::Json {
            continue;
        }
        diagnostics::warn(&warning.to_string(), args.output.color);
    }
    let compile = || jail.map(|jail| jail.filter().compile()).transpose();
    let filter = if args.expanded { compile()? } else { None };
    if args.output.quiet {
        return Ok(Answer::Yes);
    }
    let mut out = console::stdout();
    match (args.output.format, jail) {
        (Format::Json, jail) => {
            let mut answer = Map::from_iter([
                ("type".to_owned(), json!("jail")),
                ("name".to_owned(), json!(name)),
                (
                    "enabled".to_owned(),
                    json!(jail.is_some_and(JailConfig::enabled)),
                ),
            ]);
            if let Some(jail) = jail {
                add_to_object(&mut answer, jail);
                if filter.is_some() {
                    let rules = object(jail.filter(), filter.as_ref())["rules"].take();
                    answer.insert("rules".to_owned(), rules);
                }
            }
            serde_json::to_writer(&mut out, &answer).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        (_, None) => {
            writeln!(out, "jail {name} is off; --force shows what it would be")?;
        }
        (format, Some(jail)) => {
            let sources = [jail.sources(), jail.filter().sources()].concat();
            let actions = jail
                .actions()
                .iter()
                .flat_map(ActionConfig::sources)
                .cloned();
            let sources: Vec<_> = sources.into_iter().chain(actions).collect();
            let mut text = Text {
                out: &mut out,
                console: Console::of(&io::stdout(), args.output.color),
                brief: format == Format::Brief,
                places: Places::among(&sources),
            };
            text.jail(jail)?;
            if let Some(filter) = &filter {
                text.expanded(filter)?;
            }
        }
    }
    out.flush()?;
    Ok(Answer::Yes)
}

/// What fail2ban would send to its server.
fn add_to_object(answer: &mut Map<String, Value>, jail: &JailConfig) {
    let mut insert = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    insert("backend", json!(jail.backend()));
    insert("started", json!(jail.skipped().is_none()));
    if let Value::Object(filter) = object(jail.filter(), None) {
        for (key, value) in filter {
            let set = !value.is_null() && value != json!([]);
            if OF_FILTER.contains(&key.as_str()) && set {
                insert(&key, value);
            }
        }
    }
    for (option, setting) in jail.settings() {
        if NOT_SENT.contains(&option) || OF_FILTER.contains(&option) {
            continue;
        }
        insert(option, plain_value(setting));
    }
    for option in TIMES {
        if let Some(seconds) = jail.seconds(option).transpose() {
            let seconds = seconds.map_or_else(|_| json!("ERROR"), number);
            insert(&format!("{option}_seconds"), seconds);
        }
    }
    if let Some(words) = jail.ignoreip() {
        insert("ignoreip", words.iter().map(Traced::as_str).collect());
    }
    let logs: Vec<Value> = jail
        .logpath()
        .iter()
        .flat_map(|path| {
            let mode = path.mode().as_str();
            path.files().iter().map(move |file| json!([file, mode]))
        })
        .collect();
    if !logs.is_empty() {
        insert("logpath", json!(logs));
    }
    if !jail.actions().is_empty() {
        insert(
            "actions",
            jail.actions().iter().map(action_object).collect(),
        );
    }
}

/// A number without a fraction if it has none.
fn number(number: f64) -> Value {
    let whole = number as i64;
    if whole as f64 == number {
        json!(whole)
    } else {
        json!(number)
    }
}

fn plain_value(setting: &Setting) -> Value {
    match (setting.flag(), setting.number()) {
        (Some(flag), _) => json!(flag),
        (_, Some(number)) => json!(number.ok()),
        _ => json!(setting.text().as_str()),
    }
}

fn action_object(action: &ActionConfig) -> Value {
    let properties: Map<String, Value> = action
        .properties()
        .map(|(name, value)| {
            let value = match value {
                Property::Text(text) => json!(text.as_str()),
                Property::Flag(flag) => json!(flag),
                Property::Unset => Value::Null,
            };
            (name.to_owned(), value)
        })
        .collect();
    let mut object = json!({ "name": action.name(), "props": properties });
    if let (Some(object), Some(path)) = (object.as_object_mut(), action.python()) {
        object.insert("python".to_owned(), json!(path));
    }
    object
}

impl<W: Write> Text<'_, W> {
    fn jail(&mut self, jail: &JailConfig) -> io::Result<()> {
        let state = if jail.enabled() { "" } else { " (off)" };
        self.heading(&format!("jail {}{state}", jail.name()))?;
        for source in jail.sources() {
            self.entry("", source.name())?;
        }
        self.heading("settings")?;
        if jail
            .setting("backend")
            .is_none_or(|set| *set.text() != jail.backend())
        {
            self.entry("backend now = ", jail.backend())?;
        }
        for (option, setting) in jail.settings() {
            let elsewhere = ["logpath", "action"].contains(&option);
            if !elsewhere && !OF_FILTER.contains(&option) {
                self.setting(option, setting, note(option, setting).as_deref())?;
            }
        }
        self.variables(jail)?;
        self.logs(jail)?;
        for action in jail.actions() {
            self.action(action)?;
        }
        let filter = jail.filter();
        self.heading(&format!("filter {}", filter.name()))?;
        self.filter_files(filter)?;
        self.filter_settings(filter)?;
        self.filter_rules(filter)
    }

    fn setting(&mut self, option: &str, setting: &Setting, note: Option<&str>) -> io::Result<()> {
        let label = format!("{option} = ");
        let note = note.map(|note| format!("  ({note})"));
        match setting.place() {
            Some(place) if setting.text().is_empty() => {
                let place = format!("at {}", self.places.show(place));
                self.entry(&label, "")?;
                self.place(&label, &place)
            }
            Some(_) => self.noted_value(&label, setting.text(), note.as_deref().unwrap_or("")),
            None => self.entry(&label, &format!("{}  (default)", setting.text())),
        }
    }

    fn variables(&mut self, jail: &JailConfig) -> io::Result<()> {
        let mut variables = jail.variables().peekable();
        if variables.peek().is_some() {
            self.heading("variables")?;
        }
        for (name, value) in variables {
            self.value(&format!("{name} = "), value)?;
        }
        Ok(())
    }

    fn logs(&mut self, jail: &JailConfig) -> io::Result<()> {
        if jail.logpath().is_empty() {
            return Ok(());
        }
        self.heading("logs")?;
        for path in jail.logpath() {
            self.value(&format!("{} ", path.mode()), path.pattern())?;
            for file in path.files() {
                self.entry("  ", file)?;
            }
            if path.files().is_empty() {
                self.entry("  ", "(no such file)")?;
            }
        }
        Ok(())
    }

    fn action(&mut self, action: &ActionConfig) -> io::Result<()> {
        self.heading(&format!("action {}", action.name()))?;
        for source in action.sources() {
            self.entry("", source.name())?;
        }
        if let Some(path) = action.python() {
            self.entry("", path)?;
        }
        for (name, value) in action.properties() {
            let label = format!("{name} = ");
            match value {
                Property::Text(text) => self.property(&label, text)?,
                Property::Flag(flag) => self.entry(&label, &flag.to_string())?,
                Property::Unset => self.entry(name, " is not set")?,
            }
        }
        Ok(())
    }

    /// Only where it was set: commands are put together from very many places.
    fn property(&mut self, label: &str, text: &Traced) -> io::Result<()> {
        let indent = " ".repeat(label.chars().count());
        for (index, line) in text.as_str().lines().enumerate() {
            self.entry(if index == 0 { label } else { &indent }, line)?;
        }
        let Some(origin) = text.origin(0..text.len()) else {
            return Ok(());
        };
        let place = origin.via().last().unwrap_or(origin.span());
        let place = format!("at {}", self.places.show(place));
        self.place(label, &place)
    }
}

/// What is worth saying beside a value.
fn note(option: &str, setting: &Setting) -> Option<String> {
    if TIMES.contains(&option) {
        let seconds = setting.seconds().ok()?;
        let plain = setting.text().as_str().parse() == Ok(seconds);
        return match seconds {
            -1.0 if option == "bantime" => Some("for ever".to_owned()),
            _ if plain => None,
            _ => Some(format!("{seconds} seconds")),
        };
    }
    match setting.number()? {
        Ok(_) => None,
        Err(_) => Some("no whole number".to_owned()),
    }
}
