//! What a jail says of its logs.

use std::path::Path;

use kerio_ban_core::{JailConfig, LogPath};

use crate::failure::Failure;
use crate::input::{Encoding, Log};

/// The code of the error that there is no log to read.
pub(super) const NO_LOG: &str = "no-log";

/// The encoding of the logs (`logencoding`), if the jail has one.
pub(super) fn encoding(config: &JailConfig) -> Result<Option<Encoding>, Failure> {
    let Some(setting) = config.setting("logencoding") else {
        return Ok(None);
    };
    let name = setting.text();
    let encoding = name.as_str().parse().map_err(|unknown| {
        let jail = config.name();
        let place = match name.origin(0..name.len()) {
            Some(origin) => format!(" at {origin}"),
            None => String::new(),
        };
        let message = format!("[{jail}] logencoding: {unknown}, found `{name}`{place}");
        Failure::request("bad-logencoding", message)
    })?;
    Ok(Some(encoding))
}

/// The logs that its `logpath` names, each once. There is always one.
pub(super) fn logs(config: &JailConfig) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::new();
    for file in config.logpath().iter().flat_map(LogPath::files) {
        let path = Path::new(file);
        // Somebody who names a pipe on the command line means it.
        if path.exists() && !path.is_file() && !path.is_dir() {
            let name = config.name();
            let message =
                format!("jail `{name}`: the log `{file}` is a pipe or device, and no file");
            return Err(Failure::request(NO_LOG, message));
        }
        let log = Log::File(file.into());
        if !logs.contains(&log) {
            logs.push(log);
        }
    }
    if logs.is_empty() {
        let name = config.name();
        let why = if config.backend().starts_with("systemd") {
            "it reads the journal, which cannot be replayed"
        } else {
            "it has no log files"
        };
        let message = format!("there is no log for jail `{name}`: {why}");
        return Err(Failure::request(NO_LOG, message)
            .help("name a log; `journalctl -o short-full` writes the journal as one"));
    }
    Ok(logs)
}
