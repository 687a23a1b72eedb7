//! One configuration file as written: sections, keys and values with their
//! places. Knows the grammar and nothing of other files.
//!
//! The grammar is that of Python's `configparser` with fail2ban's settings:
//! `=` and `:` delimit, `#` and `;` start a comment line, ` ;` a comment
//! within one, deeper indented lines continue a value, duplicates are errors.

use std::collections::HashMap;
use std::ops::Range;

use crate::error::{Detail, Error, ErrorKind};
use crate::source::{Source, Span};
use crate::traced::Traced;

/// The section whose keys all others inherit.
pub(crate) const DEFAULT: &str = "DEFAULT";

/// A file's sections in the order of their first headers.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) sections: Vec<Section>,
}

/// A section. Only `[DEFAULT]` may be written more than once in a file; all
/// of its entries are here.
#[derive(Debug)]
pub(crate) struct Section {
    /// What stands between the brackets, untrimmed.
    pub(crate) name: Span,
    pub(crate) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    /// In lower case.
    pub(crate) key: String,
    /// The lines of the value, trimmed and joined by newlines.
    pub(crate) value: Traced,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("expected a `[section]` before anything else, found `{0}`")]
    MissingHeader(String),
    #[error(
        "the file starts with a byte order mark, which fail2ban takes for text before the first section"
    )]
    ByteOrderMark,
    #[error("option `{0}` is written twice in this section")]
    DuplicateOption(String),
    #[error("section [{0}] is written twice in this file")]
    DuplicateSection(String),
    #[error("expected `option = value`, found `{0}`")]
    NoDelimiter(String),
    #[error("expected the name of an option before `{0}`")]
    NoName(char),
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Syntax
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::MissingHeader(_) | Problem::ByteOrderMark => "missing-section-header",
            Problem::DuplicateOption(_) => "duplicate-option",
            Problem::DuplicateSection(_) => "duplicate-section",
            Problem::NoDelimiter(_) | Problem::NoName(_) => "parse-error",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Problem::ByteOrderMark => {
                Some("save the file as UTF-8 without a byte order mark".into())
            }
            Problem::NoDelimiter(_) => {
                Some("a line that continues a value is indented deeper than its option".into())
            }
            _ => None,
        }
    }
}

/// What Python calls white space; Unicode does not count U+001C to U+001F.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Reads a file.
///
/// # Errors
/// The first text before a header, duplicate option or duplicate section;
/// else all lines that are neither header nor option, the first being the
/// place of the error and the others its labels.
pub(crate) fn parse(source: &Source) -> Result<Document, Error> {
    let mut parser = Parser::new(source);
    for line in lines(source.text()) {
        parser.line(line)?;
    }
    parser.finish()
}

/// The lines of a text without their ends, which are `\n`, `\r\n` or `\r`.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let line = start..start + length;
        let end = &rest[length..];
        start = line.end
            + if end.starts_with("\r\n") {
                2
            } else {
                end.len().min(1)
            };
        Some(line)
    })
}

struct Parser<'a> {
    source: &'a Source,
    sections: Vec<Section>,
    by_name: HashMap<String, usize>,
    /// Where each option of each section (by index) was first named.
    named: HashMap<(usize, String), Span>,
    current: Option<usize>,
    open: Option<OpenValue>,
    /// Of the last line that was not a continuation.
    indent: usize,
    bad: Vec<(Problem, Span)>,
}

/// A value that the next lines may continue.
struct OpenValue {
    section: usize,
    key: String,
    lines: Vec<Range<usize>>,
}

impl<'a> Parser<'a> {
    fn new(source: &'a Source) -> Parser<'a> {
        Parser {
            source,
            sections: Vec::new(),
            by_name: HashMap::new(),
            named: HashMap::new(),
            current: None,
            open: None,
            indent: 0,
            bad: Vec::new(),
        }
    }

    fn line(&mut self, line: Range<usize>) -> Result<(), Error> {
        let text = &self.source.text()[line.clone()];
        let comment = comment_start(text);
        let kept = trim(text, 0..comment.unwrap_or(text.len()));
        let place = line.start + kept.start..line.start + kept.end;
        if kept.is_empty() {
            if comment.is_none()
                && let Some(open) = &mut self.open
            {
                open.lines.push(place);
            }
            return Ok(());
        }
        let indent = text.chars().take_while(|&c| is_space(c)).count();
        if indent > self.indent
            && let Some(open) = &mut self.open
        {
            open.lines.push(place);
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = header(&text[kept]) {
            self.close();
            self.header(place.start + name.start..place.start + name.end)
        } else if let Some(section) = self.current {
            self.option(section, place)
        } else {
            Err(self.before_header(place))
        }
    }

    fn header(&mut self, name: Range<usize>) -> Result<(), Error> {
        let span = self.source.span(name);
        if let Some(&index) = self.by_name.get(span.text()) {
            if span.text() != DEFAULT {
                let problem = Problem::DuplicateSection(span.text().to_owned());
                let first = self.sections[index].name.clone();
                return Err(Error::new(problem)
                    .at(span)
                    .label(first, "first written here"));
            }
            self.current = Some(index);
            return Ok(());
        }
        self.current = Some(self.sections.len());
        self.by_name
            .insert(span.text().to_owned(), self.sections.len());
        self.sections.push(Section {
            name: span,
            entries: Vec::new(),
        });
        Ok(())
    }

    fn option(&mut self, section: usize, line: Range<usize>) -> Result<(), Error> {
        let text = &self.source.text()[line.clone()];
        let Some(delimiter) = text.find(['=', ':']) else {
            // The value before stays open: a deeper line still continues it.
            let problem = Problem::NoDelimiter(excerpt(text));
            self.bad.push((problem, self.source.span(line)));
            return Ok(());
        };
        let key = trim(text, 0..delimiter);
        let value = trim(text, delimiter + 1..text.len());
        let span = self
            .source
            .span(line.start + key.start..line.start + key.end);
        let key = text[key].to_lowercase();
        self.close();
        if let Some(first) = self.named.get(&(section, key.clone())) {
            return Err(Error::new(Problem::DuplicateOption(key))
                .at(span)
                .label(first.clone(), "first written here"));
        }
        self.named.insert((section, key.clone()), span);
        if key.is_empty() {
            let problem = Problem::NoName(if text.starts_with(':') { ':' } else { '=' });
            self.bad.push((problem, self.source.span(line)));
            return Ok(());
        }
        let first = line.start + value.start..line.start + value.end;
        self.open = Some(OpenValue {
            section,
            key,
            lines: vec![first],
        });
        Ok(())
    }

    fn before_header(&self, line: Range<usize>) -> Error {
        let span = self.source.span(line);
        let problem = if span.range().start == 0 && span.text().starts_with('\u{feff}') {
            Problem::ByteOrderMark
        } else {
            Problem::MissingHeader(excerpt(span.text()))
        };
        Error::new(problem).at(span)
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        while open.lines.len() > 1 && open.lines.last().is_some_and(Range::is_empty) {
            open.lines.pop();
        }
        let mut value = Traced::default();
        let mut last: Option<usize> = None;
        for line in open.lines {
            if let Some(last) = last {
                value.push(&Traced::at("\n", &self.source.span(last..line.start)));
            }
            last = Some(line.end);
            value.push(&Traced::typed(&self.source.span(line)));
        }
        self.sections[open.section].entries.push(Entry {
            key: open.key,
            value,
        });
    }

    fn finish(mut self) -> Result<Document, Error> {
        self.close();
        let mut bad = self.bad.into_iter();
        let Some((problem, place)) = bad.next() else {
            return Ok(Document {
                sections: self.sections,
            });
        };
        let mut error = Error::new(problem).at(place);
        for (problem, place) in bad {
            error = error.label(place, problem.to_string());
        }
        Err(error)
    }
}

/// Where a comment starts: at the first character of a line of comment, or at
/// a `;` that opens the line or follows white space.
fn comment_start(line: &str) -> Option<usize> {
    if line.trim_start_matches(is_space).starts_with(['#', ';']) {
        return Some(0);
    }
    line.match_indices(';')
        .map(|(at, _)| at)
        .find(|&at| line[..at].ends_with(is_space))
}

/// The name in a section header: all between the first bracket and the last.
/// What follows that is ignored.
fn header(line: &str) -> Option<Range<usize>> {
    let end = line.rfind(']')?;
    (line.starts_with('[') && end > 1).then_some(1..end)
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start_matches(is_space).len();
    let end = range.start + part.trim_end_matches(is_space).len();
    start..end.max(start)
}

/// The beginning of a text, for a message.
fn excerpt(text: &str) -> String {
    const ENOUGH: usize = 60;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
