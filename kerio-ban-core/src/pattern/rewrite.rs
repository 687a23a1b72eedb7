//! Rewrites of the tree that change nothing an expression matches or
//! captures, so that an engine can run it, or the linear one can.
//!
//! A group may end up in several places of the tree. Whichever copy captured
//! last is the group's value.

mod backref;
mod boundary;
mod lookahead;
mod loops;
mod relax;
mod tail;

use super::emit::{Form, needs_backtracking};
use super::syntax::{Expression, Kind, Node};
use super::{Buffer, size};

/// What every engine needs.
pub(super) fn prepare(expression: &Expression) -> Node {
    // Copies of a group would leave it open which one is meant.
    loops::end_like_python(&expression.root, !refers(expression))
}

/// The tree to compile for an expression, for the linear engine if it can be
/// brought into a form it accepts.
pub(super) fn rewrite(expression: &Expression, buffer: Buffer) -> Node {
    let root = prepare(expression);
    if !needs_backtracking(&root, Form::Unicode, buffer) {
        return root;
    }
    let linear = boundary::rewrite(&root, buffer);
    let linear = backref::rewrite(&linear);
    let linear = tail::rewrite(&linear, buffer);
    let linear = lookahead::rewrite(&linear, buffer);
    if needs_backtracking(&linear, Form::Unicode, buffer) || !size::fits(&linear) {
        return root;
    }
    if refers(expression) {
        loops::end_like_python(&linear, true)
    } else {
        linear
    }
}

fn refers(expression: &Expression) -> bool {
    expression
        .root
        .any(&|kind| matches!(kind, Kind::Backref { .. } | Kind::Condition { .. }))
}

/// An expression the linear engine can run, which matches at least wherever
/// the given one does. It captures nothing.
pub(super) fn relax(expression: &Expression, form: Form) -> Expression {
    Expression {
        root: relax::relax(&expression.root, form),
        groups: expression.groups.clone(),
    }
}

impl Node {
    /// How many nodes this one consists of, itself included.
    fn size(&self) -> usize {
        1 + self.children().into_iter().map(Node::size).sum::<usize>()
    }

    /// The same node with each node directly inside replaced.
    pub(super) fn map_children(&self, mut map: impl FnMut(&Node) -> Node) -> Node {
        let mut node = self.clone();
        match &mut node.kind {
            Kind::Empty
            | Kind::Char { .. }
            | Kind::Class(_)
            | Kind::Any { .. }
            | Kind::Assert(_)
            | Kind::Backref { .. }
            | Kind::EndHere => {}
            Kind::Concat(nodes) | Kind::Alternate(nodes) => {
                for node in nodes {
                    *node = map(node);
                }
            }
            Kind::Repeat(repeat) => repeat.body = map(&repeat.body),
            Kind::Capture { body, .. } | Kind::Atomic(body) => **body = map(body),
            Kind::Look(look) => look.body = map(&look.body),
            Kind::Condition { yes, no, .. } => {
                **yes = map(yes);
                **no = map(no);
            }
        }
        node
    }
}
