//! Host names: the filter's `usedns` is what counts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use kerio_ban_core::{FilterSpec, Loader, MemoryFiles, SessionOptions, Timestamp};

#[test]
fn the_usedns_of_a_filter_decides_about_names() {
    let now = Timestamp::from_whole_seconds(1_124_013_600);
    let ids = |usedns: &str| {
        let text = format!(
            "[Definition]\nusedns = {usedns}\nfailregex = ^x <HOST>$\ndatepattern = {{NONE}}\n"
        );
        let files = MemoryFiles::new().with("/etc/filter.d/f.conf", text);
        let loader = Loader::with_files("/etc", files);
        let filter = loader
            .filter(&FilterSpec::new("f"))
            .unwrap()
            .compile()
            .unwrap();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let options = SessionOptions::testing().resolver(move |_: &str| vec![address]);
        let mut session = filter.session_with(&options);
        let outcome = session.feed("x host.example", now);
        let ids = outcome
            .failures()
            .filter_map(|hit| Some(hit.id()?.to_string()));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("warn"), ["192.0.2.1"]);
    assert_eq!(ids("raw"), ["host.example"]);
    assert!(ids("no").is_empty());
}
