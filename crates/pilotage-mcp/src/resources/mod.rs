//! The resources: a file for each noun.

use crate::resource::Resource;

/// Every resource, a line for each noun.
pub(crate) static ALL: &[&[Resource]] = &[];
