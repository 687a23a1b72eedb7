//! The only door to the file system.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where configuration files are read from.
///
/// The library opens nothing by itself: whoever embeds it passes [`OsFiles`],
/// [`MemoryFiles`], or something of their own (an archive, a database).
/// Paths are passed as the configuration spells them, joined to the base
/// directory, and never made canonical: fail2ban compares them as text.
pub trait Files: Send + Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Whatever the store says; [`io::ErrorKind::NotFound`] for a file that
    /// is not there.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether there is a regular file (or a link to one) of this name.
    fn is_file(&self, path: &Path) -> bool;

    /// Whether there is a directory of this name.
    fn is_dir(&self, path: &Path) -> bool;

    /// Whether there is anything of this name: a file, a directory, a device,
    /// a pipe, or a link to one.
    fn exists(&self, path: &Path) -> bool {
        self.is_file(path) || self.is_dir(path)
    }

    /// The names, without their directory, of everything in a directory; in
    /// any order. Empty for a directory that is not there.
    fn list(&self, dir: &Path) -> Vec<String>;
}

/// The largest file that is read whole, in bytes.
const LARGEST: u64 = 256 << 20;

/// The files of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    /// Devices and pipes are refused, since what they hold need not end or even
    /// begin, and so is what is larger than any file read whole should be.
    #[expect(clippy::disallowed_methods, reason = "this is the trait's OS side")]
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() && !metadata.is_dir() {
            let message = "it is a device, a pipe or a socket, and no file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut content = Vec::new();
        if metadata.len() <= LARGEST {
            let file = std::fs::File::open(path)?;
            // It may have grown, and the files of /proc do not say how large they are.
            file.take(LARGEST + 1).read_to_end(&mut content)?;
            if content.len() as u64 <= LARGEST {
                return Ok(content);
            }
        }
        let message = format!("it is larger than {} MiB", LARGEST >> 20);
        Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the trait's OS side")]
    fn list(&self, dir: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect()
    }
}

/// Files held in memory: for tests, and for filters that come with a program.
///
/// ```
/// use kerio_ban_core::{Files, MemoryFiles};
/// use std::path::Path;
///
/// let files = MemoryFiles::new()
///     .with("/etc/fail2ban/filter.d/mine.conf", "[Definition]\nfailregex = ^bad <ADDR>$\n");
/// assert!(files.is_file(Path::new("/etc/fail2ban/filter.d/mine.conf")));
/// assert_eq!(files.list(Path::new("/etc/fail2ban/filter.d")), ["mine.conf"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFiles {
    /// No files.
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// Adds a file, replacing one of the same path.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> MemoryFiles {
        self.insert(path, content);
        self
    }

    /// Adds a file, replacing one of the same path.
    pub fn insert(&mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), content.into());
    }

    /// Looks a file up, resolving `.` and `..` as a file system would.
    fn get(&self, path: &Path) -> Option<&Vec<u8>> {
        self.files
            .get(path)
            .or_else(|| self.files.get(&plain(path)))
    }
}

/// `a/./b/../c` as `a/c`.
fn plain(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(content) = self.get(path) {
            return Ok(content.clone());
        }
        let kind = if self.is_dir(path) {
            io::ErrorKind::IsADirectory
        } else {
            io::ErrorKind::NotFound
        };
        Err(kind.into())
    }

    fn is_file(&self, path: &Path) -> bool {
        self.get(path).is_some()
    }

    fn is_dir(&self, path: &Path) -> bool {
        let dir = plain(path);
        self.files
            .keys()
            .any(|file| file.starts_with(&dir) && *file != dir)
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        let dir = plain(dir);
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&dir).ok()?.components().next())
            .filter_map(|name| name.as_os_str().to_str().map(str::to_owned))
            .collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_files_behave_like_a_directory_tree() {
        let files = MemoryFiles::new()
            .with("/b/jail.conf", "")
            .with("/b/filter.d/x.conf", "X")
            .with("/b/filter.d/x.d/a.conf", "A");
        assert!(files.is_dir(Path::new("/b/filter.d")));
        assert!(!files.is_file(Path::new("/b/filter.d")));
        assert_eq!(files.list(Path::new("/b/filter.d")), ["x.conf", "x.d"]);
        assert_eq!(
            files
                .read(Path::new("/b/./filter.d/../filter.d/x.conf"))
                .unwrap(),
            b"X"
        );
        let error = files.read(Path::new("/b/filter.d")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert!(files.list(Path::new("/nowhere")).is_empty());
    }
}
