//! Many files merged into one: later values over earlier ones, with the value
//! each section lost last kept for `known/`.

use std::collections::{HashMap, HashSet};

use crate::config::include::{Place, Reader};
use crate::config::ordered::OrderedMap;
use crate::error::Error;
use crate::ini::{DEFAULT, Document};
use crate::source::{Source, Span};
use crate::traced::Traced;

/// Options by their lower-case names.
pub(crate) type Options = OrderedMap<Traced>;

/// The merged sections of a resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    defaults: Options,
    /// The hidden `KNOWN/...` sections are among them.
    sections: OrderedMap<Options>,
    /// Options that fail2ban has turned into something else than text, by
    /// section.
    converted: HashMap<String, HashSet<String>>,
    /// The files in the order in which they were merged, each once.
    pub(crate) sources: Vec<Source>,
    /// Includes that were not found.
    pub(crate) missing: Vec<Span>,
}

impl Layers {
    /// Reads files with their includes and merges them.
    ///
    /// # Errors
    /// What is wrong with the text of any of them; and if one of the given
    /// files cannot be read, though not if an included one cannot.
    pub(crate) fn read(reader: &mut Reader<'_>, places: &[Place]) -> Result<Layers, Error> {
        let list = reader.expand(places)?;
        for place in places {
            reader.parsed(place)?;
        }
        let mut layers = Layers::default();
        let mut seen = HashSet::new();
        for place in list.iter() {
            let parsed = reader.parsed(place)?;
            layers.merge(&parsed.document);
            if seen.insert(place) {
                layers.sources.push(parsed.source.clone());
            }
        }
        layers.missing.clone_from(&reader.missing);
        Ok(layers)
    }

    /// A single file as it stands, conditional sections under their own
    /// names.
    pub(crate) fn of_one(document: &Document) -> Layers {
        let mut layers = Layers::default();
        for section in &document.sections {
            let options = section
                .entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.clone()))
                .collect();
            match section.name.text() {
                DEFAULT => layers.defaults = options,
                name => layers.sections.insert(name, options),
            }
        }
        layers
    }

    pub(crate) fn merge(&mut self, document: &Document) {
        for section in &document.sections {
            if section.name.text() == DEFAULT {
                for entry in &section.entries {
                    self.defaults.insert(entry.key.clone(), entry.value.clone());
                }
            }
        }
        for section in &document.sections {
            let written = section.name.text();
            if written == DEFAULT {
                continue;
            }
            let (name, condition) = split_condition(written).unwrap_or((written, ""));
            let entries = section
                .entries
                .iter()
                .filter(|entry| condition.is_empty() || entry.key != "__name__")
                .map(|entry| (entry.key.clone() + condition, entry.value.clone()));
            let Some(current) = self.sections.get_mut(name) else {
                self.sections.insert(name, entries.collect());
                continue;
            };
            let mut lost = Vec::new();
            for (key, value) in entries {
                if let Some(old) = current.get(&key) {
                    lost.push((key.clone(), old.clone()));
                }
                current.insert(key, value);
            }
            self.merge_section(&known(name), lost);
        }
    }

    /// Sets options of a section, which is made if it is not there.
    pub(crate) fn merge_section(
        &mut self,
        section: &str,
        options: impl IntoIterator<Item = (String, Traced)>,
    ) {
        if !self.sections.contains(section) {
            self.sections.insert(section, Options::default());
        }
        if let Some(current) = self.sections.get_mut(section) {
            for (key, value) in options {
                current.insert(key, value);
            }
        }
    }

    /// Sets an option of `[DEFAULT]`.
    pub(crate) fn set_default(&mut self, option: &str, value: Traced) {
        self.defaults.insert(option, value);
    }

    /// Sets an option of a section as a later file would.
    pub(crate) fn set(&mut self, section: &str, option: &str, value: Traced) {
        if let Some(old) = self.section(section).and_then(|own| own.get(option)) {
            let lost = [(option.to_owned(), old.clone())];
            self.merge_section(&known(section), lost);
        }
        self.merge_section(section, [(option.to_owned(), value)]);
    }

    /// Notes that an option of a section is no text any more: fail2ban fails
    /// where it is referred to.
    pub(crate) fn set_converted(&mut self, section: &str, option: &str) {
        let options = self.converted.entry(section.to_owned()).or_default();
        options.insert(option.to_owned());
    }

    pub(crate) fn is_converted(&self, section: &str, option: &str) -> bool {
        self.converted
            .get(section)
            .is_some_and(|options| options.contains(option))
    }

    /// An option as written in a section or `[DEFAULT]`.
    pub(crate) fn written(&self, section: &str, option: &str) -> Option<&Traced> {
        let own = self.section(section).and_then(|own| own.get(option));
        own.or_else(|| self.defaults.get(option))
    }

    pub(crate) fn has_section(&self, section: &str) -> bool {
        self.sections.contains(section)
    }

    /// The options of a section itself, without those of `[DEFAULT]`.
    pub(crate) fn section(&self, section: &str) -> Option<&Options> {
        self.sections.get(section)
    }

    /// The options of `[DEFAULT]`.
    pub(crate) fn defaults(&self) -> &Options {
        &self.defaults
    }

    /// All sections but `[DEFAULT]` and the hidden ones.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (&str, &Options)> {
        self.sections
            .iter()
            .filter(|(name, _)| !name.starts_with("KNOWN/"))
    }
}

/// The hidden section that holds what a section's options were before.
pub(crate) fn known(section: &str) -> String {
    format!("KNOWN/{section}")
}

/// `Init?family=inet6` is `Init` under a condition, which starts with the
/// question mark.
pub(crate) fn split_condition(name: &str) -> Option<(&str, &str)> {
    let at = name.find('?')?;
    let (base, condition) = name.split_at(at);
    let word = !base.is_empty() && base.chars().all(is_word);
    (word && condition.len() > 1).then_some((base, condition))
}

/// A letter, digit or underscore.
pub(crate) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
