//! Makes a case as small as it can be while it still differs.

use std::io;

use crate::compare::{Comparer, Verdict, View};
use crate::generate::Case;

/// How many smaller cases are tried at most.
const TRIES: usize = 600;

/// The smallest case that could be found, and what both print for it.
pub(crate) struct Smallest {
    pub(crate) case: Case,
    pub(crate) fail2ban: String,
    pub(crate) ours: String,
}

/// # Errors
/// If a program cannot be run.
pub(crate) fn minimise(
    comparer: &mut Comparer,
    view: View,
    mut smallest: Smallest,
) -> io::Result<Smallest> {
    let mut search = Search {
        comparer,
        view,
        left: TRIES,
    };
    search.shrink_lines(&mut smallest)?;
    for at in (0..smallest.case.options.len()).rev() {
        search.try_case(&mut smallest, |case| {
            case.options.remove(at);
        })?;
    }
    search.try_case(&mut smallest, |case| case.ignoreregex = None)?;
    search.try_case(&mut smallest, |case| case.zone = "UTC")?;
    search.try_case(&mut smallest, |case| case.line_end = b"\n")?;
    search.try_case(&mut smallest, |case| case.finished = true)?;
    search.shrink_lines(&mut smallest)?;
    for line in 0..smallest.case.lines.len() {
        search.shrink_line(&mut smallest, line)?;
    }
    Ok(smallest)
}

struct Search<'c> {
    comparer: &'c mut Comparer,
    view: View,
    left: usize,
}

impl Search<'_> {
    /// Changes the case if it then still differs.
    fn try_case(
        &mut self,
        smallest: &mut Smallest,
        change: impl FnOnce(&mut Case),
    ) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let mut case = smallest.case.clone();
        change(&mut case);
        let Verdict::Different { fail2ban, ours } = self.comparer.compare(&case, self.view)? else {
            return Ok(false);
        };
        *smallest = Smallest {
            case,
            fail2ban,
            ours,
        };
        Ok(true)
    }

    /// Leaves out lines: many at first, then fewer.
    fn shrink_lines(&mut self, smallest: &mut Smallest) -> io::Result<()> {
        let mut step = smallest.case.lines.len().div_ceil(2);
        while step > 0 {
            let mut at = 0;
            while at < smallest.case.lines.len() && smallest.case.lines.len() > 1 {
                let end = (at + step).min(smallest.case.lines.len());
                let shrunk = self.try_case(smallest, |case| {
                    case.lines.drain(at..end);
                })?;
                if !shrunk {
                    at = end;
                }
            }
            step /= 2;
        }
        Ok(())
    }

    /// The same for the bytes of a line.
    fn shrink_line(&mut self, smallest: &mut Smallest, line: usize) -> io::Result<()> {
        let mut step = smallest.case.lines[line].len().div_ceil(2);
        while step > 0 {
            let mut at = 0;
            while at < smallest.case.lines[line].len() {
                let end = (at + step).min(smallest.case.lines[line].len());
                let shrunk = self.try_case(smallest, |case| {
                    case.lines[line].drain(at..end);
                })?;
                if !shrunk {
                    at = end;
                }
            }
            step /= 2;
        }
        Ok(())
    }
}
