//! A line with its match underlined.

use std::ops::Range;

use crate::words::Visible;

/// The text of a line as it is shown, and what is put under it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// Blanks and carets; empty if nothing is underlined.
    pub(super) underline: String,
}

/// How many characters of a line are shown, and how many of them in front of
/// the match, if it does not begin near the start.
const WIDTH: usize = 240;
const BEFORE: usize = 40;

/// Shows a line; a long one around the place that is underlined.
pub(super) fn excerpt(line: &str, place: Option<Range<usize>>) -> Excerpt {
    let place = place.filter(|place| line.get(place.clone()).is_some());
    // What stands for a control character is longer than it, so that columns
    // are counted in what is shown.
    let shown =
        |text: &str| -> Vec<char> { Visible::new(text, true).to_string().chars().collect() };
    let (start, end) = match &place {
        Some(place) => {
            let start = shown(&line[..place.start]).len();
            (start, start + shown(&line[place.clone()]).len())
        }
        None => (0, 0),
    };
    let all = shown(line);
    if all.len() <= WIDTH {
        return Excerpt {
            text: all.iter().collect(),
            underline: underline(start, end),
        };
    }
    let from = if start < WIDTH - BEFORE {
        0
    } else {
        start - BEFORE
    };
    let to = (from + WIDTH).min(all.len());
    let mut text: String = all[from..to].iter().collect();
    let mut shift = 0;
    if from > 0 {
        text.insert(0, '…');
        shift = 1;
    }
    if to < all.len() {
        text.push('…');
    }
    Excerpt {
        text,
        underline: underline(
            start - from + shift,
            end.min(to).saturating_sub(from) + shift,
        ),
    }
}

fn underline(start: usize, end: usize) -> String {
    if start >= end {
        return String::new();
    }
    format!("{}{}", " ".repeat(start), "^".repeat(end - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_what_is_shown() {
        let shown = excerpt("é\tbad\r x", Some(3..6));
        assert_eq!(shown.text, r"é\tbad\r x");
        assert_eq!(shown.underline, "   ^^^");
        assert_eq!(excerpt("abc", None).underline, "");
        assert_eq!(excerpt("é", Some(1..2)).underline, "");
    }

    #[test]
    fn long_lines_are_cut_around_the_match() {
        let line = format!("{}match{}", "a".repeat(500), "b".repeat(500));
        let shown = excerpt(&line, Some(500..505));
        assert_eq!(shown.text.chars().count(), WIDTH + 2);
        let at = shown.underline.find('^').unwrap();
        let under: String = shown.text.chars().skip(at).take(5).collect();
        assert_eq!(under, "match");
        assert_eq!(shown.underline.len(), at + 5);
        let early = excerpt(&line, Some(0..1000));
        assert!(early.text.starts_with("aaa") && early.text.ends_with('…'));
        assert_eq!(early.underline.len(), WIDTH);
    }
}
