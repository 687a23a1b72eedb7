//! Which files belong to a resource, and in which order they count.
//!
//! A file may name others in its `[INCLUDES]` section, to be read `before`
//! and `after` it, relative to its own directory; and every file `x.conf` is
//! followed by `x.local` beside it. What is not there is passed over in
//! silence, as fail2ban does, but remembered for messages.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::rc::Rc;

use crate::config::budget::Budget;
use crate::config::interpolate::{Scope, Vars};
use crate::config::layers::Layers;
use crate::config::path;
use crate::config::place::at_all;
use crate::error::{Detail, Error, ErrorKind};
use crate::ini::{self, Document};
use crate::source::{Files, Source, Span};
use crate::traced::Traced;

const INCLUDES: &str = "INCLUDES";
/// fail2ban has no limit of its own and dies of a loop somewhat later.
const MAX_DEPTH: usize = 100;
/// The same file counts as often as it is included.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read `{path}`: {reason}")]
    Unreadable { path: String, reason: io::Error },
    #[error("`{0}` is not UTF-8")]
    NotUtf8(String),
    #[error("`{path}` is larger than a configuration file can sensibly be ({} MiB)", MAX_BYTES >> 20)]
    TooLarge { path: String },
    #[error("files include each other without end, or more than {MAX_DEPTH} deep")]
    Loop,
    #[error("more than {MAX_FILES} files are included")]
    TooMany,
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::File
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::Unreadable { reason, .. } if reason.kind() == io::ErrorKind::NotFound => {
                "not-found"
            }
            Problem::Unreadable { .. } => "unreadable",
            Problem::NotUtf8(_) => "not-utf8",
            Problem::Loop => "include-loop",
            Problem::TooMany | Problem::TooLarge { .. } => "too-large",
        }
    }
}

/// A directory tree that files are read from.
#[derive(Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) files: &'a dyn Files,
    /// Where an include that is missing elsewhere is looked for.
    pub(crate) dir: &'a str,
}

/// A file: which store has it, and its path there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    store: usize,
    path: String,
}

impl Place {
    /// A path in the first store.
    pub(crate) fn new(path: impl Into<String>) -> Place {
        Place {
            store: 0,
            path: path.into(),
        }
    }
}

/// A file read and parsed.
pub(crate) struct Parsed {
    pub(crate) source: Source,
    pub(crate) document: Document,
}

/// Reads files, each once, and works out what they include.
pub(crate) struct Reader<'a> {
    /// The first is the configuration itself; the others are asked in turn
    /// for includes that the ones before do not have.
    stores: Vec<Store<'a>>,
    parsed: HashMap<Place, Result<Rc<Parsed>, Rc<Error>>>,
    /// The files that a list of files stands for.
    lists: HashMap<Vec<Place>, Rc<Vec<Place>>>,
    /// Includes that are nowhere.
    pub(crate) missing: Vec<Span>,
    /// Includes that another store had.
    pub(crate) found: Vec<(Span, Place)>,
    /// Where the includes just listed were written.
    noted: HashSet<String>,
    pub(crate) warnings: Vec<Error>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(stores: Vec<Store<'a>>) -> Reader<'a> {
        Reader {
            stores,
            parsed: HashMap::new(),
            lists: HashMap::new(),
            missing: Vec::new(),
            found: Vec::new(),
            noted: HashSet::new(),
            warnings: Vec::new(),
        }
    }

    /// Forgets what was noted, but not what was read: for the next resource
    /// of the same configuration.
    pub(crate) fn next_resource(&mut self) {
        self.lists.clear();
        self.missing.clear();
        self.found.clear();
        self.noted.clear();
        self.warnings.clear();
    }

    /// Whether there is anything of this name.
    pub(crate) fn exists(&self, place: &Place) -> bool {
        let files = self.stores[place.store].files;
        files.exists(Path::new(&place.path))
    }

    /// The names of what a directory of the first store holds.
    pub(crate) fn list(&self, dir: &str) -> Vec<String> {
        self.stores[0].files.list(Path::new(dir))
    }

    /// The text of a file that was read.
    pub(crate) fn source(&self, place: &Place) -> Option<Source> {
        let parsed = self.parsed.get(place)?.as_ref().ok()?;
        Some(parsed.source.clone())
    }

    fn is_file(&self, place: &Place) -> bool {
        self.stores[place.store]
            .files
            .is_file(Path::new(&place.path))
    }

    /// Whether it is neither a file nor a directory: a pipe, a device.
    fn is_special(&self, place: &Place) -> bool {
        let files = self.stores[place.store].files;
        self.exists(place) && !self.is_file(place) && !files.is_dir(Path::new(&place.path))
    }

    /// The files that the given ones and their includes stand for, in the
    /// order in which they are merged. Files that cannot be read are left
    /// out.
    pub(crate) fn expand(&mut self, places: &[Place]) -> Result<Rc<Vec<Place>>, Error> {
        self.expand_within(places, &mut Vec::new())
    }

    /// `chain` holds the including files from the outermost to the one whose
    /// includes are `places`.
    fn expand_within(
        &mut self,
        places: &[Place],
        chain: &mut Vec<Place>,
    ) -> Result<Rc<Vec<Place>>, Error> {
        let places = self.with_locals(places);
        if let Some(list) = self.lists.get(&places) {
            return Ok(Rc::clone(list));
        }
        let mut list = Vec::new();
        for place in &places {
            self.expand_one(place, chain, &mut list)?;
        }
        let list = Rc::new(list);
        self.lists.insert(places, Rc::clone(&list));
        Ok(list)
    }

    /// Each file followed by its `.local` sibling, if there is one that is not
    /// in the list itself.
    fn with_locals(&self, places: &[Place]) -> Vec<Place> {
        let mut out = Vec::new();
        for place in places {
            out.push(place.clone());
            let local = Place {
                path: format!("{}.local", path::stem(&place.path)),
                ..*place
            };
            if !places.contains(&local) && self.is_file(&local) {
                out.push(local);
            }
        }
        out
    }

    fn expand_one(
        &mut self,
        place: &Place,
        chain: &mut Vec<Place>,
        list: &mut Vec<Place>,
    ) -> Result<(), Error> {
        let Some(parsed) = self.parsed_include(place)? else {
            return Ok(());
        };
        let layers = Layers::of_one(&parsed.document);
        for name in includes(&layers, "before")? {
            self.expand_include(place, &name, chain, list)?;
        }
        list.push(place.clone());
        for name in includes(&layers, "after")? {
            self.expand_include(place, &name, chain, list)?;
        }
        Ok(())
    }

    fn expand_include(
        &mut self,
        by: &Place,
        name: &Traced,
        chain: &mut Vec<Place>,
        list: &mut Vec<Place>,
    ) -> Result<(), Error> {
        let place = self.locate(by, name);
        // The including file itself is not in its chain yet: fail2ban lets
        // it include itself once.
        if chain.contains(&place) {
            return Ok(());
        }
        // These errors get the place of the outermost include: the inner ones
        // may have paths beyond measure.
        if chain.len() >= MAX_DEPTH {
            return Err(Error::new(Problem::Loop));
        }
        chain.push(by.clone());
        let more = self.expand_within(&[place], chain);
        chain.pop();
        let more = match more {
            Err(error) if chain.is_empty() => return Err(at_all(error, name)),
            more => more?,
        };
        list.extend_from_slice(&more);
        if list.len() > MAX_FILES {
            return Err(Error::new(Problem::TooMany));
        }
        Ok(())
    }

    /// The file an include means. One that is missing beside the including
    /// file is looked for in the stores after that file's own.
    fn locate(&mut self, by: &Place, name: &Traced) -> Place {
        let beside = Place {
            store: by.store,
            path: path::join(path::parent(&by.path), name.as_str()),
        };
        if name.is_empty() || self.is_file(&beside) {
            return beside;
        }
        let elsewhere = (by.store + 1..self.stores.len())
            .filter(|_| !path::is_absolute(name.as_str()))
            .map(|store| Place {
                store,
                path: path::join(self.stores[store].dir, name.as_str()),
            })
            .find(|place| self.is_file(place));
        if let Some(wanted) = name.origin(0..name.len())
            && self.noted.insert(wanted.to_string())
        {
            let wanted = wanted.span().clone();
            match &elsewhere {
                Some(place) => self.found.push((wanted, place.clone())),
                None => self.missing.push(wanted),
            }
        }
        elsewhere.unwrap_or(beside)
    }

    /// A file, or nothing and perhaps a warning if it cannot be read.
    fn parsed_include(&mut self, place: &Place) -> Result<Option<Rc<Parsed>>, Error> {
        let seen = self.parsed.contains_key(place);
        match self.parsed(place) {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) if error.kind() != ErrorKind::File => Err(error),
            // fail2ban would wait for a pipe, and read a device, for ever.
            Err(error) if error.code() == "too-large" || self.is_special(place) => Err(error),
            Err(error) => {
                if error.code() == "not-utf8" && !seen {
                    self.warnings.push(error);
                }
                Ok(None)
            }
        }
    }

    /// A file, read and parsed at the first call.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::File`] if it cannot be read; else what is wrong
    /// with its text.
    pub(crate) fn parsed(&mut self, place: &Place) -> Result<Rc<Parsed>, Error> {
        if let Some(parsed) = self.parsed.get(place) {
            return parsed.clone().map_err(|error| (*error).clone());
        }
        let parsed = self.read(place).map(Rc::new);
        self.parsed
            .insert(place.clone(), parsed.clone().map_err(Rc::new));
        parsed
    }

    fn read(&self, place: &Place) -> Result<Parsed, Error> {
        let path = &place.path;
        let bytes = self.stores[place.store].files.read(Path::new(path));
        let bytes = bytes.map_err(|reason| {
            let path = path.clone();
            Error::new(match reason.kind() {
                io::ErrorKind::FileTooLarge => Problem::TooLarge { path },
                _ => Problem::Unreadable { path, reason },
            })
        })?;
        if bytes.len() > MAX_BYTES {
            let path = path.clone();
            return Err(Error::new(Problem::TooLarge { path }));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let bad = Source::new(path, text).span(valid..valid + '\u{fffd}'.len_utf8());
            Error::new(Problem::NotUtf8(path.clone())).at(bad)
        })?;
        let source = Source::new(path, text);
        let document = ini::parse(&source)?;
        Ok(Parsed { source, document })
    }
}

/// The names in one option of `[INCLUDES]`, as a file alone resolves them.
fn includes(file: &Layers, option: &str) -> Result<Vec<Traced>, Error> {
    let budget = Budget::new();
    let vars = Vars::default();
    let scope = Scope {
        layers: file,
        section: INCLUDES,
        vars: &vars,
        budget: &budget,
    };
    let value = scope.get(option)?;
    Ok(value.map_or_else(Vec::new, |value| value.split_lines()))
}
