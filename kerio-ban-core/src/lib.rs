//! Read fail2ban's own files and decide, line by line, what fail2ban would
//! decide.
//!
//! # Judging lines with an expression
//!
//! ```
//! use kerio_ban_core::{Filter, Outcome, Timestamp};
//!
//! let filter = Filter::builder()
//!     .failregex("^ Failed SMTP login from <ADDR> with SASL method ")
//!     .datepattern(r"^\[%d/%b/%Y %H:%M:%S\]")
//!     .build()?;
//! let mut session = filter.session();
//! let now = Timestamp::from_whole_seconds(1_700_220_000);
//!
//! let line = "[17/Nov/2023 11:31:08] Failed SMTP login from 192.0.2.7 with SASL method LOGIN.";
//! let outcome = session.feed(line, now);
//! let hit = outcome.failures().next().expect("a failure");
//! assert_eq!(hit.id().map(|id| id.to_string()).as_deref(), Some("192.0.2.7"));
//! assert_eq!(hit.time().map(|time| time.seconds()), Some(1_700_220_668.0));
//! # Ok::<(), kerio_ban_core::Error>(())
//! ```
//!
//! # Loading a filter with its includes and options
//!
//! ```
//! use kerio_ban_core::{FilterSpec, Loader, MemoryFiles};
//!
//! let files = MemoryFiles::new()
//!     .with("/etc/fail2ban/filter.d/common.conf", "[DEFAULT]\n_pid = \\[\\d+\\]\n")
//!     .with(
//!         "/etc/fail2ban/filter.d/mail.conf",
//!         "[INCLUDES]\nbefore = common.conf\n\
//!          [Definition]\nmode = auth\n\
//!          re-auth = ^mail%(_pid)s: bad login from <ADDR>$\n\
//!          re-all = <re-auth>\n ^mail%(_pid)s: probe from <ADDR>$\n\
//!          failregex = <re-<mode>>\n",
//!     );
//! let loader = Loader::with_files("/etc/fail2ban", files);
//! let spec: FilterSpec = "mail[mode=all]".parse()?;
//! let filter = loader.filter(&spec)?.compile()?;
//!
//! let rule = &filter.failregex()[1];
//! assert_eq!(rule.original().as_str(), r"^mail\[\d+\]: probe from <ADDR>$");
//! let origin = rule.origin().expect("typed in a file");
//! assert_eq!(origin.to_string(), "/etc/fail2ban/filter.d/mail.conf:7:2");
//! # Ok::<(), kerio_ban_core::Error>(())
//! ```
//!
//! # From jail.conf to bans
//!
//! `cargo run -p kerio-ban-core --example embed` runs this program:
//!
//! ```
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # Testing a filter with an annotated log
//!
//! ```
//! use kerio_ban_core::samples::{Corpus, Status};
//! use kerio_ban_core::{Filter, Source};
//!
//! let log = Source::new(
//!     "logs/mail",
//!     "# failJSON: { \"time\": \"2005-06-11T13:57:17\", \"match\": true, \"host\": \"192.0.2.7\" }\n\
//!      Jun 11 13:57:17 bad login from 192.0.2.7\n\
//!      Jun 11 13:57:18 good login from 192.0.2.8\n",
//! );
//! let corpus = Corpus::parse("mail", &log)?;
//! let report = corpus.judge(|_| Filter::builder().failregex("^ bad login from <ADDR>$").build())?;
//! assert_eq!(report.count(Status::Pass), 2);
//! assert_eq!(report.unused().count(), 0);
//! # Ok::<(), kerio_ban_core::Error>(())
//! ```
//!
//! # What the library does not do
//!
//! It never prints, exits, or looks at the clock, the environment or the
//! network, and reads files only through [`Files`]. The moment taken as now,
//! the local [`Zone`] and the answers for host names ([`Resolver`]) are the
//! caller's.

mod config;
mod date;
mod error;
mod filter;
mod ini;
mod jail;
mod pattern;
pub mod samples;
mod source;
mod time;
mod traced;
mod zone;

#[doc(hidden)]
pub use crate::config::recorded;
pub use crate::config::{
    ActionConfig, BorrowedInclude, FilterConfig, FilterSpec, JailConfig, JailOptions, JailSection,
    JailState, Jails, Loader, LogPath, Property, Setting, parse_duration,
};
pub use crate::date::{DateFinder, LineDate, LogZone, TemplateHits};
pub use crate::error::{Error, ErrorKind, Label, OptionPath};
pub use crate::filter::{
    BlockOptions, Captures, Expression, Failure, FailureId, Family, Filter, FilterBuilder, Hit,
    Hits, Line, LineState, Mark, NoResolver, Outcome, Resolver, Rule, RuleKind, Scout, Scouted,
    Session, SessionOptions, Stretch, TimeCheck, Trouble, UnknownUseDns, UseDns, Value,
    block_lines,
};
pub use crate::jail::{
    AlreadyBanned, Ban, BanTime, Command, Decision, DryAction, EarlierBan, Exemption, Exemptions,
    Formula, Increment, Jail, JailBuilder, Restored, Totals, Tracker, Unban,
};
pub use crate::pattern::{Engine, spell_out};
pub use crate::source::{Files, MemoryFiles, Origin, OsFiles, Source, Span};
pub use crate::time::Timestamp;
pub use crate::traced::Traced;
pub use crate::zone::Zone;
