//! Reading many lines at once.
//!
//! In most logs few lines match anything. For filters of which every
//! expression requires some literal, the literals are searched in a whole block
//! of lines; a line without any is passed over once its date has been taken
//! note of. Passing over leaves everything as judging would have left it, and
//! where that is not certain, the line is judged.

use std::ops::Range;

use super::builder::Parts;
use super::options::TimeCheck;
use super::session::{Line, Session};
use crate::date::PassedDate;
use crate::pattern::{Haystack, LiteralScan};
use crate::time::Timestamp;

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
        let filter = self.filter.clone();
        let filter = filter.parts();
        let may_pass = options.pass_over && self.may_pass(filter);
        let ascii = may_pass && block.is_ascii();
        let mut literals = may_pass.then(|| LiteralScan::new(filter.line_filter(), block));
        let mut passed: Option<(Range<usize>, PassedDate)> = None;
        let mut start = 0;
        while start < block.len() {
            let end = memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at);
            let next = (end + 1).min(block.len());
            let line = start..without_end(block, start, end);
            let text = &block[line.clone()];
            if options.skip_comments && (text.is_empty() || text[0] == b'#') {
                each(self, text, LineState::Skipped)?;
                start = next;
                continue;
            }
            let without_literals = literals
                .as_mut()
                .is_some_and(|literals| literals.next_from(start) >= line.end);
            if without_literals
                && (ascii || text.is_ascii())
                && let Some(date) = self.pass(filter, text, options.now)
            {
                passed = Some((line, date));
                each(self, text, LineState::Passed)?;
            } else {
                self.recall(block, passed.take(), options.now);
                self.feed(Line::Bytes(text), options.now);
                each(self, text, LineState::Judged)?;
            }
            start = next;
        }
        self.recall(block, passed, options.now);
        Ok(())
    }

    /// Whether any line can be passed over at all.
    fn may_pass(&self, filter: &Parts) -> bool {
        filter.max_lines == 1
            && matches!(self.options.time_check, TimeCheck::Off | TimeCheck::Replay)
            && filter.line_filter().rules_lines_out()
    }

    /// Passes over an ASCII line in which there is no literal.
    fn pass(&mut self, filter: &Parts, text: &[u8], now: Timestamp) -> Option<PassedDate> {
        let text = std::str::from_utf8(text).ok()?;
        let date = self.detector.peek(Haystack::with_ascii(text, true), now)?;
        // What is before the date meets what is behind it once it is cut out.
        if date.cut.start > 0 {
            let longest = filter.line_filter().longest();
            let before = &text[date.cut.start.saturating_sub(longest)..date.cut.start];
            let after = &text[date.cut.end..text.len().min(date.cut.end + longest)];
            let seam = &mut self.search.seam;
            seam.clear();
            seam.push_str(before);
            seam.push_str(after);
            if filter.line_filter().finds_any(seam.as_bytes()) {
                return None;
            }
        }
        self.detector.pass(&date, now);
        Some(date)
    }

    /// The date of the last line passed over is the one last seen.
    fn recall(&mut self, block: &[u8], passed: Option<(Range<usize>, PassedDate)>, now: Timestamp) {
        let Some((line, date)) = passed else { return };
        let Ok(text) = std::str::from_utf8(&block[line]) else {
            return;
        };
        if let Some(time) = self.detector.time_of(text, &date, now) {
            self.last_date.remember(time, &text[date.cut]);
        }
    }
}

/// Where a line ends without the carriage returns in front of its line feed.
fn without_end(block: &[u8], start: usize, mut end: usize) -> usize {
    while end > start && block[end - 1] == b'\r' {
        end -= 1;
    }
    end
}
