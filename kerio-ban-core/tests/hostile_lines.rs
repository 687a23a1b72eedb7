//! Lines made to be slow cost time in proportion to their length.
//!
//! What is compared is steps of the matcher, which are the same on every machine.
//! Expressions are those that make backtracking engines slow; with `FAIL2BAN_SRC`
//! set, those of stock filters, too.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads its environment, and fails by panicking"
)]

use std::path::PathBuf;

use kerio_ban_core::{Filter, FilterSpec, Loader, SessionOptions, Timestamp, Trouble};

fn now() -> Timestamp {
    Timestamp::from_whole_seconds(1_124_013_600)
}

/// How many steps a line took, and whether it was given up.
fn steps(filter: &Filter, line: &str) -> (u64, bool) {
    let mut session = filter.session_with(&SessionOptions::testing());
    session.feed(line, now());
    let is_limit = |trouble: &Trouble| matches!(trouble, Trouble::LimitReached { .. });
    let given_up = session.troubles().iter().any(is_limit);
    (session.steps(), given_up)
}

/// Twice as long a line may take twice as many steps, and is never given up.
fn grows_with_the_line(name: &str, filter: &Filter, line: impl Fn(usize) -> String) {
    let [short, long] = [4000, 8000].map(|count| {
        let (steps, given_up) = steps(filter, &line(count));
        assert!(!given_up, "{name}: given up");
        steps
    });
    assert!(short > 0, "{name}: the line is not searched at all");
    assert!(
        long <= 5 * short / 2 + 1000,
        "{name}: {short}, then {long} steps"
    );
}

fn rule(failregex: &str) -> Filter {
    Filter::builder().failregex(failregex).build().unwrap()
}

#[test]
fn steps_grow_with_the_line() {
    let ways = rule(r"^(?:\S+|.*?)\s*(?:for (?:\S+|.*?))?\s*: wrong password \S+ from <HOST>$");
    grows_with_the_line("blanks", &ways, |count| {
        format!("x{} : wrong password from", " ".repeat(count))
    });
    let nested = rule(r#"^(?:\[(?:[^\]"]*|"[^"]*")*\])+ login of \S+ from <HOST>$"#);
    grows_with_the_line("nested", &nested, |count| {
        format!("[{} login of x", "a".repeat(count))
    });
    let ahead = rule(r#"^said "[^"]+(?:"+[^"]*(?="))*?" from \[<HOST>\] twice$"#);
    grows_with_the_line("ahead", &ahead, |count| {
        format!(
            r#"said "x{} from [192.0.2.1] once, not twice"#,
            "\"".repeat(count)
        )
    });
    let hosts = rule("from <HOST> failed");
    grows_with_the_line("hosts", &hosts, |count| {
        format!("from {} failed.", "1.1.1.1.".repeat(count / 8))
    });
}

#[test]
fn stock_filters_are_no_slower() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("stock filters: skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let loader = Loader::new(source.join("config"));
    let check = |spec: &str, line: &dyn Fn(usize) -> String| {
        let spec: FilterSpec = spec.parse().unwrap();
        let filter = loader.filter(&spec).unwrap().compile().unwrap();
        grows_with_the_line(&spec.to_string(), &filter, line);
    };
    check("exim[mode=aggressive]", &|count| {
        format!(
            r#"SMTP protocol error in "AUTH LOGIN{} H=x [192.0.2.1] LOGIN command used when not advertised."#,
            "\"".repeat(count)
        )
    });
    check("sshd[logtype=rfc5424]", &|count| {
        format!("host sshd 5 - [{}", "a".repeat(count))
    });
    check("lighttpd-auth", &|count| {
        format!(
            "(http_auth.c.1) password doesn't match for{}username:",
            " ".repeat(count)
        )
    });
    check("grafana", &|count| {
        format!(
            r#" msg="Invalid username or password"{} remote_addr=x"#,
            " a=b".repeat(count / 4)
        )
    });
    check("apache-pass", &|count| {
        format!(
            r#"192.0.2.1 - x [] "GET /knocking/ HTTP/1.1" 200 1 {}"#,
            "\"x\" ".repeat(count / 4)
        )
    });
    check("postfix", &|count| {
        format!(
            "h postfix/smtpd[1]: {} reject: RCPT from [192.0.2.1",
            "x ".repeat(count / 2)
        )
    });
    check("sshd", &|count| {
        format!(
            "h sshd[1]: Failed x for invalid user {} from",
            "a from b".repeat(count / 8)
        )
    });
}

#[test]
fn giving_up_is_said() {
    let filter = rule(r"^(\w+) (?:a|a|\1)*b failed for <HOST>$");
    let line = format!(
        "x {} failed for 192.0.2.1 b failed for 192.0.2.1",
        "a".repeat(200)
    );
    let (steps, given_up) = steps(&filter, &line);
    assert!(given_up);
    assert!(steps < 500_000, "{steps}");
}

/// The longest lines that are tried, in bytes.
const LONG: usize = 10_000_000;

/// A line of so many bytes takes fewer steps than `most` for each, and is never
/// given up.
fn takes_few_steps(name: &str, filter: &Filter, [start, pump, end]: [&str; 3], most: u64) {
    let line = [start, &pump.repeat(LONG / pump.len()), end].concat();
    let (steps, given_up) = steps(filter, &line);
    assert!(!given_up, "{name}, {pump:?}: given up");
    assert!(
        steps < most * LONG as u64,
        "{name}, {pump:?}: {steps} steps"
    );
}

#[test]
fn a_line_of_megabytes_takes_few_steps_for_a_byte() {
    let filter = rule(r"^(?:\S+|.*?)\s*(?:for (?:\S+|.*?))?\s*: wrong password \S+ from <HOST>$");
    for pump in ["x ", "x", " ", ": wrong password "] {
        takes_few_steps("ways", &filter, ["", pump, ": wrong password x from"], 1);
    }
}

#[test]
fn so_it_is_with_stock_filters() {
    let Some(source) = std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) else {
        println!("stock filters: skipped, FAIL2BAN_SRC is not set");
        return;
    };
    let loader = Loader::new(source.join("config"));
    let check = |spec: &str, line: [&str; 3], most: u64| {
        let parsed: FilterSpec = spec.parse().unwrap();
        let filter = loader.filter(&parsed).unwrap().compile().unwrap();
        takes_few_steps(spec, &filter, line, most);
    };
    check(
        "kerio",
        [
            "[17/Jun/2011 17:00:45] SMTP: User ",
            "a doesn't exist. Attempt from IP address ",
            "x",
        ],
        1,
    );
    check(
        "exim[mode=aggressive]",
        [
            r#"2011-06-17 17:00:45 SMTP protocol error in "AUTH LOGIN"#,
            "\"",
            " H=x [192.0.2.1] LOGIN command used when not advertised.",
        ],
        2,
    );
    check(
        "lighttpd-auth",
        [
            "2011-06-17 17:00:45: (http_auth.c.1) password doesn't match for",
            " ",
            "username:",
        ],
        1,
    );
    check(
        "sshd",
        [
            "Jun 17 17:00:45 h sshd[1]: Failed x for invalid user ",
            "a from b",
            " from",
        ],
        1,
    );
    check(
        "apache-badbots",
        [
            r#"192.0.2.1 - - [17/Jun/2011:17:00:45 +0000] "GET /"#,
            r#" HTTP/1.1" 200 1 "-" "EmailSiphon" "#,
            "\"",
        ],
        1,
    );
}
