//! A backtracking matcher of our own, for ASCII texts.
//!
//! On lines that match, finding the groups is what costs most, and engines for
//! any expression and any text are slow at it. This one is made for short lines
//! and for expressions that mostly say yes or no at the next byte or two: it looks
//! at these before it takes a branch, and runs through repeated characters
//! without leaving a trace for each. It works on the parsed tree and does
//! exactly what Python does.
//!
//! It tries one way after the other, so it has a budget of steps that grows
//! with the text only. Once half of it is used up, it remembers what has failed,
//! where that can be told by the place alone. When all is used up it says so, and
//! the other engines are asked. They give the same answer.

mod compile;
mod decide;
mod fork;
mod run;
mod set;
mod visited;

use memchr::memmem;

use self::fork::{Branch, Fork};
use self::set::{ByteSet, Lead, Run};
use self::visited::Memo;

pub(super) use self::run::{Answer, Budget, Memory, NOWHERE};

/// The largest program. Expressions with larger ones are left to the other
/// engines.
const MAX_OPS: usize = 8_000;

/// A compiled expression. Places in a program are numbers of operations.
pub(super) struct Machine {
    ops: Vec<Op>,
    /// What [`Op::Literal`] compares with, all in one.
    literals: Vec<u8>,
    loops: Vec<Loop>,
    forks: Vec<Fork>,
    /// The branches of all forks.
    branches: Vec<Branch>,
    start: Start,
    entry: u32,
    /// How many groups there are, the whole match included.
    groups: usize,
    /// How many places in the text are remembered on the way.
    marks: usize,
    memo: Memo,
}

/// Where in a text a match can begin.
enum Start {
    /// Only at the start of the text.
    Here,
    /// Where this is found.
    Literal(Box<memmem::Finder<'static>>),
    /// Where the next byte is one of these, or there is none.
    Byte(Lead),
}

/// One step of a match. `next` is where it goes on.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// The end of the expression.
    Match,
    /// Nothing matches here.
    Fail,
    Byte {
        byte: u8,
        next: u32,
    },
    /// Some bytes of [`Machine::literals`].
    Literal {
        at: u32,
        length: u32,
        next: u32,
    },
    Set {
        set: ByteSet,
        next: u32,
    },
    /// One character if it is there, and it is not given back.
    Maybe {
        set: ByteSet,
        next: u32,
    },
    /// One character, repeated: as often as it can be, and nothing is given
    /// back.
    Run {
        set: ByteSet,
        min: u32,
        max: u32,
        next: u32,
    },
    /// One character, repeated in any other way.
    Loop(u32),
    /// Three numbers of up to three digits with a dot behind each.
    Address {
        next: u32,
    },
    /// One of several branches.
    Fork(u32),
    Place {
        place: Place,
        next: u32,
    },
    /// A group begins; where is kept in a mark.
    Open {
        mark: u32,
        next: u32,
    },
    Close {
        group: u32,
        mark: u32,
        next: u32,
    },
    /// A turn of a loop begins that may turn out to be empty.
    Turn {
        mark: u32,
        next: u32,
    },
    /// It ends: no further turn follows an empty one.
    Turned {
        mark: u32,
        again: u32,
        exit: u32,
    },
    /// What follows, up to [`Op::Seal`], matches in one way only.
    Barrier {
        next: u32,
    },
    /// Forgets all other ways since the barrier; `back` is for a look-ahead,
    /// which goes on where it began.
    Seal {
        back: bool,
        next: u32,
    },
    /// What follows, up to [`Op::Denied`], must not match. If it does not, the
    /// match goes on at `next`.
    Deny {
        body: u32,
        next: u32,
    },
    Denied,
    /// A look-behind begins so far back.
    Back {
        width: u32,
        next: u32,
    },
    Backref {
        group: u32,
        fold: bool,
        next: u32,
    },
    Condition {
        group: u32,
        yes: u32,
        no: u32,
    },
}

/// A place in the text, between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    TextStart,
    LineStart,
    TextEnd,
    LastLineEnd,
    LineEnd,
    Boundary,
    NotBoundary,
    NotAfterWord,
    NotBeforeWord,
}

/// A character repeated.
#[derive(Clone, Copy, Debug)]
struct Loop {
    set: Run,
    min: u32,
    max: u32,
    mode: LoopMode,
    /// What can follow.
    lead: Lead,
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoopMode {
    Greedy,
    Lazy,
    /// Takes all it can and gives nothing back: asked for, or because what
    /// follows could not begin with anything given back.
    All,
}
