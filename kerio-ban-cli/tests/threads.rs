//! The number of threads changes nothing but the time it takes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Numbers from a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// A log of several blocks. Runs of lines without a date make it matter what
/// was ahead of a block; `calm` is one in which every line has a date.
fn log(name: &str, calm: bool) -> PathBuf {
    let mut random = Random(3);
    let mut text = String::new();
    for number in 0..30_000_u64 {
        let (minute, second) = (number / 60 % 60, number % 60);
        let date = format!("[17/Jun/2025 1{}:{minute:02}:{second:02}] ", number / 3600);
        let undated = !calm && number / 40 % 5 == 0;
        if !undated {
            text.push_str(&date);
        }
        let user = random.below(1000);
        let ip = format!("203.0.113.{}", random.below(256));
        match random.below(10) {
            0..3 => writeln!(
                text,
                "SMTP: User u{user}@example.com doesn't exist. Attempt from IP address {ip}."
            ),
            3 => writeln!(text, "Failed IMAP login from {ip} with SASL method LOGIN."),
            4 => writeln!(text, "# a comment of {ip}"),
            5 => writeln!(
                text,
                "Relay attempt from IP address {ip}, mail from <probe@b.example>"
            ),
            6 => writeln!(text, "\u{e9}t\u{e9} {user}"),
            _ => writeln!(
                text,
                "Message from <{user}@example.net> rejected: score {user}"
            ),
        }
        .unwrap();
    }
    text.push_str("SMTP: User last@example.com doesn't exist. Attempt from IP address 192.0.2.9.");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// What `test` prints of a log.
fn test(filter: &Path, log: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerio-ban"));
    command
        .args(["test", "--now=1750200000"])
        .args([filter, log])
        .args(arguments);
    let (out, err) = run(&mut command);
    assert!(err.is_empty(), "{err}");
    out
}

/// What `simulate` prints of a log that two jails read.
fn simulate(log: &Path, arguments: &[&str]) -> String {
    let config = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-jails");
    std::fs::create_dir_all(config.join("filter.d")).unwrap();
    let files = [
        (
            "jail.conf",
            "[kerio]\nenabled = true\nfilter = kerio\n[login]\nenabled = true\nfilter = login\nmaxretry = 2\n",
        ),
        (
            "filter.d/kerio.conf",
            "[Definition]\nfailregex = ^[^<]* IP address <HOST>\n",
        ),
        (
            "filter.d/login.conf",
            "[Definition]\nfailregex = login from <HOST> with\n",
        ),
    ];
    for (name, text) in files {
        std::fs::write(config.join(name), text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerio-ban"));
    command
        .args(["simulate", "--now=1750200000", "--own=192.0.2.2", "-c"])
        .arg(config)
        .arg(log)
        .args(arguments);
    let (out, err) = run(&mut command);
    out + &err
}

/// Everything that is printed, but the time it took.
fn run(command: &mut Command) -> (String, String) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let output = command
        .current_dir(data)
        .env("TZ", "Europe/Prague")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let end = [line.find("\"elapsed\":"), line.find("[processed in ")];
        let end = end.into_iter().flatten().next();
        line[..end.unwrap_or(line.len())].to_owned()
    };
    let text: Vec<String> = text.lines().map(line).collect();
    (text.join("\n"), error)
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let filter = Path::new("article/filter.d/kerio.conf");
    for log in [log("calm.log", true), log("restless.log", false)] {
        agree(filter, &log);
    }
}

#[test]
fn nor_does_it_where_lines_are_connected() {
    let filter = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connected.conf");
    let text = r"
[Definition]
prefregex = ^ <F-MLFID>d\[\d+\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$
failregex = ^login from <ADDR>
            ^<F-NOFAIL>hello</F-NOFAIL> <F-USER>\S+</F-USER>
            ^bad <F-USER>\S+</F-USER>(?: from <ADDR>)?
            ^<F-MLFFORGET>bye</F-MLFFORGET>(?: <F-MLFGAINED>good</F-MLFGAINED>)?
datepattern = ^%%Y-%%m-%%d %%H:%%M:%%S
";
    std::fs::write(&filter, text).unwrap();
    let mut random = Random(5);
    let mut log = String::new();
    for number in 0..40_000 {
        let date = format!(
            "2025-06-17 1{}:{:02}:{:02}",
            number / 3600 % 10,
            number / 60 % 60,
            number % 60
        );
        let id = number / 50 + random.below(40);
        let (user, ip) = (random.below(3), format!("192.0.2.{}", random.below(256)));
        let date = if random.below(50) == 0 { "" } else { &date };
        match random.below(9) {
            0 => writeln!(log, "{date} d[{id}]: login from {ip}"),
            1 => writeln!(log, "{date} d[{id}]: hello u{user}"),
            2 => writeln!(log, "{date} d[{id}]: bad u{user}"),
            3 => writeln!(log, "{date} d[{id}]: bad u{user} from {ip}"),
            4 => writeln!(log, "{date} d[{id}]: bye"),
            5 => writeln!(log, "{date} d[{id}]: bye good"),
            _ => writeln!(log, "{date} other[{id}]: nothing"),
        }
        .unwrap();
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connected.log");
    std::fs::write(&path, log).unwrap();
    agree(&filter, &path);
}

fn agree(filter: &Path, log: &Path) {
    for form in [
        &["--print-all-missed"][..],
        &["-vv"],
        &["--format=json", "--print-all-missed"],
        &["--format=brief"],
        &["--out=row"],
        &["--out=<ip> <time>", "--invert"],
        &["--all-lines"],
    ] {
        let with = |more: &[&str]| test(filter, log, &[form, more].concat());
        let expected = with(&["--threads=1", "--plain"]);
        for more in [&["-j1"][..], &["-j2"], &["-j7"], &["-j3", "--plain"]] {
            assert!(
                with(more) == expected,
                "{} {form:?} {more:?} differs",
                log.display()
            );
        }
    }
}

#[test]
fn the_number_of_threads_decides_nothing() {
    for (log, bans) in [
        (log("calm-jails.log", true), 500),
        (log("restless-jails.log", false), 200),
    ] {
        for form in [
            &["--all"][..],
            &["--format=json"],
            &["--format=cidr", "--at=2025-06-17T16:00:00Z"],
            &["--explain=203.0.113.77"],
            &["--show-actions", "--format=json", "--summary"],
        ] {
            let with = |more: &[&str]| simulate(&log, &[form, more].concat());
            let expected = with(&["-j1"]);
            if form == ["--format=json"] {
                let found = expected.matches(r#""type":"ban","#).count();
                assert!(found > bans, "only {found} bans");
            }
            for more in ["-j2", "-j7"] {
                assert!(
                    with(&[more]) == expected,
                    "{} {form:?} {more} differs",
                    log.display()
                );
            }
        }
    }
}
