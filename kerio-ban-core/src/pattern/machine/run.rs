//! Running a program on a text.

use std::ops::Range;

use super::fork::Choice;
use super::set::Seen;
use super::visited::Visited;
use super::{Loop, LoopMode, Machine, Op, Place, Start};
use crate::pattern::haystack::{NO_SPAN, Slots, Span};

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pattern) enum Answer {
    Found,
    Nothing,
    /// The budget was used up.
    GivenUp,
}

/// How many steps a search may take. Nearly always a hundred are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pattern) enum Budget {
    /// About the time that a linear engine takes.
    Small,
    /// Where there is no linear engine to go on: enough to try everything, if
    /// what failed can be remembered.
    Large,
    /// Enough for a test, remembering from the start.
    #[cfg(test)]
    Remembering,
}

impl Budget {
    /// How many steps may be taken before what failed is remembered, or without
    /// that, all.
    fn steps(self, length: usize) -> u64 {
        // Of a very long line, one way may be tried, and a little more.
        let more = length as u64 / 2;
        let short = length.min(LONG) as u64;
        match self {
            Budget::Small => 2_000 + 16 * short + more,
            Budget::Large => 25_000 + 50 * short + more,
            #[cfg(test)]
            Budget::Remembering => 0,
        }
    }
}

/// What a search works on, kept so that its memory is.
#[derive(Clone, Default)]
pub(in crate::pattern) struct Memory {
    /// Ways that were not tried yet, and what is to be undone before they are.
    trail: Vec<Entry>,
    /// Places in the text, by the numbers of the marks.
    marks: Vec<u32>,
    visited: Visited,
    /// How many steps all searches have taken.
    steps: u64,
}

impl Memory {
    /// How many steps all searches with this memory have taken.
    pub(in crate::pattern) fn steps(&self) -> u64 {
        self.steps
    }
}

/// The bytes of a long line.
const LONG: usize = 1 << 15;

/// No place.
pub(in crate::pattern) const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
enum Entry {
    /// The branches from `branch` to `end` at this place; the first one comes
    /// into question.
    Branch { branch: u32, end: u32, at: u32 },
    /// A loop that can end before `at`, but not before `least`.
    Less { of: u32, least: u32, at: u32 },
    /// A loop that can go on at `at`, but not beyond `most`.
    More { of: u32, at: u32, most: u32 },
    /// A group was there before.
    Group { group: u32, start: u32, end: u32 },
    /// A mark was there before.
    Mark { mark: u32, at: u32 },
    /// The start of something that matches in one way only.
    Barrier { at: u32 },
    /// The start of something that must not match.
    Deny { next: u32, at: u32 },
}

/// How many steps may be taken in all.
struct Limits {
    /// Until this is reached, what failed is not remembered.
    first: u64,
    /// How many had been taken before.
    before: u64,
    budget: Budget,
}

/// Whether a way was found.
enum Way {
    To(usize),
    None,
    GivenUp,
}

impl Machine {
    /// Searches as Python does. What lies behind the range is not there. Fills
    /// `slots`, whose memory it uses, if something is found.
    pub(in crate::pattern) fn search(
        &self,
        text: &[u8],
        range: Range<usize>,
        budget: Budget,
        slots: &mut Slots,
    ) -> Answer {
        let text = &text[..range.end];
        if matches!(self.start, Start::Here) && range.start > 0 {
            return Answer::Nothing;
        }
        slots.clear(self.groups);
        let Slots { memory, spans, .. } = slots;
        let mut limits = Limits {
            first: memory.steps + budget.steps(text.len()),
            before: memory.steps,
            budget,
        };
        memory.visited.is_on = false;
        // A mark is set before it is looked at.
        if memory.marks.len() < self.marks {
            memory.marks.resize(self.marks, NOWHERE);
        }
        let mut from = range.start;
        loop {
            let Some(start) = self.next_start(text, from) else {
                return Answer::Nothing;
            };
            match self.attempt(text, start, &mut limits, memory, spans) {
                Way::To(end) => {
                    spans[0] = (start as u32, end as u32);
                    return Answer::Found;
                }
                Way::None => {}
                Way::GivenUp => return Answer::GivenUp,
            }
            if matches!(self.start, Start::Here) || start >= text.len() {
                return Answer::Nothing;
            }
            memory.steps += (start - from) as u64 / 16;
            from = start + 1;
            spans.fill(NO_SPAN);
        }
    }

    /// How many steps may be taken before the search is given up.
    fn last_step(&self, length: usize, limits: &Limits) -> u64 {
        let steps = limits.budget.steps(length);
        let steps = match limits.budget {
            Budget::Small => steps,
            Budget::Large => 2 * steps + self.memo.steps(self.ops.len(), length),
            #[cfg(test)]
            Budget::Remembering => 1_000_000,
        };
        limits.before + steps
    }

    /// The next place where a match may begin.
    fn next_start(&self, text: &[u8], from: usize) -> Option<usize> {
        match &self.start {
            Start::Here => Some(from),
            Start::Literal(finder) => finder.find(&text[from..]).map(|found| from + found),
            Start::Byte(lead) => {
                let rest = &text[from..];
                let found = match lead.single() {
                    Some(byte) => memchr::memchr(byte, rest),
                    None => rest.iter().position(|&byte| lead.bytes.has(byte)),
                };
                match found {
                    Some(found) => Some(from + found),
                    None => lead.end.then_some(text.len()),
                }
            }
        }
    }

    /// Whether the next step is to be taken, once many have been: not if it is
    /// known to fail. `None` if these are too many.
    #[cold]
    #[inline(never)]
    fn go_on_slowly(
        &self,
        text: &[u8],
        taken: u64,
        limits: &mut Limits,
        visited: &mut Visited,
        is_known: impl FnOnce(&mut Visited) -> bool,
    ) -> Option<bool> {
        let last = self.last_step(text.len(), limits);
        if taken > last {
            return None;
        }
        if !visited.is_on && !visited.begin(self, text.len()) {
            limits.first = last;
            return Some(true);
        }
        // Every step comes here from now on.
        limits.first = 0;
        Some(!is_known(visited))
    }

    /// The first of some branches that what comes behind the next byte allows.
    #[inline(always)]
    fn next_branch(&self, behind: Seen, from: u32, end: u32) -> Option<u32> {
        let branches = self.branches.get(from as usize..end as usize)?;
        let found = branches
            .iter()
            .position(|branch| branch.then.allows(behind));
        found.map(|found| from + found as u32)
    }

    /// Tries to match at one place.
    fn attempt(
        &self,
        text: &[u8],
        start: usize,
        limits: &mut Limits,
        memory: &mut Memory,
        spans: &mut [Span],
    ) -> Way {
        let Memory {
            trail,
            marks,
            visited,
            steps,
        } = memory;
        trail.clear();
        let mut at = start;
        let mut op = self.entry;
        let mut taken = *steps;
        // In how many looks and the like the match is: what fails there fails
        // only them.
        let mut regions = 0_u32;
        let way = 'steps: loop {
            taken += 1;
            let mut step = &self.ops[op as usize];
            if taken > limits.first {
                let is_known = |visited: &mut Visited| {
                    let is_set = |group: u32| spans[group as usize].0 != NOWHERE;
                    regions == 0 && visited.again(self, op, at, is_set)
                };
                match self.go_on_slowly(text, taken, limits, visited, is_known) {
                    Some(true) => {}
                    Some(false) => step = &Op::Fail,
                    None => break Way::GivenUp,
                }
            }
            // What does not go on has failed.
            match *step {
                Op::Match => break Way::To(at),
                Op::Fail => {}
                Op::Byte { byte, next } => {
                    if text.get(at) == Some(&byte) {
                        at += 1;
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Literal {
                    at: literal,
                    length,
                    next,
                } => {
                    let literal = &self.literals[literal as usize..][..length as usize];
                    if text[at..].starts_with(literal) {
                        at += literal.len();
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Set { set, next } => {
                    if text.get(at).is_some_and(|&byte| set.has(byte)) {
                        at += 1;
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Maybe { set, next } => {
                    at += usize::from(text.get(at).is_some_and(|&byte| set.has(byte)));
                    op = next;
                    continue 'steps;
                }
                Op::Run {
                    set,
                    min,
                    max,
                    next,
                } => {
                    let rest = &text[at..];
                    let rest = &rest[..rest.len().min(max as usize)];
                    let length = rest.iter().position(|&byte| !set.has(byte));
                    let length = length.unwrap_or(rest.len());
                    if length >= min as usize {
                        taken += length as u64 / 32;
                        at += length;
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Address { next } => {
                    if let Some(fourth) = three_numbers(text, at) {
                        at = fourth;
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Loop(number) => {
                    let repeated = &self.loops[number as usize];
                    let first = at;
                    if !text
                        .get(at)
                        .is_some_and(|&byte| repeated.set.set().has(byte))
                    {
                        // Not even one turn.
                        if repeated.min == 0 && repeated.lead.allows(text, at) {
                            op = repeated.next;
                            continue 'steps;
                        }
                    } else if let Some(end) = repeated.begin(self, text, at, number, trail) {
                        taken += (end - first) as u64 / 32;
                        at = end;
                        op = repeated.next;
                        continue 'steps;
                    }
                }
                Op::Fork(number) => match self.forks[number as usize].choose(text, at) {
                    Choice::Nothing => {}
                    Choice::Only(only) => {
                        op = only;
                        continue 'steps;
                    }
                    Choice::Several(branch, end) => {
                        let behind = Seen::new(text, at + 1);
                        if let Some(first) = self.next_branch(behind, branch, end) {
                            if let Some(branch) = self.next_branch(behind, first + 1, end) {
                                trail.push(Entry::Branch {
                                    branch,
                                    end,
                                    at: at as u32,
                                });
                            }
                            op = self.branches[first as usize].op;
                            continue 'steps;
                        }
                    }
                },
                Op::Place { place, next } => {
                    if place.is_at(text, at) {
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Open { mark, next } | Op::Turn { mark, next } => {
                    let old = &mut marks[mark as usize];
                    if !trail.is_empty() {
                        trail.push(Entry::Mark { mark, at: *old });
                    }
                    *old = at as u32;
                    op = next;
                    continue 'steps;
                }
                Op::Close { group, mark, next } => {
                    let old = &mut spans[group as usize];
                    if !trail.is_empty() {
                        trail.push(Entry::Group {
                            group,
                            start: old.0,
                            end: old.1,
                        });
                    }
                    *old = (marks[mark as usize], at as u32);
                    op = next;
                    continue 'steps;
                }
                Op::Turned { mark, again, exit } => {
                    let is_empty = marks[mark as usize] == at as u32;
                    op = if is_empty { exit } else { again };
                    continue 'steps;
                }
                Op::Barrier { next } => {
                    regions += 1;
                    trail.push(Entry::Barrier { at: at as u32 });
                    op = next;
                    continue 'steps;
                }
                Op::Seal { back, next } => {
                    let began = seal(trail);
                    regions -= 1;
                    if back {
                        at = began;
                    }
                    op = next;
                    continue 'steps;
                }
                Op::Deny { body, next } => {
                    regions += 1;
                    trail.push(Entry::Deny {
                        next,
                        at: at as u32,
                    });
                    op = body;
                    continue 'steps;
                }
                Op::Denied => {
                    regions -= 1;
                    while let Some(entry) = trail.pop() {
                        match entry {
                            Entry::Deny { .. } => break,
                            Entry::Group { group, start, end } => {
                                spans[group as usize] = (start, end);
                            }
                            Entry::Mark { mark, at } => marks[mark as usize] = at,
                            _ => {}
                        }
                    }
                }
                Op::Back { width, next } => {
                    if let Some(before) = at.checked_sub(width as usize) {
                        at = before;
                        op = next;
                        continue 'steps;
                    }
                }
                Op::Backref { group, fold, next } => {
                    let (start, end) = spans[group as usize];
                    if start != NOWHERE {
                        let captured = &text[start as usize..end as usize];
                        let same = text.get(at..at + captured.len()).is_some_and(|here| {
                            here == captured || fold && here.eq_ignore_ascii_case(captured)
                        });
                        taken += captured.len() as u64 / 32;
                        if same {
                            at += captured.len();
                            op = next;
                            continue 'steps;
                        }
                    }
                }
                Op::Condition { group, yes, no } => {
                    let is_set = spans[group as usize].0 != NOWHERE;
                    op = if is_set { yes } else { no };
                    continue 'steps;
                }
            }
            // The last way that was not tried.
            loop {
                let Some(entry) = trail.pop() else {
                    break 'steps Way::None;
                };
                match entry {
                    Entry::Branch {
                        branch,
                        end,
                        at: before,
                    } => {
                        at = before as usize;
                        op = self.branches[branch as usize].op;
                        if let Some(branch) =
                            self.next_branch(Seen::new(text, at + 1), branch + 1, end)
                        {
                            trail.push(Entry::Branch {
                                branch,
                                end,
                                at: before,
                            });
                        }
                        continue 'steps;
                    }
                    Entry::Less {
                        of,
                        least,
                        at: before,
                    } => {
                        let repeated = &self.loops[of as usize];
                        let most = before as usize - 1;
                        let shorter = repeated.lead.last_place(text, least as usize, most);
                        if let Some(end) = shorter {
                            taken += (before as usize - end) as u64 / 32;
                            if end > least as usize {
                                trail.push(Entry::Less {
                                    of,
                                    least,
                                    at: end as u32,
                                });
                            }
                            at = end;
                            op = repeated.next;
                            continue 'steps;
                        }
                        taken += u64::from(before - least) / 32;
                    }
                    Entry::More {
                        of,
                        at: before,
                        most,
                    } => {
                        let repeated = &self.loops[of as usize];
                        let from = before as usize;
                        if repeated.set.has(&self.literals, text, from)
                            && let Some(end) =
                                repeated.go_on(self, text, from + 1, most as usize, of, trail)
                        {
                            taken += (end - from) as u64 / 32;
                            at = end;
                            op = repeated.next;
                            continue 'steps;
                        }
                    }
                    Entry::Group { group, start, end } => spans[group as usize] = (start, end),
                    Entry::Mark { mark, at } => marks[mark as usize] = at,
                    Entry::Barrier { .. } => regions -= 1,
                    Entry::Deny { next, at: before } => {
                        regions -= 1;
                        at = before as usize;
                        op = next;
                        continue 'steps;
                    }
                }
            }
        };
        *steps = taken;
        way
    }
}

impl Loop {
    /// Takes the first number of turns that comes into question, and notes the
    /// others. Where it ends.
    #[inline(always)]
    fn begin(
        &self,
        machine: &Machine,
        text: &[u8],
        at: usize,
        number: u32,
        trail: &mut Vec<Entry>,
    ) -> Option<usize> {
        let rest = text.len() - at;
        let min = self.min as usize;
        if rest < min {
            return None;
        }
        let most = at + rest.min(self.max as usize);
        match self.mode {
            LoopMode::All => {
                let end = self.set.end(&machine.literals, text, at, most);
                (end >= at + min).then_some(end)
            }
            LoopMode::Greedy => {
                let end = self.set.end(&machine.literals, text, at, most);
                let least = at + min;
                if end < least {
                    return None;
                }
                let end = self.lead.last_place(text, least, end)?;
                if end > least {
                    trail.push(Entry::Less {
                        of: number,
                        least: least as u32,
                        at: end as u32,
                    });
                }
                Some(end)
            }
            LoopMode::Lazy => {
                let least = at + min;
                if min > 0 && self.set.end(&machine.literals, text, at, least) < least {
                    return None;
                }
                self.go_on(machine, text, least, most, number, trail)
            }
        }
    }

    /// The first place from `from` on at which a lazy loop can be left.
    fn go_on(
        &self,
        machine: &Machine,
        text: &[u8],
        from: usize,
        most: usize,
        number: u32,
        trail: &mut Vec<Entry>,
    ) -> Option<usize> {
        let mut at = from;
        if let (Some(wanted), Some(stop), None) =
            (self.lead.single(), self.set.stop, self.set.until)
        {
            loop {
                let found = memchr::memchr2(wanted, stop, &text[at..most]);
                at = found.map_or(most, |found| at + found);
                if self.lead.allows(text, at) {
                    break;
                }
                if at == most || text[at] == stop {
                    return None;
                }
                at += 1;
            }
        } else {
            while !self.lead.allows(text, at) {
                if at >= most || !self.set.has(&machine.literals, text, at) {
                    return None;
                }
                at += 1;
            }
        }
        if at < most {
            trail.push(Entry::More {
                of: number,
                at: at as u32,
                most: most as u32,
            });
        }
        Some(at)
    }
}

/// Where three numbers of up to three digits end, each with a dot behind it.
#[inline(always)]
fn three_numbers(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    for _ in 0..3 {
        let rest = &text[at..text.len().min(at + 4)];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) || rest.get(digits) != Some(&b'.') {
            return None;
        }
        at += digits + 1;
    }
    Some(at)
}

/// Drops all ways since the last barrier but keeps what is to be undone.
/// Returns where the barrier was.
fn seal(trail: &mut Vec<Entry>) -> usize {
    let is_barrier = |entry: &Entry| matches!(entry, Entry::Barrier { .. });
    let barrier = trail.iter().rposition(is_barrier).unwrap_or(0);
    let began = match trail.get(barrier) {
        Some(&Entry::Barrier { at }) => at as usize,
        _ => 0,
    };
    let mut kept = barrier;
    for index in barrier + 1..trail.len() {
        if matches!(trail[index], Entry::Group { .. } | Entry::Mark { .. }) {
            trail[kept] = trail[index];
            kept += 1;
        }
    }
    trail.truncate(kept);
    began
}

impl Place {
    fn is_at(self, text: &[u8], at: usize) -> bool {
        let newline = |at: usize| text.get(at) == Some(&b'\n');
        let word = |at: Option<usize>| {
            at.and_then(|at| text.get(at))
                .is_some_and(|&byte| byte == b'_' || byte.is_ascii_alphanumeric())
        };
        let changes = || word(at.checked_sub(1)) != word(Some(at));
        let end = text.len();
        match self {
            Place::TextStart => at == 0,
            Place::LineStart => at == 0 || newline(at - 1),
            Place::TextEnd => at == end,
            Place::LastLineEnd => at == end || (newline(at) && at + 1 == end),
            Place::LineEnd => at == end || newline(at),
            Place::Boundary => end > 0 && changes(),
            Place::NotBoundary => end > 0 && !changes(),
            Place::NotAfterWord => !word(at.checked_sub(1)),
            Place::NotBeforeWord => !word(Some(at)),
        }
    }
}
