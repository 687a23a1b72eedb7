//! Keeps the picture in DESIGN.md true: which module may use which.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("time", &[]),
    ("error", &["source"]),
    ("traced", &["source"]),
    ("ini", &["error", "source", "traced"]),
    ("config", &["error", "ini", "source", "traced"]),
    ("pattern", &["error", "source", "traced"]),
    ("zone", &["error", "time"]),
    (
        "date",
        &["error", "pattern", "source", "time", "traced", "zone"],
    ),
    (
        "filter",
        &[
            "config", "date", "error", "pattern", "source", "time", "traced", "zone",
        ],
    ),
    (
        "jail",
        &[
            "config", "date", "error", "filter", "source", "time", "traced",
        ],
    ),
    (
        "samples",
        &["error", "filter", "source", "time", "traced", "zone"],
    ),
];

#[test]
fn modules_use_only_what_the_design_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        if module != "lib" {
            let text = fs::read_to_string(&file).unwrap();
            uses.entry(module).or_default().extend(used_modules(&text));
        }
    }
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for (module, used) in &uses {
        let allowed = allowed.get(module.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("`{module}` is not in the picture"));
        for other in used {
            assert!(
                other == module || allowed.contains(&other.as_str()),
                "`{module}` must not use `{other}`"
            );
        }
    }
    assert_eq!(
        uses.len(),
        ALLOWED.len(),
        "the picture shows modules that are gone"
    );
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules named after `crate::`, outside of tests and comments.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            rest[..end.unwrap_or(rest.len())].to_owned()
        })
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

#[test]
fn every_dependency_has_a_reason() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| fs::read_to_string(project.join(name)).unwrap();
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("[workspace.dependencies]\n").unwrap();
    let (list, _) = rest.split_once("\n[").unwrap();
    let names: BTreeSet<&str> = list
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .filter(|name| !name.starts_with(['#', ' ']) && !name.starts_with("kerio-ban"))
        .collect();
    let contributing = read("CONTRIBUTING.md");
    let (_, rest) = contributing.split_once("| crate | what for |").unwrap();
    let (table, _) = rest.split_once("\n\n").unwrap();
    let cells = table.lines().filter_map(|line| line.split('|').nth(1));
    let listed: BTreeSet<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(names, listed);
}

#[test]
fn no_crate_may_be_unsafe() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(project.join(path)).unwrap();
    for workspace in ["Cargo.toml", "benches/Cargo.toml"] {
        assert!(
            read(workspace).contains("\nunsafe_code = \"forbid\"\n"),
            "{workspace}"
        );
    }
    for member in ["kerio-ban-core", "kerio-ban-cli", "filters"] {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member}");
    }
    // The targets of libFuzzer export a symbol, and so cannot forbid it.
    for file in ["fuzz/src/lib.rs", "fuzz/examples/drive.rs"] {
        assert!(read(file).contains("#![forbid(unsafe_code)]"), "{file}");
    }
}
