//! `kerio-ban fail2ban-regex`: what fail2ban-regex does, told in its words and
//! with its exit statuses, for programs and people that expect just that.
//!
//! It goes the way of the original: what was typed is said while it is looked
//! at, so that the output before an error is the same, too.

mod draft;
mod log;
mod python;
mod rules;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::ColorChoice;
use kerio_ban_core::{LogZone, Source, Timestamp, Traced, UseDns, Zone};

use self::draft::Draft;
use self::log::Reading;
use self::rules::Catalogue;
use crate::args::regex::{self as args, Asked, RegexArgs};
use crate::diagnostics;
use crate::environment;
use crate::report::fail2ban_regex::{Page, shortened};

/// The program that this stands in for.
pub(crate) const NAME: &str = "fail2ban-regex";

/// The version of fail2ban whose behaviour this is.
const VERSION: &str = "1.1.2.dev1";
/// The same in the form that programs compare.
const SHORT_VERSION: &str = "1.1.2.1";

/// Wrong usage, or something that cannot be used.
const REFUSED: u8 = 255;
/// An option that is none.
const BAD_OPTION: u8 = 2;
/// Where fail2ban-regex ends in a traceback.
const CRASHED: u8 = 1;

/// Why it ends before the report.
#[derive(Debug)]
pub(crate) enum End {
    /// All was said on standard output.
    Told(u8),
    /// fail2ban-regex would show a traceback; this is said instead.
    Crash(String),
    Output(io::Error),
}

impl From<io::Error> for End {
    /// Only the output is written with plain `?`; whatever reads says what.
    fn from(error: io::Error) -> End {
        match error.kind() {
            // What a template of `--out` cannot be filled with.
            io::ErrorKind::Unsupported => End::Crash(error.to_string()),
            _ => End::Output(error),
        }
    }
}

/// Does what the words behind the name of the program ask for.
pub(crate) fn run(program: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let status = match ask(program, words) {
        Ok(()) => 0,
        Err(End::Told(status)) => status,
        Err(End::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(End::Output(error)) => {
            let message = format!("cannot write the output: {error}");
            diagnostics::error(&message, ColorChoice::Auto);
            CRASHED
        }
        Err(End::Crash(message)) => {
            diagnostics::error(&message, ColorChoice::Auto);
            CRASHED
        }
    };
    ExitCode::from(status)
}

fn ask(program: &str, words: impl IntoIterator<Item = OsString>) -> Result<(), End> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let mut page = Page::stdout();
    match args::parse(words) {
        Ok(Asked::Help) => page.say(args::help(program).trim_end())?,
        Ok(Asked::Version) => page.say(&format!("{name} {VERSION}"))?,
        Ok(Asked::ShortVersion) => page.say(SHORT_VERSION)?,
        Ok(Asked::Run(args)) => {
            let errors = contradictions(&args);
            if !errors.is_empty() {
                page.say(args::help(program).trim_end())?;
                page.flush()?;
                diagnostics::plain(&format!("\n{}\n", errors.join("\n")));
                return Err(End::Told(REFUSED));
            }
            page.quiet = args.out().is_some();
            let result = test(&args, &mut page);
            // What was said before an error is to be seen as well.
            page.flush()?;
            return result;
        }
        Err(error) => {
            diagnostics::plain(&format!(
                "Usage: {program} [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n\n{name}: error: {error}\n"
            ));
            return Err(End::Told(BAD_OPTION));
        }
    }
    Ok(page.flush()?)
}

/// What cannot be done together.
fn contradictions(args: &RegexArgs) -> Vec<&'static str> {
    let mut errors = Vec::new();
    if args.print_no_missed && args.print_all_missed {
        errors.push("ERROR: --print-no-missed and --print-all-missed are mutually exclusive.");
    }
    if args.print_no_ignored && args.print_all_ignored {
        errors.push("ERROR: --print-no-ignored and --print-all-ignored are mutually exclusive.");
    }
    if !matches!(args.arguments.len(), 2 | 3) {
        errors.push("ERROR: provide both <LOG> and <REGEX>.");
    }
    errors
}

/// The world around a test.
struct World {
    now: Timestamp,
    zone: Zone,
    /// Whether the options of filters are shown as they come out.
    show_options: bool,
}

fn test(args: &RegexArgs, page: &mut Page) -> Result<(), End> {
    page.note("\nRunning tests\n=============\n")?;
    let level = match &args.log_level {
        None => python::CRITICAL,
        Some(level) => python::log_level(level).map_err(End::Crash)?,
    };
    let local = environment::local_zone();
    if let Some(warning) = &local.warning {
        diagnostics::warn(warning, ColorChoice::Auto);
    }
    let world = World {
        now: environment::clock(),
        zone: local.zone,
        show_options: args.verbose > 1 || level <= python::DEBUG,
    };
    let mut draft = Draft::new(environment::year(world.now, &world.zone));
    let log_zone = prepare(args, &mut draft, page)?;
    let (log, regex) = (&args.arguments[0], &args.arguments[1]);
    let catalogue = Catalogue::new(args, &world);
    catalogue.read(regex, &mut draft, page)?;
    let mut filter = draft.build(page)?;
    if let Some(ignoreregex) = args.arguments.get(2) {
        let text = shortened(ignoreregex);
        page.note(&format!("Use ignoreregex line : {text}"))?;
        draft.ignoreregex = vec![typed("IGNOREREGEX", ignoreregex)];
        filter = draft.build(page)?;
    }
    Reading::new(args, &world, filter, log_zone).read(log, page)
}

/// Takes the options that say how lines are read.
fn prepare(args: &RegexArgs, draft: &mut Draft, page: &mut Page) -> Result<Option<LogZone>, End> {
    if args.maxlines != 0
        && let Err(message) = draft.set_max_lines(args.maxlines, page)?
    {
        return Err(page.refuse(&message));
    }
    if let Some(matches) = &args.journalmatch {
        python::check_quotes(matches).map_err(|message| page.refuse(message))?;
        draft.has_journalmatch = true;
    }
    let mut log_zone = None;
    if let Some(zone) = args.timezone.as_ref().filter(|zone| !zone.is_empty()) {
        let parsed = zone.parse::<LogZone>();
        log_zone = Some(parsed.map_err(|_| page.refuse(&python::zone_error(zone)))?);
    }
    if let Some(pattern) = args.datepattern.as_ref().filter(|text| !text.is_empty()) {
        let pattern = typed("--datepattern", pattern);
        if let Err(error) = draft.set_datepattern(&pattern, page)? {
            return Err(page.refuse(&error.message));
        }
    }
    if let Some(use_dns) = args.usedns.as_ref().filter(|text| !text.is_empty()) {
        draft.use_dns = UseDns::lenient(use_dns);
    }
    Ok(log_zone)
}

/// Text of the command line, so that messages can show it.
fn typed(option: &str, text: &str) -> Traced {
    let source = Source::new(option, text);
    Traced::typed(&source.span(0..text.len()))
}
