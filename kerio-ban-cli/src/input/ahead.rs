//! Reading ahead: a thread fills blocks while earlier ones are worked on.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvError, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// How much is handed over at once.
const BLOCK: usize = 256 * 1024;

/// How much is read at once. A decoder that finds damage may lose as much of what
/// came before it.
const STEP: usize = 16 * 1024;

/// How many blocks there are. The thread waits when all of them are full.
const BLOCKS: usize = 4;

/// A stream that another thread reads. It needs the memory of a few blocks,
/// however much comes out of it.
pub(super) struct Ahead {
    /// Blocks in their order; an empty one is the end.
    filled: Receiver<io::Result<Vec<u8>>>,
    /// Takes blocks back to be filled again.
    spare: Sender<Vec<u8>>,
    block: Vec<u8>,
    /// How much of the block has been handed out.
    start: usize,
    /// What came instead of a block that was looked at before it was read.
    error: Option<io::Error>,
    at_end: bool,
}

impl Ahead {
    /// Starts to read.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(super) fn new(reader: impl Read + Send + 'static) -> io::Result<Ahead> {
        let (to_reader, filled) = sync_channel(BLOCKS);
        let (spare, empty) = channel();
        for _ in 0..BLOCKS {
            // Cannot fail: the other end is still here.
            let _ = spare.send(Vec::new());
        }
        thread::Builder::new()
            .name("read ahead".to_owned())
            .spawn(move || read_all(reader, &empty, &to_reader))?;
        Ok(Ahead {
            filled,
            spare,
            block: Vec::new(),
            start: 0,
            error: None,
            at_end: false,
        })
    }

    /// What comes next, as far as it is at hand; nothing at the end. An error
    /// is kept for the next read.
    pub(super) fn peek(&mut self) -> &[u8] {
        if let Err(error) = self.advance() {
            self.error = Some(error);
            return &[];
        }
        &self.block[self.start..]
    }

    /// Takes the next block once the last one is used up.
    fn advance(&mut self) -> io::Result<()> {
        if self.start < self.block.len() || self.at_end {
            return Ok(());
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let block = std::mem::take(&mut self.block);
        self.start = 0;
        // There is none before the first.
        if block.capacity() > 0 {
            // Nobody takes it back if the thread has ended.
            let _ = self.spare.send(block);
        }
        let next = self.filled.recv();
        self.block = next.map_err(|RecvError| io::Error::other("reading was given up"))??;
        self.at_end = self.block.is_empty();
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.advance()?;
        let rest = &self.block[self.start..];
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        self.start += size;
        Ok(size)
    }
}

/// Fills blocks until the end, an error, or until nobody wants any more.
fn read_all(
    mut reader: impl Read,
    empty: &Receiver<Vec<u8>>,
    filled: &SyncSender<io::Result<Vec<u8>>>,
) {
    while let Ok(mut block) = empty.recv() {
        let error = fill(&mut reader, &mut block).err();
        let last = block.is_empty();
        // What was read before an error comes before it.
        if (error.is_none() || !last) && filled.send(Ok(block)).is_err() {
            return;
        }
        if let Some(error) = error {
            let _ = filled.send(Err(error));
            return;
        }
        if last {
            return;
        }
    }
}

/// Fills the block up to where the stream pauses. There the reader of a live
/// stream waits, and what came before must not wait with it.
fn fill(reader: &mut impl Read, block: &mut Vec<u8>) -> io::Result<()> {
    block.resize(BLOCK, 0);
    let mut end = 0;
    let result = loop {
        let step = end..BLOCK.min(end + STEP);
        if step.is_empty() {
            break Ok(());
        }
        match reader.read(&mut block[step.clone()]) {
            Ok(read) => {
                end += read;
                if read < step.len() {
                    break Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    block.truncate(end);
    result
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Gives numbered bytes and then, perhaps, an error.
    struct Numbers {
        left: usize,
        breaks: bool,
        step: usize,
        given: Arc<AtomicUsize>,
    }

    impl Numbers {
        fn new(left: usize, breaks: bool) -> Numbers {
            let given = Arc::default();
            Numbers {
                left,
                breaks,
                step: STEP,
                given,
            }
        }
    }

    impl Read for Numbers {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = buffer.len().min(self.left).min(self.step);
            if size == 0 && self.breaks && !buffer.is_empty() {
                return Err(io::Error::other("broken"));
            }
            let given = self.given.fetch_add(size, Ordering::Relaxed);
            for (at, byte) in buffer[..size].iter_mut().enumerate() {
                *byte = (given + at) as u8;
            }
            self.left -= size;
            Ok(size)
        }
    }

    #[test]
    fn nothing_is_lost_or_moved() {
        for length in [0, 1, BLOCK, BLOCK + 1, 7 * BLOCK - 1] {
            for step in [1000, STEP] {
                let mut numbers = Numbers::new(length, false);
                numbers.step = step;
                let mut ahead = Ahead::new(numbers).unwrap();
                let mut all = Vec::new();
                ahead.read_to_end(&mut all).unwrap();
                assert_eq!(all.len(), length);
                assert!(all.iter().enumerate().all(|(at, &byte)| byte == at as u8));
                assert_eq!(ahead.read(&mut [0]).unwrap(), 0);
            }
        }
    }

    #[test]
    fn what_comes_before_an_error_is_read() {
        for length in [0, 1, BLOCK, 2 * BLOCK + 3] {
            let mut ahead = Ahead::new(Numbers::new(length, true)).unwrap();
            let mut all = Vec::new();
            let error = ahead.read_to_end(&mut all).unwrap_err();
            assert_eq!((all.len(), error.to_string()), (length, "broken".into()));
        }
    }

    #[test]
    fn what_is_waited_for_comes_as_soon_as_it_is_there() {
        struct Live(Receiver<u8>);
        impl Read for Live {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let byte = self.0.recv();
                Ok(byte.map_or(0, |byte| {
                    buffer[0] = byte;
                    1
                }))
            }
        }
        let (writer, live) = channel();
        let mut ahead = Ahead::new(Live(live)).unwrap();
        // The second byte is only written once the first has been read.
        for sent in [b'a', b'b', b'c'] {
            let sender = writer.clone();
            let later = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                sender.send(sent)
            });
            let mut read = [0];
            ahead.read_exact(&mut read).unwrap();
            assert_eq!(read, [sent]);
            later.join().unwrap().unwrap();
        }
        drop(writer);
        assert_eq!(ahead.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn looking_takes_nothing() {
        let mut ahead = Ahead::new(&b"abc"[..]).unwrap();
        assert_eq!(ahead.peek(), b"abc");
        assert_eq!(ahead.peek(), b"abc");
        let mut all = String::new();
        ahead.read_to_string(&mut all).unwrap();
        assert_eq!(all, "abc");
        assert_eq!(ahead.peek(), b"");

        let mut ahead = Ahead::new(Numbers::new(0, true)).unwrap();
        assert_eq!(ahead.peek(), b"");
        assert_eq!(ahead.read(&mut [0]).unwrap_err().to_string(), "broken");
    }

    #[test]
    fn not_more_is_read_than_there_are_blocks() {
        let numbers = Numbers::new(100 * BLOCK, false);
        let given = Arc::clone(&numbers.given);
        let mut ahead = Ahead::new(numbers).unwrap();
        ahead.read_exact(&mut [0]).unwrap();
        // If there were no bound, this would be time enough for all.
        thread::sleep(Duration::from_millis(100));
        assert!(given.load(Ordering::Relaxed) <= BLOCKS * BLOCK);
    }
}
