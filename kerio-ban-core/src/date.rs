//! Finding the date of a line, cutting it out and converting it.
