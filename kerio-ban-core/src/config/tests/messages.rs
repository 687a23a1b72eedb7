//! What is said when something is wrong.

use insta::assert_snapshot;

use super::typed;
use crate::config::{FilterConfig, FilterSpec, Loader, duration, values};
use crate::error::Error;
use crate::source::MemoryFiles;

/// A configuration directory `/b`; `f.conf` is the filter that is loaded.
fn load(files: &[(&str, &str)]) -> Result<FilterConfig, Error> {
    load_as(&FilterSpec::new("f"), files)
}

fn load_as(spec: &FilterSpec, files: &[(&str, &str)]) -> Result<FilterConfig, Error> {
    let mut memory = MemoryFiles::new().with("/b/jail.conf", "");
    for (name, text) in files {
        memory.insert(format!("/b/filter.d/{name}"), *text);
    }
    Loader::with_files("/b", memory).filter(spec)
}

fn full(error: &Error) -> String {
    let mut out = format!("{}: {error}", error.code());
    for label in error.labels() {
        out += &format!("\n  {}: {}", label.span, label.text);
    }
    if let Some(help) = error.help() {
        out += &format!("\n  help: {help}");
    }
    out.replace("/b/filter.d/", "")
}

fn error(files: &[(&str, &str)]) -> String {
    full(&load(files).unwrap_err())
}

/// The error of a filter that is one file.
fn error_in(text: &str) -> String {
    error(&[("f.conf", text)])
}

fn spec_error(spec: &str) -> String {
    full(&spec.parse::<FilterSpec>().unwrap_err())
}

#[test]
fn err_not_found() {
    assert_snapshot!(error(&[]), @"not-found: <filter>:1:1: there is no filter `f`: neither `f.conf` nor `f.local` exists");
    let nowhere = Loader::with_files("/c/", MemoryFiles::new());
    let error = nowhere.filter(&FilterSpec::new("f")).unwrap_err();
    assert_snapshot!(full(&error), @"not-found: there is no configuration directory `/c`");
    let error = nowhere
        .filter_file(&FilterSpec::new("/c/f.conf"))
        .unwrap_err();
    assert_snapshot!(full(&error), @"not-found: cannot read `/c/f.conf`: entity not found");
    let file = FilterSpec::new("/c/filter.d/f.conf");
    let error = nowhere.filter_file(&file).unwrap_err();
    assert_snapshot!(full(&error), @"not-found: <filter>:1:1: there is no file `/c/filter.d/f.conf`");
}

#[test]
fn err_unreadable_files() {
    let files = MemoryFiles::new()
        .with("/b/filter.d/f.conf", "[Definition]\na = é")
        .with(
            "/b/filter.d/f.local",
            b"[Definition]\na = \xc3\xa9\xff".to_vec(),
        )
        .with("/b/filter.d/g.conf/x", "");
    let loader = Loader::with_files("/b", files);
    let error = loader.filter(&FilterSpec::new("f")).unwrap_err();
    assert_snapshot!(full(&error), @"not-utf8: f.local:2:6: `f.local` is not UTF-8");
    let error = loader.filter(&FilterSpec::new("g")).unwrap_err();
    assert_snapshot!(full(&error), @"unreadable: cannot read `g.conf`: is a directory");
}

#[test]
fn err_references_of_the_wrong_form() {
    assert_snapshot!(error_in("[Definition]\nfailregex = ^a$\n  50% é and more of it\n"), @"
    interp-syntax: f.conf:3:5: [Definition] failregex: expected `%%` or `%(name)s`, found `% é and more`
      help: a percent sign itself is written `%%`
    ");
    assert_snapshot!(error_in("[Definition]\nfailregex = %(a\n"), @"
    interp-syntax: f.conf:2:13: [Definition] failregex: expected `%%` or `%(name)s`, found `%(a`
      help: a percent sign itself is written `%%`
    ");
    assert_snapshot!(error_in("[Definition]\nfailregex = %()s\n"), @"
    interp-syntax: f.conf:2:13: [Definition] failregex: expected `%%` or `%(name)s`, found `%()s`
      help: a percent sign itself is written `%%`
    ");
    assert_snapshot!(error_in("[Definition]\nfailregex = 5%\n"), @"
    interp-syntax: f.conf:2:14: [Definition] failregex: expected `%%` or `%(name)s`, found `%`
      help: a percent sign itself is written `%%`
    ");
}

#[test]
fn err_references_to_nothing() {
    assert_snapshot!(error_in("[Definition]\nfailregex = ^%(a)s$\na = é%(b)s\n"), @"
    interp-missing: f.conf:3:6: [Definition] failregex: `%(b)s`: option `b` is not set in [Definition] or [DEFAULT]
      via f.conf:2:14: %(a)s
    ");
    assert_snapshot!(error_in("[Definition]\nfailregex = %(known/failregex)s\n"), @"interp-missing: f.conf:2:13: [Definition] failregex: `%(known/failregex)s`: option `failregex` of [Definition] has no earlier value and is not set in [DEFAULT]");
    assert_snapshot!(error_in("[Definition]\nfailregex = %(no/x)s\n"), @"interp-missing: f.conf:2:13: [Definition] failregex: `%(no/x)s`: there is no section [no]");
    assert_snapshot!(error_in("[Definition]\nfailregex = %(default/x)s\n"), @"interp-missing: f.conf:2:13: [Definition] failregex: `%(default/x)s`: option `x` is not set in [DEFAULT]");
    assert_snapshot!(error_in("[Definition]\nfailregex = %(Definition/x)s\n"), @"interp-missing: f.conf:2:13: [Definition] failregex: `%(Definition/x)s`: section [Definition] cannot be referred to, because names are looked up in lower case");
    assert_snapshot!(error_in("[Definition]\nfailregex = %(a/x)s\n[a]\ny=1\n"), @"interp-missing: f.conf:2:13: [Definition] failregex: `%(a/x)s`: option `x` is not set in [a] or [DEFAULT]");
}

#[test]
fn err_a_missing_include_is_named_where_it_may_be_the_reason() {
    let common = "[INCLUDES]\nbefore = common.conf\n   other.conf\n";
    let filter = format!("{common}[Definition]\nfailregex = %(__prefix_line)sx\n");
    assert_snapshot!(error(&[("f.conf", &filter), ("other.conf", "")]), @"
    interp-missing: f.conf:5:13: [Definition] failregex: `%(__prefix_line)s`: option `__prefix_line` is not set in [Definition] or [DEFAULT]
      f.conf:2:10: this include was not found
    ");
}

#[test]
fn err_references_too_deep() {
    assert_snapshot!(error_in("[Definition]\nfailregex = %(a)s\na = x%(b)s\nb = %(a)s\n"), @"
    interp-depth: f.conf:3:6: [Definition] failregex: `%(b)s` leads through more than 10 values with references
      via f.conf:4:5: %(a)s
      via f.conf:3:6: %(b)s
      via f.conf:4:5: %(a)s
      via f.conf:3:6: %(b)s
      via f.conf:4:5: %(a)s
      via f.conf:3:6: %(b)s
      via f.conf:4:5: %(a)s
      via f.conf:3:6: %(b)s
      via f.conf:2:13: %(a)s
    ");
}

#[test]
fn err_tags_that_lead_back() {
    assert_snapshot!(error_in("[Definition]\nfailregex = a<failregex>\n"), @"tag-recursion: f.conf:2:14: [Definition] failregex: `<failregex>` refers to itself");
    assert_snapshot!(error_in("[Definition]\nfailregex = a<b>\nb = <c>\nc = d<b>\n"), @"tag-recursion: f.conf:4:6: [Definition] failregex: `<b>` comes up again after 26 replacements");
    assert_snapshot!(error_in("[Init]\na = <b>\nb = <a>\n"), @"tag-recursion: f.conf:2:5: [Init] a: `<b>` comes up again after 26 replacements");
}

#[test]
fn err_references_that_grow_without_measure() {
    let mut percent = "[Definition]\nfailregex = %(a0)s\n".to_owned();
    let mut tags = "[Definition]\nfailregex = <a0>\n".to_owned();
    for i in 0..30 {
        let next = i + 1;
        percent += &format!("a{i} = {}\n", format!("%(a{next})s").repeat(30));
        tags += &format!("a{i} = <a{next}><a{next}>\n");
    }
    let empty = percent.replace("%(a9)s", "");
    percent = percent.replace("%(a9)s", "x");
    let mut messages = Vec::new();
    for text in [percent, tags, empty] {
        let error = load(&[("f.conf", &text)]).unwrap_err();
        // Where exactly the limit is met is of no interest.
        assert!(error.origin().is_some());
        messages.push(format!("{}: {}", error.code(), error.message()));
    }
    messages.dedup();
    assert_snapshot!(messages.join("\n"), @"too-large: the references here grow into more text than a configuration can sensibly hold");
}

#[test]
fn err_includes_without_end() {
    let own = "[INCLUDES]\nbefore = f.conf\n";
    assert_snapshot!(error(&[("f.conf", ""), ("f.local", own)]), @"include-loop: f.local:2:10: files include each other without end, or more than 100 deep");
    let dots = "[INCLUDES]\nafter = ../filter.d/g.conf\n";
    assert_snapshot!(error(&[("f.conf", dots), ("g.conf", dots)]), @"include-loop: f.conf:2:9: files include each other without end, or more than 100 deep");
    let mut files = vec![(
        "f.conf".to_owned(),
        "[INCLUDES]\nbefore = 0.conf\n".to_owned(),
    )];
    for i in 0..20 {
        let next = i + 1;
        let text = format!("[INCLUDES]\nbefore = {next}.conf\n  {next}.conf\n");
        files.push((format!("{i}.conf"), text));
    }
    files.push(("20.conf".to_owned(), String::new()));
    let files: Vec<_> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_snapshot!(error(&files), @"too-large: f.conf:2:10: more than 10000 files are included");
}

#[test]
fn err_filter_options() {
    assert_snapshot!(spec_error(""), @"bad-filter-options: <filter>:1:1: expected `name` or `name[option=value, ...]`, found nothing");
    assert_snapshot!(spec_error("a[x=1"), @"bad-filter-options: <filter>:1:2: expected `name` or `name[option=value, ...]`, found no closing `]` at the end");
    assert_snapshot!(spec_error("a[x=1]b"), @"bad-filter-options: <filter>:1:2: expected `name` or `name[option=value, ...]`, found no closing `]` at the end");
    assert_snapshot!(spec_error("a[x=1, y = 2]"), @"
    bad-filter-options: <filter>:1:8: expected `option=value`, found `y = 2`
      help: there must be no white space before `=`
    ");
    assert_snapshot!(spec_error("a[x=\"1\" , y=2]"), @"
    bad-filter-options: <filter>:1:8: expected `,` or `]` after the value of `x`, found ` , y=2`
      help: there must be nothing between a closing quote and `,` or `]`
    ");
    assert_snapshot!(spec_error("a[x=1,,y=2]"), @"bad-filter-options: <filter>:1:7: expected `option=value`, found `,y=2`");
}

#[test]
fn err_quotes() {
    assert_snapshot!(error_in("[Definition]\njournalmatch = A=1\n  B='x y\n"), @"unbalanced-quote: f.conf:3:5: [Definition] journalmatch[1]: no closing `'`");
    let error = values::shell_words(&typed("a\\")).unwrap_err();
    assert_snapshot!(full(&error), @"unbalanced-quote: t:1:2: nothing follows the backslash");
}

#[test]
fn err_durations() {
    fn error(text: &str) -> String {
        full(&duration::seconds(&typed(text)).unwrap_err())
    }
    assert_snapshot!(error(""), @"bad-duration: t:1:1: expected a time such as `10m`, found nothing");
    assert_snapshot!(error("5 secs"), @"
    bad-duration: t:1:3: `secs` is no unit of time
      help: units are s, m, h, d, w, mo (month) and y, and what begins their long names: sec, second, seconds, min, hou, ...
    ");
    assert_snapshot!(error("1h +"), @"bad-duration: t:1:5: expected a number, found the end");
    assert_snapshot!(error("(1h"), @"bad-duration: t:1:4: expected `)`, found the end");
    assert_snapshot!(error("1,5h"), @"bad-duration: t:1:2: expected an operator, found `,`");
    assert_snapshot!(error("1 2 3"), @"bad-duration: t:1:5: expected an operator, found `3`");
    assert_snapshot!(error("010"), @"bad-duration: t:1:1: a whole number must not start with a zero");
    assert_snapshot!(error("1h/(5-5)"), @"bad-duration: t:1:4: the time is divided by zero");
    assert_snapshot!(error("1e+999"), @"bad-duration: t:1:1: the time is too long to be counted");
    assert_snapshot!(error(&"(".repeat(10_000)), @"bad-duration: t:1:101: too many parentheses or signs");
    assert_snapshot!(error("2**3"), @"bad-duration: t:1:3: expected a number, found `*`");
}

#[test]
fn err_what_fail2ban_only_logs_is_a_warning() {
    let warnings = |files: &[(&str, &str)]| -> String {
        let config = load(files).unwrap();
        let lines: Vec<String> = config.warnings().iter().map(full).collect();
        lines.join("\n")
    };
    assert_snapshot!(warnings(&[("f.conf", "[Definition]\nmaxlines = 3 # x\n")]), @"bad-integer: f.conf:2:12: [Definition] maxlines: expected a whole number, found `3 # x`");
    assert_snapshot!(warnings(&[("f.conf", "[Init]\na = 1\n")]), @"no-definition: there is no section [Definition]");
    let include = "[INCLUDES]\nbefore = g.conf\n[Definition]\n";
    let files = MemoryFiles::new()
        .with("/b/filter.d/f.conf", include)
        .with("/b/filter.d/g.conf", b"[Definition]\na = \xff".to_vec());
    let config = Loader::with_files("/b", files)
        .filter(&FilterSpec::new("f"))
        .unwrap();
    assert_snapshot!(full(&config.warnings()[0]), @"not-utf8: g.conf:2:5: `g.conf` is not UTF-8");
}
