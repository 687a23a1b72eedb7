//! Any bytes as an annotated log: judged, annotated anew, and anonymised.

use std::path::Path;

use kerio_ban_core::samples::{Anonymized, Corpus, Recording, Variant};
use kerio_ban_core::{Error, Files, Filter};

use crate::feed::FILTERS;
use crate::shown::check_error;
use crate::tree;

/// The first byte chooses the filter and what to do; logs follow, divided as
/// the files of a configuration are.
pub fn run(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else {
        return;
    };
    let filter = &FILTERS[usize::from(how & 15) % FILTERS.len()];
    let load = |_: &Variant| Ok::<Filter, Error>(filter.clone());
    let files = tree::files(data);
    let path = Path::new("/f/filter.d/f.conf");
    match Corpus::load_file(&files, path, "f") {
        Ok(corpus) => match corpus.judge(load) {
            Ok(report) => {
                for verdict in &report.verdicts {
                    let _ = verdict.status();
                }
                let _ = report.expressions();
            }
            Err(error) => return check_error(&error),
        },
        Err(error) => return check_error(&error),
    }
    if how & 16 == 0 {
        let update = how & 32 == 0;
        let recording = match Recording::make(&files, path, "f", update, load) {
            Ok(recording) => recording,
            Err(error) => return check_error(&error),
        };
        for log in &recording.logs {
            check_lines(&log.before, &log.after);
        }
    } else {
        match Anonymized::make(&files, path, "f", load) {
            Ok(made) => {
                for (path, log) in &made.logs {
                    let before = files.read(path).unwrap_or_default();
                    let count = |log: &[u8]| log.iter().filter(|&&byte| byte == b'\n').count();
                    assert_eq!(count(&before), count(log), "lines of {}", path.display());
                }
            }
            Err(error) => check_error(&error),
        }
    }
}

/// Recording only puts in lines and replaces comments.
fn check_lines(before: &[u8], after: &[u8]) {
    let lines = |log: &[u8]| -> Vec<Vec<u8>> {
        let lines = log.split(|&byte| byte == b'\n');
        let lines = lines.filter(|line| !line.starts_with(b"#"));
        lines.map(<[u8]>::to_vec).collect()
    };
    assert_eq!(lines(before), lines(after));
}
