//! Any bytes as the small languages: durations, formulas, filter options,
//! zones, addresses, tags.

use kerio_ban_core::{
    Exemption, FailureId, FilterSpec, Formula, LogZone, MemoryFiles, Timestamp, Zone,
    parse_duration, recorded, spell_out,
};
use serde_json::{Value, json};

use crate::shown::check_error;

/// The first byte chooses; the rest is the text.
pub fn run(data: &[u8]) {
    let Some((&which, data)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(data);
    match which % 12 {
        0 => duration(&text),
        1 | 2 => formula(&text),
        3 => specification(&text),
        4 => zone(Zone::posix(&text)),
        5 => zone(Zone::tzif(data)),
        6 => {
            if let Err(error) = text.parse::<LogZone>() {
                check_error(&error);
            }
            zone(Zone::named(&text));
        }
        7 => {
            let files = MemoryFiles::new().with("/ips", &*text);
            for text in [&*text, "file:///ips"] {
                if let Err(error) = Exemption::parse(text, &files) {
                    check_error(&error);
                }
            }
        }
        8 => address(&text),
        9 => {
            let _ = spell_out(&text, data.len().is_multiple_of(2), true);
            let _ = spell_out(&text, data.len().is_multiple_of(2), false);
        }
        10 => functions(&text),
        _ => substitution(&text),
    }
}

fn duration(text: &str) {
    match parse_duration(text) {
        // Python has infinities, too, and sums of them.
        Ok(seconds) => {
            let again = parse_duration(text).ok().map(f64::to_bits);
            assert_eq!(again, Some(seconds.to_bits()));
        }
        Err(error) => check_error(&error),
    }
}

fn formula(text: &str) {
    match text.parse::<Formula>() {
        Ok(formula) => {
            let constant = formula.constant();
            for (time, count, factor) in [(600.0, 0, 1.0), (0.0, 1, -3.5), (1e300, u64::MAX, 2.0)] {
                let value = formula.evaluate(time, count, factor, || 0.5);
                assert!(value.is_none_or(f64::is_finite));
                if constant.is_some() {
                    assert_eq!(value, constant);
                }
            }
        }
        Err(error) => check_error(&error),
    }
}

fn specification(text: &str) {
    match text.parse::<FilterSpec>() {
        Ok(spec) => {
            let _ = spec.to_string();
            assert!(spec.options().all(|(name, _)| spec.option(name).is_some()));
        }
        Err(error) => check_error(&error),
    }
}

fn zone(zone: Result<Zone, kerio_ban_core::Error>) {
    match zone {
        Ok(zone) => {
            for seconds in [0, 1_750_000_000, -1 << 40, 1 << 40, i64::MAX, i64::MIN] {
                let _ = zone.offset(Timestamp::from_whole_seconds(seconds));
            }
            let _ = zone.name();
        }
        Err(error) => check_error(&error),
    }
}

fn address(text: &str) {
    if let Some(id) = FailureId::parse(text) {
        let _ = (id.ip(), id.family(), id.prefix_len());
        // fail2ban prints no length that is 0 or too long, so the same text may
        // stand for several ids; without its length, a mapped address is another.
        let text = id.to_string();
        if id.ip().is_some() && !text.starts_with("::ffff:") {
            let again = FailureId::parse(&text).map(|again| again.to_string());
            assert_eq!(again, Some(text));
        }
    }
}

fn functions(text: &str) {
    let names = [
        "extractOptions",
        "splitWithOptions",
        "splitwords",
        "bool",
        "int",
    ];
    for name in names {
        let answer = recorded::answer(name, &json!(text));
        assert!(answer.is_some(), "{name}");
    }
}

/// Each line is a tag and its value.
fn substitution(text: &str) {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let values: serde_json::Map<String, Value> = lines
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let answer = recorded::answer("substituteRecursiveTags", &json!([values, ["HOST"]]));
    assert!(answer.is_some());
}
