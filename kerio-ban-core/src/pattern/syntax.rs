//! What a Python expression means, as a tree.
//!
//! The parser resolves flags while it reads, so that every leaf says for
//! itself whether it ignores case or knows only ASCII. Groups that capture
//! nothing leave no trace.

use std::ops::Range;
use std::sync::Arc;

/// A parsed expression.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) root: Node,
    /// By Python group number; the first is the whole match.
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: Option<Arc<str>>,
    pub(super) width: Width,
}

/// A piece of an expression and the bytes it was written as.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Matches nothing but the empty string.
    Empty,
    /// One character, as a number: Python allows half of a surrogate pair.
    Char {
        code: u32,
        fold: Fold,
    },
    Class(Class),
    /// `.`; `newline` says whether it accepts one.
    Any {
        newline: bool,
    },
    Assert(Assertion),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Repeat(Box<Repeat>),
    Capture {
        group: usize,
        body: Box<Node>,
    },
    Atomic(Box<Node>),
    Look(Box<Look>),
    /// What a group has captured, once more.
    Backref {
        group: usize,
        fold: Fold,
    },
    /// One of two branches, depending on whether a group has captured.
    Condition {
        group: usize,
        yes: Box<Node>,
        no: Box<Node>,
    },
    /// The match ends here, whatever is matched behind it. Never written;
    /// the result of a rewrite.
    EndHere,
}

/// How letters of different case compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fold {
    Exact,
    /// Ignoring the case of ASCII letters.
    Ascii,
    /// Ignoring case as Python's Unicode rules say.
    Unicode,
}

/// A set of characters as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Class {
    pub(super) items: Vec<ClassItem>,
    pub(super) negated: bool,
    pub(super) fold: Fold,
    /// Ranges taken away in the end. Never written; the result of a rewrite.
    pub(super) except: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ClassItem {
    /// First and last character.
    Range(u32, u32),
    Perl {
        perl: Perl,
        negated: bool,
        ascii: bool,
    },
}

/// `\d`, `\s`, `\w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Perl {
    Digit,
    Space,
    Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Assertion {
    /// `\A`, or `^` outside of multi-line mode.
    TextStart,
    /// `^` in multi-line mode.
    LineStart,
    /// `\Z`.
    TextEnd,
    /// `$` outside of multi-line mode: the end, or before a newline there.
    LastLineEnd,
    /// `$` in multi-line mode.
    LineEnd,
    /// `\b`.
    Boundary { ascii: bool },
    /// `\B`.
    NotBoundary { ascii: bool },
    /// No word character before. Never written; the result of a rewrite.
    NotAfterWord,
    /// No word character next. Never written; the result of a rewrite.
    NotBeforeWord,
}

#[derive(Clone, Debug)]
pub(super) struct Repeat {
    pub(super) body: Node,
    pub(super) min: u32,
    /// Without limit if absent.
    pub(super) max: Option<u32>,
    pub(super) mode: RepeatMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RepeatMode {
    Greedy,
    Lazy,
    Possessive,
}

#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) body: Node,
    pub(super) behind: bool,
    pub(super) negated: bool,
}

/// The least and the greatest number of characters something matches, as
/// Python computes them. [`Width::UNLIMITED`] is as large as any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Width {
    pub(super) const UNLIMITED: u64 = u64::MAX;
    pub(super) const ZERO: Width = Width { min: 0, max: 0 };
    const ONE: Width = Width { min: 1, max: 1 };

    fn then(self, next: Width) -> Width {
        Width {
            min: self.min.saturating_add(next.min),
            max: self.max.saturating_add(next.max),
        }
    }

    fn or(self, other: Width) -> Width {
        Width {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

impl Node {
    pub(super) fn new(kind: Kind, span: Range<usize>) -> Node {
        Node { kind, span }
    }

    /// The pieces of a sequence as one node.
    pub(super) fn concat(mut nodes: Vec<Node>, span: Range<usize>) -> Node {
        match nodes.len() {
            0 => Node::new(Kind::Empty, span),
            1 => nodes.remove(0),
            _ => Node::new(Kind::Concat(nodes), span),
        }
    }

    /// How many characters this matches. `group` tells the width of a group
    /// that is referred to.
    pub(super) fn width(&self, group: &dyn Fn(usize) -> Width) -> Width {
        match &self.kind {
            Kind::Empty | Kind::Assert(_) | Kind::Look(_) | Kind::EndHere => Width::ZERO,
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => Width::ONE,
            Kind::Concat(nodes) => nodes
                .iter()
                .fold(Width::ZERO, |sum, node| sum.then(node.width(group))),
            Kind::Alternate(nodes) => nodes
                .iter()
                .map(|node| node.width(group))
                .reduce(Width::or)
                .unwrap_or(Width::ZERO),
            Kind::Repeat(repeat) => {
                let body = repeat.body.width(group);
                Width {
                    min: body.min.saturating_mul(u64::from(repeat.min)),
                    max: match repeat.max {
                        Some(max) => body.max.saturating_mul(u64::from(max)),
                        None if body.max == 0 => 0,
                        None => Width::UNLIMITED,
                    },
                }
            }
            Kind::Capture { body, .. } | Kind::Atomic(body) => body.width(group),
            Kind::Backref { group: number, .. } => group(*number),
            Kind::Condition { yes, no, .. } => yes.width(group).or(no.width(group)),
        }
    }

    /// The nodes directly inside this one, in the order they were written.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Empty
            | Kind::Char { .. }
            | Kind::Class(_)
            | Kind::Any { .. }
            | Kind::Assert(_)
            | Kind::Backref { .. }
            | Kind::EndHere => Vec::new(),
            Kind::Concat(nodes) | Kind::Alternate(nodes) => nodes.iter().collect(),
            Kind::Repeat(repeat) => vec![&repeat.body],
            Kind::Capture { body, .. } | Kind::Atomic(body) => vec![body],
            Kind::Look(look) => vec![&look.body],
            Kind::Condition { yes, no, .. } => vec![yes, no],
        }
    }

    /// How many nodes there are at most from this one to one inside, both
    /// included.
    pub(super) fn depth(&self) -> usize {
        let inside = self.children().into_iter().map(Node::depth);
        1 + inside.max().unwrap_or(0)
    }

    /// Whether `test` holds for this node or any inside it.
    pub(super) fn any(&self, test: &dyn Fn(&Kind) -> bool) -> bool {
        test(&self.kind) || self.children().into_iter().any(|node| node.any(test))
    }
}
