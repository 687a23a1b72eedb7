//! The kerio-ban filter pack as embedded data: filters and jails for Kerio
//! Connect and Kerio Control, in files that fail2ban loads as they are, and a
//! `common.conf` for other people's filters where fail2ban's own is not at hand.
//!
//! The files live beside this crate's source, in `filter.d` and `jail.d`. This
//! crate holds no logic; it only makes their text part of a program, so that it
//! works where no `/etc/fail2ban` exists.
//!
//! ```
//! let kerio = kerio_ban_filters::file("filter.d/kerio.conf");
//! assert!(kerio.is_some_and(|text| text.contains("failregex")));
//! ```

/// Lists files by the path they have under a configuration directory.
macro_rules! embed {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../", $path)))),*]
    };
}

static FILES: &[(&str, &str)] = embed![
    "filter.d/common.conf",
    "filter.d/kerio-connect.conf",
    "filter.d/kerio-control.conf",
    "filter.d/kerio.conf",
    "jail.d/kerio.conf",
];

/// All files of the pack, in the order of their paths: the path relative to a
/// configuration directory (`filter.d/kerio.conf`, always with `/`) and the text
/// (UTF-8, lines ended by `\n`).
///
/// They can be copied under these paths into `/etc/fail2ban`, all but
/// `filter.d/common.conf`, which fail2ban has, too, and which is to stay. The
/// filters include none of fail2ban's own files; the jails build on the defaults
/// of its `jail.conf`.
#[must_use]
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// The text of one file, by its path as [`files`] lists it.
#[must_use]
pub fn file(path: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The files on disk, listed by directory and sorted.
    fn on_disk() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        for directory in ["filter.d", "jail.d"] {
            for entry in std::fs::read_dir(root.join(directory)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((format!("{directory}/{name}"), text));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn every_file_of_the_directories_is_embedded() {
        let embedded: Vec<_> = files()
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        assert_eq!(embedded, on_disk());
    }

    #[test]
    fn a_file_is_found_by_its_path_only() {
        assert_eq!(file("jail.d/kerio.conf"), FILES.last().map(|file| file.1));
        assert_eq!(file("kerio.conf"), None);
    }

    #[test]
    fn files_are_plain_ascii_with_unix_line_ends() {
        for (path, text) in files() {
            assert!(text.is_ascii(), "{path}");
            assert!(!text.contains(['\r', '\t']), "{path}");
            assert!(text.ends_with('\n'), "{path}");
        }
    }

    /// The value of an option as written, with its continuation lines.
    fn option<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
        let mut lines = text
            .lines()
            .skip_while(|line| !line.starts_with(&format!("{name} = ")));
        let first = lines.next().unwrap_or_default();
        let rest = lines.take_while(|line| line.starts_with(' '));
        std::iter::once(first).chain(rest).collect()
    }

    // Each filter can be copied alone, so both hold the description of the line.
    #[test]
    fn both_products_read_the_same_line_forms() {
        let connect = file("filter.d/kerio.conf").unwrap();
        let control = file("filter.d/kerio-control.conf").unwrap();
        for (name, lines) in [("datepattern", 4), ("prefregex", 1)] {
            assert_eq!(option(connect, name).len(), lines);
            assert_eq!(option(connect, name), option(control, name));
        }
    }

    #[test]
    fn no_jail_is_switched_on() {
        let jails = file("jail.d/kerio.conf").unwrap();
        let count = |start: &str| jails.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count("["), 5);
        assert_eq!(count("enabled  = false"), 5);
        assert_eq!(count("enabled"), 5);
    }
}
