//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod fail2ban_regex;
mod filters;
mod generate;
mod jail_logs;
mod rewrite;
mod show;
pub(crate) mod simulate;
mod test;

use std::process::ExitCode;

use crate::args::Command;
use crate::failure::Failure;

/// What a command that did its job found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// Not all of it could be done; what could not, and why, has been told.
    Incomplete,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> ExitCode {
        match answer {
            Answer::Yes => ExitCode::SUCCESS,
            Answer::No => ExitCode::from(1),
            Answer::Incomplete => ExitCode::from(crate::FAILED),
        }
    }
}

/// Runs a command.
pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    let answer = match command {
        Command::Test(args) => test::run(args),
        Command::Check(args) => check::run(args),
        Command::Show(args) => show::run(args),
        Command::Filters(args) => filters::run(args),
        Command::Rewrite(args) => rewrite::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Generate(args) => generate::run(args),
        // It has exit statuses of its own.
        Command::Fail2banRegex(args) => {
            let words = args.words.iter().cloned();
            return Ok(fail2ban_regex::run(fail2ban_regex::NAME, words));
        }
    };
    answer.map(ExitCode::from)
}
