//! Numbers and blanks as Python reads them: in any script.

use std::sync::LazyLock;

/// The decimal digits of Unicode, as ranges whose first member is a zero.
static DIGITS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let hir = regex_syntax::parse(r"\p{Nd}").map(regex_syntax::hir::Hir::into_kind);
    match hir {
        Ok(regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class))) => {
            class.iter().map(|r| (r.start(), r.end())).collect()
        }
        _ => vec![('0', '9')],
    }
});

/// Letters and numbers of Unicode.
static ALPHANUMERIC: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let hir = regex_syntax::parse(r"[\p{L}\p{N}]").map(regex_syntax::hir::Hir::into_kind);
    match hir {
        Ok(regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class))) => {
            class.iter().map(|r| (r.start(), r.end())).collect()
        }
        _ => Vec::new(),
    }
});

/// A text that is no number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotANumber;

/// White space to Python's `str.strip`.
pub(super) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// A letter or number to Python's `str.isalnum`.
pub(super) fn is_python_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric()
    } else {
        in_ranges(&ALPHANUMERIC, c).is_some()
    }
}

/// The value of a decimal digit of any script.
pub(super) fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|digit| digit as u8);
    }
    let zero = in_ranges(&DIGITS, c)?;
    Some(((c as u32 - zero as u32) % 10) as u8)
}

/// The start of the range that a character is in.
fn in_ranges(ranges: &[(char, char)], c: char) -> Option<char> {
    let after = ranges.partition_point(|&(start, _)| start <= c);
    let &(start, end) = ranges.get(after.checked_sub(1)?)?;
    (c <= end).then_some(start)
}

/// Python's `int(text)`. What is too large for an `i64` becomes the nearest
/// one: every use refuses such numbers anyway.
pub(super) fn int(text: &str) -> Result<i64, NotANumber> {
    // The usual case: one to four digits.
    if let [b'0'..=b'9', ..] = text.as_bytes()
        && text.len() <= 4
        && let Ok(number) = text.parse()
    {
        return Ok(number);
    }
    let text = text.trim_matches(is_python_space);
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let mut number = 0_i64;
    for c in plain_digits(digits)?.chars() {
        let digit = i64::from(digit(c).ok_or(NotANumber)?);
        number = number.saturating_mul(10).saturating_add(digit);
    }
    Ok(if negative { -number } else { number })
}

/// The digits without underscores, of which there may be one between two.
fn plain_digits(text: &str) -> Result<String, NotANumber> {
    /// Python refuses to read longer numbers.
    const MOST: usize = 4300;
    let parts: Vec<&str> = text.split('_').collect();
    let digits = parts.concat();
    if parts.iter().any(|part| part.is_empty()) || digits.chars().count() > MOST {
        return Err(NotANumber);
    }
    Ok(digits)
}

/// Python's `float(text)`, for finite numbers.
pub(super) fn float(text: &str) -> Result<f64, NotANumber> {
    // The usual case: digits, perhaps with a point.
    if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.')) {
        return text.parse().map_err(|_| NotANumber);
    }
    let ascii: String = text
        .trim_matches(is_python_space)
        .chars()
        .map(|c| digit(c).map_or(c, |digit| char::from(b'0' + digit)))
        .collect();
    let between_digits = ascii.split('_').collect::<Vec<_>>().windows(2).all(|pair| {
        pair[0].ends_with(|c: char| c.is_ascii_digit())
            && pair[1].starts_with(|c: char| c.is_ascii_digit())
    });
    if !between_digits {
        return Err(NotANumber);
    }
    match ascii.replace('_', "").parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(NotANumber),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_script_have_values() {
        assert_eq!(digit('7'), Some(7));
        assert_eq!(digit('٣'), Some(3));
        assert_eq!(digit('９'), Some(9));
        assert_eq!(digit('𝟨'), Some(6));
        assert_eq!(digit('²'), None);
        assert_eq!(digit('x'), None);
    }

    #[test]
    fn integers_are_read_as_python_does() {
        assert_eq!(int("08"), Ok(8));
        assert_eq!(int(" 2"), Ok(2));
        assert_eq!(int("-1_0"), Ok(-10));
        assert_eq!(int("+\u{661}\u{662}"), Ok(12));
        assert_eq!(int("99999999999999999999"), Ok(i64::MAX));
        for bad in ["", " ", "-", "1__0", "_1", "1_", "1 2", "²", "1.0", "+-1"] {
            assert_eq!(int(bad), Err(NotANumber), "{bad}");
        }
        assert_eq!(int(&"0".repeat(4300)), Ok(0));
        assert_eq!(int(&"0".repeat(4301)), Err(NotANumber));
    }

    #[test]
    fn floats_are_read_as_python_does() {
        assert_eq!(float("1124013600.123"), Ok(1_124_013_600.123));
        assert_eq!(float("\u{ff11}\u{ff12}"), Ok(12.0));
        assert_eq!(float("1_0"), Ok(10.0));
        for bad in ["", "1__0", "_1", "1_", "nan", "inf", "1e999", "x"] {
            assert_eq!(float(bad), Err(NotANumber), "{bad}");
        }
    }

    #[test]
    fn marks_are_not_alphanumeric() {
        assert!(is_python_alphanumeric('é'));
        assert!(is_python_alphanumeric('½'));
        assert!(!is_python_alphanumeric('\u{301}'));
        assert!(!is_python_alphanumeric('_'));
    }
}
