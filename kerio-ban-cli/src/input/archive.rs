//! Compressed logs: told by how they begin, read in a thread of their own.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::ahead::Ahead;

/// How much of a compressed log is read at once.
const BLOCK: usize = 64 * 1024;

/// The most memory that is spent on what an xz file refers back to. The same
/// bound, 128 MiB and something, is zstd's own.
const XZ_MEMORY: u64 = 160 << 20;

/// A compressed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// Only recognised, so that it is not taken for text.
    Unread(&'static str),
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Gzip => "gzip",
            Form::Bzip2 => "bzip2",
            Form::Xz => "xz",
            Form::Zstd => "zstd",
            Form::Unread(name) => name,
        })
    }
}

impl Form {
    /// The form that begins so. `None` for text.
    pub(super) fn of(start: &[u8]) -> Option<Form> {
        Some(match start {
            [0x1f, 0x8b, 8, ..] => Form::Gzip,
            // Text may begin with `BZh`, too, but not with what must follow it:
            // a block, or the end.
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17rE8P\x90") =>
            {
                Form::Bzip2
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
            // A frame to be skipped; some compressors begin with one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Form::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Form::Unread("lz4"),
            [0x1f, 0x9d, ..] => Form::Unread("compress"),
            [b'P', b'K', 3, 4, ..] => Form::Unread("zip"),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Form::Unread("7z"),
            _ => return None,
        })
    }

    /// What is in the archive; nothing is kept of it but a few blocks.
    ///
    /// Several archives one after the other are one, as they are for the tools
    /// of each form.
    ///
    /// # Errors
    /// If nothing can be read of this form. What is wrong with the archive
    /// itself is found where it is read.
    pub(super) fn decompress(self, reader: impl Read + Send + 'static) -> io::Result<Ahead> {
        let reader = BufReader::with_capacity(BLOCK, reader);
        match self {
            Form::Gzip => self.ahead(flate2::bufread::MultiGzDecoder::new(reader)),
            Form::Bzip2 => self.ahead(bzip2::bufread::MultiBzDecoder::new(reader)),
            Form::Xz => self.ahead(Xz::new(reader)?),
            Form::Zstd => self.ahead(zstd::stream::read::Decoder::with_buffer(reader)?),
            Form::Unread(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "only gzip, bzip2, xz and zstd can be read",
            )),
        }
    }

    fn ahead(self, decoder: impl Read + Send + 'static) -> io::Result<Ahead> {
        Ahead::new(Decompressed {
            form: self,
            decoder,
        })
    }
}

/// Decodes xz. What was decoded before an error is not lost.
struct Xz<R> {
    decoder: XzDecoder<R>,
    error: Option<io::Error>,
}

impl<R: BufRead> Xz<R> {
    fn new(reader: R) -> io::Result<Xz<R>> {
        let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
        Ok(Xz {
            decoder: XzDecoder::new_stream(reader, stream),
            error: None,
        })
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let before = self.decoder.total_out();
        self.decoder.read(buffer).or_else(|error| {
            let decoded = (self.decoder.total_out() - before) as usize;
            if decoded == 0 {
                return Err(error);
            }
            self.error = Some(error);
            Ok(decoded)
        })
    }
}

/// A decoder whose errors say what they are about.
struct Decompressed<R> {
    form: Form,
    decoder: R,
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            let form = self.form;
            let kind = error.kind();
            if error.raw_os_error().is_some() || kind == io::ErrorKind::Interrupted {
                return error;
            }
            let message = match kind {
                io::ErrorKind::UnexpectedEof => format!("the {form} data is cut off"),
                _ => format!("the {form} data cannot be decoded: {error}"),
            };
            io::Error::new(kind, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const FORMS: [Form; 4] = [Form::Gzip, Form::Bzip2, Form::Xz, Form::Zstd];

    fn packed(form: Form, text: &[u8]) -> Vec<u8> {
        match form {
            Form::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Bzip2 => {
                let mut encoder =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 0).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Form::Unread(name) => unreachable!("{name} is not made here"),
        }
    }

    /// What can be read, and what is then said.
    fn unpacked(form: Form, archive: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut text = Vec::new();
        let mut reader = match form.decompress(Cursor::new(archive.to_vec())) {
            Ok(reader) => reader,
            Err(error) => return (text, Some(error.to_string())),
        };
        let result = reader.read_to_end(&mut text);
        (text, result.err().map(|error| error.to_string()))
    }

    fn text(lines: u32) -> Vec<u8> {
        let mut number = 1_u32;
        let lines = (0..lines).map(|line| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("{line}: login from 192.0.2.{} failed\n", number >> 24)
        });
        lines.collect::<String>().into_bytes()
    }

    #[test]
    fn archives_are_told_by_their_beginning() {
        for form in FORMS {
            assert_eq!(Form::of(&packed(form, b"text\n")), Some(form));
            assert_eq!(Form::of(&packed(form, b"")), Some(form), "empty {form}");
        }
        assert_eq!(Form::of(b"\x52\x2a\x4d\x18\0\0\0\0"), Some(Form::Zstd));
        assert_eq!(Form::of(b"PK\x03\x04"), Some(Form::Unread("zip")));
        assert_eq!(Form::of(b"BZh is how this line begins"), None);
        assert_eq!(Form::of(b"BZh91 is another"), None);
        assert_eq!(Form::of(b"[17/Jun/2025"), None);
        assert_eq!(Form::of(b""), None);
    }

    #[test]
    fn archives_after_one_another_are_one() {
        let text = text(200);
        for form in FORMS {
            let (first, second) = text.split_at(1000);
            let archive = [packed(form, first), packed(form, b""), packed(form, second)];
            assert_eq!(unpacked(form, &archive.concat()), (text.clone(), None));
        }
        // zstd has frames without text, too.
        let skipped = b"\x52\x2a\x4d\x18\x03\0\0\0abc";
        let archive = [&skipped[..], &packed(Form::Zstd, &text), skipped].concat();
        assert_eq!(unpacked(Form::Zstd, &archive), (text, None));
    }

    #[test]
    fn of_an_archive_cut_off_the_beginning_is_read() {
        let text = text(200);
        for form in FORMS {
            let archive = packed(form, &text);
            for length in 8..archive.len() {
                let (read, error) = unpacked(form, &archive[..length]);
                assert!(text.starts_with(&read), "{form} {length}");
                let expected = format!("the {form} data is cut off");
                assert_eq!(error.as_deref(), Some(&*expected), "{form} {length}");
            }
        }
    }

    #[test]
    fn most_of_a_long_archive_cut_off_is_read() {
        let text = text(100_000);
        for form in FORMS {
            let archive = packed(form, &text);
            let (read, error) = unpacked(form, &archive[..archive.len() - 30]);
            assert!(text.starts_with(&read), "{form}");
            assert!(error.is_some(), "{form}");
            // No block is read in part: those of bzip2 are of 100 kB here, those
            // of zstd of 128 KiB.
            assert!(
                read.len() + (150 << 10) > text.len(),
                "{form}: {}",
                read.len()
            );
        }
    }

    #[test]
    fn damage_is_found_and_the_text_before_it_is_read() {
        let text = text(200);
        for form in FORMS {
            let archive = packed(form, &text);
            let mut found = 0;
            for at in 0..archive.len() {
                let mut damaged = archive.clone();
                damaged[at] ^= 0x10;
                let (read, error) = unpacked(form, &damaged);
                found += usize::from(error.is_some());
                // Without an error nothing is wrong, as in a file's time.
                assert!(error.is_some() || read == text, "{form} {at}");
            }
            assert!(found * 10 > archive.len() * 9, "{form}: {found}");
        }
    }

    #[test]
    fn what_follows_an_archive_must_be_one() {
        for form in FORMS {
            let archive = [packed(form, b"text\n"), b"garbage, as it seems".to_vec()].concat();
            let (read, error) = unpacked(form, &archive);
            assert_eq!(read, b"text\n", "{form}");
            let error = error.unwrap();
            assert!(error.starts_with(&format!("the {form} data ")), "{error}");
        }
    }

    #[test]
    fn err_more_memory_than_anything_needs() {
        // The header of the first block follows the twelve bytes of the stream's:
        // its size, flags, filter, the length of what is said of the filter,
        // and that: how far it may refer back. A check sum is the end.
        let mut archive = packed(Form::Xz, b"text\n");
        let header = 12..12 + 4 * (usize::from(archive[12]) + 1);
        assert_eq!(archive[14..16], [0x21, 1]);
        archive[16] = 37;
        let sum = header.end - 4..header.end;
        let mut crc = flate2::Crc::new();
        crc.update(&archive[header.start..sum.start]);
        archive[sum].copy_from_slice(&crc.sum().to_le_bytes());
        let (_, error) = unpacked(Form::Xz, &archive);
        insta::assert_snapshot!(error.unwrap(), @"the xz data cannot be decoded: memory limit reached");
    }
}
