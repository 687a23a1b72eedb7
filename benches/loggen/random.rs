//! A small reproducible source of numbers (SplitMix64), and what logs draw from
//! it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Different addresses in a log.
const ADDRESSES: u64 = 50_000;
/// Of these, the ones that a fifth of all traffic comes from.
const BUSY: u64 = 100;

pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, not including, `end`. The bias of the remainder is
    /// far below what a log of any length could show.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn port(&mut self) -> u64 {
        1024 + self.below(64_512)
    }

    pub(crate) fn address(&mut self) -> Address {
        let busy = self.percent(20);
        let number = self.below(if busy { BUSY } else { ADDRESSES });
        // One in fifty is IPv6; always the same ones.
        if number % 50 == 49 {
            let low = number as u16;
            return Address::V6(Ipv6Addr::new(0x2001, 0xdb8, low, 0, 0, 0, 0, 1));
        }
        // An odd factor spreads the numbers over 198.18.0.0/15 without a clash.
        let host = (number * 7919) % (1 << 17);
        let network = u64::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)));
        Address::V4(Ipv4Addr::from((network + host) as u32))
    }
}

pub(crate) enum Address {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => address.fmt(f),
        }
    }
}
