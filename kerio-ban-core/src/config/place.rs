//! Errors get the place of the text they are about.

use std::ops::Range;

use crate::error::{Detail, Error};
use crate::traced::Traced;

/// A problem found in a part of a text.
pub(crate) fn blame(problem: impl Detail, text: &Traced, range: Range<usize>) -> Error {
    at(Error::new(problem), text, range)
}

/// An error found in a part of a text. A place it has already is kept.
pub(crate) fn at(error: Error, text: &Traced, range: Range<usize>) -> Error {
    match text.origin(range) {
        Some(origin) => error.at(origin),
        None => error,
    }
}

/// An error about all of a text.
pub(crate) fn at_all(error: Error, text: &Traced) -> Error {
    at(error, text, 0..text.len())
}
