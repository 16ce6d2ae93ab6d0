use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{AddressPolicy, RefusedAddress};

/// The addresses of a name, on their way.
pub type Looked = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks the addresses of a host name up.
pub type Lookup = Arc<dyn Fn(String) -> Looked + Send + Sync>;

/// The operating system's resolver.
pub fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|socket| socket.ip()).collect())
        })
    })
}

/// Every address of a name is refused.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` has no address that may be reached: {first}")]
pub(super) struct AllRefused {
    host: String,
    first: RefusedAddress,
}

/// Gives the client only addresses that the policy lets it connect to. The check stands where the connection takes its
/// address from, so a name cannot resolve to one address while it is checked and to another while it is used.
pub(super) struct GuardedResolver {
    pub(super) lookup: Lookup,
    /// `None` lets everything through.
    pub(super) policy: Option<Arc<AddressPolicy>>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let policy = self.policy.clone().filter(|policy| !policy.allows_host(&host));
        let looked = (self.lookup)(host.clone());
        Box::pin(async move {
            let mut found = looked.await?;
            if let Some(policy) = policy {
                found = permitted(&policy, &host, found)?;
            }
            // Port 0 stands for the port of the URL.
            let sockets = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

fn permitted(policy: &AddressPolicy, host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, AllRefused> {
    let mut first_refused = None;
    let mut permitted = Vec::with_capacity(found.len());
    for address in found {
        match policy.check(address) {
            Ok(()) => permitted.push(address),
            Err(refused) => {
                first_refused.get_or_insert(refused);
            }
        }
    }
    match first_refused {
        Some(first) if permitted.is_empty() => Err(AllRefused {
            host: host.to_owned(),
            first,
        }),
        _ => Ok(permitted),
    }
}
