//! What an action would run: its commands with all tags filled in, as text.
//! Nothing is ever executed here.
//!
//! fail2ban fills in a command in two steps. The action's own properties come
//! first, again and again until nothing changes ([`tags`]); then, once, what
//! belongs to the ban. Values of a ban come from logs, and so from anybody: one
//! with a character that means something to a shell is never put into the
//! command but handed over in a variable.

mod tags;

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use self::tags::{Properties, substitute_groups, substitute_once};
use super::tracker::{Ban, BanTime, Totals, Tracker};
use crate::config::{ActionConfig, Property};
use crate::error::Error;
use crate::filter::{Captures, FailureId, Family, Value};
use crate::time::Timestamp;

/// An action of a jail in a dry run: tells what fail2ban would execute.
///
/// ```
/// use kerio_ban_core::{DryAction, FailureId, Failure, Jail, Decision, JailOptions, Loader, MemoryFiles, Timestamp};
///
/// let files = MemoryFiles::new()
///     .with("/b/jail.conf", "[mail]\nfilter = mail\naction = block[port=smtp]\n")
///     .with("/b/filter.d/mail.conf", "[Definition]\nfailregex = ^bad <HOST>$\n")
///     .with("/b/action.d/block.conf", "[Definition]\nactionban = block <ip> <port> for <bantime>\n");
/// let config = Loader::with_files("/b", files).jail("mail", &JailOptions::new())?;
/// let mut tracker = Jail::builder("mail").max_retry(1).build().tracker();
///
/// let id = FailureId::parse("192.0.2.7").expect("an address");
/// let decision = tracker.record(&Failure::new(id), Timestamp::from_whole_seconds(1000));
/// let Decision::Ban(ban) = decision else { panic!("one failure bans") };
/// let mut action = DryAction::new(&config.actions()[0]);
/// let commands = action.ban(&ban, &tracker)?;
/// assert_eq!(commands[0].script(), "block 192.0.2.7 smtp for 600");
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DryAction {
    name: String,
    properties: Properties,
    started: HashSet<Option<Family>>,
    /// The families that had a ban.
    used: HashSet<Option<Family>>,
    /// Start commands that have been told: the same one is not run twice.
    start_scripts: Vec<String>,
}

/// Something that fail2ban would hand to a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    option: &'static str,
    script: String,
    arguments: Vec<String>,
}

impl Command {
    /// The option of the action it comes from: `actionban`, say.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The text that the shell would be given.
    pub fn script(&self) -> &str {
        &self.script
    }

    /// The values that the script takes from `$0`, `$1` and so on: what a log
    /// says is never part of the script if a shell could mistake it.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }
}

/// What the tags of a ban stand for.
struct Ticket<'t> {
    jail: &'t str,
    totals: Totals,
    /// `None` for a command that belongs to no ban.
    ban: Option<&'t Ban>,
    family: Option<Family>,
    time: Timestamp,
    ban_time: BanTime,
    ban_count: u64,
}

impl DryAction {
    /// The action before its jail has started.
    pub fn new(action: &ActionConfig) -> DryAction {
        let text = |value: &Property| match value {
            Property::Text(text) => Some(text.as_str().to_owned()),
            Property::Flag(true) => Some("True".to_owned()),
            Property::Flag(false) => Some("False".to_owned()),
            Property::Unset => None,
        };
        let properties = action.properties();
        DryAction {
            name: action.name().to_owned(),
            properties: properties
                .filter_map(|(name, value)| Some((name.to_owned(), text(value)?)))
                .collect(),
            started: HashSet::new(),
            used: HashSet::new(),
            start_scripts: Vec::new(),
        }
    }

    /// By what the server knows the action.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What runs when the jail starts: nothing, if the action is started by the
    /// first ban of each family.
    ///
    /// # Errors
    /// `tag-recursion`.
    pub fn start(&mut self, jail: &str, now: Timestamp) -> Result<Vec<Command>, Error> {
        let mut commands = Vec::new();
        if !self.properties.starts_on_demand() {
            for family in self.properties.families() {
                commands.extend(self.start_family(jail, family, now)?);
            }
        }
        Ok(commands)
    }

    /// What a ban runs: `actionstart` if it is the first one that needs it,
    /// `actionban`, and `actionprolong` where earlier bans make it longer than
    /// the jail's ban time, as fail2ban finds out only afterwards.
    ///
    /// `<ipmatches>`, `<ipfailures>` and the like tell of this ban alone.
    /// Tags that only the machine could fill in (`<fq-hostname>`,
    /// `<sh-hostname>`, `<ip-host>`) stay.
    ///
    /// # Errors
    /// `tag-recursion`.
    pub fn ban(&mut self, ban: &Ban, tracker: &Tracker) -> Result<Vec<Command>, Error> {
        let mut commands = Vec::new();
        let family = ban.ip().family();
        let jail = tracker.jail();
        if self.properties.starts_on_demand() && !self.started.contains(&family) {
            commands.extend(self.start_family(jail.name(), family, ban.at())?);
        }
        let mut ticket = Ticket {
            jail: jail.name(),
            totals: tracker.totals(),
            ban: Some(ban),
            family,
            time: ban.start(),
            ban_time: jail.ban_time(),
            ban_count: 1,
        };
        commands.extend(self.command("actionban", &ticket)?);
        if ban.ban_time() != jail.ban_time() && !self.properties.is_blank("actionprolong") {
            ticket.ban_time = ban.ban_time();
            ticket.ban_count = ban.count();
            commands.extend(self.command("actionprolong", &ticket)?);
        }
        self.started.insert(family);
        self.used.insert(family);
        Ok(commands)
    }

    /// What the end of a ban runs.
    ///
    /// # Errors
    /// `tag-recursion`.
    pub fn unban(&mut self, ban: &Ban, tracker: &Tracker) -> Result<Option<Command>, Error> {
        let family = ban.ip().family();
        if !self.used.contains(&family) {
            return Ok(None);
        }
        let ticket = Ticket {
            jail: tracker.jail().name(),
            totals: tracker.totals(),
            ban: Some(ban),
            family,
            time: ban.start(),
            ban_time: ban.ban_time(),
            ban_count: ban.count(),
        };
        self.command("actionunban", &ticket)
    }

    fn start_family(
        &mut self,
        jail: &str,
        family: Option<Family>,
        now: Timestamp,
    ) -> Result<Option<Command>, Error> {
        self.started.insert(family);
        let ticket = Ticket {
            jail,
            totals: Totals::default(),
            ban: None,
            family,
            time: now,
            ban_time: BanTime::Seconds(0.0),
            ban_count: 0,
        };
        let command = self.command("actionstart", &ticket)?;
        Ok(command.filter(|command| {
            let known = self.start_scripts.contains(&command.script);
            if !known {
                self.start_scripts.push(command.script.clone());
            }
            !known
        }))
    }

    /// A command with everything filled in. `None` if there is nothing to run.
    fn command(&self, option: &'static str, ticket: &Ticket<'_>) -> Result<Option<Command>, Error> {
        let script = self.properties.fill(option, ticket.family)?;
        if script.trim().is_empty() {
            return Ok(None);
        }
        let mut variables: Vec<(String, String)> = Vec::new();
        let mut inserted = |name: &str, value: String| {
            if !value.contains(RISKY) {
                return value;
            }
            let plain = |c: char| if is_word(c) { c } else { '_' };
            let name: String = format!("f2bV_{name}").chars().map(plain).collect();
            let variable = format!("${name}");
            match variables.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => variables.push((name, value)),
            }
            variable
        };
        let script = substitute_once(&script, |tag| Some(inserted(tag, ticket.value(tag)?)));
        let captures = ticket.ban.map(Ban::captures);
        let script = substitute_groups(&script, |group| {
            let value = captures.and_then(|captures| capture(captures, group));
            value.map_or_else(String::new, |value| inserted(&format!("F_{group}"), value))
        });
        let mut assignments = String::new();
        for (index, (name, _)) in variables.iter().enumerate() {
            assignments += &format!("{name}=${index} ");
        }
        if !variables.is_empty() {
            assignments.push('\n');
        }
        Ok(Some(Command {
            option,
            script: assignments + &script,
            arguments: variables.into_iter().map(|(_, value)| value).collect(),
        }))
    }
}

/// Characters that a shell may take for something else than text.
const RISKY: [char; 23] = [
    '\\', '#', '&', ';', '`', '|', '*', '?', '~', '<', '>', '^', '(', ')', '[', ']', '{', '}', '$',
    '\'', '"', '\n', '\r',
];

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Ticket<'_> {
    /// What a tag stands for; `None` if it is not one of a ban.
    fn value(&self, tag: &str) -> Option<String> {
        let id = self.ban.map(Ban::id);
        let ip = self.ban.map(Ban::ip);
        let text = |id: Option<&FailureId>| id.map_or_else(String::new, ToString::to_string);
        let failures = self.ban.map_or(0, Ban::failures);
        Some(match tag {
            "ip" => text(ip),
            "fid" => text(id),
            "family" => match self.family {
                Some(family) => family.to_string(),
                None if self.ban.is_some() => "None".to_owned(),
                None => String::new(),
            },
            "ip-rev" => ip.map_or_else(String::new, reversed),
            "failures" | "ipfailures" | "ipjailfailures" => failures.to_string(),
            "time" => self.time.to_string(),
            "bantime" => format!("{}", self.ban_time.seconds().trunc()),
            "bancount" => self.ban_count.to_string(),
            "restored" => "0".to_owned(),
            "matches" | "ipmatches" | "ipjailmatches" => self
                .ban
                .map_or_else(String::new, |ban| ban.matches().join("\n")),
            "jail.name" => self.jail.to_owned(),
            "jail.banned" => self.totals.banned.to_string(),
            "jail.banned_total" => self.totals.banned_total.to_string(),
            "jail.found" => self.totals.found.to_string(),
            "jail.found_total" => self.totals.found_total.to_string(),
            "br" => "\n".to_owned(),
            "sp" => " ".to_owned(),
            _ => return None,
        })
    }
}

/// A captured group as text.
fn capture(captures: &Captures, group: &str) -> Option<String> {
    Some(match captures.get(group)? {
        Value::Text(text) => text.to_string(),
        Value::Tuple(parts) => FailureId::tuple(parts).to_string(),
        Value::Address(id) => id.to_string(),
    })
}

/// The address as in the names of reverse look-ups, with a dot at its end.
fn reversed(id: &FailureId) -> String {
    let labels: Vec<String> = match id.ip() {
        Some(IpAddr::V4(_)) => id.to_string().split('.').map(str::to_owned).collect(),
        Some(IpAddr::V6(address)) => {
            let digits = format!("{:032x}", address.to_bits());
            digits.chars().map(String::from).collect()
        }
        None => return String::new(),
    };
    let labels: Vec<String> = labels.into_iter().rev().collect();
    labels.join(".") + "."
}

impl fmt::Display for Command {
    /// The script; where it has arguments, as the call of a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.arguments.is_empty() {
            return f.write_str(&self.script);
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        write!(f, "sh -c {}", quoted(&self.script))?;
        let mut arguments = self.arguments.iter();
        arguments.try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{JailOptions, Loader};
    use crate::filter::Failure;
    use crate::jail::{Decision, Increment, Jail};
    use crate::source::MemoryFiles;

    /// The action of a jail, whose `action` line and definition these are.
    fn action(spec: &str, definition: &str) -> DryAction {
        let files = MemoryFiles::new()
            .with(
                "/b/jail.conf",
                format!("[j]\nfilter = f\nport = 25\nmaxretry = 3\naction = {spec}\n"),
            )
            .with(
                "/b/filter.d/f.conf",
                "[Definition]\nfailregex = ^x <HOST>$\n",
            )
            .with("/b/action.d/a.conf", definition);
        let config = Loader::with_files("/b", files)
            .jail("j", &JailOptions::new())
            .unwrap();
        DryAction::new(&config.actions()[0])
    }

    fn tracker() -> Tracker {
        Jail::builder("j").max_retry(1).build().tracker()
    }

    fn ban_at(tracker: &mut Tracker, failure: &Failure, seconds: i64) -> Ban {
        let now = Timestamp::from_whole_seconds(seconds);
        match tracker.record(failure, now) {
            Decision::Ban(ban) => ban,
            other => panic!("one failure bans, found {other:?}"),
        }
    }

    fn failure(id: &str) -> Failure {
        Failure::new(FailureId::parse(id).unwrap())
    }

    fn shown(commands: &[Command]) -> Vec<String> {
        commands
            .iter()
            .map(|command| format!("{}: {command}", command.option()))
            .collect()
    }

    #[test]
    fn tags_of_the_ban_are_filled_in() {
        let mut action = action(
            "a[port=1]",
            "[Definition]\nactionban = <ip> <fid> <family> <ip-rev> <failures> <time> <bantime> \
             <bancount> <restored> <jail.name> <jail.banned> <jail.found_total> <port> <br><sp>. \
             <nothing> <F-USER> <F-NONE>\n",
        );
        let mut tracker = tracker();
        let user = ("user", Value::Text("bob".into()));
        let mut failure = failure("192.0.2.7");
        failure.captures = [user].into_iter().collect();
        let ban = ban_at(&mut tracker, &failure, 1000);
        let commands = action.ban(&ban, &tracker).unwrap();
        assert_eq!(
            shown(&commands),
            [
                "actionban: 192.0.2.7 192.0.2.7 inet4 7.2.0.192. 1 1000 600 1 0 j 1 1 1 \n . \
              <nothing> bob "
            ]
        );
    }

    #[test]
    fn what_a_shell_could_mistake_is_handed_over_in_variables() {
        let mut action = action(
            "a",
            "[Definition]\nactionban = note '<F-USER>' <ip> <matches> <matches>\n",
        );
        let mut tracker = tracker();
        let user = ("user", Value::Text("$(reboot)".into()));
        let mut failure = failure("192.0.2.7")
            .with_line("it's <ip>")
            .with_line("plain");
        failure.captures = [user].into_iter().collect();
        let ban = ban_at(&mut tracker, &failure, 1000);
        let commands = action.ban(&ban, &tracker).unwrap();
        assert_eq!(
            commands[0].script(),
            "f2bV_matches=$0 f2bV_F_user=$1 \n\
             note '$f2bV_F_user' 192.0.2.7 $f2bV_matches $f2bV_matches"
        );
        assert_eq!(commands[0].arguments(), ["it's <ip>\nplain", "$(reboot)"]);
        assert_eq!(
            commands[0].to_string(),
            "sh -c 'f2bV_matches=$0 f2bV_F_user=$1 \n\
             note '\\''$f2bV_F_user'\\'' 192.0.2.7 $f2bV_matches $f2bV_matches' \
             'it'\\''s <ip>\nplain' '$(reboot)'"
        );
    }

    #[test]
    fn families_have_their_own_properties_and_are_started_on_demand() {
        let definition = "[Definition]\nactionstart = <tool> start <family>\n\
             actionban = <tool> <ip>\nactionunban = <tool> free <ip>\n\
             [Init]\ntool = four\n[Init?family=inet6]\ntool = six\n";
        let mut action = action("a", definition);
        let mut tracker = tracker();
        let now = Timestamp::from_whole_seconds(1000);
        assert_eq!(action.start("j", now).unwrap(), []);
        let mut ban = |action: &mut DryAction, id: &str| {
            let ban = ban_at(&mut tracker, &failure(id), 1000);
            let commands = action.ban(&ban, &tracker).unwrap();
            let unban = action.unban(&ban, &tracker).unwrap();
            (shown(&commands), unban.unwrap().to_string())
        };
        let (commands, unban) = ban(&mut action, "192.0.2.1");
        assert_eq!(
            commands,
            ["actionstart: four start inet4", "actionban: four 192.0.2.1"]
        );
        assert_eq!(unban, "four free 192.0.2.1");
        let (commands, _) = ban(&mut action, "192.0.2.2");
        assert_eq!(commands, ["actionban: four 192.0.2.2"]);
        let (commands, _) = ban(&mut action, "2001:db8::2");
        assert_eq!(
            commands,
            ["actionstart: six start inet6", "actionban: six 2001:db8::2"]
        );
    }

    #[test]
    fn without_families_the_start_comes_first_and_once() {
        let mut action = action("a", "[Definition]\nactionstart = begin <name>\n");
        let now = Timestamp::from_whole_seconds(1000);
        let commands = action.start("j", now).unwrap();
        assert_eq!(shown(&commands), ["actionstart: begin j"]);
        let mut tracker = tracker();
        let ban = ban_at(&mut tracker, &failure("192.0.2.1"), 1000);
        assert_eq!(action.ban(&ban, &tracker).unwrap(), []);
    }

    #[test]
    fn a_longer_ban_is_prolonged_afterwards() {
        let definition = "[Definition]\nactionban = <bantime> <bancount>\n\
             actionprolong = longer <bantime> <bancount>\n";
        let mut action = action("a", definition);
        let jail = Jail::builder("j").max_retry(1);
        let mut tracker = jail.increment(Some(Increment::new())).build().tracker();
        let first = ban_at(&mut tracker, &failure("192.0.2.1"), 1000);
        let commands = action.ban(&first, &tracker).unwrap();
        assert_eq!(shown(&commands), ["actionban: 600 1"]);
        let second = ban_at(&mut tracker, &failure("192.0.2.1"), 2000);
        let commands = action.ban(&second, &tracker).unwrap();
        assert_eq!(
            shown(&commands),
            ["actionban: 600 1", "actionprolong: longer 1200 2"]
        );
    }

    #[test]
    fn what_is_banned_may_differ_from_the_id() {
        let mut action = action("a", "[Definition]\nactionban = <ip> for <fid>, <family>\n");
        let mut tracker = tracker();
        let mut bob = failure("bob");
        let ip = Value::Address(FailureId::parse("192.0.2.1").unwrap());
        bob.captures = [("ip", ip)].into_iter().collect();
        let ban = ban_at(&mut tracker, &bob, 1000);
        let commands = action.ban(&ban, &tracker).unwrap();
        assert_eq!(shown(&commands), ["actionban: 192.0.2.1 for bob, inet4"]);
        let ban = ban_at(&mut tracker, &failure("eve"), 1000);
        let commands = action.ban(&ban, &tracker).unwrap();
        assert_eq!(shown(&commands), ["actionban: eve for eve, None"]);
    }

    #[test]
    fn err_tags_that_lead_back_to_themselves() {
        // Those that differ by family are not looked at before there is one.
        let definition = "[Definition]\nactionban = <tool> <ip>\n\
             [Init]\ntool = a\nother = b\n\
             [Init?family=inet4]\ntool = <other>\nother = <tool>\n";
        let mut action = action("a", definition);
        let mut tracker = tracker();
        let ban = ban_at(&mut tracker, &failure("192.0.2.1"), 1000);
        let error = action.ban(&ban, &tracker).unwrap_err();
        assert_eq!(error.code(), "tag-recursion");
        insta::assert_snapshot!(
            error,
            @"the tags of `actionban` lead back to themselves, so that no command can be filled in"
        );
        let ban = ban_at(&mut tracker, &failure("2001:db8::1"), 1000);
        let commands = action.ban(&ban, &tracker).unwrap();
        assert_eq!(shown(&commands), ["actionban: a 2001:db8::1"]);
    }

    #[test]
    fn tags_that_double_each_other_are_given_up() {
        let mut text = "[Definition]\nactionban = <x0>\n[Init]\nx0 = a\n".to_owned();
        text += "[Init?family=inet4]\n";
        for n in 0..40 {
            text += &format!("x{n} = <x{0}><x{0}>\n", n + 1);
        }
        let mut action = action("a", &(text + "x40 = aaaaaaaaaaaaaaaa\n"));
        let mut tracker = tracker();
        let ban = ban_at(&mut tracker, &failure("192.0.2.1"), 1000);
        let error = action.ban(&ban, &tracker).unwrap_err();
        assert_eq!(error.code(), "tag-recursion");
    }
}
