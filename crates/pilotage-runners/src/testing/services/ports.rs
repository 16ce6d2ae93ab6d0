//! Free ports of this machine, held until whoever is to listen there is started.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{Mutex, PoisonError},
};

/// Ports below those that connections going out are given (from 32768 on with Linux, from 49152 on elsewhere), so that none of
/// these takes a port between the moment that it is let go and the moment that the service listens on it.
const FIRST: u16 = 20_000;
const MANY: u16 = 12_000;
/// How often one is tried.
const TRIES: usize = 200;

/// A port that nobody else listens on.
#[derive(Debug)]
pub(super) struct Taken {
    /// Its number.
    pub(super) number: u16,
    held: Mutex<Option<TcpListener>>,
}

impl Taken {
    /// # Errors
    /// There is none, or no randomness; the text is for people.
    pub(super) fn any() -> Result<Self, String> {
        for _ in 0..TRIES {
            let number = FIRST + random()? % MANY;
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, number)) {
                return Ok(Self {
                    number,
                    held: Mutex::new(Some(listener)),
                });
            }
        }
        Err("no free port was found on 127.0.0.1".to_owned())
    }

    /// Lets whoever is to listen there have it.
    pub(super) fn let_go(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn random() -> Result<u16, String> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|error| format!("there is no randomness: {error}"))?;
    Ok(u16::from_le_bytes(bytes))
}

/// A made-up word of 32 letters and digits.
///
/// # Errors
/// There is no randomness; the text is for people.
pub(super) fn made_up_word() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("there is no randomness: {error}"))?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
