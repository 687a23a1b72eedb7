//! Writes down what happens while jails are replayed.

mod brief;
mod compare;
mod csv;
mod explain;
mod firewall;
mod json;
mod text;

use std::cell::OnceCell;
use std::cmp::Ordering;

use kerio_ban_core::{FailureId, Span, Timestamp};

pub(crate) use self::brief::Brief;
pub(crate) use self::compare::{CompareJson, CompareText};
pub(crate) use self::csv::Csv;
pub(crate) use self::explain::{Explain, Form as ExplainForm};
pub(crate) use self::firewall::{Firewall, Form as FirewallForm};
pub(crate) use self::json::Json;
pub(crate) use self::text::Text;
use crate::commands::simulate::{Account, Lane};
use crate::places::Places;

/// An address in a jail.
struct Row<'a> {
    lane: &'a Lane,
    id: &'a FailureId,
    account: &'a Account,
    name: OnceCell<String>,
}

impl Row<'_> {
    /// The id as text.
    fn name(&self) -> &str {
        self.name.get_or_init(|| self.id.to_string())
    }

    /// Of most interest are the most often banned, then those with the most
    /// failures.
    fn compare(&self, other: &Row<'_>) -> Ordering {
        let weight = |row: &Row<'_>| (row.account.fate().bans, row.account.failures);
        weight(other)
            .cmp(&weight(self))
            .then_with(|| self.id.ip().cmp(&other.id.ip()))
            .then_with(|| self.name().cmp(other.name()))
            .then_with(|| self.lane.name.cmp(&other.lane.name))
    }
}

/// The addresses of all jails in no order.
fn unsorted_rows(lanes: &[Lane]) -> Vec<Row<'_>> {
    let rows = lanes.iter().flat_map(|lane| {
        lane.accounts.iter().map(move |(id, account)| Row {
            lane,
            id,
            account,
            name: OnceCell::new(),
        })
    });
    rows.collect()
}

/// The addresses of all jails, those of most interest first.
fn rows(lanes: &[Lane]) -> Vec<Row<'_>> {
    let mut rows = unsorted_rows(lanes);
    rows.sort_by(Row::compare);
    rows
}

/// The first of [`rows`], and how many these are. Where there are a great many,
/// putting all of them in order takes longer than anything else at the end.
fn first_rows(lanes: &[Lane], limit: usize) -> (Vec<Row<'_>>, usize) {
    let mut rows = unsorted_rows(lanes);
    let count = rows.len();
    if limit < count {
        rows.select_nth_unstable_by(limit, Row::compare);
        rows.truncate(limit);
    }
    rows.sort_by(Row::compare);
    (rows, count)
}

/// A place in a file; what was set on the command line is in none.
fn shown(places: &Places, place: &Span) -> String {
    if place.source().name().starts_with("<option ") {
        "the command line".to_owned()
    } else {
        places.show(place)
    }
}

/// Whether an address is banned at a moment.
fn is_banned(account: &Account, at: Option<Timestamp>) -> bool {
    account.fate().for_ever
        || at.is_some_and(|at| account.fate().until.is_some_and(|until| until >= at))
}
