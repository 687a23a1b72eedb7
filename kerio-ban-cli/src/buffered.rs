//! Which earlier lines a match of several lines took.

use kerio_ban_core::Session;

/// The lines that a filter with `maxlines` keeps, as they were before the line
/// at hand.
///
/// A line that leaves them because a match took it was counted as missed when
/// it was read, and is so no more. One that leaves because there is no room
/// stays missed.
#[derive(Debug, Default)]
pub(crate) struct Buffered {
    lines: Vec<String>,
}

impl Buffered {
    /// Looks at the lines kept after one was read, and tells `taken` those
    /// that a match took.
    pub(crate) fn update<E>(
        &mut self,
        session: &Session,
        taken: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.change(session.filter().max_lines(), || session.buffered(), taken)
    }

    fn change<'l, L, E>(
        &mut self,
        max_lines: usize,
        now: impl Fn() -> L,
        mut taken: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E>
    where
        L: Iterator<Item = &'l str>,
    {
        let full = self.lines.len() >= max_lines;
        for line in &self.lines[usize::from(full)..] {
            if !now().any(|kept| kept == line) {
                taken(line)?;
            }
        }
        // The memory of lines that are gone is used again.
        if full {
            self.lines.rotate_left(1);
        }
        let mut count = 0;
        for (index, line) in now().enumerate() {
            match self.lines.get_mut(index) {
                Some(slot) if slot == line => {}
                Some(slot) => {
                    slot.clear();
                    slot.push_str(line);
                }
                None => self.lines.push(line.to_owned()),
            }
            count = index + 1;
        }
        self.lines.truncate(count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[track_caller]
    fn check(buffered: &mut Buffered, now: &[&str], expected: &[&str]) {
        let mut found = Vec::new();
        let took = |line: &str| {
            found.push(line.to_owned());
            Ok::<(), Infallible>(())
        };
        let Ok(()) = buffered.change(2, || now.iter().copied(), took);
        assert_eq!(found, expected);
        assert_eq!(buffered.lines, now);
    }

    #[test]
    fn lines_leave_by_age_or_by_a_match() {
        let mut buffered = Buffered::default();
        check(&mut buffered, &["a"], &[]);
        check(&mut buffered, &["a", "b"], &[]);
        check(&mut buffered, &["b", "c"], &[]);
        check(&mut buffered, &[], &["c"]);
        check(&mut buffered, &["d"], &[]);
        check(&mut buffered, &[], &["d"]);
    }
}
