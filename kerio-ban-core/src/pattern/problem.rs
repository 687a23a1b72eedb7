//! Everything Python (or an engine) refuses in an expression.

use std::ops::Range;

use thiserror::Error as ThisError;

use crate::error::{Detail, Error, ErrorKind};
use crate::traced::Traced;

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub(super) enum Problem {
    #[error("the expression is empty")]
    Blank,

    #[error(r"a `\` at the very end escapes nothing")]
    LoneBackslash,
    #[error("unknown escape `{0}`")]
    UnknownEscape(String),
    #[error("expected {digits} hexadecimal digits in the escape, found `{found}`")]
    ShortEscape { found: String, digits: usize },
    #[error("`{0}` is not a character: the last one is `\\U0010ffff`")]
    NoSuchCharacter(String),
    #[error("octal escape `{0}` is beyond `\\377`")]
    OctalTooLarge(String),
    #[error(r"expected `{{` after `\N`")]
    CharacterNameExpected,
    #[error("character name `{0}` is not known here")]
    NamedCharacter(String),

    #[error("character class is not closed: expected `]`")]
    UnclosedClass,
    #[error("character range `{from}-{to}` runs backwards")]
    BackwardRange { from: String, to: String },
    #[error("`{0}` stands for many characters and cannot be an end of a range")]
    ClassInRange(String),

    #[error("nothing to repeat before `{0}`")]
    NothingToRepeat(String),
    #[error("`{0}` repeats what is repeated already")]
    MultipleRepeat(String),
    #[error("repetition `{0}` has a minimum above its maximum")]
    RepeatBackwards(String),
    #[error("repetition `{0}` is beyond 4294967294")]
    RepeatTooLarge(String),

    #[error("group is not closed: expected `)`")]
    UnclosedGroup,
    #[error("`)` closes no group")]
    UnopenedGroup,
    #[error("comment is not closed: expected `)`")]
    UnclosedComment,
    #[error("expected the kind of group after `{0}`, found the end")]
    GroupKindExpected(String),
    #[error("unknown kind of group `{0}`")]
    UnknownGroupKind(String),
    #[error("expected a {what}, found none")]
    NameExpected { what: &'static str },
    #[error("{what} is not closed: expected `{close}`")]
    UnclosedName { what: &'static str, close: char },
    #[error("group name `{0}` is not an identifier")]
    BadGroupName(String),
    #[error("group `{0}` is defined twice")]
    DuplicateGroup(String),
    #[error("there is no group `{0}` so far")]
    UnknownGroupName(String),
    #[error("there is no group {0}")]
    UnknownGroupNumber(String),
    #[error("group {0} is referred to from inside itself")]
    OpenGroup(String),
    #[error("group {0} is referred to in the look-behind that defines it")]
    GroupOfLookbehind(String),
    #[error("a conditional has two branches at most, found a third")]
    ThirdBranch,

    #[error("flags `{0}` hold for the whole expression and must stand at its very start")]
    LateFlags(String),
    #[error("unknown flag `{0}`")]
    UnknownFlag(char),
    #[error("expected {expected} in the flags, found {found}")]
    FlagSyntax {
        expected: &'static str,
        found: String,
    },
    #[error("flag `L` is for byte patterns only")]
    LocaleFlag,
    #[error("flags `a` and `u` exclude each other")]
    ExclusiveFlags,
    #[error("flag `{0}` cannot be turned off")]
    FixedFlag(char),
    #[error("flag `t` holds for a whole expression only")]
    ScopedTemplate,
    #[error("flag `t` allows no repetition")]
    TemplateRepeat,
    #[error("flag turned on and off at once")]
    ContraryFlags,

    #[error("look-behind of variable width: {0}")]
    VariableLookbehind(String),
    #[error("look-behind looks too far back")]
    FarLookbehind,

    #[error("groups are nested more than {limit} deep")]
    TooDeep { limit: usize },
    #[error("the expression is too large, counting its repetitions")]
    TooLarge,
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Regex
    }

    fn code(&self) -> &'static str {
        "bad-regex"
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Problem::UnknownEscape(escape) if escape == r"\z" => r"the very end is `\Z` in Python",
            Problem::UnknownEscape(escape) if matches!(escape.as_str(), r"\p" | r"\P") => {
                "Python has no classes by Unicode property"
            }
            Problem::UnknownGroupKind(kind) if kind.starts_with("(?<") => {
                "a named group is `(?P<name>...)` in Python"
            }
            Problem::NamedCharacter(_) => {
                r"write the character itself, or its code such as `\u00e9`"
            }
            Problem::LateFlags(_) => "flags for a part of an expression are `(?i:...)`",
            Problem::NothingToRepeat(_) | Problem::MultipleRepeat(_) => {
                r"a literal repetition sign needs a `\` before it"
            }
            Problem::UnopenedGroup => r"a literal `)` is `\)`",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// A problem and the bytes of the expression that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    pub(super) span: Range<usize>,
    /// Another place to show, with its words.
    pub(super) other: Option<(Range<usize>, &'static str)>,
}

impl Failure {
    pub(super) fn new(problem: Problem, span: Range<usize>) -> Failure {
        Failure {
            problem,
            span,
            other: None,
        }
    }

    /// The public form, with places looked up in the expression's text.
    pub(super) fn into_error(self, text: &Traced) -> Error {
        let mut error = Error::new(self.problem);
        if let Some(origin) = text.origin(self.span) {
            error = error.at(origin);
        }
        if let Some((span, words)) = self.other
            && let Some(origin) = text.origin(span)
        {
            error = error.label(origin.span().clone(), words);
        }
        error
    }
}
