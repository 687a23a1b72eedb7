//! Loads every jail of fail2ban's own configuration, where `FAIL2BAN_SRC`
//! names its sources.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads files and its environment, and fails by panicking"
)]

use std::path::{Path, PathBuf};

use kerio_ban_core::{JailOptions, JailState, Loader, OsFiles};

#[expect(
    clippy::disallowed_methods,
    reason = "the configuration is named by the environment"
)]
fn config() -> Option<PathBuf> {
    let root = std::env::var_os("FAIL2BAN_SRC")?;
    Some(Path::new(&root).join("config"))
}

#[test]
fn every_jail_resolves_when_it_is_forced_on() {
    let Some(config) = config() else {
        println!("FAIL2BAN_SRC is not set: not run");
        return;
    };
    let options = JailOptions::new().force(true).allow_no_files(true);
    let jails = Loader::new(config).jails(&options).unwrap();
    assert!(jails.fatal().is_none(), "{:?}", jails.fatal());
    let mut loaded = 0;
    for section in jails.iter() {
        let JailState::Loaded(jail) = section.state() else {
            panic!("{}: {:?}", section.name(), section.state());
        };
        let numbers = jail.to_jail(&OsFiles, &[]).unwrap().build();
        assert!(numbers.max_retry() > 0 && numbers.find_time() > 0.0);
        assert!(!jail.filter().failregex().is_empty(), "{}", jail.name());
        assert!(!jail.actions().is_empty(), "{}", jail.name());
        for (option, setting) in jail.settings() {
            let default = ["backend", "skip_if_nologs", "systemd_if_nologs"].contains(&option);
            assert!(
                default || setting.place().is_some(),
                "{} of {} was set nowhere",
                option,
                jail.name()
            );
        }
        loaded += 1;
    }
    assert!(loaded > 90, "only {loaded} jails were found");
}
