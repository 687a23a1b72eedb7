//! How large the program of an expression will be.
//!
//! Counted repetitions are written out in a linear program, and multiply
//! where they nest. The size is estimated on the tree, so that an expression
//! that is too large is refused before anything is compiled.

use std::ops::Range;

use super::charset::set_of;
use super::problem::{Failure, Problem};
use super::syntax::{Kind, Node};

/// The largest estimate that is accepted, in bytes. `<HOST>` comes to some
/// 80 KiB, nearly all of it for its Unicode classes.
const MAX_BYTES: u64 = 32 << 20;

/// Refuses an expression that is too large, at the innermost repetition that
/// makes it so.
pub(super) fn check(root: &Node) -> Result<(), Failure> {
    let refused = |span: Range<usize>| Err(Failure::new(Problem::TooLarge, span));
    match measure(root) {
        Err(span) => refused(span),
        Ok(bytes) if bytes > MAX_BYTES => refused(root.span.clone()),
        Ok(_) => Ok(()),
    }
}

/// Whether a tree is not too large.
pub(super) fn fits(root: &Node) -> bool {
    check(root).is_ok()
}

/// The estimate for a node, or the repetition inside that exceeds the limit.
fn measure(node: &Node) -> Result<u64, Range<usize>> {
    let mut inside: u64 = 0;
    for child in node.children() {
        inside = inside.saturating_add(measure(child)?);
    }
    let bytes = match &node.kind {
        Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
            let ranges = set_of(&node.kind).map_or(1, |set| set.ranges().len() as u64);
            // Any class beyond ASCII needs a little automaton of its own.
            if ranges == 1 { 50 } else { 300 + 25 * ranges }
        }
        Kind::Repeat(repeat) => {
            let copies = u64::from(repeat.max.unwrap_or(repeat.min).max(1));
            let bytes = inside.saturating_add(50).saturating_mul(copies);
            if bytes > MAX_BYTES {
                return Err(node.span.clone());
            }
            bytes
        }
        _ => inside.saturating_add(50),
    };
    Ok(bytes)
}
