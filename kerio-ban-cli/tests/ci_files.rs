//! The GitHub action and the pre-commit hooks: they are well formed, and what
//! they call exists.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test: it reads files, fails by panicking, and says what it left out"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Value, json};

const KERIO_BAN: &str = env!("CARGO_BIN_EXE_kerio-ban");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the project.
fn read(name: &str) -> Value {
    let text = fs::read_to_string(root().join(name)).unwrap();
    parse(&text)
}

fn parse(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).unwrap();
    assert_eq!(documents.len(), 1);
    value(&documents[0])
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Sequence(values) => values.iter().map(value).collect(),
        Yaml::Mapping(values) => {
            let pair =
                |(key, of): (&Yaml<'_>, &Yaml<'_>)| (key.as_str().unwrap().to_owned(), value(of));
            Value::Object(values.iter().map(pair).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn text<'v>(map: &'v Value, key: &str) -> &'v str {
    map[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}` in {map}"))
}

fn keys(map: &Value) -> BTreeSet<&str> {
    map.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_hooks_call_commands_that_exist() {
    let hooks = read(".pre-commit-hooks.yaml");
    let hooks = hooks.as_array().unwrap();
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        let known = [
            "id",
            "name",
            "description",
            "language",
            "entry",
            "files",
            "pass_filenames",
            "require_serial",
        ];
        assert!(keys(hook).is_subset(&BTreeSet::from(known)), "{hook}");
        let mut words = text(hook, "entry").split(' ');
        let program = match (text(hook, "language"), words.next()) {
            ("system", Some("kerio-ban")) => KERIO_BAN.into(),
            // A path in the repository of the hook.
            ("script", Some(path)) => {
                let script = fs::read_to_string(root().join(path)).unwrap();
                assert!(script.contains("/release/kerio-ban\" \"$@\""), "{script}");
                PathBuf::from(KERIO_BAN)
            }
            other => panic!("{other:?}"),
        };
        let output = Command::new(program)
            .args(words)
            .arg("--help")
            .output()
            .unwrap();
        assert!(output.status.success(), "{hook}");
        // The names of files would be taken for filters.
        assert_eq!(hook["pass_filenames"], false);
        let files = Regex::new(text(hook, "files")).unwrap();
        for path in [
            "filter.d/app.conf",
            "etc/filter.d/app.local",
            "tests/logs/app",
        ] {
            assert!(files.is_match(path), "{path}");
        }
        for path in ["src/main.rs", "logs/a/b", "my-filter.d/x", "filter.d"] {
            assert!(!files.is_match(path), "{path}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_script_of_the_hook_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(root().join(".ci/kerio-ban"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
}

/// The steps of the action.
fn steps(action: &Value) -> &[Value] {
    action["runs"]["steps"].as_array().unwrap()
}

fn step<'v>(action: &'v Value, name: &str) -> &'v Value {
    let found = steps(action).iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step `{name}`"))
}

#[test]
fn the_action_uses_what_it_declares() {
    let file = fs::read_to_string(root().join("action.yml")).unwrap();
    let action = parse(&file);
    assert!(!text(&action, "name").is_empty() && !text(&action, "description").is_empty());
    assert_eq!(action["runs"]["using"], "composite");
    for input in action["inputs"].as_object().unwrap().values() {
        assert!(!text(input, "description").is_empty());
        assert!(input["default"].is_string(), "{input}");
    }
    let mut used = BTreeSet::new();
    let mut known = BTreeSet::new();
    let expression = Regex::new(r"\$\{\{ (\S+) \}\}").unwrap();
    for step in steps(&action) {
        let written = step.to_string();
        for found in expression.captures_iter(&written) {
            match found[1].split('.').collect::<Vec<_>>()[..] {
                ["inputs", input] => drop(used.insert(input.to_owned())),
                ["steps", id, "outputs", _] => assert!(known.contains(id), "{id}"),
                ["runner", "os" | "arch" | "temp"] | ["github", "action_path"] => {}
                _ => panic!("{}", &found[1]),
            }
        }
        known.extend(step["id"].as_str());
        match (step["run"].as_str(), step["uses"].as_str()) {
            (Some(run), None) => {
                assert_eq!(step["shell"], "bash");
                // Text from outside reaches a script in variables only.
                assert!(!run.contains("${{"), "{run}");
            }
            (None, Some(uses)) => assert!(uses.contains('@'), "{uses}"),
            other => panic!("{other:?}"),
        }
    }
    let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(used, keys(&action["inputs"]));
}

/// Runs the script of a step as GitHub does. `None` without a shell.
fn run(step: &Value, dir: &Path, environment: &[(&str, &str)]) -> Option<Output> {
    let declared = keys(&step["env"]);
    for (name, _) in environment {
        assert!(
            declared.contains(name) || *name == "GITHUB_OUTPUT",
            "{name}"
        );
    }
    let output = Command::new("bash")
        .args([
            "--noprofile",
            "--norc",
            "-eo",
            "pipefail",
            "-c",
            text(step, "run"),
        ])
        .current_dir(dir)
        .envs(environment.iter().copied())
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output();
    if output.is_err() {
        println!("skipped, there is no bash");
    }
    output.ok()
}

/// The status and output of the step that checks filters, in the directory of
/// the test data.
fn check(inputs: &[(&str, &str)]) -> Option<(i32, String)> {
    let action = read("action.yml");
    let step = step(&action, "Check the filters");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut environment = vec![("KERIO_BAN", KERIO_BAN)];
    for (variable, of) in step["env"].as_object().unwrap() {
        let input = of.as_str().unwrap().trim_matches(['$', '{', '}', ' ']);
        let Some(input) = input.strip_prefix("inputs.") else {
            continue;
        };
        let given = inputs.iter().find(|(name, _)| *name == input);
        let default = text(&action["inputs"][input], "default");
        environment.push((variable, given.map_or(default, |(_, value)| value)));
    }
    assert!(
        inputs
            .iter()
            .all(|(_, value)| environment.iter().any(|(_, v)| v == value))
    );
    let output = run(step, &data, &environment)?;
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    Some((output.status.code().unwrap(), text))
}

#[test]
fn the_action_checks_filters() {
    let Some((status, said)) = check(&[("targets", "check\n")]) else {
        return;
    };
    assert_eq!(status, 0, "{said}");
    // With everything that can be set; names may have blanks.
    let inputs = [
        (
            "targets",
            "check/filter.d/app.conf\n\ncheck/filter.d/plain.conf\n",
        ),
        ("logs", "check/wrong"),
        ("config", "check"),
        ("strict", "true"),
    ];
    let (status, said) = check(&inputs).unwrap();
    assert_eq!(status, 1, "{said}");
    let errors = said
        .lines()
        .filter(|line| line.starts_with("::error file=check/wrong/"));
    assert!(errors.count() > 1, "{said}");
    let (_, lax) = check(&inputs[..3]).unwrap();
    assert!(
        lax.matches("::error").count() < said.matches("::error").count(),
        "{lax}"
    );
    let (status, said) = check(&[("targets", "no such; touch x $(touch x)")]).unwrap();
    assert!(
        status == 2 && said.contains("no such; touch x $(touch x)"),
        "{said}"
    );
}

#[test]
fn a_build_is_known_by_what_it_is_made_of() {
    let action = read("action.yml");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("version");
    let root = root();
    let mut sums = Vec::new();
    for _ in 0..2 {
        fs::write(&file, "").unwrap();
        let environment = [
            ("ACTION", root.to_str().unwrap()),
            ("GITHUB_OUTPUT", file.to_str().unwrap()),
        ];
        let Some(output) = run(step(&action, "Find the version"), &root, &environment) else {
            return;
        };
        assert!(output.status.success());
        sums.push(fs::read_to_string(&file).unwrap());
    }
    assert!(
        Regex::new(r"^sum=[0-9a-f]{64}\n$")
            .unwrap()
            .is_match(&sums[0]),
        "{sums:?}"
    );
    assert_eq!(sums[0], sums[1]);
}

/// The blocks of the README in this language.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let open = format!("```{language}\n");
    let blocks = readme.split(&open).skip(1);
    let block = |text: &str| text.split("```").next().unwrap().to_owned();
    blocks.map(block).collect()
}

#[test]
fn the_readme_shows_the_action_and_the_hook_as_they_are() {
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let blocks = blocks("yaml");
    let [workflow, hooks] = &blocks[..] else {
        panic!("{blocks:?}");
    };
    let workflow = parse(workflow);
    let job = &workflow["jobs"]["filters"]["steps"];
    let step = job.as_array().unwrap().last().unwrap();
    assert_eq!(text(step, "uses"), format!("kerio-ban/kerio-ban@{version}"));
    let action = read("action.yml");
    assert!(
        keys(&step["with"]).is_subset(&keys(&action["inputs"])),
        "{step}"
    );
    let hooks = parse(hooks);
    let repository = &hooks["repos"][0];
    assert_eq!(text(repository, "repo"), env!("CARGO_PKG_REPOSITORY"));
    assert_eq!(text(repository, "rev"), version);
    let known = read(".pre-commit-hooks.yaml");
    let known: BTreeSet<&str> = known
        .as_array()
        .unwrap()
        .iter()
        .map(|h| text(h, "id"))
        .collect();
    for hook in repository["hooks"].as_array().unwrap() {
        assert!(known.contains(text(hook, "id")), "{hook}");
    }
}
