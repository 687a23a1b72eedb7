//! Replacing part of a traced text by something it stands for.

use std::ops::Range;

use crate::traced::Traced;

/// Text that stands for a range of `outer`, placed where that was typed.
pub(super) fn standing(text: impl Into<String>, outer: &Traced, range: Range<usize>) -> Traced {
    let Some(origin) = outer.origin(range) else {
        return Traced::computed(text);
    };
    let mut out = Traced::at(text, origin.span());
    for reference in origin.via() {
        let reference = Traced::typed(reference);
        out = out.through(&reference, 0..reference.len());
    }
    out
}

/// Joins pieces; texts nobody typed are between typed ones.
pub(super) fn concat<const N: usize>(pieces: [&Traced; N]) -> Traced {
    let mut out = Traced::default();
    for piece in pieces {
        out.push(piece);
    }
    out
}
