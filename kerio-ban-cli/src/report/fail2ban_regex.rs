//! The report of fail2ban-regex, letter by letter.

mod debuggex;
mod page;
mod statistics;
mod write;

pub(crate) use self::debuggex::Links;
pub(crate) use self::page::{Page, shortened};
pub(crate) use self::statistics::{Limits, Statistics, Taken};
