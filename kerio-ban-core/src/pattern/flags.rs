//! Flags at the start of a group, as fail2ban rewrites them.
//!
//! Python once allowed `(?i)` anywhere. Filters still say `((?i)word)`, and
//! fail2ban turns that into `(?i:word)` before it compiles, so that the
//! flags hold for the group alone.

use crate::traced::Traced;

/// Turns `((?flags)` and `(?:(?flags)` into `(?flags:`.
///
/// The rule works on the text and knows only whether a backslash stands
/// directly before: it applies inside a character class too, and not after
/// an escaped backslash.
pub(super) fn scope_flags(text: &Traced) -> Traced {
    let mut out = Traced::default();
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = next_group(text.as_str(), from) {
        out.push(&text.slice(copied..found.start));
        // The flag group itself is what stays; its `)` becomes the `:`.
        out.push(&text.slice(found.flags..found.end - 1));
        out.push(&Traced::computed(":"));
        copied = found.end;
        from = found.end;
    }
    out.push(&text.slice(copied..text.len()));
    out
}

struct FlagGroup {
    start: usize,
    /// Where the inner `(?` stands.
    flags: usize,
    /// Behind the `)` of the flags.
    end: usize,
}

fn next_group(text: &str, mut from: usize) -> Option<FlagGroup> {
    let bytes = text.as_bytes();
    loop {
        let start = from + text.get(from..)?.find('(')?;
        from = start + 1;
        if start > 0 && bytes[start - 1] == b'\\' {
            continue;
        }
        let rest = &text[start + 1..];
        let flags = start + 1 + if rest.starts_with("?:") { 2 } else { 0 };
        let Some(letters) = text[flags..].strip_prefix("(?") else {
            continue;
        };
        let count = letters.bytes().take_while(u8::is_ascii_lowercase).count();
        let end = flags + 2 + count;
        if count > 0 && bytes.get(end) == Some(&b')') {
            return Some(FlagGroup {
                start,
                flags,
                end: end + 1,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn scoped(text: &str) -> String {
        scope_flags(&Traced::computed(text)).as_str().to_owned()
    }

    #[test]
    fn flags_first_in_a_group_become_its_own() {
        assert_eq!(scoped("a((?i)b)c"), "a(?i:b)c");
        assert_eq!(scoped("(?:(?im)b)((?s)c)"), "(?im:b)(?s:c)");
        assert_eq!(scoped("((?i)(?:(?m)x))"), "(?i:(?m:x))");
        assert_eq!(scoped("[((?i)]"), "[(?i:]");
        assert_eq!(scoped("(((?i)x))"), "((?i:x))");
    }

    #[test]
    fn everything_else_stays() {
        for text in [
            r"\((?i)",
            r"\\((?i)",
            "(?P<a>(?i)b)",
            "(?i)b",
            "((?I)b)",
            "((?)b)",
            "((?i-m)b)",
            "((?i:b))",
            "((?i",
            "(",
        ] {
            assert_eq!(scoped(text), text);
        }
    }

    #[test]
    fn the_rest_keeps_its_place() {
        let source = Source::new("a.conf", "(?:(?i)b)*c");
        let text = scope_flags(&Traced::typed(&source.span(0..11)));
        assert_eq!(text, "(?i:b)*c");
        assert_eq!(text.origin(0..3).unwrap().to_string(), "a.conf:1:4");
        assert_eq!(text.origin(7..8).unwrap().to_string(), "a.conf:1:11");
    }
}
