//! From failures to bans.
//!
//! A [`Jail`] is what is configured and never changes; a [`Tracker`] is the
//! memory: counters, running bans, the history of earlier bans. Nothing here
//! reads a clock: the caller says what time it is.

mod agenda;
mod builder;
mod command;
mod counter;
mod exempt;
mod few;
mod formula;
mod from_config;
mod history;
mod increment;
mod tracker;

pub use self::builder::{Jail, JailBuilder};
pub use self::command::{Command, DryAction};
pub use self::exempt::{Exemption, Exemptions};
pub use self::formula::Formula;
pub use self::history::EarlierBan;
pub use self::increment::Increment;
pub use self::tracker::{AlreadyBanned, Ban, BanTime, Decision, Restored, Totals, Tracker, Unban};
