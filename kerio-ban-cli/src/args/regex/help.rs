//! The help of `fail2ban-regex`.

use std::fmt::Write;

use super::options::{OPTIONS, Takes};

const INTRODUCTION: &str = "\
Tests expressions and filters on a log, as fail2ban-regex does.

LOG:
  the path of a log, systemd-journal, or the text of a line (or of several)
REGEX:
  an expression; the path of a filter file; or the name of a jail or a filter,
  with or without options: sshd, 'sshd[mode=aggressive]'
IGNOREREGEX:
  an expression; it takes the place of the filter's own
";

const EXAMPLES: &str = "
Examples:
  fail2ban-regex /var/log/auth.log sshd
  fail2ban-regex mail.log 'Failed login from <ADDR>$' --print-all-matched
  fail2ban-regex -o '<time> <ip>' /var/log/auth.log 'sshd[mode=aggressive]'

Exit status: 0 when the log was read, whether anything matched or not; 255 for
arguments, filters and expressions that cannot be used; 2 for options that are
none; 1 where fail2ban-regex would end in a traceback.
";

/// Where the help of an option begins.
const COLUMN: usize = 28;
const WIDTH: usize = 100;

/// The help for a program that is called by this name.
pub(crate) fn help(program: &str) -> String {
    let mut out = format!("Usage: {program} [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n\n");
    out += INTRODUCTION;
    out += "\nOptions:\n";
    for option in OPTIONS {
        let short = option.short.map(|letter| format!("-{letter}"));
        let long = option.long.iter().map(|name| (*name).to_owned());
        let mut names: Vec<String> = short.into_iter().chain(long).collect();
        if let Some(last) = names.last_mut() {
            *last += match option.takes {
                Takes::Nothing => "",
                Takes::Text => " TEXT",
                Takes::Number => " N",
            };
        }
        let mut line = format!("  {}", names.join(", "));
        if line.len() >= COLUMN {
            out += &line;
            out.push('\n');
            line.clear();
        }
        let _ = write!(line, "{:1$}", "", COLUMN - line.len());
        let mut first = true;
        for word in option.help.split(' ') {
            if !first && line.len() + 1 + word.len() > WIDTH {
                out += &line;
                out.push('\n');
                line = " ".repeat(COLUMN);
                first = true;
            }
            if !first {
                line.push(' ');
            }
            line += word;
            first = false;
        }
        out += &line;
        out.push('\n');
    }
    out + EXAMPLES
}
