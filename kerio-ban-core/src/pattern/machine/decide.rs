//! Conditions that are decided where branches part.
//!
//! After `(?:(a)|b)`, what `(?(1)x|y)` comes to is known in each branch. With
//! what follows written out behind each of them, it is also known which bytes
//! can come next there, and much fewer ways are tried in vain. The ways that
//! remain are tried in the same order.

use crate::pattern::syntax::{Kind, Node};

/// How many branches what follows is written out for, at most.
const MAX_BRANCHES: usize = 4;

/// The same expression with a condition decided. `None` if there is nothing to
/// decide.
pub(super) fn decide(root: &Node) -> Option<Node> {
    let Kind::Concat(nodes) = &root.kind else {
        return None;
    };
    (0..nodes.len()).find_map(|place| {
        let (before, rest) = nodes.split_at(place);
        let (choice, after) = rest.split_first()?;
        let group = condition(after)?;
        let sets = |node: &Node| captures(node, group);
        if before.iter().any(sets) || after.iter().any(sets) {
            return None;
        }
        let (capture, branches) = branches(choice)?;
        let decided: Option<Vec<bool>> = branches
            .iter()
            .map(|branch| match branch {
                _ if capture == Some(group) => Some(true),
                branch if surely_captures(branch, group) => Some(true),
                branch => (!captures(branch, group)).then_some(false),
            })
            .collect();
        let decided = decided.filter(|_| branches.len() <= MAX_BRANCHES)?;
        let ways = branches.iter().zip(decided).map(|(branch, is_set)| {
            let mut way = vec![match capture {
                Some(group) => Node::new(
                    Kind::Capture {
                        group,
                        body: Box::new(branch.clone()),
                    },
                    choice.span.clone(),
                ),
                None => branch.clone(),
            }];
            way.extend(after.iter().map(|node| with(node, group, is_set)));
            Node::concat(way, root.span.clone())
        });
        let ways = Node::new(Kind::Alternate(ways.collect()), root.span.clone());
        let mut nodes = before.to_vec();
        nodes.push(ways);
        Some(Node::concat(nodes, root.span.clone()))
    })
}

/// A group that a condition in these nodes asks for.
fn condition(nodes: &[Node]) -> Option<usize> {
    nodes.iter().find_map(|node| match &node.kind {
        Kind::Condition { group, .. } => Some(*group),
        _ => {
            let inside = node.children();
            inside
                .into_iter()
                .find_map(|node| condition(std::slice::from_ref(node)))
        }
    })
}

/// The branches of a node, and the group that they all are in.
fn branches(node: &Node) -> Option<(Option<usize>, &[Node])> {
    match &node.kind {
        Kind::Alternate(branches) => Some((None, branches)),
        Kind::Capture { group, body } => match &body.kind {
            Kind::Alternate(branches) => Some((Some(*group), branches)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a group is anywhere in a node.
fn captures(node: &Node, group: usize) -> bool {
    node.any(&|kind| matches!(kind, Kind::Capture { group: inside, .. } if *inside == group))
}

/// Whether nothing matches a node without setting a group.
fn surely_captures(node: &Node, wanted: usize) -> bool {
    match &node.kind {
        Kind::Capture { group, body } => *group == wanted || surely_captures(body, wanted),
        Kind::Concat(nodes) => nodes.iter().any(|node| surely_captures(node, wanted)),
        _ => false,
    }
}

/// A node with the conditions on a group decided.
fn with(node: &Node, wanted: usize, is_set: bool) -> Node {
    match &node.kind {
        Kind::Condition { group, yes, no } if *group == wanted => {
            with(if is_set { yes } else { no }, wanted, is_set)
        }
        _ => node.map_children(|child| with(child, wanted, is_set)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::parse::parse;

    fn decided(expression: &str) -> Option<Node> {
        decide(&parse(expression, false).unwrap().root)
    }

    fn has_condition(node: &Node) -> bool {
        node.any(&|kind| matches!(kind, Kind::Condition { .. }))
    }

    #[test]
    fn only_what_is_certain_is_decided() {
        for expression in [
            "x(?:(a)|b)c(?(1)d|e)",
            "x((a)|b)c(?(2)d|e)",
            "x((a)|b)c(?(1)d|e)",
            "(?:x(a)y|b|c)(?:(?(1)d|e)|f)*",
        ] {
            let node = decided(expression).unwrap();
            assert!(!has_condition(&node), "{expression}");
        }
        for expression in [
            "(?:(a)|b)c",
            "(?:(a)?|b)(?(1)d|e)",
            "(?:(?:(a)|b)(?(1)d|e))*",
            "(a)?(?:b|c)(?(1)d|e)",
        ] {
            assert!(decided(expression).is_none(), "{expression}");
        }
    }
}
