//! Any bytes as a date pattern and lines: dates lie inside their lines, and
//! fixed forms and expressions find the same.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kerio_ban_core::{DateFinder, Filter, SessionOptions, Source, Traced, Zone};

use crate::shown;

/// The first byte says how to read, up to two patterns follow, then the lines.
pub fn run(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else {
        return;
    };
    let patterns = usize::from(how & 3);
    let mut parts = data.splitn(patterns + 1, |&byte| byte == b'\n');
    let pattern: Vec<&[u8]> = parts.by_ref().take(patterns).collect();
    let pattern = pattern.join(&b'\n');
    let lines = parts.next().unwrap_or_default();
    if pattern.len() > 200 {
        return;
    }
    let source = Source::new("datepattern", String::from_utf8_lossy(&pattern));
    let pattern = Traced::typed(&source.span(0..source.text().len()));
    let pattern = (patterns > 0).then_some(&pattern);
    let year = 2000 + i32::from(how >> 4) * 10;
    let zone = match how & 12 {
        0 => Zone::utc(),
        4 => Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone"),
        8 => Zone::named("America/Sao_Paulo").expect("a zone"),
        _ => Zone::posix("<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45").expect("a zone"),
    };
    let filter = match pattern {
        Some(pattern) => {
            let mut builder = Filter::builder();
            builder.failregex("^(?P<fid>.*)$").start_year(year);
            match builder.datepattern(pattern.clone()).build() {
                Ok(filter) => filter,
                Err(error) => return shown::check_error(&error),
            }
        }
        None => by_default(year),
    };
    // For the many default templates this takes too long to do it often.
    let mut finder = pattern.map(|pattern| {
        let finder = DateFinder::new(Some(pattern), year);
        finder.map(|finder| finder.zone(zone.clone()))
    });
    let options = SessionOptions::testing().zone(zone.clone());
    let mut fast = filter.session_with(&options);
    let mut plain = filter.session_with(&options.plain(true));
    for line in lines.split(|&byte| byte == b'\n').take(20) {
        let line = String::from_utf8_lossy(line);
        if let Some(Ok(finder)) = &mut finder {
            match finder.find(&line, shown::now()) {
                Ok(Some(date)) => {
                    assert!(!line[date.range()].is_empty());
                    assert!(date.time().seconds().is_finite());
                }
                Ok(None) => {}
                Err(error) => shown::check_error(&error),
            }
        }
        fast.feed(&*line, shown::now());
        plain.feed(&*line, shown::now());
        assert_eq!(shown::line(&fast), shown::line(&plain));
        assert_eq!(fast.troubles(), plain.troubles());
        assert_eq!(fast.date_place(), plain.date_place());
    }
    assert_eq!(shown::dates(&fast), shown::dates(&plain));
}

/// A filter with fail2ban's own templates, made once for each year.
fn by_default(year: i32) -> Filter {
    static FILTERS: Mutex<BTreeMap<i32, Filter>> = Mutex::new(BTreeMap::new());
    let mut filters = FILTERS.lock().expect("nobody panics here");
    let filter = filters.entry(year).or_insert_with(|| {
        let mut builder = Filter::builder();
        builder.failregex("^(?P<fid>.*)$").start_year(year);
        builder.build().expect("a filter of ours")
    });
    filter.clone()
}
