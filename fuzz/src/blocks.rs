//! Any bytes as a log, read line by line by the general engines; in blocks; and
//! by sessions that judge blocks ahead of their turn: all find the same.

use std::collections::VecDeque;

use kerio_ban_core::{BlockOptions, Filter, LineState, Session, SessionOptions};

use crate::feed::{FILTERS, options};
use crate::shown;

/// Filter, manner, block size, how far ahead; the log follows.
pub fn run(data: &[u8]) {
    let [which, how, size, depth, log @ ..] = data else {
        return;
    };
    let filter = &FILTERS[usize::from(*which) % FILTERS.len()];
    let options = options(*how);
    let size = usize::from(*size) * 3;
    let depth = usize::from(*depth) % 5 + 1;
    let skip = depth.is_multiple_of(2);
    let lines = read_lines(filter, &options.clone().plain(true), log, skip);
    assert_eq!(read_blocks(filter, &options, log, size, skip), lines);
    assert_eq!(
        read_ahead(filter, &options, log, (size, depth), skip),
        lines
    );
}

fn read_lines(filter: &Filter, options: &SessionOptions, log: &[u8], skip: bool) -> Vec<String> {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let ends = text.iter().rev().take_while(|&&byte| byte == b'\r').count();
        let text = &text[..text.len() - ends];
        if skip && (text.is_empty() || text[0] == b'#') {
            out.push("skipped".to_owned());
            continue;
        }
        session.feed(text, shown::now());
        out.push(shown::line(&session));
    }
    out.push(shown::dates(&session));
    out
}

fn read_blocks(
    filter: &Filter,
    options: &SessionOptions,
    log: &[u8],
    size: usize,
    skip: bool,
) -> Vec<String> {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    for block in blocks(log, size) {
        judge(&mut session, block, skip, &mut out);
    }
    out.push(shown::dates(&session));
    out
}

fn read_ahead(
    filter: &Filter,
    options: &SessionOptions,
    log: &[u8],
    (size, depth): (usize, usize),
    skip: bool,
) -> Vec<String> {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    let mut pending = VecDeque::new();
    let mut blocks = blocks(log, size).into_iter();
    loop {
        while pending.len() < depth
            && let Some(block) = blocks.next()
        {
            let ahead = session.ahead().map(|mut ahead| {
                let mut out = Vec::new();
                judge(&mut ahead, block, skip, &mut out);
                (ahead, out)
            });
            pending.push_back((block, ahead));
        }
        let Some((block, ahead)) = pending.pop_front() else {
            break;
        };
        match ahead {
            Some((ahead, lines)) if session.take_over(&ahead) => out.extend(lines),
            _ => judge(&mut session, block, skip, &mut out),
        }
    }
    out.push(shown::dates(&session));
    out
}

/// Pieces of at least so many bytes that end with a line.
fn blocks(log: &[u8], size: usize) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = log;
    while !rest.is_empty() {
        let least = size.min(rest.len());
        let end = rest[least..].iter().position(|&byte| byte == b'\n');
        let (block, later) = rest.split_at(end.map_or(rest.len(), |end| least + end + 1));
        blocks.push(block);
        rest = later;
    }
    blocks
}

fn judge(session: &mut Session, block: &[u8], skip: bool, out: &mut Vec<String>) {
    let options = BlockOptions {
        now: shown::now(),
        skip_comments: skip,
        pass_over: true,
    };
    let done = session.feed_block(block, &options, |session, _, state| {
        out.push(match state {
            LineState::Skipped => "skipped".to_owned(),
            LineState::Passed => "missed []".to_owned(),
            LineState::Judged => shown::line(session),
        });
        Ok::<(), ()>(())
    });
    assert_eq!(done, Ok(()));
}
