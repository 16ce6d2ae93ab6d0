use super::{super::Check, noted};

pub(in super::super) const CHECK: Check = Check {
    id: "conditions",
    about: "Expressions and conditions that cannot be read or name what there is not.",
    run: noted,
};
