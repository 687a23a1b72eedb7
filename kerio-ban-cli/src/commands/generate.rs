//! `kerio-ban generate`: what is made from the definition of the command line.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use super::Answer;
use crate::args::{Cli, CompletionsArgs, GenerateArgs, Generated, ManArgs};
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(args: &GenerateArgs) -> Result<Answer, Failure> {
    match &args.what {
        Generated::Man(args) => man(args)?,
        Generated::Completions(args) => completions(args)?,
    }
    Ok(Answer::Yes)
}

/// The program, with the commands under the names they are called by. The
/// command `help` says what the pages say.
fn program() -> clap::Command {
    let mut program = Cli::command()
        .disable_help_subcommand(true)
        .mut_subcommands(|command| command.disable_help_subcommand(true));
    program.build();
    program
}

fn man(args: &ManArgs) -> Result<(), Failure> {
    let program = program();
    if let Some(dir) = &args.dir {
        return pages(&program, dir);
    }
    let command = match &args.command {
        None => &program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| {
            Failure::request("no-command", format!("there is no command `{name}`"))
        })?,
    };
    let mut out = console::stdout();
    Man::new(command.clone()).render(&mut out)?;
    Ok(out.flush()?)
}

/// Writes all pages, each into a file of its own.
fn pages(program: &clap::Command, dir: &Path) -> Result<(), Failure> {
    let unwritable = |error: io::Error| {
        let message = format!("cannot write into `{}`: {error}", dir.display());
        Failure::request("unwritable", message)
    };
    fs::create_dir_all(dir).map_err(unwritable)?;
    clap_mangen::generate_to(program.clone(), dir).map_err(unwritable)
}

fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    // This writes without being able to fail, so not where a reader may leave.
    let mut text = Vec::new();
    let mut program = Cli::command();
    clap_complete::generate(args.shell, &mut program, "kerio-ban", &mut text);
    let mut out = console::stdout();
    out.write_all(&text)?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
