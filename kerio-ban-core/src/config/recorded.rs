//! Answers of single functions, in the form of the recorded tables.
//!
//! The tables in `fixtures/cases/config-tables.json` hold what fail2ban's own
//! functions answer. Some of ours behind them are private; the test that
//! compares runs from outside, and may be given other tables. This is its way
//! in, and no interface for anybody else.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{budget, duration, layers, options, ordered, tags, values};
use crate::error::Error;
use crate::ini;
use crate::source::Source;
use crate::traced::Traced;

/// What the function of a table answers: a value, or the code of an error.
/// `None` if there is no such function, or the input is not of its kind.
pub fn answer(function: &str, input: &Value) -> Option<Result<Value, &'static str>> {
    let text = input.as_str();
    let answer = match function {
        "extractOptions" => options::extract(&typed(text?))
            .map(|(name, options)| json!([name.as_str(), object(&options)])),
        "splitWithOptions" => {
            let text = text?;
            Ok(options::split(text)
                .into_iter()
                .map(|part| &text[part])
                .collect())
        }
        "splitwords" => Ok(json!(values::split_words(text?))),
        "bool" => Ok(json!(values::switch(text?))),
        "int" => values::integer(&typed(text?)).map(|number| json!(number)),
        "str2seconds" => duration::seconds(&typed(text?)).map(|seconds| json!(seconds)),
        "substituteRecursiveTags" => substitute(input)?,
        "ini" => ini::parse(&Source::new("t", text?)).map(|document| {
            let mut merged = layers::Layers::default();
            merged.merge(&document);
            let mut sections: Map<String, Value> = merged
                .sections()
                .map(|(name, options)| (name.to_owned(), object(options)))
                .collect();
            sections.insert("DEFAULT".to_owned(), object(merged.defaults()));
            Value::Object(sections)
        }),
        _ => return None,
    };
    Some(answer.map_err(|error| error.code()))
}

fn substitute(input: &Value) -> Option<Result<Value, Error>> {
    let values = input.get(0)?.as_object()?.iter();
    let values = values.map(|(key, value)| Some((key.clone(), typed(value.as_str()?))));
    let mut values: ordered::OrderedMap<Traced> = values.collect::<Option<_>>()?;
    let ignored = input.get(1)?.as_array()?.iter();
    let ignored: HashSet<String> = ignored
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    let around = tags::Surroundings {
        ignored: &ignored,
        find: &mut |_| Ok(None),
        section: &|_| None,
        budget: &budget::Budget::new(),
    };
    Some(tags::substitute(&mut values, around).map(|()| object(&values)))
}

fn typed(text: &str) -> Traced {
    let source = Source::new("t", text);
    Traced::typed(&source.span(0..text.len()))
}

fn object(options: &ordered::OrderedMap<Traced>) -> Value {
    options
        .iter()
        .map(|(key, value)| (key.to_owned(), json!(value.as_str())))
        .collect()
}
