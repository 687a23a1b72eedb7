use super::*;

fn asked(words: &[&str]) -> Result<Asked, String> {
    parse(words.iter().map(OsString::from)).map_err(|error| error.to_string())
}

fn args(words: &[&str]) -> RegexArgs {
    match asked(words) {
        Ok(Asked::Run(args)) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_and_arguments_may_be_mixed() {
    let args = args(&["-v", "log", "-L5", "re", "--usedns", "no", "ign", "-vv"]);
    assert_eq!(args.arguments, ["log", "re", "ign"]);
    assert_eq!(args.maxlines, 5);
    assert_eq!(args.usedns.as_deref(), Some("no"));
    assert_eq!(args.verbose, 3);
}

#[test]
fn two_dashes_end_the_options() {
    let args = args(&["-", "--", "-v", "--", "x"]);
    assert_eq!(args.arguments, ["-", "-v", "--", "x"]);
    assert_eq!(args.verbose, 0);
}

#[test]
fn values_may_be_attached() {
    let args = args(&["-vc/etc", "--out=a=b", "--TZ=", "-d", "--raw"]);
    assert_eq!(args.config.as_deref(), Some("/etc"));
    assert_eq!(args.out.as_deref(), Some("a=b"));
    assert_eq!(args.timezone.as_deref(), Some(""));
    assert_eq!(args.datepattern.as_deref(), Some("--raw"));
    assert!(!args.raw);
}

#[test]
fn long_options_may_be_shortened() {
    assert!(args(&["--print-all-ma"]).print_all_matched);
    assert_eq!(args(&["--verbosi", "3"]).verbose, 3);
    assert_eq!(
        args(&["--enc", "latin1"]).encoding.as_deref(),
        Some("latin1")
    );
    // An exact name is not ambiguous.
    assert_eq!(args(&["--verbose", "--verbose"]).verbose, 2);
}

#[test]
fn what_ends_at_once_ends_at_once() {
    assert_eq!(asked(&["-vh", "--nothing"]), Ok(Asked::Help));
    assert_eq!(asked(&["--vers"]), Ok(Asked::Version));
    assert_eq!(asked(&["-V"]), Ok(Asked::ShortVersion));
}

#[test]
fn bad_options_are_named_in_the_words_of_optparse() {
    for (words, expected) in [
        (&["--zzz=1"][..], "no such option: --zzz"),
        (&["-vx"], "no such option: -x"),
        (&["-ä"], "no such option: -ä"),
        (&["--raw=1"], "--raw option does not take a value"),
        (&["--conf"], "--config option requires 1 argument"),
        (&["-o"], "-o option requires 1 argument"),
        (&["-L", "x'y"], "option -L: invalid integer value: \"x'y\""),
        (
            &["--maxl=09"],
            "option --maxlines: invalid integer value: '09'",
        ),
        (
            &["--verb"],
            "ambiguous option: --verb (--verbose, --verbose-date, --verbosity?)",
        ),
    ] {
        assert_eq!(asked(words), Err(expected.to_owned()));
    }
}

#[test]
fn the_help_names_every_option() {
    let help = help("fail2ban-regex");
    for option in OPTIONS {
        for name in option.long {
            assert!(help.contains(name), "{name}");
        }
    }
    assert!(help.starts_with("Usage: fail2ban-regex [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n"));
    assert!(help.lines().all(|line| line.len() <= 100));
}
