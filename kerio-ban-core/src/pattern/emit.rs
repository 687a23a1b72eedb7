//! From the tree back to text, in the dialect of an engine.
//!
//! Case is resolved here: a letter that ignores case becomes the class of its
//! forms, so that no folding rule of an engine matters. So are the classes
//! that Python and the engines understand differently.

mod class;

use std::collections::HashSet;
use std::fmt::Write as _;

use regex_syntax::hir::ClassUnicode;

use self::class::{NEVER, NEVER_ASCII, ascii_class, push_class, push_literal, push_set};
use super::charset::{WORD, ascii_items, ascii_set_of, set_of};
use super::syntax::{
    Assertion, Expression, Fold, Kind, Look, Node, Perl, Repeat, RepeatMode, Width,
};
use super::{Buffer, Engine};

/// Which texts a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// ASCII only: classes shrink to bytes.
    Ascii,
    /// Any text in which Python and Rust agree what a word is.
    Unicode,
    /// Any text at all. Word boundaries become look-around.
    Exact,
}

/// An expression written for an engine.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) text: String,
    /// For each group of the text, the Python group it stands for, or
    /// [`END_MARK`]. The whole match is the first of both.
    pub(super) groups: Vec<usize>,
    /// How deep its groups nest.
    pub(super) depth: usize,
}

/// Stands for the group that captures nothing but where the match ends.
pub(super) const END_MARK: usize = usize::MAX;

/// Whether a tree needs look-around, back-references or the like.
pub(super) fn needs_backtracking(root: &Node, form: Form, buffer: Buffer) -> bool {
    root.any(&|kind| match kind {
        Kind::Atomic(_) | Kind::Look(_) | Kind::Backref { .. } | Kind::Condition { .. } => true,
        Kind::Repeat(repeat) => repeat.mode == RepeatMode::Possessive,
        Kind::Assert(assertion) => match *assertion {
            Assertion::LastLineEnd => buffer == Buffer::Lines,
            Assertion::Boundary { .. } | Assertion::NotAfterWord | Assertion::NotBeforeWord
                if form != Form::Exact =>
            {
                false
            }
            // `(?-u:\B)` could match inside a character.
            Assertion::NotBoundary { ascii } if form != Form::Exact => {
                ascii && form == Form::Unicode
            }
            Assertion::Boundary { .. }
            | Assertion::NotBoundary { .. }
            | Assertion::NotAfterWord
            | Assertion::NotBeforeWord => true,
            _ => false,
        },
        _ => false,
    })
}

/// What a script is written for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) form: Form,
    pub(super) buffer: Buffer,
    pub(super) engine: Engine,
    /// Keeps `fancy-regex` from handing whole parts to the linear engine:
    /// behind every character there is a look-around to run.
    pub(super) stepwise: bool,
}

/// Writes an expression.
pub(super) fn emit(expression: &Expression, target: Target) -> Script {
    let root = &expression.root;
    let mut groups = vec![0];
    number(root, &mut groups);
    let mut decisive = HashSet::new();
    references(root, &condition, &mut decisive);
    let mut referenced = decisive.clone();
    references(root, &backref, &mut referenced);
    let mut chosen = HashSet::new();
    captured_by_choice(root, false, &mut chosen);
    decisive.retain(|group| chosen.contains(group));
    let mut emitter = Emitter {
        target,
        decisive,
        names: names(expression, &groups, &referenced, target.engine),
        present: groups.iter().copied().collect(),
        named: HashSet::new(),
        out: String::new(),
        depth: 0,
        deepest: 0,
    };
    emitter.node(root);
    Script {
        text: emitter.out,
        groups,
        depth: emitter.deepest,
    }
}

/// The groups of a tree in the order their parentheses are written.
fn number(node: &Node, groups: &mut Vec<usize>) {
    match &node.kind {
        Kind::Repeat(repeat) if repeat.max == Some(0) => return,
        Kind::Capture { group, .. } => groups.push(*group),
        Kind::EndHere => groups.push(END_MARK),
        _ => {}
    }
    for child in node.children() {
        number(child, groups);
    }
}

/// The groups that are named by what `of` picks.
fn references(node: &Node, of: &dyn Fn(&Kind) -> Option<usize>, found: &mut HashSet<usize>) {
    found.extend(of(&node.kind));
    for child in node.children() {
        references(child, of, found);
    }
}

fn backref(kind: &Kind) -> Option<usize> {
    match kind {
        Kind::Backref { group, .. } => Some(*group),
        _ => None,
    }
}

fn condition(kind: &Kind) -> Option<usize> {
    match kind {
        Kind::Condition { group, .. } => Some(*group),
        _ => None,
    }
}

/// The groups that only some of several branches set.
fn captured_by_choice(node: &Node, is_choice: bool, found: &mut HashSet<usize>) {
    match node.kind {
        Kind::Capture { group, .. } if is_choice => {
            found.insert(group);
        }
        _ => {}
    }
    let is_choice = is_choice || matches!(node.kind, Kind::Alternate(_));
    for child in node.children() {
        captured_by_choice(child, is_choice, found);
    }
}

/// What each group is called in the text: its own name, if the engines allow
/// it, or one made up for a group that `fancy-regex` has to refer to. There,
/// numbers are no longer allowed once any group has a name.
fn names(
    expression: &Expression,
    groups: &[usize],
    referenced: &HashSet<usize>,
    engine: Engine,
) -> Vec<Option<String>> {
    let own = |group: usize| {
        let name = expression.groups[group].name.as_deref()?;
        name.is_ascii().then(|| name.to_owned())
    };
    let mut names: Vec<Option<String>> = (0..expression.groups.len()).map(own).collect();
    if engine == Engine::Backtracking {
        for &group in groups {
            if referenced.contains(&group) && names[group].is_none() {
                let mut name = format!("group{group}");
                while names.iter().flatten().any(|taken| *taken == name) {
                    name.push('_');
                }
                names[group] = Some(name);
            }
        }
    }
    names
}

struct Emitter {
    target: Target,
    /// Groups that conditions ask about and that only some branches set.
    decisive: HashSet<usize>,
    /// By Python group number.
    names: Vec<Option<String>>,
    /// Groups that are in the text at all.
    present: HashSet<usize>,
    /// Groups whose name was written; a copy of one stays nameless.
    named: HashSet<usize>,
    out: String,
    depth: usize,
    deepest: usize,
}

impl Emitter {
    fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::Empty => self.out.push_str("(?:)"),
            Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => self.leaf(&node.kind),
            Kind::Assert(assertion) => self.assertion(*assertion),
            Kind::Concat(nodes) => nodes.iter().for_each(|node| self.atom_of_concat(node)),
            Kind::Alternate(nodes) => self.grouped("(?:", |this| this.branches(nodes)),
            Kind::Repeat(repeat) => self.repeat(repeat),
            Kind::Capture { group, body } => {
                let open = match &self.names[*group] {
                    Some(name) if self.named.insert(*group) => format!("(?P<{name}>"),
                    _ => "(".to_owned(),
                };
                // Branches of one length are handed to the linear engine, which
                // takes the first that fits and never the others. It cannot be
                // given look-around, not even that which is always true.
                let keep = if self.decisive.contains(group) {
                    "(?=)"
                } else {
                    ""
                };
                self.grouped(&open, |this| {
                    this.out.push_str(keep);
                    this.inner(body);
                });
            }
            Kind::Atomic(body) => self.grouped("(?>", |this| this.inner(body)),
            Kind::Look(look) => self.look(look),
            Kind::Backref { group, fold } => self.backref(*group, *fold),
            Kind::Condition { group, yes, no } => self.condition(*group, yes, no),
            Kind::EndHere => self.grouped("(", |_| {}),
        }
    }

    fn grouped(&mut self, open: &str, contents: impl FnOnce(&mut Emitter)) {
        self.out.push_str(open);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        contents(self);
        self.depth -= 1;
        self.out.push(')');
    }

    /// What stands inside parentheses: branches need none of their own.
    fn inner(&mut self, node: &Node) {
        match &node.kind {
            Kind::Alternate(nodes) => self.branches(nodes),
            Kind::Empty => {}
            _ => self.node(node),
        }
    }

    fn branches(&mut self, nodes: &[Node]) {
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                self.out.push('|');
            }
            if !matches!(node.kind, Kind::Empty) {
                self.node(node);
            }
        }
    }

    fn atom_of_concat(&mut self, node: &Node) {
        if !matches!(node.kind, Kind::Empty) {
            self.node(node);
        }
    }

    fn leaf(&mut self, kind: &Kind) {
        if self.target.stepwise {
            self.out.push_str("(?:");
            self.plain_leaf(kind);
            self.out.push_str(r"(?!\z^))");
            self.deepest = self.deepest.max(self.depth + 2);
        } else {
            self.plain_leaf(kind);
        }
    }

    fn plain_leaf(&mut self, kind: &Kind) {
        if self.target.form == Form::Ascii {
            let set = ascii_set_of(kind).unwrap_or_default();
            self.out.push_str(&ascii_class(set));
            return;
        }
        match kind {
            Kind::Char {
                code,
                fold: Fold::Exact,
            } if char::from_u32(*code).is_some() => {
                let c = char::from_u32(*code).unwrap_or_default();
                push_literal(&mut self.out, c);
            }
            Kind::Any { newline: false } => self.out.push('.'),
            Kind::Any { newline: true } => self.out.push_str("(?s:.)"),
            Kind::Class(class) => push_class(&mut self.out, class),
            _ => {
                let set = set_of(kind).unwrap_or_else(ClassUnicode::empty);
                push_set(&mut self.out, &set);
            }
        }
    }

    fn assertion(&mut self, assertion: Assertion) {
        let exact = self.target.form == Form::Exact;
        let text = match assertion {
            Assertion::TextStart => "^",
            Assertion::LineStart => "(?m:^)",
            Assertion::TextEnd => r"\z",
            Assertion::LineEnd => "(?m:$)",
            Assertion::LastLineEnd => match self.target.buffer {
                // The only newline is the last character, if it is there.
                Buffer::Line => "(?m:$)",
                Buffer::Bare => r"\z",
                Buffer::Lines => r"(?=\n?\z)",
            },
            Assertion::Boundary { ascii } | Assertion::NotBoundary { ascii } => {
                let holds = matches!(assertion, Assertion::Boundary { .. });
                let plain = match (self.target.form, ascii) {
                    (Form::Ascii, _) | (Form::Unicode, false) => true,
                    (Form::Unicode, true) if holds && self.target.engine == Engine::Linear => {
                        self.out.push_str(r"(?-u:\b)");
                        return;
                    }
                    _ => false,
                };
                if !plain {
                    return self.boundary(ascii, holds);
                }
                if holds { r"\b" } else { r"\B" }
            }
            Assertion::NotAfterWord if exact => return self.push_look("(?<!", false),
            Assertion::NotBeforeWord if exact => return self.push_look("(?!", false),
            Assertion::NotAfterWord => r"\b{start-half}",
            Assertion::NotBeforeWord => r"\b{end-half}",
        };
        self.out.push_str(text);
    }

    /// `\b` or `\B` by look-around. Python's `\B` never holds in an empty
    /// text.
    fn boundary(&mut self, ascii: bool, holds: bool) {
        let (not_empty, first, second) = if holds {
            ("", ("(?<=", "(?!"), ("(?<!", "(?="))
        } else {
            (r"(?!^\z)", ("(?<=", "(?="), ("(?<!", "(?!"))
        };
        self.out.push_str(not_empty);
        self.out.push_str("(?:");
        self.push_look(first.0, ascii);
        self.push_look(first.1, ascii);
        self.out.push('|');
        self.push_look(second.0, ascii);
        self.push_look(second.1, ascii);
        self.out.push(')');
        self.deepest = self.deepest.max(self.depth + 2);
    }

    fn push_look(&mut self, open: &str, ascii: bool) {
        let items = if ascii { ascii_items(Perl::Word) } else { WORD };
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{open}[{items}])");
    }

    fn repeat(&mut self, repeat: &Repeat) {
        let Repeat {
            body,
            min,
            max,
            mode,
        } = repeat;
        if *max == Some(0) {
            self.out.push_str("(?:)");
            return;
        }
        // Nothing is consumed, so that once is as good as often, and the
        // engines refuse to repeat it.
        if body.width(&|_| Width { min: 0, max: 1 }).max == 0 {
            match (min, mode) {
                (0, RepeatMode::Lazy) => self.grouped("(?:|", |this| this.inner(body)),
                (0, _) => self.grouped("(?:", |this| {
                    this.node(body);
                    this.out.push('|');
                }),
                _ => self.grouped("(?:", |this| this.inner(body)),
            }
            return;
        }
        if *mode == RepeatMode::Possessive {
            // Python does not go back into a turn either, not even to reach
            // the required count.
            let turn = match body.kind {
                Kind::Char { .. } | Kind::Class(_) | Kind::Any { .. } => body.clone(),
                _ => Node::new(Kind::Atomic(Box::new(body.clone())), body.span.clone()),
            };
            self.grouped("(?>", |this| this.counted(&turn, *min, *max, false));
        } else {
            self.counted(body, *min, *max, *mode == RepeatMode::Lazy);
        }
    }

    fn counted(&mut self, body: &Node, min: u32, max: Option<u32>, lazy: bool) {
        match &body.kind {
            Kind::Char { .. }
            | Kind::Class(_)
            | Kind::Any { .. }
            | Kind::Capture { .. }
            | Kind::Atomic(_)
            | Kind::Alternate(_) => self.node(body),
            _ => self.grouped("(?:", |this| this.inner(body)),
        }
        let counts = match (min, max) {
            (1, Some(1)) => return,
            (0, Some(1)) => "?".to_owned(),
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (min, None) => format!("{{{min},}}"),
            (min, Some(max)) if min == max => {
                let _ = write!(self.out, "{{{min}}}");
                return;
            }
            (min, Some(max)) => format!("{{{min},{max}}}"),
        };
        self.out.push_str(&counts);
        if lazy {
            self.out.push('?');
        }
    }

    fn look(&mut self, look: &Look) {
        let open = match (look.behind, look.negated) {
            (false, false) => "(?=",
            (false, true) => "(?!",
            (true, false) => "(?<=",
            (true, true) => "(?<!",
        };
        self.grouped(open, |this| this.inner(&look.body));
    }

    fn backref(&mut self, group: usize, fold: Fold) {
        match &self.names[group] {
            Some(name) if self.present.contains(&group) => {
                let _ = match fold {
                    Fold::Exact => write!(self.out, "(?P={name})"),
                    _ => write!(self.out, "(?i:(?P={name}))"),
                };
            }
            _ => self.never(),
        }
    }

    /// Something that never matches.
    fn never(&mut self) {
        let text = match self.target.form {
            Form::Ascii => NEVER_ASCII,
            Form::Unicode | Form::Exact => NEVER,
        };
        self.out.push_str(text);
    }

    fn condition(&mut self, group: usize, yes: &Node, no: &Node) {
        match self.names[group].clone() {
            // `fancy-regex` takes one without contents for a bare condition.
            Some(_) if is_empty(yes) && is_empty(no) => self.out.push_str("(?:)"),
            Some(name) if self.present.contains(&group) => {
                self.grouped(&format!("(?(<{name}>)"), |this| {
                    this.node(yes);
                    this.out.push('|');
                    this.node(no);
                });
            }
            _ => self.node(no),
        }
    }
}

/// Whether the text of a node comes to nothing.
fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Empty => true,
        Kind::Concat(nodes) | Kind::Alternate(nodes) => nodes.iter().all(is_empty),
        Kind::Repeat(repeat) => repeat.max == Some(0) || is_empty(&repeat.body),
        _ => false,
    }
}
