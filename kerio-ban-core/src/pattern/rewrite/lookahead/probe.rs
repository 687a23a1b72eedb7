//! What a look-ahead asks for: a few strings, followed character by
//! character.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::parts::{alternate, class_node};
use crate::pattern::Buffer;
use crate::pattern::charset::{set_of, word_set};
use crate::pattern::syntax::{Assertion, Kind, Node};

/// How many strings a look-ahead may ask for.
const MAX_STRINGS: usize = 64;
/// How long they may be together.
const MAX_CHARS: usize = 400;

/// The strings a look-ahead asks for.
pub(super) struct Probe {
    strings: Vec<Text>,
    negated: bool,
}

#[derive(Clone)]
struct Text {
    chars: Vec<ClassUnicode>,
    end: Ending,
}

/// What has to stand behind a string.
#[derive(Clone)]
enum Ending {
    Anything,
    /// One of these characters, or perhaps the end of the text.
    Next {
        chars: ClassUnicode,
        end: bool,
    },
}

/// How far each string that is still possible has got.
pub(super) type State = Vec<(usize, usize)>;

/// What a character does to a state.
#[derive(Clone, PartialEq)]
pub(super) enum Outcome {
    /// The look-ahead holds now, or does not.
    Settled(bool),
    Open(State),
}

impl Probe {
    pub(super) fn new(body: &Node, negated: bool, buffer: Buffer) -> Option<Probe> {
        let start = Text {
            chars: Vec::new(),
            end: Ending::Anything,
        };
        let strings = strings(body, vec![start], buffer)?;
        Some(Probe { strings, negated })
    }

    pub(super) fn start(&self) -> Outcome {
        self.reached((0..self.strings.len()).map(|string| (string, 0)).collect())
    }

    /// A state, unless it is settled.
    fn reached(&self, state: State) -> Outcome {
        let complete = state.iter().any(|&(string, at)| {
            let string = &self.strings[string];
            at == string.chars.len() && matches!(string.end, Ending::Anything)
        });
        if complete {
            Outcome::Settled(!self.negated)
        } else if state.is_empty() {
            Outcome::Settled(self.negated)
        } else {
            Outcome::Open(state)
        }
    }

    /// Splits a set of characters by what they do to a state.
    pub(super) fn split(&self, state: &State, set: &ClassUnicode) -> Vec<(ClassUnicode, Outcome)> {
        // Parts, with the strings that go on, and whether one is complete.
        let mut parts = vec![(set.clone(), State::new(), false)];
        for &(index, at) in state {
            let string = &self.strings[index];
            let wanted = match (string.chars.get(at), &string.end) {
                (Some(chars), _) => chars,
                (None, Ending::Next { chars, .. }) => chars,
                (None, Ending::Anything) => continue,
            };
            let mut split = Vec::new();
            for (set, going, complete) in parts {
                let mut inside = set.clone();
                inside.intersect(wanted);
                let mut outside = set;
                outside.difference(wanted);
                if !inside.ranges().is_empty() {
                    let mut going = going.clone();
                    if at < string.chars.len() {
                        going.push((index, at + 1));
                    }
                    let complete = complete || at == string.chars.len();
                    split.push((inside, going, complete));
                }
                if !outside.ranges().is_empty() {
                    split.push((outside, going, complete));
                }
            }
            parts = split;
        }
        let mut outcomes: Vec<(ClassUnicode, Outcome)> = Vec::new();
        for (set, going, complete) in parts {
            let outcome = if complete {
                Outcome::Settled(!self.negated)
            } else {
                self.reached(going)
            };
            match outcomes.iter_mut().find(|(_, known)| *known == outcome) {
                Some((known, _)) => known.union(&set),
                None => outcomes.push((set, outcome)),
            }
        }
        outcomes
    }

    /// Whether the look-ahead holds if the text ends in a state.
    pub(super) fn at_end(&self, state: &State) -> bool {
        let complete = state.iter().any(|&(string, at)| {
            let string = &self.strings[string];
            at == string.chars.len() && matches!(string.end, Ending::Next { end: true, .. })
        });
        complete != self.negated
    }

    /// An expression for the texts with which the look-ahead holds from a
    /// state on.
    pub(super) fn rest(&self, state: &State, place: &Node) -> Node {
        let mut ways = Vec::new();
        if self.at_end(state) {
            let end = Kind::Assert(Assertion::TextEnd);
            ways.push(Node::new(end, place.span.clone()));
        }
        let mut everything = ClassUnicode::empty();
        everything.negate();
        for (set, outcome) in self.split(state, &everything) {
            let class = class_node(&set, place);
            match outcome {
                Outcome::Settled(false) => {}
                Outcome::Settled(true) => ways.push(class),
                Outcome::Open(state) => {
                    let rest = self.rest(&state, place);
                    ways.push(Node::new(
                        Kind::Concat(vec![class, rest]),
                        place.span.clone(),
                    ));
                }
            }
        }
        alternate(ways, place)
    }
}

/// All strings a node matches, appended to some strings, if they are few.
fn strings(node: &Node, before: Vec<Text>, buffer: Buffer) -> Option<Vec<Text>> {
    let extended = match &node.kind {
        Kind::Empty => before,
        Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => {
            let set = set_of(&node.kind)?;
            let mut before = before;
            for text in &mut before {
                // Nothing may follow an assertion about what follows.
                if !matches!(text.end, Ending::Anything) {
                    return None;
                }
                text.chars.push(set.clone());
            }
            before
        }
        Kind::Concat(nodes) => nodes
            .iter()
            .try_fold(before, |before, node| strings(node, before, buffer))?,
        Kind::Alternate(nodes) => {
            let mut all = Vec::new();
            for node in nodes {
                all.extend(strings(node, before.clone(), buffer)?);
            }
            all
        }
        Kind::Repeat(repeat) => {
            let max = repeat.max?;
            if max > 32 {
                return None;
            }
            let mut all = Vec::new();
            let mut turn = before;
            for count in 0..=max {
                if count >= repeat.min {
                    all.extend(turn.iter().cloned());
                }
                if count < max {
                    turn = strings(&repeat.body, turn, buffer)?;
                }
            }
            all
        }
        Kind::Assert(assertion) => {
            let mut before = before;
            for text in &mut before {
                let end = ending(*assertion, text.chars.last()?, buffer)?;
                if !matches!(text.end, Ending::Anything) {
                    return None;
                }
                text.end = end;
            }
            before
        }
        _ => return None,
    };
    let chars: usize = extended.iter().map(|text| text.chars.len() + 1).sum();
    (extended.len() <= MAX_STRINGS && chars <= MAX_CHARS).then_some(extended)
}

/// What an assertion behind a character says of the next one.
fn ending(assertion: Assertion, last: &ClassUnicode, buffer: Buffer) -> Option<Ending> {
    let newline = ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]);
    let line_end = Ending::Next {
        chars: newline,
        end: true,
    };
    match (assertion, buffer) {
        (Assertion::TextEnd, _) | (Assertion::LastLineEnd, Buffer::Bare) => Some(Ending::Next {
            chars: ClassUnicode::empty(),
            end: true,
        }),
        (Assertion::LineEnd, _) | (Assertion::LastLineEnd, Buffer::Line) => Some(line_end),
        (Assertion::Boundary { ascii: false }, _) => {
            let words = word_set();
            let mut inside = last.clone();
            inside.difference(words);
            let mut outside = last.clone();
            outside.intersect(words);
            if inside.ranges().is_empty() {
                let mut chars = words.clone();
                chars.negate();
                Some(Ending::Next { chars, end: true })
            } else if outside.ranges().is_empty() {
                let chars = words.clone();
                Some(Ending::Next { chars, end: false })
            } else {
                None
            }
        }
        _ => None,
    }
}
