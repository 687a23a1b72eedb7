//! Any bytes as a jail with its actions and the attempts it sees: decisions
//! follow the clock, and commands come of every ban.

use std::collections::BTreeMap;

use kerio_ban_core::{
    Ban, Decision, DryAction, Failure, FailureId, JailConfig, JailOptions, Loader, Timestamp,
    Tracker,
};

use crate::shown::check_error;
use crate::tree;

/// The attempts, then a line `=== ` and the files.
///
/// Each attempt is two bytes: who, and after how many seconds.
pub fn run(data: &[u8]) {
    let Some((&count, data)) = data.split_first() else {
        return;
    };
    let (attempts, data) = data.split_at(data.len().min(2 * usize::from(count % 64)));
    let files = tree::files(data);
    let options = JailOptions::new().force(true).allow_no_files(true);
    let loader = Loader::with_files(tree::ROOT, files.clone());
    let names = match loader.jail_names() {
        Ok(names) => names,
        Err(error) => return check_error(&error),
    };
    for name in names.iter().take(2) {
        let config = match loader.jail(name, &options) {
            Ok(config) => config,
            Err(error) => {
                check_error(&error);
                continue;
            }
        };
        match config.to_jail(&files, &[]) {
            Ok(jail) => replay(&config, jail.build().tracker(), attempts),
            Err(error) => check_error(&error),
        }
    }
}

fn replay(config: &JailConfig, mut tracker: Tracker, attempts: &[u8]) {
    tracker.set_random(|| 0.25);
    let mut now = Timestamp::from_whole_seconds(1_750_000_000);
    let mut banned: BTreeMap<String, Ban> = BTreeMap::new();
    let mut actions: Vec<DryAction> = config.actions().iter().map(DryAction::new).collect();
    for action in &mut actions {
        if let Err(error) = action.start(config.name(), now) {
            check_error(&error);
        }
    }
    for attempt in attempts.chunks_exact(2) {
        let seconds = i64::from(attempt[1] >> 1) * if attempt[1] & 1 == 0 { 1 } else { 3600 };
        now = Timestamp::from_whole_seconds(now.seconds() as i64 + seconds);
        let id = FailureId::parse(match attempt[0] % 5 {
            0 => "192.0.2.1",
            1 => "192.0.2.200",
            2 => "2001:db8::7",
            3 => "198.51.100.0/24",
            _ => "no'address\"$(x)`y`<ip>",
        });
        let failure = Failure::new(id.expect("an id")).at(now);
        let failure = failure.with_line("a line 'with' \"quotes\" $(and) <ip> `more` \\ \u{1b}[1m");
        tracker.lift(now);
        let ends: Vec<FailureId> = tracker.drain_unbans().map(|unban| unban.id).collect();
        for id in ends {
            let ban = banned.remove(&id.to_string());
            let ban = ban.expect("what ends has begun");
            for action in &mut actions {
                if let Err(error) = action.unban(&ban, &tracker) {
                    check_error(&error);
                }
            }
        }
        if let Decision::Ban(ban) = tracker.record(&failure, now) {
            for action in &mut actions {
                if let Err(error) = action.ban(&ban, &tracker) {
                    check_error(&error);
                }
            }
            banned.insert(ban.id().to_string(), ban);
        }
    }
    assert!(tracker.bans().count() <= attempts.len() / 2);
}
