//! Sets of bytes, and what can come next.

/// Some of the bytes of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 2]);

impl ByteSet {
    pub(super) const NONE: ByteSet = ByteSet([0; 2]);
    pub(super) const ALL: ByteSet = ByteSet([u64::MAX; 2]);

    /// A bit for each byte, the lowest for the first.
    pub(super) fn new(bits: u128) -> ByteSet {
        ByteSet([bits as u64, (bits >> 64) as u64])
    }

    pub(super) fn of(byte: u8) -> ByteSet {
        ByteSet::new(1 << (byte & 127))
    }

    #[inline(always)]
    pub(super) fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6) & 1] >> (byte & 63) & 1 != 0
    }

    pub(super) fn bits(self) -> u128 {
        u128::from(self.0[0]) | u128::from(self.0[1]) << 64
    }

    pub(super) fn or(self, other: ByteSet) -> ByteSet {
        ByteSet::new(self.bits() | other.bits())
    }

    pub(super) fn and(self, other: ByteSet) -> ByteSet {
        ByteSet::new(self.bits() & other.bits())
    }

    pub(super) fn without(self, other: ByteSet) -> ByteSet {
        ByteSet::new(self.bits() & !other.bits())
    }

    pub(super) fn is_empty(self) -> bool {
        self == ByteSet::NONE
    }

    /// The only byte in it.
    pub(super) fn single(self) -> Option<u8> {
        let bits = self.bits();
        (bits.count_ones() == 1).then(|| bits.trailing_zeros() as u8)
    }
}

/// What must come next for a match to go on. It may say yes too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) bytes: ByteSet,
    /// If there is only one, that one.
    single: Option<u8>,
    /// Whether it can go on at the end of the text.
    pub(super) end: bool,
    /// What must come behind that byte.
    pub(super) then: Next,
}

/// What a byte of the text must be; it may say yes too often. A bit for each
/// byte, and one for the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next([u64; 4]);

/// A byte of the text, or its end, by the number of its bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen(u8);

impl Seen {
    #[inline(always)]
    pub(super) fn new(text: &[u8], at: usize) -> Seen {
        Seen(text.get(at).map_or(END, |&byte| byte & 127))
    }

    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }
}

const END: u8 = 128;

impl Next {
    pub(super) const ANY: Next = Next([u64::MAX; 4]);

    pub(super) fn new(ByteSet([low, high]): ByteSet, end: bool) -> Next {
        Next([low, high, u64::from(end), 0])
    }

    pub(super) fn or(self, other: Next) -> Next {
        Next(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    pub(super) fn and(self, other: Next) -> Next {
        Next(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    #[inline(always)]
    pub(super) fn allows(&self, seen: Seen) -> bool {
        self.0[usize::from(seen.0 >> 6)] >> (seen.0 & 63) & 1 != 0
    }
}

impl Lead {
    pub(super) const ANY: Lead = Lead {
        bytes: ByteSet::ALL,
        single: None,
        end: true,
        then: Next::ANY,
    };

    /// One of these bytes with anything behind it, or the end.
    pub(super) fn new(bytes: ByteSet, end: bool) -> Lead {
        Lead {
            bytes,
            single: if end { None } else { bytes.single() },
            end,
            then: Next::ANY,
        }
    }

    /// One of these bytes, and then what this begins with.
    pub(super) fn behind(&self, bytes: ByteSet) -> Lead {
        Lead {
            then: self.first(),
            ..Lead::new(bytes, false)
        }
    }

    /// The same with fewer bytes to begin with.
    pub(super) fn only(&self, bytes: ByteSet, end: bool) -> Lead {
        Lead {
            then: self.then,
            ..Lead::new(self.bytes.and(bytes), self.end && end)
        }
    }

    /// The same with less that may come behind the first byte.
    pub(super) fn then(self, then: Next) -> Lead {
        Lead { then, ..self }
    }

    pub(super) fn first(&self) -> Next {
        Next::new(self.bytes, self.end)
    }

    pub(super) fn or(self, other: Lead) -> Lead {
        let bytes = self.bytes.or(other.bytes);
        Lead::new(bytes, self.end || other.end).then(self.then.or(other.then))
    }

    /// The one byte that must come next, if it is always the same.
    pub(super) fn single(&self) -> Option<u8> {
        self.single
    }

    #[inline(always)]
    pub(super) fn allows(&self, text: &[u8], at: usize) -> bool {
        match text.get(at) {
            Some(&byte) => self.bytes.has(byte) && self.then.allows(Seen::new(text, at + 1)),
            None => self.end,
        }
    }

    /// The last place in a range, ends included, that allows it.
    #[inline(always)]
    pub(super) fn last_place(&self, text: &[u8], least: usize, most: usize) -> Option<usize> {
        if self.allows(text, most) {
            return Some(most);
        }
        let mut end = most;
        loop {
            let between = &text[least..end];
            let found = match self.single {
                Some(byte) => memchr::memrchr(byte, between),
                None => between.iter().rposition(|&byte| self.bytes.has(byte)),
            };
            end = least + found?;
            if self.then.allows(Seen::new(text, end + 1)) {
                return Some(end);
            }
        }
    }
}

/// A set that is run through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    set: ByteSet,
    /// The only byte that is not in it.
    pub(super) stop: Option<u8>,
    /// A literal, by its place and length, that must not begin at a byte of the
    /// run.
    pub(super) until: Option<(u32, u32)>,
}

impl Run {
    pub(super) fn new(set: ByteSet, until: Option<(u32, u32)>) -> Run {
        Run {
            set,
            stop: ByteSet::ALL.without(set).single(),
            until,
        }
    }

    pub(super) fn set(&self) -> ByteSet {
        self.set
    }

    /// Where the run that begins at a place ends, `limit` at the latest.
    #[inline(always)]
    pub(super) fn end(&self, literals: &[u8], text: &[u8], from: usize, limit: usize) -> usize {
        let rest = &text[from..limit];
        let length = match self.stop {
            Some(stop) => memchr::memchr(stop, rest),
            None => rest.iter().position(|&byte| !self.set.has(byte)),
        };
        let end = length.map_or(limit, |length| from + length);
        match self.until {
            Some(until) => first_of(literal(literals, until), text, from, end),
            None => end,
        }
    }

    /// Whether a byte belongs to a run.
    #[inline(always)]
    pub(super) fn has(&self, literals: &[u8], text: &[u8], at: usize) -> bool {
        let begins = |until| text[at..].starts_with(literal(literals, until));
        self.set.has(text[at]) && !self.until.is_some_and(begins)
    }
}

fn literal(literals: &[u8], (at, length): (u32, u32)) -> &[u8] {
    &literals[at as usize..][..length as usize]
}

/// The first place from `from` on at which a literal begins, `end` at the
/// latest.
fn first_of(literal: &[u8], text: &[u8], from: usize, end: usize) -> usize {
    let Some(&first) = literal.first() else {
        return from;
    };
    let mut places = memchr::memchr_iter(first, &text[from..end]);
    let found = places.find(|place| text[from + place..].starts_with(literal));
    found.map_or(end, |place| from + place)
}
