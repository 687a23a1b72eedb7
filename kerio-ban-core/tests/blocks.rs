//! Reading blocks gives what reading line by line gives.
//!
//! Every filter of the pack, and every stock one if `FAIL2BAN_SRC` is set, reads
//! sample logs of all filters, mutated from a fixed seed: once line by line by
//! the general engines; in blocks of several sizes with lines passed over and
//! all that makes searches fast; and with sessions that judge blocks ahead of
//! their turn. Findings with all they captured, counts of date templates and the
//! last date must be the same.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use kerio_ban_core::{
    BlockOptions, Failure, Filter, FilterSpec, LineState, Loader, Outcome, Session, SessionOptions,
    Stretch, TimeCheck, Timestamp, Trouble, Value, Zone, block_lines,
};

/// Numbers from a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

#[test]
fn blocks_and_lines_agree() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut trees = vec![(project.join("filters"), project.join("fixtures/logs"))];
    match std::env::var_os("FAIL2BAN_SRC").map(PathBuf::from) {
        Some(source) => {
            trees.push((
                source.join("config"),
                source.join("fail2ban/tests/files/logs"),
            ));
        }
        None => println!("stock filters: skipped, FAIL2BAN_SRC is not set"),
    }
    let wanted = 500 * trees.len();
    let mut random = Random(7);
    let mut passed = 0;
    let mut hits = 0;
    let mut taken_over = 0;
    let mut scouted = 0;
    for (config, logs) in trees {
        let noise = noise(&logs);
        for (name, filter) in filters(&config) {
            let own = fs::read(logs.join(&name)).unwrap_or_default();
            let log = mix(&own, &noise, &mut random);
            for options in [SessionOptions::testing(), SessionOptions::new()] {
                let options = options.zone(Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
                let plain = read_lines(&filter, &options.clone().plain(true), &log);
                for size in [usize::MAX, 4096, 300] {
                    let (fast, over) = read_blocks(&filter, &options, &log, size);
                    compare(&name, size, &plain, &fast);
                    passed += over;
                }
                for (size, depth) in [(300, 1), (120, 2), (1000, 4)] {
                    let (ahead, blocks) = read_ahead(&filter, &options, &log, size, depth);
                    compare(&name, size, &plain, &ahead);
                    taken_over += blocks;
                    let (after, blocks) = read_scouted(&filter, &options, &log, size, depth);
                    compare(&name, size, &plain, &after);
                    scouted += blocks;
                }
                hits += plain
                    .iter()
                    .filter(|line| line.starts_with("Failure"))
                    .count();
            }
        }
    }
    assert!(passed > wanted, "only {passed} lines were passed over");
    assert!(hits > 100, "only {hits} lines were failures");
    assert!(taken_over > 100, "only {taken_over} blocks were taken over");
    assert!(scouted > 100, "only {scouted} blocks were searched ahead");
}

/// Connections that are told of in several blocks, by lines some of which are
/// damaged, have no date, or match several rules.
#[test]
fn connections_are_put_together_in_order() {
    let mut builder = Filter::builder();
    builder
        .prefregex("^ host <F-MLFID>d\\[\\w+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$")
        .failregex("^from <ADDR>")
        .failregex("^from <F-ID>\\S+</F-ID>")
        .failregex("^<F-NOFAIL>hello</F-NOFAIL> <F-USER>\\S*</F-USER>")
        .failregex("^bad <F-USER>\\S+</F-USER>(?: at <ADDR>)?")
        .failregex("^bad \\S+ at <DNS>")
        .failregex("^<F-MLFFORGET>bye</F-MLFFORGET>(?: <F-MLFGAINED>in</F-MLFGAINED>)?")
        .failregex("^<F-MLFGAINED>in</F-MLFGAINED> <F-ALT_USER>\\S+</F-ALT_USER>")
        .failregex("^net <ADDR><F-CIDR>\\w*</F-CIDR>")
        .datepattern("%Y-%m-%d %H:%M:%S");
    let texts = [
        "from 192.0.2.1",
        "from 192.0.2.2 x",
        "from nobody",
        "hello a",
        "hello ",
        "bad a",
        "bad b",
        "bad c at 192.0.2.3",
        "bad d at host.example",
        "bye",
        "bye in",
        "in a",
        "net 192.0.2.9/24",
        "net 192.0.2.9/x",
        "nothing",
        "skipped a",
    ];
    let mut random = Random(11);
    let mut log = Vec::new();
    for number in 0..4000 {
        let second = number * 7;
        let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
        let date = format!("2005-06-01 {hour:02}:{minute:02}:{second:02}");
        let date = if random.below(12) == 0 { "" } else { &date };
        // Now and then many at once, so that the oldest are forgotten.
        let ids = if number / 500 % 2 == 0 { 5 } else { 300 };
        let id = random.below(ids);
        let text = texts[random.below(texts.len())];
        let mut line = format!("{date} host d[{id}]: {text}").into_bytes();
        if random.below(15) == 0 {
            let at = random.below(line.len());
            line[at] = b"x \r\xc3#"[random.below(5)];
        }
        log.extend_from_slice(&line);
        log.push(b'\n');
    }
    let mut all = Vec::new();
    for early in [false, true] {
        if early {
            builder.ignoreregex("^bad b").ignoreregex("^from 192.0.2.2");
        } else {
            builder.clear_ignoreregex();
        }
        let filter = builder.build().unwrap();
        let testing = SessionOptions::testing();
        let replay = SessionOptions::new().time_check(TimeCheck::Replay);
        for options in [
            testing.clone(),
            testing.clone().check_all(false),
            replay.clone(),
            replay.check_all(true),
            testing.hide_nofail(false).raw_ids(true),
        ] {
            let plain = read_lines(&filter, &options.clone().plain(true), &log);
            let mut scouted = 0;
            for (size, depth) in [
                (usize::MAX, 1),
                (5000, 1),
                (5000, 3),
                (700, 2),
                (40, 1),
                (40, 5),
            ] {
                let (after, blocks) = read_scouted(&filter, &options, &log, size, depth);
                compare("connections", size, &plain, &after);
                scouted += blocks;
            }
            assert!(scouted > 500, "only {scouted} blocks were searched ahead");
            all.extend(plain);
        }
    }
    for state in ["Failure", "NoFail", "Pending", "Ignored", "Missed"] {
        let lines = all.iter().filter(|line| line.starts_with(state)).count();
        assert!(lines > 50, "{state}: only {lines} lines");
    }
}

#[test]
fn dates_that_moved_meanwhile_are_looked_for_where_they_are() {
    let filter = Filter::builder()
        .failregex("failed <ADDR>$")
        .datepattern("%Y-%m-%d %H:%M:%S")
        .build()
        .unwrap();
    // Which of two dates counts depends on where the last one was.
    let two = "2005-06-01 10:00:00 / 2005-06-02 10:00:00 failed 192.0.2.1\n".repeat(4);
    let second = "nothing ----------- / 2005-06-02 10:00:00 failed 192.0.2.1\n".repeat(4);
    let log = [&*two, &second, &two, &two].concat();
    let options = SessionOptions::testing();
    let plain = read_lines(&filter, &options, log.as_bytes());
    let taken_over = [1, 2, 3, 4].map(|depth| {
        let size = two.len() - 1;
        let (ahead, blocks) = read_ahead(&filter, &options, log.as_bytes(), size, depth);
        compare("two dates", depth, &plain, &ahead);
        blocks
    });
    assert!(plain.iter().any(|line| line.contains("06-02")));
    assert_eq!(taken_over, [2, 1, 0, 0]);
}

fn compare(name: &str, size: usize, plain: &[String], fast: &[String]) {
    for (plain, fast) in plain.iter().zip(fast) {
        assert_eq!(plain, fast, "{name}, blocks of {size}");
    }
    assert_eq!(plain.len(), fast.len(), "{name}, blocks of {size}");
}

fn filters(config: &Path) -> Vec<(String, Filter)> {
    let loader = Loader::new(config);
    let mut names: Vec<String> = fs::read_dir(config.join("filter.d"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".conf").map(str::to_owned))
        .filter(|name| !name.ends_with("common"))
        .collect();
    names.sort();
    let load = |name: String| {
        let filter = loader
            .filter(&FilterSpec::new(&name))
            .unwrap()
            .compile()
            .unwrap();
        (name, filter)
    };
    names.into_iter().map(load).collect()
}

/// Some lines of every log.
fn noise(logs: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(logs)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let lines = |path: PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        let lines = text
            .split(|&byte| byte == b'\n')
            .take(40)
            .map(<[u8]>::to_vec);
        lines.collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(lines).collect()
}

/// A log of a filter's own lines, others, and dates at which clocks change,
/// some of them damaged.
fn mix(own: &[u8], noise: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let own: Vec<&[u8]> = own.split(|&byte| byte == b'\n').collect();
    let mut log = Vec::new();
    for _ in 0..600 {
        let mut line = match random.below(6) {
            // A date as this filter's logs have it, and nothing more.
            4 | 5 => {
                let line = own[random.below(own.len())];
                let mut line = line[..line.len().min(20 + random.below(8))].to_vec();
                line.extend_from_slice(b" nothing at all");
                line
            }
            0 => noise[random.below(noise.len())].clone(),
            1 => {
                let (minute, second) = (random.below(60), random.below(60));
                let hour = random.below(5);
                let date = format!("2005-10-30 0{hour}:{minute:02}:{second:02} nothing at all");
                date.into_bytes()
            }
            _ => own[random.below(own.len())].to_vec(),
        };
        if random.below(4) == 0 && !line.is_empty() {
            let at = random.below(line.len());
            match random.below(4) {
                0 => line[at] = b"0123456789 :[]/x\xc3"[random.below(17)],
                1 => drop(line.remove(at)),
                2 => line.insert(at, b' '),
                _ => line.truncate(at),
            }
        }
        let copies = if random.below(3) == 0 {
            1 + random.below(6)
        } else {
            1
        };
        // Most of a date stays as it is, as in a log.
        let digits: Vec<usize> = (0..line.len().min(36))
            .filter(|&at| line[at].is_ascii_digit())
            .collect();
        for _ in 0..copies {
            if !digits.is_empty() && random.below(4) == 0 {
                let from_the_end = 1 + random.below(digits.len().min(4));
                line[digits[digits.len() - from_the_end]] = b'0' + random.below(10) as u8;
            }
            log.extend_from_slice(&line);
            log.extend_from_slice(if random.below(5) == 0 { b"\r\n" } else { b"\n" });
        }
    }
    log
}

fn now() -> Timestamp {
    Timestamp::from_whole_seconds(1_124_013_600)
}

fn read_lines(filter: &Filter, options: &SessionOptions, log: &[u8]) -> Vec<String> {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let ends = text.iter().rev().take_while(|&&byte| byte == b'\r').count();
        let text = &text[..text.len() - ends];
        if text.is_empty() || text[0] == b'#' {
            out.push("skipped".to_owned());
            continue;
        }
        session.feed(text, now());
        out.push(show(&session));
    }
    out.push(end(&session));
    out
}

fn read_blocks(
    filter: &Filter,
    options: &SessionOptions,
    log: &[u8],
    size: usize,
) -> (Vec<String>, usize) {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    let mut passed = 0;
    for block in blocks(log, size) {
        passed += judge(&mut session, block, &mut out);
    }
    out.push(end(&session));
    (out, passed)
}

/// Each block is judged with what was known `depth` blocks before it. Also
/// how many blocks need not be judged again.
fn read_ahead(
    filter: &Filter,
    options: &SessionOptions,
    log: &[u8],
    size: usize,
    depth: usize,
) -> (Vec<String>, usize) {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    let mut taken_over = 0;
    let mut pending = VecDeque::new();
    let mut blocks = blocks(log, size).into_iter();
    loop {
        while pending.len() < depth
            && let Some(block) = blocks.next()
        {
            let ahead = session.ahead().map(|mut ahead| {
                let mut out = Vec::new();
                judge(&mut ahead, block, &mut out);
                (ahead, out)
            });
            pending.push_back((block, ahead));
        }
        let Some((block, ahead)) = pending.pop_front() else {
            break;
        };
        match ahead {
            Some((ahead, lines)) if session.take_over(&ahead) => {
                out.extend(lines);
                taken_over += 1;
            }
            _ => {
                judge(&mut session, block, &mut out);
            }
        }
    }
    out.push(end(&session));
    (out, taken_over)
}

/// Each block is searched with what was known `depth` blocks before it, and
/// judged when it comes to be its turn. Also how many blocks need not be
/// searched again.
fn read_scouted(
    filter: &Filter,
    options: &SessionOptions,
    log: &[u8],
    size: usize,
    depth: usize,
) -> (Vec<String>, usize) {
    let mut session = filter.session_with(options);
    let mut out = Vec::new();
    let mut done = 0;
    let mut pending = VecDeque::new();
    // The first block is long enough to choose by it what is searched.
    let mut first = blocks(log, size.max(3000));
    first.truncate(1);
    let later = &log[first.first().map_or(0, |block| block.len())..];
    first.extend(blocks(later, size));
    let mut blocks = first.into_iter();
    loop {
        while pending.len() < depth
            && let Some(block) = blocks.next()
        {
            let scout = session.scout();
            let scouted = scout.map(|scout| scout.search_block(block, &block_options()));
            pending.push_back((block, scouted));
        }
        let Some((block, scouted)) = pending.pop_front() else {
            break;
        };
        let mut passed = 0;
        let told = match scouted {
            None => false,
            Some(scouted) => {
                let result: Result<bool, ()> =
                    session.feed_scouted(block, &scouted, |session, stretch| {
                        let (state, lines) = match stretch {
                            Stretch::Skipped(_) => (LineState::Skipped, 1),
                            Stretch::Judged(_) => (LineState::Judged, 1),
                            Stretch::Passed { lines, text } => {
                                assert_eq!(block_lines(text).count() as u64, lines);
                                (LineState::Passed, lines)
                            }
                        };
                        out.extend((0..lines).map(|_| told(session, state, &mut passed)));
                        Ok(())
                    });
                result.unwrap()
            }
        };
        if told {
            done += 1;
        } else {
            judge(&mut session, block, &mut out);
        }
    }
    out.push(end(&session));
    (out, done)
}

/// Pieces of a log of at least so many bytes that end with a line.
fn blocks(log: &[u8], size: usize) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = log;
    while !rest.is_empty() {
        let at_least = size.min(rest.len());
        let end = rest[at_least..].iter().position(|&byte| byte == b'\n');
        let (block, later) = rest.split_at(end.map_or(rest.len(), |end| at_least + end + 1));
        blocks.push(block);
        rest = later;
    }
    blocks
}

fn block_options() -> BlockOptions {
    BlockOptions {
        now: now(),
        skip_comments: true,
        pass_over: true,
    }
}

/// Says what becomes of each line, and how many were passed over.
fn judge(session: &mut Session, block: &[u8], out: &mut Vec<String>) -> usize {
    let mut passed = 0;
    let result: Result<(), ()> =
        session.feed_block(block, &block_options(), |session, _, state| {
            out.push(told(session, state, &mut passed));
            Ok(())
        });
    result.unwrap();
    passed
}

fn told(session: &Session, state: LineState, passed: &mut usize) -> String {
    match state {
        LineState::Skipped => "skipped".to_owned(),
        LineState::Passed => {
            *passed += 1;
            "Missed []".to_owned()
        }
        LineState::Judged => show(session),
    }
}

fn show(session: &Session) -> String {
    let outcome = session.outcome();
    let name = match &outcome {
        Outcome::Missed => "Missed",
        Outcome::Ignored => "Ignored",
        Outcome::NoFail(_) => "NoFail",
        Outcome::Pending(_) => "Pending",
        Outcome::Failure(_) => "Failure",
    };
    // What is enough for a decision, before anything else of a hit is known.
    for hit in outcome.hits().iter() {
        let bare = hit.to_bare_failure();
        let full = hit.to_failure();
        let id = |failure: &Failure| (failure.id.clone(), failure.time, failure.rule);
        assert_eq!(bare.as_ref().map(id), full.as_ref().map(id));
        let ip = |failure: &Failure| match failure.captures.get("ip") {
            Some(Value::Address(ip)) => ip.clone(),
            _ => failure.id.clone(),
        };
        assert_eq!(bare.as_ref().map(ip), full.as_ref().map(ip));
    }
    let hits: Vec<String> = outcome
        .hits()
        .iter()
        .map(|hit| format!("{hit:?} {:?} {:?}", hit.matches(), hit.users()))
        .collect();
    let mut shown = format!("{name} {hits:?}");
    if !matches!(outcome, Outcome::Missed) {
        shown += &format!(" {:?}", session.last_date().map(Timestamp::seconds));
    }
    for trouble in session.troubles() {
        // How soon an engine gives up is its own affair.
        if !matches!(trouble, Trouble::LimitReached { .. }) {
            shown += &format!(" {trouble}");
        }
    }
    shown
}

fn end(session: &Session) -> String {
    let used = session
        .date_hits()
        .into_iter()
        .filter(|date| date.hits() > 0);
    let dates: Vec<String> = used.map(|date| format!("{date:?}")).collect();
    format!(
        "{dates:?} {:?}",
        session.last_date().map(Timestamp::seconds)
    )
}
