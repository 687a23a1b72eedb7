use insta::assert_snapshot;

use super::*;

/// The tree on one line, each node with its span.
fn tree(text: &str) -> String {
    show(&parse(text, false).unwrap().root)
}

fn show(node: &Node) -> String {
    let inside: Vec<String> = node.children().into_iter().map(show).collect();
    let inside = inside.join(" ");
    let name = match &node.kind {
        Kind::Empty => "empty".to_owned(),
        Kind::Char { code, fold } => {
            let c = char::from_u32(*code).map_or("surrogate".to_owned(), |c| format!("{c:?}"));
            match fold {
                Fold::Exact => c,
                fold => format!("{c}/{fold:?}"),
            }
        }
        Kind::Class(class) => {
            let items: Vec<String> = class.items.iter().map(show_item).collect();
            let not = if class.negated { "not" } else { "" };
            format!("{not}[{}]", items.join(","))
        }
        Kind::Any { newline } => if *newline { "any" } else { "dot" }.to_owned(),
        Kind::Assert(assertion) => format!("{assertion:?}"),
        Kind::Concat(_) => "concat".to_owned(),
        Kind::Alternate(_) => "either".to_owned(),
        Kind::Repeat(repeat) => {
            let max = repeat.max.map_or("".to_owned(), |max| max.to_string());
            format!("{{{},{max}}}{:?}", repeat.min, repeat.mode)
        }
        Kind::Capture { group, .. } => format!("group{group}"),
        Kind::Atomic(_) => "atomic".to_owned(),
        Kind::Look(look) => format!(
            "{}{}",
            if look.negated { "not-" } else { "" },
            if look.behind { "behind" } else { "ahead" }
        ),
        Kind::Backref { group, .. } => format!("same{group}"),
        Kind::Condition { group, .. } => format!("if{group}"),
        Kind::EndHere => "end".to_owned(),
    };
    let span = format!("{}-{}", node.span.start, node.span.end);
    if inside.is_empty() {
        format!("{name}@{span}")
    } else {
        format!("{name}@{span}({inside})")
    }
}

fn show_item(item: &ClassItem) -> String {
    match *item {
        ClassItem::Range(low, high) if low == high => format!("{low:x}"),
        ClassItem::Range(low, high) => format!("{low:x}-{high:x}"),
        ClassItem::Perl {
            perl,
            negated,
            ascii,
        } => {
            let not = if negated { "!" } else { "" };
            let ascii = if ascii { "a" } else { "" };
            format!("{not}{perl:?}{ascii}")
        }
    }
}

/// The message, and the offending text between `>>` and `<<`.
fn refusal(text: &str) -> String {
    let failure = parse(text, false).unwrap_err();
    let span = failure.span;
    let mut out = format!(
        "{}: {}>>{}<<{}",
        failure.problem,
        &text[..span.start],
        &text[span.clone()],
        &text[span.end..]
    );
    if let Some((span, words)) = failure.other {
        out += &format!(" ({words}: {})", &text[span]);
    }
    out
}

#[test]
fn sequences_branches_and_groups() {
    assert_snapshot!(tree("ab|c"), @"either@0-4(concat@0-2('a'@0-1 'b'@1-2) 'c'@3-4)");
    assert_snapshot!(tree("(a)(?P<n>b)(?:c)"), @"concat@0-16(group1@0-3('a'@1-2) group2@3-11('b'@9-10) 'c'@11-16)");
    assert_snapshot!(tree("a||"), @"either@0-3('a'@0-1 empty@2-2 empty@3-3)");
    assert_snapshot!(tree("(?>a)(?#x)b"), @"concat@0-11(atomic@0-5('a'@3-4) 'b'@10-11)");
    assert_snapshot!(tree("é"), @"'é'@0-2");
}

#[test]
fn repetitions() {
    assert_snapshot!(tree("a*b+?c?+"), @"concat@0-8({0,}Greedy@0-2('a'@0-1) {1,}Lazy@2-5('b'@2-3) {0,1}Possessive@5-8('c'@5-6))");
    assert_snapshot!(tree("a{2}b{,3}c{4,}d{,}"), @"concat@0-18({2,2}Greedy@0-4('a'@0-1) {0,3}Greedy@4-9('b'@4-5) {4,}Greedy@9-14('c'@9-10) {0,}Greedy@14-18('d'@14-15))");
    assert_snapshot!(tree("(?:a*)*"), @"{0,}Greedy@0-7({0,}Greedy@0-6('a'@3-4))");
}

#[test]
fn braces_that_repeat_nothing_are_characters() {
    assert_snapshot!(tree("a{}"), @"concat@0-3('a'@0-1 '{'@1-2 '}'@2-3)");
    assert_snapshot!(tree("{{"), @"concat@0-2('{'@0-1 '{'@1-2)");
    assert_snapshot!(tree("a{1"), @"concat@0-3('a'@0-1 '{'@1-2 '1'@2-3)");
    assert_snapshot!(tree("a{x}"), @"concat@0-4('a'@0-1 '{'@1-2 'x'@2-3 '}'@3-4)");
    assert_snapshot!(tree("{*"), @"{0,}Greedy@0-2('{'@0-1)");
}

#[test]
fn classes() {
    assert_snapshot!(tree("[]a]"), @"[5d,61]@0-4");
    assert_snapshot!(tree("[^]a-]"), @"not[5d,61,2d]@0-6");
    assert_snapshot!(tree("[^[]"), @"not[5b]@0-4");
    assert_snapshot!(tree(r"[\w-]"), @"[Word,2d]@0-5");
    assert_snapshot!(tree("[[:alpha:]]"), @"concat@0-11([5b,3a,61,6c,70,68,61,3a]@0-10 ']'@10-11)");
}

#[test]
fn class_operators_are_characters() {
    assert_snapshot!(tree("[a&&b~~c||]"), @"[61,26,26,62,7e,7e,63,7c,7c]@0-11");
    assert_snapshot!(tree("[+--]"), @"[2b-2d]@0-5");
    assert_snapshot!(tree(r"[\b\x41\101\0-\7]"), @r"[8,41,41,0-7]@0-17");
}

#[test]
fn escapes() {
    assert_snapshot!(tree(r"\x41\u00e9\U0001f600\n"), @r"concat@0-22('A'@0-4 'é'@4-10 '😀'@10-20 '\n'@20-22)");
    assert_snapshot!(tree(r"\0\07\012\101"), @r"concat@0-13('\0'@0-2 '\u{7}'@2-5 '\n'@5-9 'A'@9-13)");
    assert_snapshot!(tree(r"(a)\1\<\é\_"), @"concat@0-12(group1@0-3('a'@1-2) same1@3-5 '<'@5-7 'é'@7-10 '_'@10-12)");
    assert_snapshot!(tree(r"\ud800"), @"surrogate@0-6");
    assert_snapshot!(tree(r"\A\b\B\Z\D"), @"concat@0-10(TextStart@0-2 Boundary { ascii: false }@2-4 NotBoundary { ascii: false }@4-6 TextEnd@6-8 [!Digit]@8-10)");
}

#[test]
fn three_octal_digits_are_a_character_two_are_a_group() {
    let groups = "()".repeat(11);
    let parsed = parse(&format!(r"{groups}\11"), false).unwrap();
    assert!(
        parsed
            .root
            .any(&|kind| matches!(kind, Kind::Backref { group: 11, .. }))
    );
    let parsed = parse(&format!(r"{groups}\111"), false).unwrap();
    assert!(
        parsed
            .root
            .any(&|kind| matches!(kind, Kind::Char { code: 0o111, .. }))
    );
    let parsed = parse(&format!(r"{groups}\118"), false).unwrap();
    assert!(
        parsed
            .root
            .any(&|kind| matches!(kind, Kind::Backref { group: 11, .. }))
    );
}

#[test]
fn flags_reach_as_far_as_they_should() {
    assert_snapshot!(tree("(?i)a(?-i:b)c"), @"concat@0-13('a'/Unicode@4-5 'b'@5-12 'c'/Unicode@12-13)");
    assert_snapshot!(tree("(?i:a(?a:b))c"), @"concat@0-13(concat@0-12('a'/Unicode@4-5 'b'/Ascii@5-11) 'c'@12-13)");
    assert_snapshot!(tree("(?s:.).(?m:^$)^$"), @"concat@0-16(any@0-6 dot@6-7 concat@7-14(LineStart@11-12 LineEnd@12-13) TextStart@14-15 LastLineEnd@15-16)");
    assert_snapshot!(tree(r"(?#x)(?a)(?i)\w|\b"), @"either@0-18([Worda]@13-15 Boundary { ascii: true }@16-18)");
}

#[test]
fn verbose_mode() {
    assert_snapshot!(tree("(?x) a b # c\n *"), @"concat@0-15('a'@5-6 {0,}Greedy@7-15('b'@7-8))");
    assert_snapshot!(tree("(?x)a # b\\\n c\nd"), @"concat@0-15('a'@4-5 'd'@14-15)");
    assert_snapshot!(tree("(?x)[ #]\\ "), @"concat@0-10([20,23]@4-8 ' '@8-10)");
    assert_snapshot!(tree("(?x: a )b "), @"concat@0-10('a'@0-8 'b'@8-9 ' '@9-10)");
}

#[test]
fn conditions() {
    assert_snapshot!(tree("(a)?(?(1)b|c)"), @"concat@0-13({0,1}Greedy@0-4(group1@0-3('a'@1-2)) if1@4-13('b'@9-10 'c'@11-12))");
    assert_snapshot!(tree("(?P<n>a)(?(n)b)"), @"concat@0-15(group1@0-8('a'@6-7) if1@8-15('b'@13-14 empty@14-14))");
    assert_snapshot!(tree("(?(1)a)(b)"), @"concat@0-10(if1@0-7('a'@5-6 empty@6-6) group1@7-10('b'@8-9))");
    assert_snapshot!(tree("(a)(?( +1 )b)"), @"concat@0-13(group1@0-3('a'@1-2) if1@3-13('b'@11-12 empty@12-12))");
}

#[test]
fn group_names_by_number() {
    let names: Vec<_> = parse("(a)(?P<two>b(c))(?P<vier_>d)", false)
        .unwrap()
        .groups
        .into_iter()
        .map(|group| group.name.map(|name| name.to_string()))
        .collect();
    let expected = [None, None, Some("two"), None, Some("vier_")];
    assert_eq!(names, expected.map(|name| name.map(str::to_owned)));
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| "(".repeat(depth) + &")".repeat(depth);
    assert!(parse(&nested(MAX_NESTING), false).is_ok());
    let failure = parse(&nested(MAX_NESTING + 1), false).unwrap_err();
    assert_eq!(failure.problem, Problem::TooDeep { limit: 100 });
    assert_eq!(failure.span, 100..101);
    assert!(parse(&"(".repeat(1_000_000), false).is_err());
    assert!(parse(&"(?:a|".repeat(1_000_000), false).is_err());
}

#[test]
fn err_escapes() {
    assert_snapshot!(refusal("a\\"), @r"a `\` at the very end escapes nothing: a>>\<<");
    assert_snapshot!(refusal(r"a\qb"), @r"unknown escape `\q`: a>>\q<<b");
    assert_snapshot!(refusal(r"\z"), @r"unknown escape `\z`: >>\z<<");
    assert_snapshot!(refusal(r"\p{L}"), @r"unknown escape `\p`: >>\p<<{L}");
    assert_snapshot!(refusal(r"[\8]"), @r"unknown escape `\8`: [>>\8<<]");
    assert_snapshot!(refusal(r"\x4g"), @r"expected 2 hexadecimal digits in the escape, found `\x4`: >>\x4<<g");
    assert_snapshot!(refusal(r"[\u12]"), @r"expected 4 hexadecimal digits in the escape, found `\u12`: [>>\u12<<]");
    assert_snapshot!(refusal(r"\U00110000"), @r"`\U00110000` is not a character: the last one is `\U0010ffff`: >>\U00110000<<");
    assert_snapshot!(refusal(r"\400"), @r"octal escape `\400` is beyond `\377`: >>\400<<");
    assert_snapshot!(refusal(r"\N"), @r"expected `{` after `\N`: >>\N<<");
    assert_snapshot!(refusal(r"\N{EM DASH}"), @r"character name `EM DASH` is not known here: >>\N{EM DASH}<<");
}

#[test]
fn err_classes() {
    assert_snapshot!(refusal("a[b"), @"character class is not closed: expected `]`: a>>[<<b");
    assert_snapshot!(refusal("[]"), @"character class is not closed: expected `]`: >>[<<]");
    assert_snapshot!(refusal("[a-"), @"character class is not closed: expected `]`: >>[<<a-");
    assert_snapshot!(refusal("[z-a]"), @"character range `z-a` runs backwards: [>>z-a<<]");
    assert_snapshot!(refusal(r"[\w-x]"), @r"`\w` stands for many characters and cannot be an end of a range: [>>\w-x<<]");
    assert_snapshot!(refusal(r"[a-\d]"), @r"`\d` stands for many characters and cannot be an end of a range: [>>a-\d<<]");
}

#[test]
fn err_repetitions() {
    assert_snapshot!(refusal("*a"), @"nothing to repeat before `*`: >>*<<a");
    assert_snapshot!(refusal("(|+)"), @"nothing to repeat before `+`: (|>>+<<)");
    assert_snapshot!(refusal("^*"), @"nothing to repeat before `*`: ^>>*<<");
    assert_snapshot!(refusal(r"\b{2}"), @r"nothing to repeat before `{2}`: \b>>{2}<<");
    assert_snapshot!(refusal("(?#x)?"), @"nothing to repeat before `?`: (?#x)>>?<<");
    assert_snapshot!(refusal("a**"), @"`*` repeats what is repeated already: a*>>*<<");
    assert_snapshot!(refusal("a{2}{3}"), @"`{3}` repeats what is repeated already: a{2}>>{3}<<");
    assert_snapshot!(refusal("a++?"), @"`?` repeats what is repeated already: a++>>?<<");
    assert_snapshot!(refusal("a{2,1}"), @"repetition `{2,1}` has a minimum above its maximum: a>>{2,1}<<");
    assert_snapshot!(refusal("a{4294967295}"), @"repetition `{4294967295}` is beyond 4294967294: a>>{4294967295}<<");
}

#[test]
fn err_groups() {
    assert_snapshot!(refusal("a(b"), @"group is not closed: expected `)`: a>>(<<b");
    assert_snapshot!(refusal("(?P<n>b"), @"group is not closed: expected `)`: >>(?P<n><<b");
    assert_snapshot!(refusal("a)b"), @"`)` closes no group: a>>)<<b");
    assert_snapshot!(refusal("(?#b"), @"comment is not closed: expected `)`: >>(?#<<b");
    assert_snapshot!(refusal("(?"), @"expected the kind of group after `(?`, found the end: >>(?<<");
    assert_snapshot!(refusal("(?P"), @"expected the kind of group after `(?P`, found the end: >>(?P<<");
    assert_snapshot!(refusal("(?<n>a)"), @"unknown kind of group `(?<n`: >>(?<n<<>a)");
    assert_snapshot!(refusal("(?P>a)"), @"unknown kind of group `(?P>`: >>(?P><<a)");
    assert_snapshot!(refusal("(?R)"), @"unknown kind of group `(?R`: >>(?R<<)");
    assert_snapshot!(refusal("(?'n'a)"), @"unknown kind of group `(?'`: >>(?'<<n'a)");
}

#[test]
fn err_names_and_references() {
    assert_snapshot!(refusal("(?P<>a)"), @"expected a group name, found none: (?P<>>><<a)");
    assert_snapshot!(refusal("(?P<n"), @"group name is not closed: expected `>`: (?P<>>n<<");
    assert_snapshot!(refusal("(?P<a-b>x)"), @"group name `a-b` is not an identifier: (?P<>>a-b<<>x)");
    assert_snapshot!(refusal("(?P<1a>x)"), @"group name `1a` is not an identifier: (?P<>>1a<<>x)");
    assert_snapshot!(refusal("(?P<n>a)(?P<n>b)"), @"group `n` is defined twice: (?P<n>a)(?P<>>n<<>b) (first defined here: n)");
    assert_snapshot!(refusal("(?P=n)(?P<n>a)"), @"there is no group `n` so far: (?P=>>n<<)(?P<n>a)");
    assert_snapshot!(refusal("(?(n)a)"), @"there is no group `n` so far: (?(>>n<<)a)");
    assert_snapshot!(refusal(r"(a)\2"), @r"there is no group 2: (a)>>\2<<");
    assert_snapshot!(refusal("(a)(?(2)b)"), @"there is no group 2: (a)(?(>>2<<)b)");
    assert_snapshot!(refusal("(a)(?(0)b)"), @"there is no group 0: (a)(?(>>0<<)b)");
    assert_snapshot!(refusal("(a)(?(-1)b)"), @"group name `-1` is not an identifier: (a)(?(>>-1<<)b)");
    assert_snapshot!(refusal(r"(a\1)"), @r"group 1 is referred to from inside itself: (a>>\1<<)");
    assert_snapshot!(refusal("(?P<n>(?P=n))"), @"group `n` is referred to from inside itself: (?P<n>(?P=>>n<<))");
    assert_snapshot!(refusal(r"(?<=(a)\1)"), @r"group 1 is referred to in the look-behind that defines it: (?<=(a)>>\1<<)");
    assert_snapshot!(refusal("(a)?(?(1)b|c|d)"), @"a conditional has two branches at most, found a third: (a)?(?(1)b|c>>|<<d)");
}

#[test]
fn err_flags() {
    assert_snapshot!(refusal("a(?i)b"), @"flags `i` hold for the whole expression and must stand at its very start: a>>(?i)<<b");
    assert_snapshot!(refusal("a|(?im)b"), @"flags `im` hold for the whole expression and must stand at its very start: a|>>(?im)<<b");
    assert_snapshot!(refusal("(?iz)a"), @"unknown flag `z`: (?i>>z<<)a");
    assert_snapshot!(refusal("(?i"), @"expected `-`, `:` or `)` in the flags, found the end: (?i>><<");
    assert_snapshot!(refusal("(?i(a))"), @"expected `-`, `:` or `)` in the flags, found `(`: (?i>>(<<a))");
    assert_snapshot!(refusal("(?-)"), @"expected a flag in the flags, found `)`: (?->>)<<");
    assert_snapshot!(refusal("(?-i)a"), @"expected `:` in the flags, found `)`: (?-i>>)<<a");
    assert_snapshot!(refusal("(?L)a"), @"flag `L` is for byte patterns only: (?>>L<<)a");
    assert_snapshot!(refusal("(?au)a"), @"flags `a` and `u` exclude each other: (?a>>u<<)a");
    assert_snapshot!(refusal("(?a)(?u)a"), @"flags `a` and `u` exclude each other: (?a)>>(?u)<<a");
    assert_snapshot!(refusal("(?-a:b)"), @"flag `a` cannot be turned off: (?->>a<<:b)");
    assert_snapshot!(refusal("(?i-i:b)"), @"flag turned on and off at once: >>(?i-i:<<b)");
    assert_snapshot!(refusal("(?t:b)"), @"flag `t` holds for a whole expression only: (?t>>:<<b)");
    assert_snapshot!(refusal("(?t)b*"), @"flag `t` allows no repetition: (?t)>>b*<<");
}

#[test]
fn err_lookbehind() {
    assert_snapshot!(refusal("x(?<=a+)b"), @"look-behind of variable width: 1 characters or more: x>>(?<=a+)<<b");
    assert_snapshot!(refusal("(?<!a|bc)d"), @"look-behind of variable width: 1 to 2 characters: >>(?<!a|bc)<<d");
    assert_snapshot!(refusal(r"(ab?)(?<=\1)"), @r"look-behind of variable width: 1 to 2 characters: (ab?)>>(?<=\1)<<");
    assert_snapshot!(refusal("(?<=(?:a{4294967294}){4})b"), @"look-behind looks too far back: >>(?<=(?:a{4294967294}){4})<<b");
    assert!(parse(r"(a)(?<=\1b|(?=c+)dd)(?<!^\b)", false).is_ok());
}
