//! Recording: what is written above the lines of a log must hold, and the
//! lines must stay as they are, byte for byte.
//!
//! Every sample log of the project is stripped of its annotations and
//! recorded anew; with `FAIL2BAN_SRC`, a fail2ban source tree, upstream's, too.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kerio_ban_core::samples::{Anonymized, Corpus, Recording, Status, Variant};
use kerio_ban_core::{Error, Files, Filter, FilterSpec, Loader, MemoryFiles, OsFiles};
use proptest::prelude::*;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn compile(loader: &Loader, name: &str, variant: &Variant) -> Result<Filter, Error> {
    let mut spec = FilterSpec::new(name);
    for (key, value) in variant.filter_options() {
        spec = spec.with_option(key, value);
    }
    loader.filter(&spec)?.compile()
}

/// The logs without their annotations.
fn stripped(files: &MemoryFiles, path: &Path, name: &str) -> MemoryFiles {
    let corpus = Corpus::load_file(files, path, name).unwrap();
    let mut out = MemoryFiles::new();
    for source in corpus.sources() {
        let annotations: BTreeSet<usize> = corpus
            .samples()
            .filter(|sample| sample.span.source() == source)
            .filter_map(|sample| Some(sample.expectation.as_ref()?.line))
            .collect();
        let log = files.read(source.name().as_ref()).unwrap();
        let lines = log.split_inclusive(|&byte| byte == b'\n').zip(1..);
        let kept = lines.filter(|(_, number)| !annotations.contains(number));
        let kept: Vec<u8> = kept.flat_map(|(line, _)| line).copied().collect();
        out.insert(source.name(), kept);
    }
    out
}

fn record(name: &str, path: &Path, files: &MemoryFiles, loader: &Loader) -> Recording {
    Recording::make(files, path, name, false, |variant| {
        compile(loader, name, variant)
    })
    .unwrap()
}

/// The logs as they are after recording.
fn recorded(recording: &Recording) -> MemoryFiles {
    let logs = recording.logs.iter();
    logs.fold(MemoryFiles::new(), |files, log| {
        files.with(&log.path, log.after.as_slice())
    })
}

fn all_files(dir: &Path, mut files: MemoryFiles) -> MemoryFiles {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files = all_files(&path, files);
        } else {
            files.insert(&path, std::fs::read(&path).unwrap());
        }
    }
    files
}

fn assert_same(one: &MemoryFiles, other: &MemoryFiles, recording: &Recording) {
    for log in &recording.logs {
        let (one, other) = (one.read(&log.path).unwrap(), other.read(&log.path).unwrap());
        assert!(
            one == other,
            "the lines of {} are not what they were",
            log.path.display()
        );
    }
}

fn check(name: &str, path: &Path, loader: &Loader) {
    // With the logs that it may add.
    let files = all_files(path.parent().unwrap(), MemoryFiles::new());
    let plain = stripped(&files, path, name);
    let recording = record(name, path, &plain, loader);
    let after = recorded(&recording);
    assert_same(&stripped(&after, path, name), &plain, &recording);
    // Judged anew, from nothing but the bytes.
    let corpus = Corpus::load_file(&after, path, name).unwrap();
    let report = corpus
        .judge(|variant| compile(loader, name, variant))
        .unwrap();
    for verdict in &report.verdicts {
        assert_ne!(
            verdict.status(),
            Status::Fail,
            "{name} {}: {:?}",
            verdict.sample.span,
            verdict.mismatches
        );
    }
    assert!(recording.holds(), "{name}: {:?}", recording.unsettled);
    // Nothing is left to be done, whatever may be changed.
    let again = Recording::make(&after, path, name, true, |variant| {
        compile(loader, name, variant)
    });
    assert!(
        again
            .unwrap()
            .logs
            .iter()
            .all(|log| log.before == log.after)
    );
}

#[test]
fn our_logs_hold_once_recorded() {
    let loader = Loader::new(project().join("filters"));
    for name in ["kerio", "kerio-connect", "kerio-control"] {
        check(name, &project().join("fixtures/logs").join(name), &loader);
    }
}

/// Names of upstream's filters that have a log.
fn upstream(source: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(source.join("fail2ban/tests/files/logs"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| source.join(format!("config/filter.d/{name}.conf")).exists())
        .collect();
    names.sort();
    assert!(names.len() > 90, "only {} logs", names.len());
    names
}

/// Matches as before, line by line, and has no address that could be somebody's.
fn check_anonymized(name: &str, path: &Path, loader: &Loader) {
    let anonymized: Result<Anonymized, Error> = Anonymized::make(&OsFiles, path, name, |variant| {
        compile(loader, name, variant)
    });
    let anonymized = anonymized.unwrap();
    let changed: Vec<&str> = anonymized.changed.iter().map(|line| &*line.text).collect();
    assert!(changed.is_empty(), "{name}: {changed:#?}");
    assert!(!anonymized.shared);
    for (_, log) in &anonymized.logs {
        let text = String::from_utf8_lossy(log);
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != ':') {
            let word = word.trim_start_matches("IPv6:");
            let known = match word.trim_matches(['.', ':']).parse() {
                Ok(IpAddr::V4(address)) => {
                    address.is_documentation() || matches!(address.octets()[0], 0 | 127 | 255)
                }
                Ok(IpAddr::V6(address)) => {
                    let mapped = address.to_ipv4_mapped();
                    let known = address.segments()[..2] == [0x2001, 0xdb8];
                    known || mapped.is_some() || address.is_loopback() || address.is_unspecified()
                }
                Err(_) => true,
            };
            assert!(known, "{name}: {word} in {path:?}");
        }
    }
}

#[test]
fn our_logs_match_as_before_when_anonymous() {
    let loader = Loader::new(project().join("filters"));
    for name in ["kerio", "kerio-connect", "kerio-control"] {
        check_anonymized(name, &project().join("fixtures/logs").join(name), &loader);
    }
}

#[test]
fn upstream_logs_match_as_before_when_anonymous() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let loader = Loader::new(source.join("config"));
    for name in upstream(&source) {
        let path = source.join("fail2ban/tests/files/logs").join(&name);
        check_anonymized(&name, &path, &loader);
    }
}

#[test]
fn upstream_logs_hold_once_recorded() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let logs = source.join("fail2ban/tests/files/logs");
    let loader = Loader::new(source.join("config"));
    for name in upstream(&source) {
        check(&name, &logs.join(&name), &loader);
    }
}

#[test]
fn added_logs_are_recorded_where_they_are() {
    let files = MemoryFiles::new()
        .with(
            "/c/filter.d/x.conf",
            "[Definition]\nfailregex = bad <ADDR>$\n",
        )
        .with("/l/x", "# addFILE: \"y\"\nbad 192.0.2.1\r\n")
        .with("/l/y", "good 192.0.2.2\nbad 192.0.2.3");
    let loader = Loader::with_files("/c", files.clone());
    let path = Path::new("/l/x");
    let recording = Recording::make(&files, path, "x", false, |variant| {
        compile(&loader, "x", variant)
    });
    let recording = recording.unwrap();
    let texts: Vec<_> = recording
        .logs
        .iter()
        .map(|log| std::str::from_utf8(&log.after).unwrap())
        .collect();
    assert_eq!(
        texts,
        [
            "# addFILE: \"y\"\n# failJSON: {\"match\": true, \"host\": \"192.0.2.1\"}\r\nbad 192.0.2.1\r\n",
            "good 192.0.2.2\n# failJSON: {\"match\": true, \"host\": \"192.0.2.3\"}\nbad 192.0.2.3",
        ]
    );
}

/// The lines of a log of ours, for tests that mix them.
fn lines(name: &str) -> Vec<Vec<u8>> {
    let path = project().join("fixtures/logs").join(name);
    let files = MemoryFiles::new().with(&path, std::fs::read(&path).unwrap());
    let log = stripped(&files, &path, name).read(&path).unwrap();
    let lines = log.split_inclusive(|&byte| byte == b'\n');
    lines
        .filter(|line| !line.starts_with(b"#") && line.len() > 1)
        .map(<[u8]>::to_vec)
        .collect()
}

/// Bytes that editors and decoders like to change.
const ODD: &[&[u8]] = &[
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3",
    b"\0",
    b"\r",
    b"\r\r",
    b"\x85",
    b"\xe2\x80\xa8",
    b" ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_mixture_of_lines_holds_once_recorded(
        picks in proptest::collection::vec((any::<prop::sample::Index>(), 0..24usize, any::<u16>()), 1..40),
        control in any::<bool>(),
    ) {
        let name = if control { "kerio-control" } else { "kerio" };
        let lines = lines(name);
        let mut log = Vec::new();
        for (pick, oddity, place) in picks {
            let mut line = pick.get(&lines).clone();
            if let Some(odd) = ODD.get(oddity) {
                let at = usize::from(place) % line.len();
                line.splice(at..at, odd.iter().copied());
            }
            // What becomes a comment, or half of one, is no line of a log.
            if line.starts_with(b"#") || line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            log.extend(line);
        }
        let loader = Loader::new(project().join("filters"));
        let path = Path::new("/log");
        let files = MemoryFiles::new().with(path, log.as_slice());
        let recording = record(name, path, &files, &loader);
        assert_same(&stripped(&recorded(&recording), path, name), &files, &recording);
        prop_assert!(recording.holds(), "{:?}", recording.unsettled);
    }
}

#[test]
fn only_regular_files_are_read() {
    // The real file system, once: the rest is in memory.
    let path = project().join("fixtures/logs/kerio");
    let loader = Loader::new(project().join("filters"));
    let recording = Recording::make(&OsFiles, &path, "kerio", false, |variant| {
        compile(&loader, "kerio", variant)
    });
    let recording = recording.unwrap();
    assert!(recording.logs[0].before == recording.logs[0].after);
    assert!(recording.holds());
}

/// What becomes of a log of the filter `x`, with or without correcting it.
fn recorded_text(failregex: &str, log: &str, update: bool) -> (String, Vec<String>) {
    let conf = format!("[Definition]\nmode = a\nre-a = {failregex}\nfailregex = <re-<mode>>\n");
    let files = MemoryFiles::new()
        .with("/c/filter.d/x.conf", conf)
        .with("/l/x", log);
    let loader = Loader::with_files("/c", files.clone());
    let recording = Recording::make(&files, Path::new("/l/x"), "x", update, |variant| {
        compile(&loader, "x", variant)
    });
    let recording = recording.unwrap();
    let text = String::from_utf8(recording.logs[0].after.clone()).unwrap();
    let reasons = recording.unsettled.into_iter();
    let reasons = reasons.map(|line| format!("{}: {}", line.sample.line, line.reason));
    (text, reasons.collect())
}

#[test]
fn variants_that_disagree_are_told_apart() {
    let log = "# filterOptions: [{\"mode\": \"a\"}, {\"mode\": \"b\", \"re-b\": \"^never <ADDR>$\"}]\nbad 192.0.2.1\n";
    let (text, unsettled) = recorded_text("^bad <ADDR>$", log, false);
    assert!(unsettled.is_empty());
    insta::assert_snapshot!(text, @r#"
    # filterOptions: [{"mode": "a"}, {"mode": "b", "re-b": "^never <ADDR>$"}]
    # failJSON: {"match": true, "host": "192.0.2.1", "constraint": "opts.get('mode') == 'a'"}
    bad 192.0.2.1
    "#);
}

#[test]
fn a_correction_changes_no_more_than_it_must() {
    let log = "\
        ##failJSON: {\"desc\": \"é\", \"host\": \"192.0.2.2\", \"match\": true, \"odd\": null}\r\nbad 192.0.2.1\r\n\
        # match: 192.0.2.2\nbad 192.0.2.1\n\
        # no match\nbad 192.0.2.1\n\
        #match:192.0.2.1\ngood 192.0.2.1\n\
        # failJSON: {\"match\": false, \"desc\": \"x\"}\nbad 192.0.2.1\n\
        # failJSON: { \"match\": true ,\"host\": \"192.0.2.1\" }\nbad 192.0.2.1";
    let (text, unsettled) = recorded_text("^bad <ADDR>$", log, true);
    assert!(unsettled.is_empty());
    insta::assert_snapshot!(text, @r#"
    ##failJSON: {"desc": "é", "host": "192.0.2.1", "match": true, "odd": null}
    bad 192.0.2.1
    # match: 192.0.2.1
    bad 192.0.2.1
    # match: 192.0.2.1
    bad 192.0.2.1
    #no match
    good 192.0.2.1
    # failJSON: {"match": true, "host": "192.0.2.1", "desc": "x"}
    bad 192.0.2.1
    # failJSON: { "match": true ,"host": "192.0.2.1" }
    bad 192.0.2.1
    "#);
    assert_eq!(recorded_text("^bad <ADDR>$", log, false).0, log);
}

#[test]
fn err_lines_without_words_for_them() {
    let two = "^bad <ADDR>$\n       ^b\\w+ <ADDR>$";
    let (text, unsettled) = recorded_text(two, "bad 192.0.2.1\n", false);
    assert_eq!(text, "bad 192.0.2.1\n");
    insta::assert_snapshot!(unsettled.join("\n"), @"1: failregex[0] and failregex[1] find a failure, and an annotation speaks of one");
    // Conditions know no escapes.
    let options =
        "# filterOptions: [{\"re-a\": \"^bad\\\\s<ADDR>$\"}, {\"re-a\": \"^x\\\\s<ADDR>$\"}]\n";
    let log = format!("{options}bad 192.0.2.1\n");
    let (text, unsettled) = recorded_text("^bad <ADDR>$", &log, false);
    assert_eq!(text, log);
    insta::assert_snapshot!(unsettled.join("\n"), @"2: some variants of the filter find something else, and no option tells them apart");
}
