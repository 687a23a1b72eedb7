//! The parser for Python 3.11 expressions.
//!
//! It reads tokens as Python's does and refuses what Python refuses, under
//! the same conditions.

mod class;
mod escape;
mod group;
mod tokens;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use self::tokens::{Token, Tokens};
use super::problem::{Failure, Problem};
use super::syntax::{
    Assertion, ClassItem, Expression, Fold, Group, Kind, Node, Perl, Repeat, RepeatMode, Width,
};

/// How deep groups may nest. Every stage behind the parser recurses over the
/// tree, and the engines have limits of their own.
const MAX_NESTING: usize = 100;

/// Repetition counts must stay below this, as in Python.
const MAX_REPEAT: u64 = 4_294_967_295;

/// Parses an expression, with Python's `MULTILINE` on or off at its start.
pub(super) fn parse(text: &str, multi_line: bool) -> Result<Expression, Failure> {
    let mut parser = Parser {
        tokens: Tokens::new(text)?,
        groups: vec![GroupState::default()],
        names: HashMap::new(),
        lookbehind_from: None,
        forward_references: Vec::new(),
        depth: 0,
    };
    let mut flags = Flags {
        multi_line,
        ..Flags::default()
    };
    let root = parser.alternatives(&mut flags, true)?;
    if parser.tokens.peek().is_some() {
        return Err(Failure::new(
            Problem::UnopenedGroup,
            parser.tokens.next_span(),
        ));
    }
    for (group, span) in parser.forward_references {
        if group >= parser.groups.len() as u64 {
            return Err(Failure::new(
                Problem::UnknownGroupNumber(group.to_string()),
                span,
            ));
        }
    }
    let groups: Vec<Group> = parser
        .groups
        .into_iter()
        .map(|group| Group {
            name: group.name,
            width: group.width.unwrap_or(Width::ZERO),
        })
        .collect();
    check(&root, &groups, flags.template)?;
    Ok(Expression { root, groups })
}

/// What Python checks only when the whole expression is known.
fn check(node: &Node, groups: &[Group], template: bool) -> Result<(), Failure> {
    match &node.kind {
        Kind::Look(look) if look.behind => {
            let width = look.body.width(&|group| groups[group].width);
            if width.min > u64::from(u32::MAX) {
                return Err(Failure::new(Problem::FarLookbehind, node.span.clone()));
            }
            if width.min != width.max {
                let range = match width.max {
                    Width::UNLIMITED => format!("{} characters or more", width.min),
                    max => format!("{} to {max} characters", width.min),
                };
                let problem = Problem::VariableLookbehind(range);
                return Err(Failure::new(problem, node.span.clone()));
            }
        }
        Kind::Repeat(_) if template => {
            return Err(Failure::new(Problem::TemplateRepeat, node.span.clone()));
        }
        _ => {}
    }
    node.children()
        .into_iter()
        .try_for_each(|child| check(child, groups, template))
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    /// By number; the first stands for the whole expression.
    groups: Vec<GroupState>,
    names: HashMap<String, usize>,
    /// Inside a look-behind: the number of groups there were at its start.
    lookbehind_from: Option<usize>,
    /// Conditions on groups that may come later.
    forward_references: Vec<(u64, Range<usize>)>,
    depth: usize,
}

#[derive(Default)]
struct GroupState {
    name: Option<Arc<str>>,
    /// Where it opens.
    span: Range<usize>,
    /// Known once the group is closed.
    width: Option<Width>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    verbose: bool,
    ascii: bool,
    /// Set explicitly. Unicode rules hold without it too.
    unicode: bool,
    template: bool,
}

impl Flags {
    fn fold(self) -> Fold {
        match (self.ignore_case, self.ascii) {
            (false, _) => Fold::Exact,
            (true, true) => Fold::Ascii,
            (true, false) => Fold::Unicode,
        }
    }
}

/// A piece of a sequence and what a repetition sign after it means.
struct Item {
    node: Node,
    repeats: Repeats,
}

enum Repeats {
    Allowed,
    /// Zero-width signs such as `^` and `\b`.
    Nothing,
    /// It is repeated already.
    Again,
}

impl Item {
    fn new(kind: Kind, span: Range<usize>) -> Item {
        let repeats = match kind {
            Kind::Assert(_) => Repeats::Nothing,
            _ => Repeats::Allowed,
        };
        Item {
            node: Node::new(kind, span),
            repeats,
        }
    }
}

impl Parser<'_> {
    /// `a|b|c`, up to a `)` or the end. The first sequence of the whole
    /// expression may change the flags for everything.
    fn alternatives(&mut self, flags: &mut Flags, whole: bool) -> Result<Node, Failure> {
        let start = self.tokens.at();
        let mut branches = vec![self.sequence(flags, whole)?];
        while self.tokens.accept('|')? {
            branches.push(self.sequence(flags, false)?);
        }
        Ok(if branches.len() == 1 {
            branches.remove(0)
        } else {
            Node::new(Kind::Alternate(branches), start..self.tokens.at())
        })
    }

    fn sequence(&mut self, flags: &mut Flags, first: bool) -> Result<Node, Failure> {
        let start = self.tokens.at();
        let mut items: Vec<Item> = Vec::new();
        while let Some(token) = self.tokens.peek() {
            if matches!(token, Token::Char('|' | ')')) {
                break;
            }
            let at = self.tokens.at();
            self.tokens.bump()?;
            if flags.verbose && self.skip_verbose(token)? {
                continue;
            }
            let kind = match token {
                Token::Escape(_) => self.escape(token, at, *flags)?,
                Token::Char('[') => self.class(at, *flags)?,
                Token::Char('.') => Kind::Any {
                    newline: flags.dot_all,
                },
                Token::Char('^') if flags.multi_line => Kind::Assert(Assertion::LineStart),
                Token::Char('^') => Kind::Assert(Assertion::TextStart),
                Token::Char('$') if flags.multi_line => Kind::Assert(Assertion::LineEnd),
                Token::Char('$') => Kind::Assert(Assertion::LastLineEnd),
                Token::Char('(') => {
                    let may_set_flags = first && items.is_empty();
                    if let Some(item) = self.group(at, flags, may_set_flags)? {
                        items.push(item);
                    }
                    continue;
                }
                Token::Char(sign @ ('*' | '+' | '?' | '{')) => {
                    match self.quantifier(sign, at)? {
                        Some(counts) => self.repeat(&mut items, at, counts)?,
                        None => items.push(literal(sign, *flags, at..at + 1)),
                    }
                    continue;
                }
                Token::Char(c) => {
                    items.push(literal(c, *flags, at..at + c.len_utf8()));
                    continue;
                }
            };
            items.push(Item::new(kind, at..self.tokens.at()));
        }
        // With no more room than they need: they stay as long as the expression.
        let mut nodes = Vec::with_capacity(items.len());
        nodes.extend(items.into_iter().map(|item| item.node));
        Ok(Node::concat(nodes, start..self.tokens.at()))
    }

    /// Skips what verbose mode ignores. Comments end at a newline that is
    /// not escaped.
    fn skip_verbose(&mut self, token: Token) -> Result<bool, Failure> {
        match token {
            Token::Char(' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') => Ok(true),
            Token::Char('#') => {
                while let Some(skipped) = self.tokens.take()? {
                    if skipped == Token::Char('\n') {
                        break;
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The counts of a repetition whose sign was just read; nothing if a
    /// brace turns out to be an ordinary character.
    fn quantifier(&mut self, sign: char, at: usize) -> Result<Option<(u32, Option<u32>)>, Failure> {
        match sign {
            '?' => return Ok(Some((0, Some(1)))),
            '*' => return Ok(Some((0, None))),
            '+' => return Ok(Some((1, None))),
            _ => {}
        }
        let here = self.tokens.at();
        if self.tokens.peek() == Some(Token::Char('}')) {
            return Ok(None);
        }
        let low = self.digits()?;
        let high = if self.tokens.accept(',')? {
            self.digits()?
        } else {
            low.clone()
        };
        if !self.tokens.accept('}')? {
            self.tokens.seek(here)?;
            return Ok(None);
        }
        let span = at..self.tokens.at();
        let written = || self.tokens.text(span.clone()).to_owned();
        let count = |digits: &str| match digits.parse::<u64>() {
            Ok(count) if count < MAX_REPEAT => Ok(count as u32),
            _ => Err(Failure::new(
                Problem::RepeatTooLarge(written()),
                span.clone(),
            )),
        };
        let min = if low.is_empty() { 0 } else { count(&low)? };
        let max = if high.is_empty() {
            None
        } else {
            Some(count(&high)?)
        };
        if max.is_some_and(|max| max < min) {
            return Err(Failure::new(Problem::RepeatBackwards(written()), span));
        }
        Ok(Some((min, max)))
    }

    fn digits(&mut self) -> Result<String, Failure> {
        self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit())
    }

    /// Applies a repetition to the last item.
    fn repeat(
        &mut self,
        items: &mut Vec<Item>,
        at: usize,
        (min, max): (u32, Option<u32>),
    ) -> Result<(), Failure> {
        let span = at..self.tokens.at();
        let refuse = |problem: fn(String) -> Problem| {
            let written = self.tokens.text(span.clone()).to_owned();
            Err(Failure::new(problem(written), span.clone()))
        };
        let body = match items.pop() {
            None => return refuse(Problem::NothingToRepeat),
            Some(item) => match item.repeats {
                Repeats::Nothing => return refuse(Problem::NothingToRepeat),
                Repeats::Again => return refuse(Problem::MultipleRepeat),
                Repeats::Allowed => item.node,
            },
        };
        let mode = if self.tokens.accept('?')? {
            RepeatMode::Lazy
        } else if self.tokens.accept('+')? {
            RepeatMode::Possessive
        } else {
            RepeatMode::Greedy
        };
        let span = body.span.start..self.tokens.at();
        let repeat = Repeat {
            body,
            min,
            max,
            mode,
        };
        items.push(Item {
            node: Node::new(Kind::Repeat(Box::new(repeat)), span),
            repeats: Repeats::Again,
        });
        Ok(())
    }
}

fn literal(c: char, flags: Flags, span: Range<usize>) -> Item {
    let kind = Kind::Char {
        code: u32::from(c),
        fold: flags.fold(),
    };
    Item::new(kind, span)
}

/// What `\d`, `\D` and their kin stand for.
fn perl(letter: char, ascii: bool) -> Option<ClassItem> {
    let perl = match letter.to_ascii_lowercase() {
        'd' => Perl::Digit,
        's' => Perl::Space,
        'w' => Perl::Word,
        _ => return None,
    };
    Some(ClassItem::Perl {
        perl,
        negated: letter.is_ascii_uppercase(),
        ascii,
    })
}

#[cfg(test)]
mod tests;
