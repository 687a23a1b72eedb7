//! How a log is read: the choices that belong to a reading, not to a filter.

use std::sync::Arc;

use super::dns::{NoResolver, Resolver};
use crate::date::LogZone;
use crate::zone::Zone;

/// How a [`Session`](crate::Session) reads its log.
///
/// The default is what fail2ban's server does once it is running, except that
/// ages are not checked and names are not resolved; the zone is UTC.
///
/// ```
/// use kerio_ban_core::{SessionOptions, Zone};
///
/// let options = SessionOptions::new()
///     .zone(Zone::named("Europe/Paris").unwrap())
///     .check_all(true);
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct SessionOptions {
    pub(super) check_all: bool,
    pub(super) hide_nofail: bool,
    pub(super) report_pending: bool,
    pub(super) raw_ids: bool,
    pub(super) plain: bool,
    pub(super) time_check: TimeCheck,
    pub(super) zone: Zone,
    pub(super) log_zone: Option<LogZone>,
    pub(super) resolver: Arc<dyn Resolver>,
}

/// Whether the age of a line matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeCheck {
    /// It does not: logs are read as they are. What fail2ban-regex does.
    Off,
    /// As while fail2ban catches up at its start: lines older than this many
    /// seconds are dropped.
    StartUp {
        /// The jail's find time, in seconds.
        find_time: f64,
    },
    /// As while fail2ban is running: a date more than a minute away from now
    /// is taken for wrong and becomes now, as does a missing one.
    InOperation,
    /// As while fail2ban was running when the log was written. The date of a
    /// line is the moment at which it was read, and that of the line before
    /// stands in for a missing one; connections age by it, too. The moment
    /// given with each line only says which year it is.
    Replay,
}

impl SessionOptions {
    /// The default options.
    pub fn new() -> SessionOptions {
        SessionOptions {
            check_all: false,
            hide_nofail: false,
            report_pending: false,
            raw_ids: false,
            plain: false,
            time_check: TimeCheck::Off,
            zone: Zone::utc(),
            log_zone: None,
            resolver: Arc::new(NoResolver),
        }
    }

    /// As fail2ban-regex and fail2ban's sample tests read: every failregex is
    /// tried, `F-NOFAIL` never counts, and pending failures are reported.
    pub fn testing() -> SessionOptions {
        SessionOptions::new()
            .check_all(true)
            .hide_nofail(true)
            .report_pending(true)
    }

    /// Whether every failregex is tried on a line, not only until one matches.
    #[must_use]
    pub fn check_all(mut self, yes: bool) -> Self {
        self.check_all = yes;
        self
    }

    /// Whether a hit with an `F-NOFAIL` group is always marked as no failure.
    /// fail2ban's server does so only inside a session (`F-MLFID`).
    #[must_use]
    pub fn hide_nofail(mut self, yes: bool) -> Self {
        self.hide_nofail = yes;
        self
    }

    /// Whether failures whose id is not known yet are reported as hits.
    #[must_use]
    pub fn report_pending(mut self, yes: bool) -> Self {
        self.report_pending = yes;
        self
    }

    /// Whether names and `<F-ID>` are taken as they are, whatever `usedns`
    /// says.
    #[must_use]
    pub fn raw_ids(mut self, yes: bool) -> Self {
        self.raw_ids = yes;
        self
    }

    /// Whether expressions are left to the general engines, without the matcher
    /// that is faster on most lines. The answers are the same; this is to
    /// compare them.
    #[must_use]
    pub fn plain(mut self, yes: bool) -> Self {
        self.plain = yes;
        self
    }

    /// Whether the age of a line matters.
    #[must_use]
    pub fn time_check(mut self, check: TimeCheck) -> Self {
        self.time_check = check;
        self
    }

    /// The local time zone: what a date without a zone is in.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The fixed zone of dates that have none of their own (a jail's
    /// `logtimezone`); the local zone if not set.
    #[must_use]
    pub fn log_zone(mut self, zone: Option<LogZone>) -> Self {
        self.log_zone = zone;
        self
    }

    /// Who answers for host names.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }
}

impl Default for SessionOptions {
    fn default() -> SessionOptions {
        SessionOptions::new()
    }
}
