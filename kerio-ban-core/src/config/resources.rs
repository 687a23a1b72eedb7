//! The resources of a configuration directory: `jail`, `filter.d/x`,
//! `action.d/y`; each is several files merged.

use std::collections::HashMap;
use std::rc::Rc;

use crate::config::include::{Place, Reader};
use crate::config::layers::Layers;
use crate::config::path;
use crate::error::Error;

/// Reads resources, each once.
pub(crate) struct Resources<'a> {
    reader: Reader<'a>,
    root: &'a str,
    read: HashMap<String, Result<Option<Rc<Resource>>, Error>>,
}

/// A resource, read and merged.
pub(crate) struct Resource {
    pub(crate) layers: Rc<Layers>,
    /// What was passed over while it was read.
    pub(crate) warnings: Vec<Error>,
}

impl<'a> Resources<'a> {
    pub(crate) fn new(reader: Reader<'a>, root: &'a str) -> Resources<'a> {
        Resources {
            reader,
            root,
            read: HashMap::new(),
        }
    }

    /// The resource of a name in a directory of the configuration, or `None`
    /// if it has no file.
    ///
    /// # Errors
    /// As [`Layers::read`].
    pub(crate) fn read(&mut self, dir: &str, name: &str) -> Result<Option<Rc<Resource>>, Error> {
        let base = base(self.root, dir, name);
        if let Some(read) = self.read.get(&base) {
            return read.clone();
        }
        let read = self.read_files(&base);
        self.read.insert(base, read.clone());
        read
    }

    fn read_files(&mut self, base: &str) -> Result<Option<Rc<Resource>>, Error> {
        let places = base_files(&self.reader, base);
        if places.is_empty() {
            return Ok(None);
        }
        self.reader.next_resource();
        let layers = Layers::read(&mut self.reader, &places)?;
        Ok(Some(Rc::new(Resource {
            layers: Rc::new(layers),
            warnings: std::mem::take(&mut self.reader.warnings),
        })))
    }
}

/// The path of a resource's files without their extension. A name that starts
/// with `./` is relative to the working directory.
pub(crate) fn base(root: &str, dir: &str, name: &str) -> String {
    if name.starts_with("./") {
        name.to_owned()
    } else {
        path::join(&path::join(root, dir), name)
    }
}

/// The files that make up a resource, those that exist.
pub(crate) fn base_files(reader: &Reader<'_>, base: &str) -> Vec<Place> {
    let dir = format!("{base}.d");
    let mut names = reader.list(&dir);
    names.sort();
    let mut files = Vec::new();
    for extension in [".conf", ".local"] {
        files.push(format!("{base}{extension}"));
        let customs = names
            .iter()
            .filter(|name| name.ends_with(extension) && !name.starts_with('.'));
        files.extend(customs.map(|name| path::join(&dir, name)));
    }
    files
        .into_iter()
        .map(Place::new)
        .filter(|place| reader.exists(place))
        .collect()
}
