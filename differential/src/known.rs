//! Differences that are known: ours from fail2ban, and those that a release of
//! fail2ban has from the version whose rules are followed.
//!
//! They are listed, with their reasons, in `known/all.txt` and
//! `known/<version>.txt`, one a line: the name and, behind a colon, the reason.
//! What each name takes out of the outputs is here.

use regex::Regex;

/// What is overlooked in all versions.
const ALL: &str = include_str!("../known/all.txt");

/// The other lists, by version.
const LISTS: &[(&str, &str)] = &[("1.0.2", include_str!("../known/1.0.2.txt"))];

/// What is overlooked.
pub(crate) struct Known {
    names: Vec<&'static str>,
    texts: Vec<(Regex, &'static str)>,
    excuses: Vec<(&'static str, Regex)>,
}

struct Difference {
    name: &'static str,
    /// What is taken out of both outputs, and what comes in its place.
    text: Option<(&'static str, &'static str)>,
    /// Logs in which anything may come of it.
    log: Option<&'static str>,
}

const fn text(name: &'static str, found: &'static str, instead: &'static str) -> Difference {
    Difference {
        name,
        text: Some((found, instead)),
        log: None,
    }
}

const fn log(name: &'static str, found: &'static str) -> Difference {
    Difference {
        name,
        text: None,
        log: Some(found),
    }
}

/// One that no case comes near.
const fn avoided(name: &'static str) -> Difference {
    Difference {
        name,
        text: None,
        log: None,
    }
}

const DIFFERENCES: &[Difference] = &[
    text("far-times", r"(?m)^(\[.*\t)\d{16,}(,\t)", "${1}FAR$2"),
    text(
        "far-years",
        r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \d{5,}",
        "FAR",
    ),
    text("use-lines", r"(?m)^(?:Use|Real) .*\n", ""),
    text(
        "prefregex-text",
        r"(?m)^(Prefregex: \d+ total\n\|  ).*",
        "$1...",
    ),
    text(
        "template-text",
        r"(?m)^\|  (?:\[\d+\] .*ExYearExMonthExDay|    # ).*\n",
        "",
    ),
    text("link-text", r"https://www\.debuggex\.com/\S+", "LINK"),
    text(
        "empty-groups",
        r"'\w+': None, |, '\w+': None\b|'\w+': None\b",
        "",
    ),
    // What is before the colon may be a date that is cut out.
    log("colon-addresses", r":[0-9A-Fa-f:]"),
    log(
        "compact-dates",
        r"\d{8}(?:-| ?[T ]?\d\d(?:\d\d|:?\d\d\d|\d\d:))|\d{8}[T -]+\d",
    ),
    avoided(FILTER_PATHS),
    avoided(INVERT),
];

/// Filters are typed by their names only.
pub(crate) const FILTER_PATHS: &str = "filter-paths";
/// There is no option `-i`.
pub(crate) const INVERT: &str = "invert";

impl Known {
    /// Those of a version of fail2ban, and those of all.
    ///
    /// # Errors
    /// For a name that is listed and means nothing.
    pub(crate) fn of(version: &str) -> Result<Known, String> {
        let list = LISTS.iter().find(|(listed, _)| *listed == version);
        let lines = ALL.lines().chain(list.map_or("", |(_, list)| list).lines());
        let mut known = Known {
            names: Vec::new(),
            texts: Vec::new(),
            excuses: Vec::new(),
        };
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, _) = line
                .split_once(':')
                .ok_or_else(|| format!("no reason is given for `{line}`"))?;
            let difference = DIFFERENCES.iter().find(|known| known.name == name);
            let difference =
                difference.ok_or_else(|| format!("there is no known difference `{name}`"))?;
            let pattern = |text| Regex::new(text).map_err(|error| error.to_string());
            if let Some((found, instead)) = difference.text {
                known.texts.push((pattern(found)?, instead));
            }
            if let Some(found) = difference.log {
                known.excuses.push((difference.name, pattern(found)?));
            }
            known.names.push(difference.name);
        }
        Ok(known)
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// The difference that accounts for whatever comes of a log.
    pub(crate) fn excuse(&self, log: &[u8]) -> Option<&'static str> {
        let log = String::from_utf8_lossy(log);
        let of_log = |log: &str| self.excuses.iter().find(|(_, found)| found.is_match(log));
        of_log(&log).map(|(name, _)| *name)
    }

    /// An output without what is known to differ.
    pub(crate) fn without(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (found, instead) in &self.texts {
            text = found.replace_all(&text, *instead).into_owned();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_can_be_read() {
        for (version, _) in LISTS {
            let known = Known::of(version).unwrap_or_else(|error| panic!("{error}"));
            assert!(known.names().len() > 1, "{version}");
        }
        let known = Known::of("of no list").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(known.names(), ["far-times", "far-years"]);
        let row = "['x',\t889015117371403476,\t{'a': '1'}],\n";
        assert_eq!(known.without(row), "['x',\tFAR,\t{'a': '1'}],\n");
    }
}
