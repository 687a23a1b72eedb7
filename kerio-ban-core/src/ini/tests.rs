use super::*;
use insta::assert_snapshot;

fn read(text: &str) -> Result<Document, Error> {
    parse(&Source::new("a.conf", text))
}

/// Each option as `line:column [section] key = value`, the place being that
/// of the value.
fn shown(text: &str) -> Vec<String> {
    let document = read(text).unwrap();
    let mut out = Vec::new();
    for section in &document.sections {
        for entry in &section.entries {
            let place = entry.value.origin(0..entry.value.len()).unwrap();
            let span = place.span();
            out.push(format!(
                "{}:{} [{}] {} = {:?}",
                span.line(),
                span.column(),
                section.name.text(),
                entry.key,
                entry.value.as_str()
            ));
        }
    }
    out
}

fn error(text: &str) -> String {
    let error = read(text).unwrap_err();
    let mut out = format!("{}: {error}", error.code());
    for label in error.labels() {
        out += &format!("\n  {}: {}", label.span, label.text);
    }
    if let Some(help) = error.help() {
        out += &format!("\n  help: {help}");
    }
    out
}

#[test]
fn options_have_lower_case_names_and_places() {
    assert_eq!(
        shown("[A]\nKey = v\nX:y = z\r\n[ B ] junk\nk=\n"),
        [
            r#"2:7 [A] key = "v""#,
            r#"3:3 [A] x = "y = z""#,
            r#"5:3 [ B ] k = """#,
        ]
    );
}

#[test]
fn every_line_of_a_value_keeps_its_place() {
    let document =
        read("[A]\nk = one\n# gone\n    two ; gone\n\n  ; gone\n\tthree\n\n\nl = x\n").unwrap();
    let value = &document.sections[0].entries[0].value;
    assert_eq!(*value, "one\ntwo\n\nthree");
    let places: Vec<String> = value
        .split_lines()
        .iter()
        .map(|line| line.origin(0..line.len()).unwrap().to_string())
        .collect();
    assert_eq!(
        places,
        ["a.conf:2:5", "a.conf:4:5", "a.conf:4:8", "a.conf:7:2"]
    );
}

#[test]
fn deeper_lines_continue_whatever_they_look_like() {
    assert_eq!(
        shown("[A]\n k =\n    [B]\n  c = d\n e = f\n[B]\n  g = h\n"),
        [
            r#"2:5 [A] k = "\n[B]\nc = d""#,
            r#"5:6 [A] e = "f""#,
            r#"7:7 [B] g = "h""#,
        ]
    );
}

#[test]
fn a_semicolon_needs_white_space_before_it_to_open_a_comment() {
    assert_eq!(
        shown("[A]\na = x;y ; z\nb =; y\nc = \t;y\nd = x # y\n"),
        [
            r#"2:5 [A] a = "x;y""#,
            r#"3:4 [A] b = "; y""#,
            r#"4:4 [A] c = """#,
            r#"5:5 [A] d = "x # y""#,
        ]
    );
}

#[test]
fn white_space_is_python_s() {
    assert_eq!(
        shown("[A]\n\u{a0}k\u{2003}=\u{1f}v\u{a0};c\n\u{1c}\u{1c}w\n"),
        ["2:6 [A] k = \"v\\nw\""]
    );
}

#[test]
fn every_line_end_counts_and_only_those() {
    assert_eq!(
        shown("[A]\ra = 1\r\nb = 2\u{85}\u{2028}3\nc=\u{c}4"),
        [
            r#"2:5 [A] a = "1""#,
            "3:5 [A] b = \"2\\u{85}\\u{2028}3\"",
            r#"4:4 [A] c = "4""#,
        ]
    );
}

#[test]
fn the_default_section_may_come_again() {
    assert_eq!(
        shown("[DEFAULT]\na = 1\n[A]\nb = 2\n[DEFAULT]\nc = 3\n"),
        [
            r#"2:5 [DEFAULT] a = "1""#,
            r#"6:5 [DEFAULT] c = "3""#,
            r#"4:5 [A] b = "2""#,
        ]
    );
}

#[test]
fn a_header_reaches_to_the_last_bracket() {
    let document = read("[A]b] c\n[[]\n[[]]\n").unwrap();
    let names: Vec<&str> = document.sections.iter().map(|s| s.name.text()).collect();
    assert_eq!(names, ["A]b", "[", "[]"]);
}

#[test]
fn err_text_before_a_section() {
    assert_snapshot!(error("# x\n\nfailregex = x\n"), @"missing-section-header: a.conf:3:1: expected a `[section]` before anything else, found `failregex = x`");
    assert_snapshot!(error("[]\n"), @"missing-section-header: a.conf:1:1: expected a `[section]` before anything else, found `[]`");
    assert_snapshot!(error("\u{feff}[A]\n"), @"
    missing-section-header: a.conf:1:1: the file starts with a byte order mark, which fail2ban takes for text before the first section
      help: save the file as UTF-8 without a byte order mark
    ");
}

#[test]
fn err_duplicates() {
    assert_snapshot!(error("[A]\nkey = 1\n[B]\nkey = 1\nKEY = 2\n"), @"
    duplicate-option: a.conf:5:1: option `key` is written twice in this section
      a.conf:4:1: first written here
    ");
    assert_snapshot!(error("[A]\n[B]\n[A]\n"), @"
    duplicate-section: a.conf:3:2: section [A] is written twice in this file
      a.conf:1:2: first written here
    ");
    assert_snapshot!(error("[DEFAULT]\nkey = 1\n[A]\n[DEFAULT]\nkey = 2\n"), @"
    duplicate-option: a.conf:5:1: option `key` is written twice in this section
      a.conf:2:1: first written here
    ");
}

#[test]
fn err_all_lines_that_are_no_options() {
    assert_snapshot!(error("[A]\n  one two\nk = v\n= w\nxé\n  more of k\n"), @"
    parse-error: a.conf:2:3: expected `option = value`, found `one two`
      a.conf:4:1: expected the name of an option before `=`
      a.conf:5:1: expected `option = value`, found `xé`
      a.conf:6:3: expected `option = value`, found `more of k`
      help: a line that continues a value is indented deeper than its option
    ");
    let long = format!("[A]\n{}\n", "é".repeat(100));
    assert_snapshot!(error(&long), @"
    parse-error: a.conf:2:1: expected `option = value`, found `éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé...`
      help: a line that continues a value is indented deeper than its option
    ");
}

#[test]
fn a_duplicate_is_reported_before_lines_that_are_no_options() {
    let error = read("[A]\njunk\nk = 1\nk = 2\n").unwrap_err();
    assert_eq!(error.code(), "duplicate-option");
}

/// An independent reader of the same grammar, where it can read it at all:
/// it must be spared inline comments and indented lines that start with a
/// bracket, which it takes for headers.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the files to compare are named by the environment"
)]
fn the_configparser_crate_agrees_on_fail2ban_s_own_files() {
    let Some(root) = std::env::var_os("FAIL2BAN_SRC") else {
        return;
    };
    let config = std::path::Path::new(&root).join("config");
    let mut compared = 0;
    let mut directories = vec![config];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|x| x == "conf") {
                let text = std::fs::read_to_string(&path).unwrap();
                compare_with_configparser(&path.to_string_lossy(), &text);
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} files were found");
}

fn compare_with_configparser(name: &str, text: &str) {
    use std::collections::BTreeMap;
    type Sections = BTreeMap<String, BTreeMap<String, String>>;
    const BRACKET: char = '\u{e000}';

    let spared: String = text
        .lines()
        .map(|line| {
            let comment = line
                .match_indices(';')
                .find(|(at, _)| line[..*at].ends_with(char::is_whitespace));
            let line = comment.map_or(line, |(at, _)| &line[..at]).to_owned();
            let indented = line.starts_with(char::is_whitespace);
            match line.trim_start().strip_prefix('[') {
                Some(rest) if indented => format!("    {BRACKET}{rest}\n"),
                _ => line + "\n",
            }
        })
        .collect();
    let mut defaults = configparser::ini::Ini::new_cs().defaults();
    defaults.multiline = true;
    defaults.comment_symbols = vec!['#', ';'];
    defaults.enable_inline_comments = false;
    let mut other = configparser::ini::Ini::new_from_defaults(defaults);
    let theirs: Sections = other
        .read(spared)
        .unwrap()
        .into_iter()
        .map(|(section, options)| {
            let options = options.into_iter().map(|(key, value)| {
                let value = value.unwrap_or_default().replace(BRACKET, "[");
                (key.to_lowercase(), value)
            });
            (section, options.collect())
        })
        .collect();
    let document = parse(&Source::new(name, text)).unwrap();
    let ours: Sections = document
        .sections
        .iter()
        .map(|section| {
            let options = section
                .entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_string()));
            (section.name.text().to_owned(), options.collect())
        })
        .collect();
    let theirs: Sections = theirs
        .into_iter()
        .filter(|(section, options)| !options.is_empty() || ours.contains_key(section))
        .collect();
    assert_eq!(ours, theirs, "{name}");
}
