//! The result: one table in Markdown, and what it was measured on.

use std::fmt::Write;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What came of one program and one log.
pub(crate) struct Row {
    pub(crate) log: &'static str,
    pub(crate) program: String,
    /// What it does less than the others.
    pub(crate) does: &'static str,
    pub(crate) result: Result<Measured, String>,
}

/// Times and memory.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// The median.
    pub(crate) time: Duration,
    /// Of how many runs.
    pub(crate) runs: usize,
    /// The most of all runs, in bytes.
    pub(crate) memory: u64,
}

/// The table. Ratios are those to the row called `measure` of the same log.
pub(crate) fn table(rows: &[Row], lines: u64, measure: &str) -> String {
    let mut out = format!(
        "| log | program | ms | lines/s | × {measure} | MiB | runs | remark |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
    );
    for row in rows {
        let (log, program) = (row.log, &row.program);
        let remark = row.does;
        let measured = match row.result {
            Ok(measured) => measured,
            Err(ref why) => {
                let _ = writeln!(out, "| {log} | {program} | | | | | | not timed: {why} |");
                continue;
            }
        };
        let seconds = measured.time.as_secs_f64();
        let of_measure = rows.iter().find_map(|other| match &other.result {
            Ok(found) if other.log == log && other.program == measure => Some(found.time),
            _ => None,
        });
        let ratio = of_measure.map(|time| short(time.as_secs_f64() / seconds));
        let _ = writeln!(
            out,
            "| {log} | {program} | {} | {} | {} | {:.1} | {} | {remark} |",
            short(seconds * 1e3),
            rate(lines as f64 / seconds),
            ratio.unwrap_or_default(),
            measured.memory as f64 / f64::from(1 << 20),
            measured.runs,
        );
    }
    out
}

/// Three digits, or all before the point.
fn short(number: f64) -> String {
    if number < 10.0 {
        format!("{number:.2}")
    } else if number < 100.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

fn rate(lines: f64) -> String {
    if lines >= 1e6 {
        format!("{} M", short(lines / 1e6))
    } else {
        format!("{} k", short(lines / 1e3))
    }
}

/// `4 cores, NAME OF THE PROCESSOR, Linux on x86_64`.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let (system, kind) = (std::env::consts::OS, std::env::consts::ARCH);
    let noun = if cores == 1 { "core" } else { "cores" };
    format!("{cores} {noun}, {processor}, {system} on {kind}")
}

/// `2025-06-17`, in UTC.
pub(crate) fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    date(now.unwrap_or_default().as_secs() / 86_400)
}

/// The date of a day since 1970-01-01. Years are counted from March, so that the
/// leap day comes last.
fn date(day: u64) -> String {
    // 1970-01-01 is 719,468 days after 0000-03-01.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = 400 * era + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_measured_by_one() {
        let row = |program: &str, milliseconds| Row {
            log: "sshd",
            program: program.to_owned(),
            does: "",
            result: Ok(Measured {
                time: Duration::from_millis(milliseconds),
                runs: 3,
                memory: 5 << 19,
            }),
        };
        let mut unequal = row("rg -c", 1);
        unequal.result = Err("finds 1 line instead of 2".to_owned());
        let rows = [row("slow", 20_000), row("fast", 50), unequal];
        assert_eq!(
            table(&rows, 1_000_000, "slow"),
            "\
| log | program | ms | lines/s | × slow | MiB | runs | remark |
| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
| sshd | slow | 20000 | 50.0 k | 1.00 | 2.5 | 3 |  |
| sshd | fast | 50.0 | 20.0 M | 400 | 2.5 | 3 |  |
| sshd | rg -c | | | | | | not timed: finds 1 line instead of 2 |
"
        );
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(59), "1970-03-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_453), "2025-12-31");
        assert_eq!(date(20_454), "2026-01-01");
    }
}
