//! Encodings of logs: their names, and turning them into UTF-8.
//!
//! The names are Python's, which are what people have in their jails; the
//! tables are those of the WHATWG, which agree with Python's for all letters.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// How the bytes of a log are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Taken as it is; what is not valid becomes U+FFFD when it is decoded.
    #[default]
    Utf8,
    /// The same without a byte order mark at the start.
    Utf8Sig,
    /// Every byte from 0x80 on is invalid.
    Ascii,
    /// Every byte is the character of its number.
    Latin1,
    /// UTF-16 in the order of its byte order mark; little-endian without one.
    Utf16,
    /// Any other. A byte order mark is a character.
    Table(&'static encoding_rs::Encoding),
}

/// Not the name of an encoding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownEncoding;

impl fmt::Display for UnknownEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected `auto` or the name of an encoding, such as `utf-8`, `latin1` or `utf-16`",
        )
    }
}

impl std::error::Error for UnknownEncoding {}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// Reads a name as Python does: in any case, with `-`, `_` or a blank
    /// between its parts.
    fn from_str(name: &str) -> Result<Encoding, UnknownEncoding> {
        let name = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        Ok(match name.as_str() {
            "auto" | "utf-8" | "utf8" | "u8" | "utf" => Encoding::Utf8,
            "utf-8-sig" | "utf8-sig" => Encoding::Utf8Sig,
            "ascii" | "us-ascii" | "646" | "ansi-x3.4-1968" => Encoding::Ascii,
            "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859"
            | "cp819" => Encoding::Latin1,
            "utf-16" | "utf16" | "u16" => Encoding::Utf16,
            "utf-16-le" | "utf-16le" => Encoding::Table(encoding_rs::UTF_16LE),
            "utf-16-be" | "utf-16be" => Encoding::Table(encoding_rs::UTF_16BE),
            name => {
                let label = if let Some(page) = name.strip_prefix("cp125") {
                    format!("windows-125{page}")
                } else if let Some(part) = name.strip_prefix("iso8859-") {
                    format!("iso-8859-{part}")
                } else {
                    name.to_owned()
                };
                // What decodes to nothing but U+FFFD is of no use to anybody.
                encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
                    .map(Encoding::Table)
                    .ok_or(UnknownEncoding)?
            }
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf8Sig => "utf-8-sig",
            Encoding::Ascii => "ascii",
            Encoding::Latin1 => "latin1",
            Encoding::Utf16 => "utf-16",
            Encoding::Table(table) => return f.write_str(&table.name().to_ascii_lowercase()),
        })
    }
}

impl Encoding {
    /// The bytes of a text. Characters that have none are left out.
    pub(crate) fn encode(self, text: &str) -> Cow<'_, [u8]> {
        let below = |limit: u32| {
            let bytes = text.chars().filter(|&c| u32::from(c) < limit);
            bytes.map(|c| u32::from(c) as u8).collect::<Vec<u8>>()
        };
        let units =
            |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        match self {
            Encoding::Utf8 => text.as_bytes().into(),
            Encoding::Utf8Sig => ["\u{feff}", text].concat().into_bytes().into(),
            Encoding::Ascii => below(0x80).into(),
            Encoding::Latin1 => below(0x100).into(),
            Encoding::Utf16 => [&[0xff, 0xfe][..], &units(u16::to_le_bytes)]
                .concat()
                .into(),
            Encoding::Table(table) if table == encoding_rs::UTF_16LE => {
                units(u16::to_le_bytes).into()
            }
            Encoding::Table(table) if table == encoding_rs::UTF_16BE => {
                units(u16::to_be_bytes).into()
            }
            Encoding::Table(table) => {
                let mut out = Vec::new();
                for (start, c) in text.char_indices() {
                    let (bytes, _, failed) = table.encode(&text[start..start + c.len_utf8()]);
                    if !failed {
                        out.extend_from_slice(&bytes);
                    }
                }
                out.into()
            }
        }
    }

    /// The stream as UTF-8. A stream in UTF-8 is not looked at.
    pub(crate) fn decode<'r>(self, reader: impl Read + Send + 'r) -> Box<dyn Read + Send + 'r> {
        let decoder = match self {
            Encoding::Utf8 => return Box::new(reader),
            Encoding::Ascii => Decoder::Ascii,
            Encoding::Latin1 => Decoder::Latin1,
            Encoding::Utf8Sig => Decoder::Table(encoding_rs::UTF_8.new_decoder_with_bom_removal()),
            Encoding::Utf16 => Decoder::Table(encoding_rs::UTF_16LE.new_decoder()),
            Encoding::Table(table) => Decoder::Table(table.new_decoder_without_bom_handling()),
        };
        Box::new(Decoded::new(reader, decoder))
    }
}

enum Decoder {
    Ascii,
    Latin1,
    Table(encoding_rs::Decoder),
}

/// How much is decoded at once.
const BLOCK: usize = 64 * 1024;

/// The most bytes of UTF-8 that one byte can become: U+FFFD has three.
const GROWTH: usize = 3;

/// A stream that becomes UTF-8 as it is read.
struct Decoded<R> {
    reader: R,
    decoder: Decoder,
    input: Vec<u8>,
    output: Vec<u8>,
    /// What of the output has not yet been handed out.
    start: usize,
    end: usize,
    finished: bool,
}

impl<R: Read> Decoded<R> {
    fn new(reader: R, decoder: Decoder) -> Decoded<R> {
        Decoded {
            reader,
            decoder,
            input: vec![0; BLOCK],
            // The decoder may hold back a few bytes from one block to the next.
            output: vec![0; GROWTH * BLOCK + 16],
            start: 0,
            end: 0,
            finished: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let read = self.reader.read(&mut self.input)?;
        self.finished = read == 0;
        let input = &self.input[..read];
        self.start = 0;
        self.end = match &mut self.decoder {
            Decoder::Latin1 => encoding_rs::mem::convert_latin1_to_utf8(input, &mut self.output),
            Decoder::Ascii => {
                let mut end = 0;
                for &byte in input {
                    let mut bytes = [0; 4];
                    let c = if byte.is_ascii() {
                        char::from(byte)
                    } else {
                        char::REPLACEMENT_CHARACTER
                    };
                    let text = c.encode_utf8(&mut bytes).as_bytes();
                    self.output[end..end + text.len()].copy_from_slice(text);
                    end += text.len();
                }
                end
            }
            Decoder::Table(decoder) => {
                let (_, _, written, _) =
                    decoder.decode_to_utf8(input, &mut self.output, self.finished);
                written
            }
        };
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.start == self.end && !self.finished {
            self.fill()?;
        }
        let size = buffer.len().min(self.end - self.start);
        buffer[..size].copy_from_slice(&self.output[self.start..self.start + size]);
        self.start += size;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: &str, bytes: &[u8]) -> String {
        let encoding: Encoding = encoding.parse().unwrap();
        let mut out = Vec::new();
        encoding.decode(bytes).read_to_end(&mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn one_byte_is_one_character() {
        assert_eq!(decoded("latin1", b"a\x80\xe9\n"), "a\u{80}é\n");
        assert_eq!(decoded("ASCII", b"a\xc3\xa9\n"), "a\u{fffd}\u{fffd}\n");
        assert_eq!(decoded("cp1252", b"\x80"), "€");
        assert_eq!(decoded("iso8859_15", b"\xa4"), "€");
    }

    #[test]
    fn utf_16_has_line_feeds_of_two_bytes() {
        assert_eq!(decoded("utf-16", b"\xff\xfea\0\n\0\n\x01"), "a\n\u{10a}");
        assert_eq!(decoded("utf-16", b"\xfe\xff\0a\0\n"), "a\n");
        assert_eq!(decoded("utf-16", b"a\0\n\0"), "a\n");
        assert_eq!(decoded("UTF_16_BE", b"\0a\0\n"), "a\n");
        // Cut short in the middle of a unit.
        assert_eq!(decoded("utf-16", b"a\0b"), "a\u{fffd}");
    }

    #[test]
    fn a_byte_order_mark_is_dropped_only_where_asked_for() {
        assert_eq!(decoded("utf-8-sig", b"\xef\xbb\xbfx"), "x");
        assert_eq!(decoded("utf-8", b"\xef\xbb\xbfx"), "\u{feff}x");
        assert_eq!(decoded("utf-16-le", b"\xff\xfex\0"), "\u{feff}x");
    }

    #[test]
    fn blocks_may_end_inside_a_character() {
        let text = "é€".repeat(BLOCK);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(decoded("utf-16-le", &bytes) == text);
        let bytes = vec![0xe9; 3 * BLOCK + 1];
        assert!(decoded("latin1", &bytes) == "é".repeat(3 * BLOCK + 1));
        assert_eq!(decoded("ascii", &bytes).chars().count(), 3 * BLOCK + 1);
    }

    #[test]
    fn what_has_no_bytes_is_left_out() {
        let encoded = |name: &str| {
            let encoding: Encoding = name.parse().unwrap();
            encoding.encode("a€é").into_owned()
        };
        assert_eq!(encoded("utf-8"), "a€é".as_bytes());
        assert_eq!(encoded("ascii"), b"a");
        assert_eq!(encoded("latin1"), b"a\xe9");
        assert_eq!(encoded("cp1252"), b"a\x80\xe9");
        assert_eq!(encoded("koi8-r"), b"a");
        assert_eq!(encoded("utf-16"), b"\xff\xfea\0\xac\x20\xe9\0");
        assert_eq!(encoded("utf-16-be"), b"\0a\x20\xac\0\xe9");
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!("utf-9".parse::<Encoding>(), Err(UnknownEncoding));
        assert_eq!("".parse::<Encoding>(), Err(UnknownEncoding));
        assert_eq!("GBK".parse::<Encoding>().unwrap().to_string(), "gbk");
    }
}
