//! What annotations change in a log.

use std::io::{self, Write};

use crate::console::Console;
use crate::words::Visible;

/// A line of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op<'l> {
    Same(&'l [u8]),
    Gone(&'l [u8]),
    New(&'l [u8]),
}

/// How many lines that stay are shown around those that do not.
const AROUND: usize = 1;

/// Writes the difference in the unified form.
pub(super) fn write(
    out: &mut dyn Write,
    console: Console,
    name: &str,
    before: &[u8],
    after: &[u8],
) -> io::Result<()> {
    let ops = ops(before, after);
    let palette = console.palette;
    writeln!(out, "{}", palette.heading(format!("--- {name}")))?;
    writeln!(out, "{}", palette.heading(format!("+++ {name}")))?;
    for hunk in hunks(&ops) {
        let header = format!(
            "@@ -{},{} +{},{} @@",
            hunk.before.0, hunk.before.1, hunk.after.0, hunk.after.1
        );
        writeln!(out, "{}", palette.place(header))?;
        for op in hunk.ops {
            let show = |line: &[u8]| {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let line = String::from_utf8_lossy(line);
                Visible::new(&line, console.escape).to_string()
            };
            match op {
                Op::Same(line) => writeln!(out, " {}", show(line))?,
                Op::Gone(line) => writeln!(out, "{}", palette.bad(format!("-{}", show(line))))?,
                Op::New(line) => writeln!(out, "{}", palette.good(format!("+{}", show(line))))?,
            }
        }
    }
    Ok(())
}

/// Lines that change, with those around them.
struct Hunk<'o, 'l> {
    /// The first line, and how many.
    before: (usize, usize),
    after: (usize, usize),
    ops: &'o [Op<'l>],
}

fn hunks<'o, 'l>(ops: &'o [Op<'l>]) -> Vec<Hunk<'o, 'l>> {
    let changes = ops
        .iter()
        .enumerate()
        .filter(|(_, op)| !matches!(op, Op::Same(_)));
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (at, _) in changes {
        let (from, to) = (at.saturating_sub(AROUND), (at + 1 + AROUND).min(ops.len()));
        match ranges.last_mut() {
            Some(last) if last.1 >= from => last.1 = to,
            _ => ranges.push((from, to)),
        }
    }
    let count = |ops: &[Op<'_>]| {
        let new = ops.iter().filter(|op| matches!(op, Op::New(_))).count();
        let gone = ops.iter().filter(|op| matches!(op, Op::Gone(_))).count();
        (ops.len() - new, ops.len() - gone)
    };
    let hunk = |(from, to): (usize, usize)| {
        let (earlier, own) = (count(&ops[..from]), count(&ops[from..to]));
        // An empty range is named by the line before it.
        let first = |earlier: usize, own: usize| earlier + usize::from(own > 0);
        Hunk {
            before: (first(earlier.0, own.0), own.0),
            after: (first(earlier.1, own.1), own.1),
            ops: &ops[from..to],
        }
    };
    ranges.into_iter().map(hunk).collect()
}

/// Lines are only put in above others, or in the place of one.
fn ops<'l>(before: &'l [u8], after: &'l [u8]) -> Vec<Op<'l>> {
    let lines = |text: &'l [u8]| text.split_inclusive(|&byte| byte == b'\n').peekable();
    let (mut before, mut after) = (lines(before), lines(after));
    let mut ops = Vec::new();
    while let Some(new) = after.next() {
        if before.peek() == Some(&new) {
            ops.push(Op::Same(new));
            before.next();
        } else if before.peek() == after.peek() {
            ops.push(Op::New(new));
        } else {
            ops.extend(before.next().map(Op::Gone));
            ops.push(Op::New(new));
        }
    }
    ops.extend(before.map(Op::Gone));
    ops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::Palette;

    #[test]
    fn insertions_and_replacements_are_shown() {
        let mut out = Vec::new();
        let console = Console {
            palette: Palette { coloured: false },
            width: None,
            escape: false,
        };
        let before = b"# a\n1\n2\n3\n4\n5\n6\n7";
        let after = b"# b\n1\n2\n3\n# c\n4\n# d\n5\n6\n# e\n7";
        write(&mut out, console, "log", before, after).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        --- log
        +++ log
        @@ -1,2 +1,2 @@
        -# a
        +# b
         1
        @@ -4,5 +4,8 @@
         3
        +# c
         4
        +# d
         5
         6
        +# e
         7
        ");
    }

    #[test]
    fn a_difference_leads_from_one_to_the_other() {
        let (before, after) = (b"x\n# a\ny\n", b"x\n# b\n# c\ny\n");
        let ops = ops(before, after);
        let kept = |new: bool| -> Vec<u8> {
            let lines = ops.iter().filter_map(|op| match op {
                Op::Same(line) => Some(line),
                Op::Gone(line) => (!new).then_some(line),
                Op::New(line) => new.then_some(line),
            });
            lines.copied().flatten().copied().collect()
        };
        assert_eq!(kept(false), before);
        assert_eq!(kept(true), after);
    }
}
