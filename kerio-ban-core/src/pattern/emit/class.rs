//! Characters and classes as text.

use std::fmt::Write as _;

use regex_syntax::hir::ClassUnicode;

use crate::pattern::charset::{DIGIT, SPACE, WORD, ascii_items, chars_set};
use crate::pattern::syntax::{Class, ClassItem, Perl};

/// Something that never matches.
pub(super) const NEVER: &str = r"[^\x00-\x{10FFFF}]";
pub(super) const NEVER_ASCII: &str = r"[^\x00-\xFF]";

/// A class of ASCII characters, or a plain literal for a single one.
pub(super) fn ascii_class(set: u128) -> String {
    let mut out = String::new();
    match set.count_ones() {
        0 => out.push_str(NEVER_ASCII),
        1 => push_literal(&mut out, set.trailing_zeros() as u8 as char),
        128 => out.push_str(r"[\x00-\x7F]"),
        _ => {
            out.push('[');
            let mut rest = set;
            while rest != 0 {
                let low = rest.trailing_zeros();
                let length = (!(rest >> low)).trailing_zeros();
                push_range(
                    &mut out,
                    low as u8 as char,
                    (low + length - 1) as u8 as char,
                );
                rest = match low + length {
                    128 => 0,
                    end => rest >> end << end,
                };
            }
            out.push(']');
        }
    }
    out
}

pub(super) fn push_class(out: &mut String, class: &Class) {
    if !class.except.is_empty() {
        let whole = Class {
            except: Vec::new(),
            ..class.clone()
        };
        out.push('[');
        push_class(out, &whole);
        out.push_str("--[");
        for &(low, high) in &class.except {
            if let (Some(low), Some(high)) = (char::from_u32(low), char::from_u32(high)) {
                push_range(out, low, high);
            }
        }
        out.push_str("]]");
        return;
    }
    if let [
        ClassItem::Perl {
            perl,
            negated,
            ascii,
        },
    ] = class.items[..]
    {
        match (perl, class.negated != negated, ascii) {
            (Perl::Digit, false, false) => out.push_str(r"\d"),
            (Perl::Digit, true, false) => out.push_str(r"\D"),
            (_, negated, _) => push_perl(out, perl, negated, ascii),
        }
        return;
    }
    let mut items = String::new();
    let chars = chars_set(&class.items, class.fold);
    for range in chars.iter() {
        push_range(&mut items, range.start(), range.end());
    }
    for item in &class.items {
        match *item {
            ClassItem::Range(..) => {}
            ClassItem::Perl {
                perl: Perl::Digit,
                negated,
                ascii: false,
            } => items.push_str(if negated { r"\D" } else { r"\d" }),
            ClassItem::Perl {
                perl,
                negated: true,
                ascii,
            } => push_perl(&mut items, perl, true, ascii),
            ClassItem::Perl { perl, ascii, .. } => items.push_str(perl_items(perl, ascii)),
        }
    }
    match (items.is_empty(), class.negated) {
        (true, false) => out.push_str(NEVER),
        (true, true) => out.push_str("(?s:.)"),
        (false, negated) => {
            out.push_str(if negated { "[^" } else { "[" });
            out.push_str(&items);
            out.push(']');
        }
    }
}

fn push_perl(out: &mut String, perl: Perl, negated: bool, ascii: bool) {
    out.push_str(if negated { "[^" } else { "[" });
    out.push_str(perl_items(perl, ascii));
    out.push(']');
}

fn perl_items(perl: Perl, ascii: bool) -> &'static str {
    match perl {
        _ if ascii => ascii_items(perl),
        Perl::Digit => DIGIT,
        Perl::Space => SPACE,
        Perl::Word => WORD,
    }
}

pub(super) fn push_set(out: &mut String, set: &ClassUnicode) {
    match set.ranges() {
        [] => out.push_str(NEVER),
        [range] if range.start() == range.end() => push_literal(out, range.start()),
        ranges => {
            out.push('[');
            for range in ranges {
                push_range(out, range.start(), range.end());
            }
            out.push(']');
        }
    }
}

/// Two neighbours are written as themselves, not as a range.
fn push_range(out: &mut String, low: char, high: char) {
    push_class_literal(out, low);
    if low == high {
        return;
    }
    if u32::from(high) > u32::from(low) + 1 {
        out.push('-');
    }
    push_class_literal(out, high);
}

fn push_class_literal(out: &mut String, c: char) {
    if matches!(c, '[' | ']' | '\\' | '^' | '-' | '&' | '~') {
        out.push('\\');
        out.push(c);
    } else {
        push_visible(out, c);
    }
}

/// A literal character outside of a class.
pub(super) fn push_literal(out: &mut String, c: char) {
    if matches!(
        c,
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$'
    ) {
        out.push('\\');
        out.push(c);
    } else {
        push_visible(out, c);
    }
}

fn push_visible(out: &mut String, c: char) {
    let _ = match c {
        '\n' => write!(out, r"\n"),
        '\r' => write!(out, r"\r"),
        '\t' => write!(out, r"\t"),
        c if c.is_ascii_control() => write!(out, r"\x{:02X}", u32::from(c)),
        c if !c.is_ascii() && (c.is_control() || c.is_whitespace()) => {
            write!(out, r"\x{{{:X}}}", u32::from(c))
        }
        c => write!(out, "{c}"),
    };
}
