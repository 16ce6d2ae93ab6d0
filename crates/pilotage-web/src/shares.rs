//! How much of something each address holds, so that none holds too much of it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::intake::network;

/// What every address holds at present; one that holds nothing is forgotten. An address of IPv6 counts by its /64.
pub(crate) struct Shares {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    /// Shares of at most `most` for each address.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            held: Mutex::default(),
        }
    }

    /// Takes `amount` more for `address`; false, and nothing taken, where that would be too much.
    pub(crate) fn take(&self, address: IpAddr, amount: usize) -> bool {
        let mut shares = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(address);
        let held = shares.get(&key).copied().unwrap_or(0).saturating_add(amount);
        if held > self.most {
            return false;
        }
        shares.insert(key, held);
        true
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, address: IpAddr, amount: usize) {
        let mut shares = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(address);
        let left = shares.get(&key).copied().unwrap_or(0).saturating_sub(amount);
        if left == 0 {
            shares.remove(&key);
        } else {
            shares.insert(key, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_no_more() {
        let shares = Shares::new(3);
        let [one, same, other] =
            ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        assert!(shares.take(one, 2));
        assert!(
            !shares.take(same, 2),
            "the same address as seen by a socket for both families"
        );
        assert!(shares.take(same, 1));
        assert!(!shares.take(one, usize::MAX));
        assert!(shares.take(other, 3));
        shares.give_back(one, 1);
        assert!(shares.take(one, 1));
        shares.give_back(one, 3);
        shares.give_back(other, 3);
        assert!(
            shares.held.lock().unwrap().is_empty(),
            "nobody who holds nothing is remembered"
        );
    }
}
