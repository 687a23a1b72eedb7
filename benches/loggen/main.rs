//! Writes a made-up log of a given kind and length to standard output: the same
//! bytes for the same arguments, on every machine.
//!
//! Times start at 2025-01-01 00:00:00. Addresses come from the networks set
//! aside for benchmarks and documentation (198.18.0.0/15, 2001:db8::/32), 50,000
//! different ones, a few of which are busier than the rest.

mod access;
mod clock;
mod kerio;
mod random;
mod sshd;

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use clock::Clock;
use random::Random;

const USAGE: &str = "\
usage: loggen KIND [--lines N] [--seed N]

kinds:
  kerio01 kerio20 kerio90  Kerio Connect security.log with 1, 20, 90 % failures
  sshd                     auth.log: 15 % failures, 25 % other sshd, 60 % other
  access                   web server access log, combined, 2 % bad bots

Without --lines 1000000, without --seed 1.";

/// One kind of log: writes one line, without its end.
type WriteLine = fn(&mut dyn Write, &Clock, &mut Random) -> io::Result<()>;

struct Job {
    write_line: WriteLine,
    lines: u64,
    seed: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let job = match parse(&arguments) {
        Ok(job) => job,
        Err(message) => {
            eprintln!("loggen: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(
        &job,
        &mut BufWriter::with_capacity(1 << 16, io::stdout().lock()),
    ) {
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
            _ => kind = Some(write_line(argument).ok_or(format!("unknown kind `{argument}`"))?),
        }
    }
    Ok(Job {
        write_line: kind.ok_or("no kind given")?,
        lines,
        seed,
    })
}

fn write_line(kind: &str) -> Option<WriteLine> {
    Some(match kind {
        "kerio01" => kerio::write_line::<1>,
        "kerio20" => kerio::write_line::<20>,
        "kerio90" => kerio::write_line::<90>,
        "sshd" => sshd::write_line,
        "access" => access::write_line,
        _ => return None,
    })
}

fn run(job: &Job, out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::new(job.seed);
    let mut clock = Clock::start();
    for _ in 0..job.lines {
        // Every third line shares its second with the one before.
        clock.advance(random.below(3));
        (job.write_line)(out, &clock, &mut random)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 5] = ["kerio01", "kerio20", "kerio90", "sshd", "access"];

    fn log(kind: &str, lines: u64, seed: u64) -> String {
        let write_line = write_line(kind).unwrap();
        let mut out = Vec::new();
        run(
            &Job {
                write_line,
                lines,
                seed,
            },
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn same_arguments_same_log() {
        for kind in KINDS {
            let first = log(kind, 300, 7);
            assert_eq!(first, log(kind, 300, 7));
            assert_ne!(first, log(kind, 300, 8));
            assert_eq!(first.lines().count(), 300);
            assert!(first.is_ascii());
        }
    }

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

    fn share(kind: &str, needle: &str) -> f64 {
        let log = log(kind, 20_000, 3);
        let count = log.lines().filter(|line| line.contains(needle)).count();
        count as f64 / 200.0
    }

    #[test]
    fn shares_are_as_promised() {
        // A shape of its own among the nine failures of a Kerio log.
        for (kind, hits) in [("kerio01", 1.0), ("kerio20", 20.0), ("kerio90", 90.0)] {
            let relay = share(kind, " Relay attempt from IP address ");
            assert!((relay - hits / 9.0).abs() < 1.0, "{kind}: {relay} %");
        }
        let sshd = share("sshd", " sshd[");
        assert!((sshd - 40.0).abs() < 1.5, "{sshd} %");
        let bots = share("access", "Email") + share("access", "Jorgee");
        assert!((0.5..2.5).contains(&bots), "{bots} %");
    }
}
