//! Failures in, decisions out.

use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use foldhash::HashMap;

use super::agenda::{Agenda, Item};
use super::builder::Jail;
use super::counter::Counter;
use super::history::{EarlierBan, History};
use super::increment::Increment;
use crate::filter::{Captures, Failure, FailureId, Value};
use crate::time::Timestamp;

/// How long a ban lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BanTime {
    /// So many seconds.
    Seconds(f64),
    /// For ever: `-1` in a configuration.
    Permanent,
}

impl BanTime {
    /// fail2ban's number for it.
    pub fn from_seconds(seconds: f64) -> BanTime {
        if seconds == -1.0 {
            BanTime::Permanent
        } else {
            BanTime::Seconds(seconds)
        }
    }

    /// fail2ban's number for it: seconds, or -1.
    pub fn seconds(self) -> f64 {
        match self {
            BanTime::Seconds(seconds) => seconds,
            BanTime::Permanent => -1.0,
        }
    }

    fn end(self, start: Timestamp) -> Option<Timestamp> {
        match self {
            BanTime::Seconds(seconds) => Some(start.later_by(seconds)),
            BanTime::Permanent => None,
        }
    }
}

impl fmt::Display for BanTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds())
    }
}

/// A ban.
#[derive(Clone, Debug)]
pub struct Ban {
    id: FailureId,
    at: Timestamp,
    start: Timestamp,
    ban_time: BanTime,
    count: u64,
    failures: u64,
    matches: Vec<Arc<str>>,
    captures: Captures,
    rules: Vec<usize>,
    tags: Vec<u64>,
}

impl Ban {
    /// Who is banned.
    pub fn id(&self) -> &FailureId {
        &self.id
    }

    /// What is to be banned: the address that a filter found beside the id it
    /// counts under, or that id itself.
    pub fn ip(&self) -> &FailureId {
        match self.captures.get("ip") {
            Some(Value::Address(ip)) => ip,
            _ => &self.id,
        }
    }

    /// When it was decided.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// From when on it counts: the time of the last failure.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// How long it lasts.
    pub fn ban_time(&self) -> BanTime {
        self.ban_time
    }

    /// The last moment at which it holds. `None` for ever.
    pub fn until(&self) -> Option<Timestamp> {
        self.ban_time.end(self.start)
    }

    /// The how manieth ban of this id it is.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many failures led to it.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// The last lines of these failures.
    pub fn matches(&self) -> &[Arc<str>] {
        &self.matches
    }

    /// What the first of them captured.
    pub fn captures(&self) -> &Captures {
        &self.captures
    }

    /// The failregexes that found them, each once.
    pub fn rules(&self) -> &[usize] {
        &self.rules
    }

    /// The [tags](Failure::tag) of these failures, of no more than the last
    /// hundred.
    pub fn tags(&self) -> &[u64] {
        &self.tags
    }
}

/// What follows from a failure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Decision {
    /// It was counted; it takes more.
    Counted {
        /// The count now, within the find time.
        retries: u64,
        /// The count that bans.
        max_retry: u64,
        /// From when on it counts: the first failure, or the find time before
        /// this one, if that is later.
        since: Timestamp,
        /// How many failures were counted since nothing was known of the id.
        failures: u64,
    },
    /// The id is banned from now on.
    Ban(Ban),
    /// The id is banned already.
    AlreadyBanned(AlreadyBanned),
    /// The ban would be over by now: the log tells of the past.
    Expired {
        /// Who would have been banned.
        id: FailureId,
        /// From when on.
        start: Timestamp,
    },
    /// The id is never banned.
    Ignored {
        /// The setting and the entry that says so.
        reason: String,
    },
}

/// A ban that would have fallen on somebody who is banned.
#[derive(Clone, Debug)]
pub struct AlreadyBanned {
    /// Who.
    pub id: FailureId,
    /// Whether the running ban ends later because of it.
    pub prolonged: bool,
    /// When the running ban ends now. `None` for never.
    pub until: Option<Timestamp>,
}

/// A ban that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Unban {
    /// Who.
    pub id: FailureId,
    /// When it was noticed.
    pub at: Timestamp,
    /// When the ban ended.
    pub end: Timestamp,
}

/// A ban taken over from before a restart.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The ban.
    pub ban: Ban,
}

/// How much there is of everything in a jail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Ids that are banned.
    pub banned: u64,
    /// Bans so far.
    pub banned_total: u64,
    /// Ids that have failures and are not banned for them.
    pub found: u64,
    /// Failures so far, without those of ids that are never banned.
    pub found_total: u64,
}

/// The counters, bans and history of a jail.
///
/// Time comes with each call and should not run backwards; if it does, nothing
/// is lost, but bans are lifted as late as the latest moment says.
pub struct Tracker {
    jail: Jail,
    counters: HashMap<FailureId, Counter>,
    /// When each counter may be forgotten, earliest first: the moment of some
    /// failure of it, perhaps not the last. Entries whose counter is gone are
    /// out of date.
    ages: Agenda,
    bans: HashMap<FailureId, Running>,
    /// The ends of running bans, earliest first; entries whose ban has been
    /// prolonged or lifted since are out of date.
    ends: Agenda,
    history: History,
    next_cleanup: Option<Timestamp>,
    next_purge: Option<Timestamp>,
    bans_so_far: u64,
    failures_so_far: u64,
    lifted: Vec<Unban>,
    in_operation: bool,
    random: Box<dyn FnMut() -> f64 + Send>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    number: u64,
    start: Timestamp,
    ban_time: BanTime,
}

/// A counter that has reached `maxretry`, handed over to be banned.
struct Ticket {
    id: FailureId,
    counter: Counter,
}

/// fail2ban tidies its counters at most this often.
const CLEANUP_PAUSE: f64 = 5.0;

/// fail2ban tidies its history this often.
const PURGE_PAUSE: f64 = 3600.0;

/// A date further away from now than this is taken for wrong.
const MAX_DEVIATION: f64 = 60.0;

impl Tracker {
    pub(super) fn new(jail: Jail) -> Tracker {
        Tracker {
            jail,
            counters: HashMap::default(),
            ages: Agenda::default(),
            bans: HashMap::default(),
            ends: Agenda::default(),
            history: History::default(),
            next_cleanup: None,
            next_purge: None,
            bans_so_far: 0,
            failures_so_far: 0,
            lifted: Vec::new(),
            in_operation: true,
            random: Box::new(|| 0.0),
        }
    }

    /// The jail.
    pub fn jail(&self) -> &Jail {
        &self.jail
    }

    /// Where `bantime.rndtime` takes its numbers from, from 0 up to 1. Without
    /// a source nothing is added.
    pub fn set_random(&mut self, random: impl FnMut() -> f64 + Send + 'static) {
        self.random = Box::new(random);
    }

    /// Whether fail2ban is running (the default), or is catching up at its
    /// start. While it runs, dates that are more than a minute away from now
    /// are taken for wrong and become now.
    pub fn set_in_operation(&mut self, yes: bool) {
        self.in_operation = yes;
    }

    /// Takes a failure, at the moment `now`.
    ///
    /// A failure without a time counts as now. Bans that are over by then are
    /// lifted first; [`Tracker::drain_unbans`] tells which.
    pub fn record(&mut self, failure: &Failure, now: Timestamp) -> Decision {
        let time = self.plausible(failure.time.unwrap_or(now), now);
        self.count(failure, time, 1.0, now)
    }

    /// Counts an attempt by hand, which happens now: once for each of `lines`,
    /// but at least once.
    pub fn attempt_by_hand(&mut self, id: FailureId, lines: &[String], now: Timestamp) -> Decision {
        let mut failure = Failure::new(id).at(now);
        failure.matches = lines.iter().map(|line| line.as_str().into()).collect();
        self.count(&failure, now, lines.len().max(1) as f64, now)
    }

    fn count(
        &mut self,
        failure: &Failure,
        time: Timestamp,
        retries: f64,
        now: Timestamp,
    ) -> Decision {
        self.advance(now);
        let settings = self.jail.settings();
        if let Some(reason) = settings.exemptions.reason(&failure.id, &*settings.resolver) {
            return Decision::Ignored { reason };
        }
        self.failures_so_far += 1;
        let (find_time, max_matches) = (settings.find_time, settings.max_matches);
        let max_retry = settings.max_retry as f64;
        let number = self.failures_so_far;
        let mut entry = match self.counters.entry(failure.id.clone()) {
            Entry::Occupied(mut entry) => {
                let counter = entry.get_mut();
                counter.add(failure, time, retries, find_time, max_matches);
                entry
            }
            Entry::Vacant(entry) => {
                self.ages.push(Item {
                    at: time,
                    number,
                    id: failure.id.clone(),
                });
                entry.insert_entry(Counter::new(failure, time, retries, number))
            }
        };
        if settings.increment.is_some()
            && entry.get().retries < max_retry
            && let Some(earlier) = self.history.own(&failure.id)
            && time.seconds() > earlier.time
        {
            // Somebody who was banned before is counted several times.
            let more = Increment::retries(earlier.count, max_retry) - 1.0;
            if more > 0.0 {
                let counter = entry.get_mut();
                let same = counter.failures == 1;
                counter.accelerate(more, failure, same, max_matches);
            }
        }
        let counter = entry.get();
        if counter.retries < max_retry {
            return Decision::Counted {
                retries: counter.retries as u64,
                max_retry: settings.max_retry,
                since: counter.first,
                failures: counter.failures,
            };
        }
        let (id, counter) = entry.remove_entry();
        let decision = self.ban(Ticket { id, counter }, now);
        // fail2ban tidies after every ban.
        self.tidy(now);
        decision
    }

    /// Lifts bans that are over by `now`, and does nothing else: when old
    /// counters are forgotten depends on failures alone, as long as nobody
    /// calls [`Tracker::advance`]. Whether [`Tracker::drain_unbans`] has any to
    /// tell of.
    pub fn lift(&mut self, now: Timestamp) -> bool {
        // With almost every failure there is none.
        if self.ends.any(|end| end < now) {
            self.lift_ended(now);
        }
        !self.lifted.is_empty()
    }

    fn lift_ended(&mut self, now: Timestamp) {
        let mut over: Vec<(u64, Unban)> = Vec::new();
        while let Some(Item { at, number, id }) = self.ends.next_if(|end| end < now) {
            let end = at;
            let current =
                |ban: &&Running| ban.number == number && ban.ban_time.end(ban.start) == Some(end);
            if self.bans.get(&id).filter(current).is_some() {
                self.bans.remove(&id);
                over.push((number, Unban { id, at: now, end }));
            }
        }
        over.sort_by_key(|(number, _)| *number);
        self.lifted.extend(over.into_iter().map(|(_, unban)| unban));
    }

    /// Lets time pass: lifts bans that are over and forgets what is too old.
    pub fn advance(&mut self, now: Timestamp) {
        self.lift(now);
        self.tidy(now);
        if self.next_purge.is_none_or(|next| now >= next) {
            if self.next_purge.is_some() {
                self.purge(now);
            }
            self.next_purge = Some(now.later_by(PURGE_PAUSE));
        }
    }

    /// The bans lifted since this was last asked, in the order in which they
    /// began.
    pub fn drain_unbans(&mut self) -> impl Iterator<Item = Unban> + '_ {
        self.lifted.drain(..)
    }

    /// The running bans: who, from when on, for how long.
    pub fn bans(&self) -> impl Iterator<Item = (&FailureId, Timestamp, BanTime)> {
        let bans = self.bans.iter();
        bans.map(|(id, ban)| (id, ban.start, ban.ban_time))
    }

    /// How much there is of everything.
    pub fn totals(&self) -> Totals {
        Totals {
            banned: self.bans.len() as u64,
            banned_total: self.bans_so_far,
            found: self.counters.len() as u64,
            found_total: self.failures_so_far,
        }
    }

    /// The counts of ids that are not banned for them yet.
    pub fn counts(&self) -> impl Iterator<Item = (&FailureId, u64)> {
        let counters = self.counters.iter();
        counters.map(|(id, counter)| (id, counter.retries as u64))
    }

    /// What is remembered of earlier bans, for a later [`Tracker::restore`].
    pub fn history(&self) -> impl Iterator<Item = (&FailureId, &EarlierBan)> {
        self.history.iter()
    }

    /// Bans somebody by hand.
    pub fn ban_by_hand(&mut self, id: FailureId, now: Timestamp) -> Decision {
        self.advance(now);
        let counter = Counter::by_hand(now);
        self.ban(Ticket { id, counter }, now)
    }

    /// Lifts a ban by hand, and forgets the id's earlier bans in this jail.
    /// Whether there was one.
    pub fn unban_by_hand(&mut self, id: &FailureId) -> bool {
        self.history.forget(id);
        self.bans.remove(id).is_some()
    }

    /// Takes over what was remembered of an earlier ban in this jail.
    pub fn remember(&mut self, id: &FailureId, ban: EarlierBan) {
        self.history.store(id, ban);
    }

    /// Takes over what is remembered of an id's bans in another jail, for
    /// `bantime.overalljails`. It takes the place of what was known of that
    /// jail.
    pub fn remember_elsewhere(&mut self, jail: &str, id: &FailureId, ban: EarlierBan) {
        self.history.store_other(jail, id, ban);
    }

    /// What is remembered of an id's earlier bans in this jail.
    pub fn earlier(&self, id: &FailureId) -> Option<EarlierBan> {
        self.history.own(id)
    }

    /// Bans again, as after a restart, whoever is still to be banned by what
    /// has been [remembered](Tracker::remember).
    pub fn restore(&mut self, now: Timestamp) -> Vec<Restored> {
        let settings = self.jail.settings();
        let base = settings.ban_time;
        let limit = match &settings.increment {
            Some(increment) => increment.limit(),
            None => match base {
                BanTime::Seconds(seconds) => Some(seconds),
                BanTime::Permanent => None,
            },
        };
        let incremental = settings.increment.is_some();
        let mut restored: Vec<(FailureId, EarlierBan)> = Vec::new();
        for (id, ban) in self.history.iter() {
            let mut ban = *ban;
            let is_over = |ban: &EarlierBan| match ban.ban_time {
                BanTime::Permanent => false,
                BanTime::Seconds(seconds) => ban.time + seconds <= now.seconds(),
            };
            let too_old = !incremental
                && matches!(base, BanTime::Seconds(seconds) if ban.time <= now.seconds() - seconds);
            if is_over(&ban) || too_old {
                continue;
            }
            if let Some(limit) = limit {
                let beyond = match ban.ban_time {
                    BanTime::Permanent => true,
                    BanTime::Seconds(seconds) => seconds > limit,
                };
                if beyond {
                    ban.ban_time = BanTime::Seconds(limit);
                }
            }
            let exempt = settings
                .exemptions
                .reason(id, &*settings.resolver)
                .is_some();
            if !is_over(&ban) && !exempt {
                restored.push((id.clone(), ban));
            }
        }
        restored.sort_by_cached_key(|(id, _)| id.to_string());
        let take_over = |(id, earlier): (FailureId, EarlierBan)| {
            let start = Timestamp::from_seconds(earlier.time).unwrap_or(now);
            self.run(&id, start, earlier.ban_time);
            let counter = Counter::by_hand(start);
            Restored {
                ban: self.told(id, counter, now, earlier.ban_time, earlier.count + 1),
            }
        };
        restored.into_iter().map(take_over).collect()
    }

    /// Drops what is too old from the history, as fail2ban does every hour.
    pub fn purge(&mut self, now: Timestamp) {
        let age = self.jail.settings().purge_age;
        self.history.purge(now.seconds(), age);
    }

    /// A time that cannot be right becomes now; none lies ahead.
    fn plausible(&self, time: Timestamp, now: Timestamp) -> Timestamp {
        if self.in_operation && time.since(now).trunc().abs() > MAX_DEVIATION {
            return now;
        }
        time.min(now)
    }

    fn tidy(&mut self, now: Timestamp) {
        if self.next_cleanup.is_some_and(|next| now < next) {
            return;
        }
        self.next_cleanup = Some(now.later_by(CLEANUP_PAUSE));
        let oldest = now.seconds() - self.jail.find_time();
        let due = |at: Timestamp| at.seconds() <= oldest;
        while let Some(Item { number, id, .. }) = self.ages.next_if(due) {
            let Entry::Occupied(entry) = self.counters.entry(id) else {
                continue;
            };
            let counter = entry.get();
            if counter.number != number {
                continue;
            }
            if counter.last.seconds() > oldest {
                self.ages.push(Item {
                    at: counter.last,
                    number,
                    id: entry.key().clone(),
                });
            } else {
                entry.remove();
            }
        }
    }

    fn ban(&mut self, ticket: Ticket, now: Timestamp) -> Decision {
        let base = self.jail.ban_time();
        let start = ticket.counter.last;
        if base.end(start).is_some_and(|end| end < now) {
            return Decision::Expired {
                id: ticket.id,
                start,
            };
        }
        if let Some(&running) = self.bans.get(&ticket.id) {
            return Decision::AlreadyBanned(self.prolong(ticket.id, running, start, base));
        }
        let mut ban_time = base;
        let mut count = 1;
        if let (Some(increment), BanTime::Seconds(seconds)) =
            (&self.jail.settings().increment, base)
        {
            let earlier = if increment.counts_all_jails() {
                self.history.all(&ticket.id)
            } else {
                self.history.own(&ticket.id)
            };
            if let Some(earlier) = earlier {
                count = earlier.count + 1;
                let longer = increment.ban_time(seconds, earlier.count, &mut *self.random);
                ban_time = longer.map_or(base, BanTime::from_seconds);
            }
        }
        self.run(&ticket.id, start, ban_time);
        // A ban that is over before it is noted is not remembered.
        if ban_time.end(start).is_none_or(|end| end >= now) {
            let earlier = EarlierBan {
                time: start.seconds().round_ties_even(),
                ban_time,
                count,
            };
            self.history.store(&ticket.id, earlier);
        }
        Decision::Ban(self.told(ticket.id, ticket.counter, now, ban_time, count))
    }

    fn told(
        &self,
        id: FailureId,
        counter: Counter,
        at: Timestamp,
        ban_time: BanTime,
        count: u64,
    ) -> Ban {
        Ban {
            id,
            at,
            start: counter.last,
            ban_time,
            count,
            failures: counter.failures,
            matches: counter.matches,
            captures: counter.captures,
            rules: counter.rules.to_vec(),
            tags: counter.tags.to_vec(),
        }
    }

    fn run(&mut self, id: &FailureId, start: Timestamp, ban_time: BanTime) {
        self.bans_so_far += 1;
        let running = Running {
            number: self.bans_so_far,
            start,
            ban_time,
        };
        self.watch_end(id, &running);
        self.bans.insert(id.clone(), running);
    }

    fn watch_end(&mut self, id: &FailureId, running: &Running) {
        if let Some(end) = running.ban_time.end(running.start) {
            self.ends.push(Item {
                at: end,
                number: running.number,
                id: id.clone(),
            });
        }
    }

    /// A running ban ends where the new one would have, if that is later.
    fn prolong(
        &mut self,
        id: FailureId,
        mut running: Running,
        start: Timestamp,
        base: BanTime,
    ) -> AlreadyBanned {
        let old_end = running.ban_time.end(running.start);
        let prolonged = match (base.end(start), old_end) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(new), Some(old)) => new > old,
        };
        if prolonged {
            let later = start.since(running.start).max(0.0);
            running.ban_time = match base {
                BanTime::Seconds(seconds) => BanTime::Seconds(seconds + later),
                BanTime::Permanent => BanTime::Permanent,
            };
            self.watch_end(&id, &running);
            self.bans.insert(id.clone(), running);
        }
        AlreadyBanned {
            until: running.ban_time.end(running.start),
            id,
            prolonged,
        }
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("jail", &self.jail)
            .field("counters", &self.counters.len())
            .field("bans", &self.bans.len())
            .finish_non_exhaustive()
    }
}
