//! Lines of logs, named by numbers that fit into the tag of a failure.

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

/// How many bits the number of a line has. The others say which log it is.
const LINE_BITS: u32 = 44;

impl Place {
    /// A line, counted from 1, of the log with an index. What does not fit
    /// becomes the last one that does.
    pub(crate) fn new(log: usize, line: u64) -> Place {
        let log = (log as u64).min((1 << (u64::BITS - LINE_BITS)) - 1);
        Place(log << LINE_BITS | line.min((1 << LINE_BITS) - 1))
    }

    pub(crate) fn of_tag(tag: u64) -> Place {
        Place(tag)
    }

    pub(crate) fn tag(self) -> u64 {
        self.0
    }

    pub(crate) fn log(self) -> usize {
        (self.0 >> LINE_BITS) as usize
    }

    fn line(self) -> u64 {
        self.0 & ((1 << LINE_BITS) - 1)
    }
}

/// The names of logs, by their indexes.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogNames(Vec<String>);

impl LogNames {
    /// Adds a log; its index.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        self.0.push(name.to_owned());
        self.0.len() - 1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The same with the names of files alone, if these are enough to tell the
    /// logs apart.
    #[must_use]
    pub(crate) fn short(&self) -> LogNames {
        let short: Vec<&str> = self.iter().map(file_name).collect();
        let clash = |name: &&str| short.iter().filter(|other| *other == name).count() > 1;
        if short.iter().any(clash) {
            return self.clone();
        }
        LogNames(short.into_iter().map(str::to_owned).collect())
    }

    /// `log:line`.
    pub(crate) fn show(&self, place: Place) -> String {
        let name = self.0.get(place.log()).map_or("?", String::as_str);
        format!("{name}:{}", place.line())
    }
}

fn file_name(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((_, name)) if !name.is_empty() => name,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_left_out_where_names_are_enough() {
        let names = |paths: &[&str]| {
            let mut names = LogNames::default();
            for path in paths {
                names.add(path);
            }
            names.short().0
        };
        assert_eq!(
            names(&["/var/log/a.log", "b/b.log", "-"]),
            ["a.log", "b.log", "-"]
        );
        assert_eq!(names(&["x/a.log", "y/a.log"]), ["x/a.log", "y/a.log"]);
    }

    #[test]
    fn places_are_kept_in_tags() {
        let mut names = LogNames::default();
        names.add("a.log");
        let log = names.add("b.log");
        let place = Place::of_tag(Place::new(log, 12).tag());
        assert_eq!(names.show(place), "b.log:12");
        assert_eq!(names.show(Place::new(0, u64::MAX)), "a.log:17592186044415");
    }
}
