//! What the built-in files say of themselves.
//!
//! The comment at the start of a filter is its description: the first sentence
//! is the title; below a line that begins with `Modes`, each mode has a line of
//! its name, two or more blanks and what it catches, which may go on in the
//! lines below, further to the right.

use kerio_ban_core::{FilterConfig, FilterSpec, Loader, Source};

use crate::failure::Failure;
use crate::selection::{self, BUILT_IN};

pub(super) struct Pack {
    pub(super) filters: Vec<PackFilter>,
    pub(super) helpers: Vec<Helper>,
    pub(super) jails: Vec<PackJails>,
}

pub(super) struct PackFilter {
    pub(super) name: &'static str,
    /// Below a configuration directory.
    pub(super) file: &'static str,
    pub(super) title: String,
    /// How many expressions there are without an option.
    pub(super) rules: usize,
    pub(super) modes: Vec<Mode>,
    /// Whether the modes are those of an included filter.
    pub(super) borrowed: bool,
}

pub(super) struct Mode {
    pub(super) name: String,
    pub(super) catches: String,
    /// How many expressions it has.
    pub(super) rules: usize,
}

/// A file that has no expressions and is there for filters to include.
pub(super) struct Helper {
    /// Below a configuration directory.
    pub(super) file: &'static str,
    /// What filters call it.
    pub(super) name: &'static str,
    pub(super) title: String,
}

/// A file of jails.
pub(super) struct PackJails {
    /// Below a configuration directory.
    pub(super) file: &'static str,
    pub(super) names: Vec<&'static str>,
}

impl Mode {
    /// What it catches, without whatever else is said of it.
    pub(super) fn in_short(&self) -> &str {
        // Dots that only say that there is more.
        match self.catches.strip_suffix("...") {
            Some(_) => &self.catches,
            None => first_sentence(&self.catches),
        }
    }
}

impl Pack {
    /// Reads the descriptions, and loads each filter in each of its modes.
    pub(super) fn read() -> Result<Pack, Failure> {
        let loader = Loader::with_files(BUILT_IN, selection::built_in());
        let mut pack = Pack {
            filters: Vec::new(),
            helpers: Vec::new(),
            jails: Vec::new(),
        };
        for &(file, text) in kerio_ban_filters::files() {
            if let Some(name) = name(file, "filter.d/") {
                let filter = PackFilter::read(name, file, text, &loader)?;
                if filter.rules > 0 {
                    pack.filters.push(filter);
                } else {
                    pack.helpers.push(Helper::of(filter));
                }
            } else {
                let names = text.lines().filter_map(section).collect();
                pack.jails.push(PackJails { file, names });
            }
        }
        pack.filters.sort_by_key(|filter| filter.name);
        Ok(pack)
    }
}

impl Helper {
    fn of(filter: PackFilter) -> Helper {
        let PackFilter { file, title, .. } = filter;
        let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
        Helper { file, name, title }
    }
}

impl PackFilter {
    fn read(
        name: &'static str,
        file: &'static str,
        text: &'static str,
        loader: &Loader,
    ) -> Result<PackFilter, Failure> {
        let load =
            |spec: &FilterSpec| -> Result<FilterConfig, Failure> { Ok(loader.filter(spec)?) };
        let config = load(&FilterSpec::new(name))?;
        let own = modes(text);
        let borrowed = own.is_empty();
        let described = if borrowed {
            let sources = config.sources().iter().map(Source::text);
            sources
                .map(modes)
                .find(|modes| !modes.is_empty())
                .unwrap_or_default()
        } else {
            own
        };
        let mut modes = Vec::new();
        for (mode, catches) in described {
            let spec = FilterSpec::new(name).with_option("mode", &mode);
            modes.push(Mode {
                rules: load(&spec)?.failregex().len(),
                name: mode,
                catches,
            });
        }
        Ok(PackFilter {
            name,
            file,
            title: title(text),
            rules: config.failregex().len(),
            modes,
            borrowed,
        })
    }
}

fn name(file: &'static str, directory: &str) -> Option<&'static str> {
    file.strip_prefix(directory)?.strip_suffix(".conf")
}

/// The name in a line that begins a section.
fn section(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

/// The lines of the comment at the start of a file, without their marks.
fn description(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map_while(|line| line.strip_prefix('#'))
}

/// The first sentence, without its full stop.
fn title(text: &str) -> String {
    let paragraph: Vec<&str> = description(text)
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    first_sentence(&paragraph).to_owned()
}

/// Without its full stop.
fn first_sentence(text: &str) -> &str {
    let sentence = text.split_once(". ").map_or(text, |(sentence, _)| sentence);
    sentence.trim_end_matches('.')
}

/// Names and descriptions of the modes.
fn modes(text: &str) -> Vec<(String, String)> {
    let mut modes: Vec<(String, String)> = Vec::new();
    let lines = description(text)
        .skip_while(|line| !line.starts_with(" Modes"))
        .skip(1)
        .take_while(|line| !line.is_empty());
    for line in lines {
        let indented = line.len() - line.trim_start().len();
        let line = line.trim();
        match (line.split_once("  "), modes.last_mut()) {
            // Names are where the first one was.
            (Some((name, catches)), _) if indented < 10 => {
                modes.push((name.to_owned(), catches.trim_start().to_owned()));
            }
            (_, Some((_, catches))) => {
                *catches += " ";
                *catches += line;
            }
            _ => {}
        }
    }
    modes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read_from_the_first_comment() {
        let text = "# One thing: a\n# log. More.\n#\n# Modes, as in \"x\":\n\
                    #     auth        wrong\n#                 passwords\n\
                    #     smtp        spam  tools\n#\n#     more        text\n\n# Modes\n#     a  b\n";
        assert_eq!(title(text), "One thing: a log");
        let pair = |name: &str, catches: &str| (name.to_owned(), catches.to_owned());
        assert_eq!(
            modes(text),
            [pair("auth", "wrong passwords"), pair("smtp", "spam  tools")]
        );
        assert_eq!(title("[Definition]\n# x\n"), "");
        assert_eq!(modes("# Modes\n"), []);
    }

    #[test]
    fn every_mode_of_the_pack_is_described() {
        let pack = Pack::read().unwrap();
        for filter in pack.filters.iter().filter(|filter| !filter.borrowed) {
            let text = kerio_ban_filters::file(filter.file).unwrap();
            let mut written: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("mdre-")?.split(' ').next())
                .collect();
            let mut described: Vec<&str> =
                filter.modes.iter().map(|mode| mode.name.as_str()).collect();
            written.sort_unstable();
            described.sort_unstable();
            assert_eq!(described, written, "{}", filter.name);
            assert!(
                filter.modes.iter().all(|mode| mode.rules > 0),
                "{}",
                filter.name
            );
        }
        let names: Vec<_> = pack.filters.iter().map(|filter| filter.name).collect();
        assert_eq!(names, ["kerio", "kerio-connect", "kerio-control"]);
        let helpers: Vec<_> = pack.helpers.iter().map(|helper| helper.name).collect();
        assert_eq!(helpers, ["common.conf"]);
    }

    // An unknown mode would leave its reference as an expression.
    #[test]
    fn modes_stand_for_expressions() {
        let pack = Pack::read().unwrap();
        let loader = Loader::with_files(BUILT_IN, selection::built_in());
        for filter in &pack.filters {
            for mode in &filter.modes {
                let spec = FilterSpec::new(filter.name).with_option("mode", &mode.name);
                let config = loader.filter(&spec).unwrap();
                assert_eq!(config.failregex().len(), mode.rules);
                assert!(
                    config
                        .failregex()
                        .iter()
                        .all(|regex| !regex.as_str().contains("mdre"))
                );
                config.compile().unwrap();
            }
        }
    }
}
