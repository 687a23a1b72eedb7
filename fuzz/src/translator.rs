//! Any bytes as an expression and lines to search: what is accepted runs, and
//! our own matcher finds what the general engines find.

use kerio_ban_core::{Engine, Filter, SessionOptions, Trouble, UseDns, spell_out};

use crate::shown;

/// Expressions longer than this are about sizes, not about meanings.
const LONGEST: usize = 400;

/// The first byte says how to read, the rest up to a newline is the expression,
/// and lines to search follow.
pub fn run(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else {
        return;
    };
    let mut parts = data.splitn(2, |&byte| byte == b'\n');
    let expression = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let lines = parts.next().unwrap_or_default();
    if expression.len() > LONGEST {
        return;
    }
    let host_names = how & 1 == 0;
    let _ = spell_out(&expression, host_names, how & 2 == 0);
    let mut builder = Filter::builder();
    builder.datepattern("{NONE}");
    builder.use_dns(if host_names { UseDns::Raw } else { UseDns::No });
    if how & 4 != 0 {
        builder.max_lines(3).expect("positive");
    }
    let alone = builder.clone().failregex(&*expression).build();
    let filter = match alone {
        Ok(filter) => filter,
        Err(error) => {
            shown::check_error(&error);
            // Perhaps it only has no id.
            match builder
                .failregex(format!("{expression}(?P<fid>.?)"))
                .build()
            {
                Ok(filter) => filter,
                Err(error) => return shown::check_error(&error),
            }
        }
    };
    let linear = filter.failregex()[0].engine() == Engine::Linear;
    let options = SessionOptions::testing().raw_ids(how & 8 == 0);
    let mut fast = filter.session_with(&options);
    let mut plain = filter.session_with(&options.plain(true));
    for line in lines.split(|&byte| byte == b'\n').take(20) {
        fast.feed(line, shown::now());
        plain.feed(line, shown::now());
        let gave_up = |trouble: &Trouble| matches!(trouble, Trouble::LimitReached { .. });
        if plain.troubles().iter().any(gave_up) {
            assert!(!linear, "the linear engine gave up");
            // Ours may know more, and with several lines remembers it.
            return;
        }
        let (fast, plain) = (shown::line(&fast), shown::line(&plain));
        assert!(fast == plain || may_differ(&expression), "{fast}\n{plain}");
    }
}

/// Whether the general engines are known to differ from Python, as COMPAT.md
/// says: in groups repeated whose turns may be empty depending on where they
/// stand, or while groups are referred to, or possessively.
fn may_differ(expression: &str) -> bool {
    let refers = ["(?(", "(?P=", "\\1", "\\2", "\\3"]
        .iter()
        .any(|form| expression.contains(form));
    let placed = ["^", "$", "\\b", "\\B", "\\A", "\\Z", "(?=", "(?!", "(?<"];
    let possessive = ["++", "*+", "?+", "}+", "(?>"];
    let bytes = expression.as_bytes();
    let mut open = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => open.push(at),
            b')' => {
                // A bracket that is a character only makes the body longer.
                let body = &expression[open.pop().unwrap_or(0)..at];
                let repeated = bytes.get(at + 1).is_some_and(|next| b"*+?{".contains(next));
                let has = |forms: &[&str]| forms.iter().any(|form| body.contains(form));
                let is_possessive = bytes.get(at + 2) == Some(&b'+');
                if repeated && (refers || is_possessive || has(&placed) || has(&possessive)) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}
