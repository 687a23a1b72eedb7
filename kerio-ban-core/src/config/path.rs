//! Paths as text: fail2ban joins and compares them as strings, so `./a` and
//! `a` are two files.

/// A name relative to a directory; one that is absolute stays as it is.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if is_absolute(name) || dir.is_empty() {
        name.to_owned()
    } else if dir.ends_with('/') {
        format!("{dir}{name}")
    } else {
        format!("{dir}/{name}")
    }
}

pub(crate) fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
}

/// All before the last slash.
pub(crate) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if path[..at].chars().all(|c| c == '/') => &path[..=at],
        Some(at) => &path[..at],
        None => "",
    }
}

/// All after the last slash.
pub(crate) fn file_name(path: &str) -> &str {
    &path[path.rfind('/').map_or(0, |at| at + 1)..]
}

/// Without the extension. Dots that open the file's name do not start one.
pub(crate) fn stem(path: &str) -> &str {
    let name = file_name(path);
    let bare = name.trim_start_matches('.');
    match bare.rfind('.') {
        Some(at) => &path[..path.len() - bare.len() + at],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_and_joined_as_text() {
        assert_eq!(join("/b/filter.d", "./x.conf"), "/b/filter.d/./x.conf");
        assert_eq!(join("/b", "/x"), "/x");
        assert_eq!(join("", "x"), "x");
        assert_eq!(join("/", "x"), "/x");
        assert_eq!(parent("/b/x.conf"), "/b");
        assert_eq!(parent("/x.conf"), "/");
        assert_eq!(parent("x.conf"), "");
        assert_eq!(file_name("/b/x.conf"), "x.conf");
        assert_eq!(stem("/b.d/x.y.conf"), "/b.d/x.y");
        assert_eq!(stem("/b.d/x"), "/b.d/x");
        assert_eq!(stem("/b.d/"), "/b.d/");
        assert_eq!(stem("..x"), "..x");
        assert_eq!(stem(".x.conf"), ".x");
    }
}
