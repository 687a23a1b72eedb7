//! Makes up logs: the same bytes for the same kind, length and seed, on every
//! machine.
//!
//! Times start at 2025-01-01 00:00:00. Addresses come from the networks set
//! aside for benchmarks and documentation (198.18.0.0/15, 2001:db8::/32), 50,000
//! different ones, a few of which are busier than the rest.

mod access;
mod clock;
mod kerio;
mod random;
mod sshd;

use std::io::{self, Write};

use clock::Clock;
use random::Random;

/// The names of the kinds, and what they are:
/// Kerio Connect's security.log with 1, 20 and 90 % failures; an auth.log with
/// 15 % failures, 25 % other lines of sshd and 60 % of others; a web server's
/// access log, 2 % of it by bad bots.
pub const KINDS: [&str; 5] = ["kerio01", "kerio20", "kerio90", "sshd", "access"];

/// A log to be made up.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    write_line: WriteLine,
    lines: u64,
    seed: u64,
}

/// Writes one line of a kind, without its end.
type WriteLine = fn(&mut dyn Write, &Clock, &mut Random) -> io::Result<()>;

impl Job {
    /// `None` if there is no such kind.
    pub fn new(kind: &str, lines: u64, seed: u64) -> Option<Job> {
        let write_line: WriteLine = match kind {
            "kerio01" => kerio::write_line::<1>,
            "kerio20" => kerio::write_line::<20>,
            "kerio90" => kerio::write_line::<90>,
            "sshd" => sshd::write_line,
            "access" => access::write_line,
            _ => return None,
        };
        Some(Job {
            write_line,
            lines,
            seed,
        })
    }

    /// Writes the log.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut random = Random::new(self.seed);
        let mut clock = Clock::start();
        for _ in 0..self.lines {
            // Every third line shares its second with the one before.
            clock.advance(random.below(3));
            (self.write_line)(out, &clock, &mut random)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(kind: &str, lines: u64, seed: u64) -> String {
        let mut out = Vec::new();
        let job = Job::new(kind, lines, seed).unwrap();
        job.write(&mut out).unwrap();
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
        assert!(Job::new("apache", 1, 1).is_none());
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
