//! How many connections the system lets this process have.

use pilotage_web::Connections;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::Server;

/// Descriptors kept for the store, for what we send ourselves, and for health.
const RESERVED: usize = 1_024;
/// Connections from one address where the configuration does not say.
const OF_ONE_ADDRESS: u32 = 1_024;

/// The limits of connections that the settings ask for and the system allows.
pub(crate) fn connections(server: &Server) -> Connections {
    let asked = count(server.max_connections);
    let most = asked.min(allowed(raised()));
    if most < asked {
        tracing::info!(
            most,
            "fewer connections than `server.maxConnections`: the system allows no more descriptors"
        );
    }
    let of_one_address = server.max_connections_per_address;
    Connections {
        most,
        of_one_address: count(of_one_address.unwrap_or(OF_ONE_ADDRESS)),
        of_this_machine: of_one_address.map_or(most, count),
    }
}

/// Subscribers to live status, so that deliveries always find a connection.
pub(crate) fn subscribers(server: &Server) -> usize {
    let most = connections(server).most;
    count(server.max_subscribers).min(most - most / 4)
}

/// Connections among so many descriptors.
fn allowed(descriptors: usize) -> usize {
    descriptors.saturating_sub(RESERVED).max(descriptors / 2)
}

/// Asks for as many descriptors as an ordinary process may have, which is more than it begins with (setrlimit(2)).
fn raised() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let wanted = Rlimit {
            current: maximum,
            maximum,
        };
        // Without it there are simply fewer.
        let _ = setrlimit(Resource::Nofile, wanted);
    }
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |descriptors| {
        usize::try_from(descriptors).unwrap_or(usize::MAX)
    })
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_kept_for_other_things() {
        assert_eq!(
            [allowed(1_024), allowed(4_096), allowed(20_000)],
            [512, 3_072, 18_976]
        );
    }

    #[test]
    fn what_the_settings_say_holds() {
        let server = Server {
            max_connections: 100,
            max_connections_per_address: Some(10),
            max_subscribers: 90,
            ..Server::default()
        };
        let expected = Connections {
            most: 100,
            of_one_address: 10,
            of_this_machine: 10,
        };
        assert_eq!((connections(&server), subscribers(&server)), (expected, 75));
        let unlimited_here = Server {
            max_connections_per_address: None,
            ..server
        };
        assert_eq!(connections(&unlimited_here).of_this_machine, 100);
    }
}
