//! From a loaded jail to one that counts: what fail2ban's server makes of the
//! texts it is sent, and refuses of them.

use std::net::IpAddr;

use super::builder::{Jail, JailBuilder};
use super::exempt::{Exemption, Exemptions};
use super::formula::Formula;
use super::increment::Increment;
use super::tracker::BanTime;
use crate::config::{JailConfig, integer};
use crate::date::LogZone;
use crate::error::{Detail, Error, ErrorKind};
use crate::source::Files;
use crate::traced::Traced;

const BACKENDS: [&str; 4] = ["auto", "pyinotify", "polling", "systemd"];

impl JailConfig {
    /// The jail with these settings. `files` are asked for what `ignoreip`
    /// names with `file:`; `own` are the machine's own addresses, which are
    /// exempt unless `ignoreself` is off.
    ///
    /// # Errors
    /// What fail2ban's server would refuse, with its place: `bad-integer`,
    /// `bad-duration`, `bad-formula`, `bad-factor`, `bad-ignoreip`,
    /// `bad-backend`, `bad-log-mode`.
    pub fn to_jail(&self, files: &dyn Files, own: &[IpAddr]) -> Result<JailBuilder, Error> {
        self.check()?;
        let mut jail = Jail::builder(self.name())
            .increment(self.increment()?)
            .exemptions(self.exemptions(files, own)?);
        if let Some(failures) = self.number("maxretry")? {
            jail = jail.max_retry(u64::try_from(failures).unwrap_or(0));
        }
        if let Some(lines) = self.number("maxmatches")? {
            jail = jail.max_matches(usize::try_from(lines).unwrap_or(0));
        }
        if let Some(seconds) = self.seconds("findtime")? {
            jail = jail.find_time(seconds);
        }
        if let Some(seconds) = self.seconds("bantime")? {
            jail = jail.ban_time(BanTime::from_seconds(seconds.trunc()));
        }
        Ok(jail)
    }

    /// The settings of `bantime.increment`, if it is on.
    ///
    /// # Errors
    /// `bad-duration`, `bad-formula`, `bad-factor` and `bad-integer`, also if
    /// it is off.
    pub fn increment(&self) -> Result<Option<Increment>, Error> {
        let mut increment = Increment::new()
            .max_time(self.increment_time("bantime.maxtime")?)
            .random_time(self.increment_time("bantime.rndtime")?)
            .overall_jails(self.flag("bantime.overalljails").unwrap_or(false));
        if let Some(text) = self.given("bantime.factor") {
            let factor = Formula::read(text).and_then(|formula| {
                let found = || text.as_str().to_owned();
                let factor = formula.constant();
                factor.ok_or_else(|| at(Error::new(Problem::Factor(found())), text))
            });
            increment = increment.factor(self.about("bantime.factor", factor)?);
        }
        if let Some(text) = self.given("bantime.formula") {
            increment = increment.formula(self.about("bantime.formula", Formula::read(text))?);
        }
        if let Some(text) = self.given("bantime.multipliers") {
            let multipliers = self.about("bantime.multipliers", multipliers(text))?;
            increment = increment.multipliers(multipliers);
        }
        let on = self.flag("bantime.increment").unwrap_or(false);
        Ok(on.then_some(increment))
    }

    /// Who is never banned.
    ///
    /// # Errors
    /// `bad-ignoreip`.
    pub fn exemptions(&self, files: &dyn Files, own: &[IpAddr]) -> Result<Exemptions, Error> {
        let mut exemptions = Exemptions::new();
        for word in self.ignoreip().unwrap_or_default() {
            let entry = Exemption::parse(word.as_str(), files).map_err(|error| at(error, &word));
            exemptions.push(self.about("ignoreip", entry)?);
        }
        if self.flag("ignoreself").unwrap_or(true) {
            exemptions.set_own(own.iter().copied());
        }
        Ok(exemptions)
    }

    /// The zone of dates in the logs that name none, if `logtimezone` is set.
    ///
    /// # Errors
    /// `bad-logtimezone`.
    pub fn log_zone(&self) -> Result<Option<LogZone>, Error> {
        let Some(setting) = self.setting("logtimezone") else {
            return Ok(None);
        };
        let text = setting.text();
        let zone = text.as_str().parse::<LogZone>();
        let zone = zone.map_err(|error| at(error, text));
        self.about("logtimezone", zone).map(Some)
    }

    fn check(&self) -> Result<(), Error> {
        let backend = self.backend();
        let name = backend.split('[').next().unwrap_or(backend);
        if !BACKENDS.contains(&name.to_lowercase().as_str()) {
            let mut error = Error::new(Problem::Backend(name.to_owned()));
            if let Some(setting) = self.setting("backend") {
                error = at(error, setting.text());
            }
            return self.about("backend", Err(error));
        }
        for (entry, path) in self.logpath().iter().enumerate() {
            let mode = path.mode();
            let known = ["head", "tail"].contains(&mode.as_str().to_lowercase().as_str());
            if !known && !path.files().is_empty() {
                let error = at(Error::new(Problem::Mode(mode.to_string())), mode);
                return Err(error.in_option(self.name(), "logpath", Some(entry)));
            }
        }
        Ok(())
    }

    /// An option of `bantime.increment`, where empty is as good as not set.
    fn given(&self, option: &str) -> Option<&Traced> {
        let text = self.setting(option)?.text();
        (!text.is_empty()).then_some(text)
    }

    fn increment_time(&self, option: &str) -> Result<Option<f64>, Error> {
        match self.given(option) {
            Some(_) => self.seconds(option),
            None => Ok(None),
        }
    }

    fn about<T>(&self, option: &str, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| error.in_option(self.name(), option, None))
    }
}

/// Whole numbers with exactly one space between them.
fn multipliers(text: &Traced) -> Result<Vec<i64>, Error> {
    let mut start = 0;
    let mut multipliers = Vec::new();
    for word in text.as_str().split(' ') {
        let number = text.slice(start..start + word.len());
        if word.is_empty() && start > 0 {
            return Err(at(Error::new(Problem::Spaces), &number));
        }
        multipliers.push(integer(&number)?);
        start += word.len() + 1;
    }
    Ok(multipliers)
}

fn at(error: Error, text: &Traced) -> Error {
    match text.origin(0..text.len()) {
        Some(origin) => error.at(origin),
        None => error,
    }
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("expected a number, found `{0}`")]
    Factor(String),
    #[error("expected one space between two numbers, found more")]
    Spaces,
    #[error("expected one of `auto`, `pyinotify`, `polling`, `systemd`, found `{0}`")]
    Backend(String),
    #[error("expected `head` or `tail` after the last space, found `{0}`")]
    Mode(String),
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::Factor(_) => "bad-factor",
            Problem::Spaces => "bad-integer",
            Problem::Backend(_) => "bad-backend",
            Problem::Mode(_) => "bad-log-mode",
        }
    }

    fn help(&self) -> Option<String> {
        matches!(self, Problem::Mode(_)).then(|| {
            "each path stands on a line of its own; one with a space in it needs \
             ` head` or ` tail` after it"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::config::{JailOptions, Loader};
    use crate::filter::{FailureId, NoResolver};
    use crate::source::MemoryFiles;

    fn config(settings: &str) -> JailConfig {
        let files = MemoryFiles::new()
            .with("/b/jail.conf", format!("[a]\nfilter = f\n{settings}\n"))
            .with("/b/a b.log", "")
            .with("/b/c.log", "")
            .with(
                "/b/filter.d/f.conf",
                "[Definition]\nfailregex = ^x <HOST>$\nmaxlines = 1\n",
            );
        let options = JailOptions::new().allow_no_files(true);
        Loader::with_files("/b", files).jail("a", &options).unwrap()
    }

    fn jail(settings: &str) -> Result<Jail, Error> {
        let own = ["192.0.2.9".parse().unwrap()];
        let jail = config(settings).to_jail(&MemoryFiles::new(), &own)?;
        Ok(jail.build())
    }

    fn error(settings: &str) -> String {
        let error = jail(settings).unwrap_err();
        let mut out = format!("{}: {error}", error.code());
        if let Some(help) = error.help() {
            out += &format!("\n  help: {help}");
        }
        out
    }

    fn exempt(settings: &str, id: &str) -> Option<String> {
        let own = ["192.0.2.9".parse().unwrap()];
        let exemptions = config(settings).exemptions(&MemoryFiles::new(), &own);
        exemptions
            .unwrap()
            .reason(&FailureId::parse(id).unwrap(), &NoResolver)
    }

    #[test]
    fn a_jail_takes_its_numbers() {
        let found = jail("maxretry = 4\nfindtime = 1h 30m\nbantime = 1.5s\n").unwrap();
        assert_eq!(found.name(), "a");
        assert_eq!((found.max_retry(), found.find_time()), (4, 5400.0));
        assert_eq!(found.ban_time(), BanTime::Seconds(1.0));
        assert_eq!(jail("bantime = -1").unwrap().ban_time(), BanTime::Permanent);
        let found = jail("").unwrap();
        assert_eq!((found.max_retry(), found.find_time()), (3, 600.0));
    }

    #[test]
    fn exemptions_come_from_the_list_and_the_machine() {
        let list = "ignoreip = 192.0.2.1, 198.51.100.0/24\n";
        assert_eq!(
            exempt(list, "198.51.100.7").as_deref(),
            Some("ignoreip 198.51.100.0/24")
        );
        assert_eq!(exempt(list, "192.0.2.9").as_deref(), Some("ignoreself"));
        assert_eq!(exempt("ignoreself = no", "192.0.2.9"), None);
    }

    #[test]
    fn ban_times_grow_as_configured() {
        let time = |settings: &str, count| {
            let text = format!("bantime.increment = true\n{settings}");
            let increment = config(&text).increment().unwrap().unwrap();
            increment.ban_time(600.0, count, &mut || 0.5).unwrap()
        };
        assert_eq!(time("", 2), 2400.0);
        assert_eq!(time("bantime.factor = 3", 1), 3600.0);
        assert_eq!(time("bantime.factor =\nbantime.maxtime =", 1), 1200.0);
        assert_eq!(
            time("bantime.maxtime = 15m\nbantime.rndtime = 1m", 3),
            930.0
        );
        assert_eq!(time("bantime.multipliers = 1 5 30", 1), 3000.0);
        assert_eq!(
            time("bantime.formula = ban.Time * (ban.Count + 4)", 1),
            3000.0
        );
        assert!(
            config("bantime.formula = ban.Time")
                .increment()
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn the_zone_of_the_log_is_read() {
        assert!(config("").log_zone().unwrap().is_none());
        let zone = config("logtimezone = UTC+0200")
            .log_zone()
            .unwrap()
            .unwrap();
        assert_eq!(zone.minutes_east(), 120);
    }

    #[test]
    fn err_values_that_the_server_refuses() {
        assert_snapshot!(error("maxretry = 3 # three"), @"bad-integer: /b/jail.conf:3:12: [a] maxretry: expected a whole number, found `3 # three`");
        assert_snapshot!(error("bantime = 10mins"), @"
        bad-duration: /b/jail.conf:3:13: [a] bantime: `mins` is no unit of time
          help: units are s, m, h, d, w, mo (month) and y, and what begins their long names: sec, second, seconds, min, hou, ...
        ");
        assert_snapshot!(error("findtime = %(nothing)s\nnothing =\n"), @"bad-duration: /b/jail.conf:3:12: [a] findtime: expected a time such as `10m`, found nothing");
        assert_snapshot!(error("bantime.maxtime = never"), @"
        bad-duration: /b/jail.conf:3:19: [a] bantime.maxtime: `never` is no unit of time
          help: units are s, m, h, d, w, mo (month) and y, and what begins their long names: sec, second, seconds, min, hou, ...
        ");
        assert_snapshot!(error("bantime.formula = __import__('os').system('x')"), @"
        bad-formula: /b/jail.conf:3:19: [a] bantime.formula: unknown name `__import__`
          help: known are `ban.Time`, `ban.Count`, `banFactor`, arithmetic, `a if b else c`, and the usual functions of `math`
        ");
        assert_snapshot!(error("bantime.factor = ban.Time"), @"bad-factor: /b/jail.conf:3:18: [a] bantime.factor: expected a number, found `ban.Time`");
        assert_snapshot!(error("bantime.factor = 1 2"), @"bad-formula: /b/jail.conf:3:20: [a] bantime.factor: expected an operator or the end, found `2`");
        assert_snapshot!(error("bantime.multipliers = 1  2"), @"bad-integer: /b/jail.conf:3:25: [a] bantime.multipliers: expected one space between two numbers, found more");
        assert_snapshot!(error("ignoreip = ::1 192.0.2.0/255.0.255.0"), @"bad-ignoreip: /b/jail.conf:3:16: [a] ignoreip: expected a network mask without holes, found `192.0.2.0/255.0.255.0`");
        assert_snapshot!(error("backend = gamin[x=1]"), @"bad-backend: /b/jail.conf:3:11: [a] backend: expected one of `auto`, `pyinotify`, `polling`, `systemd`, found `gamin`");
        assert_snapshot!(error("logpath = /b/c.log\n /b/c.log /b/d.log"), @"
        bad-log-mode: /b/jail.conf:4:11: [a] logpath[1]: expected `head` or `tail` after the last space, found `/b/d.log`
          help: each path stands on a line of its own; one with a space in it needs ` head` or ` tail` after it
        ");
        let zone = config("logtimezone = Europe/Paris").log_zone().unwrap_err();
        assert_snapshot!(zone, @"/b/jail.conf:3:15: [a] logtimezone: expected a time zone such as `UTC+0200`, `CET` or `-05:30`, but found `Europe/Paris`");
    }
}
