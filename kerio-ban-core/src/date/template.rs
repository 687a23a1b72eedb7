//! One date template: an expression that finds a date, and how to read it.

use std::sync::OnceLock;

use super::bounds::{Begin, Bounded, bound, has_group};
use super::error::DateError;
use super::place::{concat, standing};
use super::shape::{Shape, ShapeGroups};
use super::tokens::Tokens;
use crate::error::Error;
use crate::pattern::{Buffer, Pattern, PatternOptions};
use crate::traced::Traced;

/// Ten or eleven digits, and a fraction.
const EPOCH: &str = r"\d{10,11}\b(?:\.\d{3,6})?";
/// The same with milliseconds or microseconds as further digits.
const LONG_EPOCH: &str = r"\d{10,11}(?:\d{3}(?:\.\d{1,6}|\d{3})?)?";

/// A mark at the start of a pattern: no bounds.
pub(super) const UNBOUND: &str = "{UNB}";
/// A mark at the start of a pattern: at the start of the line.
pub(super) const LINE_BEGIN: &str = "{^LN-BEG}";

/// An expression for a date. Compiled when it is first used, which for most of
/// the default ones is never.
pub(super) struct Template {
    /// What users see.
    pub(super) name: String,
    /// The pattern with its tokens; a template for epochs or TAI64N has none.
    pub(super) pattern: Option<String>,
    /// What fail2ban would compile.
    pub(super) regex: Traced,
    /// What is compiled in its place, if it is not the same.
    engine: Option<Traced>,
    pub(super) kind: Kind,
    /// Tied to the start or the end of the line.
    pub(super) anchored: bool,
    /// How much a hit counts when templates are ordered.
    pub(super) factor: f64,
    shape: Option<Shape>,
    compiled: OnceLock<Result<Compiled, Error>>,
}

/// How to read what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The groups are parts of a date.
    Fields,
    /// A group is a number of seconds, or, if long, perhaps of smaller units.
    Epoch { group: usize, long: bool },
    /// The same, where only certain places are searched, by hand.
    PlacedEpoch { long: bool },
    /// Group 1 is a TAI64N label.
    Tai64n,
}

/// A template ready to search.
pub(super) struct Compiled {
    pub(super) pattern: Pattern,
    /// The groups that are parts of a date, in the order of the expression.
    pub(super) fields: Vec<(usize, Field)>,
    /// The group of `%p`.
    pub(super) half_of_day: Option<usize>,
    pub(super) shape_groups: ShapeGroups,
    /// The fields, if an hour and what is within it can be read of them.
    pub(super) plain_fields: Vec<(usize, Field)>,
}

/// A part of a date, by the letter of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    YearOfCentury,
    Month,
    MonthName,
    MonthAbbreviation,
    Day,
    YearDay,
    /// Of weeks that start on Sunday.
    WeekFromSunday,
    WeekFromMonday,
    Weekday,
    WeekdayName,
    WeekdayAbbreviation,
    Hour,
    HourOfHalf,
    Minute,
    Second,
    Zone,
}

impl Field {
    fn of_group(name: &str) -> Option<Field> {
        Some(match name {
            "Y" => Field::Year,
            "y" => Field::YearOfCentury,
            "m" => Field::Month,
            "B" => Field::MonthName,
            "b" => Field::MonthAbbreviation,
            "d" => Field::Day,
            "j" => Field::YearDay,
            "U" => Field::WeekFromSunday,
            "W" => Field::WeekFromMonday,
            "w" => Field::Weekday,
            "A" => Field::WeekdayName,
            "a" => Field::WeekdayAbbreviation,
            "H" => Field::Hour,
            "I" => Field::HourOfHalf,
            "M" => Field::Minute,
            "S" => Field::Second,
            "z" | "Z" => Field::Zone,
            _ => return None,
        })
    }
}

impl Template {
    /// A template for a pattern with tokens.
    pub(super) fn fields(tokens: &Tokens, pattern: &Traced) -> Result<Template, Error> {
        let whole = pattern.as_str();
        let (mark, begin, end) = if whole.starts_with(UNBOUND) {
            (UNBOUND, Begin::Anywhere, false)
        } else if whole.starts_with(LINE_BEGIN) {
            (LINE_BEGIN, Begin::Line, true)
        } else {
            ("", Begin::Word, true)
        };
        let marked = pattern.slice(mark.len()..pattern.len());
        let expanded = tokens.expand(&marked)?;
        let regex = if has_name_token(marked.as_str()) {
            concat([&Traced::computed("(?iu)"), &expanded.regex])
        } else {
            expanded.regex
        };
        let bounded = bound(&regex, begin, end);
        Ok(Template {
            pattern: Some(whole.to_owned()),
            shape: Shape::new(whole, tokens.decades()),
            ..Template::bounded(&expanded.name, bounded, Kind::Fields)
        })
    }

    /// A template for `{EPOCH}` or `{LEPOCH}` within an expression.
    pub(super) fn epoch_in(pattern: &Traced, long: bool) -> Template {
        let epoch = if long { LONG_EPOCH } else { EPOCH };
        let text = pattern.as_str();
        let mut regex = Traced::default();
        let mut done = 0;
        for (start, end) in epoch_marks(text) {
            regex.push(&pattern.slice(done..start));
            regex.push(&standing(format!("({epoch})"), pattern, start..end));
            done = end;
        }
        regex.push(&pattern.slice(done..text.len()));
        if !has_group(text) {
            regex = concat([&Traced::computed("("), &regex, &Traced::computed(")")]);
        }
        let kind = Kind::Epoch { group: 2, long };
        Template::computed(text, &regex, Begin::Word, kind)
    }

    /// A template for an epoch at the start of the line, behind `[` there, or
    /// behind `audit(`.
    pub(super) fn epoch(place: &Traced, long: bool) -> Template {
        let (name, epoch) = epoch_words(long);
        let regex = concat!(
            r"((?:^|(?P<square>(?<=^\[))|(?P<selinux>(?<=\baudit\()))EPOCH)",
            r"(?:(?(selinux)(?=:\d+\)))|(?(square)(?=\])))",
        )
        .replace("EPOCH", epoch);
        let regex = standing(regex, place, 0..place.len());
        Template::computed(name, &regex, Begin::Anywhere, Kind::PlacedEpoch { long })
    }

    /// A template for an epoch at the start of the line only.
    pub(super) fn epoch_at_line_begin(place: &Traced, long: bool) -> Template {
        let (name, epoch) = epoch_words(long);
        // The bracket at the end is asked for only if the optional group at
        // the start took part, and it need not.
        let regex = r"((?P<square>(?<=^\[))?EPOCH)(?(square)(?=\]))".replace("EPOCH", epoch);
        let regex = standing(regex, place, 0..place.len());
        let engine = standing(format!("({epoch})"), place, 0..place.len());
        Template {
            engine: Some(bound(&engine, Begin::Line, true).regex),
            ..Template::computed(name, &regex, Begin::Line, Kind::Epoch { group: 1, long })
        }
    }

    /// A template for TAI64N labels.
    pub(super) fn tai64n(place: &Traced, begin: Begin) -> Template {
        let regex = standing("@[0-9a-f]{24}", place, 0..place.len());
        Template::computed("TAI64N", &regex, begin, Kind::Tai64n)
    }

    fn computed(name: &str, regex: &Traced, begin: Begin, kind: Kind) -> Template {
        Template::bounded(name, bound(regex, begin, true), kind)
    }

    fn bounded(name: &str, bounded: Bounded, kind: Kind) -> Template {
        let name = if bounded.line_begin_added && !name.starts_with(LINE_BEGIN) {
            format!("{LINE_BEGIN}{name}")
        } else {
            name.to_owned()
        };
        Template {
            name,
            pattern: None,
            regex: bounded.regex,
            engine: None,
            kind,
            anchored: bounded.anchored,
            factor: 1.0,
            shape: None,
            compiled: OnceLock::new(),
        }
    }

    /// The compiled expression. An error is the same every time.
    pub(super) fn compiled(&self) -> Result<&Compiled, &Error> {
        self.compiled
            .get_or_init(|| {
                let regex = self.engine.as_ref().unwrap_or(&self.regex);
                self.compile(regex)
            })
            .as_ref()
    }

    pub(super) fn compile(&self, regex: &Traced) -> Result<Compiled, Error> {
        let options = PatternOptions {
            multi_line: false,
            buffer: Buffer::Bare,
        };
        let pattern = Pattern::new(&keep_flags(regex), options).map_err(|error| {
            let error = DateError::expression(self.shown(), &error);
            match self.regex.origin(0..self.regex.len()) {
                Some(origin) => error.at(origin),
                None => error,
            }
        })?;
        let fields: Vec<(usize, Field)> = pattern
            .group_names()
            .iter()
            .enumerate()
            .filter_map(|(group, name)| Some((group, Field::of_group(name.as_deref()?)?)))
            .collect();
        let half_of_day = pattern.group("p");
        let plain_fields = if half_of_day.is_none() && is_plain(&fields) {
            fields.clone()
        } else {
            Vec::new()
        };
        Ok(Compiled {
            plain_fields,
            fields,
            half_of_day,
            shape_groups: ShapeGroups::new(pattern.group_names().len(), |name| pattern.group(name)),
            pattern,
        })
    }

    /// A search by hand for what the expression finds, if there is one.
    pub(super) fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// What to call it in a message.
    pub(super) fn shown(&self) -> &str {
        self.pattern.as_deref().unwrap_or(&self.name)
    }
}

/// Whether the fields are a month, day, hour, minute and second, each once,
/// and what else there is is a year, a zone, or of no consequence.
fn is_plain(fields: &[(usize, Field)]) -> bool {
    let count = |wanted: &[Field]| {
        let is_wanted = |&&(_, field): &&(usize, Field)| wanted.contains(&field);
        fields.iter().filter(is_wanted).count()
    };
    let needed = [
        &[Field::Month, Field::MonthAbbreviation][..],
        &[Field::Day],
        &[Field::Hour],
        &[Field::Minute],
        &[Field::Second],
    ];
    let allowed = [
        &[Field::Year][..],
        &[Field::Zone],
        // The name of the day is read and not looked at.
        &[Field::WeekdayAbbreviation],
    ];
    let allowed = allowed.map(count);
    needed.into_iter().all(|field| count(field) == 1)
        && allowed.iter().all(|&count| count <= 1)
        && fields.len() == needed.len() + allowed.iter().sum::<usize>()
}

/// Separates flags at the start of a group from its parenthesis. Elsewhere
/// fail2ban scopes such flags to the group; in dates they stay and are an
/// error, as they are to Python.
fn keep_flags(regex: &Traced) -> Traced {
    let mut out = Traced::default();
    let mut done = 0;
    for (at, _) in regex.as_str().match_indices("(?") {
        let before = &regex.as_str()[..at];
        if before.ends_with('(') || before.ends_with("(?:") {
            out.push(&regex.slice(done..at));
            out.push(&Traced::computed("(?#)"));
            done = at;
        }
    }
    out.push(&regex.slice(done..regex.len()));
    out
}

fn epoch_words(long: bool) -> (&'static str, &'static str) {
    if long {
        ("LongEpoch", LONG_EPOCH)
    } else {
        ("Epoch", EPOCH)
    }
}

/// Whether there is a token for a name of a day or month, `%p` or `%c`, with
/// no other percent sign right before it.
fn has_name_token(pattern: &str) -> bool {
    pattern.match_indices('%').any(|(at, _)| {
        !pattern[..at].ends_with('%')
            && pattern[at + 1..].starts_with(['a', 'A', 'b', 'B', 'p', 'c'])
    })
}

/// The places of `{EPOCH}` and `{LEPOCH}`, in any case and not escaped.
pub(super) fn epoch_marks(text: &str) -> Vec<(usize, usize)> {
    text.match_indices('{')
        .filter(|&(start, _)| !text[..start].ends_with('\\'))
        .filter_map(|(start, _)| {
            ["{EPOCH}", "{LEPOCH}"].iter().find_map(|mark| {
                let found = text.as_bytes().get(start..start + mark.len())?;
                found
                    .eq_ignore_ascii_case(mark.as_bytes())
                    .then_some((start, start + mark.len()))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
