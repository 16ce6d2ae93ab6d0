//! Make's API as a model: what it holds, and what every request answers and changes. No clock, no network: the moment
//! is an argument, and what goes out to others is handed back as data.

mod call;
mod categories;
mod control;
mod expressions;
mod ids;
mod limits;
mod model;
mod paging;
mod reply;
mod request;
mod resource;
mod routing;
mod runs;
mod seed;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use control::Fault;
pub(crate) use model::{Answer, Delivery, Effect, Model};
pub(crate) use reply::{Content, Reply};
pub(crate) use request::Request;
pub use seed::{Seed, SeedError};

/// The names of the parts of Make's API that the mock serves, as the guide lists them.
pub fn categories() -> impl Iterator<Item = &'static str> {
    categories::ALL.iter().map(|category| category.name)
}
