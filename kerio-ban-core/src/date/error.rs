//! What can be wrong with a date pattern, and with a line's date.

use super::tokens::Problem;
use crate::error::{Detail, Error, ErrorKind};

/// Errors of date patterns.
#[derive(Debug, thiserror::Error)]
pub(super) enum DateError {
    #[error("unknown token `{token}` in the date pattern `{pattern}`")]
    UnknownToken { pattern: String, token: String },
    #[error("unknown name `{name}` behind `%` in the date pattern `{pattern}`")]
    UnknownKey { pattern: String, name: String },
    #[error("expected `)` behind `%(` in the date pattern `{0}`, but found the end")]
    UnclosedKey(String),
    #[error("expected a token behind `%` in the date pattern `{0}`, but found the end")]
    Incomplete(String),
    #[error("two date patterns have the display name `{0}`")]
    Duplicate(String),
    #[error("in the date pattern `{pattern}`: {problem}")]
    Expression {
        pattern: String,
        problem: String,
        help: Option<String>,
    },
    #[error("fail2ban gives up a line with this date: {0}")]
    Undecided(String),
}

impl DateError {
    pub(super) fn token(pattern: &str, problem: Problem) -> DateError {
        let pattern = pattern.to_owned();
        match problem {
            Problem::UnknownToken(token) => DateError::UnknownToken { pattern, token },
            Problem::UnknownKey(name) => DateError::UnknownKey { pattern, name },
            Problem::UnclosedKey => DateError::UnclosedKey(pattern),
            Problem::Incomplete => DateError::Incomplete(pattern),
        }
    }

    /// An expression that does not compile, as an error of its date pattern.
    pub(super) fn expression(pattern: &str, error: &Error) -> Error {
        let wrapped = Error::new(DateError::Expression {
            pattern: pattern.to_owned(),
            problem: error.message(),
            help: error.help(),
        });
        match error.origin() {
            Some(origin) => wrapped.at(origin.clone()),
            None => wrapped,
        }
    }
}

impl Detail for DateError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::DatePattern
    }

    fn code(&self) -> &'static str {
        match self {
            DateError::Undecided(_) => "undecided-date",
            _ => "bad-datepattern",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            DateError::UnknownToken { token, .. } => Some(match equivalent(token) {
                Some(known) => format!("write `{known}`; a percent sign itself is `%%`"),
                None => "a percent sign itself is written `%%`".to_owned(),
            }),
            DateError::Incomplete(_) => Some("a percent sign itself is written `%%`".to_owned()),
            DateError::Expression { help, .. } => help.clone(),
            _ => None,
        }
    }
}

/// What to write for tokens of other programs that fail2ban does not know.
fn equivalent(token: &str) -> Option<&'static str> {
    Some(match token {
        "%e" => "%d",
        "%h" => "%b",
        "%D" => "%m/%d/%y",
        "%F" => "%Y-%m-%d",
        "%R" => "%H:%M",
        "%T" => "%H:%M:%S",
        "%r" => "%I:%M:%S %p",
        "%P" => "%p",
        "%s" => "{EPOCH}",
        _ => return None,
    })
}

/// Why the search for a date made fail2ban give up a line altogether.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SearchRaises {
    /// The expression of a date pattern does not compile. fail2ban notices
    /// when it is first used, and again with every line.
    #[error("{0}")]
    BrokenPattern(Error),
    /// The match begins behind the last character: `{NONE}` on an empty line.
    #[error("the date was found behind the end of the line")]
    BehindTheEnd,
    /// The expression needed more steps than it is allowed.
    #[error("the date pattern `{0}` needs too many steps for this line")]
    LimitReached(String),
}

/// Why the conversion of a date made fail2ban give up a line altogether.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConversionRaises {
    #[error("unknown time zone `{0}`")]
    UnknownZone(String),
    #[error("a month without a day")]
    MonthWithoutDay,
    #[error("a day without a month")]
    DayWithoutMonth,
    #[error("a twelve-hour time whose `%p` is missing")]
    HalfOfDayMissing,
    #[error("no epoch in the match")]
    EpochMissing,
    #[error("a number or date out of range")]
    OutOfRange,
}
