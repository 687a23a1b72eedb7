//! Files, logs and surroundings made to do harm: whatever happens, the program
//! says what is wrong and ends, and nothing of a log is obeyed by a terminal.
//!
//! Time is only a backstop here: what is compared are answers. How many steps
//! hostile lines may take is tested in the core.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it left out"
)]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kerio-ban");
const RULE: &str = "^ login from <ADDR> failed$";
const FAILED: &str = "1750179645 login from 192.0.2.1 failed\n";

/// What a program that hangs is given before it is killed.
const LIMIT: Duration = Duration::from_secs(60);

/// An empty directory with a log of one failure.
fn place(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("hostile")
        .join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("log"), FAILED).unwrap();
    dir
}

/// Writes a filter whose section begins so.
fn filter(dir: &Path, name: &str, head: &str, rest: &str) {
    let text = format!("{head}\n[Definition]\nfailregex = {RULE}\n{rest}\n");
    fs::write(dir.join(name), text).unwrap();
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(dir)
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

struct Answer {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Answer {
    /// Its status, which must be one that it chose.
    fn code(&self) -> i32 {
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self.status.code().unwrap()
    }
}

/// Runs a program to its end, which must come.
fn finish(mut command: Command) -> Answer {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let read = |stream: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut stream = stream;
            stream.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(Box::new(child.stdout.take().unwrap()));
    let err = read(Box::new(child.stderr.take().unwrap()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    Answer {
        status,
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

fn run(dir: &Path, arguments: &[&str]) -> Answer {
    finish(command(dir, arguments))
}

/// The first line of an error, which must be the end of it.
fn refusal(dir: &Path, arguments: &[&str]) -> String {
    let answer = run(dir, arguments);
    assert_eq!(answer.code(), 2, "{arguments:?}: {}", answer.err);
    answer.err.lines().next().unwrap().to_owned()
}

#[test]
fn includes_of_what_is_no_file() {
    let dir = place("includes");
    pipe(&dir.join("pipe"));
    fs::create_dir(dir.join("directory")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    File::create(dir.join("huge"))
        .and_then(|file| file.set_len(1 << 40))
        .unwrap();
    File::create(dir.join("large"))
        .and_then(|file| file.set_len((64 << 20) + 1))
        .unwrap();
    let including = |what: &str| {
        let head = format!("[INCLUDES]\nbefore = {what}");
        filter(&dir, "f.conf", &head, "");
        run(&dir, &["test", "./f.conf", "log"])
    };
    for (what, message) in [
        ("pipe", "error[unreadable]: cannot read `./pipe`"),
        ("/dev/zero", "error[unreadable]: cannot read `/dev/zero`"),
        ("huge", "error[too-large]: `./huge` is larger than"),
        ("large", "error[too-large]: `./large` is larger than"),
    ] {
        let answer = including(what);
        assert_eq!(answer.code(), 2, "{what}: {}", answer.err);
        assert!(answer.err.starts_with(message), "{}", answer.err);
        assert!(answer.err.contains("--> ./f.conf:2:10"), "{}", answer.err);
    }
    // fail2ban passes over what it cannot read.
    for what in ["directory", "loop", "..", "/", "nothing", "%%00"] {
        let answer = including(what);
        assert_eq!(answer.code(), 0, "{what}: {}", answer.err);
    }
    let secret = dir.join("secret");
    fs::write(&secret, "[DEFAULT]\na = b\n").unwrap();
    let climbing = format!("../includes/./{}", "../includes/".repeat(50) + "secret");
    assert_eq!(including(&climbing).code(), 0);
    assert_eq!(including(secret.to_str().unwrap()).code(), 0);
}

#[test]
fn includes_without_end() {
    let dir = place("loops");
    for (what, name) in [("../loops/f.conf", "itself"), ("././f.conf", "itself")] {
        filter(&dir, "f.conf", &format!("[INCLUDES]\nbefore = {what}"), "");
        let message = refusal(&dir, &["test", "./f.conf", "log"]);
        assert!(
            message.starts_with("error[include-loop]"),
            "{name}: {message}"
        );
    }
    // Twice as many files each time.
    for number in 0..40 {
        let next = number + 1;
        let head = format!("[INCLUDES]\nbefore = {next}.a\n  ./{next}.a");
        filter(&dir, &format!("{number}.a"), &head, "");
    }
    filter(&dir, "f.conf", "[INCLUDES]\nbefore = 0.a", "");
    let message = refusal(&dir, &["test", "./f.conf", "log"]);
    assert!(message.starts_with("error[too-large]"), "{message}");
}

#[test]
fn filters_that_are_no_files() {
    let dir = place("filters");
    pipe(&dir.join("pipe.conf"));
    fs::create_dir(dir.join("directory.conf")).unwrap();
    symlink("loop.conf", dir.join("loop.conf")).unwrap();
    let filters = [
        "./pipe.conf",
        "./directory.conf",
        "./loop.conf",
        "/dev/zero",
    ];
    for filter in filters {
        let log = ["test", filter, "log"];
        assert!(refusal(&dir, &log).starts_with("error["), "{filter}");
        let show = ["show", filter];
        assert!(refusal(&dir, &show).starts_with("error["), "{filter}");
        let simulate = ["simulate", "--filter", filter, "log"];
        assert!(refusal(&dir, &simulate).starts_with("error["), "{filter}");
    }
}

#[test]
fn references_that_grow() {
    let dir = place("references");
    let chain = |form: &dyn Fn(usize) -> String, count: usize| {
        let lines = (0..count).map(|number| format!("a{number} = {}\n", form(number + 1)));
        lines.collect::<String>() + &format!("a{count} = x\n")
    };
    let attacks = [
        (
            "deep",
            "prefregex = %(a0)s",
            chain(&|n| format!("%(a{n})s"), 5000),
        ),
        (
            "laugh",
            "prefregex = <a0>",
            chain(&|n| format!("<a{n}>").repeat(10), 30),
        ),
        (
            "wide",
            "prefregex = <a0>",
            chain(&|n| format!("<a{n}>").repeat(2), 60),
        ),
        (
            "self",
            "prefregex = <a0>",
            "a0 = <a1>\na1 = <a0>".to_owned(),
        ),
    ];
    for (name, use_it, rest) in attacks {
        filter(&dir, "f.conf", "", &format!("{use_it}\n{rest}"));
        let message = refusal(&dir, &["test", "./f.conf", "log"]);
        assert!(message.starts_with("error["), "{name}: {message}");
    }
}

#[test]
fn expressions_beyond_measure() {
    let dir = place("expressions");
    let deep = "(".repeat(50_000) + &")".repeat(50_000);
    let wide: String = (0..100_000)
        .map(|number| format!("|word{number}"))
        .collect();
    let often = "((((((a{99}){99}){99}){99}){99}){99}){99}".to_owned();
    for expression in [deep, format!("(?:x{wide})"), often] {
        filter(&dir, "f.conf", "", &format!("ignoreregex = {expression}"));
        let message = refusal(&dir, &["test", "./f.conf", "log"]);
        assert!(message.starts_with("error[bad-regex]"), "{message}");
    }
    let many: String = (0..100_000)
        .map(|number| format!("  ^ login{number} from <ADDR> failed$\n"))
        .collect();
    let text = format!("[Definition]\nfailregex = {RULE}\n{many}");
    fs::write(dir.join("f.conf"), text).unwrap();
    assert_eq!(run(&dir, &["test", "./f.conf", "log"]).code(), 0);
}

#[test]
fn logs_that_are_no_files() {
    let dir = place("logs");
    filter(&dir, "ok.conf", "", "");
    fs::create_dir(dir.join("directory")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    for log in ["directory", "loop", "/dev/zero", "nothing", "../nowhere/*"] {
        let message = refusal(&dir, &["test", "-q", "./ok.conf", log]);
        assert!(!message.is_empty(), "{log}");
    }
    // A jail's are not meant to be pipes; one that somebody names is.
    pipe(&dir.join("pipe"));
    fs::create_dir(dir.join("filter.d")).unwrap();
    filter(&dir, "filter.d/ok.conf", "", "");
    let log = dir.join("pipe");
    let jail = format!(
        "[j]\nfilter = ok\nenabled = yes\nlogpath = {}\n",
        log.display()
    );
    fs::write(dir.join("jail.conf"), jail).unwrap();
    for arguments in [
        &["test", "--config", ".", "--jail", "j"][..],
        &["simulate", "--config", ".", "--jail", "j"],
    ] {
        let message = refusal(&dir, arguments);
        assert!(message.contains("is a pipe or device"), "{message}");
    }
}

#[test]
fn logs_that_change_while_they_are_read() {
    let dir = place("changing");
    filter(&dir, "ok.conf", "", "");
    let log = dir.join("log");
    let text = FAILED.repeat(20_000);
    fs::write(&log, &text).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                turn += 1;
                match turn % 3 {
                    // Truncated in place, and written anew.
                    0 => fs::write(&log, &text).unwrap(),
                    // Cut in the middle of a line.
                    1 => File::options()
                        .write(true)
                        .open(&log)
                        .and_then(|file| file.set_len(text.len() as u64 / 2 + 7))
                        .unwrap(),
                    // Rotated.
                    _ => {
                        let next = dir.join("next");
                        fs::write(&next, &text).unwrap();
                        fs::rename(&next, &log).unwrap();
                    }
                }
            }
        });
        for threads in ["1", "2", "1", "2"] {
            let answer = run(&dir, &["test", "./ok.conf", "log", "--threads", threads]);
            assert!(answer.code() <= 2, "{}", answer.err);
            let answer = run(&dir, &["simulate", "--filter", "./ok.conf", "log"]);
            assert!(answer.code() <= 2, "{}", answer.err);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_line_longer_than_any_is_refused() {
    let dir = place("lines");
    filter(&dir, "ok.conf", "", "");
    let mut log = File::create(dir.join("long")).unwrap();
    log.write_all(FAILED.as_bytes()).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..70 {
        log.write_all(&block).unwrap();
    }
    let answer = run(&dir, &["test", "./ok.conf", "long"]);
    assert_eq!(answer.code(), 2);
    let message = "a line is longer than 64 MiB; 1 line could be read";
    assert!(answer.err.contains(message), "{}", answer.err);
}

/// Every command, with a filter and a log.
const COMMANDS: &[&[&str]] = &[
    &["test", "./ok.conf", "log"],
    &["test", "./ok.conf", "log", "--format", "json"],
    &["test", "./ok.conf", "log", "-o", "row"],
    &["check", "./ok.conf"],
    &["check", "./ok.conf", "--format", "github"],
    &["simulate", "--filter", "./ok.conf", "log"],
    &["show", "./ok.conf"],
    &["show", "./ok.conf", "--format", "json"],
    &["filters"],
    &["rewrite", "log"],
    &["fail2ban-regex", "log", "./ok.conf"],
    &["generate", "man"],
    &["generate", "completions", "bash"],
    &["help"],
];

/// A filter with a sample that fails, and a log longer than pipes are.
fn with_samples(name: &str) -> PathBuf {
    let dir = place(name);
    filter(&dir, "ok.conf", "", "");
    fs::write(dir.join("log"), FAILED.repeat(3000)).unwrap();
    fs::create_dir(dir.join("logs")).unwrap();
    let samples = format!("# match: 192.0.2.2\n{FAILED}").repeat(3000);
    fs::write(dir.join("logs/ok"), samples).unwrap();
    dir
}

#[test]
fn outputs_that_nobody_reads() {
    let dir = with_samples("outputs");
    for arguments in COMMANDS {
        let mut child = command(&dir, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(errors, "", "{arguments:?}");
        // What was asked is answered all the same where the answer is known.
        let expected = i32::from(arguments[0] == "check");
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");

        // No stream at all.
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#"exec "$@" <&- >&-"#, "sh", PROGRAM])
            .args(*arguments)
            .current_dir(&dir);
        let answer = finish(shell);
        assert!(answer.code() <= 1, "{arguments:?}: {}", answer.err);

        let Ok(full) = File::options().write(true).open("/dev/full") else {
            continue;
        };
        let mut command = command(&dir, arguments);
        let output = command
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
        assert!(output.status.code().is_some(), "{arguments:?}");
        if arguments[0] != "help" {
            let message = "cannot write the output";
            assert!(errors.contains(message), "{arguments:?}: {errors}");
        }
    }
}

#[test]
fn terminals_obey_no_log() {
    let script = Command::new("script").arg("--version").output();
    if !script.is_ok_and(|output| output.status.success()) {
        println!("terminals: skipped, there is no `script`");
        return;
    }
    let dir = place("terminals");
    const EVIL: &str = "\x1b[2J\x1b]0;title\x07\u{9b}2J\u{202e}";
    let text = format!("[Definition]\nfailregex = ^ \x1b.*?login from <ADDR> failed$|{EVIL}\n");
    fs::write(dir.join("ok.conf"), text).unwrap();
    let broken = format!("[Definition]\nfailregex = {EVIL}(<ADDR>\n");
    fs::write(dir.join("broken.conf"), broken).unwrap();
    let line = format!("1750179645 {EVIL} login from 192.0.2.1 failed\n");
    let missed = format!("1750179645 {EVIL}\n");
    fs::write(dir.join("log"), format!("{line}{line}{missed}")).unwrap();
    fs::create_dir(dir.join("logs")).unwrap();
    fs::write(dir.join("logs/ok"), format!("# no match\n{line}{missed}")).unwrap();
    let more: &[&[&str]] = &[
        &[
            "test",
            "./ok.conf",
            "log",
            "--print-all-missed",
            "--print-all-matched",
        ],
        &[
            "test",
            "./ok.conf",
            "log",
            "--format",
            "brief",
            "--print-all-missed",
        ],
        &["test", "./ok.conf", "log", "-o", "msg"],
        &["test", "./broken.conf", "log"],
        &["show", "./broken.conf"],
        &["check", "./ok.conf", "--format", "brief"],
        &["check", "./ok.conf", "--format", "tap"],
        &["check", "./broken.conf", "--format", "brief"],
        &[
            "simulate",
            "--filter",
            "./ok.conf",
            "log",
            "--maxretry",
            "1",
            "--why",
            "192.0.2.1",
        ],
        &[
            "fail2ban-regex",
            "log",
            "./ok.conf",
            "--print-all-missed",
            "--print-all-matched",
        ],
    ];
    let mut marks = 0;
    for arguments in COMMANDS.iter().chain(more) {
        if arguments[0] == "generate" || arguments.contains(&"json") {
            continue;
        }
        let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
        let mut shell = Command::new("script");
        shell
            .args([
                "-q",
                "-e",
                "-c",
                &format!("'{PROGRAM}' {}", words.join(" ")),
            ])
            .arg("/dev/null")
            .current_dir(&dir)
            .stdin(Stdio::null());
        let answer = finish(shell);
        assert!(!answer.out.is_empty(), "{arguments:?}");
        for part in ["\x1b[2J", "\x1b]", "\x07", "\u{9b}", "\u{202e}"] {
            assert!(
                !answer.out.contains(part),
                "{arguments:?}: {:?}",
                answer.out
            );
        }
        marks += usize::from(answer.out.contains(r"\u{1b}[2J"));
        // Into a pipe a log goes as it is.
        let piped = run(&dir, arguments);
        if arguments[0] == "rewrite" {
            assert!(piped.out.contains(EVIL), "{:?}", piped.out);
        }
    }
    assert!(marks > 8, "{marks}");
}
