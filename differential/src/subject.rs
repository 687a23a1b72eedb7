//! The filters that are compared, with what lines for them are made of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kerio_ban_core::{Filter, FilterSpec, Loader, Rule, Timestamp};

use crate::expression::{self, Node};

/// A filter, or an expression typed in place of one.
pub(crate) struct Subject {
    pub(crate) config: PathBuf,
    /// Whether it is an expression; these come last.
    pub(crate) is_expression: bool,
    /// What is typed for REGEX.
    pub(crate) typed: Vec<String>,
    pub(crate) prefix: Option<Node>,
    pub(crate) rules: Vec<Node>,
    pub(crate) ignore: Vec<Node>,
    pub(crate) dates: Vec<Node>,
    /// Lines of a real log.
    pub(crate) samples: Vec<Vec<u8>>,
}

/// The ways in which filters are asked for, where they can be.
const OPTIONS: &[&str] = &[
    "",
    "[mode=aggressive]",
    "[mode=extra]",
    "[mode=ddos]",
    "[logtype=journal]",
    "[logtype=short]",
    "[logtype=rfc5424]",
];

/// Expressions that show what filters rarely do.
const EXPRESSIONS: &[&str] = &[
    "x <HOST>",
    "<HOST>$",
    r"^\s*<HOST>",
    "from <ADDR>",
    r"<F-ID>\S+</F-ID> .*<ADDR>",
    "(?:(?i)FROM) <HOST>",
    r"user[= ]<F-USER>\S+</F-USER>.*<ADDR>",
    r"^(?P<fid>[^\s]+)",
    "<SUBNET>",
    "<IP6>",
    r"<F-MLFID>\w+</F-MLFID> .*<HOST>",
    r"<F-NOFAIL>user</F-NOFAIL>.*<HOST>",
    "^<SKIPLINES>.*<HOST>",
    r"(?P<mlfid>\[\d+\]).*(?:<ADDR>|<F-USER>\w+</F-USER>)",
    r"<F-ALT_USER>\w+</F-ALT_USER> <F-USER>\w*</F-USER>.*?<ADDR>",
    r"<F-TUPLE_ID>\w+</F-TUPLE_ID>.*<F-ID>\w+</F-ID>",
    r"<F-MLFID>\d</F-MLFID> (?:failed|<F-NOFAIL>ok</F-NOFAIL>|<F-MLFGAINED>in</F-MLFGAINED>|<F-MLFFORGET>end</F-MLFFORGET>)(?: for <F-USER>\w+</F-USER>)?(?: from <ADDR>)?",
    r"<F-MLFID>\d</F-MLFID> (?:<F-NOFAIL>ok</F-NOFAIL> )?<F-USER>\w+</F-USER> <ADDR>",
    r"(?:<F-NOFAIL>new</F-NOFAIL> |<F-MLFFORGET><F-MLFGAINED>open</F-MLFGAINED></F-MLFFORGET> )?<F-MLFID>\w\w</F-MLFID>(?: <F-ALT_USER>\w+</F-ALT_USER>)?(?:=<F-USER>\w+</F-USER>)?(?: <HOST>)?",
    r"^(?:\S+ )?[^[]*\[(?P<ip4>\d+\.\d+\.\d+\.\d+)\]: \W+\b",
];

/// All filters of some configuration directories, and the expressions.
///
/// # Errors
/// If a directory cannot be read.
pub(crate) fn all(configs: &[PathBuf], logs: &[PathBuf]) -> io::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for config in configs {
        let mut names: Vec<String> = fs::read_dir(config.join("filter.d"))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(".conf")?.to_owned()))
            .collect();
        names.sort();
        for name in names {
            for options in OPTIONS {
                subjects.extend(subject(config, &name, options, logs));
            }
        }
    }
    for text in EXPRESSIONS {
        let filter = Filter::builder().failregex(*text).build();
        let Ok(filter) = filter else { continue };
        let typed = vec![(*text).to_owned()];
        let samples = subjects.iter().step_by(7);
        let samples = samples.flat_map(|subject| subject.samples.iter().take(2).cloned());
        let samples = samples.collect();
        subjects.push(Subject {
            is_expression: true,
            ..Subject::of(&configs[0], typed, &filter, samples)
        });
    }
    Ok(subjects)
}

fn subject(config: &Path, name: &str, options: &str, logs: &[PathBuf]) -> Option<Subject> {
    let spec: FilterSpec = format!("{name}{options}").parse().ok()?;
    let loader = Loader::new(config);
    let filter = loader.filter(&spec).ok()?;
    if filter.failregex().is_empty() || !options.is_empty() && !is_used(&loader, name, options) {
        return None;
    }
    let filter = filter.compile().ok()?;
    let samples = logs.iter().find_map(|dir| samples(&dir.join(name)));
    let typed = vec![
        format!("{name}{options}"),
        format!("filter.d/{name}{options}"),
        format!("{name}.conf{options}"),
    ];
    Some(Subject::of(
        config,
        typed,
        &filter,
        samples.unwrap_or_default(),
    ))
}

/// Whether options change anything.
fn is_used(loader: &Loader, name: &str, options: &str) -> bool {
    let rules = |text: &str| {
        let filter = loader.filter(&text.parse().ok()?).ok()?;
        let prefix = filter.prefregex().map(|text| text.as_str().to_owned());
        let rules: Vec<String> = filter
            .failregex()
            .iter()
            .map(|text| text.as_str().to_owned())
            .collect();
        Some((prefix, rules))
    };
    rules(name) != rules(&format!("{name}{options}"))
}

fn samples(log: &Path) -> Option<Vec<Vec<u8>>> {
    let text = fs::read(log).ok()?;
    let lines = text.split(|&byte| byte == b'\n');
    let lines = lines.map(<[u8]>::trim_ascii_end);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    Some(lines.map(<[u8]>::to_vec).collect())
}

impl Subject {
    /// Whether it connects lines.
    pub(crate) fn has_connections(&self) -> bool {
        let mut expressions = self.prefix.iter().chain(&self.rules);
        expressions.any(|expression| expression.has_group("mlfid"))
    }

    /// Only has the name of the file typed, the last of the ways.
    pub(crate) fn type_file(&mut self) {
        self.typed.drain(..self.typed.len() - 1);
    }

    fn of(config: &Path, typed: Vec<String>, filter: &Filter, samples: Vec<Vec<u8>>) -> Subject {
        let nodes = |rules: &[Rule]| {
            let nodes = rules.iter().map(|rule| expression::parse(rule.expanded()));
            nodes.collect()
        };
        // The templates are there once something was searched.
        let mut session = filter.session();
        session.feed("x", Timestamp::from_whole_seconds(0));
        let dates = session.date_hits();
        Subject {
            config: config.to_owned(),
            is_expression: false,
            typed,
            prefix: filter
                .prefregex()
                .map(|rule| expression::parse(rule.expanded())),
            rules: nodes(filter.failregex()),
            ignore: nodes(filter.ignoreregex()),
            dates: dates
                .iter()
                .map(|date| expression::parse(date.regex()))
                .collect(),
            samples,
        }
    }
}
