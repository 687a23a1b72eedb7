//! What can be wrong with a jail.

use std::fmt;

use crate::error::{Detail, Error, ErrorKind};
use crate::ini::is_space;

/// The same error under another code.
pub(super) fn wrap(code: &'static str, error: &Error) -> Error {
    let mut wrapped = Error::new(Wrapped {
        code,
        error: error.clone(),
    });
    if let Some(origin) = error.origin() {
        wrapped = wrapped.at(origin.clone());
    }
    if let Some(option) = error.option() {
        wrapped = wrapped.in_option(&option.section, &option.option, option.entry);
    }
    for label in error.labels() {
        wrapped = wrapped.label(label.span.clone(), label.text.clone());
    }
    wrapped
}

/// An error that fail2ban reports as another.
#[derive(Debug)]
struct Wrapped {
    code: &'static str,
    error: Error,
}

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message())
    }
}

impl std::error::Error for Wrapped {}

impl Detail for Wrapped {
    fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    fn code(&self) -> &'static str {
        self.code
    }

    fn help(&self) -> Option<String> {
        self.error.help()
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("there are no jails: neither `{0}.conf` nor `{0}.local` exists")]
    NoJails(String),
    #[error("there is no jail `{0}`")]
    NoJail(String),
    #[error("there is no filter `{name}`: neither `{base}.conf` nor `{base}.local` exists")]
    NoFilter { name: String, base: String },
    #[error("there is no action `{name}`: neither `{base}.conf` nor `{base}.local` exists")]
    NoAction { name: String, base: String },
    #[error("the jail has no filter")]
    NoFilterSet,
    #[error("the jail has no action")]
    NoActionSet,
    #[error("no file matches `{0}`")]
    NoLog(String),
    #[error("none of the jail's log files exists, so it reads the journal")]
    Journal,
    #[error("none of the jail's log files exists, and fail2ban refuses to start")]
    NoLogs,
    #[error("none of the jail's log files exists, so it is skipped")]
    SkippedNoLogs,
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        match self {
            Problem::NoFilterSet | Problem::NoActionSet | Problem::NoJail(_) => ErrorKind::Value,
            _ => ErrorKind::File,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::NoJails(_) | Problem::NoJail(_) => "not-found",
            Problem::NoFilter { .. } => "filter-not-found",
            Problem::NoAction { .. } => "action-not-found",
            Problem::NoFilterSet => "no-filter",
            Problem::NoActionSet => "no-action",
            Problem::NoLog(_) => "no-log-file",
            Problem::Journal => "journal-instead",
            Problem::NoLogs => "no-log-files",
            Problem::SkippedNoLogs => "skipped-no-log-files",
        }
    }

    fn help(&self) -> Option<String> {
        let (Problem::NoFilter { name, .. } | Problem::NoAction { name, .. }) = self else {
            return matches!(self, Problem::NoLogs)
                .then(|| "`skip_if_nologs = true` leaves out only this jail".to_owned());
        };
        let help = if name.contains(['#', ';']) {
            "a comment behind a value starts with `;` after white space"
        } else if name.ends_with(".conf") || name.ends_with(".local") {
            "a name is written without the extension of its file"
        } else if name.ends_with(',') {
            "actions are separated by white space alone"
        } else if name.contains(is_space) {
            "white space around a name, or before `[`, is part of the name"
        } else {
            return None;
        };
        Some(help.to_owned())
    }
}
