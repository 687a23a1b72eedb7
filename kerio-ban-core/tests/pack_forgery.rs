//! Forged text against the filters of the pack.
//!
//! Whoever fails to log in chooses a user name, and whoever sends mail chooses
//! senders, recipients and the name of a machine. In made-up lines, these texts
//! hold whatever else Kerio could have written, nested and cut anywhere, with an
//! address of the attacker's choice. No filter may take that address for the
//! one that Kerio wrote.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and tells what it did"
)]

#[allow(dead_code, reason = "shared with the log generator")]
#[path = "../../benches/loggen/random.rs"]
mod random;

use std::path::Path;

use kerio_ban_core::{FilterSpec, Line, Loader, Session, SessionOptions, Timestamp};
use random::Random;

const LINES: usize = 20_000;
const SEED: u64 = 7;

/// What the attacker wants to have banned.
const VICTIMS: &[&str] = &[
    "203.0.113.9",
    "2001:db8::9",
    "::ffff:203.0.113.9",
    "[2001:db8::9]",
    "203.0.113.9:25",
];

/// What Kerio writes.
const CLIENTS: &[&str] = &["192.0.2.1", "2001:db8:1::1"];

/// Messages about a failure, with places for the protocol (P), the client's
/// address (A) and text from outside (T).
const FAILURES: &[&str] = &[
    "{P}: User {T} doesn't exist. Attempt from IP address {A}.",
    "{P}: User {T} doesn't exist. Attempt from IP address {A}",
    "{P}: Invalid password for user {T}. Attempt from IP address {A}.",
    "Failed {P} login from {A} with SASL method LOGIN.",
    "Failed {P} login from {A}, user {T} not found.",
    "Failed {P} login from {A}, missing parameter in AUTHENTICATE header",
    "{P}: User {T} - login denied: Access Policy rule 'x' used. Attempt from IP address {A}.",
    "{P}: AntiHammering - IP address {A} will be blocked for 5 minutes, too many failed logins",
    "{P}: AntiHammering: connection from IP address {A} is blocked",
    "IP address {A} found in DNS blacklist X, mail from <{T}> to <{T}> rejected",
    "IP address {A} found in DNS blacklist X, mail from <{T}> to <{T}>",
    "Relay attempt from IP address {A}, mail from <{T}> to <{T}> rejected",
    "Attempt to deliver to unknown recipient <{T}>, from <{T}>, IP address {A}",
    "Message from IP address {A}, sender <{T}> rejected: sender domain does not exist",
    "SPF check failed: The IP address '{A}' is not in permitted set for sender '{T}' (FAIL)",
    "SMTP Spam attack detected from {A}, client sent data before SMTP greeting",
    "Client with IP address {A} has no reverse DNS entry, connection rejected before SMTP greeting",
    "Authentication: WebAdmin SSL: Client: {A}: {T}",
    "FTP: Bounce attack attempt: client: {A}, server: 198.51.100.7, command: PORT {T}",
];

/// Messages with text from outside that are about no failure, or that do not
/// tell whose.
const OTHERS: &[&str] = &[
    "Message from <{T}> to <{T}> rejected by header filter: {T}",
    "Message from <{T}> to <{T}> rejected by spam filter: score 9.74, threshold 5.00",
    "Message rejected as malware spam, From:{T}, To:{T}",
    "Found virus in mail from <{T}> to <{T}>: {T}",
    "{P}: User {T} authenticated  from IP address {A}; {T}",
    "Mobile device X (user: {T}), connected from: {A} has been irrecoverable wiped out",
    "Recv: Queue-ID: 1-2, Service: {P}, From: <{T}>, To: <{T}>, Size: 985, Sender-Host: {A}, User: {T}, Subject: {T}",
    "(3004) Authentication subsystem warning: Invalid password for user {T}",
    "Failed {P} login from {A}.{T}.example.net with SASL method LOGIN.",
    "Anti-Spoofing: Packet from {T}, proto:TCP, len:48, ip/port:{A}:1864 -> 192.0.2.10:445, flags: SYN",
    "FTP: Malicious server reply: client: {A}, server: 198.51.100.7, response: 227 {T}",
];

const HEADS: &[&str] = &[
    "[17/Jun/2025 17:00:45] ",
    "<22>1 2025-06-17T17:00:45+02:00 mx kerio - - - ",
    "2025-06-17T17:00:45+02:00 mx kerio ",
    "Jun 17 17:00:45 mx kerio: ",
];

/// How Kerio's debug log begins its lines, which are no business of ours.
const DEBUG_HEAD: &str = "[17/Jun/2025 17:00:45][6376] {smtps} ";

const PROTOCOLS: &[&str] = &["SMTP", "IMAP", "HTTP/WebMail"];

const BITS: &[&str] = &[
    "x",
    "a@example.com",
    "",
    " ",
    "\"a b\"@example.com",
    ".",
    ">",
    " rejected",
    "'",
    ";",
    "é",
    ": ",
];

/// A line that a relay cut off has as many bytes.
const CUT: usize = 1024;

/// Fills the places of a message.
fn fill(random: &mut Random, message: &str, address: &str, depth: u64) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(open) = rest.find('{') {
        out += &rest[..open];
        let (place, after) = rest[open + 1..].split_once('}').unwrap();
        match place {
            "P" => out += random.pick(PROTOCOLS),
            "A" => out += address,
            "T" => out += &text(random, depth),
            other => panic!("{other}"),
        }
        rest = after;
    }
    out + rest
}

/// Text from outside.
fn text(random: &mut Random, depth: u64) -> String {
    if depth == 0 {
        return random.pick(BITS).to_owned();
    }
    match random.below(100) {
        0..45 => forged(random, depth),
        45..55 => random.pick(HEADS).to_owned() + &forged(random, depth),
        55..75 => {
            let whole: Vec<char> = forged(random, depth).chars().collect();
            let mut cut = || random.below(whole.len() as u64 + 1) as usize;
            let (one, other) = (cut(), cut());
            whole[one.min(other)..one.max(other)].iter().collect()
        }
        _ => {
            let between = [" ", ">", ", ", ". ", ""];
            text(random, 0) + random.pick(&between) + &text(random, depth - 1)
        }
    }
}

fn forged(random: &mut Random, depth: u64) -> String {
    let (message, victim) = (random.pick(FAILURES), random.pick(VICTIMS));
    fill(random, message, victim, depth - 1)
}

/// A line, and the address that Kerio wrote, if it is about a failure.
fn line(random: &mut Random) -> (String, Option<&'static str>) {
    let head = random.pick(HEADS);
    let client = random.pick(CLIENTS);
    let depth = 1 + random.below(3);
    match random.below(100) {
        0..20 => {
            let message = random.pick(OTHERS);
            (
                head.to_owned() + &fill(random, message, client, depth),
                None,
            )
        }
        20..25 => (DEBUG_HEAD.to_owned() + &forged(random, depth), None),
        25..40 => (cut_line(random, head), None),
        _ => {
            let message = random.pick(FAILURES);
            let line = head.to_owned() + &fill(random, message, client, depth);
            // Further down it may be cut anyway, within a character, too.
            let cut = line.len() > CUT && random.percent(30);
            let bytes = &line.as_bytes()[..if cut { CUT } else { line.len() }];
            (String::from_utf8_lossy(bytes).into_owned(), Some(client))
        }
    }
}

/// A line so long that what Kerio wrote behind the text from outside is gone,
/// and that ends in forged text instead.
fn cut_line(random: &mut Random, head: &str) -> String {
    // The places for text before the address.
    let (message, places) = loop {
        let message = random.pick(FAILURES);
        let (start, _) = message.split_once("{A}").unwrap();
        let places: Vec<usize> = start.match_indices("{T}").map(|(at, _)| at).collect();
        if !places.is_empty() {
            break (message, places);
        }
    };
    let place = places[random.below(places.len() as u64) as usize];
    let before = fill(random, &message[..place], "", 0);
    let mut end = String::new();
    while end.is_empty() || !end.is_ascii() {
        end = forged(random, 1);
    }
    // Up to the victim's address, to the character.
    let address = VICTIMS
        .iter()
        .filter_map(|victim| Some(end.find(victim)? + victim.len()))
        .max();
    end.truncate(address.unwrap_or(end.len()));
    // Some count the date, some do not.
    let line = head.to_owned() + &before;
    let length = if random.percent(50) {
        CUT
    } else {
        CUT + head.len()
    };
    let padding = length.saturating_sub(line.len() + end.len());
    let blanks = if random.percent(50) {
        "y"
    } else {
        "y@z.example "
    };
    let padding = blanks.repeat(padding / blanks.len() + 1)[..padding].to_owned();
    line + &padding + &end
}

/// The filters, each in the modes that have all of its expressions.
fn sessions() -> Vec<(FilterSpec, Session)> {
    let filters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters");
    let loader = Loader::new(filters);
    let specs = [
        "kerio",
        "kerio[mode=aggressive]",
        "kerio-control[mode=aggressive]",
        "kerio-control[mode=ips]",
    ];
    specs
        .map(|spec| {
            let spec: FilterSpec = spec.parse().unwrap();
            let filter = loader.filter(&spec).unwrap().compile().unwrap();
            let session = filter.session_with(&SessionOptions::testing());
            (spec, session)
        })
        .into()
}

fn found(session: &mut Session, line: &str) -> Vec<String> {
    // 2025-06-18.
    let now = Timestamp::from_whole_seconds(1_750_204_800);
    let outcome = session.feed(Line::Bytes(line.as_bytes()), now);
    let ids = outcome
        .hits()
        .iter()
        .map(|hit| hit.id().unwrap().to_string());
    ids.collect()
}

#[test]
fn no_forged_address_is_ever_found() {
    let mut random = Random::new(SEED);
    let mut sessions = sessions();
    let (mut failures, mut cut) = (0, 0);
    for _ in 0..LINES {
        let (line, client) = line(&mut random);
        cut += usize::from(line.len() >= CUT);
        for (spec, session) in &mut sessions {
            let ids = found(session, &line);
            failures += ids.len();
            let expected = ids.is_empty() || ids.iter().map(String::as_str).eq(client);
            assert!(
                expected,
                "{spec} finds {ids:?}, Kerio wrote {client:?}: {line}"
            );
        }
    }
    println!("{LINES} lines, {cut} of them long, {failures} failures");
    // Otherwise there was nothing to be mistaken about.
    assert!(
        failures >= LINES / 2 && cut >= LINES / 10,
        "{failures} {cut}"
    );
}

// What fail2ban's own filter for Kerio can be made to ban.
#[test]
fn what_deceives_others_does_not_deceive_ours() {
    let lines = [
        (
            "SMTP: User x doesn't exist. Attempt from IP address 203.0.113.9 doesn't exist. \
             Attempt from IP address 192.0.2.1.",
            Some("192.0.2.1"),
        ),
        (
            "Failed SMTP login from localhost with SASL method LOGIN.",
            None,
        ),
        (
            "Failed SMTP login from 203.0.113.9.evil.example with SASL method LOGIN.",
            None,
        ),
        (
            "SMTP Spam attack detected from 203.0.113.9.evil.example, client closed connection \
             before SMTP greeting",
            None,
        ),
    ];
    for (message, client) in lines {
        for head in HEADS {
            let line = format!("{head}{message}");
            let mut by_kerio = Vec::new();
            for (spec, session) in &mut sessions() {
                let ids = found(session, &line);
                assert!(
                    ids.iter().all(|id| Some(id.as_str()) == client),
                    "{spec}: {line}"
                );
                by_kerio.extend(ids);
            }
            assert_eq!(by_kerio.is_empty(), client.is_none(), "{line}");
        }
    }
}
