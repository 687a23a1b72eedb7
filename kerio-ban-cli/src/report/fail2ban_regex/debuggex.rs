//! Links to debuggex.com, which shows how an expression matches.

use std::fmt::Write;

use kerio_ban_core::spell_out;

use crate::input::Encoding;

/// How the links are made.
pub(crate) struct Links {
    /// Whether `<HOST>` takes names.
    pub(crate) host_names: bool,
    pub(crate) multi_line: bool,
    /// How the lines are encoded.
    pub(crate) encoding: Encoding,
}

impl Links {
    /// A line with an expression, and the link to both.
    pub(super) fn entry(&self, line: &str, expression: &str) -> String {
        let mut link = "https://www.debuggex.com/?re=".to_owned();
        let spelled = spell_out(expression, self.host_names, false);
        encode(spelled.as_bytes(), &mut link);
        link += "&str=";
        encode(&self.encoding.encode(line), &mut link);
        link += "&flavor=python";
        if self.multi_line {
            link += "&flags=m";
        }
        format!("{line} | {expression} |  {link}")
    }
}

/// Text in the form of a query, as Python's `quote_plus` writes it.
fn encode(text: &[u8], out: &mut String) {
    for &byte in text {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_hold_line_and_expression() {
        let links = Links {
            host_names: true,
            multi_line: true,
            encoding: Encoding::Utf8,
        };
        assert_eq!(
            links.entry("a b", "^ä<F-ID/>$"),
            "a b | ^ä<F-ID/>$ |  https://www.debuggex.com/?re=%5E%C3%A4%28%3FP%3Cfid%3E%5CS%2B\
             %29%24&str=a+b&flavor=python&flags=m"
        );
    }
}
