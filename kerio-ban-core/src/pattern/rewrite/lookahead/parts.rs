//! Nodes for parts of character classes.

use regex_syntax::hir::ClassUnicode;

use crate::pattern::syntax::{Class, ClassItem, Fold, Kind, Node};

/// How many ranges are written out to describe a part of a class.
const MAX_RANGES: usize = 8;

/// Any of some nodes.
pub(super) fn alternate(mut nodes: Vec<Node>, place: &Node) -> Node {
    match nodes.len() {
        0 => class_node(&ClassUnicode::empty(), place),
        1 => nodes.remove(0),
        _ => Node::new(Kind::Alternate(nodes), place.span.clone()),
    }
}

/// A leaf restricted to a part of its set, in the shortest of some forms.
pub(super) fn part_of(leaf: &Node, set: &ClassUnicode, part: &ClassUnicode) -> Node {
    if set == part {
        return leaf.clone();
    }
    let mut removed = set.clone();
    removed.difference(part);
    match &leaf.kind {
        Kind::Class(class)
            if class.except.is_empty()
                && part.ranges().len() > MAX_RANGES
                && removed.ranges().len() <= MAX_RANGES =>
        {
            let class = Class {
                except: ranges(&removed),
                ..class.clone()
            };
            Node::new(Kind::Class(class), leaf.span.clone())
        }
        _ => class_node(part, leaf),
    }
}

pub(super) fn class_node(set: &ClassUnicode, place: &Node) -> Node {
    if let [range] = set.ranges()
        && range.start() == range.end()
    {
        let code = u32::from(range.start());
        let fold = Fold::Exact;
        return Node::new(Kind::Char { code, fold }, place.span.clone());
    }
    let mut others = set.clone();
    others.negate();
    let negated = others.ranges().len() < set.ranges().len();
    let items = ranges(if negated { &others } else { set });
    let items = items
        .into_iter()
        .map(|(low, high)| ClassItem::Range(low, high))
        .collect();
    let class = Class {
        items,
        negated,
        fold: Fold::Exact,
        except: Vec::new(),
    };
    Node::new(Kind::Class(class), place.span.clone())
}

fn ranges(set: &ClassUnicode) -> Vec<(u32, u32)> {
    set.iter()
        .map(|range| (u32::from(range.start()), u32::from(range.end())))
        .collect()
}
