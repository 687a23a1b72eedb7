//! Two settings side by side: who is banned under one of them alone.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use kerio_ban_core::Zone;
use serde_json::json;

use super::json::summary_object;
use super::text::settings;
use crate::clock::local_time;
use crate::commands::simulate::{Account, Begin, End, Happening, Lane, Report, Variant};
use crate::console::Console;
use crate::report::json::time;
use crate::words::{Visible, counted};

/// How many addresses a list shows where not all were asked for.
const LIMIT: usize = 20;

/// An address that is banned under one of the settings.
struct Difference<'a> {
    jail: Arc<str>,
    name: String,
    variant: Variant,
    account: &'a Account,
    /// The highest count under the other settings, and the one that bans.
    other: (u64, u64),
}

/// What differs, and how many addresses are banned under both settings.
struct Compared<'a> {
    differences: Vec<Difference<'a>>,
    both: u64,
}

fn compare(lanes: &[Lane]) -> Compared<'_> {
    let mut compared = Compared {
        differences: Vec::new(),
        both: 0,
    };
    let find = |variant| {
        let lanes = lanes.iter().filter(move |lane| lane.variant == variant);
        lanes.map(|lane| (Arc::clone(&lane.name), lane)).collect()
    };
    let given: BTreeMap<Arc<str>, &Lane> = find(Variant::Given);
    let mut other: BTreeMap<Arc<str>, &Lane> = find(Variant::Compared);
    for (jail, lane) in given {
        let Some(other) = other.remove(&jail) else {
            continue;
        };
        for (here, there) in [(lane, other), (other, lane)] {
            for (id, account) in here
                .accounts
                .iter()
                .filter(|(_, account)| account.fate().bans > 0)
            {
                let rival = there.accounts.get(id);
                if rival.is_some_and(|account| account.fate().bans > 0) {
                    compared.both += u64::from(here.variant == Variant::Given);
                    continue;
                }
                let highest = rival.map_or(0, |account| account.highest);
                compared.differences.push(Difference {
                    jail: Arc::clone(&jail),
                    name: id.to_string(),
                    variant: here.variant,
                    account,
                    other: (highest, there.setup.jail.max_retry()),
                });
            }
        }
    }
    compared.differences.sort_by(|a, b| {
        let order = |difference: &Difference<'_>| difference.variant == Variant::Compared;
        order(a)
            .cmp(&order(b))
            .then_with(|| a.account.fate().first_ban.cmp(&b.account.fate().first_ban))
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.jail.cmp(&b.jail))
    });
    compared
}

/// Writes JSON Lines.
pub(crate) struct CompareJson<W> {
    out: W,
}

impl<W: Write> CompareJson<W> {
    pub(crate) fn new(out: W) -> CompareJson<W> {
        CompareJson { out }
    }
}

impl<W: Write> Report for CompareJson<W> {
    fn begin(&mut self, _: &Begin<'_>) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Lane, _: &Happening<'_>) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        let compared = compare(end.lanes);
        for difference in &compared.differences {
            let object = json!({
                "type": "difference",
                "jail": &*difference.jail,
                "id": difference.name,
                "banned_by": match difference.variant {
                    Variant::Given => "given",
                    Variant::Compared => "compared",
                },
                "bans": difference.account.fate().bans,
                "at": difference.account.fate().first_ban.map(time),
            });
            serde_json::to_writer(&mut self.out, &object)?;
            self.out.write_all(b"\n")?;
        }
        let (given, other): (Vec<&Lane>, Vec<&Lane>) = end
            .lanes
            .iter()
            .partition(|lane| lane.variant == Variant::Given);
        let mut object = summary_object(end, &given);
        if let Some(object) = object.as_object_mut() {
            let elapsed = object.shift_remove("elapsed").unwrap_or_default();
            let jails = summary_object(end, &other)["jails"].take();
            object.insert("compared".to_owned(), jails);
            object.insert("both".to_owned(), compared.both.into());
            object.insert("elapsed".to_owned(), elapsed);
        }
        serde_json::to_writer(&mut self.out, &object)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// Writes for people.
pub(crate) struct CompareText<W> {
    out: W,
    console: Console,
    zone: Zone,
    all: bool,
    /// What `--compare` sets.
    changes: String,
}

impl<W: Write> CompareText<W> {
    pub(crate) fn new(
        out: W,
        console: Console,
        zone: Zone,
        all: bool,
        changes: String,
    ) -> CompareText<W> {
        CompareText {
            out,
            console,
            zone,
            all,
            changes,
        }
    }

    fn list(&mut self, title: &str, differences: &[&Difference<'_>]) -> io::Result<()> {
        let palette = self.console.palette;
        let count = match differences.len() {
            0 => "nobody".to_owned(),
            count => counted(count as u64, "address"),
        };
        let title = Visible::new(title, self.console.escape);
        let heading = palette.heading(format!("Banned only {title}: {count}"));
        writeln!(self.out, "\n{heading}")?;
        let limit = if self.all { usize::MAX } else { LIMIT };
        let width = differences
            .iter()
            .take(limit)
            .map(|difference| difference.name.chars().count());
        let width = width.max().unwrap_or(0);
        for difference in differences.iter().take(limit) {
            let at = difference.account.fate().first_ban;
            let at = at.map_or_else(String::new, |at| local_time(at, &self.zone));
            let name = Visible::new(&difference.name, self.console.escape).to_string();
            let (highest, max_retry) = difference.other;
            writeln!(
                self.out,
                "  {name:width$}  {}  {} at {at}, else its highest count is {highest} of {max_retry}",
                difference.jail,
                counted(difference.account.fate().bans, "ban"),
            )?;
        }
        if let Some(rest) = differences
            .len()
            .checked_sub(limit)
            .filter(|rest| *rest > 0)
        {
            let rest = palette.dim(format!("... and {rest} more, see --all"));
            writeln!(self.out, "  {rest}")?;
        }
        Ok(())
    }
}

impl<W: Write> Report for CompareText<W> {
    fn begin(&mut self, begin: &Begin<'_>) -> io::Result<()> {
        for lane in begin.lanes {
            let which = match lane.variant {
                Variant::Given => String::new(),
                Variant::Compared => format!(" with {}", self.changes),
            };
            let heading = Visible::new(&which, self.console.escape).to_string();
            let heading = format!("jail {}{heading}", lane.name);
            let heading = self.console.palette.heading(heading);
            writeln!(self.out, "{heading}: {}", settings(lane))?;
        }
        Ok(())
    }

    fn event(&mut self, _: &Lane, _: &Happening<'_>) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> io::Result<()> {
        let compared = compare(end.lanes);
        let of = |variant| -> Vec<&Difference<'_>> {
            let all = compared.differences.iter();
            all.filter(|difference| difference.variant == variant)
                .collect()
        };
        let changes = self.changes.clone();
        self.list(&format!("without {changes}"), &of(Variant::Given))?;
        self.list(&format!("with {changes}"), &of(Variant::Compared))?;
        let both = match compared.both {
            0 => "nobody".to_owned(),
            count => counted(count, "address"),
        };
        let both = self
            .console
            .palette
            .heading(format!("Banned either way: {both}"));
        writeln!(self.out, "\n{both}")?;
        self.out.flush()
    }
}
