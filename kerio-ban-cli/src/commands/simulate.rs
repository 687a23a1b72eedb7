//! `kerio-ban simulate`: replays logs through jails and tells who would have
//! been banned.

mod accounts;
mod advice;
mod events;
mod jails;
mod judging;
mod merge;
mod needle;
mod own;
mod places;
mod reader;
mod records;
mod replay;

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use kerio_ban_core::Timestamp;

pub(crate) use self::accounts::Account;
pub(crate) use self::advice::{Advice, ban_without_exemptions};
pub(crate) use self::events::{Begin, End, Event, Happening, Report, WouldRun};
pub(crate) use self::jails::Variant;
pub(crate) use self::merge::{Mention, Why};
pub(crate) use self::places::{LogNames, Place};
pub(crate) use self::replay::Lane;

use self::events::Quiet;
use self::jails::{Setup, Watch, World};
use self::judging::Judging;
use self::merge::{Entries, Merged};
use self::needle::Needle;
use self::reader::{Entering, Notes, Reader};
use self::records::Reading;
use self::replay::Replay;
use super::Answer;
use crate::args::{SimulateArgs, SimulateFormat};
use crate::clock::local_time;
use crate::console::{self, Console};
use crate::diagnostics;
use crate::environment;
use crate::failure::Failure;
use crate::input::{Encoding, Log};
use crate::progress::Progress;
use crate::report::simulation::{
    Brief, CompareJson, CompareText, Csv, Explain, ExplainForm, Firewall, FirewallForm, Json, Text,
};
use crate::words::counted;

pub(crate) fn run(args: &SimulateArgs) -> Result<Answer, Failure> {
    let local = environment::local_zone();
    let mut warn = |message: String| diagnostics::warn(&message, args.color);
    if let Some(warning) = local.warning {
        warn(warning);
    }
    check_format(args)?;
    let now = args.reading.now;
    let world = World {
        now: now.map_or_else(environment::clock, |now| now.0),
        zone: local.zone,
    };
    let needle = args.question.explain.as_deref();
    let needle = needle.map(|typed| Arc::new(Needle::new(typed)));
    let setup = jails::set_up(args, &world, &mut warn)?;
    let mut report = report(args, &world, needle.as_deref());
    let started = Instant::now();
    let run = Run {
        args,
        world: &world,
        needle,
        started,
    };
    if args.failures.is_empty() {
        run.logs(setup, &mut *report, &mut warn)
    } else {
        run.records(setup, &mut *report, &mut warn)?;
        Ok(Answer::Yes)
    }
}

/// Not every question can be answered in every form.
fn check_format(args: &SimulateArgs) -> Result<(), Failure> {
    let form = match args.format {
        SimulateFormat::Text | SimulateFormat::Json => return Ok(()),
        SimulateFormat::Brief => "brief",
        SimulateFormat::Csv => "csv",
        SimulateFormat::Nft => "nft",
        SimulateFormat::Ipset => "ipset",
        SimulateFormat::Iptables => "iptables",
        SimulateFormat::Ip6tables => "ip6tables",
        SimulateFormat::Cidr => "cidr",
    };
    let question = if args.question.explain.is_some() {
        "--explain"
    } else if !args.settings.compare.is_empty() {
        "--compare"
    } else if args.question.show_actions {
        "--show-actions"
    } else {
        return Ok(());
    };
    let message = format!("{question} has no form `{form}`, only `text` and `json`");
    Err(Failure::request("bad-format", message))
}

fn report<'a>(
    args: &'a SimulateArgs,
    world: &World,
    needle: Option<&Needle>,
) -> Box<dyn Report + 'a> {
    if args.quiet {
        return Box::new(Quiet);
    }
    let out = console::stdout();
    let console = Console::of(&io::stdout(), args.color);
    let zone = world.zone.clone();
    let json = args.format == SimulateFormat::Json;
    if let Some(needle) = needle {
        let form = if json {
            ExplainForm::Json
        } else {
            ExplainForm::Text(console)
        };
        return Box::new(Explain::new(out, form, zone, needle.name()));
    }
    if !args.settings.compare.is_empty() {
        let changes = args.settings.compare.iter();
        let changes: Vec<String> = changes
            .map(|(option, value)| format!("{option} = {value}"))
            .collect();
        let changes = changes.join(", ");
        return match json {
            true => Box::new(CompareJson::new(out)),
            false => Box::new(CompareText::new(out, console, zone, args.all, changes)),
        };
    }
    let form = match args.format {
        SimulateFormat::Text => {
            return Box::new(Text::new(out, console, zone, args.summary, args.all));
        }
        SimulateFormat::Json => return Box::new(Json::new(out, args.summary)),
        SimulateFormat::Brief => {
            return Box::new(Brief::new(out, zone, args.summary, console.escape));
        }
        SimulateFormat::Csv => return Box::new(Csv::new(out, args.summary)),
        SimulateFormat::Nft => FirewallForm::Nft,
        SimulateFormat::Ipset => FirewallForm::Ipset,
        SimulateFormat::Iptables => FirewallForm::Iptables,
        SimulateFormat::Ip6tables => FirewallForm::Ip6tables,
        SimulateFormat::Cidr => FirewallForm::Cidr,
    };
    let color = args.color;
    let warn = move |message: String| diagnostics::warn(&message, color);
    Box::new(Firewall::new(out, form, zone, warn))
}

struct Run<'a> {
    args: &'a SimulateArgs,
    world: &'a World,
    needle: Option<Arc<Needle>>,
    started: Instant,
}

impl Run<'_> {
    fn logs(
        &self,
        setup: Setup,
        report: &mut dyn Report,
        warn: &mut dyn FnMut(String),
    ) -> Result<Answer, Failure> {
        let Setup { watches, lanes } = setup;
        let groups = groups(&watches)?;
        let mut names = LogNames::default();
        for (log, ..) in &groups {
            names.add(&log.name());
        }
        let mut replay = self.replay(lanes);
        report.begin(&Begin {
            lanes: &replay.lanes,
            names: &names,
        })?;
        let logs: Vec<Log> = groups.iter().map(|(log, ..)| log.clone()).collect();
        let mut progress = self.progress(&logs);
        // Several logs have a thread each that reads them.
        let threads = self.args.reading.threads.count() / groups.len().max(1);
        let mut readers = Vec::new();
        for (index, (log, encoding, members)) in groups.iter().enumerate() {
            let members: Vec<(usize, &Watch)> = members
                .iter()
                .map(|&index| (index, &watches[index]))
                .collect();
            let lines = log.open(*encoding, progress.meter(), &mut |message| {
                progress.aside(|| warn(message));
            })?;
            let judging = Judging {
                log: index,
                now: self.world.now,
                needle: self.needle.clone(),
                keep_texts: self.keeps_texts(),
            };
            // What comes bit by bit is decided as it comes.
            let threads = if log.size().is_some() { threads } else { 1 };
            readers.push(Reader::new(lines, judging, &members, threads));
        }
        // Of a single log, this thread judges blocks itself; if no more than one
        // is to do so, this one decides meanwhile.
        let logs = if readers.len() == 1
            && threads > 1
            && let Some(reader) = readers.pop()
        {
            let read = reader.read(|entries| {
                replay.take(entries, report)?;
                entries.clear();
                Ok(())
            })?;
            vec![read]
        } else {
            let mut merged = Merged::new(start(readers, &groups)?);
            while let Some(entry) = merged.next() {
                replay.step(&entry, report)?;
            }
            let logs = merged.into_sources().into_iter();
            logs.map(Entering::into_read).collect()
        };
        progress.finish();
        let last = logs.iter().filter_map(|log| log.notes.last).max();
        replay.finish(last, report)?;
        for (log, name) in logs.iter().zip(names.iter()) {
            self.tell_notes(&log.notes, name, &names, warn);
        }
        let lines = logs.iter().map(|log| log.lines).sum();
        self.end(&replay, lines, report)?;
        let broken = logs.iter().any(|log| log.notes.broken.is_some());
        Ok(if broken {
            Answer::Incomplete
        } else {
            Answer::Yes
        })
    }

    fn records(
        &self,
        setup: Setup,
        report: &mut dyn Report,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), Failure> {
        let Setup { watches, lanes } = setup;
        let filters = watches.iter().map(|watch| &watch.filter).collect();
        let mut reading = Reading::new(filters, self.keeps_texts(), self.world.now);
        let file = |file: &OsString| match file.to_str() {
            Some("-") => Log::Stdin,
            _ => Log::File(file.into()),
        };
        let files: Vec<Log> = self.args.failures.iter().map(file).collect();
        let mut progress = self.progress(&files);
        for file in &files {
            let mut warn = |message| progress.aside(|| warn(message));
            reading.file(file, progress.meter(), &mut warn)?;
        }
        progress.finish();
        let (lines, without_date) = (reading.lines, reading.without_date);
        let (records, names) = reading.finish();
        let mut replay = self.replay(lanes);
        report.begin(&Begin {
            lanes: &replay.lanes,
            names: &names,
        })?;
        let mut merged = Merged::new(records);
        while let Some(entry) = merged.next() {
            replay.step(&entry, report)?;
        }
        replay.finish(None, report)?;
        if without_date > 0 {
            let failures = counted(without_date, "failure");
            warn(format!(
                "{failures} without any date: taken as happening now"
            ));
        }
        self.end(&replay, lines, report)
    }

    /// Whether anybody asks for what was captured, and for the lines.
    fn keeps_texts(&self) -> bool {
        self.needle.is_some() || self.args.question.show_actions
    }

    /// How far reading has come. Most reports are written while logs are read.
    fn progress(&self, logs: &[Log]) -> Progress {
        let args = self.args;
        let streaming = match args.format {
            SimulateFormat::Text | SimulateFormat::Json | SimulateFormat::Csv => {
                !args.summary && args.settings.compare.is_empty()
            }
            SimulateFormat::Brief => !args.summary,
            _ => false,
        };
        Progress::start(args.progress.shown(&args.output()), logs, streaming)
    }

    fn replay(&self, lanes: Vec<jails::LaneSetup>) -> Replay {
        let until = self.args.question.at.map(|at| at.0);
        let show_actions = self.args.question.show_actions;
        Replay::new(lanes, self.args.settings.seed, show_actions, until)
    }

    fn end(&self, replay: &Replay, lines: u64, report: &mut dyn Report) -> Result<(), Failure> {
        report.end(&End {
            lanes: &replay.lanes,
            lines,
            from: replay.from,
            to: replay.clock,
            elapsed: self.started.elapsed(),
        })?;
        Ok(())
    }

    /// What there is to say about how a log was read.
    fn tell_notes(
        &self,
        notes: &Notes,
        name: &str,
        names: &LogNames,
        warn: &mut dyn FnMut(String),
    ) {
        if let Some(broken) = &notes.broken {
            diagnostics::error(&format!("`{name}`: {broken}"), self.args.color);
        }
        let show = |at: Timestamp| local_time(at, &self.world.zone);
        if let Some((place, from, to)) = notes.first_backwards {
            let more = match notes.backwards {
                1 => String::new(),
                times => format!(" the first of {times} times;"),
            };
            warn(format!(
                "{}: time runs backwards from {} to {};{more} each failure counts at its own date",
                names.show(place),
                show(from),
                show(to),
            ));
        }
        if notes.without_date > 0 {
            warn(format!(
                "{name}: no date was found: {} taken as happening now",
                counted(notes.without_date, "failure")
            ));
        }
        if let Some((place, message)) = &notes.first_undecided {
            let more = match notes.undecided {
                1 => String::new(),
                lines => format!(", the first of {lines} such lines"),
            };
            warn(format!("{}: {message}{more}", names.show(*place)));
        }
    }
}

/// Has each log read by a thread of its own.
fn start(readers: Vec<Reader>, groups: &[Group]) -> Result<Vec<Entering>, Failure> {
    let start = |(reader, (log, ..)): (Reader, &Group)| {
        reader.start().map_err(|error| {
            let message = format!("cannot read `{}`: {error}", log.name());
            Failure::request("unreadable", message)
        })
    };
    readers.into_iter().zip(groups).map(start).collect()
}

/// A log, and the watches that read it.
type Group = (Log, Encoding, Vec<usize>);

/// The logs in the order in which they are first named.
fn groups(watches: &[Watch]) -> Result<Vec<Group>, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, watch) in watches.iter().enumerate() {
        for log in &watch.logs {
            let known = groups
                .iter_mut()
                .find(|(known, encoding, _)| known == log && *encoding == watch.encoding);
            match known {
                Some((.., members)) => members.push(index),
                None => groups.push((log.clone(), watch.encoding, vec![index])),
            }
        }
    }
    let stdin = groups.iter().filter(|(log, ..)| *log == Log::Stdin).count();
    if stdin > 1 {
        let message = "standard input can be read in one encoding only, but the jails want several";
        return Err(Failure::request("bad-logencoding", message).help("set one with --encoding"));
    }
    Ok(groups)
}
