//! Trying the expressions on a line.

use std::sync::Arc;

use super::builder::Parts;
use super::dns::{UseDns, ids_of_host};
use super::facts::{Fact, Facts};
use super::gather::{Gathered, Part, Texts};
use super::id::{FailureId, Family};
use super::lines::{BufferedLine, Split, join};
use super::mlfid::{Matched, is_nofail};
use super::names::Name;
use super::options::TimeCheck;
use super::outcome::{Detail, Finding, Mark, Trouble};
use super::rule::{Roles, Rule};
use super::scout::Answers;
use super::session::{BreaksOff, Known, Search, Session};
use super::split::DatedLine;
use crate::pattern::{LimitReached, Slots};
use crate::time::Timestamp;

/// How the search of a line goes on after a match.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

/// What a match is counted under.
enum Identity {
    /// The address that it captured, as it is.
    Address,
    Ids(Vec<FailureId>),
    /// Not known yet: a later line of the session may tell.
    Unknown,
    /// Not known, and never will be.
    Nothing,
}

/// What a match is counted under, and the address it captured if that is
/// something else.
type Identified = Result<(Identity, Option<FailureId>), BreaksOff>;

impl Session {
    /// Tries the expressions on the text that has been put together.
    pub(super) fn find(
        &mut self,
        filter: &Parts,
        dated: &DatedLine<'_>,
        known: Known<'_>,
        now: Timestamp,
    ) -> Result<(), BreaksOff> {
        let Known {
            candidates,
            mut answers,
            ..
        } = known;
        if filter.ignores_early() && !self.scouting && self.ignore(filter, None) {
            return Ok(());
        }
        let original = self.buffer.clone();
        if !self.match_prefix(filter, answers.as_ref()) {
            return Ok(());
        }
        match candidates {
            Some(candidates) => self.search.candidates.clone_from(candidates),
            None if answers.is_some() => {}
            None => self.choose_candidates(filter),
        }
        let mut from = 0;
        while let Some(index) = match &answers {
            Some(answers) => answers.next(),
            None => self.search.candidates.next(from),
        } {
            from = index + 1;
            // Literals of ignoreregexes may be among those that were looked for.
            let Some(rule) = filter.failregex.get(index) else {
                break;
            };
            let matches = match &mut answers {
                Some(answers) => answers.take(&mut self.search.slots),
                None => self.matches(rule),
            };
            if !matches {
                continue;
            }
            if self.scouting {
                let slots = &self.search.slots;
                self.report.push(index, Mark::Failure, slots, None, None);
                if self.options.check_all {
                    continue;
                }
                break;
            }
            let lines = filter.max_lines > 1;
            let split = lines.then(|| self.split_lines(rule, &original));
            if !filter.ignoreregex.is_empty() && self.ignore(filter, split.as_ref()) {
                if let Some(split) = split {
                    self.take_rest(filter, split);
                }
                if self.options.check_all {
                    continue;
                }
                break;
            }
            if dated.undated {
                self.report.troubles.push(Trouble::NoDate);
                let check = self.options.time_check;
                let checked = !matches!(check, TimeCheck::Off | TimeCheck::Replay);
                if dated.time.is_none() && checked {
                    continue;
                }
            }
            let next = match split {
                None if self.is_plain(filter, rule) => {
                    let full = &mut self.search.full;
                    full.clear();
                    full.extend(self.last_date.full(dated));
                    let mark = self.plain_mark(filter, rule);
                    let slots = &self.search.slots;
                    self.report.push(index, mark, slots, None, None);
                    self.after_a_hit()
                }
                None => {
                    self.gather(filter, rule);
                    self.record(filter, index, dated, None, now)?
                }
                Some(split) => {
                    let line = |line: &BufferedLine| Arc::clone(&line.full);
                    let matched: Vec<Arc<str>> = split.matched.iter().map(line).collect();
                    self.gather(filter, rule);
                    let next = self.record(filter, index, dated, Some(&matched), now);
                    self.take_rest(filter, split);
                    next?
                }
            };
            if next == Next::Stop {
                break;
            }
            if !lines && !self.options.check_all {
                // A match without an id: the search goes on without the line.
                self.replace_text(filter, "");
                answers = None;
            }
        }
        Ok(())
    }

    /// Searches the prefregex. Its `content`, if there is any, becomes the
    /// text. Whether the search goes on.
    fn match_prefix(&mut self, filter: &Parts, answers: Option<&Answers<'_>>) -> bool {
        let Some(prefregex) = &filter.prefregex else {
            return true;
        };
        let search = &mut self.search;
        let matches = match answers {
            Some(answers) => answers.prefix(&mut search.prefix_slots),
            None => self.search_prefix(filter, prefregex),
        };
        if !matches {
            return false;
        }
        self.report.prefix_matched = true;
        let Search {
            text,
            content,
            prefix_slots,
            ..
        } = &mut self.search;
        let group = prefregex.roles().content;
        let found = group.and_then(|group| Some(&text.text[prefix_slots.get(group)?]));
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            content.text.clear();
            content.text.push_str(found);
            content.text.push('\n');
            let lines = filter.max_lines > 1;
            if text.ascii && !lines {
                // A part of it has no newline that it has not.
                content.ascii = true;
                content.odd = text.odd || found.ends_with('\n');
            } else {
                content.changed(lines);
            }
            if lines {
                self.buffer = vec![BufferedLine {
                    text: found.into(),
                    full: found.into(),
                }];
            }
            self.search.has_content = true;
        }
        true
    }

    fn search_prefix(&mut self, filter: &Parts, prefregex: &Rule) -> bool {
        let search = &mut self.search;
        filter
            .prefix_filter()
            .candidates(search.text.haystack(), &mut search.prefix_candidates);
        if !search.prefix_candidates.contains(0) {
            return false;
        }
        let text = &search.text;
        let found = prefregex.search(text.haystack(), text.odd, &mut search.prefix_slots);
        self.resolved(prefregex, found)
    }

    fn choose_candidates(&mut self, filter: &Parts) {
        let Search {
            text,
            content,
            has_content,
            candidates,
            ..
        } = &mut self.search;
        let current = if *has_content { content } else { text };
        filter
            .prefilter()
            .candidates(current.haystack(), candidates);
    }

    /// Whether a failregex matches the text; its groups are then in the slots.
    fn matches(&mut self, rule: &Rule) -> bool {
        let Search {
            text,
            content,
            has_content,
            slots,
            ..
        } = &mut self.search;
        let current = if *has_content { content } else { text };
        let found = rule.search(current.haystack(), current.odd, slots);
        self.resolved(rule, found)
    }

    fn resolved(&mut self, rule: &Rule, found: Result<bool, LimitReached>) -> bool {
        found.unwrap_or_else(|_| {
            self.report.troubles.push(Trouble::LimitReached {
                kind: rule.kind(),
                rule: rule.index(),
            });
            false
        })
    }

    /// Tries the ignoreregexes: on the whole text, or on the lines of a match.
    fn ignore(&mut self, filter: &Parts, split: Option<&Split>) -> bool {
        if let Some(split) = split {
            join(&split.matched, &mut self.search.ignore_text.text);
            self.search.ignore_text.changed(true);
        }
        let mut ignored = false;
        for rule in &filter.ignoreregex {
            let Search {
                text,
                content,
                has_content,
                ignore_text,
                ignore_slots,
                ..
            } = &mut self.search;
            let text = match split {
                Some(_) => ignore_text,
                None if *has_content => content,
                None => text,
            };
            let found = rule.search(text.haystack(), text.odd, ignore_slots);
            if self.resolved(rule, found) {
                self.report.ignored_by.push(rule.index());
                ignored = true;
                if !self.options.check_all {
                    break;
                }
            }
        }
        ignored
    }

    /// Which lines of the buffer the match in the slots took.
    fn split_lines(&self, rule: &Rule, lines: &[BufferedLine]) -> Split {
        let text = &self.search.current().text;
        let slots = &self.search.slots;
        let mut skipped = String::new();
        for n in 0.. {
            let name = format!("skiplines{n}");
            if rule.pattern().group(&name).is_none() {
                break;
            }
            skipped.push_str(rule.group_text(&name, text, slots).unwrap_or_default());
        }
        let found = slots.get(0).unwrap_or(0..0);
        Split::new(lines, text, found.start, found.end, &skipped)
    }

    /// The search of a filter with `maxlines` goes on with the lines that a
    /// match has left.
    fn take_rest(&mut self, filter: &Parts, split: Split) {
        self.buffer = split.unmatched;
        let content = &mut self.search.content;
        join(&self.buffer, &mut content.text);
        content.changed(true);
        self.search.has_content = true;
        self.choose_candidates(filter);
    }

    /// The search goes on in another text.
    fn replace_text(&mut self, filter: &Parts, text: &str) {
        let content = &mut self.search.content;
        content.text.clear();
        content.text.push_str(text);
        content.text.push('\n');
        content.changed(filter.max_lines > 1);
        self.search.has_content = true;
        self.choose_candidates(filter);
    }

    /// Whether the match in the slots is a failure of the address it captured,
    /// whatever else is in it.
    fn is_plain(&self, filter: &Parts, rule: &Rule) -> bool {
        let own = rule.roles();
        let prefix = filter.prefregex.as_ref().map(Rule::roles);
        if !own.plain || prefix.is_some_and(|prefix| !prefix.plain) {
            return false;
        }
        let slots = &self.search.slots;
        let has = |group: Option<usize>| group.is_some_and(|group| slots.get(group).is_some());
        has(own.ip4) || has(own.ip6)
    }

    fn plain_mark(&self, filter: &Parts, rule: &Rule) -> Mark {
        if !self.options.hide_nofail {
            return Mark::Failure;
        }
        let own = rule
            .roles()
            .nofail
            .and_then(|group| self.search.slots.get(group));
        let range = own.or_else(|| {
            let group = filter.prefregex.as_ref()?.roles().nofail?;
            self.search.prefix_slots.get(group)
        });
        match range {
            Some(range) if !range.is_empty() => Mark::NoFail,
            _ => Mark::Failure,
        }
    }

    /// Collects the groups of the match in the slots.
    fn gather(&mut self, filter: &Parts, rule: &Rule) {
        let mut gathered = std::mem::take(&mut self.search.gathered);
        gather(
            filter,
            rule,
            &self.search,
            &self.search.slots,
            &mut gathered,
        );
        self.search.gathered = gathered;
    }

    /// What a finding is about that was only marked so far.
    pub(super) fn detail(&self, finding: &Finding) -> Detail {
        let filter = self.filter.parts();
        if let Some(number) = finding.connection {
            return self.detail_of_connection(filter, number);
        }
        let rule = &filter.failregex[finding.rule];
        let mut gathered = Gathered::default();
        gather(filter, rule, &self.search, &finding.slots, &mut gathered);
        let mut facts = Facts::default();
        facts.replace(&gathered, self.search.texts());
        Detail {
            id: address_of(&facts),
            captures: facts.to_captures(&filter.names),
            users: None,
            matches: vec![self.search.full.as_str().into()],
        }
    }

    /// What a finding is about that was made by an address, or has no id yet.
    fn detail_of_connection(&self, filter: &Parts, number: usize) -> Detail {
        let record = self.connections.record(number);
        Detail {
            id: address_of(&record.facts),
            captures: record.facts.to_captures(&filter.names),
            users: record.users.to_set(),
            matches: record.matches.to_vec(),
        }
    }

    /// The address that a finding was made by, if nothing else says whose it is
    /// and nothing else of it was asked for: what [`Session::detail`] comes to.
    pub(super) fn plain_id(&self, finding: &Finding) -> Option<FailureId> {
        if finding.detail.get().is_some() {
            return None;
        }
        if let Some(number) = finding.connection {
            return address_of(&self.connections.record(number).facts);
        }
        let filter = self.filter.parts();
        let has_address = |roles: &Roles| roles.ip4.is_some() || roles.ip6.is_some();
        let prefix = filter.prefregex.as_ref().map(Rule::roles);
        if prefix.is_some_and(has_address) {
            return None;
        }
        let own = filter.failregex[finding.rule].roles();
        let text = |group: Option<usize>| {
            let range = finding.slots.get(group?)?;
            self.search.current().text.get(range)
        };
        let id = |group, family| Some(FailureId::of_family(text(group)?, family));
        id(own.ip4, Family::Inet4).or_else(|| id(own.ip6, Family::Inet6))
    }

    /// Turns what was gathered into findings. `lines` are those that the match
    /// took, if it is not the line itself.
    fn record(
        &mut self,
        filter: &Parts,
        rule: usize,
        dated: &DatedLine<'_>,
        lines: Option<&[Arc<str>]>,
        now: Timestamp,
    ) -> Result<Next, BreaksOff> {
        self.settle(filter);
        let check_all = self.options.check_all;
        let Session {
            search,
            connections,
            last_date,
            ..
        } = self;
        let Search {
            gathered,
            text,
            content,
            has_content,
            ..
        } = search;
        let texts = Texts {
            line: &text.text,
            content: if *has_content {
                &content.text
            } else {
                &text.text
            },
        };
        let full = || Matched::Line(last_date.full(dated));
        let matched = lines.map_or_else(full, Matched::Lines);
        let Some(connection) = gathered.get(Name::MLFID).cloned() else {
            search.facts.replace(gathered, texts);
            let matches = matched.to_vec();
            return self.record_alone(filter, rule, matches);
        };
        let id = connection.as_id(texts);
        let number = connections.merge(&id, gathered, texts, matched, now);
        if connections.record(number).is_nofail() && !check_all {
            self.report.quiet = true;
            return Ok(Next::Stop);
        }
        let identified = self.identify(&self.connections.record(number).facts, true);
        let record = self.connections.record_mut(number);
        record.pending |= matches!(identified, Ok((Identity::Unknown, _)));
        let (identity, address) = identified?;
        if let Some(address) = address {
            record.facts.set_address(Name::IP, address);
        }
        if record.pending && !check_all && !self.options.report_pending {
            self.report.waiting = true;
            return Ok(Next::Stop);
        }
        let mark = match identity {
            _ if self.options.hide_nofail && record.is_nofail() => Mark::NoFail,
            Identity::Unknown => Mark::Pending,
            _ => Mark::Failure,
        };
        match identity {
            Identity::Nothing => return Ok(Next::GoOn),
            Identity::Address | Identity::Unknown => {
                let slots = &self.search.slots;
                self.report.push(rule, mark, slots, Some(number), None);
            }
            Identity::Ids(ids) => {
                for id in ids {
                    let mut detail = self.detail_of_connection(filter, number);
                    detail.id = Some(id);
                    let slots = &self.search.slots;
                    let connection = Some(number);
                    self.report
                        .push(rule, mark, slots, connection, Some(detail));
                }
            }
        }
        Ok(self.after_a_hit())
    }

    /// Makes findings of a match that belongs to no connection.
    fn record_alone(
        &mut self,
        filter: &Parts,
        rule: usize,
        matches: Vec<Arc<str>>,
    ) -> Result<Next, BreaksOff> {
        let (identity, address) = self.identify(&self.search.facts, false)?;
        let facts = &mut self.search.facts;
        let ids = match identity {
            Identity::Address => address_of(facts).into_iter().collect(),
            Identity::Ids(ids) => ids,
            Identity::Unknown | Identity::Nothing => return Ok(Next::GoOn),
        };
        if let Some(address) = address {
            facts.set_address(Name::IP, address);
        }
        let mark = if self.options.hide_nofail && is_nofail(facts) {
            Mark::NoFail
        } else {
            Mark::Failure
        };
        for id in ids {
            let detail = Detail {
                id: Some(id),
                captures: self.search.facts.to_captures(&filter.names),
                users: None,
                matches: matches.clone(),
            };
            let slots = &self.search.slots;
            self.report.push(rule, mark, slots, None, Some(detail));
        }
        Ok(self.after_a_hit())
    }

    /// Another match may change what is known of a connection: what findings of
    /// the line say of it is made out before.
    fn settle(&mut self, filter: &Parts) {
        for index in 0..self.report.found {
            let finding = &self.report.findings[index];
            if let (Some(number), None) = (finding.connection, finding.detail.get()) {
                let detail = self.detail_of_connection(filter, number);
                self.report.findings[index].detail = detail.into();
            }
        }
    }

    fn after_a_hit(&self) -> Next {
        if self.options.check_all {
            Next::GoOn
        } else {
            Next::Stop
        }
    }

    /// Decides what a failure is counted under.
    fn identify(&self, facts: &Facts, in_session: bool) -> Identified {
        let raw = self.options.raw_ids || self.filter.use_dns() == UseDns::Raw;
        let fid = facts.get(Name::FID);
        let named = |name, family| Some((facts.get(name)?, family));
        let address = named(Name::IP4, Family::Inet4).or_else(|| named(Name::IP6, Family::Inet6));
        let (text, id) = if let Some((value, family)) = address {
            let Fact::Text(text) = value else {
                return Err("an address made of several captures".into());
            };
            let length = facts.non_empty(Name::CIDR);
            if fid.is_none() && length.is_none() {
                return Ok((Identity::Address, None));
            }
            let id = match length {
                None => FailureId::of_family(text, family),
                Some(length) => prefixed(text, length)?,
            };
            (text, id)
        } else if let Some(dns) = facts.get(Name::DNS) {
            let name = dns.as_text().ok_or("a host made of several captures")?;
            if !raw {
                let resolver = &*self.options.resolver;
                let ids = ids_of_host(name, self.filter.use_dns(), resolver);
                return Ok((Identity::Ids(ids), None));
            }
            (name, FailureId::raw(name))
        } else {
            let identity = match fid {
                Some(fid) => Identity::Ids(vec![free_id(fid, raw)?]),
                None if in_session => Identity::Unknown,
                None => Identity::Nothing,
            };
            return Ok((identity, None));
        };
        match fid {
            None => Ok((Identity::Ids(vec![id]), None)),
            Some(fid) if fid.as_text() == Some(text) => Ok((Identity::Ids(vec![id]), None)),
            Some(fid) => Ok((Identity::Ids(vec![free_id(fid, raw)?]), Some(id))),
        }
    }
}

/// Collects the groups of a match, over those of the prefregex.
fn gather(filter: &Parts, rule: &Rule, search: &Search, slots: &Slots, out: &mut Gathered) {
    let texts = search.texts();
    if let Some(prefregex) = &filter.prefregex {
        prefregex.gather_prefix(texts, &search.prefix_slots, out);
        // With nothing to merge with, the groups that took no part stay.
        if !out.is_empty() {
            return rule.overwrite(texts, slots, out);
        }
    }
    rule.gather(Part::Content, texts, slots, out);
}

/// The address of a failure that is counted under it, as it is.
fn address_of(facts: &Facts) -> Option<FailureId> {
    let id = |name, family| {
        let text = facts.get(name)?.as_text()?;
        Some(FailureId::of_family(text, family))
    };
    id(Name::IP4, Family::Inet4).or_else(|| id(Name::IP6, Family::Inet6))
}

/// An address with the length of its prefix.
fn prefixed(text: &str, length: Fact<'_>) -> Result<FailureId, BreaksOff> {
    let length = length.as_text().unwrap_or_default();
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err("a prefix length that is no number".into());
    }
    let length = length.parse().unwrap_or(u64::MAX);
    Ok(FailureId::prefixed(text, length))
}

/// An id that need not be an address.
fn free_id(value: Fact<'_>, raw: bool) -> Result<FailureId, BreaksOff> {
    match value {
        Fact::Text(text) if raw => Ok(FailureId::raw(text)),
        // What tells addresses from names takes no such text.
        Fact::Text(text) if text.contains('\0') => Err("a NUL character in an id".into()),
        Fact::Text(text) => FailureId::free(text).map_err(|_| "a network mask with holes".into()),
        Fact::Tuple(parts) => Ok(FailureId::tuple(parts)),
        Fact::Address(id) => Ok(id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{Filter, Hit, SessionOptions, Timestamp, Trouble};

    #[test]
    fn an_id_with_a_nul_character_is_no_id() {
        let mut builder = Filter::builder();
        builder
            .failregex("^ <F-ID>\\S+</F-ID>$")
            .datepattern("{NONE}");
        let filter = builder.build().unwrap();
        let troubles = |options: &SessionOptions| {
            let mut session = filter.session_with(options);
            session.feed(" a\0b", Timestamp::from_whole_seconds(0));
            session.troubles().to_vec()
        };
        let options = SessionOptions::new();
        assert!(matches!(
            troubles(&options)[..],
            [Trouble::BreaksOff { .. }]
        ));
        // Raw ids are any text.
        assert_eq!(troubles(&options.raw_ids(true)), []);
    }

    #[test]
    fn the_groups_of_the_prefregex_and_the_date_can_be_asked_for() {
        let mut builder = Filter::builder();
        builder
            .prefregex("^ <F-X>\\S+</F-X> <F-CONTENT>.+</F-CONTENT>$")
            .failregex("^<HOST>$")
            .datepattern("EPOCH");
        let filter = builder.build().unwrap();
        let mut session = filter.session();
        let now = Timestamp::from_whole_seconds(1_124_013_600);
        session.feed("1124013600 a 192.0.2.1", now);
        assert_eq!(session.date_place(), 0..10);
        let groups = session.prefix_captures().unwrap();
        let groups: Vec<_> = groups.iter().map(|(name, _)| name).collect();
        assert_eq!(groups, ["x", "content"]);
        session.feed("1124013600 a", now);
        assert!(session.prefix_captures().is_none());
    }

    #[test]
    fn a_hit_knows_nothing_of_the_matches_after_it() {
        let mut builder = Filter::builder();
        builder
            .prefregex("^ <F-MLFID>\\S+</F-MLFID> <F-CONTENT>.+</F-CONTENT>$")
            .failregex("^<ADDR> ")
            .failregex("^<ADDR> <F-ID>\\S+</F-ID>")
            .failregex("^<F-USER>\\S+</F-USER>")
            .datepattern("{NONE}");
        let filter = builder.build().unwrap();
        let mut session = filter.session_with(&SessionOptions::testing());
        let now = Timestamp::from_whole_seconds(0);
        let outcome = session.feed(" x 192.0.2.1 y", now);
        let shown = |hit: Hit<'_>| {
            let names: Vec<&str> = hit.captures().iter().map(|(name, _)| name).collect();
            let id = hit.id().map(ToString::to_string);
            let users = hit.users().map_or(0, BTreeSet::len);
            (
                id.unwrap_or_default(),
                names.join(" "),
                users,
                hit.matches().len(),
            )
        };
        let hits: Vec<_> = outcome.hits().iter().map(shown).collect();
        let ip = "192.0.2.1".to_owned();
        assert_eq!(
            hits,
            [
                (ip, "mlfid ip4".to_owned(), 0, 1),
                ("y".to_owned(), "mlfid ip4 fid ip".to_owned(), 0, 1),
                (
                    "y".to_owned(),
                    "mlfid ip4 fid ip users user".to_owned(),
                    1,
                    1
                ),
            ]
        );
    }
}
