//! Why a command could not do its job.

use std::fmt;
use std::io;

use kerio_ban_core::Error;

/// What ends a command before its answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is wrong with a filter or an option that becomes part of one.
    Config(Error),
    /// Something is wrong with what was asked for.
    Request(Request),
    /// The result could not be written.
    Output(io::Error),
}

/// What is wrong with what was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    /// A stable name for scripts.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn request(code: &'static str, message: impl Into<String>) -> Failure {
        Failure::Request(Request {
            code,
            message: message.into(),
            help: None,
        })
    }

    /// Adds advice, unless it is an error of the library, which has its own.
    #[must_use]
    pub(crate) fn help(mut self, text: impl Into<String>) -> Failure {
        if let Failure::Request(request) = &mut self {
            request.help = Some(text.into());
        }
        self
    }

    /// Whether nobody reads the output any more, which is nobody's fault.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Config(error)
    }
}

impl From<io::Error> for Failure {
    /// Only the output is written with plain `?`; whatever reads says what.
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Config(error) => error.fmt(f),
            Failure::Request(request) => f.write_str(&request.message),
            Failure::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}
