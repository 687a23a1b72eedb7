//! Look-around that only asks what kind of characters stand left and right.
//!
//! For such a question there are sixteen situations: left is the start, a
//! newline, a word character or another one, and right likewise with the
//! end. A look-around is worked out for each; if a combination of the
//! engine's own assertions answers the same wherever the place can be, it
//! takes its place. `(?=\b|\W|$)` after digits becomes "no word next".

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use crate::pattern::Buffer;
use crate::pattern::charset::{set_of, word_set};
use crate::pattern::syntax::{Assertion, Class, Fold, Kind, Look, Node, Width};

pub(super) fn rewrite(root: &Node, buffer: Buffer) -> Node {
    let start = Context {
        before: Before {
            chars: everything(),
            start: true,
        },
        more: false,
    };
    Rewriter { buffer }.node(root, &start).0
}

/// What is known about a place in the tree.
#[derive(Clone)]
struct Context {
    before: Before,
    /// Whether at least one more character has to match behind it.
    more: bool,
}

/// What can stand directly before a place.
#[derive(Clone)]
struct Before {
    chars: ClassUnicode,
    /// The start of the text, or nothing that was matched.
    start: bool,
}

impl Before {
    fn or(mut self, other: &Before) -> Before {
        self.chars.union(&other.chars);
        self.start |= other.start;
        self
    }
}

struct Rewriter {
    buffer: Buffer,
}

impl Rewriter {
    /// Rewrites a node; also tells what can stand before whatever follows.
    fn node(&self, node: &Node, context: &Context) -> (Node, Before) {
        let unchanged = |before| (node.clone(), before);
        match &node.kind {
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => unchanged(Before {
                chars: set_of(&node.kind).unwrap_or_else(everything),
                start: false,
            }),
            Kind::Empty | Kind::Assert(_) | Kind::EndHere => unchanged(context.before.clone()),
            Kind::Look(look) => {
                let replaced = self.look(node, look, context);
                (replaced, context.before.clone())
            }
            Kind::Concat(nodes) => {
                let mut before = context.before.clone();
                let mut rewritten = Vec::with_capacity(nodes.len());
                for (index, child) in nodes.iter().enumerate() {
                    let more = context.more || nodes[index + 1..].iter().any(consumes);
                    let (child, after) = self.node(child, &Context { before, more });
                    rewritten.push(child);
                    before = after;
                }
                let node = Node::new(Kind::Concat(rewritten), node.span.clone());
                (node, before)
            }
            Kind::Alternate(nodes) => {
                let mut before: Option<Before> = None;
                let mut rewritten = Vec::with_capacity(nodes.len());
                for child in nodes {
                    let (child, after) = self.node(child, context);
                    rewritten.push(child);
                    before = Some(match before {
                        None => after,
                        Some(before) => before.or(&after),
                    });
                }
                let node = Node::new(Kind::Alternate(rewritten), node.span.clone());
                (node, before.unwrap_or_else(|| context.before.clone()))
            }
            Kind::Repeat(repeat) => {
                // What a turn leaves behind stands before the next one.
                let mut turn = last(&repeat.body);
                turn.start = false;
                let again = Context {
                    before: context.before.clone().or(&turn),
                    more: context.more,
                };
                let (body, after) = self.node(&repeat.body, &again);
                let after = if repeat.min == 0 {
                    after.or(&context.before)
                } else {
                    after
                };
                (node.map_children(|_| body.clone()), after)
            }
            Kind::Capture { body, .. } | Kind::Atomic(body) => {
                let (body, after) = self.node(body, context);
                (node.map_children(|_| body.clone()), after)
            }
            Kind::Backref { .. } | Kind::Condition { .. } => unchanged(Before {
                chars: everything(),
                start: true,
            }),
        }
    }

    fn look(&self, node: &Node, look: &Look, context: &Context) -> Node {
        if look.behind
            && let Some(set) = set_of(&look.body.kind)
            && let Some(decided) = decide_behind(node, look, &set, context)
        {
            return decided;
        }
        let Some(mut holds) = self.table(&look.body, look.behind) else {
            return node.clone();
        };
        if look.negated {
            holds = holds.not();
        }
        let possible = self.possible(context);
        match assertions(holds, possible, node) {
            Some(found) => found,
            None => node.clone(),
        }
    }

    /// The situations that can occur at a place.
    fn possible(&self, context: &Context) -> Table {
        let words = word_set();
        let left = |kind| match kind {
            Side::Edge => context.before.start,
            Side::Newline => {
                self.buffer != Buffer::Bare && overlaps(&context.before.chars, &newline())
            }
            Side::Word => overlaps(&context.before.chars, words),
            Side::Other => overlaps(&context.before.chars, &other()),
        };
        let right = |kind| match kind {
            Side::Edge => !context.more,
            Side::Newline => self.buffer != Buffer::Bare,
            Side::Word | Side::Other => true,
        };
        Table::of(|before, after| left(before) && right(after))
    }

    /// In which situations a body that looks at one character, or at none,
    /// matches.
    fn table(&self, node: &Node, behind: bool) -> Option<Table> {
        Some(match &node.kind {
            Kind::Empty => Table::of(|_, _| true),
            Kind::Alternate(nodes) => {
                let mut all = Table(0);
                for node in nodes {
                    all = all.or(self.table(node, behind)?);
                }
                all
            }
            Kind::Concat(nodes) if nodes.iter().all(|node| !consumes(node)) => {
                let mut all = Table(u16::MAX);
                for node in nodes {
                    all = all.and(self.table(node, behind)?);
                }
                all
            }
            Kind::Assert(assertion) => Table::of_assertion(*assertion, self.buffer)?,
            Kind::Class(Class { .. }) | Kind::Char { .. } | Kind::Any { .. } => {
                let set = set_of(&node.kind)?;
                let word = all_or_nothing(&set, word_set())?;
                let line = all_or_nothing(&set, &newline())?;
                let rest = all_or_nothing(&set, &other())?;
                Table::of(|before, after| match if behind { before } else { after } {
                    Side::Edge => false,
                    Side::Newline => line,
                    Side::Word => word,
                    Side::Other => rest,
                })
            }
            _ => return None,
        })
    }
}

/// What can be the last character of a match. `start` if it can be empty.
fn last(node: &Node) -> Before {
    let none = |start| Before {
        chars: ClassUnicode::empty(),
        start,
    };
    match &node.kind {
        Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => Before {
            chars: set_of(&node.kind).unwrap_or_else(everything),
            start: false,
        },
        Kind::Empty | Kind::Assert(_) | Kind::EndHere | Kind::Look(_) => none(true),
        Kind::Concat(nodes) => {
            let mut all = none(true);
            for node in nodes.iter().rev() {
                let more = last(node);
                all.start &= more.start;
                all.chars.union(&more.chars);
                if !all.start {
                    break;
                }
            }
            all
        }
        Kind::Alternate(nodes) => nodes
            .iter()
            .fold(none(false), |all, node| all.or(&last(node))),
        Kind::Repeat(repeat) => last(&repeat.body).or(&none(repeat.min == 0)),
        Kind::Capture { body, .. } | Kind::Atomic(body) => last(body),
        Kind::Backref { .. } | Kind::Condition { .. } => Before {
            chars: everything(),
            start: true,
        },
    }
}

/// A look-behind for one character, where the characters before it settle
/// the matter.
fn decide_behind(node: &Node, look: &Look, set: &ClassUnicode, context: &Context) -> Option<Node> {
    let mut outside = context.before.chars.clone();
    outside.difference(set);
    let always = outside.ranges().is_empty() && !context.before.start;
    let never = !overlaps(&context.before.chars, set);
    match (always, never, look.negated) {
        (true, _, false) | (_, true, true) => Some(Node::new(Kind::Empty, node.span.clone())),
        (true, _, true) | (_, true, false) => Some(impossible(node)),
        _ => None,
    }
}

/// Something that never matches.
fn impossible(place: &Node) -> Node {
    let class = Class {
        items: Vec::new(),
        negated: false,
        fold: Fold::Exact,
        except: Vec::new(),
    };
    Node::new(Kind::Class(class), place.span.clone())
}

/// Whether a node matches at least one character.
fn consumes(node: &Node) -> bool {
    node.width(&|_| Width { min: 0, max: 1 }).min > 0
}

fn everything() -> ClassUnicode {
    let mut set = ClassUnicode::empty();
    set.negate();
    set
}

fn newline() -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')])
}

/// Neither a newline nor in a word.
fn other() -> ClassUnicode {
    let mut set = word_set().clone();
    set.union(&newline());
    set.negate();
    set
}

fn overlaps(one: &ClassUnicode, other: &ClassUnicode) -> bool {
    let mut both = one.clone();
    both.intersect(other);
    !both.ranges().is_empty()
}

/// Whether a set contains all of a part (or nothing of it).
fn all_or_nothing(set: &ClassUnicode, part: &ClassUnicode) -> Option<bool> {
    let mut missing = part.clone();
    missing.difference(set);
    if missing.ranges().is_empty() {
        Some(true)
    } else if overlaps(set, part) {
        None
    } else {
        Some(false)
    }
}

/// What stands on one side of a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The start or the end of the text.
    Edge,
    Newline,
    Word,
    Other,
}

const SIDES: [Side; 4] = [Side::Edge, Side::Newline, Side::Word, Side::Other];

/// The situations in which something holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Table(u16);

impl Table {
    fn of(holds: impl Fn(Side, Side) -> bool) -> Table {
        let mut bits = 0;
        for (row, &before) in SIDES.iter().enumerate() {
            for (column, &after) in SIDES.iter().enumerate() {
                bits |= u16::from(holds(before, after)) << (row * 4 + column);
            }
        }
        Table(bits)
    }

    fn of_assertion(assertion: Assertion, buffer: Buffer) -> Option<Table> {
        use Side::{Edge, Newline, Word};
        Some(match assertion {
            Assertion::TextStart => Table::of(|before, _| before == Edge),
            Assertion::LineStart => Table::of(|before, _| matches!(before, Edge | Newline)),
            Assertion::TextEnd => Table::of(|_, after| after == Edge),
            Assertion::LineEnd => Table::of(|_, after| matches!(after, Edge | Newline)),
            Assertion::LastLineEnd => match buffer {
                Buffer::Line => Table::of(|_, after| matches!(after, Edge | Newline)),
                Buffer::Bare => Table::of(|_, after| after == Edge),
                Buffer::Lines => return None,
            },
            Assertion::Boundary { ascii: false } => {
                Table::of(|before, after| (before == Word) != (after == Word))
            }
            // Where both edges meet the text is empty, and Python's `\B`
            // does not hold in that one.
            Assertion::NotBoundary { ascii: false } => Table::of(|before, after| {
                (before == Word) == (after == Word) && (before, after) != (Edge, Edge)
            }),
            Assertion::NotAfterWord => Table::of(|before, _| before != Word),
            Assertion::NotBeforeWord => Table::of(|_, after| after != Word),
            Assertion::Boundary { ascii: true } | Assertion::NotBoundary { ascii: true } => {
                return None;
            }
        })
    }

    fn and(self, other: Table) -> Table {
        Table(self.0 & other.0)
    }

    fn or(self, other: Table) -> Table {
        Table(self.0 | other.0)
    }

    fn not(self) -> Table {
        Table(!self.0)
    }
}

/// The assertions the linear engine has, the cheapest first.
const ASSERTIONS: [Assertion; 8] = [
    Assertion::TextStart,
    Assertion::TextEnd,
    Assertion::LineStart,
    Assertion::LineEnd,
    Assertion::Boundary { ascii: false },
    Assertion::NotBeforeWord,
    Assertion::NotAfterWord,
    Assertion::NotBoundary { ascii: false },
];

/// The simplest combination of assertions that holds in the same possible
/// situations: one, two that must both hold, or two such choices.
fn assertions(holds: Table, possible: Table, place: &Node) -> Option<Node> {
    let wanted = holds.and(possible);
    let as_wanted = |table: Table| table.and(possible) == wanted;
    if as_wanted(Table(u16::MAX)) {
        return Some(Node::new(Kind::Empty, place.span.clone()));
    }
    if as_wanted(Table(0)) {
        return Some(impossible(place));
    }
    let single: Vec<(Table, Node)> = ASSERTIONS
        .iter()
        .filter_map(|&assertion| {
            let table = Table::of_assertion(assertion, Buffer::Bare)?;
            let node = Node::new(Kind::Assert(assertion), place.span.clone());
            Some((table, node))
        })
        .collect();
    let mut terms = single.clone();
    for (index, (one, first)) in single.iter().enumerate() {
        for (other, second) in &single[index + 1..] {
            let both = Kind::Concat(vec![first.clone(), second.clone()]);
            terms.push((one.and(*other), Node::new(both, place.span.clone())));
        }
    }
    if let Some((_, node)) = terms.iter().find(|(table, _)| as_wanted(*table)) {
        return Some(node.clone());
    }
    for (index, (one, first)) in terms.iter().enumerate() {
        for (other, second) in &terms[index + 1..] {
            if as_wanted(one.or(*other)) {
                let either = Kind::Alternate(vec![first.clone(), second.clone()]);
                return Some(Node::new(either, place.span.clone()));
            }
        }
    }
    None
}
