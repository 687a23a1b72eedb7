//! Characters of an expression, an escaped one counting as one.

use std::ops::Range;

use crate::pattern::problem::{Failure, Problem};

/// A character, or the character behind a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    Escape(char),
}

impl Token {
    pub(super) fn len(self) -> usize {
        match self {
            Token::Char(c) => c.len_utf8(),
            Token::Escape(c) => 1 + c.len_utf8(),
        }
    }
}

/// A cursor with one token of look-ahead. A backslash at the very end is
/// refused as soon as it is the next token.
pub(super) struct Tokens<'t> {
    text: &'t str,
    /// Where the next token starts.
    at: usize,
    next: Option<Token>,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Result<Tokens<'t>, Failure> {
        let mut tokens = Tokens {
            text,
            at: 0,
            next: None,
        };
        tokens.seek(0)?;
        Ok(tokens)
    }

    /// Makes the token at a byte offset the next one.
    pub(super) fn seek(&mut self, at: usize) -> Result<(), Failure> {
        self.at = at;
        let mut chars = self.text[at..].chars();
        self.next = match (chars.next(), chars.next()) {
            (Some('\\'), Some(escaped)) => Some(Token::Escape(escaped)),
            (Some('\\'), None) => {
                return Err(Failure::new(Problem::LoneBackslash, at..at + 1));
            }
            (Some(c), _) => Some(Token::Char(c)),
            (None, _) => None,
        };
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.next
    }

    /// Where the next token starts, or the end of the text.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes of the next token.
    pub(super) fn next_span(&self) -> Range<usize> {
        self.at..self.at + self.next.map_or(0, Token::len)
    }

    pub(super) fn text(&self, range: Range<usize>) -> &'t str {
        &self.text[range]
    }

    pub(super) fn bump(&mut self) -> Result<(), Failure> {
        self.seek(self.next_span().end)
    }

    pub(super) fn take(&mut self) -> Result<Option<Token>, Failure> {
        let token = self.next;
        self.bump()?;
        Ok(token)
    }

    /// Reads the next token if it is this plain character.
    pub(super) fn accept(&mut self, c: char) -> Result<bool, Failure> {
        let found = self.next == Some(Token::Char(c));
        if found {
            self.bump()?;
        }
        Ok(found)
    }

    /// Reads plain characters for which `wanted` holds, `limit` at most.
    pub(super) fn take_while(
        &mut self,
        limit: usize,
        wanted: impl Fn(char) -> bool,
    ) -> Result<String, Failure> {
        let mut taken = String::new();
        for _ in 0..limit {
            match self.next {
                Some(Token::Char(c)) if wanted(c) => taken.push(c),
                _ => break,
            }
            self.bump()?;
        }
        Ok(taken)
    }

    /// Reads a non-empty name up to a closing character, and that.
    pub(super) fn name(&mut self, what: &'static str, close: char) -> Result<Name<'t>, Failure> {
        let start = self.at;
        loop {
            let end = self.at;
            let token = self.take()?;
            if token.is_some() && token != Some(Token::Char(close)) {
                continue;
            }
            if end == start {
                let problem = Problem::NameExpected { what };
                return Err(Failure::new(problem, start..self.at));
            }
            if token.is_none() {
                let problem = Problem::UnclosedName { what, close };
                return Err(Failure::new(problem, start..end));
            }
            return Ok(Name {
                text: &self.text[start..end],
                span: start..end,
            });
        }
    }
}

pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    pub(super) span: Range<usize>,
}
