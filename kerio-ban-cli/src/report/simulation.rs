//! Writes down what happens while jails are replayed.

mod brief;
mod compare;
mod csv;
mod explain;
mod firewall;
mod json;
mod text;

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
    /// The id as text, which decides the order among equals.
    name: String,
    account: &'a Account,
}

/// The addresses of all jails, those of most interest first: the most often
/// banned, then those with the most failures.
fn rows(lanes: &[Lane]) -> Vec<Row<'_>> {
    let rows = lanes.iter().flat_map(|lane| {
        lane.accounts.iter().map(move |(id, account)| Row {
            lane,
            id,
            name: id.to_string(),
            account,
        })
    });
    let mut rows: Vec<Row<'_>> = rows.collect();
    rows.sort_by(|a, b| {
        let weight = |row: &Row<'_>| (row.account.bans, row.account.failures);
        weight(b)
            .cmp(&weight(a))
            .then_with(|| a.id.ip().cmp(&b.id.ip()))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.lane.name.cmp(&b.lane.name))
    });
    rows
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
    account.for_ever || at.is_some_and(|at| account.until.is_some_and(|until| until >= at))
}
