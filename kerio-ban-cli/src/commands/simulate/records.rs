//! Failures that `kerio-ban test --format json` has found, here or elsewhere.
//!
//! The records of a log are taken in the order of its lines. Where the same
//! name goes on with a line before the last one, it is taken for another log: the
//! outputs of several machines may simply be appended to each other.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use kerio_ban_core::{Captures, Failure, FailureId, Filter, RuleKind, Timestamp, Value};
use serde_json::Value as Object;

use super::merge::{Entries, Entry};
use super::places::{LogNames, Place};
use crate::failure::Failure as Problem;
use crate::input::{Encoding, Log, Meter};

/// The failures of one log.
pub(crate) struct Records(VecDeque<Entry>);

impl Entries for Records {
    fn next(&mut self) -> Option<Entry> {
        self.0.pop_front()
    }
}

/// What is read from records.
pub(crate) struct Reading<'a> {
    /// The filters of the watches.
    filters: Vec<&'a Filter>,
    /// Whether captures and lines are kept, which takes memory.
    keep_texts: bool,
    now: Timestamp,
    names: LogNames,
    logs: Vec<Records>,
    /// For each log of the current output: its index here, and its last line.
    open: HashMap<String, (usize, u64)>,
    /// The watches whose filter is the one that found what follows.
    watches: Vec<usize>,
    warned: bool,
    /// How many lines with failures there were.
    pub(crate) lines: u64,
    /// How many failures have no date at all.
    pub(crate) without_date: u64,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(filters: Vec<&'a Filter>, keep_texts: bool, now: Timestamp) -> Reading<'a> {
        Reading {
            watches: Vec::new(),
            filters,
            keep_texts,
            now,
            names: LogNames::default(),
            logs: Vec::new(),
            open: HashMap::new(),
            warned: false,
            lines: 0,
            without_date: 0,
        }
    }

    /// Reads a file of records.
    pub(crate) fn file(
        &mut self,
        file: &Log,
        meter: &Meter,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), Problem> {
        let mut lines = file.open(Encoding::Utf8, meter, warn)?;
        self.open.clear();
        // With a single jail there is no question whose failures they are.
        self.watches = if self.filters.len() == 1 {
            vec![0]
        } else {
            Vec::new()
        };
        let mut number = 0;
        while let Some(line) = lines.next_line().map_err(|error| file.unreadable(&error))? {
            number += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let wrong = |message: String| {
                let place = format!("{}:{number}", file.name());
                Problem::request("bad-record", format!("{place}: {message}"))
                    .help("records are the output of `kerio-ban test --format json`")
            };
            let record: Object = serde_json::from_slice(line)
                .map_err(|error| wrong(format!("expected a JSON object: {error}")))?;
            match record["type"].as_str() {
                Some("filter") => self.filter(&record, warn).map_err(wrong)?,
                Some("line") => self.line(&record).map_err(wrong)?,
                Some("summary") => self.open.clear(),
                // What else such an output holds decides nothing.
                Some(_) => {}
                None => return Err(wrong("expected an object with a `type`".to_owned())),
            }
        }
        Ok(())
    }

    /// The logs, and their names.
    pub(crate) fn finish(self) -> (Vec<Records>, LogNames) {
        (self.logs, self.names)
    }

    /// Decides which jails the failures belong to: those whose filter has the
    /// same expressions.
    fn filter(&mut self, record: &Object, warn: &mut dyn FnMut(String)) -> Result<(), String> {
        self.open.clear();
        let rules = record["rules"].as_array().ok_or("expected `rules`")?;
        let expressions: Vec<&str> = rules
            .iter()
            .filter(|rule| rule["kind"] == RuleKind::Failregex.as_str())
            .filter_map(|rule| rule["expanded"].as_str())
            .collect();
        let same = |filter: &&Filter| {
            let own = filter
                .failregex()
                .iter()
                .map(kerio_ban_core::Rule::expanded);
            own.eq(expressions.iter().copied())
        };
        let watches = self.filters.iter().enumerate();
        let found = watches
            .filter(|(_, filter)| same(filter))
            .map(|(index, _)| index);
        self.watches = found.collect();
        if self.watches.is_empty() {
            let name = record["name"].as_str().unwrap_or("?");
            if self.filters.len() > 1 {
                return Err(format!(
                    "the failures of filter `{name}` belong to none of the jails: \
                     no jail has the same expressions"
                ));
            }
            self.watches = vec![0];
            if !std::mem::replace(&mut self.warned, true) {
                warn(format!(
                    "the failures of filter `{name}` were found with other expressions than \
                     those of the jail"
                ));
            }
        }
        Ok(())
    }

    fn line(&mut self, record: &Object) -> Result<(), String> {
        let found = counted(record);
        let Some(first) = found.first() else {
            return Ok(());
        };
        if self.watches.is_empty() {
            return Err(
                "expected a record of type `filter` before, as there are several \
                        jails"
                    .to_owned(),
            );
        }
        self.lines += 1;
        let log = record["log"].as_str().ok_or("expected `log`")?;
        let number = record["line"].as_u64().ok_or("expected `line`")?;
        let place = Place::new(self.log(log, number), number);
        // A server stops at the first expression that matches.
        let rule = &first["rule"];
        for finding in found.iter().filter(|finding| finding["rule"] == *rule) {
            let failure = self.failure(finding)?.with_tag(place.tag());
            for position in 0..self.watches.len() {
                self.push(place, self.watches[position], failure.clone());
            }
        }
        Ok(())
    }

    fn push(&mut self, place: Place, watch: usize, mut failure: Failure) {
        let entries = &mut self.logs[place.log()].0;
        // A line without a date has that of the one before.
        let time = failure
            .time
            .or_else(|| entries.back().map(|entry| entry.time));
        if time.is_none() {
            self.without_date += 1;
        }
        let time = time.unwrap_or(self.now);
        failure.time = Some(time);
        entries.push_back(Entry {
            time,
            dated: true,
            watch,
            what: failure.into(),
        });
    }

    /// The index of a log that goes on with a line.
    fn log(&mut self, name: &str, line: u64) -> usize {
        if let Some((index, last)) = self.open.get_mut(name)
            && *last < line
        {
            *last = line;
            return *index;
        }
        let index = self.names.add(name);
        self.logs.push(Records(VecDeque::new()));
        self.open.insert(name.to_owned(), (index, line));
        index
    }

    fn failure(&self, finding: &Object) -> Result<Failure, String> {
        let text = finding["id"].as_str().ok_or("expected `id`")?;
        let id = FailureId::parse(text)
            .ok_or_else(|| format!("expected an id, found a mask with holes: `{text}`"))?;
        let rule = finding["rule"].as_u64().ok_or("expected `rule`")?;
        let mut failure = Failure::new(id);
        failure.rule = usize::try_from(rule).map_err(|_| "expected `rule`")?;
        failure.time = match &finding["time"] {
            Object::Null => None,
            time => {
                let time = match time.as_i64() {
                    Some(whole) => Some(Timestamp::from_whole_seconds(whole)),
                    None => time.as_f64().and_then(Timestamp::from_seconds),
                };
                Some(time.ok_or("expected `time` to be a number")?)
            }
        };
        let ip = finding["ip"].as_str().and_then(FailureId::parse);
        let ip = ip.map(|ip| ("ip".to_owned(), Value::Address(ip)));
        if self.keep_texts {
            let matches = finding["matches"].as_array().into_iter().flatten();
            let matches = matches.filter_map(|line| Some(line.as_str()?.into()));
            failure.matches = matches.collect();
            let captures = finding["captures"].as_object().into_iter().flatten();
            failure.captures = captures
                .filter_map(|(name, value)| Some((name.clone(), captured(value)?)))
                .chain(ip)
                .collect();
        } else {
            failure.captures = ip.into_iter().collect::<Captures>();
        }
        Ok(failure)
    }
}

/// The findings of a line that a server would count: its failures. What
/// fail2ban-regex takes for no failure, for a group `F-NOFAIL`, is one to the
/// server unless it is part of a connection.
fn counted(record: &Object) -> Vec<&Object> {
    let outcome = record["outcome"].as_str();
    let findings = record["failures"].as_array().into_iter().flatten();
    let counts = |finding: &&Object| match outcome {
        Some("failure") => true,
        Some("nofail") => finding["captures"]["mlfid"].is_null() && !finding["id"].is_null(),
        _ => false,
    };
    findings.filter(counts).collect()
}

fn captured(value: &Object) -> Option<Value> {
    match value {
        Object::String(text) => Some(Value::Text(text.as_str().into())),
        Object::Array(parts) => {
            let parts = parts.iter().map(|part| part.as_str().map(Arc::from));
            Some(Value::Tuple(parts.collect()))
        }
        _ => None,
    }
}
