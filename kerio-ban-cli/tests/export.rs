//! What is written into directories: the built-in files, manual pages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kerio_ban_core::samples::{Corpus, Status};
use kerio_ban_core::{FilterSpec, Loader, OsFiles};

/// A directory that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("kerio-ban-{name}-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// All files below, with their contents.
    fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        collect(&self.0, &self.0, &mut found);
        found
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn collect(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn pack() -> BTreeMap<String, String> {
    kerio_ban_filters::files()
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Status, standard output and standard error of an export, without the name of
/// the directory.
fn export(dir: &Scratch, options: &[&str]) -> (i32, String, String) {
    let path = dir.0.to_str().unwrap();
    let output = run(&[&["filters", "--export", path], options].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(path, "DIR");
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_pack_is_written_and_works() {
    let dir = Scratch::new("export");
    let (status, told, _) = export(&dir, &[]);
    insta::assert_snapshot!(told, @r"
    wrote DIR/filter.d/common.conf
    wrote DIR/filter.d/kerio-connect.conf
    wrote DIR/filter.d/kerio-control.conf
    wrote DIR/filter.d/kerio.conf
    wrote DIR/jail.d/kerio.conf
    ");
    assert_eq!((status, dir.files()), (0, pack()));

    // What was written judges our samples as they are annotated.
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/logs");
    let loader = Loader::new(&dir.0);
    for name in ["kerio", "kerio-connect", "kerio-control"] {
        let corpus = Corpus::load(&OsFiles, &logs, name).unwrap();
        let report = corpus.judge(|variant| {
            let options = variant.filter_options();
            let spec = options.fold(FilterSpec::new(name), |spec, (key, value)| {
                spec.with_option(key, &value)
            });
            loader.filter(&spec)?.compile()
        });
        let report = report.unwrap();
        assert_eq!(report.count(Status::Fail), 0, "{name}");
        assert!(report.count(Status::Pass) > 10, "{name}");
    }

    let (status, told, _) = export(&dir, &["--format", "json"]);
    assert_eq!(status, 0);
    assert_eq!(
        told.lines().next(),
        Some(r#"{"type":"file","path":"DIR/filter.d/common.conf","status":"unchanged"}"#)
    );
    assert_eq!(
        told.matches(r#""status":"unchanged""#).count(),
        pack().len()
    );
}

#[test]
fn err_nothing_is_overwritten_unasked() {
    let dir = Scratch::new("refuse");
    dir.write("filter.d/kerio.conf", "[Definition]\n");
    dir.write("jail.d/kerio.conf", "");
    let before = dir.files();
    let (status, told, refused) = export(&dir, &[]);
    insta::assert_snapshot!(refused, @r"
    error[exists]: `DIR/filter.d/kerio.conf`, `DIR/jail.d/kerio.conf` are there already and not the same
     |
    help: nothing was written; to overwrite, add `--force`
    ");
    assert_eq!((status, told.as_str()), (2, ""));
    assert_eq!(dir.files(), before);

    let (status, told, _) = export(&dir, &["--force"]);
    insta::assert_snapshot!(told, @r"
    wrote DIR/filter.d/common.conf
    wrote DIR/filter.d/kerio-connect.conf
    wrote DIR/filter.d/kerio-control.conf
    overwrote DIR/filter.d/kerio.conf
    overwrote DIR/jail.d/kerio.conf
    ");
    assert_eq!((status, dir.files()), (0, pack()));
}

#[test]
fn the_common_file_of_fail2ban_stays() {
    let file = "filter.d/common.conf";
    let theirs = "# Another's\n[DEFAULT]\n__prefix_line = x\n";
    for options in [[].as_slice(), &["--force"]] {
        let dir = Scratch::new("shared");
        dir.write(file, theirs);
        let (status, told, _) = export(&dir, options);
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @r"
            kept DIR/filter.d/common.conf, which is another's
            wrote DIR/filter.d/kerio-connect.conf
            wrote DIR/filter.d/kerio-control.conf
            wrote DIR/filter.d/kerio.conf
            wrote DIR/jail.d/kerio.conf
            ");
        }
        let mut expected = pack();
        expected.insert(file.to_owned(), theirs.to_owned());
        assert_eq!((status, dir.files()), (0, expected));
        let (_, told, _) = export(&dir, &["--format", "json"]);
        let kept = r#"{"type":"file","path":"DIR/filter.d/common.conf","status":"kept"}"#;
        assert_eq!(told.lines().next(), Some(kept));
    }

    // One of ours is a file like the others.
    let dir = Scratch::new("shared");
    let older = kerio_ban_filters::file(file)
        .unwrap()
        .replace("[lt_short]", "[lt_s]");
    dir.write(file, &older);
    let (status, _, refused) = export(&dir, &[]);
    assert!(status == 2 && refused.contains(file), "{refused}");
    let (status, told, _) = export(&dir, &["--force"]);
    assert!(status == 0 && told.starts_with("overwrote"), "{told}");
    assert_eq!(dir.files(), pack());
}

#[test]
fn err_a_directory_that_is_none() {
    let dir = Scratch::new("none");
    dir.write("filter.d", "a file");
    let (status, _, error) = export(&dir, &[]);
    insta::assert_snapshot!(error, @"error[unreadable]: cannot read `DIR/filter.d/common.conf`: Not a directory (os error 20)");
    assert_eq!(status, 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = Scratch::new("man");
    let output = run(&["generate", "man", "--dir", dir.0.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty());
    let pages = dir.files();
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let page = &pages[&format!("kerio-ban-{command}.1")];
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains("Examples:"),
            "{command}"
        );
        let printed = run(&["generate", "man", command]).stdout;
        assert_eq!(String::from_utf8(printed).unwrap(), *page);
    }
    assert!(pages.contains_key("kerio-ban.1"));
    assert!(!pages.keys().any(|name| name.contains("help")), "{pages:?}");
}

#[test]
fn completions_know_the_commands_and_their_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["generate", "completions", shell]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        for word in ["rewrite", "hostname", "export"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}
