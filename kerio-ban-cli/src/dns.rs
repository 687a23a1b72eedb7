//! The system's answer to "which addresses has this name?".

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};

use kerio_ban_core::Resolver;

/// How many answers are kept. Names come from logs, and logs from anybody.
const CAPACITY: usize = 4096;

/// Asks the system, once for each name.
#[derive(Default)]
pub(crate) struct SystemResolver {
    known: Mutex<HashMap<String, Vec<IpAddr>>>,
}

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known.get(name) {
            return addresses.clone();
        }
        let addresses: Vec<IpAddr> = (name, 0)
            .to_socket_addrs()
            .map(|found| found.map(|address| address.ip()).collect())
            .unwrap_or_default();
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(name.to_owned(), addresses.clone());
        addresses
    }
}
