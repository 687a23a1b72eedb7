//! `kerio-ban check` as a CI job sees it: exit statuses, reports that other
//! programs read, and logs that are written.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/check");

fn kerio_ban(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
        .args(arguments)
        .current_dir(dir)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The exit status, and what was written to standard output.
fn check(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = kerio_ban(dir, &[&["check"], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text)
}

/// An empty directory.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("filter.d")).unwrap();
    fs::create_dir_all(dir.join("logs")).unwrap();
    dir
}

/// The filter of the test data with its samples, of which one is edited.
fn edited(name: &str, from: &str, to: &str) -> PathBuf {
    let dir = scratch(name);
    for file in ["filter.d/app.conf", "filter.d/common.conf", "logs/app"] {
        let text = fs::read_to_string(Path::new(DATA).join(file)).unwrap();
        let text = match file {
            "logs/app" => {
                assert!(text.contains(from));
                text.replace(from, to)
            }
            _ => text,
        };
        fs::write(dir.join(file), text).unwrap();
    }
    dir
}

#[test]
fn what_is_not_edited_passes() {
    let dir = edited("unedited", "203", "203");
    assert_eq!(check(&dir, &["--strict", "-q"]), (0, String::new()));
}

#[test]
fn a_wrong_address_fails_at_its_line() {
    let dir = edited(
        "address",
        r#""host": "203.0.113.9", "user""#,
        r#""host": "203.0.113.8", "user""#,
    );
    let (status, text) = check(&dir, &["--format", "brief"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!(text, @r#"
    logs/app:4: app[mode=normal], app[mode=more]: expected `host` to be "203.0.113.8", found "203.0.113.9"
    filter.d/app.conf:6:30: app: failregex[0]: only samples that fail use it
    Samples: 5 passed, 2 failed, 1 skipped; rules: 1 of 2 covered
    "#);
}

#[test]
fn a_wrong_time_fails_at_its_line() {
    let dir = edited("time", "T17:00:45", "T18:00:45");
    let (status, text) = check(&dir, &["--format", "brief"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!(text, @r#"
    logs/app:4: app[mode=normal], app[mode=more]: expected `time` to be "2025-06-17T18:00:45", found "2025-06-17T17:00:45"
    filter.d/app.conf:6:30: app: failregex[0]: only samples that fail use it
    Samples: 5 passed, 2 failed, 1 skipped; rules: 1 of 2 covered
    "#);
}

#[test]
fn a_flipped_match_fails_at_its_line() {
    let dir = edited("flipped", r#""match": false"#, r#""match": true"#);
    let (status, text) = check(&dir, &["--format", "brief"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!(text, @r"
    logs/app:6: app[mode=normal], app[mode=more]: expected a failure, found no failure: ignored by ignoreregex[0] at filter.d/app.conf:10:15
    Samples: 5 passed, 2 failed, 1 skipped; rules: 2 of 2 covered
    ");
    let dir = edited(
        "flipped-back",
        r#""match": true, "host": "203.0.113.9", "user""#,
        r#""match": false, "user""#,
    );
    let (status, text) = check(&dir, &["--format", "brief"]);
    assert_eq!(status, 1);
    insta::assert_snapshot!(text, @r"
    logs/app:4: app[mode=normal], app[mode=more]: expected no failure, found a failure of `203.0.113.9` by failregex[0]
    filter.d/app.conf:6:30: app: failregex[0]: only samples that fail use it
    Samples: 5 passed, 2 failed, 1 skipped; rules: 1 of 2 covered
    ");
}

#[test]
fn an_unused_rule_fails_only_if_that_is_asked_for() {
    let dir = edited("unused", "probe from", "probe by");
    let log = dir.join("logs/app");
    let text = fs::read_to_string(&log).unwrap();
    // It is no failure any more, and not annotated as one.
    let lines = text.lines().filter(|line| !line.contains("constraint"));
    fs::write(&log, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let (status, text) = check(&dir, &["--format", "brief"]);
    assert_eq!(status, 0);
    insta::assert_snapshot!(text, @r"
    filter.d/app.conf:8:28: app: failregex[1]: no sample uses it
    Samples: 8 passed, 0 failed, 0 skipped; rules: 1 of 2 covered
    ");
    let (status, again) = check(&dir, &["--format", "brief", "--strict"]);
    assert_eq!((status, again), (1, text));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let of = |jobs: &str| {
        let (status, text) = check(
            Path::new(DATA),
            &["-j", jobs, "--logs", "wrong", "--format", "tap", "."],
        );
        assert_eq!(status, 1);
        text
    };
    assert_eq!(of("1"), of("4"));
}

/// What schemas of JUnit reports (Jenkins' junit-10.xsd, and the older one that
/// JUnit tests itself with) have in common, as far as it is used here: the
/// attributes of each element, and what may be in it.
const ELEMENTS: &[(&str, &[&str], &[&str])] = &[
    (
        "testsuites",
        &["name", "tests", "failures", "errors", "time"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &["name", "tests", "failures", "errors", "skipped"],
        &["testcase"],
    ),
    (
        "testcase",
        &["name", "classname"],
        &["failure", "error", "skipped"],
    ),
    ("failure", &["message", "type"], &[]),
    ("error", &["message", "type"], &[]),
    ("skipped", &[], &[]),
];

/// Reads XML as simple as these reports, checks it against [`ELEMENTS`], and
/// counts the elements.
fn elements(xml: &str) -> BTreeMap<String, usize> {
    let tag =
        Regex::new(r#"<(/?)([a-z-]+)((?: [a-z]+="[^"<]*")*) ?(/?)>|<\?xml [^>]*\?>"#).unwrap();
    let attribute = Regex::new(r#" ([a-z]+)=""#).unwrap();
    let mut counts = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = 0;
    for found in tag.captures_iter(xml) {
        let whole = found.get(0).unwrap();
        assert!(
            !xml[rest..whole.start()].contains('<'),
            "{}",
            &xml[rest..whole.start()]
        );
        rest = whole.end();
        let Some(name) = found.get(2).map(|name| name.as_str()) else {
            continue;
        };
        if !found[1].is_empty() {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (_, attributes, _) = ELEMENTS.iter().find(|(known, ..)| *known == name).unwrap();
        for own in attribute.captures_iter(&found[3]) {
            assert!(attributes.contains(&&own[1]), "{name} {}", &own[1]);
        }
        let allowed = match open.last() {
            Some(parent) => {
                ELEMENTS
                    .iter()
                    .find(|(known, ..)| known == parent)
                    .unwrap()
                    .2
            }
            None => &["testsuites"],
        };
        assert!(allowed.contains(&name), "{name} in {open:?}");
        *counts.entry(name.to_owned()).or_default() += 1;
        if found[4].is_empty() {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && !xml[rest..].contains('<'), "{open:?}");
    counts
}

#[test]
fn junit_reports_are_as_the_schemas_want_them() {
    let dir = edited(
        "junit",
        "probe from 203.0.113.9",
        "probe from 203.0.113.9 <&]]>\x1b\x01\"",
    );
    fs::write(
        dir.join("filter.d/broken.conf"),
        "[Definition]\nfailregex = (\n",
    )
    .unwrap();
    fs::write(
        dir.join("filter.d/alone.conf"),
        "[Definition]\nfailregex = ^<ADDR>$\n",
    )
    .unwrap();
    let (status, xml) = check(&dir, &["--format", "junit"]);
    assert_eq!(status, 2);
    let counts = elements(&xml);
    let counts: Vec<_> = counts
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    assert_eq!(
        counts,
        [
            ("error", 1),
            ("failure", 1),
            ("skipped", 3),
            ("testcase", 11),
            ("testsuite", 4),
            ("testsuites", 1)
        ]
    );
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (11, 1, 1));
    let (_, strict) = check(&dir, &["--format", "junit", "--strict"]);
    assert_eq!(elements(&strict)["failure"], 3);
    assert!(!xml.contains(['\x1b', '\x01']));
}

#[test]
fn prove_reads_the_tap_report() {
    let prove = |name: &str, report: &str| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&file, report).unwrap();
        let prove = Command::new("prove")
            .args(["-e", "cat"])
            .arg(&file)
            .output();
        match prove {
            Ok(output) => Some((
                output.status.success(),
                String::from_utf8(output.stdout).unwrap(),
            )),
            Err(_) => None,
        }
    };
    let (status, good) = check(Path::new(DATA), &["--format", "tap"]);
    assert_eq!(status, 0);
    let Some((success, said)) = prove("good.tap", &good) else {
        println!("skipped, there is no prove");
        return;
    };
    assert!(success, "{said}");
    let (status, bad) = check(
        Path::new(DATA),
        &["--format", "tap", "--logs", "wrong", "."],
    );
    assert_eq!(status, 1);
    let (success, said) = prove("bad.tap", &bad).unwrap();
    assert!(!success && said.contains("Failed"), "{said}");
}

/// Bytes that must come through: a byte order mark, carriage returns, bytes
/// that are no UTF-8.
const RAW: &[u8] =
    b"\xef\xbb\xbf2025-06-17 17:00:44 srv app[1]: bad login of a from 203.0.113.1\r\n\
    \r\n\
    2025-06-17 17:00:45 srv app[1]: bad login of m\xfcller from 203.0.113.2\r\n\
    2025-06-17 17:00:46 srv app[1]: bad login of b\x00\x1b from 203.0.113.3\n\
    2025-06-17 17:00:47 srv app[1]: \xc3\n\
    2025-06-17 17:00:48 srv app[1]: bad login of c from 203.0.113.4";

#[test]
fn recording_leaves_every_byte_of_the_lines() {
    let dir = edited("record", "203", "203");
    fs::write(dir.join("raw"), RAW).unwrap();
    let output = kerio_ban(&dir, &["check", "app", "--record", "raw", "-q"]);
    assert_eq!(output.status.code(), Some(0));
    let log = &output.stdout;
    let lines = log.split_inclusive(|&byte| byte == b'\n');
    let (annotations, rest): (Vec<&[u8]>, Vec<&[u8]>) =
        lines.partition(|line| line.starts_with(b"# failJSON: "));
    assert_eq!(rest.concat(), RAW);
    assert_eq!(annotations.len(), 3);
    // An annotation ends as its line does.
    let ends = |line: &&[u8]| line.ends_with(b"\r\n");
    assert_eq!(annotations.iter().filter(|line| ends(line)).count(), 1);
    assert_eq!(fs::read(dir.join("raw")).unwrap(), RAW);

    // To a file, and then from there: the result is the same, and holds.
    let output = kerio_ban(
        &dir,
        &["check", "app", "--record", "raw", "-o", "logs/app", "-q"],
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert_eq!(&fs::read(dir.join("logs/app")).unwrap(), log);
    assert_eq!(check(&dir, &["-q"]).0, 0);
    let output = kerio_ban(&dir, &["check", "--record", "logs/app", "--in-place"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(&fs::read(dir.join("logs/app")).unwrap(), log);
}

#[test]
fn in_place_is_only_what_was_asked_for() {
    let dir = edited("in-place", "203.0.113.9\", \"user", "203.0.113.8\", \"user");
    let log = dir.join("logs/app");
    let before = fs::read_to_string(&log).unwrap();
    let (status, diff) = check(&dir, &["--update"]);
    assert_eq!((status, &fs::read_to_string(&log).unwrap()), (1, &before));
    let (status, again) = check(&dir, &["--update", "--in-place"]);
    assert_eq!((status, again), (0, diff.clone()));
    let after = fs::read_to_string(&log).unwrap();
    assert_eq!(after, before.replace("113.8", "113.9"));
    assert!(
        diff.contains("\n-# failJSON: ") && diff.contains("\n+# failJSON: "),
        "{diff}"
    );
    assert_eq!(check(&dir, &["--update"]), (0, String::new()));
    assert_eq!(fs::read_dir(dir.join("logs")).unwrap().count(), 1);
}

#[test]
fn a_log_is_recorded_from_standard_input() {
    let dir = edited("stdin", "203", "203");
    fs::write(
        dir.join("raw"),
        "2025-06-17 17:00:45 srv app[1]: probe from 203.0.113.2\n",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
        .args(["check", "app[mode=more]", "--record", "-"])
        .current_dir(&dir)
        .stdin(fs::File::open(dir.join("raw")).unwrap())
        .output()
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
    # filterOptions: {"mode": "more"}
    # failJSON: {"time": "2025-06-17T17:00:45", "match": true, "host": "203.0.113.2"}
    2025-06-17 17:00:45 srv app[1]: probe from 203.0.113.2
    "#);
}

#[test]
fn anonymous_logs_match_as_before() {
    let dir = edited("anonymous", "203", "203");
    let log = "\
        2025-06-17 17:00:45 zeus app[1]: bad login of jane from 10.9.8.7\n\
        2025-06-17 17:00:46 zeus app[1]: bad login of jane.doe@mail.firm.corp from 10.9.8.6\n\
        2025-06-17 17:00:47 zeus app[1]: bad login of root from fd00:1::7\n\
        2025-06-17 17:00:48 zeus app[1]: jane came back to zeus from 10.9.8.7 (gate.firm.corp)\n";
    fs::write(dir.join("raw"), log).unwrap();
    let (status, text) = check(&dir, &["app", "--record", "raw", "--anonymize"]);
    assert_eq!(status, 0);
    insta::assert_snapshot!(text, @r#"
    # failJSON: {"time": "2025-06-17T17:00:45", "match": true, "host": "192.0.2.1", "user": "user1"}
    2025-06-17 17:00:45 host1 app[1]: bad login of user1 from 192.0.2.1
    # failJSON: {"time": "2025-06-17T17:00:46", "match": true, "host": "192.0.2.2", "user": "user2@mail.example.com"}
    2025-06-17 17:00:46 host1 app[1]: bad login of user2@mail.example.com from 192.0.2.2
    # failJSON: {"time": "2025-06-17T17:00:47", "match": true, "host": "2001:db8::1", "user": "root"}
    2025-06-17 17:00:47 host1 app[1]: bad login of root from 2001:db8::1
    2025-06-17 17:00:48 host1 app[1]: user1 came back to host1 from 192.0.2.1 (host2.example.com)
    "#);
}

#[test]
fn a_log_that_would_match_otherwise_is_not_written() {
    let dir = scratch("refused");
    let filter = "[Definition]\nfailregex = ^<ADDR> from the network 10\\.9$\n            ^<ADDR> by jane\\w+$\n";
    fs::write(dir.join("filter.d/net.conf"), filter).unwrap();
    fs::write(
        dir.join("raw"),
        "203.0.113.7 from the network 10.9\n203.0.113.7 by janedoe\nmail to janedoe@firm.corp\n",
    )
    .unwrap();
    let output = kerio_ban(
        &dir,
        &[
            "check",
            "net",
            "--record",
            "raw",
            "--anonymize",
            "-o",
            "new",
        ],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && !dir.join("new").exists());
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    warning: raw:2: the filter would find something else in the anonymized line
    error[changes-matches]: the log cannot be anonymized: line 2 would change what the filter finds
     |
    help: nothing was written; take these lines out, or change them by hand
    ");
}

#[test]
fn upstream_passes_as_it_is() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let (status, text) = check(
        &source,
        &[
            "--filters",
            "config/filter.d",
            "fail2ban/tests/config/filter.d/zzz-generic-example.conf",
            "fail2ban/tests/config/filter.d/zzz-sshd-obsolete-multiline.conf",
            "--logs",
            "fail2ban/tests/files/logs",
            "--strict",
        ],
    );
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("\n99 filters: "), "{text}");
    assert!(!text.contains("no filter:"), "{text}");
}
