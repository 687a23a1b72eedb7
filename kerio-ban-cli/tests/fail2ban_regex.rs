//! The stand-in for fail2ban-regex: how it is called, and whether it prints
//! what the real one prints.
//!
//! The last is compared with a fail2ban whose source tree is named by the
//! environment variable `FAIL2BAN_SRC`; without it, or without `python3`, that
//! test says so and does nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_kerio-ban");

/// A directory of its own for each test.
fn directory(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fail2ban-regex")
        .join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The program by the name of the one it stands in for.
fn link(dir: &Path) -> PathBuf {
    let link = dir.join("fail2ban-regex");
    std::os::unix::fs::symlink(BINARY, &link).unwrap();
    link
}

fn run(program: impl AsRef<Path>, words: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(program.as_ref());
    let output = command.args(words).env("TZ", "UTC").output().unwrap();
    parts(&output)
}

fn parts(output: &Output) -> (String, String, i32) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().unwrap(),
    )
}

#[test]
fn it_answers_to_its_name() {
    let program = link(&directory("name"));
    let (stdout, stderr, status) = run(&program, &["x 192.0.2.1", "y <HOST>"]);
    assert!(stdout.contains("\nLines: 1 lines, 0 ignored, 0 matched, 1 missed\n"));
    // Nothing matched, and that is no failure here.
    assert_eq!((stderr.as_str(), status), ("", 0));
    let (stdout, _, _) = run(&program, &["--version"]);
    assert_eq!(stdout, "fail2ban-regex 1.1.2.dev1\n");
    let (_, stderr, status) = run(&program, &["-x"]);
    let program = program.display();
    let expected = format!(
        "Usage: {program} [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n\n\
         fail2ban-regex: error: no such option: -x\n"
    );
    assert_eq!((stderr, status), (expected, 2));
}

#[test]
fn the_words_are_its_own() {
    // For anybody else, `--` would end the options of `kerio-ban`.
    let (stdout, _, status) = run(BINARY, &["fail2ban-regex", "--", "-x", "-y <HOST>"]);
    assert!(stdout.contains("Use   failregex line : -y <HOST>\n"));
    assert_eq!(status, 0);
}

#[test]
fn wrong_usage_is_helped() {
    let words = [
        "fail2ban-regex",
        "--print-no-ignored",
        "--print-all-ignored",
    ];
    let (stdout, stderr, status) = run(BINARY, &words);
    let (help, _, _) = run(BINARY, &["fail2ban-regex", "--help"]);
    assert_eq!(stdout, help);
    assert_eq!(
        stderr,
        "\nERROR: --print-no-ignored and --print-all-ignored are mutually exclusive.\n\
         ERROR: provide both <LOG> and <REGEX>.\n"
    );
    assert_eq!(status, 255);
}

#[test]
fn a_line_that_is_still_written_is_not_read() {
    let log = directory("unfinished").join("log");
    fs::write(&log, "a 192.0.2.1\r\nb 192.0.2.2\nc 192.0.2.3").unwrap();
    let log = log.to_str().unwrap();
    let (stdout, _, _) = run(BINARY, &["fail2ban-regex", "-o", "id", log, " <HOST>$"]);
    assert_eq!(stdout, "192.0.2.1\n192.0.2.2\n");
}

#[test]
fn bytes_of_a_log_are_not_touched() {
    let log = directory("bytes").join("log");
    fs::write(&log, b"a\x1b[31m 192.0.2.1\0\xff\n").unwrap();
    let log = log.to_str().unwrap();
    let (stdout, _, _) = run(BINARY, &["fail2ban-regex", log, "b <HOST>"]);
    assert!(stdout.contains("\n|  a\x1b[31m 192.0.2.1\0\u{fffd}\n"));
}

#[test]
fn a_log_may_have_any_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let log = directory("name-of-log").join(OsStr::from_bytes(b"\xff.log"));
    fs::write(&log, "a 192.0.2.1\n").unwrap();
    let mut command = Command::new(BINARY);
    command
        .args(["fail2ban-regex", "-o", "id"])
        .arg(&log)
        .arg("a <HOST>");
    let (stdout, _, status) = parts(&command.output().unwrap());
    assert_eq!((stdout.as_str(), status), ("192.0.2.1\n", 0));
}

#[test]
fn nobody_need_read_to_the_end() {
    let log = directory("pipe").join("log");
    let mut file = fs::File::create(&log).unwrap();
    for _ in 0..20_000 {
        writeln!(file, "a 192.0.2.1").unwrap();
    }
    drop(file);
    let mut child = Command::new(BINARY)
        .args(["fail2ban-regex", "-o", "row"])
        .args([log.to_str().unwrap(), "a <HOST>"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Runs the real program over many tests at once: starting Python takes longer
/// than a test.
const DRIVER: &str = r#"
import io, os, sys
sys.path.insert(0, os.environ["FAIL2BAN_SRC"])
from fail2ban.client.fail2banregex import exec_command_line
for number, line in enumerate(sys.stdin):
    name = os.path.join(sys.argv[1], str(number))
    child = os.fork()
    if child == 0:
        out = os.open(name, os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.close(2)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), encoding="utf-8")
        sys.argv = ["fail2ban-regex"] + line.rstrip("\n").split("\x1f")
        status = 0
        try:
            exec_command_line()
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            status = 1
        sys.stdout.flush()
        os._exit(status)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"#;

#[test]
fn it_prints_what_the_real_one_prints() {
    let Some(source) = env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("skipped: FAIL2BAN_SRC names no source tree of fail2ban");
        return;
    };
    let has_python = Command::new("python3").arg("--version").output().is_ok();
    if !has_python || !source.join("bin/fail2ban-regex").is_file() {
        println!(
            "skipped: there is no python3, or `{}` is no full source tree",
            source.display()
        );
        return;
    }
    let tests = tests_of(&source);
    let dir = directory("real");
    let mut python = Command::new("python3")
        .args(["-c", DRIVER])
        .arg(&dir)
        .env("FAIL2BAN_SRC", &source)
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let lines: String = tests
        .iter()
        .map(|words| words.join("\x1f") + "\n")
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    let statuses = String::from_utf8(output.stdout).unwrap();
    let statuses: Vec<i32> = statuses.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(statuses.len(), tests.len());
    let program = link(&dir);
    let mut different: Vec<String> = Vec::new();
    for (number, (words, status)) in tests.iter().zip(statuses).enumerate() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let real = fs::read(dir.join(number.to_string())).unwrap();
        let real = String::from_utf8_lossy(&real);
        let (ours, _, our_status) = run(&program, &words);
        if (masked(&real), status) != (masked(&ours), our_status) {
            different.push(words.join(" "));
        }
    }
    println!("{} reports compared", tests.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Every sample log with its filter, in several ways.
fn tests_of(source: &Path) -> Vec<Vec<String>> {
    let logs = ["fail2ban/tests/files/logs", "tests/files/logs"]
        .map(|dir| source.join(dir))
        .into_iter()
        .find(|dir| dir.is_dir())
        .expect("a full source tree has sample logs");
    let config = source.join("config");
    let mut names: Vec<String> = fs::read_dir(&logs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| config.join(format!("filter.d/{name}.conf")).is_file())
        .collect();
    names.sort();
    let mut tests = Vec::new();
    for name in names {
        let log = logs.join(&name).display().to_string();
        let ways = [
            &[][..],
            &["-v", "--VD", "--print-all-matched", "--usedns", "no"],
            &[
                "-o",
                "<fid> <ip> <family> <F-USER> <msg>",
                "--usedns",
                "raw",
            ],
            &["-L", "5", "-D", "--no-check-all", "--usedns", "no"],
        ];
        for way in ways {
            let config = config.display().to_string();
            let words = [&["-c", &config], way, &[&log, &name]].concat();
            tests.push(words.into_iter().map(str::to_owned).collect());
        }
    }
    tests
}

/// A report without what changes from run to run: the seconds it took, and the
/// clock where there is no date.
fn masked(report: &str) -> String {
    let day = Command::new("date")
        .args(["-u", "+%a %b %d"])
        .output()
        .unwrap();
    let day = parts(&day).0.trim().to_owned();
    report
        .lines()
        .map(|line| match line.find(&day) {
            Some(at) if line.starts_with("|      ") => format!("{}NOW\n", &line[..at]),
            _ if line.starts_with("[processed in ") => "[processed]\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect()
}
