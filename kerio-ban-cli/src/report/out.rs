//! `--out`: one text for each failure, in the forms of fail2ban-regex.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::IpAddr;
use std::str::FromStr;

use kerio_ban_core::{FailureId, Hit, Mark, Timestamp, Value};

use super::{Event, Events, JudgedLine, PartialReport, Report};
use crate::python::{self, Optional};
use crate::words::Visible;

/// What is written for each failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// What it is counted under.
    Id,
    /// Its address, or else what it is counted under.
    Ip,
    /// Its lines.
    Msg,
    /// Id, time and everything captured, as a row of a Python list.
    Row,
    /// One capture.
    Word(String),
    /// Text with tags.
    Template(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Tag(Tag),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Id,
    Ip,
    Family,
    Time,
    /// The address backwards, as names in the DNS have it.
    Reverse,
    Matches,
    /// Each line by itself.
    Msg,
    Ticket,
    Capture(String),
    /// One that cannot be filled, with the reason.
    Refused(String),
}

impl Token {
    /// Reads a token of which a tag that cannot be filled is an error only
    /// when there is something to fill it for, of the kind
    /// [`io::ErrorKind::Unsupported`].
    pub(crate) fn lenient(text: &str) -> Token {
        Token::read(text, Ok).unwrap_or_else(|never: Infallible| match never {})
    }

    fn read<E>(text: &str, refused: impl Fn(Tag) -> Result<Tag, E>) -> Result<Token, E> {
        Ok(match text {
            "id" | "fid" => Token::Id,
            "ip" => Token::Ip,
            "msg" => Token::Msg,
            "row" => Token::Row,
            text if text.contains('<') => Token::Template(template(text, refused)?),
            word => Token::Word(word.to_owned()),
        })
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Token, String> {
        Token::read(text, |tag| match tag {
            Tag::Refused(reason) => Err(reason),
            tag => Ok(tag),
        })
    }
}

/// Cuts a text at its tags. Tags that nobody knows are text; `refused` decides
/// about those that cannot be filled.
fn template<E>(text: &str, refused: impl Fn(Tag) -> Result<Tag, E>) -> Result<Vec<Part>, E> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        plain.push_str(&rest[..open]);
        rest = &rest[open..];
        let close = rest[1..].find([' ', '<', '>']).map(|end| end + 1);
        let Some(close) = close.filter(|&close| close > 1 && rest[close..].starts_with('>')) else {
            plain.push('<');
            rest = &rest[1..];
            continue;
        };
        let (tag, after) = (&rest[1..close], &rest[close + 1..]);
        let tag = match tag {
            "fid" => Tag::Id,
            "ip" => Tag::Ip,
            "family" => Tag::Family,
            "time" => Tag::Time,
            "ip-rev" => Tag::Reverse,
            "matches" => Tag::Matches,
            "msg" => Tag::Msg,
            "raw-ticket" => Tag::Ticket,
            other => {
                if let Some(key) = other.strip_prefix("F-").filter(|key| is_key(key)) {
                    Tag::Capture(capture_name(key))
                } else {
                    let text = match constant(other) {
                        Ok(text) => text,
                        Err(reason) => {
                            flush(&mut plain, &mut parts);
                            parts.push(Part::Tag(refused(Tag::Refused(reason))?));
                            rest = after;
                            continue;
                        }
                    };
                    plain.push_str(text.unwrap_or(&rest[..=close]));
                    rest = after;
                    continue;
                }
            }
        };
        rest = after;
        flush(&mut plain, &mut parts);
        parts.push(Part::Tag(tag));
    }
    plain.push_str(rest);
    flush(&mut plain, &mut parts);
    Ok(parts)
}

fn flush(plain: &mut String, parts: &mut Vec<Part>) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain)));
    }
}

fn is_key(key: &str) -> bool {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_-".contains(c);
    !key.is_empty() && key.chars().all(allowed)
}

/// The name under which a capture is kept.
fn capture_name(key: &str) -> String {
    match key {
        "ID" => "fid".to_owned(),
        "PORT" => "fport".to_owned(),
        key => key.to_ascii_lowercase(),
    }
}

/// Tags that are the same for every failure. `None` if there is no such tag.
///
/// # Errors
/// For tags that have no meaning without a jail or without the network.
fn constant(tag: &str) -> Result<Option<&'static str>, String> {
    Ok(Some(match tag {
        "br" => "\n",
        "sp" => " ",
        // Nothing was counted yet, and nobody banned.
        "failures" | "bancount" | "restored" => "0",
        "bantime" | "ipmatches" | "ipjailmatches" | "ipfailures" | "ipjailfailures" => {
            return Err(format!("<{tag}> has a value only in a jail"));
        }
        tag if tag.starts_with("jail.") => {
            return Err(format!("<{tag}> has a value only in a jail"));
        }
        "ip-host" => return Err("<ip-host> is not supported: no address is looked up".to_owned()),
        "F-*" => return Err("<F-*> is not supported: use row, or name each <F-...>".to_owned()),
        _ => return Ok(None),
    }))
}

/// Writes a token for each failure, or for each line without one.
pub(crate) struct Out<W> {
    out: W,
    token: Token,
    invert: bool,
    /// What stands for the time of a failure that has none, where one is needed.
    now: Timestamp,
    /// Whether control characters are made visible.
    escape: bool,
}

impl<W: Write> Out<W> {
    pub(crate) fn new(out: W, token: Token, invert: bool, now: Timestamp, escape: bool) -> Out<W> {
        Out {
            out,
            token,
            invert,
            now,
            escape,
        }
    }

    fn line(&mut self, line: &JudgedLine<'_>) -> io::Result<()> {
        let hits = line.outcome.hits();
        let mut found = hits
            .iter()
            .filter(|hit| hit.mark() != Mark::NoFail)
            .peekable();
        if !self.invert {
            return found.try_for_each(|hit| self.finding(&Finding::Hit(hit)));
        }
        if found.peek().is_some() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(line.text);
        self.finding(&Finding::Other {
            text: &text,
            last_date: line.last_date,
        })
    }

    fn finding(&mut self, finding: &Finding<'_>) -> io::Result<()> {
        match &self.token {
            Token::Id => self.write(&finding.id()),
            Token::Ip => self.write(&finding.ip()),
            Token::Msg => finding
                .lines()
                .iter()
                .try_for_each(|line| write_line(&mut self.out, line, self.escape)),
            Token::Row => self.write(&finding.row()),
            Token::Word(word) => self.write(&Optional(finding.data(word)).to_string()),
            Token::Template(parts) => {
                if let Some(Part::Tag(Tag::Refused(reason))) = parts
                    .iter()
                    .find(|part| matches!(part, Part::Tag(Tag::Refused(_))))
                {
                    return Err(io::Error::new(io::ErrorKind::Unsupported, reason.as_str()));
                }
                let lines = finding.lines();
                // Several lines are not one text: each has its own output.
                let has_msg = parts.contains(&Part::Tag(Tag::Msg));
                let rows = if has_msg { &lines[..] } else { &[""] };
                rows.iter().try_for_each(|row| {
                    let text: String = parts
                        .iter()
                        .map(|part| match part {
                            Part::Text(text) => text.clone(),
                            Part::Tag(Tag::Msg) => (*row).to_owned(),
                            Part::Tag(tag) => finding.tag(tag, self.now).replace('\0', "\\x00"),
                        })
                        .collect();
                    write_line(&mut self.out, &text, self.escape)
                })
            }
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        write_line(&mut self.out, text, self.escape)
    }
}

fn write_line(out: &mut impl Write, text: &str, escape: bool) -> io::Result<()> {
    writeln!(out, "{}", Visible::new(text, escape))
}

impl<W: Write> Events for Out<W> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Line(line) => self.line(line),
            Event::End(_) => self.out.flush(),
            Event::Begin(_) | Event::Taken { .. } | Event::Trouble(_) => Ok(()),
        }
    }

    fn wants_missed(&self) -> bool {
        self.invert
    }
}

impl<W: Write> Report for Out<W> {
    fn part(&self) -> Box<dyn PartialReport> {
        Box::new(Out::new(
            Vec::new(),
            self.token.clone(),
            self.invert,
            self.now,
            self.escape,
        ))
    }

    fn add(&mut self, part: super::Part) -> io::Result<()> {
        part.write(&mut self.out)
    }
}

impl PartialReport for Out<Vec<u8>> {
    fn another(&self) -> Box<dyn PartialReport> {
        self.part()
    }

    fn end(self: Box<Self>) -> super::Part {
        super::Part::Bytes(self.out)
    }
}

/// What a token is filled from: a failure, or a line without one.
enum Finding<'a> {
    Hit(Hit<'a>),
    Other {
        text: &'a str,
        last_date: Option<Timestamp>,
    },
}

impl Finding<'_> {
    fn id(&self) -> String {
        match self {
            Finding::Hit(hit) => Optional(hit.id().map(python::id)).to_string(),
            Finding::Other { .. } => String::new(),
        }
    }

    fn ip(&self) -> String {
        match self {
            Finding::Hit(hit) => match hit.ip() {
                Some(ip) => ip.to_string(),
                None => self.id(),
            },
            Finding::Other { .. } => String::new(),
        }
    }

    fn time(&self) -> Option<Timestamp> {
        match self {
            Finding::Hit(hit) => hit.time(),
            Finding::Other { last_date, .. } => *last_date,
        }
    }

    fn lines(&self) -> Vec<&str> {
        match self {
            Finding::Hit(hit) => hit.matches().iter().map(|line| &**line).collect(),
            Finding::Other { text, .. } => vec![text],
        }
    }

    /// A value of fail2ban's dictionary. `None` for one that is not there, and
    /// for a group that took no part in the match.
    fn data(&self, key: &str) -> Option<String> {
        if key == "matches" {
            return Some(python::sequence(
                '[',
                self.lines().into_iter().map(Some),
                ']',
            ));
        }
        match self {
            Finding::Hit(hit) if key == "users" && hit.users().is_some() => users(hit),
            Finding::Hit(hit) => Some(match hit.captures().get(key)? {
                Value::Text(text) => text.as_ref().to_owned(),
                Value::Tuple(parts) => python::tuple(parts),
                Value::Address(ip) => ip.to_string(),
            }),
            Finding::Other { .. } => (key == "fid").then(String::new),
        }
    }

    fn tag(&self, tag: &Tag, now: Timestamp) -> String {
        match tag {
            Tag::Id => self.id(),
            Tag::Ip => self.ip(),
            Tag::Family => {
                let family = self.address().and_then(FailureId::family);
                Optional(family).to_string()
            }
            Tag::Time => self.time().unwrap_or(now).to_string(),
            Tag::Reverse => self
                .address()
                .and_then(FailureId::ip)
                .map(reverse)
                .unwrap_or_default(),
            Tag::Matches | Tag::Msg => self.lines().join("\n"),
            Tag::Ticket => format!(
                "BanTicket: ip={} time={} bantime=None bancount=0 #attempts=0 matches={}",
                self.id(),
                self.time().unwrap_or(now),
                python::sequence('[', self.lines().into_iter().map(Some), ']'),
            ),
            // Nothing is written with such a tag.
            Tag::Refused(_) => String::new(),
            Tag::Capture(name) if name == "failures" => "0".to_owned(),
            Tag::Capture(name) => self.data(name).unwrap_or_default(),
        }
    }

    fn address(&self) -> Option<&FailureId> {
        match self {
            Finding::Hit(hit) => hit.ip().or(hit.id()),
            Finding::Other { .. } => None,
        }
    }

    fn row(&self) -> String {
        let Finding::Hit(hit) = self else {
            let time = Optional(self.time());
            return format!("['',\t{time},\t{{'fid': ''}}],");
        };
        let id = Optional(hit.id().map(|id| match id.parts() {
            Some(parts) => python::tuple(parts),
            None => python::Text(&id.to_string()).to_string(),
        }));
        let mut data = Vec::new();
        for (name, value) in hit.captures().iter() {
            let value = match value {
                None if name == "users" => Optional(users(hit)).to_string(),
                None => "None".to_owned(),
                Some(Value::Text(text)) => python::Text(text).to_string(),
                Some(Value::Tuple(parts)) => python::tuple(parts),
                Some(Value::Address(ip)) => python::Text(&ip.to_string()).to_string(),
            };
            data.push(format!("{}: {value}", python::Text(name)));
        }
        let time = Optional(hit.time());
        format!("[{id},\t{time},\t{{{}}}],", data.join(", "))
    }
}

fn users(hit: &Hit<'_>) -> Option<String> {
    let users = hit.users()?.iter().map(|user| Some(&**user));
    Some(python::sequence('{', users, '}'))
}

/// The parts of an address backwards, each with a dot behind.
fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets();
            octets
                .iter()
                .rev()
                .map(|octet| format!("{octet}."))
                .collect()
        }
        IpAddr::V6(ip) => {
            let octets = ip.octets();
            let octets = octets.iter().rev();
            octets
                .map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_nobody_knows_are_text() {
        let token: Token = "<ip> <x> a<b <> <F-User>|<F-PORT><br>".parse().unwrap();
        let expected = [
            Part::Tag(Tag::Ip),
            Part::Text(" <x> a<b <> <F-User>|".to_owned()),
            Part::Tag(Tag::Capture("fport".to_owned())),
            Part::Text("\n".to_owned()),
        ];
        assert_eq!(token, Token::Template(expected.into()));
    }

    #[test]
    fn tags_without_a_value_are_refused() {
        for tag in ["<bantime>", "<jail.name>", "<ip-host>", "a <F-*>"] {
            assert!(tag.parse::<Token>().is_err(), "{tag}");
        }
    }

    #[test]
    fn addresses_backwards() {
        assert_eq!(reverse("192.0.2.1".parse().unwrap()), "1.2.0.192.");
        assert_eq!(
            reverse("2001:db8::1".parse().unwrap()),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
        );
    }
}
