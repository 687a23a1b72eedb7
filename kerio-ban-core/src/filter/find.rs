//! Trying the expressions on a line.

use std::sync::Arc;

use super::builder::Parts;
use super::data::{Captures, Value};
use super::dns::{UseDns, ids_of_host};
use super::id::{FailureId, Family};
use super::lines::{BufferedLine, Split, join};
use super::mlfid::Record;
use super::options::TimeCheck;
use super::outcome::{Detail, Finding, Mark, Trouble};
use super::rule::{Roles, Rule};
use super::session::{BreaksOff, Search, Session};
use super::split::DatedLine;
use crate::pattern::{Candidates, LimitReached};
use crate::time::Timestamp;

/// How the search of a line goes on after a match.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

/// What a match is counted under.
enum Identity {
    Ids(Vec<FailureId>),
    /// Not known yet: a later line of the session may tell.
    Unknown,
    /// Not known, and never will be.
    Nothing,
}

impl Session {
    /// Tries the expressions on the text that has been put together.
    pub(super) fn find(
        &mut self,
        filter: &Parts,
        dated: &DatedLine<'_>,
        candidates: Option<&Candidates>,
        now: Timestamp,
    ) -> Result<(), BreaksOff> {
        if filter.ignores_early() && self.ignore(filter, None) {
            return Ok(());
        }
        let original = self.buffer.clone();
        if !self.match_prefix(filter) {
            return Ok(());
        }
        match candidates {
            Some(candidates) => self.search.candidates.clone_from(candidates),
            None => self.choose_candidates(filter),
        }
        for (index, rule) in filter.failregex.iter().enumerate() {
            if !self.search.candidates.contains(index) || !self.matches(rule) {
                continue;
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
                    self.last_date.full_into(dated, &mut self.search.full);
                    let mark = self.plain_mark(filter, rule);
                    let slots = &self.search.slots;
                    self.report.push(index, mark, slots, None);
                    self.after_a_hit()
                }
                None => {
                    self.last_date.full_into(dated, &mut self.search.full);
                    let line = self.search.full.as_str().into();
                    let captures = self.captures(filter, rule, None);
                    self.record(index, captures, &[line], now)?
                }
                Some(split) => {
                    let captures = self.captures(filter, rule, None);
                    let line = |line: &BufferedLine| Arc::clone(&line.full);
                    let matched: Vec<Arc<str>> = split.matched.iter().map(line).collect();
                    self.take_rest(filter, split);
                    self.record(index, captures, &matched, now)?
                }
            };
            if next == Next::Stop {
                break;
            }
            if !lines && !self.options.check_all {
                // A match without an id: the search goes on without the line.
                self.replace_text(filter, "");
            }
        }
        Ok(())
    }

    /// Searches the prefregex. Its `content`, if there is any, becomes the
    /// text. Whether the search goes on.
    fn match_prefix(&mut self, filter: &Parts) -> bool {
        let Some(prefregex) = &filter.prefregex else {
            return true;
        };
        let search = &mut self.search;
        filter
            .prefix_filter()
            .candidates(search.text.haystack(), &mut search.prefix_candidates);
        if !search.prefix_candidates.contains(0) {
            return false;
        }
        let text = &search.text;
        let found = prefregex.search(text.haystack(), text.odd, &mut search.prefix_slots);
        if !self.resolved(prefregex, found) {
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

    /// The groups of a match, over those of the prefregex. The match is in the
    /// slots, or was the one of a finding.
    fn captures(&self, filter: &Parts, rule: &Rule, finding: Option<&Finding>) -> Captures {
        let slots = finding.map_or(&self.search.slots, |finding| &finding.slots);
        let text = &self.search.current().text;
        let Some(prefregex) = &filter.prefregex else {
            return rule.captures(text, slots);
        };
        let mut captures =
            prefregex.captures_of_prefix(&self.search.text.text, &self.search.prefix_slots);
        if captures.is_empty() {
            // Nothing to merge with: the groups that took no part stay.
            return rule.captures(text, slots);
        }
        rule.overwrite(&mut captures, text, slots);
        captures
    }

    /// What a finding is about that was only marked so far.
    pub(super) fn detail(&self, finding: &Finding) -> Detail {
        let filter = self.filter.parts();
        let rule = &filter.failregex[finding.rule];
        let mut record = Record::new(self.captures(filter, rule, Some(finding)));
        record.matches.push(self.search.full.as_str().into());
        let id = match self.identify(&mut record, false) {
            Ok(Identity::Ids(ids)) => ids.into_iter().next(),
            _ => None,
        };
        Detail {
            id,
            record: Arc::new(record),
        }
    }

    /// The address that a finding was made by, if nothing else says whose it is
    /// and nothing else of it was asked for: what [`Session::detail`] comes to.
    pub(super) fn plain_id(&self, finding: &Finding) -> Option<FailureId> {
        let filter = self.filter.parts();
        let has_address = |roles: &Roles| roles.ip4.is_some() || roles.ip6.is_some();
        let prefix = filter.prefregex.as_ref().map(Rule::roles);
        if finding.detail.get().is_some() || prefix.is_some_and(has_address) {
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

    /// Turns a match into findings.
    fn record(
        &mut self,
        rule: usize,
        captures: Captures,
        matched: &[Arc<str>],
        now: Timestamp,
    ) -> Result<Next, BreaksOff> {
        let check_all = self.options.check_all;
        let connection = captures.get("mlfid").map(|id| match id {
            Value::Text(text) => Arc::clone(text),
            other => format!("{other:?}").into(),
        });
        let mut record = match &connection {
            Some(connection) => {
                let record = self.connections.merge(connection, captures, matched, now);
                if record.is_nofail() && !check_all {
                    self.connections.keep(connection, &Arc::new(record));
                    self.report.quiet = true;
                    return Ok(Next::Stop);
                }
                record
            }
            None => {
                let mut record = Record::new(captures);
                record.matches = matched.to_vec();
                record
            }
        };
        let identity = self.identify(&mut record, connection.is_some());
        record.pending |= matches!(identity, Ok(Identity::Unknown));
        let record = Arc::new(record);
        if let Some(connection) = &connection {
            self.connections.keep(connection, &record);
        }
        let ids = match identity? {
            Identity::Ids(ids) => ids.into_iter().map(Some).collect(),
            Identity::Unknown => vec![None],
            Identity::Nothing => return Ok(Next::GoOn),
        };
        if record.pending && !check_all && !self.options.report_pending {
            self.report.waiting = true;
            return Ok(Next::Stop);
        }
        for id in ids {
            let mark = match id {
                _ if self.options.hide_nofail && record.is_nofail() => Mark::NoFail,
                None => Mark::Pending,
                Some(_) => Mark::Failure,
            };
            let record = Arc::clone(&record);
            let detail = Detail { id, record };
            self.report
                .push(rule, mark, &self.search.slots, Some(detail));
        }
        Ok(self.after_a_hit())
    }

    fn after_a_hit(&self) -> Next {
        if self.options.check_all {
            Next::GoOn
        } else {
            Next::Stop
        }
    }

    /// Decides what a failure is counted under.
    fn identify(&self, record: &mut Record, in_session: bool) -> Result<Identity, BreaksOff> {
        let captures = &mut record.captures;
        let raw = self.options.raw_ids || self.filter.use_dns() == UseDns::Raw;
        let fid = captures.get("fid").cloned();
        let address = if let Some(ip4) = captures.get("ip4") {
            Some(address(ip4, captures, Family::Inet4)?)
        } else if let Some(ip6) = captures.get("ip6") {
            Some(address(ip6, captures, Family::Inet6)?)
        } else if let Some(dns) = captures.get("dns") {
            let name = dns.as_text().ok_or("a host made of several captures")?;
            if !raw {
                let resolver = &*self.options.resolver;
                let ids = ids_of_host(name, self.filter.use_dns(), resolver);
                return Ok(Identity::Ids(ids));
            }
            Some((Arc::from(name), FailureId::raw(name)))
        } else {
            None
        };
        Ok(match (address, fid) {
            (None, None) if in_session => Identity::Unknown,
            (None, None) => Identity::Nothing,
            (None, Some(fid)) => Identity::Ids(vec![free_id(&fid, raw)?]),
            (Some((_, id)), None) => Identity::Ids(vec![id]),
            (Some((text, id)), Some(fid)) if fid.as_text() == Some(&text) => {
                Identity::Ids(vec![id])
            }
            (Some((_, ip)), Some(fid)) => {
                let id = free_id(&fid, raw)?;
                captures.set(&"ip".into(), Some(Value::Address(ip)));
                Identity::Ids(vec![id])
            }
        })
    }
}

/// The address in an `ip4` or `ip6` group, with its text.
fn address(
    value: &Value,
    captures: &Captures,
    family: Family,
) -> Result<(Arc<str>, FailureId), BreaksOff> {
    let Value::Text(text) = value else {
        return Err("an address made of several captures".into());
    };
    let id = match captures.non_empty("cidr") {
        None => FailureId::of_family(text, family),
        Some(length) => {
            let length = length.as_text().unwrap_or_default();
            let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
            if !digits {
                return Err("a prefix length that is no number".into());
            }
            FailureId::prefixed(text, length.parse().unwrap_or(u64::MAX))
        }
    };
    Ok((Arc::clone(text), id))
}

/// An id that need not be an address.
fn free_id(value: &Value, raw: bool) -> Result<FailureId, BreaksOff> {
    match value {
        Value::Text(text) if raw => Ok(FailureId::raw(text)),
        // What tells addresses from names takes no such text.
        Value::Text(text) if text.contains('\0') => Err("a NUL character in an id".into()),
        Value::Text(text) => FailureId::free(text).map_err(|_| "a network mask with holes".into()),
        Value::Tuple(parts) => Ok(FailureId::tuple(parts)),
        Value::Address(id) => Ok(id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Filter, SessionOptions, Timestamp, Trouble};

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
}
