//! The parts of reading a log, each by itself: dates, passing over lines that
//! cannot match, judging lines, and loading filters.
//!
//! `cargo bench --manifest-path benches/Cargo.toml`

#![allow(clippy::unwrap_used, reason = "a measurement that fails has no result")]

use std::convert::Infallible;
use std::env;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kerio_ban_core::{
    BlockOptions, DateFinder, Filter, FilterSpec, Line, Loader, MemoryFiles, SessionOptions,
    Timestamp,
};

/// Lines of each log.
const LINES: u64 = 10_000;

/// A moment after all that the logs hold.
const NOW: i64 = 1_767_222_000;

fn now() -> Timestamp {
    Timestamp::from_whole_seconds(NOW)
}

fn log(kind: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let job = loggen::Job::new(kind, LINES, 1).unwrap();
    job.write(&mut out).unwrap();
    out
}

/// The built-in filters.
fn pack() -> Loader {
    let files = kerio_ban_filters::files()
        .iter()
        .fold(MemoryFiles::new(), |files, (path, text)| {
            files.with(format!("/pack/{path}"), *text)
        });
    Loader::with_files("/pack", files)
}

fn load(loader: &Loader, spec: &FilterSpec) -> Filter {
    loader.filter(spec).unwrap().compile().unwrap()
}

fn kerio() -> Filter {
    load(&pack(), &"kerio".parse().unwrap())
}

fn dates(c: &mut Criterion) {
    let mut group = c.benchmark_group("dates");
    group.throughput(Throughput::Elements(LINES));
    for kind in ["kerio01", "sshd", "access"] {
        let log = String::from_utf8(log(kind)).unwrap();
        group.bench_function(kind, |b| {
            b.iter(|| {
                let mut finder = DateFinder::new(None, 2026).unwrap();
                let found = log.lines().filter(|line| {
                    let date = finder.find(line, now()).unwrap();
                    black_box(date).is_some()
                });
                assert_eq!(found.count() as u64, LINES);
            });
        });
    }
}

/// A block of lines of which 1 % match, with and without passing over the rest.
fn prefilter(c: &mut Criterion) {
    let (filter, log) = (kerio(), log("kerio01"));
    let mut group = c.benchmark_group("prefilter");
    group.throughput(Throughput::Elements(LINES));
    for (name, pass_over) in [("on", true), ("off", false)] {
        let options = BlockOptions {
            now: now(),
            skip_comments: true,
            pass_over,
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut session = filter.session_with(&SessionOptions::testing());
                let mut lines = 0;
                let done = session.feed_block(&log, &options, |_, text, state| {
                    black_box((text, state));
                    lines += 1;
                    Ok::<(), Infallible>(())
                });
                assert_eq!((done, lines), (Ok(()), LINES));
            });
        });
    }
}

/// Line by line: few failures, and many.
fn feed(c: &mut Criterion) {
    let filter = kerio();
    let mut group = c.benchmark_group("feed");
    group.throughput(Throughput::Elements(LINES));
    for (name, kind) in [("misses", "kerio01"), ("hits", "kerio90")] {
        let log = log(kind);
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut session = filter.session_with(&SessionOptions::testing());
                for line in log.split(|&byte| byte == b'\n') {
                    black_box(session.feed(Line::Bytes(line), now()).hits().len());
                }
            });
        });
    }
}

/// From text to something that can judge lines.
fn loading(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    let kerio: FilterSpec = "kerio".parse().unwrap();
    let loader = pack();
    group.bench_function("kerio", |b| b.iter(|| load(&loader, &kerio)));
    // fail2ban's own files are not part of the project.
    let tree = env::var_os("FAIL2BAN").map_or_else(
        || PathBuf::from("/etc/fail2ban"),
        |tree| PathBuf::from(tree).join("config"),
    );
    if tree.join("filter.d/sshd.conf").is_file() {
        let sshd: FilterSpec = "sshd".parse().unwrap();
        let loader = Loader::new(&tree);
        group.bench_function("sshd", |b| b.iter(|| load(&loader, &sshd)));
    } else {
        eprintln!("load/sshd: left out, there is no fail2ban");
    }
}

criterion_group! {
    name = parts;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = dates, prefilter, feed, loading
}
criterion_main!(parts);
