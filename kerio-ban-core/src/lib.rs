//! Read fail2ban's own files and decide, line by line, what fail2ban would
//! decide.

mod error;
mod source;
mod time;
mod traced;

pub use crate::error::{Error, ErrorKind, Label, OptionPath};
pub use crate::source::{Files, MemoryFiles, Origin, OsFiles, Source, Span};
pub use crate::time::Timestamp;
pub use crate::traced::Traced;
