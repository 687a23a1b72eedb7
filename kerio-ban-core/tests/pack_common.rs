//! The pack's `common.conf`: what stands before a message, and what does not.
//!
//! Made-up lines show each form of prefix, and what is not to be taken for
//! one. Where `FAIL2BAN_SRC` names fail2ban's sources, all of its filters that
//! include a file of this name must judge its samples with ours as they do
//! with its own.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kerio_ban_core::samples::{Corpus, Finding, Report, Status};
use kerio_ban_core::{
    Engine, Files, FilterSpec, Line, Loader, MemoryFiles, OsFiles, Session, SessionOptions,
    Timestamp,
};

const COMMON: &str = include_str!("../../filters/filter.d/common.conf");

/// 2024-06-18 12:00 UTC.
const NOW: i64 = 1_718_712_000;

/// A filter as someone might have written it, for one message.
fn filter(definition: &str, options: &str) -> Session {
    let rule = "failregex = ^%(__prefix_line)sbad login from <HOST>$";
    load(&format!("{definition}\n{rule}"), options)
}

fn load(definition: &str, options: &str) -> Session {
    let text = format!("[INCLUDES]\nbefore = common.conf\n[Definition]\n{definition}\n");
    let files = MemoryFiles::new()
        .with("/c/filter.d/testd.conf", text)
        .with("/c/filter.d/common.conf", COMMON);
    let spec: FilterSpec = format!("testd{options}").parse().unwrap();
    let config = Loader::with_files("/c", files).filter(&spec).unwrap();
    let filter = config.compile().unwrap();
    for rule in filter.rules() {
        assert_eq!(rule.engine(), Engine::Linear, "{}", rule.expanded());
    }
    filter.session_with(&SessionOptions::testing())
}

fn testd(options: &str) -> Session {
    filter("_daemon = testd", options)
}

/// The addresses that are found in a line.
fn found(session: &mut Session, line: Line<'_>) -> Vec<String> {
    let outcome = session.feed(line, Timestamp::from_whole_seconds(NOW));
    let ids = outcome.hits().iter();
    ids.map(|hit| hit.id().unwrap().to_string()).collect()
}

/// Puts each prefix before the message. The first ones are prefixes, the
/// others are none.
fn tell_apart<T: AsRef<str>>(session: &mut Session, prefixes: &[T], others: &[T]) {
    for (texts, expected) in [(prefixes, 1), (others, 0)] {
        for text in texts {
            let line = format!("{}bad login from 203.0.113.9", text.as_ref());
            let ids = found(session, Line::Text(&line));
            assert_eq!(ids, ["203.0.113.9"][..expected], "{line}");
        }
    }
}

#[test]
fn syslog_daemons_write_machine_program_and_process() {
    tell_apart(
        &mut testd(""),
        &[
            "Jun 18 11:59:00 mx testd[12]: ",
            "Jun 18 11:59:00 mx.example.com testd: ",
            "Jun 18 11:59:00 192.0.2.7 testd[12]: ",
            "Jun 18 11:59:00 2001:db8::7 testd[12]: ",
            "2024-06-18T11:59:00.123456+00:00 mx testd[12]: ",
            // Without a machine, a process, a colon; with more white space.
            "Jun 18 11:59:00 testd[12]: ",
            "Jun 18 11:59:00 testd: ",
            "Jun 18 11:59:00 mx testd[12] ",
            "Jun 18 11:59:00   mx  testd[12]:   ",
            // The process in front.
            "Jun 18 11:59:00 mx [12]: testd: ",
        ],
        &[
            "Jun 18 11:59:00 mx otherd[12]: ",
            "Jun 18 11:59:00 mx testd2[12]: ",
            "Jun 18 11:59:00 mx xtestd[12]: ",
            "Jun 18 11:59:00 mx testd[x]: ",
            "Jun 18 11:59:00 mx testd[12]:",
            "Jun 18 11:59:00 mx testd[12]: [12]: ",
            "Jun 18 11:59:00 mx testd[12]: testd[12]: ",
            "Jun 18 11:59:00 mx relay testd[12]: ",
        ],
    );
}

#[test]
fn programs_stand_in_brackets_or_have_a_part_in_them() {
    tell_apart(
        &mut testd(""),
        &[
            "Jun 18 11:59:00 mx [testd] ",
            "Jun 18 11:59:00 mx [testd]: ",
            "Jun 18 11:59:00 mx [testd][12]: ",
            "Jun 18 11:59:00 mx (testd): ",
            "Jun 18 11:59:00 mx testd(pam_unix): ",
            "Jun 18 11:59:00 mx testd(pam_unix)[12]: ",
        ],
        &[
            "Jun 18 11:59:00 mx [otherd]: ",
            "Jun 18 11:59:00 mx otherd(testd)[12]: ",
            "Jun 18 11:59:00 mx testd(pam unix)[12]: ",
            "Jun 18 11:59:00 mx {testd}: ",
        ],
    );
}

#[test]
fn systems_add_words_of_their_own() {
    tell_apart(
        &mut testd(""),
        &[
            // Solaris.
            "Jun 18 11:59:00 mx testd[12]: [ID 800047 auth.info] ",
            // BSD's syslogd -vv and -v.
            "Jun 18 11:59:00 <auth.info> mx testd[12]: ",
            "Jun 18 11:59:00 <4.6> mx testd[12]: ",
            // Kernels, with and without the name of a program.
            "Jun 18 11:59:00 mx kernel: [  970.699396] ",
            "Jun 18 11:59:00 mx kernel:[12970.699398] ",
            "Jun 18 11:59:00 mx kernel: [970.699396] testd: ",
            // A guest.
            "Jun 18 11:59:00 mx @vserver_a testd[12]: ",
            // All of it.
            "[Jun 18 11:59:00] <auth.info> mx kernel: [1.5] @vserver_a testd(x)[12]: [ID 1 a.b] ",
        ],
        &[
            "Jun 18 11:59:00 mx testd[12]: [ID auth.info] ",
            "Jun 18 11:59:00 mx testd[12]: [ID 1 a.b] [ID 1 a.b] ",
            "Jun 18 11:59:00 <auth info> mx testd[12]: ",
            "Jun 18 11:59:00 <a.b> <c.d> mx testd[12]: ",
            "Jun 18 11:59:00 mx kernel: ",
            "Jun 18 11:59:00 mx kernel: [970] ",
            "Jun 18 11:59:00 mx kernel: [1.5] kernel: [1.5] ",
            "Jun 18 11:59:00 mx @guest testd[12]: ",
            "Jun 18 11:59:00 @vserver_a mx testd[12]: ",
        ],
    );
}

#[test]
fn programs_with_a_log_of_their_own_write_the_date_alone() {
    tell_apart(
        &mut testd(""),
        &[
            "2024-06-18 11:59:00 ",
            "2024-06-18 11:59:00,123 ",
            "[2024-06-18 11:59:00] ",
            "[Jun 18 11:59:00] testd: ",
            "1718711940 ",
            // At a line's very start nothing has to be there.
            "",
        ],
        &[
            "[2024-06-18 11:59:00]: mx ",
            // A date that does not begin the line is no date of it.
            "user=x 2024-06-18 11:59:00 ",
        ],
    );
}

#[test]
fn rfc_5424_has_fields() {
    let rest = "2024-06-18T11:59:00.123456+00:00 mx.example.com";
    let lines = |texts: &[&str]| -> Vec<String> {
        texts.iter().map(|text| text.replace('@', rest)).collect()
    };
    let good = lines(&[
        "<38>1 @ testd 12 - - ",
        "<165>1 @ testd - ID47 - ",
        "<38>1 @ testd 12 - - \u{feff}",
        r#"<38>1 @ testd 12 - [timeQuality tzKnown="1" isSynced="0"] "#,
        r#"<38>1 @ testd 12 - [x a="b"][y][z c="] [" d="\"] \\"] "#,
        "<38>1 2024-06-18T11:59:00Z 2001:db8::7 testd 12 - - ",
    ]);
    let bad = lines(&[
        "<38>1 @ otherd 12 - - ",
        "<38>1 @ testd 12 - ",
        "<38>1 @ testd 12 - - x ",
        "<38>1 @ mx testd 12 - - ",
        r#"<38>1 @ testd 12 - [x a="b] "#,
        r#"<38>1 @ otherd 12 - [x a="] testd 12 - - "#,
        "@ testd 12 - - ",
        "Jun 18 11:59:00 mx testd[12]: ",
    ]);
    tell_apart(&mut testd("[logtype=rfc5424]"), &good, &bad);
}

// What COMPAT.md lists under D60 to D65, each beside what both take.
#[test]
fn differences_from_the_prefix_of_fail2ban_are_as_listed() {
    tell_apart(
        &mut testd(""),
        &[
            // D62
            "Jun 18 11:59:00 mx [12]: testd[12]: ",
        ],
        &[
            // D60
            "Jun 18 11:59:00 <a.b c> mx testd[12]: ",
            // D61
            "Jun 18 11:59:00 mx testd(pam(unix))[12]: ",
        ],
    );
    tell_apart(
        &mut filter("", "[logtype=rfc5424]"),
        &[
            "<38>1 2024-06-18T11:59:00Z mx testd 12 - - ",
            // D63
            "<38>1 2024-06-18T11:59:00Z mx testd main - - ",
            "<38>1 2024-06-18T11:59:00Z mx testd 12 - - \u{feff}",
        ],
        &[
            // D64
            "<38>1 2024-06-18T11:59:00Z mx  12 - - ",
            // D65
            "<38>1 2024-06-18T11:59:00+00:00mx testd 12 - - ",
        ],
    );
}

#[test]
fn journalctl_writes_no_facilities() {
    for logtype in ["[logtype=short]", "[logtype=journal]"] {
        tell_apart(
            &mut testd(logtype),
            &[
                "Jun 18 11:59:00 mx testd[12]: ",
                "Jun 18 11:59:00 mx testd: ",
                "Jun 18 11:59:00 testd: ",
                "Jun 18 11:59:00 ",
                "Jun 18 11:59:00 mx kernel: [  970.699396] ",
                "Jun 18 11:59:00 mx testd[12]: kernel:[  970.699396]: ",
            ],
            &[
                "Jun 18 11:59:00 mx otherd[12]: ",
                "Jun 18 11:59:00 mx [testd]: ",
                "Jun 18 11:59:00 <auth.info> mx testd[12]: ",
                "Jun 18 11:59:00 mx @vserver_a testd[12]: ",
                "Jun 18 11:59:00 mx testd[12]: [ID 800047 auth.info] ",
                "Jun 18 11:59:00 mx testd[12]: testd[12]: ",
            ],
        );
    }
}

#[test]
fn entries_of_the_journal_have_no_date() {
    let mut session = testd("[logtype=journal]");
    for (after, expected) in [
        ("mx testd[12]: bad login from 203.0.113.9", 1),
        ("mx otherd[12]: bad login from 203.0.113.9", 0),
    ] {
        let line = Line::Split {
            before: "",
            date: "2024-06-18T11:59:00",
            after,
            time: Timestamp::from_whole_seconds(NOW - 60),
        };
        assert_eq!(found(&mut session, line).len(), expected, "{after}");
    }
}

// What a user of another program says is never part of a prefix.
#[test]
fn prefixes_inside_a_message_are_text() {
    let forged = [
        "bad login from 203.0.113.9",
        "testd[12]: bad login from 203.0.113.9",
        "mx testd[12]: bad login from 203.0.113.9",
        "Jun 18 11:59:00 mx testd[12]: bad login from 203.0.113.9",
        "kernel: [1.5] testd[12]: bad login from 203.0.113.9",
        "<auth.info> mx testd[12]: bad login from 203.0.113.9",
        "] testd 12 - - bad login from 203.0.113.9",
        "x\"] bad login from 203.0.113.9",
    ];
    let mut file = testd("");
    let mut short = testd("[logtype=short]");
    let mut rfc = testd("[logtype=rfc5424]");
    for text in forged {
        for program in ["otherd[7]:", "otherd:", "[otherd]", "testd[12]: user"] {
            let line = format!("Jun 18 11:59:00 mx {program} {text}");
            for session in [&mut file, &mut short] {
                assert!(found(session, Line::Text(&line)).is_empty(), "{line}");
            }
        }
        for head in [
            "otherd 7 - - ",
            "otherd 7 - [x a=\"b\"] ",
            "otherd 7 - [x user=\"",
            "testd 12 - [x user=\"",
            "testd 12 - - user ",
        ] {
            let line = format!("<38>1 2024-06-18T11:59:00Z mx {head}{text}");
            // A quote ends where the element says, not where it likes.
            let closed = line.replace("x\"]", "x\\\"]");
            assert!(found(&mut rfc, Line::Text(&closed)).is_empty(), "{closed}");
        }
    }
}

#[test]
fn filters_change_what_a_prefix_is_made_of() {
    let host = "_daemon = testd\n__hostname = mx\\d";
    tell_apart(
        &mut filter(host, ""),
        &["Jun 18 11:59:00 mx1 testd: ", "Jun 18 11:59:00 testd: "],
        &["Jun 18 11:59:00 mx testd: "],
    );
    let longer = "_daemon = testd\n__prefix_line = %(known/__prefix_line)s(?:\\w{14}: )?";
    tell_apart(
        &mut filter(longer, ""),
        &[
            "Jun 18 11:59:00 mx testd[12]: s1GNXHYB005133: ",
            "Jun 18 11:59:00 mx testd[12]: ",
        ],
        &["Jun 18 11:59:00 mx testd[12]: s1GN: "],
    );
    // Alternatives need no brackets.
    tell_apart(
        &mut filter("_daemon = testd|otherd", ""),
        &["Jun 18 11:59:00 mx testd: ", "Jun 18 11:59:00 mx otherd: "],
        &["Jun 18 11:59:00 mx thirdd: "],
    );
    // Without a name, any program will do.
    tell_apart(
        &mut filter("", ""),
        &["Jun 18 11:59:00 mx whatever/x[12]: "],
        &["Jun 18 11:59:00 mx whatever/x[12]: x: "],
    );
    tell_apart(
        &mut filter("", "[_daemon=otherd]"),
        &["Jun 18 11:59:00 mx otherd: "],
        &["Jun 18 11:59:00 mx testd: "],
    );
}

#[test]
fn names_for_messages_are_whole() {
    let uses = "_daemon = testd\n\
                failregex = ^%(__prefix_line)s%(__pam_auth)s: <HOST>$\n   \
                ^%(__prefix_line)s%(__pid_re)s?: <HOST>$\n   \
                ^%(__prefix_line)skey %(__md5hex)s?: <HOST>$\n   \
                ^\\s*%(__hostname)s via %(__daemon_combs_re)s{2} <HOST>$";
    let mut session = load(uses, "");
    let key = ["0a"; 16].join(":");
    for (message, expected) in [
        ("mx testd: pam_unix: 203.0.113.9", 1),
        ("mx testd: pam_ldap: 203.0.113.9", 0),
        ("mx testd: [12]: 203.0.113.9", 1),
        ("mx testd: [1x]: 203.0.113.9", 0),
        (&format!("mx testd: key {key}: 203.0.113.9"), 1),
        (&format!("mx testd: key {key}:0a: 203.0.113.9"), 0),
        ("mx testd: key : 203.0.113.9", 1),
        ("mx via testd[1]:testd[2]: 203.0.113.9", 1),
        ("mx via testd[1]:otherd[2]: 203.0.113.9", 0),
    ] {
        let line = format!("Jun 18 11:59:00 {message}");
        assert_eq!(
            found(&mut session, Line::Text(&line)).len(),
            expected,
            "{line}"
        );
    }
}

// In time that grows with the length of the line: otherwise this would not end.
#[test]
fn long_lines_do_no_harm() {
    let mut sessions = [
        testd(""),
        filter("", ""),
        testd("[logtype=short]"),
        filter("", "[logtype=rfc5424]"),
    ];
    for piece in [
        "a",
        " ",
        "(",
        "[",
        "<a.",
        " a",
        "[x ",
        "[a \"",
        "\\\"",
        "kernel: [1",
        "@vserver_",
    ] {
        for head in [
            "",
            "<38>1 ",
            "Jun 18 11:59:00 mx testd[12]: ",
            "<38>1 2024-06-18T11:59:00Z mx testd 1 - ",
        ] {
            let line = format!("{head}{} bad login of x", piece.repeat(100_000));
            for session in &mut sessions {
                assert!(found(session, Line::Text(&line)).is_empty());
                assert!(session.troubles().is_empty(), "{piece}");
            }
        }
    }
}

// ---- fail2ban's own filters ------------------------------------------------

/// The files of the machine, but for every `common.conf`, which is ours. Its
/// reads are counted.
struct Overlay(Arc<AtomicUsize>);

fn is_common(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "common.conf")
}

impl Files for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if is_common(path) {
            self.0.fetch_add(1, Ordering::Relaxed);
            return Ok(COMMON.as_bytes().to_vec());
        }
        OsFiles.read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        is_common(path) || OsFiles.is_file(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        OsFiles.is_dir(path)
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        OsFiles.list(dir)
    }
}

/// What was compared.
#[derive(Default)]
struct Figures {
    filters: BTreeSet<String>,
    variants: usize,
    verdicts: usize,
    findings: usize,
}

fn judge(loader: &Loader, corpus: &Corpus, name: &str) -> Report {
    let report = corpus.judge(|variant| {
        let options = variant.filter_options();
        let spec = options.fold(FilterSpec::new(name), |spec, (key, value)| {
            spec.with_option(key, &value)
        });
        loader.filter(&spec)?.compile()
    });
    report.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All that may not depend on whose `common.conf` it is: the rule, the
/// address, the time, the captured values and the matched part of each finding.
fn findings(report: &Report) -> Vec<(usize, usize, Vec<Finding>)> {
    let verdicts = report.verdicts.iter();
    verdicts
        .map(|verdict| {
            (
                verdict.variant,
                verdict.sample.line,
                verdict.findings.clone(),
            )
        })
        .collect()
}

fn compare(config: &Path, logs: &Path, figures: &mut Figures) {
    let mut names: Vec<String> = OsFiles
        .list(&config.join("filter.d"))
        .iter()
        .filter_map(|name| Some(name.strip_suffix(".conf")?.to_owned()))
        .filter(|name| logs.join(name).is_file())
        .collect();
    names.sort();
    for name in names {
        let reads = Arc::new(AtomicUsize::new(0));
        let ours = Loader::with_files(config, Overlay(Arc::clone(&reads)));
        let corpus = Corpus::load(&OsFiles, logs, &name).unwrap();
        let report = judge(&ours, &corpus, &name);
        if reads.load(Ordering::Relaxed) == 0 {
            continue;
        }
        for verdict in &report.verdicts {
            assert!(
                verdict.status() != Status::Fail,
                "{name} {:?} at {}: {:?}\n{}",
                verdict.options,
                verdict.sample.span,
                verdict.mismatches,
                verdict.sample.text
            );
        }
        let theirs = judge(&Loader::new(config), &corpus, &name);
        assert_eq!(findings(&report), findings(&theirs), "{name}");
        let used = |report: &Report| -> Vec<bool> {
            let rules = report.coverage.iter();
            rules.map(|rule| rule.used).collect()
        };
        assert_eq!(used(&report), used(&theirs), "{name}");
        figures.filters.insert(name);
        let variants = report.verdicts.iter().map(|verdict| verdict.variant);
        figures.variants += variants.max().map_or(0, |last| last + 1);
        figures.verdicts += report.verdicts.len() - report.count(Status::Skip);
        figures.findings += report
            .verdicts
            .iter()
            .map(|v| v.findings.len())
            .sum::<usize>();
    }
}

// The same lines as for fail2ban in `filters/compare-with-fail2ban`.
#[test]
fn a_filter_of_other_people_judges_its_samples_as_annotated() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/third-party");
    let loader = Loader::with_files(&config, Overlay(Arc::default()));
    let corpus = Corpus::load(&OsFiles, &config.join("logs"), "testd").unwrap();
    let report = judge(&loader, &corpus, "testd");
    for verdict in &report.verdicts {
        let place = &verdict.sample.span;
        assert_eq!(verdict.mismatches.as_deref(), Some(&[][..]), "{place}");
    }
    assert!(report.verdicts.len() > 70);
    assert_eq!(report.unused().count(), 0);
}

#[test]
fn filters_of_fail2ban_judge_their_samples_as_with_its_own() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let logs = source.join("fail2ban/tests/files/logs");
    let mut figures = Figures::default();
    compare(&source.join("config"), &logs, &mut figures);
    compare(&source.join("fail2ban/tests/config"), &logs, &mut figures);
    println!(
        "{} filters, {} variants, {} verdicts, {} findings: all as with fail2ban's own",
        figures.filters.len(),
        figures.variants,
        figures.verdicts,
        figures.findings
    );
    assert!(figures.filters.len() >= 50 && figures.findings > 500);
}
