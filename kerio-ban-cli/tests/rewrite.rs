//! Rewritten logs: byte for byte, as they come, and as our own engine reads
//! them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(
    clippy::implicit_clone,
    dead_code,
    reason = "shared with the log generator"
)]
#[path = "../../benches/loggen/clock.rs"]
mod clock;
#[path = "../../benches/loggen/kerio.rs"]
mod kerio;
#[allow(dead_code, reason = "shared with the log generator")]
#[path = "../../benches/loggen/random.rs"]
mod random;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use kerio_ban_core::{
    Filter, FilterBuilder, FilterConfig, Line, Loader, SessionOptions, Timestamp, Zone,
};

/// With summer time.
const ZONE: &str = "Europe/Zurich";
/// 2025-11-01 00:00:00 UTC.
const NOW: i64 = 1_761_955_200;

fn rewrite(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerio-ban"));
    command
        .arg("rewrite")
        .args(["--now", &NOW.to_string()])
        .args(options)
        .env("TZ", ZONE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The log rewritten, from standard input.
fn rewritten(options: &[&str], log: &[u8]) -> Vec<u8> {
    let mut child = rewrite(options).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let log = log.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&log).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    output.stdout
}

#[track_caller]
fn check(options: &[&str], log: &[u8], expected: &[u8]) {
    let found = rewritten(options, log);
    assert_eq!(
        found.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn nothing_but_the_date_changes() {
    // Line ends of Windows, none at the end, blanks, empty lines.
    check(
        &[],
        b"[17/Jun/2025 17:00:45] a\r\n\r\n\n[17/Jun/2025 17:00:45]  b \t\r\r\nc\n[17/Jun/2025 17:00:46]",
        b"Jun 17 17:00:45 a\r\n\r\n\nJun 17 17:00:45  b \t\r\r\nc\nJun 17 17:00:46",
    );
    // Bytes that are no UTF-8, also before the date; a byte order mark.
    check(
        &[],
        b"[17/Jun/2025 17:00:45] \xe9\xff\0 \xc3\xa9\n\xef\xbb\xbf[17/Jun/2025 17:00:45] b\n\xff\xfe[17/Jun/2025 17:00:45] \xe2\x82\n",
        b"Jun 17 17:00:45 \xe9\xff\0 \xc3\xa9\n\xef\xbb\xbfJun 17 17:00:45 b\n\xff\xfeJun 17 17:00:45 \xe2\x82\n",
    );
}

#[test]
fn brackets_stay_where_a_date_does_not_begin_the_line() {
    check(
        &["--to", "%F"],
        b"192.0.2.1 - - [17/Jun/2025:17:00:45 +0200] \"GET\"\n[Tue Jun 17 17:00:45 2025] [error]\n",
        b"192.0.2.1 - - [2025-06-17] \"GET\"\n2025-06-17 [error]\n",
    );
}

#[test]
fn names_are_put_behind_the_date() {
    let log = b"[17/Jun/2025 17:00:45][42] {tag} a\n1750179645:b\nc\n<22>1 2025-06-17T17:00:45+02:00 mx - d";
    check(
        &[],
        log,
        b"Jun 17 17:00:45 [42] {tag} a\nJun 17 19:00:45:b\nc\n<22>1 Jun 17 17:00:45 mx - d",
    );
    check(
        &["--hostname", "mx", "--tag", "kerio[1]"],
        log,
        b"Jun 17 17:00:45 mx kerio[1]: [42] {tag} a\nJun 17 19:00:45 mx kerio[1]: :b\nc\n\
        <22>1 Jun 17 17:00:45 mx kerio[1]: mx - d",
    );
    check(
        &["--tag", "kerio"],
        b"[17/Jun/2025 17:00:45] a",
        b"Jun 17 17:00:45 kerio: a",
    );
}

#[test]
fn zones_of_dates_are_respected() {
    let log = b"[17/Jun/2025 17:00:45] a\n2025-06-17T17:00:45.125Z b\nJun 17 17:00:45 c\n";
    check(
        &["--to", "iso"],
        log,
        b"2025-06-17T17:00:45+02:00 a\n2025-06-17T19:00:45+02:00 b\n2025-06-17T17:00:45+02:00 c\n",
    );
    check(
        &["--to", "iso", "--timezone", "UTC+0530"],
        log,
        b"2025-06-17T13:30:45+02:00 a\n2025-06-17T19:00:45+02:00 b\n2025-06-17T13:30:45+02:00 c\n",
    );
}

#[test]
fn other_dates_can_be_described() {
    let log = b"17.06.2025 17:00:45 a\n[17/Jun/2025 17:00:45] b\n";
    check(
        &["-d", "^%d.%m.%Y %H:%M:%S"],
        log,
        b"Jun 17 17:00:45 a\n[17/Jun/2025 17:00:45] b\n",
    );
}

#[test]
fn logs_of_other_encodings_become_utf_8() {
    let log: Vec<u8> = "[17/Jun/2025 17:00:45] é\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    check(&["-e", "utf-16-le"], &log, "Jun 17 17:00:45 é\n".as_bytes());
}

#[test]
fn several_logs_do_not_run_into_each_other() {
    let dir = std::env::temp_dir().join(format!("kerio-ban-rewrite-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (one, two) = (dir.join("one.log"), dir.join("two.log"));
    std::fs::write(&one, "[17/Jun/2025 17:00:45] a").unwrap();
    std::fs::write(&two, "[17/Jun/2025 17:00:46] b").unwrap();
    let output = rewrite(&[]).args([&one, &two]).output().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(output.stdout, b"Jun 17 17:00:45 a\nJun 17 17:00:46 b");
}

// The test hangs if it fails: nobody but the next line would wake the reader.
#[test]
fn a_line_is_written_before_the_next_one_comes() {
    let mut child = rewrite(&[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for second in 10..15 {
        // Whatever has come of a line waits for the rest of it.
        writeln!(stdin, "[17/Jun/2025 17:00:{second}] a").unwrap();
        write!(stdin, "[17/Jun").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, format!("Jun 17 17:00:{second} a\n"));
        writeln!(stdin, "/2025 17:00:{second}] b").unwrap();
        line.clear();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, format!("Jun 17 17:00:{second} b\n"));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_may_leave() {
    let mut child = rewrite(&[]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let line = b"[17/Jun/2025 17:00:45] a\n".repeat(50_000);
    let writer = std::thread::spawn(move || drop(stdin.write_all(&line)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
}

/// Line, id and time of each failure.
fn failures(filter: &Filter, log: &[u8]) -> Vec<(usize, String, f64)> {
    let options = SessionOptions::testing().zone(Zone::named(ZONE).unwrap());
    let mut session = filter.session_with(&options);
    let mut found = Vec::new();
    for (number, line) in log.split(|byte| *byte == b'\n').enumerate() {
        let outcome = session.feed(Line::Bytes(line), Timestamp::from_whole_seconds(NOW));
        for hit in outcome.failures() {
            let time = hit.time().map_or(f64::NAN, Timestamp::seconds);
            found.push((number, hit.id().unwrap().to_string(), time));
        }
    }
    found
}

fn pack() -> FilterConfig {
    let filters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters");
    let spec = "kerio[mode=aggressive]".parse().unwrap();
    Loader::new(filters).filter(&spec).unwrap()
}

/// The pack's expressions behind fail2ban's default dates.
fn behind_default_dates(config: &FilterConfig) -> Filter {
    let mut builder = FilterBuilder::new();
    builder.prefregex("^ <F-CONTENT>.+</F-CONTENT>$");
    for regex in config.failregex() {
        builder.failregex(regex.clone());
    }
    builder.build().unwrap()
}

/// What is found in a log of Kerio's, and in the same log rewritten.
#[track_caller]
fn check_reading(log: &[u8], least: usize) {
    let config = pack();
    let direct = failures(&config.compile().unwrap(), log);
    assert!(direct.len() >= least, "{}", direct.len());
    let plain = failures(&behind_default_dates(&config), &rewritten(&[], log));
    assert_eq!(plain, direct);
    // The filter reads the form of syslog as well.
    let syslog = rewritten(&["--hostname", "mx", "--tag", "kerio"], log);
    assert_eq!(failures(&config.compile().unwrap(), &syslog), direct);
    let iso = rewritten(&["--to", "iso"], log);
    assert_eq!(failures(&behind_default_dates(&config), &iso), direct);
}

#[test]
fn a_rewritten_log_holds_the_same_failures() {
    let mut random = random::Random::new(3);
    let mut clock = clock::Clock::start();
    let mut log = Vec::new();
    for _ in 0..5000 {
        clock.advance(random.below(3));
        kerio::write_line::<20>(&mut log, &clock, &mut random).unwrap();
        log.push(b'\n');
    }
    check_reading(&log, 900);
}

#[test]
fn the_log_of_the_examples_holds_the_same_failures_rewritten() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/logs/kerio-security.log");
    check_reading(&std::fs::read(log).unwrap(), 15);
}

#[test]
fn hours_that_the_clocks_repeat_or_skip_are_read_as_before() {
    let failure = "Failed SMTP login from 192.0.2.1 with SASL method LOGIN.";
    let mut log = String::new();
    for (day, hours) in [
        ("30/Mar", ["01", "02", "03", "03"]),
        ("26/Oct", ["01", "02", "02", "03"]),
    ] {
        for hour in hours {
            for minute in ["00", "30", "59"] {
                log += &format!("[{day}/2025 {hour}:{minute}:59] {failure}\n");
            }
        }
    }
    check_reading(log.as_bytes(), 24);
}
