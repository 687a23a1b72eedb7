//! Comma-separated values: one row for each event, or for each address.

use std::io::{self, Write};

use kerio_ban_core::Timestamp;

use super::json::{event_object, seconds};
use super::{is_banned, rows};
use crate::commands::simulate::{Begin, End, Happening, Lane, LogNames, Report};

/// Writes values with a header, lines ended by CR LF, quoted where they must be.
pub(crate) struct Csv<W> {
    out: W,
    names: LogNames,
    summary: bool,
}

/// The columns of events. They are what the JSON objects hold.
const EVENTS: [&str; 13] = [
    "type",
    "jail",
    "at",
    "id",
    "start",
    "bantime",
    "end",
    "failures",
    "bancount",
    "prolonged",
    "rules",
    "lines",
    "reason",
];
const ADDRESSES: [&str; 9] = [
    "jail", "id", "failures", "ignored", "reason", "highest", "bans", "banned", "end",
];

impl<W: Write> Csv<W> {
    pub(crate) fn new(out: W, summary: bool) -> Csv<W> {
        Csv {
            out,
            names: LogNames::default(),
            summary,
        }
    }

    fn row(&mut self, values: impl IntoIterator<Item = String>) -> io::Result<()> {
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        write!(self.out, "{}\r\n", values.join(","))
    }
}

impl<W: Write> Report for Csv<W> {
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        self.names = begin.names.clone();
        let columns: &[&str] = if self.summary { &ADDRESSES } else { &EVENTS };
        self.row(columns.iter().map(ToString::to_string))
    }

    fn event(&mut self, lane: &Lane, happening: &Happening<'_>) -> io::Result<()> {
        if self.summary {
            return Ok(());
        }
        let Some(object) = event_object(lane, happening, &self.names) else {
            return Ok(());
        };
        let value = |column: &&str| match &object[*column] {
            // An event of one line says which.
            serde_json::Value::Null if *column == "lines" => plain(&object["line"]),
            value => plain(value),
        };
        self.row(EVENTS.iter().map(value))
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        if self.summary {
            for row in rows(end.lanes) {
                let account = row.account;
                let until = match account.fate().for_ever {
                    true => "-1".to_owned(),
                    false => account.fate().until.map_or_else(String::new, number),
                };
                let reason = account.fate().reason.as_deref().unwrap_or_default();
                self.row([
                    row.lane.name.to_string(),
                    row.name().to_owned(),
                    account.failures.to_string(),
                    account.fate().ignored.to_string(),
                    reason.to_owned(),
                    account.highest.to_string(),
                    account.fate().bans.to_string(),
                    is_banned(account, end.to).to_string(),
                    until,
                ])?;
            }
        }
        self.out.flush()
    }
}

fn number(at: Timestamp) -> String {
    seconds(at.seconds()).to_string()
}

/// A JSON value as a cell; a list is separated by blanks.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(values) => {
            let values: Vec<String> = values.iter().map(plain).collect();
            values.join(" ")
        }
        other => other.to_string(),
    }
}

/// In quotation marks if it has any of the characters that mean something.
fn quoted(value: String) -> String {
    if value.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let quoted = |text: &str| quoted(text.to_owned());
        assert_eq!(quoted("192.0.2.1"), "192.0.2.1");
        assert_eq!(quoted("('a', 'b')"), "\"('a', 'b')\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted("a\nb"), "\"a\nb\"");
    }
}
