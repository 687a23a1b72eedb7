//! Lines with their date cut out, and which of them a match took.

use std::sync::Arc;

/// A line of the buffer: the text that is searched, and the whole line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BufferedLine {
    /// Without the date.
    pub(super) text: Arc<str>,
    /// With the date; if the line had none, with the last known one in front.
    pub(super) full: Arc<str>,
}

/// The lines of a buffer, split by a match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// The lines the match took, without those it skipped.
    pub(super) matched: Vec<BufferedLine>,
    /// The rest: before, skipped, after.
    pub(super) unmatched: Vec<BufferedLine>,
}

/// The text that is searched: the lines joined by newlines, and one more
/// newline at the end.
pub(super) fn join(lines: &[BufferedLine], out: &mut String) {
    out.clear();
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        out.push_str(&line.text);
    }
    out.push('\n');
}

impl Split {
    /// Splits `lines` by a match of `start..end` in `text`, whose skipped
    /// parts captured `skipped`.
    ///
    /// `text` is normally the lines joined; where it is something else (a
    /// `content` that replaced them, or what an earlier match left over),
    /// fail2ban still counts newlines in the one and takes lines of the other,
    /// and so does this.
    pub(super) fn new(
        lines: &[BufferedLine],
        text: &str,
        start: usize,
        end: usize,
        skipped: &str,
    ) -> Split {
        if lines.len() <= 1 {
            return Split {
                matched: lines.to_vec(),
                unmatched: Vec::new(),
            };
        }
        let bytes = text.as_bytes();
        // A match that starts on a newline starts with the next line.
        let first_end = (start + 1).min(bytes.len());
        let first = count_newlines(&bytes[..first_end]);
        let first = first.min(lines.len());
        let last = last_line(bytes, end).min(lines.len());
        // An empty match between two newlines ends on a line before the one it
        // starts on: it takes none, and fail2ban then keeps a line twice.
        let mut matched = lines.get(first..last).unwrap_or_default().to_vec();
        let mut unmatched = lines[..first].to_vec();
        let mut from = 0;
        for skipped_line in python_lines(skipped) {
            let found = matched[from..]
                .iter()
                .position(|line| *line.text == *skipped_line);
            if let Some(offset) = found {
                unmatched.push(matched.remove(from + offset));
                from += offset;
            }
        }
        unmatched.extend_from_slice(&lines[last..]);
        Split { matched, unmatched }
    }
}

/// How many lines there are up to the one on which a match ends. One that ends
/// with a newline ends on that line; an empty one at the very start, on the
/// last of all.
fn last_line(bytes: &[u8], end: usize) -> usize {
    let Some(last_char) = end.checked_sub(1) else {
        return count_newlines(bytes);
    };
    let ends_later = memchr::memchr(b'\n', &bytes[last_char..]).is_some();
    count_newlines(&bytes[..last_char]) + usize::from(ends_later)
}

fn count_newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// Python's `str.splitlines`: also at the separators that are no newlines.
fn python_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_end = |c: char| {
            matches!(
                c,
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                    ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        };
        let Some(end) = rest.find(is_end) else {
            return Some(std::mem::take(&mut rest));
        };
        let line = &rest[..end];
        let after = &rest[end..];
        rest = after.strip_prefix("\r\n").unwrap_or_else(|| {
            let mut chars = after.chars();
            chars.next();
            chars.as_str()
        });
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<BufferedLine> {
        texts
            .iter()
            .map(|text| BufferedLine {
                text: (*text).into(),
                full: format!("1 {text}").into(),
            })
            .collect()
    }

    fn split(texts: &[&str], found: &str, skipped: &str) -> (Vec<String>, Vec<String>) {
        let lines = lines(texts);
        let mut text = String::new();
        join(&lines, &mut text);
        let start = text.find(found).unwrap();
        let split = Split::new(&lines, &text, start, start + found.len(), skipped);
        let show = |lines: Vec<BufferedLine>| {
            lines
                .into_iter()
                .map(|line| line.text.to_string())
                .collect()
        };
        (show(split.matched), show(split.unmatched))
    }

    #[test]
    fn a_match_takes_the_lines_it_touches() {
        let all = ["a", "bb", "c", "d"];
        assert_eq!(split(&all, "bb", "").0, ["bb"]);
        assert_eq!(split(&all, "bb\n", "").0, ["bb"]);
        assert_eq!(split(&all, "bb\nc", "").0, ["bb", "c"]);
        assert_eq!(split(&all, "\nbb", "").0, ["bb"]);
        assert_eq!(split(&all, "d\n", "").1, ["a", "bb", "c"]);
    }

    #[test]
    fn empty_matches_take_what_fail2ban_gives_them() {
        assert_eq!(split(&["a", "b"], "", "").0, ["a", "b"]);
        let all = lines(&["a", "", "b"]);
        let split = Split::new(&all, "a\n\nb\n", 2, 2, "");
        assert_eq!(split.matched, []);
        assert_eq!(split.unmatched, [&all[..2], &all[1..]].concat());
    }

    #[test]
    fn skipped_lines_are_left_over_once_each() {
        let (matched, unmatched) = split(&["a", "z", "z", "b"], "a\nz\nz\nb", "z\n");
        assert_eq!(matched, ["a", "z", "b"]);
        assert_eq!(unmatched, ["z"]);
    }

    #[test]
    fn skipped_text_is_cut_as_python_cuts_lines() {
        let cut: Vec<&str> = python_lines("a\r\nb\u{b}c\u{85}\nd").collect();
        assert_eq!(cut, ["a", "b", "c", "", "d"]);
        assert_eq!(python_lines("a\n").count(), 1);
        assert_eq!(python_lines("").count(), 0);
    }

    #[test]
    fn a_lone_line_is_always_matched() {
        let (matched, unmatched) = split(&["a"], "\n", "");
        assert_eq!((matched.len(), unmatched.len()), (1, 0));
    }
}
