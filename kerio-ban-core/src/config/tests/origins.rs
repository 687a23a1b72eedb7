//! Where resolved text was typed.

use crate::config::{FilterConfig, FilterSpec, Loader};
use crate::source::{MemoryFiles, Source};
use crate::traced::Traced;

const COMMON: &str = "\
[DEFAULT]
_daemon = \\S+
__prefix_line = <lt_<logtype>/prefix>
[lt_file]
prefix = <host> <_daemon>:
[lt_journal]
prefix = %(default/_daemon)s:
";

const FILTER: &str = "\
[INCLUDES]
before = common.conf
[Definition]
_daemon = testd
failregex = ^%(__prefix_line)s bad <HOST>$
            <mdre-<mode>>
mdre-normal =
mdre-more = ^more$
            ^even %(what)s$
mode = normal
what = more
[Init]
host = h
";

fn files() -> MemoryFiles {
    MemoryFiles::new()
        .with("/b/filter.d/common.conf", COMMON)
        .with("/b/filter.d/f.conf", FILTER)
}

fn load(spec: &str) -> FilterConfig {
    let spec = FilterSpec::parse(&Source::new("command line", spec)).unwrap();
    Loader::with_files("/b", files()).filter(&spec).unwrap()
}

/// Where a part of a text was typed, and through what it came.
fn origin(text: &Traced, part: &str) -> String {
    let at = text.as_str().find(part).unwrap();
    let origin = text.origin(at..at + part.len()).unwrap();
    let mut out = format!("{origin} {}", origin.span().text());
    for via in origin.via() {
        out += &format!(" via {via} {}", via.text());
    }
    out.replace("/b/filter.d/", "")
}

#[test]
fn text_is_traced_through_includes_and_both_kinds_of_references() {
    let config = load("f");
    let [rule] = config.failregex() else {
        panic!("{:?}", config.failregex());
    };
    assert_eq!(*rule, "^h testd: bad <HOST>$");
    assert_eq!(origin(rule, " bad "), "f.conf:5:31  bad ");
    assert_eq!(
        origin(rule, "testd"),
        "f.conf:4:11 testd via common.conf:5:17 <_daemon> \
         via common.conf:3:17 <lt_<logtype>/prefix> via f.conf:5:14 %(__prefix_line)s"
    );
    assert_eq!(
        origin(rule, "h"),
        "f.conf:13:8 h via common.conf:5:10 <host> \
         via common.conf:3:17 <lt_<logtype>/prefix> via f.conf:5:14 %(__prefix_line)s"
    );
    let names: Vec<&str> = config.sources().iter().map(Source::name).collect();
    assert_eq!(names, ["/b/filter.d/common.conf", "/b/filter.d/f.conf"]);
}

#[test]
fn parameters_are_traced_to_where_they_were_given() {
    let config = load("f[mode=more, what='evil <x>']");
    let [_, more, even] = config.failregex() else {
        panic!("{:?}", config.failregex());
    };
    assert_eq!(
        origin(more, "^more$"),
        "f.conf:8:13 ^more$ via f.conf:6:13 <mdre-<mode>>"
    );
    assert_eq!(*even, "^even evil <x>$");
    assert_eq!(
        origin(even, "evil"),
        "command line:1:20 evil via f.conf:9:19 %(what)s via f.conf:6:13 <mdre-<mode>>"
    );
}

#[test]
fn the_kind_of_log_comes_from_the_backend_unless_it_is_set() {
    let first = |loader: Loader, spec: &str| {
        let config = loader.filter(&spec.parse().unwrap()).unwrap();
        config.failregex()[0].to_string()
    };
    let loader = Loader::with_files("/b/", files());
    assert_eq!(first(loader.clone(), "f"), "^h testd: bad <HOST>$");
    let journal = loader.clone().backend("systemd[journalflags=1]");
    assert_eq!(first(journal.clone(), "f"), "^\\S+: bad <HOST>$");
    assert_eq!(first(journal, "f[logtype=file]"), "^h testd: bad <HOST>$");
    assert_eq!(first(loader, "f[logtype='']"), "^h testd: bad <HOST>$");
}

#[test]
fn a_missing_include_of_a_file_is_borrowed() {
    let files = MemoryFiles::new()
        .with(
            "/home/f.conf",
            FILTER.replace("before = ", "before = other.conf\n "),
        )
        .with("/home/f.local", "[Definition]\nwhat = local\n")
        .with("/home/f.d/x.conf", "[Definition]\nwhat = not read\n")
        .with(
            "/etc/filter.d/common.conf",
            "[INCLUDES]\nafter = paths.conf\n",
        )
        .with(
            "/etc/filter.d/common.local",
            "[DEFAULT]\n__prefix_line = [etc]\n",
        );
    let pack = MemoryFiles::new()
        .with("/p/common.conf", "[DEFAULT]\n__prefix_line = [pack]\n")
        .with("/p/paths.conf", "[Init]\nx = 1\n");
    let loader = Loader::with_files("/etc", files.clone())
        .fallback("/etc/filter.d", files)
        .fallback("/p", pack);
    let config = loader
        .filter_file(&"/home/f.conf[mode=more]".parse().unwrap())
        .unwrap();
    assert_eq!(config.name(), "f");
    assert_eq!(
        config.failregex(),
        ["^[etc] bad <HOST>$", "^more$", "^even local$"]
    );
    let names: Vec<&str> = config.sources().iter().map(Source::name).collect();
    assert_eq!(
        names,
        [
            "/etc/filter.d/common.conf",
            "/p/paths.conf",
            "/etc/filter.d/common.local",
            "/home/f.conf",
            "/home/f.local",
        ]
    );
    let borrowed: Vec<String> = config
        .borrowed()
        .iter()
        .map(|b| format!("{} {} {}", b.wanted, b.wanted.text(), b.used.name()))
        .collect();
    assert_eq!(
        borrowed,
        [
            "/home/f.conf:3:2 common.conf /etc/filter.d/common.conf",
            "/etc/filter.d/common.conf:2:9 paths.conf /p/paths.conf",
        ]
    );
    let missing: Vec<String> = config
        .missing_includes()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(missing, ["/home/f.conf:2:10"]);
}

#[test]
fn a_file_in_a_filter_directory_is_loaded_with_its_customizations() {
    let files = MemoryFiles::new()
        .with("/x/filter.d/f.conf", "[Definition]\nfailregex = a\n")
        .with("/x/filter.d/f.d/10.conf", "[Definition]\nfailregex = b\n")
        .with(
            "/x/filter.d/f.local",
            "[Definition]\nfailregex = %(known/failregex)s\n c\n",
        );
    let loader = Loader::with_files("/etc", files);
    let config = loader
        .filter_file(&FilterSpec::new("/x/filter.d/f.conf"))
        .unwrap();
    assert_eq!(config.failregex(), ["b", "c"]);
    assert!(config.borrowed().is_empty());
}

#[test]
fn a_specification_prints_as_it_is_parsed() {
    for text in [
        "f",
        "/a b/f.conf[x=1]",
        "f[x=1, Y?a=b=]",
        r#"f[x="a,b", y='"],', z= 'q"]"#,
    ] {
        let spec: FilterSpec = text.parse().unwrap();
        assert_eq!(spec.to_string(), text);
        let again: FilterSpec = spec.to_string().parse().unwrap();
        assert!(spec.options().eq(again.options()));
    }
    assert_eq!(
        "f[x='1', x=2][y=3]"
            .parse::<FilterSpec>()
            .unwrap()
            .to_string(),
        "f[x=2, y=3]"
    );
}
