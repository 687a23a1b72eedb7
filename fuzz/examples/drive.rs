//! Fuzzing on stable Rust: runs a target with its corpus, changed at random
//! from a seed. Without libFuzzer's knowledge of which code was reached, but
//! with nothing more than cargo.
//!
//! ```text
//! drive [--target NAME] [--runs N] [--seed N] [--seconds N] [--limit S] [FILE ...]
//! ```
//!
//! With files, only runs the target with each. An input that panics, or takes
//! longer than the limit, is written to `fuzz/crashes`, and the status is 1.

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use kerio_ban_fuzz::{TARGETS, Target};

/// The longest input that is made.
const LONGEST: usize = 4096;

struct Options {
    targets: Vec<Target>,
    runs: u64,
    seed: u64,
    seconds: u64,
    limit: Duration,
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match options().and_then(|options| drive(&options)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("drive: {error}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        targets: TARGETS.to_vec(),
        runs: 1000,
        seed: 1,
        seconds: u64::MAX,
        limit: Duration::from_secs(10),
        files: Vec::new(),
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--target" => {
                let name = value()?;
                options.targets.retain(|(known, _)| *known == name);
                if options.targets.is_empty() {
                    let names = TARGETS.iter().map(|(name, _)| *name);
                    let names: Vec<&str> = names.collect();
                    return Err(format!("no target `{name}`: {}", names.join(", ")).into());
                }
            }
            "--runs" => options.runs = value()?.parse()?,
            "--seed" => options.seed = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--limit" => options.limit = Duration::from_secs(value()?.parse()?),
            _ if argument.starts_with('-') => return Err(format!("what is {argument}?").into()),
            _ => options.files.push(argument.into()),
        }
    }
    Ok(options)
}

/// Returns how many inputs failed.
fn drive(options: &Options) -> Result<usize, Box<dyn Error>> {
    let watched = Watched::default();
    watched.watch(options.limit);
    if options.files.is_empty() {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let mut failed = 0;
    for &(name, target) in &options.targets {
        if !options.files.is_empty() {
            for path in &options.files {
                if let Err(message) = watched.run(name, target, &fs::read(path)?) {
                    println!("{name}: {}: {message}", path.display());
                    failed += 1;
                }
            }
            continue;
        }
        let corpus = corpus(name)?;
        let mut random = Random(options.seed);
        let started = Instant::now();
        let mut runs = 0;
        while runs < options.runs && started.elapsed().as_secs() < options.seconds {
            let seed = usize::try_from(runs)?;
            let input = match corpus.get(seed) {
                Some(input) => input.clone(),
                None => random.input(&corpus),
            };
            runs += 1;
            if let Err(message) = watched.run(name, target, &input) {
                let path = save(name, &input)?;
                println!("{name}: {}: {message}", path.display());
                failed += 1;
                if failed >= 20 {
                    return Ok(failed);
                }
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("{name}: {runs} runs in {seconds:.1} s");
    }
    Ok(failed)
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs to begin with, in the order of their names.
fn corpus(target: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(home().join("corpus").join(target))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let inputs: Result<Vec<_>, _> = paths.iter().map(fs::read).collect();
    Ok(inputs?)
}

fn save(target: &str, input: &[u8]) -> Result<PathBuf, Box<dyn Error>> {
    let directory = home().join("crashes");
    fs::create_dir_all(&directory)?;
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let path = directory.join(format!("{target}-{hash:016x}"));
    fs::write(&path, input)?;
    Ok(path)
}

/// The input that is being run, and since when.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<Option<Running>>>);

struct Running {
    target: &'static str,
    input: Vec<u8>,
    since: Instant,
}

impl Watched {
    /// Ends the program when an input takes too long.
    fn watch(&self, limit: Duration) {
        let watched = self.clone();
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(500));
                let Ok(running) = watched.0.lock() else {
                    return;
                };
                if let Some(running) = &*running
                    && running.since.elapsed() > limit
                {
                    let path = save(running.target, &running.input);
                    println!("{}: too slow: {path:?}", running.target);
                    std::process::exit(1);
                }
            }
        });
    }

    /// Runs a target, and says how it panicked if it did.
    fn run(&self, name: &'static str, target: fn(&[u8]), input: &[u8]) -> Result<(), String> {
        self.set(Some(Running {
            target: name,
            input: input.to_vec(),
            since: Instant::now(),
        }));
        let result = catch_unwind(AssertUnwindSafe(|| target(input)));
        self.set(None);
        result.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            text.unwrap_or_else(|| "a panic without words".to_owned())
        })
    }

    fn set(&self, running: Option<Running>) {
        if let Ok(mut current) = self.0.lock() {
            *current = running;
        }
    }
}

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 1) as usize % limit.max(1)
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A range of at most so many bytes.
    fn piece(&mut self, input: &[u8], longest: usize) -> std::ops::Range<usize> {
        let start = self.below(input.len() + 1);
        let length = self.below(longest.min(input.len() - start) + 1);
        start..start + length
    }

    /// An input of the corpus with some changes.
    fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.one(corpus).clone();
        let most = 1 << self.below(5);
        let changes = 1 + self.below(most);
        for _ in 0..changes {
            self.change(&mut input, corpus);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        const BYTES: &[u8] =
            b"\0\n\r\t \"#$%'()*+,-./019:;<=>?@AZ[\\]^_`az{|}~\x1b\x80\xc3\xe2\xff";
        const PIECES: &[&str] = &[
            "\n",
            "\r\n",
            "\n ",
            "=== ",
            "é",
            "ſ",
            "K",
            "\u{a0}",
            "\u{2028}",
            "\u{1f600}",
            "\0",
            "%(a)s",
            "%%",
            "<a>",
            "<HOST>",
            "<ADDR>",
            "<F-ID>",
            "</F-ID>",
            "<F-USER>",
            "</F-USER>",
            "(?:",
            "(?i)",
            "(?=",
            "(?!",
            "(?<=",
            "(?P<x>",
            "(?P=x)",
            "\\1",
            "[^",
            "{2,3}",
            "*?",
            "++",
            "\\b",
            "\\s",
            "\\S",
            "\\d+",
            ".*",
            "^",
            "$",
            "|",
            "192.0.2.1",
            "2001:db8::1",
            "-1",
            "1e9",
            "999999999999999999999",
            "2005-02-29 23:59:60",
            "Feb 29 00:00:00",
            "%Y-%m-%d",
            "{NONE}",
            "[Definition]\n",
            "[DEFAULT]\n",
            "before = ",
            "failregex = ",
        ];
        let at = self.below(input.len() + 1);
        match self.below(10) {
            0 | 1 => input.insert(at, *self.one(BYTES)),
            2 | 3 => {
                let piece = self.one(PIECES).bytes();
                input.splice(at..at, piece);
            }
            4 => {
                let byte = *self.one(BYTES);
                if let Some(old) = input.get_mut(at) {
                    *old = byte;
                }
            }
            5 => {
                let bit = self.below(8);
                if let Some(old) = input.get_mut(at) {
                    *old ^= 1 << bit;
                }
            }
            6 => {
                let piece = self.piece(input, 20);
                input.drain(piece);
            }
            7 => {
                let piece = self.piece(input, 60);
                let copy = input[piece].repeat(1 + self.below(4));
                input.splice(at..at, copy);
            }
            _ => {
                let other = self.one(corpus);
                let piece = self.piece(other, 80);
                let over = at..(at + self.below(20)).min(input.len());
                input.splice(over, other[piece].iter().copied());
            }
        }
    }
}
