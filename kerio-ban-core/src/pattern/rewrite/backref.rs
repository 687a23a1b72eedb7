//! Back-references to a group that captures one of a few characters.
//!
//! `([-/.])x\1` becomes `(?:(-)x-|(/)x/|(\.)x\.)`. Which branch can match is
//! settled by one character, so that their order does not matter.

use crate::pattern::charset::{chars_set, set_of};
use crate::pattern::syntax::{ClassItem, Fold, Kind, Node};

/// How many characters the group may capture.
const MAX_MEMBERS: usize = 8;
/// How many nodes all copies may have together.
const MAX_NODES: usize = 2000;

pub(super) fn rewrite(root: &Node) -> Node {
    let mut budget = MAX_NODES;
    expand(root, root, &mut budget)
}

fn expand(node: &Node, root: &Node, budget: &mut usize) -> Node {
    if let Kind::Concat(nodes) = &node.kind {
        for (index, child) in nodes.iter().enumerate() {
            let Some((group, members)) = small_group(child) else {
                continue;
            };
            let after = &nodes[index + 1..];
            let uses: usize = after.iter().map(|node| count_uses(node, group)).sum();
            let size: usize = after.iter().map(Node::size).sum();
            if uses == 0
                || uses != count_uses(root, group)
                || size * members.len() > *budget
                || !after.iter().all(|node| can_replace(node, group, &members))
            {
                continue;
            }
            let branches = members
                .iter()
                .map(|&member| {
                    let mut branch = vec![captured(child, member)];
                    branch.extend(after.iter().map(|node| replace(node, group, member)));
                    Node::new(Kind::Concat(branch), node.span.clone())
                })
                .collect();
            let mut before = nodes[..index].to_vec();
            before.push(Node::new(Kind::Alternate(branches), node.span.clone()));
            let node = Node::concat(before, node.span.clone());
            *budget -= size * members.len();
            return expand(&node, root, budget);
        }
    }
    node.map_children(|child| expand(child, root, budget))
}

/// The number and the characters of a group that captures exactly one of
/// very few.
fn small_group(node: &Node) -> Option<(usize, Vec<char>)> {
    let Kind::Capture { group, body } = &node.kind else {
        return None;
    };
    let leaves = match &body.kind {
        Kind::Alternate(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(&**body),
    };
    let mut members = Vec::new();
    for leaf in leaves {
        for range in set_of(&leaf.kind)?.iter() {
            members.extend((range.start()..=range.end()).take(MAX_MEMBERS + 1));
            if members.len() > MAX_MEMBERS {
                return None;
            }
        }
    }
    members.sort_unstable();
    members.dedup();
    (members.len() > 1).then_some((*group, members))
}

/// The group of [`small_group`] with one of its characters.
fn captured(group: &Node, member: char) -> Node {
    group.map_children(|body| literal(body, member, Fold::Exact))
}

fn literal(place: &Node, c: char, fold: Fold) -> Node {
    let code = u32::from(c);
    Node::new(Kind::Char { code, fold }, place.span.clone())
}

fn count_uses(node: &Node, group: usize) -> usize {
    let here = match node.kind {
        // A condition only asks whether the group is set; that is no
        // business of this rewrite, and the count will not add up.
        Kind::Condition { group: of, .. } if of == group => 2 * MAX_NODES,
        Kind::Backref { group: to, .. } => usize::from(to == group),
        _ => 0,
    };
    let inside: usize = node
        .children()
        .into_iter()
        .map(|child| count_uses(child, group))
        .sum();
    here + inside
}

/// Python compares what a group has captured by lower case alone, which is
/// not quite how it compares a letter. Only letters notice.
fn can_replace(node: &Node, group: usize, members: &[char]) -> bool {
    if matches!(node.kind, Kind::Condition { group: of, .. } if of == group) {
        return false;
    }
    if let Kind::Backref { group: to, fold } = node.kind
        && to == group
    {
        return fold == Fold::Exact || members.iter().all(|&member| is_caseless(member));
    }
    node.children()
        .into_iter()
        .all(|child| can_replace(child, group, members))
}

fn is_caseless(c: char) -> bool {
    let code = u32::from(c);
    let forms = chars_set(&[ClassItem::Range(code, code)], Fold::Unicode);
    forms.ranges().len() == 1 && forms.ranges()[0].start() == forms.ranges()[0].end()
}

fn replace(node: &Node, group: usize, member: char) -> Node {
    match node.kind {
        Kind::Backref { group: to, fold } if to == group => literal(node, member, fold),
        _ => node.map_children(|child| replace(child, group, member)),
    }
}
