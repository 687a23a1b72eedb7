//! The binary `kerio-ban`: what was typed becomes a command, and what came of
//! it an exit status.
//!
//! Everything that decides about lines is in `kerio-ban-core`; here are words,
//! files, terminals and exit statuses.

mod ahead;
#[allow(
    rustdoc::invalid_html_tags,
    reason = "its comments are the help text, which is no HTML"
)]
mod args;
mod buffered;
mod clock;
mod commands;
mod console;
mod diagnostics;
mod dns;
mod environment;
mod failure;
mod input;
mod places;
mod progress;
mod python;
mod report;
mod selection;
mod words;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Format};
use crate::commands::fail2ban_regex;
use crate::failure::Failure;

/// The exit status of a command that could not do its job.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    if let Some(status) = drop_in(env::args_os()) {
        return status;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are among these, too. If they cannot be written,
        // there is nobody to tell.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED));
        }
    };
    match commands::run(&cli.command) {
        Ok(status) => status,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = explain(&cli, &failure);
            ExitCode::from(FAILED)
        }
    }
}

/// Does what fail2ban-regex does, if the program was called by that name or
/// that is the first word: the rest is then not for clap, which has other rules.
fn drop_in(mut words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let program = words.next()?;
    let name = Path::new(&program).file_name()?;
    if name == fail2ban_regex::NAME {
        return Some(fail2ban_regex::run(&program.to_string_lossy(), words));
    }
    if words.next()? != fail2ban_regex::NAME {
        return None;
    }
    let name = format!("{} {}", name.display(), fail2ban_regex::NAME);
    Some(fail2ban_regex::run(&name, words))
}

/// Tells why there is no result: scripts on standard output, people on
/// standard error.
fn explain(cli: &Cli, failure: &Failure) -> std::io::Result<()> {
    let output = cli.command.output();
    match output.format {
        Format::Json if !matches!(failure, Failure::Output(_)) => {
            report::write_error(console::stdout(), failure)
        }
        Format::Brief => diagnostics::brief(failure, output.color),
        Format::Json | Format::Text => diagnostics::draw(failure, output.color),
    }
}
