//! What can be typed after `kerio-ban check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ColorChoice, ValueEnum};

use super::{ConfigArgs, Format, OutputArgs};

/// Check filters against annotated sample logs; for CI.
///
/// FILTER is the path of a filter file, or a name, which is looked up in the given
/// directories, then in the configuration directory, then among the built-in
/// filters. DIR is a directory of filters, or one that has them in filter.d. If
/// nothing is given, it is the configuration directory that --config names, or else
/// the current directory.
///
/// The sample log of a filter has its name and lies in logs or tests/logs: beside
/// the filter, beside its filter.d, or in the current directory. It is judged with
/// every set of options that it names (# filterOptions). A line must be what the
/// comment above it says, a failure
///
///   # failJSON: {"time": "2025-06-17T17:00:45", "match": true, "host": "203.0.113.9"}
///   # match: 203.0.113.9
///
/// or none; a line without such a comment must be none, too:
///
///   # failJSON: {"match": false, "desc": "a success"}
///   # no match
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[command(override_usage = "\
kerio-ban check [OPTIONS] [FILTER|DIR]...
       kerio-ban check [OPTIONS] [FILTER] --record LOG [--update] [--anonymize]
       kerio-ban check [OPTIONS] [FILTER|DIR]... --update")]
#[command(after_help = "\
Examples:
  kerio-ban check
  kerio-ban check filter.d/kerio.conf --logs tests/logs --strict
  kerio-ban check --filters config/filter.d --logs tests/files/logs --format junit > report.xml
  kerio-ban check 'sshd[mode=aggressive]' --record auth.log -o tests/logs/sshd
  kerio-ban check kerio --update --in-place

Exit status: 0 if all samples hold, 1 if one does not, or with --strict if a failregex has
no sample, 2 if something could not be checked. When annotations are written: 0 if they
hold, 1 if not, or if --update without --in-place has something to change.")]
pub(crate) struct CheckArgs {
    /// Filters, and directories of filters.
    #[arg(value_name = "FILTER|DIR")]
    pub(crate) targets: Vec<OsString>,
    /// A directory of filters, as DIR. Can be given several times.
    #[arg(long, value_name = "DIR")]
    pub(crate) filters: Vec<PathBuf>,
    /// The directory of the sample logs, or the log of a single filter. Can be given
    /// several times.
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Vec<PathBuf>,
    /// Fail if a failregex has no sample, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How many filters are checked at the same time [default: as many as there are
    /// processors].
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,

    #[command(flatten)]
    pub(crate) recording: RecordingArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// The form of the result.
    #[arg(
        long,
        value_enum,
        default_value_t,
        conflicts_with_all = ["record", "update"],
        help_heading = "Output"
    )]
    pub(crate) format: CheckFormat,
    /// When to use colours.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: ColorChoice,
    /// Print nothing but errors; the exit status tells.
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// The writing of annotations.
#[derive(Args, Debug)]
#[command(next_help_heading = "Annotations")]
pub(crate) struct RecordingArgs {
    /// Copy this log to standard output, with a failJSON comment above each line
    /// that the filter takes for a failure. Without FILTER it is the filter of the
    /// log's name. Nothing else is changed; lines that have a comment keep it.
    #[arg(long, value_name = "LOG")]
    pub(crate) record: Option<PathBuf>,
    /// Correct comments that say something else than the filter. The difference is
    /// shown first; without --record, nothing else happens unless --in-place is given.
    #[arg(long)]
    pub(crate) update: bool,
    /// With --record: put documentation addresses, example domains and invented names
    /// in the place of addresses, domains, host names and user names. Read the result
    /// before you give it away.
    #[arg(long, requires = "record", conflicts_with = "in_place")]
    pub(crate) anonymize: bool,
    /// Write the annotated log to this file.
    #[arg(
        short,
        long,
        value_name = "FILE",
        requires = "record",
        conflicts_with = "in_place"
    )]
    pub(crate) output: Option<PathBuf>,
    /// Change the logs themselves.
    #[arg(long)]
    pub(crate) in_place: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// One short line for each thing that fails.
    Brief,
    /// An XML report, as JUnit writes it.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// Annotations of a GitHub workflow.
    Github,
}

impl CheckArgs {
    /// How it is said that there is no result.
    pub(crate) fn output(&self) -> OutputArgs {
        OutputArgs {
            format: match self.format {
                CheckFormat::Json => Format::Json,
                CheckFormat::Brief => Format::Brief,
                _ => Format::Text,
            },
            color: self.color,
            quiet: self.quiet,
        }
    }
}
