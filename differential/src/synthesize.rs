//! Text that an expression matches, or nearly.

use std::collections::HashMap;

use crate::expression::{MANY, Node};
use crate::random::Random;

/// What stands for any text.
const WORDS: &[&str] = &[
    "root",
    "admin",
    "o'brien",
    "x",
    "user name",
    "a b",
    "-",
    "0",
    "failed",
    "from",
    "jörg",
    "192.0.2.1",
    "port 22",
    "[1]",
    "\"q\"",
    "a=b",
    "/index.php",
    "é",
    "Login",
    "2",
];

const IP4: &[&str] = &[
    "192.0.2.1",
    "192.0.2.17",
    "192.0.2.200",
    "198.51.100.7",
    "203.0.113.9",
    "0.0.0.0",
    "255.255.255.255",
    "256.1.1.1",
    "01.02.03.04",
    "999.999.999.999",
];

const IP6: &[&str] = &[
    "2001:db8::1",
    "2001:DB8:0:0::2",
    "::1",
    "::",
    "2001:db8:1:2:3:4:5:6",
    "fe80::1",
    "::ffff:192",
    "1::2::3",
    "12:34:56",
    "::1:2",
];

const NAMES: &[&str] = &[
    "host.example",
    "a-b.example.org",
    "localhost",
    "x_y.example",
    "192.0.2.8",
];

/// Writes texts. Groups remember what they were given.
pub(crate) struct Writer<'r> {
    pub(crate) random: &'r mut Random,
    pub(crate) groups: HashMap<String, String>,
    /// What groups are filled with, whatever their expressions say.
    pub(crate) given: HashMap<String, String>,
    /// How many more characters may be written.
    room: usize,
}

/// The longest text that is written.
const LONGEST: usize = 2000;

impl<'r> Writer<'r> {
    pub(crate) fn new(random: &'r mut Random) -> Writer<'r> {
        Writer {
            random,
            groups: HashMap::new(),
            given: HashMap::new(),
            room: LONGEST,
        }
    }

    pub(crate) fn write(&mut self, node: &Node) -> String {
        let mut out = String::new();
        self.room = LONGEST;
        self.add(node, &mut out);
        out
    }

    fn add(&mut self, node: &Node, out: &mut String) {
        if self.room == 0 {
            return;
        }
        self.room -= 1;
        match node {
            Node::Empty => {}
            Node::Char(c) => out.push(*c),
            Node::Any => {
                let word = self.random.choose(WORDS);
                out.extend(word.chars().next());
            }
            Node::Class(ranges, negated) => out.push(self.one_of(ranges, *negated)),
            Node::All(nodes) => nodes.iter().for_each(|node| self.add(node, out)),
            Node::OneOf(branches) => {
                let branch = self.random.below(branches.len());
                self.add(&branches[branch], out);
            }
            Node::Repeat(inner, min, max) => self.repeat(inner, *min, *max, out),
            Node::Group(None, inner) => self.add(inner, out),
            Node::Group(Some(name), inner) => self.named(name, inner, out),
            Node::Again(name) => {
                if let Some(text) = self.groups.get(name) {
                    out.push_str(text);
                }
            }
            Node::If(group, yes, no) => {
                let branch = if self.groups.contains_key(group) {
                    yes
                } else {
                    no
                };
                self.add(branch, out);
            }
        }
    }

    fn repeat(&mut self, inner: &Node, min: usize, max: usize, out: &mut String) {
        // Whole words look more like a log than single characters.
        if max >= MANY && matches!(inner, Node::Any | Node::Class(_, true)) {
            let count = self.random.below(3).max(min.min(2));
            for at in 0..count {
                if at > 0 {
                    out.push(' ');
                }
                let word = self.random.choose(WORDS);
                out.push_str(&self.fitting(inner, word));
            }
            return;
        }
        let more = match max - min {
            0 => 0,
            1 => self.random.below(2),
            _ => self.random.below((max - min).min(4) + 1),
        };
        for _ in 0..min + more {
            self.add(inner, out);
        }
    }

    /// The word without what the piece does not take, most of the time.
    fn fitting(&mut self, inner: &Node, word: &str) -> String {
        let Node::Class(ranges, true) = inner else {
            return word.to_owned();
        };
        if self.random.percent(10) {
            return word.to_owned();
        }
        let fits = |c: char| !ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        let kept: String = word.chars().filter(|&c| fits(c)).collect();
        if kept.is_empty() {
            "x".to_owned()
        } else {
            kept
        }
    }

    fn named(&mut self, name: &str, inner: &Node, out: &mut String) {
        let start = out.len();
        let usual = !self.random.percent(15);
        match (name, self.given.get(name).cloned()) {
            (_, Some(text)) => out.push_str(&text),
            ("ip4", _) if usual => out.push_str(self.random.choose(IP4)),
            ("ip6", _) if usual => out.push_str(self.random.choose(IP6)),
            ("dns", _) if usual => out.push_str(self.random.choose(NAMES)),
            ("user", _) if usual && self.random.percent(50) => {
                out.push_str(self.random.choose(WORDS));
            }
            _ => self.add(inner, out),
        }
        self.groups.insert(name.to_owned(), out[start..].to_owned());
    }

    fn one_of(&mut self, ranges: &[(char, char)], negated: bool) -> char {
        if !negated && !ranges.is_empty() {
            let (from, to) = self.random.choose(ranges);
            let span = (u32::from(to) - u32::from(from)) as usize + 1;
            let code = u32::from(from) + self.random.below(span) as u32;
            return char::from_u32(code).unwrap_or(from);
        }
        const OTHERS: &str = "aZ09_ -.:/[]()'\"=@#,;<>\\é€";
        let fits = |c: char| !ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        let fitting: Vec<char> = OTHERS.chars().filter(|&c| fits(c)).collect();
        if fitting.is_empty() {
            return 'x';
        }
        self.random.choose(&fitting)
    }
}
