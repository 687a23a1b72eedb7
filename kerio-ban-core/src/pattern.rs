//! Expressions: tags, Python's dialect, engines, rule sets.
