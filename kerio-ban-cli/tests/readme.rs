//! What the README shows is what happens.
//!
//! Commands in its `console` blocks that have an output are run at the root of
//! the project. In the output shown, a line `...` stands for any lines, and
//! `...` at the end of a line for any rest of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

/// How many commands with an output the README has at least.
const SHOWN: usize = 4;

#[test]
fn commands_in_the_readme_print_what_it_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut shown = 0;
    for (command, expected) in commands(&readme) {
        if expected.is_empty() {
            continue;
        }
        shown += 1;
        let words: Vec<&str> = command.split_whitespace().collect();
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(*program, "kerio-ban", "{command}");
        let output = Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
            .args(arguments)
            .current_dir(&root)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let text = format!("{stdout}{stderr}");
        let actual: Vec<&str> = text.lines().collect();
        assert!(
            agrees(&expected, &actual),
            "{command} does not print what the README shows:\n{text}"
        );
    }
    assert!(shown >= SHOWN, "only {shown} commands have an output");
}

/// The commands in `console` blocks, each with its output.
fn commands(document: &str) -> Vec<(String, Vec<&str>)> {
    let mut commands: Vec<(String, Vec<&str>)> = Vec::new();
    let mut in_console = false;
    for line in document.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if !in_console {
        } else if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), Vec::new()));
        } else if let Some((command, output)) = commands.last_mut() {
            match command.strip_suffix('\\') {
                Some(start) => *command = format!("{start}{line}"),
                None => output.push(line),
            }
        }
    }
    commands
}

fn agrees(expected: &[&str], actual: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else {
        return actual.is_empty();
    };
    if *first == "..." {
        return (0..=actual.len()).any(|skipped| agrees(rest, &actual[skipped..]));
    }
    let Some((line, more)) = actual.split_first() else {
        return false;
    };
    let same = match first.strip_suffix("...") {
        Some(start) => line.starts_with(start),
        None => first == line,
    };
    same && agrees(rest, more)
}

#[test]
fn outputs_are_told_apart() {
    assert!(agrees(&["a", "...", "d"], &["a", "b", "c", "d"]));
    assert!(agrees(&["a b ..."], &["a b c"]));
    assert!(!agrees(&["a", "...", "d"], &["a", "b", "c"]));
    assert!(!agrees(&["a"], &["a", "b"]));
    let document = "```console\n$ x \\\n  y\nz\n```\n```\n$ no\n```\n";
    assert_eq!(commands(document), [("x   y".to_owned(), vec!["z"])]);
}
