//! Character classes.

use super::escape::is_octal;
use super::tokens::Token;
use super::{Flags, Parser, perl};
use crate::pattern::problem::{Failure, Problem};
use crate::pattern::syntax::{Class, ClassItem, Kind};

impl Parser<'_> {
    /// A class whose `[`, at `at`, was read.
    pub(super) fn class(&mut self, at: usize, flags: Flags) -> Result<Kind, Failure> {
        let negated = self.tokens.accept('^')?;
        let mut items = Vec::new();
        loop {
            let start = self.tokens.at();
            let first = self.class_token(at)?;
            if first == Token::Char(']') && !items.is_empty() {
                break;
            }
            let low = self.class_item(first, start, flags)?;
            let low_end = self.tokens.at();
            if !self.tokens.accept('-')? {
                items.push(low);
                continue;
            }
            let high_start = self.tokens.at();
            let second = self.class_token(at)?;
            if second == Token::Char(']') {
                items.push(low);
                items.push(single('-'));
                break;
            }
            let high = self.class_item(second, high_start, flags)?;
            let from = self.tokens.text(start..low_end).to_owned();
            let to = self.written(high_start);
            let problem = match (low, high) {
                (ClassItem::Range(low, _), ClassItem::Range(high, _)) if low <= high => {
                    items.push(ClassItem::Range(low, high));
                    continue;
                }
                (ClassItem::Range(..), ClassItem::Range(..)) => Problem::BackwardRange { from, to },
                (ClassItem::Range(..), ClassItem::Perl { .. }) => Problem::ClassInRange(to),
                (ClassItem::Perl { .. }, _) => Problem::ClassInRange(from),
            };
            return Err(Failure::new(problem, start..self.tokens.at()));
        }
        Ok(match items[..] {
            [ClassItem::Range(code, last)] if code == last && !negated => Kind::Char {
                code,
                fold: flags.fold(),
            },
            _ => Kind::Class(Class {
                items,
                negated,
                fold: flags.fold(),
                except: Vec::new(),
            }),
        })
    }

    fn class_token(&mut self, class_at: usize) -> Result<Token, Failure> {
        self.tokens
            .take()?
            .ok_or_else(|| Failure::new(Problem::UnclosedClass, class_at..class_at + 1))
    }

    /// One character, or a class letter, whose token at `at` was read.
    fn class_item(&mut self, token: Token, at: usize, flags: Flags) -> Result<ClassItem, Failure> {
        let letter = match token {
            Token::Char(c) => return Ok(single(c)),
            Token::Escape(letter) => letter,
        };
        if let Some(item) = perl(letter, flags.ascii) {
            return Ok(item);
        }
        let code = match letter {
            'b' => 8,
            '8' | '9' => {
                let problem = Problem::UnknownEscape(self.written(at));
                return Err(Failure::new(problem, at..self.tokens.at()));
            }
            c if is_octal(c) => self.class_octal(at)?,
            c => self.character(c, at)?,
        };
        Ok(ClassItem::Range(code, code))
    }
}

fn single(c: char) -> ClassItem {
    ClassItem::Range(u32::from(c), u32::from(c))
}
