//! Annotated sample logs, and what a filter makes of them.
//!
//! fail2ban keeps, for each filter, a log whose lines are annotated with what
//! the filter should find in them: a comment line `# failJSON: {...}` speaks of
//! the line that follows it; a line without one must not match. `#
//! filterOptions: {...}` says with which options the filter is to be loaded
//! for the lines that follow, `# fileOptions: {...}` gives options common to
//! them all, and `# addFILE: "name"` continues with another log.
//!
//! For those who want no JSON, `# match: 203.0.113.9` and `# no match` are
//! annotations, too. fail2ban takes them for comments, so that its own tests
//! would see lines without annotations.
//!
//! [`Corpus`] reads that form, and [`Corpus::judge`] tells which samples a
//! filter gets right and which of its rules no sample ever used.
//! [`Recording`] writes it: what a filter finds in a log becomes annotations.
//! [`Anonymized`] takes out of a log what says whose it is.

mod annotation;
mod anonymize;
mod cache;
mod compare;
mod condition;
mod constraint;
mod disguise;
mod judge;
mod read;
mod record;
mod verdict;

pub use self::anonymize::Anonymized;
pub use self::read::{Corpus, Expectation, Form, Options, Sample};
pub use self::record::{RecordedLog, Recording, Unsettled};
pub use self::verdict::{Coverage, Finding, Mismatch, Missed, Report, Status, Variant, Verdict};
