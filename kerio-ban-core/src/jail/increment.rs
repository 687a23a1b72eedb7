//! How long a ban lasts that is not the first.

use super::formula::Formula;
use crate::error::Error;

/// The settings of `bantime.increment`.
#[derive(Clone, Debug)]
pub struct Increment {
    factor: f64,
    growth: Growth,
    max_time: Option<f64>,
    random_time: Option<f64>,
    overall_jails: bool,
}

#[derive(Clone, Debug)]
enum Growth {
    /// Twice as long each time, up to 2^20.
    Doubling,
    Formula(Formula),
    Multipliers(Vec<i64>),
}

/// Beyond this many earlier bans the time doubles no more.
const MAX_DOUBLINGS: u64 = 20;

impl Increment {
    /// fail2ban's own settings: the time doubles with each ban.
    pub fn new() -> Increment {
        Increment {
            factor: 1.0,
            growth: Growth::Doubling,
            max_time: None,
            random_time: None,
            overall_jails: false,
        }
    }

    /// Sets `bantime.factor`.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets `bantime.formula`.
    #[must_use]
    pub fn formula(mut self, formula: Formula) -> Self {
        self.growth = Growth::Formula(formula);
        self
    }

    /// Sets `bantime.formula` from its text.
    ///
    /// # Errors
    /// `bad-formula`.
    pub fn formula_text(self, text: &str) -> Result<Self, Error> {
        Ok(self.formula(text.parse()?))
    }

    /// Sets `bantime.multipliers`, which take the place of the formula; none
    /// leaves it. The last one serves for all further bans.
    #[must_use]
    pub fn multipliers(mut self, multipliers: Vec<i64>) -> Self {
        if !multipliers.is_empty() {
            self.growth = Growth::Multipliers(multipliers);
        }
        self
    }

    /// Sets `bantime.maxtime`, in seconds.
    #[must_use]
    pub fn max_time(mut self, seconds: Option<f64>) -> Self {
        self.max_time = seconds;
        self
    }

    /// Sets `bantime.rndtime`, in seconds: up to this much is added at random.
    #[must_use]
    pub fn random_time(mut self, seconds: Option<f64>) -> Self {
        self.random_time = seconds;
        self
    }

    /// Sets `bantime.overalljails`: whether bans in other jails count.
    #[must_use]
    pub fn overall_jails(mut self, yes: bool) -> Self {
        self.overall_jails = yes;
        self
    }

    pub(super) fn counts_all_jails(&self) -> bool {
        self.overall_jails
    }

    pub(super) fn limit(&self) -> Option<f64> {
        self.max_time
    }

    /// The time of a ban after `count` earlier ones, in seconds. `None` where
    /// fail2ban's formula would raise: the ban then keeps its time.
    pub(super) fn ban_time(
        &self,
        base: f64,
        count: u64,
        random: &mut dyn FnMut() -> f64,
    ) -> Option<f64> {
        let mut time = match &self.growth {
            Growth::Doubling => {
                let doublings = count.min(MAX_DOUBLINGS) as i32;
                base.max(base * 2f64.powi(doublings) * self.factor)
            }
            Growth::Formula(formula) => {
                base.max(formula.evaluate(base, count, self.factor, &mut *random)?)
            }
            Growth::Multipliers(multipliers) => {
                let index = usize::try_from(count).unwrap_or(usize::MAX);
                let multiplier = multipliers.get(index).or(multipliers.last())?;
                base * self.factor * *multiplier as f64
            }
        };
        if let Some(limit) = self.max_time {
            time = time.min(limit);
        }
        if let Some(range) = self.random_time {
            time += random() * range;
        }
        Some(time)
    }

    /// How many retries a failure of an id counts that was banned `count`
    /// times.
    pub(super) fn retries(count: u64, max_retry: f64) -> f64 {
        let doublings = count.min(MAX_DOUBLINGS) as i32;
        (2f64.powi(doublings) / 2.0 + 1.0).min(max_retry)
    }
}

impl Default for Increment {
    fn default() -> Increment {
        Increment::new()
    }
}
