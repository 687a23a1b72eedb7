//! What can be typed. What it means is decided by the commands.

mod check;
mod filters;
mod generate;
pub(crate) mod regex;
mod rewrite;
mod simulate;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand, ValueEnum};
use kerio_ban_core::UseDns;

pub(crate) use self::check::{CheckArgs, CheckFormat};
pub(crate) use self::filters::FiltersArgs;
pub(crate) use self::generate::{CompletionsArgs, GenerateArgs, Generated, ManArgs};
pub(crate) use self::rewrite::RewriteArgs;
pub(crate) use self::simulate::{ReplayArgs, SimulateArgs, SimulateFormat};
use crate::environment::{self, Now};
use crate::input::Encoding;
use crate::progress;

/// Test fail2ban filters against logs, and see what a jail would ban and why.
#[derive(Debug, Parser)]
#[command(name = "kerio-ban", version, max_term_width = 100)]
#[command(after_help = "\
Examples:
  kerio-ban test kerio /opt/kerio/mailserver/store/logs/security.log
  kerio-ban test ./my-filter.conf auth.log --print-all-missed
  kerio-ban show 'sshd[mode=aggressive]'

Exit status: 0 if the answer is yes, 1 if it is no, 2 if there is none.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Test(Box<TestArgs>),
    Check(Box<CheckArgs>),
    Simulate(Box<SimulateArgs>),
    Show(ShowArgs),
    Filters(FiltersArgs),
    Rewrite(Box<RewriteArgs>),
    #[command(name = "fail2ban-regex")]
    Fail2banRegex(DropInArgs),
    Generate(GenerateArgs),
}

impl Command {
    pub(crate) fn output(&self) -> OutputArgs {
        match self {
            Command::Test(args) => args.output,
            Command::Check(args) => args.output(),
            Command::Simulate(args) => args.output(),
            Command::Show(args) => args.output,
            Command::Filters(args) => args.output,
            // Their output has one form, which no option changes.
            Command::Rewrite(_) | Command::Fail2banRegex(_) | Command::Generate(_) => {
                OutputArgs::default()
            }
        }
    }
}

/// Run a filter over logs: hits of each rule, dates, and the lines it missed.
///
/// FILTER is the path of a filter file, or a name, with or without options, that
/// is looked up in filter.d of the configuration directory and then among the
/// built-in filters. LOG is a file, a directory (the files in it, not those of
/// its subdirectories, in the order of their names; hidden ones are left out), a
/// pattern such as 'mail*.log', or - for standard input, which is also read if
/// there is no LOG and it is not a terminal. Logs compressed by gzip, bzip2, xz or
/// zstd are told by their content. Each log is read for itself: nothing is
/// remembered from one to the next.
#[derive(Args, Debug)]
#[command(override_usage = "\
kerio-ban test [OPTIONS] FILTER [LOG]...
       kerio-ban test [OPTIONS] --jail NAME [LOG]...
       kerio-ban test [OPTIONS] --regex RE [--ignoreregex RE]... [LOG]...")]
#[command(after_help = "\
Examples:
  kerio-ban test kerio security.log
  kerio-ban test 'sshd[mode=aggressive]' /var/log/auth.log --format json
  kerio-ban test --regex '^Failed login from <ADDR>$' --line 'Failed login from 192.0.2.1'
  kerio-ban test /etc/fail2ban/filter.d/dovecot.conf mail.log mail.log.2.gz -o '<time> <ip>'

Exit status: 0 if there was a failure, 1 if there was none, 2 if it could not be done.")]
pub(crate) struct TestArgs {
    /// A filter file, or the name of a filter: name or name[option=value,...].
    #[arg(value_name = "FILTER", required_unless_present_any = ["regex", "jail"])]
    pub(crate) filter: Option<OsString>,
    /// The logs to read.
    #[arg(value_name = "LOG")]
    pub(crate) logs: Vec<OsString>,

    /// Use the filter of this jail, with the options, dates and encoding that the jail
    /// sets; without any LOG, read the jail's own (logpath).
    #[arg(long, value_name = "NAME", conflicts_with = "regex")]
    pub(crate) jail: Option<String>,
    /// Test this text instead of a log. Can be given several times.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) line: Vec<String>,
    /// Use this expression instead of a filter. Can be given several times.
    #[arg(long, value_name = "RE", allow_hyphen_values = true)]
    pub(crate) regex: Vec<String>,
    /// Ignore lines that match this expression, in place of the filter's own.
    #[arg(long, value_name = "RE", allow_hyphen_values = true)]
    pub(crate) ignoreregex: Vec<String>,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) listing: ListingArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,

    /// Print only this for each failure: id, ip, msg, row, the name of a captured
    /// group, or a text with tags such as '<ip> <time> <F-USER>'.
    #[arg(short, long, value_name = "TOKEN", conflicts_with = "format")]
    pub(crate) out: Option<String>,
    /// With --out: the lines without a failure instead.
    #[arg(short, long, requires = "out")]
    pub(crate) invert: bool,
}

/// Do exactly what fail2ban-regex does: same arguments, same output.
///
/// For programs and people that expect fail2ban-regex; a link of that name to this
/// program does the same. Its own options are told by
/// `kerio-ban fail2ban-regex --help`. For anything new, `test` is the better
/// command.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
#[command(after_help = "\
Examples:
  kerio-ban fail2ban-regex /var/log/auth.log sshd
  ln -s $(command -v kerio-ban) ~/bin/fail2ban-regex

Exit status: that of fail2ban-regex, which is 0 whether or not anything matched.")]
pub(crate) struct DropInArgs {
    /// The arguments of fail2ban-regex: options, LOG, REGEX, perhaps IGNOREREGEX.
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) words: Vec<OsString>,
}

/// Where filters come from.
#[derive(Args, Debug)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// The configuration directory [default: /etc/fail2ban if there is one, else the
    /// built-in filters].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
}

/// How logs are read, where it is not as the filter says.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReadingArgs {
    /// The form of the dates, in place of the filter's; newlines separate several.
    #[arg(short, long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) datepattern: Option<String>,
    /// The zone of dates without one, such as UTC+0200 [default: the jail's logtimezone,
    /// else the local zone].
    #[arg(
        long,
        visible_alias = "TZ",
        value_name = "ZONE",
        allow_hyphen_values = true
    )]
    pub(crate) timezone: Option<String>,
    /// The encoding of the logs; auto is UTF-8 [default: the jail's logencoding, else
    /// auto].
    #[arg(short, long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// Take host names and ids as they are: resolve nothing, read no addresses.
    #[arg(short, long)]
    pub(crate) raw: bool,
    /// What becomes of host names: yes and warn resolve them, no never takes one,
    /// raw takes them as ids [default: the filter's, else warn].
    #[arg(long, value_name = "yes|warn|no|raw")]
    pub(crate) usedns: Option<UseDns>,
    /// Over how many lines a failure may reach, in place of the filter's maxlines;
    /// also how many lines a list shows.
    #[arg(short = 'L', long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) maxlines: Option<i64>,
    /// The journal match shown in the report, in place of the filter's.
    #[arg(short = 'm', long, value_name = "MATCH")]
    pub(crate) journalmatch: Option<String>,
    /// Stop at the first expression that matches a line, as the server does.
    #[arg(long)]
    pub(crate) no_check_all: bool,
    /// Count lines that start with # and empty ones, which are skipped otherwise.
    #[arg(long)]
    pub(crate) all_lines: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadsArgs,
    /// Judge every line in full, also those that surely cannot match. The
    /// answers are the same, only slower: for checking that they are.
    #[arg(long)]
    pub(crate) plain: bool,
    /// The moment taken as now: 2025-06-17T17:00:45Z, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = environment::parse_now, allow_hyphen_values = true)]
    pub(crate) now: Option<Now>,
}

/// What the report lists.
#[derive(Args, Debug)]
#[command(next_help_heading = "Report")]
pub(crate) struct ListingArgs {
    /// Show the failures of each expression and all date templates; twice: all
    /// failures, and the expressions as they are run.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show the expressions of the date templates.
    #[arg(long, visible_alias = "VD")]
    pub(crate) verbose_date: bool,
    /// Do not list missed lines.
    #[arg(long, conflicts_with = "print_all_missed")]
    pub(crate) print_no_missed: bool,
    /// Do not list ignored lines.
    #[arg(long, conflicts_with = "print_all_ignored")]
    pub(crate) print_no_ignored: bool,
    /// List all matched lines.
    #[arg(long)]
    pub(crate) print_all_matched: bool,
    /// List all missed lines.
    #[arg(long)]
    pub(crate) print_all_missed: bool,
    /// List all ignored lines.
    #[arg(long)]
    pub(crate) print_all_ignored: bool,
}

/// How results are printed.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The form of the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Print nothing but errors; the exit status tells.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// With how much of the machine logs are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ThreadsArgs {
    /// How many threads judge the lines of a log [default: one for each processor].
    /// The result does not depend on it.
    #[arg(short = 'j', long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl ThreadsArgs {
    /// How many threads judge lines.
    pub(crate) fn count(&self) -> usize {
        let all = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(all, NonZeroUsize::get)
    }
}

/// What is told while logs are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct ProgressArgs {
    /// When to show on standard error how far reading has come, if it takes long:
    /// on a terminal; always, line by line where it is none; or never.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) progress: progress::Shown,
}

impl ProgressArgs {
    /// When to show it, next to how results are printed.
    pub(crate) fn shown(&self, output: &OutputArgs) -> progress::Shown {
        match self.progress {
            progress::Shown::Auto if output.quiet => progress::Shown::Never,
            shown => shown,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// One short line for each thing.
    Brief,
}

/// Show what a filter or a jail comes to, and where each part of it was written.
///
/// Everything that configuration refers to, %(name)s and <name>, is put in; tags
/// such as <HOST> stay as they are unless --expanded asks for the expressions.
/// Jails are looked up in the configuration directory and then among the built-in
/// ones. As for fail2ban, a jail cannot be had while another one is broken so that
/// none would start.
#[derive(Args, Debug)]
#[command(override_usage = "\
kerio-ban show [OPTIONS] FILTER
       kerio-ban show [OPTIONS] --jail NAME
       kerio-ban show [OPTIONS] --jails")]
#[command(after_help = "\
Examples:
  kerio-ban show kerio
  kerio-ban show 'sshd[mode=aggressive]' --expanded
  kerio-ban show ./my-filter.conf --format json
  kerio-ban show --jails
  kerio-ban show --jail kerio-auth --force

Exit status: 0 if it could be read, 2 otherwise.")]
pub(crate) struct ShowArgs {
    /// A filter file, or the name of a filter: name or name[option=value,...].
    #[arg(
        value_name = "FILTER",
        required_unless_present_any = ["jail", "jails"],
        conflicts_with_all = ["jail", "jails"]
    )]
    pub(crate) filter: Option<OsString>,
    /// Show a jail, with its filter and its actions.
    #[arg(long, value_name = "NAME", conflicts_with = "jails")]
    pub(crate) jail: Option<String>,
    /// List all jails and whether they are on.
    #[arg(long, conflicts_with = "expanded")]
    pub(crate) jails: bool,
    /// Look at jails as if they were switched on. With --jail, others are left out
    /// of account.
    #[arg(long, conflicts_with = "filter")]
    pub(crate) force: bool,
    /// Show the expressions as they are run, too, and the engine that runs them.
    #[arg(long)]
    pub(crate) expanded: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
