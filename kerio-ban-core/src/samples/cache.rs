//! Filters that are needed more than once.

use std::collections::BTreeMap;

use super::verdict::Variant;
use crate::filter::Filter;

/// Makes the filter of each variant once.
pub(super) struct Filters<L> {
    load: L,
    known: BTreeMap<String, Filter>,
}

impl<L> Filters<L> {
    pub(super) fn new(load: L) -> Filters<L> {
        Filters {
            load,
            known: BTreeMap::new(),
        }
    }

    pub(super) fn get<E>(&mut self, variant: &Variant) -> Result<Filter, E>
    where
        L: FnMut(&Variant) -> Result<Filter, E>,
    {
        let key = variant.key();
        if let Some(filter) = self.known.get(&key) {
            return Ok(filter.clone());
        }
        let filter = (self.load)(variant)?;
        self.known.insert(key, filter.clone());
        Ok(filter)
    }

    /// Those that have been made.
    pub(super) fn all(&self) -> impl Iterator<Item = &Filter> {
        self.known.values()
    }
}
