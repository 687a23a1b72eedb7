//! A slow matcher with Python's semantics, straight on the parsed tree. It
//! shares nothing with the rewrites, the scripts and the engines.

use std::collections::HashMap;

use crate::pattern::charset::set_of;
use crate::pattern::parse::parse;
use crate::pattern::syntax::{
    Assertion, Expression, Fold, Kind, Look, Node, Repeat, RepeatMode, Width,
};

type Spans = Vec<Option<(usize, usize)>>;

pub(super) struct Reference<'e> {
    expression: &'e Expression,
    text: Vec<char>,
    sets: HashMap<*const Node, Vec<(char, char)>>,
    steps: usize,
}

/// Too many steps.
struct GiveUp;

type Answer = Result<bool, GiveUp>;

/// What is still to match.
type Next<'a, 'e> = &'a mut dyn FnMut(&mut Reference<'e>, usize, &mut Spans) -> Answer;

/// The spans of all groups of the first match, in characters; nothing if the
/// search takes too long.
pub(super) fn search(expression: &str, multi_line: bool, text: &str) -> Option<Option<Spans>> {
    let expression = parse(expression, multi_line).ok()?;
    let mut reference = Reference {
        expression: &expression,
        text: text.chars().collect(),
        sets: HashMap::new(),
        steps: 200_000,
    };
    for start in 0..=reference.text.len() {
        let mut spans = vec![None; expression.groups.len()];
        let mut found = None;
        let root = &expression.root;
        let matched = reference.node(root, start, &mut spans, &mut |_, end, spans| {
            let mut spans = spans.clone();
            spans[0] = Some((start, end));
            found = Some(spans);
            Ok(true)
        });
        if matched.ok()? {
            return Some(found);
        }
    }
    Some(None)
}

impl<'e> Reference<'e> {
    fn node(&mut self, node: &'e Node, at: usize, spans: &mut Spans, next: Next<'_, 'e>) -> Answer {
        self.steps = self.steps.checked_sub(1).ok_or(GiveUp)?;
        match &node.kind {
            Kind::Empty | Kind::EndHere => next(self, at, spans),
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
                if self.accepts(node, at) {
                    next(self, at + 1, spans)
                } else {
                    Ok(false)
                }
            }
            Kind::Assert(assertion) => {
                if self.holds(*assertion, at) {
                    next(self, at, spans)
                } else {
                    Ok(false)
                }
            }
            Kind::Concat(nodes) => self.sequence(nodes, at, spans, next),
            Kind::Alternate(nodes) => {
                for node in nodes {
                    if self.node(node, at, spans, next)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Kind::Capture { group, body } => self.node(body, at, spans, &mut |this, end, spans| {
                let old = spans[*group].replace((at, end));
                let matched = next(this, end, spans)?;
                if !matched {
                    spans[*group] = old;
                }
                Ok(matched)
            }),
            Kind::Atomic(body) => match self.once(body, at, spans)? {
                Some((end, mut inner)) => {
                    std::mem::swap(spans, &mut inner);
                    let matched = next(self, end, spans)?;
                    if !matched {
                        *spans = inner;
                    }
                    Ok(matched)
                }
                None => Ok(false),
            },
            Kind::Look(look) => self.look(look, at, spans, next),
            Kind::Backref { group, fold } => {
                let Some((start, end)) = spans[*group] else {
                    return Ok(false);
                };
                let same = |one: char, other: char| match fold {
                    Fold::Exact => one == other,
                    _ => one.to_lowercase().eq(other.to_lowercase()),
                };
                let length = end - start;
                if at + length > self.text.len()
                    || !(0..length).all(|i| same(self.text[start + i], self.text[at + i]))
                {
                    return Ok(false);
                }
                next(self, at + length, spans)
            }
            Kind::Condition { group, yes, no } => {
                let branch = if spans[*group].is_some() { yes } else { no };
                self.node(branch, at, spans, next)
            }
            Kind::Repeat(repeat) => match repeat.mode {
                RepeatMode::Greedy => self.greedy(repeat, 0, None, at, spans, next),
                RepeatMode::Lazy => self.lazy(repeat, 0, None, at, spans, next),
                RepeatMode::Possessive => self.possessive(repeat, at, spans, next),
            },
        }
    }

    fn sequence(
        &mut self,
        nodes: &'e [Node],
        at: usize,
        spans: &mut Spans,
        next: Next<'_, 'e>,
    ) -> Answer {
        match nodes.split_first() {
            None => next(self, at, spans),
            Some((first, rest)) => self.node(first, at, spans, &mut |this, at, spans| {
                this.sequence(rest, at, spans, next)
            }),
        }
    }

    /// `last` is where the turn before started, required turns aside.
    fn greedy(
        &mut self,
        repeat: &'e Repeat,
        count: u32,
        last: Option<usize>,
        at: usize,
        spans: &mut Spans,
        next: Next<'_, 'e>,
    ) -> Answer {
        let required = count < repeat.min;
        let allowed = repeat.max.is_none_or(|max| count < max) && last != Some(at);
        if required || allowed {
            let last = if required { last } else { Some(at) };
            let matched = self.node(&repeat.body, at, spans, &mut |this, at, spans| {
                this.greedy(repeat, count + 1, last, at, spans, next)
            })?;
            if matched {
                return Ok(true);
            }
        }
        if required {
            Ok(false)
        } else {
            next(self, at, spans)
        }
    }

    fn lazy(
        &mut self,
        repeat: &'e Repeat,
        count: u32,
        last: Option<usize>,
        at: usize,
        spans: &mut Spans,
        next: Next<'_, 'e>,
    ) -> Answer {
        let required = count < repeat.min;
        if !required && next(self, at, spans)? {
            return Ok(true);
        }
        let allowed = repeat.max.is_none_or(|max| count < max) && last != Some(at);
        if !required && !allowed {
            return Ok(false);
        }
        let last = if required { last } else { Some(at) };
        self.node(&repeat.body, at, spans, &mut |this, at, spans| {
            this.lazy(repeat, count + 1, last, at, spans, next)
        })
    }

    fn possessive(
        &mut self,
        repeat: &'e Repeat,
        mut at: usize,
        spans: &mut Spans,
        next: Next<'_, 'e>,
    ) -> Answer {
        let old = spans.clone();
        let mut count = 0;
        while repeat.max.is_none_or(|max| count < max) {
            let Some((end, inner)) = self.once(&repeat.body, at, spans)? else {
                break;
            };
            *spans = inner;
            count += 1;
            if end == at && count >= repeat.min {
                break;
            }
            at = end;
        }
        let matched = count >= repeat.min && next(self, at, spans)?;
        if !matched {
            *spans = old;
        }
        Ok(matched)
    }

    /// The first match of a node alone.
    fn once(
        &mut self,
        node: &'e Node,
        at: usize,
        spans: &Spans,
    ) -> Result<Option<(usize, Spans)>, GiveUp> {
        let mut found = None;
        let mut inner = spans.clone();
        self.node(node, at, &mut inner, &mut |_, end, spans| {
            found = Some((end, spans.clone()));
            Ok(true)
        })?;
        Ok(found)
    }

    fn look(&mut self, look: &'e Look, at: usize, spans: &mut Spans, next: Next<'_, 'e>) -> Answer {
        let groups = &self.expression.groups;
        let width = look.body.width(&|group| groups[group].width);
        let start = if look.behind {
            at.checked_sub(usize::try_from(width.min).unwrap())
        } else {
            Some(at)
        };
        let found = match start {
            Some(start) => self.once(&look.body, start, spans)?,
            None => None,
        };
        match (found, look.negated) {
            (None, true) => next(self, at, spans),
            (Some((_, inner)), false) => {
                let old = std::mem::replace(spans, inner);
                let matched = next(self, at, spans)?;
                if !matched {
                    *spans = old;
                }
                Ok(matched)
            }
            _ => Ok(false),
        }
    }

    fn accepts(&mut self, node: &'e Node, at: usize) -> bool {
        let Some(&c) = self.text.get(at) else {
            return false;
        };
        let set = self
            .sets
            .entry(std::ptr::from_ref(node))
            .or_insert_with(|| {
                let set = set_of(&node.kind).unwrap();
                set.iter()
                    .map(|range| (range.start(), range.end()))
                    .collect()
            });
        set.iter().any(|&(low, high)| low <= c && c <= high)
    }

    fn holds(&self, assertion: Assertion, at: usize) -> bool {
        let word = |at: Option<usize>, ascii: bool| {
            at.and_then(|at| self.text.get(at)).is_some_and(|&c| {
                c == '_'
                    || if ascii {
                        c.is_ascii_alphanumeric()
                    } else {
                        c.is_alphanumeric()
                    }
            })
        };
        let sides = |ascii| (word(at.checked_sub(1), ascii), word(Some(at), ascii));
        let newline = |at: usize| self.text.get(at) == Some(&'\n');
        let end = self.text.len();
        match assertion {
            Assertion::TextStart => at == 0,
            Assertion::LineStart => at == 0 || newline(at - 1),
            Assertion::TextEnd => at == end,
            Assertion::LastLineEnd => at == end || (newline(at) && at + 1 == end),
            Assertion::LineEnd => at == end || newline(at),
            Assertion::Boundary { ascii } => end > 0 && sides(ascii).0 != sides(ascii).1,
            Assertion::NotBoundary { ascii } => end > 0 && sides(ascii).0 == sides(ascii).1,
            Assertion::NotAfterWord => !sides(false).0,
            Assertion::NotBeforeWord => !sides(false).1,
        }
    }
}

/// Whether an expression keeps to what the engines are known to do as Python
/// does: no turn of a loop may be empty depending on where it stands, or
/// while groups are referred to.
pub(super) fn is_within_reach(expression: &str) -> bool {
    let Ok(expression) = parse(expression, false) else {
        return false;
    };
    let refers = expression
        .root
        .any(&|kind| matches!(kind, Kind::Backref { .. } | Kind::Condition { .. }));
    !expression.root.any(&|kind| match kind {
        Kind::Repeat(repeat) => {
            let empty = repeat.body.width(&|_| Width::ZERO).min == 0;
            let placed = repeat.body.any(&|kind| {
                !matches!(
                    kind,
                    Kind::Char { .. }
                        | Kind::Class(_)
                        | Kind::Any { .. }
                        | Kind::Concat(_)
                        | Kind::Alternate(_)
                        | Kind::Capture { .. }
                        | Kind::Empty
                        | Kind::Repeat(_)
                )
            });
            let possessive = repeat.body.any(
                &|kind| matches!(kind, Kind::Repeat(inner) if inner.mode == RepeatMode::Possessive),
            );
            empty && (placed || refers || possessive || repeat.mode == RepeatMode::Possessive)
        }
        _ => false,
    })
}
