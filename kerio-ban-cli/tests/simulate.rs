//! Replays of what was found elsewhere, of damaged logs, and what firewalls say
//! of the result.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const ARTICLE: &str = "article";
const KERIO_LOG: &str = "../../../fixtures/logs/kerio-security.log";

/// A file of its own for a test.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// What a command writes to standard output, to standard error, and its status.
fn run(arguments: &[&str]) -> (String, String, i32) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let output = Command::new(env!("CARGO_BIN_EXE_kerio-ban"))
        .args(arguments)
        .current_dir(data)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

/// The events, and what the summary says of each jail.
fn decisions(arguments: &[&str]) -> Vec<Value> {
    let (out, err, status) = run(arguments);
    assert_eq!(status, 0, "{err}");
    let mut objects: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = objects.pop().unwrap();
    assert_eq!(summary["type"], "summary");
    objects.push(summary["jails"].clone());
    objects
}

/// The failures that a filter finds in a log, as another machine would send
/// them.
fn failures(filter: &str, log: &str) -> String {
    let date = r"--datepattern=^\[%d/%b/%Y %H:%M:%S\]";
    let arguments = ["test", filter, log, date, "--format=json", "--no-check-all"];
    let (out, err, status) = run(&arguments);
    assert_eq!(status, 0, "{err}");
    out
}

#[test]
fn failures_found_elsewhere_decide_as_their_logs_do() {
    let filter = "article/filter.d/kerio.conf";
    let found = file("article.jsonl", failures(filter, KERIO_LOG).as_bytes());
    let replay = ["simulate", "-c", ARTICLE, "--format", "json"];
    let of_logs = decisions(&[&replay[..], &[KERIO_LOG]].concat());
    let of_failures = decisions(&[&replay[..], &["--failures", found.to_str().unwrap()]].concat());
    assert!(of_logs.len() > 3, "{of_logs:?}");
    assert_eq!(of_failures, of_logs);
}

#[test]
fn failures_of_several_machines_are_merged_by_time() {
    let filter = "several/filter.d/login.conf";
    let logs = ["several/logs/mx1.log", "several/logs/mx2.log"];
    let [one, two] = logs.map(|log| failures(filter, log));
    let replay = [
        "simulate", "-c", "several", "--jail", "login", "--format", "json",
    ];
    let of_logs = decisions(&[&replay[..], &logs].concat());
    let bans = of_logs.iter().filter(|event| event["type"] == "ban");
    assert_eq!(
        bans.count(),
        2,
        "neither log has enough for a ban: {of_logs:?}"
    );

    let both = file("both.jsonl", format!("{one}{two}").as_bytes());
    let together = decisions(&[&replay[..], &["--failures", both.to_str().unwrap()]].concat());
    assert_eq!(together, of_logs);

    let [one, two] = [
        file("mx1.jsonl", one.as_bytes()),
        file("mx2.jsonl", two.as_bytes()),
    ];
    let [one, two] = [one.to_str().unwrap(), two.to_str().unwrap()];
    let apart = ["--failures", one, "--failures", two];
    assert_eq!(decisions(&[&replay[..], &apart].concat()), of_logs);
}

#[test]
fn what_can_be_read_of_a_damaged_log_is_replayed() {
    let text: String = (0..4000)
        .map(|line| {
            let at = 1_750_179_645 + line;
            format!(
                "{at} login from 192.0.2.{} failed {}\n",
                line % 250,
                line * 7919
            )
        })
        .collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let damaged = file("damaged.log.gz", &packed[..packed.len() / 2]);
    let filter = file(
        "damaged.conf",
        b"[Definition]\nfailregex = ^ login from <ADDR> failed\n",
    );
    let (out, err, status) = run(&[
        "simulate",
        "--filter",
        filter.to_str().unwrap(),
        "--maxretry=2",
        "--findtime=1h",
        "--format=json",
        damaged.to_str().unwrap(),
    ]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("lines could be read"), "{err}");
    let summary: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert!(summary["bans"].as_u64().unwrap() > 50, "{summary}");
}

/// The addresses that are banned in the end, in a form for a firewall.
fn banned(form: &str) -> String {
    let (out, err, status) = run(&["simulate", "-c", ARTICLE, KERIO_LOG, "--format", form]);
    assert_eq!(status, 0, "{err}");
    out
}

/// Has a program read text, in a network of its own. `None` if there is no such
/// program here, or it may not be used, which `probe` shows.
fn accepts(program: &[&str], probe: &str, text: &str) -> Option<Result<(), String>> {
    let read = |text: &str| {
        let mut child = Command::new("unshare")
            .args(["--map-root-user", "--net"])
            .args(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        child.stdin.take()?.write_all(text.as_bytes()).ok();
        let output = child.wait_with_output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Some(if output.status.success() {
            Ok(())
        } else {
            Err(said)
        })
    };
    read(probe)?.ok()?;
    read(text)
}

#[test]
fn firewalls_accept_what_is_made_for_them() {
    let cases: [(&str, &[&str], &str, &str); 4] = [
        (
            "nft",
            &["nft", "-c", "-f", "-"],
            "table inet probe {\n}\n",
            "elements = {\n\t\t203.0.113.0/33 }",
        ),
        (
            "ipset",
            &["ipset", "restore"],
            "create probe hash:net family inet\n",
            "add kerio-ban4 none\n",
        ),
        (
            "iptables",
            &["iptables-restore", "--test", "--noflush"],
            "*filter\nCOMMIT\n",
            "-A kerio-ban -s none -j DROP\n",
        ),
        (
            "ip6tables",
            &["ip6tables-restore", "--test", "--noflush"],
            "*filter\nCOMMIT\n",
            "-A kerio-ban -s none -j DROP\n",
        ),
    ];
    for (form, program, probe, wrong) in cases {
        let text = banned(form);
        match accepts(program, probe, &text) {
            None => eprintln!("skipped: {} cannot be used here", program[0]),
            Some(accepted) => {
                assert_eq!(accepted, Ok(()), "{form}:\n{text}");
                let refused = accepts(program, probe, &format!("{text}{wrong}"));
                assert!(refused.unwrap().is_err(), "{form} is not looked at");
            }
        }
    }
}
