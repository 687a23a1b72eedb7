//! In which order pieces are handed to the search.
//!
//! The search takes them in buckets, by turns, and looks first at places where
//! each half of the first bytes is one that it is in some piece of the bucket.
//! If the pieces are mixed badly, that holds for something that is in every
//! line. So a sample is looked at, and pieces change places as long as that
//! helps.

use super::GRAM;

/// How often two pieces may change places.
const TRIES: usize = 300;
/// One place in so many may be looked at in vain.
const CALM: u32 = 8192;

/// An order in which little of a sample is looked at in vain.
pub(super) fn calm_order(texts: &[&[u8]], sample: &[u8]) -> Vec<usize> {
    let alarms = Alarms::new(texts, sample);
    let enough = alarms.least() + sample.len() as u32 / CALM;
    let mut order: Vec<usize> = (0..texts.len()).collect();
    let mut best = alarms.of(&order);
    let mut random = 1_u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) as usize % texts.len()
    };
    for _ in 0..TRIES {
        if best <= enough {
            break;
        }
        let (one, other) = (next(), next());
        if one % alarms.buckets == other % alarms.buckets {
            continue;
        }
        order.swap(one, other);
        let found = alarms.of(&order);
        if found <= best {
            best = found;
        } else {
            order.swap(one, other);
        }
    }
    order
}

/// Where in a sample the search could look more closely.
struct Alarms {
    /// The bytes of each piece that are looked at first.
    pieces: Vec<Gram>,
    /// How many these are.
    length: usize,
    buckets: usize,
    /// The bytes at these places, each sort of them with how often it is there.
    places: Vec<(Gram, u32)>,
}

/// Some bytes as one number, with zeros behind them.
type Gram = u32;

fn gram(bytes: &[u8]) -> Gram {
    let mut gram = [0; GRAM];
    gram.iter_mut()
        .zip(bytes)
        .for_each(|(to, &byte)| *to = byte);
    Gram::from_be_bytes(gram)
}

/// By place and half a byte: the buckets that have it.
#[derive(Default)]
struct Halves {
    low: [[u16; 16]; GRAM],
    high: [[u16; 16]; GRAM],
}

impl Halves {
    fn add(&mut self, bucket: u16, piece: Gram) {
        for (place, byte) in piece.to_be_bytes().into_iter().enumerate() {
            self.low[place][usize::from(byte & 15)] |= bucket;
            self.high[place][usize::from(byte >> 4)] |= bucket;
        }
    }

    /// The buckets that have both halves of a byte.
    fn buckets(&self, place: usize, byte: u8) -> u16 {
        self.low[place][usize::from(byte & 15)] & self.high[place][usize::from(byte >> 4)]
    }

    /// Whether a bucket has both halves of all of so many bytes.
    fn any(&self, gram: Gram, length: usize) -> bool {
        let bytes = gram.to_be_bytes();
        let mut buckets = u16::MAX;
        (0..length).all(|place| {
            buckets &= self.buckets(place, bytes[place]);
            buckets != 0
        })
    }
}

impl Alarms {
    fn new(texts: &[&[u8]], sample: &[u8]) -> Alarms {
        let shortest = texts.iter().map(|text| text.len()).min().unwrap_or(0);
        let length = shortest.min(GRAM);
        let pieces: Vec<Gram> = texts.iter().map(|text| gram(&text[..length])).collect();
        // Nowhere else, whatever the order.
        let mut all = Halves::default();
        pieces.iter().for_each(|&piece| all.add(1, piece));
        // By byte: a bit for each place where a piece has it.
        let known: [u8; 256] = std::array::from_fn(|byte| {
            let at = |place: &usize| all.buckets(*place, byte as u8) != 0;
            let places = (0..length).filter(at);
            places.fold(0, |known, place| known | 1 << place)
        });
        let is_known = |bytes: &&[u8]| {
            let mut places = bytes.iter().enumerate();
            places.all(|(place, &byte)| known[usize::from(byte)] >> place & 1 == 1)
        };
        let found = sample.windows(length.max(1)).filter(is_known);
        let mut grams: Vec<Gram> = found.map(gram).collect();
        grams.sort_unstable();
        let places = grams.chunk_by(|one, other| one == other);
        Alarms {
            places: places.map(|all| (all[0], all.len() as u32)).collect(),
            buckets: if texts.len() > 32 { 16 } else { 8 },
            pieces,
            length,
        }
    }

    /// At how many places the search would look more closely.
    fn of(&self, order: &[usize]) -> u32 {
        let mut halves = Halves::default();
        for (turn, &piece) in order.iter().enumerate() {
            halves.add(1 << (turn % self.buckets), self.pieces[piece]);
        }
        self.count(|gram| halves.any(gram, self.length))
    }

    /// At how many places it would if each piece had a bucket of its own.
    fn least(&self) -> u32 {
        self.count(|gram| self.pieces.contains(&gram))
    }

    fn count(&self, is_alarm: impl Fn(Gram) -> bool) -> u32 {
        let alarms = self.places.iter().filter(|(gram, _)| is_alarm(*gram));
        alarms.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_mixed_so_that_little_is_looked_at_in_vain() {
        // The first and the ninth share a bucket, and between them have each
        // half of `/5.0`.
        let texts = [
            "PEva", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg", "hhhh",
        ];
        let texts: Vec<&[u8]> = texts
            .iter()
            .chain(&["/1.0"])
            .map(|text| text.as_bytes())
            .collect();
        let sample = b"Mozilla/5.0 cccc".repeat(100);
        let given: Vec<usize> = (0..texts.len()).collect();
        let alarms = Alarms::new(&texts, &sample);
        assert_eq!(alarms.of(&given), 200);
        assert_eq!(alarms.least(), 100);
        let order = calm_order(&texts, &sample);
        assert_eq!(alarms.of(&order), 100);
        let mut all = order;
        all.sort_unstable();
        assert_eq!(all, given);
    }

    #[test]
    fn there_is_an_order_for_anything() {
        assert!(calm_order(&[], b"abcdefgh").is_empty());
        assert_eq!(calm_order(&[b"abc"], b"abcdefgh"), [0]);
        assert_eq!(calm_order(&[b"ab", b"cdefgh"], b""), [0, 1]);
    }
}
