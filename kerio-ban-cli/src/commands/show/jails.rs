//! All jails, and whether they are on.

use std::io::{self, Write};

use kerio_ban_core::{Error, JailOptions, JailSection, JailState};
use serde_json::{Value, json};

use crate::args::{Format, ShowArgs};
use crate::commands::Answer;
use crate::console::{self, Console};
use crate::diagnostics;
use crate::failure::Failure;
use crate::selection::Catalogue;
use crate::words::Visible;

pub(super) fn run(args: &ShowArgs) -> Result<Answer, Failure> {
    let options = JailOptions::new().allow_no_files(true).force(args.force);
    let jails = Catalogue::open(&args.config)?.jails(&options)?;
    for warning in jails.warnings() {
        diagnostics::warn(&warning.to_string(), args.output.color);
    }
    if args.output.quiet {
        return Ok(Answer::Yes);
    }
    let mut out = console::stdout();
    let console = Console::of(&io::stdout(), args.output.color);
    let width = jails.iter().map(|jail| jail.name().chars().count()).max();
    for jail in jails.iter() {
        match args.output.format {
            Format::Json => {
                serde_json::to_writer(&mut out, &object(jail)).map_err(io::Error::from)?;
                writeln!(out)?;
            }
            Format::Text | Format::Brief => {
                let name = format!("{:width$}", jail.name(), width = width.unwrap_or(0));
                let (state, error) = state(jail);
                let note = match (error, jail.config()) {
                    (Some(error), _) => error.to_string().replace('\n', " "),
                    (None, Some(_)) if args.output.format == Format::Text => summary(jail),
                    _ => String::new(),
                };
                let line = format!("{name}  {state:8}  {note}");
                writeln!(out, "{}", Visible::new(line.trim_end(), console.escape))?;
            }
        }
    }
    out.flush()?;
    if let Some(by) = jails.fatal_section() {
        let message = format!("because of jail {}, fail2ban would start none", by.name());
        diagnostics::warn(&message, args.output.color);
    }
    Ok(Answer::Yes)
}

/// The word for what has become of a jail.
fn state(jail: &JailSection) -> (&'static str, Option<&Error>) {
    match jail.state() {
        JailState::Disabled => ("off", None),
        JailState::Loaded(config) if config.enabled() => ("on", None),
        JailState::Loaded(_) => ("off", None),
        JailState::Skipped(error) => ("skipped", Some(error)),
        JailState::Fatal(error) => ("broken", Some(error)),
        _ => ("unknown", None),
    }
}

fn object(jail: &JailSection) -> Value {
    let (state, error) = state(jail);
    json!({
        "type": "jail",
        "name": jail.name(),
        "state": state,
        "error": error.map(|error| json!({
            "code": error.code(),
            "message": error.message(),
            "origin": error.origin().map(ToString::to_string),
        })),
    })
}

/// What the jail does, in a few words.
fn summary(jail: &JailSection) -> String {
    let Some(config) = jail.config() else {
        return String::new();
    };
    let mut words = Vec::new();
    if let Some(spec) = config.filter_spec() {
        words.push(format!("filter {spec}"));
    }
    for option in ["maxretry", "findtime", "bantime"] {
        if let Some(setting) = config.setting(option) {
            words.push(format!("{option} {}", setting.text()));
        }
    }
    words.join(", ")
}
