//! What a jail is made of.

use std::fmt;
use std::sync::Arc;

use super::exempt::Exemptions;
use super::increment::Increment;
use super::tracker::{BanTime, Tracker};
use crate::filter::{NoResolver, Resolver};

/// The settings by which failures become bans.
///
/// Never changes, is `Send + Sync` and cheap to clone.
#[derive(Clone)]
pub struct Jail(Arc<JailBuilder>);

/// Collects the settings of a [`Jail`]. What is not set has the value that
/// fail2ban's server has without any configuration.
#[derive(Clone)]
pub struct JailBuilder {
    pub(super) name: String,
    pub(super) max_retry: u64,
    pub(super) find_time: f64,
    pub(super) ban_time: BanTime,
    pub(super) max_matches: usize,
    pub(super) increment: Option<Increment>,
    pub(super) exemptions: Exemptions,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) purge_age: f64,
}

impl Jail {
    /// Starts a jail with fail2ban's built-in settings: three failures within
    /// ten minutes ban for ten minutes.
    pub fn builder(name: impl Into<String>) -> JailBuilder {
        JailBuilder {
            name: name.into(),
            max_retry: 3,
            find_time: 600.0,
            ban_time: BanTime::Seconds(600.0),
            max_matches: 5,
            increment: None,
            exemptions: Exemptions::new(),
            resolver: Arc::new(NoResolver),
            purge_age: 86_400.0,
        }
    }

    /// The jail's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many failures within the find time ban.
    pub fn max_retry(&self) -> u64 {
        self.0.max_retry
    }

    /// Within how many seconds.
    pub fn find_time(&self) -> f64 {
        self.0.find_time
    }

    /// For how long the first ban is.
    pub fn ban_time(&self) -> BanTime {
        self.0.ban_time
    }

    /// A memory without any failures or bans.
    pub fn tracker(&self) -> Tracker {
        Tracker::new(self.clone())
    }

    /// The settings once more, to be changed.
    pub fn to_builder(&self) -> JailBuilder {
        (*self.0).clone()
    }

    pub(super) fn settings(&self) -> &JailBuilder {
        &self.0
    }
}

impl fmt::Debug for Jail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jail")
            .field("name", &self.0.name)
            .field("max_retry", &self.0.max_retry)
            .field("find_time", &self.0.find_time)
            .field("ban_time", &self.0.ban_time)
            .finish_non_exhaustive()
    }
}

impl JailBuilder {
    /// Sets `maxretry`: with how many failures a ban falls.
    #[must_use]
    pub fn max_retry(mut self, failures: u64) -> Self {
        self.max_retry = failures;
        self
    }

    /// Sets `findtime`, in seconds.
    #[must_use]
    pub fn find_time(mut self, seconds: f64) -> Self {
        self.find_time = seconds;
        self
    }

    /// Sets `bantime`.
    #[must_use]
    pub fn ban_time(mut self, time: BanTime) -> Self {
        self.ban_time = time;
        self
    }

    /// Sets `maxmatches`: how many lines are kept for each id.
    #[must_use]
    pub fn max_matches(mut self, lines: usize) -> Self {
        self.max_matches = lines;
        self
    }

    /// Sets `bantime.increment` with its settings; `None` switches it off.
    #[must_use]
    pub fn increment(mut self, increment: Option<Increment>) -> Self {
        self.increment = increment;
        self
    }

    /// Sets who is never banned.
    #[must_use]
    pub fn exemptions(mut self, exemptions: Exemptions) -> Self {
        self.exemptions = exemptions;
        self
    }

    /// Sets who answers for host names in exemptions.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Sets `dbpurgeage`, in seconds: how long earlier bans are remembered.
    #[must_use]
    pub fn purge_age(mut self, seconds: f64) -> Self {
        self.purge_age = seconds;
        self
    }

    /// Makes the jail.
    pub fn build(self) -> Jail {
        Jail(Arc::new(self))
    }
}
