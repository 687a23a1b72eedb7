//! Logs that no text file should hold, standard input, and outputs that end
//! early.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use insta::assert_snapshot;

const FAILED: &str = "1750179645 login from 192.0.2.1 failed";

/// Runs a test of one expression over what standard input holds.
fn test(options: &[&str], log: &[u8]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerio-ban"));
    command
        .args(["test", "--now", "1750179700"])
        .args(["--regex", "^ login from <ADDR> failed$"])
        .args(options)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let log = log.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may end before it has read everything.
        let _ = stdin.write_all(&log);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    format!("{stdout}{stderr}-> {}", output.status.code().unwrap())
}

fn brief(options: &[&str], log: &[u8]) -> String {
    test(
        &[options, &["--format", "brief", "--print-all-missed"]].concat(),
        log,
    )
}

#[test]
fn standard_input_is_read_if_there_is_no_log() {
    let log = format!("{FAILED}\n{FAILED}\n");
    let expected = brief(&[], log.as_bytes());
    assert_eq!(brief(&["-"], log.as_bytes()), expected);
    assert_snapshot!(expected, @r"
    -:1: failure of 192.0.2.1 by failregex[0]
    -:2: failure of 192.0.2.1 by failregex[0]
    Lines: 2 lines, 0 ignored, 2 matched, 0 missed
    -> 0
    ");
}

#[test]
fn the_last_line_needs_no_line_feed() {
    assert_snapshot!(brief(&[], FAILED.as_bytes()), @r"
    -:1: failure of 192.0.2.1 by failregex[0]
    Lines: 1 lines, 0 ignored, 1 matched, 0 missed
    -> 0
    ");
}

#[test]
fn carriage_returns_at_the_end_are_no_part_of_a_line() {
    let log = format!("{FAILED}\r\n{FAILED}\r\r\n\r\nin\rside\r\n");
    assert_snapshot!(brief(&[], log.as_bytes()), @r"
    -:1: failure of 192.0.2.1 by failregex[0]
    -:2: failure of 192.0.2.1 by failregex[0]
    -:4: missed
    Lines: 3 lines, 0 ignored, 2 matched, 1 missed
    -> 0
    ");
}

#[test]
fn a_byte_order_mark_is_dropped_on_request() {
    let log = format!("\u{feff}{FAILED}\n");
    let pattern = ["-d", "^{EPOCH}"];
    assert_snapshot!(brief(&pattern, log.as_bytes()), @r"
    -:1: missed
    Lines: 1 lines, 0 ignored, 0 matched, 1 missed
    -> 1
    ");
    let signed = [&pattern[..], &["-e", "utf-8-sig"]].concat();
    assert_snapshot!(brief(&signed, log.as_bytes()), @r"
    -:1: failure of 192.0.2.1 by failregex[0]
    Lines: 1 lines, 0 ignored, 1 matched, 0 missed
    -> 0
    ");
}

#[test]
fn nul_bytes_are_characters_and_give_rise_to_a_warning() {
    let log = format!("\0\0{FAILED}\n1750179645 login from \0 failed\n");
    assert_snapshot!(brief(&[], log.as_bytes()), @r"
    -:1: missed
    -:2: missed
    Lines: 2 lines, 0 ignored, 0 matched, 2 missed
    warning: `-` holds NUL bytes and may be no text
    -> 1
    ");
}

#[test]
fn utf_16_is_recognised_but_has_to_be_asked_for() {
    let mut log = vec![0xff, 0xfe];
    let text = format!("{FAILED}\r\nlogin from Ċ failed\n");
    log.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    assert_snapshot!(brief(&["-e", "utf-16"], &log), @r"
    -:1: failure of 192.0.2.1 by failregex[0]
    -:2: missed
    Lines: 2 lines, 0 ignored, 1 matched, 1 missed
    -> 0
    ");
    assert_snapshot!(brief(&["--print-no-ignored"], &log).lines().last().unwrap(), @"-> 1");
    let output = brief(&[], &log);
    assert!(output.contains("begins as UTF-16 does"), "{output}");
}

#[test]
fn invalid_utf_8_is_replaced() {
    let log = b"1750179645 login \xff\xc3 from 192.0.2.1 failed\n";
    let options = [
        "--regex",
        r"^ login <F-USER>\S+</F-USER> from <ADDR>",
        "--format",
        "json",
    ];
    let output = test(&options, log);
    let line = output
        .lines()
        .find(|line| line.contains("\"line\""))
        .unwrap();
    assert_snapshot!(line, @r#"{"type":"line","log":"-","line":1,"text":"1750179645 login �� from 192.0.2.1 failed","outcome":"failure","ignored_by":null,"failures":[{"rule":1,"id":"192.0.2.1","time":1750179645,"captures":{"user":"��","ip4":"192.0.2.1"},"matches":["1750179645 login �� from 192.0.2.1 failed"]}]}"#);
    let output = test(
        &[
            "--regex",
            r"(?P<user>\S+) from <ADDR>",
            "-e",
            "latin1",
            "-o",
            "user",
        ],
        log,
    );
    assert_snapshot!(output, @r"
    ÿÃ
    -> 0
    ");
}

#[test]
fn lines_may_be_long() {
    let mut log = FAILED.as_bytes().to_vec();
    log.push(b'\n');
    log.extend(std::iter::repeat_n(b'x', 10 << 20));
    log.extend(format!("\n{FAILED}\n").as_bytes());
    let output = test(&[], &log);
    // The report shows where it is, and not all of it.
    assert!(output.len() < 5000, "{}", output.len());
    assert!(output.contains("-:2: xxx"), "{output}");
    assert!(output.contains("xx… (10485760 bytes)"), "{output}");
    let all = test(&["--print-all-missed"], &log);
    assert!(all.len() > 10 << 20);
    assert!(all.ends_with("-> 0"));
}

#[test]
fn what_a_terminal_would_obey_is_shown() {
    let log = "1750179645 \x1b[2J\u{202e}login\n";
    let options = ["--color", "always", "--print-all-missed"];
    let output = test(&options, log.as_bytes());
    assert!(
        output.contains(r"1750179645 \u{1b}[2J\u{202e}login"),
        "{output}"
    );
    // Into a pipe it goes as it is.
    let output = test(&[], log.as_bytes());
    assert!(output.contains(log), "{output}");
}

#[test]
fn a_closed_output_ends_the_program_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
        .args(["test", "--regex", "from <ADDR>", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let line = format!("{FAILED}\n");
    // As much as no pipe holds; the reader goes away after the first byte.
    let writer = std::thread::spawn(move || {
        for _ in 0..100_000 {
            if stdin.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    });
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
