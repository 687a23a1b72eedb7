//! `logpath`: which logs a jail reads, and from which end.

use crate::config::glob::glob;
use crate::source::Files;
use crate::traced::Traced;

/// A line of a jail's `logpath`.
#[derive(Clone, Debug)]
pub struct LogPath {
    pattern: Traced,
    mode: Traced,
    files: Vec<String>,
}

impl LogPath {
    /// The path as written, wildcards and all.
    pub fn pattern(&self) -> &Traced {
        &self.pattern
    }

    /// What follows the path: `head` reads the log from its start, `tail` only
    /// what is added from now on; fail2ban's server refuses anything else.
    /// `head` if nothing follows.
    pub fn mode(&self) -> &Traced {
        &self.mode
    }

    /// The existing files that the path stands for, sorted by name.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Reads the lines of a `logpath`. Each is cut at its last space; whether
    /// a path stands for anything is asked of `files`.
    pub(crate) fn read(text: &Traced, files: &dyn Files) -> Vec<LogPath> {
        let lines = text.split_lines();
        let lines = lines.iter().filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let cut = line.as_str().rfind(' ');
                let pattern = line.slice(0..cut.unwrap_or(line.len()));
                LogPath {
                    files: glob(files, pattern.as_str()),
                    pattern,
                    mode: match cut {
                        Some(at) => line.slice(at + 1..line.len()),
                        None => Traced::computed("head"),
                    },
                }
            })
            .collect()
    }
}
