use std::path::PathBuf;

use clap::Args;

use super::OutputArgs;

/// List the built-in filters and what each of them catches, or write them as
/// files.
///
/// The files are what fail2ban itself loads. None is overwritten that is not the
/// same already, unless --force is given; fail2ban's own filter.d/common.conf
/// never is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kerio-ban filters
  kerio-ban filters --format json
  kerio-ban filters --export /etc/fail2ban

Exit status: 0 if it could be done, 2 otherwise.")]
pub(crate) struct FiltersArgs {
    /// Write the files into this directory, under filter.d and jail.d.
    #[arg(long, value_name = "DIR")]
    pub(crate) export: Option<PathBuf>,
    /// Overwrite files that are there and differ.
    #[arg(long, requires = "export")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
