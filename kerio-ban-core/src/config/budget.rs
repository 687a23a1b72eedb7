//! How much text references may grow into.
//!
//! A few lines that refer to each other can stand for gigabytes. Python
//! would try; here the load ends with an error.

use std::cell::Cell;

use crate::error::{Detail, Error, ErrorKind};

/// No single value may take more memory than this, places included.
const VALUE: usize = 64 << 20;
/// All values made on the way may together not take more than this.
const TOTAL: usize = 512 << 20;
/// What following a reference costs, however short its text.
const REFERENCE: usize = 1024;

#[derive(Debug, thiserror::Error)]
#[error("the references here grow into more text than a configuration can sensibly hold")]
struct TooLarge;

impl Detail for TooLarge {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Reference
    }

    fn code(&self) -> &'static str {
        "too-large"
    }
}

/// What is left of the work that resolving one filter or jail may take.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<usize>,
}

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget {
            left: Cell::new(TOTAL),
        }
    }

    /// Pays for following a reference: `made` bytes more, which make up a
    /// value of `size` bytes so far.
    pub(crate) fn spend(&self, made: usize, size: usize) -> Result<(), Error> {
        let cost = made.saturating_add(REFERENCE);
        match self.left.get().checked_sub(cost) {
            Some(left) if size <= VALUE => {
                self.left.set(left);
                Ok(())
            }
            _ => Err(Error::new(TooLarge)),
        }
    }
}
