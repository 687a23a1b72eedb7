//! Which jails are replayed, with which settings, over which logs.

use std::net::IpAddr;
use std::sync::Arc;

use kerio_ban_core::{
    Filter, FilterBuilder, FilterConfig, Jail, JailConfig, JailOptions, JailState, Loader,
    MemoryFiles, OsFiles, SessionOptions, TimeCheck, Timestamp, Traced, UseDns, Zone,
    parse_duration,
};

use super::own;
use crate::args::{ReplayArgs, SimulateArgs};
use crate::commands::jail_logs::{self, NO_LOG};
use crate::commands::test::{START_YEAR, typed};
use crate::dns::SystemResolver;
use crate::environment;
use crate::failure::Failure;
use crate::input::{self, Encoding, Log};
use crate::selection::{Catalogue, FoundJail};

/// Everything that is replayed.
pub(crate) struct Setup {
    pub(crate) watches: Vec<Watch>,
    pub(crate) lanes: Vec<LaneSetup>,
}

/// Logs that are read with a filter.
pub(crate) struct Watch {
    pub(crate) filter: Filter,
    pub(crate) options: SessionOptions,
    pub(crate) encoding: Encoding,
    pub(crate) logs: Vec<Log>,
}

/// A jail that counts what a watch finds.
pub(crate) struct LaneSetup {
    pub(crate) name: Arc<str>,
    pub(crate) variant: Variant,
    /// The index of its watch.
    pub(crate) watch: usize,
    pub(crate) config: JailConfig,
    /// The filter as it was configured.
    pub(crate) filter: FilterConfig,
    /// The filter at work.
    pub(crate) rules: Filter,
    pub(crate) jail: Jail,
}

/// Which of the settings a jail is replayed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Its own, with what `--set` sets.
    Given,
    /// The same with what `--compare` sets.
    Compared,
}

/// What the world says: the moment, and the local zone.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) zone: Zone,
}

/// Decides what is replayed. Whatever does not keep it from that is told to
/// `warn`.
pub(crate) fn set_up(
    args: &SimulateArgs,
    world: &World,
    warn: &mut dyn FnMut(String),
) -> Result<Setup, Failure> {
    let selection = Selection {
        args,
        world,
        catalogue: Catalogue::open(&args.config)?,
        own: if args.settings.own.is_empty() {
            own::addresses()
        } else {
            args.settings.own.clone()
        },
        resolver: Arc::new(SystemResolver::default()),
        given: if args.logs.is_empty() {
            None
        } else {
            Some(input::logs(&args.logs, &[]).map_err(advice)?)
        },
    };
    let mut setup = Setup {
        watches: Vec::new(),
        lanes: Vec::new(),
    };
    let settings = settings(args);
    let jails = selection.jails(&settings, warn)?;
    check_names(&selection, &settings, &jails)?;
    for jail in &jails {
        match selection.add(jail, Variant::Given, &mut setup, warn) {
            // Of all jails, those without logs are left out.
            Err(Failure::Request(request)) if request.code == NO_LOG && args.jail.is_empty() => {
                warn(request.message);
            }
            added => added?,
        }
    }
    if setup.lanes.is_empty() {
        let message = "there is no log for any jail";
        return Err(Failure::request(NO_LOG, message).help("name a log"));
    }
    if !args.settings.compare.is_empty() {
        let compared = [&settings[..], &args.settings.compare].concat();
        let names: Vec<&str> = setup.lanes.iter().map(|lane| lane.config.name()).collect();
        let jails = selection.named(&names, &compared)?;
        check_names(&selection, &args.settings.compare, &jails)?;
        for jail in &jails {
            selection.add(jail, Variant::Compared, &mut setup, &mut |_| {})?;
        }
    }
    Ok(setup)
}

/// What is set on the command line.
fn settings(args: &SimulateArgs) -> Vec<(String, String)> {
    let own = &args.settings;
    let short = [
        ("maxretry", &own.maxretry),
        ("findtime", &own.findtime),
        ("bantime", &own.bantime),
    ];
    let short = short
        .into_iter()
        .filter_map(|(option, value)| Some((option.to_owned(), value.clone()?)));
    own.set.iter().cloned().chain(short).collect()
}

/// A jail with the filter that it is to use.
struct Loaded {
    config: JailConfig,
    filter: FilterConfig,
}

struct Selection<'a> {
    args: &'a SimulateArgs,
    world: &'a World,
    catalogue: Catalogue,
    own: Vec<IpAddr>,
    resolver: Arc<SystemResolver>,
    /// The logs that were named.
    given: Option<Vec<Log>>,
}

impl Selection<'_> {
    fn jails(
        &self,
        settings: &[(String, String)],
        warn: &mut dyn FnMut(String),
    ) -> Result<Vec<Loaded>, Failure> {
        if self.args.filter.is_some() {
            return Ok(vec![self.without_files(settings)?]);
        }
        let names: Vec<&str> = self.args.jail.iter().map(String::as_str).collect();
        if !names.is_empty() {
            return self.named(&names, settings);
        }
        let jails = self.catalogue.jails(&self.options(settings))?;
        if let Some(error) = jails.fatal() {
            return Err(error.clone().into());
        }
        let mut loaded = Vec::new();
        for section in jails.iter() {
            match section.state() {
                JailState::Loaded(config) => loaded.push(Loaded {
                    config: config.clone(),
                    filter: config.filter().clone(),
                }),
                JailState::Skipped(error) => {
                    warn(format!("jail `{}` is left out: {error}", section.name()));
                }
                _ => {}
            }
        }
        if loaded.is_empty() {
            let message = "no jail is switched on";
            let known: Vec<&str> = jails
                .iter()
                .map(kerio_ban_core::JailSection::name)
                .collect();
            let help = match known.split_at_checked(8) {
                Some((some, more)) if !more.is_empty() => {
                    format!("name one with --jail: {}, ...", some.join(", "))
                }
                _ => format!("name one with --jail: {}", known.join(", ")),
            };
            return Err(Failure::request("no-jail", message).help(help));
        }
        Ok(loaded)
    }

    /// The jails of these names, each once.
    fn named(&self, names: &[&str], settings: &[(String, String)]) -> Result<Vec<Loaded>, Failure> {
        if self.args.filter.is_some() {
            return Ok(vec![self.without_files(settings)?]);
        }
        let mut loaded: Vec<Loaded> = Vec::new();
        for name in names {
            if loaded.iter().any(|jail| jail.config.name() == *name) {
                continue;
            }
            let options = self.options(settings);
            if let FoundJail::On(config) = self.catalogue.jail(name, true, &options)? {
                loaded.push(Loaded {
                    filter: config.filter().clone(),
                    config: *config,
                });
            }
        }
        Ok(loaded)
    }

    /// A jail that no file describes.
    fn without_files(&self, settings: &[(String, String)]) -> Result<Loaded, Failure> {
        let typed = self.args.filter.as_deref().unwrap_or_default();
        let filter = self.catalogue.load(typed)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = match filter.name() {
            name if name.chars().all(plain) && name != "DEFAULT" && name != "INCLUDES" => name,
            _ => "filter",
        };
        const DIRECTORY: &str = "<command line>";
        let files = MemoryFiles::new().with(
            format!("{DIRECTORY}/jail.conf"),
            format!("[{name}]\nenabled = true\n"),
        );
        let loader = Loader::with_files(DIRECTORY, files).logs(OsFiles);
        let config = loader.jail(name, &self.options(settings))?;
        Ok(Loaded { config, filter })
    }

    fn options(&self, settings: &[(String, String)]) -> JailOptions {
        let no_logs = self.given.is_some() || !self.args.failures.is_empty();
        settings.iter().fold(
            JailOptions::new().allow_no_files(no_logs || self.args.filter.is_some()),
            |options, (option, value)| options.set(option, value),
        )
    }

    /// Adds a jail, and a watch if no other reads the same in the same way.
    fn add(
        &self,
        loaded: &Loaded,
        variant: Variant,
        setup: &mut Setup,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), Failure> {
        let Loaded { config, filter } = loaded;
        let name: Arc<str> = config.name().into();
        let purge_age = parse_duration(&self.args.settings.dbpurgeage)
            .map_err(|error| error_of_option("dbpurgeage", &error.message()))?;
        let jail = config
            .to_jail(&OsFiles, &self.own)?
            .resolver(Arc::clone(&self.resolver) as _)
            .purge_age(purge_age)
            .build();
        for warning in config.warnings().iter().chain(filter.warnings()) {
            let expected = match warning.code() {
                "no-filter" => self.args.filter.is_some(),
                "no-action" => !self.args.question.show_actions,
                "no-log-file" | "journal-instead" => self.given.is_some(),
                _ => false,
            };
            if !expected {
                warn(warning.to_string());
            }
        }
        if config
            .setting("ignorecommand")
            .is_some_and(|setting| !setting.text().is_empty())
        {
            warn(format!(
                "jail `{name}` has an ignorecommand, which is not run: it ignores nobody here"
            ));
        }
        let encoding = self.encoding(config)?;
        let logs = self.logs(config)?;
        let known = setup.lanes.iter().find(|lane| {
            let watch = &setup.watches[lane.watch];
            watch.encoding == encoding
                && watch.logs == logs
                && text(&lane.config, "logtimezone") == text(config, "logtimezone")
                && same_rules(&lane.filter, filter)
        });
        let watch = match known {
            Some(lane) => lane.watch,
            None => {
                let watch = self.watch(config, filter, encoding, logs)?;
                if watch.filter.failregex().is_empty() {
                    warn(format!(
                        "the filter of jail `{name}` has no failregex, so no line can match"
                    ));
                }
                setup.watches.push(watch);
                setup.watches.len() - 1
            }
        };
        setup.lanes.push(LaneSetup {
            name,
            variant,
            watch,
            config: config.clone(),
            filter: filter.clone(),
            rules: setup.watches[watch].filter.clone(),
            jail,
        });
        Ok(())
    }

    fn watch(
        &self,
        config: &JailConfig,
        filter: &FilterConfig,
        encoding: Encoding,
        logs: Vec<Log>,
    ) -> Result<Watch, Failure> {
        let World { now, zone } = self.world;
        let ReplayArgs {
            datepattern,
            timezone,
            usedns,
            maxlines,
            ..
        } = &self.args.reading;
        let mut builder = FilterBuilder::from_config(filter)?;
        if let Some(pattern) = datepattern {
            builder.datepattern(typed("--datepattern", pattern));
        }
        if let Some(use_dns) = usedns {
            builder.use_dns(*use_dns);
        }
        if let Some(lines) = maxlines {
            builder.max_lines(*lines)?;
        }
        builder.start_year(environment::year(*now, zone).max(START_YEAR));
        let filter = builder.build()?;
        let log_zone = match timezone {
            Some(zone) => Some(zone.parse()?),
            None => config.log_zone()?,
        };
        let mut options = SessionOptions::new()
            .time_check(TimeCheck::Replay)
            .zone(zone.clone())
            .log_zone(log_zone);
        if matches!(filter.use_dns(), UseDns::Yes | UseDns::Warn) {
            options = options.resolver(SystemResolver::default());
        }
        Ok(Watch {
            filter,
            options,
            encoding,
            logs,
        })
    }

    fn encoding(&self, config: &JailConfig) -> Result<Encoding, Failure> {
        if let Some(encoding) = self.args.reading.encoding {
            return Ok(encoding);
        }
        Ok(jail_logs::encoding(config)?.unwrap_or_default())
    }

    /// The logs that were named, else the jail's own, each once.
    fn logs(&self, config: &JailConfig) -> Result<Vec<Log>, Failure> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if !self.args.failures.is_empty() {
            return Ok(Vec::new());
        }
        if self.args.filter.is_some() {
            return input::logs(&[], &[]).map_err(advice);
        }
        jail_logs::logs(config)
    }
}

/// The advice of the command that tests filters is of no use here.
fn advice(failure: Failure) -> Failure {
    let help = match &failure {
        Failure::Request(request) if request.code == "log-not-found" => {
            "without any LOG, the logs are those of the jails"
        }
        Failure::Request(request) if request.code == NO_LOG => {
            "name one, or use `-` for standard input"
        }
        _ => return failure,
    };
    failure.help(help)
}

fn text<'c>(config: &'c JailConfig, option: &str) -> Option<&'c str> {
    Some(config.setting(option)?.text().as_str())
}

fn same_rules(a: &FilterConfig, b: &FilterConfig) -> bool {
    let text = |text: Option<&Traced>| text.map(|text| text.as_str().to_owned());
    a.failregex() == b.failregex()
        && a.ignoreregex() == b.ignoreregex()
        && text(a.prefregex()) == text(b.prefregex())
        && text(a.datepattern()) == text(b.datepattern())
        && text(a.usedns()) == text(b.usedns())
        && a.maxlines() == b.maxlines()
}

fn error_of_option(option: &str, message: &str) -> Failure {
    let message = format!("invalid value for --{option}: {message}");
    Failure::request("bad-duration", message)
}

/// Refuses an option that means nothing to any of the jails: neither to
/// fail2ban itself nor as a variable that something refers to.
fn check_names(
    selection: &Selection<'_>,
    settings: &[(String, String)],
    jails: &[Loaded],
) -> Result<(), Failure> {
    let unknown = |option: &str| {
        jails
            .iter()
            .all(|jail| jail.config.setting(option).is_none())
    };
    let unknown: Vec<&str> = settings
        .iter()
        .map(|(option, _)| option.as_str())
        .filter(|option| unknown(option))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = jails.iter().map(|jail| jail.config.name()).collect();
    let plain = selection.named(&names, &[])?;
    let is_variable = |option: &str| {
        let mut variables = plain.iter().flat_map(|jail| jail.config.variables());
        variables.any(|(name, _)| name == option)
    };
    match unknown.into_iter().find(|option| !is_variable(option)) {
        None => Ok(()),
        Some(option) => {
            let message = format!("`{option}` is no option of a jail");
            Err(Failure::request("unknown-option", message))
        }
    }
}
