//! Expressions: tags, Python's dialect, engines.
//!
//! An expression of a filter is Python's. Its text goes through tag
//! expansion ([`expand_tags`]) and fail2ban's rewrite of group flags, is
//! parsed by Python's rules, and is written again for an engine: the linear
//! one where the expression is a regular language to it, the backtracking
//! one where it needs look-around, back-references or conditionals.

#![allow(
    dead_code,
    unused_imports,
    reason = "the stages that use patterns are not there yet"
)]

mod charset;
mod emit;
mod flags;
mod haystack;
mod literals;
mod machine;
mod parse;
mod prefilter;
mod problem;
mod program;
mod rewrite;
mod scan;
mod size;
mod syntax;
mod tags;
mod windows;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use self::emit::{Form, Script, Target, emit, needs_backtracking};
use self::literals::Literal;
use self::machine::{Answer, Budget, Machine, NOWHERE};
use self::problem::{Failure, Problem};
use self::program::Program;
use self::syntax::{Assertion, Expression, Kind};
use crate::error::Error;
use crate::traced::Traced;

pub(crate) use self::haystack::{Haystack, SavedSlots, Slots};
pub(crate) use self::prefilter::{Candidates, Prefilter};
pub(crate) use self::scan::LiteralScan;
pub(crate) use self::tags::expand_tags;
pub(crate) use self::windows::{Choices, Windows};

/// An expression as fail2ban's programs print it: with the tags expanded in
/// fail2ban's own spelling, and with `group_flags` also the flags at the start
/// of groups rewritten as before compiling. `host_names` is false under
/// `usedns = no`.
///
/// What is searched with is [`Rule::expanded`](crate::Rule::expanded), which
/// accepts the same.
pub fn spell_out(expression: &str, host_names: bool, group_flags: bool) -> String {
    let mut text = tags::spell_tags(&Traced::computed(expression), host_names);
    if group_flags {
        text = flags::scope_flags(&text);
    }
    text.as_str().to_owned()
}

/// How deep the groups of a backtracking script may nest, which is what its
/// engine allows.
const MAX_BACKTRACKING_DEPTH: usize = 60;

/// How deep a parsed expression may nest that needs not be written to know that
/// groups do not nest too deep for the backtracking engine: a level becomes up
/// to three groups.
const SURELY_NOT_TOO_DEEP: usize = 18;

/// How an expression is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PatternOptions {
    /// Python's `re.MULTILINE`: `^` and `$` match at every line.
    pub(crate) multi_line: bool,
    /// What the searched texts look like.
    pub(crate) buffer: Buffer,
}

/// The newlines of the texts a pattern is going to search, which decide what
/// `$` has to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Buffer {
    /// Exactly one newline, the last character.
    Line,
    /// Any number of newlines; the last character is one.
    Lines,
    /// No newline.
    Bare,
}

/// Which engine runs a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Time grows with the length of the text and of the expression only.
    Linear,
    /// Tries one way after the other, up to a limit.
    Backtracking,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Linear => "linear",
            Engine::Backtracking => "backtracking",
        })
    }
}

/// A backtracking search took too many steps and was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitReached;

/// A checked expression, ready to search. Cloning is cheap.
///
/// Programs are compiled when they are first needed, but whatever could be
/// wrong with an expression is found by [`Pattern::new`].
#[derive(Clone)]
pub(crate) struct Pattern(Arc<Inner>);

struct Inner {
    expanded: Traced,
    /// As it was parsed.
    expression: Expression,
    options: PatternOptions,
    /// Whether it is a regular language without any rewriting.
    regular: bool,
    /// See [`Pattern::on_backtracking_engine`].
    stepwise: bool,
    names: Vec<Option<Arc<str>>>,
    numbers: HashMap<Arc<str>, usize>,
    /// Made when it is first asked for: most texts do not need it.
    rewritten: OnceLock<Rewritten>,
    /// By form. Empty ones were not needed yet.
    programs: [OnceLock<Option<Program>>; 3],
    machine: OnceLock<Option<Machine>>,
    literals: OnceLock<Vec<Vec<Literal>>>,
}

impl Pattern {
    /// Checks an expression whose tags are expanded.
    ///
    /// # Errors
    ///
    /// Whatever Python refuses, and expressions too large to run, with the
    /// place of the offending piece.
    pub(crate) fn new(expanded: &Traced, options: PatternOptions) -> Result<Pattern, Error> {
        let blank = expanded.as_str().chars().all(charset::is_space);
        if blank {
            let failure = Failure::new(Problem::Blank, 0..expanded.len());
            return Err(failure.into_error(expanded));
        }
        let text = flags::scope_flags(expanded);
        Pattern::parsed(expanded.clone(), text.as_str(), options, false)
            .map_err(|failure| failure.into_error(&text))
    }

    /// The same pattern on the backtracking engine, without anything that
    /// makes it fast, to compare answers with.
    ///
    /// # Errors
    ///
    /// If groups nest too deep for that engine.
    pub(crate) fn on_backtracking_engine(&self) -> Result<Pattern, Error> {
        let text = flags::scope_flags(&self.0.expanded);
        let expanded = self.0.expanded.clone();
        Pattern::parsed(expanded, text.as_str(), self.0.options, true)
            .map_err(|failure| failure.into_error(&text))
    }

    fn parsed(
        expanded: Traced,
        text: &str,
        options: PatternOptions,
        stepwise: bool,
    ) -> Result<Pattern, Failure> {
        let expression = parse::parse(text, options.multi_line)?;
        size::check(&expression.root)?;
        let names: Vec<_> = expression
            .groups
            .iter()
            .map(|group| group.name.clone())
            .collect();
        let numbers = names
            .iter()
            .enumerate()
            .filter_map(|(number, name)| Some((Arc::clone(name.as_ref()?), number)))
            .collect();
        let depth = expression.root.depth();
        let inner = Inner {
            expanded,
            options,
            regular: !needs_backtracking(&expression.root, Form::Unicode, options.buffer),
            names,
            numbers,
            rewritten: OnceLock::new(),
            programs: Default::default(),
            machine: OnceLock::new(),
            literals: OnceLock::new(),
            stepwise,
            expression,
        };
        if depth > SURELY_NOT_TOO_DEEP {
            let rewritten = inner.rewritten();
            if rewritten.engine == Engine::Backtracking
                && rewritten.script.depth > MAX_BACKTRACKING_DEPTH
            {
                let limit = MAX_BACKTRACKING_DEPTH;
                return Err(Failure::new(Problem::TooDeep { limit }, 0..text.len()));
            }
        }
        Ok(Pattern(Arc::new(inner)))
    }

    /// The engine that runs it on most texts.
    pub(crate) fn engine(&self) -> Engine {
        self.0.rewritten().engine
    }

    /// The expression as given, its tags expanded.
    pub(crate) fn expanded(&self) -> &Traced {
        &self.0.expanded
    }

    /// The names of the groups by number; the whole match is the first.
    pub(crate) fn group_names(&self) -> &[Option<Arc<str>>] {
        &self.0.names
    }

    /// The number of a named group.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        self.0.numbers.get(name).copied()
    }

    /// Sets of literals; every match has one of each set.
    fn literals(&self) -> &[Vec<Literal>] {
        let literals = &self.0.literals;
        literals.get_or_init(|| literals::required_sets(&self.0.expression.root))
    }

    /// The text given to the engine.
    pub(crate) fn translated(&self) -> &str {
        &self.0.rewritten().script.text
    }

    /// Searches as Python's `pattern.search(text, start, end)`: text left of
    /// the range is seen by look-behind and `\b`, text right of it is not
    /// there. Fills `slots` if something is found.
    ///
    /// # Errors
    ///
    /// If the backtracking engine gave up, or the text is longer than four
    /// gigabytes.
    pub(crate) fn captures(
        &self,
        text: Haystack<'_>,
        range: Range<usize>,
        slots: &mut Slots,
    ) -> Result<bool, LimitReached> {
        if text.as_str().len() >= NOWHERE as usize {
            return Err(LimitReached);
        }
        if text.is_ascii()
            && !slots.plain
            && let Some(machine) = self.0.machine()
        {
            let budget = self.0.budget();
            match machine.search(text.as_str().as_bytes(), range.clone(), budget, slots) {
                Answer::Found => return Ok(true),
                Answer::Nothing => return Ok(false),
                Answer::GivenUp => {}
            }
        }
        self.0
            .program(text, &range)?
            .captures(text.as_str(), range, slots)
    }

    /// Whether [`Pattern::captures`] would find something.
    ///
    /// # Errors
    ///
    /// If the backtracking engine gave up.
    pub(crate) fn is_match(
        &self,
        text: Haystack<'_>,
        range: Range<usize>,
    ) -> Result<bool, LimitReached> {
        self.0.program(text, &range)?.is_match(text.as_str(), range)
    }
}

impl Inner {
    /// Our own matcher, if it can do this expression.
    fn machine(&self) -> Option<&Machine> {
        let machine = self
            .machine
            .get_or_init(|| (!self.stepwise).then(|| Machine::new(&self.expression))?);
        machine.as_ref()
    }

    fn budget(&self) -> Budget {
        if self.regular {
            Budget::Small
        } else {
            Budget::Large
        }
    }

    fn rewritten(&self) -> &Rewritten {
        self.rewritten
            .get_or_init(|| Rewritten::new(&self.expression, self.options.buffer, self.stepwise))
    }

    /// The program for a text.
    fn program(&self, text: Haystack<'_>, range: &Range<usize>) -> Result<&Program, LimitReached> {
        let rewritten = self.rewritten();
        let empty = range.end == 0 && rewritten.has_not_boundary;
        let form = if empty {
            Form::Exact
        } else if text.is_ascii() {
            Form::Ascii
        } else if rewritten.has_boundary && charset::has_disputed_words(text.as_str()) {
            Form::Exact
        } else {
            Form::Unicode
        };
        self.programs[form as usize]
            .get_or_init(|| self.compile(form))
            .as_ref()
            .ok_or(LimitReached)
    }

    fn compile(&self, form: Form) -> Option<Program> {
        let buffer = self.options.buffer;
        let expression = &self.rewritten().expression;
        let target = target(expression, form, buffer, self.stepwise);
        let script = emit(expression, target);
        let guard = match target.engine {
            Engine::Linear => None,
            Engine::Backtracking => {
                let relaxed = rewrite::relax(expression, form);
                let target = Target {
                    engine: Engine::Linear,
                    stepwise: false,
                    ..target
                };
                Some(emit(&relaxed, target))
            }
        };
        Program::new(script, guard, form, self.names.len())
    }
}

/// An expression rewritten for the general engines.
struct Rewritten {
    expression: Expression,
    /// The one that runs it on most texts.
    engine: Engine,
    /// For these texts.
    script: Script,
    /// Whether it looks at word boundaries at all.
    has_boundary: bool,
    has_not_boundary: bool,
}

impl Rewritten {
    fn new(parsed: &Expression, buffer: Buffer, stepwise: bool) -> Rewritten {
        let root = if stepwise {
            rewrite::prepare(parsed)
        } else {
            rewrite::rewrite(parsed, buffer)
        };
        let expression = Expression {
            root,
            groups: parsed.groups.clone(),
        };
        let target = target(&expression, Form::Unicode, buffer, stepwise);
        let has = |wanted: fn(&Assertion) -> bool| {
            expression
                .root
                .any(&|kind| matches!(kind, Kind::Assert(assertion) if wanted(assertion)))
        };
        let has_not_boundary = has(|assertion| matches!(assertion, Assertion::NotBoundary { .. }));
        let has_boundary = has(|assertion| {
            matches!(
                assertion,
                Assertion::Boundary { .. }
                    | Assertion::NotBoundary { .. }
                    | Assertion::NotAfterWord
                    | Assertion::NotBeforeWord
            )
        });
        Rewritten {
            engine: target.engine,
            script: emit(&expression, target),
            has_boundary,
            has_not_boundary,
            expression,
        }
    }
}

/// The best way to run an expression on a form of texts.
fn target(expression: &Expression, form: Form, buffer: Buffer, stepwise: bool) -> Target {
    let backtracking = stepwise || needs_backtracking(&expression.root, form, buffer);
    Target {
        form,
        buffer,
        engine: if backtracking {
            Engine::Backtracking
        } else {
            Engine::Linear
        },
        stepwise,
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?}, {})", self.0.expanded, self.engine())
    }
}

#[cfg(test)]
mod tests;
