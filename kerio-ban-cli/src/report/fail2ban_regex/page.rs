//! Where the lines of the report go.

use std::fmt::Write as _;
use std::io::{self, BufWriter, StdoutLock, Write};

use clap::ColorChoice;

use crate::commands::fail2ban_regex::End;
use crate::console::{self, Console};
use crate::words::Visible;

/// The exit status of what is refused.
const REFUSED: u8 = 255;

/// How many characters of an expression or a line are shown.
const SHORT: usize = 53;

/// Standard output.
pub(crate) struct Page {
    out: BufWriter<StdoutLock<'static>>,
    /// Whether a terminal would obey what is in a log.
    escape: bool,
    /// Whether only results are written.
    pub(crate) quiet: bool,
}

impl Page {
    pub(crate) fn stdout() -> Page {
        let console = Console::of(&io::stdout(), ColorChoice::Auto);
        Page {
            out: console::stdout(),
            escape: console.escape,
            quiet: false,
        }
    }

    /// Writes a line, or several.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        write_lines(&mut self.out, text, self.escape)
    }

    /// Writes a line, unless only results are wanted.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.say(text) }
    }

    /// Says why something cannot be used, which is the end.
    pub(crate) fn refuse(&mut self, message: &str) -> End {
        match self.say(&format!("ERROR: {message}")) {
            Ok(()) => End::Told(REFUSED),
            Err(error) => error.into(),
        }
    }

    /// Writes a list.
    pub(super) fn list(&mut self, header: Option<&str>, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        if let Some(header) = header {
            let _ = writeln!(text, "|- {header}");
        }
        for line in lines {
            let _ = writeln!(text, "|  {line}");
        }
        text += "`-";
        self.say(&text)
    }

    pub(crate) fn writer(&mut self) -> &mut impl Write {
        &mut self.out
    }

    pub(crate) fn escape(&self) -> bool {
        self.escape
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write_lines(out: &mut impl Write, text: &str, escape: bool) -> io::Result<()> {
    if !escape {
        return writeln!(out, "{text}");
    }
    // Lines of a log have no line feeds.
    text.split('\n')
        .try_for_each(|line| writeln!(out, "{}", Visible::new(line, true)))
}

/// The text, cut if it is long.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHORT) {
        None => text.to_owned(),
        Some(_) => {
            let start: String = text.chars().take(SHORT - 3).collect();
            format!("{start}...")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_log() {
        let written = |escape| {
            let mut out = Vec::new();
            write_lines(&mut out, "a\x1b[2Jb\n\u{202e}c", escape).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(false), "a\x1b[2Jb\n\u{202e}c\n");
        assert_eq!(written(true), "a\\u{1b}[2Jb\n\\u{202e}c\n");
    }

    #[test]
    fn only_long_text_is_cut() {
        let text = "ä".repeat(SHORT);
        assert_eq!(shortened(&text), text);
        let longer = format!("{text}b");
        assert_eq!(shortened(&longer), format!("{}...", "ä".repeat(50)));
    }
}
