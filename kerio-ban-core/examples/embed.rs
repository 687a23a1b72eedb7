//! A jail from its files to its bans.

use kerio_ban_core::{
    Decision, Error, JailOptions, Loader, MemoryFiles, SessionOptions, TimeCheck, Timestamp,
};

const JAIL: &str = "[mail]\nenabled = true\nfilter = mail\nmaxretry = 3\nbantime = 20m\n";
const FILTER: &str = "[Definition]\nfailregex = ^ login of \\S+ from <ADDR> failed$\n";
const LOG: &str = "\
2025-06-17 17:00:45 login of jane from 198.51.100.7 failed
2025-06-17 17:00:45 login of info from 203.0.113.9 failed
2025-06-17 17:00:52 login of sales from 203.0.113.9 failed
2025-06-17 17:01:03 login of root from 203.0.113.9 failed
2025-06-17 17:30:00 login of jane from 198.51.100.7 worked
";

/// The bans, and their ends, that follow from the log.
pub(crate) fn bans() -> Result<Vec<String>, Error> {
    // `Loader::new("/etc/fail2ban")` reads what is installed.
    let files = MemoryFiles::new()
        .with("/f/jail.conf", JAIL)
        .with("/f/filter.d/mail.conf", FILTER);
    let config = Loader::with_files("/f", files.clone()).jail("mail", &JailOptions::new())?;
    let filter = config.filter().compile()?;
    let mut tracker = config.to_jail(&files, &[])?.build().tracker();

    // Lines count at their own dates; the moment says what year it is.
    let options = SessionOptions::new().time_check(TimeCheck::Replay);
    let mut session = filter.session_with(&options);
    let year = Timestamp::from_whole_seconds(1_750_000_000);
    let mut told = Vec::new();
    for line in LOG.lines() {
        let failures: Vec<_> = session.feed(line, year).failures().collect();
        for failure in failures.iter().filter_map(kerio_ban_core::Hit::to_failure) {
            let now = failure.time.unwrap_or(year);
            if let Decision::Ban(ban) = tracker.record(&failure, now) {
                told.push(format!("{} is banned for {} s", ban.id(), ban.ban_time()));
            }
        }
        tracker.lift(session.last_date().unwrap_or(year));
        told.extend(
            tracker
                .drain_unbans()
                .map(|unban| format!("{} is free", unban.id)),
        );
    }
    Ok(told)
}

#[allow(clippy::print_stdout, reason = "that is what it is for")]
pub(crate) fn main() -> Result<(), Error> {
    for line in bans()? {
        println!("{line}");
    }
    Ok(())
}
