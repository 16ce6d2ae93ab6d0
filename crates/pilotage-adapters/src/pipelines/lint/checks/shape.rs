use super::{super::Check, noted};

pub(in super::super) const CHECK: Check = Check {
    id: "shape",
    about: "Keys that are not known, values of the wrong kind, parts that are missing.",
    run: noted,
};
