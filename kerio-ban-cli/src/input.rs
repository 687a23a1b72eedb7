//! Logs: which ones are meant, and how they are opened.

mod ahead;
mod archive;
mod encoding;
mod lines;
mod meter;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Cursor, IsTerminal, Read};
use std::path::{Path, PathBuf};

use self::archive::Form;
pub(crate) use self::encoding::Encoding;
pub(crate) use self::lines::{Block, Lines};
pub(crate) use self::meter::Meter;
use crate::failure::Failure;
use crate::words::counted;

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Stdin,
    File(PathBuf),
    /// Typed on the command line.
    Text(Vec<String>),
}

/// An open log, as lines of UTF-8.
pub(crate) type LogLines = Lines<Box<dyn Read + Send>>;

impl Log {
    /// The name messages use.
    pub(crate) fn name(&self) -> String {
        match self {
            Log::Stdin => "-".to_owned(),
            Log::File(path) => path.display().to_string(),
            Log::Text(_) => "<line>".to_owned(),
        }
    }

    /// How many bytes are in the file, if it is one.
    pub(crate) fn size(&self) -> Option<u64> {
        let Log::File(path) = self else {
            return None;
        };
        let metadata = fs::metadata(path).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Opens the log, and decompresses it if need be. Whatever `warn` is told
    /// does not keep it from being read.
    pub(crate) fn open(
        &self,
        encoding: Encoding,
        meter: &Meter,
        warn: &mut dyn FnMut(String),
    ) -> Result<LogLines, Failure> {
        let reader: Box<dyn Read + Send> = match self {
            Log::Stdin => Box::new(meter.count(io::stdin())),
            Log::File(path) => {
                let file = File::open(path).map_err(|error| self.unreadable(&error))?;
                Box::new(meter.count(file))
            }
            Log::Text(lines) => {
                // Each is decoded already.
                let text = lines.join("\n");
                return Ok(Lines::new(Box::new(Cursor::new(text.into_bytes()))));
            }
        };
        let at_once = self.size().is_some();
        let (start, reader) = peek(reader, at_once).map_err(|error| self.unreadable(&error))?;
        if let Some(form) = Form::of(&start) {
            let mut text = form
                .decompress(reader)
                .map_err(|error| self.packed(form, &error))?;
            self.look(text.peek(), encoding, warn);
            return Ok(Lines::new(encoding.decode(text)));
        }
        self.look(&start, encoding, warn);
        Ok(Lines::new(encoding.decode(reader)))
    }

    /// Warns if a log that begins so may be no text.
    fn look(&self, start: &[u8], encoding: Encoding, warn: &mut dyn FnMut(String)) {
        let start = &start[..start.len().min(PEEK)];
        let plain = matches!(
            encoding,
            Encoding::Utf8 | Encoding::Utf8Sig | Encoding::Ascii
        );
        if plain && start.contains(&0) {
            let name = self.name();
            let advice = if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
                "; it begins as UTF-16 does, see --encoding"
            } else {
                ""
            };
            warn(format!(
                "`{name}` holds NUL bytes and may be no text{advice}"
            ));
        }
    }

    /// The log is compressed, and there is no way to read it.
    fn packed(&self, form: Form, error: &io::Error) -> Failure {
        let name = self.name();
        let message = format!("`{name}` is compressed ({form}), and {error}");
        Failure::request("compressed-log", message)
            .help("decompress it first, and give the text as standard input with `-`")
    }

    /// The log cannot be opened, or not be read on.
    pub(crate) fn unreadable(&self, error: &io::Error) -> Failure {
        let name = self.name();
        if error.kind() == io::ErrorKind::NotFound {
            no_log(&name)
        } else {
            Failure::request("unreadable", format!("cannot read `{name}`: {error}"))
        }
    }
}

/// Why a log was not read to its end, and how far it was.
pub(crate) fn broken_off(error: &io::Error, lines: u64) -> String {
    format!("{error}; {} could be read", counted(lines, "line"))
}

fn no_log(name: &str) -> Failure {
    Failure::request("log-not-found", format!("there is no log `{name}`"))
        .help("to test the text of a line, use `--line TEXT`")
}

/// How much of a log is looked at before it is read.
const PEEK: usize = 4096;

/// Looks at the start of a stream, and puts it back. `at_once`: whether to read
/// on makes nobody wait.
fn peek(
    mut reader: Box<dyn Read + Send>,
    at_once: bool,
) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut start = vec![0; PEEK];
    let read = loop {
        match reader.read(&mut start) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    start.truncate(read);
    let peeked = Peeked {
        start: Cursor::new(start.clone()),
        reader,
        at_once,
    };
    Ok((start, Box::new(peeked)))
}

/// A stream whose start is at hand.
struct Peeked {
    start: Cursor<Vec<u8>>,
    reader: Box<dyn Read + Send>,
    at_once: bool,
}

impl Read for Peeked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let again = self.start.read(buffer)?;
        if again == 0 {
            return self.reader.read(buffer);
        }
        // What is wrong will be wrong again.
        let more = if self.at_once && again < buffer.len() {
            self.reader.read(&mut buffer[again..]).unwrap_or(0)
        } else {
            0
        };
        Ok(again + more)
    }
}

/// Which logs are meant by what was typed, in this order.
pub(crate) fn logs(typed: &[OsString], lines: &[String]) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::new();
    for log in typed {
        expand(log, &mut logs)?;
    }
    if !lines.is_empty() {
        logs.push(Log::Text(lines.to_vec()));
    }
    if logs.is_empty() {
        if io::stdin().is_terminal() {
            return Err(Failure::request("no-log", "no log was given")
                .help("name one, use `-` for standard input, or test a text with `--line TEXT`"));
        }
        logs.push(Log::Stdin);
    }
    Ok(logs)
}

/// Adds the logs that one argument stands for.
fn expand(typed: &OsString, logs: &mut Vec<Log>) -> Result<(), Failure> {
    let path = Path::new(typed);
    if typed == "-" {
        logs.push(Log::Stdin);
    } else if path.is_dir() {
        let before = logs.len();
        logs.extend(files_in(path)?.into_iter().map(Log::File));
        if logs.len() == before {
            let message = format!("there is no file in the directory `{}`", path.display());
            return Err(Failure::request("log-not-found", message));
        }
    } else if path.exists() {
        logs.push(Log::File(path.to_owned()));
    } else {
        let name = path.display().to_string();
        let is_pattern = name.contains(['*', '?', '[']);
        let found: Vec<PathBuf> = if is_pattern && let Ok(found) = glob::glob(&name) {
            found.flatten().filter(|path| path.is_file()).collect()
        } else {
            Vec::new()
        };
        if found.is_empty() {
            return Err(no_log(&name));
        }
        logs.extend(found.into_iter().map(Log::File));
    }
    Ok(())
}

/// The files in a directory that are not hidden, by name.
fn files_in(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: io::Error| {
        let message = format!("cannot read the directory `{}`: {error}", dir.display());
        Failure::request("unreadable", message)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_read_again() {
        let text = b"abc".repeat(PEEK);
        for at_once in [false, true] {
            let stream = Cursor::new(text.clone());
            let (start, mut reader) = peek(Box::new(stream), at_once).unwrap();
            assert_eq!(start, text[..PEEK]);
            let mut first = [0; 2 * PEEK];
            let read = reader.read(&mut first).unwrap();
            assert_eq!(read, if at_once { 2 * PEEK } else { PEEK });
            let mut all = first[..read].to_vec();
            reader.read_to_end(&mut all).unwrap();
            assert_eq!(all, text);
        }
    }

    #[test]
    fn typed_lines_come_last() {
        let dir = env!("CARGO_MANIFEST_DIR");
        let typed = [OsString::from("-"), OsString::from(dir)];
        let logs = logs(&typed, &["text".to_owned()]).unwrap();
        assert_eq!(logs.first(), Some(&Log::Stdin));
        assert!(logs.contains(&Log::File(Path::new(dir).join("Cargo.toml"))));
        assert_eq!(logs.last(), Some(&Log::Text(vec!["text".to_owned()])));
    }
}
