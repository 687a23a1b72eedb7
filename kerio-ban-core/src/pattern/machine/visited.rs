//! Remembering what has failed.
//!
//! From the same operation at the same place of the text, a match goes on in the
//! same way. What failed once need not be tried again, and with that an
//! expression takes time in proportion to the text. It costs more than it gains
//! on nearly all lines, so it begins when half of the budget is used up.

use super::{Machine, Op};

/// The most bits that are kept.
const MAX_BITS: usize = 1 << 24;
/// How many groups there may be that branches depend on.
const MAX_CONDITIONS: usize = 4;

/// Whether and how a program can be remembered by operation and place.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    /// Groups on which it depends whether they are set.
    conditions: Vec<u32>,
    possible: bool,
}

impl Memo {
    pub(super) fn new(ops: &[Op]) -> Memo {
        let mut conditions = Vec::new();
        let mut possible = true;
        for op in ops {
            match *op {
                Op::Condition { group, .. } => conditions.push(group),
                // How it goes on depends on what was captured, or on where the
                // turn began.
                Op::Backref { .. } | Op::Turn { .. } => possible = false,
                _ => {}
            }
        }
        conditions.sort_unstable();
        conditions.dedup();
        possible &= conditions.len() <= MAX_CONDITIONS;
        Memo {
            conditions,
            possible,
        }
    }

    /// How many steps it takes at most once everything is remembered; none if
    /// it is not.
    pub(super) fn steps(&self, ops: usize, length: usize) -> u64 {
        self.bits(ops, length).unwrap_or(0) as u64
    }

    /// How many bits it takes to remember every operation at every place.
    fn bits(&self, ops: usize, length: usize) -> Option<usize> {
        let ways = ops << self.conditions.len().min(MAX_CONDITIONS);
        let bits = ways.checked_mul(length + 1)?;
        (self.possible && bits <= MAX_BITS).then_some(bits)
    }
}

/// The operations that have failed, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Visited {
    bits: Vec<u64>,
    places: usize,
    pub(super) is_on: bool,
}

impl Visited {
    /// Begins to remember, if the program and the text allow it.
    pub(super) fn begin(&mut self, machine: &Machine, length: usize) -> bool {
        let Some(bits) = machine.memo.bits(machine.ops.len(), length) else {
            return false;
        };
        self.places = length + 1;
        self.bits.clear();
        self.bits.resize(bits.div_ceil(64), 0);
        self.is_on = true;
        true
    }

    /// Takes note of an operation at a place. Whether it was there before.
    pub(super) fn again(
        &mut self,
        machine: &Machine,
        op: u32,
        at: usize,
        is_set: impl Fn(u32) -> bool,
    ) -> bool {
        let conditions = machine.memo.conditions.iter();
        let way = conditions.fold(op as usize, |way, &group| {
            way << 1 | usize::from(is_set(group))
        });
        let bit = way * self.places + at;
        let word = &mut self.bits[bit / 64];
        let before = *word >> (bit % 64) & 1 == 1;
        *word |= 1 << (bit % 64);
        before
    }
}
