//! Counting what has been read, where somebody else can see it.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes have been read from all logs, of compressed ones as they are
/// in the file. Copies count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    bytes: Arc<AtomicU64>,
}

impl Meter {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts what is read from a stream.
    pub(super) fn count<R>(&self, reader: R) -> Metered<R> {
        let meter = self.clone();
        Metered { reader, meter }
    }
}

pub(super) struct Metered<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.meter.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
