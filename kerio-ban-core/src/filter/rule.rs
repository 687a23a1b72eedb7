//! One expression of a filter, with everything that is known of it.

use std::fmt;
use std::sync::OnceLock;

use super::gather::{Gathered, Part, Piece, Substitutes, Texts};
use super::names::{Name, Names};
use crate::error::Error;
use crate::pattern::{
    Buffer, Engine, Haystack, LimitReached, Pattern, PatternOptions, Slots, expand_tags,
};
use crate::source::Origin;
use crate::traced::Traced;

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Searched first; its `content` group becomes the text for the others.
    Prefregex,
    /// A failure.
    Failregex,
    /// Not a failure after all.
    Ignoreregex,
}

impl RuleKind {
    /// The name of the option: `prefregex`, `failregex` or `ignoreregex`.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::Prefregex => "prefregex",
            RuleKind::Failregex => "failregex",
            RuleKind::Ignoreregex => "ignoreregex",
        }
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An expression of a filter.
pub struct Rule {
    kind: RuleKind,
    index: usize,
    original: Traced,
    pattern: Pattern,
    options: PatternOptions,
    /// The same expression for the rare text that is taken for one line but
    /// holds a newline.
    odd: OnceLock<Option<Pattern>>,
    /// The groups that have names, with these.
    named: Vec<(usize, Name)>,
    substitutes: Substitutes,
    roles: Roles,
}

/// The numbers of the groups that decide what becomes of a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roles {
    pub(super) ip4: Option<usize>,
    pub(super) ip6: Option<usize>,
    pub(super) nofail: Option<usize>,
    pub(super) content: Option<usize>,
    /// Whether nothing else does: an address alone then makes a failure.
    pub(super) plain: bool,
}

/// The groups that make an id, or the part of one that a session supplies.
const IDENTIFYING: [&str; 5] = ["fid", "ip4", "ip6", "dns", "mlfid"];

/// Those whose values decide what becomes of a match.
const FED: [Name; 6] = [
    Name::FID,
    Name::IP4,
    Name::IP6,
    Name::CIDR,
    Name::MLFID,
    Name::NOFAIL,
];

impl Rule {
    /// Expands the tags and checks the expression.
    pub(super) fn new(
        kind: RuleKind,
        index: usize,
        original: &Traced,
        host_names: bool,
        options: PatternOptions,
        names: &mut Names,
    ) -> Result<Rule, Error> {
        let entry = (kind != RuleKind::Prefregex).then_some(index);
        let expanded = expand_tags(original, host_names);
        let pattern = Pattern::new(&expanded, options)
            .map_err(|error| error.in_option("Definition", kind.as_str(), entry))?;
        let groups = pattern.group_names().iter();
        let substitutes = Substitutes::of(groups.clone().flatten(), names);
        let named = groups.enumerate();
        let named = named
            .filter_map(|(number, name)| Some((number, names.add(name.as_ref()?))))
            .collect();
        let group = |name| pattern.group(name);
        let roles = Roles {
            ip4: group("ip4"),
            ip6: group("ip6"),
            nofail: group("nofail"),
            content: group("content"),
            plain: ["fid", "cidr", "mlfid"]
                .into_iter()
                .all(|name| group(name).is_none())
                && !substitutes.feed(&FED),
        };
        Ok(Rule {
            kind,
            index,
            original: original.clone(),
            pattern,
            options,
            odd: OnceLock::new(),
            named,
            substitutes,
            roles,
        })
    }

    /// What the expression is for.
    pub fn kind(&self) -> RuleKind {
        self.kind
    }

    /// Its place among those of its kind, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The expression as configured, before `<HOST>` and the like are
    /// expanded.
    pub fn original(&self) -> &Traced {
        &self.original
    }

    /// The expression after that: what fail2ban hands to Python.
    pub fn expanded(&self) -> &str {
        self.pattern.expanded().as_str()
    }

    /// What the engine was given for it.
    pub fn translated(&self) -> &str {
        self.pattern.translated()
    }

    /// Which engine runs it.
    pub fn engine(&self) -> Engine {
        self.pattern.engine()
    }

    /// Where it was written. `None` if it was made by a program.
    pub fn origin(&self) -> Option<Origin> {
        self.original.origin(0..self.original.len())
    }

    /// The names of its groups, as they are typed.
    pub(super) fn group_names(&self) -> impl Iterator<Item = &str> {
        self.pattern
            .group_names()
            .iter()
            .flatten()
            .map(|name| &**name)
    }

    /// Where the groups are that decide what becomes of a match.
    pub(super) fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Whether it can supply an id, alone or with the lines of its session.
    pub(super) fn identifies(&self) -> bool {
        IDENTIFYING
            .iter()
            .any(|name| self.pattern.group(name).is_some())
    }

    pub(super) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Searches the whole text, which ends in a newline. `odd` says that the
    /// text of a filter that reads line by line has a further newline in it.
    pub(super) fn search(
        &self,
        text: Haystack<'_>,
        odd: bool,
        slots: &mut Slots,
    ) -> Result<bool, LimitReached> {
        let pattern = if odd { self.odd() } else { &self.pattern };
        pattern.captures(text, 0..text.as_str().len(), slots)
    }

    fn odd(&self) -> &Pattern {
        let odd = self.odd.get_or_init(|| {
            let options = PatternOptions {
                buffer: Buffer::Lines,
                ..self.options
            };
            Pattern::new(self.pattern.expanded(), options).ok()
        });
        odd.as_ref().unwrap_or(&self.pattern)
    }

    /// Collects the named groups of a search that succeeded. It was in one of
    /// the texts.
    pub(super) fn gather(&self, part: Part, texts: Texts<'_>, slots: &Slots, out: &mut Gathered) {
        self.gather_but(None, part, texts, slots, out);
    }

    /// The same of a prefregex: without `content`, which is only the text for
    /// the others.
    pub(super) fn gather_prefix(&self, texts: Texts<'_>, slots: &Slots, out: &mut Gathered) {
        if self.substitutes.feed(&[Name::CONTENT]) {
            self.gather(Part::Line, texts, slots, out);
            out.remove(Name::CONTENT);
        } else {
            self.gather_but(Some(Name::CONTENT), Part::Line, texts, slots, out);
        }
    }

    fn gather_but(
        &self,
        without: Option<Name>,
        part: Part,
        texts: Texts<'_>,
        slots: &Slots,
        out: &mut Gathered,
    ) {
        out.clear();
        for &(group, name) in &self.named {
            if without != Some(name) {
                let range = slots.get(group);
                // No two groups have the same name.
                out.push(name, range.map(|range| Piece::Text(part, range)));
            }
        }
        self.substitutes.apply(out, texts);
    }

    /// Overwrites what the prefregex captured with the groups of a search in
    /// the content.
    pub(super) fn overwrite(&self, texts: Texts<'_>, slots: &Slots, out: &mut Gathered) {
        if !self.substitutes.is_empty() {
            let mut own = Gathered::default();
            self.gather(Part::Content, texts, slots, &mut own);
            return out.overwrite(&mut own);
        }
        // No two groups of one expression have the same name.
        let before = out.len();
        for &(group, name) in &self.named {
            if let Some(range) = slots.get(group) {
                out.set_among(before, name, Piece::Text(Part::Content, range));
            }
        }
    }

    /// The text of a named group of a search that succeeded.
    pub(super) fn group_text<'t>(
        &self,
        name: &str,
        text: &'t str,
        slots: &Slots,
    ) -> Option<&'t str> {
        slots
            .get(self.pattern.group(name)?)
            .map(|range| &text[range])
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {:?}", self.kind, self.index, self.original)
    }
}
