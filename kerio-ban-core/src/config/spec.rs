//! How a filter is asked for: its name and its parameters.

use std::fmt;
use std::str::FromStr;

use crate::config::options;
use crate::config::ordered::OrderedMap;
use crate::error::Error;
use crate::source::Source;
use crate::traced::Traced;

/// A filter's name with parameters, `name[option=value, other="a, b"]`, as in
/// a jail's `filter =`.
///
/// ```
/// use kerio_ban_core::FilterSpec;
///
/// let spec: FilterSpec = "sshd[mode=aggressive, logtype=short]".parse()?;
/// assert_eq!(spec.name(), "sshd");
/// assert_eq!(spec.option("mode"), Some("aggressive"));
/// # Ok::<(), kerio_ban_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FilterSpec {
    pub(crate) name: Traced,
    pub(crate) options: OrderedMap<Traced>,
}

impl FilterSpec {
    /// The name, which is taken as it is, without parameters.
    pub fn new(name: impl Into<String>) -> FilterSpec {
        let source = Source::new("<filter>", name);
        FilterSpec {
            name: whole(&source),
            options: OrderedMap::default(),
        }
    }

    /// Reads a name with parameters. Errors and origins name the source.
    ///
    /// The grammar is fail2ban's: no white space before `=` or after a closing
    /// quote, quotes cannot be escaped, unquoted values end at `,` or `]`, and
    /// several groups `[a=1][b=2]` count as one. The name is not trimmed.
    ///
    /// # Errors
    /// `bad-filter-options`, of kind [`Value`](crate::ErrorKind::Value).
    pub fn parse(source: &Source) -> Result<FilterSpec, Error> {
        FilterSpec::from_text(&whole(source))
    }

    pub(crate) fn from_text(text: &Traced) -> Result<FilterSpec, Error> {
        let (name, options) = options::extract(text)?;
        Ok(FilterSpec { name, options })
    }

    /// The same with a parameter more; it replaces one of the same name.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: impl Into<String>) -> FilterSpec {
        let source = Source::new(format!("<option {name}>"), value);
        self.options.insert(name, whole(&source));
        self
    }

    /// The name or path.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The value of a parameter.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(Traced::as_str)
    }

    /// All parameters in order.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options
            .iter()
            .map(|(name, value)| (name, value.as_str()))
    }
}

fn whole(source: &Source) -> Traced {
    Traced::typed(&source.span(0..source.text().len()))
}

impl FromStr for FilterSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<FilterSpec, Error> {
        FilterSpec::parse(&Source::new("<filter>", text))
    }
}

/// In the form that can be parsed again. (A value with both kinds of quotes
/// and one of `,` and `]` has no such form.)
impl fmt::Display for FilterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (i, (name, value)) in self.options().enumerate() {
            f.write_str(if i == 0 { "[" } else { ", " })?;
            let quote = match (value.contains([',', ']']), value.contains('"')) {
                // A space before it keeps a quote at the start literal.
                (false, _) if value.starts_with(['"', '\'']) => " ",
                (false, _) => "",
                (true, false) => "\"",
                (true, true) => "'",
            };
            write!(f, "{name}={quote}{value}{}", quote.trim())?;
        }
        f.write_str(if self.options.is_empty() { "" } else { "]" })
    }
}
