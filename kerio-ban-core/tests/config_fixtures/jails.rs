//! Questions about jails.

use std::path::Path;

use kerio_ban_core::{
    ActionConfig, Error, JailConfig, JailOptions, JailSection, JailState, Loader, Property, Source,
    Traced,
};
use serde_json::{Map, Value, json};

/// What comes out for a jail, or for all.
pub(crate) fn answer(case: &Path, question: &Map<String, Value>) -> Map<String, Value> {
    let value = match question.get("jail") {
        Some(name) => jail(case, question, name.as_str().unwrap()),
        None => jails(case, question),
    };
    let prefix = format!("{}/", case.display());
    let plain = value.to_string().replace(&prefix, "");
    serde_json::from_str(&plain).unwrap()
}

fn options(question: &Map<String, Value>) -> JailOptions {
    let flag = |key: &str| question.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mut options = JailOptions::new().force(flag("force"));
    let given = question.get("options").and_then(Value::as_object);
    for (option, value) in given.into_iter().flatten() {
        options = options.set(option, value.as_str().unwrap());
    }
    options
}

fn jails(case: &Path, question: &Map<String, Value>) -> Value {
    let jails = match Loader::new(case).jails(&options(question)) {
        Ok(jails) => jails,
        Err(error) => return failed(&error),
    };
    let states = jails
        .iter()
        .map(|section| (section.name().to_owned(), json!(state(section).0)));
    json!({
        "states": states.collect::<Map<_, _>>(),
        "fatal": jails.fatal().map(ToString::to_string),
        "sources": jails.sources().iter().map(Source::name).collect::<Vec<_>>(),
    })
}

fn state(section: &JailSection) -> (&'static str, Option<&Error>) {
    match section.state() {
        JailState::Disabled => ("disabled", None),
        JailState::Loaded(_) => ("loaded", None),
        JailState::Skipped(error) => ("skipped", Some(error)),
        JailState::Fatal(error) => ("fatal", Some(error)),
        state => panic!("{state:?}"),
    }
}

fn jail(case: &Path, question: &Map<String, Value>, name: &str) -> Value {
    let jails = Loader::new(case).jails(&options(question)).unwrap();
    let section = jails.get(name).unwrap_or_else(|| panic!("no jail {name}"));
    let (state, error) = state(section);
    let mut answer = match (section.config(), error) {
        (_, Some(error)) => failed(error),
        (Some(config), None) => loaded(config),
        (None, None) => json!({}),
    };
    answer["state"] = json!(state);
    answer
}

fn failed(error: &Error) -> Value {
    let labels = error.labels().iter();
    json!({
        "error": error.code(),
        "message": error.to_string(),
        "help": error.help(),
        "labels": labels
            .map(|label| format!("{}: {}", label.span, label.text))
            .collect::<Vec<_>>(),
    })
}

fn loaded(config: &JailConfig) -> Value {
    let filter = config.filter();
    let texts = |texts: &[Traced]| texts.iter().map(Traced::to_string).collect::<Vec<_>>();
    let settings = config.settings();
    let settings =
        settings.map(|(name, setting)| (name.to_owned(), json!(setting.text().as_str())));
    let places = config.settings().map(|(name, setting)| {
        let place = setting.place().map(ToString::to_string);
        (name.to_owned(), json!(place))
    });
    let variables = config.variables();
    let variables = variables.map(|(name, text)| (name.to_owned(), json!(text.as_str())));
    json!({
        "backend": config.backend(),
        "filter-name": filter.name(),
        "failregex": texts(filter.failregex()),
        "ignoreregex": texts(filter.ignoreregex()),
        "prefregex": filter.prefregex().map(Traced::to_string),
        "maxlines": filter.maxlines(),
        "datepattern": filter.datepattern().map(Traced::to_string),
        "usedns": filter.usedns().map(Traced::to_string),
        "journalmatch": filter.journalmatch(),
        "settings": settings.collect::<Map<_, _>>(),
        "places": places.collect::<Map<_, _>>(),
        "variables": variables.collect::<Map<_, _>>(),
        "seconds": config.seconds("bantime").ok(),
        "ignoreip": config.ignoreip().map(|words| texts(&words)),
        "logpath": config
            .logpath()
            .iter()
            .flat_map(|path| path.files().iter().map(|file| format!("{file} {}", path.mode())))
            .collect::<Vec<_>>(),
        "actions": config.actions().iter().map(action).collect::<Vec<_>>(),
        "warnings": config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn action(action: &ActionConfig) -> Value {
    let properties = action.properties().map(|(name, value)| match value {
        Property::Text(text) => format!("{name} = {text}"),
        Property::Flag(flag) => format!("{name} = {flag}"),
        Property::Unset => format!("{name} is not set"),
    });
    json!({
        "name": action.name(),
        "python": action.python(),
        "properties": properties.collect::<Vec<_>>(),
    })
}
