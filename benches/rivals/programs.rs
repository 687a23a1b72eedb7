//! The programs that are compared, and how each is asked for the same.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::counts::Counts;
use crate::expression::Expressions;
use crate::run::{Run, run};

/// A log and what is looked for in it.
pub(crate) struct Task {
    /// The kind that was generated.
    pub(crate) kind: &'static str,
    /// fail2ban's filter for it.
    pub(crate) filter: &'static str,
    /// What a line begins with up to the end of its date, as an expression.
    /// Empty if the date is in the middle, where the filter's own expressions
    /// let anything be.
    date: &'static str,
    pub(crate) log: PathBuf,
}

impl Task {
    /// All of them, with logs in a directory.
    pub(crate) fn all(directory: &Path) -> Vec<Task> {
        const KERIO: &str = r"\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4} [0-9:]{8}\]";
        const SYSLOG: &str = "[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8}";
        [
            ("kerio01", "kerio", KERIO),
            ("kerio20", "kerio", KERIO),
            ("kerio90", "kerio", KERIO),
            ("sshd", "sshd", SYSLOG),
            ("access", "apache-badbots", ""),
        ]
        .map(|(kind, filter, date)| Task {
            kind,
            filter,
            date,
            log: directory.join(format!("{kind}.log")),
        })
        .into()
    }
}

/// What a program found.
pub(crate) enum Found {
    /// All there is to know.
    Counts(Counts),
    /// How many lines matched anything.
    Lines(u64),
}

/// A program, ready to be run over one log.
pub(crate) struct Program {
    pub(crate) name: String,
    /// What it does of what the others do.
    pub(crate) does: &'static str,
    /// Takes so long that it is run less often.
    pub(crate) slow: bool,
    /// How many of it run at once.
    copies: usize,
    command: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    read: fn(&Run) -> Option<Found>,
}

impl Program {
    fn new(name: impl Into<String>, does: &'static str, command: impl Into<OsString>) -> Program {
        Program {
            name: name.into(),
            does,
            slow: false,
            copies: 1,
            command: command.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            read: |run| run.output.trim().parse().ok().map(Found::Lines),
        }
    }

    fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs it, or so many of it at once. The time is that until the last of them
    /// ends.
    pub(crate) fn run(&self) -> Result<Run, String> {
        let started = Instant::now();
        thread::scope(|scope| {
            let others = (1..self.copies).map(|_| scope.spawn(|| self.run_once()));
            let others: Vec<_> = others.collect();
            let mut run = self.run_once()?;
            for other in others {
                other.join().map_err(|_| "was not run".to_owned())??;
            }
            run.time = started.elapsed();
            Ok(run)
        })
    }

    fn run_once(&self) -> Result<Run, String> {
        let mut command = Command::new(&self.command);
        command
            .args(&self.arguments)
            .env("TZ", "UTC")
            // Nothing in the logs needs more, and grep is fastest so.
            .env("LC_ALL", "C")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        run(&mut command)
    }

    /// What it found in a run.
    pub(crate) fn found(&self, run: &Run) -> Result<Found, String> {
        (self.read)(run).ok_or_else(|| match run.status {
            Some(status) => format!("says nothing of use; exit status {status}"),
            None => "was killed".to_owned(),
        })
    }
}

/// Everything that is there to be compared.
pub(crate) struct Programs {
    kerio_ban: PathBuf,
    /// Whether the number of threads can be chosen.
    threads: bool,
    fail2ban: Option<Fail2ban>,
    /// Where the filters are.
    config: PathBuf,
    /// What is not there.
    pub(crate) missing: Vec<String>,
    /// What each program says of itself.
    pub(crate) versions: Vec<String>,
    others: Vec<&'static str>,
}

/// fail2ban-regex, installed or in a source tree.
struct Fail2ban {
    command: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
}

impl Programs {
    /// Looks for all programs.
    pub(crate) fn find(kerio_ban: &Path, config: Option<&Path>) -> Result<Programs, String> {
        let mut programs = Programs {
            kerio_ban: kerio_ban.to_owned(),
            threads: false,
            fail2ban: None,
            config: PathBuf::from("/etc/fail2ban"),
            missing: Vec::new(),
            versions: Vec::new(),
            others: Vec::new(),
        };
        programs.find_fail2ban();
        if let Some(config) = config {
            config.clone_into(&mut programs.config);
        }
        if !programs.config.join("filter.d/sshd.conf").is_file() {
            return Err(format!(
                "there are no fail2ban filters in {}: install fail2ban, set FAIL2BAN to a source \
                 tree of it, or name a directory with --config",
                programs.config.display()
            ));
        }
        let version = programs.version(kerio_ban.as_os_str(), &["--version"]);
        programs.versions.insert(0, version.ok_or_else(|| {
            format!("cannot run {}: build it first, with `cargo build --release`, or name it with --kerio-ban", kerio_ban.display())
        })?);
        let help = run(Command::new(kerio_ban).args(["test", "--help"]))?;
        let options = help.output.lines().map(str::trim_start);
        programs.threads = options.into_iter().any(|line| line.starts_with("-j"));
        for (name, arguments) in [
            ("grep", ["-P", "--version"]),
            ("rg", ["--no-config", "--version"]),
            ("fail2ban-rs", ["--version", ""]),
        ] {
            let arguments = arguments.iter().filter(|argument| !argument.is_empty());
            let arguments: Vec<&str> = arguments.copied().collect();
            match programs.version(name.as_ref(), &arguments) {
                Some(version) => {
                    programs.versions.push(version);
                    programs.others.push(name);
                }
                None => programs.missing.push(name.to_owned()),
            }
        }
        Ok(programs)
    }

    /// Debian's package, or what the environment variable names.
    fn find_fail2ban(&mut self) {
        let named = env::var_os("FAIL2BAN").filter(|name| !name.is_empty());
        let place = named.map_or_else(|| PathBuf::from("fail2ban-regex"), PathBuf::from);
        let fail2ban = if place.is_dir() {
            self.config = place.join("config");
            Fail2ban {
                command: "python3".into(),
                arguments: vec![place.join("bin/fail2ban-regex").into()],
                variables: vec![("PYTHONPATH", place.into())],
            }
        } else {
            Fail2ban {
                command: place.into(),
                arguments: Vec::new(),
                variables: Vec::new(),
            }
        };
        let mut command = Command::new(&fail2ban.command);
        command
            .args(&fail2ban.arguments)
            .arg("--version")
            .envs(fail2ban.variables.iter().map(|(name, value)| (name, value)));
        match first_line(&mut command) {
            Some(version) => {
                self.versions.push(version);
                self.fail2ban = Some(fail2ban);
            }
            None => self.missing.push("fail2ban-regex".to_owned()),
        }
    }

    fn version(&self, program: &std::ffi::OsStr, arguments: &[&str]) -> Option<String> {
        first_line(Command::new(program).args(arguments))
    }

    /// The programs for a task. The first is the one that the others are
    /// measured by, if it is there; the second is ours.
    pub(crate) fn for_task(&self, task: &Task, scratch: &Path) -> Result<Vec<Program>, String> {
        let mut programs = Vec::new();
        if let Some(fail2ban) = &self.fail2ban {
            let mut program = Program::new("fail2ban-regex", "", &fail2ban.command)
                .args(&fail2ban.arguments)
                .args(["-c".as_ref(), self.config.as_os_str()])
                .args(["--print-no-missed", "--print-no-ignored"])
                .args([task.log.as_os_str(), task.filter.as_ref()]);
            program.slow = true;
            program.variables.clone_from(&fail2ban.variables);
            program.read = |run| Counts::of_fail2ban(&run.output).map(Found::Counts);
            programs.push(program);
        }
        let ours = |name: &str, threads: &[&str]| {
            let mut program = Program::new(name, "", &self.kerio_ban)
                .args(["test".as_ref(), "-c".as_ref(), self.config.as_os_str()])
                .args(["--print-no-missed", "--print-no-ignored"])
                .args(threads)
                .args([task.filter.as_ref(), task.log.as_os_str()]);
            program.read = |run| Counts::of_kerio_ban(&run.output).map(Found::Counts);
            program
        };
        if self.threads {
            programs.push(ours("kerio-ban -j 1", &["-j", "1"]));
            programs.push(ours("kerio-ban", &[]));
            let mut two = ours("2 × kerio-ban -j 1", &["-j", "1"]);
            two.copies = 2;
            two.does = "two at once, each reads the whole log: what two threads can gain at most";
            programs.push(two);
        } else {
            programs.push(ours("kerio-ban", &[]));
        }
        let expressions = self.expressions(task.filter)?;
        let alternation = expressions.alternation(task.date);
        for &other in &self.others {
            const COUNTS: &str = "only counts lines";
            programs.push(match other {
                "grep" => Program::new("grep -cP", COUNTS, other)
                    .args(["-cP", "-e", &alternation])
                    .args([&task.log]),
                "rg" => Program::new("rg -c", COUNTS, other)
                    .args(["--no-config", "--no-unicode", "-c", "-e", &alternation])
                    .args([&task.log]),
                _ => fail2ban_rs(task, &expressions, scratch)?,
            });
        }
        Ok(programs)
    }

    /// The expressions of a filter, after all that a configuration may refer to.
    fn expressions(&self, filter: &str) -> Result<Expressions, String> {
        let mut command = Command::new(&self.kerio_ban);
        command
            .args(["show".as_ref(), "-c".as_ref(), self.config.as_os_str()])
            .args([filter, "--format", "json"]);
        let shown = run(&mut command)?;
        let shown: serde_json::Value = serde_json::from_str(&shown.output)
            .map_err(|error| format!("kerio-ban show {filter}: {error}"))?;
        let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
        let failregex = shown["failregex"]
            .as_array()
            .ok_or("kerio-ban show: there is no failregex")?;
        if shown["ignoreregex"]
            .as_array()
            .is_none_or(|all| !all.is_empty())
        {
            return Err(format!(
                "{filter} has an ignoreregex, which no single expression can stand for"
            ));
        }
        Ok(Expressions {
            prefregex: text(&shown["prefregex"]),
            failregex: failregex.iter().filter_map(text).collect(),
        })
    }
}

/// Its own replay of a log, with the same expressions in its own configuration.
fn fail2ban_rs(task: &Task, expressions: &Expressions, scratch: &Path) -> Result<Program, String> {
    let file = scratch.join(format!("{}.toml", task.kind));
    // It knows no date of Kerio's, and then reads none.
    let date = match task.filter {
        "sshd" => "syslog",
        _ => "common",
    };
    let filter = serde_json::json!(expressions.with_hosts(task.date));
    let log = serde_json::json!(task.log.display().to_string());
    let text = format!(
        "[global]\n\n[jail.test]\nlog_path = {log}\ndate_format = \"{date}\"\nmax_retry = 5\n\
         find_time = 600\nignoreself = false\nfilter = {filter}\n"
    );
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut program = Program::new("fail2ban-rs", "counts addresses", "fail2ban-rs")
        .args(["--config".as_ref(), file.as_os_str()])
        .args(["dry-run".as_ref(), task.log.as_os_str()]);
    program.read = |run| {
        let matches = |line: &str| line.trim().strip_prefix("Matches:")?.trim().parse().ok();
        run.output.lines().find_map(matches).map(Found::Lines)
    };
    Ok(program)
}

/// The first line of what a program writes, if it can be run.
fn first_line(command: &mut Command) -> Option<String> {
    let run = run(command).ok()?;
    let line = run.output.lines().find(|line| !line.trim().is_empty())?;
    (run.status == Some(0)).then(|| line.trim().to_owned())
}
