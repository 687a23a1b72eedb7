//! Text made fit for people's eyes.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// Characters that a terminal would obey or hide rather than show.
static UNSEEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]").expect("a constant, and covered by the tests")
});

/// Text of a log or a configuration. For a terminal, characters that it would
/// obey are written as escapes, so that no log can move the cursor, change
/// colours or turn the direction of writing.
pub(crate) struct Visible<'t> {
    text: &'t str,
    escape: bool,
}

impl<'t> Visible<'t> {
    pub(crate) fn new(text: &'t str, escape: bool) -> Visible<'t> {
        Visible { text, escape }
    }
}

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.escape {
            return f.write_str(self.text);
        }
        let mut rest = 0;
        for found in UNSEEN.find_iter(self.text) {
            f.write_str(&self.text[rest..found.start()])?;
            write!(f, "{}", found.as_str().escape_default())?;
            rest = found.end();
        }
        f.write_str(&self.text[rest..])
    }
}

/// The text cut to a number of characters, the last of which is then `…`.
pub(crate) fn shortened(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.map(|width| width.max(1)) else {
        return text.to_owned();
    };
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => {
            let mut short: String = text.chars().take(width - 1).collect();
            short.push('…');
            short
        }
    }
}

/// `1 line`, `2 lines`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let end = match number {
        1 => "",
        _ if noun.ends_with("ch") || noun.ends_with(['s', 'x']) => "es",
        _ => "s",
    };
    format!("{number} {noun}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing() {
        let text = "a\x1b[31mb\0\t\u{9b}c\u{202e}é\u{feff}";
        assert_eq!(Visible::new(text, false).to_string(), text);
        assert_eq!(
            Visible::new(text, true).to_string(),
            r"a\u{1b}[31mb\u{0}\t\u{9b}c\u{202e}é\u{feff}"
        );
    }

    #[test]
    fn short_text_stays() {
        assert_eq!(shortened("äbc", None), "äbc");
        assert_eq!(shortened("äbc", Some(3)), "äbc");
        assert_eq!(shortened("äbc", Some(2)), "ä…");
        assert_eq!(shortened("äbc", Some(0)), "…");
    }

    #[test]
    fn nouns_follow_their_numbers() {
        assert_eq!(counted(1, "match"), "1 match");
        assert_eq!(counted(0, "match"), "0 matches");
        assert_eq!(counted(2, "hit"), "2 hits");
        assert_eq!(counted(2, "address"), "2 addresses");
    }
}
