//! Where output goes: colours, widths, and whether somebody looks at it.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock};

use anstream::AutoStream;
use anstream::stream::RawStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

/// How much is kept back before it is written.
const BUFFER: usize = 64 * 1024;

/// A way to write to one of the standard streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    pub(crate) palette: Palette,
    /// Characters in a line, if it is a terminal that says so.
    pub(crate) width: Option<usize>,
    /// Whether characters that a terminal obeys must be made visible.
    pub(crate) escape: bool,
}

impl Console {
    /// What the terminal and the environment (NO_COLOR and its relatives) want,
    /// unless the user said something else.
    pub(crate) fn of(stream: &impl RawStream, color: ColorChoice) -> Console {
        let coloured = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => AutoStream::choice(stream) != anstream::ColorChoice::Never,
        };
        let terminal = stream.is_terminal();
        let width = terminal.then(terminal_size::terminal_size).flatten();
        Console {
            palette: Palette { coloured },
            width: width.map(|(width, _)| usize::from(width.0)),
            // Colours into a pipe are for a pager, which shows them.
            escape: terminal || color == ColorChoice::Always,
        }
    }
}

/// Standard output, locked and buffered.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(BUFFER, io::stdout().lock())
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    pub(crate) coloured: bool,
}

impl Palette {
    /// A heading.
    pub(crate) fn heading<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(text, Style::new().bold())
    }

    /// What was hoped for.
    pub(crate) fn good<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(text, AnsiColor::Green.on_default())
    }

    /// What must not be.
    pub(crate) fn bad<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(text, AnsiColor::Red.on_default())
    }

    /// What wants attention.
    pub(crate) fn warning<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(text, AnsiColor::Yellow.on_default().bold())
    }

    /// What is of less interest.
    pub(crate) fn dim<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(text, Style::new().dimmed())
    }

    /// A place in a file.
    pub(crate) fn place<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(text, AnsiColor::Cyan.on_default())
    }

    fn paint<T: fmt::Display>(self, text: T, style: Style) -> Painted<T> {
        let style = if self.coloured { style } else { Style::new() };
        Painted { text, style }
    }
}

/// Text in a style.
pub(crate) struct Painted<T> {
    text: T,
    style: Style,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style)?;
        self.text.fmt(f)?;
        write!(f, "{:#}", self.style)
    }
}
