//! The settings of a jail, resolved.

use crate::config::action::ActionConfig;
use crate::config::filter::FilterConfig;
use crate::config::logpath::LogPath;
use crate::config::ordered::OrderedMap;
use crate::config::settings::{Setting, Settings};
use crate::config::spec::FilterSpec;
use crate::config::values;
use crate::error::Error;
use crate::source::Source;
use crate::traced::Traced;

/// What a section of `jail.conf` comes to, with its filter and its actions.
///
/// Everything is as fail2ban's loader leaves it: references are resolved, but
/// times are still text, and nothing was checked that only fail2ban's server
/// checks.
#[derive(Clone, Debug)]
pub struct JailConfig {
    pub(crate) name: String,
    pub(crate) backend: String,
    pub(crate) settings: Settings,
    pub(crate) filter_spec: Option<FilterSpec>,
    pub(crate) filter: FilterConfig,
    pub(crate) logpath: Vec<LogPath>,
    pub(crate) actions: Vec<ActionConfig>,
    pub(crate) variables: OrderedMap<Traced>,
    pub(crate) skipped: Option<Error>,
    pub(crate) sources: Vec<Source>,
    pub(crate) warnings: Vec<Error>,
}

impl JailConfig {
    /// The jail's name: that of its section.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is switched on. Jails are also loaded on request.
    pub fn enabled(&self) -> bool {
        self.settings.flag("enabled")
    }

    /// How logs are watched: the option `backend`, or `systemd` where fail2ban
    /// turns to the journal for want of log files.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// The filter's name and parameters as the jail writes them; `None` for a
    /// jail without a filter file.
    pub fn filter_spec(&self) -> Option<&FilterSpec> {
        self.filter_spec.as_ref()
    }

    /// The filter, with what the jail itself adds to it or sets instead:
    /// expressions, `usedns`, `maxlines`, `datepattern`, `journalmatch`.
    ///
    /// A parameter of the filter, or an option of its `[Init]`, goes before the
    /// jail's own value, and that before the filter's `[Definition]`; for
    /// `datepattern` the jail's goes first. Lists hold those of the filter and
    /// then the jail's; a list in `[Definition]` counts only if nothing else
    /// sets it.
    pub fn filter(&self) -> &FilterConfig {
        &self.filter
    }

    /// An option that fail2ban knows, such as `maxretry`, if the jail or
    /// `[DEFAULT]` sets it or it has a default.
    pub fn setting(&self, option: &str) -> Option<&Setting> {
        self.settings.get(option)
    }

    /// All options that fail2ban knows and that are set or have a default.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.settings.iter()
    }

    /// The options of the jail's section that mean nothing to fail2ban and
    /// only serve others through references, such as `port`. One with a bad
    /// reference is given as written: fail2ban never looks at it.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Traced)> {
        self.variables.iter()
    }

    /// The whole number that an option stands for.
    ///
    /// # Errors
    /// `bad-integer`.
    pub fn number(&self, option: &str) -> Result<Option<i64>, Error> {
        let number = self.setting(option).and_then(Setting::number).transpose();
        number.map_err(|error| error.in_option(&self.name, option, None))
    }

    /// The time that an option stands for, in seconds.
    ///
    /// # Errors
    /// `bad-duration`.
    pub fn seconds(&self, option: &str) -> Result<Option<f64>, Error> {
        let seconds = self.setting(option).map(Setting::seconds).transpose();
        seconds.map_err(|error| error.in_option(&self.name, option, None))
    }

    /// The switch that an option stands for.
    pub fn flag(&self, option: &str) -> Option<bool> {
        self.setting(option)?.flag()
    }

    /// The entries of `ignoreip`: addresses, networks, names, `file:` and a
    /// path. `None` if it is not set.
    pub fn ignoreip(&self) -> Option<Vec<Traced>> {
        let text = self.setting("ignoreip")?.text();
        let words = values::word_ranges(text.as_str());
        Some(words.map(|range| text.slice(range)).collect())
    }

    /// The lines of `logpath`; none for a jail that reads the journal.
    pub fn logpath(&self) -> &[LogPath] {
        &self.logpath
    }

    /// The actions, in order.
    pub fn actions(&self) -> &[ActionConfig] {
        &self.actions
    }

    /// Why fail2ban would not start the jail although it can be loaded: none of
    /// its log files exists and `skip_if_nologs` is on.
    pub fn skipped(&self) -> Option<&Error> {
        self.skipped.as_ref()
    }

    /// The files the jail's section comes from, in the order in which they
    /// count. Those of the filter and the actions are asked of these.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What fail2ban logs and goes on after: numbers that are none, log files
    /// that are not there, a missing filter or action.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }
}
