//! How large the program of an expression will be.
//!
//! Counted repetitions are written out in a linear program, and multiply
//! where they nest. The size is estimated on the tree, so that an expression
//! that is too large is refused before anything is compiled.

use std::ops::Range;

use super::problem::{Failure, Problem};
use super::syntax::{ClassItem, Fold, Kind, Node, Perl};

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
            let ranges = ranges(&node.kind);
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

/// About how many ranges a set of characters has. To count them, it would have
/// to be made.
fn ranges(kind: &Kind) -> u64 {
    let folded = |fold: &Fold| if *fold == Fold::Exact { 1 } else { 3 };
    match kind {
        Kind::Char { fold, .. } => folded(fold),
        Kind::Any { newline } => 1 + u64::from(!newline),
        Kind::Class(class) => {
            let items = class.items.iter().map(|item| match item {
                ClassItem::Range(..) => folded(&class.fold),
                ClassItem::Perl { ascii: true, .. } => 4,
                ClassItem::Perl { perl, .. } => match perl {
                    Perl::Digit => 70,
                    Perl::Space => 10,
                    Perl::Word => 780,
                },
            });
            items.sum::<u64>() + u64::from(class.negated)
        }
        _ => 1,
    }
}
