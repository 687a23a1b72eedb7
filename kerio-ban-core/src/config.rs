//! From files to resolved settings: layers, includes, references, options.
