//! Writes a made-up log of a given kind and length to standard output.

use std::io::{self, BufWriter, ErrorKind};
use std::process::ExitCode;

use loggen::Job;

const USAGE: &str = "\
usage: loggen KIND [--lines N] [--seed N]

kinds:
  kerio01 kerio20 kerio90  Kerio Connect security.log with 1, 20, 90 % failures
  sshd                     auth.log: 15 % failures, 25 % other sshd, 60 % other
  access                   web server access log, combined, 2 % bad bots

Without --lines 1000000, without --seed 1.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let job = match parse(&arguments) {
        Ok(job) => job,
        Err(message) => {
            eprintln!("loggen: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match job.write(&mut BufWriter::with_capacity(1 << 16, io::stdout().lock())) {
        // The reader has seen enough, as in `loggen ... | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loggen: {error}");
            ExitCode::from(2)
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn parse(arguments: &[String]) -> Result<Job, String> {
    let mut kind = None;
    let (mut lines, mut seed) = (1_000_000, 1);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<u64, String> {
            let value = rest
                .next()
                .ok_or(format!("`{argument}` expects a number"))?;
            value
                .parse()
                .map_err(|_| format!("`{argument}` expects a number, found `{value}`"))
        };
        match argument.as_str() {
            "--lines" => lines = number()?,
            "--seed" => seed = number()?,
            _ if argument.starts_with('-') => return Err(format!("unknown option `{argument}`")),
            _ if kind.is_some() => return Err(format!("unexpected `{argument}`")),
            _ => kind = Some(argument),
        }
    }
    let kind = kind.ok_or("no kind given")?;
    Job::new(kind, lines, seed).ok_or(format!("unknown kind `{kind}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked() {
        let error = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
            parse(&arguments).err()
        };
        assert_eq!(error(&["sshd", "--lines", "5", "--seed", "2"]), None);
        assert_eq!(error(&[]).as_deref(), Some("no kind given"));
        assert_eq!(error(&["apache"]).as_deref(), Some("unknown kind `apache`"));
        assert_eq!(
            error(&["sshd", "-n"]).as_deref(),
            Some("unknown option `-n`")
        );
        assert_eq!(
            error(&["sshd", "access"]).as_deref(),
            Some("unexpected `access`")
        );
        assert_eq!(
            error(&["sshd", "--lines", "x"]).as_deref(),
            Some("`--lines` expects a number, found `x`")
        );
        assert_eq!(
            error(&["sshd", "--seed"]).as_deref(),
            Some("`--seed` expects a number")
        );
    }
}
