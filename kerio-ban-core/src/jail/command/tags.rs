//! The tags that an action's own properties fill in.

use std::collections::BTreeMap;

use crate::error::{Detail, Error, ErrorKind};
use crate::filter::Family;

/// How often one tag may be replaced within another, and a command as a whole.
const MAX_ROUNDS: usize = 25;

/// The longest text that may come of it. Properties that double each other
/// would fill the memory otherwise.
const MAX_LENGTH: usize = 1 << 20;

/// The commands that every action has, empty if it does not set them.
const COMMANDS: [&str; 9] = [
    "actionstart",
    "actionban",
    "actionreban",
    "actionunban",
    "actioncheck",
    "actionrepair",
    "actionflush",
    "actionstop",
    "actionreload",
];

/// Tags that only a ban can fill in, whatever the properties say.
const OF_BANS: [&str; 3] = ["matches", "ipmatches", "ipjailmatches"];

/// An action's properties by name.
#[derive(Clone, Debug)]
pub(super) struct Properties(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Properties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(properties: I) -> Properties {
        // The ban time belongs to the ban.
        let own = properties.into_iter().filter(|(name, _)| name != "bantime");
        let unset = COMMANDS.map(|name| (name.to_owned(), String::new()));
        let mut all = BTreeMap::from(unset);
        all.insert("timeout".to_owned(), "60".to_owned());
        all.extend(own);
        Properties(all)
    }
}

impl Properties {
    /// Whether the action is started by the first ban of each family. If it
    /// does not say so itself, that is so if a property differs by family.
    pub(super) fn starts_on_demand(&self) -> bool {
        match self.0.get("actionstart_on_demand") {
            Some(flag) => flag == "True",
            None => self.differs_by_family(),
        }
    }

    /// The families that are started apart from each other.
    pub(super) fn families(&self) -> Vec<Option<Family>> {
        if self.differs_by_family() {
            vec![Some(Family::Inet4), Some(Family::Inet6)]
        } else {
            vec![None]
        }
    }

    /// Whether there is no such property, or nothing in it.
    pub(super) fn is_blank(&self, name: &str) -> bool {
        self.0.get(name).is_none_or(|text| text.trim().is_empty())
    }

    fn differs_by_family(&self) -> bool {
        let conditional = |name: &String| {
            let (base, condition) = name.split_once('?')?;
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let named = !base.is_empty() && base.chars().all(word);
            (named && condition.starts_with("family=")).then_some(())
        };
        self.0.keys().any(|name| conditional(name).is_some())
    }

    /// A command with all tags that the properties fill in.
    ///
    /// # Errors
    /// `tag-recursion`.
    pub(super) fn fill(&self, option: &str, family: Option<Family>) -> Result<String, Error> {
        let resolved = self.resolved(family)?;
        let mut text = format!("<{option}>");
        for _ in 0..=MAX_ROUNDS {
            let value = substitute_once(&text, |name| {
                let value = lookup(&resolved, name, family);
                value.cloned().or_else(|| match name {
                    "br" => Some("\n".to_owned()),
                    "sp" => Some(" ".to_owned()),
                    _ => None,
                })
            });
            if value.len() > MAX_LENGTH {
                break;
            }
            if value == text || !value.contains('<') {
                return Ok(value);
            }
            text = value;
        }
        Err(recursion(option))
    }

    /// The properties with each other filled in.
    fn resolved(&self, family: Option<Family>) -> Result<BTreeMap<String, String>, Error> {
        let mut properties = self.0.clone();
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        loop {
            let mut again = false;
            let names: Vec<String> = properties.keys().cloned().collect();
            for name in names {
                if OF_BANS.contains(&name.as_str()) {
                    continue;
                }
                let original = properties[&name].clone();
                let mut value = original.clone();
                let mut from = 0;
                while let Some((start, end)) = find(&value, from) {
                    let tag = value[start + 1..end - 1].to_owned();
                    if OF_BANS.contains(&tag.as_str()) {
                        from = end;
                        continue;
                    }
                    let count = counts.entry((name.clone(), tag.clone())).or_insert(0);
                    if tag == name || *count >= MAX_ROUNDS {
                        return Err(recursion(&name));
                    }
                    let Some(replacement) = lookup(&properties, &tag, family) else {
                        from = end;
                        continue;
                    };
                    *count += 1;
                    value = value.replace(&format!("<{tag}>"), replacement);
                    if value.len() > MAX_LENGTH {
                        return Err(recursion(&name));
                    }
                    from = start;
                }
                if value != original {
                    again |= find(&value, 0).is_some();
                    properties.insert(name, value);
                }
            }
            if !again {
                return Ok(properties);
            }
        }
    }
}

/// The property for a family, else the one for all.
fn lookup<'p>(
    properties: &'p BTreeMap<String, String>,
    name: &str,
    family: Option<Family>,
) -> Option<&'p String> {
    family
        .and_then(|family| properties.get(&format!("{name}?family={family}")))
        .or_else(|| properties.get(name))
}

/// The next tag from a place on: `<`, something without blanks and angle
/// brackets, `>`.
fn find(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut open = None;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            b'<' => open = Some(at),
            b' ' => open = None,
            b'>' => match open {
                Some(start) if start + 1 < at => return Some((start, at + 1)),
                _ => open = None,
            },
            _ => {}
        }
    }
    None
}

/// Replaces each tag for which there is a value; values are not looked at
/// again.
pub(super) fn substitute_once(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    while let Some((start, end)) = find(text, done) {
        out.push_str(&text[done..start]);
        match value(&text[start + 1..end - 1]) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&text[start..end]),
        }
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

/// Replaces `<F-NAME>` by what `group` says of the name that the group has in
/// an expression.
pub(super) fn substitute_groups(text: &str, mut group: impl FnMut(&str) -> String) -> String {
    substitute_once(text, |tag| {
        let name = tag.strip_prefix("F-")?;
        let allowed = |byte: u8| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        };
        if name.is_empty() || !name.bytes().all(allowed) {
            return None;
        }
        let name = name.to_lowercase();
        Some(group(match name.as_str() {
            "id" => "fid",
            "port" => "fport",
            name => name,
        }))
    })
}

fn recursion(property: &str) -> Error {
    Error::new(Problem(property.to_owned()))
}

#[derive(Debug, thiserror::Error)]
#[error("the tags of `{0}` lead back to themselves, so that no command can be filled in")]
struct Problem(String);

impl Detail for Problem {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Reference
    }

    fn code(&self) -> &'static str {
        "tag-recursion"
    }
}
