//! What takes the place of real addresses and names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Remembers what became of what, so that the same becomes the same.
pub(super) struct Disguise {
    v4: BTreeMap<Ipv4Addr, Ipv4Addr>,
    v6: BTreeMap<Ipv6Addr, Ipv6Addr>,
    /// Addresses that a filter has found.
    addresses: BTreeSet<Ipv4Addr>,
    /// Users and hosts by their names, and what each becomes.
    names: BTreeMap<Vec<u8>, String>,
    domains: BTreeMap<Vec<u8>, String>,
    /// Labels in front of domains.
    labels: BTreeMap<Vec<u8>, String>,
    /// Words that stay, whoever is called so.
    words: BTreeSet<Vec<u8>>,
    /// Everything that occurs in the logs and could be taken for invented.
    taken: BTreeSet<Vec<u8>>,
    /// Finds all names. `None` while names are added.
    finder: Option<Regex>,
    numbers: Numbers,
}

/// How much has been invented of each kind.
#[derive(Default)]
struct Numbers {
    v4: usize,
    v6: u32,
    users: usize,
    hosts: usize,
    domains: usize,
}

/// The networks that are set aside for documentation (RFC 5737), by their
/// first three octets.
const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// Addresses of one of these networks.
const HOSTS: usize = 254;

/// The domains that everybody knows to be examples (RFC 2606).
const EXAMPLES: [&str; 3] = ["example.com", "example.net", "example.org"];

/// Names of users that belong to nobody, and words of annotations.
const NOBODY: &str = "root admin administrator nobody anonymous guest test user users info \
    postmaster webmaster hostmaster abuse noreply daemon mail www www-data ftp ssh sshd git \
    mysql postgres oracle nginx apache backup bin sys operator support sales \
    failJSON filterOptions fileOptions addFILE match time host desc constraint attempts \
    true false null opts get localhost unknown none invalid failed from for the and";

/// Ends of names of hosts. Countries have two letters; those that are also
/// ends of files are not taken for countries.
const ENDS: &str = "com net org edu gov mil int info biz name pro eu local lan internal corp home \
    intranet localdomain arpa io dev app cloud online site xyz top";
const FILES: &str = "py sh so rb js md gz cc ps pm rs ts cs go db bz ai in is no do id to at it";

static MAIL: LazyLock<Regex> =
    LazyLock::new(|| constant(r"(?-u)([\w.+\-\x80-\xff]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)"));
static V4: LazyLock<Regex> = LazyLock::new(|| constant(r"(?-u)\d{1,3}(?:\.\d{1,3}){3}"));
static V6: LazyLock<Regex> = LazyLock::new(|| constant(r"(?-u)[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"));
static HOST: LazyLock<Regex> =
    LazyLock::new(|| constant(r"(?-u)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.([A-Za-z]{2,12})"));
/// The host that syslog puts after its date.
static SENDER: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"(?x-u)^ (?:<\d+>\d?\ ?)?
          (?: [A-Z][a-z]{2}\ [\ \d]\d\ (?:\d{4}\ )?\d\d:\d\d:\d\d
            | \d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)? )
          \ ([A-Za-z0-9-]+) \ [\w./-]+(?:\[\d+\])?(?::|\ )",
    )
});
static WORD: LazyLock<Regex> = LazyLock::new(|| constant(r"(?-u)[A-Za-z][A-Za-z0-9_-]*"));

fn constant(expression: &str) -> Regex {
    Regex::new(expression).expect("a constant, and covered by the tests")
}

impl Disguise {
    /// Nothing that occurs in these logs will be invented.
    pub(super) fn new<'l>(logs: impl Iterator<Item = &'l [u8]>) -> Disguise {
        let mut taken = BTreeSet::new();
        for log in logs {
            for expression in [&*V4, &*V6, &*HOST, &*WORD] {
                let found = expression.find_iter(log);
                taken.extend(found.map(|found| found.as_bytes().to_ascii_lowercase()));
            }
        }
        Disguise {
            v4: BTreeMap::new(),
            v6: BTreeMap::new(),
            addresses: BTreeSet::new(),
            names: BTreeMap::new(),
            domains: BTreeMap::new(),
            labels: BTreeMap::new(),
            words: NOBODY
                .split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            taken,
            finder: None,
            numbers: Numbers::default(),
        }
    }

    /// Leaves the words of an expression as they are.
    pub(super) fn keep_words(&mut self, expression: &str) {
        let words = WORD.find_iter(expression.as_bytes());
        self.words
            .extend(words.map(|word| word.as_bytes().to_vec()));
    }

    /// Replaces a user's name wherever it stands by itself.
    pub(super) fn add_name(&mut self, name: &str) {
        // A mail address is one of its own.
        let name = name.split('@').next().unwrap_or_default();
        let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        // Somebody may call himself `invalid user`.
        let mut words = WORD.find_iter(name.as_bytes()).peekable();
        let is_one = name.contains(char::is_whitespace) && words.peek().is_some();
        if !(is_one && words.all(|word| self.words.contains(word.as_bytes()))) {
            self.user(name.as_bytes());
        }
    }

    /// Replaces an address wherever it stands.
    pub(super) fn add_address(&mut self, text: &str) {
        self.addresses.extend(text.parse::<Ipv4Addr>());
    }

    /// Finds names in a log: those before an `@`, and hosts that syslog names.
    pub(super) fn learn(&mut self, log: &[u8]) {
        for line in log.split(|&byte| byte == b'\n') {
            for found in MAIL.captures_iter(line) {
                self.user(&found[1]);
            }
            if let Some(found) = SENDER.captures(line) {
                self.sender(&found[1]);
            }
        }
    }

    /// How many different things have been replaced.
    pub(super) fn replaced(&self) -> usize {
        self.v4.len() + self.v6.len() + self.names.len() + self.domains.len()
    }

    /// Whether there were more addresses than there are to take their place.
    pub(super) fn shared(&self) -> bool {
        self.numbers.v4 > NETWORKS.len() * HOSTS
    }

    /// A line, or any other text, in disguise.
    pub(super) fn line(&mut self, line: &[u8]) -> Vec<u8> {
        let mut edits: BTreeMap<usize, (usize, Vec<u8>)> = BTreeMap::new();
        let mut add = |range: Range<usize>, text: Vec<u8>| {
            // What was found first stays.
            let before = edits.range(..range.end).next_back();
            if before.is_none_or(|(_, (end, _))| *end <= range.start) {
                edits.insert(range.start, (range.end, text));
            }
        };
        for found in MAIL.captures_iter(line) {
            let (Some(user), Some(domain)) = (found.get(1), found.get(2)) else {
                continue;
            };
            let user = self.user(user.as_bytes());
            let domain = self.domain(domain.as_bytes());
            add(
                found.get_match().range(),
                [&user[..], b"@", &domain].concat(),
            );
        }
        for found in V6.find_iter(line) {
            let mut range = found.range();
            range.end -= trailing(found.as_bytes());
            // The first colon of `IPv6:2001:db8::1` is none of the address.
            if let Some(colon) = line[range.clone()].iter().position(|&byte| byte == b':')
                && is_inside_word(line, range.start)
            {
                range.start += colon + 1;
            }
            if stands_alone(line, &range)
                && let Some(address) = self.v6(&line[range.clone()])
            {
                add(range, address);
            }
        }
        for found in V4.find_iter(line) {
            let Some(address) = parse::<Ipv4Addr>(found.as_bytes()) else {
                continue;
            };
            // Known ones may be followed by a port: 192.0.2.1.80.
            if self.addresses.contains(&address) || is_v4(line, &found.range()) {
                add(found.range(), self.v4(address).to_string().into_bytes());
            }
        }
        for found in HOST.find_iter(line) {
            let range = found.range();
            let in_path =
                line[..range.start].ends_with(b"/") && !line[..range.start].ends_with(b"//");
            if !in_path && stands_alone(line, &range) && has_domain(found.as_bytes()) {
                add(range, self.domain(found.as_bytes()));
            }
        }
        let names = &self.names;
        let finder = self.finder.get_or_insert_with(|| finder(names));
        for found in finder.find_iter(line) {
            if stands_alone(line, &found.range())
                && let Some(name) = names.get(found.as_bytes())
            {
                add(found.range(), name.clone().into_bytes());
            }
        }
        let mut out = Vec::with_capacity(line.len());
        let mut rest = 0;
        for (start, (end, text)) in edits {
            out.extend_from_slice(&line[rest..start]);
            out.extend(text);
            rest = end;
        }
        out.extend_from_slice(&line[rest..]);
        out
    }

    fn v4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        let [first, second, third, _] = address.octets();
        let known = NETWORKS.contains(&[first, second, third]);
        if known || matches!(first, 0 | 127 | 255) {
            return address;
        }
        if let Some(known) = self.v4.get(&address) {
            return *known;
        }
        let invented = loop {
            let number = self.numbers.v4;
            self.numbers.v4 += 1;
            let [a, b, c] = NETWORKS[number / HOSTS % NETWORKS.len()];
            let last = u8::try_from(number % HOSTS + 1).unwrap_or(1);
            let invented = Ipv4Addr::new(a, b, c, last);
            if self.shared() || !self.taken.contains(invented.to_string().as_bytes()) {
                break invented;
            }
        };
        self.v4.insert(address, invented);
        invented
    }

    /// `None` if it is no address, or one that stays.
    fn v6(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let address: Ipv6Addr = parse(text)?;
        if let Some(inner) = address.to_ipv4_mapped() {
            let inner = self.v4(inner);
            return Some(format!("::ffff:{inner}").into_bytes());
        }
        let segments = address.segments();
        let known = segments[..2] == [0x2001, 0xdb8] || segments[0] == 0x3fff;
        if known || address.is_loopback() || address.is_unspecified() {
            return None;
        }
        if !self.v6.contains_key(&address) {
            let invented = loop {
                self.numbers.v6 += 1;
                let bits = 0x2001_0db8_u128 << 96 | u128::from(self.numbers.v6);
                let invented = Ipv6Addr::from_bits(bits);
                if !self.taken.contains(invented.to_string().as_bytes()) {
                    break invented;
                }
            };
            self.v6.insert(address, invented);
        }
        self.v6
            .get(&address)
            .map(|address| address.to_string().into_bytes())
    }

    /// What becomes of a user, who is known from here on.
    fn user(&mut self, name: &[u8]) -> Vec<u8> {
        let digits = name.iter().all(u8::is_ascii_digit);
        let stays = digits || name.len() < 3 || self.words.contains(name);
        if stays || parse::<Ipv4Addr>(name).is_some() || parse::<Ipv6Addr>(name).is_some() {
            return name.to_vec();
        }
        if !self.names.contains_key(name) {
            let invented = invent(&self.taken, &mut self.numbers.users, |number| {
                format!("user{number}")
            });
            self.names.insert(name.to_vec(), invented);
            self.finder = None;
        }
        self.names[name].clone().into_bytes()
    }

    /// Replaces the name of a host wherever it stands by itself.
    fn sender(&mut self, name: &[u8]) {
        let stays = name.len() < 3 || self.words.contains(name) || self.names.contains_key(name);
        if !stays && name.iter().any(u8::is_ascii_alphabetic) {
            let invented = self.host();
            self.names.insert(name.to_vec(), invented);
            self.finder = None;
        }
    }

    fn host(&mut self) -> String {
        invent(&self.taken, &mut self.numbers.hosts, |number| {
            format!("host{number}")
        })
    }

    /// What becomes of a domain, or of a host in one.
    fn domain(&mut self, name: &[u8]) -> Vec<u8> {
        let lower = name.to_ascii_lowercase();
        let labels: Vec<&[u8]> = lower.split(|&byte| byte == b'.').collect();
        // An expression that has all its words may want it as it is.
        let wanted = labels.len() > 1 && labels.iter().all(|label| self.words.contains(*label));
        if wanted || is_example(&lower) || labels == [b"localhost"] {
            return name.to_vec();
        }
        if let [label] = labels[..] {
            self.sender(label);
            let known = self.names.get(label).cloned();
            return known.map_or_else(|| name.to_vec(), String::into_bytes);
        }
        let own = if is_second_level(&labels) { 3 } else { 2 };
        let at = labels.len().saturating_sub(own);
        let base = labels[at..].join(&b'.');
        if !self.domains.contains_key(&base) {
            let invented = invent(&self.taken, &mut self.numbers.domains, |number| {
                let known = EXAMPLES.get(number - 1).map(|known| (*known).to_owned());
                known.unwrap_or_else(|| format!("domain{number}.example"))
            });
            self.domains.insert(base.clone(), invented);
        }
        let base = self.domains[&base].clone();
        if at == 0 {
            return base.into_bytes();
        }
        let labels = labels[..at].iter().map(|label| self.label(label));
        let host = labels.collect::<Vec<String>>().join(".");
        format!("{host}.{base}").into_bytes()
    }

    /// What becomes of a part of a host's name. Those of expressions, and those
    /// that say what the host is for, stay.
    fn label(&mut self, label: &[u8]) -> String {
        if self.words.contains(label) {
            return String::from_utf8_lossy(label).into_owned();
        }
        if let Some(known) = self.labels.get(label) {
            return known.clone();
        }
        let invented = self.host();
        self.labels.insert(label.to_vec(), invented.clone());
        invented
    }
}

/// The next name that does not occur in the logs.
fn invent(taken: &BTreeSet<Vec<u8>>, number: &mut usize, name: impl Fn(usize) -> String) -> String {
    loop {
        *number += 1;
        let invented = name(*number);
        if !taken.contains(invented.as_bytes()) {
            return invented;
        }
    }
}

/// Finds all names, the longest first.
fn finder(names: &BTreeMap<Vec<u8>, String>) -> Regex {
    let mut all: Vec<&Vec<u8>> = names.keys().collect();
    all.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let escape =
        |name: &&Vec<u8>| -> String { name.iter().map(|byte| format!(r"\x{byte:02x}")).collect() };
    let all: Vec<String> = all.iter().map(escape).collect();
    // Without any name, nothing is found.
    let all = if all.is_empty() {
        r"[^\x00-\xff]".to_owned()
    } else {
        all.join("|")
    };
    Regex::new(&format!("(?-u){all}")).unwrap_or_else(|_| constant(r"(?-u)[^\x00-\xff]"))
}

fn parse<A: std::str::FromStr>(text: &[u8]) -> Option<A> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// How many characters at the end belong to the sentence, not to the address.
fn trailing(text: &[u8]) -> usize {
    let double = text.ends_with(b"::") && !text.ends_with(b":::");
    let punctuation = text
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b'.' | b':'));
    if double { 0 } else { punctuation.count() }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether no letter or digit touches it.
fn stands_alone(line: &[u8], range: &Range<usize>) -> bool {
    let after = line.get(range.end).copied();
    !is_inside_word(line, range.start) && !after.is_some_and(is_word)
}

fn is_inside_word(line: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| is_word(line[before]))
}

/// Whether four numbers are no part of a longer row of numbers.
fn is_v4(line: &[u8], range: &Range<usize>) -> bool {
    let (before, after) = (&line[..range.start], &line[range.end..]);
    let more_before = matches!(before, [.., digit, b'.'] if digit.is_ascii_digit());
    let more_after = matches!(after, [b'.', digit, ..] if digit.is_ascii_digit());
    stands_alone(line, range) && !more_before && !more_after
}

/// Whether a name with dots in it ends like a domain.
fn has_domain(name: &[u8]) -> bool {
    let end = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let end = String::from_utf8_lossy(end).to_ascii_lowercase();
    let listed = |list: &str| list.split_ascii_whitespace().any(|known| known == end);
    listed(ENDS) || end.len() == 2 && !listed(FILES)
}

fn is_example(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    let within = |domain: &str| {
        name.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    EXAMPLES.iter().any(|domain| within(domain))
        || ["example", "test", "invalid", "localdomain"]
            .iter()
            .any(|domain| within(domain))
}

/// `co.uk` and the like, below which domains are.
fn is_second_level(labels: &[&[u8]]) -> bool {
    let [.., second, last] = labels else {
        return false;
    };
    let general: [&[u8]; 8] = [b"co", b"com", b"net", b"org", b"ac", b"gov", b"edu", b"ne"];
    labels.len() > 2 && last.len() == 2 && general.contains(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disguised(text: &str) -> String {
        let mut disguise = Disguise::new([text.as_bytes()].into_iter());
        disguise.learn(text.as_bytes());
        let lines = text.split_inclusive('\n');
        let lines = lines.flat_map(|line| disguise.line(line.as_bytes()));
        String::from_utf8(lines.collect()).unwrap()
    }

    #[test]
    fn addresses_become_those_for_documentation() {
        for (text, expected) in [
            (
                "from 10.9.8.7, 10.9.8.8:22. 10.9.8.7",
                "from 192.0.2.1, 192.0.2.2:22. 192.0.2.1",
            ),
            (
                "[10.9.8.7] 10.9.8.7/24 ip=10.9.8.7;",
                "[192.0.2.1] 192.0.2.1/24 ip=192.0.2.1;",
            ),
            (
                "192.0.2.1 10.9.8.7 127.0.0.1 0.0.0.0",
                "192.0.2.1 192.0.2.2 127.0.0.1 0.0.0.0",
            ),
            (
                "1.3.6.1.4 v1.2.3.4 999.1.1.1 1.2.3",
                "1.3.6.1.4 v1.2.3.4 999.1.1.1 1.2.3",
            ),
            ("fd00:145::1 FD00:145:0::1: x", "2001:db8::1 2001:db8::1: x"),
            ("[fd00::1]:25 fd00::2.", "[2001:db8::1]:25 2001:db8::2."),
            (
                "2001:db8::1 fd00::1 ::1 ::",
                "2001:db8::1 2001:db8::2 ::1 ::",
            ),
            ("::ffff:10.9.8.7 10.9.8.7", "::ffff:192.0.2.1 192.0.2.1"),
            (
                "17:00:45 aa:bb:cc:dd:ee:ff std::ab",
                "17:00:45 aa:bb:cc:dd:ee:ff std::ab",
            ),
            ("10.9.8.7:17:00", "192.0.2.1:17:00"),
        ] {
            assert_eq!(disguised(text), expected, "{text}");
        }
    }

    #[test]
    fn names_become_invented_ones() {
        for (text, expected) in [
            (
                "<jane@firm.zz> jane x@firm.zz",
                "<user1@example.com> user1 x@example.com",
            ),
            (
                "info@mail.firm.co.zz, firm.co.zz",
                "info@mail.example.com, example.com",
            ),
            (
                "a@b.example jane@example.com",
                "a@b.example user1@example.com",
            ),
            (
                "user1 jane@a.zz jim@b.zz",
                "user1 user2@example.com user3@example.net",
            ),
            (
                "rhost=1-2.dsl.isp.lan /etc/x.com",
                "rhost=host1.host2.example.com /etc/x.com",
            ),
            (
                "Jun 17 17:00:45 mx sshd[1]: x\nJun 17 17:00:45 zeus sshd[1]: at zeus, zeusx",
                "Jun 17 17:00:45 mx sshd[1]: x\nJun 17 17:00:45 host1 sshd[1]: at host1, zeusx",
            ),
            (
                "2025-06-17T17:00:45.1+02:00 zeus app: y",
                "2025-06-17T17:00:45.1+02:00 host1 app: y",
            ),
            (
                "login.php sshd.service x.so.1",
                "login.php sshd.service x.so.1",
            ),
        ] {
            assert_eq!(disguised(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_text_stays() {
        let mut disguise = Disguise::new(std::iter::empty());
        disguise.learn(b"m\xfcller@firm.zz");
        let line = b"\xef\xbb\xbf\xff m\xfcller m\xfcller@firm.zz \xc3\r\n";
        let expected = b"\xef\xbb\xbf\xff user1 user1@example.com \xc3\r\n";
        assert_eq!(disguise.line(line), expected);
    }

    #[test]
    fn addresses_are_shared_only_if_they_run_out() {
        let mut disguise = Disguise::new(std::iter::empty());
        let mut seen = BTreeSet::new();
        for number in 0..762_u32 {
            let address = Ipv4Addr::from_bits(0x0a00_0000 + number);
            assert!(seen.insert(disguise.v4(address)), "{address}");
        }
        assert!(!disguise.shared());
        let again = disguise.v4(Ipv4Addr::new(10, 9, 8, 7));
        assert!(seen.contains(&again) && disguise.shared());
    }

    #[test]
    fn words_of_rules_are_nobody() {
        let mut disguise = Disguise::new(std::iter::empty());
        disguise.keep_words("^bad password for <F-USER>.+</F-USER> from <ADDR>$");
        for name in ["password", "from", "root", "jo", "4711", "10.0.0.1"] {
            disguise.add_name(name);
        }
        assert_eq!(disguise.line(b"password from root"), b"password from root");
        assert_eq!(disguise.replaced(), 0);
    }
}
