//! Jails: what is said when something is wrong, and what fixtures cannot ask.

use insta::assert_snapshot;

use crate::config::{JailConfig, JailOptions, JailState, Jails, Loader};
use crate::error::Error;
use crate::source::MemoryFiles;

const FILTER: (&str, &str) = ("filter.d/f.conf", "[Definition]\nfailregex = ^x <HOST>$\n");

fn loader(files: &[(&str, &str)]) -> Loader {
    let mut memory = MemoryFiles::new().with("/b/fail2ban.conf", "");
    for (name, text) in files {
        memory.insert(format!("/b/{name}"), *text);
    }
    Loader::with_files("/b/", memory)
}

fn jails(files: &[(&str, &str)]) -> Jails {
    loader(files).jails(&JailOptions::new()).unwrap()
}

fn jail(files: &[(&str, &str)]) -> Result<JailConfig, Error> {
    loader(files).jail("a", &JailOptions::new())
}

fn full(error: &Error) -> String {
    let mut out = format!("{}: {error}", error.code());
    for label in error.labels() {
        out += &format!("\n  {}: {}", label.span, label.text);
    }
    if let Some(help) = error.help() {
        out += &format!("\n  help: {help}");
    }
    out.replace("/b/", "")
}

/// The error for which fail2ban would start no jail at all.
fn fatal(files: &[(&str, &str)]) -> String {
    full(jails(files).fatal().unwrap())
}

#[test]
fn err_no_jail() {
    let error = loader(&[]).jails(&JailOptions::new()).unwrap_err();
    assert_snapshot!(full(&error), @"not-found: there are no jails: neither `jail.conf` nor `jail.local` exists");
    let error = jail(&[("jail.conf", "[b]\n")]).unwrap_err();
    assert_snapshot!(full(&error), @"not-found: there is no jail `a`");
    let nowhere = Loader::with_files("/c", MemoryFiles::new());
    let error = nowhere.jails(&JailOptions::new()).unwrap_err();
    assert_snapshot!(full(&error), @"not-found: there is no configuration directory `/c`");
}

#[test]
fn the_version_is_the_one_whose_rules_are_followed() {
    let text = "[a]\nfilter = f\nignorecommand = x %(fail2ban_version)s\n";
    let config = jail(&[("jail.conf", text), FILTER]).unwrap();
    let command = config.setting("ignorecommand").unwrap();
    assert_eq!(command.text().as_str(), "x 1.1.2.dev1");
}

#[test]
fn err_filter_not_found() {
    let message = |filter: &str| {
        let text = format!("[a]\nfilter = {filter}\n");
        full(&jail(&[("jail.conf", &text), FILTER]).unwrap_err())
    };
    assert_snapshot!(message("f # the best"), @"
    filter-not-found: jail.conf:2:10: [a] filter: there is no filter `f # the best`: neither `filter.d/f # the best.conf` nor `filter.d/f # the best.local` exists
      help: a comment behind a value starts with `;` after white space
    ");
    assert_snapshot!(message("f.conf"), @"
    filter-not-found: jail.conf:2:10: [a] filter: there is no filter `f.conf`: neither `filter.d/f.conf.conf` nor `filter.d/f.conf.local` exists
      help: a name is written without the extension of its file
    ");
    assert_snapshot!(message("f [x=1]"), @"
    filter-not-found: jail.conf:2:10: [a] filter: there is no filter `f `: neither `filter.d/f .conf` nor `filter.d/f .local` exists
      help: white space around a name, or before `[`, is part of the name
    ");
}

#[test]
fn err_filter_unreadable() {
    let mut memory = MemoryFiles::new().with("/b/jail.conf", "[a]\nfilter = f\n");
    memory.insert(
        "/b/filter.d/f.conf",
        b"[Definition]\nfailregex = \xff\n".as_slice(),
    );
    let error = Loader::with_files("/b", memory)
        .jail("a", &JailOptions::new())
        .unwrap_err();
    assert_snapshot!(full(&error), @"
    filter-not-found: filter.d/f.conf:2:13: `filter.d/f.conf` is not UTF-8
      jail.conf:2:10: the filter of jail [a]
    ");
}

#[test]
fn err_whole_load() {
    let on = "[a]\nenabled = true\nfilter = f\n";
    let with = |filter: &str| {
        let filter = format!("[Definition]\nfailregex = x\n{filter}\n");
        fatal(&[("jail.conf", on), ("filter.d/f.conf", &filter)])
    };
    assert_snapshot!(with("h = %(p)s"), @"
    interp-missing: filter.d/f.conf:3:5: [Definition] h: `%(p)s`: option `p` is not set in [Definition] or [DEFAULT]
      jail.conf:3:10: the filter of jail [a]
    ");
    assert_snapshot!(with("junk"), @"
    parse-error: filter.d/f.conf:3:1: expected `option = value`, found `junk`
      jail.conf:3:10: the filter of jail [a]
      help: a line that continues a value is indented deeper than its option
    ");
    assert_snapshot!(with("journalmatch = 'x"), @"
    unbalanced-quote: filter.d/f.conf:3:16: [Definition] journalmatch[0]: no closing `'`
      jail.conf:3:10: the filter of jail [a]
    ");
    let with = |text: &str| fatal(&[("jail.conf", &format!("{on}{text}\n")), FILTER]);
    let known = format!("{on}maxlines = %(known/maxlines)s\n");
    let filter = "[Definition]\nfailregex = x\nmaxlines = 3\n";
    assert_snapshot!(fatal(&[("jail.conf", &known), ("filter.d/f.conf", filter)]), @"type-error: jail.conf:4:12: [a] maxlines: `%(known/maxlines)s` is not text but a number or nothing, so it cannot be put into a value");
    assert_snapshot!(with("logpath = /var/log/none.log\n /var/log/*.none"), @"
    no-log-files: jail.conf:4:11: [a] logpath: none of the jail's log files exists, and fail2ban refuses to start
      help: `skip_if_nologs = true` leaves out only this jail
    ");
    let with = |action: &str| {
        let text = format!("{on}banaction = act\naction = %(banaction)s[x=1]\n");
        fatal(&[("jail.conf", &text), FILTER, ("action.d/act.conf", action)])
    };
    assert_snapshot!(with("[Definition]\nactionban = %(nope)s\n"), @"
    action-error: action.d/act.conf:2:13: [Definition] actionban: `%(nope)s`: option `nope` is not set in [Definition] or [DEFAULT]
      jail.conf:4:13: an action of jail [a]
    ");
    assert_snapshot!(with("[Definition]\nactionban = <y>\n[Init]\ny = <y>\n"), @"
    tag-recursion: action.d/act.conf:4:5: [Definition] actionban: `<y>` comes up again after 26 replacements
      jail.conf:4:13: an action of jail [a]
    ");
    assert_snapshot!(with("actionban = x\n"), @"
    action-error: action.d/act.conf:1:1: expected a `[section]` before anything else, found `actionban = x`
      jail.conf:4:13: an action of jail [a]
    ");
}

#[test]
fn err_that_costs_one_jail_only() {
    let jails = jails(&[
        (
            "jail.conf",
            "[a]\nenabled = 1\nfilter = f\naction = act[x\n[b]\nenabled = 1\nfilter = f\n",
        ),
        FILTER,
    ]);
    assert!(jails.fatal().is_none());
    let JailState::Skipped(error) = jails.get("a").unwrap().state() else {
        panic!("{jails:?}");
    };
    assert_snapshot!(full(error), @"bad-action-options: jail.conf:4:13: [a] action: expected `name` or `name[option=value, ...]`, found no closing `]` at the end");
    assert!(matches!(
        jails.get("b").unwrap().state(),
        JailState::Loaded(_)
    ));
}

#[test]
fn the_first_fatal_error_is_the_one_fail2ban_finds_first() {
    // Tags are replaced only when all jails were read.
    let jails = jails(&[
        (
            "jail.conf",
            "[DEFAULT]\nenabled = true\n[a]\nfilter = f\naction = act\n[b]\nfilter = f\nbantime = %(nope)s\n",
        ),
        FILTER,
        ("action.d/act.conf", "[Init]\ny = <y>\n"),
    ]);
    assert_eq!(jails.fatal().unwrap().code(), "interp-missing");
    let JailState::Fatal(error) = jails.get("a").unwrap().state() else {
        panic!("{jails:?}");
    };
    assert_eq!(error.code(), "tag-recursion");
}

#[test]
fn the_actions_of_a_jail_without_logs_are_not_looked_at_closely() {
    let on = "[a]\nenabled = 1\nfilter = f\naction = act\nlogpath = /none\n";
    let action = ("action.d/act.conf", "[Init]\ny = <y>\n");
    let skipping = format!("{on}skip_if_nologs = 1\n");
    let jails = jails(&[("jail.conf", &skipping), FILTER, action]);
    assert!(jails.fatal().is_none());
    let JailState::Skipped(error) = jails.get("a").unwrap().state() else {
        panic!("{jails:?}");
    };
    assert_eq!(error.code(), "skipped-no-log-files");
}

#[test]
fn warnings_name_what_fail2ban_goes_on_after() {
    let config = jail(&[
        (
            "jail.conf",
            "[a]\nfilter = f\nmaxretry = 3 # x\nmaxlines = two\n",
        ),
        ("filter.d/f.conf", "[Init]\nmaxlines = 2\n"),
    ])
    .unwrap();
    let warnings: Vec<String> = config.warnings().iter().map(full).collect();
    assert_snapshot!(warnings.join("\n"), @"
    bad-integer: jail.conf:3:12: [a] maxretry: expected a whole number, found `3 # x`
    bad-integer: jail.conf:4:12: [a] maxlines: expected a whole number, found `two`
    no-action: [a] action: the jail has no action
    ");
    let warnings: Vec<String> = config.filter().warnings().iter().map(full).collect();
    assert_snapshot!(warnings.join("\n"), @"no-definition: there is no section [Definition]");
    assert_eq!(config.filter().maxlines(), Some(2));
    assert!(config.number("maxretry").is_err());
}

#[test]
fn what_one_filter_misses_is_not_told_of_another() {
    let files = [
        (
            "jail.conf",
            "[INCLUDES]\nafter = gone.conf\n[a]\nenabled=1\nfilter = f\n[b]\nenabled=1\nfilter = g\n",
        ),
        (
            "filter.d/f.conf",
            "[INCLUDES]\nbefore = nowhere.conf\n[Definition]\nfailregex = x\n",
        ),
        (
            "filter.d/g.conf",
            "[INCLUDES]\nbefore = f.conf\n[Definition]\nfailregex = y\n",
        ),
        ("filter.d/h.conf", "[Definition]\nfailregex = z\n"),
    ];
    let jails = jails(&files);
    let missing = |name: &str| {
        let config = jails.get(name).unwrap().config().unwrap();
        config.filter().missing_includes().len()
    };
    assert_eq!((missing("a"), missing("b")), (1, 1));
    assert_eq!(jails.missing_includes().len(), 1);
    assert_eq!(
        jails
            .get("b")
            .unwrap()
            .config()
            .unwrap()
            .filter()
            .sources()
            .len(),
        2
    );
}

#[test]
fn parameters_reach_the_filter_and_its_choice() {
    let loader = loader(&[
        ("jail.conf", "[a]\nfilter = f[mode=one]\nbackend = auto\n"),
        (
            "filter.d/f.conf",
            "[Definition]\nfailregex = ^<mode> <logtype>$\nmode = zero\n",
        ),
    ]);
    let regex = |options: &JailOptions| {
        loader.jail("a", options).unwrap().filter().failregex()[0].to_string()
    };
    assert_eq!(regex(&JailOptions::new()), "^one file$");
    let options = JailOptions::new()
        .param("mode", "two")
        .param("backend", "systemd");
    assert_eq!(regex(&options), "^two journal$");
}

#[test]
fn an_option_set_from_outside_may_refer_to_what_it_replaces() {
    let files = [
        (
            "jail.conf",
            "[DEFAULT]\nbantime = 5m\n[a]\nfilter = f\nmaxretry = 3\n[b]\n",
        ),
        FILTER,
    ];
    let options = JailOptions::new()
        .set("MaxRetry", "1%(known/maxretry)s")
        .set("bantime", "2 * %(known/bantime)s");
    let config = loader(&files).jail("a", &options).unwrap();
    assert_eq!(config.number("maxretry").unwrap(), Some(13));
    assert_eq!(config.seconds("bantime").unwrap(), Some(600.0));
    let place = config.setting("maxretry").unwrap().place().unwrap();
    assert_eq!(place.to_string(), "<option maxretry>:1:1");
}

#[test]
fn log_files_may_be_elsewhere_than_the_configuration() {
    let files = [
        ("jail.conf", "[a]\nfilter = f\nlogpath = /log/*.log tail\n"),
        FILTER,
    ];
    let logs = MemoryFiles::new().with("/log/x.log", "");
    let config = loader(&files)
        .logs(logs)
        .jail("a", &JailOptions::new())
        .unwrap();
    let path = &config.logpath()[0];
    assert_eq!(
        (path.files(), path.mode().as_str()),
        (&["/log/x.log".to_owned()][..], "tail")
    );
    let origin = path.mode().origin(0..4).unwrap();
    assert_eq!(origin.to_string(), "/b/jail.conf:3:22");
    let options = JailOptions::new().allow_no_files(true);
    let config = loader(&files).jail("a", &options).unwrap();
    assert!(config.logpath()[0].files().is_empty());
}

#[test]
fn a_jail_knows_what_a_filter_set_in_an_earlier_jail() {
    let jails = jails(&[
        (
            "jail.conf",
            "[DEFAULT]\nenabled = true\n[a]\nfilter = f\n[b]\nfilter = f\nfailregex = %(a/known/failregex)s b\n",
        ),
        FILTER,
    ]);
    let config = jails.get("b").unwrap().config().unwrap();
    assert_eq!(config.filter().failregex(), ["^x <HOST>$ b"]);
    let origin = config.filter().failregex()[0].origin(0..1).unwrap();
    assert_eq!(origin.to_string(), "/b/filter.d/f.conf:2:13");
    assert_eq!(origin.via()[0].to_string(), "/b/jail.conf:7:13");
}
