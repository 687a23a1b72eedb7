//! Look-ahead for a few short strings.
//!
//! `(?!ab)` followed by `\w+=` is settled by the first two characters those
//! match, so that they can be told apart instead: `[^a]\w*=`, or `a` and then
//! not `b`. What stands behind the look-ahead is followed character by
//! character until the matter is settled. Every step splits a character class
//! into parts that exclude each other, and ways to match keep their order, so
//! that the first match stays the same, groups included.
//!
//! Where the look-ahead reaches beyond what can be followed (out of a loop,
//! into text of any kind), the matter may still be settled by what can come
//! next at all; otherwise the look-ahead stays.

mod parts;
mod probe;

use std::rc::Rc;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use self::parts::{alternate, part_of};
use self::probe::{Outcome, Probe, State};
use crate::pattern::Buffer;
use crate::pattern::charset::set_of;
use crate::pattern::syntax::{Assertion, Kind, Look, Node, Repeat, RepeatMode, Width};

/// How many nodes the result may have.
const MAX_NODES: usize = 4000;
/// How many steps are taken to see what can come next.
const MAX_STEPS: usize = 400;

/// Removes the look-aheads that can be removed.
pub(super) fn rewrite(root: &Node, buffer: Buffer) -> Node {
    rewrite_in(root, buffer, &None, true)
}

/// `after` is what is matched behind the node. `tail` says that nothing is,
/// and that no group is open.
fn rewrite_in(node: &Node, buffer: Buffer, after: &After<'_>, tail: bool) -> Node {
    match &node.kind {
        Kind::Concat(nodes) => {
            let mut done: Vec<Node> = Vec::new();
            for (index, child) in nodes.iter().enumerate().rev() {
                let child = {
                    let after = push_all(&done, after);
                    let tail = tail && index + 1 == nodes.len();
                    rewrite_in(child, buffer, &after, tail)
                };
                if let Kind::Look(look) = &child.kind
                    && let Some(replaced) = settle(look, &done, buffer, after, tail)
                {
                    done = vec![replaced];
                } else {
                    done.insert(0, child);
                }
            }
            Node::concat(done, node.span.clone())
        }
        Kind::Look(look) => settle(look, &[], buffer, after, tail).unwrap_or_else(|| node.clone()),
        Kind::Alternate(_) => node.map_children(|child| rewrite_in(child, buffer, after, tail)),
        Kind::Capture { .. } => node.map_children(|child| rewrite_in(child, buffer, after, false)),
        Kind::Repeat(repeat) => {
            let again = cons(Item::Again(&repeat.body), after);
            node.map_children(|child| rewrite_in(child, buffer, &again, false))
        }
        _ => node.clone(),
    }
}

/// A look-ahead and what stands behind it, without the look-ahead.
fn settle(
    look: &Look,
    behind: &[Node],
    buffer: Buffer,
    after: &After<'_>,
    tail: bool,
) -> Option<Node> {
    if look.behind {
        return None;
    }
    let probe = Probe::new(&look.body, look.negated, buffer)?;
    let mut follower = Follower {
        probe: &probe,
        nodes: MAX_NODES,
    };
    let whole = Node::concat(behind.to_vec(), look.body.span.clone());
    let mut ways = Vec::new();
    for way in follower.ways(probe.start(), &whole, after)? {
        let node = match way.open {
            None => way.node,
            Some(state) if tail => {
                let mark = Node::new(Kind::EndHere, look.body.span.clone());
                let rest = probe.rest(&state, &look.body);
                let span = way.node.span.clone();
                Node::new(Kind::Concat(vec![way.node, mark, rest]), span)
            }
            Some(_) => return None,
        };
        ways.push(node);
    }
    Some(alternate(ways, &whole))
}

/// One way to match a node, in the order they are tried. Until the matter is
/// settled, with the state reached.
struct Way {
    node: Node,
    open: Option<State>,
}

struct Follower<'p> {
    probe: &'p Probe,
    /// How many nodes may still be made.
    nodes: usize,
}

impl Follower<'_> {
    /// The ways to match a node from a state on. Ways on which the
    /// look-ahead does not hold are left out.
    fn ways(&mut self, from: Outcome, node: &Node, after: &After<'_>) -> Option<Vec<Way>> {
        let state = match from {
            Outcome::Settled(false) => return Some(Vec::new()),
            Outcome::Settled(true) => {
                self.nodes = self.nodes.checked_sub(node.size())?;
                return Some(vec![Way {
                    node: node.clone(),
                    open: None,
                }]);
            }
            Outcome::Open(state) => state,
        };
        self.nodes = self.nodes.checked_sub(1)?;
        let span = || node.span.clone();
        let ways = match &node.kind {
            Kind::Empty | Kind::Assert(_) | Kind::EndHere => vec![Way {
                node: node.clone(),
                open: Some(state),
            }],
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
                let set = set_of(&node.kind)?;
                let mut ways = Vec::new();
                for (part, outcome) in self.probe.split(&state, &set) {
                    let node = part_of(node, &set, &part);
                    match outcome {
                        Outcome::Settled(false) => {}
                        Outcome::Settled(true) => ways.push(Way { node, open: None }),
                        Outcome::Open(state) => ways.push(Way {
                            node,
                            open: Some(state),
                        }),
                    }
                }
                ways
            }
            Kind::Concat(nodes) => self.sequence(state, nodes, node, after)?,
            Kind::Alternate(nodes) => {
                let mut ways = Vec::new();
                for node in nodes {
                    ways.extend(self.ways(Outcome::Open(state.clone()), node, after)?);
                }
                ways
            }
            Kind::Capture { group, body } => {
                let mut ways = self.ways(Outcome::Open(state), body, after)?;
                for way in &mut ways {
                    let inner = std::mem::replace(&mut way.node, Node::new(Kind::Empty, span()));
                    way.node.kind = Kind::Capture {
                        group: *group,
                        body: Box::new(inner),
                    };
                }
                ways
            }
            Kind::Repeat(repeat) => self.repeat(state, repeat, node, after)?,
            _ => return None,
        };
        Some(self.settled(ways, node, after))
    }

    fn sequence(
        &mut self,
        state: State,
        nodes: &[Node],
        place: &Node,
        after: &After<'_>,
    ) -> Option<Vec<Way>> {
        let Some((first, rest)) = nodes.split_first() else {
            return Some(vec![Way {
                node: Node::new(Kind::Empty, place.span.clone()),
                open: Some(state),
            }]);
        };
        let then = push_all(rest, after);
        let mut ways = Vec::new();
        for way in self.ways(Outcome::Open(state), first, &then)? {
            let tails = match way.open {
                None => {
                    let node = Node::concat(rest.to_vec(), place.span.clone());
                    self.ways(Outcome::Settled(true), &node, after)?
                }
                Some(state) => self.sequence(state, rest, place, after)?,
            };
            for tail in tails {
                let mut all = vec![way.node.clone()];
                match tail.node.kind {
                    Kind::Empty => {}
                    Kind::Concat(nodes) => all.extend(nodes),
                    _ => all.push(tail.node),
                }
                ways.push(Way {
                    node: Node::concat(all, place.span.clone()),
                    open: tail.open,
                });
            }
        }
        Some(ways)
    }

    fn repeat(
        &mut self,
        state: State,
        repeat: &Repeat,
        place: &Node,
        after: &After<'_>,
    ) -> Option<Vec<Way>> {
        let stop = || Way {
            node: Node::new(Kind::Empty, place.span.clone()),
            open: Some(state.clone()),
        };
        if repeat.max == Some(0) {
            return Some(vec![stop()]);
        }
        // Python counts an empty turn differently from none.
        if repeat.mode == RepeatMode::Possessive || !consumes(&repeat.body) {
            return None;
        }
        let others = Repeat {
            min: repeat.min.saturating_sub(1),
            max: repeat.max.map(|max| max - 1),
            ..repeat.clone()
        };
        let mut turn = vec![repeat.body.clone()];
        if others.max != Some(0) {
            turn.push(Node::new(
                Kind::Repeat(Box::new(others)),
                place.span.clone(),
            ));
        }
        let taken = self.sequence(state.clone(), &turn, place, after)?;
        Some(match (repeat.min, repeat.mode) {
            (0, RepeatMode::Lazy) => std::iter::once(stop()).chain(taken).collect(),
            (0, _) => taken.into_iter().chain([stop()]).collect(),
            _ => taken,
        })
    }

    /// Settles what can be settled by looking at what can follow, and joins
    /// neighbours that are in the same state.
    fn settled(&mut self, ways: Vec<Way>, place: &Node, after: &After<'_>) -> Vec<Way> {
        let mut groups: Vec<(Vec<Node>, Option<State>)> = Vec::new();
        for way in ways {
            let open = match way.open {
                None => None,
                Some(state) => match self.outlook(&state, after) {
                    Outlook::Open => Some(state),
                    Outlook::Settled(true) => None,
                    Outlook::Settled(false) => continue,
                },
            };
            match groups.last_mut() {
                Some((nodes, last)) if *last == open => nodes.push(way.node),
                _ => groups.push((vec![way.node], open)),
            }
        }
        groups
            .into_iter()
            .map(|(nodes, open)| Way {
                node: alternate(nodes, place),
                open,
            })
            .collect()
    }

    /// What everything that can be matched from here on makes of a state.
    fn outlook(&self, state: &State, after: &After<'_>) -> Outlook {
        let mut seen = Seen {
            holds: false,
            fails: false,
            steps: MAX_STEPS,
        };
        self.explore(state, after, &mut seen);
        match (seen.holds, seen.fails) {
            (true, true) => Outlook::Open,
            (holds, _) => Outlook::Settled(holds),
        }
    }

    fn explore(&self, state: &State, after: &After<'_>, seen: &mut Seen) {
        if seen.holds && seen.fails {
            return;
        }
        seen.steps = seen.steps.saturating_sub(1);
        let Some(cell) = after.as_ref().filter(|_| seen.steps > 0) else {
            // Text of any kind.
            seen.holds = true;
            seen.fails = true;
            return;
        };
        let next = &cell.next;
        let node = match cell.item {
            Item::Again(body) => {
                self.explore(state, next, seen);
                self.explore(state, &cons(Item::Node(body), after), seen);
                return;
            }
            Item::Node(node) => node,
        };
        match &node.kind {
            Kind::Assert(Assertion::TextEnd | Assertion::LineEnd | Assertion::LastLineEnd) => {
                self.explore_end(state, seen);
            }
            Kind::Empty | Kind::Assert(_) | Kind::EndHere | Kind::Look(_) => {
                self.explore(state, next, seen);
            }
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
                let set = set_of(&node.kind).unwrap_or_else(ClassUnicode::empty);
                for (_, outcome) in self.probe.split(state, &set) {
                    match outcome {
                        Outcome::Settled(true) => seen.holds = true,
                        Outcome::Settled(false) => seen.fails = true,
                        Outcome::Open(state) => self.explore(&state, next, seen),
                    }
                }
            }
            Kind::Concat(nodes) => self.explore(state, &push_all(nodes, next), seen),
            Kind::Alternate(nodes) => {
                for node in nodes {
                    self.explore(state, &cons(Item::Node(node), next), seen);
                }
            }
            Kind::Repeat(repeat) => {
                if repeat.min == 0 {
                    self.explore(state, next, seen);
                }
                if repeat.max != Some(0) {
                    let again = if repeat.max == Some(1) {
                        next.clone()
                    } else {
                        cons(Item::Again(&repeat.body), next)
                    };
                    self.explore(state, &cons(Item::Node(&repeat.body), &again), seen);
                }
            }
            Kind::Capture { body, .. } | Kind::Atomic(body) => {
                self.explore(state, &cons(Item::Node(body), next), seen);
            }
            Kind::Backref { .. } => {
                seen.holds = true;
                seen.fails = true;
            }
            Kind::Condition { yes, no, .. } => {
                for node in [yes, no] {
                    self.explore(state, &cons(Item::Node(node), next), seen);
                }
            }
        }
    }

    /// What a newline, or the end of the text, makes of a state.
    fn explore_end(&self, state: &State, seen: &mut Seen) {
        let newline = ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]);
        let ends = std::iter::once(self.probe.at_end(state));
        let lines = self.probe.split(state, &newline);
        let after = lines.into_iter().flat_map(|(_, outcome)| match outcome {
            Outcome::Settled(holds) => vec![holds],
            Outcome::Open(_) => vec![true, false],
        });
        for holds in ends.chain(after) {
            seen.holds |= holds;
            seen.fails |= !holds;
        }
    }
}

enum Outlook {
    Settled(bool),
    Open,
}

struct Seen {
    holds: bool,
    fails: bool,
    steps: usize,
}

/// What is matched behind a place; nothing more at the end of the expression.
type After<'t> = Option<Rc<Cell<'t>>>;

struct Cell<'t> {
    item: Item<'t>,
    next: After<'t>,
}

#[derive(Clone, Copy)]
enum Item<'t> {
    Node(&'t Node),
    /// The body of a loop, any number of times.
    Again(&'t Node),
}

fn cons<'t>(item: Item<'t>, next: &After<'t>) -> After<'t> {
    Some(Rc::new(Cell {
        item,
        next: next.clone(),
    }))
}

fn push_all<'t>(nodes: &'t [Node], next: &After<'t>) -> After<'t> {
    nodes
        .iter()
        .rev()
        .fold(next.clone(), |next, node| cons(Item::Node(node), &next))
}

fn consumes(node: &Node) -> bool {
    node.width(&|_| Width { min: 0, max: 1 }).min > 0
}
