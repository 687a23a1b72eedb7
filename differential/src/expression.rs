//! Expressions of Python's `re` taken apart, as far as is needed to write text
//! that they match.
//!
//! Nothing is checked: what cannot be read becomes nothing, and the text then
//! matches less often.

use std::iter::Peekable;
use std::str::Chars;

/// A piece of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Char(char),
    /// One character of these ranges, or none of them.
    Class(Vec<(char, char)>, bool),
    Any,
    All(Vec<Node>),
    OneOf(Vec<Node>),
    Repeat(Box<Node>, usize, usize),
    Group(Option<String>, Box<Node>),
    /// What a group matched.
    Again(String),
    /// By whether a group took part.
    If(String, Box<Node>, Box<Node>),
    Empty,
}

impl Node {
    /// Whether there is a group of this name.
    pub(crate) fn has_group(&self, name: &str) -> bool {
        match self {
            Node::All(nodes) | Node::OneOf(nodes) => nodes.iter().any(|node| node.has_group(name)),
            Node::Repeat(node, ..) => node.has_group(name),
            Node::Group(own, node) => own.as_deref() == Some(name) || node.has_group(name),
            Node::If(_, yes, no) => yes.has_group(name) || no.has_group(name),
            _ => false,
        }
    }
}

/// Beyond this, a repetition has no end.
pub(crate) const MANY: usize = 1000;

pub(crate) fn parse(text: &str) -> Node {
    let mut parser = Parser {
        chars: text.chars().peekable(),
    };
    parser.alternatives()
}

struct Parser<'t> {
    chars: Peekable<Chars<'t>>,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Node {
        let mut branches = vec![self.sequence()];
        while self.chars.next_if_eq(&'|').is_some() {
            branches.push(self.sequence());
        }
        match branches.len() {
            1 => branches.remove(0),
            _ => Node::OneOf(branches),
        }
    }

    fn sequence(&mut self) -> Node {
        let mut nodes = Vec::new();
        while self.chars.peek().is_some_and(|&c| c != '|' && c != ')') {
            let node = self.atom();
            nodes.push(self.repeated(node));
        }
        Node::All(nodes)
    }

    fn atom(&mut self) -> Node {
        match self.chars.next() {
            Some('.') => Node::Any,
            Some('^' | '$') | None => Node::Empty,
            Some('(') => self.group(),
            Some('[') => self.class(),
            Some('\\') => self.escape(),
            Some(c) => Node::Char(c),
        }
    }

    fn repeated(&mut self, node: Node) -> Node {
        let (min, max) = match self.chars.peek() {
            Some('*') => (0, MANY),
            Some('+') => (1, MANY),
            Some('?') => (0, 1),
            Some('{') => match self.bounds() {
                Some(bounds) => bounds,
                None => return node,
            },
            _ => return node,
        };
        self.chars.next();
        // Lazy and possessive ones match the same texts, or fewer.
        self.chars.next_if(|&c| c == '?' || c == '+');
        Node::Repeat(Box::new(node), min, max)
    }

    /// `{m,n}`, up to its last character. `None` if the brace is just one.
    fn bounds(&mut self) -> Option<(usize, usize)> {
        let mut ahead = self.chars.clone();
        ahead.next();
        let mut text = String::new();
        loop {
            match ahead.next()? {
                '}' => break,
                c if c.is_ascii_digit() || c == ',' => text.push(c),
                _ => return None,
            }
        }
        let bounds = match text.split_once(',') {
            None => {
                let exactly = text.parse().ok()?;
                (exactly, exactly)
            }
            Some((min, max)) => (min.parse().unwrap_or(0), max.parse().unwrap_or(MANY)),
        };
        for _ in 0..text.len() + 1 {
            self.chars.next();
        }
        Some(bounds)
    }

    fn group(&mut self) -> Node {
        let mut name = None;
        let mut silent = false;
        let mut condition = None;
        if self.chars.next_if_eq(&'?').is_some() {
            match self.chars.next() {
                Some('P') => match self.chars.next() {
                    Some('<') => name = Some(self.until('>')),
                    // `(?P=name)`
                    _ => return Node::Again(self.until(')')),
                },
                Some('=' | '!') => silent = true,
                Some('<') => {
                    silent = true;
                    self.chars.next();
                }
                Some('#') => {
                    self.until(')');
                    return Node::Empty;
                }
                Some('(') => condition = Some(self.until(')')),
                Some(':' | '>') | None => {}
                // Flags, for the group or for everything.
                Some(_) => {
                    for c in self.chars.by_ref() {
                        match c {
                            ')' => return Node::Empty,
                            ':' => break,
                            _ => {}
                        }
                    }
                }
            }
        }
        let inner = self.alternatives();
        self.chars.next_if_eq(&')');
        if silent {
            return Node::Empty;
        }
        match (condition, inner) {
            (Some(group), Node::OneOf(mut branches)) if branches.len() == 2 => {
                let no = branches.pop().unwrap_or(Node::Empty);
                let yes = branches.pop().unwrap_or(Node::Empty);
                Node::If(group, Box::new(yes), Box::new(no))
            }
            (Some(group), yes) => Node::If(group, Box::new(yes), Box::new(Node::Empty)),
            (None, inner) => Node::Group(name, Box::new(inner)),
        }
    }

    fn until(&mut self, end: char) -> String {
        let mut text = String::new();
        for c in self.chars.by_ref() {
            if c == end {
                break;
            }
            text.push(c);
        }
        text
    }

    fn class(&mut self) -> Node {
        let negated = self.chars.next_if_eq(&'^').is_some();
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut first = true;
        while let Some(c) = self.chars.next() {
            match c {
                ']' if !first => break,
                '\\' => match self.escape() {
                    Node::Char(c) => ranges.push((c, c)),
                    Node::Class(inner, false) => ranges.extend(inner),
                    // `\S` and the like among others: some of them.
                    _ => ranges.extend([('a', 'z'), ('0', '9')]),
                },
                '-' if !ranges.is_empty() && self.chars.peek().is_some_and(|&c| c != ']') => {
                    let end = match self.chars.next() {
                        Some('\\') => match self.escape() {
                            Node::Char(c) => c,
                            _ => '-',
                        },
                        Some(c) => c,
                        None => break,
                    };
                    if let Some(last) = ranges.last_mut() {
                        last.1 = end.max(last.0);
                    }
                }
                c => ranges.push((c, c)),
            }
            first = false;
        }
        Node::Class(ranges, negated)
    }

    fn escape(&mut self) -> Node {
        let word = || vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
        match self.chars.next() {
            Some('d') => Node::Class(vec![('0', '9')], false),
            Some('D') => Node::Class(vec![('0', '9')], true),
            Some('w') => Node::Class(word(), false),
            Some('W') => Node::Class(word(), true),
            Some('s') => Node::Class(vec![(' ', ' '), (' ', ' '), ('\t', '\t')], false),
            Some('S') => Node::Class(vec![(' ', ' '), ('\t', '\r')], true),
            Some('b' | 'B' | 'A' | 'Z') | None => Node::Empty,
            Some('n') => Node::Char('\n'),
            Some('t') => Node::Char('\t'),
            Some('r') => Node::Char('\r'),
            Some('f') => Node::Char('\x0c'),
            Some('v') => Node::Char('\x0b'),
            Some('x') => self.code(2),
            Some('u') => self.code(4),
            Some(c) => Node::Char(c),
        }
    }

    fn code(&mut self, digits: usize) -> Node {
        let text: String = self.chars.by_ref().take(digits).collect();
        let code = u32::from_str_radix(&text, 16).ok();
        code.and_then(char::from_u32)
            .map_or(Node::Empty, Node::Char)
    }
}
