//! Recorded results of loading files: `config.json`.

use kerio_ban_core::{
    ActionConfig, Error, FilterConfig, FilterSpec, JailConfig, JailOptions, JailState, Loader,
    MemoryFiles, Property, Traced,
};
use serde_json::{Map, Value, json};

use crate::Tally;

/// Where the files of a case are; `@ROOT@` in its texts stands for it.
const ROOT: &str = "/etc/fail2ban";

/// Runs every case.
pub(crate) fn run(cases: &Value, tally: &mut Tally) {
    for case in cases.as_array().into_iter().flatten() {
        let found = match case["kind"].as_str() {
            Some("filter") => filter_json(load_filter(case)),
            Some("jail") => jail_answer(case),
            _ => {
                tally.skip();
                continue;
            }
        };
        let mut expected = case["expect"].clone();
        if let Some(expected) = expected.as_object_mut() {
            // The name of Python's exception.
            expected.remove("python");
            if case["kind"] == "filter" {
                expected.remove("scope");
            }
            for action in expected
                .get_mut("actions")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                action["order"] = action["props"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.as_str())
                    .collect();
            }
        }
        let found: Value =
            serde_json::from_str(&found.to_string().replace(ROOT, "@ROOT@")).unwrap();
        let id = case["id"].as_str().unwrap_or("?");
        tally.compare(id, &plain(expected), &plain(found));
    }
}

/// `5` and `5.0` are the same number.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, plain(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        value => value,
    }
}

fn files(case: &Value) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    // The base directory is there even if a case has no file in it.
    files.insert(format!("{ROOT}/fail2ban.conf"), "");
    for (path, text) in case["files"].as_object().into_iter().flatten() {
        let text = text.as_str().unwrap().replace("@ROOT@", ROOT);
        files.insert(format!("{ROOT}/{path}"), text);
    }
    files
}

fn load_filter(case: &Value) -> Result<FilterConfig, Error> {
    let mut spec = FilterSpec::new(case["name"].as_str().unwrap());
    for (name, value) in case["options"].as_object().into_iter().flatten() {
        spec = spec.with_option(name, value.as_str().unwrap().replace("@ROOT@", ROOT));
    }
    let backend = case["backend"].as_str().unwrap_or("auto");
    let loader = Loader::with_files(ROOT, files(case)).backend(backend);
    loader.filter(&spec)
}

fn filter_json(result: Result<FilterConfig, Error>) -> Value {
    let config = match result {
        Ok(config) => config,
        Err(error) => return json!({ "error": error.code() }),
    };
    let texts = |texts: &[Traced]| texts.iter().map(Traced::to_string).collect::<Vec<_>>();
    let text = |text: Option<&Traced>| text.map(Traced::to_string);
    json!({
        "failregex": texts(config.failregex()),
        "ignoreregex": texts(config.ignoreregex()),
        "prefregex": text(config.prefregex()),
        "maxlines": config.maxlines(),
        "datepattern": text(config.datepattern()),
        "usedns": text(config.usedns()),
        "journalmatch": config.journalmatch(),
    })
}

/// What becomes of a jail when all are loaded.
fn jail_answer(case: &Value) -> Value {
    let options = &case["options"];
    let allow_no_files = options["allow_no_files"].as_bool().unwrap_or(true);
    let options = JailOptions::new().allow_no_files(allow_no_files);
    let error = |error: &Error, scope| json!({ "error": error.code(), "scope": scope });
    let jails = match Loader::with_files(ROOT, files(case)).jails(&options) {
        Ok(jails) => jails,
        Err(wrong) => return error(&wrong, "config"),
    };
    if let Some(wrong) = jails.fatal() {
        return error(wrong, "config");
    }
    let jail = jails.get(case["name"].as_str().unwrap());
    match jail.unwrap().state() {
        JailState::Disabled => json!({ "enabled": false }),
        JailState::Loaded(config) => jail_json(config),
        JailState::Skipped(wrong) => error(wrong, "jail"),
        state => panic!("{state:?}"),
    }
}

/// What is not among the options sent, or not as text.
const SPECIAL: [&str; 15] = [
    "enabled",
    "backend",
    "filter",
    "action",
    "logpath",
    "ignoreip",
    "skip_if_nologs",
    "systemd_if_nologs",
    "usedns",
    "prefregex",
    "ignoreregex",
    "failregex",
    "maxlines",
    "datepattern",
    "journalmatch",
];

fn jail_json(config: &JailConfig) -> Value {
    let mut answer = Map::new();
    for (key, value) in filter_json(Ok(config.filter().clone()))
        .as_object()
        .unwrap()
    {
        if !value.is_null() && *value != json!([]) {
            answer.insert(key.clone(), value.clone());
        }
    }
    answer.insert("enabled".to_owned(), json!(config.enabled()));
    answer.insert("backend".to_owned(), json!(config.backend()));
    answer.insert("started".to_owned(), json!(true));
    for (option, setting) in config.settings() {
        if SPECIAL.contains(&option) {
            continue;
        }
        let value = match (setting.flag(), setting.number()) {
            (Some(flag), _) => json!(flag),
            (_, Some(number)) => json!(number.ok()),
            _ => json!(setting.text().as_str()),
        };
        answer.insert(option.to_owned(), value);
    }
    for option in ["findtime", "bantime", "bantime.maxtime", "bantime.rndtime"] {
        if let Some(seconds) = config.seconds(option).transpose() {
            let seconds = seconds.map_or_else(|_| json!("ERROR"), |seconds| json!(seconds));
            answer.insert(format!("{option}_seconds"), seconds);
        }
    }
    if let Some(words) = config.ignoreip() {
        answer.insert("ignoreip".to_owned(), texts(&words));
    }
    let logs: Vec<Value> = config
        .logpath()
        .iter()
        .flat_map(|path| {
            path.files()
                .iter()
                .map(|file| json!([file, path.mode().as_str()]))
        })
        .collect();
    if !logs.is_empty() {
        answer.insert("logpath".to_owned(), json!(logs));
    }
    if !config.actions().is_empty() {
        let actions = config.actions().iter().map(action_json);
        answer.insert("actions".to_owned(), actions.collect());
    }
    Value::Object(answer)
}

fn texts(texts: &[Traced]) -> Value {
    texts.iter().map(Traced::as_str).collect()
}

fn action_json(action: &ActionConfig) -> Value {
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
    // In order: a map alone would compare without it.
    let order: Vec<&str> = action.properties().map(|(name, _)| name).collect();
    let mut answer = json!({ "name": action.name(), "props": properties, "order": order });
    if let Some(path) = action.python() {
        answer["python"] = json!(path);
    }
    answer
}
