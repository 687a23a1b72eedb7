//! Fixed forms of dates, searched by hand.
//!
//! Most logs write every date in one form, such as `17/Jun/2011 17:00:45`. For
//! a pattern made of such parts, a [`Shape`] compares bytes where the
//! expression would have to be run. It says yes only where the expression
//! finds the same, with the same groups; where it does not say yes, the
//! expression is asked.
//!
//! That both agree where a shape says yes rests on this: every number is taken
//! in two digits (a year in four) and has a byte after it that is no digit, so
//! the expression cannot read it in another way; and what an optional part at
//! the end could still take is looked at before it is called absent.

use std::ops::Range;

use super::form::{Ending, Form};
use super::reader::{digits, month_code};
use crate::pattern::Slots;

/// A pattern whose parts all have one form.
pub(super) struct Shape {
    begin: Begin,
    parts: Vec<Part>,
    /// Which of the parts are cut out.
    cut: Range<usize>,
    tail: Tail,
    /// The first three digits of the years that `%ExY` takes.
    decades: Vec<[u8; 3]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// Where the search starts, which no word may reach.
    Word,
    /// At the start of the line.
    Line,
    /// There, behind up to two characters that belong to no word.
    NearLine,
    /// Behind the first `[` of the line.
    Bracket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// One of two bytes, the same in all places.
    Separator(u8, u8, u8),
    /// `T` or a single blank.
    DayEnd,
    /// A blank or a colon.
    BlankOrColon,
    Number(Field),
}

/// A part of a date, by the name of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year { any: bool },
    Month,
    MonthName,
    Day,
    Hour,
    Minute,
    Second,
}

/// What may follow the seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing that belongs to the date.
    None,
    /// `.` and digits.
    Fraction,
    /// `.` and digits; a blank and a year.
    FractionYear,
    /// `.` or `,` and digits; white space and a zone.
    FractionZone,
    /// `.` and digits; a blank and a zone, which is read.
    BlankZone,
}

/// How many numbers a pattern may have.
const MAX_FIELDS: usize = 8;

/// A date in a line, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    /// Where the first part is.
    start: usize,
    pub(super) whole: (usize, usize),
    pub(super) cut: (usize, usize),
    fields: [(Field, usize, usize); MAX_FIELDS],
    count: usize,
    pub(super) zone: Option<(usize, usize)>,
}

/// A date in a known form.
#[derive(Clone, Copy)]
pub(super) struct Again {
    pub(super) whole: (usize, usize),
    pub(super) cut: (usize, usize),
    /// Minutes and seconds, as they are written.
    digits: [u8; 4],
}

impl Again {
    /// Of the hour.
    pub(super) fn seconds(&self) -> f64 {
        let [m1, m2, s1, s2] = self.digits.map(|digit| u16::from(digit - b'0'));
        f64::from((10 * m1 + m2) * 60 + 10 * s1 + s2)
    }
}

impl Located {
    /// Year, or 0, month, day and hour, and the seconds within the hour, as the
    /// reader takes them.
    pub(super) fn plain_date(&self, line: &[u8]) -> Option<([u16; 4], f64)> {
        let mut local = [0; 4];
        let mut seconds = 0;
        for &(field, from, to) in &self.fields[..self.count] {
            let text = &line[from..to];
            match field {
                Field::Year { .. } => local[0] = digits(text)?,
                Field::Month => local[1] = digits(text)?,
                Field::MonthName => local[1] = month_code(text)?,
                Field::Day => local[2] = digits(text)?,
                Field::Hour => local[3] = digits(text)?,
                Field::Minute => seconds += 60 * digits(text)?,
                Field::Second => seconds += digits(text)?,
            }
        }
        Some((local, f64::from(seconds)))
    }

    /// Writes the groups as a search of the expression would have.
    pub(super) fn fill(&self, groups: &ShapeGroups, slots: &mut Slots) {
        slots.clear(groups.count);
        slots.put(0, self.whole.0, self.whole.1);
        slots.put(1, self.cut.0, self.cut.1);
        for &(field, from, to) in &self.fields[..self.count] {
            if let Some(group) = groups.of(field) {
                slots.put(group, from, to);
            }
        }
        if let (Some(group), Some((from, to))) = (groups.zone, self.zone) {
            slots.put(group, from, to);
        }
    }
}

/// The numbers of the groups that a shape fills in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShapeGroups {
    count: usize,
    year: Option<usize>,
    month: Option<usize>,
    month_name: Option<usize>,
    day: Option<usize>,
    hour: Option<usize>,
    minute: Option<usize>,
    second: Option<usize>,
    zone: Option<usize>,
}

impl ShapeGroups {
    /// Looks the groups up in an expression with so many.
    pub(super) fn new(count: usize, group: impl Fn(&str) -> Option<usize>) -> ShapeGroups {
        ShapeGroups {
            count,
            year: group("Y"),
            month: group("m"),
            month_name: group("b"),
            day: group("d"),
            hour: group("H"),
            minute: group("M"),
            second: group("S"),
            zone: group("z"),
        }
    }

    fn of(&self, field: Field) -> Option<usize> {
        match field {
            Field::Year { .. } => self.year,
            Field::Month => self.month,
            Field::MonthName => self.month_name,
            Field::Day => self.day,
            Field::Hour => self.hour,
            Field::Minute => self.minute,
            Field::Second => self.second,
        }
    }
}

/// Pieces of patterns and what they are, longer ones first where one begins
/// another.
const PIECES: [(&str, &[Part]); 19] = [
    ("%ExY", &[Part::Number(Field::Year { any: false })]),
    ("%Y", &[Part::Number(Field::Year { any: true })]),
    ("%m", &[Part::Number(Field::Month)]),
    ("%b", &[Part::Number(Field::MonthName)]),
    ("%d", &[Part::Number(Field::Day)]),
    ("%H", &[Part::Number(Field::Hour)]),
    ("%k", &[Part::Number(Field::Hour)]),
    ("%M", &[Part::Number(Field::Minute)]),
    ("%S", &[Part::Number(Field::Second)]),
    // The day's name is not read here, and a month's is none.
    ("(?:%a )?", &[]),
    ("(?P<_sep>[-/.])", &[Part::Separator(b'-', b'/', b'.')]),
    ("(?P<_sep>[-/])", &[Part::Separator(b'-', b'/', b'/')]),
    ("(?P=_sep)", &[Part::Separator(0, 0, 0)]),
    ("(?:T|  ?)", &[Part::DayEnd]),
    ("[ :]?", &[Part::BlankOrColon]),
    (r"\[", &[Part::Byte(b'[')]),
    (r"\]", &[Part::Byte(b']')]),
    (r"\.", &[Part::Byte(b'.')]),
    (r"\/", &[Part::Byte(b'/')]),
];

const TAILS: [(&str, Tail); 4] = [
    (r"(?:[.,]%f)?(?:\s*%z)?", Tail::FractionZone),
    (r"(?:\.%f)?(?: %ExY)?", Tail::FractionYear),
    (r"(?:\.%f)?(?: %z)?", Tail::BlankZone),
    (r"(?:\.%f)?", Tail::Fraction),
];

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

impl Shape {
    /// Reads a pattern. `None` if it has a part of another kind.
    pub(super) fn new(pattern: &str, decades: &[[u8; 3]]) -> Option<Shape> {
        let (begin, mut rest) = begin_of(pattern);
        let mut shape = Shape {
            begin,
            parts: Vec::new(),
            cut: 0..usize::MAX,
            tail: Tail::None,
            decades: decades.to_vec(),
        };
        let mut open = false;
        while !rest.is_empty() {
            if let Some((tail, kind)) = TAILS.iter().find(|(tail, _)| rest.starts_with(tail)) {
                shape.tail = *kind;
                rest = &rest[tail.len()..];
                // Only a group's end may follow.
                if rest != if open { ")" } else { "" } {
                    return None;
                }
                break;
            }
            if let Some((piece, parts)) = PIECES.iter().find(|(piece, _)| rest.starts_with(piece)) {
                shape.parts.extend_from_slice(parts);
                rest = &rest[piece.len()..];
                continue;
            }
            let byte = rest.as_bytes()[0];
            match byte {
                // Groups are counted: what is cut must be the first.
                b'(' if !rest.starts_with("(?") && !open && !shape.has_numbers() => {
                    open = true;
                    shape.cut.start = shape.parts.len();
                }
                b')' if open && shape.cut.end == usize::MAX => {
                    shape.cut.end = shape.parts.len();
                }
                b' ' | b'-' | b'/' | b':' | b',' | b'_' | b'@' | b';' => {
                    shape.parts.push(Part::Byte(byte));
                }
                byte if byte.is_ascii_alphabetic() => return None,
                _ => return None,
            }
            rest = &rest[1..];
        }
        shape.cut.end = shape.cut.end.min(shape.parts.len());
        shape.is_unambiguous().then_some(shape)
    }

    fn has_numbers(&self) -> bool {
        let is_number = |part: &Part| matches!(part, Part::Number(_) | Part::Separator(..));
        self.parts.iter().any(is_number)
    }

    /// Whether each number ends where a byte that is no digit must follow, and
    /// there is a month, which what may stand before it cannot be taken for.
    fn is_unambiguous(&self) -> bool {
        let numbers_apart = self.parts.windows(2).all(|pair| {
            let [first, second] = pair else { return true };
            let number = |part: &Part| matches!(part, Part::Number(_));
            !(number(first) && number(second))
        });
        let last_is_second = match self.parts.last() {
            Some(Part::Number(field)) => *field == Field::Second,
            Some(Part::Byte(byte)) => self.tail == Tail::None && !byte.is_ascii_alphanumeric(),
            _ => false,
        };
        let first_is_number = matches!(self.parts.first(), Some(Part::Number(_)));
        // Behind a bracket any part may begin, elsewhere a word must not be
        // cut in two.
        let begins = match self.begin {
            Begin::Line | Begin::Bracket => true,
            Begin::Word | Begin::NearLine => first_is_number,
        };
        // A blank in front of a day or an hour may belong to it.
        let blanks_apart = self.parts.windows(2).all(|pair| {
            !matches!(
                pair,
                [Part::BlankOrColon | Part::DayEnd, Part::Number(Field::Day)]
            )
        });
        numbers_apart && last_is_second && begins && blanks_apart && self.has_month_or_name()
    }

    fn has_month_or_name(&self) -> bool {
        let is_month = |part: &Part| matches!(part, Part::Number(Field::Month | Field::MonthName));
        self.parts.iter().any(is_month)
    }

    /// Looks for the date where a search in a range of an ASCII line starts.
    /// If it is there, its groups are in the slots, as if the expression had
    /// been searched.
    pub(super) fn find(
        &self,
        line: &[u8],
        range: &Range<usize>,
        groups: &ShapeGroups,
        slots: &mut Slots,
    ) -> bool {
        let Some(located) = self.locate(line, range) else {
            return false;
        };
        located.fill(groups, slots);
        true
    }

    /// Looks for the date where a search in a range of an ASCII line starts.
    pub(super) fn locate(&self, line: &[u8], range: &Range<usize>) -> Option<Located> {
        let start = self.start(line, range)?;
        let text = &line[..range.end];
        let mut located = Located {
            start,
            whole: (0, 0),
            cut: (start, usize::MAX),
            fields: [(Field::Second, 0, 0); MAX_FIELDS],
            count: 0,
            zone: None,
        };
        let mut at = start;
        let mut separator = 0;
        for (index, part) in self.parts.iter().enumerate() {
            if index == self.cut.start {
                located.cut.0 = at;
            }
            if index == self.cut.end {
                located.cut.1 = at;
            }
            let byte = *text.get(at)?;
            let fits = match *part {
                Part::Byte(expected) => byte == expected,
                Part::Separator(0, ..) => byte == separator,
                Part::Separator(a, b, c) => {
                    separator = byte;
                    byte == a || byte == b || byte == c
                }
                Part::DayEnd => byte == b'T' || byte == b' ',
                Part::BlankOrColon => byte == b':' || byte == b' ',
                Part::Number(field) => {
                    let length = self.number(field, &text[at..]);
                    if length == 0 {
                        return None;
                    }
                    *located.fields.get_mut(located.count)? = (field, at, at + length);
                    located.count += 1;
                    at += length;
                    continue;
                }
            };
            if !fits {
                return None;
            }
            at += 1;
        }
        let (end, zone) = self.end(text, at)?;
        located.zone = zone;
        if self.cut.end >= self.parts.len() {
            located.cut.1 = end;
        }
        located.whole = self.whole(start, end);
        Some(located)
    }

    /// How a date that was found is written, if seconds follow its minutes.
    pub(super) fn form(&self, line: &[u8], located: &Located) -> Option<Form> {
        let place = |wanted: Field| {
            let fields = &located.fields[..located.count];
            let found = fields.iter().find(|(field, ..)| *field == wanted);
            found.map(|&(_, start, _)| start)
        };
        let (minute, second) = (place(Field::Minute)?, place(Field::Second)?);
        let start = located.start;
        (second == minute + 3 && located.cut.0 >= start).then_some(())?;
        let (end, ending) = match (self.parts.last()?, located.zone) {
            (_, Some((_, end))) => (end, Ending::Zone),
            (Part::Byte(_), None) => (located.whole.1, Ending::Known),
            _ => match self.tail {
                Tail::None | Tail::Fraction | Tail::FractionYear => (second + 2, Ending::Number),
                Tail::FractionZone | Tail::BlankZone => (second + 2, Ending::Open),
            },
        };
        let cut_end = (self.cut.end < self.parts.len()).then(|| located.cut.1 - start);
        let cut = (located.cut.0 - start, cut_end);
        Form::new(
            line.get(start..end)?,
            minute.checked_sub(start)?,
            cut,
            ending,
        )
    }

    /// As [`Shape::locate`], for a date that differs from another one in
    /// minutes and seconds only. `None` for any other.
    pub(super) fn find_again(
        &self,
        line: &[u8],
        range: &Range<usize>,
        form: &Form,
    ) -> Option<Again> {
        let (start, end) = self.place_again(line, range, form)?;
        Some(Again {
            whole: self.whole(start, end),
            cut: form.cut(start, end),
            digits: form.digits(line, start)?,
        })
    }

    /// Where such a date begins and ends.
    #[inline]
    pub(super) fn place_again(
        &self,
        line: &[u8],
        range: &Range<usize>,
        form: &Form,
    ) -> Option<(usize, usize)> {
        let start = self.start(line, range)?;
        let text = &line[..range.end];
        let end = form.end(text, start)?;
        match form.ending {
            Ending::Known => Some((start, end)),
            // There is nothing else to find behind a zone.
            Ending::Zone => {
                let ends = !text.get(end).copied().is_some_and(is_word);
                ends.then_some((start, end))
            }
            Ending::Number if matches!(text.get(end..), Some([b' ', next, ..]) if !next.is_ascii_digit()) => {
                Some((start, end))
            }
            Ending::Number | Ending::Open => {
                let (end, zone) = self.end(text, end)?;
                zone.is_none().then_some((start, end))
            }
        }
    }

    /// The bytes that may come before the date belong to the match.
    #[inline]
    fn whole(&self, start: usize, end: usize) -> (usize, usize) {
        match self.begin {
            Begin::NearLine | Begin::Bracket => (0, end),
            Begin::Word | Begin::Line => (start, end),
        }
    }

    /// Where the first part has to be.
    #[inline]
    fn start(&self, line: &[u8], range: &Range<usize>) -> Option<usize> {
        match self.begin {
            Begin::Word => {
                let before = range.start.checked_sub(1).map(|at| line[at]);
                let inside = before.is_some_and(is_word);
                (!inside).then_some(range.start)
            }
            _ if range.start > 0 => None,
            Begin::Line => Some(0),
            Begin::NearLine => line
                .get(..3.min(line.len()))
                .and_then(|first| first.iter().position(|&byte| is_word(byte))),
            Begin::Bracket => memchr::memchr(b'[', &line[..range.end]).map(|bracket| bracket + 1),
        }
    }

    /// How many bytes a number takes; none if it is not one, or is not written
    /// as is usual.
    fn number(&self, field: Field, text: &[u8]) -> usize {
        let two = |low: u8, high: u8| {
            let [a @ b'0'..=b'9', b @ b'0'..=b'9', ..] = *text else {
                return 0;
            };
            let value = (a - b'0') * 10 + (b - b'0');
            if (low..=high).contains(&value) { 2 } else { 0 }
        };
        match field {
            Field::Year { any } => {
                let Some(year) = text
                    .get(..4)
                    .filter(|year| year.iter().all(u8::is_ascii_digit))
                else {
                    return 0;
                };
                let known = any || self.decades.iter().any(|decade| year.starts_with(decade));
                if known { 4 } else { 0 }
            }
            Field::Month => two(1, 12),
            Field::MonthName => {
                let Some(&[a, b, c]) = text.first_chunk::<3>() else {
                    return 0;
                };
                let lower = [a | 0x20, b | 0x20, c | 0x20];
                let letters = [a, b, c].iter().all(u8::is_ascii_alphabetic);
                if letters && MONTHS.contains(&&lower) {
                    3
                } else {
                    0
                }
            }
            Field::Day => match *text {
                [b' ', b'1'..=b'9', ..] => 2,
                _ => two(1, 31),
            },
            Field::Hour => two(0, 23),
            Field::Minute | Field::Second => two(0, 59),
        }
    }

    /// The end of the date, and its zone. `None` where the expression has to
    /// be asked.
    #[inline]
    fn end(&self, text: &[u8], at: usize) -> Option<(usize, Option<(usize, usize)>)> {
        let next = text.get(at).copied();
        let after = text.get(at + 1).copied();
        let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        if matches!(self.parts.last(), Some(Part::Byte(_))) {
            return Some((at, None));
        }
        if next.is_some_and(is_word) {
            return None;
        }
        let mut zone = None;
        let mut end = at;
        match self.tail {
            Tail::None => {}
            Tail::Fraction => {
                if next == Some(b'.') && digit(after) {
                    return None;
                }
            }
            Tail::FractionYear => {
                if matches!(next, Some(b'.' | b' ')) && digit(after) {
                    return None;
                }
            }
            Tail::FractionZone => {
                if matches!(next, Some(b'.' | b',')) && digit(after) {
                    return None;
                }
                let rest = text[at..].trim_ascii_start();
                let zone_like = |byte: &u8| {
                    matches!(byte, b'+' | b'-' | b'Z' | b'U' | b'G') || !byte.is_ascii_graphic()
                };
                if rest.first().is_some_and(zone_like) {
                    return None;
                }
            }
            Tail::BlankZone => {
                if next == Some(b'.') {
                    return None;
                }
                if next == Some(b' ') {
                    let rest = &text[at + 1..];
                    let [b'+' | b'-', digits @ ..] = rest else {
                        return None;
                    };
                    let digits = digits.get(..4)?;
                    let plain = digits.iter().all(u8::is_ascii_digit) && digits[0] < b'2';
                    end = at + 6;
                    if !plain || text.get(end).copied().is_some_and(is_word) {
                        return None;
                    }
                    zone = Some((at + 1, end));
                }
            }
        }
        Some((end, zone))
    }
}

fn begin_of(pattern: &str) -> (Begin, &str) {
    for (mark, begin) in [
        (r"^[^\[]*\[", Begin::Bracket),
        ("{^LN-BEG}", Begin::NearLine),
        // Nothing of an ASCII line.
        (r"^[^\x00-\x7F]{0,3}", Begin::Line),
        ("^", Begin::Line),
    ] {
        if let Some(rest) = pattern.strip_prefix(mark) {
            return (begin, rest);
        }
    }
    (Begin::Word, pattern)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::super::list::DateTemplates;
    use super::super::template::Template;
    use super::*;
    use crate::pattern::Haystack;
    use crate::source::Source;
    use crate::traced::Traced;

    const PATTERNS: [&str; 9] = [
        r"^\[%d/%b/%Y %H:%M:%S\]",
        r"^[^\x00-\x7F]{0,3}\[(%d/%b/%Y %H:%M:%S)\]",
        r"{^LN-BEG}%ExY-%m-%d %H:%M:%S",
        r"%d/%m/%Y %H:%M:%S",
        r"^[^\[]*\[({DATE})",
        "{^LN-BEG}",
        r"^%Y-%m-%d %H:%M:%S",
        r"%b %d %H:%M:%S",
        "",
    ];

    /// Lines near to dates, from a fixed seed.
    fn lines() -> Vec<String> {
        const DATES: [&str; 14] = [
            "[17/Jun/2011 17:00:45]",
            "17/Jun/2011 17:00:45",
            "2005-01-23 21:59:59",
            "2005-01-23T21:59:59.981Z",
            "2005/01/23 21:59:59,12 +0200",
            "Jan 23 21:59:59",
            "Jan  3 21:59:59 2005",
            "Sun Jan 23 21:59:59",
            "23/01/2005 21:59:59",
            "31/Oct/2006:09:22:55 -0000",
            "31-Oct-2006 09:22:55",
            "10.0.0.1 - - [31/Oct/2006:09:22:55 +0100] \"GET",
            "x [31/Oct/2006:09:22:55] y",
            "01/23/2005:21:59:59",
        ];
        const AROUND: [&str; 9] = ["", " ", "[", "<5>", "x", "\u{e9}", "--", "...", "é "];
        const AFTER: [&str; 12] = [
            "", " ", " text", "]", ".1", ". x", " 2005", " 1", "x", " +0200", " -", " Zulu",
        ];
        const BYTES: &[u8] = b"0123456789 -/.:[]TZ+,aJx_";
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let mut lines = Vec::new();
        for _ in 0..20_000 {
            let mut line = AROUND[next(AROUND.len())].to_owned();
            line += DATES[next(DATES.len())];
            line += AFTER[next(AFTER.len())];
            if next(3) > 0 {
                for _ in 0..=next(2) {
                    let at = next(line.len());
                    let byte = char::from(BYTES[next(BYTES.len())]);
                    if line.is_char_boundary(at) && line.is_char_boundary(at + 1) {
                        match next(3) {
                            0 => line.insert(at, byte),
                            1 => drop(line.remove(at)),
                            _ => line.replace_range(at..=at, byte.encode_utf8(&mut [0; 4])),
                        }
                    }
                }
            }
            lines.push(line);
        }
        lines
    }

    #[test]
    fn where_a_shape_says_yes_the_expression_finds_the_same() {
        let lines = lines();
        let mut said_yes = 0;
        let mut shapes = 0;
        for pattern in PATTERNS {
            let source = Source::new("p", pattern);
            let value = Traced::typed(&source.span(0..pattern.len()));
            let templates = DateTemplates::new(Some(&value), 2026).unwrap();
            for template in templates.templates() {
                let Some(shape) = template.shape() else {
                    continue;
                };
                shapes += 1;
                let compiled = template.compiled().unwrap();
                for line in lines.iter().filter(|line| line.is_ascii()) {
                    for range in [
                        0..line.len(),
                        3.min(line.len())..line.len(),
                        0..line.len() * 3 / 4,
                    ] {
                        let (mut fast, mut plain) = (Slots::default(), Slots::default());
                        if !shape.find(line.as_bytes(), &range, &compiled.shape_groups, &mut fast) {
                            continue;
                        }
                        said_yes += 1;
                        let text = Haystack::new(line);
                        let found = compiled.pattern.captures(text, range.clone(), &mut plain);
                        assert_eq!(found, Ok(true), "{} {line:?} {range:?}", template.shown());
                        let names = compiled.fields.iter().map(|&(group, _)| group);
                        for group in names.chain([0, 1]) {
                            assert_eq!(
                                fast.get(group),
                                plain.get(group),
                                "{} {line:?} {range:?} group {group}",
                                template.shown()
                            );
                        }
                    }
                }
            }
        }
        assert!(shapes >= 20, "only {shapes} patterns have a shape");
        assert!(said_yes > 5_000, "shapes said yes only {said_yes} times");
    }

    #[test]
    fn a_date_in_a_known_form_is_found_as_any_other() {
        let forms = lines();
        let mut found = 0;
        for pattern in PATTERNS {
            let source = Source::new("p", pattern);
            let value = Traced::typed(&source.span(0..pattern.len()));
            let templates = DateTemplates::new(Some(&value), 2026).unwrap();
            for shape in templates.templates().iter().filter_map(Template::shape) {
                let mut last: Option<Form> = None;
                for (turn, line) in forms.iter().filter(|line| line.is_ascii()).enumerate() {
                    let mut line = line.clone().into_bytes();
                    // What is behind the first half of a line are mostly
                    // minutes and seconds.
                    let digits: Vec<usize> = (line.len() / 2..line.len())
                        .filter(|&at| line[at].is_ascii_digit())
                        .collect();
                    for again in 0..10 {
                        let range = 0..line.len();
                        let located = shape.locate(&line, &range);
                        if let Some(form) = &last
                            && let Some(again) = shape.find_again(&line, &range, form)
                        {
                            found += 1;
                            let located = located.unwrap();
                            assert_eq!(again.whole, located.whole);
                            assert_eq!(again.cut, located.cut);
                            let (_, seconds) = located.plain_date(&line).unwrap();
                            assert_eq!(again.seconds(), seconds);
                        }
                        if let Some(located) = located
                            && let Some(form) = shape.form(&line, &located)
                        {
                            last = Some(form);
                        }
                        if !digits.is_empty() {
                            let at = digits[(turn * 7 + again * 3) % digits.len()];
                            line[at] = b'0' + ((turn + again * 7) % 10) as u8;
                        }
                    }
                }
            }
        }
        assert!(found > 5_000, "only {found} dates were found again");
    }

    #[test]
    fn other_patterns_have_no_shape() {
        for pattern in [
            "%H:%M:%S",
            "%Y%m%d %H:%M:%S",
            "^x%d/%m/%Y %H:%M:%S",
            "%d/%m/%Y %I:%M:%S",
            r"^(\d+) %d/%m/%Y %H:%M:%S",
            "%d(/)%m/%Y %H:%M:%S",
        ] {
            assert!(Shape::new(pattern, &[*b"200"]).is_none(), "{pattern}");
        }
    }
}
