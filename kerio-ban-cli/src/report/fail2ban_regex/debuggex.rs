//! Links to debuggex.com, which shows how an expression matches.

use std::fmt::Write;

use kerio_ban_core::spell_out;

/// A line with an expression, and the link to both.
pub(super) fn entry(line: &str, expression: &str, multi_line: bool, host_names: bool) -> String {
    let mut link = "https://www.debuggex.com/?re=".to_owned();
    encode(&spell_out(expression, host_names, false), &mut link);
    link += "&str=";
    encode(line, &mut link);
    link += "&flavor=python";
    if multi_line {
        link += "&flags=m";
    }
    format!("{line} | {expression} |  {link}")
}

/// Text in the form of a query, as Python's `quote_plus` writes it.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
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
        assert_eq!(
            entry("a b", "^ä<F-ID/>$", true, true),
            "a b | ^ä<F-ID/>$ |  https://www.debuggex.com/?re=%5E%C3%A4%28%3FP%3Cfid%3E%5CS%2B\
             %29%24&str=a+b&flavor=python&flags=m"
        );
    }
}
