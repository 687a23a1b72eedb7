//! Annotated sample logs and what a filter makes of them.
