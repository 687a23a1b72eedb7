//! The built-in files, written into a directory.
//!
//! One of them has the name of a file that fail2ban's own filters are made of.
//! Where there is such a file, it stays, whatever is asked for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::{Format, OutputArgs};
use crate::console;
use crate::failure::Failure;

/// The file whose name fail2ban's filters include.
const SHARED: &str = "filter.d/common.conf";

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Create,
    Overwrite,
    /// It is there as it should be.
    Unchanged,
    /// It is there and differs.
    Refuse,
    /// Another's file has the name, and others rely on it.
    Keep,
}

struct File {
    path: PathBuf,
    text: &'static str,
    plan: Plan,
}

/// Writes all files, or none if one of them must not be overwritten.
pub(super) fn run(dir: &Path, force: bool, output: OutputArgs) -> Result<(), Failure> {
    let mut files = Vec::new();
    for &(name, text) in kerio_ban_filters::files() {
        let path = dir.join(name);
        let plan = plan(&path, name, text, force)?;
        files.push(File { path, text, plan });
    }
    let refused: Vec<String> = files
        .iter()
        .filter(|file| file.plan == Plan::Refuse)
        .map(|file| format!("`{}`", file.path.display()))
        .collect();
    if !refused.is_empty() {
        let verb = if refused.len() == 1 { "is" } else { "are" };
        let message = format!(
            "{} {verb} there already and not the same",
            refused.join(", ")
        );
        let failure = Failure::request("exists", message);
        return Err(failure.help("nothing was written; to overwrite, add `--force`"));
    }
    let mut out = console::stdout();
    for file in &files {
        file.write()?;
        if !output.quiet {
            report(&mut out, file, output.format)?;
        }
    }
    Ok(out.flush()?)
}

fn plan(path: &Path, name: &str, text: &str, force: bool) -> Result<Plan, Failure> {
    match fs::read(path) {
        Ok(content) if content == text.as_bytes() => Ok(Plan::Unchanged),
        Ok(content) if name == SHARED && !is_ours(&content, text) => Ok(Plan::Keep),
        Ok(_) if force => Ok(Plan::Overwrite),
        Ok(_) => Ok(Plan::Refuse),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Plan::Create),
        Err(error) => {
            let message = format!("cannot read `{}`: {error}", path.display());
            Err(Failure::request("unreadable", message))
        }
    }
}

/// Whether it is the same file, perhaps of another version: its first line says
/// what it is.
fn is_ours(content: &[u8], text: &str) -> bool {
    let title = text.lines().next().unwrap_or_default();
    content.starts_with(title.as_bytes())
}

impl File {
    fn write(&self) -> Result<(), Failure> {
        let written = match self.plan {
            Plan::Create => self.create(),
            Plan::Overwrite => fs::write(&self.path, self.text),
            Plan::Unchanged | Plan::Keep | Plan::Refuse => Ok(()),
        };
        written.map_err(|error| {
            let message = format!("cannot write `{}`: {error}", self.path.display());
            Failure::request("unwritable", message)
        })
    }

    fn create(&self) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        // Not over what has come there since it was looked for.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.path)?;
        file.write_all(self.text.as_bytes())
    }
}

fn report(out: &mut impl Write, file: &File, format: Format) -> io::Result<()> {
    let path = file.path.display();
    let (status, words) = match file.plan {
        Plan::Create => ("written", format!("wrote {path}")),
        Plan::Overwrite => ("overwritten", format!("overwrote {path}")),
        Plan::Keep => ("kept", format!("kept {path}, which is another's")),
        Plan::Unchanged | Plan::Refuse => ("unchanged", format!("unchanged {path}")),
    };
    match format {
        Format::Json => {
            let object = json!({"type": "file", "path": path.to_string(), "status": status});
            writeln!(out, "{object}")
        }
        Format::Text | Format::Brief => writeln!(out, "{words}"),
    }
}
