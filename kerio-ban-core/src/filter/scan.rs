//! Reading many lines at once.
//!
//! In most logs few lines match anything. For filters of which every
//! expression requires some literal, the literals are searched in a whole block
//! of lines; a line without any is passed over once its date has been taken
//! note of. Passing over leaves everything as judging would have left it, and
//! where that is not certain, the line is judged.

use std::ops::Range;
use std::sync::Arc;

use super::builder::{LineChoices, Parts};
use super::options::TimeCheck;
use super::session::{Known, Line, Session};
use super::split::DatedLine;
use crate::date::PassedDate;
use crate::pattern::{Candidates, LiteralScan, Windows};
use crate::time::Timestamp;

/// How long a block must be, in bytes, for the choice to be worth its while.
const WORTH_A_CHOICE: usize = 2048;
/// From a block so long, it is seen what is rare.
const ENOUGH: usize = 64 * 1024;
/// How many times longer a block must be than the one that was chosen by, for
/// the choice to be made again.
const MUCH_LONGER: usize = 4;

/// What is searched in blocks.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    /// Nothing if every line has to be judged.
    windows: Option<Arc<Windows>>,
    /// How much of the log it was chosen by; nothing before it was.
    seen: usize,
}

impl Chosen {
    /// Takes over what was chosen by more of the log.
    pub(super) fn take_over(&mut self, other: &Chosen) {
        if other.seen > self.seen {
            self.clone_from(other);
        }
    }
}

/// What became of a line of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It is one that fail2ban's tools skip: empty, or a comment.
    Skipped,
    /// It missed, and was passed over: the session says nothing of it.
    Passed,
    /// It was judged: [`Session::outcome`] says what became of it.
    Judged,
}

/// One or more lines of a block, and what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch<'b> {
    /// A line, without its line end, that fail2ban's tools skip.
    Skipped(&'b [u8]),
    /// Lines that missed, and were passed over.
    Passed {
        /// How many.
        lines: u64,
        /// The lines with their line ends; [`block_lines`] takes them apart.
        text: &'b [u8],
    },
    /// A line, without its line end, that was judged.
    Judged(&'b [u8]),
}

/// The lines of a block without their line ends.
pub fn block_lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    std::iter::from_fn(move || {
        (start < block.len()).then_some(())?;
        let end = line_feed(block, start);
        let line = start..without_end(block, start, end);
        start = end + 1;
        Some(&block[line])
    })
}

/// How the lines of a block are read.
#[derive(Clone, Copy, Debug)]
pub struct BlockOptions {
    /// The moment taken as now.
    pub now: Timestamp,
    /// Whether empty lines, and lines that begin with `#`, are skipped, as
    /// fail2ban-regex does.
    pub skip_comments: bool,
    /// Whether lines that cannot match may be passed over. The answers are the
    /// same; only [`Session::prefix_matched`] is not known for such lines.
    pub pass_over: bool,
}

impl Session {
    /// Judges the lines of a block one after the other. `each` is told the
    /// line without its line end and what became of it, and can ask the
    /// session for more.
    ///
    /// # Errors
    /// The first one that `each` returns; the lines after it are not read.
    pub fn feed_block<E>(
        &mut self,
        block: &[u8],
        options: &BlockOptions,
        mut each: impl FnMut(&Session, &[u8], LineState) -> Result<(), E>,
    ) -> Result<(), E> {
        self.feed_stretches(block, options, |session, stretch| match stretch {
            Stretch::Skipped(line) => each(session, line, LineState::Skipped),
            Stretch::Judged(line) => each(session, line, LineState::Judged),
            Stretch::Passed { text, .. } => {
                block_lines(text).try_for_each(|line| each(session, line, LineState::Passed))
            }
        })
    }

    /// As [`Session::feed_block`], but `each` is told of many lines at once
    /// where they are passed over.
    ///
    /// # Errors
    /// The first one that `each` returns; the lines after it are not read.
    pub fn feed_stretches<E>(
        &mut self,
        block: &[u8],
        options: &BlockOptions,
        mut each: impl FnMut(&Session, Stretch<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let filter = self.filter.clone();
        let filter = filter.parts();
        let windows = if options.pass_over && self.may_pass(filter) {
            self.windows(filter, block)
        } else {
            None
        };
        let mut scan = windows.as_deref().map(|windows| Scan {
            ascii: block.is_ascii(),
            literals: LiteralScan::new(windows, block),
            candidates: windows.no_candidates(),
            found: false,
            windows,
            text: (0, ""),
        });
        let mut passed: Option<Passed> = None;
        let mut start = 0;
        while start < block.len() {
            let end = line_feed(block, start);
            let next = (end + 1).min(block.len());
            let line = start..without_end(block, start, end);
            let text = &block[line.clone()];
            let skipped = options.skip_comments && (text.is_empty() || text[0] == b'#');
            if let Some(scan) = &mut scan {
                scan.collect(next);
            }
            if let Some(scan) = &mut scan
                && !skipped
                && (scan.ascii || text.is_ascii())
            {
                if !scan.found
                    && let Some(all) = self.pass_sequels(block, line.clone(), next, scan, options)
                {
                    let lines = start..all.next;
                    start = all.next;
                    let stretch = Stretch::Passed {
                        lines: all.lines,
                        text: &block[lines],
                    };
                    passed = Some(all.last);
                    each(self, stretch)?;
                    continue;
                }
                if let Some(date) = self.detector.peek(text, options.now) {
                    scan.collect_over(text, date.cut(), &mut self.search.seam);
                    if !scan.found {
                        self.detector.pass(&date, text, options.now);
                        passed = Some(Passed { line, date });
                        let stretch = Stretch::Passed {
                            lines: 1,
                            text: &block[start..next],
                        };
                        start = next;
                        each(self, stretch)?;
                        continue;
                    }
                    if let Some(line) = scan.text(block, &line) {
                        start = next;
                        self.feed_looked_at(filter, line, &date, scan, options.now);
                        passed = None;
                        each(self, Stretch::Judged(text))?;
                        continue;
                    }
                }
            }
            start = next;
            if skipped {
                each(self, Stretch::Skipped(text))?;
            } else {
                self.recall(block, passed.take());
                self.feed(Line::Bytes(text), options.now);
                each(self, Stretch::Judged(text))?;
            }
        }
        self.recall(block, passed);
        Ok(())
    }

    /// Passes over a line without literals and those after it, as far as their
    /// dates follow the last one.
    fn pass_sequels(
        &mut self,
        block: &[u8],
        line: Range<usize>,
        mut next: usize,
        scan: &Scan<'_>,
        options: &BlockOptions,
    ) -> Option<PassedLines> {
        let sequel = self.detector.sequel(options.now)?;
        let literal = scan.literals.next();
        let mut last = 0..0;
        let mut lines = 0;
        let mut behind = next;
        let mut line = line;
        while let text = &block[line.clone()]
            && let Some(cut) = sequel.cut(text)
            && !scan.meet_over(text, &cut)
        {
            last = line;
            lines += 1;
            next = behind;
            if next == block.len() {
                break;
            }
            let end = line_feed(block, next);
            behind = (end + 1).min(block.len());
            line = next..without_end(block, next, end);
            let text = &block[line.clone()];
            if literal < behind
                || (options.skip_comments && text.first().is_none_or(|&first| first == b'#'))
                || !(scan.ascii || text.is_ascii())
            {
                break;
            }
        }
        let text = &block[last.clone()];
        let date = sequel.date(text).filter(|_| lines > 0)?;
        self.detector.pass_all(&date, text, lines, options.now);
        Some(PassedLines {
            lines,
            next,
            last: Passed { line: last, date },
        })
    }

    /// Whether any line can be passed over at all.
    fn may_pass(&self, filter: &Parts) -> bool {
        filter.max_lines == 1
            && matches!(self.options.time_check, TimeCheck::Off | TimeCheck::Replay)
    }

    /// What is searched in blocks: chosen by the first one, and once more if
    /// that was short. The first one of a log is what its first read gave.
    fn windows(&mut self, filter: &Parts, block: &[u8]) -> Option<Arc<Windows>> {
        let length = block.len().min(ENOUGH);
        let seen = self.chosen.seen;
        let longer = length > seen && length >= ENOUGH.min(MUCH_LONGER * seen);
        if longer && length >= WORTH_A_CHOICE {
            let (LineChoices::Rules(choices) | LineChoices::Prefix(choices)) =
                filter.line_choices();
            self.chosen = Chosen {
                windows: choices.windows(block).map(Arc::new),
                seen: length,
            };
        }
        self.chosen.windows.clone()
    }

    /// Judges a line whose date has been looked at.
    fn feed_looked_at(
        &mut self,
        filter: &Parts,
        line: &str,
        date: &PassedDate,
        scan: &Scan<'_>,
        now: Timestamp,
    ) {
        self.report.clear();
        self.detector.pass(date, line.as_bytes(), now);
        let dated = DatedLine::dated(line, date.cut(), date.time());
        self.last_date.remember(date.time(), &line[date.cut()]);
        let of_rules = matches!(filter.line_choices(), LineChoices::Rules(_));
        let known = Known {
            candidates: of_rules.then_some(&scan.candidates),
            ascii: true,
            answers: None,
        };
        let judged = self.judge_dated(filter, &dated, known, now);
        self.report_judged(judged);
    }

    /// The date of the last line passed over is the one last seen.
    fn recall(&mut self, block: &[u8], passed: Option<Passed>) {
        let Some(Passed { line, date }) = passed else {
            return;
        };
        if let Ok(text) = std::str::from_utf8(&block[line]) {
            self.last_date.remember(date.time(), &text[date.cut()]);
        }
    }
}

/// A line that was passed over: where it is in its block, and its date.
struct Passed {
    line: Range<usize>,
    date: PassedDate,
}

/// Lines that were passed over together.
struct PassedLines {
    lines: u64,
    /// Where the next one begins.
    next: usize,
    last: Passed,
}

/// The literals in a block and in its current line.
struct Scan<'b> {
    ascii: bool,
    windows: &'b Windows,
    literals: LiteralScan<'b>,
    /// The expressions that have a literal in the line.
    candidates: Candidates,
    /// Whether there are any.
    found: bool,
    /// A part of the block as text, and where it begins.
    text: (usize, &'b str),
}

/// How much of a block is taken for text at once, where line after line is
/// judged.
const TEXT: usize = 2048;

impl<'b> Scan<'b> {
    /// An ASCII line as text.
    fn text(&mut self, block: &'b [u8], line: &Range<usize>) -> Option<&'b str> {
        let (start, text) = self.text;
        let is_known = line.start >= start && line.end <= start + text.len();
        if !is_known {
            // The line behind one that was judged is probably not the last one.
            let follows = line.start <= start + text.len() + 2;
            let end = match self.ascii && follows {
                true => block.len().min(line.end + TEXT),
                false => line.end,
            };
            // Of ASCII it cannot but be a text.
            self.text = (
                line.start,
                std::str::from_utf8(&block[line.start..end]).ok()?,
            );
        }
        let (start, text) = self.text;
        text.get(line.start - start..line.end - start)
    }

    /// Whether a literal could come together where the date is cut out.
    #[inline]
    fn meet_over(&self, line: &[u8], cut: &Range<usize>) -> bool {
        cut.start > 0
            && cut.end < line.len()
            && self.windows.meet(line[cut.start - 1], line[cut.end])
    }

    /// Goes on to the end of the line.
    fn collect(&mut self, end: usize) {
        if self.found {
            self.candidates.remove_all();
        }
        self.found = self.literals.next() < end;
        if self.found {
            self.literals.take_until(end, &mut self.candidates);
        }
    }

    /// Looks at what meets where the date is cut out of the line.
    fn collect_over(&mut self, line: &[u8], cut: Range<usize>, seam: &mut Vec<u8>) {
        if cut.start > 0 {
            let (before, after) = (&line[..cut.start], &line[cut.end..]);
            self.found |= self
                .windows
                .over_seam(before, after, seam, &mut self.candidates);
        }
    }
}

/// Where the line feed of a line is; the end of the block if it has none.
#[inline]
fn line_feed(block: &[u8], start: usize) -> usize {
    memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at)
}

/// Where the line after one that ends here begins.
pub(super) fn next_line(block: &[u8], mut end: usize) -> usize {
    while block.get(end) == Some(&b'\r') {
        end += 1;
    }
    block.len().min(end + 1)
}

/// Where a line ends without the carriage returns in front of its line feed.
fn without_end(block: &[u8], start: usize, mut end: usize) -> usize {
    while end > start && block[end - 1] == b'\r' {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use crate::{BlockOptions, Filter, LineState, SessionOptions, Timestamp};

    #[test]
    fn what_is_searched_is_chosen_again_by_a_longer_block() {
        let mut builder = Filter::builder();
        builder
            .failregex("login .* denied for <ADDR>$")
            .datepattern("%Y-%m-%d %H:%M:%S");
        let filter = builder.build().unwrap();
        let mut session = filter.session_with(&SessionOptions::testing());
        let options = BlockOptions {
            now: Timestamp::from_whole_seconds(1_124_013_600),
            skip_comments: true,
            pass_over: true,
        };
        let mut judged = |text: &str, lines: usize| {
            let block = format!("2005-08-14 10:00:00 {text}\n").repeat(lines);
            let mut judged = 0;
            let done: Result<(), ()> =
                session.feed_block(block.as_bytes(), &options, |_, _, state| {
                    judged += usize::from(state == LineState::Judged);
                    Ok(())
                });
            done.unwrap();
            judged
        };
        // Only the first one has no date before it to go by.
        assert_eq!(judged("access denied for x", 60), 1);
        assert_eq!(judged("login as x", 60), 60);
        assert_eq!(judged("login as x", 3000), 0);
        // The choice stays.
        assert_eq!(judged("access denied for x", 3000), 3000);
    }
}
