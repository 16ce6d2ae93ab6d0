use super::{super::Check, noted};

pub(in super::super) const CHECK: Check = Check {
    id: "permissions",
    about: "More permissions than needed.",
    run: noted,
};
