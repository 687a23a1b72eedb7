use super::*;

#[test]
fn names_are_told_from_expressions() {
    for name in [
        "sshd",
        "/a/b.conf",
        "a-b_c.d",
        "sshd[mode=a b]",
        "é",
        "a b\nc",
    ] {
        assert!(NAME.is_match(name), "{name}");
    }
    for text in ["<HOST>", "a b", "^x$", "", "[a]", "a[b]c", "a\\.b"] {
        assert!(!NAME.is_match(text), "{text}");
    }
    assert!(NO_JAIL.is_match("a.conf"));
    assert!(NO_JAIL.is_match("a/b"));
    assert!(!NO_JAIL.is_match("a.configuration"));
}

#[test]
fn mistakes_in_options_are_told_in_the_words_of_fail2ban() {
    for (text, expected) in [
        ("a[foo]", "expected option, wrong syntax at 0: foo"),
        ("a[b=1, foo]", "expected option, wrong syntax at 5: foo"),
        (
            "a[foo=\"a\"b]",
            "unexpected syntax at 7 after option 'foo': b",
        ),
    ] {
        let error = FilterSpec::parse(&Source::new("REGEX", text)).unwrap_err();
        assert_eq!(syntax_error(text, &error), expected, "{text}");
    }
}

#[test]
fn paths_are_cut_as_python_cuts_them() {
    for (path, dir, base) in [
        ("a", "", "a"),
        ("a/b", "a", "b"),
        ("/a", "/", "a"),
        ("//a", "//", "a"),
        ("a//b", "a", "b"),
        ("a/", "a", ""),
        ("/", "/", ""),
    ] {
        assert_eq!((dirname(path), basename(path)), (dir, base), "{path}");
    }
    for (name, expected) in [
        ("a.conf", "a"),
        ("a", "a"),
        (".conf", ".conf"),
        ("a.b.c", "a.b"),
    ] {
        assert_eq!(stem(name), expected);
    }
}
