//! One expression for programs that only know lines: an alternation that means
//! what a filter's expressions mean.
//!
//! Such programs see the whole line, cannot capture, and do not all know
//! look-around. So tags become groups, hosts become addresses, look-around is
//! left out and of a condition both branches may be. What is left out makes the
//! expression match more, never less; that it does not on a log is checked by
//! counting.

/// An address, of either kind.
const ADDRESS: &str = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,39})";

/// What a filter says of a line that has lost its date.
pub(crate) struct Expressions {
    pub(crate) prefregex: Option<String>,
    pub(crate) failregex: Vec<String>,
}

impl Expressions {
    /// One expression for all. `date` is what the beginning of each line looks
    /// like, up to the end of the date; empty if the date is inside.
    pub(crate) fn alternation(&self, date: &str) -> String {
        let all: Vec<String> = self.bodies(ADDRESS).collect();
        format!("^{}{}(?:{})", date, self.head(), all.join("|"))
    }

    /// The expressions with `<HOST>` in them, each for a whole line. One without
    /// an address is left out.
    pub(crate) fn with_hosts(&self, date: &str) -> Vec<String> {
        self.bodies("<HOST>")
            .filter(|body| body.contains("<HOST>"))
            .map(|body| format!("^{date}{}{body}", self.head()))
            .collect()
    }

    /// What comes before all failregexes: the prefregex up to its content.
    fn head(&self) -> String {
        let prefix = self.prefregex.as_deref().unwrap_or_default();
        let head = prefix.split("<F-CONTENT>").next().unwrap_or_default();
        plain(head.trim_start_matches('^'), ADDRESS)
    }

    fn bodies<'a>(&'a self, host: &'a str) -> impl Iterator<Item = String> + 'a {
        self.failregex
            .iter()
            .map(move |regex| plain(regex.trim_start_matches('^'), host))
    }
}

/// The expression without tags, names, conditions and look-around.
fn plain(regex: &str, host: &str) -> String {
    let mut out = String::new();
    let mut rest = regex;
    while let Some(c) = rest.chars().next() {
        if let Some((skipped, text)) = replaced(rest, host) {
            out += text;
            rest = &rest[skipped..];
        } else if c == '[' {
            let end = class_end(rest);
            out += &rest[..end];
            rest = &rest[end..];
        } else {
            let length = match c {
                '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                c => c.len_utf8(),
            };
            out += &rest[..length];
            rest = &rest[length..];
        }
    }
    out
}

/// What stands here and must be something else: how long it is, and what then.
fn replaced<'t>(rest: &str, host: &'t str) -> Option<(usize, &'t str)> {
    for tag in ["<HOST>", "<ADDR>", "<IP4>", "<IP6>"] {
        if rest.starts_with(tag) {
            return Some((tag.len(), host));
        }
    }
    let to = |end: char| rest.find(end).map(|at| at + 1);
    if rest.starts_with("</F-") {
        Some((to('>')?, ")"))
    } else if rest.starts_with("<F-") || rest.starts_with("(?P<") {
        Some((to('>')?, "(?:"))
    } else if rest.starts_with("(?(") {
        Some((to(')')?, "(?:"))
    } else if needless_escape(rest) {
        Some((1, ""))
    } else if ["(?!", "(?=", "(?<!", "(?<="]
        .iter()
        .any(|start| rest.starts_with(start))
    {
        Some((group_end(rest), ""))
    } else {
        None
    }
}

/// Whether a backslash stands before what means itself anyway. Not everybody
/// takes it there, and some take it for something else.
fn needless_escape(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next() == Some('\\') && chars.next().is_some_and(|c| "!\"%',/:;<=>@_`".contains(c))
}

/// Where the class ends that begins here.
fn class_end(rest: &str) -> usize {
    // A bracket right at the beginning is a member.
    let mut at = if rest.starts_with("[^") { 3 } else { 2 };
    let bytes = rest.as_bytes();
    while at < bytes.len() && bytes[at] != b']' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Where the group ends that begins here.
fn group_end(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' => at += class_end(&rest[at..]) - 1,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(regex: &str, expected: &str) {
        assert_eq!(plain(regex, "HOST"), expected);
    }

    #[test]
    fn tags_are_groups() {
        check(
            r"^ login of <F-USER>\S+|.*?</F-USER> from <HOST>$",
            r"^ login of (?:\S+|.*?) from HOST$",
        );
        check(r"(?P<name>a)\(?P<", r"(?:a)\(?P<");
    }

    #[test]
    fn look_around_is_left_out() {
        check(r"(?:(?! from [)] \) ).)*x(?<=x)", r"(?:.)*x");
        check(r"a(?=b(c|d)e)f", "af");
        check(r"\(?!x", r"\(?!x");
    }

    #[test]
    fn a_condition_may_be_either() {
        check(
            r"(?P<i>invalid )?(?(i)a|[^:]+)",
            r"(?:invalid )?(?:a|[^:]+)",
        );
    }

    #[test]
    fn needless_escapes_go() {
        check(r"http\://\<a\.\\:", r"http://<a\.\\:");
    }

    #[test]
    fn classes_stay() {
        check(
            r"[](?!<HOST>][^]\]<F-USER>]é",
            r"[](?!<HOST>][^]\]<F-USER>]é",
        );
    }

    #[test]
    fn all_are_one() {
        let expressions = Expressions {
            prefregex: Some(r"^<F-MLFID>x\s</F-MLFID>y<F-CONTENT>.+</F-CONTENT>$".into()),
            failregex: vec!["^a <HOST>$".into(), "^b".into()],
        };
        assert_eq!(
            expressions.alternation(r"\d+ "),
            format!(r"^\d+ (?:x\s)y(?:a {ADDRESS}$|b)")
        );
        assert_eq!(expressions.with_hosts(""), [r"^(?:x\s)ya <HOST>$"]);
    }
}
