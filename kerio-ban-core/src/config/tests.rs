//! The recorded answers of fail2ban, and what the modules of `config` cannot
//! test alone.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::config::budget::Budget;
use crate::config::layers::Layers;
use crate::config::ordered::OrderedMap;
use crate::config::tags::{self, Surroundings};
use crate::config::{FilterConfig, FilterSpec, Loader, duration, options, values};
use crate::error::Error;
use crate::ini;
use crate::source::{MemoryFiles, Source};
use crate::traced::Traced;

const CASES: &str = include_str!("../../../fixtures/cases/config.json");
const TABLES: &str = include_str!("../../../fixtures/cases/config-tables.json");

fn typed(text: &str) -> Traced {
    let source = Source::new("t", text);
    Traced::typed(&source.span(0..text.len()))
}

/// What a filter comes to, in the form of the recorded answers.
fn as_json(result: Result<FilterConfig, Error>) -> Value {
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

fn load_case(case: &Value) -> Value {
    const ROOT: &str = "/etc/fail2ban";
    let mut files = MemoryFiles::new();
    for (path, text) in case["files"].as_object().unwrap() {
        let text = text.as_str().unwrap().replace("@ROOT@", ROOT);
        files.insert(format!("{ROOT}/{path}"), text);
    }
    let mut spec = FilterSpec::new(case["name"].as_str().unwrap());
    for (name, value) in case["options"].as_object().unwrap() {
        spec = spec.with_option(name, value.as_str().unwrap().replace("@ROOT@", ROOT));
    }
    let backend = case["backend"].as_str().unwrap_or("auto");
    let loader = Loader::with_files(ROOT, files).backend(backend);
    let answer = as_json(loader.filter(&spec)).to_string();
    serde_json::from_str(&answer.replace(ROOT, "@ROOT@")).unwrap()
}

#[test]
fn filters_resolve_as_recorded() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let mut run = 0;
    for case in cases.iter().filter(|case| case["kind"] == "filter") {
        let expected = match case["expect"].get("error") {
            Some(code) => json!({ "error": code }),
            None => case["expect"].clone(),
        };
        assert_eq!(load_case(case), expected, "case {}", case["id"]);
        run += 1;
    }
    assert!(run >= 66, "only {run} cases were run");
}

/// Checks a function against its recorded table. `None` stands for an error.
fn check_table(name: &str, answer: impl Fn(&Value) -> Option<Value>) {
    let tables: Value = serde_json::from_str(TABLES).unwrap();
    let rows = tables[name].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(
            answer(&row["in"]),
            row.get("out").cloned(),
            "{name} of {}",
            row["in"]
        );
    }
}

#[test]
fn options_are_extracted_as_recorded() {
    check_table("extractOptions", |input| {
        let (name, options) = options::extract(&typed(input.as_str()?)).ok()?;
        let options: serde_json::Map<String, Value> = options
            .iter()
            .map(|(key, value)| (key.to_owned(), json!(value.as_str())))
            .collect();
        Some(json!([name.as_str(), options]))
    });
}

#[test]
fn option_lists_are_split_as_recorded() {
    check_table("splitWithOptions", |input| {
        let text = input.as_str()?;
        let parts = options::split(text).into_iter().map(|part| &text[part]);
        Some(json!(parts.collect::<Vec<_>>()))
    });
}

#[test]
fn values_are_read_as_recorded() {
    check_table("splitwords", |input| {
        Some(json!(values::split_words(input.as_str()?)))
    });
    check_table("bool", |input| Some(json!(values::switch(input.as_str()?))));
    check_table("int", |input| {
        Some(json!(values::integer(&typed(input.as_str()?)).ok()?))
    });
}

#[test]
fn durations_are_read_as_recorded() {
    let tables: Value = serde_json::from_str(TABLES).unwrap();
    for row in tables["str2seconds"].as_array().unwrap() {
        let seconds = duration::seconds(&typed(row["in"].as_str().unwrap())).ok();
        assert_eq!(seconds, row["out"].as_f64(), "{}", row["in"]);
    }
}

#[test]
fn tags_are_substituted_as_recorded() {
    check_table("substituteRecursiveTags", |input| {
        let mut values: OrderedMap<Traced> = input[0]
            .as_object()?
            .iter()
            .map(|(key, value)| (key.clone(), typed(value.as_str().unwrap())))
            .collect();
        let ignored: HashSet<String> = input[1]
            .as_array()?
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        let around = Surroundings {
            ignored: &ignored,
            find: &mut |_| Ok(None),
            section: &|_| None,
            budget: &Budget::new(),
        };
        tags::substitute(&mut values, around).ok()?;
        let values: serde_json::Map<String, Value> = values
            .iter()
            .map(|(key, value)| (key.to_owned(), json!(value.as_str())))
            .collect();
        Some(Value::Object(values))
    });
}

#[test]
fn files_are_parsed_as_recorded() {
    let tables: Value = serde_json::from_str(TABLES).unwrap();
    for row in tables["ini"].as_array().unwrap() {
        let text = row["in"].as_str().unwrap();
        let answer = match ini::parse(&Source::new("t", text)) {
            Ok(document) => {
                let mut layers = Layers::default();
                layers.merge(&document);
                layers_as_json(&layers)
            }
            Err(error) => json!(match error.code() {
                "missing-section-header" => "MissingSectionHeaderError",
                "duplicate-option" => "DuplicateOptionError",
                "duplicate-section" => "DuplicateSectionError",
                "parse-error" => "ParsingError",
                code => panic!("{code}"),
            }),
        };
        let expected = row.get("out").unwrap_or(&row["error"]);
        assert_eq!(answer, *expected, "{text:?}");
    }
}

fn layers_as_json(layers: &Layers) -> Value {
    let options = |options: &OrderedMap<Traced>| {
        let values = options
            .iter()
            .map(|(key, value)| (key.to_owned(), json!(value.as_str())));
        Value::Object(values.collect())
    };
    let mut sections: serde_json::Map<String, Value> = layers
        .sections()
        .map(|(name, section)| (name.to_owned(), options(section)))
        .collect();
    sections.insert("DEFAULT".to_owned(), options(layers.defaults()));
    Value::Object(sections)
}

mod hostile;
mod jails;
mod messages;
mod origins;
