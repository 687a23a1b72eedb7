//! The options that fail2ban-regex has.

/// What an option is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Text,
    Number,
}

/// An option.
#[derive(Debug)]
pub(super) struct Opt {
    pub(super) short: Option<char>,
    /// With their dashes.
    pub(super) long: &'static [&'static str],
    pub(super) takes: Takes,
    pub(super) help: &'static str,
}

impl Opt {
    /// The first long name without dashes, or the letter.
    pub(super) fn name(&self) -> &'static str {
        match self.long.first() {
            Some(name) => name.trim_start_matches('-'),
            None => "V",
        }
    }
}

const fn opt(
    short: Option<char>,
    long: &'static [&'static str],
    takes: Takes,
    help: &'static str,
) -> Opt {
    Opt {
        short,
        long,
        takes,
        help,
    }
}

use Takes::{Nothing, Number, Text};

/// All of them, in the order in which the help names them.
pub(super) const OPTIONS: &[Opt] = &[
    opt(None, &["--version"], Nothing, "print the version and end"),
    opt(Some('h'), &["--help"], Nothing, "print this and end"),
    opt(
        Some('c'),
        &["--config"],
        Text,
        "the configuration directory [default: /etc/fail2ban]",
    ),
    opt(
        Some('d'),
        &["--datepattern"],
        Text,
        "the form of the dates, in place of the filter's",
    ),
    opt(
        None,
        &["--timezone", "--TZ"],
        Text,
        "the zone of dates that name none, such as UTC+0200",
    ),
    opt(
        Some('e'),
        &["--encoding"],
        Text,
        "the encoding of the log [default: UTF-8]",
    ),
    opt(
        Some('r'),
        &["--raw"],
        Nothing,
        "take host names and ids as they are",
    ),
    opt(
        None,
        &["--usedns"],
        Text,
        "what becomes of host names: yes, warn, no or raw",
    ),
    opt(
        Some('L'),
        &["--maxlines"],
        Number,
        "over how many lines a failure may reach, and how many lines a list may have",
    ),
    opt(
        Some('m'),
        &["--journalmatch"],
        Text,
        "the journal match, in place of the filter's",
    ),
    opt(
        Some('l'),
        &["--log-level"],
        Text,
        "accepted; there are no messages of a library to choose from",
    ),
    opt(
        Some('V'),
        &[],
        Nothing,
        "print the version in a short form and end",
    ),
    opt(
        Some('v'),
        &["--verbose"],
        Nothing,
        "say more: the failures of each expression, all date templates; twice: the filter's real options",
    ),
    opt(None, &["--verbosity"], Number, "the same as so many -v"),
    opt(
        None,
        &["--verbose-date", "--VD"],
        Nothing,
        "show patterns and expressions of the date templates",
    ),
    opt(
        Some('D'),
        &["--debuggex"],
        Nothing,
        "list lines with links to debuggex.com",
    ),
    opt(
        None,
        &["--no-check-all"],
        Nothing,
        "stop at the first expression that matches a line",
    ),
    opt(
        Some('o'),
        &["--out"],
        Text,
        "print only this for each failure: id, fid, ip, msg, row, the name of a capture, or a text with tags such as <ip>",
    ),
    opt(
        Some('i'),
        &["--invert"],
        Nothing,
        "with --out: the lines without a failure instead",
    ),
    opt(
        None,
        &["--print-no-missed"],
        Nothing,
        "do not list missed lines",
    ),
    opt(
        None,
        &["--print-no-ignored"],
        Nothing,
        "do not list ignored lines",
    ),
    opt(
        None,
        &["--print-all-matched"],
        Nothing,
        "list all matched lines",
    ),
    opt(
        None,
        &["--print-all-missed"],
        Nothing,
        "list all missed lines",
    ),
    opt(
        None,
        &["--print-all-ignored"],
        Nothing,
        "list all ignored lines",
    ),
    opt(
        Some('t'),
        &["--log-traceback"],
        Nothing,
        "accepted; there are no tracebacks",
    ),
    opt(
        None,
        &["--full-traceback"],
        Nothing,
        "accepted; there are no tracebacks",
    ),
];
