//! Running a program: how long it took, how much memory it had, what it wrote.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// One run of a program.
#[derive(Debug)]
pub(crate) struct Run {
    /// From its start to its end.
    pub(crate) time: Duration,
    /// The most memory it had at once, in bytes. The system counts the memory of
    /// the process that started it among it, which is why this one is small.
    pub(crate) memory: u64,
    /// `None` if it was killed.
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
}

/// Runs a program to its end. Standard error goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<Run, String> {
    let name = command.get_program().display().to_string();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut output = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut output).map_err(failed)?;
    }
    let end = child.wait4().map_err(failed)?;
    Ok(Run {
        time: started.elapsed(),
        memory: end.rusage.maxrss,
        status: end.status.code(),
        output: String::from_utf8_lossy(&output).into_owned(),
    })
}

/// The middle one; of an even number, the mean of the two in the middle.
pub(crate) fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    let (&low, &high) = (
        times.get(times.len().checked_sub(1)? / 2)?,
        times.get(times.len() / 2)?,
    );
    Some((low + high) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |times: &[u64]| median(times.iter().map(|&t| Duration::from_millis(t)).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[5]), Some(Duration::from_millis(5)));
        assert_eq!(of(&[9, 1, 5]), Some(Duration::from_millis(5)));
        assert_eq!(of(&[9, 1, 5, 6]), Some(Duration::from_micros(5500)));
    }

    #[test]
    fn a_run_says_all_of_a_program() {
        let run = run(Command::new("sh").args(["-c", "echo said; exit 3"])).unwrap();
        assert_eq!((run.status, run.output.as_str()), (Some(3), "said\n"));
        assert!(
            run.memory > 1 << 18 && run.memory < 1 << 30,
            "{}",
            run.memory
        );
    }
}
