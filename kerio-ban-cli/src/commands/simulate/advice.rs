//! What would have banned somebody who was not banned: their failures are
//! replayed with other settings.

use kerio_ban_core::{Decision, Exemptions, Failure, FailureId, Jail, Timestamp};

/// The smallest changes that would have led to a ban, each with the moment of
/// that ban.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Advice {
    /// The highest `maxretry` that bans.
    pub(crate) max_retry: Option<(u64, Timestamp)>,
    /// The lowest `findtime` that bans, in whole seconds.
    pub(crate) find_time: Option<(u64, Timestamp)>,
}

/// How many failures are counted while every find time is tried in turn.
const MAX_STEPS: u64 = 1_000_000;

impl Advice {
    /// What would have banned an id with failures at these times, in the order
    /// of the log.
    pub(crate) fn of(jail: &Jail, id: &FailureId, times: &[Timestamp]) -> Advice {
        let history = History { jail, id, times };
        Advice {
            max_retry: history.max_retry(),
            find_time: history.find_time(),
        }
    }
}

/// When an id would have been banned if nobody was exempt.
pub(crate) fn ban_without_exemptions(
    jail: &Jail,
    id: &FailureId,
    times: &[Timestamp],
) -> Option<Timestamp> {
    let jail = jail.to_builder().exemptions(Exemptions::new()).build();
    History {
        jail: &jail,
        id,
        times,
    }
    .first_ban(&jail)
}

struct History<'a> {
    jail: &'a Jail,
    id: &'a FailureId,
    times: &'a [Timestamp],
}

impl History<'_> {
    /// When the first ban falls, if one does.
    fn first_ban(&self, jail: &Jail) -> Option<Timestamp> {
        let mut tracker = jail.tracker();
        let mut times = self.times.iter();
        times.find_map(|&time| {
            let failure = Failure::new(self.id.clone()).at(time);
            match tracker.record(&failure, time) {
                Decision::Ban(ban) => Some(ban.at()),
                _ => None,
            }
        })
    }

    /// The highest count that is reached is the highest `maxretry` that bans.
    fn max_retry(&self) -> Option<(u64, Timestamp)> {
        let mut tracker = self.jail.tracker();
        let mut highest = 0;
        for &time in self.times {
            let failure = Failure::new(self.id.clone()).at(time);
            if let Decision::Counted { retries, .. } = tracker.record(&failure, time) {
                highest = highest.max(retries);
            }
        }
        let below = highest.min(self.jail.max_retry().saturating_sub(1));
        (1..=below).rev().take(2).find_map(|failures| {
            let jail = self.jail.to_builder().max_retry(failures).build();
            Some((failures, self.first_ban(&jail)?))
        })
    }

    fn with_find_time(&self, seconds: u64) -> Option<(u64, Timestamp)> {
        let jail = self.jail.to_builder().find_time(seconds as f64).build();
        Some((seconds, self.first_ban(&jail)?))
    }

    /// Every find time is tried, or, if these are too many, they are halved:
    /// counts that fade are rounded, so that in rare cases a shorter time bans
    /// where a longer one does not.
    fn find_time(&self) -> Option<(u64, Timestamp)> {
        let (first, last) = (self.times.iter().min()?, self.times.iter().max()?);
        // Within this time, none of the failures is forgotten.
        let mut enough = last.since(*first).ceil() as u64 + 1;
        let mut best = self.with_find_time(enough)?;
        let mut short = self.jail.find_time().max(0.0) as u64;
        let candidates = enough.saturating_sub(short);
        if candidates.saturating_mul(self.times.len() as u64) <= MAX_STEPS {
            return (short + 1..=enough).find_map(|seconds| self.with_find_time(seconds));
        }
        while enough - short > 1 {
            let middle = short + (enough - short) / 2;
            match self.with_find_time(middle) {
                Some(found) => {
                    best = found;
                    enough = middle;
                }
                None => short = middle,
            }
        }
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seconds: &[i64]) -> Vec<Timestamp> {
        seconds
            .iter()
            .map(|&seconds| Timestamp::from_whole_seconds(seconds))
            .collect()
    }

    fn advice(max_retry: u64, find_time: f64, seconds: &[i64]) -> (Option<u64>, Option<u64>) {
        let jail = Jail::builder("j")
            .max_retry(max_retry)
            .find_time(find_time)
            .build();
        let id = FailureId::parse("192.0.2.1").unwrap();
        let advice = Advice::of(&jail, &id, &times(seconds));
        (
            advice.max_retry.map(|(failures, _)| failures),
            advice.find_time.map(|(seconds, _)| seconds),
        )
    }

    #[test]
    fn the_smallest_change_is_found() {
        // Two failures are never three, however long they are remembered.
        assert_eq!(advice(3, 600.0, &[0, 100]), (Some(2), None));
        // The count of 2 fades to 1 unless three quarters of the time
        // since its beginning are remembered: half of a failure is rounded to 2.
        assert_eq!(advice(3, 600.0, &[0, 700, 1400]), (Some(1), Some(1050)));
        assert_eq!(advice(3, 600.0, &[]), (None, None));
        assert_eq!(advice(1, 600.0, &[]), (None, None));
        // Too many seconds to try them all.
        assert_eq!(
            advice(3, 600.0, &[0, 50_000_000, 100_000_000]),
            (Some(1), Some(75_000_000))
        );
    }

    #[test]
    fn what_is_advised_bans_and_less_does_not() {
        let cases: [&[i64]; 4] = [
            &[0, 500, 1200, 1900, 2600],
            &[0, 10, 20, 900, 1800, 2700],
            &[5, 3, 1000, 999, 5000],
            &[0, 650, 1300, 1950, 2600, 3250],
        ];
        for seconds in cases {
            let jail = Jail::builder("j").max_retry(4).build();
            let id = FailureId::parse("192.0.2.1").unwrap();
            let times = times(seconds);
            let history = History {
                jail: &jail,
                id: &id,
                times: &times,
            };
            assert_eq!(history.first_ban(&jail), None, "{seconds:?}");
            let (best, at) = history.find_time().unwrap();
            assert_eq!(history.with_find_time(best), Some((best, at)));
            assert!((600..best).all(|less| history.with_find_time(less).is_none()));
            let (failures, at) = history.max_retry().unwrap();
            let jail = |failures| Jail::builder("j").max_retry(failures).build();
            assert_eq!(history.first_ban(&jail(failures)), Some(at));
            assert_eq!(history.first_ban(&jail(failures + 1)), None);
        }
    }

    #[test]
    fn exemptions_can_be_left_out() {
        let jail = Jail::builder("j").max_retry(2).build();
        let id = FailureId::parse("192.0.2.1").unwrap();
        let at = ban_without_exemptions(&jail, &id, &times(&[0, 5, 9]));
        assert_eq!(at, Some(Timestamp::from_whole_seconds(5)));
    }
}
