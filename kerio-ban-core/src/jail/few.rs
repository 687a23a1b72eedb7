//! Lists that mostly hold one value.

use std::ops::Deref;

/// A list whose first value takes no memory beside it: most counters never
/// see a second failure, and there can be very many of them.
#[derive(Clone, Debug, Default)]
pub(super) enum Few<T> {
    #[default]
    None,
    One(T),
    Many(Vec<T>),
}

impl<T: Copy> Few<T> {
    pub(super) fn push(&mut self, value: T) {
        match self {
            Few::None => *self = Few::One(value),
            Few::One(first) => *self = Few::Many(vec![*first, value]),
            Few::Many(values) => values.push(value),
        }
    }

    /// Adds a value at the end and drops the first ones beyond `limit`.
    pub(super) fn push_within(&mut self, value: T, limit: usize) {
        self.push(value);
        if let Few::Many(values) = self {
            let excess = values.len().saturating_sub(limit);
            values.drain(..excess);
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Few::None => &[],
            Few::One(value) => std::slice::from_ref(value),
            Few::Many(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_and_the_last_ones_stay() {
        let mut few = Few::default();
        assert!(few.is_empty());
        for value in 1..=3 {
            few.push(value);
            assert_eq!(*few, (1..=value).collect::<Vec<_>>());
        }
        few.push_within(4, 3);
        assert_eq!(*few, [2, 3, 4]);
    }
}
