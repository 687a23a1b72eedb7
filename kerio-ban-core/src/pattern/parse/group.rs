//! Everything that opens with `(`.

use std::ops::Range;
use std::sync::Arc;

use super::tokens::{Name, Token};
use super::{Flags, GroupState, Item, MAX_NESTING, Parser, Repeats};
use crate::pattern::charset::is_identifier;
use crate::pattern::problem::{Failure, Problem};
use crate::pattern::syntax::{Kind, Look, Node, Width};

/// Group numbers Python refuses by themselves begin here.
const MAX_GROUPS: u64 = 1_073_741_823;

/// What a group, its opening read, is.
enum Opening {
    Plain(Flags),
    Capture {
        name: Option<(String, Range<usize>)>,
    },
    Atomic,
    Look {
        behind: bool,
        negated: bool,
    },
    Condition {
        group: usize,
    },
    Reference {
        group: usize,
    },
    /// Nothing at all: a comment, or flags for the whole expression.
    Nothing,
}

impl<'t> Parser<'t> {
    /// A group whose `(`, at `at`, was read. Nothing for comments and for
    /// flags, which change `flags`.
    pub(super) fn group(
        &mut self,
        at: usize,
        flags: &mut Flags,
        may_set_flags: bool,
    ) -> Result<Option<Item>, Failure> {
        let opening = self.opening(at, flags, may_set_flags)?;
        if matches!(opening, Opening::Nothing) {
            return Ok(None);
        }
        if let Opening::Reference { group } = opening {
            let fold = flags.fold();
            let kind = Kind::Backref { group, fold };
            return Ok(Some(Item::new(kind, at..self.tokens.at())));
        }
        if self.depth >= MAX_NESTING {
            let problem = Problem::TooDeep { limit: MAX_NESTING };
            return Err(Failure::new(problem, at..self.tokens.at()));
        }
        self.depth += 1;
        let kind = self.body(opening, at, *flags)?;
        self.depth -= 1;
        let node = Node::new(kind, at..self.tokens.at());
        Ok(Some(Item {
            node,
            repeats: Repeats::Allowed,
        }))
    }

    fn body(&mut self, opening: Opening, at: usize, mut flags: Flags) -> Result<Kind, Failure> {
        let opened = at..self.tokens.at();
        let kind = match opening {
            Opening::Plain(mut inner) => {
                let node = self.alternatives(&mut inner, false)?;
                self.close(opened)?;
                return Ok(node.kind);
            }
            Opening::Capture { name } => {
                let group = self.open_capture(name, opened.clone())?;
                let body = self.alternatives(&mut flags, false)?;
                self.close(opened)?;
                let width = body.width(&|group| self.group_width(group));
                self.groups[group].width = Some(width);
                return Ok(Kind::Capture {
                    group,
                    body: Box::new(body),
                });
            }
            Opening::Atomic => Kind::Atomic(Box::new(self.alternatives(&mut flags, false)?)),
            Opening::Look { behind, negated } => {
                let outer = self.lookbehind_from;
                if behind && outer.is_none() {
                    self.lookbehind_from = Some(self.groups.len());
                }
                let body = self.alternatives(&mut flags, false)?;
                self.lookbehind_from = outer;
                Kind::Look(Box::new(Look {
                    body,
                    behind,
                    negated,
                }))
            }
            Opening::Condition { group } => {
                let yes = Box::new(self.sequence(&mut flags, false)?);
                let no = if self.tokens.accept('|')? {
                    self.sequence(&mut flags, false)?
                } else {
                    let end = self.tokens.at();
                    Node::new(Kind::Empty, end..end)
                };
                if self.tokens.peek() == Some(Token::Char('|')) {
                    let span = self.tokens.next_span();
                    return Err(Failure::new(Problem::ThirdBranch, span));
                }
                let no = Box::new(no);
                Kind::Condition { group, yes, no }
            }
            Opening::Reference { .. } | Opening::Nothing => Kind::Empty,
        };
        self.close(opened)?;
        Ok(kind)
    }

    fn close(&mut self, opened: Range<usize>) -> Result<(), Failure> {
        if self.tokens.accept(')')? {
            Ok(())
        } else {
            Err(Failure::new(Problem::UnclosedGroup, opened))
        }
    }

    fn group_width(&self, group: usize) -> Width {
        self.groups[group].width.unwrap_or(Width::ZERO)
    }

    fn open_capture(
        &mut self,
        name: Option<(String, Range<usize>)>,
        opened: Range<usize>,
    ) -> Result<usize, Failure> {
        let number = self.groups.len();
        let mut state = GroupState {
            name: None,
            span: opened,
            width: None,
        };
        if let Some((name, span)) = name {
            state.name = Some(Arc::from(name.as_str()));
            state.span = span.clone();
            if let Some(&first) = self.names.get(&name) {
                let mut failure = Failure::new(Problem::DuplicateGroup(name), span);
                failure.other = Some((self.groups[first].span.clone(), "first defined here"));
                return Err(failure);
            }
            self.names.insert(name, number);
        }
        self.groups.push(state);
        Ok(number)
    }

    /// Reads everything up to the contents of a group; of groups without
    /// contents, everything.
    fn opening(
        &mut self,
        at: usize,
        flags: &mut Flags,
        may_set_flags: bool,
    ) -> Result<Opening, Failure> {
        if !self.tokens.accept('?')? {
            return Ok(Opening::Capture { name: None });
        }
        Ok(match self.kind_token(at)? {
            Token::Char('P') => return self.python_extension(at),
            Token::Char(':') => Opening::Plain(*flags),
            Token::Char('#') => {
                loop {
                    match self.tokens.take()? {
                        Some(Token::Char(')')) => break,
                        Some(_) => {}
                        None => {
                            let opened = at..at + 3;
                            return Err(Failure::new(Problem::UnclosedComment, opened));
                        }
                    }
                }
                Opening::Nothing
            }
            Token::Char(sign @ ('=' | '!')) => Opening::Look {
                behind: false,
                negated: sign == '!',
            },
            Token::Char('<') => match self.kind_token(at)? {
                Token::Char(sign @ ('=' | '!')) => Opening::Look {
                    behind: true,
                    negated: sign == '!',
                },
                _ => return Err(self.unknown_kind(at)),
            },
            Token::Char('(') => Opening::Condition {
                group: self.condition()?,
            },
            Token::Char('>') => Opening::Atomic,
            Token::Char(letter) if letter == '-' || is_flag(letter) => {
                match self.flags(letter, at)? {
                    FlagChange::Scoped(change) => Opening::Plain(change.apply(*flags)),
                    FlagChange::Global(change) => {
                        let span = at..self.tokens.at();
                        if !may_set_flags {
                            let letters = self.tokens.text(at + 2..span.end - 1).to_owned();
                            return Err(Failure::new(Problem::LateFlags(letters), span));
                        }
                        *flags = change.apply_globally(*flags, span)?;
                        Opening::Nothing
                    }
                }
            }
            _ => return Err(self.unknown_kind(at)),
        })
    }

    fn kind_token(&mut self, at: usize) -> Result<Token, Failure> {
        let written = self.written(at);
        let end = self.tokens.at();
        self.tokens
            .take()?
            .ok_or_else(|| Failure::new(Problem::GroupKindExpected(written), at..end))
    }

    fn unknown_kind(&self, at: usize) -> Failure {
        let problem = Problem::UnknownGroupKind(self.written(at));
        Failure::new(problem, at..self.tokens.at())
    }

    /// `(?P<name>` and `(?P=name)`.
    fn python_extension(&mut self, at: usize) -> Result<Opening, Failure> {
        match self.kind_token(at)? {
            Token::Char('<') => {
                let name = self.identifier('>')?;
                Ok(Opening::Capture {
                    name: Some((name.text.to_owned(), name.span)),
                })
            }
            Token::Char('=') => {
                let name = self.identifier(')')?;
                let group = self.named_group(&name)?;
                self.check_reference(group, &format!("`{}`", name.text), name.span)?;
                Ok(Opening::Reference { group })
            }
            _ => Err(self.unknown_kind(at)),
        }
    }

    fn identifier(&mut self, close: char) -> Result<Name<'t>, Failure> {
        let name = self.tokens.name("group name", close)?;
        if !is_identifier(name.text) {
            let problem = Problem::BadGroupName(name.text.to_owned());
            return Err(Failure::new(problem, name.span));
        }
        Ok(name)
    }

    fn named_group(&self, name: &Name<'_>) -> Result<usize, Failure> {
        self.names.get(name.text).copied().ok_or_else(|| {
            let problem = Problem::UnknownGroupName(name.text.to_owned());
            Failure::new(problem, name.span.clone())
        })
    }

    /// The group of a condition, up to its closing parenthesis. A number may
    /// be that of a group yet to come.
    fn condition(&mut self) -> Result<usize, Failure> {
        let name = self.tokens.name("group name", ')')?;
        if is_identifier(name.text) {
            let group = self.named_group(&name)?;
            self.check_lookbehind(group, &format!("`{}`", name.text), name.span)?;
            return Ok(group);
        }
        let Some(number) = python_integer(name.text) else {
            let problem = Problem::BadGroupName(name.text.to_owned());
            return Err(Failure::new(problem, name.span));
        };
        if number == 0 || number >= MAX_GROUPS {
            let problem = Problem::UnknownGroupNumber(number.to_string());
            return Err(Failure::new(problem, name.span));
        }
        self.forward_references.push((number, name.span.clone()));
        let group = usize::try_from(number).unwrap_or(usize::MAX);
        self.check_lookbehind(group, name.text, name.span)?;
        Ok(group)
    }

    /// A back-reference needs a group that is closed.
    pub(super) fn check_reference(
        &self,
        group: usize,
        shown: &str,
        span: Range<usize>,
    ) -> Result<(), Failure> {
        if !self.is_closed(group) {
            let problem = Problem::OpenGroup(shown.to_owned());
            return Err(Failure::new(problem, span));
        }
        self.check_lookbehind(group, shown, span)
    }

    /// Inside a look-behind, only groups from before it may be referred to.
    fn check_lookbehind(
        &self,
        group: usize,
        shown: &str,
        span: Range<usize>,
    ) -> Result<(), Failure> {
        let Some(from) = self.lookbehind_from else {
            return Ok(());
        };
        let problem = if !self.is_closed(group) {
            Problem::OpenGroup(shown.to_owned())
        } else if group >= from {
            Problem::GroupOfLookbehind(shown.to_owned())
        } else {
            return Ok(());
        };
        Err(Failure::new(problem, span))
    }

    fn is_closed(&self, group: usize) -> bool {
        self.groups
            .get(group)
            .is_some_and(|group| group.width.is_some())
    }

    /// Flags from their first letter (or `-`), which was read, to the `)` or
    /// `:` behind them.
    fn flags(&mut self, first: char, at: usize) -> Result<FlagChange, Failure> {
        let mut change = Change::default();
        let mut next = first;
        if first != '-' {
            loop {
                if next == 'L' {
                    return Err(self.flag_failure(Problem::LocaleFlag));
                }
                change.on.set(next);
                if change.on.ascii && change.on.unicode {
                    return Err(self.flag_failure(Problem::ExclusiveFlags));
                }
                next = self.flag_or("`-`, `:` or `)`", &['-', ':', ')'])?;
                if matches!(next, '-' | ':' | ')') {
                    break;
                }
            }
        }
        if next == ')' {
            return Ok(FlagChange::Global(change));
        }
        if change.on.template {
            return Err(self.flag_failure(Problem::ScopedTemplate));
        }
        if next == '-' {
            next = self.flag_or("a flag", &[])?;
            loop {
                if matches!(next, 'a' | 'u' | 'L') {
                    return Err(self.flag_failure(Problem::FixedFlag(next)));
                }
                change.off.set(next);
                next = self.flag_or("`:`", &[':'])?;
                if next == ':' {
                    break;
                }
            }
        }
        if change.off.template {
            return Err(self.flag_failure(Problem::ScopedTemplate));
        }
        if change.on.intersects(change.off) {
            let span = at..self.tokens.at();
            return Err(Failure::new(Problem::ContraryFlags, span));
        }
        Ok(FlagChange::Scoped(change))
    }

    /// A problem with the character read last.
    fn flag_failure(&self, problem: Problem) -> Failure {
        let end = self.tokens.at();
        Failure::new(problem, end - 1..end)
    }

    /// The next flag, or one of the signs that may follow.
    fn flag_or(&mut self, expected: &'static str, signs: &[char]) -> Result<char, Failure> {
        let span = self.tokens.next_span();
        let problem = match self.tokens.take()? {
            Some(Token::Char(c)) if is_flag(c) || signs.contains(&c) => return Ok(c),
            Some(Token::Char(c)) if c.is_alphabetic() => Problem::UnknownFlag(c),
            Some(_) => Problem::FlagSyntax {
                expected,
                found: format!("`{}`", self.tokens.text(span.clone())),
            },
            None => Problem::FlagSyntax {
                expected,
                found: "the end".to_owned(),
            },
        };
        Err(Failure::new(problem, span))
    }
}

enum FlagChange {
    Scoped(Change),
    Global(Change),
}

#[derive(Default)]
struct Change {
    on: Flags,
    off: Flags,
}

impl Change {
    /// Inside a group, `a` and `u` take each other's place.
    fn apply(&self, flags: Flags) -> Flags {
        let typed = self.on.ascii || self.on.unicode;
        let keep = |old: bool, on: bool, off: bool| (old || on) && !off;
        Flags {
            ignore_case: keep(flags.ignore_case, self.on.ignore_case, self.off.ignore_case),
            multi_line: keep(flags.multi_line, self.on.multi_line, self.off.multi_line),
            dot_all: keep(flags.dot_all, self.on.dot_all, self.off.dot_all),
            verbose: keep(flags.verbose, self.on.verbose, self.off.verbose),
            ascii: if typed { self.on.ascii } else { flags.ascii },
            unicode: if typed {
                self.on.unicode
            } else {
                flags.unicode
            },
            template: flags.template,
        }
    }

    fn apply_globally(&self, flags: Flags, span: Range<usize>) -> Result<Flags, Failure> {
        if (flags.ascii && self.on.unicode) || (flags.unicode && self.on.ascii) {
            return Err(Failure::new(Problem::ExclusiveFlags, span));
        }
        let mut flags = self.apply(flags);
        flags.template |= self.on.template;
        Ok(flags)
    }
}

impl Flags {
    fn set(&mut self, letter: char) {
        match letter {
            'i' => self.ignore_case = true,
            'm' => self.multi_line = true,
            's' => self.dot_all = true,
            'x' => self.verbose = true,
            'a' => self.ascii = true,
            'u' => self.unicode = true,
            _ => self.template = true,
        }
    }

    fn intersects(self, other: Flags) -> bool {
        (self.ignore_case && other.ignore_case)
            || (self.multi_line && other.multi_line)
            || (self.dot_all && other.dot_all)
            || (self.verbose && other.verbose)
    }
}

fn is_flag(letter: char) -> bool {
    matches!(letter, 'i' | 'L' | 'm' | 's' | 'x' | 'a' | 't' | 'u')
}

/// A positive integer as Python's `int` reads it: blanks around it, a plus
/// sign, single underscores between digits. Too large ones saturate.
fn python_integer(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let mut value: u64 = 0;
    let mut after_digit = false;
    for c in digits.chars() {
        match c.to_digit(10) {
            Some(digit) => {
                value = value.saturating_mul(10).saturating_add(u64::from(digit));
                after_digit = true;
            }
            None if c == '_' && after_digit => after_digit = false,
            None => return None,
        }
    }
    after_digit.then_some(value)
}
