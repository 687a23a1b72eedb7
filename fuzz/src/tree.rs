//! A configuration directory out of bytes.

use kerio_ban_core::MemoryFiles;

/// Where it is.
pub(crate) const ROOT: &str = "/f";

/// Files follow each other, each after a line `=== path`; what comes before the
/// first is `filter.d/f.conf`.
pub(crate) fn files(data: &[u8]) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    let mut path = "filter.d/f.conf".to_owned();
    let mut content = Vec::new();
    for line in data.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_prefix(b"=== ") {
            Some(next) => {
                files.insert(format!("{ROOT}/{path}"), std::mem::take(&mut content));
                path = String::from_utf8_lossy(next).trim().to_owned();
            }
            None => content.extend_from_slice(line),
        }
    }
    files.insert(format!("{ROOT}/{path}"), content);
    files
}
