//! The jails at work: failures go in, events come out.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;

use kerio_ban_core::{
    Ban, Decision, DryAction, Error, Failure, FailureId, JailConfig, Rule, Timestamp, Tracker,
    Unban,
};

use super::accounts::Accounts;
use super::events::{Event, Happening, Report, WouldRun};
use super::jails::{LaneSetup, Variant};
use super::merge::{Entry, Mention, What};

/// A jail with all that has happened in it.
pub(crate) struct Lane {
    pub(crate) name: Arc<str>,
    pub(crate) variant: Variant,
    pub(crate) setup: LaneSetup,
    pub(crate) tracker: Tracker,
    pub(crate) accounts: Accounts,
    pub(crate) totals: Counts,
    /// Whether bans in other jails count here.
    overall: bool,
    actions: Option<Actions>,
}

/// How often everything has happened in a jail.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) failures: u64,
    pub(crate) ignored: u64,
    pub(crate) bans: u64,
    pub(crate) unbans: u64,
    pub(crate) already_banned: u64,
    pub(crate) expired: u64,
}

/// The actions of a jail, and the bans they will be told the end of.
struct Actions {
    started: bool,
    dry: Vec<DryAction>,
    /// Those that are written in Python.
    programs: Vec<String>,
    bans: HashMap<FailureId, Ban>,
}

impl Actions {
    fn of(config: &JailConfig) -> Actions {
        let (programs, dry): (Vec<_>, Vec<_>) = config
            .actions()
            .iter()
            .partition(|action| action.python().is_some());
        Actions {
            started: false,
            dry: dry.into_iter().map(DryAction::new).collect(),
            programs: programs
                .into_iter()
                .filter_map(|action| action.python().map(str::to_owned))
                .collect(),
            bans: HashMap::new(),
        }
    }

    /// What all actions would run.
    fn all(
        &mut self,
        mut commands: impl FnMut(&mut DryAction) -> Result<Vec<kerio_ban_core::Command>, Error>,
    ) -> Vec<WouldRun> {
        let mut out = Vec::new();
        for action in &mut self.dry {
            let name = action.name().to_owned();
            match commands(action) {
                Ok(commands) => out.extend(commands.into_iter().map(|command| WouldRun::Command {
                    action: name.clone(),
                    command,
                })),
                Err(error) => out.push(WouldRun::Nothing {
                    action: name,
                    error: error.message(),
                }),
            }
        }
        out
    }

    fn start(&mut self, jail: &str, now: Timestamp) -> Vec<WouldRun> {
        if std::mem::replace(&mut self.started, true) {
            return Vec::new();
        }
        self.all(|action| action.start(jail, now))
    }

    fn ban(&mut self, ban: &Ban, tracker: &Tracker) -> Vec<WouldRun> {
        self.bans.insert(ban.id().clone(), ban.clone());
        let mut out = self.all(|action| action.ban(ban, tracker));
        let programs = self.programs.iter();
        out.extend(programs.map(|path| WouldRun::Program { path: path.clone() }));
        out
    }

    fn unban(&mut self, id: &FailureId, tracker: &Tracker) -> Vec<WouldRun> {
        let Some(ban) = self.bans.remove(id) else {
            return Vec::new();
        };
        self.all(|action| Ok(action.unban(&ban, tracker)?.into_iter().collect()))
    }
}

impl Lane {
    fn new(setup: LaneSetup, seed: u64, show_actions: bool) -> Lane {
        let mut tracker = setup.jail.tracker();
        let mut hasher = DefaultHasher::new();
        setup.name.hash(&mut hasher);
        let mut random = Random(seed ^ hasher.finish());
        tracker.set_random(move || random.next());
        let flag = |option| setup.config.flag(option).unwrap_or(false);
        Lane {
            name: Arc::clone(&setup.name),
            variant: setup.variant,
            tracker,
            accounts: Accounts::default(),
            totals: Counts::default(),
            overall: flag("bantime.increment") && flag("bantime.overalljails"),
            actions: show_actions.then(|| Actions::of(&setup.config)),
            setup,
        }
    }

    /// A failregex of the jail by its index.
    pub(crate) fn failregex(&self, index: usize) -> Option<&Rule> {
        self.setup.rules.failregex().get(index)
    }

    /// An ignoreregex of the jail by its index.
    pub(crate) fn ignoreregex(&self, index: usize) -> Option<&Rule> {
        self.setup.rules.ignoreregex().get(index)
    }
}

/// Numbers from 0 up to 1 that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// For how many failures accounts are looked up together: as many as the nearest
/// cache holds.
const AT_ONCE: usize = 64;

/// All jails together.
pub(crate) struct Replay {
    pub(crate) lanes: Vec<Lane>,
    /// The lanes of each watch.
    of_watch: Vec<Vec<usize>>,
    /// Where the accounts are that are asked for next.
    places: Vec<usize>,
    /// Nothing that happens later is taken into account.
    until: Option<Timestamp>,
    /// The latest moment so far.
    pub(crate) clock: Option<Timestamp>,
    /// The earliest one.
    pub(crate) from: Option<Timestamp>,
}

impl Replay {
    pub(crate) fn new(
        lanes: Vec<LaneSetup>,
        seed: u64,
        show_actions: bool,
        until: Option<Timestamp>,
    ) -> Replay {
        let watches = lanes.iter().map(|lane| lane.watch + 1).max().unwrap_or(0);
        let mut of_watch = vec![Vec::new(); watches];
        for (index, lane) in lanes.iter().enumerate() {
            of_watch[lane.watch].push(index);
        }
        let lane = |setup| Lane::new(setup, seed, show_actions);
        Replay {
            lanes: lanes.into_iter().map(lane).collect(),
            of_watch,
            places: Vec::new(),
            until,
            clock: None,
            from: None,
        }
    }

    /// Takes what happens next, in this order.
    pub(crate) fn take(&mut self, entries: &[Entry], report: &mut dyn Report) -> io::Result<()> {
        for entries in entries.chunks(AT_ONCE) {
            for (index, lane) in self.lanes.iter().enumerate() {
                let of_lane = |entry: &&Entry| self.of_watch[entry.watch].contains(&index);
                let whom = entries.iter().filter(of_lane);
                let ids = whom.filter_map(|entry| Some(entry.what.of_whom()?.1));
                lane.accounts.look_up(ids, &mut self.places);
            }
            for entry in entries {
                self.step(entry, report)?;
            }
        }
        Ok(())
    }

    /// Takes what happens next.
    pub(crate) fn step(&mut self, entry: &Entry, report: &mut dyn Report) -> io::Result<()> {
        let now = entry.time;
        if self.until.is_some_and(|until| now > until) {
            return Ok(());
        }
        self.clock = self.clock.max(Some(now));
        self.from = self.from.map_or(Some(now), |from| Some(from.min(now)));
        self.lift(now, report)?;
        match &entry.what {
            What::Bare(bare) => self.failure(entry.watch, &bare.failure(now), now, report),
            What::Failure(failure) => self.failure(entry.watch, failure, now, report),
            What::Mention(mention) => self.mention(entry.watch, mention, now, report),
        }
    }

    fn failure(
        &mut self,
        watch: usize,
        failure: &Failure,
        now: Timestamp,
        report: &mut dyn Report,
    ) -> io::Result<()> {
        for position in 0..self.of_watch[watch].len() {
            self.count(self.of_watch[watch][position], failure, now, report)?;
        }
        Ok(())
    }

    fn mention(
        &self,
        watch: usize,
        mention: &Mention,
        now: Timestamp,
        report: &mut dyn Report,
    ) -> io::Result<()> {
        for &index in &self.of_watch[watch] {
            let happening = Happening {
                at: now,
                id: None,
                event: Event::Mention(mention),
                would_run: &[],
            };
            report.event(&self.lanes[index], &happening)?;
        }
        Ok(())
    }

    /// Lets time pass until the end of the logs, or the moment that was asked
    /// for.
    pub(crate) fn finish(
        &mut self,
        end: Option<Timestamp>,
        report: &mut dyn Report,
    ) -> io::Result<()> {
        let end = self.until.or(self.clock.max(end));
        if let Some(end) = end {
            self.clock = Some(end);
            self.lift(end, report)?;
        }
        Ok(())
    }

    /// Lifts the bans that are over, in all jails, in the order of their ends.
    fn lift(&mut self, now: Timestamp, report: &mut dyn Report) -> io::Result<()> {
        let lift = |lane: &mut Lane| lane.tracker.lift(now);
        let lifted = self.lanes.iter_mut().map(lift);
        // With almost every failure there is none.
        if !lifted.fold(false, |any, lifted| any | lifted) {
            return Ok(());
        }
        let mut over: Vec<(usize, Unban)> = Vec::new();
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            over.extend(lane.tracker.drain_unbans().map(|unban| (index, unban)));
        }
        over.sort_by_key(|(_, unban)| unban.end);
        for (index, Unban { id, end, .. }) in over {
            let lane = &mut self.lanes[index];
            lane.totals.unbans += 1;
            let actions = lane.actions.as_mut();
            let would_run = actions.map(|actions| actions.unban(&id, &lane.tracker));
            let happening = Happening {
                at: end,
                id: Some(&id),
                event: Event::Unban { end },
                would_run: &would_run.unwrap_or_default(),
            };
            report.event(lane, &happening)?;
        }
        Ok(())
    }

    fn count(
        &mut self,
        index: usize,
        failure: &Failure,
        now: Timestamp,
        report: &mut dyn Report,
    ) -> io::Result<()> {
        let lane = &mut self.lanes[index];
        let mut would_run = match &mut lane.actions {
            Some(actions) => actions.start(&lane.name, now),
            None => Vec::new(),
        };
        lane.totals.failures += 1;
        let decision = lane.tracker.record(failure, now);
        let account = lane.accounts.of(&failure.id);
        account.failed();
        let max_retry = lane.setup.jail.max_retry();
        let event = match &decision {
            Decision::Counted {
                retries,
                max_retry,
                since,
                failures,
            } => {
                account.reached(*retries);
                Event::Counted {
                    retries: *retries,
                    max_retry: *max_retry,
                    since: *since,
                    failures: *failures,
                    failure,
                }
            }
            Decision::Ignored { reason } => {
                lane.totals.ignored += 1;
                let fate = account.fate_mut();
                fate.ignored += 1;
                if fate.reason.as_deref() != Some(reason) {
                    fate.reason = Some(reason.as_str().into());
                }
                Event::Ignored { reason, failure }
            }
            Decision::Ban(ban) => {
                lane.totals.bans += 1;
                account.reached(max_retry);
                let fate = account.fate_mut();
                fate.bans += 1;
                fate.first_ban = fate.first_ban.or(Some(ban.at()));
                fate.until = ban.until();
                fate.for_ever = ban.until().is_none();
                fate.ip = (ban.ip() != ban.id()).then(|| ban.ip().clone());
                if let Some(actions) = &mut lane.actions {
                    would_run.extend(actions.ban(ban, &lane.tracker));
                }
                Event::Ban { ban, failure }
            }
            Decision::AlreadyBanned(already) => {
                lane.totals.already_banned += 1;
                account.reached(max_retry);
                let fate = account.fate_mut();
                fate.until = already.until;
                fate.for_ever = already.until.is_none();
                Event::AlreadyBanned { already, failure }
            }
            Decision::Expired { start, .. } => {
                lane.totals.expired += 1;
                account.reached(max_retry);
                Event::Expired {
                    start: *start,
                    failure,
                }
            }
            // No decision beside these is known.
            _ => return Ok(()),
        };
        let happening = Happening {
            at: now,
            id: Some(&failure.id),
            event,
            would_run: &would_run,
        };
        report.event(lane, &happening)?;
        if let Decision::Ban(ban) = &decision {
            self.tell_others(index, ban.id());
        }
        Ok(())
    }

    /// Jails with `bantime.overalljails` know of bans in the others.
    fn tell_others(&mut self, index: usize, id: &FailureId) {
        let (name, variant) = (
            Arc::clone(&self.lanes[index].name),
            self.lanes[index].variant,
        );
        let Some(earlier) = self.lanes[index].tracker.earlier(id) else {
            return;
        };
        for (other, lane) in self.lanes.iter_mut().enumerate() {
            if other != index && lane.overall && lane.variant == variant {
                lane.tracker.remember_elsewhere(&name, id, earlier);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_lie_between_0_and_1_and_are_repeatable() {
        let numbers = |seed| {
            let mut random = Random(seed);
            [(); 100].map(|()| random.next())
        };
        assert!(numbers(1).iter().all(|number| (0.0..1.0).contains(number)));
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }
}
