//! What can be typed after `kerio-ban simulate`.

use std::ffi::OsString;
use std::net::IpAddr;

use clap::{Args, ColorChoice, ValueEnum};
use kerio_ban_core::UseDns;

use super::{ConfigArgs, Format, OutputArgs, ProgressArgs, ThreadsArgs};
use crate::environment::{self, Now};
use crate::input::Encoding;

/// Replay logs through jails: who is banned, when, until when, and why or why not.
///
/// Jails are read from the configuration directory as fail2ban reads them. Each
/// line counts at the moment of its own date, as if fail2ban had been running
/// when it was written; the clock of this machine plays no part. Several logs are
/// merged by the dates of their lines. Nothing is ever banned or executed.
///
/// LOG is a file, a directory, a pattern such as 'mail*.log', or - for standard
/// input. Without any, the logs are those of the jails (logpath).
#[derive(Args, Debug)]
#[command(override_usage = "\
kerio-ban simulate [OPTIONS] [--jail NAME]... [LOG]...
       kerio-ban simulate [OPTIONS] --filter FILTER [LOG]...
       kerio-ban simulate [OPTIONS] --failures FILE...")]
#[command(after_help = "\
Examples:
  kerio-ban simulate --jail sshd
  kerio-ban simulate --jail kerio-auth security.log --explain 203.0.113.9
  kerio-ban simulate --filter kerio --maxretry 3 --bantime 20m security.log
  kerio-ban simulate --jail kerio-auth security.log --compare findtime=1h
  kerio-ban simulate --jail sshd --format nft --at 2025-06-17T17:10:00Z | nft -c -f -

Exit status: 0 if the logs could be replayed, 2 otherwise.")]
pub(crate) struct SimulateArgs {
    /// The logs to replay.
    #[arg(value_name = "LOG")]
    pub(crate) logs: Vec<OsString>,

    /// Replay this jail, whether it is switched on or not. Can be given several
    /// times [default: all jails that are switched on].
    #[arg(long, value_name = "NAME")]
    pub(crate) jail: Vec<String>,
    /// Replay a jail with this filter and fail2ban's built-in settings instead: a
    /// filter file, or a name: name or name[option=value,...].
    #[arg(long, value_name = "FILTER", conflicts_with = "jail")]
    pub(crate) filter: Option<OsString>,
    /// Read failures from the output of `kerio-ban test --format json`, of one or of
    /// many machines, instead of logs; - is standard input. Can be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "logs")]
    pub(crate) failures: Vec<OsString>,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reading: ReplayArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,

    /// The form of the result.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: SimulateFormat,
    /// Leave out the single events.
    #[arg(long, help_heading = "Output")]
    pub(crate) summary: bool,
    /// Show all addresses, not only those of most interest.
    #[arg(long, help_heading = "Output")]
    pub(crate) all: bool,
    /// When to use colours.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: ColorChoice,
    /// Print nothing but errors.
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// Settings in place of the jail's own.
#[derive(Args, Debug)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// How many failures ban.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) maxretry: Option<String>,
    /// Within which time, such as 10m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) findtime: Option<String>,
    /// For how long; -1 is for ever.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) bantime: Option<String>,
    /// Set any option of the jails, as if it stood at the end of their sections. Can be
    /// given several times.
    #[arg(long, value_name = "OPTION=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
    /// Replay a second time with this option set, and show who is banned under one of
    /// the settings alone. Several are set together.
    #[arg(
        long,
        value_name = "OPTION=VALUE",
        value_parser = assignment,
        conflicts_with_all = ["explain", "show_actions"]
    )]
    pub(crate) compare: Vec<(String, String)>,
    /// How long earlier bans are remembered, for bantime.increment (dbpurgeage of
    /// fail2ban.conf).
    #[arg(long, value_name = "TIME", default_value = "1d")]
    pub(crate) dbpurgeage: String,
    /// Where the random numbers of bantime.rndtime begin.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// An address of the machine that wrote the logs, for ignoreself. Can be given
    /// several times [default: the addresses of this machine].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) own: Vec<IpAddr>,
}

/// What is asked beyond who is banned.
#[derive(Args, Debug)]
#[command(next_help_heading = "Questions")]
pub(crate) struct QuestionArgs {
    /// Show everything that happened to this address, and why it was banned or not.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) explain: Option<String>,
    /// Take into account only what happened up to this moment: 2025-06-17T17:00:45Z, or
    /// seconds since 1970.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = environment::parse_now,
        allow_hyphen_values = true
    )]
    pub(crate) at: Option<Now>,
    /// Show what the actions would run. They are not run.
    #[arg(long)]
    pub(crate) show_actions: bool,
}

/// How logs are read, where it is not as the jail says.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReplayArgs {
    /// The form of the dates, in place of the filter's; newlines separate several.
    #[arg(short, long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) datepattern: Option<String>,
    /// The zone of dates without one, such as UTC+0200, in place of logtimezone.
    #[arg(
        long,
        visible_alias = "TZ",
        value_name = "ZONE",
        allow_hyphen_values = true
    )]
    pub(crate) timezone: Option<String>,
    /// The encoding of the logs, in place of logencoding; auto is UTF-8.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// What becomes of host names: yes and warn resolve them, no never takes one, raw
    /// takes them as ids.
    #[arg(long, value_name = "yes|warn|no|raw")]
    pub(crate) usedns: Option<UseDns>,
    /// Over how many lines a failure may reach.
    #[arg(short = 'L', long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) maxlines: Option<i64>,
    #[command(flatten)]
    pub(crate) threads: ThreadsArgs,
    /// The moment from which years are counted that dates leave out:
    /// 2025-06-17T17:00:45Z, or seconds since 1970.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = environment::parse_now,
        allow_hyphen_values = true
    )]
    pub(crate) now: Option<Now>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimulateFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// One short line for each event.
    Brief,
    /// Comma-separated values: the events, or with --summary the addresses.
    Csv,
    /// Who is banned in the end, for nft -f.
    Nft,
    /// Who is banned in the end, for ipset restore.
    Ipset,
    /// Who is banned in the end, IPv4 only, for iptables-restore --noflush.
    Iptables,
    /// Who is banned in the end, IPv6 only, for ip6tables-restore --noflush.
    Ip6tables,
    /// Who is banned in the end, one network a line.
    Cidr,
}

impl SimulateArgs {
    /// How it is said that there is no result.
    pub(crate) fn output(&self) -> OutputArgs {
        OutputArgs {
            format: match self.format {
                SimulateFormat::Json => Format::Json,
                SimulateFormat::Brief => Format::Brief,
                _ => Format::Text,
            },
            color: self.color,
            quiet: self.quiet,
        }
    }
}

/// `option=value`.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((option, value)) if !option.trim().is_empty() => {
            Ok((option.trim().to_lowercase(), value.trim().to_owned()))
        }
        _ => Err("expected an option and its value, such as maxretry=3".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_in_a_file() {
        let read = |text| assignment(text).ok();
        let pair = |option: &str, value: &str| Some((option.to_owned(), value.to_owned()));
        assert_eq!(read("maxretry=3"), pair("maxretry", "3"));
        assert_eq!(read("BanTime.Factor = 2 "), pair("bantime.factor", "2"));
        assert_eq!(read("action=x[a=b]"), pair("action", "x[a=b]"));
        assert_eq!(read("ignoreip="), pair("ignoreip", ""));
        assert_eq!(read("=3"), None);
        assert_eq!(read("maxretry"), None);
    }
}
