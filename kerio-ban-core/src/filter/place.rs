//! Which part of a line a rule matched.

use std::cmp::Ordering;
use std::ops::Range;

use super::outcome::Finding;
use super::session::Session;

/// How long the parts of a line are, in bytes: what is searched is the line
/// without its date.
#[derive(Clone, Copy, Default)]
pub(super) struct Cut {
    pub(super) before: usize,
    pub(super) date: usize,
    pub(super) after: usize,
}

impl Cut {
    /// A place in the line without its date as one in the whole line. What
    /// ends before the date does not reach over it.
    fn whole(self, at: usize, is_end: bool) -> usize {
        match at.cmp(&self.before) {
            Ordering::Less => at,
            Ordering::Equal if is_end => at,
            _ => at + self.date,
        }
    }
}

impl Session {
    /// The part of the last line that was matched, unless it is empty or not
    /// known: the lines that a filter with `maxlines` buffers change with each
    /// match, so that only the first is known there.
    pub(super) fn place(&self, finding: &Finding) -> Option<Range<usize>> {
        let found = finding.slots.get(0)?;
        let cut = self.report.date.cut;
        let length = cut.before + cut.after;
        let (start, end) = match self.content_start() {
            Some(content) => (content + found.start, content + found.end),
            None => {
                // Earlier lines, and a newline, may stand before this one.
                let text = &self.search.text.text;
                let earlier = text.len().checked_sub(length + 1)?;
                let end = found.end.checked_sub(earlier)?;
                (found.start.saturating_sub(earlier), end)
            }
        };
        let end = end.min(length);
        let known = self.filter().max_lines() == 1
            || self.content_start().is_none()
                && self.report.ignored_by.is_empty()
                && self
                    .findings()
                    .first()
                    .is_some_and(|first| std::ptr::eq(first, finding));
        (known && start < end).then(|| cut.whole(start, false)..cut.whole(end, true))
    }

    /// Where the part of the line begins that the prefregex chose.
    fn content_start(&self) -> Option<usize> {
        let prefregex = self.filter().prefregex()?;
        let group = prefregex.pattern().group("content")?;
        let content = self.search.prefix_slots.get(group)?;
        (!content.is_empty()).then_some(content.start)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Filter, FilterBuilder, Line, SessionOptions, Timestamp};

    /// The matched parts of the last line.
    fn matched(builder: &FilterBuilder, lines: &[&str]) -> Vec<Option<String>> {
        let filter = builder.build().unwrap();
        let mut session = filter.session_with(&SessionOptions::testing());
        let now = Timestamp::from_whole_seconds(1_124_013_600);
        for line in lines {
            session.feed(*line, now);
        }
        let last = lines.last().unwrap();
        let outcome = session.outcome();
        let hits = outcome.hits();
        let text = |place: std::ops::Range<usize>| last[place].to_owned();
        hits.iter().map(|hit| hit.place().map(text)).collect()
    }

    fn one(builder: &FilterBuilder, lines: &[&str]) -> String {
        let matched = matched(builder, lines);
        assert_eq!(matched.len(), 1, "{matched:?}");
        matched[0].clone().unwrap()
    }

    #[test]
    fn a_line_that_fail2ban_breaks_off_at_has_no_date() {
        let mut builder = Filter::builder();
        builder.failregex("bad <ADDR>");
        builder.datepattern("%Y-%m-%d %H:%M:%S\n{NONE}");
        let mut session = builder.build().unwrap().session();
        let now = Timestamp::from_whole_seconds(1_124_013_600);
        session.feed("2005-08-14 10:00:00 bad 192.0.2.1", now);
        assert_eq!(session.date_place(), 0..19);
        session.feed("", now);
        assert_eq!(session.troubles().len(), 1);
        assert_eq!(session.date_place(), 0..0);
    }

    #[test]
    fn dates_are_counted() {
        let mut builder = Filter::builder();
        builder.failregex("bad é <ADDR>");
        let date = "2005-08-14 10:00:00";
        let line = format!("é {date} bad é 192.0.2.1 x");
        assert_eq!(one(&builder, &[&line]), "bad é 192.0.2.1");
        let line = format!("bad é 192.0.2.1 {date}");
        assert_eq!(one(&builder, &[&line]), "bad é 192.0.2.1");
        let mut builder = Filter::builder();
        builder.failregex("^x  bad <ADDR>$");
        let line = format!("x {date} bad 192.0.2.1");
        assert_eq!(one(&builder, &[&line]), line);
    }

    #[test]
    fn the_prefix_is_not_the_match() {
        let mut builder = Filter::builder();
        builder
            .prefregex("^ srv: <F-CONTENT>.+</F-CONTENT>$")
            .failregex("^bad <ADDR>");
        let line = "2005-08-14 10:00:00 srv: bad 192.0.2.1 more";
        assert_eq!(one(&builder, &[line]), "bad 192.0.2.1");
    }

    #[test]
    fn every_rule_has_its_own() {
        let mut builder = Filter::builder();
        builder.failregex("b <ADDR>").failregex("a b <ADDR> c");
        let found = matched(&builder, &["a b 192.0.2.1 c"]);
        let expected = ["b 192.0.2.1", "a b 192.0.2.1 c"];
        assert_eq!(found, expected.map(|text| Some(text.to_owned())));
    }

    #[test]
    fn of_several_lines_the_last_counts() {
        let mut builder = Filter::builder();
        builder
            .failregex(r"^ user \w+<SKIPLINES>^ from <ADDR>")
            .failregex("^ from <ADDR>")
            .max_lines(3)
            .unwrap();
        let lines = [
            "2005-08-14 10:00:00 user x",
            "2005-08-14 10:00:01 from 192.0.2.1 on",
        ];
        // The line is gone when the second rule is tried.
        assert_eq!(one(&builder, &lines), " from 192.0.2.1");
        let mut builder = Filter::builder();
        builder.failregex(r"^ from <ADDR>\s+user x");
        builder.max_lines(2).unwrap();
        let lines = [
            "2005-08-14 10:00:00 from 192.0.2.1",
            "2005-08-14 10:00:01 user x",
        ];
        assert_eq!(one(&builder, &lines), " user x");
    }

    #[test]
    fn split_lines_are_put_together() {
        let filter = Filter::builder().failregex("bad <ADDR>").build().unwrap();
        let mut session = filter.session();
        let now = Timestamp::from_whole_seconds(1_124_013_600);
        let line = Line::Split {
            before: "",
            date: "now",
            after: " bad 192.0.2.1",
            time: now,
        };
        let outcome = session.feed(line, now);
        assert_eq!(outcome.failures().next().unwrap().place(), Some(4..17));
    }
}
