//! What holds for bans whatever the failures are.

use std::collections::HashMap;

use kerio_ban_core::{
    BanTime, BlockOptions, Decision, Failure, FailureId, Filter, Increment, Jail, LineState,
    SessionOptions, TimeCheck, Timestamp, Tracker,
};
use proptest::prelude::*;

/// The settings of a jail.
#[derive(Clone, Debug)]
struct Settings {
    max_retry: u64,
    find_time: u32,
    ban_time: i32,
    increment: bool,
}

fn settings() -> impl Strategy<Value = Settings> {
    let ban_time = prop_oneof![Just(-1), 1..5000_i32];
    (1..6_u64, 1..3000_u32, ban_time, any::<bool>()).prop_map(
        |(max_retry, find_time, ban_time, increment)| Settings {
            max_retry,
            find_time,
            ban_time,
            increment,
        },
    )
}

impl Settings {
    fn tracker(&self) -> Tracker {
        Jail::builder("j")
            .max_retry(self.max_retry)
            .find_time(f64::from(self.find_time))
            .ban_time(BanTime::from_seconds(f64::from(self.ban_time)))
            .increment(self.increment.then(Increment::new))
            .build()
            .tracker()
    }
}

/// Failures of a few ids: seconds since the one before, which may be negative,
/// and whose it is.
fn failures() -> impl Strategy<Value = Vec<(i64, u8)>> {
    let gap = prop_oneof![4 => 0..400_i64, 1 => 400..20_000_i64, 1 => -500..0_i64];
    prop::collection::vec((gap, 0..4_u8), 0..150)
}

fn timed(failures: &[(i64, u8)]) -> Vec<(Timestamp, FailureId)> {
    let mut now = 1_750_000_000;
    let failures = failures.iter().map(|(gap, id)| {
        now += gap;
        let id = FailureId::parse(&format!("192.0.2.{id}")).expect("an address");
        (Timestamp::from_whole_seconds(now), id)
    });
    failures.collect()
}

/// A decision without what only people want to know.
fn told(decision: &Decision) -> String {
    match decision {
        Decision::Ban(ban) => format!(
            "ban {} at {} from {} for {}, number {}, {} failures, lines {:?}",
            ban.id(),
            ban.at(),
            ban.start(),
            ban.ban_time(),
            ban.count(),
            ban.failures(),
            ban.tags(),
        ),
        other => format!("{other:?}"),
    }
}

/// The text of a log with these failures.
fn log(failures: &[(Timestamp, FailureId)]) -> String {
    failures
        .iter()
        .map(|(time, id)| format!("{} failure of {id}\nnoise from {id}\n", time.seconds()))
        .collect()
}

/// Everything that is decided while a log is read in blocks of so many lines.
fn decisions(settings: &Settings, filter: &Filter, log: &str, sizes: &[usize]) -> Vec<String> {
    let mut tracker = settings.tracker();
    let options = SessionOptions::new().time_check(TimeCheck::Replay);
    let mut session = filter.session_with(&options);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let options = BlockOptions {
        now: Timestamp::from_whole_seconds(1_800_000_000),
        skip_comments: false,
        pass_over: true,
    };
    let mut out = Vec::new();
    let mut sizes = sizes.iter().cycle();
    let mut start = 0;
    let mut number = 0;
    while start < lines.len() {
        let size = sizes.next().copied().unwrap_or(lines.len()).max(1);
        let end = (start + size).min(lines.len());
        let block = lines[start..end].concat();
        let each = |session: &kerio_ban_core::Session, _: &[u8], state| {
            number += 1;
            if state != LineState::Judged {
                return Ok::<(), std::convert::Infallible>(());
            }
            for failure in session
                .outcome()
                .failures()
                .filter_map(|hit| hit.to_failure())
            {
                let now = failure.time.expect("every line is dated");
                out.push(told(&tracker.record(&failure.with_tag(number), now)));
                out.extend(tracker.drain_unbans().map(|unban| format!("{unban:?}")));
            }
            Ok(())
        };
        let Ok(()) = session.feed_block(block.as_bytes(), &options, each);
        start = end;
    }
    out
}

/// The rules of a jail without `bantime.increment`, written down as plainly as
/// can be.
struct Model {
    settings: Settings,
    /// Count, first, last, failures.
    counters: HashMap<FailureId, (f64, f64, f64, u64)>,
    /// Start and length.
    bans: HashMap<FailureId, (f64, f64)>,
    next_cleanup: f64,
}

impl Model {
    fn tidy(&mut self, now: f64) {
        if now >= self.next_cleanup {
            self.next_cleanup = now + 5.0;
            let oldest = now - f64::from(self.settings.find_time);
            self.counters.retain(|_, (_, _, last, _)| *last > oldest);
        }
    }

    fn end((start, length): (f64, f64)) -> f64 {
        if length < 0.0 {
            f64::INFINITY
        } else {
            start + length
        }
    }

    fn step(&mut self, id: &FailureId, now: f64) -> String {
        self.bans.retain(|_, ban| now <= Model::end(*ban));
        self.tidy(now);
        let find_time = f64::from(self.settings.find_time);
        let counter = self.counters.entry(id.clone());
        let counter = counter
            .and_modify(|(count, first, last, failures)| {
                if now > *last {
                    if *first < now - find_time {
                        *count = (*count / (now - *first) * find_time).round_ties_even();
                        *first = now - find_time;
                    }
                    *last = now;
                }
                *count += 1.0;
                *failures += 1;
            })
            .or_insert((1.0, now, now, 1));
        let (count, _, start, failures) = *counter;
        if count < self.settings.max_retry as f64 {
            return format!("counted {count}");
        }
        self.counters.remove(id);
        self.tidy(now);
        let length = f64::from(self.settings.ban_time);
        let new = (start, length);
        if Model::end(new) < now {
            return "expired".to_owned();
        }
        match self.bans.get_mut(id) {
            None => {
                self.bans.insert(id.clone(), new);
                format!("ban {start} for {length} after {failures}")
            }
            Some(ban) => {
                let longer = Model::end(new) > Model::end(*ban);
                if longer {
                    let later = (start - ban.0).max(0.0);
                    ban.1 = if length < 0.0 { length } else { length + later };
                }
                format!(
                    "already banned until {}, longer: {longer}",
                    Model::end(*ban)
                )
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn decisions_do_not_depend_on_how_the_log_is_cut(
        settings in settings(),
        failures in failures(),
        sizes in prop::collection::vec(1..40_usize, 1..5),
    ) {
        let filter = Filter::builder()
            .failregex("^ failure of <ADDR>$")
            .datepattern("{^LN-BEG}EPOCH")
            .build()
            .expect("a valid filter");
        let log = log(&timed(&failures));
        let whole = decisions(&settings, &filter, &log, &[]);
        let cut = decisions(&settings, &filter, &log, &sizes);
        prop_assert_eq!(&whole, &cut);
        prop_assert!(whole.len() >= failures.len());
    }

    #[test]
    fn decisions_are_those_of_the_plain_rules(
        settings in settings(),
        failures in failures(),
    ) {
        let settings = Settings { increment: false, ..settings };
        let mut tracker = settings.tracker();
        let mut model = Model {
            settings,
            counters: HashMap::new(),
            bans: HashMap::new(),
            next_cleanup: f64::NEG_INFINITY,
        };
        for (time, id) in timed(&failures) {
            let expected = model.step(&id, time.seconds());
            let found = match tracker.record(&Failure::new(id).at(time), time) {
                Decision::Counted { retries, .. } => format!("counted {retries}"),
                Decision::Ban(ban) => format!(
                    "ban {} for {} after {}",
                    ban.start().seconds(),
                    ban.ban_time(),
                    ban.failures()
                ),
                Decision::AlreadyBanned(already) => format!(
                    "already banned until {}, longer: {}",
                    already.until.map_or(f64::INFINITY, Timestamp::seconds),
                    already.prolonged
                ),
                Decision::Expired { .. } => "expired".to_owned(),
                other => format!("{other:?}"),
            };
            prop_assert_eq!(found, expected);
        }
    }

    /// Lifting bans in between is for those who show them; it decides nothing.
    #[test]
    fn decisions_do_not_depend_on_when_bans_are_lifted(
        settings in settings(),
        failures in failures(),
    ) {
        let (mut plain, mut lifted) = (settings.tracker(), settings.tracker());
        let mut latest = None;
        for (time, id) in timed(&failures) {
            // Time that runs backwards is another matter.
            let now = latest.max(Some(time)).expect("there is one");
            latest = Some(now);
            let failure = Failure::new(id).at(time);
            lifted.lift(now);
            prop_assert_eq!(
                told(&plain.record(&failure, now)),
                told(&lifted.record(&failure, now))
            );
            prop_assert!(plain.drain_unbans().eq(lifted.drain_unbans()));
        }
    }

    #[test]
    fn counts_are_positive_and_below_what_bans(
        settings in settings(),
        failures in failures(),
    ) {
        let mut tracker = settings.tracker();
        for (time, id) in timed(&failures) {
            let failure = Failure::new(id.clone()).at(time);
            if let Decision::Counted { retries, failures, .. } = tracker.record(&failure, time) {
                prop_assert!((1..settings.max_retry).contains(&retries), "{}", retries);
                prop_assert!(failures >= 1);
            }
            for (id, count) in tracker.counts() {
                prop_assert!((1..settings.max_retry).contains(&count), "{} {}", id, count);
            }
            let totals = tracker.totals();
            prop_assert_eq!(totals.banned, tracker.bans().count() as u64);
            prop_assert_eq!(totals.found, tracker.counts().count() as u64);
        }
    }

    #[test]
    fn nobody_is_banned_before_enough_failures(
        settings in settings(),
        failures in failures(),
    ) {
        let mut tracker = settings.tracker();
        let mut since_last: HashMap<FailureId, u64> = HashMap::new();
        let mut banned_before: HashMap<FailureId, u64> = HashMap::new();
        for (time, id) in timed(&failures) {
            let own = since_last.entry(id.clone()).or_default();
            *own += 1;
            let decision = tracker.record(&Failure::new(id.clone()).at(time), time);
            let bans = banned_before.entry(id.clone()).or_default();
            let known_bad = settings.increment && *bans > 0;
            match decision {
                Decision::Counted { .. } => continue,
                Decision::Ban(ban) => {
                    prop_assert_eq!(ban.id(), &id);
                    prop_assert!(known_bad || ban.failures() >= settings.max_retry);
                    prop_assert!(known_bad || *own >= settings.max_retry);
                    prop_assert!(known_bad || ban.count() == 1);
                    *bans += 1;
                }
                _ => prop_assert!(known_bad || *own >= settings.max_retry),
            }
            *own = 0;
        }
    }

    /// Every failure is counted, banned for, or comes too late; none is lost.
    #[test]
    fn no_failure_is_lost_when_time_runs_backwards(
        settings in settings(),
        mut failures in failures(),
    ) {
        for (gap, _) in &mut failures {
            *gap = -gap.abs();
        }
        let mut tracker = settings.tracker();
        let mut counts: HashMap<FailureId, u64> = HashMap::new();
        for (time, id) in timed(&failures) {
            let count = counts.entry(id.clone()).or_default();
            *count += 1;
            match tracker.record(&Failure::new(id).at(time), time) {
                // Going backwards, nothing fades and nothing is forgotten.
                Decision::Counted { retries, .. } if !settings.increment => {
                    prop_assert_eq!(retries, *count);
                }
                Decision::Counted { .. } => {}
                _ => *count = 0,
            }
        }
        prop_assert_eq!(tracker.totals().found_total, failures.len() as u64);
    }
}
