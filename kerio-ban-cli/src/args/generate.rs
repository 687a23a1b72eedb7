use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// Write manual pages, or completions for a shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kerio-ban generate man --dir /usr/local/share/man/man1
  kerio-ban generate completions bash > /etc/bash_completion.d/kerio-ban

Exit status: 0 when all is written, 2 if it could not be done.")]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    pub(crate) what: Generated,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Generated {
    Man(ManArgs),
    Completions(CompletionsArgs),
}

/// Write a manual page, or all of them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kerio-ban generate man > kerio-ban.1
  kerio-ban generate man rewrite | man -l -
  kerio-ban generate man --dir man1")]
pub(crate) struct ManArgs {
    /// The command whose page is written to standard output [default: the program's
    /// own].
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Option<String>,
    /// Write the pages of the program and of all its commands into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Write the completions for a shell to standard output.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kerio-ban generate completions bash > /etc/bash_completion.d/kerio-ban
  kerio-ban generate completions fish > ~/.config/fish/completions/kerio-ban.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}
