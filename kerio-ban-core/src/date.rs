//! Finding the date of a line, cutting it out and converting it.
//!
//! A `datepattern` becomes a list of templates ([`DateTemplates`]), which is
//! immutable. A [`DateDetector`] searches the lines of one log with it and
//! remembers what it found; a [`DateFinder`] does so for callers that want
//! nothing but dates.
//!
//! ```text
//! datepattern --list, tokens, bounds--> templates
//! line --detector, window--> groups --reader, convert, offsets, epoch--> instant
//! ```

#![allow(
    dead_code,
    unused_imports,
    reason = "the stage that splits lines is not there yet"
)]

mod bounds;
mod convert;
mod defaults;
mod detector;
mod epoch;
mod error;
mod finder;
mod form;
mod list;
mod number;
mod offsets;
mod passed;
mod place;
mod reader;
mod shape;
mod template;
mod tokens;
mod window;

pub use self::detector::TemplateHits;
pub use self::finder::{DateFinder, LineDate};
pub use self::offsets::LogZone;

pub(crate) use self::{
    detector::{DateDetector, FoundDate},
    error::{ConversionRaises, SearchRaises},
    list::DateTemplates,
    passed::PassedDate,
};

#[cfg(test)]
mod tests;
