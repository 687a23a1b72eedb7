//! Choosing branches by the next byte.

use super::set::{ByteSet, Lead, Next, Seen};

/// Which branches can match, by the next byte.
pub(super) struct Fork {
    /// For each byte, and for the end of the text, the only branch that comes
    /// into question; [`NONE`] or [`SEVERAL`] if there is not just one.
    only: [u16; 129],
    /// For each of them, the number of a list.
    lists: [u8; 129],
    /// Where the lists are among the branches of the program.
    ranges: Vec<(u32, u32)>,
}

const NONE: u16 = u16::MAX;
const SEVERAL: u16 = u16::MAX - 1;

/// What can be tried at a place.
pub(super) enum Choice {
    Nothing,
    /// One operation.
    Only(u32),
    /// The branches of the program from one number to another.
    Several(u32, u32),
}

/// A way on: an operation, and what it can begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) op: u32,
    pub(super) lead: Lead,
}

/// Ways on for some bytes, which are tried one after the other.
pub(super) struct Branches {
    pub(super) bytes: ByteSet,
    pub(super) end: bool,
    pub(super) list: Vec<Branch>,
}

/// One of several ways on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) op: u32,
    /// What must come behind the byte that it was chosen by.
    pub(super) then: Next,
}

/// The longest list that is taken over from a branch that is a fork itself.
const MAX_TAKEN_OVER: usize = 8;

impl Fork {
    /// The branches are in the order in which they are tried. `None` if they
    /// differ too much.
    pub(super) fn new(branches: &[Branches], pool: &mut Vec<Branch>) -> Option<Fork> {
        // Bytes for which the same branches come into question.
        let mut parts: Vec<(ByteSet, Vec<Branch>)> = vec![(ByteSet::ALL, Vec::new())];
        for branch in branches {
            let bytes = branch.bytes;
            for index in 0..parts.len() {
                let (part, list) = &mut parts[index];
                let both = part.and(bytes);
                if both.is_empty() {
                    continue;
                }
                if both == *part {
                    list.extend_from_slice(&branch.list);
                } else {
                    let mut longer = list.clone();
                    longer.extend_from_slice(&branch.list);
                    *part = part.without(bytes);
                    parts.push((both, longer));
                }
            }
        }
        if parts.len() >= usize::from(u8::MAX) {
            return None;
        }
        let mut fork = Fork {
            only: [NONE; 129],
            lists: [0; 129],
            ranges: Vec::with_capacity(parts.len() + 1),
        };
        for (number, (bytes, list)) in parts.into_iter().enumerate() {
            let mut bits = bytes.bits();
            while bits != 0 {
                fork.lists[bits.trailing_zeros() as usize] = number as u8;
                bits &= bits - 1;
            }
            fork.push(&list, pool);
        }
        fork.lists[128] = fork.ranges.len() as u8;
        let at_end = branches.iter().filter(|branch| branch.end);
        let at_end = at_end.flat_map(|branch| &branch.list);
        // Nothing is behind the end.
        let at_end: Vec<Branch> = at_end
            .map(|branch| Branch {
                then: Next::ANY,
                ..*branch
            })
            .collect();
        fork.push(&at_end, pool);
        for (only, &list) in fork.only.iter_mut().zip(&fork.lists) {
            let (start, end) = fork.ranges[usize::from(list)];
            *only = match end - start {
                0 => NONE,
                1 => u16::try_from(pool[start as usize].op).ok()?,
                _ => SEVERAL,
            };
        }
        Some(fork)
    }

    /// What this fork would choose, for one that has it as a branch. `None` if
    /// it is too much.
    pub(super) fn branches(&self, pool: &[Branch]) -> Option<Vec<Branches>> {
        let mut branches = Vec::with_capacity(self.ranges.len());
        for (number, &(start, end)) in self.ranges.iter().enumerate() {
            if end - start > MAX_TAKEN_OVER as u32 {
                return None;
            }
            let bytes = (0..128).filter(|&byte| usize::from(self.lists[byte]) == number);
            let bytes = bytes.fold(0_u128, |bits, byte| bits | 1 << byte);
            branches.push(Branches {
                bytes: ByteSet::new(bytes),
                end: usize::from(self.lists[128]) == number,
                list: pool[start as usize..end as usize].to_vec(),
            });
        }
        Some(branches)
    }

    fn push(&mut self, list: &[Branch], pool: &mut Vec<Branch>) {
        let start = pool.len() as u32;
        pool.extend_from_slice(list);
        self.ranges.push((start, pool.len() as u32));
    }

    /// The branches for what comes next in the text.
    #[inline(always)]
    pub(super) fn choose(&self, text: &[u8], at: usize) -> Choice {
        let byte = Seen::new(text, at).number();
        match self.only[byte] {
            NONE => Choice::Nothing,
            SEVERAL => {
                let (start, end) = self.ranges[usize::from(self.lists[byte])];
                Choice::Several(start, end)
            }
            only => Choice::Only(u32::from(only)),
        }
    }
}
