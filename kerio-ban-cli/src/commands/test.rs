//! `kerio-ban test`: reads logs with a filter and reports what became of each
//! line.

mod judging;
mod reading;
mod threads;

use std::ffi::OsString;
use std::io;
use std::path::Path;

use kerio_ban_core::{
    Filter, FilterBuilder, FilterConfig, JailConfig, JailOptions, LogZone, SessionOptions, Source,
    Timestamp, Traced, UseDns, Zone,
};

use self::reading::Reading;
use super::{Answer, jail_logs};
use crate::args::{Format, ListingArgs, TestArgs};
use crate::console::{self, Console};
use crate::diagnostics;
use crate::dns::SystemResolver;
use crate::environment;
use crate::failure::Failure;
use crate::input::{self, Encoding, Log};
use crate::progress::Progress;
use crate::report::{Begin, Brief, Json, Listing, Out, Quiet, Report, Shown, Tally, Text, Token};
use crate::selection::{Catalogue, FoundJail};

/// The earliest year that the default date templates count from. A moment given
/// with `--now` may lie before the dates of a log, and fail2ban, which counts
/// from the year of its own start, would still read these.
pub(super) const START_YEAR: i32 = 2026;

/// The name of a filter that was typed as expressions.
const TYPED: &str = "<regex>";

pub(crate) fn run(args: &TestArgs) -> Result<Answer, Failure> {
    let token = args.out.as_deref().map(str::parse::<Token>).transpose();
    let token = token.map_err(|message| {
        let message = format!("invalid value for --out: {message}");
        Failure::request("bad-token", message)
    })?;
    let local = environment::local_zone();
    let mut warn = |message: String| diagnostics::warn(&message, args.output.color);
    if let Some(warning) = local.warning {
        warn(warning);
    }
    let now = args
        .reading
        .now
        .map_or_else(environment::clock, |now| now.0);
    let chosen = choose(args)?;
    let logs = match &chosen.jail {
        Some(jail) if chosen.logs.is_empty() && args.line.is_empty() => jail_logs::logs(jail)?,
        _ => input::logs(&chosen.logs, &args.line)
            .map_err(|failure| advice_on_order(args, &chosen.catalogue, failure))?,
    };
    if let Some(config) = &chosen.config {
        for warning in config.warnings() {
            warn(warning.to_string());
        }
    }
    let mut builder = chosen.builder;
    builder.start_year(environment::year(now, &local.zone).max(START_YEAR));
    let filter = builder.build()?;
    if filter.failregex().is_empty() {
        warn("the filter has no failregex, so no line can match".to_owned());
    }
    let options = session_options(args, &filter, chosen.log_zone, local.zone.clone());
    let mut reading = Reading {
        args,
        now,
        options,
        encoding: chosen.encoding,
        tally: Tally::new(&filter),
        report: report(args, token, now, local.zone),
        filter: &filter,
        progress: Progress::start(args.progress.shown(&args.output), &logs, streaming(args)),
        threads: args.reading.threads.count(),
        incomplete: false,
    };
    let begin = Begin {
        name: chosen.config.as_ref().map_or(TYPED, FilterConfig::name),
        config: chosen.config.as_ref(),
        filter: &filter,
        logs: logs.iter().map(Log::name).collect(),
        encoding: chosen.encoding.to_string(),
        datepattern: args.reading.datepattern.as_deref().or_else(|| {
            let config = chosen.config.as_ref()?;
            config.datepattern().map(Traced::as_str)
        }),
        journalmatch: args.reading.journalmatch.as_deref(),
    };
    reading.all(&begin, &logs, &mut warn)
}

/// The filter and the logs that were asked for.
struct Chosen {
    catalogue: Catalogue,
    /// The jail whose filter it is.
    jail: Option<Box<JailConfig>>,
    config: Option<FilterConfig>,
    builder: FilterBuilder,
    logs: Vec<OsString>,
    encoding: Encoding,
    log_zone: Option<LogZone>,
}

fn choose(args: &TestArgs) -> Result<Chosen, Failure> {
    let catalogue = Catalogue::open(&args.config)?;
    let mut logs = args.logs.clone();
    let jail = args.jail.as_deref();
    let jail = jail.map(|name| load_jail(&catalogue, name)).transpose()?;
    let (config, mut builder) = match &args.filter {
        first if jail.is_some() => {
            logs.splice(0..0, first.clone());
            let config = jail.as_ref().map(|jail| jail.filter().clone());
            let builder = config.as_ref().map(FilterBuilder::from_config);
            (config, builder.transpose()?.unwrap_or_default())
        }
        Some(filter) if args.regex.is_empty() => {
            let config = catalogue
                .load(filter)
                .map_err(|failure| advice_on_order(args, &catalogue, failure))?;
            let builder = FilterBuilder::from_config(&config)?;
            (Some(config), builder)
        }
        // Without a filter, the first argument is a log as the others are.
        first => {
            logs.splice(0..0, first.clone());
            (None, FilterBuilder::new())
        }
    };
    for regex in &args.regex {
        builder.failregex(typed("--regex", regex));
    }
    if !args.ignoreregex.is_empty() {
        builder.clear_ignoreregex();
    }
    for regex in &args.ignoreregex {
        builder.ignoreregex(typed("--ignoreregex", regex));
    }
    if let Some(pattern) = &args.reading.datepattern {
        builder.datepattern(typed("--datepattern", pattern));
    }
    if let Some(lines) = args.reading.maxlines {
        builder.max_lines(lines)?;
    }
    if let Some(use_dns) = args.reading.usedns {
        builder.use_dns(use_dns);
    }
    let (mut encoding, mut log_zone) = (None, None);
    if let Some(jail) = &jail {
        encoding = jail_logs::encoding(jail)?;
        log_zone = jail.log_zone()?;
    }
    if let Some(zone) = &args.reading.timezone {
        log_zone = Some(zone.parse()?);
    }
    Ok(Chosen {
        encoding: args.reading.encoding.or(encoding).unwrap_or_default(),
        log_zone,
        jail,
        catalogue,
        config,
        builder,
        logs,
    })
}

/// A jail, whether it is switched on or not. Its logs need not exist, as others
/// may be named.
fn load_jail(catalogue: &Catalogue, name: &str) -> Result<Box<JailConfig>, Failure> {
    let options = JailOptions::new().allow_no_files(true);
    match catalogue.jail(name, true, &options)? {
        FoundJail::On(jail) => Ok(jail),
        FoundJail::Off | FoundJail::Blocked { .. } => {
            let message = format!("jail `{name}` cannot be switched on");
            Err(Failure::request("not-found", message))
        }
    }
}

/// Text of the command line, so that messages can show it.
pub(super) fn typed(option: &str, text: &str) -> Traced {
    let source = Source::new(option, text);
    Traced::typed(&source.span(0..text.len()))
}

/// Says so if the failure comes from a filter and a log in the wrong order, as
/// fail2ban-regex takes them.
fn advice_on_order(args: &TestArgs, catalogue: &Catalogue, failure: Failure) -> Failure {
    let (Some(filter), [log, ..]) = (&args.filter, &args.logs[..]) else {
        return failure;
    };
    let swapped = args.regex.is_empty() && !catalogue.knows(filter) && catalogue.knows(log);
    if !swapped || !Path::new(filter).exists() {
        return failure;
    }
    let (filter, log) = (filter.display(), log.display());
    let message = format!("`{filter}` is no filter, but `{log}` is one: the filter comes first");
    Failure::request("swapped-arguments", message).help(format!(
        "kerio-ban test {} {}",
        quoted(log),
        quoted(filter)
    ))
}

/// As it would be typed in a shell.
fn quoted(text: impl ToString) -> String {
    let text = text.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn session_options(
    args: &TestArgs,
    filter: &Filter,
    log_zone: Option<LogZone>,
    zone: Zone,
) -> SessionOptions {
    let reading = &args.reading;
    let mut options = SessionOptions::testing()
        .check_all(!reading.no_check_all && args.out.is_none())
        .report_pending(args.out.is_none())
        .raw_ids(reading.raw)
        .plain(reading.plain)
        .zone(zone)
        .log_zone(log_zone);
    if !reading.raw && matches!(filter.use_dns(), UseDns::Yes | UseDns::Warn) {
        options = options.resolver(SystemResolver::default());
    }
    options
}

fn report(args: &TestArgs, token: Option<Token>, now: Timestamp, zone: Zone) -> Box<dyn Report> {
    let out = console::stdout();
    let console = Console::of(&io::stdout(), args.output.color);
    let listing = listing(&args.listing, args.reading.maxlines, zone);
    let ignored = listing.ignored != Shown::Nothing;
    let missed = listing.missed == Shown::All;
    match (token, args.output.format) {
        _ if args.output.quiet => Box::new(Quiet),
        (Some(token), _) => Box::new(Out::new(out, token, args.invert, now, console.escape)),
        (None, Format::Json) => Box::new(Json::new(out, missed, ignored)),
        (None, Format::Brief) => Box::new(Brief::new(out, missed, ignored, console.escape)),
        (None, Format::Text) => Box::new(Text::new(out, console, listing)),
    }
}

/// Whether results are written while logs are read.
fn streaming(args: &TestArgs) -> bool {
    let lines = args.out.is_some() || args.output.format != Format::Text;
    lines && !args.output.quiet
}

fn listing(args: &ListingArgs, max_lines: Option<i64>, zone: Zone) -> Listing {
    let shown = |all, nothing| match (all, nothing) {
        (true, _) => Shown::All,
        (false, true) => Shown::Nothing,
        (false, false) => Shown::Some,
    };
    // As in fail2ban-regex, one option sets both.
    let limit = max_lines.and_then(|lines| usize::try_from(lines).ok());
    Listing {
        verbose: args.verbose,
        verbose_dates: args.verbose_date,
        matched: shown(args.print_all_matched, true),
        missed: shown(args.print_all_missed, args.print_no_missed),
        ignored: shown(args.print_all_ignored, args.print_no_ignored),
        limit: limit.unwrap_or(Listing::LIMIT),
        zone,
    }
}
