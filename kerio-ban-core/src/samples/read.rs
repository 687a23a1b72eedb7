//! The annotated log as written.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Detail, Error, ErrorKind};
use crate::source::{Files, Source, Span};

/// Filter options as an annotated log gives them.
pub type Options = Map<String, Value>;

/// The annotated log of one filter, with the logs it continues in.
#[derive(Clone, Debug)]
pub struct Corpus {
    name: String,
    sources: Vec<Source>,
    pub(super) items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A further log begins.
    File,
    FileOptions(Options),
    FilterOptions(Vec<Options>),
    Sample(Sample),
}

/// A line of a log, with what is expected of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The line, without its line end.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// The number of its line, from 1, as line feeds count.
    pub line: usize,
    /// What its annotation says. `None` for a line without one: it must not
    /// match.
    pub expectation: Option<Expectation>,
}

/// What an annotation says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expectation {
    /// Its keys and values. The plain forms are `match` and `host`.
    pub values: Map<String, Value>,
    /// Where it stands.
    pub span: Span,
    /// The number of its line, from 1, as line feeds count.
    pub line: usize,
    /// How it is written.
    pub form: Form,
}

/// How an annotation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `# failJSON: {...}`, as fail2ban writes it.
    Json,
    /// `# match: 203.0.113.9` or `# no match`.
    Plain,
}

impl Corpus {
    /// Reads the log `name` in `dir`, and the logs that it adds.
    ///
    /// # Errors
    /// `no-samples` if a log cannot be read, `bad-samples` if an annotation is
    /// not of the expected form or speaks of no line. What is not UTF-8 in a
    /// log is read as U+FFFD.
    pub fn load(files: &dyn Files, dir: &Path, name: &str) -> Result<Corpus, Error> {
        Corpus::load_file(files, &dir.join(name), name)
    }

    /// Reads a log that is not called as its filter is. The logs that it adds
    /// are looked for beside it.
    ///
    /// # Errors
    /// As for [`Corpus::load`].
    pub fn load_file(files: &dyn Files, path: &Path, filter: &str) -> Result<Corpus, Error> {
        let mut corpus = Corpus::new(filter);
        let dir = path.parent().unwrap_or(Path::new(""));
        let mut paths = vec![(path.to_owned(), None)];
        let mut next = 0;
        while let Some((path, added_at)) = paths.get(next).cloned() {
            next += 1;
            let bytes = files.read(&path).map_err(|error| {
                let error = Error::new(SamplesError::Unreadable {
                    path: path.display().to_string(),
                    error,
                });
                match added_at {
                    Some(span) => Error::at(error, Span::clone(&span)),
                    None => error,
                }
            })?;
            let text = String::from_utf8_lossy(&bytes);
            let source = Source::new(path.display().to_string(), text);
            corpus.read(&source, &mut |span, added| {
                let added = dir.join(added);
                // A log is read once, however often it is added.
                if paths.iter().all(|(path, _)| *path != added) {
                    paths.push((added, Some(span)));
                }
            })?;
        }
        Ok(corpus)
    }

    /// Reads an annotated log that is no file. It cannot add other logs.
    ///
    /// # Errors
    /// `bad-samples` as for [`Corpus::load`], and for `addFILE`.
    pub fn parse(name: &str, source: &Source) -> Result<Corpus, Error> {
        let mut corpus = Corpus::new(name);
        let mut added = None;
        corpus.read(source, &mut |span, _| added = Some(span))?;
        match added {
            Some(span) => Err(Error::new(SamplesError::NoOtherFiles).at(span)),
            None => Ok(corpus),
        }
    }

    fn new(name: &str) -> Corpus {
        Corpus {
            name: name.to_owned(),
            sources: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The name of the filter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The logs: the filter's own, and those that it adds.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// All lines that are to be judged, in order.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.items.iter().filter_map(|item| match item {
            Item::Sample(sample) => Some(sample),
            _ => None,
        })
    }

    fn read(
        &mut self,
        source: &Source,
        add_file: &mut dyn FnMut(Span, String),
    ) -> Result<(), Error> {
        self.sources.push(source.clone());
        self.items.push(Item::File);
        let mut annotation: Option<Expectation> = None;
        let mut start = 0;
        for (line, number) in source.text().split_inclusive('\n').zip(1..) {
            let text = line.trim_end_matches(['\r', '\n']);
            let span = source.span(start..start + text.len());
            start += line.len();
            // An annotation speaks of the very next line, whatever it is.
            if let Some(expectation) = annotation.take() {
                self.items.push(Item::Sample(Sample {
                    text: text.to_owned(),
                    span,
                    line: number,
                    expectation: Some(expectation),
                }));
                continue;
            }
            if let Some(values) = plain_pair(text, &span)? {
                annotation = Some(Expectation {
                    values,
                    span,
                    line: number,
                    form: Form::Plain,
                });
                continue;
            }
            let Some(directive) = directive(text) else {
                if !text.starts_with('#') && !text.trim().is_empty() {
                    self.items.push(Item::Sample(Sample {
                        text: text.to_owned(),
                        span,
                        line: number,
                        expectation: None,
                    }));
                }
                continue;
            };
            let (keyword, json) = directive;
            let offset = text.len() - json.len();
            let place = span.part(offset..text.len());
            let value: Value = serde_json::from_str(json).map_err(|error| {
                // Counted in bytes, and not always to the start of a character.
                let mut at = error.column().saturating_sub(1).min(json.len());
                while !json.is_char_boundary(at) {
                    at -= 1;
                }
                let place = place.part(at..json.len());
                Error::new(SamplesError::Json(plain(&error))).at(place)
            })?;
            match (keyword, value) {
                ("failJSON", Value::Object(values)) => {
                    annotation = Some(Expectation {
                        values,
                        span,
                        line: number,
                        form: Form::Json,
                    });
                }
                ("fileOptions", Value::Object(options)) => {
                    self.items.push(Item::FileOptions(options));
                }
                ("filterOptions", Value::Object(options)) => {
                    self.items.push(Item::FilterOptions(vec![options]));
                }
                ("filterOptions", Value::Array(variants)) => {
                    let variants = variants.into_iter().map(|variant| match variant {
                        Value::Object(options) => Ok(options),
                        other => Err(wrong_kind("filterOptions", "objects", &other, &place)),
                    });
                    let variants = variants.collect::<Result<Vec<Options>, Error>>()?;
                    self.items.push(Item::FilterOptions(variants));
                }
                ("addFILE", Value::String(name)) => add_file(place, name),
                ("addFILE", other) => {
                    return Err(wrong_kind("addFILE", "a string", &other, &place));
                }
                (keyword, other) => return Err(wrong_kind(keyword, "an object", &other, &place)),
            }
        }
        match annotation {
            Some(expectation) => Err(Error::new(SamplesError::NoLine).at(expectation.span)),
            None => Ok(()),
        }
    }
}

/// The keyword and the JSON of a directive line.
fn directive(line: &str) -> Option<(&'static str, &str)> {
    let rest = comment(line)?;
    ["failJSON", "fileOptions", "filterOptions", "addFILE"]
        .into_iter()
        .find_map(|keyword| {
            let json = rest.strip_prefix(keyword)?.strip_prefix(':')?;
            (!json.is_empty()).then_some((keyword, json))
        })
}

/// The text of a comment, without the one blank that may precede it.
fn comment(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    (rest.len() < line.len()).then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

/// What a plain annotation says: `# match: 203.0.113.9`, `# no match`. `None`
/// for a line that is none.
///
/// # Errors
/// `bad-samples` for a `# match:` that is not followed by one word.
fn plain_pair(line: &str, span: &Span) -> Result<Option<Map<String, Value>>, Error> {
    let Some(comment) = comment(line) else {
        return Ok(None);
    };
    let mut values = Map::new();
    if comment.trim_end() == "no match" {
        values.insert("match".to_owned(), false.into());
        return Ok(Some(values));
    }
    let Some(id) = comment.strip_prefix("match:") else {
        return Ok(None);
    };
    let place = span.part(line.len() - id.trim_start().len()..line.len());
    let id = id.trim();
    if id.is_empty() || id.contains(char::is_whitespace) {
        let found = id.to_owned();
        return Err(Error::new(SamplesError::NoId(found)).at(place));
    }
    values.insert("match".to_owned(), true.into());
    values.insert("host".to_owned(), id.into());
    Ok(Some(values))
}

/// The message of a JSON error without its position, which is told apart.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}

fn wrong_kind(keyword: &'static str, expected: &'static str, found: &Value, place: &Span) -> Error {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Error::new(SamplesError::WrongKind {
        keyword,
        expected,
        found,
    })
    .at(place.clone())
}

#[derive(Debug, thiserror::Error)]
enum SamplesError {
    #[error("cannot read the sample log `{path}`: {error}")]
    Unreadable { path: String, error: std::io::Error },
    #[error("not valid JSON: {0}")]
    Json(String),
    #[error("expected {expected} after `{keyword}:`, found {found}")]
    WrongKind {
        keyword: &'static str,
        expected: &'static str,
        found: &'static str,
    },
    #[error("expected one address or other id after `match:`, found `{0}`")]
    NoId(String),
    #[error("expected a log line after the annotation, found the end of the file")]
    NoLine,
    #[error("`addFILE` needs the log to be a file")]
    NoOtherFiles,
}

impl Detail for SamplesError {
    fn kind(&self) -> ErrorKind {
        match self {
            SamplesError::Unreadable { .. } => ErrorKind::File,
            _ => ErrorKind::Samples,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            SamplesError::Unreadable { .. } => "no-samples",
            _ => "bad-samples",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryFiles;

    fn error(text: &str) -> String {
        Corpus::parse("x", &Source::new("logs/x", text))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn annotations_speak_of_the_next_line() {
        let text = "# a comment\n\n# failJSON: {\"match\": true}\nbad\ngood\n#failJSON:{}\n# odd\n";
        let corpus = Corpus::parse("x", &Source::new("logs/x", text)).unwrap();
        let samples: Vec<_> = corpus
            .samples()
            .map(|s| (s.text.as_str(), s.expectation.is_some(), s.span.line()))
            .collect();
        assert_eq!(
            samples,
            [("bad", true, 4), ("good", false, 5), ("# odd", true, 7)]
        );
    }

    #[test]
    fn plain_pairs_are_annotations() {
        let text = "# match: 192.0.2.1\r\nbad\r\n#no match \ngood\n# no matches\n# match it\n";
        let corpus = Corpus::parse("x", &Source::new("logs/x", text)).unwrap();
        let samples: Vec<_> = corpus
            .samples()
            .map(|sample| {
                let expectation = sample.expectation.clone().unwrap();
                let values = Value::Object(expectation.values).to_string();
                (sample.text.as_str(), values, expectation.form, sample.line)
            })
            .collect();
        let matched = r#"{"match":true,"host":"192.0.2.1"}"#.to_owned();
        let missed = r#"{"match":false}"#.to_owned();
        assert_eq!(
            samples,
            [
                ("bad", matched, Form::Plain, 2),
                ("good", missed, Form::Plain, 4)
            ]
        );
    }

    #[test]
    fn lines_end_with_line_feeds_alone() {
        let text = "a\rb\nc\n";
        let corpus = Corpus::parse("x", &Source::new("logs/x", text)).unwrap();
        let lines: Vec<_> = corpus.samples().map(|sample| sample.line).collect();
        assert_eq!(lines, [1, 2]);
    }

    #[test]
    fn added_files_follow_and_are_read_once() {
        let files = MemoryFiles::new()
            .with("/l/a", "# addFILE: \"b\"\nin a\n# addFILE: \"a\"\n")
            .with("/l/b", "in b\n# addFILE: \"a\"\n");
        let corpus = Corpus::load(&files, Path::new("/l"), "a").unwrap();
        let texts: Vec<_> = corpus.samples().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["in a", "in b"]);
    }

    #[test]
    fn err_annotations() {
        insta::assert_snapshot!(error("x\n# failJSON: {\"a\": }\ny"), @"logs/x:2:19: not valid JSON: expected value");
        insta::assert_snapshot!(error("# failJSON: {\"é\" é}\ny"), @"logs/x:1:18: not valid JSON: expected `:`");
        insta::assert_snapshot!(error("# failJSON: é\ny"), @"logs/x:1:13: not valid JSON: expected value");
        insta::assert_snapshot!(error("# failJSON: [1]\ny"), @"logs/x:1:12: expected an object after `failJSON:`, found an array");
        insta::assert_snapshot!(error("# filterOptions: [1]\ny"), @"logs/x:1:17: expected objects after `filterOptions:`, found a number");
        insta::assert_snapshot!(error("# addFILE: \"b\"\n"), @"logs/x:1:11: `addFILE` needs the log to be a file");
        insta::assert_snapshot!(error("# match: a b\ny"), @"logs/x:1:10: expected one address or other id after `match:`, found `a b`");
        insta::assert_snapshot!(error("# match: \ny"), @"logs/x:1:10: expected one address or other id after `match:`, found ``");
        insta::assert_snapshot!(error("# failJSON: {}\n"), @"logs/x:1:1: expected a log line after the annotation, found the end of the file");
    }

    #[test]
    fn err_missing_logs() {
        let files = MemoryFiles::new().with("/l/a", "# addFILE: \"b\"\n");
        let error = |name| {
            Corpus::load(&files, Path::new("/l"), name)
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(error("a"), @"/l/a:1:11: cannot read the sample log `/l/b`: entity not found");
        insta::assert_snapshot!(error("c"), @"cannot read the sample log `/l/c`: entity not found");
    }
}
