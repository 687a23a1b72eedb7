//! One JSON object a line, for scripts.

use std::io::{self, Write};

use kerio_ban_core::{Hit, Mark, Outcome, Rule, Timestamp, Value};
use serde_json::{Map, Value as Object, json};

use super::{
    Begin, Event, Events, JudgedLine, LineTrouble, Part, PartialReport, Report, Tally, Verdict,
};
use crate::failure::Failure;

/// The version of the form. It only ever grows.
const VERSION: u32 = 1;

/// Writes JSON Lines.
pub(crate) struct Json<W> {
    out: W,
    missed: bool,
    ignored: bool,
}

impl<W: Write> Json<W> {
    /// `missed` and `ignored` say whether such lines are written.
    pub(crate) fn new(out: W, missed: bool, ignored: bool) -> Json<W> {
        Json {
            out,
            missed,
            ignored,
        }
    }

    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        let rules: Vec<Object> = begin.filter.rules().map(rule_object).collect();
        self.write(&json!({
            "type": "filter",
            "version": VERSION,
            "name": begin.name,
            "rules": rules,
        }))
    }

    fn line(&mut self, line: &JudgedLine<'_>) -> io::Result<()> {
        let wanted = match line.verdict {
            Verdict::Matched => true,
            Verdict::Ignored => self.ignored,
            Verdict::Missed => self.missed,
        };
        if !wanted {
            return Ok(());
        }
        self.write(&json!({
            "type": "line",
            "log": line.log,
            "line": line.number,
            "text": String::from_utf8_lossy(line.text),
            "outcome": outcome(line),
            "ignored_by": line.ignored_by.first(),
            "failures": findings(line.outcome),
        }))
    }

    fn trouble(&mut self, trouble: &LineTrouble<'_>) -> io::Result<()> {
        self.write(&json!({
            "type": "error",
            "log": trouble.log,
            "line": trouble.number,
            "kind": trouble.rule.map(|(kind, _)| kind.as_str()),
            "rule": trouble.rule.map(|(_, index)| index),
            "message": trouble.message,
        }))
    }

    fn end(&mut self, tally: &Tally) -> io::Result<()> {
        self.write(&json!({
            "type": "summary",
            "lines": tally.lines,
            "matched": tally.matched,
            "ignored": tally.ignored,
            "missed": tally.missed,
            "hits": tally.hits,
            "ignore_hits": tally.ignore_hits,
            "elapsed": tally.elapsed.as_secs_f64(),
        }))?;
        self.out.flush()
    }

    fn write(&mut self, object: &Object) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Events for Json<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Begin(begin) => self.begin(begin),
            Event::Line(line) => self.line(line),
            Event::Taken { .. } => Ok(()),
            Event::Trouble(trouble) => self.trouble(trouble),
            Event::End(tally) => self.end(tally),
        }
    }

    fn wants_missed(&self) -> bool {
        self.missed
    }
}

impl<W: Write> Report for Json<W> {
    fn part(&self) -> Box<dyn PartialReport> {
        Box::new(Json::new(Vec::new(), self.missed, self.ignored))
    }

    fn add(&mut self, part: Part) -> io::Result<()> {
        part.write(&mut self.out)
    }
}

impl PartialReport for Json<Vec<u8>> {
    fn another(&self) -> Box<dyn PartialReport> {
        self.part()
    }

    fn end(self: Box<Self>) -> Part {
        Part::Bytes(self.out)
    }
}

/// Writes why there is no result.
pub(crate) fn write_error(mut out: impl Write, failure: &Failure) -> io::Result<()> {
    let Some(object) = error_object(failure) else {
        return Ok(());
    };
    serde_json::to_writer(&mut out, &object)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Why there is no result. `None` if it could not be written anyway.
pub(crate) fn error_object(failure: &Failure) -> Option<Object> {
    let (code, message, origin, help) = match failure {
        Failure::Config(error) => (
            error.code(),
            error.message(),
            error.origin().map(ToString::to_string),
            error.help(),
        ),
        Failure::Request(request) => (
            request.code,
            request.message.clone(),
            None,
            request.help.clone(),
        ),
        Failure::Output(_) => return None,
    };
    let mut object = json!({
        "type": "error",
        "code": code,
        "message": message,
        "origin": origin,
    });
    if let (Some(object), Some(help)) = (object.as_object_mut(), help) {
        object.insert("help".to_owned(), help.into());
    }
    Some(object)
}

/// An expression with all that is known of it.
pub(crate) fn rule_object(rule: &Rule) -> Object {
    json!({
        "kind": rule.kind().as_str(),
        "index": rule.index(),
        "original": rule.original().as_str(),
        "expanded": rule.expanded(),
        "engine": rule.engine().to_string(),
        "origin": rule.origin().map(|origin| origin.to_string()),
    })
}

fn outcome(line: &JudgedLine<'_>) -> &'static str {
    match line.outcome {
        Outcome::Missed => "missed",
        Outcome::Ignored => "ignored",
        Outcome::NoFail(_) => "nofail",
        Outcome::Pending(_) => "pending",
        Outcome::Failure(_) => "failure",
    }
}

/// The failures; for a line without any, what else was found.
fn findings(outcome: &Outcome<'_>) -> Vec<Object> {
    let all = !matches!(outcome, Outcome::Failure(_));
    outcome
        .hits()
        .iter()
        .filter(|hit| all || hit.mark() == Mark::Failure)
        .map(|hit| finding(&hit))
        .collect()
}

fn finding(hit: &Hit<'_>) -> Object {
    let mut object = json!({
        "rule": hit.rule().index(),
        "id": hit.id().map(ToString::to_string),
        "time": hit.time().map(time),
        "captures": captures(hit),
        "matches": hit.matches().iter().map(|text| &**text).collect::<Vec<&str>>(),
    });
    if let (Some(object), Some(ip)) = (object.as_object_mut(), hit.ip()) {
        object.insert("ip".to_owned(), ip.to_string().into());
    }
    object
}

/// Every group that took part; the address of a failure that is counted under
/// another id is no group.
fn captures(hit: &Hit<'_>) -> Object {
    let mut out = Map::new();
    for (name, value) in hit.captures().iter() {
        let value = match value {
            Some(Value::Text(text)) => json!(**text),
            Some(Value::Tuple(parts)) => {
                parts.iter().map(|part| part.as_deref()).collect::<Object>()
            }
            Some(Value::Address(_)) | None => continue,
        };
        out.insert(name.to_owned(), value);
    }
    if let Some(users) = hit.users() {
        let users = users.iter().map(|user| &**user).collect();
        out.insert("users".to_owned(), users);
    }
    Object::Object(out)
}

/// Seconds since 1970; without a fraction if there is none.
pub(crate) fn time(at: Timestamp) -> Object {
    let seconds = at.seconds();
    let whole = seconds as i64;
    if whole as f64 == seconds {
        whole.into()
    } else {
        seconds.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_kept_exactly() {
        let number = |seconds| time(Timestamp::from_seconds(seconds).unwrap()).to_string();
        assert_eq!(number(1_124_013_600.0), "1124013600");
        assert_eq!(number(1_124_013_600.123), "1124013600.123");
        assert_eq!(number(-0.5), "-0.5");
    }
}
