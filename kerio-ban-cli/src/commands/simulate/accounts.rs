//! What has happened to each address.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::HashMap;
use kerio_ban_core::{FailureId, Timestamp};

/// The accounts of all addresses in a jail, in the order in which they first
/// failed.
///
/// A long log has very many addresses, and each of its failures asks for one of
/// them, in no order that a processor could foresee. So what is searched is
/// kept as small as can be, and apart from the rest.
#[derive(Default)]
pub(crate) struct Accounts {
    /// The places of single IPv4 addresses.
    v4: HashMap<u32, u32>,
    /// The places of all others.
    others: HashMap<FailureId, u32>,
    ids: Vec<FailureId>,
    accounts: Vec<Account>,
}

/// What has happened to an address. Of most there is nothing to say but how
/// often it failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) failures: u64,
    /// The highest count it reached.
    pub(crate) highest: u64,
    fate: Option<Box<Fate>>,
}

/// What came of the failures of an address.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) ignored: u64,
    /// Why it was ignored last.
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) bans: u64,
    pub(crate) first_ban: Option<Timestamp>,
    /// Until when it was banned last, and whether that is for ever.
    pub(crate) until: Option<Timestamp>,
    pub(crate) for_ever: bool,
    /// What is banned for it, where that is something else.
    pub(crate) ip: Option<FailureId>,
}

impl Fate {
    const NONE: Fate = Fate {
        ignored: 0,
        reason: None,
        bans: 0,
        first_ban: None,
        until: None,
        for_ever: false,
        ip: None,
    };
}

impl Account {
    pub(crate) fn fate(&self) -> &Fate {
        static NONE: Fate = Fate::NONE;
        self.fate.as_deref().unwrap_or(&NONE)
    }

    pub(super) fn fate_mut(&mut self) -> &mut Fate {
        self.fate.get_or_insert_with(|| Box::new(Fate::NONE))
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self) {
        self.failures += 1;
    }

    /// Takes note of a count that was reached.
    pub(super) fn reached(&mut self, count: u64) {
        self.highest = self.highest.max(count);
    }
}

impl Accounts {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FailureId, &Account)> {
        self.ids.iter().zip(&self.accounts)
    }

    pub(crate) fn get(&self, id: &FailureId) -> Option<&Account> {
        self.place(id).map(|place| &self.accounts[place])
    }

    fn place(&self, id: &FailureId) -> Option<usize> {
        let place = match single_v4(id) {
            Some(bits) => self.v4.get(&bits),
            None => self.others.get(id),
        };
        place.map(|&place| place as usize)
    }

    /// Looks at the accounts of all these, which makes no difference but that
    /// memory is waited for once, not once for each of them. They are found
    /// first and looked at then, so that nothing has to wait for anything else.
    pub(super) fn look_up<'f>(
        &self,
        ids: impl Iterator<Item = &'f FailureId>,
        places: &mut Vec<usize>,
    ) {
        places.clear();
        places.extend(ids.filter_map(|id| self.place(id)));
        let failures = places.iter().map(|&place| self.accounts[place].failures);
        black_box(failures.fold(0, u64::wrapping_add));
    }

    /// The account of an address, a new one if it had none.
    pub(super) fn of(&mut self, id: &FailureId) -> &mut Account {
        let place = self.place(id).unwrap_or_else(|| self.add(id));
        &mut self.accounts[place]
    }

    fn add(&mut self, id: &FailureId) -> usize {
        let place = self.ids.len();
        // More than four thousand million would not fit into any memory.
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        match single_v4(id) {
            Some(bits) => self.v4.insert(bits, number),
            None => self.others.insert(id.clone(), number),
        };
        self.ids.push(id.clone());
        self.accounts.push(Account::default());
        place
    }
}

/// The number of an IPv4 address that is no network.
fn single_v4(id: &FailureId) -> Option<u32> {
    match id.ip()? {
        IpAddr::V4(address) if id.prefix_len() == Some(32) => Some(address.to_bits()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_an_account_of_its_own() {
        let ids = [
            "192.0.2.1",
            "192.0.2.0/24",
            "2001:db8::1",
            "192.0.2.2",
            "somebody",
        ];
        let ids = ids.map(|id| FailureId::parse(id).unwrap());
        let mut accounts = Accounts::default();
        for times in 1..=3 {
            for id in &ids[..=times] {
                let account = accounts.of(id);
                account.failed();
                account.reached(times as u64);
            }
        }
        let found: Vec<(String, u64, u64)> = accounts
            .iter()
            .map(|(id, account)| (id.to_string(), account.failures, account.highest))
            .collect();
        let expected = [
            ("192.0.2.1", 3, 3),
            ("192.0.2.0/24", 3, 3),
            ("2001:db8::1", 2, 3),
            ("192.0.2.2", 1, 3),
        ]
        .map(|(id, failures, highest)| (id.to_owned(), failures, highest));
        assert_eq!(found, expected);
        for (id, account) in accounts.iter() {
            assert_eq!(accounts.get(id).unwrap().failures, account.failures);
        }
        assert!(accounts.get(&ids[4]).is_none());
        assert_eq!(accounts.len(), 4);
    }
}
