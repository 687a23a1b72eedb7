//! What Python makes of the values of options that mean little here.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::Text;

/// Levels of log messages.
pub(super) const CRITICAL: i64 = 50;
pub(super) const DEBUG: i64 = 10;
/// That of the logger above fail2ban's, which counts where none is set.
const ROOT: i64 = 30;

/// The level of log messages that a name or a number means.
///
/// # Errors
/// What Python's traceback would end in.
pub(super) fn log_level(text: &str) -> Result<i64, String> {
    let level = if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        text.parse().unwrap_or(i64::MAX)
    } else {
        match text.to_uppercase().as_str() {
            "CRITICAL" | "FATAL" => CRITICAL,
            "ERROR" => 40,
            "WARNING" | "WARN" => 30,
            "NOTICE" => 25,
            "INFO" => 20,
            "MSG" => 18,
            "DEBUG" => DEBUG,
            "TRACEDEBUG" => 7,
            "HEAVYDEBUG" => 5,
            "NOTSET" => 0,
            _ => return Err(format!("Invalid log level {}", Text(text))),
        }
    };
    Ok(if level == 0 { ROOT } else { level })
}

/// Looks for quotes that are not closed, as `shlex` does.
///
/// # Errors
/// In its words.
pub(super) fn check_quotes(text: &str) -> Result<(), &'static str> {
    let mut chars = text.chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None | Some('"'), '\\') => {
                chars.next().ok_or("No escaped character")?;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    match quote {
        None => Ok(()),
        Some(_) => Err("No closing quotation"),
    }
}

static ZONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([A-Z](?:[A-Z]{2,4})?)?([+-][01][0-9](?::?[0-9]{2})?)?\n?$")
        .expect("a constant, and covered by the tests")
});

/// What is said of a zone that cannot be used: one of the right form fails
/// when its name is looked up, and then only the name is told.
pub(super) fn zone_error(text: &str) -> String {
    match ZONE.captures(text).and_then(|groups| groups.get(1)) {
        Some(name) => Text(name.as_str()).to_string(),
        None => format!("Unknown or unsupported time zone: {}", Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_numbers() {
        assert_eq!(log_level("critical"), Ok(50));
        assert_eq!(log_level("HeavyDebug"), Ok(5));
        assert_eq!(log_level("7"), Ok(7));
        assert_eq!(log_level("notset"), Ok(30));
        assert_eq!(log_level("foo"), Err("Invalid log level 'foo'".to_owned()));
        assert!(log_level("").is_err());
    }

    #[test]
    fn quotes_are_those_of_a_shell() {
        assert_eq!(check_quotes(r#"a 'b"' "c\"'" \' "#), Ok(()));
        assert_eq!(check_quotes("'a"), Err("No closing quotation"));
        assert_eq!(check_quotes(r#""a\""#), Err("No closing quotation"));
        assert_eq!(check_quotes("a\\"), Err("No escaped character"));
        assert_eq!(check_quotes(r"'a\'"), Ok(()));
    }

    #[test]
    fn zones_fail_in_two_ways() {
        assert_eq!(zone_error("XQZ"), "'XQZ'");
        assert_eq!(zone_error("XQZ+01"), "'XQZ'");
        assert_eq!(zone_error("foo"), "Unknown or unsupported time zone: 'foo'");
    }
}
