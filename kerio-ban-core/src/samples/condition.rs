//! The conditions of annotations.
//!
//! fail2ban evaluates `constraint` and `test.condition` as Python. What is
//! written there compares the filter's name and options, and that much of
//! Python is understood here; nothing is ever executed.
//!
//! ```text
//! any     = all { "or" all }
//! all     = test { "and" test }
//! test    = "not" test | operand [ ("==" | "!=" | "in" | "not in") operand ]
//! operand = "name" | "opts.get(" text [ "," operand ] ")" | "opts[" text "]"
//!         | text | "None" | "True" | "False" | "(" any ")" | "[" list "]"
//! ```

use serde_json::Value;

use super::read::Options;

/// Evaluates a condition. The error says what was expected and what was found.
pub(super) fn holds(condition: &str, name: &str, options: &Options) -> Result<bool, String> {
    let mut parser = Parser {
        rest: condition,
        depth: 0,
        name,
        options,
    };
    let value = parser.any()?;
    match parser.peek() {
        "" => Ok(truth(&value)),
        more => Err(format!("expected the end of the condition, found `{more}`")),
    }
}

/// Python's idea of what is true.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

struct Parser<'c> {
    rest: &'c str,
    depth: usize,
    name: &'c str,
    options: &'c Options,
}

/// Brackets and `not`s within each other; more is no condition but an attack.
const MAX_DEPTH: usize = 50;

impl<'c> Parser<'c> {
    fn any(&mut self) -> Result<Value, String> {
        let mut value = self.all()?;
        while self.word("or") {
            let other = self.all()?;
            value = if truth(&value) { value } else { other };
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<Value, String> {
        let mut value = self.test()?;
        while self.word("and") {
            let other = self.test()?;
            value = if truth(&value) { other } else { value };
        }
        Ok(value)
    }

    fn test(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("the condition is nested too deeply".to_owned());
        }
        let value = if self.word("not") {
            Value::Bool(!truth(&self.test()?))
        } else {
            let left = self.operand()?;
            if self.symbol("==") {
                Value::Bool(left == self.operand()?)
            } else if self.symbol("!=") {
                Value::Bool(left != self.operand()?)
            } else if self.word("in") {
                Value::Bool(contains(&self.operand()?, &left)?)
            } else if self.word("not") {
                if !self.word("in") {
                    return Err(format!(
                        "expected `in` after `not`, found `{}`",
                        self.peek()
                    ));
                }
                Value::Bool(!contains(&self.operand()?, &left)?)
            } else {
                left
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn operand(&mut self) -> Result<Value, String> {
        if self.symbol("(") {
            let value = self.any()?;
            if self.symbol(",") {
                return self.list(vec![value], ")");
            }
            self.expect(")")?;
            return Ok(value);
        }
        if self.symbol("[") {
            return self.list(Vec::new(), "]");
        }
        if let Some(text) = self.text()? {
            return Ok(Value::String(text));
        }
        if self.word("name") {
            return Ok(Value::String(self.name.to_owned()));
        }
        if self.word("None") {
            return Ok(Value::Null);
        }
        if self.word("True") {
            return Ok(Value::Bool(true));
        }
        if self.word("False") {
            return Ok(Value::Bool(false));
        }
        if self.word("opts") {
            return self.option();
        }
        Err(format!(
            "expected `name`, `opts` or a quoted text, found `{}`",
            self.peek()
        ))
    }

    fn option(&mut self) -> Result<Value, String> {
        let close = if self.symbol("[") {
            "]"
        } else {
            self.expect(".")?;
            if !self.word("get") {
                return Err(format!("expected `get`, found `{}`", self.peek()));
            }
            self.expect("(")?;
            ")"
        };
        let key = self
            .text()?
            .ok_or_else(|| format!("expected a quoted option name, found `{}`", self.peek()))?;
        let found = self.options.get(&key).cloned();
        let default = if close == ")" && self.symbol(",") {
            self.any()?
        } else {
            Value::Null
        };
        self.expect(close)?;
        match found {
            None if close == "]" => Err(format!("there is no option `{key}`")),
            found => Ok(found.unwrap_or(default)),
        }
    }

    fn list(&mut self, mut items: Vec<Value>, close: &str) -> Result<Value, String> {
        while !self.symbol(close) {
            items.push(self.any()?);
            if !self.symbol(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(Value::Array(items))
    }

    /// A quoted text, taken as it stands between its quotes.
    fn text(&mut self) -> Result<Option<String>, String> {
        let rest = self.peek();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(None);
        };
        let Some(end) = rest[1..].find(quote) else {
            return Err(format!("expected `{quote}` after `{rest}`"));
        };
        let text = &rest[1..=end];
        if text.contains('\\') {
            return Err(format!("escapes are not understood in `{text}`"));
        }
        self.rest = &rest[end + 2..];
        Ok(Some(text.to_owned()))
    }

    fn peek(&mut self) -> &'c str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        match self.peek().strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.symbol(symbol) {
            return Ok(());
        }
        Err(format!("expected `{symbol}`, found `{}`", self.peek()))
    }

    fn word(&mut self, word: &str) -> bool {
        let rest = self.peek().strip_prefix(word);
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        match rest.filter(|rest| ends(rest)) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn contains(whole: &Value, part: &Value) -> Result<bool, String> {
    match (whole, part) {
        (Value::Array(items), part) => Ok(items.contains(part)),
        (Value::String(whole), Value::String(part)) => Ok(whole.contains(part.as_str())),
        (Value::Object(entries), Value::String(part)) => Ok(entries.contains_key(part)),
        _ => Err(format!("`in` cannot look for {part} in {whole}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(condition: &str) -> Result<bool, String> {
        let mut options = Options::new();
        options.insert("mode".to_owned(), "ddos".into());
        holds(condition, "sshd", &options)
    }

    #[test]
    fn conditions_are_pythons() {
        for (condition, expected) in [
            ("name=='sshd'", true),
            ("name != \"sshd\"", false),
            ("opts.get('mode') == 'aggressive'", false),
            ("opts.get('mode') in ('ddos', 'aggressive')", true),
            ("opts['mode'] not in ['ddos']", false),
            ("'dd' in opts.get('mode')", true),
            ("opts.get('x', 'y') == 'y' and not name == 'a'", true),
            ("opts.get('x') == None or False", true),
            ("not (name == 'sshd' and opts.get('x'))", true),
            ("True and 'a' or None", true),
            ("('ddos',) == (opts['mode'],)", true),
        ] {
            assert_eq!(eval(condition), Ok(expected), "{condition}");
        }
    }

    #[test]
    fn err_conditions() {
        let error = |condition: &str| eval(condition).unwrap_err();
        insta::assert_snapshot!(error("__import__('os')"), @"expected `name`, `opts` or a quoted text, found `__import__('os')`");
        insta::assert_snapshot!(error("name == 'sshd"), @"expected `'` after `'sshd`");
        insta::assert_snapshot!(error("name 'x'"), @"expected the end of the condition, found `'x'`");
        insta::assert_snapshot!(error("opts['nope']"), @"there is no option `nope`");
        insta::assert_snapshot!(error(&"not ".repeat(99)), @"the condition is nested too deeply");
    }
}
