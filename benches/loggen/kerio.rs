//! Kerio Connect's security.log. Failures take the nine shapes that fail2ban's
//! own kerio filter knows; ours finds exactly the same ones in such a log. The
//! rest uses the same words.

use std::io::{self, Write};

use crate::clock::Clock;
use crate::random::Random;

const USERS: &[&str] = &[
    "admin",
    "info",
    "sales",
    "test",
    "postmaster",
    "jane",
    "backup",
    "office",
    "scanner",
    "root",
];
const DOMAINS: &[&str] = &["example.com", "example.net", "example.org", "mail.example"];
const BLACKLISTS: &[&str] = &["Example BL", "bl.example.org", "zen.example.net"];
const METHODS: &[&str] = &["LOGIN", "PLAIN", "CRAM-MD5", "DIGEST-MD5"];
const SERVICES: &[&str] = &["IMAP", "POP3", "SMTP", "HTTP/WebMail", "HTTP/ActiveSync"];

pub(crate) fn write_line<const HITS: u64>(
    out: &mut dyn Write,
    clock: &Clock,
    random: &mut Random,
) -> io::Result<()> {
    write!(out, "[{}] ", clock.kerio())?;
    let address = random.address();
    let from = mailbox(random);
    let to = mailbox(random);
    if random.percent(HITS) {
        match random.below(9) {
            0 => write!(
                out,
                "SMTP Spam attack detected from {address}, client sent data before SMTP greeting"
            ),
            1 => {
                let list = random.pick(BLACKLISTS);
                write!(
                    out,
                    "IP address {address} found in DNS blacklist {list}, mail from <{from}> to <{to}> rejected"
                )
            }
            2 => write!(
                out,
                "Relay attempt from IP address {address}, mail from <{from}> to <{to}> rejected"
            ),
            3 => write!(
                out,
                "Attempt to deliver to unknown recipient <{to}>, from <{from}>, IP address {address}"
            ),
            4 => {
                let method = random.pick(METHODS);
                write!(
                    out,
                    "Failed SMTP login from {address} with SASL method {method}."
                )
            }
            5 => write!(
                out,
                "SMTP: User {to} doesn't exist. Attempt from IP address {address}."
            ),
            6 => write!(
                out,
                "Client with IP address {address} has no reverse DNS entry, connection rejected before SMTP greeting"
            ),
            7 => write!(
                out,
                "Administration login into Web Administration from {address} failed: IP address not allowed"
            ),
            _ => write!(
                out,
                "Message from IP address {address}, sender <{from}> rejected: sender domain does not exist"
            ),
        }
    } else {
        match random.below(9) {
            0 => {
                let service = random.pick(SERVICES);
                write!(
                    out,
                    "{service}: User {to} authenticated from IP address {address}"
                )
            }
            1 => write!(
                out,
                "Message from IP address {address}, sender <{from}> to <{to}> accepted: sender is on the whitelist"
            ),
            2 => {
                let score = random.below(999);
                write!(
                    out,
                    "Message from <{from}> to <{to}> rejected by spam filter: score {}.{:02}, threshold 5.00",
                    5 + score / 100,
                    score % 100
                )
            }
            3 => write!(
                out,
                "Message from <{from}> to <{to}> rejected by header filter: To address is {to}"
            ),
            4 => write!(
                out,
                "Found virus in mail from <{from}> to <{to}>: Eicar-Test-{}",
                random.below(1000)
            ),
            5 => write!(
                out,
                "Kerio Antivirus database has been successfully updated. {} signatures.",
                8_000_000 + random.below(900_000)
            ),
            6 => write!(
                out,
                "SMTP connection from IP address {address} closed, mail from <{from}> delivered to <{to}>"
            ),
            7 => write!(
                out,
                "Administration login into Web Administration from {address} succeeded: user {to}"
            ),
            _ => write!(
                out,
                "SPF check passed: The IP address '{address}' is in permitted set for sender '{from}'"
            ),
        }
    }
}

fn mailbox(random: &mut Random) -> String {
    let user = random.pick(USERS);
    let domain = random.pick(DOMAINS);
    // Half of the names are met again and again, half are new.
    if random.percent(50) {
        format!("{user}@{domain}")
    } else {
        format!("{user}{}@{domain}", random.below(1_000_000))
    }
}
