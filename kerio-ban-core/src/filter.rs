//! The compiled filter, and the memory of one log's reading.
//!
//! A [`Filter`] is immutable and shared; everything that a reading remembers
//! (the last date, buffered lines, connections) is in its [`Session`].

mod ahead;
mod builder;
mod data;
mod dns;
mod facts;
mod find;
mod gather;
mod id;
mod lines;
mod mlfid;
mod names;
mod options;
mod outcome;
mod place;
mod rule;
mod scan;
mod scout;
mod session;
mod split;

pub use self::builder::{Expression, Filter, FilterBuilder};
pub use self::data::{Captures, Value};
pub use self::dns::{NoResolver, Resolver, UnknownUseDns, UseDns};
pub use self::id::{FailureId, Family};
pub use self::options::{SessionOptions, TimeCheck};
pub use self::outcome::{Failure, Hit, Hits, Mark, Outcome, Trouble};
pub use self::rule::{Rule, RuleKind};
pub use self::scan::{BlockOptions, LineState, Stretch, block_lines};
pub use self::scout::{Scout, Scouted};
pub use self::session::{Line, Session};
