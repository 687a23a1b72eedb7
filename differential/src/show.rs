//! Prints a difference so that it can be repeated.

use std::path::Path;

use crate::compare::View;
use crate::minimise::Smallest;

/// How many lines of each output are shown where they differ.
const SHOWN: usize = 20;

pub(crate) fn show(smallest: &Smallest, view: View) {
    let case = &smallest.case;
    println!("  printf '{}' > log", printf(&case.log()));
    let words = case.words(Path::new("log"), view == View::Rows);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    println!(
        "  TZ={} fail2ban-regex {}",
        quoted(case.zone.as_bytes()),
        words.join(" ")
    );
    let (real, ours): (Vec<&str>, Vec<&str>) = (
        smallest.fail2ban.lines().collect(),
        smallest.ours.lines().collect(),
    );
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(real, ours)| real == ours).count()
    };
    let start = same(&mut real.iter().zip(&ours));
    let (real, ours) = (&real[start..], &ours[start..]);
    let end = same(&mut real.iter().rev().zip(ours.iter().rev()));
    let (real, ours) = (&real[..real.len() - end], &ours[..ours.len() - end]);
    println!("  - fail2ban\n  + kerio-ban");
    for (sign, lines) in [('-', real), ('+', ours)] {
        for line in lines.iter().take(SHOWN) {
            println!("  {sign} {}", line.escape_debug());
        }
        if lines.len() > SHOWN {
            println!("  {sign} and {} lines more", lines.len() - SHOWN);
        }
    }
}

/// Bytes as the format of `printf` between single quotes.
fn printf(bytes: &[u8]) -> String {
    let mut out = String::new();
    for &byte in bytes {
        match byte {
            b'\n' => out += "\\n",
            b'\\' => out += "\\\\",
            b'%' => out += "%%",
            b' '..=b'~' if byte != b'\'' => out.push(char::from(byte)),
            _ => out += &format!("\\{byte:03o}"),
        }
    }
    out
}

/// A word as a shell takes it.
fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:,=".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        String::from_utf8_lossy(word).into_owned()
    } else {
        let text = String::from_utf8_lossy(word);
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_the_same_bytes() {
        assert_eq!(printf(b"a'%\\\n\xff"), r"a\047%%\\\n\377");
        assert_eq!(quoted(b"it's"), r"'it'\''s'");
        assert_eq!(quoted(b"--usedns"), "--usedns");
        assert_eq!(quoted(b""), "''");
    }
}
