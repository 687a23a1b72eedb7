//! Compressed logs, whole and damaged, and what is told of how far they are
//! read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::assert_snapshot;

const FAILED: &str = "1750179645 login from 192.0.2.1 failed\n";

/// A directory of its own for a test.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerio-ban"));
    command
        .args(["test", "--now", "1750179700"])
        .args(["--regex", "^ login from <ADDR> failed$"])
        .current_dir(directory)
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

/// What is written, and the exit status.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    format!("{stdout}{stderr}-> {}", output.status.code().unwrap())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// The text in each of the forms.
fn packed(text: &[u8]) -> [Vec<u8>; 4] {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip2.write_all(text).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(text).unwrap();
    [
        gzip(text),
        bzip2.finish().unwrap(),
        xz.finish().unwrap(),
        zstd::encode_all(text, 0).unwrap(),
    ]
}

/// Different lines, every second of which is a failure.
fn log(lines: u32) -> String {
    let line = |number: u32| {
        let word = ["failed", "succeeded"][number as usize % 2];
        let host = number.wrapping_mul(2_654_435_761) >> 24;
        format!("1750179645 login from 192.0.2.{host} {word}\n")
    };
    (0..lines).map(line).collect()
}

#[test]
fn the_answers_are_those_for_the_text() {
    let directory = directory("whole");
    let text = log(20_000);
    let arguments = ["log", "--format", "brief", "--print-all-missed"];
    std::fs::write(directory.join("log"), &text).unwrap();
    let expected = output(command(&directory).args(arguments));
    assert!(expected.contains("Lines: 20000 lines, 0 ignored, 10000 matched, 10000 missed"));
    for archive in packed(text.as_bytes()) {
        // No name gives it away.
        std::fs::write(directory.join("log"), &archive).unwrap();
        let actual = output(command(&directory).args(arguments));
        assert!(actual == expected);

        let mut child = command(&directory)
            .args(&arguments[1..])
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&archive));
        let actual = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let actual = String::from_utf8(actual.stdout).unwrap();
        assert!(actual == expected.replace("log:", "-:").replace("-> 0", ""));
    }
}

#[test]
fn a_text_may_be_in_another_encoding() {
    let directory = directory("encoding");
    let text: Vec<u8> = FAILED.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(directory.join("log"), gzip(&text)).unwrap();
    let arguments = ["log", "--format", "brief"];
    assert_snapshot!(output(command(&directory).args(arguments).args(["-e", "utf-16-le"])), @r"
    log:1: failure of 192.0.2.1 by failregex[0]
    Lines: 1 lines, 0 ignored, 1 matched, 0 missed
    -> 0
    ");
    assert_snapshot!(output(command(&directory).args(arguments)), @r"
    Lines: 2 lines, 0 ignored, 0 matched, 2 missed
    warning: `log` holds NUL bytes and may be no text
    -> 1
    ");
}

#[test]
fn of_a_log_cut_off_the_whole_lines_are_judged() {
    let directory = directory("cut");
    let text = log(40_000);
    for archive in packed(text.as_bytes()) {
        let length = archive.len() * 9 / 10;
        std::fs::write(directory.join("cut"), &archive[..length]).unwrap();
        std::fs::write(directory.join("next"), FAILED).unwrap();
        let arguments = ["cut", "next", "--format", "json", "--print-all-missed"];
        let all = output(command(&directory).args(arguments));
        let (lines, end) = all.split_at(all.find("{\"type\":\"error\"").unwrap());
        let read = lines.matches("\"log\":\"cut\"").count();
        assert!((1..40_000).contains(&read), "{read}");
        // The last of them is whole, and what is after it is not taken for a line.
        let last = text.lines().nth(read - 1).unwrap();
        assert!(lines.lines().last().unwrap().contains(last));
        let told = format!("is cut off; {read} lines could be read");
        let mut end = end.lines();
        let error = end.next().unwrap();
        assert!(error.contains(&format!("\"line\":{read},")), "{error}");
        assert!(error.contains(&told), "{error}");
        assert!(end.next().unwrap().contains("\"log\":\"next\",\"line\":1"));
        assert!(end.next().unwrap().contains("\"type\":\"summary\""));
        let error = end.next().unwrap();
        assert!(error.starts_with("error: `cut`: the "), "{error}");
        assert!(error.ends_with(&told), "{error}");
        assert_eq!(end.next(), Some("-> 2"));
    }
}

#[test]
fn err_damaged() {
    let directory = directory("damaged");
    let mut archive = gzip(log(3).as_bytes());
    // The check sum comes after the text.
    let sum = archive.len() - 8;
    archive[sum] ^= 1;
    std::fs::write(directory.join("log"), &archive).unwrap();
    let run = |format| output(command(&directory).args(["log", "--format", format]));
    assert_snapshot!(run("brief"), @r"
    log:1: failure of 192.0.2.0 by failregex[0]
    log:3: failure of 192.0.2.60 by failregex[0]
    log:3: error: the gzip data cannot be decoded: corrupt gzip stream does not have a matching checksum; 3 lines could be read
    Lines: 3 lines, 0 ignored, 2 matched, 1 missed
    error: `log`: the gzip data cannot be decoded: corrupt gzip stream does not have a matching checksum; 3 lines could be read
    -> 2
    ");
    let text = run("text");
    let (text, _) = text.split_once("[processed").unwrap();
    assert_snapshot!(text, @r"
    Filter        <regex>
    Log           log
    Encoding      utf-8

    Failregex: 2 hits by 1 of 1 expression
      [0]  2  --regex:1:1  ^ login from <ADDR> failed$

    Ignoreregex: no expressions

    Dates: 3 dates found
      3  {^LN-BEG}Epoch

    Not decided:
      log:3: the gzip data cannot be decoded: corrupt gzip stream does not have a matching checksum; 3 lines could be read

    Missed lines:
      log:2: 1750179645 login from 192.0.2.158 succeeded

    Lines: 3 lines, 0 ignored, 2 matched, 1 missed
    ");
    assert_snapshot!(output(command(&directory).args(["log", "-o", "id"])), @r"
    192.0.2.0
    192.0.2.60
    error: `log`: the gzip data cannot be decoded: corrupt gzip stream does not have a matching checksum; 3 lines could be read
    -> 2
    ");
    assert_snapshot!(output(command(&directory).args(["log", "-q"])), @r"
    error: `log`: the gzip data cannot be decoded: corrupt gzip stream does not have a matching checksum; 3 lines could be read
    -> 2
    ");
}

#[test]
fn err_nothing_to_be_read() {
    let directory = directory("nothing");
    for (name, start) in [
        ("short.log", &b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..]),
        ("archive.zip", b"PK\x03\x04\x14\0"),
    ] {
        std::fs::write(directory.join(name), start).unwrap();
    }
    let run = |log| output(command(&directory).args([log, "--format", "brief"]));
    assert_snapshot!(run("short.log"), @r"
    short.log:0: error: the gzip data is cut off; 0 lines could be read
    Lines: 0 lines, 0 ignored, 0 matched, 0 missed
    error: `short.log`: the gzip data is cut off; 0 lines could be read
    -> 2
    ");
    assert_snapshot!(run("archive.zip"), @r"
    `archive.zip` is compressed (zip), and only gzip, bzip2, xz and zstd can be read
    -> 2
    ");
}

#[test]
fn much_may_come_out_of_little() {
    let directory = directory("much");
    let mut line = vec![b'#'; 1 << 20];
    line.push(b'\n');
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..256 {
        encoder.write_all(&line).unwrap();
    }
    encoder.write_all(FAILED.as_bytes()).unwrap();
    let archive = encoder.finish().unwrap();
    assert!(archive.len() < 100_000);
    std::fs::write(directory.join("log"), archive).unwrap();
    assert_snapshot!(output(command(&directory).args(["log", "--format", "brief"])), @r"
    log:257: failure of 192.0.2.1 by failregex[0]
    Lines: 1 lines, 0 ignored, 1 matched, 0 missed
    -> 0
    ");
}

/// Runs a test of what comes slowly enough that progress is shown.
fn slow(options: &[&str]) -> (String, String) {
    let mut child = command(Path::new("."))
        .args(options)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(FAILED.as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1200));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn progress_goes_to_terminals_unless_it_is_asked_for() {
    let (expected, silence) = slow(&["--format", "brief"]);
    assert_eq!(silence, "");
    assert_eq!(
        slow(&["--format", "brief", "--progress", "never"]),
        (expected.clone(), silence)
    );
    let (output, progress) = slow(&["--format", "brief", "--progress", "always"]);
    assert_eq!(output, expected);
    assert!(progress.starts_with("39 B read, "), "{progress}");
    assert!(!progress.contains(['\r', '\x1b']), "{progress:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_bar_is_drawn_on_a_terminal_and_removed() {
    // There are systems without the program that makes a terminal.
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let binary = env!("CARGO_BIN_EXE_kerio-ban");
    let run = |options: &str, to: &str| {
        let command = format!(
            "(echo '{}'; sleep 1) | '{binary}' test --regex 'from <ADDR>' {options} - {to}",
            FAILED.trim_end()
        );
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let drawn = run("", ">/dev/null");
    assert!(drawn.contains("39 B, "), "{drawn:?}");
    // What removes a line comes last.
    assert!(drawn.ends_with("\r\x1b[2K"), "{drawn:?}");
    // It would go through lines that are written meanwhile.
    let lines = run("--format brief", "");
    assert!(lines.contains("failure of 192.0.2.1"), "{lines:?}");
    assert!(!lines.contains("39 B, "), "{lines:?}");
    assert_eq!(run("--progress never", ">/dev/null"), "");
    assert_eq!(run("", ">/dev/null 2>/dev/null"), "");
    assert_eq!(run("-q", ""), "");
}
