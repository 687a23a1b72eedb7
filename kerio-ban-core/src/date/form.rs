//! How a date was written, for dates that differ from it in minutes and seconds
//! only.

/// How long a date may be to be compared at once.
const LONGEST: usize = 32;

/// So many bytes are compared in one step.
const WORD: usize = size_of::<u64>();

type Words = [u64; LONGEST / WORD];

/// How one date was written.
pub(super) struct Form {
    /// From its first part to its last, with zeros for minutes and seconds.
    text: Words,
    /// Added to a byte that differs from the text only by being another digit,
    /// it leaves the upper half of the byte empty; too high a digit does not.
    room: Words,
    /// The bits that have to be zero then.
    mask: Words,
    length: usize,
    /// Where in the text the minutes are; the seconds are behind them.
    minute: usize,
    /// The part that is cut out begins there.
    cut_start: usize,
    /// It ends there, if before the end of the date.
    cut_end: Option<usize>,
    pub(super) ending: Ending,
}

/// What has to be looked at behind a date in a known form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing: its last byte is one that ends it.
    Known,
    /// Whether its zone, which is part of the text, ends there.
    Zone,
    /// Whether more of it follows; behind a blank, that is a number.
    Number,
    /// Whether more of it follows.
    Open,
}

impl Form {
    /// The form of a text with minutes there, and seconds behind them and one
    /// more byte. `None` if it is too long, or too short for these.
    pub(super) fn new(
        text: &[u8],
        minute: usize,
        cut: (usize, Option<usize>),
        ending: Ending,
    ) -> Option<Form> {
        (text.len() >= minute + 5).then_some(())?;
        let mut form = padded(text)?;
        let mut room = [0; LONGEST];
        let mut mask = padded(&[0xff; LONGEST][..text.len()])?;
        for tens in [minute, minute + 3] {
            for (at, digits) in [(tens, 6), (tens + 1, 10)] {
                form[at] = b'0';
                room[at] = 16 - digits;
                mask[at] = 0xf0;
            }
        }
        Some(Form {
            text: words(&form),
            room: words(&room),
            mask: words(&mask),
            length: text.len(),
            minute,
            cut_start: cut.0,
            cut_end: cut.1,
            ending,
        })
    }

    /// Where a date ends that begins there and is written in this form, as far
    /// as the form goes.
    #[inline]
    pub(super) fn end(&self, text: &[u8], start: usize) -> Option<usize> {
        let here = text.get(start..)?;
        let same = match here.first_chunk() {
            Some(bytes) => self.is_form_of(bytes),
            // What is too short has zeros in it, and no date has.
            None => self.is_form_of(&padded(here)?),
        };
        same.then_some(start + self.length)
    }

    #[inline]
    fn is_form_of(&self, bytes: &[u8; LONGEST]) -> bool {
        let bytes = words(bytes);
        let mut rest = 0;
        for (at, word) in bytes.into_iter().enumerate() {
            let differs = word ^ self.text[at];
            // A byte that carries into the next one has its upper bits set.
            rest |= (differs | differs.wrapping_add(self.room[at])) & self.mask[at];
        }
        rest == 0
    }

    /// What is cut out of a line with a date in this form.
    #[inline]
    pub(super) fn cut(&self, start: usize, end: usize) -> (usize, usize) {
        let cut_end = self.cut_end.map_or(end, |cut| start + cut);
        (start + self.cut_start, cut_end)
    }

    /// The digits of the minutes and seconds of a date in this form.
    pub(super) fn digits(&self, text: &[u8], start: usize) -> Option<[u8; 4]> {
        let [m1, m2, _, s1, s2] = *text.get(start + self.minute..)?.first_chunk()?;
        Some([m1, m2, s1, s2])
    }
}

/// The bytes of a date and zeros behind them, if it is not too long.
fn padded(text: &[u8]) -> Option<[u8; LONGEST]> {
    let mut bytes = [0; LONGEST];
    bytes.get_mut(..text.len())?.copy_from_slice(text);
    Some(bytes)
}

fn words(bytes: &[u8; LONGEST]) -> Words {
    let (words, _) = bytes.as_chunks::<WORD>();
    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_minutes_and_seconds_may_differ() {
        let date = b"[17/Jun/2011 17:00:45]";
        let form = Form::new(date, 16, (0, None), Ending::Known).unwrap();
        for place in 0..date.len() {
            for byte in 0..=u8::MAX {
                let mut other = date.to_vec();
                other[place] = byte;
                let fits = match place {
                    16 | 19 => (b'0'..=b'5').contains(&byte),
                    17 | 20 => byte.is_ascii_digit(),
                    _ => byte == date[place],
                };
                let behind = [b"x", other.as_slice(), b" and a text long enough"].concat();
                for (line, start) in [(&other, 0), (&behind, 1)] {
                    let end = fits.then_some(start + date.len());
                    assert_eq!(form.end(line, start), end, "{place} {byte}");
                }
            }
        }
        for length in 0..date.len() {
            assert_eq!(form.end(&date[..length], 0), None, "{length}");
        }
        assert_eq!(form.end(date, date.len() + 1), None);
    }

    #[test]
    fn a_long_date_has_no_form() {
        let long = [b'x'; LONGEST + 1];
        assert!(Form::new(&long, 0, (0, None), Ending::Known).is_none());
        assert!(Form::new(&long[1..], 0, (0, None), Ending::Known).is_some());
        assert!(Form::new(&long[1..], LONGEST - 4, (0, None), Ending::Known).is_none());
    }
}
