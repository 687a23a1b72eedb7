//! What follows a backslash.

use super::tokens::Token;
use super::{Flags, Parser, perl};
use crate::pattern::problem::{Failure, Problem};
use crate::pattern::syntax::{Assertion, Class, Fold, Kind};

/// Octal escapes of three digits end here.
const MAX_OCTAL: u32 = 0o377;

impl Parser<'_> {
    /// An escape outside of a class, whose token starting at `at` was read.
    pub(super) fn escape(
        &mut self,
        token: Token,
        at: usize,
        flags: Flags,
    ) -> Result<Kind, Failure> {
        let (Token::Escape(letter) | Token::Char(letter)) = token;
        let ascii = flags.ascii;
        if let Some(item) = perl(letter, ascii) {
            return Ok(Kind::Class(Class {
                items: vec![item],
                negated: false,
                fold: Fold::Exact,
                except: Vec::new(),
            }));
        }
        let assertion = match letter {
            'A' => Some(Assertion::TextStart),
            'Z' => Some(Assertion::TextEnd),
            'b' => Some(Assertion::Boundary { ascii }),
            'B' => Some(Assertion::NotBoundary { ascii }),
            _ => None,
        };
        if let Some(assertion) = assertion {
            return Ok(Kind::Assert(assertion));
        }
        let fold = flags.fold();
        let code = match letter {
            '0' => {
                let digits = self.tokens.take_while(2, is_octal)?;
                u32::from_str_radix(&format!("0{digits}"), 8).unwrap_or_default()
            }
            '1'..='9' => match self.octal_or_group(at)? {
                Number::Octal(code) => code,
                Number::Group(group) => return Ok(Kind::Backref { group, fold }),
            },
            _ => self.character(letter, at)?,
        };
        Ok(Kind::Char { code, fold })
    }

    /// Escapes that mean one character both inside and outside of a class.
    pub(super) fn character(&mut self, letter: char, at: usize) -> Result<u32, Failure> {
        let code = match letter {
            'a' => 7,
            'f' => 0xc,
            'n' => 0xa,
            'r' => 0xd,
            't' => 9,
            'v' => 0xb,
            'x' => return self.hexadecimal(at, 2),
            'u' => return self.hexadecimal(at, 4),
            'U' => return self.hexadecimal(at, 8),
            'N' => return self.named_character(at),
            c if c.is_ascii_alphabetic() => {
                let problem = Problem::UnknownEscape(self.written(at));
                return Err(Failure::new(problem, at..self.tokens.at()));
            }
            c => u32::from(c),
        };
        Ok(code)
    }

    fn hexadecimal(&mut self, at: usize, digits: usize) -> Result<u32, Failure> {
        let found = self.tokens.take_while(digits, |c| c.is_ascii_hexdigit())?;
        let span = at..self.tokens.at();
        if found.len() < digits {
            let problem = Problem::ShortEscape {
                found: self.written(at),
                digits,
            };
            return Err(Failure::new(problem, span));
        }
        match u32::from_str_radix(&found, 16) {
            Ok(code) if code <= u32::from(char::MAX) => Ok(code),
            _ => Err(Failure::new(
                Problem::NoSuchCharacter(self.written(at)),
                span,
            )),
        }
    }

    /// `\N{NAME}`. Names of characters are not kept here; all are refused.
    fn named_character(&mut self, at: usize) -> Result<u32, Failure> {
        if !self.tokens.accept('{')? {
            let problem = Problem::CharacterNameExpected;
            return Err(Failure::new(problem, at..self.tokens.at()));
        }
        let name = self.tokens.name("character name", '}')?;
        let problem = Problem::NamedCharacter(name.text.to_owned());
        Err(Failure::new(problem, at..self.tokens.at()))
    }

    /// A number that does not begin with zero: three octal digits are a
    /// character, everything else refers to a group.
    fn octal_or_group(&mut self, at: usize) -> Result<Number, Failure> {
        let digit = |token| match token {
            Some(Token::Char(c)) => c.is_ascii_digit(),
            _ => false,
        };
        let octal = |token| match token {
            Some(Token::Char(c)) => is_octal(c),
            _ => false,
        };
        if digit(self.tokens.peek()) {
            self.tokens.bump()?;
            let both_octal = self.written(at)[1..].chars().all(is_octal);
            if both_octal && octal(self.tokens.peek()) {
                self.tokens.bump()?;
                let written = self.written(at);
                return match u32::from_str_radix(&written[1..], 8) {
                    Ok(code) if code <= MAX_OCTAL => Ok(Number::Octal(code)),
                    _ => Err(Failure::new(
                        Problem::OctalTooLarge(written),
                        at..self.tokens.at(),
                    )),
                };
            }
        }
        let span = at..self.tokens.at();
        let written = self.written(at);
        let number = &written[1..];
        match number.parse::<usize>() {
            Ok(group) if group < self.groups.len() => {
                self.check_reference(group, number, span)?;
                Ok(Number::Group(group))
            }
            _ => {
                let problem = Problem::UnknownGroupNumber(number.to_owned());
                Err(Failure::new(problem, span))
            }
        }
    }

    /// An octal escape inside a class, its first digit read.
    pub(super) fn class_octal(&mut self, at: usize) -> Result<u32, Failure> {
        self.tokens.take_while(2, is_octal)?;
        let written = self.written(at);
        match u32::from_str_radix(&written[1..], 8) {
            Ok(code) if code <= MAX_OCTAL => Ok(code),
            _ => Err(Failure::new(
                Problem::OctalTooLarge(written),
                at..self.tokens.at(),
            )),
        }
    }

    /// Everything read since `at`, as it was written.
    pub(super) fn written(&self, at: usize) -> String {
        self.tokens.text(at..self.tokens.at()).to_owned()
    }
}

enum Number {
    Octal(u32),
    Group(usize),
}

pub(super) fn is_octal(c: char) -> bool {
    matches!(c, '0'..='7')
}
