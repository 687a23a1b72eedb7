//! The arithmetic of `bantime.formula` and `bantime.factor`.
//!
//! fail2ban evaluates both as Python. Understood here is the arithmetic that
//! such expressions are made of; anything else is refused with its place.
//!
//! ```text
//! choice  = or [ "if" or "else" choice ]
//! or      = and { "or" and }            and   = not { "and" not }
//! not     = "not" not | compare         compare = shift { ("<"|"<="|">"|">="|"=="|"!=") shift }
//! shift   = sum { ("<<"|">>") sum }     sum   = product { ("+"|"-") product }
//! product = sign { ("*"|"/"|"//"|"%") sign }
//! sign    = ("+"|"-") sign | power      power = atom [ "**" sign ]
//! atom    = number | "ban.Time" | "ban.Count" | "banFactor" | "math.pi" | "math.e"
//!         | function "(" choice { "," choice } ")" | "(" choice ")"
//! ```

use crate::error::{Detail, Error, ErrorKind};
use crate::traced::Traced;

/// An arithmetic expression, checked and ready to evaluate.
///
/// ```
/// use kerio_ban_core::Formula;
///
/// let formula: Formula = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)".parse()?;
/// let seconds = formula.evaluate(600.0, 2, 1.0, || 0.5).unwrap();
/// assert_eq!(seconds.round(), 4433.0);
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Formula(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Time,
    Count,
    Factor,
    Call(Function, Vec<Node>),
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Choice {
        test: Box<Node>,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unary {
    Minus,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Binary {
    Or,
    And,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Abs,
    Ceil,
    Exp,
    Float,
    Floor,
    Int,
    Log,
    Log10,
    Log2,
    Max,
    Min,
    Pow,
    Random,
    Round,
    Sqrt,
}

impl Function {
    fn named(name: &str) -> Option<Function> {
        Some(match name {
            "abs" | "math.fabs" => Function::Abs,
            "math.ceil" => Function::Ceil,
            "math.exp" => Function::Exp,
            "float" => Function::Float,
            "math.floor" => Function::Floor,
            "int" | "math.trunc" => Function::Int,
            "math.log" => Function::Log,
            "math.log10" => Function::Log10,
            "math.log2" => Function::Log2,
            "max" => Function::Max,
            "min" => Function::Min,
            "pow" | "math.pow" => Function::Pow,
            "random.random" => Function::Random,
            "round" => Function::Round,
            "math.sqrt" => Function::Sqrt,
            _ => return None,
        })
    }

    /// How many arguments it takes: at least, at most.
    fn arity(self) -> (usize, usize) {
        match self {
            Function::Random => (0, 0),
            Function::Log => (1, 2),
            Function::Pow => (2, 2),
            Function::Max | Function::Min => (2, usize::MAX),
            _ => (1, 1),
        }
    }
}

/// Operators and brackets within each other.
const MAX_DEPTH: usize = 64;

impl Formula {
    /// Reads an expression; errors carry the place of what is wrong.
    ///
    /// # Errors
    /// `bad-formula` for anything but the arithmetic described above.
    pub fn read(text: &Traced) -> Result<Formula, Error> {
        let mut parser = Parser {
            text: text.as_str(),
            at: 0,
            depth: 0,
        };
        let parsed = parser.choice().and_then(|node| match parser.peek() {
            None => Ok(node),
            Some(found) => Err(FormulaError::Unexpected {
                expected: "an operator or the end",
                found: found.to_owned(),
            }),
        });
        parsed.map(Formula).map_err(|detail| {
            let at = parser.at.min(text.len());
            let end = at + parser.peek().map_or(0, str::len);
            let error = Error::new(detail);
            match text.origin(at..end) {
                Some(origin) => error.at(origin),
                None => error,
            }
        })
    }

    /// The value of an expression that depends on nothing, as that of
    /// `bantime.factor` must be.
    pub fn constant(&self) -> Option<f64> {
        if depends(&self.0) {
            return None;
        }
        self.evaluate(0.0, 0, 1.0, || 0.0)
    }

    /// The value for a ban time in seconds, the number of earlier bans and the
    /// factor. `random` is asked for numbers from 0 up to 1. `None` where
    /// Python would raise (a division by zero, say) or the value is not finite.
    pub fn evaluate(
        &self,
        time: f64,
        count: u64,
        factor: f64,
        random: impl FnMut() -> f64,
    ) -> Option<f64> {
        let mut values = Values {
            time,
            count: count as f64,
            factor,
            random,
        };
        values.of(&self.0).filter(|value| value.is_finite())
    }
}

impl std::str::FromStr for Formula {
    type Err = Error;

    fn from_str(text: &str) -> Result<Formula, Error> {
        let source = crate::source::Source::new("formula", text);
        Formula::read(&Traced::typed(&source.span(0..text.len())))
    }
}

/// Whether a value differs from ban to ban.
fn depends(node: &Node) -> bool {
    match node {
        Node::Number(_) => false,
        Node::Time | Node::Count | Node::Factor | Node::Call(Function::Random, _) => true,
        Node::Call(_, arguments) => arguments.iter().any(depends),
        Node::Unary(_, inner) => depends(inner),
        Node::Binary(_, left, right) => depends(left) || depends(right),
        Node::Choice { test, yes, no } => depends(test) || depends(yes) || depends(no),
    }
}

struct Values<R> {
    time: f64,
    count: f64,
    factor: f64,
    random: R,
}

impl<R: FnMut() -> f64> Values<R> {
    fn of(&mut self, node: &Node) -> Option<f64> {
        Some(match node {
            Node::Number(value) => *value,
            Node::Time => self.time,
            Node::Count => self.count,
            Node::Factor => self.factor,
            Node::Unary(Unary::Minus, node) => -self.of(node)?,
            Node::Unary(Unary::Not, node) => truth(self.of(node)? == 0.0),
            Node::Choice { test, yes, no } => {
                let chosen = if self.of(test)? != 0.0 { yes } else { no };
                self.of(chosen)?
            }
            Node::Binary(Binary::Or, left, right) => match self.of(left)? {
                0.0 => self.of(right)?,
                value => value,
            },
            Node::Binary(Binary::And, left, right) => match self.of(left)? {
                0.0 => 0.0,
                _ => self.of(right)?,
            },
            Node::Binary(operator, left, right) => {
                let (left, right) = (self.of(left)?, self.of(right)?);
                binary(*operator, left, right)?
            }
            Node::Call(function, arguments) => {
                let values: Option<Vec<f64>> =
                    arguments.iter().map(|argument| self.of(argument)).collect();
                self.call(*function, &values?)?
            }
        })
    }

    fn call(&mut self, function: Function, values: &[f64]) -> Option<f64> {
        let first = values.first().copied().unwrap_or_default();
        let value = match function {
            Function::Abs => first.abs(),
            Function::Ceil => first.ceil(),
            Function::Exp => first.exp(),
            Function::Float => first,
            Function::Floor => first.floor(),
            Function::Int => first.trunc(),
            Function::Log => match values.get(1) {
                Some(base) => first.ln() / base.ln(),
                None => first.ln(),
            },
            Function::Log10 => first.log10(),
            Function::Log2 => first.log2(),
            Function::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Function::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Pow => first.powf(values[1]),
            Function::Random => (self.random)(),
            Function::Round => first.round_ties_even(),
            Function::Sqrt => first.sqrt(),
        };
        value.is_finite().then_some(value)
    }
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn binary(operator: Binary, left: f64, right: f64) -> Option<f64> {
    Some(match operator {
        // Decided by the left side, before this.
        Binary::Or | Binary::And => return None,
        Binary::Less => truth(left < right),
        Binary::LessEqual => truth(left <= right),
        Binary::Greater => truth(left > right),
        Binary::GreaterEqual => truth(left >= right),
        Binary::Equal => truth(left == right),
        Binary::NotEqual => truth(left != right),
        Binary::ShiftLeft | Binary::ShiftRight => {
            // Python shifts whole numbers only, and not by negative ones.
            if left.fract() != 0.0 || right.fract() != 0.0 || right < 0.0 {
                return None;
            }
            let power = right.min(1100.0).exp2();
            if operator == Binary::ShiftLeft {
                left * power
            } else {
                (left / power).floor()
            }
        }
        Binary::Add => left + right,
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide if right != 0.0 => left / right,
        Binary::FloorDivide if right != 0.0 => (left / right).floor(),
        Binary::Modulo if right != 0.0 => left - right * (left / right).floor(),
        Binary::Divide | Binary::FloorDivide | Binary::Modulo => return None,
        Binary::Power => left.powf(right),
    })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Parsed = Result<Node, FormulaError>;

/// Binary operators from the loosest to the tightest. Longer spellings come
/// before their beginnings.
const LEVELS: [&[(&str, Binary)]; 6] = [
    &[("or", Binary::Or)],
    &[("and", Binary::And)],
    &[
        ("<=", Binary::LessEqual),
        (">=", Binary::GreaterEqual),
        ("==", Binary::Equal),
        ("!=", Binary::NotEqual),
        ("<", Binary::Less),
        (">", Binary::Greater),
    ],
    &[("<<", Binary::ShiftLeft), (">>", Binary::ShiftRight)],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[
        ("*", Binary::Multiply),
        ("//", Binary::FloorDivide),
        ("/", Binary::Divide),
        ("%", Binary::Modulo),
    ],
];

impl<'t> Parser<'t> {
    fn choice(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FormulaError::TooDeep);
        }
        let mut node = self.level(0)?;
        if self.take("if") {
            let test = self.level(0)?;
            self.expect("else")?;
            let no = self.choice()?;
            node = Node::Choice {
                test: test.into(),
                yes: node.into(),
                no: no.into(),
            };
        }
        self.depth -= 1;
        Ok(node)
    }

    fn level(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else {
            return self.sign();
        };
        // `not` binds looser than a comparison and tighter than `and`.
        if level == 2 && self.take("not") {
            self.nest()?;
            let node = self.level(level)?;
            self.depth -= 1;
            return Ok(Node::Unary(Unary::Not, node.into()));
        }
        let mut node = self.level(level + 1)?;
        while let Some(&(_, operator)) = operators.iter().find(|(symbol, _)| self.take(symbol)) {
            let right = self.level(level + 1)?;
            node = Node::Binary(operator, node.into(), right.into());
        }
        Ok(node)
    }

    fn nest(&mut self) -> Result<(), FormulaError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FormulaError::TooDeep);
        }
        Ok(())
    }

    fn sign(&mut self) -> Parsed {
        self.nest()?;
        let node = if self.take("-") {
            Node::Unary(Unary::Minus, self.sign()?.into())
        } else if self.take("+") {
            self.sign()?
        } else {
            let base = self.atom()?;
            if self.take("**") {
                Node::Binary(Binary::Power, base.into(), self.sign()?.into())
            } else {
                base
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn atom(&mut self) -> Parsed {
        let token = self.peek().map(str::to_owned);
        let unexpected = FormulaError::Unexpected {
            expected: "a number, a name or `(`",
            found: token.clone().unwrap_or_else(|| "the end".to_owned()),
        };
        let Some(token) = token else {
            return Err(unexpected);
        };
        if self.take("(") {
            let node = self.choice()?;
            self.expect(")")?;
            return Ok(node);
        }
        if token.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let number = token.replace('_', "");
            let value = number.parse().map_err(|_| unexpected)?;
            self.take(&token);
            return Ok(Node::Number(value));
        }
        let node = match token.as_str() {
            "ban.Time" => Node::Time,
            "ban.Count" => Node::Count,
            "banFactor" => Node::Factor,
            "math.pi" => Node::Number(std::f64::consts::PI),
            "math.e" => Node::Number(std::f64::consts::E),
            "True" => Node::Number(1.0),
            "False" => Node::Number(0.0),
            name => return self.call(name),
        };
        self.take(&token);
        Ok(node)
    }

    fn call(&mut self, name: &str) -> Parsed {
        let Some(function) = Function::named(name) else {
            return Err(FormulaError::Unknown(name.to_owned()));
        };
        let start = self.at;
        self.take(name);
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.choice()?);
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        let (least, most) = function.arity();
        if arguments.len() < least || arguments.len() > most {
            self.at = start;
            return Err(FormulaError::Arguments {
                name: name.to_owned(),
                found: arguments.len(),
            });
        }
        Ok(Node::Call(function, arguments))
    }

    /// The next token: a number, a dotted name, or an operator.
    fn peek(&mut self) -> Option<&'t str> {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        let first = rest.chars().next()?;
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            let double = ["**", "//", "<<", ">>", "<=", ">=", "==", "!="];
            let found = double.iter().find(|symbol| rest.starts_with(**symbol));
            found.map_or(first.len_utf8(), |symbol| symbol.len())
        };
        Some(&rest[..length])
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &'static str) -> Result<(), FormulaError> {
        if self.take(token) {
            return Ok(());
        }
        let found = self.peek().unwrap_or("the end").to_owned();
        Err(FormulaError::Expected { token, found })
    }
}

#[derive(Debug, thiserror::Error)]
enum FormulaError {
    #[error("expected {expected}, found `{found}`")]
    Unexpected {
        expected: &'static str,
        found: String,
    },
    #[error("expected `{token}`, found `{found}`")]
    Expected { token: &'static str, found: String },
    #[error("unknown name `{0}`")]
    Unknown(String),
    #[error("wrong number of arguments for `{name}`: {found}")]
    Arguments { name: String, found: usize },
    #[error("the expression is nested too deeply")]
    TooDeep,
}

impl Detail for FormulaError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }

    fn code(&self) -> &'static str {
        "bad-formula"
    }

    fn help(&self) -> Option<String> {
        matches!(self, FormulaError::Unknown(_)).then(|| {
            "known are `ban.Time`, `ban.Count`, `banFactor`, arithmetic, `a if b else c`, \
             and the usual functions of `math`"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<f64> {
        let formula: Formula = text.parse().unwrap();
        formula.evaluate(600.0, 3, 2.0, || 0.25)
    }

    #[test]
    fn arithmetic_is_pythons() {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0),
            ("-2 ** 2", -4.0),
            ("2 ** 3 ** 2", 512.0),
            ("7 // 2 + 7 % 3", 4.0),
            ("-7 // 2", -4.0),
            ("-7 % 3", 2.0),
            ("1 << 2 + 1", 8.0),
            ("1 if 2 > 3 else 5", 5.0),
            ("not 1 == 2 and 4 or 9", 4.0),
            (
                "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor",
                9600.0,
            ),
            ("min(3, ban.Count, 9) + max(1, 2)", 5.0),
            ("int(3.9) + round(2.5) + abs(-1)", 6.0),
            ("random.random() * 4", 1.0),
            ("1_000", 1000.0),
            ("math.log(8, 2)", 3.0),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_python_would_raise_on_has_no_value() {
        for text in [
            "1 / 0",
            "1 % 0",
            "1 << -1",
            "1.5 << 1",
            "math.exp(9999)",
            "math.sqrt(-1)",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn err_formulas() {
        let error = |text: &str| text.parse::<Formula>().unwrap_err().to_string();
        insta::assert_snapshot!(error("ban.Time * __import__('os')"), @"formula:1:12: unknown name `__import__`");
        insta::assert_snapshot!(error("1 +"), @"formula:1:4: expected a number, a name or `(`, found `the end`");
        insta::assert_snapshot!(error("(1"), @"formula:1:3: expected `)`, found `the end`");
        insta::assert_snapshot!(error("1 if 2"), @"formula:1:7: expected `else`, found `the end`");
        insta::assert_snapshot!(error("1 2"), @"formula:1:3: expected an operator or the end, found `2`");
        insta::assert_snapshot!(error("math.exp()"), @"formula:1:1: wrong number of arguments for `math.exp`: 0");
        insta::assert_snapshot!(error("0x10"), @"formula:1:1: expected a number, a name or `(`, found `0x10`");
        insta::assert_snapshot!(error(&"(".repeat(1000)), @"formula:1:33: the expression is nested too deeply");
    }
}
