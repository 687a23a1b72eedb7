//! From the tree to a program.
//!
//! It is written from the end to the start, so that it is known of every piece
//! what can come after it.

use super::decide::decide;
use super::fork::{Branch, Branches, Fork, Target};
use super::set::{ByteSet, Lead, Next, Run};
use super::visited::Memo;
use super::{Loop, LoopMode, MAX_OPS, Machine, Op, Place, Start};
use crate::pattern::charset::ascii_set_of;
use crate::pattern::syntax::{
    Assertion, Expression, Fold, Group, Kind, Look, Node, Repeat, RepeatMode, Width,
};

impl Machine {
    /// Compiles a tree as it was parsed. `None` if it has something that is
    /// left to the other engines.
    pub(in crate::pattern) fn new(expression: &Expression) -> Option<Machine> {
        let Expression { root, groups } = expression;
        // Written out, it may be too large.
        decide(root)
            .and_then(|root| Machine::of(&root, groups))
            .or_else(|| Machine::of(root, groups))
    }

    fn of(root: &Node, groups: &[Group]) -> Option<Machine> {
        let mut compiler = Compiler {
            widths: groups.iter().map(|group| group.width).collect(),
            machine: Machine {
                ops: Vec::new(),
                literals: Vec::new(),
                loops: Vec::new(),
                forks: Vec::new(),
                branches: Vec::new(),
                start: Start::Here,
                entry: 0,
                groups: groups.len(),
                marks: groups.len(),
                memo: Memo::default(),
            },
        };
        let end = compiler.push(Op::Match, Lead::ANY)?;
        let entry = compiler.node(root, end)?;
        let mut machine = compiler.machine;
        machine.entry = entry.op;
        machine.start = machine.start(root, entry);
        // Where it is searched from, it is known that the text begins there.
        if let (
            Start::Here,
            Op::Place {
                place: Place::TextStart,
                next,
            },
        ) = (&machine.start, machine.ops[entry.op as usize])
        {
            machine.entry = next;
        }
        machine.memo = Memo::new(&machine.ops);
        Some(machine)
    }

    fn start(&self, root: &Node, entry: Target) -> Start {
        if begins_text(root) {
            return Start::Here;
        }
        let mut op = entry.op;
        loop {
            match self.ops[op as usize] {
                Op::Open { next, .. } => op = next,
                Op::Literal { at, length, .. } => {
                    let literal = &self.literals[at as usize..][..length as usize];
                    let finder = memchr::memmem::Finder::new(literal).into_owned();
                    return Start::Literal(Box::new(finder));
                }
                _ => return Start::Byte(entry.lead),
            }
        }
    }
}

/// Whether a match can begin at the start of the text only.
fn begins_text(node: &Node) -> bool {
    match &node.kind {
        Kind::Assert(assertion) => *assertion == Assertion::TextStart,
        Kind::Concat(nodes) => nodes.first().is_some_and(begins_text),
        Kind::Alternate(nodes) => nodes.iter().all(begins_text),
        Kind::Capture { body, .. } | Kind::Atomic(body) => begins_text(body),
        Kind::Repeat(repeat) => repeat.min > 0 && begins_text(&repeat.body),
        _ => false,
    }
}

struct Compiler {
    /// Of the groups.
    widths: Vec<Width>,
    machine: Machine,
}

impl Compiler {
    fn push(&mut self, op: Op, lead: Lead) -> Option<Target> {
        let at = self.machine.ops.len();
        self.machine.ops.push(op);
        (at < MAX_OPS).then_some(Target {
            op: at as u32,
            lead,
        })
    }

    fn new_mark(&mut self) -> u32 {
        self.machine.marks += 1;
        self.machine.marks as u32 - 1
    }

    /// Compiles a node that is followed by `next`.
    fn node(&mut self, node: &Node, next: Target) -> Option<Target> {
        match &node.kind {
            Kind::Empty => Some(next),
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
                self.leaf(ascii_set_of(&node.kind)?, next)
            }
            Kind::Assert(assertion) => self.assertion(*assertion, next),
            Kind::Concat(nodes) => self.concat(nodes, next),
            Kind::Alternate(nodes) => self.alternate(nodes, next),
            Kind::Repeat(repeat) => self.repeat(repeat, next),
            Kind::Capture { group, body } => {
                let (mark, next) = (*group as u32, next);
                let close = Op::Close {
                    group: mark,
                    mark,
                    next: next.op,
                };
                let close = self.push(close, next.lead)?;
                let body = self.node(body, close)?;
                self.push(
                    Op::Open {
                        mark,
                        next: body.op,
                    },
                    body.lead,
                )
            }
            Kind::Atomic(body) => self.atomic(next, |this, seal| this.node(body, seal)),
            Kind::Look(look) => self.look(look, next),
            Kind::Backref { group, fold } => {
                let backref = Op::Backref {
                    group: *group as u32,
                    fold: *fold != Fold::Exact,
                    next: next.op,
                };
                self.push(backref, Lead::ANY)
            }
            Kind::Condition { group, yes, no } => {
                let (yes, no) = (self.node(yes, next)?, self.node(no, next)?);
                let condition = Op::Condition {
                    group: *group as u32,
                    yes: yes.op,
                    no: no.op,
                };
                self.push(condition, yes.lead.or(no.lead))
            }
            Kind::EndHere => None,
        }
    }

    /// One character of a set.
    fn leaf(&mut self, bits: u128, next: Target) -> Option<Target> {
        let set = ByteSet::new(bits);
        let op = match set.single() {
            Some(byte) => Op::Byte {
                byte,
                next: next.op,
            },
            None if set.is_empty() => Op::Fail,
            None => Op::Set { set, next: next.op },
        };
        self.push(op, next.lead.behind(set))
    }

    fn concat(&mut self, nodes: &[Node], mut next: Target) -> Option<Target> {
        let mut end = nodes.len();
        while end > 0 {
            if let Some(last) = four_numbers(&nodes[..end]) {
                end -= 2;
                next = self.address(last, next)?;
                continue;
            }
            let bytes = nodes[..end].iter().rev().map_while(single_byte);
            let mut literal: Vec<u8> = bytes.collect();
            if literal.len() > 1 {
                literal.reverse();
                end -= literal.len();
                next = self.literal(&literal, next)?;
            } else {
                end -= 1;
                next = self.node(&nodes[end], next)?;
            }
        }
        Some(next)
    }

    /// At least two bytes.
    fn literal(&mut self, literal: &[u8], next: Target) -> Option<Target> {
        let (at, length) = self.add_literal(literal);
        let op = Op::Literal {
            at,
            length,
            next: next.op,
        };
        let lead = Lead::new(ByteSet::of(literal[0]), false);
        let then = Next::new(ByteSet::of(literal[1]), false);
        self.push(op, lead.then(then))
    }

    /// Where the bytes are among the literals, and how many.
    fn add_literal(&mut self, literal: &[u8]) -> (u32, u32) {
        let at = self.machine.literals.len();
        self.machine.literals.extend_from_slice(literal);
        (at as u32, literal.len() as u32)
    }

    /// The numbers of an address.
    fn address(&mut self, last: &Repeat, next: Target) -> Option<Target> {
        let digits = ByteSet::new(ascii_set_of(&last.body.kind)?);
        let last = self.character_loop(last, Run::new(digits, None), next)?;
        let then = Next::new(digits.or(ByteSet::of(b'.')), false);
        let lead = Lead::new(digits, false).then(then);
        self.push(Op::Address { next: last.op }, lead)
    }

    fn alternate(&mut self, nodes: &[Node], next: Target) -> Option<Target> {
        let sets = nodes.iter().map(|node| ascii_set_of(&node.kind));
        if let Some(set) = sets.reduce(|all, set| Some(all? | set?)).flatten() {
            return self.leaf(set, next);
        }
        let branches: Option<Vec<Target>> =
            nodes.iter().map(|node| self.node(node, next)).collect();
        self.fork(&branches?)
    }

    /// Branches in the order in which they are tried.
    fn fork(&mut self, branches: &[Target]) -> Option<Target> {
        let number = self.new_fork(branches)?;
        let lead = branches.iter().map(|branch| branch.lead).reduce(Lead::or)?;
        self.push(Op::Fork(number), lead)
    }

    fn new_fork(&mut self, branches: &[Target]) -> Option<u32> {
        let branches: Vec<Branches> = branches
            .iter()
            .flat_map(|branch| self.branches_of(*branch))
            .collect();
        let fork = Fork::new(&branches, &mut self.machine.branches)?;
        self.machine.forks.push(fork);
        // Lists of branches could grow faster than the program.
        let number = self.machine.forks.len() - 1;
        (self.machine.branches.len() < 16 * MAX_OPS).then_some(number as u32)
    }

    /// A way on as branches of a fork. One that is a fork itself has been
    /// looked at as soon as the next byte has.
    fn branches_of(&self, target: Target) -> Vec<Branches> {
        if let Op::Fork(number) = self.machine.ops[target.op as usize] {
            let fork = &self.machine.forks[number as usize];
            if let Some(branches) = fork.branches(&self.machine.branches) {
                return branches;
            }
        }
        vec![Branches {
            bytes: target.lead.bytes,
            end: target.lead.end,
            list: vec![Branch {
                op: target.op,
                then: target.lead.then,
            }],
        }]
    }

    fn assertion(&mut self, assertion: Assertion, next: Target) -> Option<Target> {
        let line_end = next.lead.only(ByteSet::of(b'\n'), true);
        let behind_it = Next::new(ByteSet::NONE, true);
        let (place, lead) = match assertion {
            Assertion::TextStart => (Place::TextStart, next.lead),
            Assertion::LineStart => (Place::LineStart, next.lead),
            Assertion::TextEnd => (Place::TextEnd, Lead::new(ByteSet::NONE, next.lead.end)),
            Assertion::LastLineEnd => (Place::LastLineEnd, line_end.then(behind_it)),
            Assertion::LineEnd => (Place::LineEnd, line_end),
            // Words of an ASCII text are the same for both kinds.
            Assertion::Boundary { .. } => (Place::Boundary, next.lead),
            Assertion::NotBoundary { .. } => (Place::NotBoundary, next.lead),
            Assertion::NotAfterWord => (Place::NotAfterWord, next.lead),
            Assertion::NotBeforeWord => (Place::NotBeforeWord, next.lead),
        };
        self.push(
            Op::Place {
                place,
                next: next.op,
            },
            lead,
        )
    }

    fn atomic(
        &mut self,
        next: Target,
        body: impl FnOnce(&mut Self, Target) -> Option<Target>,
    ) -> Option<Target> {
        let seal = Op::Seal {
            back: false,
            next: next.op,
        };
        let seal = self.push(seal, Lead::ANY)?;
        let body = body(self, seal)?;
        self.push(Op::Barrier { next: body.op }, body.lead)
    }

    fn look(&mut self, look: &Look, next: Target) -> Option<Target> {
        let end = if look.negated {
            Op::Denied
        } else {
            Op::Seal {
                back: true,
                next: next.op,
            }
        };
        let end = self.push(end, Lead::ANY)?;
        let mut body = self.node(&look.body, end)?;
        if look.behind {
            let width = look.body.width(&|group| self.widths[group]);
            let back = Op::Back {
                width: u32::try_from(width.min).ok()?,
                next: body.op,
            };
            body = self.push(back, Lead::ANY)?;
        }
        if look.negated {
            let deny = Op::Deny {
                body: body.op,
                next: next.op,
            };
            return self.push(deny, next.lead);
        }
        // Both begin at the same byte.
        let lead = next.lead.only(body.lead.bytes, body.lead.end);
        let lead = lead.then(lead.then.and(body.lead.then));
        self.push(Op::Barrier { next: body.op }, lead)
    }

    fn repeat(&mut self, repeat: &Repeat, next: Target) -> Option<Target> {
        match (repeat.min, repeat.max) {
            (_, Some(0)) => return Some(next),
            (1, Some(1)) if repeat.mode != RepeatMode::Possessive => {
                return self.node(&repeat.body, next);
            }
            _ => {}
        }
        if let Some(bits) = ascii_set_of(&repeat.body.kind) {
            let run = Run::new(ByteSet::new(bits), None);
            return self.character_loop(repeat, run, next);
        }
        if let Some((literal, bits)) = all_but(&repeat.body) {
            let until = self.add_literal(&literal);
            let run = Run::new(ByteSet::new(bits), Some(until));
            return self.character_loop(repeat, run, next);
        }
        if repeat.mode == RepeatMode::Possessive {
            self.atomic(next, |this, seal| {
                // Nor does Python go back into a turn.
                let atomic = Kind::Atomic(Box::new(repeat.body.clone()));
                let body = Node::new(atomic, repeat.body.span.clone());
                this.turns(&body, repeat, seal)
            })
        } else {
            self.turns(&repeat.body, repeat, next)
        }
    }

    fn character_loop(&mut self, repeat: &Repeat, run: Run, next: Target) -> Option<Target> {
        let set = run.set();
        let disjoint = set.and(next.lead.bytes).is_empty();
        let mode = match repeat.mode {
            _ if disjoint => LoopMode::All,
            RepeatMode::Greedy => LoopMode::Greedy,
            RepeatMode::Lazy => LoopMode::Lazy,
            RepeatMode::Possessive => LoopMode::All,
        };
        let more = Next::new(set, false);
        let then = match (repeat.min, repeat.max) {
            (0 | 1, Some(1)) => next.lead.first(),
            (0 | 1, _) => more.or(next.lead.first()),
            _ => more,
        };
        let turn = Lead::new(set, false).then(then);
        let lead = if repeat.min > 0 {
            turn
        } else {
            turn.or(next.lead)
        };
        let (min, max) = (repeat.min, repeat.max.unwrap_or(u32::MAX));
        if mode == LoopMode::All && run.stop.is_none() && run.until.is_none() {
            let next = next.op;
            let run = match (min, max) {
                (0, 1) => Op::Maybe { set, next },
                _ => Op::Run {
                    set,
                    min,
                    max,
                    next,
                },
            };
            return self.push(run, lead);
        }
        self.machine.loops.push(Loop {
            set: run,
            min,
            max,
            mode,
            lead: next.lead,
            next: next.op,
        });
        let number = self.machine.loops.len() - 1;
        self.push(Op::Loop(number as u32), lead)
    }

    /// The turns of a loop, written out as far as they are counted.
    fn turns(&mut self, body: &Node, repeat: &Repeat, exit: Target) -> Option<Target> {
        let nullable = body.width(&|_| Width::ZERO).min == 0;
        let lazy = repeat.mode == RepeatMode::Lazy;
        let mark = nullable.then(|| self.new_mark());
        let mut next = exit;
        match repeat.max {
            None => next = self.star(body, mark, lazy, exit)?,
            Some(max) => {
                for _ in repeat.min..max {
                    let turn = self.turn(body, mark, next, exit)?;
                    next = self.either(turn, exit, lazy)?;
                }
            }
        }
        for _ in 0..repeat.min {
            next = self.node(body, next)?;
        }
        Some(next)
    }

    /// A turn and then `next`, or `exit` if the turn was empty.
    fn turn(
        &mut self,
        body: &Node,
        mark: Option<u32>,
        next: Target,
        exit: Target,
    ) -> Option<Target> {
        let Some(mark) = mark else {
            return self.node(body, next);
        };
        let turned = Op::Turned {
            mark,
            again: next.op,
            exit: exit.op,
        };
        let turned = self.push(turned, next.lead.or(exit.lead))?;
        let body = self.node(body, turned)?;
        self.push(
            Op::Turn {
                mark,
                next: body.op,
            },
            body.lead,
        )
    }

    fn either(&mut self, turn: Target, exit: Target, lazy: bool) -> Option<Target> {
        if lazy {
            self.fork(&[exit, turn])
        } else {
            self.fork(&[turn, exit])
        }
    }

    /// Any number of turns.
    fn star(&mut self, body: &Node, mark: Option<u32>, lazy: bool, exit: Target) -> Option<Target> {
        // The operation that the turns come back to; written when they are.
        let (bytes, _) = beginning(body);
        let again = self.push(Op::Fail, Lead::new(bytes, false).or(exit.lead))?;
        let turn = self.turn(body, mark, again, exit)?;
        let branches = if lazy { [exit, turn] } else { [turn, exit] };
        let number = self.new_fork(&branches)?;
        self.machine.ops[again.op as usize] = Op::Fork(number);
        Some(again)
    }
}

/// `\d{1,3}(?:\.\d{1,3}){3}`, as addresses are written, at the end of a
/// sequence: the repetition of its last number.
fn four_numbers(nodes: &[Node]) -> Option<&Repeat> {
    let [.., first, rest] = nodes else {
        return None;
    };
    let Kind::Repeat(rest) = &rest.kind else {
        return None;
    };
    let Kind::Concat(dotted) = &rest.body.kind else {
        return None;
    };
    let [dot, last] = &dotted[..] else {
        return None;
    };
    let counts = |repeat: &Repeat| (repeat.min, repeat.max);
    let matches = counts(rest) == (3, Some(3)) && single_byte(dot) == Some(b'.');
    number(first).filter(|_| matches)?;
    number(last)
}

/// Up to three digits.
fn number(node: &Node) -> Option<&Repeat> {
    let Kind::Repeat(repeat) = &node.kind else {
        return None;
    };
    let digits = ascii_set_of(&repeat.body.kind)? == 0x3ff << b'0';
    let greedy = repeat.mode == RepeatMode::Greedy;
    (digits && greedy && repeat.min == 1 && repeat.max == Some(3)).then_some(repeat)
}

/// `(?!literal)` and a character: the literal and the set.
fn all_but(node: &Node) -> Option<(Vec<u8>, u128)> {
    let Kind::Concat(nodes) = &node.kind else {
        return None;
    };
    let [look, character] = &nodes[..] else {
        return None;
    };
    let Kind::Look(look) = &look.kind else {
        return None;
    };
    if look.behind || !look.negated {
        return None;
    }
    let literal = match &look.body.kind {
        Kind::Concat(nodes) => nodes.iter().map(single_byte).collect(),
        _ => single_byte(&look.body).map(|byte| vec![byte]),
    };
    Some((literal?, ascii_set_of(&character.kind)?))
}

/// The byte that a node matches, if it is one.
fn single_byte(node: &Node) -> Option<u8> {
    ByteSet::new(ascii_set_of(&node.kind)?).single()
}

/// The bytes that matches of a node can begin with, and whether it can match
/// nothing.
fn beginning(node: &Node) -> (ByteSet, bool) {
    let either =
        |one: (ByteSet, bool), other: (ByteSet, bool)| (one.0.or(other.0), one.1 || other.1);
    match &node.kind {
        Kind::Empty | Kind::Assert(_) | Kind::Look(_) | Kind::EndHere => (ByteSet::NONE, true),
        Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
            let bits = ascii_set_of(&node.kind).unwrap_or(u128::MAX);
            (ByteSet::new(bits), false)
        }
        Kind::Concat(nodes) => {
            let mut bytes = ByteSet::NONE;
            for node in nodes {
                let (first, nullable) = beginning(node);
                bytes = bytes.or(first);
                if !nullable {
                    return (bytes, false);
                }
            }
            (bytes, true)
        }
        Kind::Alternate(nodes) => nodes
            .iter()
            .map(beginning)
            .reduce(either)
            .unwrap_or((ByteSet::NONE, true)),
        Kind::Condition { yes, no, .. } => either(beginning(yes), beginning(no)),
        Kind::Repeat(repeat) => {
            if repeat.max == Some(0) {
                return (ByteSet::NONE, true);
            }
            let (bytes, nullable) = beginning(&repeat.body);
            (bytes, nullable || repeat.min == 0)
        }
        Kind::Capture { body, .. } | Kind::Atomic(body) => beginning(body),
        Kind::Backref { .. } => (ByteSet::ALL, true),
    }
}
