//! Earlier bans: what fail2ban keeps in its database.

use std::sync::Arc;

use foldhash::HashMap;

use super::tracker::BanTime;
use crate::filter::FailureId;

/// What is remembered of an id's earlier bans in one jail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlierBan {
    /// When the last of them began, in whole seconds since the epoch.
    pub time: f64,
    /// How long it was to last.
    pub ban_time: BanTime,
    /// How many there were.
    pub count: u64,
}

/// The earlier bans of one jail, and what is known of other jails.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    own: HashMap<FailureId, EarlierBan>,
    /// The jail and what is known of it.
    others: HashMap<FailureId, Vec<(Arc<str>, EarlierBan)>>,
}

impl History {
    pub(super) fn own(&self, id: &FailureId) -> Option<EarlierBan> {
        self.own.get(id).copied()
    }

    /// The sum over all jails: counts added up, the latest time.
    pub(super) fn all(&self, id: &FailureId) -> Option<EarlierBan> {
        let others = self.others.get(id).into_iter().flatten();
        let others = others.map(|(_, ban)| *ban);
        self.own(id)
            .into_iter()
            .chain(others)
            .reduce(|sum, ban| EarlierBan {
                time: sum.time.max(ban.time),
                ban_time: sum.ban_time,
                count: sum.count + ban.count,
            })
    }

    pub(super) fn store(&mut self, id: &FailureId, ban: EarlierBan) {
        self.own.insert(id.clone(), ban);
    }

    /// Takes the place of what was known of that jail.
    pub(super) fn store_other(&mut self, jail: &str, id: &FailureId, ban: EarlierBan) {
        let others = self.others.entry(id.clone()).or_default();
        match others.iter_mut().find(|(known, _)| **known == *jail) {
            Some((_, known)) => *known = ban,
            None => others.push((jail.into(), ban)),
        }
    }

    pub(super) fn forget(&mut self, id: &FailureId) {
        self.own.remove(id);
    }

    /// Drops what is older than `age` seconds and has been over for three
    /// times its own length; permanent bans never.
    pub(super) fn purge(&mut self, now: f64, age: f64) {
        let limit = now - age;
        let keep = |ban: &EarlierBan| match ban.ban_time {
            BanTime::Permanent => true,
            BanTime::Seconds(length) => ban.time >= limit || ban.time + 3.0 * length >= limit,
        };
        self.own.retain(|_, ban| keep(ban));
        for bans in self.others.values_mut() {
            bans.retain(|(_, ban)| keep(ban));
        }
        self.others.retain(|_, bans| !bans.is_empty());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&FailureId, &EarlierBan)> {
        self.own.iter()
    }
}
