//! Logs for filters: lines that match, lines that nearly do, and lines meant
//! to confuse.

use std::path::{Path, PathBuf};

use crate::random::Random;
use crate::subject::Subject;
use crate::synthesize::Writer;

/// One comparison: a log, and how it is read.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) config: PathBuf,
    pub(crate) regex: String,
    pub(crate) ignoreregex: Option<String>,
    /// Options with their values.
    pub(crate) options: Vec<Vec<String>>,
    pub(crate) zone: &'static str,
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) line_end: &'static [u8],
    /// Whether the last line has an end.
    pub(crate) finished: bool,
}

impl Case {
    /// The log as it is written to a file.
    pub(crate) fn log(&self) -> Vec<u8> {
        let mut log = self.lines.join(self.line_end);
        if self.finished {
            log.extend_from_slice(self.line_end);
        }
        log
    }

    /// The words behind the name of the program.
    pub(crate) fn words(&self, log: &Path, rows: bool) -> Vec<Vec<u8>> {
        use std::os::unix::ffi::OsStrExt;
        let mut words = vec![b"-c".to_vec(), self.config.as_os_str().as_bytes().to_vec()];
        for option in self
            .options
            .iter()
            .filter(|option| !rows || is_reading(option))
        {
            words.extend(option.iter().map(|word| word.as_bytes().to_vec()));
        }
        if rows {
            words.extend([b"-o".to_vec(), b"row".to_vec()]);
        }
        words.push(log.as_os_str().as_bytes().to_vec());
        words.push(self.regex.as_bytes().to_vec());
        words.extend(
            self.ignoreregex
                .as_ref()
                .map(|text| text.as_bytes().to_vec()),
        );
        words
    }
}

/// Whether an option says how a log is read, not what is printed.
fn is_reading(option: &[String]) -> bool {
    ["-L", "-d", "--TZ", "--usedns", "-r", "-e"].contains(&option[0].as_str())
}

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Zurich",
    "America/New_York",
    "Asia/Kolkata",
    "CET-1CEST,M3.5.0,M10.5.0/3",
];

/// What is put into lines that are to be misread.
const INJECTIONS: &[&[u8]] = &[
    b"\xff",
    b"\xfe\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\0",
    b"\x1b[31m",
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b" ",
    b"  ",
    b"\t",
    b"\r",
    b"'",
    b"\"",
    b"<HOST>",
    b"192.0.2.77",
    b"::1",
    b"2001:db8::1",
    b"::ffff:192.0.2.3",
    b"256.1.1.1",
    b"[192.0.2.1]",
    b"host.example",
    b" from ",
    b" user ",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b"Jan 23 21:59:59",
    b"2005-01-23 21:59:59",
    b"[17/Jun/2025 17:00:45]",
    b"1106513999",
    b"PDT ",
    b"foo ",
    b"#",
    b"%",
    b"\\n",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
    b"<br>",
    b"\xd9\xa1",
    b"@4000000041f4104f00000000",
];

/// Dates that are none, or not quite.
const ODD_DATES: &[&str] = &[
    "Feb 30 11:11:11",
    "Feb 29 11:11:11",
    "2005-02-29 11:11:11",
    "2004-13-01 11:11:11",
    "2005-06-31T25:61:61",
    "Mar 27 02:30:00 2005",
    "2005-10-30 02:30:00",
    "1969-12-31 23:59:59",
    "2040-01-01 00:00:00",
    "2005-01-23T21:59:59.981746Z",
    "2005-01-23 21:59:59 +0530",
    "23/Jan/2005:21:59:59 -0330",
    "050123 21:59:59",
    "Jan 23, 2005 9:59:59 PM",
    "12:59:59",
    "1106513999.123",
    "<01/23/05@21:59:59>",
    "XYZ Jan 23 21:59:59",
    "sun Jan 23 21:59:59 2005",
];

/// What stands before the date of all lines of a log.
const LEADS: &[&str] = &["x: ", "10 ", "<134>", "a b [", "é "];

/// What may follow a date that another line has, too.
const DATE_ENDS: &[&str] = &["", "", "", "", ".5", " +0200", "Z", " 2005", " -0330 "];

/// Who is at the other end of connections.
const USERS: &[&str] = &["root", "root", "admin", "admin", "alice"];

/// What the lines of a log have in common.
struct Habits {
    lead: &'static str,
    /// The connections that lines may belong to: their ids, as the filter writes
    /// them. They take turns.
    connections: Vec<String>,
    /// How many connections there are at most; 0 for a filter without any.
    most: usize,
    /// The last date.
    date: String,
}

/// Makes cases from one seed.
pub(crate) struct Generator<'s> {
    random: Random,
    subjects: &'s [Subject],
}

impl<'s> Generator<'s> {
    pub(crate) fn new(seed: u64, subjects: &'s [Subject]) -> Generator<'s> {
        Generator {
            random: Random::new(seed),
            subjects,
        }
    }

    pub(crate) fn case(&mut self) -> Case {
        let subject = self.subject();
        let connected = subject.has_connections();
        let with_lead = if subject.is_expression { 50 } else { 5 };
        let count = if connected {
            self.random.choose(&[5, 10, 10, 30])
        } else {
            self.random.choose(&[1, 2, 5, 10, 30])
        };
        let misread = if connected { 15 } else { 45 };
        let mut habits = Habits {
            lead: if self.random.percent(with_lead) {
                self.random.choose(LEADS)
            } else {
                ""
            },
            connections: Vec::new(),
            most: if connected {
                1 + self.random.below(3)
            } else {
                0
            },
            date: String::new(),
        };
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for _ in 0..count {
            let line = match self.random.below(10) {
                0 if !lines.is_empty() => lines[self.random.below(lines.len())].clone(),
                1 | 2 if !subject.samples.is_empty() => self.random.pick(&subject.samples).clone(),
                _ => self.line(subject, &mut habits),
            };
            let mut line = if self.random.percent(misread) {
                self.misread(line)
            } else {
                line
            };
            line.retain(|&byte| byte != b'\n');
            lines.push(line);
            match self.random.below(40) {
                0 => lines.push(Vec::new()),
                1 => lines.push(b"# a comment".to_vec()),
                2 => lines.push(b"  ".to_vec()),
                _ => {}
            }
        }
        Case {
            config: subject.config.clone(),
            regex: self.random.pick(&subject.typed).clone(),
            ignoreregex: self.random.percent(15).then(|| {
                let texts = [
                    r"192\.0",
                    "user",
                    r"^\S+$",
                    "<HOST>$",
                    r"\d\d$",
                    "from (?=1)",
                ];
                (self.random.choose(&texts)).to_owned()
            }),
            options: self.options(),
            zone: self.random.choose(ZONES),
            lines,
            line_end: if self.random.percent(10) {
                b"\r\n"
            } else {
                b"\n"
            },
            finished: self.random.percent(90),
        }
    }

    /// A filter or expression. Of two kinds there are few, and there is much that
    /// can go wrong.
    fn subject(&mut self) -> &'s Subject {
        let of_kind = match self.random.below(100) {
            0..12 => |subject: &Subject| subject.is_expression,
            12..24 => |subject: &Subject| subject.is_expression && subject.has_connections(),
            24..36 => Subject::has_connections,
            _ => |_: &Subject| true,
        };
        let kind: Vec<&Subject> = self.subjects.iter().filter(|one| of_kind(one)).collect();
        match kind[..] {
            [] => self.random.pick(self.subjects),
            _ => self.random.choose(&kind),
        }
    }

    /// A line that the filter is made for.
    fn line(&mut self, subject: &Subject, habits: &mut Habits) -> Vec<u8> {
        let rules = if !subject.ignore.is_empty() && self.random.percent(15) {
            &subject.ignore
        } else {
            &subject.rules
        };
        let rule = self.random.pick(rules).clone();
        let date = match self.random.below(12) {
            0 => String::new(),
            1 => self.random.choose(ODD_DATES).to_owned(),
            // Where the last date was decides where the next is looked for.
            2..5 if !habits.date.is_empty() => {
                let end = self.random.choose(DATE_ENDS);
                format!("{}{end}", habits.date)
            }
            2..11 if habits.most > 0 && !habits.date.is_empty() => habits.date.clone(),
            _ => {
                let date = self.random.pick(&subject.dates).clone();
                Writer::new(&mut self.random).write(&date)
            }
        };
        if !date.is_empty() {
            habits.date.clone_from(&date);
        }
        let gap = self.random.choose(&["", "", " "]);
        let mut writer = Writer::new(&mut self.random);
        if !habits.connections.is_empty()
            && (habits.connections.len() == habits.most || writer.random.percent(70))
            && writer.random.percent(90)
        {
            let id = writer.random.pick(&habits.connections).clone();
            writer.given.insert("mlfid".to_owned(), id);
        }
        if habits.most > 0 && writer.random.percent(80) {
            for name in ["user", "alt_user"] {
                let user = writer.random.choose(USERS);
                writer.given.insert(name.to_owned(), user.to_owned());
            }
        }
        let mut text = writer.write(&rule);
        if let Some(prefix) = &subject.prefix {
            let id = writer.groups.remove("mlfid");
            writer.given.insert("content".to_owned(), text);
            if let Some(id) = id {
                writer.given.insert("mlfid".to_owned(), id);
            }
            text = writer.write(prefix);
        }
        if let Some(id) = writer.groups.remove("mlfid")
            && !habits.connections.contains(&id)
        {
            habits.connections.truncate(habits.most.saturating_sub(1));
            habits.connections.push(id);
        }
        format!("{}{date}{gap}{text}", habits.lead).into_bytes()
    }

    /// The line with a few things changed.
    fn misread(&mut self, mut line: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.random.choose(&[1, 1, 2, 4]) {
            let at = self.random.below(line.len() + 1);
            match self.random.below(10) {
                0..4 => {
                    let text = self.random.choose(INJECTIONS);
                    line.splice(at..at, text.iter().copied());
                }
                4 => {
                    let end = (at + 1 + self.random.below(5)).min(line.len());
                    line.drain(at.min(end)..end);
                }
                5 if at < line.len() => line[at] = self.random.below(256) as u8,
                6 => {
                    let end = self.random.below(line.len() + 1);
                    let part = line[at.min(end)..at.max(end)].to_vec();
                    line.splice(at..at, part);
                }
                7 => {
                    for byte in line.iter_mut().filter(|byte| byte.is_ascii_digit()) {
                        if self.random.percent(8) {
                            *byte = b'0' + self.random.below(10) as u8;
                        }
                    }
                }
                8 => {
                    // Without its first words.
                    let blank = line.iter().skip(at / 3).position(|&byte| byte == b' ');
                    line.drain(..blank.map_or(0, |blank| blank + at / 3));
                }
                _ => {
                    let tail = self.random.choose(&[&b"x"[..], b"ab ", b"a.", b"1:", b" "]);
                    for _ in 0..self.random.below(400) {
                        line.extend_from_slice(tail);
                    }
                }
            }
        }
        line
    }

    fn options(&mut self) -> Vec<Vec<String>> {
        let mut options: Vec<Vec<&str>> = Vec::new();
        for (chance, option) in [
            (35, &["-v"][..]),
            (10, &["-vv"]),
            (8, &["--VD"]),
            (40, &["--print-all-matched"]),
            (30, &["--print-all-missed"]),
            (20, &["--print-all-ignored"]),
            (15, &["--no-check-all"]),
            (8, &["-D"]),
            (15, &["-r"]),
            (5, &["-e", "latin1"]),
            (3, &["-e", "ascii"]),
        ] {
            if self.random.percent(chance) {
                options.push(option.to_vec());
            }
        }
        if self.random.percent(20) {
            options.push(vec![
                "-L",
                self.random.choose(&["1", "2", "3", "5", "8", "25"]),
            ]);
        }
        // Host names must not be looked up.
        options.push(vec!["--usedns", self.random.choose(&["no", "raw"])]);
        if self.random.percent(20) {
            const TOKENS: &[&str] = &[
                "id",
                "ip",
                "msg",
                "user",
                "fid",
                "ip4",
                "mlfid",
                "<msg>",
                "<ip> <fid> <family>",
                "<F-USER>|<msg>",
                "<matches>|<F-IP4>|<F-PORT>",
                "<ip-rev> <failures>",
            ];
            options.push(vec!["-o", self.random.choose(TOKENS)]);
            if self.random.percent(25) {
                options.push(vec!["-i"]);
            }
        }
        if self.random.percent(10) {
            const PATTERNS: &[&str] = &[
                "{^LN-BEG}",
                "%Y-%m-%d %H:%M:%S",
                "^%b %d %H:%M:%S",
                "{NONE}\n%b %d %H:%M:%S",
                "EPOCH",
                "{DATE}",
                r"\[{DATE}\]",
                "%d/%b/%Y[: ]%H:%M:%S",
                "{^LN-BEG}%Exd %b\nTAI64N",
            ];
            options.push(vec!["-d", self.random.choose(PATTERNS)]);
        }
        if self.random.percent(10) {
            let zones = ["UTC", "UTC+0200", "CET", "-0330"];
            options.push(vec!["--TZ", self.random.choose(&zones)]);
        }
        let owned = |option: Vec<&str>| option.into_iter().map(str::to_owned).collect();
        options.into_iter().map(owned).collect()
    }
}
