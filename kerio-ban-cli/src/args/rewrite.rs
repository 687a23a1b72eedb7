use std::ffi::OsString;

use clap::Args;

use crate::environment::{self, Now};
use crate::input::Encoding;

/// Rewrite the date of each line, for tools that cannot read it.
///
/// '[17/Jun/2025 17:00:45] text' becomes 'Jun 17 17:00:45 text'. A date that
/// begins its line loses the brackets around it; one further on keeps them.
/// Nothing else of a line changes, not a byte, and lines without a date pass as
/// they are. Lines are written as soon as they have been read, so a log can be
/// followed.
///
/// LOG is a file, a directory, a pattern such as 'mail*.log', or - for standard
/// input, which is also read if there is no LOG and it is not a terminal. Dates
/// are looked for in Kerio's form first, then in those that fail2ban knows by
/// default. New dates are in the local zone (TZ).
#[derive(Args, Debug)]
#[command(after_help = "\
Formats of --to:
  syslog  Jun 17 17:00:45, without the year
  iso     2025-06-17T17:00:45+02:00
  A format of your own has one or more of
    %Y %y  year         %m %b %B  month         %d %e  day (07, blank and 7)
    %j     day of year  %a %A     weekday       %H %k  hour (07, blank and 7)
    %I %l  hour of 12   %p %P     AM, am        %M %S  minute, second
    %3f %6f  fraction, of 3 or 6 digits         %.f    point and fraction, if any
    %z %:z   +0200, +02:00                      %s     seconds since 1970
    %F %T    %Y-%m-%d, %H:%M:%S                 %%     a percent sign

Examples:
  kerio-ban rewrite security.log > syslog.log
  kerio-ban rewrite --hostname mx --tag kerio security.log
  tail -F security.log | kerio-ban rewrite --to iso | logger-of-yours
  kerio-ban rewrite --to '%Y-%m-%d %H:%M:%S' -d '^%d.%m.%Y %H:%M:%S' old.log

Exit status: 0 when all is written, 2 if it could not be done.")]
pub(crate) struct RewriteArgs {
    /// The logs to read.
    #[arg(value_name = "LOG")]
    pub(crate) logs: Vec<OsString>,

    /// The form of the new dates: syslog, iso, or a format such as '%F %T'.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "syslog",
        allow_hyphen_values = true
    )]
    pub(crate) to: String,
    /// Put this name behind the date, as syslog has the host there.
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub(crate) hostname: Option<String>,
    /// Put this name and a colon behind the date, as syslog has the program there.
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub(crate) tag: Option<String>,

    /// Rewrite this text instead of a log. Can be given several times.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) line: Vec<String>,
    /// The form of the dates in the log; newlines separate several.
    #[arg(short, long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) datepattern: Option<String>,
    /// The zone of dates without one, such as UTC+0200 [default: the local zone].
    #[arg(
        long,
        visible_alias = "TZ",
        value_name = "ZONE",
        allow_hyphen_values = true
    )]
    pub(crate) timezone: Option<String>,
    /// The encoding of the logs; auto is UTF-8. From any other, the lines are
    /// written in UTF-8.
    #[arg(short, long, value_name = "NAME", default_value = "auto")]
    pub(crate) encoding: Encoding,
    /// The moment taken as now, for dates without a year: 2025-06-17T17:00:45Z,
    /// or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = environment::parse_now, allow_hyphen_values = true)]
    pub(crate) now: Option<Now>,
}

/// Reads a name that stands as one word in a line.
fn word(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("expected a name, found nothing".to_owned())
    } else if let Some(found) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        Err(format!(
            "expected one word, found `{}`",
            found.escape_default()
        ))
    } else {
        Ok(text.to_owned())
    }
}
