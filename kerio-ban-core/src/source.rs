//! Places in files: what every message and every rule can name.
//!
//! A [`Source`] is a text together with the name it is shown under; a
//! [`Span`] is a range of bytes in one. An [`Origin`] says where a piece of
//! resolved text was typed, and through which references it came.

mod files;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

pub use self::files::{Files, MemoryFiles, OsFiles};

/// A text with a name: a configuration file, or something typed elsewhere
/// (an option on the command line, an argument of a builder).
///
/// Cloning is cheap; two sources are equal when they are the same allocation
/// or have the same name and text.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    name: String,
    text: String,
    line_starts: OnceLock<Vec<usize>>,
}

impl Source {
    /// Makes a source shown as `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source(Arc::new(Inner {
            name: name.into(),
            text: text.into(),
            line_starts: OnceLock::new(),
        }))
    }

    /// The name messages use, normally a path.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The place of a range of bytes of [`Source::text`].
    ///
    /// A range beyond the text is cut to it.
    pub fn span(&self, range: Range<usize>) -> Span {
        let end = range.end.min(self.text().len());
        Span {
            source: self.clone(),
            start: range.start.min(end),
            end,
        }
    }

    /// Line and column, both from 1, of a byte offset. Columns count
    /// characters. `\n`, `\r\n` and a lone `\r` end a line.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start <= offset).max(1);
        let start = starts[line - 1];
        let mut end = offset.min(self.text().len());
        while !self.text().is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text()[start..end.max(start)].chars().count() + 1;
        (line, column)
    }

    /// The text of a line, counted from 1, without its line end.
    pub fn line(&self, line: usize) -> Option<&str> {
        let starts = self.line_starts();
        let start = *starts.get(line.checked_sub(1)?)?;
        let end = starts.get(line).copied().unwrap_or(self.text().len());
        Some(self.text()[start..end].trim_end_matches(['\n', '\r']))
    }

    fn line_starts(&self) -> &[usize] {
        self.0.line_starts.get_or_init(|| {
            let bytes = self.text().as_bytes();
            let mut starts = vec![0];
            for (i, &byte) in bytes.iter().enumerate() {
                let lone_cr = byte == b'\r' && bytes.get(i + 1) != Some(&b'\n');
                if byte == b'\n' || lone_cr {
                    starts.push(i + 1);
                }
            }
            starts
        })
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.name == other.0.name && self.0.text == other.0.text)
    }
}

impl Eq for Source {}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", self.0.name)
    }
}

/// A range of bytes in a [`Source`].
///
/// Displays as `name:line:column` of its start.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    source: Source,
    start: usize,
    end: usize,
}

impl Span {
    /// The text this is a place in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The bytes of the source's text.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The text at this place.
    pub fn text(&self) -> &str {
        self.source.text().get(self.range()).unwrap_or_default()
    }

    /// The line of the first byte, from 1.
    pub fn line(&self) -> usize {
        self.source.line_column(self.start).0
    }

    /// The column of the first byte, from 1, in characters.
    pub fn column(&self) -> usize {
        self.source.line_column(self.start).1
    }

    /// A part of this span; the range is relative to its start.
    pub(crate) fn part(&self, range: Range<usize>) -> Span {
        let end = (self.start + range.end).min(self.end);
        Span {
            source: self.source.clone(),
            start: (self.start + range.start).min(end),
            end,
        }
    }

    /// The span from the start of this one to the end of `other`, if both lie
    /// in one source in this order; otherwise this one.
    pub(crate) fn to(&self, other: &Span) -> Span {
        if self.source == other.source && other.end >= self.start {
            self.source.span(self.start..other.end)
        } else {
            self.clone()
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.line_column(self.start);
        write!(f, "{}:{line}:{column}", self.source.name())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}+{}", self.end - self.start)
    }
}

/// Where a piece of resolved text was typed, and the references (`%(x)s`,
/// `<x>`) through which it arrived, innermost first.
///
/// Displays as the place where it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    span: Span,
    via: Vec<Span>,
}

impl Origin {
    pub(crate) fn new(span: Span, via: Vec<Span>) -> Origin {
        Origin { span, via }
    }

    /// The place where the text was typed.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The references through which it came, innermost first. The text of
    /// each is the reference as written.
    pub fn via(&self) -> &[Span] {
        &self.via
    }
}

impl From<Span> for Origin {
    fn from(span: Span) -> Origin {
        Origin::new(span, Vec::new())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.span.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let source = Source::new("a.conf", "ab\ncé\rd\r\ne");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(2), (1, 3));
        assert_eq!(source.line_column(3), (2, 1));
        assert_eq!(source.line_column(6), (2, 3));
        assert_eq!(source.line_column(7), (3, 1));
        assert_eq!(source.line_column(10), (4, 1));
        assert_eq!(source.line_column(99), (4, 2));
        assert_eq!(source.line(2), Some("cé"));
        assert_eq!(source.line(3), Some("d"));
        assert_eq!(source.line(5), None);
    }

    #[test]
    fn an_offset_inside_a_character_is_its_column() {
        let source = Source::new("a.conf", "é=");
        assert_eq!(source.line_column(1), (1, 1));
        assert_eq!(source.line_column(2), (1, 2));
    }

    #[test]
    fn a_span_shows_its_start() {
        let source = Source::new("filter.d/a.conf", "x = 1\ny = 2\n");
        let span = source.span(10..11);
        assert_eq!(span.to_string(), "filter.d/a.conf:2:5");
        assert_eq!(span.text(), "2");
        assert_eq!(source.span(90..99).text(), "");
    }
}
