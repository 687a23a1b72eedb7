//! Where configuration is read from; finds the files of a filter and hands
//! back its settings.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::config::definition::Definition;
use crate::config::filter::{self, BorrowedInclude, FilterConfig};
use crate::config::include::{Place, Reader, Store};
use crate::config::interpolate::Vars;
use crate::config::layers::Layers;
use crate::config::path;
use crate::config::place::at_all;
use crate::config::resources::{self, base_files};
use crate::config::spec::FilterSpec;
use crate::error::{Detail, Error, ErrorKind};
use crate::source::{Files, OsFiles};

pub(crate) const FILTERS: &str = "filter.d";

/// What is not there.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("there is no configuration directory `{0}`")]
    Directory(String),
    #[error("there is no filter `{name}`: neither `{base}.conf` nor `{base}.local` exists")]
    Filter { name: String, base: String },
    #[error("there is no file `{0}`")]
    File(String),
}

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::File
    }

    fn code(&self) -> &'static str {
        "not-found"
    }
}

/// Reads filters and jails from a configuration directory such as
/// `/etc/fail2ban`.
///
/// ```
/// use kerio_ban_core::{Loader, MemoryFiles};
///
/// let files = MemoryFiles::new()
///     .with("/b/filter.d/x.conf", "[Definition]\nfailregex = ^%(what)s <HOST>$\nwhat = bad\n");
/// let filter = Loader::with_files("/b", files).filter(&"x".parse()?)?;
/// assert_eq!(filter.failregex(), ["^bad <HOST>$"]);
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Loader {
    files: Arc<dyn Files>,
    root: String,
    fallbacks: Vec<(Arc<dyn Files>, String)>,
    logs: Option<Arc<dyn Files>>,
    backend: String,
}

impl Loader {
    /// Reads from a directory of this machine.
    pub fn new(root: impl Into<PathBuf>) -> Loader {
        Loader::with_files(root, OsFiles)
    }

    /// Reads from a directory of the given files.
    pub fn with_files(root: impl Into<PathBuf>, files: impl Files + 'static) -> Loader {
        Loader {
            files: Arc::new(files),
            root: text(root),
            fallbacks: Vec::new(),
            logs: None,
            backend: "auto".to_owned(),
        }
    }

    /// Adds a directory where includes are looked for that a filter given by
    /// its path asks for and that are not beside it. Directories are asked in
    /// the order in which they were added; [`FilterConfig::borrowed`] tells
    /// what was found there. Filters loaded by name do not use them.
    #[must_use]
    pub fn fallback(mut self, dir: impl Into<PathBuf>, files: impl Files + 'static) -> Loader {
        self.fallbacks.push((Arc::new(files), text(dir)));
        self
    }

    /// Sets where the log files of jails are looked for; where the
    /// configuration is if it is never said.
    #[must_use]
    pub fn logs(mut self, files: impl Files + 'static) -> Loader {
        self.logs = Some(Arc::new(files));
        self
    }

    /// Sets how the log will be read, as a jail's `backend` does; `auto` if it
    /// is never said. One that starts with `systemd` makes filters expect the
    /// journal's form of lines, any other that of files.
    #[must_use]
    pub fn backend(mut self, backend: impl Into<String>) -> Loader {
        self.backend = backend.into();
        self
    }

    /// Loads a filter by its name: `filter.d/name.conf`, `filter.d/name.d/*.conf`,
    /// `filter.d/name.local` and `filter.d/name.d/*.local`, those that exist, with
    /// their includes.
    ///
    /// # Errors
    /// `not-found`; whatever is wrong with the text of these files; references
    /// in them that cannot be resolved.
    pub fn filter(&self, spec: &FilterSpec) -> Result<FilterConfig, Error> {
        self.check_root()?;
        let mut reader = Reader::new(vec![self.store()]);
        let name = spec.name();
        let base = resources::base(&self.root, FILTERS, name);
        let places = base_files(&reader, &base);
        if places.is_empty() {
            let name = name.to_owned();
            return Err(at_all(
                Error::new(Problem::Filter { name, base }),
                &spec.name,
            ));
        }
        self.load(path::file_name(name), spec, &mut reader, &places)
    }

    /// Loads a filter by the path of its file, which is the name of `spec`:
    /// that file, its includes and the `.local` file beside it. A file in a
    /// directory called `filter.d` is loaded with all that
    /// [`Loader::filter`] would read.
    ///
    /// # Errors
    /// As for [`Loader::filter`].
    pub fn filter_file(&self, spec: &FilterSpec) -> Result<FilterConfig, Error> {
        let stores = self.fallbacks.iter().map(|(files, dir)| Store {
            files: &**files,
            dir,
        });
        let mut reader = Reader::new(std::iter::once(self.store()).chain(stores).collect());
        let file = Place::new(spec.name());
        let base = path::stem(spec.name());
        let places = if path::file_name(path::parent(base)) != FILTERS {
            vec![file]
        } else if reader.exists(&file) {
            base_files(&reader, base)
        } else {
            let problem = Problem::File(spec.name().to_owned());
            return Err(at_all(Error::new(problem), &spec.name));
        };
        self.load(path::file_name(base), spec, &mut reader, &places)
    }

    fn load(
        &self,
        name: &str,
        spec: &FilterSpec,
        reader: &mut Reader<'_>,
        places: &[Place],
    ) -> Result<FilterConfig, Error> {
        let layers = Rc::new(Layers::read(reader, places)?);
        let mut definition = Definition::new(Rc::clone(&layers), spec.options.clone());
        definition.set_logtype(&self.backend);
        definition.collect(&filter::OPTIONS, &Vars::default())?;
        let values = definition.combined(&HashSet::new())?;
        let mut config = FilterConfig::typed(name, "Definition", &values)?;
        config.note_parameters(&definition);
        config.warnings.splice(0..0, definition.warnings);
        config.borrowed = reader
            .found
            .iter()
            .filter_map(|(wanted, place)| {
                Some(BorrowedInclude {
                    wanted: wanted.clone(),
                    used: reader.source(place)?,
                })
            })
            .collect();
        config.warnings.splice(0..0, reader.warnings.drain(..));
        config.sources.clone_from(&layers.sources);
        config.missing_includes.clone_from(&layers.missing);
        Ok(config)
    }

    /// # Errors
    /// `not-found` if there is no configuration directory.
    pub(crate) fn check_root(&self) -> Result<(), Error> {
        if self.files.is_dir(self.root.as_ref()) {
            return Ok(());
        }
        Err(Error::new(Problem::Directory(self.root.clone())))
    }

    /// The configuration directory, without a slash at its end.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Where the log files of jails are.
    pub(crate) fn log_files(&self) -> &dyn Files {
        &**self.logs.as_ref().unwrap_or(&self.files)
    }

    pub(crate) fn store(&self) -> Store<'_> {
        Store {
            files: &*self.files,
            dir: &self.root,
        }
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("root", &self.root)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// A directory as text, without slashes at its end.
fn text(dir: impl Into<PathBuf>) -> String {
    let dir = dir.into().to_string_lossy().into_owned();
    let bare = dir.trim_end_matches('/');
    if bare.is_empty() {
        dir
    } else {
        bare.to_owned()
    }
}
