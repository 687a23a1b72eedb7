//! Times as people write them: `10m`, `1h 30m`, `1.5d`, `2*3h`, `-1`.
//!
//! fail2ban rewrites such a text into an expression and lets Python evaluate
//! it. The rewriting is followed here step by step; of Python's expressions
//! there are numbers, `+ - * /`, parentheses and `#` comments.

use crate::config::layers::is_word;
use crate::config::place::blame;
use crate::error::{Detail, Error, ErrorKind};
use crate::ini::is_space;
use crate::source::Source;
use crate::traced::Traced;

const MAX_DEPTH: usize = 100;
const LONGEST_UNIT: usize = "minutes".len();

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("expected a time such as `10m`, found nothing")]
    Empty,
    #[error("`{0}` is no unit of time")]
    Unit(String),
    #[error("expected {expected}, found `{found}`")]
    Unexpected {
        expected: &'static str,
        found: String,
    },
    #[error("expected {0}, found the end")]
    End(&'static str),
    #[error("a whole number must not start with a zero")]
    LeadingZero,
    #[error("the time is divided by zero")]
    Division,
    #[error("the time is too long to be counted")]
    Overflow,
    #[error("too many parentheses or signs")]
    Depth,
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        "bad-duration"
    }

    fn help(&self) -> Option<String> {
        matches!(self, Problem::Unit(_)).then(|| {
            "units are s, m, h, d, w, mo (month) and y, and what begins their long \
             names: sec, second, seconds, min, hou, ..."
                .to_owned()
        })
    }
}

/// The seconds that a time of a configuration stands for, such as `1d 12h`,
/// `10m` or `-1`, by fail2ban's rules: sums of numbers with units, and simple
/// arithmetic.
///
/// # Errors
/// `bad-duration`.
///
/// ```
/// assert_eq!(kerio_ban_core::parse_duration("1h30m")?, 5400.0);
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
pub fn parse_duration(text: &str) -> Result<f64, Error> {
    let source = Source::new("duration", text);
    seconds(&Traced::typed(&source.span(0..text.len())))
}

/// The seconds that a text stands for. Months and years are mean ones, of
/// 30.4375 and 365.25 days.
///
/// # Errors
/// `bad-duration` at the first character that does not fit.
pub(crate) fn seconds(text: &Traced) -> Result<f64, Error> {
    let chars = text.as_str().char_indices().collect();
    let chars = add_plus(replace_units(part_words(chars)));
    Expression::new(chars).value().map_err(|(problem, at)| {
        let length = text.as_str()[at..].chars().next().map_or(0, char::len_utf8);
        blame(problem, text, at..at + length)
    })
}

/// Characters with the place each comes from.
type Chars = Vec<(usize, char)>;

/// `1d12h` as `1d 12h`.
fn part_words(chars: Chars) -> Chars {
    let mut out = Chars::with_capacity(chars.len());
    for (at, c) in chars {
        let letter = out.last().is_some_and(|(_, c)| c.is_ascii_alphabetic());
        if letter && c.is_ascii_digit() {
            out.push((at, ' '));
        }
        out.push((at, c));
    }
    out
}

/// `12h` as `12*3600`. A unit is a whole word after a digit or white space.
fn replace_units(chars: Chars) -> Chars {
    let mut out = Chars::with_capacity(chars.len());
    let mut rest = &chars[..];
    while let Some(&(at, c)) = rest.first() {
        let may_be_unit = out
            .last()
            .is_some_and(|(_, c)| c.is_ascii_digit() || is_space(*c));
        let word = rest.iter().take(LONGEST_UNIT + 1);
        let length = word.take_while(|(_, c)| is_word(*c)).count();
        let word: String = rest[..length].iter().map(|(_, c)| *c).collect();
        match unit(&word).filter(|_| may_be_unit) {
            Some(factor) => {
                out.push((at, '*'));
                out.extend(factor.chars().map(|c| (at, c)));
                rest = &rest[length..];
            }
            None => {
                out.push((at, c));
                rest = &rest[1..];
            }
        }
    }
    out
}

/// `3600 30` as `3600+30`. As each digit is used once, the gaps around a
/// single digit are not both filled.
fn add_plus(chars: Chars) -> Chars {
    let mut out = Chars::with_capacity(chars.len());
    let mut rest = &chars[..];
    while let Some((&(at, c), more)) = rest.split_first() {
        out.push((at, c));
        rest = more;
        if !c.is_ascii_digit() {
            continue;
        }
        let gap = more.iter().take_while(|(_, c)| is_space(*c)).count();
        if let Some(&(next, digit)) = more.get(gap)
            && gap > 0
            && digit.is_ascii_digit()
        {
            out.extend([(more[0].0, '+'), (next, digit)]);
            rest = &more[gap + 1..];
        }
    }
    out
}

fn unit(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "s" | "ss" | "se" | "sec" | "second" | "seconds" => "1",
        "m" | "mm" | "mi" | "min" | "minute" | "minutes" => "60",
        "h" | "hh" | "ho" | "hou" | "hour" | "hours" => "3600",
        "d" | "dd" | "da" | "day" | "days" => "86400",
        "w" | "ww" | "we" | "wee" | "week" | "weeks" => "604800",
        "mo" | "mon" | "month" | "months" => "2629800.0",
        "y" | "yy" | "ye" | "yea" | "year" | "years" => "31557600.0",
        _ => return None,
    })
}

/// A problem and the place in the original text.
type Failure = (Problem, usize);

struct Expression {
    chars: Chars,
    at: usize,
    depth: usize,
    /// A line break ends an expression outside of parentheses.
    parentheses: usize,
}

impl Expression {
    fn new(chars: Chars) -> Expression {
        Expression {
            chars,
            at: 0,
            depth: 0,
            parentheses: 0,
        }
    }

    fn value(mut self) -> Result<f64, Failure> {
        self.skip();
        while self.peek() == Some('\n') {
            self.at += 1;
            self.skip();
        }
        if self.peek().is_none() {
            return Err((Problem::Empty, 0));
        }
        let value = self.sum()?;
        while self.peek() == Some('\n') {
            self.at += 1;
            self.skip();
        }
        match self.peek() {
            Some(_) => Err(self.unexpected("an operator")),
            None if value.is_finite() => Ok(value),
            None => Err((Problem::Overflow, 0)),
        }
    }

    fn sum(&mut self) -> Result<f64, Failure> {
        let mut value = self.product()?;
        loop {
            match self.next_of(['+', '-']) {
                Some('+') => value += self.product()?,
                Some(_) => value -= self.product()?,
                None => return Ok(value),
            }
        }
    }

    fn product(&mut self) -> Result<f64, Failure> {
        let mut value = self.signed()?;
        loop {
            match self.next_of(['*', '/']) {
                Some('*') => value *= self.signed()?,
                Some(_) => {
                    let at = self.place();
                    let by = self.signed()?;
                    if by == 0.0 {
                        return Err((Problem::Division, at));
                    }
                    value /= by;
                }
                None => return Ok(value),
            }
        }
    }

    fn signed(&mut self) -> Result<f64, Failure> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((Problem::Depth, self.place()));
        }
        let value = match self.next_of(['+', '-']) {
            Some('+') => self.signed()?,
            Some(_) => -self.signed()?,
            None if self.next_of(['(', '(']).is_some() => {
                self.parentheses += 1;
                let value = self.sum()?;
                if self.next_of([')', ')']).is_none() {
                    return Err(self.unexpected("`)`"));
                }
                self.parentheses -= 1;
                value
            }
            None => self.number()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn number(&mut self) -> Result<f64, Failure> {
        let start = self.place();
        let mut text = String::new();
        let whole = self.digits(&mut text);
        let mut integer = true;
        let mut fraction = false;
        if self.peek() == Some('.') {
            text.push('.');
            self.at += 1;
            integer = false;
            fraction = self.digits(&mut text);
        }
        if !whole && !fraction {
            if !integer {
                self.at -= 1;
            }
            return Err(self.unexpected("a number"));
        }
        if self.peek().is_some_and(|c| c == 'e' || c == 'E')
            && matches!(self.peek_at(1), Some('+' | '-'))
            && self.peek_at(2).is_some_and(|c| c.is_ascii_digit())
        {
            integer = false;
            text.extend([Some('e'), self.peek_at(1)].into_iter().flatten());
            self.at += 2;
            self.digits(&mut text);
        }
        if self.peek().is_some_and(|c| is_word(c) || c == '.') {
            return Err(self.unexpected("an operator"));
        }
        if integer && text.starts_with('0') && text.contains(|c| c != '0') {
            return Err((Problem::LeadingZero, start));
        }
        text.parse().map_err(|_| (Problem::Overflow, start))
    }

    /// Digits with single underscores between them; whether there were any.
    fn digits(&mut self, text: &mut String) -> bool {
        let start = self.at;
        while let Some(c) = self.peek() {
            let after_digit = self.at > start && self.chars[self.at - 1].1 != '_';
            if c.is_ascii_digit() {
                text.push(c);
            } else if c != '_'
                || !after_digit
                || !self.peek_at(1).is_some_and(|c| c.is_ascii_digit())
            {
                break;
            }
            self.at += 1;
        }
        self.at > start
    }

    /// Takes the next character if it is one of these.
    fn next_of(&mut self, wanted: [char; 2]) -> Option<char> {
        self.skip();
        let found = self.peek().filter(|c| wanted.contains(c))?;
        self.at += 1;
        self.skip();
        Some(found)
    }

    /// Passes over white space and comments.
    fn skip(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                ' ' | '\t' | '\u{c}' => self.at += 1,
                '\n' if self.parentheses > 0 => self.at += 1,
                _ => break,
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).map(|(_, c)| *c)
    }

    /// The place of the next character in the original text.
    fn place(&self) -> usize {
        let next = self.chars.get(self.at);
        match next.or(self.chars.last()) {
            Some((at, c)) if next.is_none() => at + c.len_utf8(),
            Some((at, _)) => *at,
            None => 0,
        }
    }

    fn unexpected(&self, expected: &'static str) -> Failure {
        let word: String = self.chars[self.at.min(self.chars.len())..]
            .iter()
            .map(|(_, c)| *c)
            .take_while(|c| c.is_alphabetic())
            .collect();
        let problem = match self.peek() {
            None => Problem::End(expected),
            Some(_) if !word.is_empty() => Problem::Unit(word),
            Some(c) => Problem::Unexpected {
                expected,
                found: c.to_string(),
            },
        };
        (problem, self.place())
    }
}
