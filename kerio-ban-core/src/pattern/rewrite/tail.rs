//! Look-ahead at the very end of an expression.
//!
//! `x(?=y)` becomes `x()y`, with the empty group marking where the match
//! really ends. Nothing follows `y`, so that the engines go through the
//! matches of `x` in the same order.

use crate::pattern::Buffer;
use crate::pattern::syntax::{Assertion, Fold, Kind, Look, Node, Repeat, RepeatMode};

pub(super) fn rewrite(node: &Node, buffer: Buffer) -> Node {
    let end = match &node.kind {
        Kind::Concat(nodes) => {
            let mut nodes = nodes.clone();
            if let Some(last) = nodes.last_mut() {
                *last = rewrite(last, buffer);
            }
            return Node::new(Kind::Concat(nodes), node.span.clone());
        }
        Kind::Alternate(_) => return node.map_children(|branch| rewrite(branch, buffer)),
        Kind::Look(look) => match &**look {
            Look {
                body,
                behind: false,
                negated: false,
            } => body.clone(),
            _ => return node.clone(),
        },
        Kind::Assert(Assertion::LastLineEnd) if buffer == Buffer::Lines => last_line_end(node),
        _ => return node.clone(),
    };
    let mark = Node::new(Kind::EndHere, node.span.clone());
    Node::new(Kind::Concat(vec![mark, end]), node.span.clone())
}

/// What `$` looks for: at most one newline, then the end.
fn last_line_end(place: &Node) -> Node {
    let newline = Node::new(
        Kind::Char {
            code: u32::from('\n'),
            fold: Fold::Exact,
        },
        place.span.clone(),
    );
    let repeat = Repeat {
        body: newline,
        min: 0,
        max: Some(1),
        mode: RepeatMode::Greedy,
    };
    Node::new(
        Kind::Concat(vec![
            Node::new(Kind::Repeat(Box::new(repeat)), place.span.clone()),
            Node::new(Kind::Assert(Assertion::TextEnd), place.span.clone()),
        ]),
        place.span.clone(),
    )
}
