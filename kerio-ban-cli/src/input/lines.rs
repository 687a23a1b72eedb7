//! Lines of a byte stream, one by one or many at once, without an allocation
//! for each.

use std::io::{self, Read};
use std::mem;
use std::ops::{Deref, Range};

/// How much is read at once: enough that threads seldom wait for each other, and
/// little enough for the nearer caches.
const BLOCK: usize = 512 * 1024;

/// The longest line that is read. Anything longer is no line of a log, and
/// would only fill the memory.
const LONGEST: usize = 64 * 1024 * 1024;

/// Lines with memory of their own.
#[derive(Default)]
pub(crate) struct Block {
    memory: Vec<u8>,
    lines: Range<usize>,
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.lines.clone()]
    }
}

/// Splits a stream at its line feeds.
///
/// The memory used is that of one block, or of the longest line.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What of the buffer has been read and not yet been handed out.
    start: usize,
    end: usize,
    longest: usize,
    at_end: bool,
    /// Whether the line handed out last had a line feed.
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Lines<R> {
        Lines::with_sizes(reader, BLOCK, LONGEST)
    }

    fn with_sizes(reader: R, block: usize, longest: usize) -> Lines<R> {
        Lines {
            reader,
            buffer: vec![0; block],
            start: 0,
            end: 0,
            longest,
            at_end: false,
            ended: false,
        }
    }

    /// The next line without its line feed, whether or not it has one. `None`
    /// at the end.
    ///
    /// # Errors
    /// What the stream says; [`io::ErrorKind::InvalidData`] for a line that is
    /// too long.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.start;
        loop {
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                let line = self.start..searched + found;
                self.start = line.end + 1;
                self.ended = true;
                return Ok(Some(&self.buffer[line]));
            }
            if self.at_end {
                let rest = self.start..self.end;
                self.start = self.end;
                self.ended = false;
                return Ok((!rest.is_empty()).then(|| &self.buffer[rest]));
            }
            let unfinished = self.end - self.start;
            self.fill()?;
            searched = self.start + unfinished;
        }
    }

    /// The next lines, as many whole ones as there are at hand; the last of the
    /// stream may lack its line feed. `None` at the end.
    ///
    /// # Errors
    /// As for [`Lines::next_line`].
    pub(crate) fn next_block(&mut self) -> io::Result<Option<&[u8]>> {
        let block = self.find_block()?;
        Ok(block.map(|block| &self.buffer[block]))
    }

    /// The same in the memory of a block, in place of what it holds. `false` at
    /// the end.
    ///
    /// What is read is put into that memory at once: a thread that uses its own
    /// again and again has it in its nearer caches.
    ///
    /// # Errors
    /// As for [`Lines::next_line`].
    pub(crate) fn take_block(&mut self, block: &mut Block) -> io::Result<bool> {
        self.swap(&mut block.memory);
        let found = self.find_block();
        self.swap(&mut block.memory);
        block.lines = found?.unwrap_or_default();
        Ok(!block.is_empty())
    }

    /// Goes on in other memory, with what has not been handed out yet.
    fn swap(&mut self, memory: &mut Vec<u8>) {
        let rest = self.start..self.end;
        if memory.len() < self.buffer.len() {
            memory.resize(self.buffer.len(), 0);
        }
        memory[..rest.len()].copy_from_slice(&self.buffer[rest.clone()]);
        mem::swap(&mut self.buffer, memory);
        (self.start, self.end) = (0, rest.len());
    }

    /// Where the next lines are, after reading on if there is no whole one.
    fn find_block(&mut self) -> io::Result<Option<Range<usize>>> {
        let mut searched = self.start;
        loop {
            if let Some(found) = memchr::memrchr(b'\n', &self.buffer[searched..self.end]) {
                let block = self.start..searched + found + 1;
                self.start = block.end;
                return Ok(Some(block));
            }
            if self.at_end {
                let rest = self.start..self.end;
                self.start = self.end;
                return Ok((!rest.is_empty()).then_some(rest));
            }
            let unfinished = self.end - self.start;
            self.fill()?;
            searched = self.start + unfinished;
        }
    }

    /// Whether the line handed out last had a line feed; only the last of all
    /// may have none.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the next line is there already, so that asking for it does not
    /// wait for anything.
    pub(crate) fn has_line(&self) -> bool {
        memchr::memchr(b'\n', &self.buffer[self.start..self.end]).is_some()
    }

    /// Reads on, after making room.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= self.longest {
                let message = format!("a line is longer than {} MiB", self.longest >> 20);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.buffer.resize(2 * self.end, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out at most so many bytes at once.
    struct Slowly<'d>(&'d [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(buffer.len()).min(self.0.len());
            let (now, later) = self.0.split_at(size);
            buffer[..size].copy_from_slice(now);
            self.0 = later;
            Ok(size)
        }
    }

    /// Blocks in memory of their own, of which there is that of two.
    fn taken_blocks(text: &[u8], step: usize, block: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::with_sizes(Slowly(text, step), block, 1 << 20);
        let mut blocks = [Block::default(), Block::default()];
        let mut all = Vec::new();
        while lines.take_block(&mut blocks[0]).unwrap() {
            all.push(blocks[0].to_vec());
            blocks.swap(0, 1);
        }
        assert!(!lines.take_block(&mut blocks[0]).unwrap());
        all
    }

    /// The same lines, taken in blocks.
    fn lines_of_blocks(text: &[u8], step: usize, block: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::with_sizes(Slowly(text, step), block, 1 << 20);
        let mut all = Vec::new();
        while let Some(block) = lines.next_block().unwrap() {
            assert!(all.last().is_none_or(|&byte| byte == b'\n'));
            assert!(!block.is_empty());
            all.extend_from_slice(block);
        }
        assert!(lines.next_block().unwrap().is_none());
        let all = all.strip_suffix(b"\n").unwrap_or(&all);
        all.split(|&byte| byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }

    fn lines(text: &[u8], step: usize, block: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::with_sizes(Slowly(text, step), block, 1 << 20);
        let mut out = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            out.push(line.to_vec());
        }
        assert!(lines.next_line().unwrap().is_none());
        out
    }

    #[test]
    fn lines_do_not_depend_on_how_the_stream_is_cut() {
        let text = b"one\n\ntwo\r\n\0\xff\nthe last line is the longest of all";
        let expected: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        for step in 1..text.len() + 1 {
            for block in 1..text.len() + 1 {
                assert_eq!(lines(text, step, block), expected, "{step} {block}");
                assert_eq!(
                    lines_of_blocks(text, step, block),
                    expected,
                    "{step} {block}"
                );
            }
        }
    }

    #[test]
    fn blocks_are_whole_lines() {
        let text = b"one\n\ntwo\r\n\0\xff\nthe last line is the longest of all";
        for step in 1..text.len() + 1 {
            for block in 1..text.len() + 1 {
                let taken = taken_blocks(text, step, block);
                let mut taken = taken.iter();
                let mut lines = Lines::with_sizes(Slowly(text, step), block, 1 << 20);
                let mut all = Vec::new();
                while let Some(block) = lines.next_block().unwrap() {
                    assert_eq!(taken.next().map(Vec::as_slice), Some(block));
                    all.extend_from_slice(block);
                    let at_end = all.len() == text.len();
                    assert!(at_end || block.ends_with(b"\n"), "{step} {block:?}");
                }
                assert_eq!(all, text);
            }
        }
    }

    #[test]
    fn it_is_known_what_is_there_and_how_it_ended() {
        let mut lines = Lines::with_sizes(Slowly(b"a\nb\nc", 4), 16, 64);
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let line = line.to_vec();
            seen.push((line, lines.ended(), lines.has_line()));
        }
        let line = |text: &[u8], ended, has_line| (text.to_vec(), ended, has_line);
        let expected = [
            line(b"a", true, true),
            line(b"b", true, false),
            line(b"c", false, false),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_line_feed_at_the_end_begins_no_line() {
        assert_eq!(lines(b"a\n", 1, 8), [b"a"]);
        assert_eq!(lines(b"\n\n", 1, 8), [b"", b""]);
        assert!(lines(b"", 1, 8).is_empty());
    }

    #[test]
    fn an_unfinished_line_before_an_error_is_none() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        for block in [4, 64] {
            let mut lines = Lines::with_sizes(b"one\ntwo\nth".chain(Broken), block, 64);
            assert_eq!(lines.next_line().unwrap(), Some(&b"one"[..]));
            assert_eq!(lines.next_block().unwrap(), Some(&b"two\n"[..]));
            assert_eq!(lines.next_block().unwrap_err().to_string(), "broken");
        }
    }

    #[test]
    fn a_stream_without_line_feeds_is_given_up() {
        let mut lines = Lines::with_sizes(io::repeat(b'x'), 16, 64);
        let error = lines.next_line().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
