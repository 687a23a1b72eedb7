//! Loads the filters and jails of `fixtures/config` and compares them with what is
//! expected there; see the README beside them for the form.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

mod config_fixtures {
    pub(crate) mod jails;
}

use std::path::Path;

use kerio_ban_core::{Error, FilterConfig, FilterSpec, Loader, Origin, OsFiles, Source, Traced};
use serde_json::{Map, Value, json};

#[test]
fn every_case_comes_out_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/config");
    let mut cases = 0;
    for entry in read_dir(&root) {
        if entry.is_dir() {
            check_case(&entry);
            cases += 1;
        }
    }
    assert!(cases >= 8, "only {cases} cases were found");
}

fn check_case(case: &Path) {
    let expected = case.join("expected.json");
    let expected: Value = serde_json::from_str(&read(&expected)).unwrap();
    let questions = expected.as_array().unwrap();
    assert!(!questions.is_empty(), "{}: no question", case.display());
    for question in questions {
        check(case, question.as_object().unwrap());
    }
}

/// What belongs to a question and not to its answer.
const ASKING: [&str; 9] = [
    "filter", "file", "backend", "fallback", "jail", "jails", "options", "force", "why",
];

fn check(case: &Path, question: &Map<String, Value>) {
    let answer = if question.contains_key("jail") || question.contains_key("jails") {
        config_fixtures::jails::answer(case, question)
    } else {
        answer(case, &load(case, question), question)
    };
    for (key, expected) in question {
        if !ASKING.contains(&key.as_str()) {
            let answer = answer.get(key).unwrap_or(&Value::Null);
            assert_eq!(
                answer,
                expected,
                "{key} of {} in {}",
                question.values().next().unwrap(),
                case.display()
            );
        }
    }
    // An error must be expected as such.
    assert_eq!(
        answer.contains_key("error"),
        question.contains_key("error"),
        "{answer:#?}"
    );
}

fn load(case: &Path, question: &Map<String, Value>) -> Result<FilterConfig, Error> {
    let text = |key: &str| question.get(key).map(|value| value.as_str().unwrap());
    let mut loader = Loader::new(case);
    if let Some(backend) = text("backend") {
        loader = loader.backend(backend);
    }
    if let Some(directory) = text("fallback") {
        loader = loader.fallback(case.join(directory), OsFiles);
    }
    match (text("filter"), text("file")) {
        (Some(filter), None) => loader.filter(&parse(filter)?),
        (None, Some(file)) => {
            let path = format!("{}/{file}", case.display());
            loader.filter_file(&parse(&path)?)
        }
        _ => panic!("a question needs `filter` or `file`: {question:?}"),
    }
}

fn parse(text: &str) -> Result<FilterSpec, Error> {
    FilterSpec::parse(&Source::new("question", text))
}

fn answer(
    case: &Path,
    result: &Result<FilterConfig, Error>,
    question: &Map<String, Value>,
) -> Map<String, Value> {
    let prefix = format!("{}/", case.display());
    let plain = |text: String| text.replace(&prefix, "");
    let value = match result {
        Err(error) => json!({
            "error": error.code(),
            "message": plain(error.to_string()),
            "labels": error
                .labels()
                .iter()
                .map(|label| plain(format!("{}: {}", label.span, label.text)))
                .collect::<Vec<_>>(),
        }),
        Ok(config) => {
            let all = |texts: &[Traced]| texts.iter().map(Traced::to_string).collect::<Vec<_>>();
            let text = |text: Option<&Traced>| text.map(Traced::to_string);
            let sources = config.sources().iter();
            let warnings = config.warnings().iter();
            let missing = config.missing_includes().iter();
            let borrowed = config.borrowed().iter();
            json!({
                "name": config.name(),
                "failregex": all(config.failregex()),
                "ignoreregex": all(config.ignoreregex()),
                "prefregex": text(config.prefregex()),
                "maxlines": config.maxlines(),
                "datepattern": text(config.datepattern()),
                "usedns": text(config.usedns()),
                "journalmatch": config.journalmatch(),
                "sources": sources.map(|s| plain(s.name().to_owned())).collect::<Vec<_>>(),
                "warnings": warnings.map(|w| plain(w.to_string())).collect::<Vec<_>>(),
                "missing_includes": missing
                    .map(|span| plain(format!("{span}: {}", span.text())))
                    .collect::<Vec<_>>(),
                "borrowed": borrowed
                    .map(|b| plain(format!("{}: {} is {}", b.wanted, b.wanted.text(), b.used.name())))
                    .collect::<Vec<_>>(),
                "origins": origins(config, question, plain),
            })
        }
    };
    value.as_object().unwrap().clone()
}

/// The places of the parts that the question asks for.
fn origins(
    config: &FilterConfig,
    question: &Map<String, Value>,
    plain: impl Fn(String) -> String,
) -> Value {
    let Some(asked) = question.get("origins") else {
        return Value::Null;
    };
    let place = |part: &str| {
        let regexes = config.failregex().iter().chain(config.ignoreregex());
        let rule = regexes
            .chain(config.prefregex())
            .find(|rule| rule.as_str().contains(part))
            .unwrap_or_else(|| panic!("`{part}` is in no expression"));
        let at = rule.as_str().find(part).unwrap();
        let origin = rule.origin(at..at + part.len());
        let mut lines = vec![
            origin
                .as_ref()
                .map_or("computed".to_owned(), ToString::to_string),
        ];
        for via in origin.iter().flat_map(Origin::via) {
            lines.push(format!("via {via}: {}", via.text()));
        }
        lines.into_iter().map(&plain).collect::<Vec<_>>()
    };
    let places = asked.as_object().unwrap().keys();
    Value::Object(
        places
            .map(|part| (part.clone(), json!(place(part))))
            .collect(),
    )
}

#[expect(clippy::disallowed_methods, reason = "fixtures are read by their test")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "fixtures are read by their test")]
fn read_dir(path: &Path) -> Vec<std::path::PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}
