//! Paths with `*`, `?` and `[...]`, by the rules of Python's `glob`: the
//! wildcards stand for part of a name, never for a slash, nor for the dot a
//! name starts with; `**` is `*`.
//!
//! Python gives the files of a directory in no order; here they are sorted.

use std::path::Path;

use crate::config::path;
use crate::source::Files;

/// No path that an operating system takes is deeper.
const MAX_DEPTH: usize = 2048;

/// The existing files and directories that a pattern stands for. One without
/// wildcards stands for itself.
pub(crate) fn glob(files: &dyn Files, pattern: &str) -> Vec<String> {
    if pattern.matches('/').count() > MAX_DEPTH {
        return Vec::new();
    }
    let mut paths = expand(files, pattern, false);
    paths.retain(|path| files.exists(Path::new(path)));
    paths
}

fn expand(files: &dyn Files, pattern: &str, only_dirs: bool) -> Vec<String> {
    if !has_magic(pattern) {
        let is_dir = !pattern.ends_with('/') || files.is_dir(Path::new(pattern));
        let there = !pattern.is_empty() && is_dir;
        return if there {
            vec![pattern.to_owned()]
        } else {
            Vec::new()
        };
    }
    let dir = path::parent(pattern);
    let name = path::file_name(pattern);
    // A slash at the end of the directory is the root.
    let dirs = match dir.trim_end_matches('/') {
        "" => vec![dir.to_owned()],
        dir => expand(files, dir, true),
    };
    let mut paths = Vec::new();
    for dir in dirs {
        if has_magic(name) {
            paths.extend(matching_names(files, &dir, name, only_dirs));
        } else {
            paths.push(join(&dir, name));
        }
    }
    if !has_magic(name) {
        // What stands between two patterns is not looked at by itself.
        paths.retain(|path| match path.ends_with('/') {
            true => files.is_dir(Path::new(path)),
            false => files.exists(Path::new(path)),
        });
    }
    paths
}

fn matching_names(files: &dyn Files, dir: &str, name: &str, only_dirs: bool) -> Vec<String> {
    let pattern = Pattern::parse(name);
    let mut names = files.list(Path::new(if dir.is_empty() { "." } else { dir }));
    names.sort();
    names
        .into_iter()
        .filter(|found| name.starts_with('.') || !found.starts_with('.'))
        .filter(|found| pattern.matches(found))
        .map(|found| join(dir, &found))
        .filter(|path| !only_dirs || files.is_dir(Path::new(path)))
        .collect()
}

fn has_magic(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() || dir.ends_with('/') {
        format!("{dir}{name}")
    } else {
        format!("{dir}/{name}")
    }
}

/// A pattern for one name.
struct Pattern(Vec<Token>);

enum Token {
    Literal(char),
    One,
    Many,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    fn parse(text: &str) -> Pattern {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            tokens.push(match c {
                '*' if matches!(tokens.last(), Some(Token::Many)) => continue,
                '*' => Token::Many,
                '?' => Token::One,
                '[' => match set_end(&chars, at) {
                    Some(end) => {
                        let set = set(&chars[at..end]);
                        at = end + 1;
                        set
                    }
                    None => Token::Literal('['),
                },
                c => Token::Literal(c),
            });
        }
        Pattern(tokens)
    }

    /// In time proportional to both lengths: only the last `*` is ever taken
    /// back.
    fn matches(&self, name: &str) -> bool {
        let chars: Vec<char> = name.chars().collect();
        let (mut token, mut at) = (0, 0);
        let mut retry = None;
        while at < chars.len() {
            match self.0.get(token) {
                Some(Token::Many) => {
                    token += 1;
                    retry = Some((token, at));
                    continue;
                }
                Some(one) if one.matches(chars[at]) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = retry else {
                return false;
            };
            (token, at) = (after, from + 1);
            retry = Some((after, from + 1));
        }
        self.0[token..]
            .iter()
            .all(|token| matches!(token, Token::Many))
    }
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Token::Literal(literal) => *literal == c,
            Token::One => true,
            Token::Many => false,
            Token::Set { negated, ranges } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != *negated
            }
        }
    }
}

/// Where the set that starts here is closed. A bracket right at its start is
/// one of its characters.
fn set_end(chars: &[char], start: usize) -> Option<usize> {
    let mut from = start;
    if chars.get(from) == Some(&'!') {
        from += 1;
    }
    if chars.get(from) == Some(&']') {
        from += 1;
    }
    let close = chars.get(from..)?.iter().position(|&c| c == ']')?;
    Some(from + close)
}

/// A hyphen makes a range unless it is first, last, or right behind a range;
/// a range that ends before it starts holds nothing.
fn set(chars: &[char]) -> Token {
    let negated = chars.first() == Some(&'!');
    let chars = &chars[usize::from(negated)..];
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if at + 2 < chars.len() && chars[at + 1] == '-' {
            ranges.push((chars[at], chars[at + 2]));
            at += 3;
        } else {
            ranges.push((chars[at], chars[at]));
            at += 1;
        }
    }
    Token::Set { negated, ranges }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryFiles;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).matches(name)
    }

    #[test]
    fn wildcards_match_as_python_s_do() {
        for (pattern, yes, no) in [
            ("*.log", "a.log", "a.log.1"),
            ("a*b*c", "aXbYbc", "aXc"),
            ("?", "é", "ab"),
            ("[ab]c", "bc", "cc"),
            ("[!ab]c", "cc", "ac"),
            ("[]]x", "]x", "[x"),
            ("[!]]x", "[x", "]x"),
            ("[a-c]", "b", "-"),
            ("[a-]", "-", "b"),
            ("[a-c-e]", "-", "d"),
            ("[!-b]", "a", "-"),
            ("[--a]", "Z", "b"),
            ("[!c-a]", "b", ""),
            ("[a", "[a", "a"),
            ("[^a]", "^", "b"),
            ("**", "anything", "x/y/"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert_eq!(matches(pattern, no), pattern == "**", "{pattern} {no}");
        }
        assert!(!matches("[c-a]", "b") && !matches("[c-a]", "c"));
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(5000)));
    }

    #[test]
    fn directories_are_searched_name_by_name() {
        let files = MemoryFiles::new()
            .with("/var/log/b.log", "")
            .with("/var/log/a.log", "")
            .with("/var/log/.hidden.log", "")
            .with("/var/log/x/deep.log", "")
            .with("/var/log/y/deep.log", "")
            .with("rel/z.log", "");
        let found = |pattern| glob(&files, pattern);
        assert_eq!(
            found("/var/log/*.log"),
            ["/var/log/a.log", "/var/log/b.log"]
        );
        assert_eq!(found("/var/log/.*"), ["/var/log/.hidden.log"]);
        assert_eq!(
            found("/*/log/[xy]/deep.log"),
            ["/var/log/x/deep.log", "/var/log/y/deep.log"]
        );
        assert_eq!(found("/var/**/deep.log"), [""; 0]);
        assert_eq!(found("/var/log/x"), ["/var/log/x"]);
        assert_eq!(found("/var/*/x/"), ["/var/log/x/"]);
        assert_eq!(found("/var/log/a.log/"), [""; 0]);
        assert_eq!(found("/var//log//b.log"), ["/var//log//b.log"]);
        assert_eq!(found("rel/*"), ["rel/z.log"]);
        assert_eq!(found("*/z.log"), ["rel/z.log"]);
        assert_eq!(found(""), [""; 0]);
        assert_eq!(found("/var/log/none"), [""; 0]);
        assert_eq!(found(&"*/".repeat(100_000)), [""; 0]);
    }
}
