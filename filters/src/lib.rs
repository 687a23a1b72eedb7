//! The kerio-ban filter pack as embedded data.
