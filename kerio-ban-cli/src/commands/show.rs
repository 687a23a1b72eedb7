//! `kerio-ban show`: what a filter or a jail comes to, and where each part of
//! it was written.

mod jail;
mod jails;

use std::ffi::OsStr;
use std::io::{self, Write};

use kerio_ban_core::{Filter, FilterConfig, Source, Traced};
use serde_json::{Value, json};

use super::Answer;
use crate::args::{Format, ShowArgs};
use crate::console::{self, Console};
use crate::diagnostics;
use crate::failure::Failure;
use crate::places::Places;
use crate::report::rule_object;
use crate::selection::Catalogue;
use crate::words::{Visible, counted};

pub(crate) fn run(args: &ShowArgs) -> Result<Answer, Failure> {
    match (&args.filter, &args.jail) {
        (Some(filter), _) => show_filter(args, filter),
        (None, Some(name)) => jail::run(args, name),
        (None, None) => jails::run(args),
    }
}

fn show_filter(args: &ShowArgs, filter: &OsStr) -> Result<Answer, Failure> {
    let config = Catalogue::open(&args.config)?.load(filter)?;
    for warning in config.warnings() {
        diagnostics::warn(&warning.to_string(), args.output.color);
    }
    let filter = args.expanded.then(|| config.compile()).transpose()?;
    if args.output.quiet {
        return Ok(Answer::Yes);
    }
    let mut out = console::stdout();
    match args.output.format {
        Format::Json => {
            serde_json::to_writer(&mut out, &object(&config, filter.as_ref()))
                .map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text | Format::Brief => {
            let console = Console::of(&io::stdout(), args.output.color);
            let brief = args.output.format == Format::Brief;
            let mut text = Text {
                out: &mut out,
                console,
                brief,
                places: Places::among(config.sources()),
            };
            text.config(&config)?;
            if let Some(filter) = &filter {
                text.expanded(filter)?;
            }
        }
    }
    out.flush()?;
    Ok(Answer::Yes)
}

/// What was configured; `null` is not set.
fn object(config: &FilterConfig, filter: Option<&Filter>) -> Value {
    let texts = |texts: &[Traced]| texts.iter().map(Traced::as_str).collect::<Value>();
    let sources: Value = config.sources().iter().map(Source::name).collect();
    let mut object = json!({
        "type": "filter",
        "name": config.name(),
        "failregex": texts(config.failregex()),
        "ignoreregex": texts(config.ignoreregex()),
        "prefregex": config.prefregex().map(Traced::as_str),
        "maxlines": config.maxlines(),
        "datepattern": config.datepattern().map(Traced::as_str),
        "usedns": config.usedns().map(Traced::as_str),
        "journalmatch": config.journalmatch(),
        "sources": sources,
    });
    if let (Some(object), Some(filter)) = (object.as_object_mut(), filter) {
        let rules = filter.rules().map(rule_object).collect();
        object.insert("rules".to_owned(), rules);
    }
    object
}

/// Writes for people.
struct Text<'o, W> {
    out: &'o mut W,
    console: Console,
    /// Only the place where a value begins.
    brief: bool,
    places: Places,
}

impl<W: Write> Text<'_, W> {
    fn config(&mut self, config: &FilterConfig) -> io::Result<()> {
        self.heading(&format!("filter {}", config.name()))?;
        self.filter_files(config)?;
        self.filter_settings(config)?;
        self.filter_rules(config)
    }

    fn filter_files(&mut self, config: &FilterConfig) -> io::Result<()> {
        for source in config.sources() {
            let borrowed = config
                .borrowed()
                .iter()
                .find(|borrowed| borrowed.used == *source);
            let note = borrowed.map_or_else(String::new, |borrowed| {
                let wanted = &borrowed.wanted;
                format!(
                    " (as `{}`, which {wanted} includes, is not beside it)",
                    wanted.text()
                )
            });
            self.entry("", &format!("{}{note}", source.name()))?;
        }
        for missing in config.missing_includes() {
            let place = self.places.show(missing);
            self.entry(
                "",
                &format!("(no `{}`, which {place} names)", missing.text()),
            )?;
        }
        Ok(())
    }

    fn filter_settings(&mut self, config: &FilterConfig) -> io::Result<()> {
        for (name, values) in [
            ("prefregex", config.prefregex().as_slice()),
            ("datepattern", config.datepattern().as_slice()),
            ("maxlines", config.maxlines_text().as_slice()),
            ("usedns", config.usedns().as_slice()),
        ] {
            for value in values {
                self.heading(name)?;
                self.value("", value)?;
            }
        }
        Ok(())
    }

    fn filter_rules(&mut self, config: &FilterConfig) -> io::Result<()> {
        for (name, values) in [
            ("failregex", config.failregex()),
            ("ignoreregex", config.ignoreregex()),
        ] {
            self.heading(&format!(
                "{name}: {}",
                counted(values.len() as u64, "expression")
            ))?;
            for (index, value) in values.iter().enumerate() {
                self.value(&format!("[{index}] "), value)?;
            }
        }
        if !config.journalmatch().is_empty() {
            self.heading("journalmatch")?;
            for words in config.journalmatch() {
                self.entry("", &words.join(" "))?;
            }
        }
        Ok(())
    }

    /// A value, where it was written, and through what it came.
    fn value(&mut self, label: &str, value: &Traced) -> io::Result<()> {
        self.noted_value(label, value, "")
    }

    /// The same with a note behind the value.
    fn noted_value(&mut self, label: &str, value: &Traced, note: &str) -> io::Result<()> {
        let lines = value.split_lines();
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 {
                label.to_owned()
            } else {
                " ".repeat(label.chars().count())
            };
            let note = if index + 1 == lines.len() { note } else { "" };
            self.entry(&label, &format!("{line}{note}"))?;
        }
        for place in origins(value, &self.places) {
            self.place(label, &place)?;
            if self.brief {
                break;
            }
        }
        Ok(())
    }

    /// A place, below the value behind a label.
    fn place(&mut self, label: &str, place: &str) -> io::Result<()> {
        let indent = " ".repeat(label.chars().count());
        let place = Visible::new(place, self.console.escape);
        writeln!(self.out, "  {indent}{}", self.console.palette.dim(place))
    }

    fn expanded(&mut self, filter: &Filter) -> io::Result<()> {
        self.heading("as run")?;
        for rule in filter.rules() {
            let label = format!("{}[{}] {}: ", rule.kind(), rule.index(), rule.engine());
            self.entry(&label, &rule.expanded().replace('\n', "\\n"))?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.console.palette.heading(text))
    }

    fn entry(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = self.console.palette.place(label);
        let text = Visible::new(text, self.console.escape);
        writeln!(self.out, "  {label}{text}")
    }
}

/// The places that a value was put together from, in order, each once, with
/// the references on the way.
fn origins(value: &Traced, places: &Places) -> Vec<String> {
    let mut found = Vec::new();
    for (at, c) in value.as_str().char_indices() {
        let Some(origin) = value.origin(at..at + c.len_utf8()) else {
            continue;
        };
        let source = origin.span().source();
        let via: Vec<String> = origin
            .via()
            .iter()
            .map(|place| format!(" via {} {}", place.text(), places.show(place)))
            .collect();
        let key = (source.name().to_owned(), origin.span().line(), via);
        if !found.iter().rev().any(|(known, _)| *known == key) {
            let text = format!("at {}{}", places.show(origin.span()), key.2.concat());
            found.push((key, text));
        }
    }
    found.into_iter().map(|(_, text)| text).collect()
}
