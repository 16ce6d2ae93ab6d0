//! The resources: a file for each noun.

mod events;
mod executions;
mod gates;
mod make;
mod operations;
mod rules;

use crate::resource::Resource;

/// Every resource, a line for each noun.
pub(crate) static ALL: &[&[Resource]] = &[
    events::RESOURCES,
    executions::RESOURCES,
    gates::RESOURCES,
    make::RESOURCES,
    operations::RESOURCES,
    rules::RESOURCES,
];
