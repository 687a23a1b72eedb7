//! Loops over something that may be empty.
//!
//! Python leaves such a loop after a turn that matched nothing, wherever that
//! turn stands among the ways the body can match, and the groups inside have
//! then captured nothing. The engines never take an empty turn after the
//! first, and go on with whatever the body prefers next. Where that shows,
//! the body is split into its longer matches and the empty one, and the loop
//! is put together again: `(a|b*)*` becomes `(a|b+)*()`, and `(a*?)*` becomes
//! `(a+?)*?()`.

use crate::pattern::syntax::{Kind, Node, Repeat, RepeatMode, Width};

/// Larger bodies are not taken apart. Loops in loops double in size each
/// time.
const MAX_BODY: usize = 200;

/// Makes every loop end as Python's does. `may_copy` says whether groups may
/// be copied.
pub(super) fn end_like_python(node: &Node, may_copy: bool) -> Node {
    let node = node.map_children(|child| end_like_python(child, may_copy));
    let Kind::Repeat(repeat) = &node.kind else {
        return node;
    };
    let body = &repeat.body;
    if min_width(body) > 0 || max_width(body) == 0 || body.size() > MAX_BODY {
        return node;
    }
    if matches!(repeat.max, Some(0 | 1))
        || (repeat.max.is_none() && repeat.mode == RepeatMode::Lazy)
    {
        return node;
    }
    let captures = body.any(&|kind| matches!(kind, Kind::Capture { .. }));
    if captures && !may_copy {
        return node;
    }
    let longer_first = prefers_longer(body);
    if longer_first && (!captures || repeat.max.is_some()) {
        return node;
    }
    let parts = match (split(body), repeat.max) {
        (Some(parts), None) => Some(rejoined(repeat, parts)),
        (Some(parts), Some(max)) => counted(repeat, max, parts),
        (None, None) if longer_first => with_empty_turn(repeat),
        (None, _) => None,
    };
    let Some(mut parts) = parts else {
        return node;
    };
    for part in &mut parts {
        part.span = node.span.clone();
    }
    let all = Node::concat(parts, node.span.clone());
    if repeat.mode == RepeatMode::Possessive {
        Node::new(Kind::Atomic(Box::new(all)), node.span)
    } else {
        all
    }
}

/// The ways a body matches, in the order they are tried: longer ones, then
/// nothing, then again longer ones.
struct Split {
    first: Option<Node>,
    empty: Node,
    later: Option<Node>,
}

/// All turns that are not empty, then the empty one. The first kind of turn
/// is taken as long as possible, the later kind only if the loop cannot be
/// left.
fn rejoined(repeat: &Repeat, split: Split) -> Vec<Node> {
    let turns = |body: Node, mode| {
        let span = body.span.clone();
        let repeat = Repeat {
            body,
            min: 0,
            max: None,
            mode,
        };
        Node::new(Kind::Repeat(Box::new(repeat)), span)
    };
    let first = split.first.map(|body| turns(body, RepeatMode::Greedy));
    let mut parts = required_turns(repeat);
    parts.extend(first.clone());
    if let Some(later) = split.later {
        let span = later.span.clone();
        let turn: Vec<Node> = std::iter::once(later).chain(first).collect();
        parts.push(turns(Node::concat(turn, span), RepeatMode::Lazy));
    }
    parts.push(split.empty);
    parts
}

/// The same with a limited number of turns.
fn counted(repeat: &Repeat, max: u32, split: Split) -> Option<Vec<Node>> {
    let span = repeat.body.span.clone();
    let left = max - repeat.min;
    let mut parts = required_turns(repeat);
    if repeat.mode == RepeatMode::Lazy {
        // An empty turn leads nowhere the loop could not have been left to.
        let turns = Repeat {
            body: either([split.first, split.later])?,
            min: 0,
            max: Some(left),
            mode: RepeatMode::Lazy,
        };
        parts.push(Node::new(Kind::Repeat(Box::new(turns)), span));
        return Some(parts);
    }
    let copies = if split.first.is_some() {
        2_usize.checked_pow(left)?
    } else {
        left as usize
    };
    if copies.checked_mul(repeat.body.size())? > MAX_BODY {
        return None;
    }
    let mut rest = Node::new(Kind::Empty, span.clone());
    for _ in 0..left {
        let then = |turn: &Option<Node>| {
            turn.as_ref().map(|turn| {
                let both = vec![turn.clone(), rest.clone()];
                Node::new(Kind::Concat(both), span.clone())
            })
        };
        let empty = Some(split.empty.clone());
        rest = either([then(&split.first), empty, then(&split.later)])?;
    }
    parts.push(rest);
    Some(parts)
}

/// The loop, then one turn restricted to its empty matches, if one holds.
fn with_empty_turn(repeat: &Repeat) -> Option<Vec<Node>> {
    let span = repeat.body.span.clone();
    let turns = Repeat {
        mode: RepeatMode::Greedy,
        ..repeat.clone()
    };
    let turn = Repeat {
        body: only_empty(&repeat.body)?,
        min: 0,
        max: Some(1),
        mode: RepeatMode::Greedy,
    };
    Some(vec![
        Node::new(Kind::Repeat(Box::new(turns)), span.clone()),
        Node::new(Kind::Repeat(Box::new(turn)), span),
    ])
}

fn required_turns(repeat: &Repeat) -> Vec<Node> {
    if repeat.min == 0 {
        return Vec::new();
    }
    let required = Repeat {
        body: repeat.body.clone(),
        min: repeat.min,
        max: Some(repeat.min),
        mode: RepeatMode::Greedy,
    };
    let span = repeat.body.span.clone();
    vec![Node::new(Kind::Repeat(Box::new(required)), span)]
}

/// Splits a node that may be empty. Nothing if whether it may depends on
/// where it stands, or if it cannot be told apart.
fn split(node: &Node) -> Option<Split> {
    let span = || node.span.clone();
    let empty = || Node::new(Kind::Empty, span());
    match &node.kind {
        Kind::Empty => Some(Split {
            first: None,
            empty: empty(),
            later: None,
        }),
        Kind::Concat(nodes) => {
            let (last, before) = nodes.split_last()?;
            if before.is_empty() {
                return split(last);
            }
            let before = Node::concat(before.to_vec(), span());
            let (a, b) = (split(&before)?, split(last)?);
            let then = |one: &Node, next: &Node| {
                Node::new(Kind::Concat(vec![one.clone(), next.clone()]), span())
            };
            Some(Split {
                first: either([
                    a.first.map(|first| then(&first, last)),
                    b.first.map(|first| then(&a.empty, &first)),
                ]),
                later: either([
                    b.later.map(|later| then(&a.empty, &later)),
                    a.later.map(|later| then(&later, last)),
                ]),
                empty: then(&a.empty, &b.empty),
            })
        }
        Kind::Alternate(nodes) => {
            let index = nodes.iter().position(|node| min_width(node) == 0)?;
            let found = split(&nodes[index])?;
            let mut later = vec![found.later];
            for node in &nodes[index + 1..] {
                later.push(longer(node)?);
            }
            let before = nodes[..index].iter().cloned().map(Some);
            Some(Split {
                first: either(before.chain([found.first])),
                empty: found.empty,
                later: either(later),
            })
        }
        Kind::Repeat(repeat) if min_width(&repeat.body) > 0 && repeat.min == 0 => {
            let turns = Repeat {
                min: 1,
                ..(**repeat).clone()
            };
            let turns = match repeat.max {
                Some(0) => None,
                _ => Some(Node::new(Kind::Repeat(Box::new(turns)), span())),
            };
            let (first, later) = match repeat.mode {
                RepeatMode::Greedy => (turns, None),
                RepeatMode::Lazy => (None, turns),
                RepeatMode::Possessive => return None,
            };
            Some(Split {
                first,
                empty: empty(),
                later,
            })
        }
        Kind::Repeat(repeat) if repeat.min <= 1 && repeat.max == Some(1) => {
            let body = split(&repeat.body)?;
            match (repeat.min, repeat.mode) {
                (_, RepeatMode::Possessive) => None,
                (1, _) | (_, RepeatMode::Greedy) => Some(body),
                (_, RepeatMode::Lazy) => Some(Split {
                    later: either([body.first, body.later]),
                    first: None,
                    empty: empty(),
                }),
            }
        }
        Kind::Capture { group, body } => {
            let captured = |body: Node| {
                let body = Box::new(body);
                Node::new(
                    Kind::Capture {
                        group: *group,
                        body,
                    },
                    span(),
                )
            };
            let body = split(body)?;
            Some(Split {
                first: body.first.map(captured),
                empty: captured(body.empty),
                later: body.later.map(captured),
            })
        }
        _ => None,
    }
}

/// The matches of a node that are not empty, if they can be told apart;
/// nothing inside if there are none.
fn longer(node: &Node) -> Option<Option<Node>> {
    if min_width(node) > 0 {
        return Some(Some(node.clone()));
    }
    let split = split(node)?;
    Some(either([split.first, split.later]))
}

fn either(nodes: impl IntoIterator<Item = Option<Node>>) -> Option<Node> {
    let mut nodes: Vec<Node> = nodes.into_iter().flatten().collect();
    match nodes.len() {
        0 | 1 => nodes.pop(),
        _ => {
            let span = nodes[0].span.clone();
            Some(Node::new(Kind::Alternate(nodes), span))
        }
    }
}

fn min_width(node: &Node) -> u64 {
    node.width(&|_| Width { min: 0, max: 1 }).min
}

fn max_width(node: &Node) -> u64 {
    node.width(&|_| Width { min: 0, max: 1 }).max
}

/// Whether every empty match of a node is tried after all others.
fn prefers_longer(node: &Node) -> bool {
    if max_width(node) == 0 || min_width(node) > 0 {
        return true;
    }
    match &node.kind {
        Kind::Alternate(nodes) => {
            let first_empty = nodes.iter().position(|node| min_width(node) == 0);
            let after = first_empty.map_or(nodes.len(), |index| index + 1);
            nodes.iter().all(prefers_longer)
                && nodes[after..].iter().all(|node| max_width(node) == 0)
        }
        Kind::Repeat(repeat) if repeat.mode == RepeatMode::Lazy => false,
        Kind::Condition { .. } => false,
        _ => node.children().into_iter().all(prefers_longer),
    }
}

/// A node restricted to its empty matches; nothing if it has none.
fn only_empty(node: &Node) -> Option<Node> {
    let span = node.span.clone();
    let kind = match &node.kind {
        Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => return None,
        Kind::Concat(nodes) => {
            let nodes: Option<Vec<Node>> = nodes.iter().map(only_empty).collect();
            Kind::Concat(nodes?)
        }
        Kind::Alternate(nodes) => return either(nodes.iter().map(only_empty)),
        Kind::Repeat(repeat) => match only_empty(&repeat.body) {
            None if repeat.min == 0 => Kind::Empty,
            None => return None,
            Some(body) => Kind::Repeat(Box::new(Repeat {
                body,
                ..(**repeat).clone()
            })),
        },
        Kind::Capture { group, body } => Kind::Capture {
            group: *group,
            body: Box::new(only_empty(body)?),
        },
        Kind::Atomic(body) => Kind::Atomic(Box::new(only_empty(body)?)),
        _ => return Some(node.clone()),
    };
    Some(Node::new(kind, span))
}
