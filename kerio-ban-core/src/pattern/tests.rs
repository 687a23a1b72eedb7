//! Patterns as a whole: against recorded answers, against a reference
//! matcher, and engine against engine.

mod recorded;
mod reference;

use super::*;

const LINE: PatternOptions = PatternOptions {
    multi_line: false,
    buffer: Buffer::Line,
};
const LINES: PatternOptions = PatternOptions {
    multi_line: false,
    buffer: Buffer::Lines,
};
const MULTI: PatternOptions = PatternOptions {
    multi_line: true,
    buffer: Buffer::Lines,
};
const BARE: PatternOptions = PatternOptions {
    multi_line: false,
    buffer: Buffer::Bare,
};

fn pattern(expression: &str, options: PatternOptions) -> Pattern {
    let text = Traced::computed(expression);
    Pattern::new(&text, options).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// The spans of all groups, `-` for those that took no part.
fn spans(pattern: &Pattern, text: &str, range: Range<usize>) -> String {
    spans_in(pattern, text, range, Slots::default())
}

/// The same, as the general engines find them.
fn plain_spans(pattern: &Pattern, text: &str, range: Range<usize>) -> String {
    let found = spans_in(pattern, text, range.clone(), Slots::new(true));
    let is_match = pattern.is_match(Haystack::new(text), range);
    assert_eq!(found == "none", is_match == Ok(false));
    found
}

fn spans_in(pattern: &Pattern, text: &str, range: Range<usize>, mut slots: Slots) -> String {
    let text = Haystack::new(text);
    let found = pattern.captures(text, range, &mut slots);
    match found {
        Err(LimitReached) => "limit".to_owned(),
        Ok(false) => "none".to_owned(),
        Ok(true) => (0..pattern.group_names().len())
            .map(|group| match slots.get(group) {
                Some(span) => format!("{}-{}", span.start, span.end),
                None => "-".to_owned(),
            })
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn search(expression: &str, options: PatternOptions, text: &str, range: Range<usize>) -> String {
    let pattern = pattern(expression, options);
    let found = spans(&pattern, text, range.clone());
    assert_eq!(found, plain_spans(&pattern, text, range), "{expression:?}");
    found
}

#[test]
fn text_left_of_the_range_is_seen() {
    assert_eq!(search(r"\bb", BARE, "ab b", 1..4), "3-4");
    assert_eq!(search("(?<=a)b", BARE, "ab", 1..2), "1-2");
    assert_eq!(search("^b", BARE, "ab", 1..2), "none");
    assert_eq!(search("(?m)^b", LINES, "a\nb\n", 2..4), "2-3");
    assert_eq!(search(r"(?<![\w])é", BARE, "éé", 2..4), "none");
}

#[test]
fn text_right_of_the_range_is_not_there() {
    assert_eq!(search("a$", BARE, "ab", 0..1), "0-1");
    assert_eq!(search(r"a\b", BARE, "ab", 0..1), "0-1");
    assert_eq!(search("a(?=b)", BARE, "ab", 0..1), "none");
    assert_eq!(search(r"a\Z", BARE, "ab", 0..1), "0-1");
    assert_eq!(search(r"\d+(?=\b|\W|$)", BARE, "12345", 0..3), "0-3");
}

#[test]
fn groups_are_found_by_name_and_number() {
    let pattern = pattern("(a)(?P<user>b)(?P<größe>c)", LINE);
    let names: Vec<_> = pattern.group_names().iter().map(Option::as_deref).collect();
    assert_eq!(names, [None, None, Some("user"), Some("größe")]);
    assert_eq!(pattern.group("user"), Some(2));
    assert_eq!(pattern.group("größe"), Some(3));
    assert_eq!(pattern.group("ip4"), None);
    assert_eq!(spans(&pattern, "xabc\n", 0..5), "1-4 1-2 2-3 3-4");
}

#[test]
fn slots_can_be_shared_by_patterns() {
    let (many, few) = (pattern("(a)(b)(c)", LINE), pattern("(x)?b", LINE));
    let mut slots = Slots::default();
    let text = Haystack::new("abc\n");
    assert_eq!(many.captures(text, 0..4, &mut slots), Ok(true));
    assert_eq!(slots.get(3), Some(2..3));
    assert_eq!(few.captures(text, 0..4, &mut slots), Ok(true));
    assert_eq!(slots.get(0), Some(1..2));
    assert_eq!(slots.get(1), None);
    assert_eq!(slots.get(3), None);
}

#[test]
fn all_branches_are_tried_in_front_of_a_condition() {
    for (expression, text, expected) in [
        ("(?:(a|b)|[ab])(?(1)b|[ac])", "aab-", "0-2 -"),
        ("(?:(a)|a)(?(1)b|a)", "aab", "0-2 -"),
        ("(?:x(?:(?P<g>a)|a)y)(?(g)b|a)", "xaya", "0-4 -"),
        ("(?:x(?:(?P<g>a)|a)y)(?(g)a|b)", "xaya", "0-4 1-2"),
    ] {
        assert_eq!(search(expression, LINE, text, 0..text.len()), expected);
        // Not ASCII, so that the general engines are asked.
        let text = format!("{text}\u{e9}");
        assert_eq!(search(expression, LINE, &text, 0..text.len()), expected);
    }
}

#[test]
fn tags_need_no_backtracking() {
    for tag in ["<HOST>", "<ADDR>", "<SUBNET>", "<F-ID/> <F-PORT/>", "<DNS>"] {
        let text = expand_tags(&Traced::computed(format!("^{tag} x$")), true);
        let pattern = Pattern::new(&text, LINE).unwrap();
        assert_eq!(pattern.engine(), Engine::Linear, "{tag}");
    }
}

#[test]
fn hosts_are_captured_by_kind() {
    let text = expand_tags(&Traced::computed("from <HOST> port"), true);
    let pattern = Pattern::new(&text, LINE).unwrap();
    let mut slots = Slots::default();
    let mut host = |text: &str| {
        let range = 0..text.len();
        if !pattern
            .captures(Haystack::new(text), range, &mut slots)
            .unwrap()
        {
            return "none".to_owned();
        }
        ["ip4", "ip6", "dns"]
            .iter()
            .filter_map(|name| {
                Some(format!(
                    "{name} {}",
                    &text[slots.get(pattern.group(name)?)?]
                ))
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(host("from 192.0.2.1 port\n"), "ip4 192.0.2.1");
    assert_eq!(host("from [192.0.2.1] port\n"), "ip4 192.0.2.1");
    assert_eq!(host("from ::ffff:192.0.2.1 port\n"), "ip4 192.0.2.1");
    assert_eq!(host("from 2001:db8::1 port\n"), "ip6 2001:db8::1");
    assert_eq!(host("from [2001:db8::] port\n"), "ip6 2001:db8::");
    assert_eq!(host("from host.example.com port\n"), "dns host.example.com");
    assert_eq!(host("from höst.example port\n"), "dns höst.example");
    assert_eq!(host("from a b port\n"), "none");
}

/// Forms that filters copy by hand, and that need no backtracking either.
#[test]
fn look_around_is_replaced_where_it_can_be() {
    let linear =
        |expression: &str, options| pattern(expression, options).engine() == Engine::Linear;
    assert!(linear(
        r"(?:[0-9a-f]{1,4}::?|:){1,7}(?:[0-9a-f]{1,4}|(?<=:):)",
        LINE
    ));
    assert!(linear(r"(?=^|\b|\W)(\d+)(?=\b|\W|$)", BARE));
    assert!(linear(r"(?P<_sep>[-/.])\d+(?P=_sep)", BARE));
    assert!(linear(r"(?: (?!H=)[A-Za-z]{1,4}(?:=\S+)?)* \[", LINE));
    assert!(linear(r"failed:(?! Connection lost| Invalid)", LINE));
    assert!(linear(r"(?=ACCEPT|RESULT)(?P<content>.+)$", LINE));
    assert!(linear("a$", LINES));
    assert!(!linear("(?:(?! from ).)*", LINE));
    assert!(!linear(r"(\w+) \1", LINE));
    assert!(!linear("(a)?(?(1)b|c)", LINE));
}

#[test]
fn the_script_is_for_people_too() {
    let script = |expression: &str| pattern(expression, LINE).translated().to_owned();
    assert_eq!(
        script(r"^a\<(?P<n>\w+)\s$"),
        r"^a<(?P<n>[\p{L}\p{N}_]+)[\s\x1c-\x1f](?m:$)"
    );
    assert_eq!(script("(?i)Dog"), "[Dd][Oo][Gg]");
    assert_eq!(script("{[^[]}"), r"\{[^\[]\}");
    assert_eq!(script("a{,2}b{3}"), "a{0,2}b{3}");
    assert_eq!(script("(?P<x>a+)(?(x)b)"), "(?P<x>a+)(?(<x>)b|(?:))");
    assert_eq!(script(r"(a+)\1"), "(?P<group1>a+)(?P=group1)");
}

#[test]
fn hostile_expressions_are_refused_or_cheap() {
    let refusal = |expression: &str| {
        let text = Traced::computed(expression);
        Pattern::new(&text, LINE).unwrap_err().message()
    };
    let too_large = "the expression is too large, counting its repetitions";
    assert_eq!(refusal("(a{1000}){1000}"), too_large);
    assert_eq!(
        refusal("((((((a{99}){99}){99}){99}){99}){99}){99}"),
        too_large
    );
    assert_eq!(refusal(r"\w{4294967294}"), too_large);
    assert_eq!(
        refusal(&("(?=(?:".repeat(45) + "a" + &")*)".repeat(45))),
        "groups are nested more than 60 deep"
    );
    let nested = "(".repeat(90) + "a?" + &")*".repeat(90);
    assert_eq!(
        search(&nested, LINE, "aab\n", 0..4).split(' ').next(),
        Some("0-2")
    );
    // Exponential in Python.
    let text = "a".repeat(2000) + "\n";
    assert_eq!(
        search("(a*)*$", LINE, &text, 0..2001).split(' ').next(),
        Some("0-2000")
    );
    assert_eq!(search("(?:a|a)*b", LINE, &text, 0..2001), "none");
    // The backtracking engine is not even asked.
    assert_eq!(search(r"(?:(a)|a|\1)*b", LINE, &text, 0..2001), "none");
}

#[test]
fn giving_up_is_reported() {
    let text = "a".repeat(40) + "cb\n";
    let pattern = pattern(r"(x)?(?:a|a)*(?(1)c|d)b", LINE);
    let found = pattern.is_match(Haystack::new(&text), 0..text.len());
    assert_eq!(found, Err(LimitReached));
}

#[test]
fn err_places() {
    use crate::source::Source;
    let source = Source::new(
        "filter.d/a.conf",
        "failregex = ^<HOST> <HOST>$\n            (?i:a)((?i)b\n",
    );
    let error = |range: Range<usize>| {
        let text = Traced::typed(&source.span(range));
        Pattern::new(&expand_tags(&text, false), LINE)
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(error(12..27), @r"
    filter.d/a.conf:1:21: group `ip4` is defined twice
      via filter.d/a.conf:1:21: <HOST>
    ");
    insta::assert_snapshot!(error(40..52), @"filter.d/a.conf:2:20: group is not closed: expected `)`");
    insta::assert_snapshot!(error(28..40), @"filter.d/a.conf:2:1: the expression is empty");
}

#[test]
fn an_error_about_two_places_shows_both() {
    use crate::source::Source;
    let source = Source::new("a.conf", "(?P<a>x)(?P<a>y)");
    let error = Pattern::new(&Traced::typed(&source.span(0..16)), LINE).unwrap_err();
    assert_eq!(error.code(), "bad-regex");
    assert_eq!(error.origin().unwrap().span().range(), 12..13);
    assert_eq!(error.labels()[0].span.range(), 4..5);
    assert_eq!(error.labels()[0].text, "first defined here");
}

/// A small random generator, the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    fn expression(&mut self, depth: usize, groups: &mut usize) -> String {
        let branches = [1, 1, 1, 2, 3][self.next(5)];
        let mut out = String::new();
        for branch in 0..branches {
            if branch > 0 {
                out.push('|');
            }
            for _ in 0..[0, 1, 2, 2, 3, 4][self.next(6)] {
                out += &self.piece(depth, groups);
            }
        }
        out
    }

    fn piece(&mut self, depth: usize, groups: &mut usize) -> String {
        const LEAVES: &[&str] = &[
            "a", "a", "b", "b", "c", " ", "-", "1", ".", r"\w", r"\W", r"\d", r"\s", r"\S", "[ab]",
            "[^a]", r"[\w-]", "(?i:b)", "(?i:k)", "é",
        ];
        const PLACES: &[&str] = &["^", "$", r"\b", r"\b", r"\B", r"\Z"];
        const LOOKS: &[&str] = &[
            "(?!ab)",
            "(?!a)",
            r"(?!a\b|bc)",
            "(?=a|b.)",
            "(?=ab?)",
            r"(?=\b|\W|$)",
            "(?! a|b1)",
            "(?=^|\\b|\\W)",
            "(?<=a)",
            r"(?<!\w)",
            "(?<=ab)",
            "(?<! )",
            "(?!.*c)",
            "(?=.*b)",
        ];
        let mut piece = match self.next(20) {
            0..8 => self.pick(LEAVES).to_owned(),
            8 => return self.pick(PLACES).to_owned(),
            9 | 10 => return self.pick(LOOKS).to_owned(),
            11 if *groups > 0 => return format!(r"\{}", self.next(*groups) + 1),
            12 if *groups > 0 => {
                let group = self.next(*groups) + 1;
                return format!("(?({group})b|{})", self.pick(LEAVES));
            }
            13 if depth > 0 => format!("(?>{})", self.expression(depth - 1, groups)),
            14..17 if depth > 0 => format!("(?:{})", self.expression(depth - 1, groups)),
            _ if depth > 0 => {
                let inner = self.expression(depth - 1, groups);
                // A group inside has the lower number only if it is closed
                // before; opening order is what counts, so refer to none.
                *groups = 0;
                format!("({inner})")
            }
            _ => self.pick(LEAVES).to_owned(),
        };
        if self.next(3) == 0 {
            piece += self.pick(&[
                "*", "+", "?", "{2}", "{0,2}", "{1,3}", "*?", "+?", "??", "{0,2}?", "*+",
            ]);
        }
        piece
    }

    fn text(&mut self) -> String {
        let pieces = ["a", "b", "c", "ab", "1", " ", "-", "K", "é", "_"];
        (0..self.next(10)).map(|_| self.pick(&pieces)).collect()
    }
}

/// Calls `check` with many expressions and texts for each.
fn generated(seed: u64, count: usize, mut check: impl FnMut(&str, PatternOptions, &str)) {
    let mut random = Random(seed);
    for _ in 0..count {
        let depth = random.next(4);
        let mut expression = random.expression(depth, &mut 0);
        if random.next(3) == 0 {
            expression = format!(
                r"([ab-])(?:{expression}){}",
                random.pick(&[r"\1", "", r"c?\1b"])
            );
        }
        let options = [LINE, LINES, MULTI, BARE][random.next(4)];
        for _ in 0..12 {
            let mut text = random.text();
            match options.buffer {
                Buffer::Bare => {}
                Buffer::Line => text.push('\n'),
                Buffer::Lines => text = format!("{text}\n{}\n", random.text()),
            }
            check(&expression, options, &text);
        }
    }
}

/// A pattern for the expression of the last call, and its slow twin.
#[derive(Default)]
struct Pair {
    expression: String,
    patterns: Option<(Pattern, Pattern)>,
}

impl Pair {
    fn of(&mut self, expression: &str, options: PatternOptions) -> Option<&(Pattern, Pattern)> {
        if self.expression != expression {
            expression.clone_into(&mut self.expression);
            self.patterns = Pattern::new(&Traced::computed(expression), options)
                .ok()
                .map(|pattern| {
                    let slow = pattern.on_backtracking_engine().unwrap();
                    (pattern, slow)
                });
        }
        self.patterns.as_ref()
    }
}

#[test]
fn engines_agree_with_python_semantics_and_each_other() {
    let mut compared = [0; 2];
    let mut pair = Pair::default();
    generated(0x9e37_79b9_7f4a_7c15, 800, |expression, options, text| {
        let Some((fast, slow)) = pair.of(expression, options) else {
            return;
        };
        let found = spans(fast, text, 0..text.len());
        let found_plainly = plain_spans(fast, text, 0..text.len());
        let found_slowly = plain_spans(slow, text, 0..text.len());
        let within_reach = reference::is_within_reach(expression);
        if within_reach {
            assert_eq!(
                found_plainly, found_slowly,
                "{expression:?} in {text:?}, engine against engine"
            );
            compared[usize::from(fast.engine() == Engine::Linear)] += 1;
        } else if !text.is_ascii() {
            return;
        }
        let Some(expected) = reference::search(expression, options.multi_line, text) else {
            assert!(
                !within_reach || found == found_plainly,
                "{expression:?} in {text:?}"
            );
            return;
        };
        let byte = |at: usize| {
            text.char_indices()
                .nth(at)
                .map_or(text.len(), |(byte, _)| byte)
        };
        let expected = match expected {
            None => "none".to_owned(),
            Some(spans) => spans
                .iter()
                .map(|span| match span {
                    Some((start, end)) => format!("{}-{}", byte(*start), byte(*end)),
                    None => "-".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" "),
        };
        assert_eq!(found, expected, "{expression:?} in {text:?} ({options:?})");
    });
    assert!(compared.iter().all(|&count| count > 1000), "{compared:?}");
}

#[test]
fn remembering_what_failed_changes_nothing() {
    let mut compared = 0;
    let mut machine: (String, Option<Machine>) = Default::default();
    let (mut slots, mut remembering) = (Slots::default(), Slots::default());
    generated(0x2545_f491_4f6c_dd1d, 2000, |expression, options, text| {
        if machine.0 != expression {
            let parsed = parse::parse(expression, options.multi_line).ok();
            let compiled = parsed.and_then(|parsed| Machine::new(&parsed));
            machine = (expression.to_owned(), compiled);
        }
        let Some(machine) = machine.1.as_ref().filter(|_| text.is_ascii()) else {
            return;
        };
        let bytes = text.as_bytes();
        let plain = machine.search(bytes, 0..bytes.len(), Budget::Large, &mut slots);
        let answer = machine.search(bytes, 0..bytes.len(), Budget::Remembering, &mut remembering);
        if plain == Answer::GivenUp || answer == Answer::GivenUp {
            return;
        }
        assert_eq!(plain, answer, "{expression:?} in {text:?}");
        if plain == Answer::Found {
            for group in 0..10 {
                let (one, other) = (slots.get(group), remembering.get(group));
                assert_eq!(one, other, "{expression:?} in {text:?}, group {group}");
            }
        }
        compared += 1;
    });
    assert!(compared > 5_000, "{compared}");
}

#[test]
fn deciding_conditions_changes_nothing() {
    let mut random = Random(0x5851_f42d_4c95_7f2d);
    let mut compared = [0; 2];
    let mut slots = Slots::default();
    for _ in 0..3000 {
        let inside = random.expression(2, &mut 0);
        let other = random.pick(&["", "b", "[ab]", r"\S*?", "(?=a)c?|(a)b"]);
        let condition = random.pick(&["(?(1)b|[ac])", "(?(1)|b)", "(?(2)$|(?(1) |b))"]);
        let open = random.pick(&["(?:", "^(", "^(?P<x>", "(?:-)?(?:"]);
        let expression = format!("{open}(a|b)|{other}){inside}{condition}");
        let Ok(parsed) = parse::parse(&expression, false) else {
            continue;
        };
        let Some(machine) = Machine::new(&parsed) else {
            continue;
        };
        for _ in 0..12 {
            let text = random.text();
            let Some(expected) = reference::search(&expression, false, &text) else {
                break;
            };
            if !text.is_ascii() {
                continue;
            }
            let bytes = text.as_bytes();
            let answer = machine.search(bytes, 0..bytes.len(), Budget::Large, &mut slots);
            let found = match answer {
                Answer::GivenUp => continue,
                Answer::Nothing => None,
                Answer::Found => {
                    let spans = (0..parsed.groups.len()).map(|group| slots.get(group));
                    Some(spans.collect::<Vec<_>>())
                }
            };
            compared[usize::from(found.is_some())] += 1;
            let expected = expected.map(|spans| {
                let span = |span: Option<(usize, usize)>| span.map(|(start, end)| start..end);
                spans.into_iter().map(span).collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{expression:?} in {text:?}");
        }
    }
    assert!(compared.iter().all(|&count| count > 2000), "{compared:?}");
}

#[test]
fn steps_grow_with_the_text_only() {
    let steps = |expression: &str, text: &str| {
        let machine = Machine::new(&parse::parse(expression, false).unwrap()).unwrap();
        let mut slots = Slots::default();
        let answer = machine.search(text.as_bytes(), 0..text.len(), Budget::Large, &mut slots);
        (answer, slots.steps())
    };
    // Exponential or cubic for whoever tries all ways.
    for (expression, pump, rest, ends) in [
        ("^(?:a|a)*b", "a", "c", true),
        ("^(x)?(?:a|a)*(?(1)c|d)b", "a", "cb", true),
        // Left to the linear engine.
        ("^(?:a+)+b", "a", "c", false),
        ("^(?:\\S+|.*?)\\s*x?\\s*y?\\s*z", " ", "c", false),
        (r#"^"[^"]+(?:"+[^"]*(?="))*?"b"#, "\"", "c", true),
    ] {
        let [short, long] = [500, 1000].map(|count| {
            let (answer, steps) = steps(expression, &(pump.repeat(count) + rest + "\n"));
            assert_eq!(answer == Answer::Nothing, ends, "{expression}");
            steps
        });
        assert!(long < 3 * short, "{expression}: {short}, then {long} steps");
    }
    // Depends on what was captured, so that nothing can be remembered.
    let (answer, steps) = steps(r"^(?:(a)|a|\1)*b", &("a".repeat(1000) + "c\n"));
    assert_eq!(answer, Answer::GivenUp);
    assert!(steps < 200_000, "{steps}");
}

#[test]
fn a_repeated_text_without_regard_to_case_is_as_long() {
    let expression = r"(?i)^(\w)-\1$";
    for (text, expected) in [
        ("k-K", "0-3 0-1"),
        ("\u{e9}-\u{c9}", "0-5 0-2"),
        ("k-x", "none"),
        // The Kelvin sign is a `k` of three bytes, and Python takes it for one.
        ("k-\u{212a}", "none"),
    ] {
        assert_eq!(search(expression, LINE, text, 0..text.len()), expected);
    }
}

#[test]
fn a_prefilter_lets_every_match_through() {
    let expressions = [
        "failed for",
        "(?i)Failed Password",
        "(?i:kiss)",
        "(?:user|login)s? [a-z]+",
        r"\d+",
        "[Ee]rror: (?!x)",
        "from <(a|b)>",
        "a{3}b",
        "(?:abc)+d",
        "(foo)?bar",
        r"(abc|xyz) \1",
        "ab",
        "Straße",
        "(?i)straße",
        "abcdef|abc|cdefgh",
        "user",
        "password for user",
        "ssword f",
        "(x)?(?(1)failed|error)",
    ];
    let patterns: Vec<Pattern> = expressions.iter().map(|text| pattern(text, LINE)).collect();
    let filter = Prefilter::new(&patterns);
    let many: Vec<Pattern> = (0..100)
        .map(|i| pattern(&format!("error {i} failed|password{i}x"), LINE))
        .collect();
    let filter_of_many = Prefilter::new(patterns.iter().chain(&many));
    let words = [
        "failed",
        " for",
        " user",
        "FAILED",
        "Password",
        " password",
        "ki\u{17f}s",
        "KISS",
        "error",
        "Error: ",
        "y",
        "x",
        "12",
        "from <a>",
        "aaab",
        "abcabcd",
        "bar",
        "abc abc",
        "Straße",
        "STRASSE",
        "straßE",
        "abcdefgh",
        "logins a",
        "error 42",
        " failed",
        "password7x",
    ];
    let mut random = Random(77);
    let mut found = Candidates::default();
    let (mut hits, mut ruled_out) = (0, 0);
    for _ in 0..1000 {
        let mut text: String = (0..1 + random.next(4))
            .map(|_| random.pick(&words))
            .collect();
        text.push('\n');
        let haystack = Haystack::new(&text);
        for filter in [&filter, &filter_of_many] {
            filter.candidates(haystack, &mut found);
            assert!(!found.is_empty(), "`\\d+` is always one");
            for (index, pattern) in patterns.iter().enumerate() {
                let matches = pattern.is_match(haystack, 0..text.len()).unwrap();
                hits += usize::from(matches);
                ruled_out += usize::from(!found.contains(index));
                let passed = found.contains(index) || !matches;
                assert!(passed, "{:?} in {text:?}", expressions[index]);
            }
        }
    }
    assert!(hits > 1000 && ruled_out > 10_000, "{hits} {ruled_out}");
    Prefilter::new([]).candidates(Haystack::new("failed"), &mut found);
    assert!(found.is_empty());
}

#[test]
fn a_prefilter_never_rules_out_a_generated_match() {
    let mut pair = Pair::default();
    let mut found = Candidates::default();
    let mut ruled_out = 0;
    generated(31, 800, |expression, options, text| {
        let Some((pattern, _)) = pair.of(expression, options) else {
            return;
        };
        let haystack = Haystack::new(text);
        Prefilter::new([pattern]).candidates(haystack, &mut found);
        ruled_out += usize::from(!found.contains(0));
        let matches = pattern.is_match(haystack, 0..text.len()) == Ok(true);
        assert!(found.contains(0) || !matches, "{expression:?} in {text:?}");
    });
    assert!(ruled_out > 100, "{ruled_out}");
}
