//! The command line of fail2ban-regex, read by the rules of Python's optparse:
//! scripts and fingers rely on them.
//!
//! Options and arguments may be mixed, long options shortened as long as they
//! stay unambiguous, short ones joined (`-vvL5`), values attached (`-L5`,
//! `--maxlines=5`). `--` ends the options; `-` alone is an argument.

mod help;
mod number;
mod options;

use std::ffi::OsString;
use std::fmt;

pub(crate) use self::help::help;
use self::options::{OPTIONS, Opt, Takes};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A test.
    Run(Box<RegexArgs>),
    /// `-h`
    Help,
    /// `--version`
    Version,
    /// `-V`
    ShortVersion,
}

/// Options and arguments of a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RegexArgs {
    pub(crate) arguments: Vec<String>,
    /// The first argument as it was typed: a file may have any name.
    pub(crate) log: OsString,
    pub(crate) config: Option<String>,
    pub(crate) datepattern: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) encoding: Option<String>,
    pub(crate) raw: bool,
    pub(crate) usedns: Option<String>,
    /// 0 if it was not said.
    pub(crate) maxlines: i64,
    pub(crate) journalmatch: Option<String>,
    pub(crate) log_level: Option<String>,
    pub(crate) verbose: i64,
    pub(crate) verbose_date: bool,
    pub(crate) debuggex: bool,
    pub(crate) no_check_all: bool,
    pub(crate) out: Option<String>,
    pub(crate) invert: bool,
    pub(crate) print_no_missed: bool,
    pub(crate) print_no_ignored: bool,
    pub(crate) print_all_matched: bool,
    pub(crate) print_all_missed: bool,
    pub(crate) print_all_ignored: bool,
}

impl RegexArgs {
    /// What is printed for each failure, if that is all that is printed.
    pub(crate) fn out(&self) -> Option<&str> {
        self.out.as_deref().filter(|token| !token.is_empty())
    }
}

/// What is wrong with the options, in the words of optparse.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadOption(String);

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the words behind the program's name. Those that are not UTF-8 are
/// taken with U+FFFD for what is not.
///
/// # Errors
/// The first option that is unknown, ambiguous, or has a bad value.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Asked, BadOption> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    // Taken from the end.
    words.reverse();
    let mut parser = Parser {
        words,
        args: RegexArgs::default(),
    };
    while let Some(typed) = parser.words.pop() {
        let word = typed.to_string_lossy();
        let asked = if word == "--" {
            break;
        } else if word.starts_with("--") {
            parser.long(&word)?
        } else if word.starts_with('-') && word.len() > 1 {
            parser.short(&word)?
        } else {
            parser.argument(typed);
            None
        };
        if let Some(asked) = asked {
            return Ok(asked);
        }
    }
    while let Some(typed) = parser.words.pop() {
        parser.argument(typed);
    }
    Ok(Asked::Run(Box::new(parser.args)))
}

struct Parser {
    /// What was not read yet, last first.
    words: Vec<OsString>,
    args: RegexArgs,
}

impl Parser {
    fn argument(&mut self, typed: OsString) {
        let text = typed.to_string_lossy().into_owned();
        if self.args.arguments.is_empty() {
            self.args.log = typed;
        }
        self.args.arguments.push(text);
    }

    /// The value that the next word is.
    fn value(&mut self) -> Option<String> {
        let word = self.words.pop()?;
        Some(word.to_string_lossy().into_owned())
    }

    fn long(&mut self, word: &str) -> Result<Option<Asked>, BadOption> {
        let (typed, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let (name, option) = long_option(typed)?;
        if option.takes == Takes::Nothing {
            if value.is_some() {
                return Err(BadOption(format!("{name} option does not take a value")));
            }
            return Ok(self.set(option));
        }
        let value = value.or_else(|| self.value());
        self.set_to(option, name, value)?;
        Ok(None)
    }

    fn short(&mut self, word: &str) -> Result<Option<Asked>, BadOption> {
        for (at, letter) in word.char_indices().skip(1) {
            let Some(option) = OPTIONS.iter().find(|option| option.short == Some(letter)) else {
                return Err(BadOption(format!("no such option: -{letter}")));
            };
            if option.takes == Takes::Nothing {
                if let Some(asked) = self.set(option) {
                    return Ok(Some(asked));
                }
                continue;
            }
            let rest = &word[at + letter.len_utf8()..];
            let value = if rest.is_empty() {
                self.value()
            } else {
                Some(rest.to_owned())
            };
            self.set_to(option, &format!("-{letter}"), value)?;
            break;
        }
        Ok(None)
    }

    fn set(&mut self, option: &Opt) -> Option<Asked> {
        let args = &mut self.args;
        match option.name() {
            "help" => return Some(Asked::Help),
            "version" => return Some(Asked::Version),
            "V" => return Some(Asked::ShortVersion),
            "raw" => args.raw = true,
            "verbose" => args.verbose = args.verbose.saturating_add(1),
            "verbose-date" => args.verbose_date = true,
            "debuggex" => args.debuggex = true,
            "no-check-all" => args.no_check_all = true,
            "invert" => args.invert = true,
            "print-no-missed" => args.print_no_missed = true,
            "print-no-ignored" => args.print_no_ignored = true,
            "print-all-matched" => args.print_all_matched = true,
            "print-all-missed" => args.print_all_missed = true,
            "print-all-ignored" => args.print_all_ignored = true,
            // They change how Python's log messages look, and there are none.
            _ => {}
        }
        None
    }

    fn set_to(
        &mut self,
        option: &Opt,
        typed: &str,
        value: Option<String>,
    ) -> Result<(), BadOption> {
        let value =
            value.ok_or_else(|| BadOption(format!("{typed} option requires 1 argument")))?;
        let args = &mut self.args;
        if option.takes == Takes::Number {
            let number = number::integer(&value).ok_or_else(|| {
                let value = crate::python::Text(&value);
                BadOption(format!("option {typed}: invalid integer value: {value}"))
            })?;
            match option.name() {
                "maxlines" => args.maxlines = number,
                _ => args.verbose = number,
            }
            return Ok(());
        }
        let field = match option.name() {
            "config" => &mut args.config,
            "datepattern" => &mut args.datepattern,
            "timezone" => &mut args.timezone,
            "encoding" => &mut args.encoding,
            "usedns" => &mut args.usedns,
            "journalmatch" => &mut args.journalmatch,
            "log-level" => &mut args.log_level,
            _ => &mut args.out,
        };
        *field = Some(value);
        Ok(())
    }
}

/// The long option that was typed, perhaps shortened, with its full name.
fn long_option(typed: &str) -> Result<(&'static str, &'static Opt), BadOption> {
    let all = || {
        let names = |option: &'static Opt| option.long.iter().map(move |name| (*name, option));
        OPTIONS.iter().flat_map(names)
    };
    if let Some(found) = all().find(|(name, _)| *name == typed) {
        return Ok(found);
    }
    let mut possible: Vec<_> = all().filter(|(name, _)| name.starts_with(typed)).collect();
    match possible.len() {
        1 => Ok(possible.remove(0)),
        0 => Err(BadOption(format!("no such option: {typed}"))),
        _ => {
            let mut names: Vec<&str> = possible.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            let names = names.join(", ");
            Err(BadOption(format!("ambiguous option: {typed} ({names}?)")))
        }
    }
}

#[cfg(test)]
mod tests;
