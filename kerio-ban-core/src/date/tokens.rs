//! The `%` tokens of date patterns: what each stands for, and how a pattern
//! with tokens becomes an expression and a display name.
//!
//! fail2ban replaces the tokens it knows by mapping keys (`%Y` becomes
//! `%(Y)s`) and leaves the rest to Python's `%` operator, so whatever else
//! that operator understands is part of the language: `%(Y)s` is a token,
//! `%T` an error. Both steps are done here as they are done there.

use std::borrow::Cow;
use std::ops::Range;

use super::error::DateError;
use super::place::standing;
use crate::error::Error;
use crate::traced::Traced;

/// Name, expression, display name. The order is that of the original, where
/// it shows in the text that `%s` stands for.
const TOKENS: [(&str, &str, &str); 40] = [
    ("d", r"(?P<d>[1-2]\d|[0 ]?[1-9]|3[0-1])", "Day"),
    ("f", r"(?P<f>[0-9]{1,6})", "Microseconds"),
    ("H", r"(?P<H>[0-1]?\d|2[0-3])", "24hour"),
    ("I", r"(?P<I>1[0-2]|0[1-9]|[1-9])", "12hour"),
    ("G", r"(?P<G>\d\d\d\d)", "%G"),
    (
        "j",
        r"(?P<j>36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9])",
        "Yearday",
    ),
    ("m", r"(?P<m>0?[1-9]|1[0-2])", "Month"),
    ("M", r"(?P<M>[0-5]?\d)", "Minute"),
    ("S", r"(?P<S>[0-5]?\d|6[0-1])", "Second"),
    ("U", r"(?P<U>5[0-3]|[0-4]\d|\d)", "Yearweek"),
    ("w", r"(?P<w>[0-6])", "Weekday"),
    ("u", r"(?P<u>[1-7])", "%u"),
    ("V", r"(?P<V>5[0-3]|0[1-9]|[1-4]\d|\d)", "%V"),
    ("y", r"(?P<y>\d\d)", "Year2"),
    ("Y", r"(?P<Y>\d{4})", "Year"),
    (
        "z",
        r"(?P<z>Z|UTC|GMT|[+-][01]\d(?::?\d{2})?)",
        "Zone offset",
    ),
    (
        "A",
        "(?P<A>wednesday|thursday|saturday|tuesday|monday|friday|sunday)",
        "DAYNAME",
    ),
    ("a", "(?P<a>mon|tue|wed|thu|fri|sat|sun)", "DAY"),
    (
        "B",
        "(?P<B>september|february|november|december|january|october|august|march|april|june|july|may)",
        "MONTH",
    ),
    (
        "b",
        "(?P<b>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
        "MON",
    ),
    ("p", "(?P<p>am|pm)", "AMPM"),
    ("Z", "(?P<Z>Z|[A-Z]{3,5})", "Zone name"),
    ("%", "%", "%"),
    ("W", r"(?P<W>5[0-3]|[0-4]\d|\d)", "Yearweek"),
    (
        "c",
        concat!(
            r"(?P<a>mon|tue|wed|thu|fri|sat|sun)\s+",
            r"(?P<b>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\s+",
            r"(?P<d>3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9])\s+",
            r"(?P<H>2[0-3]|[0-1]\d|\d):(?P<M>[0-5]\d|\d):(?P<S>6[0-1]|[0-5]\d|\d)\s+",
            r"(?P<Y>\d\d\d\d)",
        ),
        "%c",
    ),
    (
        "x",
        r"(?P<m>1[0-2]|0[1-9]|[1-9])/(?P<d>3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9])/(?P<y>\d\d)",
        "%x",
    ),
    (
        "X",
        r"(?P<H>2[0-3]|[0-1]\d|\d):(?P<M>[0-5]\d|\d):(?P<S>6[0-1]|[0-5]\d|\d)",
        "%X",
    ),
    ("k", r" ?(?P<H>[0-2]?\d)", "%k"),
    ("l", r" ?(?P<I>1?\d)", "%l"),
    ("ExZ", r"(?P<Z>[A-Z](?:[A-Z]{2,4})?)", "ExZone name"),
    (
        "Exz",
        r"(?P<z>(?:[A-Z](?:[A-Z]{2,4})?)?[+-][01]\d(?::?\d{2})?|[A-Z](?:[A-Z]{2,4})?)",
        "ExZone offset",
    ),
    ("Exd", r"(?P<d>[1-2]\d|0[1-9]|3[0-1])", "ExDay"),
    ("Exm", r"(?P<m>0[1-9]|1[0-2])", "ExMonth"),
    ("ExH", r"(?P<H>[0-1]\d|2[0-3])", "Ex24hour"),
    ("Exk", r" ?(?P<H>[0-1]?\d|2[0-3])", "%Exk"),
    ("Exl", r" ?(?P<I>1[0-2]|\d)", "%Exl"),
    ("ExM", r"(?P<M>[0-5]\d)", "ExMinute"),
    ("ExS", r"(?P<S>[0-5]\d|6[0-1])", "ExSecond"),
    ("ExY", "", "ExYear"),
    ("Exy", r"(?P<y>\d{2})", "ExYear2"),
];

/// The tokens, `%ExY` among them, whose meaning depends on the year in which
/// the process was started.
pub(super) struct Tokens {
    exact_year: String,
    decades: Vec<[u8; 3]>,
}

/// A pattern with its tokens replaced.
pub(super) struct Expanded {
    pub(super) regex: Traced,
    pub(super) name: String,
}

impl Tokens {
    pub(super) fn new(start_year: i32) -> Tokens {
        let decades = decades(start_year);
        let digits = |decade: &String| decade.as_bytes().try_into().ok();
        Tokens {
            exact_year: format!(r"(?P<Y>{}\d)", alternatives(&decades)),
            decades: decades.iter().filter_map(digits).collect(),
        }
    }

    /// The first three digits of the years that `%ExY` takes.
    pub(super) fn decades(&self) -> &[[u8; 3]] {
        &self.decades
    }

    /// Replaces the tokens of a pattern.
    pub(super) fn expand(&self, pattern: &Traced) -> Result<Expanded, Error> {
        let keyed = key_tokens(pattern);
        let regex = format(&keyed, &|key| self.regex(key), &|| self.dictionary());
        let name = format(&keyed, &display_name, &|| "%s".to_owned());
        let wrong = |wrong: Wrong| {
            let error = Error::new(DateError::token(pattern.as_str(), wrong.problem));
            match keyed.origin(wrong.range) {
                Some(origin) => error.at(origin),
                None => error,
            }
        };
        Ok(Expanded {
            regex: regex.map_err(wrong)?,
            name: name.map_err(wrong)?.as_str().to_owned(),
        })
    }

    fn regex(&self, key: &str) -> Option<Cow<'_, str>> {
        let (name, regex, _) = TOKENS.iter().find(|(name, ..)| *name == key)?;
        Some(if *name == "ExY" {
            self.exact_year.as_str().into()
        } else {
            (*regex).into()
        })
    }

    /// What `%s` stands for: the whole mapping, printed.
    fn dictionary(&self) -> String {
        let entries: Vec<String> = TOKENS
            .iter()
            .map(|(name, ..)| {
                let regex = self.regex(name).unwrap_or_default();
                format!("'{name}': {}", repr(&regex))
            })
            .collect();
        format!("{{{}}}", entries.join(", "))
    }
}

fn display_name(key: &str) -> Option<Cow<'static, str>> {
    let (.., shown) = TOKENS.iter().find(|(name, ..)| *name == key)?;
    Some((*shown).into())
}

/// The first three digits of the years that `%ExY` takes: those of last year,
/// of the year after the next two, and of every third year since 2000.
fn decades(start_year: i32) -> Vec<String> {
    let mut years = vec![start_year - 1, start_year + 3];
    years.extend((2000..=start_year).step_by(3));
    let mut decades: Vec<String> = years
        .iter()
        .map(|year| year.to_string().chars().take(3).collect())
        .collect();
    decades.sort();
    decades.dedup();
    decades
}

/// An expression for one of the words, which are sorted and of one length,
/// with what they have in common at the start taken out.
fn alternatives(words: &[String]) -> String {
    let [first, _, ..] = words else {
        return words.concat();
    };
    if first.len() <= 1 {
        return format!("[{}]", words.concat());
    }
    for common in [&first[..first.len() - 1], &first[..1]] {
        if words.iter().all(|word| word.starts_with(common)) {
            let rests: Vec<String> = words
                .iter()
                .map(|word| word[common.len()..].to_owned())
                .collect();
            return format!("{common}{}", alternatives(&rests));
        }
    }
    format!("(?:{})", words.join("|"))
}

/// `%Y` becomes `%(Y)s`, for every known token.
fn key_tokens(pattern: &Traced) -> Traced {
    let text = pattern.as_str();
    let mut out = Traced::default();
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('%') {
        let start = at + found;
        let Some(name) = token_name(&text[start + 1..]) else {
            at = start + 1;
            continue;
        };
        at = start + 1 + name.len();
        out.push(&pattern.slice(done..start));
        out.push(&standing(format!("%({name})s"), pattern, start..at));
        done = at;
    }
    out.push(&pattern.slice(done..text.len()));
    out
}

/// The token whose name, the text after `%`, is at the start of `rest`. No
/// name begins with another one, so there is at most one.
fn token_name(rest: &str) -> Option<&'static str> {
    TOKENS
        .iter()
        .map(|(name, ..)| *name)
        .find(|name| rest.starts_with(name))
}

/// What is wrong with a text for the `%` operator, and where.
struct Wrong {
    problem: Problem,
    range: Range<usize>,
}

/// What is wrong with a `%`.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nothing follows, or not enough.
    Incomplete,
    /// `%(` without `)`.
    UnclosedKey,
    /// `%(name)` with an unknown name.
    UnknownKey(String),
    /// A letter that is no token, as typed.
    UnknownToken(String),
}

/// Python's `template % mapping`, where every value is a text. `whole` prints
/// the mapping itself, the value of a first `%s`.
fn format<'v>(
    template: &Traced,
    value: &dyn Fn(&str) -> Option<Cow<'v, str>>,
    whole: &dyn Fn() -> String,
) -> Result<Traced, Wrong> {
    let text = template.as_str();
    let mut out = Traced::default();
    let mut done = 0;
    // The mapping itself is there to be printed until a key is used.
    let mut argument = Some(Argument::Mapping);
    while let Some(found) = text[done..].find('%') {
        let start = done + found;
        let spec = Spec::parse(text, start)?;
        let range = start..spec.end;
        let wrong = |problem| Wrong {
            problem,
            range: range.clone(),
        };
        out.push(&template.slice(done..start));
        done = spec.end;
        if let Some(key) = spec.key {
            let value = value(key).ok_or_else(|| wrong(Problem::UnknownKey(key.to_owned())))?;
            argument = Some(Argument::Value(value));
        }
        let printed = match (spec.conversion, argument.take()) {
            ('s', Some(Argument::Value(value))) => value,
            ('r' | 'a', Some(Argument::Value(value))) => repr(&value).into(),
            ('c', Some(Argument::Value(value))) if value.chars().count() == 1 => value,
            ('s' | 'r' | 'a', Some(Argument::Mapping)) => whole().into(),
            _ => return Err(wrong(Problem::UnknownToken(spec.shown(text, start)))),
        };
        out.push(&standing(spec.fit(&printed), template, range));
    }
    out.push(&template.slice(done..text.len()));
    Ok(out)
}

enum Argument<'v> {
    Mapping,
    Value(Cow<'v, str>),
}

/// One conversion: `%`, a key in parentheses, flags, width, precision, a
/// length that means nothing, and a letter.
struct Spec<'t> {
    key: Option<&'t str>,
    left: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
    end: usize,
}

impl<'t> Spec<'t> {
    fn parse(text: &'t str, start: usize) -> Result<Spec<'t>, Wrong> {
        let wrong = |problem, end| Wrong {
            problem,
            range: start..end,
        };
        let bytes = text.as_bytes();
        let mut at = start + 1;
        let mut key = None;
        if bytes.get(at) == Some(&b'(') {
            let close = closing_parenthesis(text, at)
                .ok_or_else(|| wrong(Problem::UnclosedKey, text.len()))?;
            key = Some(&text[at + 1..close]);
            at = close + 1;
        }
        let mut left = false;
        while let Some(flag @ (b'-' | b'+' | b' ' | b'#' | b'0')) = bytes.get(at) {
            left |= *flag == b'-';
            at += 1;
        }
        let width = number(text, &mut at);
        let mut precision = None;
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            precision = Some(number(text, &mut at).unwrap_or(0));
        }
        if let Some(b'h' | b'l' | b'L') = bytes.get(at) {
            at += 1;
        }
        let conversion = text[at..]
            .chars()
            .next()
            .ok_or_else(|| wrong(Problem::Incomplete, text.len()))?;
        Ok(Spec {
            key,
            left,
            width: width.unwrap_or(0),
            precision,
            conversion,
            end: at + conversion.len_utf8(),
        })
    }

    /// The token as somebody typed it.
    fn shown(&self, text: &str, start: usize) -> String {
        let end = match text[start..].strip_prefix("%Ex") {
            Some(rest) => text.len() - rest.len() + rest.chars().next().map_or(0, char::len_utf8),
            None => self.end,
        };
        text[start..end].to_owned()
    }

    /// The text cut and filled with blanks as asked for.
    fn fit(&self, text: &str) -> String {
        let cut: String = match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        let fill = " ".repeat(self.width.saturating_sub(cut.chars().count()));
        if self.left { cut + &fill } else { fill + &cut }
    }
}

fn closing_parenthesis(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A number, if there is one. Widths beyond all sense are cut down.
fn number(text: &str, at: &mut usize) -> Option<usize> {
    const MOST: usize = 1000;
    let digits = text[*at..].bytes().take_while(u8::is_ascii_digit).count();
    let number = &text[*at..*at + digits];
    *at += digits;
    (digits > 0).then(|| number.parse().map_or(MOST, |n: usize| n.min(MOST)))
}

/// As Python prints a text without quotes or control characters.
fn repr(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(pattern: &str) -> (String, String) {
        let expanded = Tokens::new(2026).expand(&Traced::computed(pattern));
        let expanded = expanded.unwrap();
        (expanded.regex.as_str().to_owned(), expanded.name)
    }

    #[test]
    fn tokens_become_groups_and_names() {
        let (regex, name) = expand(r"%Exd\.%b %% x");
        assert_eq!(
            regex,
            r"(?P<d>[1-2]\d|0[1-9]|3[0-1])\.(?P<b>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) % x"
        );
        assert_eq!(name, r"ExDay\.MON % x");
    }

    #[test]
    fn other_conversions_of_python_work_too() {
        assert_eq!(expand("%(Y)s").0, r"(?P<Y>\d{4})");
        assert_eq!(expand("%(Y)r").0, r"'(?P<Y>\\d{4})'");
        assert_eq!(expand("%(Y)14s|").0, r"  (?P<Y>\d{4})|");
        assert_eq!(expand("%(Y)-14s|").0, r"(?P<Y>\d{4})  |");
        assert_eq!(expand("%(Y).3Ls").0, "(?P");
        assert_eq!(expand("%(%)c").0, "%");
        let (whole, name) = expand("%s %m");
        assert!(whole.starts_with(r"{'d': '(?P<d>[1-2]\\d|[0 ]?[1-9]|3[0-1])', 'f': "));
        assert!(whole.ends_with(r"'Exy': '(?P<y>\\d{2})'} (?P<m>0?[1-9]|1[0-2])"));
        assert_eq!(name, "%s Month");
    }

    #[test]
    fn the_years_depend_on_the_start() {
        let years = |start| alternatives(&decades(start));
        assert_eq!(years(2016), "20[01]");
        assert_eq!(years(2017), "20[012]");
        assert_eq!(years(2026), "20[012]");
        assert_eq!(years(2027), "20[0123]");
        assert_eq!(years(2000), "(?:199|200)");
        assert_eq!(years(2001), "200");
        assert_eq!(years(2096), "20[0123456789]");
        assert_eq!(years(2097), "2(?:00|01|02|03|04|05|06|07|08|09|10)");
    }

    #[test]
    fn a_wrong_token_is_placed() {
        let source = crate::source::Source::new("a.conf", "datepattern = ^%Y %ExQ x");
        let pattern = Traced::typed(&source.span(14..24));
        let error = Tokens::new(2026).expand(&pattern).err().unwrap();
        assert_eq!(error.origin().unwrap().to_string(), "a.conf:1:19");
    }
}
