//! A linear expression that matches at least wherever a given one does.

use crate::pattern::emit::Form;
use crate::pattern::syntax::{Assertion, Kind, Node, Repeat, RepeatMode};

/// Drops what the linear engine cannot do. A text in which the result finds
/// nothing need not be searched by the backtracking engine.
pub(super) fn relax(node: &Node, form: Form) -> Node {
    let span = node.span.clone();
    let kind = match &node.kind {
        Kind::Look(_) | Kind::EndHere => Kind::Empty,
        Kind::Assert(Assertion::LastLineEnd) => Kind::Assert(Assertion::LineEnd),
        Kind::Assert(assertion) if !is_plain(*assertion, form) => Kind::Empty,
        Kind::Backref { .. } => Kind::Repeat(Box::new(Repeat {
            body: Node::new(Kind::Any { newline: true }, span.clone()),
            min: 0,
            max: None,
            mode: RepeatMode::Lazy,
        })),
        Kind::Condition { yes, no, .. } => Kind::Alternate(vec![relax(yes, form), relax(no, form)]),
        Kind::Atomic(body) | Kind::Capture { body, .. } => return relax(body, form),
        Kind::Repeat(repeat) => Kind::Repeat(Box::new(Repeat {
            body: relax(&repeat.body, form),
            min: repeat.min,
            max: repeat.max,
            mode: match repeat.mode {
                RepeatMode::Possessive => RepeatMode::Greedy,
                mode => mode,
            },
        })),
        _ => return node.map_children(|child| relax(child, form)),
    };
    Node::new(kind, span)
}

/// Whether an assertion means the same to the linear engine.
fn is_plain(assertion: Assertion, form: Form) -> bool {
    match assertion {
        Assertion::Boundary { ascii } | Assertion::NotBoundary { ascii } => match form {
            Form::Ascii => true,
            Form::Unicode => !ascii,
            Form::Exact => false,
        },
        Assertion::NotAfterWord | Assertion::NotBeforeWord => form != Form::Exact,
        _ => true,
    }
}
