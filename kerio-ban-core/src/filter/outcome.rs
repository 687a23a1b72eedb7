//! What became of a line.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::data::{Captures, Value};
use super::id::FailureId;
use super::rule::{Rule, RuleKind};
use super::session::Session;
use crate::pattern::Slots;
use crate::time::Timestamp;

/// What became of a line.
#[derive(Debug)]
pub enum Outcome<'s> {
    /// No failregex matched.
    Missed,
    /// An ignoreregex matched.
    Ignored,
    /// The line belongs to a failure by its `F-MLFID`, but says itself that it
    /// is none (`F-NOFAIL`).
    NoFail(Hits<'s>),
    /// A failure whose id is not known yet; a later line of the same
    /// `F-MLFID` may tell.
    Pending(Hits<'s>),
    /// At least one failure.
    Failure(Hits<'s>),
}

impl<'s> Outcome<'s> {
    /// The failures: none unless the outcome is [`Outcome::Failure`].
    pub fn failures(&self) -> impl Iterator<Item = Hit<'s>> + use<'s> {
        let hits = match self {
            Outcome::Failure(hits) => *hits,
            _ => Hits::NONE,
        };
        hits.iter().filter(|hit| hit.mark() == Mark::Failure)
    }

    /// Everything the rules found, failures or not.
    pub fn hits(&self) -> Hits<'s> {
        match self {
            Outcome::Missed | Outcome::Ignored => Hits::NONE,
            Outcome::NoFail(hits) | Outcome::Pending(hits) | Outcome::Failure(hits) => *hits,
        }
    }
}

/// What a hit amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A failure.
    Failure,
    /// Marked as none by `F-NOFAIL`.
    NoFail,
    /// Without an id so far.
    Pending,
}

/// What the rules found in a line, in the order of the rules.
///
/// Normally one; several when all rules are tried, or when a name resolved to
/// several addresses.
#[derive(Clone, Copy)]
pub struct Hits<'s> {
    /// `None` if there are no hits.
    session: Option<&'s Session>,
}

impl<'s> Hits<'s> {
    const NONE: Hits<'static> = Hits { session: None };

    pub(super) fn new(session: &'s Session) -> Hits<'s> {
        Hits {
            session: Some(session),
        }
    }

    /// The hits one by one.
    pub fn iter(&self) -> impl Iterator<Item = Hit<'s>> + use<'s> {
        let session = self.session;
        let findings = session.map_or(&[][..], Session::findings);
        let hit = move |finding| session.map(|session| Hit { finding, session });
        findings.iter().filter_map(hit)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.session.map_or(0, |session| session.findings().len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Hits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One thing a rule found.
#[derive(Clone, Copy)]
pub struct Hit<'s> {
    finding: &'s Finding,
    session: &'s Session,
}

impl<'s> Hit<'s> {
    /// The failregex that matched.
    pub fn rule(&self) -> &'s Rule {
        &self.session.filter().failregex()[self.finding.rule]
    }

    /// What it amounts to.
    pub fn mark(&self) -> Mark {
        self.finding.mark
    }

    /// What the failure is counted under. `None` while pending.
    pub fn id(&self) -> Option<&'s FailureId> {
        self.detail().id.as_ref()
    }

    /// The address to ban, where it differs from the id.
    pub fn ip(&self) -> Option<&'s FailureId> {
        match self.captures().get("ip") {
            Some(Value::Address(ip)) => Some(ip),
            _ => None,
        }
    }

    /// The time of the failure. `None` if the line has no date and time checks
    /// are off.
    pub fn time(&self) -> Option<Timestamp> {
        self.session.time()
    }

    /// Which bytes of the line's text the rule matched: from the first to the
    /// last, with the date where it stands between them. `None` if they lie in
    /// earlier lines, or if that is not known any more. For a line that came
    /// split, in its parts put together.
    pub fn place(&self) -> Option<Range<usize>> {
        self.session.place(self.finding)
    }

    /// Everything captured, on this line and on earlier ones of its session.
    pub fn captures(&self) -> &'s Captures {
        &self.detail().captures
    }

    /// The text of a group, under fail2ban's names (`user`, `ip4`, ...).
    pub fn capture(&self, name: &str) -> Option<&'s str> {
        self.captures().text(name)
    }

    /// All user names seen in the session of this line, sorted. `None` outside
    /// of a session, or if none was captured.
    pub fn users(&self) -> Option<&'s BTreeSet<Arc<str>>> {
        self.detail().users.as_ref()
    }

    /// The lines that belong to the failure, in full.
    pub fn matches(&self) -> &'s [Arc<str>] {
        &self.detail().matches
    }

    /// The failure as a value of its own. `None` unless it is one.
    pub fn to_failure(&self) -> Option<Failure> {
        (self.mark() == Mark::Failure).then_some(())?;
        Some(Failure {
            id: self.id()?.clone(),
            time: self.time(),
            rule: self.finding.rule,
            captures: self.captures().clone(),
            users: self.users().cloned(),
            matches: self.matches().to_vec(),
            tag: 0,
        })
    }

    /// The same without the lines, and without what was captured but the
    /// address to ban: enough for a decision, in a fraction of the memory.
    pub fn to_bare_failure(&self) -> Option<Failure> {
        (self.mark() == Mark::Failure).then_some(())?;
        let (id, ip) = match self.session.plain_id(self.finding) {
            Some(id) => (id, None),
            None => (self.id()?.clone(), self.ip()),
        };
        let mut failure = Failure::new(id);
        failure.time = self.time();
        failure.rule = self.finding.rule;
        if let Some(ip) = ip.filter(|ip| **ip != failure.id) {
            failure.captures = [("ip", Value::Address(ip.clone()))].into_iter().collect();
        }
        Some(failure)
    }

    /// Made when it is first asked for: whoever only counts hits pays nothing.
    fn detail(&self) -> &'s Detail {
        self.finding
            .detail
            .get_or_init(|| self.session.detail(self.finding))
    }
}

impl fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit")
            .field("rule", self.rule())
            .field("mark", &self.mark())
            .field("id", &self.id())
            .field("time", &self.time())
            .field("captures", self.captures())
            .finish_non_exhaustive()
    }
}

/// A failure that outlives the line it was found in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What it is counted under.
    pub id: FailureId,
    /// When it happened, if known.
    pub time: Option<Timestamp>,
    /// The index of the failregex.
    pub rule: usize,
    /// What was captured.
    pub captures: Captures,
    /// All user names seen in its session.
    pub users: Option<BTreeSet<Arc<str>>>,
    /// The lines that belong to it.
    pub matches: Vec<Arc<str>>,
    /// A number of the caller's, by which the failure can be found again in
    /// the [`Ban`](crate::Ban) that follows: of its line, say.
    pub tag: u64,
}

impl Failure {
    /// A failure of somebody, found by the first rule at an unknown time.
    pub fn new(id: FailureId) -> Failure {
        Failure {
            id,
            time: None,
            rule: 0,
            captures: Captures::default(),
            users: None,
            matches: Vec::new(),
            tag: 0,
        }
    }

    /// The same failure at a known time.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Failure {
        self.time = Some(time);
        self
    }

    /// The same failure with a number of the caller's.
    #[must_use]
    pub fn with_tag(mut self, tag: u64) -> Failure {
        self.tag = tag;
        self
    }

    /// The same failure with one more line that belongs to it.
    #[must_use]
    pub fn with_line(mut self, line: impl Into<Arc<str>>) -> Failure {
        self.matches.push(line.into());
        self
    }
}

/// A hit as the session stores it until the next line.
pub(super) struct Finding {
    pub(super) rule: usize,
    pub(super) mark: Mark,
    /// The groups of the match; what `detail` is made of if it is not known.
    pub(super) slots: Slots,
    /// The number of its connection's record, which then supplies the rest.
    pub(super) connection: Option<usize>,
    pub(super) detail: OnceCell<Detail>,
}

/// What a hit says beyond its rule.
pub(super) struct Detail {
    pub(super) id: Option<FailureId>,
    pub(super) captures: Captures,
    pub(super) users: Option<BTreeSet<Arc<str>>>,
    pub(super) matches: Vec<Arc<str>>,
}

/// Something about a line that its outcome does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// A rule reached the backtracking limit: whether it matches is not known,
    /// and it is taken not to.
    LimitReached {
        /// What the rule is for.
        kind: RuleKind,
        /// Its index.
        rule: usize,
    },
    /// fail2ban itself breaks off at this line with an exception, and counts
    /// nothing.
    BreaksOff {
        /// Why.
        reason: Arc<str>,
    },
    /// The text that was found as the date is none.
    BadDate,
    /// A failure was found in a line without a date.
    NoDate,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::LimitReached { kind, rule } => {
                write!(f, "backtracking limit reached by {kind}[{rule}]")
            }
            Trouble::BreaksOff { reason } => {
                write!(f, "fail2ban breaks off at this line: {reason}")
            }
            Trouble::BadDate => write!(f, "what looks like the date is none"),
            Trouble::NoDate => write!(f, "a failure in a line without a date"),
        }
    }
}
