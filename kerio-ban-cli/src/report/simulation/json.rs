//! One JSON object a line, for scripts.

use std::io::{self, Write};

use kerio_ban_core::Timestamp;
use serde_json::{Map, Value as Object, json};

use super::{is_banned, rows};
use crate::commands::simulate::{
    Begin, End, Event, Happening, Lane, LogNames, Place, Report, WouldRun,
};
use crate::report::json::time;

/// Writes JSON Lines.
pub(crate) struct Json<W> {
    out: W,
    names: LogNames,
    /// Addresses instead of events.
    summary: bool,
}

impl<W: Write> Json<W> {
    pub(crate) fn new(out: W, summary: bool) -> Json<W> {
        Json {
            out,
            names: LogNames::default(),
            summary,
        }
    }

    fn write(&mut self, object: &Object) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Report for Json<W> {
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.names = begin.names.clone();
        Ok(())
    }

    fn event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()> {
        if self.summary {
            return Ok(());
        }
        if let Some(object) = event_object(lane, happening, &self.names) {
            self.write(&object)?;
        }
        for object in action_objects(lane, happening) {
            self.write(&object)?;
        }
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        if self.summary {
            for row in rows(end.lanes) {
                let account = row.account;
                self.write(&json!({
                    "type": "address",
                    "jail": &*row.lane.name,
                    "id": row.name(),
                    "failures": account.failures,
                    "ignored": account.fate().ignored,
                    "reason": account.fate().reason.as_deref(),
                    "highest": account.highest,
                    "maxretry": row.lane.setup.jail.max_retry(),
                    "bans": account.fate().bans,
                    "banned": is_banned(account, end.to),
                    "end": last_end(account.fate().until, account.fate().for_ever),
                }))?;
            }
        }
        let lanes: Vec<&Lane> = end.lanes.iter().collect();
        self.write(&summary_object(end, &lanes))?;
        self.out.flush()
    }
}

/// An end as it is written: -1 is never, `null` that there is none.
fn last_end(until: Option<Timestamp>, for_ever: bool) -> Object {
    if for_ever {
        return json!(-1);
    }
    until.map_or(Object::Null, time)
}

/// When a ban ends: -1 for never.
fn end_of(until: Option<Timestamp>) -> Object {
    until.map_or_else(|| json!(-1), time)
}

/// A number of seconds, without a fraction if there is none.
pub(super) fn seconds(seconds: f64) -> Object {
    Timestamp::from_seconds(seconds).map_or(Object::Null, time)
}

pub(super) fn event_object(
    lane: &Lane,
    happening: &Happening<'_>,
    names: &LogNames,
) -> Option<Object> {
    let mut object = Map::new();
    let kind = match &happening.event {
        Event::Ban { .. } => "ban",
        Event::Unban { .. } => "unban",
        Event::AlreadyBanned { .. } => "already-banned",
        Event::Expired { .. } => "expired",
        Event::Ignored { .. } => "ignored",
        Event::Counted { .. } | Event::Mention(_) => return None,
    };
    let mut insert = |key: &str, value: Object| object.insert(key.to_owned(), value);
    insert("type", kind.into());
    insert("jail", (*lane.name).into());
    insert("at", time(happening.at));
    insert("id", happening.id?.to_string().into());
    let line = |tag| names.show(Place::of_tag(tag));
    match &happening.event {
        Event::Ban { ban, .. } => {
            insert("start", time(ban.start()));
            insert("bantime", seconds(ban.ban_time().seconds()));
            insert("end", end_of(ban.until()));
            insert("failures", ban.failures().into());
            insert("bancount", ban.count().into());
            insert("rules", ban.rules().to_vec().into());
            let lines: Object = ban.tags().iter().map(|&tag| line(tag)).collect();
            insert("lines", lines);
            if ban.ip() != ban.id() {
                insert("ip", ban.ip().to_string().into());
            }
        }
        Event::Unban { end } => {
            insert("end", time(*end));
        }
        Event::AlreadyBanned { already, failure } => {
            insert("prolonged", already.prolonged.into());
            insert("end", end_of(already.until));
            insert("line", line(failure.tag).into());
        }
        Event::Expired { start, failure } => {
            insert("start", time(*start));
            insert("line", line(failure.tag).into());
        }
        Event::Ignored { reason, failure } => {
            insert("reason", (*reason).into());
            insert("line", line(failure.tag).into());
        }
        Event::Counted { .. } | Event::Mention(_) => {}
    }
    Some(Object::Object(object))
}

/// What would be run, and was not.
fn action_objects(lane: &Lane, happening: &Happening<'_>) -> Vec<Object> {
    let object = |would_run: &WouldRun| {
        let mut object = json!({
            "type": "action",
            "jail": &*lane.name,
            "at": time(happening.at),
            "id": happening.id.map(ToString::to_string),
            "executed": false,
        });
        let more = match would_run {
            WouldRun::Command { action, command } => json!({
                "action": action,
                "command": command.option(),
                "script": command.script(),
                "arguments": command.arguments(),
            }),
            WouldRun::Program { path } => json!({ "action": path, "program": path }),
            WouldRun::Nothing { action, error } => json!({ "action": action, "error": error }),
        };
        if let (Some(object), Object::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
    };
    happening.would_run.iter().map(object).collect()
}

/// What came of these jails together, and of each of them.
pub(super) fn summary_object(end: &End<'_>, lanes: &[&Lane]) -> Object {
    let jails: Vec<Object> = lanes.iter().map(|lane| jail_object(lane)).collect();
    let sum = |count: &dyn Fn(&Lane) -> u64| lanes.iter().map(|lane| count(lane)).sum::<u64>();
    json!({
        "type": "summary",
        "lines": end.lines,
        "failures": sum(&|lane| lane.totals.failures),
        "bans": sum(&|lane| lane.totals.bans),
        "unbans": sum(&|lane| lane.totals.unbans),
        "already_banned": sum(&|lane| lane.totals.already_banned),
        "expired": sum(&|lane| lane.totals.expired),
        "ignored": sum(&|lane| lane.totals.ignored),
        "addresses": sum(&|lane| lane.accounts.len() as u64),
        "banned": sum(&|lane| lane.tracker.totals().banned),
        "from": end.from.map(time),
        "to": end.to.map(time),
        "jails": jails,
        "elapsed": end.elapsed.as_secs_f64(),
    })
}

fn jail_object(lane: &Lane) -> Object {
    let totals = &lane.totals;
    let jail = &lane.setup.jail;
    json!({
        "jail": &*lane.name,
        "maxretry": jail.max_retry(),
        "findtime": seconds(jail.find_time()),
        "bantime": seconds(jail.ban_time().seconds()),
        "failures": totals.failures,
        "bans": totals.bans,
        "unbans": totals.unbans,
        "already_banned": totals.already_banned,
        "expired": totals.expired,
        "ignored": totals.ignored,
        "addresses": lane.accounts.len(),
        "banned": lane.tracker.totals().banned,
    })
}
