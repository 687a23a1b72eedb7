//! Whole numbers as Python's optparse reads them.

/// Reads `12`, `+1_000`, `-5`, `0x1f`, `0b11`, and `017`, which is octal. What
/// is beyond 64 bits becomes the nearest number that is not.
pub(super) fn integer(text: &str) -> Option<i64> {
    let prefix: String = text.chars().take(2).collect::<String>().to_lowercase();
    match prefix.as_str() {
        "0x" => with_radix(text, 16),
        "0b" => match text.get(2..) {
            None | Some("") => Some(0),
            Some(digits) => with_radix(digits, 2),
        },
        _ if text.starts_with('0') => with_radix(text, 8),
        _ => with_radix(text, 10),
    }
}

/// Python's `int(text, radix)`: white space around, a sign, a prefix that says
/// the radix once more, single underscores between digits.
fn with_radix(text: &str, radix: u32) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let letter = match radix {
        16 => 'x',
        8 => 'o',
        2 => 'b',
        _ => '\0',
    };
    let prefixed = digits.strip_prefix('0').and_then(|rest| {
        rest.strip_prefix([letter, letter.to_ascii_uppercase()])
            .map(|rest| rest.strip_prefix('_').unwrap_or(rest))
    });
    let mut value: i64 = 0;
    let mut after_digit = false;
    let mut any = false;
    for c in prefixed.unwrap_or(digits).chars() {
        if c == '_' && after_digit {
            after_digit = false;
            continue;
        }
        let digit = c.to_digit(radix)?;
        value = value
            .saturating_mul(i64::from(radix))
            .saturating_add(i64::from(digit));
        after_digit = true;
        any = true;
    }
    if !any || !after_digit {
        return None;
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("5", Some(5)),
            ("-5", Some(-5)),
            ("+5", Some(5)),
            (" 5 ", Some(5)),
            ("1_000", Some(1000)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("0x1F", Some(31)),
            ("0X10", Some(16)),
            ("0x", None),
            ("0b101", Some(5)),
            ("0b", Some(0)),
            ("017", Some(15)),
            ("0o17", Some(15)),
            ("0", Some(0)),
            ("09", None),
            ("-017", Some(-17)),
            ("", None),
            ("abc", None),
            ("1.5", None),
            ("99999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }
}
