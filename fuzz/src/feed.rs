//! Any bytes as a log, under filters of all kinds: no panic, whatever was
//! captured is text of the log, and both ways to search agree.

use std::sync::LazyLock;

use kerio_ban_core::{
    FailureId, Filter, FilterSpec, Loader, MemoryFiles, Session, SessionOptions, TimeCheck, UseDns,
    Value, Zone,
};

use crate::shown;

/// The filters.
pub(crate) static FILTERS: LazyLock<Vec<Filter>> = LazyLock::new(filters);

fn filters() -> Vec<Filter> {
    let mut files = MemoryFiles::new();
    for (path, text) in kerio_ban_filters::files() {
        files.insert(format!("/p/{path}"), *text);
    }
    let loader = Loader::with_files("/p", files);
    let pack = [
        "kerio",
        "kerio[mode=aggressive]",
        "kerio-control[mode=aggressive]",
    ];
    let mut filters: Vec<Filter> = pack
        .iter()
        .map(|spec| {
            let spec: FilterSpec = spec.parse().expect("a specification");
            let config = loader.filter(&spec).expect("a filter of the pack");
            config.compile().expect("a filter of the pack")
        })
        .collect();
    let mut add = |change: &dyn Fn(&mut kerio_ban_core::FilterBuilder)| {
        let mut builder = Filter::builder();
        change(&mut builder);
        filters.push(builder.build().expect("a filter of ours"));
    };
    // Connections.
    add(&|filter| {
        filter
            .prefregex(
                r"^\s*\S+ sshd(?:-session)?(?:\[\d+\])?: <F-MLFID>\S* ?</F-MLFID><F-CONTENT>.+</F-CONTENT>$",
            )
            .failregex(r"^Failed \S+ for (?:invalid user )?<F-USER>\S+|.*?</F-USER> from <HOST>(?: port \d+)?$")
            .failregex(r"^<F-NOFAIL>Accepted</F-NOFAIL> \S+ for <F-ALT_USER>\S+</F-ALT_USER> from <HOST>$")
            .failregex(r"^<F-MLFFORGET><F-MLFGAINED>session opened</F-MLFGAINED></F-MLFFORGET> for <F-USER>\S+</F-USER>$")
            .failregex(r"^Disconnected from <ADDR>(?: port \d+)?$")
            .ignoreregex("from 192\\.0\\.2\\.1$");
    });
    // Several lines.
    add(&|filter| {
        filter
            .failregex(r"^begin <F-USER>\w+</F-USER>$<SKIPLINES>^ end <ADDR>$")
            .failregex(r"^alone <SUBNET>$")
            .ignoreregex("^ignored")
            .max_lines(4)
            .expect("positive");
    });
    // Look-around and back-references.
    add(&|filter| {
        filter
            .failregex(r#"^(?:(?! from ).)* from <ADDR>(?=;|$)"#)
            .failregex(r"^(?P<quote>['\x22])(?P<user>.*?)(?P=quote) at (?:\[)?<ADDR>(?(1)$|x)")
            .failregex(r"^(?i:DENIED|refused)\b.*<(?P<dns>[^>]+)>$")
            .use_dns(UseDns::Raw);
    });
    // Ids that are no addresses.
    add(&|filter| {
        filter
            .failregex(r"^\[<F-ID>[^\]]+</F-ID>\] <F-TUPLE_ID>\w*</F-TUPLE_ID>(?: ip <ADDR>)?")
            .failregex(r"^<F-ALT_USER_1>\w+</F-ALT_USER_1>@<F-USER>\w*</F-USER> <HOST>")
            .datepattern("%Y-%m-%d %H:%M:%S\nEpoch\n{NONE}");
    });
    // Many literals.
    add(&|filter| {
        for word in ["bad", "worse", "worst", "evil", "é", "ſtrange", "K"] {
            filter.failregex(format!("{word} <ADDR>"));
            filter.failregex(format!("(?i){word}: .* \\(<ADDR>\\)$"));
        }
        filter.ignoreregex("(?i)good");
    });
    filters
}

/// How a log is read, by one byte.
pub(crate) fn options(how: u8) -> SessionOptions {
    let options = if how & 1 == 0 {
        SessionOptions::testing()
    } else {
        SessionOptions::new()
    };
    let options = if how & 2 == 0 {
        options.zone(Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone"))
    } else {
        options
    };
    let options = options.raw_ids(how & 4 != 0);
    match how >> 4 {
        0 => options.time_check(TimeCheck::Replay),
        1 => options.time_check(TimeCheck::InOperation),
        2 => options.time_check(TimeCheck::StartUp { find_time: 6e7 }),
        _ => options,
    }
}

/// The first byte chooses the filter, the second how to read; the log follows.
pub fn run(data: &[u8]) {
    let [which, how, log @ ..] = data else {
        return;
    };
    let filter = &FILTERS[usize::from(*which) % FILTERS.len()];
    let options = options(*how);
    let mut fast = filter.session_with(&options);
    let mut plain = filter.session_with(&options.plain(true));
    let mut seen = String::new();
    for line in log.split(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        fast.feed(line, shown::now());
        plain.feed(line, shown::now());
        assert_eq!(shown::line(&fast), shown::line(&plain));
        assert_eq!(fast.troubles(), plain.troubles());
        // What was cut out may have joined what was apart.
        let text = text.trim_end_matches(['\r', '\n']);
        let date = fast.date_place();
        seen.push_str(&text[..date.start]);
        seen.push_str(&text[date.end..]);
        seen.push('\n');
        check_hits(&fast, &seen, text.len());
    }
    assert_eq!(shown::dates(&fast), shown::dates(&plain));
}

/// Nobody is found who is not in the log.
fn check_hits(session: &Session, seen: &str, length: usize) {
    for hit in session.outcome().hits().iter() {
        for (name, value) in hit.captures().iter() {
            match value {
                Some(Value::Text(text)) => assert!(seen.contains(&**text), "{name} {text:?}"),
                Some(Value::Tuple(parts)) => {
                    for part in parts.iter().flatten() {
                        assert!(seen.contains(&**part), "{name} {part:?}");
                    }
                }
                _ => {}
            }
        }
        if let Some(id) = hit.id()
            && id.ip().is_some()
        {
            let texts = hit
                .captures()
                .iter()
                .filter_map(|(_, value)| value?.as_text());
            let mut ids = texts.filter_map(FailureId::parse);
            let is_it = |found: FailureId| found == *id || found.ip() == id.ip();
            assert!(ids.any(is_it), "{id} of {:?}", hit.captures());
        }
        if let Some(place) = hit.place() {
            assert!(place.end <= length);
        }
    }
}
