//! An auth.log with its usual neighbours in one file.

use std::io::{self, Write};

use crate::clock::Clock;
use crate::random::Random;

const NAMES: &[&str] = &[
    "root", "admin", "test", "oracle", "ubuntu", "git", "deploy", "postgres", "pi", "user",
];
const UNITS: &[&str] = &[
    "apt-daily",
    "logrotate",
    "fstrim",
    "man-db",
    "systemd-tmpfiles-clean",
];

pub(crate) fn write_line(
    out: &mut dyn Write,
    clock: &Clock,
    random: &mut Random,
) -> io::Result<()> {
    write!(out, "{} mx1 ", clock.syslog())?;
    let pid = 1000 + random.below(60_000);
    match random.below(100) {
        0..15 => {
            write!(out, "sshd[{pid}]: ")?;
            failure(out, random)
        }
        15..40 => {
            write!(out, "sshd[{pid}]: ")?;
            other_sshd(out, random)
        }
        _ => other(out, random, pid),
    }
}

fn failure(out: &mut dyn Write, random: &mut Random) -> io::Result<()> {
    let (name, address, port) = (random.pick(NAMES), random.address(), random.port());
    match random.below(5) {
        0 => write!(
            out,
            "Failed password for {name} from {address} port {port} ssh2"
        ),
        1 => write!(
            out,
            "Failed password for invalid user {name} from {address} port {port} ssh2"
        ),
        2 => write!(out, "Invalid user {name} from {address} port {port}"),
        3 => write!(
            out,
            "error: maximum authentication attempts exceeded for {name} from {address} port {port} ssh2 [preauth]"
        ),
        _ => write!(
            out,
            "User {name} from {address} not allowed because not listed in AllowUsers"
        ),
    }
}

fn other_sshd(out: &mut dyn Write, random: &mut Random) -> io::Result<()> {
    let (name, address, port) = (random.pick(NAMES), random.address(), random.port());
    match random.below(6) {
        0 => write!(
            out,
            "Accepted publickey for {name} from {address} port {port} ssh2: ED25519 SHA256:{:043}",
            random.below(1 << 60)
        ),
        1 => write!(
            out,
            "pam_unix(sshd:session): session opened for user {name}(uid={}) by (uid=0)",
            random.below(2000)
        ),
        2 => write!(
            out,
            "pam_unix(sshd:session): session closed for user {name}"
        ),
        3 => write!(
            out,
            "Received disconnect from {address} port {port}:11: disconnected by user"
        ),
        4 => write!(
            out,
            "Connection closed by authenticating user {name} {address} port {port} [preauth]"
        ),
        _ => write!(
            out,
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={address}  user={name}"
        ),
    }
}

fn other(out: &mut dyn Write, random: &mut Random, pid: u64) -> io::Result<()> {
    let name = random.pick(NAMES);
    match random.below(5) {
        0 => write!(
            out,
            "CRON[{pid}]: pam_unix(cron:session): session opened for user {name}(uid=0) by (uid=0)"
        ),
        1 => write!(
            out,
            "CRON[{pid}]: ({name}) CMD (/usr/local/bin/job-{} --quiet)",
            random.below(50)
        ),
        2 => {
            let unit = random.pick(UNITS);
            write!(out, "systemd[1]: {unit}.service: Deactivated successfully.")
        }
        3 => {
            let (source, port) = (random.address(), random.port());
            let (length, ttl) = (40 + random.below(1400), 32 + random.below(200));
            write!(
                out,
                "kernel: [UFW BLOCK] IN=eth0 OUT= SRC={source} DST=203.0.113.25 LEN={length} TTL={ttl} PROTO=TCP SPT={port} DPT=22 SYN URGP=0"
            )
        }
        _ => write!(
            out,
            "sudo:     {name} : TTY=pts/{} ; PWD=/home/{name} ; USER=root ; COMMAND=/usr/bin/systemctl status",
            random.below(9)
        ),
    }
}
