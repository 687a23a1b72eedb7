//! Tags in expressions, `<HOST>` and its kin, and what they stand for.
//!
//! Expansion happens on the text, before it is parsed as a regular
//! expression, so a tag is also expanded where it makes no sense.

use std::collections::HashSet;

use crate::traced::Traced;

/// Expands every tag of an expression. Unknown tags stay as they are.
///
/// With `host_names` false, as under `usedns = no`, `<HOST>` accepts
/// addresses only. Errors in the text of a tag point at the tag.
pub(crate) fn expand_tags(text: &Traced, host_names: bool) -> Traced {
    expand(text, Expander::new(&OURS, host_names))
}

/// The same in fail2ban's own spelling of the tags, which matches the same and
/// is what fail2ban's programs print.
pub(super) fn spell_tags(text: &Traced, host_names: bool) -> Traced {
    expand(text, Expander::new(&FAIL2BAN, host_names))
}

fn expand(text: &Traced, mut expander: Expander) -> Traced {
    let mut out = Traced::default();
    let mut copied = 0;
    let mut from = 0;
    while let Some(tag) = next_tag(text.as_str(), from) {
        let range = tag.start..tag.start + tag.name.len() + 2;
        from = range.end;
        let Some(expansion) = expander.expansion(tag.name) else {
            continue;
        };
        out.push(&text.slice(copied..range.start));
        let expansion = match text.origin(range.clone()) {
            Some(origin) => Traced::at(expansion, origin.span()).through(text, range.clone()),
            None => Traced::computed(expansion),
        };
        out.push(&expansion);
        copied = range.end;
    }
    out.push(&text.slice(copied..text.len()));
    out
}

struct Tag<'t> {
    /// Where its `<` stands.
    start: usize,
    /// What stands between `<` and `>`, slashes included.
    name: &'t str,
}

/// The next `<` or `</`, word characters or hyphens, optional `/`, `>`.
///
/// Word characters beyond ASCII would be allowed as well, but no known tag
/// has any and what is not known stays literal.
fn next_tag(text: &str, mut from: usize) -> Option<Tag<'_>> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let bytes = text.as_bytes();
    loop {
        let start = from + text.get(from..)?.find('<')?;
        let mut at = start + 1;
        at += usize::from(bytes.get(at) == Some(&b'/'));
        let name = at;
        while bytes.get(at).copied().is_some_and(in_name) {
            at += 1;
        }
        let named = at > name;
        at += usize::from(bytes.get(at) == Some(&b'/'));
        if named && bytes.get(at) == Some(&b'>') {
            return Some(Tag {
                start,
                name: &text[start + 1..at],
            });
        }
        from = start + 1;
    }
}

/// How the parts of `<HOST>` are spelled.
struct Spelling {
    /// Four runs of digits; which numbers they are is not looked at here.
    ip4: &'static str,
    /// Pieces that end in colons, then digits or one more colon.
    ip6: &'static str,
    dns: &'static str,
    /// Any number of whole lines.
    lines: &'static str,
}

const OURS: Spelling = Spelling {
    ip4: r"(?:::f{4,6}:)?(?P<ip4>\d{1,3}(?:\.\d{1,3}){3})",
    ip6: r"(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:))",
    dns: r"(?P<dns>[\w.^-]*\w)",
    lines: r"(?:.*\n)*?",
};

const FAIL2BAN: Spelling = Spelling {
    ip4: r"(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})",
    ip6: r"(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))",
    dns: r"(?P<dns>[\w\-.^_]*\w)",
    lines: r"(?:(?:.*\n)*?)",
};

const CIDR: &str = r"(?P<cidr>\d+)";

struct Expander {
    spelling: &'static Spelling,
    host_names: bool,
    /// How many `<SKIPLINES>` were seen; they are numbered.
    skip_lines: usize,
    /// Names of the groups opened by `<F-NAME>` so far. Closing one does not
    /// take it from here.
    opened: HashSet<String>,
}

impl Expander {
    fn new(spelling: &'static Spelling, host_names: bool) -> Expander {
        Expander {
            spelling,
            host_names,
            skip_lines: 0,
            opened: HashSet::new(),
        }
    }

    fn expansion(&mut self, name: &str) -> Option<String> {
        let Spelling {
            ip4,
            ip6,
            dns,
            lines,
        } = self.spelling;
        // An address, in brackets or not.
        let address = |suffix: &str| format!(r"\[?(?:{ip4}|{ip6}){suffix}\]?");
        Some(match name {
            "HOST" if self.host_names => format!("(?:{}|{dns})", address("")),
            "HOST" | "ADDR" | "F-ADDR/" => address(""),
            "SUBNET" | "F-SUBNET/" => address(&format!("(?:/{CIDR})?")),
            "IP4" | "F-IP4/" => (*ip4).to_owned(),
            "IP6" | "F-IP6/" => (*ip6).to_owned(),
            "DNS" | "F-DNS/" => (*dns).to_owned(),
            "CIDR" | "F-CIDR/" => CIDR.to_owned(),
            "F-ID/" => r"(?P<fid>\S+)".to_owned(),
            "F-PORT/" => r"(?P<fport>\w+)".to_owned(),
            "SKIPLINES" => {
                let number = self.skip_lines;
                self.skip_lines += 1;
                format!(r"\n(?P<skiplines{number}>{lines})")
            }
            _ => return self.custom(name),
        })
    }

    /// `<F-NAME>` and `</F-NAME>`.
    fn custom(&mut self, name: &str) -> Option<String> {
        let (closing, name) = match name.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let name = name.strip_prefix("F-")?;
        let in_name =
            |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(in_name) {
            return None;
        }
        if closing {
            return self.opened.contains(name).then(|| ")".to_owned());
        }
        self.opened.insert(name.to_owned());
        let group = match name {
            "ID" => "fid".to_owned(),
            "PORT" => "fport".to_owned(),
            _ => name.to_ascii_lowercase(),
        };
        Some(format!("(?P<{group}>"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn expanded(text: &str) -> String {
        let source = Source::new("a.conf", text);
        let text = Traced::typed(&source.span(0..text.len()));
        expand_tags(&text, true).as_str().to_owned()
    }

    #[test]
    fn names_become_groups() {
        assert_eq!(expanded("<F-USER>\\S+</F-USER>"), "(?P<user>\\S+)");
        assert_eq!(expanded("<F-ID>a</F-ID>"), "(?P<fid>a)");
        assert_eq!(expanded("<F-PORT>a</F-PORT>"), "(?P<fport>a)");
        assert_eq!(
            expanded("<F-ALT_USER_1>a</F-ALT_USER_1>"),
            "(?P<alt_user_1>a)"
        );
        assert_eq!(expanded("<F-A-B>"), "(?P<a-b>");
    }

    #[test]
    fn a_close_tag_needs_an_open_one_before_it() {
        assert_eq!(expanded("</F-A>x<F-A>y</F-A>z</F-A>"), "</F-A>x(?P<a>y)z)");
    }

    #[test]
    fn unknown_tags_stay() {
        for text in [
            "<host>",
            "<FID>",
            "<PORT>",
            "<IP4/>",
            "<F-HOST/>",
            "<F-USER/>",
            "<F-user>",
            "</F-ID/>",
            "</HOST>",
            "< HOST>",
            "<HOST",
            "<",
            "<>",
            "</>",
            "<é>",
            "a<b<c>",
        ] {
            assert_eq!(expanded(text), text);
        }
        assert_eq!(expanded("<x<CIDR>"), r"<x(?P<cidr>\d+)");
    }

    #[test]
    fn skipped_lines_are_numbered() {
        assert_eq!(
            expanded("<SKIPLINES>a<SKIPLINES>"),
            r"\n(?P<skiplines0>(?:.*\n)*?)a\n(?P<skiplines1>(?:.*\n)*?)"
        );
    }

    #[test]
    fn host_names_only_if_wanted() {
        let text = Traced::computed("<HOST>");
        let address = expand_tags(&Traced::computed("<ADDR>"), true);
        assert_eq!(expand_tags(&text, false), address);
        assert!(expand_tags(&text, true).as_str().contains("(?P<dns>"));
    }

    #[test]
    fn tags_have_two_spellings_that_accept_the_same() {
        let text = Traced::computed("<SUBNET> <DNS> <F-ID/>");
        let (ours, theirs) = (expand_tags(&text, true), spell_tags(&text, true));
        assert_ne!(ours, theirs);
        let pattern = |text: &Traced| {
            let options = crate::pattern::PatternOptions {
                multi_line: false,
                buffer: crate::pattern::Buffer::Line,
            };
            crate::pattern::Pattern::new(text, options).unwrap()
        };
        let (ours, theirs) = (pattern(&ours), pattern(&theirs));
        assert_eq!(ours.group_names(), theirs.group_names());
        for (line, expected) in [
            ("192.0.2.1/24 a.example x\n", true),
            ("[2001:db8::] a-b^_c x\n", true),
            ("2001:db8 - x\n", false),
        ] {
            for pattern in [&ours, &theirs] {
                let text = crate::pattern::Haystack::new(line);
                assert_eq!(
                    pattern.is_match(text, 0..line.len()),
                    Ok(expected),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn an_expansion_is_where_its_tag_is() {
        let source = Source::new("a.conf", "x<F-ID/>y");
        let text = expand_tags(&Traced::typed(&source.span(0..9)), true);
        assert_eq!(text, r"x(?P<fid>\S+)y");
        let origin = text.origin(4..6).unwrap();
        assert_eq!(origin.to_string(), "a.conf:1:2");
        assert_eq!(origin.span().text(), "<F-ID/>");
        assert_eq!(origin.via().len(), 1);
        assert_eq!(
            text.origin(13..14).unwrap().to_string(),
            "a.conf:1:9",
            "text after a tag keeps its place"
        );
    }
}
