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
    let mut expander = Expander {
        host_names,
        skip_lines: 0,
        opened: HashSet::new(),
    };
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

/// Four runs of digits; which numbers they are is not looked at here.
const IP4: &str = r"(?:::f{4,6}:)?(?P<ip4>\d{1,3}(?:\.\d{1,3}){3})";
/// Pieces that end in colons, then digits or one more colon.
const IP6: &str = r"(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|:))";
const DNS: &str = r"(?P<dns>[\w.^-]*\w)";
const CIDR: &str = r"(?P<cidr>\d+)";

struct Expander {
    host_names: bool,
    /// How many `<SKIPLINES>` were seen; they are numbered.
    skip_lines: usize,
    /// Names of the groups opened by `<F-NAME>` so far. Closing one does not
    /// take it from here.
    opened: HashSet<String>,
}

impl Expander {
    fn expansion(&mut self, name: &str) -> Option<String> {
        Some(match name {
            "HOST" if self.host_names => format!("(?:{}|{DNS})", address("")),
            "HOST" | "ADDR" | "F-ADDR/" => address(""),
            "SUBNET" | "F-SUBNET/" => address(&format!("(?:/{CIDR})?")),
            "IP4" | "F-IP4/" => IP4.to_owned(),
            "IP6" | "F-IP6/" => IP6.to_owned(),
            "DNS" | "F-DNS/" => DNS.to_owned(),
            "CIDR" | "F-CIDR/" => CIDR.to_owned(),
            "F-ID/" => r"(?P<fid>\S+)".to_owned(),
            "F-PORT/" => r"(?P<fport>\w+)".to_owned(),
            "SKIPLINES" => {
                let number = self.skip_lines;
                self.skip_lines += 1;
                format!(r"\n(?P<skiplines{number}>(?:.*\n)*?)")
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

/// An address, in brackets or not; `suffix` stands before the closing one.
fn address(suffix: &str) -> String {
    format!(r"\[?(?:{IP4}|{IP6}){suffix}\]?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn expand(text: &str) -> String {
        let source = Source::new("a.conf", text);
        let text = Traced::typed(&source.span(0..text.len()));
        expand_tags(&text, true).as_str().to_owned()
    }

    #[test]
    fn names_become_groups() {
        assert_eq!(expand("<F-USER>\\S+</F-USER>"), "(?P<user>\\S+)");
        assert_eq!(expand("<F-ID>a</F-ID>"), "(?P<fid>a)");
        assert_eq!(expand("<F-PORT>a</F-PORT>"), "(?P<fport>a)");
        assert_eq!(
            expand("<F-ALT_USER_1>a</F-ALT_USER_1>"),
            "(?P<alt_user_1>a)"
        );
        assert_eq!(expand("<F-A-B>"), "(?P<a-b>");
    }

    #[test]
    fn a_close_tag_needs_an_open_one_before_it() {
        assert_eq!(expand("</F-A>x<F-A>y</F-A>z</F-A>"), "</F-A>x(?P<a>y)z)");
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
            assert_eq!(expand(text), text);
        }
        assert_eq!(expand("<x<CIDR>"), format!("<x{CIDR}"));
    }

    #[test]
    fn skipped_lines_are_numbered() {
        assert_eq!(
            expand("<SKIPLINES>a<SKIPLINES>"),
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
