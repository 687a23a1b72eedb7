//! Conditions that tell some variants of a filter from others.

use serde_json::Value as Json;

use super::read::Options;

/// A condition, in the words of annotations, that holds for all of `these` and
/// none of `those`. `None` if there is no such condition.
pub(super) fn separating(these: &[&Options], those: &[&Options]) -> Option<String> {
    let mut keys: Vec<&str> = Vec::new();
    for key in these.iter().chain(those).flat_map(|options| options.keys()) {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let by_one = keys.iter().find_map(|key| by_key(key, these, those));
    by_one.or_else(|| by_all(&keys, these, those))
}

/// Tells them apart by one option.
fn by_key(key: &str, these: &[&Options], those: &[&Options]) -> Option<String> {
    let mut values: Vec<String> = Vec::new();
    for options in these {
        let differs = |other: &&Options| value(other, key) != value(options, key);
        if !those.iter().all(differs) {
            return None;
        }
        let value = literal(value(options, key))?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    let option = format!("opts.get({})", quoted(key)?);
    Some(match &values[..] {
        [value] => format!("{option} == {value}"),
        several => format!("{option} in ({})", several.join(", ")),
    })
}

/// Describes each of `these` by all its options.
fn by_all(keys: &[&str], these: &[&Options], those: &[&Options]) -> Option<String> {
    if these.iter().any(|options| those.contains(options)) {
        return None;
    }
    let description = |options: &&Options| {
        let tests = keys.iter().map(|key| {
            let value = literal(value(options, key))?;
            Some(format!("opts.get({}) == {value}", quoted(key)?))
        });
        let tests: Vec<String> = tests.collect::<Option<_>>()?;
        Some(format!("({})", tests.join(" and ")))
    };
    let descriptions: Vec<String> = these.iter().map(description).collect::<Option<_>>()?;
    Some(descriptions.join(" or "))
}

/// What `opts.get` finds.
fn value<'o>(options: &'o Options, key: &str) -> Option<&'o Json> {
    options.get(key).filter(|value| !value.is_null())
}

fn literal(value: Option<&Json>) -> Option<String> {
    match value {
        None => Some("None".to_owned()),
        Some(Json::Bool(true)) => Some("True".to_owned()),
        Some(Json::Bool(false)) => Some("False".to_owned()),
        Some(Json::String(text)) => quoted(text),
        Some(_) => None,
    }
}

/// As conditions quote text, which know no escapes.
fn quoted(text: &str) -> Option<String> {
    let quote = ['\'', '"']
        .into_iter()
        .find(|quote| !text.contains(*quote))?;
    (!text.contains(['\\', '\n', '\r'])).then(|| format!("{quote}{text}{quote}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::condition::holds;
    use super::*;

    fn options(all: &[Json]) -> Vec<Options> {
        let object = |value: &Json| value.as_object().unwrap().clone();
        all.iter().map(object).collect()
    }

    fn check(these: &[Json], those: &[Json]) -> Option<String> {
        let (these, those) = (options(these), options(those));
        let condition = separating(
            &these.iter().collect::<Vec<_>>(),
            &those.iter().collect::<Vec<_>>(),
        )?;
        for (options, expected) in these
            .iter()
            .map(|options| (options, true))
            .chain(those.iter().map(|options| (options, false)))
        {
            assert_eq!(holds(&condition, "x", options), Ok(expected), "{condition}");
        }
        Some(condition)
    }

    #[test]
    fn one_option_is_enough_if_it_tells() {
        let mode = |mode: &str| json!({"logtype": "file", "mode": mode});
        assert_eq!(
            check(&[mode("ddos")], &[mode("normal")]).unwrap(),
            "opts.get('mode') == 'ddos'"
        );
        assert_eq!(
            check(&[mode("ddos"), mode("it's")], &[mode("normal"), json!({})]).unwrap(),
            "opts.get('mode') in ('ddos', \"it's\")"
        );
        assert_eq!(
            check(&[json!({})], &[mode("normal")]).unwrap(),
            "opts.get('logtype') == None"
        );
    }

    #[test]
    fn otherwise_all_options_are_said() {
        let both = |a: &str, b: &str| json!({"a": a, "b": b});
        assert_eq!(
            check(&[both("1", "2"), both("2", "1")], &[both("1", "1")]).unwrap(),
            "(opts.get('a') == '1' and opts.get('b') == '2') or \
             (opts.get('a') == '2' and opts.get('b') == '1')"
        );
        assert_eq!(check(&[json!({"a": 1})], &[json!({"a": 2})]), None);
        assert_eq!(check(&[json!({"a": "1"})], &[json!({"a": "1"})]), None);
        assert_eq!(check(&[json!({"a": "'\""})], &[json!({"a": "1"})]), None);
    }
}
