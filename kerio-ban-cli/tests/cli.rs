//! What the binary prints and how it ends, recorded in files that can be read
//! as documentation.
//!
//! In the `console` blocks of `cmd/*.trycmd`, a line that begins with `$ ` is a
//! command. It is followed by `? status` unless that is 0, by what the command
//! writes to standard output, and by what it writes to standard error. The
//! commands run in `tests/data`, in the zone UTC. `[..]` stands for whatever
//! changes from run to run.
//!
//! `SNAPSHOTS=overwrite cargo test --test cli` records everything anew.
//!
//! The form is that of trycmd, which is not used itself because it takes every
//! backslash for a separator of Windows paths, and here they are what matters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

#[test]
fn commands_print_what_is_recorded() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<_> = std::fs::read_dir(tests.join("cmd"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
    for file in files {
        let recorded = std::fs::read_to_string(&file).unwrap();
        let actual = replay(&recorded, &tests.join("data"));
        let expected = Data::read_from(&file, Some(DataFormat::Text));
        assert.eq(Data::text(actual).raw(), expected.raw());
    }
}

/// The document with the outputs of its commands as they are now.
fn replay(document: &str, directory: &Path) -> String {
    let mut out = String::new();
    let mut in_console = false;
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        out += line;
        out += "\n";
        if line.starts_with("```") {
            in_console = line == "```console";
        }
        let Some(command) = line.strip_prefix("$ ").filter(|_| in_console) else {
            continue;
        };
        out += &run(command, directory);
        // What was recorded ends where the next command or the end follows.
        while lines
            .next_if(|line| !line.starts_with("$ ") && *line != "```")
            .is_some()
        {}
        if lines.peek().is_some_and(|line| line.starts_with("$ ")) {
            out += "\n";
        }
    }
    out
}

fn run(command: &str, directory: &Path) -> String {
    let words = words(command);
    assert_eq!(words[0], "kerio-ban", "{command}");
    let output = Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
        .args(&words[1..])
        .current_dir(directory)
        .env("TZ", "UTC")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut out = match output.status.code() {
        Some(0) => String::new(),
        code => format!("? {}\n", code.unwrap()),
    };
    for stream in [output.stdout, output.stderr] {
        out += &without_elapsed(&String::from_utf8(stream).unwrap());
    }
    out
}

/// The text without the time that the command took.
fn without_elapsed(text: &str) -> String {
    let mut out = text.to_owned();
    for (before, after) in [
        ("\"elapsed\":", "}"),
        ("[processed in ", " s]"),
        ("[processed in ", " sec]"),
    ] {
        if let Some(start) = out.find(before).map(|at| at + before.len())
            && let Some(length) = out[start..].find(after)
            && !out[start..start + length].contains('\n')
        {
            out.replace_range(start..start + length, "[..]");
        }
    }
    out
}

/// The words of a command, as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (None, ' ') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
