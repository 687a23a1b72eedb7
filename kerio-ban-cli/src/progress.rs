//! How far reading has come, on standard error, while it takes long.
//!
//! A thread looks from time to time at how much has been read, so that reading
//! itself is not slowed down.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{BinaryBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::environment;
use crate::input::{Log, Meter};

/// Work that is done sooner shows no progress.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often a bar is drawn.
const DRAWN: Duration = Duration::from_millis(100);

/// How often a line is written where no bar can be drawn.
const WRITTEN: Duration = Duration::from_secs(1);

/// When progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// On a terminal that nothing else is written to meanwhile.
    #[default]
    Auto,
    /// On any terminal; line by line where there is none.
    Always,
    Never,
}

/// The progress of reading. It is gone from the terminal when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    meter: Meter,
    ticker: Option<Ticker>,
}

#[derive(Debug)]
struct Ticker {
    bar: ProgressBar,
    /// Ends the thread when it is dropped.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Progress {
    /// Shows the progress of reading logs, after a while. `streaming` says that
    /// results are written to standard output while logs are read.
    pub(crate) fn start(shown: Shown, logs: &[Log], streaming: bool) -> Progress {
        let meter = Meter::default();
        let terminal = io::stderr().is_terminal() && !environment::terminal_is_dumb();
        let wanted = match shown {
            // What is written at the same time would go through the bar.
            Shown::Auto => terminal && !(streaming && io::stdout().is_terminal()),
            Shown::Always => true,
            Shown::Never => false,
        };
        let ticker = wanted.then(|| Ticker::start(meter.clone(), total(logs), terminal));
        Progress {
            meter,
            ticker: ticker.flatten(),
        }
    }

    /// What is to count the bytes that are read.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Does something that writes to the terminal.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.ticker {
            Some(ticker) => ticker.bar.suspend(write),
            None => write(),
        }
    }

    /// Shows no more.
    pub(crate) fn finish(&mut self) {
        if let Some(ticker) = self.ticker.take() {
            drop(ticker.stop);
            // It cannot do anything that panics.
            let _ = ticker.thread.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// How much there is to read, if all logs say so.
fn total(logs: &[Log]) -> Option<u64> {
    logs.iter()
        .filter(|log| !matches!(log, Log::Text(_)))
        .map(Log::size)
        .sum()
}

impl Ticker {
    /// `None` if there can be no further thread; reading goes on without.
    fn start(meter: Meter, total: Option<u64>, terminal: bool) -> Option<Ticker> {
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target).with_style(style(total));
        let (stop, stopped) = channel();
        let shown = bar.clone();
        let thread = thread::Builder::new().name("progress".to_owned());
        let thread = if terminal {
            thread.spawn(move || draw(&shown, &meter, &stopped))
        } else {
            thread.spawn(move || write(&meter, total, &stopped))
        };
        Some(Ticker {
            bar,
            stop,
            thread: thread.ok()?,
        })
    }
}

fn style(total: Option<u64>) -> ProgressStyle {
    let template = match total {
        Some(_) => {
            "{wide_bar} {percent:>3} %  {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left"
        }
        None => "{spinner} {binary_bytes}, {binary_bytes_per_sec}, {elapsed}",
    };
    ProgressStyle::with_template(template).expect("a constant, and covered by the tests")
}

/// Draws the bar until the other end is dropped, and removes it.
fn draw(bar: &ProgressBar, meter: &Meter, stopped: &Receiver<()>) {
    let mut pause = PATIENCE;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let bytes = meter.bytes();
        // A log may grow while it is read.
        if bar.length().is_some_and(|total| total < bytes) {
            bar.set_length(bytes);
        }
        bar.update(|state| state.set_pos(bytes));
        pause = DRAWN;
    }
    bar.finish_and_clear();
}

/// Writes lines until the other end is dropped.
fn write(meter: &Meter, total: Option<u64>, stopped: &Receiver<()>) {
    let started = Instant::now();
    let mut pause = PATIENCE;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let line = line(meter.bytes(), total, started.elapsed());
        if writeln!(io::stderr(), "{line}").is_err() {
            return;
        }
        pause = WRITTEN;
    }
}

/// Progress in words.
fn line(bytes: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = bytes as f64 / elapsed.as_secs_f64();
    let speed = BinaryBytes(rate as u64);
    let read = BinaryBytes(bytes);
    match total.map(|total| total.max(bytes)) {
        Some(total) if bytes > 0 => {
            let left = Duration::try_from_secs_f64((total - bytes) as f64 / rate);
            let left = HumanDuration(left.unwrap_or(Duration::MAX));
            let percent = u128::from(bytes) * 100 / u128::from(total);
            let total = BinaryBytes(total);
            format!("{percent} %, {read} of {total} read, {speed}/s, {left} left")
        }
        _ => format!("{read} read, {speed}/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_how_far_and_how_long() {
        let told = |bytes, total| line(bytes, total, Duration::from_secs(2));
        assert_eq!(
            told(3 << 20, Some(12 << 20)),
            "25 %, 3.00 MiB of 12.00 MiB read, 1.50 MiB/s, 6 seconds left"
        );
        assert_eq!(told(2048, None), "2.00 KiB read, 1.00 KiB/s");
        // Nothing can be said of what is left yet, or the log has grown.
        assert_eq!(told(0, Some(10)), "0 B read, 0 B/s");
        assert!(told(4096, Some(10)).starts_with("100 %, 4.00 KiB of 4.00 KiB"));
        assert!(told(u64::MAX, Some(u64::MAX)).starts_with("100 %"));
        assert!(told(1, Some(u64::MAX)).starts_with("0 %, 1 B"));
    }

    #[test]
    fn styles_are_well_formed() {
        style(Some(1));
        style(None);
    }

    #[test]
    fn the_total_is_known_if_all_logs_are_files() {
        let file = Log::File(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
        let size = file.size();
        assert!(size.is_some_and(|size| size > 100));
        let text = Log::Text(vec!["typed".to_owned()]);
        assert_eq!(
            total(&[file.clone(), text, file.clone()]),
            size.map(|size| 2 * size)
        );
        assert_eq!(total(&[file, Log::Stdin]), None);
    }

    #[test]
    fn a_short_work_shows_nothing_and_ends_at_once() {
        let started = Instant::now();
        let mut progress = Progress::start(Shown::Always, &[], true);
        assert_eq!(progress.aside(|| 7), 7);
        progress.finish();
        assert!(started.elapsed() < PATIENCE);
    }
}
