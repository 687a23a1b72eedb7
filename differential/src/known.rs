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
    mended: Vec<&'static str>,
    texts: Vec<(Regex, &'static str)>,
}

/// What is done about a difference.
enum Remedy {
    /// Taken out of both outputs: what, and what comes in its place.
    Text(&'static str, &'static str),
    /// Fail2ban is changed where it differs, before it runs.
    Mended,
    /// No case comes near it.
    Avoided,
}

const DIFFERENCES: &[(&str, Remedy)] = &[
    (
        "far-times",
        Remedy::Text(r"(?m)^(\[.*\t)\d{16,}(,\t)", "${1}FAR$2"),
    ),
    (
        "far-years",
        Remedy::Text(
            r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \d{5,}",
            "FAR",
        ),
    ),
    (
        "file-line",
        Remedy::Text(r"(?m)^Use +(?:failregex )?(?:filter )?file :", "Use file :"),
    ),
    ("colon-addresses", Remedy::Mended),
    ("compact-dates", Remedy::Mended),
    ("empty-groups", Remedy::Mended),
    ("ignoreregex", Remedy::Mended),
    ("slashes", Remedy::Mended),
    (FILTER_NAMES, Remedy::Avoided),
    (INVERT, Remedy::Avoided),
];

/// Filters are typed with the names of their files only.
pub(crate) const FILTER_NAMES: &str = "filter-names";
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
            mended: Vec::new(),
            texts: Vec::new(),
        };
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, _) = line
                .split_once(':')
                .ok_or_else(|| format!("no reason is given for `{line}`"))?;
            let (name, remedy) = DIFFERENCES
                .iter()
                .find(|(known, _)| *known == name)
                .ok_or_else(|| format!("there is no known difference `{name}`"))?;
            match remedy {
                Remedy::Text(found, instead) => {
                    let found = Regex::new(found).map_err(|error| error.to_string())?;
                    known.texts.push((found, instead));
                }
                Remedy::Mended => known.mended.push(name),
                Remedy::Avoided => {}
            }
            known.names.push(name);
        }
        Ok(known)
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Those that fail2ban is to be rid of.
    pub(crate) fn mended(&self) -> &[&'static str] {
        &self.mended
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
            assert!(known.names().len() > 2, "{version}");
        }
        let known = Known::of("of no list").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(known.names(), ["far-times", "far-years"]);
        let row = "['x',\t889015117371403476,\t{'a': '1'}],\n";
        assert_eq!(known.without(row), "['x',\tFAR,\t{'a': '1'}],\n");
    }
}
