//! Text that knows where each of its bytes was typed.
//!
//! Configuration text is cut, joined and spliced many times before it is
//! compiled. A [`Traced`] carries, beside the text, a list of pieces; each
//! says where its bytes come from and through which references they were
//! spliced in. An error at byte *n* of the final text asks
//! [`Traced::origin`].

use std::fmt;
use std::ops::Range;

use crate::source::{Origin, Span};

/// Text with the origin of each byte.
#[derive(Clone, Default)]
pub struct Traced {
    text: String,
    /// In order of `at`; each reaches to the next one's start. No piece but a
    /// lone one is empty.
    pieces: Vec<Piece>,
}

#[derive(Clone)]
struct Piece {
    at: usize,
    /// Unknown for text nobody typed (a computed default).
    span: Option<Span>,
    /// Innermost first.
    via: Vec<Span>,
}

impl Traced {
    /// Exactly the text of a span.
    pub fn typed(span: &Span) -> Traced {
        Traced::at(span.text(), span)
    }

    /// Text that stands for a span without being equal to it, such as the
    /// newline between two lines of a value.
    pub fn at(text: impl Into<String>, span: &Span) -> Traced {
        Traced {
            text: text.into(),
            pieces: vec![Piece {
                at: 0,
                span: Some(span.clone()),
                via: Vec::new(),
            }],
        }
    }

    /// Text that nobody typed.
    pub fn computed(text: impl Into<String>) -> Traced {
        Traced {
            text: text.into(),
            pieces: Vec::new(),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Roughly the memory this takes, in bytes: what limits on expansion
    /// count.
    pub(crate) fn weight(&self) -> usize {
        let pieces = self
            .pieces
            .iter()
            .map(|piece| size_of::<Piece>() + piece.via.len() * size_of::<Span>());
        self.text.len() + pieces.sum::<usize>()
    }

    /// Where a range of bytes was typed: from its first byte as far as it
    /// stays in one place. `None` for text nobody typed.
    pub fn origin(&self, range: Range<usize>) -> Option<Origin> {
        let first = self
            .pieces
            .partition_point(|piece| piece.at <= range.start)
            .saturating_sub(1);
        // Nothing behind the range is asked about; there may be very much of it.
        let index = (first..self.pieces.len())
            .take_while(|&i| i == first || self.pieces[i].at < range.end)
            .find(|&i| self.pieces[i].span.is_some())?;
        let piece = &self.pieces[index];
        let mut span = self.span_in(index, &range)?;
        for next in index + 1..self.pieces.len() {
            let same_place = self.pieces[next].via == piece.via;
            if self.pieces[next].at >= range.end || !same_place {
                break;
            }
            if let Some(more) = self.span_in(next, &range) {
                span = span.to(&more);
            }
        }
        Some(Origin::new(span, piece.via.clone()))
    }

    /// The part of a piece's span that a range of the text covers; all of it
    /// if the piece is not a byte-for-byte copy.
    fn span_in(&self, index: usize, range: &Range<usize>) -> Option<Span> {
        let piece = &self.pieces[index];
        let span = piece.span.as_ref()?;
        let end = self.piece_end(index);
        if span.range().len() != end - piece.at {
            return Some(span.clone());
        }
        let from = range.start.clamp(piece.at, end) - piece.at;
        let to = range.end.clamp(piece.at + from, end) - piece.at;
        Some(span.part(from..to))
    }

    fn piece_end(&self, index: usize) -> usize {
        self.pieces.get(index + 1).map_or(self.text.len(), |p| p.at)
    }

    /// Appends other text with its origins.
    pub fn push(&mut self, other: &Traced) {
        if other.is_empty() && !self.pieces.is_empty() {
            return;
        }
        if self.is_empty() {
            self.pieces.clear();
        } else if self.pieces.is_empty() {
            self.pieces.push(Piece {
                at: 0,
                span: None,
                via: Vec::new(),
            });
        }
        let base = self.text.len();
        if other.pieces.is_empty() && base > 0 {
            self.pieces.push(Piece {
                at: base,
                span: None,
                via: Vec::new(),
            });
        }
        self.text.push_str(&other.text);
        self.pieces.extend(other.pieces.iter().map(|piece| Piece {
            at: base + piece.at,
            ..piece.clone()
        }));
    }

    /// A range of the text with its origins. The range must lie on character
    /// boundaries.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Traced {
        let mut out = Traced::computed(&self.text[range.clone()]);
        // The piece before the one that holds the start may end there, and
        // then stands for an empty range.
        let first = self
            .pieces
            .partition_point(|piece| piece.at <= range.start)
            .saturating_sub(2);
        for index in first..self.pieces.len() {
            let piece = &self.pieces[index];
            if piece.at > range.end {
                break;
            }
            let end = self.piece_end(index);
            let outside = piece.at >= range.end || end <= range.start;
            let stands_for_it = range.is_empty() && piece.at <= range.start && range.start <= end;
            if (outside || range.is_empty()) && !(stands_for_it && out.pieces.is_empty()) {
                continue;
            }
            out.pieces.push(Piece {
                at: piece.at.max(range.start) - range.start,
                span: self.span_in(index, &range),
                via: piece.via.clone(),
            });
        }
        out
    }

    /// Without the characters at both ends for which `trim` holds.
    #[must_use]
    pub fn trim_matches(&self, trim: impl Fn(char) -> bool) -> Traced {
        let start = self.text.len() - self.text.trim_start_matches(&trim).len();
        let end = self.text.trim_end_matches(&trim).len();
        self.slice(start..end.max(start))
    }

    /// The parts between the newlines, empty ones included.
    pub fn split_lines(&self) -> Vec<Traced> {
        let mut start = 0;
        let mut parts = Vec::new();
        for part in self.text.split('\n') {
            parts.push(self.slice(start..start + part.len()));
            start += part.len() + 1;
        }
        parts
    }

    /// The same text, spliced in by the reference that stands at `range` of
    /// `outer`.
    #[must_use]
    pub fn through(&self, outer: &Traced, range: Range<usize>) -> Traced {
        let mut out = self.clone();
        // A reference may itself contain text spliced in, such as the inner
        // one of `<a-<b>>`; it reaches to its own last character.
        let end = outer.origin(range.end.saturating_sub(1)..range.end);
        if let Some(mut origin) = outer.origin(range) {
            if let Some(end) = end.filter(|end| end.via() == origin.via()) {
                origin = Origin::new(origin.span().to(end.span()), origin.via().to_vec());
            }
            for piece in &mut out.pieces {
                piece.via.push(origin.span().clone());
                piece.via.extend_from_slice(origin.via());
            }
        }
        out
    }

    /// The text with every occurrence of `what` replaced by `value`, each
    /// occurrence becoming a reference on the way to the value's text.
    #[must_use]
    pub fn replace(&self, what: &str, value: &Traced) -> Traced {
        let mut out = Traced::default();
        let mut rest = 0;
        for (found, _) in self.text.match_indices(what) {
            out.push(&self.slice(rest..found));
            rest = found + what.len();
            out.push(&value.through(self, found..rest));
        }
        out.push(&self.slice(rest..self.text.len()));
        out
    }
}

/// Equal text; where it came from does not matter.
impl PartialEq for Traced {
    fn eq(&self, other: &Traced) -> bool {
        self.text == other.text
    }
}

impl Eq for Traced {}

impl PartialEq<str> for Traced {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Traced {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl AsRef<str> for Traced {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn show(traced: &Traced, range: Range<usize>) -> String {
        let Some(origin) = traced.origin(range) else {
            return "nowhere".to_owned();
        };
        let mut out = format!("{origin} {:?}", origin.span().text());
        for via in origin.via() {
            out += &format!(" via {via} {:?}", via.text());
        }
        out
    }

    #[test]
    fn a_reference_is_on_the_way_to_what_it_brought() {
        let inner = Source::new("in.conf", "pre(");
        let outer = Source::new("out.conf", "^%(p)s x$");
        let top = Traced::typed(&outer.span(0..9));
        let mut text = top.slice(0..1);
        text.push(&Traced::typed(&inner.span(0..4)).through(&top, 1..6));
        text.push(&top.slice(6..9));
        assert_eq!(text, "^pre( x$");
        assert_eq!(
            show(&text, 4..5),
            r#"in.conf:1:4 "(" via out.conf:1:2 "%(p)s""#
        );
        assert_eq!(show(&text, 6..8), r#"out.conf:1:8 "x$""#);
    }

    #[test]
    fn references_nest() {
        let a = Traced::typed(&Source::new("a", "A").span(0..1));
        let b = Traced::typed(&Source::new("b", "<a>!").span(0..4));
        let c = Traced::typed(&Source::new("c", "x <b> <b>").span(0..9));
        let text = c.replace("<b>", &b).replace("<a>", &a);
        assert_eq!(text, "x A! A!");
        assert_eq!(
            show(&text, 5..6),
            r#"a:1:1 "A" via b:1:1 "<a>" via c:1:7 "<b>""#
        );
        assert_eq!(show(&text, 3..4), r#"b:1:4 "!" via c:1:3 "<b>""#);
    }

    #[test]
    fn lines_keep_their_places() {
        let source = Source::new("a", "one\ntwo\n\nthree");
        let lines = Traced::typed(&source.span(0..14)).split_lines();
        assert_eq!(lines, ["one", "two", "", "three"]);
        assert_eq!(show(&lines[1], 0..3), r#"a:2:1 "two""#);
        assert_eq!(show(&lines[2], 0..0), r#"a:3:1 """#);
        assert_eq!(show(&lines[3], 1..2), r#"a:4:2 "h""#);
    }

    #[test]
    fn text_that_stands_for_a_place_keeps_all_of_it() {
        let source = Source::new("a", "one   \n   two");
        let mut text = Traced::typed(&source.span(0..3));
        text.push(&Traced::at("\n", &source.span(3..10)));
        text.push(&Traced::typed(&source.span(10..13)));
        assert_eq!(text, "one\ntwo");
        assert_eq!(show(&text, 4..7), r#"a:2:4 "two""#);
        assert_eq!(show(&text, 0..7), r#"a:1:1 "one   \n   two""#);
    }

    #[test]
    fn what_stands_behind_says_nothing_of_the_origin() {
        let source = Source::new("in.conf", "typed");
        let mut text = Traced::computed("made");
        text.push(&Traced::typed(&source.span(0..5)));
        assert_eq!(show(&text, 0..4), "nowhere");
        assert_eq!(show(&text, 2..6), "in.conf:1:1 \"ty\"");
    }

    #[test]
    fn computed_text_comes_from_nowhere() {
        let mut text = Traced::computed("file");
        assert_eq!(show(&text, 0..4), "nowhere");
        text.push(&Traced::typed(&Source::new("a", "x").span(0..1)));
        assert_eq!(show(&text, 4..5), r#"a:1:1 "x""#);
        let mut text = Traced::typed(&Source::new("a", "x").span(0..1));
        text.push(&Traced::computed("y"));
        assert_eq!(show(&text, 1..2), "nowhere");
        assert_eq!(text.trim_matches(|c| c == 'x'), "y");
    }
}
