//! Whatever is in the files: no panic, no hang, and every character of what
//! comes out was typed where it says.

use proptest::prelude::*;
use proptest::sample::select;

use super::typed;
use crate::config::{
    FilterConfig, FilterSpec, JailOptions, JailState, Loader, duration, options, values,
};
use crate::ini;
use crate::source::{MemoryFiles, Source};
use crate::traced::Traced;

/// Pieces of configuration that make references likely to work.
const FRAGMENTS: &[&str] = &[
    "a",
    "b",
    "mode",
    "é",
    "x",
    " ",
    " = ",
    ":",
    "\n",
    "\n",
    "\n  ",
    "\n\t",
    ";",
    " ;",
    "#",
    "%%",
    "%(a)s",
    "%(b)s",
    "%(known/a)s",
    "%(default/b)s",
    "%(s/a)s",
    "%",
    "<a>",
    "<b>",
    "<m-<mode>>",
    "<known/a>",
    "<s/b>",
    "<HOST>",
    "<",
    ">",
    "'",
    "\"",
    "\\",
    "\u{a0}",
    "\r\n",
    "\0",
    "\n[DEFAULT]\na = d",
    "\n[Init]\nb = <a>\n",
    "\n[s]\na = 1\nb = %(a)s\n",
    "\nm-x = <b>\n",
    "\nfailregex = ",
    "\nmode = x\n",
    "\n[Definition]\n",
    "\nb = ",
    "\na = ",
    "\n[INCLUDES]\nbefore = g.conf\n",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(FRAGMENTS), 0..40).prop_map(|parts| parts.concat())
}

fn filter_text() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("[Definition]\nfailregex = <a>%(a)s{text}"))
}

/// Each character that has an origin stands there.
fn check_origins(text: &Traced) -> Result<(), TestCaseError> {
    for (at, c) in text.as_str().char_indices() {
        if let Some(origin) = text.origin(at..at + c.len_utf8())
            && c != '\n'
        {
            prop_assert_eq!(
                origin.span().text(),
                c.to_string(),
                "at {} of {:?}",
                at,
                text
            );
        }
    }
    Ok(())
}

fn check_config(config: &FilterConfig) -> Result<(), TestCaseError> {
    let regexes = config.failregex().iter().chain(config.ignoreregex());
    let others = config.prefregex().into_iter().chain(config.datepattern());
    for text in regexes.chain(others) {
        check_origins(text)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_file_is_parsed_or_refused(text in prop_oneof![text(), any::<String>()]) {
        match ini::parse(&Source::new("t", text)) {
            Ok(document) => {
                for entry in document.sections.iter().flat_map(|section| &section.entries) {
                    check_origins(&entry.value)?;
                }
            }
            Err(error) => prop_assert!(error.origin().is_some(), "{}", error),
        }
    }

    #[test]
    fn any_filter_is_resolved_or_refused(
        main in filter_text(),
        local in text(),
        include in text(),
        param in text(),
    ) {
        let files = MemoryFiles::new()
            .with("/b/filter.d/f.conf", main)
            .with("/b/filter.d/f.local", local)
            .with("/b/filter.d/g.conf", include);
        let spec = FilterSpec::new("f").with_option("b", param);
        match Loader::with_files("/b", files).filter(&spec) {
            Ok(config) => check_config(&config)?,
            Err(error) => prop_assert!(error.origin().is_some(), "{}", error),
        }
    }

    #[test]
    fn any_jail_is_resolved_or_refused(
        main in text(),
        local in text(),
        filter in filter_text(),
        action in text(),
        path in "[a-z*?!\\[\\]/. -]{0,12}",
    ) {
        let main = format!(
            "[DEFAULT]\na = f\nb = x[a=1]\n[j]\nfilter = f[b=2]\naction = %(b)s\n\
             logpath = /{path}\nbantime = {path}{main}"
        );
        let files = MemoryFiles::new()
            .with("/b/jail.conf", main)
            .with("/b/jail.local", local)
            .with("/b/filter.d/f.conf", filter)
            .with("/b/action.d/x.conf", action)
            .with("/a/b.log", "");
        let options = JailOptions::new().force(true).allow_no_files(true);
        let jails = match Loader::with_files("/b", files.clone()).jails(&options) {
            Ok(jails) => jails,
            Err(error) => {
                prop_assert!(error.origin().is_some(), "{}", error);
                return Ok(());
            }
        };
        for section in jails.iter() {
            match section.state() {
                JailState::Loaded(config) => {
                    check_config(config.filter())?;
                    let settings = config.settings().map(|(_, setting)| setting.text());
                    let variables = config.variables().map(|(_, text)| text);
                    let words = config.ignoreip().unwrap_or_default();
                    for text in settings.chain(variables).chain(&words) {
                        check_origins(text)?;
                    }
                    if let Err(error) = config.to_jail(&files, &[]) {
                        prop_assert!(error.option().is_some(), "{}", error);
                    }
                }
                JailState::Skipped(error) | JailState::Fatal(error) => {
                    prop_assert!(error.origin().is_some(), "{}", error);
                }
                JailState::Disabled => prop_assert!(false, "{} is off", section.name()),
            }
        }
    }

    #[test]
    fn any_value_is_read_or_refused(text in prop_oneof![text(), any::<String>()]) {
        let value = typed(&text);
        if let Err(error) = duration::seconds(&value) {
            prop_assert!(text.is_empty() || error.origin().is_some());
        }
        if let Ok((name, options)) = options::extract(&value) {
            check_origins(&name)?;
            for (_, value) in options.iter() {
                check_origins(value)?;
            }
        }
        for part in options::split(&text) {
            prop_assert!(!text[part].is_empty());
        }
        let _ = values::shell_words(&value);
        let _ = values::integer(&value);
        prop_assert_eq!(values::split_words(&text).concat().contains(','), false);
    }

    #[test]
    fn a_specification_survives_printing(text in "[a-z]{1,4}(\\[([xy?=\"', \\]\\[éa]{0,12})\\])?") {
        if let Ok(spec) = text.parse::<FilterSpec>() {
            let both = |(_, value): (&str, &str)| {
                value.contains('"') && value.contains('\'') && value.contains([',', ']'])
            };
            if !spec.options().any(both) {
                let again: FilterSpec = spec.to_string().parse().unwrap();
                prop_assert_eq!(again.name(), spec.name());
                prop_assert!(again.options().eq(spec.options()), "{} {}", spec, again);
            }
        }
    }
}
