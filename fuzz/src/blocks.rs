//! Any bytes as a log, read line by line by the general engines; in blocks; and
//! by sessions that judge blocks ahead of their turn: all find the same.

use std::collections::VecDeque;

use kerio_ban_core::{
    BlockOptions, Filter, Scouted, Session, SessionOptions, Stretch, block_lines,
};

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
            pending.push_back((block, Early::read(&session, block, skip)));
        }
        let Some((block, early)) = pending.pop_front() else {
            break;
        };
        let taken = match early {
            Some(Early::Judged(ahead, lines)) if session.take_over(&ahead) => {
                out.extend(lines);
                true
            }
            Some(Early::Searched(scouted)) => {
                let done = session.feed_scouted(block, &scouted, |session, stretch| {
                    tell(session, stretch, &mut out);
                    Ok::<(), ()>(())
                });
                done == Ok(true)
            }
            _ => false,
        };
        if !taken {
            judge(&mut session, block, skip, &mut out);
        }
    }
    out.push(shown::dates(&session));
    out
}

/// A block that was read before its turn.
enum Early {
    Judged(Box<Session>, Vec<String>),
    Searched(Box<Scouted>),
}

impl Early {
    fn read(session: &Session, block: &[u8], skip: bool) -> Option<Early> {
        if let Some(mut ahead) = session.ahead() {
            let mut out = Vec::new();
            judge(&mut ahead, block, skip, &mut out);
            return Some(Early::Judged(ahead.into(), out));
        }
        let scouted = session.scout()?.search_block(block, &block_options(skip));
        Some(Early::Searched(scouted.into()))
    }
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
    let done = session.feed_stretches(block, &block_options(skip), |session, stretch| {
        tell(session, stretch, out);
        Ok::<(), ()>(())
    });
    assert_eq!(done, Ok(()));
}

fn block_options(skip: bool) -> BlockOptions {
    BlockOptions {
        now: shown::now(),
        skip_comments: skip,
        pass_over: true,
    }
}

/// Says what became of each line.
fn tell(session: &Session, stretch: Stretch<'_>, out: &mut Vec<String>) {
    match stretch {
        Stretch::Skipped(_) => out.push("skipped".to_owned()),
        Stretch::Judged(_) => out.push(shown::line(session)),
        Stretch::Passed { lines, text } => {
            assert_eq!(block_lines(text).count() as u64, lines);
            out.extend((0..lines).map(|_| "missed []".to_owned()));
        }
    }
}
