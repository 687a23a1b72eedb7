//! Values written as Python writes them: what scripts around fail2ban read.

use std::fmt;
use std::sync::{Arc, LazyLock};

use kerio_ban_core::FailureId;
use regex::Regex;

/// Characters from U+0080 on that Python does not print as they are.
static UNPRINTABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{C}\p{Z}]").expect("a constant, and covered by the tests"));

/// Text as a literal: the `repr` of a `str`.
pub(crate) struct Text<'t>(pub(crate) &'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') {
            '"'
        } else {
            '\''
        };
        write!(f, "{quote}")?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c == quote => write!(f, "\\{c}")?,
                ' '..='~' => write!(f, "{c}")?,
                c if !c.is_ascii() && !UNPRINTABLE.is_match(c.encode_utf8(&mut [0; 4])) => {
                    write!(f, "{c}")?;
                }
                c => match u32::from(c) {
                    code @ ..=0xff => write!(f, "\\x{code:02x}")?,
                    code @ ..=0xffff => write!(f, "\\u{code:04x}")?,
                    code => write!(f, "\\U{code:08x}")?,
                },
            }
        }
        write!(f, "{quote}")
    }
}

/// Text, or `None`.
pub(crate) struct Optional<T>(pub(crate) Option<T>);

impl<T: fmt::Display> fmt::Display for Optional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("None"),
        }
    }
}

/// A failure's id, which may be made of several texts.
pub(crate) fn id(id: &FailureId) -> String {
    id.parts().map_or_else(|| id.to_string(), tuple)
}

/// Texts of which some may be missing.
pub(crate) fn tuple(parts: &[Option<Arc<str>>]) -> String {
    sequence('(', parts.iter().map(Option::as_deref), ')')
}

/// Texts between brackets: `('a', None)`, `['a']`, `{'a', 'b'}`. A tuple of one
/// ends in a comma.
pub(crate) fn sequence<'t>(
    open: char,
    texts: impl IntoIterator<Item = Option<&'t str>>,
    close: char,
) -> String {
    let items: Vec<String> = texts
        .into_iter()
        .map(|text| Optional(text.map(Text)).to_string())
        .collect();
    let end = if close == ')' && items.len() == 1 {
        ","
    } else {
        ""
    };
    format!("{open}{}{end}{close}", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr(text: &str) -> String {
        Text(text).to_string()
    }

    #[test]
    fn quotes_are_chosen_as_python_does() {
        assert_eq!(repr("plain"), "'plain'");
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("say \"it\""), "'say \"it\"'");
        assert_eq!(repr("it's \"it\""), "'it\\'s \"it\"'");
        assert_eq!(repr(""), "''");
    }

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        assert_eq!(repr("a\\b\n\r\t\0\x1b\x7f"), r"'a\\b\n\r\t\x00\x1b\x7f'");
        assert_eq!(repr("é€\u{1f600}"), "'é€\u{1f600}'");
        assert_eq!(
            repr("\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}\u{e000}\u{e0001}\u{378}"),
            r"'\xa0\xad\u200b\u2028\ufeff\ue000\U000e0001\u0378'"
        );
    }

    #[test]
    fn sequences_are_written_with_their_brackets() {
        assert_eq!(sequence('(', [Some("a"), None], ')'), "('a', None)");
        assert_eq!(sequence('(', [Some("a")], ')'), "('a',)");
        assert_eq!(sequence('[', [], ']'), "[]");
        assert_eq!(
            sequence('{', [Some("a"), Some("it's")], '}'),
            "{'a', \"it's\"}"
        );
    }
}
