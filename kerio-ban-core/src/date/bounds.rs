//! Where a date may begin and end, and which part of it is cut out.
//!
//! An expression gets a word bound at either end and a group around
//! everything, unless it seems to have its own. fail2ban judges that by the
//! text of the expression, not by its meaning, so this does too.

use super::number::is_python_space;
use super::place::concat;
use crate::traced::Traced;

/// At the start of a line, not inside of a word, or where the next character
/// is not part of a word.
const WORD_BEGIN: &str = r"(?=^|\b|\W)";
/// The start of the line and up to two characters that are not part of words.
const LINE_BEGIN: &str = r"^(?:\W{0,2})?";
const WORD_END: &str = r"(?=\b|\W|$)";

/// The bound wanted at the start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    Anywhere,
    Word,
    Line,
}

/// An expression with bounds.
pub(super) struct Bounded {
    pub(super) regex: Traced,
    /// Tied to the start or the end of the line.
    pub(super) anchored: bool,
    /// The bound to the start of the line was added here.
    pub(super) line_begin_added: bool,
}

/// Adds the bounds and the group that are missing, and takes out the marks
/// (`**`) that say where none is wanted.
pub(super) fn bound(regex: &Traced, begin: Begin, end: bool) -> Bounded {
    let (flags, regex) = take_flags(&regex.trim_matches(is_python_space));
    let begin = if has_own_begin(regex.as_str()) {
        Begin::Anywhere
    } else {
        begin
    };
    let end = end && !has_own_end(regex.as_str());
    let mut regex = if has_group(regex.as_str()) {
        regex
    } else {
        group_all(&regex)
    };
    regex = match begin {
        Begin::Anywhere => regex,
        Begin::Word => concat([&Traced::computed(WORD_BEGIN), &regex]),
        Begin::Line => concat([&Traced::computed(LINE_BEGIN), &regex]),
    };
    if end {
        regex.push(&Traced::computed(WORD_END));
    }
    let line_begin_added = begin == Begin::Line;
    let text = regex.as_str();
    let anchored = line_begin_added || starts_at_line(text) || ends_at_line(text);
    Bounded {
        regex: concat([&flags, &without_marks(&regex)]),
        anchored,
        line_begin_added,
    }
}

/// Whether there is an unnamed capturing group: `(` without a backslash
/// before and a `?` behind it.
pub(super) fn has_group(text: &str) -> bool {
    text.match_indices('(').any(|(at, _)| {
        let before = &text[..at];
        !before.ends_with('\\') && !before.ends_with("(?") && !text[at + 1..].starts_with('?')
    })
}

/// Takes out the first group that only sets flags, such as `(?iu)`.
fn take_flags(regex: &Traced) -> (Traced, Traced) {
    let text = regex.as_str();
    for (at, _) in text.match_indices("(?") {
        if text[..at].ends_with('\\') {
            continue;
        }
        if let Some(end) = flags_end(text, at, |c| c.is_ascii_lowercase()) {
            let rest = concat([&regex.slice(0..at), &regex.slice(end..text.len())]);
            return (regex.slice(at..end), rest);
        }
    }
    (Traced::default(), regex.clone())
}

/// The end of a group that only sets flags and starts at `at`.
fn flags_end(text: &str, at: usize, flag: impl Fn(char) -> bool) -> Option<usize> {
    let inner = text[at..].strip_prefix("(?")?;
    let rest = inner.trim_start_matches(flag);
    (rest.len() < inner.len() && rest.starts_with(')')).then(|| text.len() - rest.len() + 1)
}

/// As [`flags_end`], for the places where fail2ban takes any word for flags.
fn word_flags_end(text: &str, at: usize) -> Option<usize> {
    flags_end(text, at, |c| c.is_alphanumeric() || c == '_')
}

/// Opening parentheses, flags, and then a start of the line, the mark for no
/// bound, or a group that begins with a start of the line.
fn has_own_begin(text: &str) -> bool {
    let open = text.len() - text.trim_start_matches('(').len();
    (0..=open).any(|at| {
        [Some(at), word_flags_end(text, at)]
            .into_iter()
            .flatten()
            .any(|at| {
                let rest = &text[at..];
                rest.starts_with('^')
                    || rest.trim_start_matches('(').starts_with("**")
                    || rest.starts_with("(^")
                    || rest.starts_with("(?:^")
            })
    })
}

/// Ends in an end of the line, a bound of a word, a space or the mark for no
/// bound, as far as that is not escaped.
fn has_own_end(text: &str) -> bool {
    let marked = text
        .trim_end_matches(')')
        .strip_suffix("**")
        .filter(|before| !before.ends_with('\\'));
    marked.is_some()
        || ["$", "$)", r"\b", r"\s"].iter().any(|suffix| {
            text.strip_suffix(suffix)
                .is_some_and(|before| !before.ends_with('\\'))
        })
}

/// Puts everything between a start and an end of the line into a group.
fn group_all(regex: &Traced) -> Traced {
    let text = regex.as_str();
    let mut start = word_flags_end(text, 0).unwrap_or(0);
    start += usize::from(text[start..].starts_with('^'));
    start = word_flags_end(text, start).unwrap_or(start);
    let end = text.len() - usize::from(text[start..].ends_with('$'));
    concat([
        &regex.slice(0..start),
        &Traced::computed("("),
        &regex.slice(start..end),
        &Traced::computed(")"),
        &regex.slice(end..text.len()),
    ])
}

fn starts_at_line(text: &str) -> bool {
    [Some(0), word_flags_end(text, 0)]
        .into_iter()
        .flatten()
        .any(|at| {
            let rest = &text[at..];
            let group = rest.strip_prefix('(').and_then(|inner| {
                let inner = inner.strip_prefix("?:").unwrap_or(inner);
                inner.strip_prefix('^')
            });
            rest.starts_with('^') || group.is_some_and(|inner| !inner.starts_with('|'))
        })
}

fn ends_at_line(text: &str) -> bool {
    ["$", "$)"].iter().any(|suffix| {
        text.strip_suffix(suffix)
            .is_some_and(|before| !before.ends_with(['\\', '|']))
    })
}

/// Takes out `**` behind opening parentheses and flags at the start, and
/// before closing parentheses at the end.
fn without_marks(regex: &Traced) -> Traced {
    let text = regex.as_str();
    let open = text.len() - text.trim_start_matches('(').len();
    let front = (0..=open)
        .rev()
        .flat_map(|at| [word_flags_end(text, at), Some(at)])
        .flatten()
        .find_map(|at| {
            let rest = text[at..].trim_start_matches('(');
            rest.starts_with("**").then(|| text.len() - rest.len())
        });
    let from = front.map_or(0, |at| at + 2);
    let closed = text.trim_end_matches(')').len();
    let back = closed
        .checked_sub(2)
        .filter(|&at| at >= from && text[..closed].ends_with("**"))
        .filter(|&at| !text[..at].ends_with('\\'));
    let mut out = match front {
        Some(at) => regex.slice(0..at),
        None => Traced::default(),
    };
    match back {
        Some(at) => {
            out.push(&regex.slice(from..at));
            out.push(&regex.slice(closed..text.len()));
        }
        None => out.push(&regex.slice(from..text.len())),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(regex: &str, begin: Begin, end: bool) -> String {
        let bounded = bound(&Traced::computed(regex), begin, end);
        let anchored = if bounded.anchored { " anchored" } else { "" };
        format!("{}{anchored}", bounded.regex)
    }

    fn word(regex: &str) -> String {
        show(regex, Begin::Word, true)
            .replace(WORD_BEGIN, "<")
            .replace(WORD_END, ">")
    }

    #[test]
    fn bounds_are_added_where_there_are_none() {
        assert_eq!(word("x"), "<(x)>");
        assert_eq!(word(" x\t"), "<(x)>");
        assert_eq!(word("^x$"), "^(x)$ anchored");
        assert_eq!(word(r"x\b"), r"<(x\b)");
        assert_eq!(word(r"x\\b"), r"<(x\\b)>");
        assert_eq!(word(r"x\s"), r"<(x\s)");
        assert_eq!(word(r"(^x$)"), r"(^x$) anchored");
        assert_eq!(word(r"((?:^x))"), r"((?:^x))>");
        assert_eq!(word(r"(?:^|x)y"), r"((?:^|x)y)>");
        assert_eq!(word(r"x(?:y|$)"), r"<(x(?:y|$))");
        assert_eq!(word(""), "<()>");
    }

    #[test]
    fn without_word_bounds() {
        assert_eq!(show("x", Begin::Anywhere, false), "(x)");
        assert_eq!(
            show("x", Begin::Line, true),
            r"^(?:\W{0,2})?(x)(?=\b|\W|$) anchored"
        );
        assert_eq!(show("^x", Begin::Line, false), "^(x) anchored");
    }

    #[test]
    fn a_group_is_added_unless_there_is_one() {
        assert_eq!(word("a(b)c"), "<a(b)c>");
        assert_eq!(word(r"a\(b\)"), r"<(a\(b\))>");
        assert_eq!(word("(?P<n>a)"), "<((?P<n>a))>");
        // By its text a set is a group.
        assert_eq!(word("[(]a"), "<[(]a>");
        // The last character of an escaped dollar is taken for the end.
        assert_eq!(word(r"a\$"), r"<(a\)$>");
    }

    #[test]
    fn marks_are_taken_out() {
        assert_eq!(word("**x**"), "(x)");
        assert_eq!(word("**x"), "(x)>");
        assert_eq!(word("x**"), "<(x)");
        assert_eq!(word(r"x\**"), r"<(x\**)>");
        assert_eq!(word("((**x)**)"), "((x))");
        assert_eq!(word("**"), "()");
        assert_eq!(word("****"), "()");
    }

    #[test]
    fn flags_go_to_the_front() {
        assert_eq!(word("(?i)x"), "(?i)<(x)>");
        assert_eq!(word("^(?iu)x"), "(?iu)^(x)> anchored");
        assert_eq!(word("(?iu)(?x)x"), "(?iu)<(?x)(x)>");
        assert_eq!(word(r"\(?i)x("), r"<\(?i)x(>");
        assert_eq!(word("(?i)**x"), "(?i)(x)>");
    }
}
