//! Any bytes as a date pattern and lines: dates lie inside their lines, and
//! fixed forms and expressions find the same.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use kerio_ban_core::{DateFinder, Error, Filter, SessionOptions, Source, Traced, Zone};

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
    let pattern = (patterns > 0).then(|| String::from_utf8_lossy(&pattern).into_owned());
    let year = 2000 + i32::from(how >> 4) * 10;
    let zone = match how & 12 {
        0 => Zone::utc(),
        4 => Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone"),
        8 => Zone::named("America/Sao_Paulo").expect("a zone"),
        _ => Zone::posix("<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45").expect("a zone"),
    };
    let (filter, fresh) = match filter(pattern.as_deref(), year) {
        Ok(found) => found,
        Err(error) => return shown::check_error(&error),
    };
    // For the many default templates this takes too long, and for a pattern to do
    // it often.
    let mut finder = pattern.filter(|_| fresh).map(|pattern| {
        let finder = DateFinder::new(Some(&traced(&pattern)), year);
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

fn traced(pattern: &str) -> Traced {
    let source = Source::new("datepattern", pattern);
    Traced::typed(&source.span(0..pattern.len()))
}

/// How many filters are kept.
const MOST: usize = 256;

/// A filter with a date pattern, or with fail2ban's own templates, and whether it was
/// made just now. Making it takes longer than anything else, and most inputs differ in
/// their lines.
fn filter(pattern: Option<&str>, year: i32) -> Result<(Filter, bool), Error> {
    type Filters = HashMap<(Option<String>, i32), Filter>;
    static FILTERS: LazyLock<Mutex<Filters>> = LazyLock::new(Mutex::default);
    let key = (pattern.map(str::to_owned), year);
    if let Some(filter) = FILTERS.lock().expect("nobody panics here").get(&key) {
        return Ok((filter.clone(), false));
    }
    let mut builder = Filter::builder();
    builder.failregex("^(?P<fid>.*)$").start_year(year);
    if let Some(pattern) = pattern {
        builder.datepattern(traced(pattern));
    }
    let filter = builder.build()?;
    let mut filters = FILTERS.lock().expect("nobody panics here");
    if filters.len() == MOST {
        filters.clear();
    }
    filters.insert(key, filter.clone());
    Ok((filter, true))
}
