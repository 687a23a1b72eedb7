//! Any bytes as a tree of configuration files: includes, layers, `%(x)s`, tags.

use kerio_ban_core::{FilterConfig, FilterSpec, JailOptions, JailState, Loader};

use crate::shown::{check_error, check_origins};
use crate::tree;

/// Loads the filter `f`, with an option, and all jails.
pub fn run(data: &[u8]) {
    let files = tree::files(data);
    let loader = Loader::with_files(tree::ROOT, files.clone());
    let spec = FilterSpec::new("f").with_option("mode", "<x>%(a)s");
    match loader.filter(&spec) {
        Ok(config) => check_filter(&config),
        Err(error) => check_error(&error),
    }
    let options = JailOptions::new().force(true).allow_no_files(true);
    let jails = match loader.jails(&options) {
        Ok(jails) => jails,
        Err(error) => return check_error(&error),
    };
    jails.warnings().iter().for_each(check_error);
    for section in jails.iter() {
        match section.state() {
            JailState::Loaded(config) => {
                check_filter(config.filter());
                let settings = config.settings().map(|(_, setting)| setting.text());
                let variables = config.variables().map(|(_, text)| text);
                settings.chain(variables).for_each(check_origins);
                let words = config.ignoreip().unwrap_or_default();
                words.iter().for_each(check_origins);
                if let Err(error) = config.to_jail(&files, &[]) {
                    check_error(&error);
                }
            }
            JailState::Skipped(error) | JailState::Fatal(error) => check_error(error),
            _ => {}
        }
    }
}

fn check_filter(config: &FilterConfig) {
    let lists = config.failregex().iter().chain(config.ignoreregex());
    let values = config.prefregex().into_iter().chain(config.datepattern());
    lists.chain(values).for_each(check_origins);
    config.warnings().iter().for_each(check_error);
    if let Err(error) = config.compile() {
        check_error(&error);
    }
}
