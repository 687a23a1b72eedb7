//! Places in files, as people read them.

use kerio_ban_core::{Source, Span};

/// Writes places with the names of files alone, where these are enough to tell
/// the files apart; the report lists their paths once.
pub(crate) struct Places {
    /// Paths of which two have the same file name.
    ambiguous: Vec<String>,
}

impl Places {
    pub(crate) fn among(sources: &[Source]) -> Places {
        let ambiguous = |source: &&Source| {
            let same = |other: &Source| {
                other.name() != source.name() && file_name(other.name()) == file_name(source.name())
            };
            sources.iter().any(same)
        };
        Places {
            ambiguous: sources
                .iter()
                .filter(ambiguous)
                .map(|source| source.name().to_owned())
                .collect(),
        }
    }

    /// `file:line:column`.
    pub(crate) fn show(&self, place: &Span) -> String {
        let name = place.source().name();
        let name = if self.ambiguous.iter().any(|path| path == name) {
            name
        } else {
            file_name(name)
        };
        format!("{name}:{}:{}", place.line(), place.column())
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_shown_where_names_are_not_enough() {
        let sources = ["a/x.conf", "b/x.conf", "b/y.conf"].map(|name| Source::new(name, "t"));
        let places = Places::among(&sources);
        let shown: Vec<_> = sources
            .iter()
            .map(|source| places.show(&source.span(0..1)))
            .collect();
        assert_eq!(shown, ["a/x.conf:1:1", "b/x.conf:1:1", "y.conf:1:1"]);
    }
}
