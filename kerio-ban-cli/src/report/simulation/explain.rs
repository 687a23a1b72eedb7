//! The story of one address: each of its lines, what was made of it, and why
//! it was banned or not.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use kerio_ban_core::{
    BanTime, Exemption, Failure, FailureId, OsFiles, Rule, Source, Timestamp, Zone,
};
use serde_json::{Value as Object, json};

use super::json::{event_object, summary_object};
use super::shown;
use super::text::{settings, write_would_run};
use crate::clock::{length, local_time};
use crate::commands::simulate::{
    Advice, Begin, End, Event, Happening, Lane, LogNames, Mention, Place, Report, Why,
    ban_without_exemptions,
};
use crate::console::Console;
use crate::places::Places;
use crate::report::json::time;
use crate::words::{Visible, counted};

/// For whom it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Text(Console),
    Json,
}

/// Writes the story.
pub(crate) struct Explain<W> {
    out: W,
    form: Form,
    zone: Zone,
    /// The address as it is printed.
    name: String,
    names: LogNames,
    several: bool,
    stories: BTreeMap<Arc<str>, Story>,
}

/// What is known of the address in one jail.
#[derive(Default)]
struct Story {
    id: Option<FailureId>,
    /// When its failures were. Too many are not kept.
    times: Vec<Timestamp>,
    complete: bool,
    failures: u64,
    ignored: u64,
    reason: Option<String>,
    bans: u64,
    expired: u64,
    count: u64,
    highest: u64,
    /// Lines that name it and are no failures of it, by why they are none.
    mentions: BTreeMap<&'static str, u64>,
    places: Option<Places>,
}

/// How many failures are kept to be replayed with other settings.
const MAX_TIMES: usize = 100_000;

impl<W: Write> Explain<W> {
    pub(crate) fn new(out: W, form: Form, zone: Zone, name: &str) -> Explain<W> {
        Explain {
            out,
            form,
            zone,
            name: name.to_owned(),
            names: LogNames::default(),
            several: false,
            stories: BTreeMap::new(),
        }
    }

    fn write_object(&mut self, object: &Object) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object)?;
        self.out.write_all(b"\n")
    }

    /// What happened, and the lines it says something about.
    fn text_event(
        &mut self,
        console: Console,
        lane: &Lane,
        happening: &Happening<'_>,
        said: &Said,
    ) -> io::Result<()> {
        let at = local_time(happening.at, &self.zone);
        let jail = match self.several {
            true => format!("  {}", lane.name),
            false => String::new(),
        };
        let place = said
            .place
            .map_or_else(String::new, |place| self.names.show(place));
        let palette = console.palette;
        let place = palette.place(Visible::new(&place, console.escape).to_string());
        let heading = format!("{at}{jail}  {place}");
        writeln!(self.out, "{}", heading.trim_end())?;
        for line in &said.lines {
            let line = Visible::new(line, console.escape);
            writeln!(self.out, "    {line}")?;
        }
        for remark in &said.remarks {
            let remark = Visible::new(remark, console.escape).to_string();
            let remark = match said.weight {
                Weight::Ban => palette.warning(remark),
                Weight::Good => palette.good(remark),
                Weight::Plain => palette.heading(remark),
                Weight::Little => palette.dim(remark),
            };
            writeln!(self.out, "  {remark}")?;
        }
        write_would_run(&mut self.out, console, happening.would_run)
    }

    fn object_event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()> {
        let rule = |rule: usize| {
            let origin = lane.failregex(rule).and_then(Rule::origin);
            origin.map(|origin| origin.to_string())
        };
        let text = |failure: &Failure| failure.matches.join("\n");
        let line = |tag| self.names.show(Place::of_tag(tag));
        let object = match &happening.event {
            Event::Counted {
                retries,
                max_retry,
                failure,
                ..
            } => json!({
                "type": "counted",
                "jail": &*lane.name,
                "at": time(happening.at),
                "id": failure.id.to_string(),
                "count": retries,
                "maxretry": max_retry,
                "missing": max_retry.saturating_sub(*retries),
                "rule": failure.rule,
                "origin": rule(failure.rule),
                "line": line(failure.tag),
                "text": text(failure),
            }),
            Event::Mention(mention) => json!({
                "type": "mention",
                "jail": &*lane.name,
                "at": time(happening.at),
                "why": why_word(&mention.why),
                "rule": match &mention.why {
                    Why::Ignored(rule) | Why::Other { rule, .. } => Some(rule),
                    _ => None,
                },
                "of": match &mention.why {
                    Why::Other { id, .. } => Some(id),
                    _ => None,
                },
                "line": self.names.show(mention.place),
                "text": mention.text,
            }),
            Event::Ban { failure, .. }
            | Event::AlreadyBanned { failure, .. }
            | Event::Expired { failure, .. }
            | Event::Ignored { failure, .. } => {
                let mut object = event_object(lane, happening, &self.names).unwrap_or_default();
                if let Some(object) = object.as_object_mut() {
                    object.insert("rule".to_owned(), failure.rule.into());
                    object.insert("origin".to_owned(), rule(failure.rule).into());
                    object.insert("line".to_owned(), line(failure.tag).into());
                    object.insert("text".to_owned(), text(failure).into());
                }
                object
            }
            Event::Unban { .. } => event_object(lane, happening, &self.names).unwrap_or_default(),
        };
        self.write_object(&object)
    }
}

/// How much something means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Ban,
    Good,
    Plain,
    Little,
}

/// An event in words.
struct Said {
    place: Option<Place>,
    /// The lines of the log.
    lines: Vec<String>,
    remarks: Vec<String>,
    weight: Weight,
}

impl Story {
    fn of(lane: &Lane) -> Story {
        let sources: Vec<Source> =
            [lane.setup.config.sources(), lane.setup.filter.sources()].concat();
        Story {
            complete: true,
            places: Some(Places::among(&sources)),
            ..Story::default()
        }
    }

    /// The place of a rule.
    fn rule(&self, rule: Option<&Rule>) -> String {
        let Some(rule) = rule else {
            return String::new();
        };
        let name = format!("{}[{}]", rule.kind(), rule.index());
        match (rule.origin(), &self.places) {
            (Some(origin), Some(places)) => format!("{name} at {}", shown(places, origin.span())),
            _ => name,
        }
    }

    fn failure(&mut self, lane: &Lane, failure: &Failure) -> Said {
        self.failures += 1;
        self.id = Some(failure.id.clone());
        if self.times.len() < MAX_TIMES {
            self.times.extend(failure.time);
        } else {
            self.complete = false;
        }
        Said {
            place: Some(Place::of_tag(failure.tag)),
            lines: failure.matches.iter().map(ToString::to_string).collect(),
            remarks: vec![format!(
                "a failure by {}",
                self.rule(lane.failregex(failure.rule))
            )],
            weight: Weight::Plain,
        }
    }

    /// Takes note of an event and puts it into words.
    fn take(&mut self, lane: &Lane, happening: &Happening<'_>, zone: &Zone) -> Said {
        let show = |at| local_time(at, zone);
        let jail = &lane.setup.jail;
        let max_retry = jail.max_retry();
        match &happening.event {
            Event::Counted {
                retries,
                since,
                failures,
                failure,
                ..
            } => {
                let mut said = self.failure(lane, failure);
                let before = std::mem::replace(&mut self.count, *retries);
                self.highest = self.highest.max(*retries);
                if before > 0 && *failures == 1 {
                    said.remarks.push(format!(
                        "the count of {before} before is forgotten: findtime is {}",
                        length(jail.find_time())
                    ));
                } else if *retries <= before {
                    said.remarks.push(format!(
                        "of the count of {before} before, {} is left: findtime is {}",
                        retries.saturating_sub(1),
                        length(jail.find_time())
                    ));
                } else if *retries > before + 1 {
                    said.remarks.push(format!(
                        "it counts for {}, as there have been bans before",
                        retries - before
                    ));
                }
                let missing = max_retry.saturating_sub(*retries);
                let failures = counted(missing, "more failure");
                said.remarks.push(format!(
                    "count {retries} of {max_retry} since {}: {failures} needed",
                    show(*since)
                ));
                said
            }
            Event::Ban { ban, failure } => {
                let mut said = self.failure(lane, failure);
                self.bans += 1;
                self.count = 0;
                let until = match (ban.ban_time(), ban.until()) {
                    (BanTime::Seconds(seconds), Some(until)) => {
                        format!("for {}, until {}", length(seconds), show(until))
                    }
                    _ => "for ever".to_owned(),
                };
                let number = match ban.count() {
                    0 | 1 => String::new(),
                    count => format!("; it is ban number {count}"),
                };
                said.remarks.push(format!(
                    "count {max_retry} of {max_retry}: banned {until}{number}"
                ));
                said.weight = Weight::Ban;
                said
            }
            Event::AlreadyBanned { already, failure } => {
                let mut said = self.failure(lane, failure);
                self.count = 0;
                let until = already.until.map_or_else(
                    || "for ever".to_owned(),
                    |until| format!("until {}", show(until)),
                );
                let longer = if already.prolonged { "longer, " } else { "" };
                said.remarks.push(format!(
                    "count {max_retry} of {max_retry}: it is banned already, {longer}{until}"
                ));
                said.weight = Weight::Ban;
                said
            }
            Event::Expired { failure, .. } => {
                let mut said = self.failure(lane, failure);
                self.count = 0;
                self.expired += 1;
                said.remarks.push(format!(
                    "count {max_retry} of {max_retry}: a ban would be over by now"
                ));
                said
            }
            Event::Ignored { reason, failure } => {
                let mut said = self.failure(lane, failure);
                self.ignored += 1;
                let reason = with_place(lane, reason, self.places.as_ref());
                said.remarks.push(format!("not counted: {reason}"));
                self.reason = Some(reason);
                said.weight = Weight::Good;
                said
            }
            Event::Unban { .. } => Said {
                place: None,
                lines: Vec::new(),
                remarks: vec!["unbanned".to_owned()],
                weight: Weight::Good,
            },
            Event::Mention(mention) => self.mention(lane, mention),
        }
    }

    fn mention(&mut self, lane: &Lane, mention: &Mention) -> Said {
        let (kind, remark) = match &mention.why {
            Why::Missed => ("no failregex matches", "no failregex matches".to_owned()),
            Why::Ignored(rule) => {
                let rule = self.rule(lane.ignoreregex(*rule));
                ("an ignoreregex leaves out", format!("left out by {rule}"))
            }
            Why::NoFail => (
                "F-NOFAIL excepts",
                "says itself that it is no failure (F-NOFAIL)".to_owned(),
            ),
            Why::Pending => (
                "no address is known yet for",
                "a failure in a connection whose address is not known yet".to_owned(),
            ),
            Why::Other { rule, id } => {
                let rule = self.rule(lane.failregex(*rule));
                let remark = format!("a failure of `{id}` by {rule}");
                ("somebody else is counted for", remark)
            }
            Why::Undecided(message) => ("fail2ban gives up on", message.clone()),
        };
        *self.mentions.entry(kind).or_default() += 1;
        Said {
            place: Some(mention.place),
            lines: vec![mention.text.clone()],
            remarks: vec![remark],
            weight: Weight::Little,
        }
    }

    /// Why there was no ban. `None` if there was one.
    fn reason(&self, lane: &Lane) -> Option<String> {
        if self.bans > 0 {
            return None;
        }
        let mentioned: u64 = self.mentions.values().sum();
        Some(if self.failures == 0 && mentioned == 0 {
            "no line of the logs names it".to_owned()
        } else if self.failures == 0 {
            let lines = match mentioned {
                1 => "the only line that names it is no failure of it".to_owned(),
                lines => format!("none of the {lines} lines that name it is a failure of it"),
            };
            let kinds: Vec<String> = self
                .mentions
                .iter()
                .map(|(kind, &count)| match (mentioned, count) {
                    (1, _) => format!("{kind} it"),
                    (lines, count) if count == lines => format!("{kind} them"),
                    (_, count) => format!("{kind} {count} of them"),
                })
                .collect();
            format!("{lines}: {}", kinds.join(", "))
        } else if self.ignored == self.failures {
            let reason = self.reason.as_deref().unwrap_or("it is ignored");
            format!("it is never banned: {reason}")
        } else if self.expired > 0 {
            "its bans would have been over when they were decided".to_owned()
        } else {
            let jail = &lane.setup.jail;
            let failures = self.failures - self.ignored;
            let max_retry = jail.max_retry();
            if failures < max_retry {
                format!(
                    "it has {}, and it takes {max_retry}",
                    counted(failures, "failure")
                )
            } else {
                format!(
                    "its count never went beyond {} of {max_retry}: its {} are not close enough \
                     together for a findtime of {}",
                    self.highest,
                    counted(failures, "failure"),
                    length(jail.find_time()),
                )
            }
        })
    }

    fn advice(&self, lane: &Lane) -> Option<Advice> {
        let id = self.id.as_ref()?;
        let counts = self.bans == 0 && self.ignored == 0 && self.expired == 0 && self.complete;
        counts.then(|| Advice::of(&lane.setup.jail, id, &self.times))
    }
}

/// The entry of `ignoreip` with the place where it is written.
fn with_place(lane: &Lane, reason: &str, places: Option<&Places>) -> String {
    let Some(entry) = reason.strip_prefix("ignoreip ") else {
        return reason.to_owned();
    };
    let words = lane.setup.config.ignoreip().unwrap_or_default();
    let written = words.iter().find(|word| {
        Exemption::parse(word.as_str(), &OsFiles).is_ok_and(|parsed| parsed.to_string() == entry)
    });
    let origin = written.and_then(|word| word.origin(0..word.len()));
    match (origin, places) {
        (Some(origin), Some(places)) => format!("{reason} at {}", shown(places, origin.span())),
        _ => reason.to_owned(),
    }
}

fn why_word(why: &Why) -> &'static str {
    match why {
        Why::Missed => "missed",
        Why::Ignored(_) => "ignored",
        Why::NoFail => "nofail",
        Why::Pending => "pending",
        Why::Other { .. } => "other",
        Why::Undecided(_) => "undecided",
    }
}

impl<W: Write> Report for Explain<W> {
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.names = match self.form {
            Form::Text(_) => begin.names.short(),
            Form::Json => begin.names.clone(),
        };
        self.several = begin.lanes.len() > 1;
        for lane in begin.lanes {
            self.stories.insert(Arc::clone(&lane.name), Story::of(lane));
            if let Form::Text(console) = self.form {
                let name = format!("{} in jail {}", self.name, lane.name);
                let name = Visible::new(&name, console.escape).to_string();
                let heading = console.palette.heading(name);
                writeln!(self.out, "{heading}: {}", settings(lane))?;
            }
        }
        if matches!(self.form, Form::Text(_)) {
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()> {
        // What concerns others is left out; mentions are of no id.
        if happening.id.is_some_and(|id| id.to_string() != self.name) {
            return Ok(());
        }
        let Some(mut story) = self.stories.remove(&lane.name) else {
            return Ok(());
        };
        let said = story.take(lane, happening, &self.zone);
        self.stories.insert(Arc::clone(&lane.name), story);
        match self.form {
            Form::Text(console) => self.text_event(console, lane, happening, &said),
            Form::Json => self.object_event(lane, happening),
        }
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        if matches!(self.form, Form::Text(_)) && self.stories.values().any(Story::is_told) {
            writeln!(self.out)?;
        }
        for lane in end.lanes {
            let Some(story) = self.stories.remove(&lane.name) else {
                continue;
            };
            match self.form {
                Form::Text(console) => self.text_end(console, lane, &story, end)?,
                Form::Json => self.object_end(lane, &story)?,
            }
        }
        if matches!(self.form, Form::Json) {
            let lanes: Vec<&Lane> = end.lanes.iter().collect();
            self.write_object(&summary_object(end, &lanes))?;
        }
        self.out.flush()
    }
}

impl Story {
    fn is_told(&self) -> bool {
        self.failures > 0 || !self.mentions.is_empty()
    }
}

impl<W: Write> Explain<W> {
    fn object_end(&mut self, lane: &Lane, story: &Story) -> io::Result<()> {
        let advice = story.advice(lane);
        let would_ban = advice.map(|advice| {
            json!({
                "maxretry": advice.max_retry.map(|(failures, _)| failures),
                "findtime": advice.find_time.map(|(seconds, _)| seconds),
            })
        });
        self.write_object(&json!({
            "type": "explanation",
            "jail": &*lane.name,
            "id": self.name,
            "failures": story.failures,
            "ignored": story.ignored,
            "highest": story.highest,
            "maxretry": lane.setup.jail.max_retry(),
            "bans": story.bans,
            "reason": story.reason(lane),
            "would_ban": would_ban,
        }))
    }

    fn text_end(
        &mut self,
        console: Console,
        lane: &Lane,
        story: &Story,
        end: &End<'_>,
    ) -> io::Result<()> {
        let palette = console.palette;
        let jail = match self.several {
            true => format!("{}: ", lane.name),
            false => String::new(),
        };
        let Some(reason) = story.reason(lane) else {
            let account = story.id.as_ref().and_then(|id| lane.accounts.get(id));
            let times = match story.bans {
                1 => "once".to_owned(),
                bans => format!("{bans} times"),
            };
            let state = match account {
                Some(account) if account.fate().for_ever => {
                    ", and still is at the end, for ever".to_owned()
                }
                Some(account) if super::is_banned(account, end.to) => {
                    let until = account.fate().until;
                    until.map_or_else(String::new, |until| {
                        let until = local_time(until, &self.zone);
                        format!(", and still is at the end, until {until}")
                    })
                }
                _ => String::new(),
            };
            let verdict = format!("{jail}It was banned {times}{state}.");
            return writeln!(self.out, "{}", palette.warning(verdict));
        };
        let verdict = format!("{jail}It was not banned, because {reason}.");
        let verdict = Visible::new(&verdict, console.escape).to_string();
        writeln!(self.out, "{}", palette.heading(verdict))?;
        if let Some(advice) = self.advice(lane, story) {
            writeln!(self.out, "{advice}")?;
        }
        Ok(())
    }

    /// What would have led to a ban, in words.
    fn advice(&self, lane: &Lane, story: &Story) -> Option<String> {
        let show = |at| local_time(at, &self.zone);
        if story.failures > 0 && story.ignored == story.failures && story.complete {
            let id = story.id.as_ref()?;
            let at = ban_without_exemptions(&lane.setup.jail, id, &story.times);
            return Some(match at {
                Some(at) => format!("Without that, it would have been banned at {}.", show(at)),
                None => "Without that, it would not have been banned either.".to_owned(),
            });
        }
        let advice = story.advice(lane)?;
        let parts: Vec<String> = [
            advice
                .max_retry
                .map(|(failures, at)| format!("maxretry = {failures} (at {})", show(at))),
            advice.find_time.map(|(seconds, at)| {
                let length = length(seconds as f64);
                format!("findtime = {seconds} ({length}, at {})", show(at))
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        Some(match (parts.is_empty(), advice.find_time) {
            (true, _) => "No other maxretry or findtime would have banned it.".to_owned(),
            (false, None) => format!(
                "It would have been banned with {}; no findtime is long enough.",
                parts.join(" or ")
            ),
            (false, Some(_)) => format!("It would have been banned with {}.", parts.join(" or ")),
        })
    }
}
