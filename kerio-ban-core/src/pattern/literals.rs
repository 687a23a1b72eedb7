//! Literals an expression cannot match without.
//!
//! They come from the tree. What the tree cannot tell, such as what a
//! back-reference repeats, counts as anything.

use super::charset::set_of;
use super::syntax::{ClassItem, Fold, Kind, Node, Repeat};

/// How many literals one set may have.
const MAX_LITERALS: usize = 128;
/// How many strings are kept while they are put together piece by piece.
const MAX_STRINGS: usize = 16;
/// How many characters of a class are taken apart.
const MAX_CHARS: usize = 4;
/// Shorter literals are in too many lines to be of use.
const MIN_LENGTH: usize = 3;
/// How many sets are offered to choose from.
const MAX_SETS: usize = 16;

/// A string, or a string in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Literal {
    pub(super) text: String,
    /// Whether ASCII letters match in either case.
    pub(super) fold: bool,
    /// Whether a letter outside of ASCII could stand for one inside, so that
    /// the literal says nothing of a text that is not ASCII.
    pub(super) ascii_only: bool,
}

impl Literal {
    fn push(&mut self, next: &Literal) {
        self.text.push_str(&next.text);
        self.fold |= next.fold;
        self.ascii_only |= next.ascii_only;
    }

    fn then(&self, next: &Literal) -> Literal {
        Literal {
            text: format!("{}{}", self.text, next.text),
            fold: self.fold || next.fold,
            ascii_only: self.ascii_only || next.ascii_only,
        }
    }
}

/// All useful sets of which each match contains at least one literal, in the
/// order of the expression.
pub(super) fn required_sets(root: &Node) -> Vec<Vec<Literal>> {
    let facts = facts(root);
    let mut sets = facts.sets;
    sets.extend(facts.exact);
    sets.retain(|set| is_useful(set));
    sets.into_iter().map(without_longer).collect()
}

/// What is known of the strings a node matches.
#[derive(Default)]
struct Facts {
    /// All of them, if they are few.
    exact: Option<Vec<Literal>>,
    /// Sets of useful literals; each of the strings contains one of each set.
    sets: Vec<Vec<Literal>>,
}

impl Facts {
    fn exactly(literals: Vec<Literal>) -> Facts {
        Facts {
            exact: Some(literals),
            sets: Vec::new(),
        }
    }

    fn nothing() -> Facts {
        Facts::exactly(vec![Literal::default()])
    }

    /// The sets, all strings as one of them if they are few.
    fn all_sets(self) -> Vec<Vec<Literal>> {
        let mut sets = self.sets;
        sets.extend(self.exact.filter(|literals| is_useful(literals)));
        sets
    }
}

fn facts(node: &Node) -> Facts {
    match &node.kind {
        Kind::Empty | Kind::Assert(_) | Kind::Look(_) | Kind::EndHere => Facts::nothing(),
        Kind::Char { code, fold } => match literal(*code, *fold) {
            Some(literal) => Facts::exactly(vec![literal]),
            None => Facts::default(),
        },
        Kind::Class(_) => class(&node.kind),
        Kind::Any { .. } | Kind::Backref { .. } => Facts::default(),
        Kind::Concat(nodes) => concat(nodes),
        Kind::Alternate(nodes) => alternate(nodes.iter().map(facts)),
        Kind::Condition { yes, no, .. } => alternate([facts(yes), facts(no)]),
        Kind::Repeat(repeat) => repeated(repeat),
        Kind::Capture { body, .. } | Kind::Atomic(body) => facts(body),
    }
}

fn literal(code: u32, fold: Fold) -> Option<Literal> {
    let c = char::from_u32(code)?;
    let caseless = fold == Fold::Exact || (c.is_ascii() && !c.is_ascii_alphabetic());
    if !caseless && !c.is_ascii() {
        return None;
    }
    Some(Literal {
        text: c.to_string(),
        fold: !caseless,
        // Long s, the Kelvin sign, dotless and dotted i.
        ascii_only: !caseless
            && fold == Fold::Unicode
            && matches!(c.to_ascii_lowercase(), 'i' | 'k' | 's'),
    })
}

fn class(kind: &Kind) -> Facts {
    if let Kind::Class(class) = kind
        && (class.negated || class.items.iter().any(is_large))
    {
        return Facts::default();
    }
    let Some(set) = set_of(kind) else {
        return Facts::default();
    };
    let mut chars = set
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .map(String::from);
    let literals: Vec<Literal> = chars
        .by_ref()
        .take(MAX_CHARS)
        .map(|text| Literal {
            text,
            ..Literal::default()
        })
        .collect();
    if chars.next().is_some() {
        return Facts::default();
    }
    Facts::exactly(literals)
}

/// Whether an item alone has more characters than are taken apart.
fn is_large(item: &ClassItem) -> bool {
    match *item {
        ClassItem::Range(low, high) => high - low >= MAX_CHARS as u32,
        ClassItem::Perl { .. } => true,
    }
}

fn repeated(repeat: &Repeat) -> Facts {
    let body = facts(&repeat.body);
    match (repeat.min, repeat.max) {
        (_, Some(0)) => Facts::nothing(),
        (1, Some(1)) => body,
        (0, Some(1)) => alternate([body, Facts::nothing()]),
        (0, _) => Facts::default(),
        _ => Facts {
            exact: None,
            sets: body.all_sets(),
        },
    }
}

fn concat(nodes: &[Node]) -> Facts {
    let mut sets: Vec<Vec<Literal>> = Vec::new();
    let mut run = vec![Literal::default()];
    let mut whole = true;
    for node in nodes {
        let facts = facts(node);
        let fits = |exact: &Vec<Literal>| run.len() * exact.len() <= MAX_STRINGS;
        match facts.exact {
            Some(exact) if exact.len() == 1 => {
                run.iter_mut().for_each(|start| start.push(&exact[0]));
            }
            Some(exact) if fits(&exact) => {
                run = run
                    .iter()
                    .flat_map(|start| exact.iter().map(|end| start.then(end)))
                    .collect();
            }
            exact => {
                whole = false;
                let next = exact.unwrap_or_else(|| vec![Literal::default()]);
                sets.push(std::mem::replace(&mut run, next));
            }
        }
        sets.extend(facts.sets);
    }
    let exact = if whole {
        Some(run)
    } else {
        sets.push(run);
        None
    };
    sets.retain(|set| is_useful(set));
    // The first ones, and the one that would be taken without a choice.
    if sets.len() > MAX_SETS {
        let best = sets.iter().cloned().reduce(better);
        sets.truncate(MAX_SETS - 1);
        sets.extend(best);
    }
    Facts { exact, sets }
}

fn alternate(branches: impl IntoIterator<Item = Facts>) -> Facts {
    let mut exact = Some(Vec::new());
    let mut all = Some(Vec::new());
    for branch in branches {
        if let Some(all) = &mut exact {
            match &branch.exact {
                Some(literals) if all.len() + literals.len() <= MAX_LITERALS => {
                    all.extend(literals.iter().cloned());
                }
                _ => exact = None,
            }
        }
        if let Some(literals) = &mut all {
            match branch.all_sets().into_iter().reduce(better) {
                Some(more) if literals.len() + more.len() <= MAX_LITERALS => {
                    literals.extend(more);
                }
                _ => all = None,
            }
        }
    }
    Facts {
        exact,
        sets: all.into_iter().collect(),
    }
}

fn is_useful(literals: &[Literal]) -> bool {
    shortest(literals) >= MIN_LENGTH
}

fn shortest(literals: &[Literal]) -> usize {
    literals
        .iter()
        .map(|literal| literal.text.len())
        .min()
        .unwrap_or(0)
}

/// Of two useful sets the one that fewer texts will contain: long literals,
/// and few of them.
pub(super) fn better(one: Vec<Literal>, other: Vec<Literal>) -> Vec<Literal> {
    if worth(&other) > worth(&one) {
        other
    } else {
        one
    }
}

/// What a set is worth where it is not known which texts will be searched.
pub(super) fn worth(literals: &[Literal]) -> i64 {
    let many = usize::BITS - literals.len().leading_zeros();
    2 * shortest(literals).min(12) as i64 - i64::from(many)
}

/// Without doubles and without literals that contain another one.
fn without_longer(mut literals: Vec<Literal>) -> Vec<Literal> {
    literals.sort_by(|a, b| a.text.len().cmp(&b.text.len()).then_with(|| a.cmp(b)));
    let mut kept: Vec<Literal> = Vec::new();
    for literal in literals {
        let contained = kept.iter().any(|shorter| {
            shorter.fold == literal.fold
                && shorter.ascii_only <= literal.ascii_only
                && literal.text.contains(&shorter.text)
        });
        if !contained {
            kept.push(literal);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::parse::parse;

    fn shown(text: &str) -> String {
        let root = parse(text, false).unwrap().root;
        let Some(literals) = required_sets(&root).into_iter().reduce(better) else {
            return "none".to_owned();
        };
        let show = |literal: &Literal| {
            let mut out = format!("{:?}", literal.text);
            if literal.fold {
                out.push_str(if literal.ascii_only { "i(ascii)" } else { "i" });
            }
            out
        };
        literals.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_sequence_is_put_together() {
        assert_eq!(shown("abc"), r#""abc""#);
        assert_eq!(shown(r"\d+ failed for \S+"), r#"" failed for ""#);
        assert_eq!(shown("a(?:bc|d)ef"), r#""adef" "abcef""#);
        assert_eq!(shown("^(a)(?=x)bc$"), r#""abc""#);
        assert_eq!(shown("[Ll]ogin"), r#""Login" "login""#);
        assert_eq!(shown("colou?r"), r#""color" "colour""#);
    }

    #[test]
    fn branches_need_one_each() {
        assert_eq!(shown("(?:failed.*x|error) y"), r#""error" "failed""#);
        assert_eq!(shown("failed|.*"), "none");
        assert_eq!(shown("(x)?(?(1)failed|error)"), r#""error" "failed""#);
    }

    #[test]
    fn repetitions_may_be_absent() {
        assert_eq!(shown("(?:failed)*"), "none");
        assert_eq!(shown("(?:failed)+x"), r#""failed""#);
        assert_eq!(shown("(?:failed){0}xyz"), r#""xyz""#);
    }

    #[test]
    fn case_is_ignored_where_it_is() {
        assert_eq!(shown("(?i)Abc-1"), r#""Abc-1"i"#);
        assert_eq!(shown("(?i)kilo"), r#""kilo"i(ascii)"#);
        assert_eq!(shown("(?ia)kilo"), r#""kilo"i"#);
        assert_eq!(shown("(?i:a)bcd"), r#""abcd"i"#);
        assert_eq!(shown("(?i)éabc"), r#""abc"i"#);
    }

    #[test]
    fn what_is_negated_is_not_required() {
        assert_eq!(shown("(?!failed)abc"), r#""abc""#);
        assert_eq!(shown(r"(\w+) \1"), "none");
    }
}
