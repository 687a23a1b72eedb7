//! Any bytes as one configuration file: read or refused, with places.

use kerio_ban_core::recorded;
use kerio_ban_core::{FilterSpec, Loader};
use serde_json::json;

use crate::shown::{check_error, check_origins};
use crate::tree;

/// Reads `data` as a filter, and as a file without any meaning.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parsed = recorded::answer("ini", &json!(text)).expect("a function of this name");
    let files = tree::files(data);
    match Loader::with_files(tree::ROOT, files).filter(&FilterSpec::new("f")) {
        Ok(config) => {
            let has_parts = data.windows(4).any(|bytes| bytes == b"=== ");
            assert!(parsed.is_ok() || has_parts, "refused alone: {parsed:?}");
            let lists = config.failregex().iter().chain(config.ignoreregex());
            let values = config.prefregex().into_iter().chain(config.datepattern());
            lists.chain(values).for_each(check_origins);
            config.warnings().iter().for_each(check_error);
        }
        Err(error) => check_error(&error),
    }
}
