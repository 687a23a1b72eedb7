//! The compiled filter and the memory of one log's reading.
