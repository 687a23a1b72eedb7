//! The two programs that are compared.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::known::Known;

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The status of a fail2ban that was stopped because it took too long.
pub(crate) const TOO_SLOW: i32 = -14;

/// Our side of the program in Python.
const SCRIPT: &str = include_str!("worker.py");

/// A real fail2ban-regex.
pub(crate) struct Fail2ban {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) version: String,
}

impl Fail2ban {
    /// Starts it: that of a source tree, of an unpacked package, or the one that is
    /// installed.
    pub(crate) fn start(source: Option<&Path>) -> io::Result<Fail2ban> {
        let python = match source {
            Some(source) if is_package(source) => "/usr/bin/python3".to_owned(),
            Some(_) => "python3".to_owned(),
            None => installed_python().unwrap_or_else(|| "python3".to_owned()),
        };
        let mut command = Command::new(python);
        command
            .args(["-c", SCRIPT])
            .env("LC_ALL", "C.UTF-8")
            .env_remove("FAIL2BAN_SRC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(source) = source {
            let modules = if is_package(source) {
                source.join("usr/lib/python3/dist-packages")
            } else {
                source.to_owned()
            };
            command.env("FAIL2BAN_SRC", modules);
        }
        let mut process = command.spawn()?;
        let missing = || io::Error::other("no pipe to python3");
        let requests = process.stdin.take().ok_or_else(missing)?;
        let mut answers = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        let mut version = String::new();
        answers.read_line(&mut version)?;
        if version.is_empty() {
            return Err(io::Error::other(
                "python3 has no fail2ban; see FAIL2BAN_SRC",
            ));
        }
        Ok(Fail2ban {
            process,
            requests: Some(requests),
            answers,
            version: version.trim().to_owned(),
        })
    }

    /// Takes out of it what is known to differ and can be taken out. This comes
    /// before it runs for the first time.
    pub(crate) fn mend(&mut self, known: &Known) -> io::Result<()> {
        if let Some(requests) = &mut self.requests {
            writeln!(requests, "{}", known.mended().join(" "))?;
        }
        Ok(())
    }

    /// Runs it in a zone.
    pub(crate) fn run(&mut self, zone: &str, words: &[Vec<u8>]) -> io::Result<Answer> {
        let closed = || io::Error::other("python3 has ended");
        let mut request = String::new();
        for word in std::iter::once(zone.as_bytes()).chain(words.iter().map(Vec::as_slice)) {
            // Even an empty word is to be seen.
            request.push('x');
            for byte in word {
                request += &format!("{byte:02x}");
            }
            request.push(' ');
        }
        let requests = self.requests.as_mut().ok_or_else(closed)?;
        writeln!(requests, "{request}")?;
        requests.flush()?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        let numbers: Vec<i64> = head
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        let [status, out, err] = numbers[..] else {
            return Err(closed());
        };
        let mut bytes = |length: i64| {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            self.answers.read_exact(&mut bytes).map(|()| bytes)
        };
        Ok(Answer {
            status: i32::try_from(status).unwrap_or(-1),
            stdout: bytes(out)?,
            stderr: bytes(err)?,
        })
    }
}

impl Drop for Fail2ban {
    fn drop(&mut self) {
        // It ends when there are no more requests.
        self.requests = None;
        let _ = self.process.wait();
    }
}

/// Whether a directory is what Debian's package contains.
pub(crate) fn is_package(source: &Path) -> bool {
    source.join("etc/fail2ban").is_dir()
}

/// The Python that the installed fail2ban-regex asks for in its first line.
fn installed_python() -> Option<String> {
    let path = env::var_os("PATH")?;
    let script = env::split_paths(&path)
        .map(|dir| dir.join("fail2ban-regex"))
        .find(|file| file.is_file())?;
    let text = fs::read_to_string(script).ok()?;
    let line = text.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split_whitespace();
    let program = words.next()?;
    let named = if program.ends_with("/env") {
        words.find(|word| !word.starts_with('-'))?
    } else {
        program
    };
    Some(named.to_owned())
}

/// Our program.
pub(crate) struct Ours {
    pub(crate) binary: PathBuf,
}

impl Ours {
    /// Runs it in a zone.
    pub(crate) fn run(&self, zone: &str, words: &[Vec<u8>]) -> io::Result<Answer> {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let output = Command::new(&self.binary)
            .arg("fail2ban-regex")
            .args(words.iter().map(|word| OsStr::from_bytes(word)))
            .env("TZ", zone)
            .stdin(Stdio::null())
            .output()?;
        Ok(Answer {
            status: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}
